"""How an attempt ended, as the answer to a send tells, or as the invoice's payments show when they are read later.

A charge of ours is a payment that was not there before, made while our request was under way, of the amount that we asked
for, and in no list of Chargebee's own retries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.providers.chargebee_declines import decline_of
from bot.providers.chargebee_facts import FACTS
from bot.providers.chargebee_invoices import FAILURES, UNDECIDED, Reader, Seen
from bot.providers.chargebee_orders import marker_of
from bot.providers.chargebee_wire import WireEmailLog, WireLinkedPayment, WireTransaction, at

SKEW: Final = timedelta(seconds=5)
REACHED: Final[Mapping[Action, frozenset[InvoiceStatus]]] = {
    Action.VOID: frozenset({InvoiceStatus.VOID}),
    Action.UNCOLLECTIBLE: frozenset({InvoiceStatus.UNCOLLECTIBLE}),
    Action.FINALIZE: frozenset(InvoiceStatus) - {InvoiceStatus.DRAFT, InvoiceStatus.OTHER},
}
"""The statuses that prove an action without money."""
DEBIT: Final = "The bank is processing the payment."
UNDECIDED_CAUSE: Final = "Chargebee does not know how the payment ended; look at the payment gateway"


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment of an invoice that was made after the guard read, with all that is known of it; None where this key may
    not read its transaction."""

    payment: WireLinkedPayment
    transaction: WireTransaction | None


def collected(reader: Reader, seen: Seen, transaction: WireTransaction, request_id: str | None) -> Outcome:
    """The ending that a 2xx to a retry tells. Accepted is not paid."""
    invoice = seen.invoice
    if transaction.status == "success":
        return Succeeded(invoice=invoice, charged=_amount(reader, transaction), request_id=request_id)
    if transaction.status == "in_progress":
        return Pending(detail=DEBIT, invoice=invoice, request_id=request_id)
    if transaction.status in FAILURES:
        return Declined(decline=decline_of(transaction), invoice=invoice, request_id=request_id)
    if transaction.status == "voided":
        detail = "The payment was voided again; nothing was collected."
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=invoice, request_id=request_id)
    return Unknown(cause=UNDECIDED_CAUSE, request_id=request_id)


def reached(action: Action, invoice: Invoice, request_id: str | None) -> Outcome:
    """The ending that a 2xx to an action without money tells."""
    if invoice.status in REACHED[action]:
        return Succeeded(invoice=invoice, request_id=request_id)
    return Unknown(cause=f"Chargebee shows the invoice as {invoice.provider_status}", request_id=request_id)


def recorded(before: Money, seen: Seen, transaction: WireTransaction, request_id: str | None) -> Outcome:
    """The ending that a 2xx to a recorded payment tells."""
    if transaction.status not in {"success", None} or not _owes_less(before, seen.invoice):
        return Unknown(cause="Chargebee answered, but its invoice does not show the payment", request_id=request_id)
    return Succeeded(invoice=seen.invoice, request_id=request_id)


def newer(attempt: Attempt, seen: Seen) -> list[WireLinkedPayment]:
    """The payments made since the guard read, oldest first. One without a date may have been."""
    payments, before = seen.wire.payments, attempt.before.newest_charge
    known = [place for place, one in enumerate(payments) if one.txn_id == before and one.txn_date is not None]
    above = payments[known[-1] + 1 if known else 0 :]
    since = attempt.first_sent_at - SKEW
    return [one for one in above if one.txn_id != before and ((when := at(one.txn_date)) is None or when >= since)]


def settled(reader: Reader, attempt: Attempt, seen: Seen, charges: Sequence[Charge]) -> Outcome:
    """The ending that a later read tells, against what the guard read saw before the send. E-mails: `mailed`."""
    invoice = seen.invoice
    match attempt.action:
        case Action.RETRY:
            ours = [one for one in charges if _may_be_ours(reader, attempt, seen, one)]
            return _settled_charge(reader, seen, ours)
        case Action.PAID:
            return _settled_payment(attempt, seen, charges)
        case _:
            done = REACHED.get(attempt.action, frozenset())
            return Succeeded(invoice=invoice) if invoice.status in done else not_applied(invoice)


def mailed(attempt: Attempt, invoice: Invoice, logs: Sequence[WireEmailLog]) -> Outcome:
    """By the customer's e-mails around that time. One that does not name the invoice proves nothing either way."""
    since, until = attempt.first_sent_at - SKEW, attempt.last_sent_at + FACTS.settle_after
    around = [one for one in logs if (when := at(one.sent_on)) is None or since <= when <= until]
    ours = [one for one in around if invoice.ref.id.casefold() in (one.subject or "").casefold()]
    if any(not one.error_message for one in ours):
        return Succeeded(invoice=invoice)
    if around and not ours:
        return Unknown(cause="Chargebee shows an e-mail to the customer, but not whether it was this one")
    detail = "Chargebee tried to send the e-mail and could not." if ours else "Chargebee has no record of the e-mail."
    return Rejected(reason=RejectedReason.NOT_APPLIED, detail=detail, invoice=invoice)


def not_applied(invoice: Invoice) -> Rejected:
    return Rejected(
        reason=RejectedReason.NOT_APPLIED,
        detail=f"Chargebee shows no effect: invoice {invoice.label} is {invoice.provider_status}.",
        invoice=invoice,
    )


def _settled_charge(reader: Reader, seen: Seen, ours: Sequence[Charge]) -> Outcome:
    """`ours` are the payments that may be ours; only one alone, and with its transaction, surely is."""
    invoice = seen.invoice
    paid = next((one for one in ours if one.payment.txn_status == "success"), None)
    if paid is not None and paid.transaction is not None and len(ours) == 1:
        return Succeeded(invoice=invoice, charged=_paid(reader, seen, paid))
    if invoice.status is InvoiceStatus.PAID:
        return Succeeded(invoice=invoice, ours=False)
    if any(one.payment.txn_status in UNDECIDED for one in ours):
        return Unknown(cause=UNDECIDED_CAUSE)
    if invoice.payment is PaymentState.PROCESSING:
        return Pending(detail=DEBIT, invoice=invoice)
    return _without_money(invoice, [one for one in ours if one.payment.txn_status != "voided"])


def _without_money(invoice: Invoice, ours: Sequence[Charge]) -> Outcome:
    told = ours[-1].transaction if ours else None
    if told is not None and all(one.payment.txn_status in FAILURES for one in ours):
        return Declined(decline=decline_of(told), invoice=invoice)
    return Unknown(cause="Chargebee shows a new payment, but not whose it is") if ours else not_applied(invoice)


def _settled_payment(attempt: Attempt, seen: Seen, charges: Sequence[Charge]) -> Outcome:
    """Recorded under our own mark, or not at all; a paid invoice alone may be somebody else's doing."""
    marker, invoice = marker_of(attempt.key), seen.invoice
    if any(one.transaction is not None and marker in (one.transaction.reference_number or "") for one in charges):
        return Succeeded(invoice=invoice)
    if invoice.status is InvoiceStatus.PAID:
        return Succeeded(invoice=invoice, ours=False)
    if any(one.transaction is None for one in charges):
        return Unknown(cause="this key may not read the payments of the invoice")
    return not_applied(invoice)


def _may_be_ours(reader: Reader, attempt: Attempt, seen: Seen, charge: Charge) -> bool:
    """By time, amount and method; neither Chargebee's own retry nor a payment that the customer started or sent."""
    payment, transaction = charge.payment, charge.transaction
    if payment.txn_id in {one.transaction_id for one in seen.wire.dunning_attempts}:
        return False
    when = at(payment.txn_date)
    if when is not None and when > attempt.last_sent_at + FACTS.settle_after:
        return False
    if payment.txn_amount is not None and payment.txn_amount != _asked(reader, attempt):
        return False
    if transaction is None:
        return True
    is_other_method = attempt.method is not None and transaction.payment_source_id not in {attempt.method, None}
    is_recorded = transaction.reference_number is not None and transaction.payment_source_id is None
    return not (is_other_method or is_recorded or transaction.initiator_type == "customer")


def _asked(reader: Reader, attempt: Attempt) -> int:
    """The amount of the send: the guard read refuses any other than the person saw."""
    return reader.units.write(attempt.before.owed)


def _paid(reader: Reader, seen: Seen, charge: Charge) -> Money | None:
    amount = charge.payment.txn_amount
    if amount is None:
        return _amount(reader, charge.transaction) if charge.transaction else None
    try:
        return reader.money(amount, seen.wire.currency_code)
    except UnusableValue:
        return None


def _amount(reader: Reader, transaction: WireTransaction) -> Money | None:
    if transaction.amount is None or not transaction.currency_code:
        return None
    try:
        return reader.money(transaction.amount, transaction.currency_code)
    except UnusableValue:
        return None


def _owes_less(before: Money, invoice: Invoice) -> bool:
    return invoice.status is InvoiceStatus.PAID or (invoice.owed.currency == before.currency and invoice.owed < before)
