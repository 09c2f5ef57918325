"""What Recurly's refusals mean: for a read a failure, for a send one of the endings.

Errors come as `{"error": {"type", "message", …}}`: https://recurly.com/developers/api/v2021-02-25/#section/Errors. Types
are an open list, so one that is new is judged by the HTTP status; messages are shown and never matched.
"""

from __future__ import annotations

from typing import Final

from bot.domain.action import Action
from bot.domain.decline import Decline, DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceStatus, NoMethod, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.ports import ActionOrder
from bot.providers.http import Reply
from bot.providers.recurly_declines import SET_UP, Trouble, decline_of, trouble_of, wait_for
from bot.providers.recurly_wire import WireError, WireTransactionError, error_of
from bot.providers.wording import scrubbed, setting

DOUBTFUL: Final = frozenset({408, 409})
"""Refusals that do not prove that nothing happened."""
SIMULTANEOUS: Final = 5.0
"""Seconds until another request has let go of the invoice."""
NO_METHOD: Final = Decline(DeclineClass.NEEDS_NEW_METHOD, "no_billing_information", "no payment method is on file")
GATEWAY_SILENT: Final = "the payment gateway did not answer Recurly, and may have charged; look there before a new try"

_REASONS: Final = {
    401: RejectedReason.UNAUTHORIZED,
    403: RejectedReason.FORBIDDEN,
    404: RejectedReason.NOT_FOUND,
    429: RejectedReason.RATE_LIMITED,
}
_BY_TYPE: Final = {
    "invalid_api_key": RejectedReason.UNAUTHORIZED,
    "missing_feature": RejectedReason.FORBIDDEN,
}
_FAILURES: Final = {
    RejectedReason.UNAUTHORIZED: FailureReason.UNAUTHORIZED,
    RejectedReason.FORBIDDEN: FailureReason.FORBIDDEN,
    RejectedReason.RATE_LIMITED: FailureReason.RATE_LIMITED,
}
NOT_SENT: Final = {
    FailureReason.RATE_LIMITED: RejectedReason.RATE_LIMITED,
    FailureReason.UNAUTHORIZED: RejectedReason.UNAUTHORIZED,
    FailureReason.FORBIDDEN: RejectedReason.FORBIDDEN,
    FailureReason.WRONG_MODE: RejectedReason.WRONG_MODE,
}


def read_failure(account: str, reply: Reply) -> ProviderFailure:
    """A read that was answered, but not with what was asked for."""
    error = error_of(reply)
    if reply.status >= 500:
        reason, detail = FailureReason.UNREACHABLE, f"Recurly is not working at the moment (it answered {reply.status})."
    else:
        rejected = _reason(reply.status, error)
        reason, detail = _FAILURES.get(rejected, FailureReason.REFUSED), _sentence(account, reply.status, error)
    return ProviderFailure(reason, detail, request_id=reply.request_id, retry_after=reply.retry_after)


def is_missing(reply: Reply) -> bool:
    """A 404 in Recurly's own words; any other is a page that is not there."""
    return reply.status == 404 and error_of(reply).type == "not_found"


def not_sent(failure: ProviderFailure) -> Rejected:
    """What had to be read before a send could not be."""
    return Rejected(
        reason=NOT_SENT.get(failure.reason, RejectedReason.UNREACHABLE),
        detail=f"{failure.detail} Nothing was sent.",
        retry_after=failure.retry_after,
        request_id=failure.request_id,
    )


def declined_in(order: ActionOrder, reply: Reply) -> WireTransactionError | None:
    """The bank's no in a refusal: there is a transaction behind it."""
    error = error_of(reply)
    if order.action is not Action.RETRY or reply.status != 422 or error.transaction_error is None:
        return None
    return error.transaction_error if trouble_of(error.transaction_error) is None else None


def is_about_state(reply: Reply) -> bool:
    """Whether the invoice has to be read again to say why it was refused."""
    error = error_of(reply)
    return reply.status == 422 and error.transaction_error is None and error.type in {None, "validation"}


def refusal(order: ActionOrder, reply: Reply) -> Outcome:
    """The ending that a refused send has by itself."""
    error, request_id = error_of(reply), reply.request_id
    if reply.status in DOUBTFUL or not 400 <= reply.status < 500:
        return Unknown(cause=f"Recurly answered {reply.status}", request_id=request_id)
    if reply.status == 422 and error.transaction_error is not None:
        return _by_transaction(error.transaction_error, request_id)
    reason = _reason(reply.status, error)
    if error.type == "simultaneous_request":
        detail = "Recurly is working on this invoice or its customer already; nothing was charged by this request."
        return Rejected(reason=RejectedReason.RATE_LIMITED, detail=detail, retry_after=SIMULTANEOUS, request_id=request_id)
    wait = reply.retry_after if reason is RejectedReason.RATE_LIMITED else None
    detail = _sentence(order.invoice.ref.account, reply.status, error)
    return Rejected(reason=reason, detail=detail, retry_after=wait, request_id=request_id)


def refusal_by_state(order: ActionOrder, reply: Reply, now: Invoice | None) -> Outcome:
    """The ending of a send that was refused as invalid; `now` is None where the invoice can't be read."""
    request_id = reply.request_id
    if now is not None and now.payment is PaymentState.PROCESSING and order.action is Action.RETRY:
        return Pending(detail="A payment of this invoice is already under way.", invoice=now, request_id=request_id)
    if now is not None and now.status is not InvoiceStatus.OPEN:
        already = "already " if now.status is InvoiceStatus.PAID else ""
        detail = f"Invoice {now.label} is {already}{now.provider_status}."
        return Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail=detail, invoice=now, request_id=request_id)
    if now is not None and order.action is Action.RETRY and order.method is None and isinstance(now.method, NoMethod):
        return Declined(decline=NO_METHOD, invoice=now, request_id=request_id)
    detail = _plain(error_of(reply))
    if order.action is Action.RETRY:
        detail += " It may take only one attempt per customer and hour; nothing was charged."
    return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail, invoice=now, request_id=request_id)


def _by_transaction(error: WireTransactionError, request_id: str | None) -> Outcome:
    match trouble_of(error):
        case Trouble.TIMED_OUT:
            return Unknown(cause=GATEWAY_SILENT, request_id=request_id)
        case Trouble.BUSY:
            detail = "Another payment of this invoice is in the way; it is looked at again before the next try."
            wait = wait_for(error.code)
            return Rejected(reason=RejectedReason.RATE_LIMITED, detail=detail, retry_after=wait, request_id=request_id)
        case Trouble.SET_UP:
            detail = f"{SET_UP.capitalize()} ({scrubbed(error.code or 'no code')}); set it right in Recurly first."
            return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail, request_id=request_id)
        case None:
            return Declined(decline=decline_of(error), request_id=request_id)


def _reason(status: int, error: WireError) -> RejectedReason:
    return _BY_TYPE.get(error.type or "") or _REASONS.get(status, RejectedReason.INVALID_REQUEST)


def _sentence(account: str, status: int, error: WireError) -> str:
    said = f" Recurly says: {scrubbed(error.message)}" if error.message else ""
    if error.type == "missing_feature":
        return f"The plan of this Recurly site does not include it.{said}"
    if status == 401 or error.type == "invalid_api_key":
        key, region = setting(account, "api_key"), setting(account, "region")
        return f"Recurly does not accept the key of account {account}; check {key}, and {region}: a key works in one only."
    sentences = {
        403: f"The key of account {account} may not do this.{said}",
        404: f"Recurly has no such object in account {account}.{said}",
        406: "Recurly does not speak the version of its API that Recoup asks for; Recoup needs an update.",
        429: "Recurly asked us to slow down.",
    }
    return sentences.get(status) or _plain(error)


def _plain(error: WireError) -> str:
    return f"Recurly refused the request: {scrubbed(error.message)}" if error.message else "Recurly refused the request."
