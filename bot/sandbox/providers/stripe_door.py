"""What stands before the fake Stripe's execution: API keys, the rate limit and the memory of idempotency keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.limit import Limit
from bot.sandbox.wire import Fault

KEY_LIFE = 24 * 3600.0
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`permissions` None is a full secret key; else the names that Stripe's 403 uses, `rak_invoice_write` say."""

    secret: str = field(repr=False)
    live: bool = False
    permissions: frozenset[str] | None = None

    @property
    def shown(self) -> str:
        return masked(self.secret)

    def require(self, permission: str, account: str) -> None:
        """Raises StripeError 403. Write includes read."""
        if self.permissions is None or permission in self.permissions:
            return
        if permission.endswith("_read") and f"{permission.removesuffix('_read')}_write" in self.permissions:
            return
        raise errors.forbidden(self.shown, account, permission)


def masked(secret: str) -> str:
    return f"{secret[:8]}{'*' * 8}{secret[-4:]}" if len(secret) > 12 else "*" * len(secret)


def admit(headers: Mapping[str, str], keys: Collection[ApiKey]) -> ApiKey:
    """The key of a request, bearer or basic. Raises StripeError 401."""
    given = _given(headers.get("authorization", ""))
    if not given:
        raise errors.unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
            "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if given.startswith("pk_"):
        message = "This API call cannot be made with a publishable API key. Please use a secret API key."
        raise errors.unauthorized(message, "secret_key_required")
    for key in keys:
        if key.secret == given:
            return key
    raise errors.unauthorized(f"Invalid API Key provided: {masked(given)}")


def _given(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return base64.b64decode(rest, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        case _:
            return ""


class RateLimit(Limit):
    """Stripe's word for too many requests."""

    def refusal(self) -> Exception:
        return errors.too_many("global-rate", self.retry_after)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making, before the headers that every reply has."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    asked: tuple[str, object]
    answer: Answer | None
    at: float
    running_until: float
    request_id: str


class KeyMemory:
    """First answers by idempotency key, for 24 hours (https://docs.stripe.com/api/idempotent_requests)."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def recall(self, key: str, asked: tuple[str, object], now: float) -> Answer | None:
        """The first answer, marked as a replay. `asked` is path and parameters. Raises StripeError 400 when they differ,
        409 while the first request still runs."""
        if len(key) > LONGEST_KEY:
            raise errors.key_misused(f"Idempotency keys are at most {LONGEST_KEY} characters long.")
        kept = self._kept.get(key)
        if kept is None or now >= kept.at + KEY_LIFE:
            self._kept.pop(key, None)
            return None
        if kept.asked != asked:
            raise _differs(key, kept.asked[0], asked[0])
        if now < kept.running_until:
            raise errors.key_in_use(key)
        if kept.answer is None:  # it hung, and never began
            del self._kept[key]
            return None
        headers = {**kept.answer.headers, "Idempotent-Replayed": "true", "Original-Request": kept.request_id}
        return Answer(kept.answer.status, kept.answer.body, kept.answer.content_type, headers)

    def keep(
        self, key: str, asked: tuple[str, object], answer: Answer | None, *, times: tuple[float, float], request_id: str
    ) -> None:
        """`times` are now, and until when the request still runs. No answer: nothing to remember once it has ended."""
        self._kept[key] = _Kept(asked, answer, *times, request_id)


def _differs(key: str, first: str, second: str) -> errors.StripeError:
    if first != second:
        return errors.key_misused(
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{second}' vs '{first}'). Try using a key other than '{key}' if you meant to execute a different request."
        )
    return errors.key_misused(
        f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
