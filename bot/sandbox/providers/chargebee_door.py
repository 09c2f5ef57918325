"""What stands before the fake Chargebee's execution: API keys, the rate limit and the memory of idempotency keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import chargebee_errors as errors
from bot.sandbox.providers.limit import Limit
from bot.sandbox.wire import Fault

KEY_LIFE = 30 * 60.0
LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A full-access key, or one that may only read."""

    secret: str = field(repr=False)
    may_write: bool = True


def admit(headers: Mapping[str, str], keys: Collection[ApiKey]) -> ApiKey:
    """The key is the user of basic authentication, and the password is empty. Raises ChargebeeError 401."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    try:
        user, colon, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise errors.unauthorized() from None
    for key in keys:
        if scheme.lower() == "basic" and (user, colon, password) == (key.secret, ":", ""):
            return key
    raise errors.unauthorized()


class RateLimit(Limit):
    """Chargebee's word for too many requests. The real one counts by the minute, which no test waits for."""

    def refusal(self) -> Exception:
        return errors.too_many(self.retry_after)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    asked: tuple[str, object]
    answer: Answer | None
    at: float
    running_until: float


class KeyMemory:
    """First answers by idempotency key, for 30 minutes: https://apidocs.chargebee.com/docs/api/idempotency"""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def recall(self, key: str, asked: tuple[str, object], now: float) -> Answer | None:
        """The first answer, marked as a replay. Raises ChargebeeError 422 where `asked`, path and parameters, differs, and
        429 while the first request still runs."""
        if len(key) > LONGEST_KEY:
            raise errors.invalid("The idempotency key is too long")
        kept = self._kept.get(key)
        if kept is None or now >= kept.at + KEY_LIFE:
            self._kept.pop(key, None)
            return None
        if kept.asked != asked:
            raise errors.key_misused()
        if now < kept.running_until:
            raise errors.locked()
        if kept.answer is None:  # it hung, and never began
            del self._kept[key]
            return None
        headers = {**kept.answer.headers, "chargebee-idempotency-replayed": "true"}
        return Answer(kept.answer.status, kept.answer.body, kept.answer.content_type, headers)

    def keep(self, key: str, asked: tuple[str, object], answer: Answer | None, times: tuple[float, float]) -> None:
        """`times` are now, and until when the request still runs. No answer: nothing to remember once it has ended."""
        self._kept[key] = _Kept(asked, answer, *times)
