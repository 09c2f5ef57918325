"""What Chargebee's refusals mean: for a read a failure, for a send one of the endings.

Errors come as `{message, type, api_error_code, param?, error_cause_id?}`; a decline is a 400 of the type `payment`.
https://apidocs.chargebee.com/docs/api/error-handling
"""

from __future__ import annotations

from typing import Final

from bot.domain.action import Action
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.ports import ActionOrder
from bot.providers.chargebee_declines import SET_UP, TECHNICAL
from bot.providers.chargebee_wire import WireError, error_of
from bot.providers.http import Reply
from bot.providers.wording import scrubbed, setting

MISSING: Final = "resource_not_found"
DECLINES: Final = frozenset(
    {
        "payment_processing_failed",
        "payment_method_not_present",
        "payment_method_verification_failed",
        "payment_intent_invalid",
        "payment_intent_invalid_amount",
    }
)
WRONG_STATE: Final = frozenset({"invalid_state_for_request", "invalid_invoice_state"})
NOTHING_EXECUTED: Final = frozenset({"site_read_only_mode", "site_not_ready"})
"""503s that say that the site does nothing at the moment."""
ASK_LATER: Final = 60.0
"""Seconds to wait after a rate limit that names no time; Chargebee counts by the minute."""
LOCKED: Final = 3.0
"""Seconds to wait for another request to let the invoice go."""
NO_RESEND: Final = (
    "This Chargebee site cannot e-mail an invoice again. Give the customer the payment link or the PDF, or send it from "
    "Chargebee itself."
)
_UNEXPECTED: Final = "gateway.transaction_processing.payment_intent_unexpected_state"
_BADLY_ASKED: Final = "gateway.transaction_processing.payment_code_incorrect"
_GATEWAY_LIMIT: Final = f"{TECHNICAL}rate_limit_exceeded"
_REASONS: Final = {
    401: RejectedReason.UNAUTHORIZED,
    403: RejectedReason.FORBIDDEN,
    404: RejectedReason.NOT_FOUND,
    429: RejectedReason.RATE_LIMITED,
}
_FAILURES: Final = {
    401: FailureReason.UNAUTHORIZED,
    403: FailureReason.FORBIDDEN,
    429: FailureReason.RATE_LIMITED,
}


def read_failure(account: str, reply: Reply) -> ProviderFailure:
    """A read that was answered, but not with what was asked for."""
    if reply.status >= 500:
        reason, detail = FailureReason.UNREACHABLE, f"Chargebee is not working at the moment (it answered {reply.status})."
    else:
        reason, detail = (
            _FAILURES.get(reply.status, FailureReason.REFUSED),
            _sentence(account, reply.status, error_of(reply)),
        )
    return ProviderFailure(reason, detail, request_id=reply.request_id, retry_after=reply.retry_after)


def is_missing(reply: Reply) -> bool:
    """A 404 in Chargebee's own words: there is no such object. Otherwise it is the site or the route that is not there."""
    return reply.status == 404 and error_of(reply).api_error_code == MISSING


def is_decline(order: ActionOrder, reply: Reply) -> bool:
    """A clear no to a charge. What the gateway could not do, or did not know, is none."""
    error = error_of(reply)
    if reply.status != 400 or order.action is not Action.RETRY:
        return False
    if error.api_error_code not in DECLINES and error.type != "payment":
        return False
    return error.error_cause_id not in {_UNEXPECTED, _BADLY_ASKED} and not _is_of_gateway(error.error_cause_id or "")


def is_about_state(order: ActionOrder, reply: Reply) -> bool:
    """Whether the invoice has to be read again to say why it was refused."""
    error = error_of(reply)
    if reply.status == 409:
        return error.api_error_code in WRONG_STATE
    if order.action is Action.RESEND and reply.status == 404:
        return error.api_error_code == MISSING
    return reply.status == 400 and order.action in {Action.RETRY, Action.PAID} and (error.param or "").endswith("amount")


def refusal(order: ActionOrder, reply: Reply) -> Outcome:
    """The ending that a refused send has by itself."""
    error, request_id = error_of(reply), reply.request_id
    if error.api_error_code in NOTHING_EXECUTED and reply.status == 503:
        detail = "The Chargebee site is under maintenance and did nothing. Try again later."
        return Rejected(reason=RejectedReason.UNREACHABLE, detail=detail, request_id=request_id)
    if reply.status in {408, 409} or not 400 <= reply.status < 500 or _is_doubtful(error):
        return Unknown(cause=_doubt(reply, error), request_id=request_id)
    reason, detail = _rejection(order, reply, error)
    wait = _wait(reply, error) if reason is RejectedReason.RATE_LIMITED else None
    return Rejected(reason=reason, detail=detail, retry_after=wait, request_id=request_id)


def refusal_by_state(order: ActionOrder, reply: Reply, now: Invoice | None) -> Outcome:
    """The ending of a send that was refused because of how the invoice stands; `now` is None where it can't be read."""
    request_id = reply.request_id
    if order.action is Action.RESEND and reply.status == 404:
        if now is None:
            return refusal(order, reply)
        return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=NO_RESEND, invoice=now, request_id=request_id)
    if now is None:
        detail = f"Chargebee refuses this for invoice {order.invoice.label} as it is now."
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, request_id=request_id)
    if now.payment is PaymentState.PROCESSING and order.action is Action.RETRY:
        return Pending(detail="A payment of this invoice is already under way.", invoice=now, request_id=request_id)
    if reply.status == 400 and now.owed == order.invoice.owed and now.status is order.invoice.status:
        detail = _sentence(order.invoice.ref.account, reply.status, error_of(reply))
        return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail, invoice=now, request_id=request_id)
    return Rejected(
        reason=RejectedReason.NOT_ACTIONABLE, detail=_standing(order, reply, now), invoice=now, request_id=request_id
    )


def _standing(order: ActionOrder, reply: Reply, now: Invoice) -> str:
    if now.status is InvoiceStatus.PAID:
        return f"Invoice {now.label} is already paid."
    if now.status is order.invoice.status:
        return f"Chargebee refuses this for invoice {now.label} as it is.{_said(error_of(reply))}"
    return f"Invoice {now.label} is {now.provider_status}."


def _is_of_gateway(cause: str) -> bool:
    return cause.startswith((SET_UP, TECHNICAL))


def _is_doubtful(error: WireError) -> bool:
    cause = error.error_cause_id or ""
    return cause == _UNEXPECTED or (cause.startswith(TECHNICAL) and cause != _GATEWAY_LIMIT)


def _doubt(reply: Reply, error: WireError) -> str:
    if _is_doubtful(error):
        return "the payment gateway behind Chargebee did not answer as it should"
    return f"Chargebee answered {reply.status}"


def _wait(reply: Reply, error: WireError) -> float:
    return reply.retry_after or (LOCKED if error.api_error_code == "lock_timeout" else ASK_LATER)


def _rejection(order: ActionOrder, reply: Reply, error: WireError) -> tuple[RejectedReason, str]:
    account, status = order.invoice.ref.account, reply.status
    if order.action is Action.RESEND and (status == 405 or (status == 404 and error.api_error_code != "site_not_found")):
        return RejectedReason.INVALID_REQUEST if not is_missing(reply) else RejectedReason.NOT_FOUND, NO_RESEND
    if error.error_cause_id == _GATEWAY_LIMIT:
        return RejectedReason.RATE_LIMITED, "The payment gateway behind Chargebee asked to slow down."
    if error.param == "void_reason_code":
        name = setting(account, "void_reason_code")
        return (
            RejectedReason.INVALID_REQUEST,
            f"This site wants a reason code of its own list for a void; set {name} to one.",
        )
    if status == 404 and (error.api_error_code != MISSING or error.param == "payment_source_id"):
        return RejectedReason.INVALID_REQUEST, _sentence(account, status, error)
    return _REASONS.get(status, RejectedReason.INVALID_REQUEST), _sentence(account, status, error)


def _said(error: WireError) -> str:
    return f" Chargebee says: {scrubbed(error.message).rstrip('.')}." if error.message else ""


def _sentence(account: str, status: int, error: WireError) -> str:
    if error.api_error_code == "site_not_found":
        return f"Chargebee has no such site; check {setting(account, 'site')}."
    if error.api_error_code == "request_blocked":
        return f"Chargebee has blocked the site of account {account}; its support has to help."
    if status == 404 and error.api_error_code is None:
        return f"There is no such page at this Chargebee; check {setting(account, 'base_url')} and the site."
    at = f" It is about {scrubbed(error.param)}." if error.param else ""
    sentences = {
        401: f"Chargebee does not accept the key of account {account}; check {setting(account, 'api_key')} and the site.",
        403: f"The key of account {account} lacks a permission.{_said(error)}",
        404: f"Chargebee has no such object in account {account}.{_said(error)}",
        422: f"Chargebee knows this idempotency key with another request.{_said(error)}",
        429: "Chargebee asked us to slow down.",
    }
    if error.error_cause_id and _is_of_gateway(error.error_cause_id):
        return f"The payment gateway behind Chargebee is not set up for this payment.{_said(error)}"
    return sentences.get(status) or f"Chargebee refused the request.{at}{_said(error)}"
