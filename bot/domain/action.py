"""What a person can decide about an invoice, the states such a decision goes through, and the words of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """A decision about one invoice that is written down, executed once and answered."""

    RETRY = "retry"
    RESEND = "resend"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    FINALIZE = "finalize"
    PAID = "paid"
    REFRESH = "refresh"

    @property
    def traits(self) -> Traits:
        return TRAITS[self]


class Dialog(StrEnum):
    """What a person is asked before the decision counts; its answer is the durable press."""

    REASON = "reason"
    """Why: a list and free text."""
    ISSUE = "issue"
    """Whether the provider shall also collect."""
    PAYMENT = "payment"
    """The payment that was received elsewhere."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What follows from an action wherever it appears.

    `label` is a button's text; `doing` and `done` complete a sentence about an invoice; `undone` says what surely did not
    happen. `takes_money` means that it makes the provider charge somebody; `dialog` is what the person is asked first;
    `reads_roles_afresh` makes the worker ask Slack again for the person's roles before it sends; `is_bound` puts it under
    `up_to` and `per_day`; `leaves_trace` means that a later read of the invoice can tell whether it happened.
    """

    label: str
    doing: str
    done: str
    undone: str
    takes_money: bool = False
    dialog: Dialog | None = None
    reads_roles_afresh: bool = False
    is_bound: bool = True
    leaves_trace: bool = True


_UNCHANGED = "nothing was changed"
TRAITS: dict[Action, Traits] = {
    Action.RETRY: Traits("Retry payment", "Retrying", "Paid", "nothing was charged", takes_money=True),
    Action.RESEND: Traits(
        "Resend invoice", "Resending the invoice", "Sent again", "nothing was sent", is_bound=False, leaves_trace=False
    ),
    Action.VOID: Traits("Void invoice", "Voiding", "Voided", _UNCHANGED, dialog=Dialog.REASON, reads_roles_afresh=True),
    Action.UNCOLLECTIBLE: Traits(
        "Mark uncollectible",
        "Marking uncollectible",
        "Marked uncollectible",
        _UNCHANGED,
        dialog=Dialog.REASON,
        reads_roles_afresh=True,
    ),
    Action.FINALIZE: Traits("Finalize invoice", "Finalizing", "Finalized", _UNCHANGED, dialog=Dialog.ISSUE),
    Action.PAID: Traits(
        "Mark as paid", "Marking as paid", "Marked as paid", _UNCHANGED, dialog=Dialog.PAYMENT, reads_roles_afresh=True
    ),
    Action.REFRESH: Traits("Refresh draft", "Refreshing", "Refreshed", _UNCHANGED, is_bound=False),
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
    UNSETTLED = "unsettled"
    """It may have happened, no read can ever tell, and it moves no money: said, and the invoice is free again."""

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

SENT: tuple[ActionState, ...] = LIVE[1:]
"""The live states in which a request may have gone to the provider, so that reading can tell what came of it."""

MAY_HAVE_REACHED_THE_BANK: tuple[ActionState, ...] = (
    ActionState.EXECUTING,
    ActionState.PENDING,
    ActionState.UNKNOWN,
    ActionState.NEEDS_HUMAN,
    ActionState.SUCCEEDED,
    ActionState.DECLINED,
)
"""States of a retry that counts for the one-hour rule; Rejected, rate-limited and NOT_APPLIED do not."""
