"""Lago's own Python client as the judge: it reads the fake's answers, and asks for the same things as our adapter does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models.customer import CustomerResponse
from lago_python_client.models.invoice import Invoice, InvoiceResponse
from lago_python_client.models.payment import Payment, PaymentResponse
from lago_python_client.models.payment_method import PaymentMethod, PaymentMethodResponse
from pydantic.v1 import ValidationError

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Succeeded
from bot.ports import Window
from bot.providers.lago import Lago
from bot.providers.lago_orders import marker_of
from bot.sandbox.providers.lago import BASE, SECRET_KEY, FakeLago
from bot.sandbox.wire import WireReply, WireRequest, serve
from tests.providers.benches import read
from tests.providers.lago_bench import LagoBench
from tests.providers.samples import NOW
from tests.providers.wire import an_order


@dataclass
class Hall:
    """A fake Lago on a real socket, and before it our adapter and the client. `heard` is all that was asked."""

    bench: LagoBench = field(default_factory=LagoBench)
    url: str = ""
    heard: list[WireRequest] = field(default_factory=list)

    def respond(self, request: WireRequest) -> WireReply:
        self.heard.append(request)
        return self.bench.fake.respond(request)

    @property
    def fake(self) -> FakeLago:
        return self.bench.fake

    def client(self) -> Client:
        return Client(api_key=SECRET_KEY, api_url=f"{self.url}/")

    async def told(self, ask: Callable[[Client], Any]) -> Any:
        """What the client makes of the fake's answer."""
        return await asyncio.to_thread(lambda: ask(self.client()))


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    opened = Hall()
    server = await serve(opened.respond)
    opened.url = server.url
    yield opened
    await server.close()


# --- the client reads the fake

SURPLUS: Mapping[str, tuple[set[str], str]] = {
    "InvoiceResponse": ({"created_at", "updated_at"}, "the client's model leaves the times of an invoice out"),
    "PaymentResponse": (
        {
            "lago_customer_id",
            "external_customer_id",
            "lago_payable_id",
            "payable_type",
            "status",
            "payment_provider_code",
            "payment_provider_type",
            "provider_payment_id",
            "provider_customer_id",
            "next_action",
        },
        "the client's model is older than the server's answer, which tells more",
    ),
    "CustomerResponse": ({"sequential_id", "slug"}, "the client's model leaves out how Lago counts customers"),
    "PaymentMethodResponse": (set(), "the client's model knows every field that the server sends"),
}
"""Fields that the server sends and the client's models do not know, and why; everything else it must know."""


def surplus(sent: Mapping[str, Any], model: Any) -> set[str]:
    return set(sent) - set(model.__fields__)


async def test_the_client_reads_every_invoice_of_the_demo(hall: Hall) -> None:
    hall.fake.seed_demo()
    answered = await hall.told(lambda client: client.invoices.find_all({"per_page": 5, "page": 2}))
    assert len(answered["invoices"]) == 5
    assert answered["meta"] == {
        "current_page": 2,
        "next_page": 3,
        "prev_page": 1,
        "total_pages": 3,
        "total_count": len(hall.fake.invoices),
    }
    for identifier, invoice in hall.fake.invoices.items():
        told = await asyncio.to_thread(hall.client().invoices.find, identifier)
        assert isinstance(told, InvoiceResponse)
        assert (told.lago_id, told.status, told.payment_status) == (identifier, invoice.status, invoice.payment_status)
        assert (told.total_due_amount_cents, told.currency) == (invoice.due, invoice.currency)


async def test_the_client_knows_every_field_but_those_that_are_listed(hall: Hall) -> None:
    ref = hall.bench.failed_invoice()
    invoice, objects = hall.fake.invoices[ref.id], hall.fake.objects
    customer = hall.fake.books.customers[invoice.customer]
    sent = {
        InvoiceResponse: objects.invoice(invoice),
        PaymentResponse: objects.payment(hall.fake.books.of_invoice(ref.id)[0]),
        CustomerResponse: objects.customer(customer),
        PaymentMethodResponse: objects.method(hall.fake.books.methods[customer.methods[0]]),
    }
    for model, shown in sent.items():
        fields, why = SURPLUS[model.__name__]
        assert surplus(shown, model) == fields, why


async def test_the_client_reads_what_its_actions_answer(hall: Hall) -> None:
    bench = hall.bench
    drafts = [bench.invoice_for(Action.FINALIZE).id for _ in range(2)]
    failed = [bench.failed_invoice().id for _ in range(5)]
    assert (await hall.told(lambda client: client.invoices.finalize(drafts[0]))).status == "finalized"
    assert (await hall.told(lambda client: client.invoices.refresh(drafts[1]))).status == "draft"
    assert (await hall.told(lambda client: client.invoices.void(failed[0]))).status == "voided"
    assert await hall.told(lambda client: client.invoices.retry_payment(failed[1])) is None
    assert (await hall.told(lambda client: client.invoices.payment_url(failed[2]))).startswith("https://checkout")
    assert (await hall.told(lambda client: client.invoices.download(failed[2]))).file_url.endswith(".pdf")
    paid = Payment(invoice_id=failed[3], amount_cents=4900, reference="wire 7", paid_at="2026-11-21")
    assert (await hall.told(lambda client: client.payments.create(paid))).type == "manual"
    simple = Invoice(payment_status="succeeded")
    assert (await hall.told(lambda client: client.invoices.update(simple, failed[4]))).payment_status == "succeeded"


async def test_the_client_reads_the_fakes_refusals(hall: Hall) -> None:
    draft, paid = hall.bench.failed_invoice(status="draft").id, hall.bench.failed_invoice(status="paid").id
    for ask, status, code in (
        (lambda client: client.invoices.find("nowhere"), 404, "invoice_not_found"),
        (lambda client: client.invoices.void(draft), 405, "not_voidable"),
        (lambda client: client.invoices.retry_payment(paid), 405, "invalid_status"),
        (lambda client: client.invoices.payment_url(draft), 422, "validation_errors"),
        (lambda client: client.invoices.find_all({"statuses[]": "lost"}), 422, "validation_errors"),
    ):
        with pytest.raises(LagoApiError) as caught:
            await hall.told(ask)
        assert (caught.value.status_code, caught.value.response["code"]) == (status, code)


UNREADABLE: dict[str, tuple[Callable[[Client, str], Any], type[Exception], str]] = {
    "payments of a provider": (
        lambda client, invoice: client.payments.find_all({"invoice_id": invoice}),
        ValidationError,
        "its model requires a reference, which the server leaves null for what a payment provider charged",
    ),
    "stored methods": (
        lambda client, _: client.customer_payment_methods.find_all("customer-000001"),
        LagoApiError,
        "it asks for stored methods without the API key, and is turned away",
    ),
    "a lost dispute": (
        lambda client, invoice: client.invoices.lose_dispute(invoice),
        LagoApiError,
        "it sends PUT, and the server routes only POST; we never do this",
    ),
}
"""What the client itself cannot do, and why the fake need not give way. A line that is no longer true fails."""


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_the_client_cannot_do_is_listed(hall: Hall, what: str) -> None:
    ask, error, why = UNREADABLE[what]
    ref = hall.bench.failed_invoice()
    with pytest.raises(error):
        await hall.told(lambda client: ask(client, ref.id))
    assert len(why.split()) >= 4


# --- the client asks as our adapter does


@dataclass(frozen=True)
class Ids:
    """What an operation is about."""

    ref: InvoiceRef
    customer: str
    method: str

    @property
    def id(self) -> str:
        return self.ref.id


@dataclass(frozen=True)
class Operation:
    """One thing done by our adapter and, as its documentation has it, by the client. `wish` makes the invoice."""

    ours: Callable[[Lago, Ids], Awaitable[Any]]
    theirs: Callable[[Client, Ids], Any]
    wish: dict[str, Any] = field(default_factory=dict)
    premium: bool = True


def act(action: Action, *, other_method: bool = False) -> Callable[[Lago, Ids], Awaitable[Any]]:
    async def ours(provider: Lago, ids: Ids) -> None:
        order = an_order(await read(provider, ids.ref), action, method=ids.method if other_method else None)
        if action is Action.FINALIZE:
            order = replace(order, details=Issue(collect=True))
        assert isinstance(await provider.perform(order), Succeeded)

    return ours


def look(client: Client, ids: Ids) -> None:
    client.invoices.find(ids.id)
    with contextlib.suppress(ValidationError):  # listed in UNREADABLE
        client.payments.find_all({"invoice_id": ids.id, "per_page": 100, "page": 1})


def stored(client: Client, ids: Ids) -> None:
    with contextlib.suppress(LagoApiError):  # listed in UNREADABLE
        client.customer_payment_methods.find_all(ids.customer, {"per_page": 100})


def after_looks(number: int, ask: Callable[[Client, Ids], Any]) -> Callable[[Client, Ids], Any]:
    """Our adapter never acts on what it has not read."""

    def theirs(client: Client, ids: Ids) -> None:
        for _ in range(number):
            look(client, ids)
        ask(client, ids)

    return theirs


def retry(client: Client, ids: Ids) -> None:
    stored(client, ids)
    client.invoices.retry_payment(ids.id)


def record(client: Client, ids: Ids) -> None:
    reference = f"statement 12, line 3 {marker_of('attempt-1')}"
    client.payments.create(
        Payment(invoice_id=ids.id, amount_cents=4900, reference=reference, paid_at=NOW.date().isoformat())
    )


def say_paid(client: Client, ids: Ids) -> None:
    with contextlib.suppress(LagoApiError):  # the licence does not include it, which the adapter finds out in this way
        record(client, ids)
    client.invoices.update(Invoice(payment_status="succeeded"), ids.id)


def failed_and_overdue(client: Client, _: Ids) -> None:
    """Of one day only: more of them are more of the same question."""
    day = (NOW - timedelta(days=1)).date().isoformat()
    for asked in ({"payment_statuses[]": "failed"}, {"payment_overdue": "true"}):
        client.invoices.find_all(
            {"statuses[]": ["finalized"], **asked, "issuing_date_from": day, "per_page": 100, "page": 1}
        )


async def list_failed(provider: Lago, _: Ids) -> None:
    window = Window(NOW.replace(hour=0, minute=0), NOW + timedelta(hours=1))
    assert [item async for item in provider.failed(window)] == []


OPERATIONS: dict[str, Operation] = {
    "retry": Operation(act(Action.RETRY), after_looks(2, retry)),
    "retry with another method": Operation(
        act(Action.RETRY, other_method=True),
        after_looks(
            2,
            lambda client, ids: client.invoices.retry_payment(
                ids.id, PaymentMethod(payment_method_type="provider", payment_method_id=ids.method)
            ),
        ),
    ),
    "void": Operation(act(Action.VOID), after_looks(2, lambda client, ids: client.invoices.void(ids.id))),
    "finalize": Operation(
        act(Action.FINALIZE), after_looks(1, lambda client, ids: client.invoices.finalize(ids.id)), {"status": "draft"}
    ),
    "refresh": Operation(
        act(Action.REFRESH), after_looks(1, lambda client, ids: client.invoices.refresh(ids.id)), {"status": "draft"}
    ),
    "record a payment": Operation(act(Action.PAID), after_looks(1, record)),
    "say that it is paid": Operation(act(Action.PAID), after_looks(1, say_paid), premium=False),
    "read": Operation(lambda provider, ids: provider.get(ids.ref), look),
    "read thoroughly": Operation(lambda provider, ids: provider.get(ids.ref, thorough=True), after_looks(1, stored)),
    "payment page": Operation(
        lambda provider, ids: provider.payment_link(ids.ref), lambda client, ids: client.invoices.payment_url(ids.id)
    ),
    "pdf": Operation(lambda provider, ids: provider.pdf(ids.ref), lambda client, ids: client.invoices.download(ids.id)),
    "find": Operation(
        lambda provider, _: provider.find("Acme"),
        lambda client, _: client.invoices.find_all({"search_term": "Acme", "per_page": 100, "page": 1}),
    ),
    "list": Operation(list_failed, failed_and_overdue),
}
DIFFERENCES: dict[str, tuple[tuple[str, ...], str]] = {
    "only theirs: content-type": (
        tuple(name for name in OPERATIONS if name not in {"payment page", "pdf"}),
        "a read has no content of which it could be said what it is; the client says it all the same",
    ),
    "only ours: authorization": (
        ("retry", "read thoroughly"),
        "the client forgets its key where it asks for stored methods",
    ),
    "other: user-agent": (tuple(OPERATIONS), "each says who it is"),
    "other: accept": (tuple(OPERATIONS), "we say that we read JSON; the client says that it reads anything"),
}
"""Every way in which our requests differ from the client's, where it is seen, and why. Anything else is a mistake."""
TRANSPORT = {"host", "content-length", "connection", "accept-encoding"}


def place(request: WireRequest) -> tuple[str, str, list[tuple[str, str]], str]:
    """By which requests of both sides are put side by side, whatever the order in which they were made."""
    body = json.dumps(json.loads(request.body), sort_keys=True) if request.body else ""
    return request.method, request.path, sorted(parse_qsl(request.query)), body


def differences(ours: WireRequest, theirs: WireRequest) -> set[str]:
    mine, its = set(ours.headers) - TRANSPORT, set(theirs.headers) - TRANSPORT
    found = {f"only ours: {name}" for name in mine - its} | {f"only theirs: {name}" for name in its - mine}
    return found | {f"other: {name}" for name in mine & its if ours.headers[name] != theirs.headers[name]}


def prepared(hall: Hall, operation: Operation) -> Ids:
    hall.bench = LagoBench()
    hall.fake.licence.premium = operation.premium
    ref = hall.bench.invoice(name="Acme", **operation.wish)
    customer = hall.bench.customer_of(ref)
    return Ids(ref, customer, hall.bench.add_working_method(ref))


async def asked_by_both(hall: Hall, operation: Operation) -> tuple[list[WireRequest], list[WireRequest]]:
    """What each of them asks of a fresh fake with the same content."""
    ids = prepared(hall, operation)
    provider = hall.bench.open(base_url=f"{hall.url}{BASE}")
    await operation.ours(provider, ids)
    await provider.close()
    ours = hall.heard[:]
    hall.heard.clear()
    again = prepared(hall, operation)
    await hall.told(lambda client: operation.theirs(client, again))
    return sorted(ours, key=place), sorted(hall.heard, key=place)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_our_adapter_asks_as_the_vendors_client_does(hall: Hall, name: str) -> None:
    ours, theirs = await asked_by_both(hall, OPERATIONS[name])
    assert [place(request) for request in ours] == [place(request) for request in theirs]
    seen = {one for mine, its in zip(ours, theirs, strict=True) for one in differences(mine, its)}
    assert seen == {what for what, (where, _) in DIFFERENCES.items() if name in where}


def test_every_listed_difference_is_explained_and_is_of_an_operation() -> None:
    for where, why in [*DIFFERENCES.values(), *((("read",), why) for _, why in SURPLUS.values())]:
        assert set(where) <= set(OPERATIONS)
        assert len(why.split()) >= 4


def test_the_client_has_no_way_to_send_an_invoice_again() -> None:
    """The one action of ours that it cannot judge; a client that learns it goes into the table above."""
    assert not hasattr(Client(api_key=SECRET_KEY).invoices, "resend_email")
