"""What is sent to Lago for each action, and what is never sent.

retry_payment   https://getlago.com/docs/api-reference/invoices/retry
void            https://getlago.com/docs/api-reference/invoices/void
finalize        https://getlago.com/docs/api-reference/invoices/finalize
payments        https://getlago.com/docs/api-reference/payments/create
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.action import Action
from bot.domain.details import Issue, Received
from bot.domain.invoice import InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Rejected, RejectedReason
from bot.ports import ActionOrder
from bot.providers.lago_facts import FACTS, UUID
from bot.providers.lago_invoices import Seen
from bot.providers.lago_wire import PROCESSING, UNITS
from bot.providers.orders import objection_by_state, unusable

ALWAYS_COLLECTS: Final = (
    "Lago always collects an invoice that it finalizes, and cannot be told not to. Choose to collect it too, or leave it a "
    "draft."
)
_KEY = re.compile(r"[!-~]{1,255}")
REFERENCE: Final = 40
"""Characters of a payment's reference; Lago refuses the payment for one more."""
_MARK = 12


@dataclass(frozen=True, slots=True)
class Send:
    """One request; `template` leaves the invoice's id open where it has a place for it."""

    method: str
    template: str
    body: Mapping[str, object] | None = field(default=None, repr=False)


_PLAIN: Final = {
    Action.RESEND: Send("POST", "/invoices/{}/resend_email"),
    Action.VOID: Send("POST", "/invoices/{}/void"),
    Action.FINALIZE: Send("PUT", "/invoices/{}/finalize"),
    Action.REFRESH: Send("PUT", "/invoices/{}/refresh"),
}
"""A void never asks for a credit note: that would give money back."""
WHOLLY_PAID: Final = Send("PUT", "/invoices/{}", {"invoice": {"payment_status": "succeeded"}})
"""Without a premium licence, all that can be said of a payment: that the invoice is paid. It records no amount."""


def send_of(order: ActionOrder) -> Send:
    """Only for an action that FACTS declares and `objection` has nothing against."""
    match order.action, order.details:
        case Action.RETRY, _:
            chosen = {"payment_method_type": "provider", "payment_method_id": order.method}
            return Send("POST", "/invoices/{}/retry_payment", {"payment_method": chosen} if order.method else None)
        case Action.PAID, Received() as received:
            return Send("POST", "/payments", {"payment": _payment(order, received)})
        case _:
            return _PLAIN[order.action]


def marker_of(key: str) -> str:
    """What a payment that we recorded carries at the end of its reference: the only way to tell it later. The end of a key
    is random, and has to tell apart the payments of one invoice only."""
    return f"[{key[-_MARK:]}]"


def objection(order: ActionOrder) -> Rejected | None:
    """Why nothing may be sent, by what is known already."""
    return objection_by_state(FACTS, order) or _by_details(order) or _by_shape(order)


def objection_to_void(seen: Seen) -> Rejected | None:
    """Lago itself would void an invoice on which money has come or is coming; we do not, whatever the server allows."""
    invoice, wire = seen.invoice, seen.wire
    if invoice.status is InvoiceStatus.PAID:
        return _not_actionable(f"Invoice {invoice.label} is already paid.", seen)
    if invoice.status is not InvoiceStatus.OPEN:
        return _not_actionable(f"Invoice {invoice.label} is {invoice.provider_status}.", seen)
    payments = seen.payments or ()
    if (wire.total_paid_amount_cents or 0) > 0 or any(one.payment_status == "succeeded" for one in payments):
        return _not_actionable(f"Part of invoice {invoice.label} is paid already, so it cannot be voided here.", seen)
    if any(one.payment_status in PROCESSING for one in payments):
        return _not_actionable(f"A payment of invoice {invoice.label} is under way, so it cannot be voided now.", seen)
    if invoice.payment is PaymentState.UNREAD:
        detail = (
            f"It cannot be seen whether a payment of invoice {invoice.label} is under way, so it is not voided. The key "
            "may lack the permission payment: read, or this Lago is too old to show payments."
        )
        return Rejected(reason=RejectedReason.FORBIDDEN, detail=detail, invoice=invoice)
    return None


def objection_to_whole(order: ActionOrder) -> Rejected | None:
    """Why an invoice cannot be marked as paid where single payments cannot be recorded."""
    owed = order.invoice.owed
    if isinstance(order.details, Received) and order.details.amount == owed:
        return None
    return unusable(f"Without a premium licence Lago can only mark the whole {owed} as paid, not a part of it.")


def _payment(order: ActionOrder, received: Received) -> Mapping[str, object]:
    mark = marker_of(order.key)
    return {
        "invoice_id": order.invoice.ref.id,
        "amount_cents": UNITS.write(received.amount),
        "reference": f"{received.reference[: REFERENCE - len(mark) - 1]} {mark}",
        "paid_at": received.on.isoformat(),
    }


def _by_details(order: ActionOrder) -> Rejected | None:
    match order.action, order.details:
        case Action.PAID, Received(amount=amount):
            return _by_amount(amount, order.invoice.owed)
        case Action.FINALIZE, Issue(collect=collect):
            return None if collect else unusable(ALWAYS_COLLECTS)
        case Action.PAID, _:
            return unusable("The payment that was received is missing.")
        case Action.FINALIZE, _:
            return unusable("It is missing whether Lago shall also collect the invoice.")
        case _, details:
            return unusable("This action takes no such details.") if details else None


def _by_amount(amount: Money, owed: Money) -> Rejected | None:
    if amount.currency != owed.currency:
        return unusable(f"The invoice is in {owed.currency}, the payment in {amount.currency}.")
    if not 0 < amount.minor <= owed.minor:
        return unusable(f"The invoice owes {owed}, so {amount} cannot be recorded.")
    return None


def _by_shape(order: ActionOrder) -> Rejected | None:
    takes_method = FACTS.capabilities[order.action].takes_method
    if order.method is not None and not (takes_method and re.fullmatch(UUID, order.method)):
        return unusable("This payment method cannot be used here.")
    if not re.fullmatch(UUID, order.invoice.ref.id):
        return unusable("This is no invoice of Lago's.")
    return None if _KEY.fullmatch(order.key) else unusable("The attempt has no usable key.")


def _not_actionable(detail: str, seen: Seen) -> Rejected:
    return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=seen.invoice)
