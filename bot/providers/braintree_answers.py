"""What Braintree's errors mean: https://developer.paypal.com/braintree/graphql/guides/error_handling

An error is no proof that nothing was done. Only a class that says so, on the whole of the mutation, is a no; everything
else leaves doubt, above all a payment that was made and could not be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.providers.braintree_wire import WireAnswer, WireError, WireTransaction, answer_of, read
from bot.providers.http import Reply
from bot.providers.wording import scrubbed, setting

NOT_FOUND: Final = "NOT_FOUND"
IS_RUNNING: Final = "915233"
ABOUT_STATE: Final = frozenset({"91531", "91504", "91507", "81905"})
"""The subscription or the transaction is not in the state that the action needs."""
_DOUBTFUL_CODES: Final = frozenset({"915235"})
"""A fault of Braintree's own while it worked on the request."""
_REASONS: Final = {
    "AUTHENTICATION": RejectedReason.UNAUTHORIZED,
    "AUTHORIZATION": RejectedReason.FORBIDDEN,
    NOT_FOUND: RejectedReason.NOT_FOUND,
    "RESOURCE_LIMIT": RejectedReason.RATE_LIMITED,
    "NOT_IMPLEMENTED": RejectedReason.INVALID_REQUEST,
    "UNSUPPORTED_CLIENT": RejectedReason.INVALID_REQUEST,
    "VALIDATION": RejectedReason.INVALID_REQUEST,
}
"""The classes that mean that nothing was done; the rest is doubt."""
_FAULTS: Final = frozenset({"INTERNAL", "SERVICE_AVAILABILITY"})
_CODES: Final = {"91528": RejectedReason.NOT_FOUND, "91514": RejectedReason.FORBIDDEN}
_STATUSES: Final = {
    401: RejectedReason.UNAUTHORIZED,
    403: RejectedReason.FORBIDDEN,
    404: RejectedReason.NOT_FOUND,
    429: RejectedReason.RATE_LIMITED,
}
_SENTENCES: Final = {
    "91514": "The merchant account is suspended at Braintree, so nothing can be charged.",
    "91513": "Braintree does not know the merchant account of this subscription.",
    "91527": "The stored payment method does not belong to this subscription.",
    "81528": "The amount is larger than Braintree allows.",
}
_FAILURES: Final = {
    RejectedReason.UNAUTHORIZED: FailureReason.UNAUTHORIZED,
    RejectedReason.FORBIDDEN: FailureReason.FORBIDDEN,
    RejectedReason.RATE_LIMITED: FailureReason.RATE_LIMITED,
}


def transaction_in(reply: Reply, field: str) -> WireTransaction | None:
    """The transaction that a mutation answers with, whatever errors stand beside it; None where there is none."""
    try:
        payload = (answer_of(reply).data or {}).get(field)
        found = payload.get("transaction") if isinstance(payload, dict) else None
        return read(WireTransaction, found) if found is not None else None
    except ProviderFailure:
        return None


def is_about_state(reply: Reply, field: str) -> bool:
    """Whether a mutation was refused because of how the subscription or the transaction stands."""
    errors = _plain_no(reply, field)
    return any(error.code in ABOUT_STATE for error in errors or ())


def refusal(account: str, reply: Reply, field: str) -> Outcome:
    """The ending that an answer without a transaction has by itself."""
    if (by_status := _by_status(account, reply)) is not None:
        return by_status
    errors = _plain_no(reply, field)
    if errors is None:
        return Unknown(cause="Braintree's answer does not tell what it did", request_id=reply.request_id)
    if any(error.code == IS_RUNNING for error in errors):
        return Pending(detail="Braintree is still working on this request.", request_id=reply.request_id)
    reason, detail = _said(account, errors[0])
    wait = reply.retry_after if reason is RejectedReason.RATE_LIMITED else None
    return Rejected(reason=reason, detail=detail, retry_after=wait, request_id=reply.request_id)


def read_failure(account: str, reply: Reply, errors: Sequence[WireError]) -> ProviderFailure:
    """What errors of a read come to."""
    kinds = {error.kind for error in errors}
    if reply.status >= 500 or kinds & _FAULTS:
        failure, detail = FailureReason.UNREACHABLE, "Braintree has a fault of its own at the moment."
    else:
        known = _STATUSES.get(reply.status, RejectedReason.INVALID_REQUEST)
        by_status = (known, _by_reason(account, known) or f"Braintree answered {reply.status}.")
        reason, detail = _said(account, errors[0]) if errors else by_status
        failure = _FAILURES.get(reason, FailureReason.REFUSED)
    return ProviderFailure(failure, detail, request_id=reply.request_id, retry_after=reply.retry_after)


def _by_status(account: str, reply: Reply) -> Outcome | None:
    """What the status alone tells. Braintree itself answers 200; the rest is what stands before it, or what `meaning` made
    of an answer."""
    if reply.status >= 500 or reply.status in {408, 409}:
        return Unknown(cause=f"Braintree answered {reply.status}", request_id=reply.request_id)
    if reply.status < 400 or (reply.status == 429 and b'"errors"' in reply.content):
        return None
    reason = _STATUSES.get(reply.status, RejectedReason.INVALID_REQUEST)
    detail = _by_reason(account, reason) or f"Braintree answered {reply.status} and did nothing."
    return Rejected(reason=reason, detail=detail, retry_after=reply.retry_after, request_id=reply.request_id)


def _plain_no(reply: Reply, field: str) -> list[WireError] | None:
    """The errors of a mutation that surely was not done; None where that is not sure."""
    try:
        answer = answer_of(reply)
    except ProviderFailure:
        return None
    is_done = (answer.data or {}).get(field) is not None
    if is_done or not answer.errors or any(_is_doubtful(error, answer, field) for error in answer.errors):
        return None
    return answer.errors


def _is_doubtful(error: WireError, answer: WireAnswer, field: str) -> bool:
    """An error without a class is one of the query itself, and before execution, only where it names no field of it."""
    path = error.path or []
    if len(path) > 1 or (path and path[0] != field) or error.code in _DOUBTFUL_CODES:
        return True
    if error.kind is None:
        return bool(path) or answer.data is not None
    return error.kind not in _REASONS


def _said(account: str, error: WireError) -> tuple[RejectedReason, str]:
    code = error.code or ""
    reason = _CODES.get(code) or _REASONS.get(error.kind or "", RejectedReason.INVALID_REQUEST)
    if error.kind == "VALIDATION" and code in ABOUT_STATE:
        reason = RejectedReason.NOT_ACTIONABLE
    said = scrubbed(error.message)
    detail = _SENTENCES.get(code) or _by_reason(account, reason)
    return reason, detail or f"Braintree refused the request.{f' Braintree says: {said}' if said else ''}"


def _by_reason(account: str, reason: RejectedReason) -> str | None:
    sentences = {
        RejectedReason.UNAUTHORIZED: (
            f"Braintree does not accept the keys of account {account}; check {setting(account, 'public_key')}, "
            f"{setting(account, 'private_key')} and {setting(account, 'mode')}."
        ),
        RejectedReason.FORBIDDEN: f"The control-panel user of account {account} lacks the right to do this at Braintree.",
        RejectedReason.NOT_FOUND: f"Braintree has no such object in account {account}.",
        RejectedReason.RATE_LIMITED: "Braintree asked us to slow down.",
    }
    return sentences.get(reason)
