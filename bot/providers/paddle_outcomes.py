"""How an attempt ended, as Paddle's answer or a later read shows it. Paddle knows no keys: the state has to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.action import Action
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder
from bot.providers.paddle_facts import TAG
from bot.providers.paddle_invoices import PAID_OR_NOT, WRITTEN_OFF
from bot.providers.paddle_orders import marker_of
from bot.providers.paddle_wire import WireAdjustment

_ISSUED: Final = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE})
"""What an invoice may have become since it was issued."""


def changed(order: ActionOrder, answered: Invoice, request_id: str | None) -> Outcome:
    """What a 2xx to a change of status tells. Its transaction comes without the customer."""
    if answered.ref != order.invoice.ref:
        return Unknown(cause="Paddle answered with another transaction", request_id=request_id)
    before = order.invoice
    invoice = replace(answered, customer_name=before.customer_name, customer_email=before.customer_email)
    if _has_reached(order.action, invoice):
        return Succeeded(invoice=invoice, request_id=request_id)
    return Unknown(cause=f"Paddle shows the invoice as {invoice.provider_status}", request_id=request_id)


def credited(order: ActionOrder, adjustment: WireAdjustment, request_id: str | None) -> Outcome:
    """What a 2xx to a credit tells. It brings no transaction along."""
    is_ours = adjustment.transaction_id == order.invoice.ref.id and adjustment.action == "credit"
    if not is_ours or adjustment.type != "full":
        return Unknown(cause="Paddle answered with another adjustment", request_id=request_id)
    match adjustment.status:
        case "approved":
            invoice = written_off(order.invoice)
            return Succeeded(invoice=invoice, request_id=request_id)
        case "pending_approval":
            return Pending(detail="The credit waits for Paddle's approval.", request_id=request_id)
        case _:
            return Unknown(cause="Paddle took the credit and does not say that it counts", request_id=request_id)


def written_off(invoice: Invoice) -> Invoice:
    """As Paddle shows it from then on."""
    nothing = Money(0, invoice.owed.currency)
    return replace(
        invoice,
        status=InvoiceStatus.UNCOLLECTIBLE,
        provider_status=WRITTEN_OFF,
        owed=nothing,
        failed_because=None,
        decline=None,
    )


def settled(attempt: Attempt, invoice: Invoice, adjustments: Sequence[WireAdjustment] | None) -> Outcome:
    """The ending that a later read tells. `adjustments` are read for a credit only."""
    match attempt.action:
        case Action.VOID | Action.FINALIZE:
            return _settled_status(attempt.action, invoice)
        case Action.UNCOLLECTIBLE:
            return _settled_credit(attempt, invoice, adjustments)
        case Action.RETRY | Action.RESEND | Action.PAID | Action.REFRESH:
            return not_applied(invoice)  # never sent


def not_applied(invoice: Invoice) -> Rejected:
    detail = f"Paddle shows no effect: invoice {invoice.label} is {invoice.provider_status}."
    return Rejected(reason=RejectedReason.NOT_APPLIED, detail=detail, invoice=invoice)


def _has_reached(action: Action, invoice: Invoice) -> bool:
    if action is Action.VOID:
        return invoice.status is InvoiceStatus.VOID
    return invoice.status in _ISSUED or invoice.provider_status == PAID_OR_NOT


def _settled_status(action: Action, invoice: Invoice) -> Outcome:
    if _has_reached(action, invoice):
        return Succeeded(invoice=invoice)
    if invoice.status is InvoiceStatus.OTHER and invoice.provider_status != PAID_OR_NOT:
        return Unknown(cause=f"Paddle shows the invoice as {invoice.provider_status}")
    return not_applied(invoice)


def _settled_credit(attempt: Attempt, invoice: Invoice, adjustments: Sequence[WireAdjustment] | None) -> Outcome:
    """By our own mark; a completed invoice alone may have been paid, or credited by somebody else."""
    if adjustments is None:
        return Unknown(cause="this key may not read the credits of the invoice")
    mark = marker_of(attempt.key)
    ours = next((one for one in adjustments if _is_marked(one, mark)), None)
    if ours is not None and ours.status == "pending_approval":
        return Pending(detail="The credit waits for Paddle's approval.", invoice=invoice)
    if ours is not None and ours.is_full:
        return Succeeded(invoice=invoice)
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        return Succeeded(invoice=invoice, ours=False)
    return not_applied(invoice)


def _is_marked(adjustment: WireAdjustment, mark: str) -> bool:
    reason = adjustment.reason or ""
    return adjustment.action == "credit" and reason.startswith(TAG) and reason.endswith(mark)
