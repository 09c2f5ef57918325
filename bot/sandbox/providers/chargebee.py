"""A stateful stand-in for Chargebee's API v2: requests in, replies out, written from Chargebee's documents alone.

https://apidocs.chargebee.com/docs/api. Where those leave something open, a switch decides, so that both answers are tried.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from bot.sandbox.providers import chargebee_errors as errors
from bot.sandbox.providers.chargebee_actions import Actions, Done, NeverAnswers, Order, Site
from bot.sandbox.providers.chargebee_books import Books, Charge, Invoice, Wish
from bot.sandbox.providers.chargebee_controls import Controls
from bot.sandbox.providers.chargebee_demo import seed
from bot.sandbox.providers.chargebee_door import Answer, ApiKey, KeyMemory, RateLimit, admit
from bot.sandbox.providers.chargebee_magic import MAGIC
from bot.sandbox.providers.chargebee_objects import Json, Objects
from bot.sandbox.providers.chargebee_pages import public_page
from bot.sandbox.providers.chargebee_query import Params, decode
from bot.sandbox.providers.chargebee_reads import Reads
from bot.sandbox.providers.magic import Disturbance, Magic, Result
from bot.sandbox.wire import Fault, WireReply, WireRequest

SITE = "recoup-sandbox-test"
SECRET_KEY = "test_RecoupSandboxFullAccess"  # noqa: S105  opens nothing but this fake
READ_KEY = "test_RecoupSandboxReadOnly"
BASE = "/api/v2"
HOSTED = f"https://{SITE}.chargebee.com"
KEY_HEADER = "chargebee-idempotency-key"
ACT = re.compile(r"/invoices/(?P<id>[^/]+)/(?P<verb>\w+)")
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}
HTML = b"<!doctype html><title>One moment</title><p>Please wait.</p>"


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client asked, for judges: no secrets. `params` is query and body together."""

    method: str
    path: str
    params: Params
    key: str | None
    status: int
    at: float


class FakeChargebee:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything  every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST that succeeded has its effect and then meets this
    faults_left  so many faults of the two kinds above, then none; None is for good
    keyed       False forgets idempotency keys, like a provider that has none
    remembers_refusals  whether a key keeps a refusal, too, which no document tells
    hang_runs   seconds that a hanging request goes on holding its key and its invoice
    site        what the site has and how it is set up

    `hosted` is where payment pages and PDFs are said to be; None: at the fake itself, wherever it is asked.
    """

    slug = "chargebee"
    base_path = BASE

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        keys: Sequence[ApiKey] | None = None,
        hosted: str | None = HOSTED,
    ) -> None:
        self.now = now
        self.keys = tuple(keys) if keys is not None else (ApiKey(SECRET_KEY), ApiKey(READ_KEY, may_write=False))
        self.books = Books(now)
        self.objects = Objects(self.books, hosted or HOSTED)
        self.actions = Actions(self.books, self.objects)
        self.limit = RateLimit()
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self.keyed = True
        self.remembers_refusals = True
        self.hang_runs = 2.0
        self.reads = Reads(self.books, self.objects)
        self._is_host = hosted is None
        self._memory = KeyMemory()
        self._controls = Controls(self)
        self._count = 0

    # --- for tests, judges and the sandbox page

    @property
    def site(self) -> Site:
        return self.actions.site

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
        """What the bank has paid for an invoice since the start, in Chargebee's units. A processing debit is not paid."""
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
        return {"api_key": self.keys[0].secret, "site": SITE}

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
        if self._is_host and (host := request.headers.get("host")):
            self.objects.host = f"http://{host}"
        page = public_page(request.path, self.books) if request.method == "GET" else None
        if page is not None:
            return WireReply(page.status, {"Content-Type": page.content_type}, page.body)
        params = _params(request)
        answer = self._answer(request, params)
        key = request.headers.get(KEY_HEADER)
        path = request.path.removeprefix(BASE)
        self.requests.append(SeenRequest(request.method, path, params, key, answer.status, self.now()))
        # No document promises a name of the request; proxies give one, and nothing relies on it.
        headers = {"Content-Type": answer.content_type, "X-Request-Id": f"sandbox-{self._count:08d}", **answer.headers}
        return WireReply(answer.status, headers, answer.body, answer.fault)

    def _answer(self, request: WireRequest, params: Params) -> Answer:
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault)
        try:
            key = admit(request.headers, self.keys)
            self.limit.take(self.now())
            answer = self._answered(request, params, key)
        except errors.ChargebeeError as error:
            answer = _error(error)
        return self._disturbed(answer, fault) if fault is not None else answer

    def _answered(self, request: WireRequest, params: Params, key: ApiKey) -> Answer:
        path = request.path.removeprefix(BASE)
        if not request.path.startswith(f"{BASE}/"):
            raise errors.no_route()
        match request.method:
            case "GET":
                return _json(self.reads.answer(path, params))
            case "POST":
                _form_only(request)
                if not key.may_write:
                    raise errors.forbidden()
                return self._post(path, params, request.headers.get(KEY_HEADER))
            case _:
                raise errors.ChargebeeError(405, "http_method_not_supported", "Only GET and POST are known")

    # --- acting

    def _post(self, path: str, params: Params, key: str | None) -> Answer:
        asked = (path, tuple(sorted(params.items())))
        if key is not None and self.keyed:
            replay = self._memory.recall(key, asked, self.now())
            if replay is not None:
                return replay
        if path == "/hosted_pages/collect_now":
            return _json(self.actions.collect_now(params))
        found = ACT.fullmatch(path)
        if found is None:
            raise errors.no_route()
        self.actions.checked(found["verb"], params)
        invoice = self.invoices.get(found["id"])
        if invoice is None:
            raise errors.missing(found["id"], "invoice_id")
        if self.now() < invoice.busy_until:
            raise errors.locked()
        return self._act(found["verb"], Order(invoice, params, key), asked)

    def _act(self, verb: str, order: Order, asked: tuple[str, object]) -> Answer:
        try:
            done: Done = self.actions.by_name[verb](order)
        except NeverAnswers:
            self._remember(order, asked, None, Disturbance.HANG)
            return Answer(200, b"", fault=Fault.HANG)
        except errors.ChargebeeError as error:
            if error.began and self.remembers_refusals:
                self._remember(order, asked, _error(error), None)
            raise
        answer = _json(done.body)
        if verb == "pdf":
            return answer
        disturbance = self._next_fault("after_effect") or done.happened
        self._remember(order, asked, answer, disturbance)
        return answer if disturbance is None else self._disturbed(answer, disturbance)

    def _remember(
        self, order: Order, asked: tuple[str, object], answer: Answer | None, disturbance: Disturbance | None
    ) -> None:
        now = self.now()
        until = now + self.hang_runs if disturbance is Disturbance.HANG else now
        order.invoice.busy_until = until
        if order.key is not None and self.keyed:
            self._memory.keep(order.key, asked, answer, (now, until))

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
                return _error(errors.broken())
            case Disturbance.LIMITED:
                return _error(errors.too_many(self.limit.retry_after))
            case Disturbance.HTML:
                return Answer(200, HTML, "text/html; charset=utf-8")
            case Disturbance.EMPTY:
                return Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                status, body = (answer.status, answer.body) if answer else (200, b"")
                return Answer(status, body, fault=FAULTS[how])


def _params(request: WireRequest) -> dict[str, str]:
    params = decode(request.query)
    return params | decode(request.body.decode(errors="replace")) if request.method == "POST" else params


def _form_only(request: WireRequest) -> None:
    if request.body and "json" in request.headers.get("content-type", ""):
        raise errors.invalid("The body has to be application/x-www-form-urlencoded", code="invalid_request")


def _json(body: Json) -> Answer:
    return Answer(200, json.dumps(body, ensure_ascii=False).encode())


def _error(error: errors.ChargebeeError) -> Answer:
    if error.body is None:
        return Answer(error.status, b"<!doctype html><title>Not found</title>", "text/html; charset=utf-8")
    return Answer(error.status, json.dumps(error.body).encode(), headers=error.headers)
