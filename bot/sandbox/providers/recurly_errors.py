"""The error answers of the fake Recurly: `{"error": {"type", "message", "params"}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RecurlyError(Exception):
    """An error answer. `is_kept` says whether it is remembered under an idempotency key."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        param: str | None = None,
        extra: Mapping[str, Any] | None = None,
        is_kept: bool = True,
    ) -> None:
        super().__init__(kind)
        self.status = status
        self.is_kept = is_kept
        params = [{"param": param}] if param else []
        self.body = {"error": {"type": kind, "message": message, "params": params, **(extra or {})}}
        self.headers: dict[str, str] = {}


class StillRunning(RecurlyError):
    """Another request under the same key has not ended."""

    def __init__(self, seconds: int) -> None:
        super().__init__(409, "conflict", "", is_kept=False)
        self.headers = {"Recurly-Should-Retry": "true", "Retry-After": str(seconds)}


def missing(kind: str, identifier: str) -> RecurlyError:
    return RecurlyError(404, "not_found", f"There is no {kind} with id = {identifier}")


def invalid(message: str, param: str | None = None) -> RecurlyError:
    return RecurlyError(422, "validation", message, param=param)


def busy() -> RecurlyError:
    message = "Something else is changing this at the moment."
    return RecurlyError(422, "simultaneous_request", message, is_kept=False)


def too_many() -> RecurlyError:
    return RecurlyError(429, "rate_limited", "There were too many requests; wait and try again.", is_kept=False)


def lacks_feature(name: str) -> RecurlyError:
    return RecurlyError(422, "missing_feature", f"This site does not have {name}.")
