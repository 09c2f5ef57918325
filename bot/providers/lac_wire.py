"""LAC's invoice as far as we read it, and what its refusals mean.

https://docs.lastaccountingcompany.com/api-reference: amounts are whole cents, and no currency is named anywhere. The words
of `status` and `error` are documented nowhere: the one is shown as it came, the other is not read; HTTP's status decides.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.outcome import Rejected, RejectedReason, Unknown
from bot.providers.http import Reply
from bot.providers.wording import scrubbed, setting

DOUBTFUL: Final = frozenset({408, 424})
"""Refusals that do not prove that nothing happened."""
_REJECTED: Final = {
    401: RejectedReason.UNAUTHORIZED,
    403: RejectedReason.FORBIDDEN,
    404: RejectedReason.NOT_FOUND,
    409: RejectedReason.NOT_ACTIONABLE,
    422: RejectedReason.NOT_ACTIONABLE,
    429: RejectedReason.RATE_LIMITED,
}
_FAILED: Final = {
    401: FailureReason.UNAUTHORIZED,
    403: FailureReason.FORBIDDEN,
    429: FailureReason.RATE_LIMITED,
}


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class WireParty(_Wire):
    """Who is invoiced."""

    id: str | None = None
    name: str | None = None
    email: str | None = None


class WireInvoice(_Wire):
    """A PortalInvoice. What is not documented as coming back may be missing or of any shape."""

    id: str
    status: str
    customer: Annotated[WireParty | Any, Field(union_mode="left_to_right")] = None
    gross_cents: Any = None
    lines: Any = None

    @property
    def party(self) -> WireParty:
        return self.customer if isinstance(self.customer, WireParty) else WireParty()

    @property
    def total(self) -> int | None:
        """In cents: the invoice's own word, else the sum of its lines; None where neither is whole cents."""
        if (own := _cents(self.gross_cents)) is not None:
            return own
        if not isinstance(self.lines, list) or not self.lines:
            return None
        parts = [_cents(line.get("gross_cents")) if isinstance(line, dict) else None for line in self.lines]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


class _Envelope(_Wire):
    detail: str


class _Refusal(_Envelope):
    error: str


def invoice_of(reply: Reply) -> WireInvoice | None:
    """The body of a 2xx; None for HTML, half an answer or another shape."""
    try:
        return WireInvoice.model_validate_json(reply.content)
    except ValidationError:
        return None


def is_envelope(reply: Reply) -> bool:
    """Whether the body is the pair of words in which LAC refuses."""
    try:
        return bool(_Refusal.model_validate_json(reply.content).error)
    except ValidationError:
        return False


def refusal(account: str, reply: Reply) -> Rejected | Unknown:
    """What a send came to that was not answered with 2xx."""
    if reply.status in DOUBTFUL or not 400 <= reply.status < 500:
        return Unknown(cause=f"LAC answered {reply.status}", request_id=reply.request_id)
    reason = _REJECTED.get(reply.status, RejectedReason.INVALID_REQUEST)
    key = setting(account, "api_key")
    sentences = {
        401: f"LAC does not accept the key of account {account}; check {key}.",
        403: f"LAC needs a write-scoped key to send an invoice; set {key} to one.",
        404: f"LAC has no such invoice in the company of account {account}; check the id.",
        409: "LAC does not send this invoice now.",
        422: "LAC does not send this invoice again.",
        429: "LAC asked us to slow down.",
    }
    return Rejected(
        reason=reason,
        detail=_told(sentences.get(reply.status, "LAC refused the request."), reply),
        retry_after=reply.retry_after if reason is RejectedReason.RATE_LIMITED else None,
        request_id=reply.request_id,
    )


def read_failure(account: str, key_name: str, reply: Reply) -> ProviderFailure:
    """A PDF that did not come; `key_name` is the setting whose key asked for it."""
    if reply.status >= 500:
        reason, sentence = FailureReason.UNREACHABLE, f"LAC is not working at the moment (it answered {reply.status})."
    else:
        reason, key = _FAILED.get(reply.status, FailureReason.REFUSED), setting(account, key_name)
        sentences = {
            401: f"LAC does not accept the key of account {account}; check {key}.",
            403: f"LAC does not show this to the key of account {account}; check {key}.",
            429: "LAC asked us to slow down.",
        }
        sentence = _told(sentences.get(reply.status, f"LAC gave no PDF (it answered {reply.status})."), reply)
    return ProviderFailure(reason, sentence, request_id=reply.request_id, retry_after=reply.retry_after)


def _told(sentence: str, reply: Reply) -> str:
    """With LAC's own words, where there are any: what a proxy answers has none."""
    try:
        said = scrubbed(_Envelope.model_validate_json(reply.content).detail)
    except ValidationError:
        said = ""
    return f"{sentence} LAC says: {said}" if said else sentence


def _cents(value: object) -> int | None:
    """Neither a float nor `true` is an amount."""
    return value if type(value) is int else None
