"""What Lago's refusals mean: for a read a failure, for a send one of the endings.

Errors come as `{status, error, code, error_details}`; a 405 is a rule of Lago's, not a wrong verb:
https://getlago.com/docs/api-reference/intro
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.domain.action import Action
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceStatus, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.ports import ActionOrder
from bot.providers.http import Reply
from bot.providers.lago_invoices import NO_METHOD
from bot.providers.lago_wire import WireError, error_of
from bot.providers.wording import scrubbed, setting

DOUBTFUL: Final = frozenset({408, 409})
"""Refusals that do not prove that nothing happened."""
NO_PREMIUM: Final = frozenset({"feature_unavailable", "premium_license_required"})
UNDER_WAY: Final = "payment_processor_is_currently_handling_payment"
_BEHIND: Final = frozenset({"third_party_error", "provider_error"})
"""A 422 that is the payment provider's trouble, behind Lago: no proof of anything."""
_NO_METHOD: Final = frozenset(
    {"customer_must_have_payment_provider", "missing_payment_provider_customer", "no_linked_payment_provider"}
)
_BY_STATE: Final = frozenset(
    {
        "invalid_status", "not_voidable", "invoice_not_finalized", "not_disputable", "not_deletable",
        "update_on_voided_invoice", "payment_status_update_on_draft_invoice", "invalid_invoice_status_or_payment_status",
    }
)  # fmt: skip
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
LINK_INSTEAD: Final = "Give the customer the payment link instead."
_WITHOUT_RESEND: Final = f"This Lago is too old to e-mail an invoice again. {LINK_INSTEAD}"
_UNPREMIUM: Final[Mapping[Action, str]] = {
    Action.RESEND: f"Lago e-mails an invoice again only with a premium licence. {LINK_INSTEAD}",
    Action.FINALIZE: "Lago finalizes only invoices of subscriptions this way; finalize this one in Lago itself.",
    Action.REFRESH: "Lago refreshes only drafts of subscriptions; this one stays as it is.",
}
_SENTENCES: Final[Mapping[str, str]] = {
    "email_settings_disabled": f"In Lago, e-mails with invoices are turned off for this billing entity. {LINK_INSTEAD}",
    "cannot_finalize_with_pending_taxes": "Lago still waits for the taxes of this draft; try again once they have come.",
    "void_operation_failed": "Lago could not void the invoice.",
}
_RECIPIENTS: Final[Mapping[str, str]] = {
    "to": f"Lago has no e-mail address of this customer that works; correct it in Lago. {LINK_INSTEAD}",
    "billing_entity": f"In Lago, the billing entity has no e-mail address to send from; add one there. {LINK_INSTEAD}",
}
"""By the field that a validation of the e-mail names."""


def read_failure(account: str, reply: Reply) -> ProviderFailure:
    """A read that was answered, but not with what was asked for."""
    error = error_of(reply)
    if reply.status >= 500:
        reason, detail = FailureReason.UNREACHABLE, f"Lago is not working at the moment (it answered {reply.status})."
    elif error.code in _BEHIND:
        reason, detail = FailureReason.UNREACHABLE, "The payment provider behind Lago did not answer as it should."
    else:
        reason, detail = _FAILURES.get(reply.status, FailureReason.REFUSED), _sentence(account, reply.status, error)
    return ProviderFailure(reason, detail, request_id=reply.request_id, retry_after=reply.retry_after)


def is_missing(reply: Reply) -> bool:
    """A 404 in Lago's own words: there is no such object. Without a code it is the route that is not there."""
    return reply.status == 404 and (error_of(reply).code or "").endswith("_not_found")


def lacks_premium(reply: Reply) -> bool:
    return reply.status == 403 and error_of(reply).code in NO_PREMIUM


def is_about_state(order: ActionOrder, reply: Reply) -> bool:
    """Whether the invoice has to be read again to say why it was refused. A draft that is none is not found by Lago."""
    is_gone = order.action is Action.FINALIZE and reply.status == 404
    return is_gone or bool(_BY_STATE.intersection(error_of(reply).words))


def refusal(order: ActionOrder, reply: Reply) -> Outcome:
    """The ending that a refused send has by itself."""
    error = error_of(reply)
    if reply.status in DOUBTFUL or not 400 <= reply.status < 500 or (reply.status == 422 and error.code in _BEHIND):
        return Unknown(cause=f"Lago answered {reply.status}", request_id=reply.request_id)
    if error.code == UNDER_WAY:
        return Pending(detail="A payment of this invoice is already under way.", request_id=reply.request_id)
    if order.action is Action.RETRY and _NO_METHOD.intersection(error.words):
        return Declined(decline=NO_METHOD, request_id=reply.request_id)
    reason, detail = _rejection(order, reply, error)
    wait = reply.retry_after if reason is RejectedReason.RATE_LIMITED else None
    return Rejected(reason=reason, detail=detail, retry_after=wait, request_id=reply.request_id)


def refusal_by_state(order: ActionOrder, reply: Reply, now: Invoice | None) -> Outcome:
    """The ending of a send that was refused because of how the invoice stands; `now` is None where it can't be read."""
    request_id = reply.request_id
    if now is None and reply.status == 404:
        return refusal(order, reply)
    if now is None:
        return Rejected(
            reason=RejectedReason.NOT_ACTIONABLE,
            detail=f"Lago refuses this for invoice {order.invoice.label} as it is now.",
            request_id=request_id,
        )
    if now.payment is PaymentState.PROCESSING and order.action is Action.RETRY:
        return Pending(detail="A payment of this invoice is already under way.", invoice=now, request_id=request_id)
    already = "already " if now.status is InvoiceStatus.PAID else ""
    detail = f"Invoice {now.label} is {already}{now.provider_status}."
    return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=now, request_id=request_id)


def _rejection(order: ActionOrder, reply: Reply, error: WireError) -> tuple[RejectedReason, str]:
    account = order.invoice.ref.account
    if order.action is Action.RESEND and reply.status == 404 and not is_missing(reply):
        return RejectedReason.INVALID_REQUEST, _WITHOUT_RESEND
    if lacks_premium(reply) and order.action in _UNPREMIUM:
        return RejectedReason.FORBIDDEN, _UNPREMIUM[order.action]
    reason = _REASONS.get(reply.status, RejectedReason.INVALID_REQUEST)
    for field, sentence in _RECIPIENTS.items():
        if order.action is Action.RESEND and field in error.error_details:
            return reason, sentence
    known = next((_SENTENCES[word] for word in error.words if word in _SENTENCES), None)
    return reason, known or _sentence(account, reply.status, error)


def _no_route(account: str) -> str:
    return f"There is no such page at this Lago; check that {setting(account, 'base_url')} ends in /api/v1."


def _sentence(account: str, status: int, error: WireError) -> str:
    said = f" Lago says: {scrubbed(', '.join(error.words))}." if error.words else ""
    sentences = {
        401: f"Lago does not accept the key of account {account}; check {setting(account, 'api_key')}.",
        403: f"The key of account {account} may not do this, or the licence of this Lago does not include it.{said}",
        404: f"Lago has no such object in account {account}.{said}" if error.code else _no_route(account),
        429: "Lago asked us to slow down.",
    }
    return sentences.get(status) or f"Lago refused the request.{said}"
