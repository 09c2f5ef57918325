"""The error answers of the fake Paddle: `{error: {type, code, detail}}`, where the code is what counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PaddleError(Exception):
    """An error answer."""

    def __init__(
        self, status: int, code: str, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "type": "api_error" if status >= 500 or status == 429 else "request_error",
            "code": code,
            "detail": detail,
            "documentation_url": f"https://developer.paddle.com/errors/shared/{code}",
        }
        if field is not None:
            self.body["errors"] = [{"field": field, "message": detail}]


def refused(code: str, detail: str = "Not possible for this entity as it is.", status: int = 400) -> PaddleError:
    return PaddleError(status, code, detail)


def missing(what: str) -> PaddleError:
    return PaddleError(404, "not_found", f"Entity {what} not found.")


def invalid(field: str, detail: str) -> PaddleError:
    return PaddleError(400, "invalid_field", detail, field=field)


def forbidden() -> PaddleError:
    return PaddleError(403, "forbidden", "This key may not do that.")


def unauthorized(code: str) -> PaddleError:
    return PaddleError(403, code, "The key is missing, malformed or not known here.")


def too_many(retry_after: int) -> PaddleError:
    return PaddleError(
        429, "too_many_requests", "Too many requests from this address.", headers={"Retry-After": str(retry_after)}
    )
