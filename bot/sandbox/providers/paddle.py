"""A stateful stand-in for Paddle's API: requests in, replies out, written from Paddle's documents.

https://developer.paddle.com/api-reference/overview
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from bot.sandbox.providers import paddle_errors as errors
from bot.sandbox.providers.magic import Disturbance, Magic, Result
from bot.sandbox.providers.paddle_actions import Actions, NeverAnswers
from bot.sandbox.providers.paddle_books import Books, Charge, Transaction, Wish
from bot.sandbox.providers.paddle_controls import Controls
from bot.sandbox.providers.paddle_demo import seed
from bot.sandbox.providers.paddle_door import Answer, ApiKey, RateLimit, admit
from bot.sandbox.providers.paddle_magic import MAGIC
from bot.sandbox.providers.paddle_objects import CHECKOUT_HOST, Json, Objects
from bot.sandbox.providers.paddle_pages import public_page
from bot.sandbox.providers.paddle_query import Params, decode
from bot.sandbox.providers.paddle_reads import TRANSACTION, Reads
from bot.sandbox.wire import Fault, WireReply, WireRequest

SECRET_KEY = "pdl_sdbx_apikey_01sandbox00000000000000001_SandboxSandboxSandbox1_AbC"  # noqa: S105  opens only this fake
READ_KEY = "pdl_sdbx_apikey_01sandbox00000000000000002_SandboxSandboxSandbox2_AbC"
READS = frozenset({"transaction.read", "customer.read", "adjustment.read", "subscription.read"})
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}
HTML = b"<!doctype html><title>One moment</title><p>Please wait.</p>"
_LOCAL = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d+)?")


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client asked, for judges: no secrets."""

    method: str
    path: str
    params: Params
    body: Json
    status: int
    at: float
    request_id: str


class FakePaddle:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything    every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST and PATCH that succeeded has its effect and then meets this
    faults_left   so many faults of the two kinds above, then none; None is for good

    `hosted` False: payment pages and PDFs are at the fake itself, wherever it is asked; else where the vendor has them.
    """

    slug = "paddle"
    base_path = ""

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        keys: Sequence[ApiKey] | None = None,
        hosted: bool = True,
    ) -> None:
        self.now = now
        self.keys = tuple(keys) if keys is not None else (ApiKey(SECRET_KEY), ApiKey(READ_KEY, READS))
        self.books = Books(now)
        self.objects = Objects(self.books)
        self.actions = Actions(self.books)
        self.reads = Reads(self.books, self.objects)
        self.limit = RateLimit()
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self._hosted = hosted
        self._controls = Controls(self)
        self._count = 0

    # --- for tests, judges and the sandbox page

    @property
    def charges(self) -> list[Charge]:
        """Every attempt to take money since the start, oldest first; none of them asked for by the API."""
        return self.books.charges

    @property
    def transactions(self) -> dict[str, Transaction]:
        return self.books.transactions

    @property
    def made_by_reading(self) -> list[str]:
        return self.reads.made_by_reading

    def collected(self, invoice: str) -> int:
        """What was paid for a transaction since the start, in minor units."""
        return sum(charge.amount for charge in self.charges if charge.invoice == invoice and charge.result is Result.PAID)

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        return self.books.add_customer(magic, name, email)

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        return self.books.add_invoice(**wish)

    def seed_demo(self) -> None:
        seed(self.books)

    def credentials(self) -> dict[str, str]:
        return {"api_key": self.keys[0].secret, "checkout_hosts": CHECKOUT_HOST}

    def magic(self) -> Sequence[Magic]:
        return MAGIC

    def ledger(self) -> list[dict[str, Any]]:
        return self._controls.ledger()

    def control(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a person at the sandbox page asked. Raises ValueError for what cannot be done."""
        return self._controls.run(name, args)

    def snapshot(self) -> dict[str, Any]:
        return self._controls.snapshot()

    # --- the wire

    def respond(self, request: WireRequest) -> WireReply:
        self._count += 1
        url = _origin(request)
        if not self._hosted:
            self.objects.base = url
        page = public_page(request.path, self.books) if request.method == "GET" else None
        if page is not None:
            return WireReply(page.status, {"Content-Type": page.content_type}, page.body)
        request_id = f"5a9d0000-0000-4000-8000-{self._count:012x}"
        body = _body(request)
        answer = self._answer(request, body, f"{url}{request.path}", request_id)
        seen = (request.method, request.path, decode(request.query), body)
        self.requests.append(SeenRequest(*seen, answer.status, self.now(), request_id))
        return WireReply(answer.status, {"Content-Type": answer.content_type, **answer.headers}, answer.body, answer.fault)

    def _answer(self, request: WireRequest, body: Json, url: str, request_id: str) -> Answer:
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault, request_id)
        try:
            key = admit(request.headers, self.keys)
            self.limit.take(self.now())
            if request.method == "GET":
                found = self.reads.answer(request.path, decode(request.query), key, url)
                answer, disturbance = _json(200, found, request_id), None
            else:
                answer, disturbance = self._written(request, body, key, request_id)
        except errors.PaddleError as error:
            answer, disturbance = _error(error, request_id), None
        except NeverAnswers:
            return self._disturbed(None, Disturbance.HANG, request_id)
        told = fault or disturbance
        return self._disturbed(answer, told, request_id) if told is not None else answer

    def _written(self, request: WireRequest, body: Json, key: ApiKey, request_id: str) -> tuple[Answer, Disturbance | None]:
        """The answer, and what befalls it."""
        found = TRANSACTION.fullmatch(request.path)
        if (request.method, request.path) == ("POST", "/adjustments"):
            key.require("adjustment", write=True)
            adjustment, disturbance = self.actions.adjust(body)
            answer = _json(201, {"data": self.objects.adjustment(adjustment)}, request_id)
        elif request.method == "PATCH" and found is not None:
            key.require("transaction", write=True)
            transaction = self.transactions.get(found["id"])
            if transaction is None:
                raise errors.missing(found["id"])
            disturbance = self.actions.patch(transaction, body)
            answer = _json(200, {"data": self.objects.transaction(transaction, is_fresh=True)}, request_id)
        else:
            raise errors.PaddleError(405, "method_not_allowed", "There is no such call.")
        return answer, self._next_fault("after_effect") or disturbance

    # --- what goes wrong

    def _next_fault(self, switch: str) -> Disturbance | None:
        wanted: str | None = getattr(self, switch)
        if wanted is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return Disturbance(wanted)

    def _disturbed(self, answer: Answer | None, how: Disturbance, request_id: str) -> Answer:
        """`answer` None: there is none, the request was never carried out."""
        match how:
            case Disturbance.ERROR:
                return _error(errors.PaddleError(500, "internal_error", "Something went wrong."), request_id)
            case Disturbance.LIMITED:
                return _error(self.limit.refusal(), request_id)
            case Disturbance.HTML:
                return Answer(200, HTML, "text/html; charset=utf-8")
            case Disturbance.EMPTY:
                return Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                status, body = (answer.status, answer.body) if answer else (200, b"")
                return Answer(status, body, fault=FAULTS[how])


def _origin(request: WireRequest) -> str:
    """Where the client thinks that it is asking."""
    host = request.headers.get("host", "sandbox-api.paddle.com")
    return f"{'http' if _LOCAL.fullmatch(host) else 'https'}://{host}"


def _body(request: WireRequest) -> Json:
    try:
        read = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _json(status: int, body: Json, request_id: str) -> Answer:
    meta = {**body.get("meta", {}), "request_id": request_id}
    return Answer(status, json.dumps({**body, "meta": meta}, ensure_ascii=False).encode())


def _error(error: errors.PaddleError, request_id: str) -> Answer:
    body = {"error": error.body, "meta": {"request_id": request_id}}
    return Answer(error.status, json.dumps(body).encode(), headers=error.headers)
