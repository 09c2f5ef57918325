"""What stands before the fake Lago's execution: API keys with their permissions, and the organization's rate limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import lago_errors as errors
from bot.sandbox.providers.limit import Limit
from bot.sandbox.wire import Fault

_USUAL = 50


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`permissions` None may do all; else words like `invoice:write`, which includes reading."""

    secret: str = field(repr=False)
    permissions: frozenset[str] | None = None

    def require(self, resource: str, *, write: bool) -> None:
        """Raises LagoError 403."""
        if self.permissions is None or f"{resource}:write" in self.permissions:
            return
        if not write and f"{resource}:read" in self.permissions:
            return
        raise errors.refused(403, f"{'write' if write else 'read'}_action_not_allowed_for_{resource}")


def admit(headers: Mapping[str, str], keys: Collection[ApiKey]) -> ApiKey:
    """Raises LagoError 401, which carries no code."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    for key in keys:
        if scheme.lower() == "bearer" and key.secret == given.strip():
            return key
    raise errors.refused(401)


class RateLimit(Limit):
    """Lago's word for too many requests, and the headers of every answer."""

    def __init__(self) -> None:
        super().__init__(retry_after=1)

    def refusal(self) -> errors.LagoError:
        return errors.LagoError(429, {"status": 429, "error": "Too Many Requests"}, self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.per_second or _USUAL),
            "X-RateLimit-Reset": str(self.retry_after or 0),
            "X-RateLimit-Remaining": str(self.left(_USUAL)),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
