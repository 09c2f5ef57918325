"""How an attempt ended, as an invoice shows it: right after a send, or when read later because no answer came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder
from bot.providers.stripe_declines import decline_without_error
from bot.providers.stripe_wire import UNITS, WireIntent

REACHED: Final[Mapping[Action, frozenset[InvoiceStatus]]] = {
    Action.VOID: frozenset({InvoiceStatus.VOID}),
    Action.UNCOLLECTIBLE: frozenset({InvoiceStatus.UNCOLLECTIBLE}),
    Action.FINALIZE: frozenset(InvoiceStatus) - {InvoiceStatus.DRAFT, InvoiceStatus.OTHER},
    Action.PAID: frozenset({InvoiceStatus.PAID}),
    Action.RESEND: frozenset({InvoiceStatus.OPEN, InvoiceStatus.PAID}),
}
"""The statuses in which an action that takes no money leaves an invoice. All but the last prove it; a finalized one may
have become anything since, and one with nothing due is paid at once."""
EVENTS: Final[Mapping[Action, str]] = {Action.RESEND: "invoice.sent", Action.PAID: "invoice.paid"}
"""The event that names the request, for what the invoice itself cannot prove."""
STILL_PAYABLE: Final = frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE})
SKEW: Final = timedelta(seconds=5)


def accepted(order: ActionOrder, invoice: Invoice, intent: WireIntent | None, request_id: str | None) -> Outcome:
    """The ending that a 2xx tells; `invoice` is the one it carried. Accepted is not paid."""
    if order.action is not Action.RETRY:
        if invoice.status in REACHED[order.action]:
            return Succeeded(invoice=invoice, request_id=request_id)
        return _surprise(invoice, request_id)
    if invoice.status is InvoiceStatus.PAID:
        charged = _collected(order.invoice.owed, invoice, intent)
        return Succeeded(invoice=invoice, charged=charged, request_id=request_id)
    if invoice.status not in STILL_PAYABLE:
        return _surprise(invoice, request_id)
    return _still_payable(order, invoice, request_id)


def telling_event(attempt: Attempt, invoice: Invoice, settle_after: timedelta) -> str | None:
    """The event that Stripe has to be asked for, where the invoice as it is now leaves open what became of the send."""
    if attempt.action is Action.RETRY:
        return _charge_event(invoice) if _may_be_another_s(attempt, invoice, settle_after) else None
    if attempt.action is Action.PAID and invoice.status is not InvoiceStatus.PAID:
        return None
    return EVENTS.get(attempt.action)


def _charge_event(invoice: Invoice) -> str:
    if invoice.status is InvoiceStatus.PAID:
        return "invoice.paid"
    is_asked_back = invoice.payment is PaymentState.NEEDS_AUTHENTICATION
    return "invoice.payment_action_required" if is_asked_back else "invoice.payment_failed"


def _may_be_another_s(attempt: Attempt, invoice: Invoice, settle_after: timedelta) -> bool:
    """Whether the new charge looks like Stripe's own retry, or somebody else's: Stripe counted one more automatic attempt,
    or it was declined when no request of ours was under way."""
    if invoice.newest_charge in {None, attempt.before.newest_charge}:
        return False
    if attempt.before.attempts and (invoice.attempts or 0) > attempt.before.attempts:  # the very first one counts always
        return True
    return _is_declined(invoice) and _is_within(attempt, invoice, settle_after) is False


def settled(attempt: Attempt, invoice: Invoice, settle_after: timedelta, *, on_record: bool | None = None) -> Outcome:
    """The ending that a later read tells, against what the guard read saw before the send. `on_record` is what Stripe's
    events say about our key; None where they were not or could not be read."""
    match attempt.action:
        case Action.RETRY:
            return _settled_charge(attempt, invoice, settle_after, on_record=on_record)
        case Action.RESEND:
            return _settled_mail(invoice, on_record=on_record)
        case Action.PAID if invoice.status is InvoiceStatus.PAID:
            return Succeeded(invoice=invoice, ours=on_record is True)
        case _:
            return Succeeded(invoice=invoice) if invoice.status in REACHED[attempt.action] else _not_applied(invoice)


def _settled_mail(invoice: Invoice, *, on_record: bool | None) -> Outcome:
    if on_record is None:
        return Unknown(cause="Stripe does not tell whether the e-mail left")
    if on_record:
        return Succeeded(invoice=invoice)
    detail = f"Stripe has no record of sending invoice {invoice.label}."
    return Rejected(reason=RejectedReason.NOT_APPLIED, detail=detail, invoice=invoice)


def _settled_charge(attempt: Attempt, invoice: Invoice, settle_after: timedelta, *, on_record: bool | None) -> Outcome:
    is_contested = _may_be_another_s(attempt, invoice, settle_after)
    if invoice.status is InvoiceStatus.PAID:
        ours = on_record is True if is_contested else _made_by(attempt, invoice, settle_after)
        return Succeeded(invoice=invoice, charged=_difference(attempt.before.owed, invoice) if ours else None, ours=ours)
    if invoice.status in STILL_PAYABLE and is_contested and _is_declined(invoice) and on_record is not True:
        # Its decline must not be told as ours, and ours, if there was one, not as nothing.
        return _not_applied(invoice) if on_record is False else Unknown(cause="Stripe shows a charge, but not whose it is")
    if invoice.status in STILL_PAYABLE:
        return _settled_while_payable(attempt, invoice)
    return _not_applied(invoice) if invoice.status is InvoiceStatus.VOID else _surprise(invoice, None)


def _still_payable(order: ActionOrder, invoice: Invoice, request_id: str | None) -> Outcome:
    match invoice.payment:
        case PaymentState.PROCESSING:
            return Pending(detail="The bank is processing the payment.", invoice=invoice, request_id=request_id)
        case PaymentState.NEEDS_AUTHENTICATION | PaymentState.FAILED:
            return _declined(invoice, request_id)
        case PaymentState.NONE | PaymentState.SUCCEEDED | PaymentState.UNREAD:
            if (part := _difference(order.invoice.owed, invoice)) is not None:
                return Succeeded(
                    invoice=invoice, charged=part, request_id=request_id
                )  # what is still owed shows in the invoice
            detail = "Stripe accepted the request; the payment is not through yet."
            return Pending(detail=detail, invoice=invoice, request_id=request_id)


def _settled_while_payable(attempt: Attempt, invoice: Invoice) -> Outcome:
    is_new_charge = invoice.newest_charge != attempt.before.newest_charge
    match invoice.payment:
        case PaymentState.PROCESSING:
            return Pending(detail="The bank is processing the payment.", invoice=invoice)
        case PaymentState.NEEDS_AUTHENTICATION if is_new_charge or attempt.before.payment is not invoice.payment:
            return _declined(invoice, None)
        case PaymentState.FAILED if is_new_charge:
            return _declined(invoice, None)
        case PaymentState.UNREAD:
            return Unknown(cause="the state of the payment could not be read")
        case PaymentState.SUCCEEDED if (part := _difference(attempt.before.owed, invoice)) is not None:
            return Succeeded(invoice=invoice, charged=part, ours=is_new_charge)
        case PaymentState.NONE | PaymentState.FAILED | PaymentState.SUCCEEDED | PaymentState.NEEDS_AUTHENTICATION:
            return Unknown(cause="Stripe shows a new charge but no result") if is_new_charge else _not_applied(invoice)


def _declined(invoice: Invoice, request_id: str | None) -> Declined:
    code = "authentication_required" if invoice.payment is PaymentState.NEEDS_AUTHENTICATION else "no_code"
    return Declined(
        decline=invoice.decline or decline_without_error(code),
        invoice=invoice,
        request_id=request_id,
    )


def _not_applied(invoice: Invoice) -> Rejected:
    return Rejected(
        reason=RejectedReason.NOT_APPLIED,
        detail=f"Stripe shows no effect: invoice {invoice.label} is {invoice.provider_status}.",
        invoice=invoice,
    )


def _surprise(invoice: Invoice, request_id: str | None) -> Unknown:
    return Unknown(cause=f"Stripe shows the invoice as {invoice.provider_status}", request_id=request_id)


def _collected(owed_before: Money, invoice: Invoice, intent: WireIntent | None) -> Money | None:
    """What the payment brought: the payment intent's own word, else what is owed less than before."""
    if intent is not None and invoice.payment is PaymentState.SUCCEEDED and intent.amount_received:
        try:
            return UNITS.read(intent.amount_received, intent.currency or invoice.owed.currency)
        except UnusableValue:
            return _difference(owed_before, invoice)
    return _difference(owed_before, invoice)


def _difference(owed_before: Money, invoice: Invoice) -> Money | None:
    if owed_before.currency != invoice.owed.currency or owed_before <= invoice.owed:
        return None
    return owed_before - invoice.owed


def _made_by(attempt: Attempt, invoice: Invoice, settle_after: timedelta) -> bool:
    """Whether the payment is surely ours: a charge that was not there before, made while our request was under way."""
    if invoice.payment is not PaymentState.SUCCEEDED or invoice.newest_charge in {None, attempt.before.newest_charge}:
        return False
    return _is_within(attempt, invoice, settle_after) is True


def _is_within(attempt: Attempt, invoice: Invoice, settle_after: timedelta) -> bool | None:
    """Whether the newest charge was made while our request was under way; None where its time cannot be read."""
    at = invoice.newest_charge_at
    return None if at is None else attempt.first_sent_at - SKEW <= at <= attempt.last_sent_at + settle_after


def _is_declined(invoice: Invoice) -> bool:
    return invoice.payment in {PaymentState.FAILED, PaymentState.NEEDS_AUTHENTICATION}
