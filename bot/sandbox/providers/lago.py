"""A stateful stand-in for Lago's API: requests in, replies out, written from Lago's documents and the behaviour of its
server. https://getlago.com/docs/api-reference/intro
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from bot.sandbox.providers import lago_errors as errors
from bot.sandbox.providers.lago_actions import Actions, Licence, NeverAnswers, Sent
from bot.sandbox.providers.lago_books import Books, Charge, Invoice, Wish
from bot.sandbox.providers.lago_controls import Controls
from bot.sandbox.providers.lago_demo import seed
from bot.sandbox.providers.lago_door import Answer, ApiKey, RateLimit, admit
from bot.sandbox.providers.lago_magic import MAGIC
from bot.sandbox.providers.lago_objects import Json, Objects
from bot.sandbox.providers.lago_pages import public_page
from bot.sandbox.providers.lago_query import Params, decode
from bot.sandbox.providers.lago_reads import INVOICE, Reads
from bot.sandbox.providers.magic import Disturbance, Magic, Result
from bot.sandbox.wire import Fault, WireReply, WireRequest

SECRET_KEY = "5a9dfeed-0000-4000-8000-00000000c0de"  # noqa: S105  opens nothing but this fake
READ_KEY = "5a9dfeed-0000-4000-8000-000000000bed"
READS = frozenset({"invoice:read", "payment:read", "payment_method:read"})
BASE = "/api/v1"
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}
HTML = b"<!doctype html><title>One moment</title><p>Please wait.</p>"


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


class FakeLago:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything    every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST and PUT that succeeded has its effect and then meets this
    faults_left   so many faults of the two kinds above, then none; None is for good
    licence       premium, e-mail settings, and how long a payment job waits
    old_server    young fields, filters and routes are not there
    page_limit    a page size that the server insists on, whatever was asked

    `hosted` False: payment pages and PDFs are at the fake itself, wherever it is asked; else at Lago's own hosts.
    """

    slug = "lago"
    base_path = BASE

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
        self.licence = Licence()
        self.actions = Actions(self.books, self.licence)
        self.limit = RateLimit()
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self._hosted = hosted
        self._reads = Reads(self.books, self.objects)
        self._controls = Controls(self)
        self._count = 0

    # --- for tests, judges and the sandbox page

    @property
    def old_server(self) -> bool:
        return self.objects.is_old

    @old_server.setter
    def old_server(self, on: bool) -> None:
        self.objects.is_old = on

    @property
    def page_limit(self) -> int | None:
        return self._reads.page_limit

    @page_limit.setter
    def page_limit(self, size: int | None) -> None:
        self._reads.page_limit = size

    @property
    def charges(self) -> list[Charge]:
        """Every attempt at the bank since the start, oldest first."""
        self.books.run_due()
        return self.books.charges

    @property
    def invoices(self) -> dict[str, Invoice]:
        self.books.run_due()
        return self.books.invoices

    @property
    def sent(self) -> list[Sent]:
        self.books.run_due()
        return self.actions.sent

    def collected(self, invoice: str) -> int:
        """What the bank has paid for an invoice since the start, in minor units. A processing debit is not paid yet."""
        return sum(charge.amount for charge in self.charges if charge.invoice == invoice and charge.result is Result.PAID)

    def add_customer(self, magic: str = "paid", name: str | None = "Example Ltd", email: str | None = None) -> str:
        return self.books.add_customer(magic, name, email)

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        return self.books.add_invoice(**wish)

    def seed_demo(self) -> None:
        seed(self.books)

    def settle_processing(self, invoice: str, *, success: bool = True) -> None:
        """The bank debit of an invoice settles, or bounces. Raises ValueError when none is under way."""
        self.books.settle(self.invoices[invoice], success=success)

    def credentials(self) -> dict[str, str]:
        return {"api_key": self.keys[0].secret, "mode": "test"}

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
        if not self._hosted and (host := request.headers.get("host")):
            self.objects.base = f"http://{host}"
        page = public_page(request.path, self.books) if request.method == "GET" else None
        if page is not None:
            return WireReply(page.status, {"Content-Type": page.content_type}, page.body)
        request_id = f"5a9d0000-0000-4000-8000-{self._count:012x}"
        body, answer = _body(request), self._answer(request)
        seen = (request.method, request.path.removeprefix(BASE), decode(request.query), body)
        self.requests.append(SeenRequest(*seen, answer.status, self.now(), request_id))
        headers = {"Content-Type": answer.content_type, "X-Request-Id": request_id, **answer.headers}
        return WireReply(answer.status, headers, answer.body, answer.fault)

    def _answer(self, request: WireRequest) -> Answer:
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault)
        try:
            key = admit(request.headers, self.keys)
            self.limit.take(self.now())
            answer = self._answered(request, key)
        except errors.LagoError as error:
            answer = _error(error)
        except NeverAnswers:
            answer = self._disturbed(None, Disturbance.HANG)
        return self._disturbed(answer, fault) if fault is not None else answer

    def _answered(self, request: WireRequest, key: ApiKey) -> Answer:
        path, params = request.path.removeprefix(BASE), decode(request.query)
        if not request.path.startswith(f"{BASE}/"):
            raise errors.no_route()
        if request.method == "GET":
            return _json(200, self._reads.answer(path, params, key))
        answer = self._written(request.method, path, _body(request), key)
        disturbance = self._next_fault("after_effect") if answer.fault is None else None
        return answer if disturbance is None else self._disturbed(answer, disturbance)

    # --- writing

    def _written(self, method: str, path: str, body: Json, key: ApiKey) -> Answer:
        if (method, path) == ("POST", "/payments"):
            key.require("payment", write=True)
            return _json(200, {"payment": self.objects.payment(self.actions.record(_root(body, "payment")))})
        found = INVOICE.fullmatch(path)
        if found is None:
            raise errors.no_route()
        key.require("invoice", write=True)
        verb = found["verb"]
        if (method, verb) not in self._routes():
            raise errors.no_route()
        return self._acted(self._invoice(found["id"]), verb, body)

    def _routes(self) -> set[tuple[str, str | None]]:
        posts = {"retry_payment", "void", "download", "payment_url", *(() if self.old_server else ("resend_email",))}
        puts: set[str | None] = {"finalize", "refresh", None}
        return {("POST", verb) for verb in posts} | {("PUT", verb) for verb in puts}

    def _acted(self, invoice: Invoice, verb: str | None, body: Json) -> Answer:
        match verb:
            case "retry_payment":
                disturbance = self.actions.retry_payment(invoice, body)
                return self._disturbed(Answer(200, b""), disturbance) if disturbance else Answer(200, b"")
            case "resend_email":
                self.actions.resend_email(invoice)
                return Answer(200, b"")
            case "payment_url":
                self.actions.payment_url(invoice)
                return _json(200, {"invoice_payment_details": self.objects.payment_page(invoice)})
            case "download":
                if not self.actions.download(invoice):
                    return Answer(200, b"")
            case None:
                self.actions.update(invoice, _root(body, "invoice"))
            case _:
                self.actions.plain[verb](invoice)
        return _json(200, {"invoice": self.objects.invoice(invoice)})

    def _invoice(self, identifier: str) -> Invoice:
        found = self.invoices.get(identifier)
        if found is None:
            raise errors.missing("invoice")
        return found

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
                return _error(self.limit.refusal())
            case Disturbance.HTML:
                return Answer(200, HTML, "text/html; charset=utf-8")
            case Disturbance.EMPTY:
                return Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                status, body = (answer.status, answer.body) if answer else (200, b"")
                return Answer(status, body, fault=FAULTS[how])


def _body(request: WireRequest) -> Json:
    try:
        read = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _root(body: Json, name: str) -> Json:
    inner = body.get(name)
    if not isinstance(inner, dict):
        raise errors.bad_request(f"param is missing or the value is empty: {name}")
    return inner


def _json(status: int, body: Json) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode())


def _error(error: errors.LagoError) -> Answer:
    if error.body is None:
        return Answer(error.status, b"<!doctype html><title>Not found</title>", "text/html; charset=utf-8")
    return Answer(error.status, json.dumps(error.body).encode(), headers=error.headers)
