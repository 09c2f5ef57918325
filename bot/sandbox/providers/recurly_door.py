"""What stands before the fake Recurly's execution: its key, the version header, the rate limit and the memory of keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import recurly_errors as errors
from bot.sandbox.providers.limit import Limit
from bot.sandbox.wire import Fault

VERSION = "v2021-02-25"
ACCEPTED = (f"application/vnd.recurly.{VERSION}", f"application/vnd.recurly.{VERSION}+json")
_USUAL = 400
"""Requests a minute that a test site is told."""
KEY_LIFE = 3600.0
LONGEST_KEY = 255


def admit(headers: Mapping[str, str], secret: str) -> None:
    """Raises RecurlyError 401, or 406 for a version that is not asked for as it should be."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user, password = "", ""
    if scheme.lower() != "basic" or user != secret or password:
        raise errors.RecurlyError(401, "unauthorized", "The key is not a key of this site.")
    if headers.get("accept", "") not in ACCEPTED:
        extra = {"acceptable_accept_headers": [ACCEPTED[0]]}
        message = "The accept header names no version of the API."
        raise errors.RecurlyError(406, "invalid_api_version", message, extra=extra)


class RateLimit(Limit):
    """Recurly's word for too many requests, and the headers of every answer."""

    def __init__(self) -> None:
        super().__init__(retry_after=1)

    def refusal(self) -> Exception:
        return errors.too_many()

    def headers(self, now: float) -> dict[str, str]:
        """The end of the limit is a moment, in seconds since 1970."""
        return {
            "X-RateLimit-Limit": str(self.per_second or _USUAL),
            "X-RateLimit-Remaining": str(self.left(_USUAL)),
            "X-RateLimit-Reset": str(int(now) + (self.retry_after or 0)),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    at: float
    running_until: float


class KeyMemory:
    """First answers by key, method and path, for one hour."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Kept] = {}

    def recall(self, key: str, method: str, path: str, now: float) -> Answer | None:
        """The first answer, marked as a prior one. Raises RecurlyError 400 for a key that is too long, 409 while the first
        request still runs."""
        if len(key) > LONGEST_KEY:
            raise errors.RecurlyError(400, "bad_request", "The idempotency key is too long.", is_kept=False)
        kept = self._kept.get((key, method, path))
        if kept is None or now >= kept.at + KEY_LIFE:
            return None
        if now < kept.running_until:
            raise errors.StillRunning(2)
        answer = kept.answer
        return Answer(answer.status, answer.body, answer.content_type, {**answer.headers, "Idempotency-Prior": "true"})

    def keep(self, key: str, method: str, path: str, answer: Answer, *, at: float, running_until: float) -> None:
        self._kept[key, method, path] = _Kept(answer, at, running_until)
