"""What a dialog asked for, in words: a payment that was received elsewhere, and how a draft was issued."""

from __future__ import annotations

from datetime import date
from typing import Final, assert_never

from bot.domain.details import Details, Issue, PaidBy, Received
from handlers.views.money import amount
from handlers.views.text import escape

REFERENCE_SHOWN: Final = 100

PAID_BY: Final[dict[PaidBy, str]] = {
    PaidBy.BANK_TRANSFER: "bank transfer",
    PaidBy.CASH: "cash",
    PaidBy.CHEQUE: "cheque",
    PaidBy.CARD: "card, taken elsewhere",
    PaidBy.OTHER: "another way",
}


def received_words(received: Received) -> str:
    """mrkdwn: "bank transfer of 20 Nov 2026, reference RF-18"."""
    reference = escape(received.reference, REFERENCE_SHOWN)
    return f"{PAID_BY[received.by]} of {_day(received.on)}{f', reference {reference}' if reference else ''}"


def asked_for(details: Details) -> str:
    """mrkdwn for the history: what the dialog was answered with; empty where it asked for no details."""
    match details:
        case Received():
            return f"Received: {amount(details.amount)}, {received_words(details)}"
        case Issue(collect=True):
            return "To be collected by the provider by itself"
        case Issue():
            return "Not to be collected by itself"
        case None:
            return ""
        case _:
            assert_never(details)


def _day(day: date) -> str:
    """Read the same everywhere: it is a day in the books, and no moment that a time zone could move."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
