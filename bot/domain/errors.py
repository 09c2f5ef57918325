"""The errors that the core itself raises.

    RecoupError
    ├── UnusableValue      a value from outside cannot be what it claims (also a ValueError)
    ├── ProviderFailure    a read at a provider did not give an answer
    ├── NotBegun           nothing may be sent now: the bot is frozen, or a limit is reached
    ├── LeaseLost          another worker owns the action now; this one must neither send nor write
    └── JournalUnavailable the database did not take or give a record

Endings of a decision are never errors: see `bot.domain.outcome`.
"""

from __future__ import annotations

from enum import StrEnum

from bot.domain.refusal import Refusal


class RecoupError(Exception):
    """Everything raised on purpose by the core."""


class UnusableValue(RecoupError, ValueError):
    """A value from outside that cannot be used; the message is one sentence for a person, without secrets."""


class FailureReason(StrEnum):
    """Why a read at a provider gave nothing."""

    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    UNREADABLE = "unreadable"
    WRONG_MODE = "wrong_mode"
    REFUSED = "refused"


class ProviderFailure(RecoupError):
    """A read at a provider gave no answer that can be trusted.

    `detail` is one sentence without secrets and without the provider's raw body; `request_id` is the vendor's, for its
    support; `retry_after` is seconds to wait when the vendor said so.
    """

    def __init__(
        self, reason: FailureReason, detail: str, *, request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after


class NotBegun(RecoupError):
    """The attempt was not written down and must not be sent; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.kind.value)
        self.refusal = refusal


class LeaseLost(RecoupError):
    """The compare-and-set on the lease found another owner or another state."""


class JournalUnavailable(RecoupError):
    """The database did not answer, is read-only or full; nothing may be acknowledged and nothing may be sent."""
