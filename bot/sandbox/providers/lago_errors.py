"""The error answers of the fake Lago: `{status, error, code, error_details}`. A 405 is a rule, not a wrong verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class LagoError(Exception):
    """An error answer. `body` None: a web page, as a route that does not exist has it."""

    def __init__(
        self, status: int, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def refused(status: int, code: str | None = None, details: Mapping[str, Any] | None = None) -> LagoError:
    body: dict[str, Any] = {"status": status, "error": NAMES[status]}
    if code is not None:
        body["code"] = code
    if details:
        body["error_details"] = dict(details)
    return LagoError(status, body)


def bad_request(message: str) -> LagoError:
    return LagoError(400, {"status": 400, "error": f"BadRequest: {message}"})


def missing(kind: str) -> LagoError:
    return refused(404, f"{kind}_not_found")


def invalid(**fields: Sequence[str]) -> LagoError:
    return refused(422, "validation_errors", {name: list(codes) for name, codes in fields.items()})


def no_route() -> LagoError:
    return LagoError(404)
