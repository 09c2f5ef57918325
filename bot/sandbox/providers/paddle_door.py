"""What stands before the fake Paddle's execution: API keys with their permissions, and the limit of the IP address."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import paddle_errors as errors
from bot.sandbox.providers.limit import Limit
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


class RateLimit(Limit):
    """Paddle's word for too many requests. The real limit is 240 in a minute."""

    def __init__(self) -> None:
        super().__init__(retry_after=1)

    def refusal(self) -> errors.PaddleError:
        return errors.too_many(self.retry_after or 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
