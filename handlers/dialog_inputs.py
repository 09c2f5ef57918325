"""What was entered in a dialog: the decision's details, or the errors to show under the fields.

Every reader raises UnusableValue for a dialog of another version, whose fields are not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from bot.domain.action import Dialog
from bot.domain.details import Details, Issue, PaidBy, Received
from bot.domain.errors import UnusableValue
from bot.domain.money import Money, exponent_of
from bot.services.actions import Asked
from handlers import ids
from handlers.views.modals import OTHER, REASONS

_SPACES = re.compile(r"[\s\u00a0\u202f'’]")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(\D|$))")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
Values = dict[str, dict[str, dict[str, Any]]]
_TIME_ZONES = timedelta(days=1)  # where the person is, it may be tomorrow already


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """`errors` maps a block to the sentence under it; with any of them, nothing else counts."""

    reason: str | None = None
    method: str | None = None
    details: Details = None
    errors: dict[str, str] = field(default_factory=dict)


def entered(asked: Asked, values: Values, today: date) -> Entered:
    """What a submitted dialog says. A retry has one only where a payment method was to be chosen."""
    match asked.action.traits.dialog:
        case Dialog.REASON:
            return _reason(asked, values)
        case Dialog.ISSUE if asked.capability.always_collects:
            return Entered(details=Issue(collect=True))
        case Dialog.ISSUE:
            return Entered(details=Issue(collect=ids.COLLECT_YES in _chosen(values, ids.COLLECT_BLOCK, ids.COLLECT)))
        case Dialog.PAYMENT:
            return _payment(asked, values, today)
        case None:
            return _method(values)


def _reason(asked: Asked, values: Values) -> Entered:
    """The reason as the history keeps it."""
    reasons = REASONS[asked.action]
    choice = _option(values, ids.REASON_CHOICE_BLOCK, ids.REASON_CHOICE)
    words = _text(values, ids.REASON_TEXT_BLOCK, ids.REASON_TEXT)
    if choice not in reasons:
        return Entered(errors={ids.REASON_CHOICE_BLOCK: "Please choose a reason."})
    if choice == OTHER and not words:
        return Entered(errors={ids.REASON_TEXT_BLOCK: "Please say in a few words why."})
    if choice == OTHER:
        return Entered(reason=words)
    return Entered(reason=f"{reasons[choice]}: {words}" if words else reasons[choice])


def note(values: Values) -> str:
    """What a second person saw, as one line; empty where nothing was written."""
    return _text(values, ids.NOTE_BLOCK, ids.NOTE)


def _method(values: Values) -> Entered:
    method = _option(values, ids.METHOD_BLOCK, ids.METHOD)
    return Entered(method=method) if method else Entered(errors={ids.METHOD_BLOCK: "Please choose a payment method."})


def _payment(asked: Asked, values: Values, today: date) -> Entered:
    """Every field is looked at, so that one correction is enough."""
    errors: dict[str, str] = {}
    amount = _amount(asked, _text(values, ids.AMOUNT_BLOCK, ids.AMOUNT), errors)
    by = _option(values, ids.PAID_BY_BLOCK, ids.PAID_BY)
    if by not in set(PaidBy):
        errors[ids.PAID_BY_BLOCK] = "Please choose how it was paid."
    on = _day(_field(values, ids.PAID_ON_BLOCK, ids.PAID_ON).get("selected_date"), today, errors)
    reference = _text(values, ids.PAYMENT_REFERENCE_BLOCK, ids.PAYMENT_REFERENCE)
    if not reference:
        errors[ids.PAYMENT_REFERENCE_BLOCK] = "Please give the reference by which the payment can be found in your books."
    if errors or amount is None or on is None:
        return Entered(errors=errors)
    return Entered(details=Received(amount=amount, by=PaidBy(by), on=on, reference=reference[:200]))


def _amount(asked: Asked, text: str, errors: dict[str, str]) -> Money | None:
    owed = asked.offer.invoice.owed
    try:
        amount = Money.from_major(_plain_number(text, owed), owed.currency)
    except UnusableValue:
        errors[ids.AMOUNT_BLOCK] = f"Please write the amount like {owed.major:f}."
        return None
    if amount.minor <= 0:
        errors[ids.AMOUNT_BLOCK] = "The amount has to be more than nothing."
    elif owed < amount:
        errors[ids.AMOUNT_BLOCK] = f"That is more than the {owed.major:f} {owed.currency} owed on this invoice."
    elif amount != owed and not asked.capability.takes_part:
        errors[ids.AMOUNT_BLOCK] = f"Only the whole amount can be marked as paid here: {owed.currency} {owed.major:f}."
    return amount


def _plain_number(text: str, owed: Money) -> str:
    """Without the currency, spaces and a decimal comma, as people copy it from a bank statement; "" for anything else."""
    bare = _SPACES.sub("", text.upper().replace(owed.currency, ""))
    if exponent_of(owed.currency) == 0:
        bare = _THOUSANDS.sub("", bare)
    elif "," in bare and "." in bare:  # 1,234.50 or 1.234,50: the last one is the decimal sign
        thousands, decimal = (",", ".") if bare.rfind(",") < bare.rfind(".") else (".", ",")
        bare = bare.replace(thousands, "").replace(decimal, ".")
    bare = bare.replace(",", ".")
    return bare if _NUMBER.fullmatch(bare) else ""


def _day(text: object, today: date, errors: dict[str, str]) -> date | None:
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        errors[ids.PAID_ON_BLOCK] = "Please choose the day on which the payment arrived."
        return None
    if day > today + _TIME_ZONES:
        errors[ids.PAID_ON_BLOCK] = "That day is still to come; mark it as paid once the payment has arrived."
    return day


def _field(values: Values, block: str, action: str) -> dict[str, Any]:
    try:
        found = values[block][action]
    except (KeyError, TypeError):
        found = None
    if not isinstance(found, dict):
        raise UnusableValue("the dialog is from another version of the bot")
    return found


def _text(values: Values, block: str, action: str) -> str:
    """One line without control characters."""
    text = str(_field(values, block, action).get("value") or "")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _option(values: Values, block: str, action: str) -> str:
    option = _field(values, block, action).get("selected_option")
    return str(option.get("value") or "") if isinstance(option, dict) else ""


def _chosen(values: Values, block: str, action: str) -> set[str]:
    options = _field(values, block, action).get("selected_options")
    return {str(one.get("value")) for one in options if isinstance(one, dict)} if isinstance(options, list) else set()
