"""What a person can decide about an invoice, the states such a decision goes through, and the words of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """A decision about one invoice that is written down, executed once and answered."""

    RETRY = "retry"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"

    @property
    def traits(self) -> Traits:
        return TRAITS[self]


@dataclass(frozen=True, slots=True)
class Traits:
    """What follows from an action wherever it appears.

    `label` is a button's text; `doing` and `done` complete a sentence about an invoice; `takes_money` means that it
    makes the provider charge somebody; `wants_reason` opens the modal; `reads_roles_afresh` makes the worker ask Slack
    again for the person's roles before it sends; `is_bound` puts it under `up_to` and `per_day`.
    """

    label: str
    doing: str
    done: str
    takes_money: bool
    wants_reason: bool
    reads_roles_afresh: bool
    is_bound: bool


TRAITS: dict[Action, Traits] = {
    Action.RETRY: Traits(
        "Retry payment",
        "Retrying",
        "Paid",
        takes_money=True,
        wants_reason=False,
        reads_roles_afresh=False,
        is_bound=True,
    ),
    Action.VOID: Traits(
        "Void invoice",
        "Voiding",
        "Voided",
        takes_money=False,
        wants_reason=True,
        reads_roles_afresh=True,
        is_bound=True,
    ),
    Action.UNCOLLECTIBLE: Traits(
        "Mark uncollectible",
        "Marking uncollectible",
        "Marked uncollectible",
        takes_money=False,
        wants_reason=True,
        reads_roles_afresh=True,
        is_bound=True,
    ),
}


class Word(StrEnum):
    """Every word a rule may grant. The first nine are about an invoice; `*` means those and `view`, never more."""

    RETRY = "retry"
    RESEND = "resend"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    FINALIZE = "finalize"
    REFRESH = "refresh"
    PAID = "paid"
    LINK = "link"
    PDF = "pdf"
    VIEW = "view"
    SHARE = "share"
    DIGEST = "digest"
    SETTLE = "settle"
    APPROVE = "approve"
    FREEZE = "freeze"
    AUDIT = "audit"


STAR: frozenset[Word] = frozenset(
    {
        Word.RETRY,
        Word.RESEND,
        Word.VOID,
        Word.UNCOLLECTIBLE,
        Word.FINALIZE,
        Word.REFRESH,
        Word.PAID,
        Word.LINK,
        Word.PDF,
        Word.VIEW,
    }
)
BOUND: frozenset[Word] = frozenset({Word.RETRY, Word.VOID, Word.UNCOLLECTIBLE, Word.FINALIZE, Word.PAID})
"""Words that `up_to` and `per_day` bind."""


class ActionState(StrEnum):
    """Where a decision stands. The first five block every other decision about the invoice."""

    ACCEPTED = "accepted"
    EXECUTING = "executing"
    PENDING = "pending"
    UNKNOWN = "unknown"
    NEEDS_HUMAN = "needs_human"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    REJECTED = "rejected"
    REFUSED = "refused"
    NOT_APPLIED = "not_applied"
    EXPIRED = "expired"

    @property
    def is_live(self) -> bool:
        return self in LIVE


LIVE: tuple[ActionState, ...] = (
    ActionState.ACCEPTED,
    ActionState.EXECUTING,
    ActionState.PENDING,
    ActionState.UNKNOWN,
    ActionState.NEEDS_HUMAN,
)

MAY_HAVE_REACHED_THE_BANK: tuple[ActionState, ...] = (
    ActionState.EXECUTING,
    ActionState.PENDING,
    ActionState.UNKNOWN,
    ActionState.NEEDS_HUMAN,
    ActionState.SUCCEEDED,
    ActionState.DECLINED,
)
"""States of a retry that counts for the one-hour rule; Rejected, rate-limited and NOT_APPLIED do not."""
