"""A stateful stand-in for LAC's API: requests in, replies out, written from its documents alone.

https://docs.lastaccountingcompany.com/api-reference. Only what is documented answers; every other path is a 404.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.sandbox.providers.lac_books import Books, Invoice, json_of, seed
from bot.sandbox.providers.lac_controls import Controls
from bot.sandbox.providers.lac_magic import MAGIC
from bot.sandbox.providers.lac_pdf import pdf_of
from bot.sandbox.providers.magic import Disturbance, Magic
from bot.sandbox.wire import Fault, WireReply, WireRequest

WRITE_KEY = "lac_sk_recoup_sandbox_write"
READ_KEY = "lac_sk_recoup_sandbox_read"

RETRY_SEND = re.compile(r"/portal/invoices/(?P<id>.+)/retry-send")
PDF = re.compile(r"/portal/invoices/(?P<id>.+)/pdf")
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}


class Scope(StrEnum):
    """What a key may do; write includes read."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the one company."""

    secret: str = field(repr=False)
    scope: Scope = Scope.WRITE


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client asked, for judges: no secrets. LAC knows no keys of requests, so `key` is always None."""

    method: str
    path: str
    status: int
    at: float
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


class FakeLac:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything  every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST that succeeded has its effect and then meets this
    faults_left  so many faults of the two kinds above, then none; None is for good
    per_second  so many requests in any one second, then 429 with `retry_after`; None is no limit
    """

    slug = "lac"
    base_path = "/portal"

    def __init__(self, now: Callable[[], float] = time.time, *, keys: Sequence[ApiKey] | None = None) -> None:
        self.now = now
        self.keys = tuple(keys) if keys is not None else (ApiKey(WRITE_KEY), ApiKey(READ_KEY, Scope.READ))
        self.books = Books(now)
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self.per_second: int | None = None
        self.retry_after: int | None = None
        self._recent: deque[float] = deque()
        self._controls = Controls(self)

    # --- for tests, judges and the sandbox page

    def credentials(self) -> dict[str, str]:
        return {"api_key": self.keys[0].secret, "mode": "test"}

    def magic(self) -> Sequence[Magic]:
        return MAGIC

    def ledger(self) -> list[dict[str, Any]]:
        """Every delivery since the start; LAC moves no money."""
        return self._controls.ledger()

    def control(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a person at the sandbox page asked. Raises ValueError for what cannot be done."""
        return self._controls.run(name, args)

    def snapshot(self) -> dict[str, Any]:
        return self._controls.snapshot()

    def seed_demo(self) -> None:
        seed(self.books)

    # --- the wire

    def respond(self, request: WireRequest) -> WireReply:
        answer = self._disturbed_or_answered(request)
        self.requests.append(SeenRequest(request.method, request.path, answer.status, self.now()))
        return WireReply(answer.status, {"Content-Type": answer.content_type, **answer.headers}, answer.body, answer.fault)

    def _disturbed_or_answered(self, request: WireRequest) -> _Answer:
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault)
        answer = self._answered(request)
        return self._disturbed(answer, fault) if fault is not None else answer

    def _answered(self, request: WireRequest) -> _Answer:
        key = self._key(request.headers.get("authorization", ""))
        if key is None:
            return _error(401, "unauthorized", "The bearer token is missing or not valid.")
        if self._is_limited():
            return self._too_many()
        match request.method:
            case "POST" if found := RETRY_SEND.fullmatch(request.path):
                return self._retry_send(key, self.books.invoices.get(found["id"]), request)
            case "GET" if found := PDF.fullmatch(request.path):
                return self._pdf(self.books.invoices.get(found["id"]))
            case _:
                return _error(404, "not_found", f"There is no {request.method} {request.path}.")

    def _retry_send(self, key: ApiKey, invoice: Invoice | None, request: WireRequest) -> _Answer:
        if key.scope is not Scope.WRITE:
            return _error(403, "forbidden", "This key may only read; a write-scoped key is needed.")
        if not _is_json_object(request):
            return _error(422, "invalid_body", "The body has to be a JSON object.")
        if invoice is None:
            return _error(404, "not_found", "No such invoice in this company.")
        if invoice.status != "send_failed":
            return _error(422, "not_send_failed", f"The last send of this invoice did not fail: it is {invoice.status}.")
        return self._send(invoice)

    def _send(self, invoice: Invoice) -> _Answer:
        behaviour = invoice.behaviour
        if not behaviour.arrives:
            return _Answer(200, b"", fault=Fault.HANG)
        if behaviour.refuses:
            return _error(422, "validation_error", behaviour.refuses)
        if invoice.turned_away < behaviour.refusals:
            invoice.turned_away += 1
            return self._too_many()
        self.books.send(invoice)
        answer = _Answer(200, json.dumps(json_of(invoice), ensure_ascii=False).encode())
        disturbance = self._next_fault("after_effect") or behaviour.answer
        return self._disturbed(answer, disturbance) if disturbance else answer

    def _pdf(self, invoice: Invoice | None) -> _Answer:
        if invoice is None or invoice.status == "draft":
            return _error(404, "not_found", "There is no PDF of this invoice.")
        return _Answer(200, pdf_of(invoice), "application/pdf")

    def _key(self, header: str) -> ApiKey | None:
        scheme, _, given = header.partition(" ")
        return next((key for key in self.keys if scheme.lower() == "bearer" and key.secret == given.strip()), None)

    def _is_limited(self) -> bool:
        """A request that is turned away does not count."""
        now = self.now()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.per_second is not None and len(self._recent) >= self.per_second:
            return True
        self._recent.append(now)
        return False

    def _too_many(self) -> _Answer:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return _error(429, "too_many_requests", "Too many requests.", headers)

    def _next_fault(self, switch: str) -> Disturbance | None:
        wanted: str | None = getattr(self, switch)
        if wanted is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return Disturbance(wanted)

    def _disturbed(self, answer: _Answer | None, how: Disturbance) -> _Answer:
        """`answer` None: there is none, the request was never carried out."""
        match how:
            case Disturbance.ERROR:
                return _error(500, "internal_error", "Something went wrong.")
            case Disturbance.LIMITED:
                return self._too_many()
            case Disturbance.HTML:
                return _Answer(200, b"<!doctype html><title>One moment</title><p>Please wait.</p>", "text/html")
            case Disturbance.EMPTY:
                return _Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                status, body = (answer.status, answer.body) if answer else (200, b"")
                return _Answer(status, body, fault=FAULTS[how])


def _is_json_object(request: WireRequest) -> bool:
    if not request.body:
        return True
    try:
        return "json" in request.headers.get("content-type", "") and isinstance(json.loads(request.body), dict)
    except ValueError:
        return False


def _error(status: int, error: str, detail: str, headers: Mapping[str, str] | None = None) -> _Answer:
    return _Answer(status, json.dumps({"error": error, "detail": detail}).encode(), headers=headers or {})
