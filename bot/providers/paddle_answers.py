"""What Paddle's refusals mean: for a read a failure, for a send one of the endings.

Errors come as `{error: {type, code, detail}, meta: {request_id}}`, and `code` is what counts: a key that is not accepted is
a 403 like one without a permission. https://developer.paddle.com/errors/overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.ports import ActionOrder
from bot.providers.http import Reply
from bot.providers.paddle_declines import decline_by
from bot.providers.paddle_wire import WireError, error_of
from bot.providers.wording import scrubbed, setting

BAD_KEY: Final = frozenset({"authentication_missing", "authentication_malformed", "invalid_token", "invalid_access_token"})
LIMITS: Final = frozenset(
    {
        "too_many_requests",
        "subscription_immediate_charge_hour_limit_exceeded",
        "subscription_immediate_charge_24_hour_limit_exceeded",
    }
)
UNDER_WAY: Final[Mapping[str, str]] = {
    "conflict": "Something else is changing this invoice at Paddle.",
    "concurrent_modification": "Something else is changing this invoice at Paddle.",
    "transaction_immutable_while_processing_payment": "The customer is paying this invoice right now.",
    "subscription_payment_attempt_pending": "A payment of this invoice is already under way.",
    "subscription_locked_renewal": "The subscription renews within half an hour, and Paddle changes nothing until then.",
    "subscription_locked_processing": "Paddle is working on the subscription.",
}
BY_STATE: Final = frozenset(
    {
        "transaction_immutable",
        "transaction_invalid_status_change",
        "transaction_status_must_be_ready",
        "adjustment_transaction_item_has_already_been_fully_adjusted",
        "adjustment_transaction_invalid_status_for_credit",
        "subscription_is_canceled_action_invalid",
        "subscription_update_when_past_due",
        "subscription_outstanding_transaction",
        "subscription_locked_pending_changes",
    }
)
"""Refusals because of how things stand: the invoice is read again, to say how."""
_COLLECTION: Final[Mapping[str, str]] = {
    "adjustment_invalid_credit_action": "Paddle credits no invoice that it collects by itself.",
    "subscription_manual_retry_payment_not_allowed": "The customer pays this invoice, so Paddle collects nothing.",
    "subscription_not_automatic_collection": "The customer pays this invoice, so Paddle has no card to replace.",
}
_DECLINES: Final[Mapping[str, str]] = {
    "subscription_payment_declined": "declined",
    "subscription_payment_retry_attempts_exceeded": "declined_not_retryable",
    "subscription_missing_payment_method_cannot_retry_payment": "invalid_payment_details",
}
"""Of a retry that Paddle gives to few merchants and that we never send; their nearest code of a payment attempt."""
_SENTENCES: Final[Mapping[str, str]] = {
    "transaction_cannot_be_modified_and_canceled": "Paddle refused the request as malformed; that is a fault of Recoup's.",
    "adjustment_pending_refund_request": "A refund of this invoice waits for Paddle's approval; it cannot be credited now.",
    "adjustment_amount_above_remaining_allowed": "Part of this invoice is credited already; it cannot be credited in full.",
    "adjustment_transaction_missing_customer_id": "The invoice has no customer in Paddle, so it cannot be credited.",
    "transaction_billing_details_object_required": "The invoice has no billing details; add them in Paddle first.",
    "transaction_payment_terms_object_required": "The invoice has no payment terms; add them in Paddle first.",
    "transaction_currency_code_not_valid_for_manual": "Paddle issues invoices in USD, EUR and GBP only.",
    "transaction_checkout_url_domain_is_not_approved": "Paddle has not approved the domain of the payment page.",
    "transaction_default_checkout_url_not_set": (
        "There is no default payment page in Paddle, so it gives no link. Set one under Checkout, Checkout settings."
    ),
}
_STATUSES: Final = {
    401: RejectedReason.UNAUTHORIZED,
    403: RejectedReason.FORBIDDEN,
    404: RejectedReason.NOT_FOUND,
    429: RejectedReason.RATE_LIMITED,
}
_FAILURES: Final = {
    RejectedReason.UNAUTHORIZED: FailureReason.UNAUTHORIZED,
    RejectedReason.FORBIDDEN: FailureReason.FORBIDDEN,
    RejectedReason.RATE_LIMITED: FailureReason.RATE_LIMITED,
}


def read_failure(account: str, reply: Reply) -> ProviderFailure:
    """A read that was answered, but not with what was asked for."""
    error, request_id = error_of(reply), reply.request_id
    if reply.status >= 500:
        detail = f"Paddle is not working at the moment (it answered {reply.status})."
        return ProviderFailure(FailureReason.UNREACHABLE, detail, request_id=request_id, retry_after=reply.retry_after)
    reason = _reason(reply.status, error)
    failure = _FAILURES.get(reason, FailureReason.REFUSED)
    detail = UNDER_WAY.get(error.code or "") or _sentence(account, reason, error, reply.status)
    return ProviderFailure(failure, detail, request_id=request_id, retry_after=reply.retry_after)


def is_missing(reply: Reply) -> bool:
    """In Paddle's own words; a 404 without them is some other server's."""
    code = error_of(reply).code or ""
    return reply.status == 404 and (code == "not_found" or code.endswith("_not_found"))


def is_about_state(reply: Reply) -> bool:
    return 400 <= reply.status < 500 and error_of(reply).code in BY_STATE


def refusal(account: str, reply: Reply) -> Outcome:
    """The ending that a refused send has by itself."""
    error, request_id = error_of(reply), reply.request_id
    code = error.code or ""
    is_doubtful = reply.status == 408 or not 400 <= reply.status < 500
    if not is_doubtful and code in UNDER_WAY:
        return Pending(detail=f"{UNDER_WAY[code]} It was not changed so far.", request_id=request_id)
    if is_doubtful or (reply.status == 409 and code not in BY_STATE):
        return Unknown(cause=f"Paddle answered {reply.status}", request_id=request_id)
    if code in _DECLINES:
        return Declined(decline=decline_by(_DECLINES[code]), request_id=request_id)
    reason = _reason(reply.status, error)
    wait = reply.retry_after if reason is RejectedReason.RATE_LIMITED else None
    detail = _sentence(account, reason, error, reply.status)
    return Rejected(reason=reason, detail=detail, retry_after=wait, request_id=request_id)


def refusal_by_state(order: ActionOrder, reply: Reply, now: Invoice | None) -> Rejected:
    """The ending of a send that was refused because of how things stand; `now` is None where that can't be read."""
    label = now.label if now else order.invoice.label
    detail = f"Paddle refuses this for invoice {label} as it is now."
    if now is not None:
        already = "already " if now.status in {InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE} else ""
        detail = f"Invoice {label} is {already}{now.provider_status}, so Paddle refuses this."
    return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=now, request_id=reply.request_id)


def _reason(status: int, error: WireError) -> RejectedReason:
    code = error.code or ""
    if code in BAD_KEY:
        return RejectedReason.UNAUTHORIZED
    if code in LIMITS:
        return RejectedReason.RATE_LIMITED
    if code in _COLLECTION or code in BY_STATE:
        return RejectedReason.NOT_ACTIONABLE
    if code.endswith("_not_found"):
        return RejectedReason.NOT_FOUND
    return _STATUSES.get(status, RejectedReason.INVALID_REQUEST)


def _sentence(account: str, reason: RejectedReason, error: WireError, status: int) -> str:
    known = _SENTENCES.get(error.code or "") or _COLLECTION.get(error.code or "")
    if known is not None:
        return known
    if error.code is None:
        base = setting(account, "base_url")
        return f"It was not Paddle's API that answered ({status}). Look for a proxy in between, and at {base} if it is set."
    said = _said(error)
    sentences = {
        RejectedReason.UNAUTHORIZED: (
            f"Paddle does not accept the key of account {account}: it may be revoked or expired, or of the other mode. "
            f"Check {setting(account, 'api_key')}."
        ),
        RejectedReason.FORBIDDEN: f"The key of account {account} lacks a permission, or is of the other mode.{said}",
        RejectedReason.NOT_FOUND: f"Paddle has no such object in account {account}; look whether it is of the other mode.",
        RejectedReason.RATE_LIMITED: "Paddle asked us to slow down.",
    }
    return sentences.get(reason) or f"Paddle refused the request.{said}"


def _said(error: WireError) -> str:
    """Its words, and which field they are about."""
    fields = [f"{one.field} {one.message}".strip() for one in error.errors[:3]]
    words = "; ".join(part for part in (error.detail or error.code or "", *fields) if part)
    return f" Paddle says: {scrubbed(words)}" if words else ""
