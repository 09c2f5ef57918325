"""How an attempt ended: five cases, no sixth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.decline import Decline
from bot.domain.invoice import Invoice
from bot.domain.money import Money


class RejectedReason(StrEnum):
    """Why something surely did not happen (the provider pages' words), `unreachable` and `not_applied` being ours."""

    NOT_ACTIONABLE = "not_actionable"
    NOT_FOUND = "not_found"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    INVALID_REQUEST = "invalid_request"
    WRONG_MODE = "wrong_mode"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    NOT_APPLIED = "not_applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """It happened. `charged` is what was collected, for a retry.

    `ours` is False where only the invoice's state proves it: it is paid, by this attempt or by another payment.
    `detail` is the provider's own story, a few words for a person, where ours would promise too much.
    """

    invoice: Invoice | None = None
    charged: Money | None = None
    ours: bool = True
    detail: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The provider accepted it and will know later (bank debits take days)."""

    detail: str
    invoice: Invoice | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The bank said no."""

    decline: Decline
    invoice: Invoice | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """It surely did not happen, and not by a bank's word. `detail` is one sentence for a person.

    `retry_after` (seconds) may come with RATE_LIMITED, which is no ending: the same attempt is sent again.
    """

    reason: RejectedReason
    detail: str
    retry_after: float | None = None
    invoice: Invoice | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened. Only reading settles it. `cause` is a few words for a person."""

    cause: str
    request_id: str | None = None


Outcome = Succeeded | Pending | Declined | Rejected | Unknown
