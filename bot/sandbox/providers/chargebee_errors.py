"""The error answers of the fake Chargebee (https://apidocs.chargebee.com/docs/api/error-handling)."""

from __future__ import annotations

from collections.abc import Mapping


class ChargebeeError(Exception):
    """An error answer. `began`: execution had begun, so an idempotency key may remember it. `code` None: a web page."""

    def __init__(  # noqa: PLR0913 - an error has so many parts
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        kind: str = "invalid_request",
        param: str | None = None,
        cause: str | None = None,
        began: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        fields = {"message": message, "type": kind, "api_error_code": code, "param": param, "error_cause_id": cause}
        self.body = None if code is None else {name: value for name, value in fields.items() if value is not None}
        self.began = began
        self.headers = dict(headers or {})


def invalid(message: str, param: str | None = None, code: str = "param_wrong_value") -> ChargebeeError:
    return ChargebeeError(400, code, message, param=param)


def missing(identifier: str, param: str) -> ChargebeeError:
    return ChargebeeError(404, "resource_not_found", f"{identifier} not found", param=param)


def no_route() -> ChargebeeError:
    return ChargebeeError(404, None, "no such page")


def wrong_state(message: str) -> ChargebeeError:
    return ChargebeeError(409, "invalid_state_for_request", message, began=True)


def declined(code: str, message: str, cause: str | None = None) -> ChargebeeError:
    return ChargebeeError(400, code, message, kind="payment", cause=cause, began=True)


def unauthorized() -> ChargebeeError:
    message = "Sorry, authentication failed. Invalid api key"
    return ChargebeeError(401, "api_authentication_failed", message, kind="untyped")


def forbidden() -> ChargebeeError:
    message = "Sorry, this API key may not do that"
    return ChargebeeError(403, "api_authorization_failed", message, kind="untyped")


def too_many(retry_after: int | None, code: str = "api_request_limit_exceeded") -> ChargebeeError:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return ChargebeeError(429, code, "The limit of requests is reached", kind="operation_failed", headers=headers)


def locked() -> ChargebeeError:
    return ChargebeeError(429, "lock_timeout", "Another request works on this invoice", kind="operation_failed")


def key_misused() -> ChargebeeError:
    message = "The idempotency key has been used with other parameters"
    return ChargebeeError(422, "unable_to_process_request", message)


def broken() -> ChargebeeError:
    return ChargebeeError(500, "internal_error", "Something went wrong", kind="operation_failed")
