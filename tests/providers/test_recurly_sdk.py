"""Recurly's own Python client as the judge: it reads the fake's answers, and asks for the same as our adapter does."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import pytest
import recurly  # type: ignore[import-untyped]  # it ships no types
from recurly import errors as vendor

from bot.domain.action import Action
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Pending, Succeeded
from bot.ports import Window
from bot.providers.recurly import Recurly
from bot.sandbox.providers.recurly import SECRET_KEY, FakeRecurly
from bot.sandbox.wire import WireReply, WireRequest, serve
from tests.providers.benches import read
from tests.providers.recurly_bench import RecurlyBench
from tests.providers.samples import NOW
from tests.providers.wire import an_order


class LoopbackClient(recurly.Client):  # type: ignore[misc]  # the client ships no types
    """The vendor's client, asked to speak plain HTTP to this machine.

    It knows Recurly's two hosts alone and makes its connection in the constructor, over TLS, without an option for another
    one. A connection object of the standard library is all that it keeps; this puts a plain one in its place, and leaves
    everything that is judged here to the vendor's code: paths, parameters, headers, bodies and the reading of answers.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(SECRET_KEY)
        self._BaseClient__conn = http.client.HTTPConnection(host, port, timeout=5)

    def leave(self) -> None:
        self._BaseClient__conn.close()


@dataclass
class Hall:
    """A fake Recurly on a real socket, and before it our adapter and the client. `heard` is all that was asked."""

    bench: RecurlyBench = field(default_factory=RecurlyBench)
    host: str = ""
    port: int = 0
    heard: list[WireRequest] = field(default_factory=list)

    def respond(self, request: WireRequest) -> WireReply:
        self.heard.append(request)
        return self.bench.fake.respond(request)

    @property
    def fake(self) -> FakeRecurly:
        return self.bench.fake

    def provider(self) -> Recurly:
        return self.bench.open(base_url=f"http://{self.host}:{self.port}")

    async def told(self, ask: Callable[[Any], Any]) -> Any:
        """What the client makes of the fake's answer."""

        def asked() -> Any:
            client = LoopbackClient(self.host, self.port)
            try:
                return ask(client)
            finally:
                client.leave()

        return await asyncio.to_thread(asked)


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    opened = Hall()
    server = await serve(opened.respond)
    opened.host, opened.port = server.host, server.port
    yield opened
    await server.close()


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own switch: an object that it does not know is an error."""
    monkeypatch.setattr(recurly, "STRICT_MODE", True)


# --- the client reads the fake


async def test_the_client_reads_every_invoice_of_the_demo_page_by_page(hall: Hall) -> None:
    hall.fake.seed_demo()
    listed = await hall.told(lambda client: list(client.list_invoices(params={"limit": 3, "order": "asc"}).items()))
    assert {one.id for one in listed} == set(hall.fake.invoices)
    assert len([request for request in hall.heard if "cursor=" in request.query]) >= 2
    for one in listed:
        known = hall.fake.invoices[one.id]
        assert isinstance(one, recurly.resources.Invoice)
        assert (one.state, one.type, one.number, one.currency) == (known.state, known.type, known.number, known.currency)
        assert isinstance(one.account, recurly.resources.AccountMini)
        assert all(isinstance(made, recurly.resources.Transaction) for made in one.transactions)


async def test_the_client_counts_what_is_past_due(hall: Hall) -> None:
    hall.fake.seed_demo()
    pager = {"state": "past_due", "type": "charge"}
    assert await hall.told(lambda client: client.list_invoices(params=pager).count()) == 2


SURPLUS: Mapping[str, tuple[set[str], str]] = {
    "Invoice": (set(), "the client knows every field"),
    "Transaction": (set(), "the client knows every field"),
    "Account": (set(), "the client knows every field"),
    "BillingInfo": (set(), "the client knows every field"),
    "Site": (set(), "the client knows every field"),
    "CreditPayment": (set(), "the client knows every field"),
}
"""Fields that the fake sends and the client's models do not know, and why; everything else it must know."""


async def test_the_client_knows_every_field_that_the_fake_sends(hall: Hall) -> None:
    fake = hall.fake
    failed = hall.bench.failed_invoice(status="uncollectible").id
    invoice = fake.invoices[failed]
    customer = fake.books.customers[invoice.customer]
    shown = fake.objects.invoice(invoice)
    sent = {
        "Invoice": shown,
        "Transaction": shown["transactions"][0],
        "CreditPayment": shown["credit_payments"][0],
        "Account": fake.objects.account(customer),
        "BillingInfo": fake.objects.billing_info(fake.books.methods[customer.methods[0]]),
        "Site": fake.reads.answer("/sites", {})["data"][0],
    }
    for name, one in sent.items():
        fields, why = SURPLUS[name]
        assert set(one) - set(getattr(recurly.resources, name).schema) == fields, why


async def test_the_client_reads_what_its_actions_answer(hall: Hall) -> None:
    paid, failed, marked = (hall.bench.failed_invoice().id for _ in range(3))
    manual = hall.bench.invoice_for(Action.PAID).id
    assert (await hall.told(lambda client: client.collect_invoice(paid))).state == "paid"
    given_up = await hall.told(lambda client: client.mark_invoice_failed(failed))
    assert (given_up.state, given_up.balance, given_up.credit_payments[0].action) == ("failed", 0.0, "write_off")
    assert (await hall.told(lambda client: client.mark_invoice_successful(marked))).state == "paid"
    payment = {"payment_method": "check", "amount": 20.0, "description": "cheque 7"}
    recorded = await hall.told(lambda client: client.record_external_transaction(manual, payment))
    assert isinstance(recorded, recurly.resources.Transaction)
    assert (recorded.amount, recorded.description, recorded.invoice.id) == (20.0, "cheque 7", manual)
    assert (await hall.told(lambda client: client.get_invoice_pdf(paid))).data.startswith(b"%PDF-")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_client_reads_the_end_of_the_rate_limit_as_a_moment(hall: Hall) -> None:
    ref = hall.bench.failed_invoice()
    hall.fake.limit.retry_after = 60
    answer = (await hall.told(lambda client: client.get_invoice(ref.id))).get_response()
    moment = answer.rate_limit_reset
    assert abs((moment - NOW.replace(tzinfo=None)) - timedelta(seconds=60)) < timedelta(seconds=2)
    assert answer.request_id


REFUSALS: Mapping[str, tuple[type[Exception], Callable[[Any, dict[str, str]], Any]]] = {
    "an invoice that does not exist": (vendor.NotFoundError, lambda client, _: client.get_invoice("nowhere00000")),
    "a decline": (vendor.TransactionError, lambda client, ids: client.collect_invoice(ids["declined"])),
    "a state that forbids it": (vendor.ValidationError, lambda client, ids: client.collect_invoice(ids["paid"])),
    "a charge invoice that is to be voided": (
        vendor.ValidationError,
        lambda client, ids: client.void_invoice(ids["declined"]),
    ),
    "another change at the same time": (
        vendor.SimultaneousRequestError,
        lambda client, ids: client.collect_invoice(ids["busy"]),
    ),
    "too many requests": (vendor.RateLimitedError, lambda client, ids: client.collect_invoice(ids["limited"])),
    "a filter that there is not": (
        vendor.BadRequestError,
        lambda client, _: client.list_invoices(params={"state": "lost"}).first(),
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_the_client_reads_the_fakes_refusals_as_its_own_errors(hall: Hall, what: str) -> None:
    kind, ask = REFUSALS[what]
    ids = {
        "declined": hall.bench.failed_invoice(magic="expired_card").id,
        "paid": hall.bench.failed_invoice(status="paid").id,
        "busy": hall.bench.failed_invoice(magic="busy").id,
        "limited": hall.bench.failed_invoice(magic="rate_limited").id,
    }
    with pytest.raises(kind) as caught:
        await hall.told(lambda client: ask(client, ids))
    if what == "a decline":
        told = caught.value.error.transaction_error  # type: ignore[attr-defined]  # the client ships no types
        assert (told.code, told.category, told.decline_code) == ("expired_card", "hard", "expired_card")


async def test_a_version_that_there_is_not_is_refused_in_the_client_s_own_words(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its model lacks the list of versions that the vendor documents for this answer, so it is not asked to be strict."""
    monkeypatch.setattr(recurly, "STRICT_MODE", False)

    class Stranger(LoopbackClient):
        def api_version(self) -> str:
            return "v1999-01-01"

    def ask() -> None:
        client = Stranger(hall.host, hall.port)
        try:
            client.list_sites().first()
        finally:
            client.leave()

    with pytest.raises(vendor.InvalidApiVersionError):
        await asyncio.to_thread(ask)


# --- the client asks as our adapter does


@dataclass(frozen=True)
class Said:
    """What a request asks for, whoever sent it."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    body: Any
    accept: str
    authorization: str
    content_type: str | None
    key: str | None


def said(request: WireRequest) -> Said:
    """A read needs no content type; the vendor's client sends one all the same."""
    is_read = request.method == "GET"
    return Said(
        request.method,
        request.path,
        tuple(sorted(parse_qsl(request.query))),
        json.loads(request.body) if request.body else None,
        request.headers["accept"],
        request.headers["authorization"],
        None if is_read else request.headers["content-type"],
        request.headers.get("idempotency-key"),
    )


KEY = {"headers": {"Idempotency-Key": "attempt-1"}}
Ask = Callable[[Recurly, Invoice], Awaitable[Any]]
ALIKE: Mapping[str, tuple[Ask, Callable[[Any, Invoice, dict[str, str]], Any]]] = {
    "get": (
        lambda ours, invoice: ours.get(invoice.ref),
        lambda client, invoice, _: client.get_invoice(invoice.ref.id),
    ),
    "number": (
        lambda ours, invoice: ours.numbered(str(invoice.number)),
        lambda client, invoice, _: client.get_invoice(f"number-{invoice.number}"),
    ),
    "retry": (
        lambda ours, invoice: ours.perform(an_order(invoice)),
        lambda client, invoice, _: client.collect_invoice(invoice.ref.id, **KEY),
    ),
    "retry with another method": (
        lambda ours, invoice: ours.perform(an_order(invoice, method="bi5a99999999")),
        lambda client, invoice, _: client.collect_invoice(invoice.ref.id, body={"billing_info_id": "bi5a99999999"}, **KEY),
    ),
    "uncollectible": (
        lambda ours, invoice: ours.perform(an_order(invoice, Action.UNCOLLECTIBLE)),
        lambda client, invoice, _: client.mark_invoice_failed(invoice.ref.id, **KEY),
    ),
    "paid": (
        lambda ours, invoice: ours.perform(an_order(invoice, Action.PAID)),
        lambda client, invoice, _: client.mark_invoice_successful(invoice.ref.id, **KEY),
    ),
    "methods": (
        lambda ours, invoice: ours.methods(invoice.ref),
        lambda client, _, ids: client.list_billing_infos(ids["account"], params={"limit": 200}).first(),
    ),
    "account page": (
        lambda ours, invoice: ours.payment_link(invoice.ref),
        lambda client, _, ids: client.get_account(ids["account"]),
    ),
    "pdf": (
        lambda ours, invoice: ours.pdf(invoice.ref),
        lambda client, invoice, _: client.get_invoice_pdf(invoice.ref.id),
    ),
    "customer by code": (
        lambda ours, invoice: ours.find(str(invoice.customer_id)),
        lambda client, invoice, ids: (
            client.get_account(f"code-{invoice.customer_id}"),
            next(client.list_account_invoices(ids["account"], params={"type": "charge", "limit": 50}).pages()),
        ),
    ),
}
EXCEPTIONS: Mapping[str, tuple[str, str]] = {
    "methods": ("limit", "the client's page of one narrows the limit that it was given; ours asks for all at once"),
}
"""Parameters in which the two differ, and why."""


@pytest.mark.parametrize("what", ALIKE)
async def test_the_client_asks_as_our_adapter_does(hall: Hall, what: str) -> None:
    ask, judge = ALIKE[what]
    ref = hall.bench.failed_invoice()
    provider = hall.provider()
    invoice = await read(provider, ref)
    ids = {"account": hall.fake.invoices[ref.id].customer}
    hall.heard.clear()
    await ask(provider, invoice)
    ours = [said(request) for request in hall.heard]
    hall.heard.clear()
    try:
        await hall.told(lambda client: judge(client, invoice, ids))
    except recurly.ApiError:
        assert what.startswith("retry with")  # a billing info that there is not is asked for alike, too
    theirs = [said(request) for request in hall.heard]
    parameter = EXCEPTIONS.get(what, ("", ""))[0]
    assert theirs
    for one in theirs:
        assert _without(one, parameter) in [_without(other, parameter) for other in ours]
    await provider.close()


def _without(one: Said, parameter: str) -> Said:
    params = tuple(pair for pair in one.params if pair[0] != parameter)
    content_type = one.content_type
    return Said(one.method, one.path, params, one.body, one.accept, one.authorization, content_type, one.key)


def test_every_exception_says_why() -> None:
    assert all(len(why.split()) >= 6 for _, why in EXCEPTIONS.values())
    assert set(EXCEPTIONS) <= set(ALIKE)


async def test_a_recorded_payment_is_what_the_client_would_send(hall: Hall) -> None:
    ref = hall.bench.invoice_for(Action.PAID)
    provider = hall.provider()
    invoice = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(invoice, Action.PAID)), Succeeded)
    ours = said(hall.heard[-1])
    with pytest.raises(vendor.ValidationError):
        await hall.told(lambda client: client.record_external_transaction(ref.id, ours.body, headers={}))
    theirs = said(hall.heard[-1])
    assert (theirs.method, theirs.path, theirs.body) == (ours.method, ours.path, ours.body)
    assert set(ours.body) <= {"payment_method", "description", "amount", "collected_at"}
    await provider.close()


def _walked(params: dict[str, str], client: Any) -> list[Any]:
    return list(client.list_invoices(params=params).items())


async def test_a_listing_is_walked_by_the_same_pages_as_the_client_walks(hall: Hall) -> None:
    for number in range(7):
        hall.bench.failed_invoice(days_old=1 + number * 0.1)
    hall.fake.page_limit = 2
    provider = hall.provider()
    found = [item async for item in provider.failed(Window(NOW - timedelta(days=4), NOW))]
    ours = [said(request) for request in hall.heard if request.path == "/invoices"]
    first_pages = [dict(one.params) for one in ours if "cursor" not in dict(one.params)]
    hall.heard.clear()
    for params in first_pages:
        await hall.told(partial(_walked, params))
    theirs = [said(request) for request in hall.heard]
    assert len(found) == 7
    assert sorted(map(repr, theirs)) == sorted(map(repr, ours))
    assert len(theirs) > len(first_pages)
    await provider.close()


async def test_the_client_finds_an_address_as_our_adapter_does(hall: Hall) -> None:
    hall.bench.named("Fennel", "billing@fennel.example")
    provider = hall.provider()
    assert len(await provider.find("billing@fennel.example")) == 5
    ours = {said(request) for request in hall.heard if request.path == "/accounts"}
    hall.heard.clear()
    params = {"email": "billing@fennel.example", "limit": 3}
    await hall.told(lambda client: list(client.list_accounts(params=params).items()))
    assert {said(request) for request in hall.heard} == ours
    await provider.close()


async def test_what_the_client_started_our_adapter_goes_on_with(hall: Hall) -> None:
    """Two programs of one operator, over one set of books."""
    ref: InvoiceRef = hall.bench.failed_invoice(magic="bank_debit")
    provider = hall.provider()
    before = await read(provider, ref)
    assert (await hall.told(lambda client: client.collect_invoice(ref.id))).state == "processing"
    assert isinstance(await provider.perform(an_order(before)), Pending)
    assert hall.bench.attempts(ref) == 1
    await provider.close()
