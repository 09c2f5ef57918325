"""The journal's rows as the services see them: a decision, its one attempt, its ending, and where to answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.action import Action, ActionState
from bot.domain.decline import Decline
from bot.domain.details import Details
from bot.domain.invoice import Invoice, InvoiceRef, PaymentState
from bot.domain.money import Money
from bot.domain.offer import Offer
from bot.domain.outcome import RejectedReason
from bot.domain.policy import Actor
from bot.domain.refusal import Refusal, RefusalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTo:
    """The answer's address. A response_url is a secret and lives 30 minutes and five posts.

    `ts` is the message that was pressed; None for a typed command and for an ephemeral card, which only its
    response_url can answer (`is_ephemeral`).
    """

    user: str
    channel: str
    ts: str | None = None
    thread: str | None = None
    is_ephemeral: bool = False
    response_url: str | None = field(default=None, repr=False)
    response_url_until: datetime | None = None

    @property
    def is_private(self) -> bool:
        """True when the result belongs to the person alone: a typed command or a private card."""
        return self.ts is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a decision stands where it stands, in facts for the views. Written with every state after EXECUTING.

    `verified_by` is set where no read could tell and a second person's word became the ending; `detail` then says why.
    """

    at: datetime
    decline: Decline | None = None
    charged: Money | None = None
    paid_in_full: bool = True
    ours: bool = True
    reason: RejectedReason | None = None
    detail: str | None = None
    refusal: Refusal | None = None
    request_id: str | None = None
    verified_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a second person found out about a decision that no read could tell: whether it happened, and what they saw.

    `reply_to` is where they learn what became of it.
    """

    by: Actor
    happened: bool
    note: str = field(repr=False)
    at: datetime
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """One row of table `action`: one person's decision."""

    id: str
    kind: Action
    state: ActionState
    actor: Actor
    reply_to: ReplyTo
    created_at: datetime
    act_by: datetime
    ref: InvoiceRef | None = None
    typed_ref: str | None = None
    offer_id: str | None = None
    amount: Money | None = None
    method: str | None = None
    reason: str | None = field(default=None, repr=False)
    details: Details = None
    next_check_at: datetime | None = None
    checks: int = 0
    ending: Ending | None = None
    verdict: Verdict | None = None
    approval_id: str | None = None
    approver: str | None = None
    """The second person who agreed, where one was needed."""

    @property
    def reference(self) -> str:
        """The short id that people quote."""
        return self.id[:8]

    @property
    def is_for_all(self) -> bool:
        """Whether a message for all tells it. A refusal is between the bot and one person, unless it says what the invoice
        has become since the message was drawn."""
        if self.state is not ActionState.REFUSED:
            return True
        refusal = self.ending.refusal if self.ending else None
        return self.typed_ref is None and refusal is not None and refusal.kind is RefusalKind.CHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the invoice's payments looked like in the guard read: the baseline that settling compares with."""

    newest_charge: str | None
    payment: PaymentState
    owed: Money
    status: str
    attempts: int | None = None
    """As the provider counts them, where it tells: an automatic attempt beside ours shows in it."""

    @classmethod
    def of(cls, invoice: Invoice) -> Before:
        return cls(
            newest_charge=invoice.newest_charge,
            payment=invoice.payment,
            owed=invoice.owed,
            status=invoice.status,
            attempts=invoice.attempts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at the provider under one key; a re-send of that key is the same attempt (`sends` counts them)."""

    action_id: str
    action: Action
    ref: InvoiceRef
    key: str
    key_expires_at: datetime
    before: Before
    sends: int
    first_sent_at: datetime
    last_sent_at: datetime
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An action that this worker owns until its lease ends; `owner` is what compare-and-set checks."""

    owner: str
    action: ActionRecord
    offer: Offer | None
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One audit event, oldest first in lists; `facts` hold no customer data beyond ids."""

    at: datetime
    kind: str
    actor: str | None
    facts: dict[str, str]
