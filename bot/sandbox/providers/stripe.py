"""A stateful stand-in for Stripe's API: requests in, replies out, written from Stripe's documents alone.

https://docs.stripe.com/api and, for what invoices may become, https://docs.stripe.com/invoicing/integration/workflow-transitions.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.stripe_actions import Actions, NeverAnswers, Order, Sent
from bot.sandbox.providers.stripe_books import Books, Charge, Invoice, Wish
from bot.sandbox.providers.stripe_controls import Controls
from bot.sandbox.providers.stripe_demo import seed
from bot.sandbox.providers.stripe_door import Answer, ApiKey, KeyMemory, RateLimit, admit
from bot.sandbox.providers.stripe_magic import MAGIC, Disturbance, Magic, Result
from bot.sandbox.providers.stripe_objects import PERMISSION, Json, Objects
from bot.sandbox.providers.stripe_query import PAGING, Params, Query, decode, invoice_filter, page_of, search_clauses
from bot.sandbox.wire import Fault, WireReply, WireRequest

SECRET_KEY = "sk_test_recoup_sandbox"  # noqa: S105  opens nothing but this fake
READ_KEY = "rk_test_recoup_read"
READS = frozenset(PERMISSION.values()) | {"rak_account_read"}
ACCOUNT = "acct_1Sandbox"
LOGGED_HEADERS = ("stripe-version", "idempotency-key", "content-type", "user-agent", "stripe-account")

ACTION_PARAMS = {
    "pay": {"expand", "payment_method", "source", "mandate", "off_session", "forgive", "paid_out_of_band"},
    "finalize": {"expand", "auto_advance"},
}
LIST_PARAMS = PAGING | {
    "status",
    "collection_method",
    "customer",
    "customer_account",
    "subscription",
    "created",
    "due_date",
}
SINGLE = {
    "invoices": "invoice",
    "customers": "customer",
    "subscriptions": "subscription",
    "payment_methods": "payment_method",
    "charges": "charge",
    "payment_intents": "payment_intent",
}
ONE = re.compile(r"/v1/(?P<kind>\w+)/(?P<id>[^/]+)")
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


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read. `key` is its idempotency key, which only a POST has."""

    method: str
    path: str
    params: Params
    headers: Mapping[str, str]
    key: str | None
    request_id: str
    api_key: ApiKey = field(default_factory=lambda: ApiKey(""))

    @property
    def asked(self) -> tuple[str, object]:
        """What two uses of one idempotency key must have in common."""
        return self.path, sorted(self.params.items())


class FakeStripe:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything  every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every POST that succeeded has its effect and then meets this
    faults_left  so many faults of the two kinds above, then none; None is for good
    keyed       False forgets idempotency keys, like a provider that has none
    hang_runs   seconds that a hanging request goes on holding its key and its invoice
    """

    slug = "stripe"

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        keys: Sequence[ApiKey] | None = None,
        live: bool = False,
        account: str = ACCOUNT,
        hosted: str = "https://invoice.stripe.com/i",
    ) -> None:
        self.now = now
        self.live = live
        self.keys = tuple(keys) if keys is not None else (ApiKey(SECRET_KEY), ApiKey(READ_KEY, permissions=READS))
        self.books = Books(now, account)
        self.objects = Objects(self.books, live, hosted)
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
            answer = self._post(call) if call.method == "POST" else self._get(call)
        except errors.StripeError as error:
            answer = _error(error)
        return self._disturbed(answer, fault) if fault is not None else answer

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

    # --- reading

    def _get(self, call: Call) -> Answer:
        if call.method != "GET":
            raise _no_such_url(call)
        match call.path.rstrip("/"):
            case "/v1/invoices":
                body = self._list(call)
            case "/v1/invoices/search":
                body = self._search(call)
            case "/v1/invoice_payments":
                body = self._list_payments(call)
            case "/v1/account":
                self._require(call, "rak_account_read")
                Query.checked(call.params, {"expand"})
                body = self.objects.account()
            case path:
                body = self._one(call, path)
        return _json(200, body)

    def _one(self, call: Call, path: str) -> Json:
        found = ONE.fullmatch(path)
        kind = SINGLE.get(found["kind"]) if found else None
        if found is None or kind is None:
            raise _no_such_url(call)
        self._require(call, PERMISSION[kind])
        query = Query.checked(call.params, {"expand"})
        if not self._sees(call):
            raise errors.missing(kind, found["id"])
        return self._expanded(call, query, self.objects.by_id(kind, found["id"]))

    def _list(self, call: Call) -> Json:
        self._require(call, PERMISSION["invoice"])
        query = Query.checked(call.params, LIST_PARAMS)
        page, more = page_of(self._newest_first(call), invoice_filter(query), query, "invoice")
        body = self.objects.listing([self.objects.invoice(one) for one in page], "/v1/invoices", has_more=more)
        return self._expanded(call, query, body)

    def _list_payments(self, call: Call) -> Json:
        self._require(call, PERMISSION["invoice"])
        query = Query.checked(call.params, PAGING | {"invoice", "status", "created", "payment"})
        everything = [Row(one) for invoice in self._newest_first(call) for one in self.objects.payments(invoice)]
        everything.sort(key=lambda row: (row.json["created"], row.id), reverse=True)
        page, more = page_of(everything, _payment_filter(query), query, "invoice_payment")
        body = self.objects.listing([row.json for row in page], "/v1/invoice_payments", has_more=more)
        return self._expanded(call, query, body)

    def _search(self, call: Call) -> Json:
        self._require(call, PERMISSION["invoice"])
        query = Query.checked(call.params, {"query", "limit", "page", "expand"})
        text = query.one("query")
        if not text:
            raise errors.invalid("Missing required param: query.", code="parameter_missing", param="query")
        clauses = search_clauses(text)
        found = [one for one in self._newest_first(call) if all(getattr(one, name) == clauses[name] for name in clauses)]
        start, limit = query.whole("page") or 0, query.limit()
        rest = found[start + limit :]
        body: Json = {
            "object": "search_result",
            "data": [self.objects.invoice(one) for one in found[start : start + limit]],
            "has_more": bool(rest),
            "next_page": str(start + limit) if rest else None,
            "url": "/v1/invoices/search",
        }
        return self._expanded(call, query, body)

    def _newest_first(self, call: Call) -> list[Invoice]:
        visible = self.invoices.values() if self._sees(call) else ()
        return sorted(visible, key=lambda one: (one.created, one.serial), reverse=True)

    def _sees(self, call: Call) -> bool:
        """A test key sees nothing of the live side, and the other way round."""
        return call.api_key.live == self.live

    def _require(self, call: Call, permission: str) -> None:
        call.api_key.require(permission, self.books.account)

    def _expanded(self, call: Call, query: Query, body: Json) -> Json:
        return self.objects.expand(body, query.all("expand"), lambda permission: self._require(call, permission))

    # --- acting

    def _post(self, call: Call) -> Answer:
        if call.key is not None and self.keyed:
            replay = self._memory.recall(call.key, call.asked, self.now())
            if replay is not None:
                return replay
        found = ACT.fullmatch(call.path)
        if found is None or found["verb"] not in self.actions.by_name:
            raise _no_such_url(call)
        self._require(call, "rak_invoice_write")
        query = Query.checked(call.params, ACTION_PARAMS.get(found["verb"], {"expand"}))
        invoice = self.invoices.get(found["id"]) if self._sees(call) else None
        if invoice is None:
            raise errors.missing("invoice", found["id"])
        if self.now() < invoice.busy_until:
            raise errors.locked()
        # A path that cannot be expanded must be found out before anything happens.
        self._expanded(call, query, self.objects.invoice(invoice))
        return self._act(call, found["verb"], Order(invoice, query, call.key))

    def _act(self, call: Call, verb: str, order: Order) -> Answer:
        try:
            happened = self.actions.by_name[verb](order)
            answer = _json(200, self._expanded(call, order.query, self.objects.invoice(order.invoice)))
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


@dataclass(frozen=True, slots=True)
class Row:
    """An object of a list, for the cursor to find."""

    json: Json

    @property
    def id(self) -> str:
        return str(self.json["id"])


def _payment_filter(query: Query) -> Callable[[Row], bool]:
    invoice, status = query.one("invoice"), query.one("status")
    if status is not None and status not in ("open", "paid", "canceled"):
        raise errors.invalid("Invalid status: must be one of open, paid, canceled", param="status")
    intent = query.one("payment[payment_intent]")

    def wanted(row: Row) -> bool:
        plain = invoice in (None, row.json["invoice"]) and status in (None, row.json["status"])
        return (
            plain
            and intent in (None, row.json["payment"]["payment_intent"])
            and query.within("created", row.json["created"])
        )

    return wanted


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


def _no_such_url(call: Call) -> errors.StripeError:
    return errors.invalid(f"Unrecognized request URL ({call.method}: {call.path}).", status=404)
