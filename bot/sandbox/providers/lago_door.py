"""What stands before the fake Lago's execution: API keys with their permissions, and the organization's rate limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import lago_errors as errors
from bot.sandbox.wire import Fault


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


class RateLimit:
    """So many requests in any one second, told in the headers of every answer; None is no limit and no headers."""

    def __init__(self) -> None:
        self.per_second: int | None = None
        self.retry_after: int = 1
        self._recent: deque[float] = deque()

    def take(self, now: float) -> None:
        """Raises LagoError 429; a refused request does not count."""
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.per_second is not None and len(self._recent) >= self.per_second:
            raise self.exceeded()
        self._recent.append(now)

    def exceeded(self) -> errors.LagoError:
        return errors.LagoError(429, {"status": 429, "error": "Too Many Requests"}, self.headers)

    @property
    def headers(self) -> dict[str, str]:
        left = max((self.per_second or 50) - len(self._recent), 0)
        reset = {"X-RateLimit-Limit": str(self.per_second or 50), "X-RateLimit-Reset": str(self.retry_after)}
        return {**reset, "X-RateLimit-Remaining": str(left)}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
