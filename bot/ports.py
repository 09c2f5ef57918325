"""The seams of the system: what the services need from the outside. Read this file first.

    Provider    a billing system that holds invoices and can act on them      bot.providers
    Journal     who decided what, what was sent, how it ended                 bot.storage.journal
    Approvals   what waits for a second person; part of the journal           bot.storage.approvals
    Outbox      what is still to be said, and to whom                         bot.storage.outbox
    Watchlist   which invoices somebody wants to see in every digest          bot.storage.watching
    AuditTrail  every event in order, and the seals over them                 bot.storage.audit
    DigestLog   which digest ran for which scheduled time, and what it found  bot.storage.digests
    Timetable   when digests are due                                          bot.scheduling
    Announcer   says it, in Slack                                             handlers.announcer
    Directory   who is in which role, and who is a guest                      handlers.identity
    Clock       what time it is                                               bot.app, tests

Everything here speaks domain objects; nobody here knows Slack's blocks, SQL or HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.domain.action import Action, ActionState
from bot.domain.approval import Answered, Approval, Question, Reply, Waiting
from bot.domain.audit import AuditEvent, Seal
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.content import Content, FileContent
from bot.domain.details import Details
from bot.domain.digest import Digest, DigestKey, DigestPlan, ListedInvoice, Watched
from bot.domain.errors import RecoupError
from bot.domain.freeze import Freeze
from bot.domain.invoice import Invoice, InvoiceRef, PaymentMethod
from bot.domain.money import Money
from bot.domain.offer import Decision, Offer
from bot.domain.outcome import Outcome
from bot.domain.policy import Actor, People
from bot.domain.records import ActionRecord, Attempt, Before, Claim, Ending, HistoryEntry, ReplyTo, Verdict
from bot.domain.refusal import Refusal


class Clock(Protocol):
    """The only source of the time of day. Leases use the database's own clock instead."""

    def now(self) -> datetime: ...


# --- providers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Which invoices to list: created at or after `since` (None: all) and before `until`."""

    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOrder:
    """One send. `invoice` is the guard read, `key` the idempotency key of the attempt, `expected` what a retry should
    collect, `method` another stored payment method that the person chose, `details` what a dialog asked for."""

    action: Action
    invoice: Invoice
    key: str
    expected: Money
    reason: str | None = field(default=None, repr=False)
    method: str | None = None
    details: Details = None


class Provider(Protocol):
    """A billing system, as one configured account of it. Reads raise ProviderFailure; `perform` and `settle` never do:
    a send whose answer is missing is Unknown, not an error. Cancelling either leaves an unknown outcome behind."""

    @property
    def facts(self) -> ProviderFacts: ...
    @property
    def account(self) -> str: ...
    @property
    def live(self) -> bool: ...

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        """The invoice as it is now, None where there is none; without `facts.can_read`, one that is unseen, and callers
        ask the journal for what was last seen. `thorough` also reads what a retry would charge and when
        the newest charge was made; what cannot be read of these stays None."""

    def failed(self, window: Window) -> AsyncIterator[Invoice | Unreadable]:
        """Every failed invoice once, in no order, without decline reasons; streamed as pages arrive."""

    async def numbered(self, number: str) -> list[Invoice]:
        """Invoices with exactly this number, whatever the capitals; at most ten."""

    async def find(self, text: str) -> list[Invoice]:
        """Invoices whose number, customer id, customer's e-mail or customer's name is `text`; newest first, each once, at
        most fifty. Empty where nothing fits."""

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        """The stored methods of the invoice's customer that a retry could charge; empty where there are none."""

    async def perform(self, order: ActionOrder) -> Outcome: ...
    async def settle(self, attempt: Attempt) -> Outcome:
        """What really happened to an unanswered send, by reading only. Unknown: not to be told yet.
        Rejected(NOT_APPLIED): the provider's own records show no effect. (Time to travel is the caller's affair.)"""

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        """The hosted payment page, fetched fresh; None where the invoice has none."""

    async def pdf(self, ref: InvoiceRef) -> str | bytes | None:
        """Where the PDF can be fetched without a key; else the PDF itself, at most 20 MB and checked to be one. Fetched
        fresh; None where the invoice has none."""

    async def live_checks(self) -> list[LiveCheck]:
        """Statements about the vendor that no document settles, tried by reading only: never writes, never raises
        ProviderFailure; what cannot be found out has `holds` None."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a listing that made no sense; counted and said, never dropped in silence."""

    why: str


# --- journal -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press or command to be written down. `delivery` names Slack's delivery, `intent` the decision: two clicks on one
    button share the intent. `offer` is None for a typed command, which carries `typed_ref` instead."""

    delivery: str
    intent: str
    actor: Actor
    decision: Decision
    reply_to: ReplyTo
    created_at: datetime
    act_by: datetime
    offer: Offer | None = None
    typed_ref: str | None = None
    approval_id: str | None = None
    approver: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Written down and committed: the action will run."""

    action: ActionRecord


@dataclass(frozen=True, slots=True)
class AlreadyAccepted:
    """The same intent is on record; nothing new was written but the audit event."""

    action: ActionRecord


@dataclass(frozen=True, slots=True)
class Busy:
    """Another decision about this invoice is still live."""

    action: ActionRecord


@dataclass(frozen=True, slots=True)
class Redelivered:
    """Slack delivered this very press before; it has had its effect and its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A press that was refused: an audit event, and an answer to the person if `answer` is set."""

    delivery: str
    actor: Actor
    reply_to: ReplyTo
    refusal: Refusal
    word: str
    at: datetime
    ref: InvoiceRef | None = None
    answer: bool = True


class Approvals(Protocol):
    """The questions to a second person; part of the journal."""

    async def ask(self, question: Question) -> Waiting | Refusal | Redelivered:
        """One commit: question, event, its post, and the answer to who asked. A refusal (asked already, another decision
        is open, the invoice is not as it was) is written down and answered, too. One open question per invoice and kind."""

    async def reply(self, reply: Reply) -> Answered | Refusal | Redelivered:
        """One commit: compare-and-set on open and not expired, the action if it was approved, events, and all that is to be
        said. Whoever may answer is the caller's to judge."""

    async def approval(self, approval_id: str) -> Approval | None: ...
    async def approved_action(self, approval_id: str) -> ActionRecord | None:
        """The decision that the approval made."""

    async def open_approvals(self, ref: InvoiceRef | None = None) -> list[Approval]:
        """Of one invoice, or of all; oldest first, at most twenty."""

    async def never_asked(self, approval_id: str, at: datetime) -> None:
        """The question could not be posted: nobody will answer it."""

    async def expire_approvals(self, now: datetime) -> int:
        """Ends what nobody answered in time, once, however many replicas look; answers how many it ended."""

    async def remind_approvers(self, now: datetime) -> int:
        """One reminder for each question whose half time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of state to be committed with its event and everything to be said about it.

    `invoice` is the fresh state: every message that shows the invoice gets a new offer for it, and is redrawn.
    `say_after` delays the telling, so that a doubt which settles within seconds is never shown. `redraw_at` asks for one
    more redraw later, when buttons that cannot work now will work again.
    """

    state: ActionState
    ending: Ending
    next_check_at: datetime | None = None
    checks: int = 0
    invoice: Invoice | None = None
    say_after: datetime | None = None
    redraw_at: datetime | None = None
    late_note: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)


DayLimit = Callable[[Mapping[str, Money]], Refusal | None]
"""Judges what a person's other decisions that have begun in the last 24 hours come to, per currency."""


class Journal(Approvals, Protocol):
    """The durable record. Every method is one transaction; JournalUnavailable means that nothing was recorded, or that
    it is not known. Methods that take a Claim raise LeaseLost when its lease or state is no longer the claim's."""

    # what messages showed
    async def draw(self, offers: Sequence[Offer]) -> None: ...
    async def offer(self, offer_id: str) -> Offer | None: ...
    async def posted(self, message: str, channel: str, ts: str) -> None:
        """Remember where a message lies; also a duplicate of it that somebody pressed."""

    async def postings(self, message: str) -> list[tuple[str, str]]:
        """(channel, ts) of every copy of a message."""

    async def shown(self, message: str) -> list[Offer]:
        """The newest offer of each row of a message, in row order."""

    # the press
    async def accept(self, press: Press) -> Accepted | AlreadyAccepted | Busy | Redelivered:
        """One commit: delivery, action, event, and the redraw of the messages that show the invoice."""

    async def refuse(self, refused: Refused) -> bool:
        """One commit: delivery, event and answer; False when this delivery was seen before."""

    async def ask_again(self, offer: Offer, actor: Actor, delivery: str, at: datetime) -> ActionRecord | None:
        """Let the worker read once more what an unknown, pending or needs-human action came to; None: there is none."""

    async def deciders(self, action_id: str) -> frozenset[str]:
        """Who pressed it, and who approved it: none of them may verify how it ended."""

    async def give_verdict(self, action_id: str, verdict: Verdict, delivery: str) -> ActionRecord | Refusal | None:
        """One commit: the verdict on a needs-human decision that has none, its event, and what makes the worker look at
        once. A Refusal, answered privately, where another verdict came first or nothing needs one any more; None: seen
        before."""

    # the worker
    async def claim(self, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        """Take the action that is due longest. One found EXECUTING was lost in a crash: it is claimed as UNKNOWN, by an
        event of its own."""

    async def claim_sent(self, action_id: str, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        """Take this one, due or not, if it may have been sent and is in nobody's hands."""

    async def next_due(self) -> datetime | None: ...
    async def bind(self, claim: Claim, offer: Offer) -> Claim | Busy:
        """Give a typed command its invoice; the one-live-action index decides."""

    async def begin(
        self, claim: Claim, before: Before, key_window: timedelta, now: datetime, *, within: DayLimit | None = None
    ) -> Attempt:
        """Commit the attempt before the first byte goes out; the same attempt again when there is one.

        Raises NotBegun, with nothing written, where the bot is frozen or `within` objects. Decisions of one person begin
        one after the other, so that two at once cannot both fit under a limit that holds one of them.
        """

    async def record(self, claim: Claim, step: Step) -> None:
        """Compare-and-set on state and lease; state, event, offers and outbox rows in one commit; ends the lease.

        Whoever gave a verdict on it hears what became of it. A verdict that did not become the ending of a decision that
        stays open is taken from it, so that another can be given; one that came after the claim waits for the next."""

    async def release(self, owner: str) -> None:
        """Give up the lease of a claim on which nothing was sent."""

    async def recover(self, now: datetime) -> int:
        """SQLite only: this process is the one writer, so every lease is a dead one's; answers how many were freed."""

    # the freeze
    async def frozen(self) -> Freeze | None: ...
    async def freeze(self, by: str, why: str, at: datetime) -> bool:
        """Nothing begins any more once this is answered; False where it is frozen already."""

    async def unfreeze(self, by: str, at: datetime) -> bool:
        """False where nothing is frozen."""

    # reading
    async def last_seen(self, ref: InvoiceRef) -> Invoice | None:
        """The invoice as a message showed it last, with the time in `seen_at`: all there is where none can be read."""

    async def action(self, action_id: str) -> ActionRecord | None: ...
    async def live_action(self, ref: InvoiceRef) -> ActionRecord | None: ...
    async def newest_action(self, ref: InvoiceRef) -> ActionRecord | None:
        """The newest decision that a message for all tells (`ActionRecord.is_for_all`)."""

    async def ended_actions(self, ref: InvoiceRef) -> int:
        """Our own actions on the invoice that were sent and have ended (not REFUSED, EXPIRED)."""

    async def retries(self, ref: InvoiceRef, since: datetime) -> list[datetime]:
        """When retries of ours after `since` may have reached the bank; oldest first, a re-send counts as its attempt."""

    async def spent(self, user: str, since: datetime) -> dict[str, Money]:
        """What this person's bound decisions moved or may still move, per currency."""

    async def history(self, ref: InvoiceRef) -> tuple[list[ActionRecord], list[HistoryEntry]]: ...
    async def open_actions(self, limit: int = 20) -> list[ActionRecord]: ...
    async def ping(self) -> None:
        """Raises JournalUnavailable when a write would not be taken."""

    async def prune(self, now: datetime) -> None:
        """Forget deliveries after 24 hours, and what was said and offers no message shows any more after 90 days."""


# --- outbox ------------------------------------------------------------------------------------------------------


class Say(StrEnum):
    """What kind of thing an outbox row says; the words are found when it is sent."""

    REDRAW = "redraw"
    ANSWER = "answer"
    LATE_NOTE = "late_note"
    REFUSAL = "refusal"
    VERDICT = "verdict"
    DIGEST = "digest"
    ALERT = "alert"
    QUESTION = "question"
    QUESTION_ASKED = "question_asked"
    QUESTION_ENDED = "question_ended"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All due rows of one target, claimed together: they coalesce into one sending of the state at that moment.

    `target` is a message id for REDRAW, DIGEST and QUESTION, else the action id, or the refusal's own; what is said about a
    question has its id in the body.
    """

    rows: tuple[int, ...]
    kind: Say
    target: str
    action_id: str | None
    body: Mapping[str, object]
    tries: int
    first_at: datetime


class Outbox(Protocol):
    """What is still to be said. One target is in one sender's hands at a time, so no old state overwrites a new one."""

    async def next_letter(self, owner: str, lease: timedelta, now: datetime) -> Letter | None: ...
    async def sent(self, letter: Letter, owner: str) -> None: ...
    async def postpone(self, letter: Letter, owner: str, until: datetime, why: str) -> None: ...
    async def give_up(self, letter: Letter, owner: str, why: str) -> None: ...
    async def next_due(self) -> datetime | None: ...
    async def waiting(self) -> int: ...


# --- watched invoices --------------------------------------------------------------------------------------------


class Watchlist(Protocol):
    """Invoices that stay in the digest until nothing is owed on them. Every change is an audit event."""

    async def watch(self, ref: InvoiceRef, by: str, at: datetime) -> bool:
        """False where it is watched already."""

    async def unwatch(self, ref: InvoiceRef, by: str, at: datetime) -> bool:
        """False where nobody watches it."""

    async def watched(self, accounts: Sequence[str]) -> list[Watched]:
        """Of these accounts, oldest first."""


# --- the audit trail ---------------------------------------------------------------------------------------------


class AuditTrail(Protocol):
    """The events as they were written, and the chain of seals over them. Events are written by the other stores."""

    async def horizon(self, after: int | None) -> int | None:
        """The newest event below which no other one can appear any more. None where there is none beyond `after`, or where
        the database is too busy to tell."""

    async def events(self, after: int | None, through: int | None, limit: int) -> list[AuditEvent]:
        """In order of their ids: those beyond `after` (None: from the first), up to and with `through` (None: all)."""

    async def between(self, since: int, until: int | None, after: int | None, limit: int) -> list[AuditEvent]:
        """The same of a span of time (milliseconds since 1970, `until` itself not included)."""

    async def newest_seal(self) -> Seal | None: ...
    async def seals(self, after: int | None, limit: int) -> list[Seal]:
        """In the order in which they were written."""

    async def add_seal(self, seal: Seal) -> bool:
        """False where another replica has sealed the same events meanwhile."""

    async def unsealed(self, after: int | None) -> int:
        """How many events lie beyond `after`."""


# --- digests -----------------------------------------------------------------------------------------------------


class DigestLog(Protocol):
    """One row per digest and scheduled time: the row decides who posts, whatever the schedulers of replicas do."""

    async def start(self, key: DigestKey, channel: str, owner: str, lease: timedelta, late: bool) -> bool:
        """True for exactly one caller per key, and again when the winner's lease ran out before it finished."""

    async def unfinished(self) -> list[tuple[DigestKey, str, bool]]:
        """Runs whose lease ran out: key, channel, late."""

    async def add(self, key: DigestKey, owner: str, rows: Sequence[ListedInvoice]) -> None:
        """Raises LeaseLost when another process took the run over; so do `finish` and `fail`."""

    async def compare(self, key: DigestKey, accounts: Iterable[str]) -> tuple[int, int] | None:
        """(new, recovered) against the finished run before, over `accounts` only; None on the first run."""

    async def finish(
        self, key: DigestKey, owner: str, digest: Digest, offers: Sequence[Offer], message: str | None
    ) -> None:
        """One commit: what was found, the offers, and the outbox row that posts it; None: a quiet day says nothing."""

    async def fail(self, key: DigestKey, owner: str, why: str) -> None: ...
    async def found(self, message: str) -> tuple[Digest, str] | None:
        """The digest behind a message, and its channel."""

    async def ran(self, key: DigestKey) -> bool: ...
    async def ever_ran(self, digest: str) -> bool: ...
    async def last_finished(self, digest: str) -> datetime | None: ...


class Timetable(Protocol):
    """When digests are due: five cron fields in the digest's own zone."""

    def last_due(self, plan: DigestPlan, now: datetime, window: timedelta) -> datetime | None:
        """The newest scheduled time in (now - window, now], in the digest's zone; None where there is none."""

    def next_due(self, plan: DigestPlan, now: datetime) -> datetime | None: ...


# --- Slack -------------------------------------------------------------------------------------------------------


class NotSaid(StrEnum):
    """Why Slack did not take a message."""

    GONE = "gone"
    """This address will never work again: message deleted, channel archived, bot removed, response_url spent."""
    WAIT = "wait"
    """Slack asked to wait, is down or cannot be reached: nothing was said."""
    LOST = "lost"
    """It may have been said; the answer is missing."""
    DENIED = "denied"
    """The token or a scope is missing or wrong; an operator has to act."""
    UNUSABLE = "unusable"
    """Slack did not like the content."""


class SlackFailure(RecoupError):
    """`detail` is Slack's error word, never a token, a response_url or message text."""

    def __init__(self, why: NotSaid, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{why}: {detail}")
        self.why = why
        self.detail = detail
        self.retry_after = retry_after


class Announcer(Protocol):
    """Says content in Slack. Every method raises SlackFailure and nothing else."""

    async def post(self, channel: str, content: Content, *, thread: str | None = None) -> str:
        """Answers the ts of the new message."""

    async def update(self, channel: str, ts: str, content: Content) -> None: ...
    async def whisper(self, channel: str, user: str, content: Content) -> None: ...
    async def direct(self, user: str, content: Content) -> None: ...
    async def hand_over(self, user: str, file: FileContent) -> str:
        """Upload it into the direct messages with this person; answers their channel."""

    async def respond(self, response_url: str, content: Content, *, replace: bool = False) -> None: ...


class Directory(Protocol):
    """Who is who, kept up to date in the background."""

    def snapshot(self) -> People | None:
        """What was last read; None before the first reading. Never waits."""

    async def afresh(self) -> People | None:
        """Read now; the old snapshot, or None, where Slack does not answer."""
