"""What is sent to Recurly for each action, and what is never sent.

collect           https://recurly.com/developers/api/v2021-02-25/#operation/collect_invoice
mark_failed       https://recurly.com/developers/api/v2021-02-25/#operation/mark_invoice_failed
mark_successful   https://recurly.com/developers/api/v2021-02-25/#operation/mark_invoice_successful
transactions      https://recurly.com/developers/api/v2021-02-25/#operation/record_external_transaction
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.action import Action
from bot.domain.details import PaidBy, Received
from bot.domain.invoice import CollectionMethod
from bot.domain.money import EXPONENTS, Money
from bot.domain.outcome import Rejected, RejectedReason
from bot.ports import ActionOrder
from bot.providers.orders import objection_by_state, unusable
from bot.providers.recurly_facts import FACTS, ID

DESCRIPTION: Final = 50
"""Characters of a recorded payment's description."""
_MARK = 12
_KEY = re.compile(r"[!-~]{1,255}")
_PAID_BY: Final = {
    PaidBy.BANK_TRANSFER: "wire_transfer",
    PaidBy.CASH: "other",
    PaidBy.CHEQUE: "check",
    PaidBy.CARD: "credit_card",
    PaidBy.OTHER: "other",
}


@dataclass(frozen=True, slots=True)
class Send:
    """One request; `template` leaves the invoice's id open."""

    method: str
    template: str
    body: Mapping[str, object] | None = field(default=None, repr=False)

    @property
    def is_recorded(self) -> bool:
        """Whether the answer is the payment that was recorded, and not the invoice."""
        return self.method == "POST"


def send_of(order: ActionOrder) -> Send:
    """Only for an action that FACTS declares and `objection` has nothing against."""
    match order.action, order.details:
        case Action.RETRY, _:
            return Send("PUT", "/invoices/{}/collect", {"billing_info_id": order.method} if order.method else None)
        case Action.PAID, Received() as received if order.invoice.collection is CollectionMethod.MANUAL:
            return Send("POST", "/invoices/{}/transactions", _payment(order, received))
        case Action.PAID, _:
            return Send("PUT", "/invoices/{}/mark_successful")
        case _:
            return Send("PUT", "/invoices/{}/mark_failed")


def marker_of(key: str) -> str:
    """What a payment that we recorded carries at the end of its description: the only way to tell it later. The end of a
    key is random, and has to tell apart the payments of one invoice only."""
    return f"[{key[-_MARK:]}]"


def objection(order: ActionOrder) -> Rejected | None:
    """Why nothing may be sent, by what is known already."""
    return objection_by_state(FACTS, order) or _by_amount(order) or _by_details(order) or _by_shape(order)


def _payment(order: ActionOrder, received: Received) -> Mapping[str, object]:
    mark = marker_of(order.key)
    amount = _written(received.amount)
    assert amount is not None  # noqa: S101  `objection` has refused what cannot be written
    return {
        "payment_method": _PAID_BY[received.by],
        "description": f"{received.reference[: DESCRIPTION - len(mark) - 1]} {mark}",
        "amount": amount,
        "collected_at": f"{received.on.isoformat()}T00:00:00Z",
    }


def _written(amount: Money) -> float | None:
    """The JSON number for an amount. JSON's writer knows no decimals, so a float carries it, and only one that is written
    with exactly the digits of the amount; None where there is none such."""
    number = float(amount.major)
    return number if Decimal(repr(number)) == amount.major else None


def _by_amount(order: ActionOrder) -> Rejected | None:
    """Recurly charges the whole balance, whatever anybody expects: so the two have to be the same."""
    owed = order.invoice.owed
    if owed.currency not in EXPONENTS:
        return unusable(f"{owed.currency} is no currency that is known here.")
    if order.action is Action.RETRY and order.expected != owed:
        detail = f"Recurly would charge the whole balance of {owed}, and {order.expected} was expected. Look at it again."
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=order.invoice)
    return None


def _by_details(order: ActionOrder) -> Rejected | None:
    match order.action, order.details:
        case Action.PAID, Received(amount=amount):
            return _by_payment(amount, order)
        case Action.PAID, _:
            return unusable("The payment that was received is missing.")
        case _, details:
            return unusable("This action takes no such details.") if details else None


def _by_payment(amount: Money, order: ActionOrder) -> Rejected | None:
    owed = order.invoice.owed
    if amount.currency != owed.currency:
        return unusable(f"The invoice is in {owed.currency}, the payment in {amount.currency}.")
    if not 0 < amount.minor <= owed.minor:
        return unusable(f"The invoice owes {owed}, so {amount} cannot be recorded.")
    if order.invoice.collection is not CollectionMethod.MANUAL and amount != owed:
        return unusable(
            f"Recurly charges this invoice automatically, so it can only mark the whole {owed} as paid, not {amount}."
        )
    return unusable(f"{amount} cannot be written for Recurly exactly.") if _written(amount) is None else None


def _by_shape(order: ActionOrder) -> Rejected | None:
    takes_method = FACTS.capabilities[order.action].takes_method
    if order.method is not None and not (takes_method and re.fullmatch(ID, order.method)):
        return unusable("This payment method cannot be used here.")
    if not re.fullmatch(ID, order.invoice.ref.id):
        return unusable("This is no invoice of Recurly's.")
    return None if _KEY.fullmatch(order.key) else unusable("The attempt has no usable key.")
