"""How an attempt ended, as an invoice and its transactions show it: right after a send, or when read later.

A transaction that `collect` made says so in its origin; Recurly's own retries and a colleague's in the dashboard have
other ones. https://recurly.com/developers/api/v2021-02-25/#tag/transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder
from bot.providers.recurly_answers import GATEWAY_SILENT
from bot.providers.recurly_declines import Trouble, trouble_of
from bot.providers.recurly_facts import FACTS
from bot.providers.recurly_invoices import Seen, declined
from bot.providers.recurly_orders import marker_of
from bot.providers.recurly_wire import FAILED, FORCED, UNDER_WAY, WireTransaction, WireTransactionError, newest
from bot.providers.wording import scrubbed

SKEW: Final = timedelta(seconds=5)
TRAVEL: Final = timedelta(seconds=90) + FACTS.settle_after
"""After the last send of ours, how late its transaction can still begin: the send's own deadline, and the way."""
REVIEWED: Final = "approved_fraud_review"
FLAGGED: Final = "It is paid, but the gateway has flagged it as a possible fraud; look at it in Recurly"


def accepted(order: ActionOrder, seen: Seen, request_id: str | None) -> Outcome:
    """The ending that a 2xx with an invoice tells. Accepted is not paid."""
    invoice = seen.invoice
    if order.action is not Action.RETRY:
        is_done = invoice.status is _REACHED[order.action]
        return Succeeded(invoice=invoice, request_id=request_id) if is_done else _surprise(invoice, request_id)
    if (charge := newest([one for one in _above(order.invoice, seen) if one.origin == FORCED])) is not None:
        return _by_charge(seen, charge, request_id)
    if invoice.status is InvoiceStatus.PAID:
        return Succeeded(invoice=invoice, ours=False, request_id=request_id)
    if invoice.payment is PaymentState.PROCESSING:
        return _under_way(invoice, request_id)
    return Unknown(cause="Recurly accepted the request and shows no attempt", request_id=request_id)


def _above(before: Invoice, seen: Seen) -> list[WireTransaction]:
    """The attempts that were not there when the guard read looked, the newest first."""
    charges = seen.wire.charges
    place = next((place for place, one in enumerate(charges) if one.id == before.newest_charge), len(charges))
    return charges[:place]


def settled(attempt: Attempt, seen: Seen) -> Outcome:
    """The ending that a later read tells, against what the guard read saw before the send."""
    invoice = seen.invoice
    match attempt.action:
        case Action.RETRY:
            return _settled_charge(attempt, seen)
        case Action.PAID:
            return _settled_payment(attempt, seen)
        case Action.UNCOLLECTIBLE:
            is_done = invoice.status is InvoiceStatus.UNCOLLECTIBLE
            return Succeeded(invoice=invoice) if is_done else _not_applied(invoice)
        case Action.RESEND | Action.VOID | Action.FINALIZE | Action.REFRESH:
            return _not_applied(invoice)


_REACHED: Final = {Action.UNCOLLECTIBLE: InvoiceStatus.UNCOLLECTIBLE, Action.PAID: InvoiceStatus.PAID}


def _settled_charge(attempt: Attempt, seen: Seen) -> Outcome:
    invoice = seen.invoice
    fresh = _since(attempt, seen.wire.charges)
    ours = [one for one in fresh if one.origin == FORCED and one.at is not None]
    is_contested = len(ours) > 1 and any(one.status == "success" for one in ours)
    if ours and not is_contested:
        return _by_charge(seen, ours[0], None)
    if invoice.status is InvoiceStatus.PAID:
        return Succeeded(invoice=invoice, ours=False)
    return _settled_without_ours(seen, fresh)


def _settled_without_ours(seen: Seen, fresh: Sequence[WireTransaction]) -> Outcome:
    """No attempt that is surely ours, on an invoice that is still open. Recurly's own decline is not told as ours."""
    invoice = seen.invoice
    if any(one.origin in {None, FORCED} or one.at is None for one in fresh):
        return Unknown(cause="Recurly shows a new payment, but not who asked for it")
    if invoice.payment is PaymentState.PROCESSING:
        return _under_way(invoice, None)
    if seen.wire.transactions is None or invoice.status is InvoiceStatus.OTHER:
        return Unknown(cause=f"Recurly shows the invoice as {invoice.provider_status}, without its payments")
    return _not_applied(invoice)


def _since(attempt: Attempt, charges: Sequence[WireTransaction]) -> list[WireTransaction]:
    """The newest first: what was made while our request was under way, and was not there before. One without a time might
    have been."""
    first, last = attempt.first_sent_at - SKEW, attempt.last_sent_at + TRAVEL
    fresh = [one for one in charges if one.id != attempt.before.newest_charge]
    return [one for one in fresh if one.at is None or first <= one.at <= last]


def _by_charge(seen: Seen, charge: WireTransaction, request_id: str | None) -> Outcome:
    """What our own transaction says."""
    invoice = seen.invoice
    if charge.status == "success":
        flagged = FLAGGED if charge.status_code == REVIEWED else None
        return Succeeded(invoice=invoice, charged=charge.charged, detail=flagged, request_id=request_id)
    if charge.status in UNDER_WAY:
        return _under_way(invoice, request_id)
    if charge.status not in FAILED:
        said = scrubbed(charge.status or "without a status")
        return Unknown(cause=f"Recurly shows the payment as {said}; look at it there", request_id=request_id)
    if trouble_of(WireTransactionError(code=charge.status_code)) is Trouble.TIMED_OUT:
        reference = f" ({scrubbed(charge.gateway_reference)})" if charge.gateway_reference else ""
        return Unknown(cause=f"{GATEWAY_SILENT}{reference}", request_id=request_id)
    decline = invoice.decline if charge.id == invoice.newest_charge and invoice.decline else declined(charge)
    return Declined(decline=decline, invoice=invoice, request_id=request_id)


def _settled_payment(attempt: Attempt, seen: Seen) -> Outcome:
    """Recorded under our own mark, or marked as successful: then no transaction is behind it. A paid invoice with a new
    charge, or one that the customer pays themselves without our mark, is somebody else's doing."""
    invoice, marker = seen.invoice, marker_of(attempt.key)
    transactions = seen.wire.transactions
    if any(marker in (one.description or "") for one in transactions or ()):
        return Succeeded(invoice=invoice)
    if invoice.status is not InvoiceStatus.PAID:
        if transactions is None:
            return Unknown(cause="Recurly does not show the payments of the invoice")
        return _not_applied(invoice)
    is_charged = any(one.status == "success" for one in _since(attempt, seen.wire.charges))
    is_marked = seen.wire.collection_method == "automatic" and transactions is not None and not is_charged
    return Succeeded(invoice=invoice, ours=is_marked)


def _under_way(invoice: Invoice, request_id: str | None) -> Pending:
    return Pending(detail="The bank is processing the payment.", invoice=invoice, request_id=request_id)


def _not_applied(invoice: Invoice) -> Rejected:
    detail = f"Recurly shows no effect: invoice {invoice.label} is {invoice.provider_status}."
    return Rejected(reason=RejectedReason.NOT_APPLIED, detail=detail, invoice=invoice)


def _surprise(invoice: Invoice, request_id: str | None) -> Unknown:
    return Unknown(cause=f"Recurly shows the invoice as {invoice.provider_status}", request_id=request_id)
