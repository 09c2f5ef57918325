"""How an attempt ended, as an invoice and its payments show it: while Lago works on a retry, or when read later.

Lago accepts a retry with an empty 200 and charges later, or does nothing and says nothing. What tells is the newest
payment: one that was not there before, or one that was there and has changed its state (Lago uses a waiting one again).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.providers.lago_facts import FACTS
from bot.providers.lago_invoices import AUTHENTICATION, NOT_TOLD, Seen, moment
from bot.providers.lago_orders import marker_of
from bot.providers.lago_wire import UNITS, WirePayment

SKEW: Final = timedelta(seconds=5)
NO_ATTEMPT: Final = (
    "Lago accepted the request and then made no attempt to charge. Usually the customer has no usable payment method; "
    "check it in Lago, or give the customer the payment link."
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the newest charge and the amount owed were before the send; `since` and `until` bound the moments at which our
    charge was made."""

    charge: str | None
    payment: PaymentState
    owed: Money
    since: datetime
    until: datetime

    @classmethod
    def of(cls, attempt: Attempt) -> Baseline:
        before = attempt.before
        return cls(
            before.newest_charge,
            before.payment,
            before.owed,
            attempt.first_sent_at - SKEW,
            attempt.last_sent_at + FACTS.settle_after,
        )


def collected(before: Baseline, seen: Seen, request_id: str | None = None) -> Outcome | None:
    """What a retry came to; None while there is nothing new to see."""
    invoice = seen.invoice
    if invoice.status is InvoiceStatus.PAID:
        is_ours = _is_ours(before, seen)
        charged = _amount(seen.charge) if is_ours else None
        return Succeeded(invoice=invoice, charged=charged, ours=is_ours, request_id=request_id)
    if invoice.status is not InvoiceStatus.OPEN:
        return None
    if seen.payments is None:
        return _by_invoice_alone(seen, request_id)
    return _while_open(before, seen, request_id) if _is_new(before, seen) else None


def not_attempted(invoice: Invoice, detail: str = NO_ATTEMPT, request_id: str | None = None) -> Rejected:
    return Rejected(reason=RejectedReason.NOT_APPLIED, detail=detail, invoice=invoice, request_id=request_id)


def settled(attempt: Attempt, seen: Seen) -> Outcome:
    """The ending that a later read tells, against what the guard read saw before the send."""
    invoice = seen.invoice
    match attempt.action:
        case Action.RETRY:
            return collected(Baseline.of(attempt), seen) or not_attempted(invoice, _no_effect(invoice))
        case Action.RESEND:
            return Unknown(cause="Lago does not tell whether the e-mail left")
        case Action.FINALIZE:
            return _settled_draft(invoice)
        case Action.PAID:
            return _settled_payment(attempt, seen)
        case Action.VOID | Action.UNCOLLECTIBLE:
            return _by_effect(invoice, is_done=invoice.status is InvoiceStatus.VOID)
        case Action.REFRESH:
            return _settled_refresh(attempt, seen)


def finalized(invoice: Invoice, request_id: str | None) -> Outcome:
    """What a 2xx to a finalize tells: where taxes come from elsewhere, the invoice can still be a draft."""
    if invoice.status in {InvoiceStatus.OPEN, InvoiceStatus.PAID}:
        return Succeeded(invoice=invoice, request_id=request_id)
    detail = "Lago accepted it and waits for the taxes before the invoice is final."
    return Pending(detail=detail, invoice=invoice, request_id=request_id)


def _by_effect(invoice: Invoice, *, is_done: bool) -> Outcome:
    return Succeeded(invoice=invoice) if is_done else not_attempted(invoice, _no_effect(invoice))


def _settled_refresh(attempt: Attempt, seen: Seen) -> Outcome:
    at = moment(seen.wire.updated_at)
    if at is None:
        return Unknown(cause="Lago does not tell when the invoice was last changed")
    return _by_effect(seen.invoice, is_done=at >= attempt.first_sent_at - SKEW)


def _settled_draft(invoice: Invoice) -> Outcome:
    if invoice.status is InvoiceStatus.OTHER:
        return Pending(detail=f"The invoice is {invoice.provider_status}.", invoice=invoice)
    return _by_effect(invoice, is_done=invoice.status is not InvoiceStatus.DRAFT)


def _settled_payment(attempt: Attempt, seen: Seen) -> Outcome:
    """Recorded under our own reference, or not at all; a paid invoice alone may be somebody else's doing."""
    invoice, marker = seen.invoice, marker_of(attempt.key)
    if any(marker in (payment.reference or "") for payment in seen.payments or ()):
        return Succeeded(invoice=invoice)
    if invoice.status is InvoiceStatus.PAID:
        return Succeeded(invoice=invoice, ours=False)
    if seen.payments is None:
        return Unknown(cause="this key may not read the payments of the invoice")
    return not_attempted(invoice, _no_effect(invoice))


def _while_open(before: Baseline, seen: Seen, request_id: str | None) -> Outcome | None:
    invoice = seen.invoice
    match invoice.payment:
        case PaymentState.PROCESSING:
            return Pending(detail="The bank is processing the payment.", invoice=invoice, request_id=request_id)
        case PaymentState.NEEDS_AUTHENTICATION:
            return Declined(decline=AUTHENTICATION, invoice=invoice, request_id=request_id)
        case PaymentState.FAILED:
            return Declined(decline=NOT_TOLD, invoice=invoice, request_id=request_id)
        case PaymentState.SUCCEEDED:
            return _partly_paid(before, seen, request_id)
        case PaymentState.UNREAD:
            return Pending(detail="Lago has begun a payment.", invoice=invoice, request_id=request_id)
        case PaymentState.NONE:
            return None


def _partly_paid(before: Baseline, seen: Seen, request_id: str | None) -> Outcome:
    """Part of what is owed, and the rest shows in the invoice; or all of it, and the invoice is written a moment later."""
    invoice = seen.invoice
    if invoice.owed == before.owed:
        detail = "Lago has the payment; the invoice does not show it yet."
        return Pending(detail=detail, invoice=invoice, request_id=request_id)
    return Succeeded(invoice=invoice, charged=_amount(seen.charge), request_id=request_id)


def _by_invoice_alone(seen: Seen, request_id: str | None) -> Outcome:
    """Where payments are not shown, a new decline looks like the old one."""
    if seen.wire.payment_status == "pending":
        detail = "Lago has the payment under way; its payments cannot be read with this key."
        return Pending(detail=detail, invoice=seen.invoice, request_id=request_id)
    return Unknown(cause="this key may not read the payments of the invoice", request_id=request_id)


def _is_new(before: Baseline, seen: Seen) -> bool:
    now = seen.invoice
    return now.newest_charge is not None and (now.newest_charge, now.payment) != (before.charge, before.payment)


def _is_ours(before: Baseline, seen: Seen) -> bool:
    """A charge that succeeded, and was not there before or has changed since; a new one made while ours was under way."""
    charge = seen.charge
    if charge is None or charge.payment_status != "succeeded" or not _is_new(before, seen):
        return False
    at = moment(charge.created_at)
    return charge.lago_id == before.charge or (at is not None and before.since <= at <= before.until)


def _amount(charge: WirePayment | None) -> Money | None:
    if charge is None or charge.amount_cents is None or not charge.amount_currency:
        return None
    try:
        return UNITS.read(charge.amount_cents, charge.amount_currency)
    except UnusableValue:
        return None


def _no_effect(invoice: Invoice) -> str:
    return f"Lago shows no effect: invoice {invoice.label} is {invoice.provider_status}."
