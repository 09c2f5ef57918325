"""A stateful stand-in for Recurly's API V3: requests in, replies out, written from the vendor's documents.

https://recurly.com/developers/api/v2021-02-25/
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Unpack

from bot.sandbox.providers import recurly_errors as errors
from bot.sandbox.providers.magic import Disturbance, Magic, Result
from bot.sandbox.providers.recurly_actions import Actions, NeverAnswers
from bot.sandbox.providers.recurly_books import Books, Charge, Invoice, Wish
from bot.sandbox.providers.recurly_controls import Controls
from bot.sandbox.providers.recurly_demo import seed
from bot.sandbox.providers.recurly_door import VERSION, Answer, KeyMemory, RateLimit, admit
from bot.sandbox.providers.recurly_magic import MAGIC
from bot.sandbox.providers.recurly_objects import Json, Objects
from bot.sandbox.providers.recurly_pages import account_page, pdf_of
from bot.sandbox.providers.recurly_reads import INVOICE, Reads, decode
from bot.sandbox.wire import Fault, WireReply, WireRequest

SECRET_KEY = "5a9dfeed0000recurly0000c0ffee"  # noqa: S105  opens nothing but this fake
SUBDOMAIN = "sandbox-acme"
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}
HTML = b"<!doctype html><title>Just a moment</title><p>Please wait.</p>"


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client asked, for judges: no secrets."""

    method: str
    path: str
    params: Mapping[str, str]
    body: Json
    key: str | None
    status: int
    at: float
    request_id: str


class FakeRecurly:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything    every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST and PUT that succeeded has its effect and then meets this
    faults_left   so many faults of the two kinds above, then none; None is for good
    takes         so many seconds a send is worked on: meanwhile its key is answered with 409
    mode          what `GET /sites` says of the site: development, sandbox or production
    wallet        whether the site has several payment methods of one customer
    page_limit    a page size that the server insists on, whatever was asked
    """

    slug = "recurly"
    base_path = ""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.books = Books(now)
        self.objects = Objects(self.books)
        self.actions = Actions(self.books)
        self.reads = Reads(self.books, self.objects, subdomain=SUBDOMAIN)
        self.limit = RateLimit()
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self.takes = 0.0
        self._keys = KeyMemory()
        self._controls = Controls(self)
        self._count = 0

    # --- for tests, judges and the sandbox page

    @property
    def mode(self) -> str:
        return self.reads.mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self.reads.mode = mode

    @property
    def wallet(self) -> bool:
        return self.reads.wallet

    @wallet.setter
    def wallet(self, on: bool) -> None:
        self.reads.wallet = self.actions.wallet = on

    @property
    def page_limit(self) -> int | None:
        return self.reads.page_limit

    @page_limit.setter
    def page_limit(self, size: int | None) -> None:
        self.reads.page_limit = size

    @property
    def charges(self) -> list[Charge]:
        """Every attempt at the bank since the start, oldest first."""
        self.books.run_due()
        return self.books.charges

    @property
    def invoices(self) -> dict[str, Invoice]:
        self.books.run_due()
        return self.books.invoices

    def collected(self, invoice: str) -> int:
        """What the bank has paid for an invoice since the start, in minor units. A processing debit is not paid yet."""
        return sum(charge.amount for charge in self.charges if charge.invoice == invoice and charge.result is Result.PAID)

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        return self.books.add_customer(magic, name, email)

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        return self.books.add_invoice(**wish)

    def seed_demo(self) -> None:
        seed(self.books)

    def credentials(self) -> dict[str, str]:
        return {"api_key": SECRET_KEY, "mode": "test", "subdomain": SUBDOMAIN}

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
        self.books.run_due()
        self._count += 1
        page = account_page(request.path, self.books) if request.method == "GET" else None
        if page is not None:
            return WireReply(page.status, {"Content-Type": page.content_type}, page.body)
        request_id = f"5a9d{self._count:012x}"
        body, key, answer = _body(request), request.headers.get("idempotency-key"), self._answer(request)
        seen = (request.method, request.path, decode(request.query), body, key)
        self.requests.append(SeenRequest(*seen, answer.status, self.now(), request_id))
        headers = {
            "Content-Type": answer.content_type,
            "X-Request-Id": request_id,
            "Recurly-Version": f"recurly.{VERSION}",
            **self.limit.headers(self.now()),
            **answer.headers,
        }
        return WireReply(answer.status, headers, answer.body, answer.fault)

    def _answer(self, request: WireRequest) -> Answer:
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault)
        try:
            admit(request.headers, SECRET_KEY)
            self.limit.take(self.now())
            answer = self._read(request) if request.method in ("GET", "HEAD") else self._written(request)
        except errors.RecurlyError as error:
            answer = _error(error)
        except NeverAnswers:
            answer = self._disturbed(None, Disturbance.HANG)
        return self._disturbed(answer, fault) if fault is not None else answer

    def _read(self, request: WireRequest) -> Answer:
        params = decode(request.query)
        if request.method == "HEAD":
            total = str(self.reads.count(request.path, params))
            return Answer(200, b"", headers={"Recurly-Total-Records": total})
        found = INVOICE.fullmatch(request.path)
        if found is not None and found["id"].endswith(".pdf") and found["verb"] is None:
            return Answer(200, pdf_of(self.reads.invoice(found["id"].removesuffix(".pdf"))), "application/pdf")
        return _json(self.reads.answer(request.path, params))

    # --- writing

    def _written(self, request: WireRequest) -> Answer:
        """Under a key that is known, the first answer again, whatever it was."""
        key, now = request.headers.get("idempotency-key"), self.now()
        if key is not None and (prior := self._keys.recall(key, request.method, request.path, now)) is not None:
            return self._after(prior)
        befalls: Disturbance | None = None
        try:
            answer, befalls = self._acted(request, key)
        except errors.RecurlyError as error:
            if not error.is_kept:
                raise
            answer = _error(error)
        if key is not None:
            self._keys.keep(key, request.method, request.path, answer, at=now, running_until=now + self.takes)
        return self._after(answer) if befalls is None else self._disturbed(answer, befalls)

    def _after(self, answer: Answer) -> Answer:
        disturbance = self._next_fault("after_effect") if answer.status < 300 else None
        return answer if disturbance is None else self._disturbed(answer, disturbance)

    def _acted(self, request: WireRequest, key: str | None) -> tuple[Answer, Disturbance | None]:
        found, body = INVOICE.fullmatch(request.path), _body(request)
        verb = (request.method, found["verb"] if found else None)
        if found is None:
            raise errors.missing("page", request.path)
        invoice = self.reads.invoice(found["id"])
        match verb:
            case ("PUT", "collect"):
                return self._collected(invoice, body, key)
            case ("POST", "transactions"):
                return _json(self.objects.transaction(self.actions.record(invoice, body))), None
            case ("PUT", "mark_failed"):
                self.actions.mark_failed(invoice)
            case ("PUT", "mark_successful"):
                self.actions.mark_successful(invoice)
            case ("PUT", "void"):
                self.actions.void(invoice)
            case _:
                raise errors.missing("page", request.path)
        return _json(self.objects.invoice(invoice)), None

    def _collected(self, invoice: Invoice, body: Json, key: str | None) -> tuple[Answer, Disturbance | None]:
        charged = len(self.books.charges)
        befalls = self.actions.collect(invoice, body, key)
        error = self.actions.declined(invoice) if len(self.books.charges) > charged else None
        return (_json(self.objects.invoice(invoice)) if error is None else _error(error)), befalls

    # --- what goes wrong

    def _next_fault(self, switch: str) -> Disturbance | None:
        wanted: str | None = getattr(self, switch)
        if wanted is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return Disturbance(wanted)

    def _disturbed(self, answer: Answer | None, how: Disturbance) -> Answer:
        """`answer` None: there is none, the request was never carried out."""
        match how:
            case Disturbance.ERROR:
                return Answer(500, HTML, "text/html; charset=utf-8")
            case Disturbance.LIMITED:
                return _error(errors.too_many())
            case Disturbance.HTML:
                return Answer(200, HTML, "text/html; charset=utf-8")
            case Disturbance.EMPTY:
                return Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                return replace(answer or Answer(200, b""), fault=FAULTS[how])


def _body(request: WireRequest) -> Json:
    try:
        read = json.loads(request.body or b"{}", parse_float=Decimal)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _json(body: Json) -> Answer:
    return Answer(200, json.dumps(body, ensure_ascii=False).encode())


def _error(error: errors.RecurlyError) -> Answer:
    """A request that still runs is answered without a body."""
    body = b"" if isinstance(error, errors.StillRunning) else json.dumps(error.body).encode()
    return Answer(error.status, body, headers=error.headers)
