"""The error answers of the fake Stripe (https://docs.stripe.com/api/errors)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class StripeError(Exception):
    """An error answer. `began`: execution had begun, so an idempotency key remembers it."""

    def __init__(
        self, status: int, error: Mapping[str, Any], *, began: bool = False, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(error.get("message", "")))
        self.status = status
        self.body = {"error": {name: value for name, value in error.items() if value is not None}}
        self.began = began
        self.headers = dict(headers or {})


def _documented(code: str | None) -> str | None:
    return None if code is None else DOCS + code.replace("_", "-")


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> StripeError:
    """A request that validation refuses: no key remembers it."""
    error = {
        "code": code,
        "doc_url": _documented(code),
        "message": message,
        "param": param,
        "type": "invalid_request_error",
    }
    return StripeError(status, error)


def refused(message: str, code: str | None = None) -> StripeError:
    """The state of the object forbids it; found out by executing, so a key remembers it."""
    error = {"code": code, "doc_url": _documented(code), "message": message, "type": "invalid_request_error"}
    return StripeError(400, error, began=True)


def missing(kind: str, wanted: str, param: str | None = None, *, status: int = 404) -> StripeError:
    return invalid(f"No such {kind}: '{wanted}'", code="resource_missing", param=param or kind, status=status)


def unknown_parameter(name: str) -> StripeError:
    return invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def card_error(fields: Mapping[str, Any]) -> StripeError:
    """402, with the fields of the decline, its charge and its PaymentIntent."""
    return StripeError(402, {"doc_url": _documented(fields.get("code")), **fields, "type": "card_error"}, began=True)


def unauthorized(message: str, code: str | None = None) -> StripeError:
    return invalid(message, code=code, status=401)


def forbidden(shown_key: str, account: str, permission: str) -> StripeError:
    return invalid(
        f"The provided key '{shown_key}' does not have the required permissions for this endpoint on account "
        f"'{account}'. Having the '{permission}' permission would allow this request to continue.",
        status=403,
    )


def too_many(reason: str, retry_after: int | None) -> StripeError:
    error = {
        "code": "rate_limit",
        "doc_url": _documented("rate_limit"),
        "message": "Request rate limit exceeded.",
        "type": "invalid_request_error",
    }
    headers = {"Stripe-Rate-Limited-Reason": reason}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return StripeError(429, error, headers=headers)


def locked() -> StripeError:
    return invalid(
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
        code="lock_timeout",
        status=429,
    )


def key_in_use(key: str) -> StripeError:
    error = {
        "code": "idempotency_key_in_use",
        "message": f"There is currently another in-progress request using this Idempotent Key ({key}).",
        "type": "idempotency_error",
    }
    return StripeError(409, error)


def key_misused(message: str) -> StripeError:
    return StripeError(400, {"message": message, "type": "idempotency_error"})


SERVER_ERROR: dict[str, Any] = {"error": {"message": "An unknown error occurred", "type": "api_error"}}
