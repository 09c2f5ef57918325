"""What is to be said, as facts: the services fill these, the views turn them into Slack's blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.action import Action
from bot.domain.approval import Approval
from bot.domain.attempts import Spent
from bot.domain.capability import ProviderFacts
from bot.domain.digest import Digest
from bot.domain.freeze import Freeze
from bot.domain.invoice import Invoice
from bot.domain.offer import Offer
from bot.domain.records import ActionRecord, HistoryEntry, Verdict
from bot.domain.refusal import Refusal


class Choice(StrEnum):
    """A button that can work on an invoice as it stands; the verb in the button's value."""

    RETRY = "retry"
    RETRY_WITH = "retry_with"
    LINK = "link"
    RESEND = "resend"
    FINALIZE = "finalize"
    REFRESH = "refresh"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    PAID = "paid"
    PDF = "pdf"
    SHOW = "show"
    SHARE = "share"
    CHECK = "check"
    VERIFIED = "verified"
    VERIFIED_NOT = "verified_not"

    @property
    def action(self) -> Action | None:
        """The decision behind the button; None for the ones that decide nothing."""
        return Action(self.value) if self.value in set(Action) else None


VERDICTS: frozenset[Choice] = frozenset({Choice.VERIFIED, Choice.VERIFIED_NOT})
"""A second person's word about a decision that nobody can tell the ending of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One invoice in a message: what was offered, the newest decision on it since, and the buttons that can work.

    `confirm_retry` names the declined method when it cannot be read which method a retry would charge. `attempts` is set
    where there were many lately.
    """

    offer: Offer
    facts: ProviderFacts
    choices: tuple[Choice, ...]
    action: ActionRecord | None = None
    confirm_retry: str | None = None
    attempts: Spent | None = None
    waiting: tuple[Approval, ...] = ()
    """What somebody asked a second person for."""
    frozen: Freeze | None = None
    """Why no button that decides is among the choices."""

    @property
    def invoice(self) -> Invoice:
        return self.offer.invoice

    @property
    def asks_before_retry(self) -> bool:
        """Whether a press of Retry counts only after a question is answered with yes."""
        return self.confirm_retry is not None or self.attempts is not None

    @property
    def is_outrun(self) -> bool:
        """Whether the offer was drawn before the decision that has ended: what it shows is not how the invoice stands."""
        action = self.action
        return action is not None and not action.state.is_live and action.created_at >= self.offer.made_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContent:
    """A digest message: headline, rows, footer."""

    digest: Digest
    rows: tuple[Row, ...]
    definitions: tuple[str, ...] = ()
    is_preview: bool = False
    frozen: Freeze | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """One invoice with everything known about it. A private card has a "Share here" button among its choices."""

    row: Row
    is_private: bool
    shared_by: str | None = None


class ListOf(StrEnum):
    """What a list was asked for; also the sub-command that gives its next page."""

    FAILED = "failed"
    FOUND = "find"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContent:
    """The answer to `failed` and `find`: rows, how many there are in all, what was left out and why.

    `words` is what was typed after the sub-command, with `page:2` where another page than the first was asked for.
    """

    rows: tuple[Row, ...]
    total: int
    of: ListOf = ListOf.FAILED
    words: str = ""
    gaps: tuple[tuple[str, str], ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingContent:
    """How one decision stands, told to the person who decided; with the invoice's fresh row where there is one.

    `heard` is set where it is told to the person who gave that verdict.
    """

    action: ActionRecord
    row: Row | None = None
    is_late: bool = False
    heard: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalContent:
    """Our own no, told privately; with the fresh state and a new offer where there is one."""

    refusal: Refusal
    reference: str
    row: Row | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContent:
    """The hosted payment page or the PDF, given privately; a bearer URL, never stored and never posted to a channel."""

    invoice: Invoice
    url: str = field(repr=False)
    is_pdf: bool = False
    logs_in: bool = False
    """Whether it lets whoever opens it act as the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A PDF that needs a key to be fetched, so it is handed over as a file, in a direct message; said elsewhere, it tells
    that it was. `content` is the PDF itself."""

    invoice: Invoice
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchContent:
    """The answer to `watch` and `unwatch`: whether the invoice is watched now, and whether that is news."""

    invoice: Invoice
    is_watched: bool
    is_news: bool
    facts: ProviderFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryContent:
    """Every decision about one invoice."""

    ref: str
    actions: tuple[ActionRecord, ...]
    events: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """One account as `status` and `/healthz` see it; `problem` is a sentence, None when the last read worked."""

    name: str
    provider: str
    live: bool
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusContent:
    """Answer to `status`: providers, next digests, decisions whose ending is open, and what waits for a second person."""

    accounts: tuple[AccountHealth, ...]
    digests: tuple[tuple[str, str, datetime | None], ...]
    """Name, channel, next time."""
    open_actions: tuple[ActionRecord, ...]
    now: datetime
    frozen: Freeze | None = None
    waiting: tuple[Approval, ...] = ()
    """Questions to a second person, which nobody has answered yet."""


class SaidOf(StrEnum):
    """What is said about a question to a second person."""

    QUESTION = "question"
    """The message with the two buttons, in the approvers' channel; it tells every later state, too."""
    ASKED = "asked"
    """To who asked: that the question is on its way."""
    ENDED = "ended"
    """To who asked: what came of it."""
    REMINDER = "reminder"
    """Below the question, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalContent:
    """A question to a second person, at this moment. `invoice` is what the asker saw, `approvers` whom to call, as Slack's
    mentions, `action` the decision that an approval has made."""

    approval: Approval
    invoice: Invoice
    facts: ProviderFacts
    approvers: str
    action: ActionRecord | None = None
    said: SaidOf = SaidOf.QUESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContent:
    """For the operators' channel. `what` is "digest_not_posted" (facts: channel, detail), "digest_failed" (facts: digest,
    detail) or "question_not_posted" (facts: channel, detail)."""

    what: str
    facts: Mapping[str, str]


Content = (
    DigestContent
    | CardContent
    | ListContent
    | EndingContent
    | RefusalContent
    | LinkContent
    | FileContent
    | WatchContent
    | HistoryContent
    | StatusContent
    | ApprovalContent
    | AlertContent
)
