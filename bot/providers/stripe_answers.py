"""What Stripe's refusals mean: for a read a failure, for a send one of the endings.

Errors: https://docs.stripe.com/api/errors. Many refusals because of an invoice's state carry no code, so those are not
decided here: the adapter reads the invoice again and goes by its status.
"""

from __future__ import annotations

from typing import Final

from bot.domain.action import Action
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus, NoMethod, PaymentMethod, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.ports import ActionOrder
from bot.providers.http import Reply
from bot.providers.stripe_declines import DECLINES, WAIT_A_DAY, decline_of, decline_without_error
from bot.providers.stripe_facts import NOT_MAILED
from bot.providers.stripe_wire import WireError, error_of
from bot.providers.wording import scrubbed, setting

DOUBTFUL: Final = frozenset({408, 409, 424})
"""Refusals that do not prove that nothing happened."""
_BY_STATUS: Final = {
    401: RejectedReason.UNAUTHORIZED,
    403: RejectedReason.FORBIDDEN,
    404: RejectedReason.NOT_FOUND,
    429: RejectedReason.RATE_LIMITED,
}
_NOT_FINALIZABLE = frozenset(
    {"invoice_no_customer_line_items", "invoice_no_payment_method_types", "customer_tax_location_invalid"}
)
"""What only an edit of the draft can mend: https://docs.stripe.com/error-codes"""
_NO_METHOD_WORDS = ("payment method", "payment source", "payment_method")


def read_failure(account: str, reply: Reply) -> ProviderFailure:
    """A read that was answered, but not with what was asked for."""
    reasons = {401: FailureReason.UNAUTHORIZED, 403: FailureReason.FORBIDDEN, 429: FailureReason.RATE_LIMITED}
    if reply.status >= 500:
        reason, detail = FailureReason.UNREACHABLE, f"Stripe is not working at the moment (it answered {reply.status})."
    else:
        reason = reasons.get(reply.status, FailureReason.REFUSED)
        detail = _sentence(account, reply.status, error_of(reply))
    return ProviderFailure(reason, detail, request_id=reply.request_id, retry_after=reply.retry_after)


def final_refusal(order: ActionOrder, reply: Reply) -> Outcome | None:
    """The ending that a refused send has by itself; None where the invoice's state has to be read first."""
    error = error_of(reply)
    if reply.status in DOUBTFUL or not 400 <= reply.status < 500:
        return Unknown(cause=f"Stripe answered {reply.status}", request_id=reply.request_id)
    if (reply.status == 402 or error.code in WAIT_A_DAY) and order.action in {Action.RETRY, Action.FINALIZE}:
        return Declined(decline=decline_of(error, fallback=_asked_for(order)), request_id=reply.request_id)
    reason = _reason(order, reply.status, error)
    if reason is None:
        return None
    is_draft_at_fault = error.code in _NOT_FINALIZABLE
    return Rejected(
        reason=reason,
        detail=_not_finalizable(error) if is_draft_at_fault else _sentence(order.invoice.ref.account, reply.status, error),
        retry_after=reply.retry_after if reason is RejectedReason.RATE_LIMITED else None,
        request_id=reply.request_id,
    )


def refusal_by_state(order: ActionOrder, reply: Reply, now: Invoice | None) -> Outcome:
    """The ending of a send that was refused because of how the invoice stands; `now` is None where it can't be read."""
    request_id, error = reply.request_id, error_of(reply)
    if order.action is Action.RESEND and _is_not_mailed(error, now):
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=NOT_MAILED, invoice=now, request_id=request_id)
    if now is not None and (told := _told_by_state(order, error, now, request_id)) is not None:
        return told
    detail = _not_finalizable(error) if order.action is Action.FINALIZE else _plain(error)
    return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail, invoice=now, request_id=request_id)


def _told_by_state(order: ActionOrder, error: WireError, now: Invoice, request_id: str | None) -> Outcome | None:
    if now.payment is PaymentState.PROCESSING and order.action is Action.RETRY:
        return Pending(detail="A payment of this invoice is already under way.", invoice=now, request_id=request_id)
    if (detail := _standing(order, now)) is not None:
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=now, request_id=request_id)
    if order.action is Action.RETRY and _lacks_method(error, order, now):
        return Declined(decline=decline_without_error("missing"), invoice=now, request_id=request_id)
    return None


def _not_finalizable(error: WireError) -> str:
    said = f" Stripe says: {scrubbed(error.message)}" if error.message else ""
    return f"Stripe could not finalize the invoice as it is; fix it in the Stripe dashboard first.{said}"


def _is_not_mailed(error: WireError, now: Invoice | None) -> bool:
    """Stripe gives this refusal no code; the invoice says it better than the message does."""
    if now is None:
        return "collection method" in (error.message or "").lower()
    return now.status is InvoiceStatus.OPEN and now.collection is CollectionMethod.AUTOMATIC


def _reason(order: ActionOrder, status: int, error: WireError) -> RejectedReason | None:
    if error.type == "idempotency_error" or error.code in _NOT_FINALIZABLE:
        return RejectedReason.INVALID_REQUEST
    if order.method is None and _speaks_of_method(error):
        return None
    if error.code in {"resource_missing", "livemode_mismatch"}:
        # A payment method that is not there is a mistake in the request, not a missing invoice.
        is_method = error.param in {"payment_method", "source"}
        return RejectedReason.INVALID_REQUEST if is_method else RejectedReason.NOT_FOUND
    return RejectedReason.UNAUTHORIZED if error.code == "api_key_expired" else _BY_STATUS.get(status)


def _sentence(account: str, status: int, error: WireError) -> str:
    said = f" Stripe says: {scrubbed(error.message)}" if error.message else ""
    if error.code == "api_key_expired":
        status = 401
    if error.code == "livemode_mismatch":
        return "Stripe knows this id in its other mode only (test or live)."
    if error.type == "idempotency_error":
        return f"Stripe knows this idempotency key with another request.{said}"
    sentences = {
        401: f"Stripe does not accept the key of account {account}; check {setting(account, 'api_key')}.",
        403: f"The key of account {account} lacks a permission.{said}",
        404: f"Stripe has no such object in account {account}.{said}",
        429: "Stripe asked us to slow down.",
    }
    return sentences.get(status) or _plain(error)


def _plain(error: WireError) -> str:
    return f"Stripe refused the request: {scrubbed(error.message)}" if error.message else "Stripe refused the request."


def _standing(order: ActionOrder, now: Invoice) -> str | None:
    """How the invoice stands, where that is why the action was refused."""
    if now.status is InvoiceStatus.PAID:
        return f"Invoice {now.label} is already paid."
    if now.payment is PaymentState.PROCESSING:
        return f"A payment of invoice {now.label} is under way."
    return None if now.status is order.invoice.status else f"Invoice {now.label} is {now.provider_status}."


def _lacks_method(error: WireError, order: ActionOrder, now: Invoice) -> bool:
    if now.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE} or order.method is not None:
        return False
    return isinstance(now.method, NoMethod) or _speaks_of_method(error)


def _speaks_of_method(error: WireError) -> bool:
    message = (error.message or "").lower()
    return error.code not in DECLINES and any(word in message for word in _NO_METHOD_WORDS)


def _asked_for(order: ActionOrder) -> PaymentMethod | None:
    """The method that this send was to charge, as far as known."""
    known = order.invoice.method if isinstance(order.invoice.method, PaymentMethod) else None
    if order.method is None or (known is not None and known.id == order.method):
        return known
    return PaymentMethod(order.method, order.method)
