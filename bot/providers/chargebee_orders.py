"""What is sent to Chargebee for each action, and what is never sent.

collect payment   https://apidocs.chargebee.com/docs/api/invoices/collect-payment-for-an-invoice
write off         https://apidocs.chargebee.com/docs/api/invoices/write-off-an-invoice
void              https://apidocs.chargebee.com/docs/api/invoices/void-an-invoice
record payment    https://apidocs.chargebee.com/docs/api/invoices/record-payment-for-an-invoice
close             https://apidocs.chargebee.com/docs/api/invoices/close-a-pending-invoice
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Final

from bot.domain.action import Action
from bot.domain.details import Issue, PaidBy, Received
from bot.domain.errors import UnusableValue
from bot.domain.money import MinorUnits, Money
from bot.domain.outcome import Rejected
from bot.ports import ActionOrder
from bot.providers.chargebee_facts import COMMENT_LIMIT, FACTS
from bot.providers.chargebee_reads import is_id
from bot.providers.http import Pairs
from bot.providers.orders import objection_by_state, unusable

VERBS: Final[Mapping[Action, str]] = {
    Action.RETRY: "collect_payment",
    Action.RESEND: "send_email",
    Action.VOID: "void",
    Action.UNCOLLECTIBLE: "write_off",
    Action.FINALIZE: "close",
    Action.PAID: "record_payment",
}
ALWAYS_COLLECTS: Final = (
    "Chargebee collects an invoice that it closes where automatic collection is on, and cannot be told not to. Choose to "
    "collect it too, or leave it a draft."
)
REFERENCE: Final = 100
"""Characters of a payment's reference that we use; no limit is documented."""
_PAID_BY: Final[Mapping[PaidBy, str]] = {
    PaidBy.BANK_TRANSFER: "bank_transfer",
    PaidBy.CASH: "cash",
    PaidBy.CHEQUE: "check",
    PaidBy.CARD: "card",
    PaidBy.OTHER: "other",
}
_KEY = re.compile(r"[!-~]{1,100}")
_METHOD = re.compile(r"[!-~]{1,40}")
_MARK = 12


def path_of(order: ActionOrder) -> str:
    """A template with the invoice's id left open; only for an action that FACTS declares."""
    return f"/invoices/{{}}/{VERBS[order.action]}"


def form_of(order: ActionOrder, units: MinorUnits, *, source: str | None, void_reason_code: str | None) -> Pairs:
    """`source` is the payment source that a retry charges. Raises UnusableValue for an amount that cannot be written.

    The amount of a retry is what the person saw: should more be owed by now, no more is taken.
    """
    match order.action, order.details:
        case Action.RETRY, _:
            chosen = [("payment_source_id", source)] if source else []
            amount = ("amount", str(units.write(order.expected)))
            return [amount, *chosen, ("payment_initiator", "merchant"), ("comment", f"Recoup {order.key}")]
        case Action.PAID, Received() as received:
            return _payment(order, received, units)
        case Action.VOID, _:
            return [*_comment(order), *([("void_reason_code", void_reason_code)] if void_reason_code else [])]
        case Action.UNCOLLECTIBLE, _:
            return _comment(order)
        case _:
            return []


def marker_of(key: str) -> str:
    """What a payment that we recorded carries at the end of its reference: the only way to tell it later."""
    return f"[{key[-_MARK:]}]"


def objection(order: ActionOrder) -> Rejected | None:
    """Why nothing may be sent, by what is known already."""
    return objection_by_state(FACTS, order) or _by_details(order) or _by_shape(order)


def _payment(order: ActionOrder, received: Received, units: MinorUnits) -> Pairs:
    mark = marker_of(order.key)
    day = datetime.combine(received.on, time(), UTC)
    return [
        ("transaction[amount]", str(units.write(received.amount))),
        ("transaction[payment_method]", _PAID_BY[received.by]),
        ("transaction[date]", str(int(day.timestamp()))),
        ("transaction[reference_number]", f"{received.reference[: REFERENCE - len(mark) - 1]} {mark}"),
        ("transaction[status]", "success"),
    ]


def _comment(order: ActionOrder) -> list[tuple[str, str]]:
    return [("comment", order.reason[:COMMENT_LIMIT])] if order.reason else []


def _by_details(order: ActionOrder) -> Rejected | None:
    match order.action, order.details:
        case Action.PAID, Received(amount=amount):
            return _by_amount(amount, order)
        case Action.FINALIZE, Issue(collect=collect):
            return None if collect else unusable(ALWAYS_COLLECTS)
        case Action.PAID, _:
            return unusable("The payment that was received is missing.")
        case Action.FINALIZE, _:
            return unusable("It is missing whether Chargebee shall also collect the invoice.")
        case Action.RETRY, None:
            return _by_amount(order.expected, order)
        case _, details:
            return unusable("This action takes no such details.") if details else None


def _by_amount(amount: Money, order: ActionOrder) -> Rejected | None:
    owed = order.invoice.owed
    if amount.currency != owed.currency:
        return unusable(f"The invoice is in {owed.currency}, the payment in {amount.currency}.")
    if not 0 < amount.minor <= owed.minor:
        return unusable(f"The invoice owes {owed}, so {amount} cannot be collected or recorded.")
    return None


def _by_shape(order: ActionOrder) -> Rejected | None:
    takes_method = FACTS.capabilities[order.action].takes_method
    if order.method is not None and not (takes_method and _METHOD.fullmatch(order.method)):
        return unusable("This payment method cannot be used here.")
    if not is_id(order.invoice.ref.id):
        return unusable("This is no invoice of Chargebee's.")
    return None if _KEY.fullmatch(order.key) else unusable("The attempt has no usable key.")


def refused_amount(error: UnusableValue) -> Rejected:
    return unusable(f"Nothing was sent: {error}.")
