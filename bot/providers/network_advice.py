"""What a card's network advises after a decline, the same at every provider that passes it on: Mastercard's two digits.

https://developer.paypal.com/braintree/docs/reference/general/merchant-responses/merchant-advice-codes
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.decline import DeclineClass

WAITS: Final = {
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}
"""How long after the decline the same card is not to be charged again."""
NEVER_AGAIN: Final = frozenset({"03", "21"})
"""Outranks everything else that is said about the decline."""

_LATER = "02"
_NEW_DETAILS = "01"
_PREPAID_OR_VIRTUAL = frozenset({"40", "41", "43"})


def class_by(code: str | None) -> DeclineClass | None:
    """The class that the advice makes of a decline; None where it makes none."""
    if code in NEVER_AGAIN:
        return DeclineClass.HARD
    if code == _NEW_DETAILS:
        return DeclineClass.NEEDS_NEW_METHOD
    return DeclineClass.SOFT if code == _LATER or code in WAITS else None


def next_step(code: str | None) -> str | None:
    """What to tell people of a decline that may pass later; None where the network has nothing to add."""
    wait = WAITS.get(code or "")
    if wait is not None:
        return f"the card's network asks to wait {_words(wait)} before the next retry"
    if code == _LATER:
        return "the card's network asks to wait before the next retry"
    if code in _PREPAID_OR_VIRTUAL:
        return "it is a prepaid or virtual card, which may never pay; ask the customer for another payment method"
    return None


def _words(wait: timedelta) -> str:
    if wait.days > 1:
        return f"{wait.days} days"
    hours = wait // timedelta(hours=1)
    return "an hour" if hours == 1 else f"{hours} hours"
