"""A stateful stand-in for Stripe's API: requests in, replies out, written from Stripe's documents alone.

https://docs.stripe.com/api and, for what invoices may become, https://docs.stripe.com/invoicing/integration/workflow-transitions.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.magic import Disturbance, Magic, Result
from bot.sandbox.providers.stripe_actions import Actions, NeverAnswers, Order, Sent
from bot.sandbox.providers.stripe_books import Books, Charge, Invoice, Wish
from bot.sandbox.providers.stripe_controls import Controls
from bot.sandbox.providers.stripe_demo import seed
from bot.sandbox.providers.stripe_door import Answer, ApiKey, KeyMemory, RateLimit, admit
from bot.sandbox.providers.stripe_magic import MAGIC
from bot.sandbox.providers.stripe_objects import PERMISSION, Json, Objects
from bot.sandbox.providers.stripe_pages import public_page
from bot.sandbox.providers.stripe_query import Params, Query, decode
from bot.sandbox.providers.stripe_reads import Call, Reads, no_such_url
from bot.sandbox.wire import Fault, WireReply, WireRequest

SECRET_KEY = "sk_test_recoup_sandbox"  # noqa: S105  opens nothing but this fake
READ_KEY = "rk_test_recoup_read"
READS = frozenset(PERMISSION.values()) | {"rak_account_read"}
ACCOUNT = "acct_1Sandbox"
HOSTED = "https://invoice.stripe.com/i"
LOGGED_HEADERS = ("stripe-version", "idempotency-key", "content-type", "user-agent", "stripe-account")

ACTION_PARAMS = {
    "pay": {"expand", "payment_method", "source", "mandate", "off_session", "forgive", "paid_out_of_band"},
    "finalize": {"expand", "auto_advance"},
}
ACT = re.compile(r"/v1/invoices/(?P<id>[^/]+)/(?P<verb>\w+)")
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client asked, for judges: no secrets. `params` is query and body together."""

    method: str
    path: str
    params: Params
    headers: Mapping[str, str]
    key: str | None
    status: int
    at: float
    request_id: str


class FakeStripe:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything  every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST that succeeded has its effect and then meets this
    faults_left  so many faults of the two kinds above, then none; None is for good
    keyed       False forgets idempotency keys, like a provider that has none
    hang_runs   seconds that a hanging request goes on holding its key and its invoice

    `hosted` is where payment pages and PDFs are said to be; None: at the fake itself, wherever it is asked.
    """

    slug = "stripe"
    base_path = ""

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        keys: Sequence[ApiKey] | None = None,
        live: bool = False,
        account: str = ACCOUNT,
        hosted: str | None = HOSTED,
    ) -> None:
        self.now = now
        self.live = live
        self.keys = tuple(keys) if keys is not None else (ApiKey(SECRET_KEY), ApiKey(READ_KEY, permissions=READS))
        self.books = Books(now, account)
        self._is_host = hosted is None
        self.objects = Objects(self.books, live, hosted or HOSTED)
        self._reads = Reads(self.books, self.objects, live=live)
        self.actions = Actions(self.books, self.objects)
        self.limit = RateLimit()
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self.keyed = True
        self.hang_runs = 2.0
        self._memory = KeyMemory()
        self._controls = Controls(self)
        self._count = 0

    # --- for tests, judges and the sandbox page

    @property
    def charges(self) -> list[Charge]:
        """Every attempt at the bank since the start, oldest first."""
        return self.books.charges

    @property
    def invoices(self) -> dict[str, Invoice]:
        return self.books.invoices

    @property
    def sent(self) -> list[Sent]:
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
        return {"api_key": self.keys[0].secret}

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
        if (page := self._page(request)) is not None:
            return WireReply(page.status, {"Content-Type": page.content_type, **page.headers}, page.body)
        call = _read(request, f"req_Sandbox{self._count:08d}")
        answer = self._answer(call, request)
        self.requests.append(self._seen(call, answer.status))
        headers = {
            "Content-Type": answer.content_type,
            "Request-Id": call.request_id,
            "Stripe-Version": call.headers.get("stripe-version", "2026-06-24.dahlia"),
            **({"Idempotency-Key": call.key} if call.key else {}),
            **answer.headers,
        }
        return WireReply(answer.status, headers, answer.body, answer.fault)

    def _page(self, request: WireRequest) -> Answer | None:
        """The pages that the links lead to are another server of Stripe's: no key, no fault, no record."""
        if self._is_host and (host := request.headers.get("host")):
            self.objects.hosted = f"http://{host}/i"
        return public_page(request.path, self.books) if request.method == "GET" else None

    def _seen(self, call: Call, status: int) -> SeenRequest:
        headers = {name: call.headers[name] for name in LOGGED_HEADERS if name in call.headers}
        return SeenRequest(call.method, call.path, call.params, headers, call.key, status, self.now(), call.request_id)

    def _answer(self, call: Call, request: WireRequest) -> Answer:
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault)
        try:
            api_key = admit(call.headers, self.keys)
            self.limit.take(self.now())
            _form_only(request)
            call = Call(call.method, call.path, call.params, call.headers, call.key, call.request_id, api_key)
            answer = self._answered(call)
        except errors.StripeError as error:
            answer = _error(error)
        return self._disturbed(answer, fault) if fault is not None else answer

    def _answered(self, call: Call) -> Answer:
        match call.method:
            case "POST":
                return self._post(call)
            case "GET":
                return _json(200, self._reads.answer(call))
            case _:
                raise no_such_url(call)

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
                return _json(500, errors.SERVER_ERROR)
            case Disturbance.LIMITED:
                return _error(errors.too_many("global-rate", self.limit.retry_after))
            case Disturbance.HTML:
                return Answer(
                    200, b"<!doctype html><title>One moment</title><p>Please wait.</p>", "text/html; charset=utf-8"
                )
            case Disturbance.EMPTY:
                return Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                status, body = (answer.status, answer.body) if answer else (200, b"")
                return Answer(status, body, fault=FAULTS[how])

    # --- acting

    def _post(self, call: Call) -> Answer:
        if call.key is not None and self.keyed:
            replay = self._memory.recall(call.key, call.asked, self.now())
            if replay is not None:
                return replay
        found = ACT.fullmatch(call.path)
        if found is None or found["verb"] not in self.actions.by_name:
            raise no_such_url(call)
        self._reads.require(call, "rak_invoice_write")
        query = Query.checked(call.params, ACTION_PARAMS.get(found["verb"], {"expand"}))
        invoice = self.invoices.get(found["id"]) if self._reads.sees(call) else None
        if invoice is None:
            raise errors.missing("invoice", found["id"])
        if self.now() < invoice.busy_until:
            raise errors.locked()
        # A path that cannot be expanded must be found out before anything happens.
        self._reads.expanded(call, query, self.objects.invoice(invoice))
        return self._act(call, found["verb"], Order(invoice, query, call.key))

    def _act(self, call: Call, verb: str, order: Order) -> Answer:
        try:
            with self.books.caused_by(call.request_id, call.key):
                happened = self.actions.by_name[verb](order)
            answer = _json(200, self._reads.expanded(call, order.query, self.objects.invoice(order.invoice)))
        except NeverAnswers:
            self._remember(call, order.invoice, None, Disturbance.HANG)
            return Answer(200, b"", fault=Fault.HANG)
        except errors.StripeError as error:
            if error.began:
                self._remember(call, order.invoice, _error(error), None)
            raise
        disturbance = self._next_fault("after_effect") or happened
        if disturbance is Disturbance.ERROR:
            answer = _json(500, errors.SERVER_ERROR)  # Stripe remembers and replays a 500 like any other answer
        self._remember(call, order.invoice, answer, disturbance)
        return answer if disturbance is None else self._disturbed(answer, disturbance)

    def _remember(self, call: Call, invoice: Invoice, answer: Answer | None, disturbance: Disturbance | None) -> None:
        now = self.now()
        until = now + self.hang_runs if disturbance is Disturbance.HANG else now
        invoice.busy_until = until
        if call.key is not None and self.keyed:
            self._memory.keep(call.key, call.asked, answer, times=(now, until), request_id=call.request_id)


def _read(request: WireRequest, request_id: str) -> Call:
    is_post = request.method == "POST"
    params = dict(decode(request.query))
    if is_post:
        params |= decode(request.body.decode(errors="replace"))
    key = request.headers.get("idempotency-key") if is_post else None
    return Call(request.method, request.path, params, request.headers, key or None, request_id)


def _form_only(request: WireRequest) -> None:
    if request.body and "json" in request.headers.get("content-type", ""):
        raise errors.invalid(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any "
            "questions, we can help at https://support.stripe.com/."
        )


def _json(status: int, body: Json) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode())


def _error(error: errors.StripeError) -> Answer:
    return Answer(error.status, json.dumps(error.body).encode(), headers=error.headers)
