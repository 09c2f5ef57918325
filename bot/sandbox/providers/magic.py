"""Magic customers, as every fake provider has them: what a retry does to them, and what befalls the answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """What one attempt at the bank came to."""

    PAID = "paid"
    DECLINED = "declined"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"


class Disturbance(StrEnum):
    """What befalls an answer on its way, after its effect has happened."""

    HANG = "hang"
    RESET = "reset"
    ERROR = "500"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    LIMITED = "429"


@dataclass(frozen=True, slots=True)
class Magic:
    """One kind of customer: `what` says in plain words what a retry does. The behaviour sits in the payment method, so a
    customer who changes the card is cured."""

    name: str
    what: str
    result: Result = Result.PAID
    decline: str | None = None
    answer: Disturbance | None = None
    """What befalls the answer after the effect."""
    reaches_bank: bool = True
    """False: the request hangs before anything is charged."""
    refusals: int = 0
    """So many attempts are turned away with 429 before one gets through."""
    has_method: bool = True
    bank_debit: bool = False
