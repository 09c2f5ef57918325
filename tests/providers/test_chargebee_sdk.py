"""Chargebee's own Python SDK as the judge: it reads the fake's answers, and asks for the same things as our adapter."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import chargebee
import pytest
from chargebee.api_error import APIError, InvalidRequestError, OperationFailedError, PaymentError
from chargebee.models import credit_note, customer, download, email_log, hosted_page, invoice, payment_source, transaction

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Succeeded
from bot.ports import Window
from bot.providers.chargebee import Chargebee
from bot.providers.chargebee_orders import marker_of
from bot.sandbox.providers.chargebee import BASE, KEY_HEADER, SECRET_KEY, SITE, FakeChargebee
from bot.sandbox.wire import WireReply, WireRequest, serve
from tests.providers.benches import read
from tests.providers.chargebee_bench import ChargebeeBench
from tests.providers.samples import NOW
from tests.providers.wire import an_attempt, an_order

Client = Any
"""The SDK ships no types."""


@dataclass
class Hall:
    """A fake Chargebee on a real socket, and before it our adapter and the SDK. `heard` is all that was asked."""

    bench: ChargebeeBench = field(default_factory=ChargebeeBench)
    url: str = ""
    heard: list[WireRequest] = field(default_factory=list)

    def respond(self, request: WireRequest) -> WireReply:
        self.heard.append(request)
        return self.bench.fake.respond(request)

    @property
    def fake(self) -> FakeChargebee:
        return self.bench.fake

    def client(self, key: str = SECRET_KEY) -> Client:
        """Its address is always a site's; here it is that of the socket."""
        client = chargebee.Chargebee(api_key=key, site=SITE, protocol="http")
        client.env.api_endpoint = f"{self.url}{BASE}"
        return client

    async def told(self, ask: Callable[[Client], Any], key: str = SECRET_KEY) -> Any:
        """What the SDK makes of the fake's answer."""
        return await asyncio.to_thread(lambda: ask(self.client(key)))


@pytest.fixture
async def hall(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hall]:
    monkeypatch.setattr(chargebee.Chargebee, "verify_ca_certs", False)  # its own switch for plain http is for all clients
    opened = Hall()
    server = await serve(opened.respond)
    opened.url = server.url
    yield opened
    await server.close()


# --- the SDK reads the fake

_KIND = ({"object"}, "every object names its kind; the model leaves it out")
_MONEY = ({"object", "base_currency_code"}, "the vendor's documents show both; the model leaves them out")
SURPLUS: Mapping[str, tuple[set[str], str]] = {
    "InvoiceResponse": ({"object", "base_currency_code"}, "the vendor's documents show both; the model leaves them out"),
    "TransactionResponse": (
        {"object", "base_currency_code"},
        "the vendor's documents show both; the model leaves them out",
    ),
    "CustomerResponse": _KIND,
    "PaymentSourceResponse": _KIND,
    "EmailLogResponse": _KIND,
    "CreditNoteResponse": _KIND,
    "HostedPageResponse": _KIND,
    "DownloadResponse": _KIND,
}
"""Fields that the fake sends and the SDK's models do not know, and why; everything else they must know."""


def surplus(sent: Mapping[str, Any], model: Any) -> set[str]:
    return set(sent) - set(model.__dataclass_fields__)


async def test_the_sdk_reads_every_invoice_of_the_demo(hall: Hall) -> None:
    hall.fake.seed_demo()
    answered = await hall.told(lambda client: client.Invoice.list({"limit": 3, "sort_by": {"asc": "date"}}))
    assert len(answered.list) == 3
    rest = await hall.told(
        lambda client: client.Invoice.list({"limit": 9, "sort_by": {"asc": "date"}, "offset": answered.next_offset})
    )
    assert rest.next_offset is None
    ids = [row.invoice.id for row in [*answered.list, *rest.list]]
    assert sorted(ids) == sorted(hall.fake.invoices)
    for identifier, kept in hall.fake.invoices.items():
        told = (await asyncio.to_thread(hall.client().Invoice.retrieve, identifier)).invoice
        assert (told.id, told.status, told.currency_code) == (identifier, kept.status, kept.currency)
        assert (told.total, told.amount_due) == (kept.total, hall.fake.books.owed(kept))
        assert str(invoice.Invoice.Status(told.status)) == told.status
        assert {str(transaction.Transaction.Status(one.txn_status)) for one in told.linked_payments} <= {
            "failure",
            "success",
        }


async def test_the_sdk_knows_every_field_but_those_that_are_listed(hall: Hall) -> None:
    ref, books, objects = hall.bench.failed_invoice(), hall.fake.books, hall.fake.objects
    kept = hall.fake.invoices[ref.id]
    await hall.told(lambda client: client.Invoice.send_email(ref.id))
    paid = hall.bench.failed_invoice()
    await hall.told(lambda client: client.Invoice.write_off(paid.id))
    sent: dict[Any, dict[str, Any]] = {
        invoice.InvoiceResponse: objects.invoice(kept),
        transaction.TransactionResponse: objects.transaction(books.of_invoice(ref.id)[0]),
        customer.CustomerResponse: objects.customer(books.customers[kept.customer]),
        payment_source.PaymentSourceResponse: objects.source(next(iter(books.sources.values()))),
        email_log.EmailLogResponse: objects.mail(books.mails[0]),
        credit_note.CreditNoteResponse: objects.credit_note(hall.fake.invoices[paid.id]),
        hosted_page.HostedPageResponse: objects.hosted_page(kept.customer),
        download.DownloadResponse: objects.download(kept),
    }
    for model, shown in sent.items():
        fields, why = SURPLUS[model.__name__]
        assert surplus(shown, model) == fields, why
        assert len(why.split()) >= 4


async def test_the_sdk_reads_what_its_actions_answer(hall: Hall) -> None:
    failed = [hall.bench.failed_invoice().id for _ in range(6)]
    draft = hall.bench.invoice_for(Action.FINALIZE).id
    collected = await hall.told(lambda client: client.Invoice.collect_payment(failed[0], {"amount": 4900}))
    assert (collected.invoice.status, collected.transaction.status) == ("paid", "success")
    assert not collected.is_idempotency_replayed
    written_off = await hall.told(lambda client: client.Invoice.write_off(failed[1]))
    assert (written_off.invoice.status, written_off.invoice.write_off_amount) == ("paid", 4900)
    assert written_off.credit_note.total == 4900
    assert (await hall.told(lambda client: client.Invoice.void_invoice(failed[2]))).invoice.status == "voided"
    assert (await hall.told(lambda client: client.Invoice.close(draft))).invoice.status == "payment_due"
    (mail,) = (await hall.told(lambda client: client.Invoice.send_email(failed[3]))).email_logs
    assert failed[3] in mail.subject
    paid = {"transaction": {"payment_method": "cash", "amount": 4900}}
    assert (await hall.told(lambda client: client.Invoice.record_payment(failed[4], paid))).transaction.status == "success"
    assert (await hall.told(lambda client: client.Invoice.pdf(failed[5]))).download.mime_type == "application/pdf"
    page = await hall.told(lambda client: client.HostedPage.collect_now({"customer": {"id": _of(hall, failed[5])}}))
    assert page.hosted_page.expires_at - page.hosted_page.created_at == timedelta(days=5).total_seconds()


async def test_the_sdk_sees_that_a_key_was_used_before(hall: Hall) -> None:
    identifier = hall.bench.failed_invoice().id
    for is_second in (False, True):
        told = await hall.told(lambda client: client.Invoice.collect_payment(identifier, {}, {KEY_HEADER: "once"}))
        assert told.is_idempotency_replayed is is_second
    assert len(hall.fake.charges) == 1


async def test_the_sdk_reads_the_fakes_refusals(hall: Hall) -> None:
    draft, due = hall.bench.failed_invoice(status="draft").id, hall.bench.failed_invoice().id
    poor = hall.bench.failed_invoice(magic="insufficient_funds").id
    bare = hall.bench.failed_invoice(magic="no_method").id
    busy = hall.bench.failed_invoice(magic="rate_limited").id
    invalid, too_many = InvalidRequestError, "third_party_api_request_limit_exceeded"
    rows: list[tuple[Callable[[Client], Any], type[APIError], int, str]] = [
        (lambda client: client.Invoice.retrieve("nowhere"), InvalidRequestError, 404, "resource_not_found"),
        (lambda client: client.Invoice.collect_payment(draft), InvalidRequestError, 409, "invalid_state_for_request"),
        (lambda client: client.Invoice.collect_payment(due, {"amount": 9999}), invalid, 400, "param_wrong_value"),
        (lambda client: client.Invoice.collect_payment(poor), PaymentError, 400, "payment_processing_failed"),
        (lambda client: client.Invoice.collect_payment(bare), PaymentError, 400, "payment_method_not_present"),
        (lambda client: client.Invoice.collect_payment(busy), OperationFailedError, 429, too_many),
        (lambda client: client.Invoice.list({"limit": 101}), InvalidRequestError, 400, "param_wrong_value"),
    ]  # fmt: skip
    for ask, kind, status, code in rows:
        with pytest.raises(kind) as caught:
            await hall.told(ask)
        assert (caught.value.http_status_code, caught.value.api_error_code) == (status, code)
    with pytest.raises(APIError) as refused:
        await hall.told(lambda client: client.Invoice.retrieve(due), key="test_Nobody")
    assert (refused.value.http_status_code, refused.value.api_error_code) == (401, "api_authentication_failed")


def _of(hall: Hall, identifier: str) -> str:
    return hall.fake.invoices[identifier].customer


# --- the SDK asks as our adapter does


@dataclass(frozen=True)
class Ids:
    """What an operation is about."""

    ref: InvoiceRef
    customer: str
    primary: str
    method: str
    transaction: str | None

    @property
    def id(self) -> str:
        return self.ref.id


Ours = Callable[[Chargebee, Ids], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """One thing done by our adapter and, as its documentation has it, by the SDK. `wish` makes the invoice."""

    ours: Ours
    theirs: Callable[[Client, Ids], Any]
    wish: dict[str, Any] = field(default_factory=dict)


def act(
    action: Action, *, thorough: bool = False, other_method: bool = False
) -> Callable[[Chargebee, Ids], Awaitable[Any]]:
    async def ours(provider: Chargebee, ids: Ids) -> None:
        seen = await read(provider, ids.ref, thorough=thorough)
        order = an_order(seen, action, method=ids.method if other_method else None)
        if action is Action.FINALIZE:
            order = replace(order, details=Issue(collect=True))
        if action in {Action.VOID, Action.UNCOLLECTIBLE}:
            order = replace(order, reason="customer has moved")
        assert isinstance(await provider.perform(order), Succeeded)

    return ours


def look(client: Client, ids: Ids) -> None:
    client.Invoice.retrieve(ids.id)
    if ids.transaction:
        client.Transaction.retrieve(ids.transaction)


def look_thoroughly(client: Client, ids: Ids) -> None:
    look(client, ids)
    client.Customer.retrieve(ids.customer)
    client.PaymentSource.list({"customer_id": {"is": ids.customer}, "limit": 100})


def collect(client: Client, ids: Ids, source: str) -> None:
    asked = {"amount": 4900, "payment_source_id": source, "payment_initiator": "merchant", "comment": "Recoup attempt-1"}
    client.Invoice.collect_payment(ids.id, asked, _KEY)


def retry(client: Client, ids: Ids) -> None:
    look_thoroughly(client, ids)
    collect(client, ids, ids.primary)


def retry_with_another(client: Client, ids: Ids) -> None:
    look(client, ids)
    collect(client, ids, ids.method)


def after_look(ask: Callable[[Client, Ids], Any]) -> Callable[[Client, Ids], Any]:
    """Our adapter never acts on what it has not read."""

    def theirs(client: Client, ids: Ids) -> None:
        look(client, ids)
        ask(client, ids)

    return theirs


def record(client: Client, ids: Ids) -> None:
    received = {
        "amount": 4900,
        "payment_method": "bank_transfer",
        "date": int(NOW.replace(hour=0, minute=0).timestamp()),
        "reference_number": f"statement 12, line 3 {marker_of('attempt-1')}",
        "status": "success",
    }
    client.Invoice.record_payment(ids.id, {"transaction": received}, _KEY)


def make_page(client: Client, ids: Ids) -> None:
    client.Invoice.retrieve(ids.id)
    client.HostedPage.collect_now({"customer": {"id": ids.customer}})


def make_pdf(client: Client, ids: Ids) -> None:
    client.Invoice.retrieve(ids.id)
    client.Invoice.pdf(ids.id, {"disposition_type": "attachment"})


def find_by_address(client: Client, ids: Ids) -> None:
    client.Customer.list({"email": {"in": ["Books@payer.example", "books@payer.example"]}, "limit": 25})
    client.Invoice.list({"customer_id": {"in": [ids.customer]}, "sort_by": {"desc": "date"}, "limit": 50})


def find_number(client: Client, ids: Ids) -> None:
    client.Invoice.list({"id": {"in": [ids.id, ids.id.lower()]}, "limit": 10})


def list_theirs(client: Client, _: Ids) -> None:
    now = int(NOW.timestamp())
    client.Invoice.list(
        {
            "status": {"in": ["payment_due", "not_paid"]},
            "amount_due": {"gt": 0},
            "sort_by": {"asc": "date"},
            "limit": 100,
            "date": {"between": [now - 2, now + 1]},
        }
    )


async def list_ours(provider: Chargebee, _: Ids) -> None:
    assert [item async for item in provider.failed(Window(NOW - timedelta(seconds=1), NOW))] == []


async def settle_mail(provider: Chargebee, ids: Ids) -> None:
    await provider.settle(an_attempt(await read(provider, ids.ref), Action.RESEND))


def look_for_mail(client: Client, ids: Ids) -> None:
    look(client, ids)
    look(client, ids)
    since = int((NOW - timedelta(seconds=5)).timestamp())
    client.EmailLog.email_logs_for_customer(ids.customer, {"sent_on": {"after": since}, "limit": 100})


_KEY = {KEY_HEADER: "attempt-1"}
REASON = {"comment": "customer has moved"}
OPERATIONS: dict[str, Operation] = {
    "retry": Operation(act(Action.RETRY, thorough=True), retry),
    "retry with another method": Operation(act(Action.RETRY, other_method=True), retry_with_another),
    "resend": Operation(act(Action.RESEND), after_look(lambda client, ids: client.Invoice.send_email(ids.id, _KEY))),
    "void": Operation(act(Action.VOID), after_look(lambda client, ids: client.Invoice.void_invoice(ids.id, REASON, _KEY))),
    "write off": Operation(
        act(Action.UNCOLLECTIBLE), after_look(lambda client, ids: client.Invoice.write_off(ids.id, REASON, _KEY))
    ),
    "close": Operation(
        act(Action.FINALIZE),
        after_look(lambda client, ids: client.Invoice.close(ids.id, {}, _KEY)),
        {"status": "draft", "auto_collection": False},
    ),
    "record a payment": Operation(act(Action.PAID), after_look(record)),
    "read": Operation(lambda provider, ids: provider.get(ids.ref), look),
    "read thoroughly": Operation(lambda provider, ids: provider.get(ids.ref, thorough=True), look_thoroughly),
    "stored methods": Operation(
        lambda provider, ids: provider.methods(ids.ref),
        lambda client, ids: (
            client.Invoice.retrieve(ids.id),
            client.Customer.retrieve(ids.customer),
            client.PaymentSource.list({"customer_id": {"is": ids.customer}, "limit": 100}),
        ),
    ),
    "payment page": Operation(lambda provider, ids: provider.payment_link(ids.ref), make_page),
    "pdf": Operation(lambda provider, ids: provider.pdf(ids.ref), make_pdf),
    "find by address": Operation(lambda provider, _: provider.find("Books@payer.example"), find_by_address),
    "find by number": Operation(lambda provider, ids: provider.numbered(ids.id), find_number),
    "list": Operation(list_ours, list_theirs),
    "settle an e-mail": Operation(settle_mail, look_for_mail),
}
DIFFERENCES: dict[str, tuple[tuple[str, ...], str]] = {
    "only theirs: lang-version": (tuple(OPERATIONS), "the SDK tells the vendor which Python it runs on; we do not"),
    "only theirs: os-version": (tuple(OPERATIONS), "the SDK tells the vendor which machine it runs on; we do not"),
    "other: user-agent": (tuple(OPERATIONS), "each says who it is"),
    "other: lists": (
        ("find by address", "find by number", "list"),
        "the SDK for Python writes lists with single quotes, the one for Node as JSON, as we do",
    ),
}
"""Every way in which our requests differ from the SDK's, where it is seen, and why. Anything else is a mistake."""
TRANSPORT = {"host", "content-length", "connection", "accept-encoding"}


def place(request: WireRequest) -> tuple[str, str, list[tuple[str, str]], list[tuple[str, str]]]:
    """By which requests of both sides are put side by side; lists are compared by what they hold."""
    query = sorted((name, _plain(value)) for name, value in parse_qsl(request.query))
    return request.method, request.path, query, sorted(parse_qsl(request.body.decode(), keep_blank_values=True))


def _plain(value: str) -> str:
    if not (value.startswith("[") and value.endswith("]")):
        return value
    return json.dumps([str(one) for one in ast.literal_eval(value)])


def differences(ours: WireRequest, theirs: WireRequest) -> set[str]:
    mine, its = set(ours.headers) - TRANSPORT, set(theirs.headers) - TRANSPORT
    found = {f"only ours: {name}" for name in mine - its} | {f"only theirs: {name}" for name in its - mine}
    found |= {f"other: {name}" for name in mine & its if ours.headers[name] != theirs.headers[name]}
    return found | ({"other: lists"} if sorted(parse_qsl(ours.query)) != sorted(parse_qsl(theirs.query)) else set())


def prepared(hall: Hall, operation: Operation) -> Ids:
    hall.bench = ChargebeeBench()
    ref = hall.bench.invoice(name="Acme", **operation.wish)
    payer = hall.bench.customer_of(ref)
    tried = hall.fake.books.of_invoice(ref.id)
    primary = hall.fake.books.customers[payer].primary
    assert primary is not None
    return Ids(ref, payer, primary, hall.bench.add_working_method(ref), tried[-1].id if tried else None)


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
async def test_our_adapter_asks_as_the_vendors_sdk_does(hall: Hall, name: str) -> None:
    ours, theirs = await asked_by_both(hall, OPERATIONS[name])
    assert [place(request) for request in ours] == [place(request) for request in theirs]
    seen = {one for mine, its in zip(ours, theirs, strict=True) for one in differences(mine, its)}
    assert seen == {what for what, (where, _) in DIFFERENCES.items() if name in where}


def test_the_sdk_would_ask_at_the_address_that_we_make_of_a_site() -> None:
    assert chargebee.Chargebee(api_key="x", site="acme-test").env.api_endpoint == "https://acme-test.chargebee.com/api/v2"


def test_every_listed_difference_is_explained_and_is_of_an_operation() -> None:
    for where, why in DIFFERENCES.values():
        assert set(where) <= set(OPERATIONS)
        assert len(why.split()) >= 4
