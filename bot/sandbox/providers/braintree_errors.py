"""Braintree's words for what goes wrong, as a resolver raises them.

https://developer.paypal.com/braintree/graphql/guides/error_handling; the texts of messages are not documented.
"""

from __future__ import annotations

from typing import Any


class BraintreeError(Exception):
    """graphql-core takes `extensions` over into the error that it reports."""

    def __init__(self, message: str, kind: str, code: str | None = None, at: list[str] | None = None) -> None:
        super().__init__(message)
        user = {"errorType": "user_error" if kind in {"VALIDATION", "NOT_FOUND"} else "developer_error"}
        legacy: dict[str, Any] = {"legacyCode": code} if code else {}
        self.extensions: dict[str, Any] = {"errorClass": kind, **user, **legacy, **({"inputPath": at} if at else {})}


def missing() -> BraintreeError:
    return BraintreeError("An object with this ID was not found.", "NOT_FOUND")


def invalid(code: str, field: str) -> BraintreeError:
    return BraintreeError(_MESSAGES.get(code, "Input is invalid."), "VALIDATION", code, ["input", field])


def too_many() -> BraintreeError:
    return BraintreeError("Too many requests.", "RESOURCE_LIMIT")


def forbidden() -> BraintreeError:
    return BraintreeError("You are not authorized to perform this action.", "AUTHORIZATION")


def unauthenticated() -> BraintreeError:
    return BraintreeError("Authentication credentials are invalid.", "AUTHENTICATION")


def internal() -> BraintreeError:
    return BraintreeError("There was an unexpected error. Please try again.", "INTERNAL")


def not_implemented(what: str) -> BraintreeError:
    return BraintreeError(f"This stand-in cannot search by {what}.", "NOT_IMPLEMENTED")


_MESSAGES = {
    "91531": "Subscription status must be Past Due in order to retry.",
    "91504": "Transaction can only be voided while it is authorized or submitted for settlement.",
    "91507": "Cannot submit for settlement unless status is authorized.",
    "91522": "Settlement amount is too large.",
    "81905": "Subscription has already been canceled.",
    "81531": "Amount must be greater than zero.",
    "81503": "Amount is an invalid format.",
    "915230": "API request key is too long.",
    "915232": "API request key was used with a different request.",
}
