"""What a person adds to a decision in its dialog, beside a reason: a payment that was received, or how to issue a draft."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from bot.domain.money import Money


class PaidBy(StrEnum):
    """How the customer paid, outside the provider."""

    BANK_TRANSFER = "bank_transfer"
    CASH = "cash"
    CHEQUE = "cheque"
    CARD = "card"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A payment that was received elsewhere and is only recorded now; no money is taken.

    `reference` is what the payment can be found by in the books: a bank statement line, a cheque number.
    """

    amount: Money
    by: PaidBy
    on: date
    reference: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issue:
    """How to issue a draft. `collect` lets the provider collect it by itself, as it does with its own invoices."""

    collect: bool


Details = Received | Issue | None
