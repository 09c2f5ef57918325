"""Why a bank said no, in our words, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class DeclineClass(StrEnum):
    """What a decline means for the next try."""

    SOFT = "soft"
    HARD = "hard"
    NEEDS_AUTHENTICATION = "needs_authentication"
    NEEDS_NEW_METHOD = "needs_new_method"
    UNCLEAR = "unclear"

    @property
    def label(self) -> str:
        """Two or three words for a person, after the reason: "insufficient funds (soft)"."""
        return _LABEL[self]

    @property
    def advice(self) -> str:
        """The next step in plain words."""
        return _ADVICE[self]

    @property
    def blocks_same_method(self) -> bool:
        """True when another try with the same payment method is pointless (DESIGN's rule after a hard decline)."""
        return self in {DeclineClass.HARD, DeclineClass.NEEDS_AUTHENTICATION, DeclineClass.NEEDS_NEW_METHOD}


_LABEL = {
    DeclineClass.SOFT: "soft",
    DeclineClass.HARD: "hard",
    DeclineClass.NEEDS_AUTHENTICATION: "needs the customer's confirmation",
    DeclineClass.NEEDS_NEW_METHOD: "needs a new payment method",
    DeclineClass.UNCLEAR: "unclear",
}
_ADVICE = {
    DeclineClass.SOFT: "may pass later; wait before the next retry",
    DeclineClass.HARD: "will not pass with this payment method; give the customer the payment link",
    DeclineClass.NEEDS_AUTHENTICATION: "the customer must confirm with the bank; give them the payment link",
    DeclineClass.NEEDS_NEW_METHOD: "the customer must enter a new payment method; give them the payment link",
    DeclineClass.UNCLEAR: "the bank did not say why; the customer should ask the bank before another retry",
}


@dataclass(frozen=True, slots=True)
class Decline:
    """One no of a bank.

    `code` is the provider's word, `reason` ours in plain words for staff. `confidential` marks reasons that must not be
    repeated to the customer (lost, stolen, pick-up, suspected fraud). `method` is the id of the declined payment method,
    `method_label` what a person calls it ("visa ending 4242"). `own_advice` overrides the class's next step. `wait` is how
    long after it the card's network asks not to charge the same method again; None where it asks for no time.
    """

    kind: DeclineClass
    code: str
    reason: str
    confidential: bool = False
    method: str | None = None
    method_label: str | None = None
    own_advice: str | None = None
    wait: timedelta | None = None

    def __post_init__(self) -> None:
        if not self.code or not self.reason:
            raise ValueError("a decline needs a code and a reason")

    @property
    def is_hard(self) -> bool:
        return self.kind is DeclineClass.HARD

    @property
    def advice(self) -> str:
        return self.own_advice or self.kind.advice
