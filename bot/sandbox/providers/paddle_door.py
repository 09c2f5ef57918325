"""What stands before the fake Paddle's execution: API keys with their permissions, and the limit of the IP address."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import paddle_errors as errors
from bot.sandbox.wire import Fault


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`permissions` None may do all; else words like `transaction.write`, which includes reading."""

    secret: str = field(repr=False)
    permissions: frozenset[str] | None = None

    def require(self, entity: str, *, write: bool = False) -> None:
        """Raises PaddleError 403 `forbidden`."""
        if self.permissions is None or f"{entity}.write" in self.permissions:
            return
        if not write and f"{entity}.read" in self.permissions:
            return
        raise errors.forbidden()


def admit(headers: Mapping[str, str], keys: Collection[ApiKey]) -> ApiKey:
    """Raises PaddleError 403, also for a key that is not known."""
    given = headers.get("authorization", "")
    if not given:
        raise errors.unauthorized("authentication_missing")
    scheme, _, secret = given.partition(" ")
    if scheme != "Bearer" or not secret.strip():
        raise errors.unauthorized("authentication_malformed")
    for key in keys:
        if key.secret == secret.strip():
            return key
    raise errors.unauthorized("invalid_token")


class RateLimit:
    """So many requests in any one second; None is no limit. Paddle's own is 240 in a minute."""

    def __init__(self) -> None:
        self.per_second: int | None = None
        self.retry_after: int = 1
        self._recent: deque[float] = deque()

    def take(self, now: float) -> None:
        """Raises PaddleError 429; a refused request does not count."""
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.per_second is not None and len(self._recent) >= self.per_second:
            raise errors.too_many(self.retry_after)
        self._recent.append(now)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
