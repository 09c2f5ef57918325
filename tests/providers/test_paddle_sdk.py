"""Paddle's own Python SDK as the judge: it reads the fake's answers, and asks for the same things as our adapter does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
from paddle_billing.Client import Client
from paddle_billing.Entities.Adjustment import Adjustment
from paddle_billing.Entities.Shared import Action as SdkAction
from paddle_billing.Entities.Shared import Disposition, ErrorCode, PaymentAttemptStatus, Status, TransactionStatus
from paddle_billing.Entities.Transaction import Transaction
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Options import Options
from paddle_billing.Resources.Adjustments.Operations import CreateAdjustment, ListAdjustments
from paddle_billing.Resources.Customers.Operations import ListCustomers
from paddle_billing.Resources.Shared.Operations import Comparator, DateComparison, OrderBy, Pager
from paddle_billing.Resources.Transactions.Operations import (
    GetTransactionInvoice,
    ListTransactions,
    TransactionIncludes,
    UpdateTransaction,
)

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Succeeded
from bot.ports import Window
from bot.providers.paddle import Paddle
from bot.providers.paddle_declines import DECLINES
from bot.providers.paddle_invoices import PAYMENTS, STATUSES
from bot.providers.paddle_orders import marker_of
from bot.sandbox.providers.paddle import SECRET_KEY, FakePaddle
from bot.sandbox.wire import WireReply, WireRequest, serve
from tests.providers.benches import read
from tests.providers.paddle_bench import PaddleBench
from tests.providers.wire import an_order


@dataclass
class Hall:
    """A fake Paddle on a real socket, and before it our adapter and the SDK. `heard` is all that was asked."""

    bench: PaddleBench = field(default_factory=PaddleBench)
    url: str = ""
    heard: list[WireRequest] = field(default_factory=list)

    def respond(self, request: WireRequest) -> WireReply:
        self.heard.append(request)
        return self.bench.fake.respond(request)

    @property
    def fake(self) -> FakePaddle:
        return self.bench.fake

    def client(self) -> Client:
        """The SDK knows two environments; this is a third."""
        here = cast("Any", SimpleNamespace(base_url=self.url))
        return Client(SECRET_KEY, options=Options(environment=here), retry_count=0)

    async def told(self, ask: Callable[[Client], Any]) -> Any:
        """What the SDK makes of the fake's answer."""
        return await asyncio.to_thread(lambda: ask(self.client()))


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    opened = Hall()
    server = await serve(opened.respond)
    opened.url = server.url
    yield opened
    await server.close()


# --- the SDK reads the fake


async def test_the_sdk_reads_every_transaction_of_the_demo_with_its_customer_and_attempts(hall: Hall) -> None:
    hall.fake.seed_demo()
    for identifier, one in hall.fake.transactions.items():
        told = await asyncio.to_thread(hall.client().transactions.get, identifier, [TransactionIncludes.Customer])
        assert isinstance(told, Transaction)
        assert (told.id, str(told.status), told.details.totals.balance) == (identifier, one.status, str(one.balance))
        assert (str(told.collection_mode), str(told.currency_code)) == (one.mode, one.currency)
        assert told.customer is not None
        assert [attempt.payment_attempt_id for attempt in told.payments] == [attempt.id for attempt in one.attempts]
        assert not any(attempt.status.is_known() is False for attempt in told.payments)


async def test_the_sdk_s_own_paginator_walks_the_fake_to_its_end(hall: Hall) -> None:
    wanted = {hall.bench.failed_invoice().id for _ in range(70)}
    pager = Pager(per_page=30, order_by=OrderBy.id_descending())
    listing = ListTransactions(pager=pager, statuses=[TransactionStatus.PastDue])
    found = await hall.told(lambda client: [one.id for one in client.transactions.list(listing)])
    assert (len(found), set(found)) == (70, wanted)


async def test_the_sdk_reads_customers_subscriptions_credits_pages_and_files(hall: Hall) -> None:
    renewal, written_off = hall.bench.invoice(magic="renewal"), hall.bench.invoice(status="uncollectible")
    subscription = hall.fake.transactions[renewal.id].subscription or ""
    assert str((await hall.told(lambda client: client.subscriptions.get(subscription))).status) == "past_due"
    page = await hall.told(lambda client: client.subscriptions.get_payment_method_change_transaction(subscription))
    assert (page.id, page.checkout.url is not None) == (renewal.id, True)
    asked = ListAdjustments(transaction_ids=[written_off.id], action=SdkAction.Credit)
    (credit,) = await hall.told(lambda client: list(client.adjustments.list(asked)))
    assert isinstance(credit, Adjustment)
    assert (credit.transaction_id, str(credit.status), str(credit.type)) == (written_off.id, "approved", "full")
    file = await hall.told(lambda client: client.transactions.get_invoice_pdf(written_off.id))
    assert file.url.endswith(".pdf")
    (customer,) = await hall.told(
        lambda client: list(client.customers.list(ListCustomers(ids=[hall.bench.customer_of(written_off)])))
    )
    assert customer.name == "Example Ltd"


async def test_the_sdk_reads_the_fakes_refusals_by_their_codes(hall: Hall) -> None:
    renewal, paid = hall.bench.invoice(magic="renewal").id, hall.bench.invoice(status="paid").id
    cancel = UpdateTransaction(status=TransactionStatus.Canceled)
    for ask, code in (
        (lambda client: client.transactions.get("txn_00000000000000000000000000"), "not_found"),
        (lambda client: client.transactions.update(renewal, cancel), "transaction_invalid_status_change"),
        (lambda client: client.transactions.update(paid, cancel), "transaction_immutable"),
        (
            lambda client: client.adjustments.create(CreateAdjustment.full(SdkAction.Credit, "x", renewal)),
            "adjustment_invalid_credit_action",
        ),
        (lambda client: client.transactions.get_invoice_pdf(renewal), "transaction_invoice_not_available"),
    ):
        with pytest.raises(ApiError) as caught:
            await hall.told(ask)
        assert caught.value.error_code == code


def words(kind: Any) -> set[str]:
    return {str(value) for name, value in vars(kind).items() if name[0].isupper()}


def test_every_word_of_the_sdk_for_statuses_attempts_and_declines_is_known_here() -> None:
    assert words(TransactionStatus) == set(STATUSES)
    assert words(ErrorCode) == set(DECLINES)
    assert set(PAYMENTS) == words(PaymentAttemptStatus) - {"canceled", "unknown"}


# --- the SDK asks as our adapter does


@dataclass(frozen=True)
class Operation:
    """One thing done by our adapter and, as its documentation has it, by the SDK. `wish` makes the transaction."""

    ours: Callable[[Paddle, InvoiceRef], Awaitable[Any]]
    theirs: Callable[[Client, InvoiceRef], Any]
    wish: dict[str, Any] = field(default_factory=dict)


def act(action: Action) -> Callable[[Paddle, InvoiceRef], Awaitable[Any]]:
    async def ours(provider: Paddle, ref: InvoiceRef) -> None:
        order = replace(an_order(await read(provider, ref), action), reason="moved away")
        if action is Action.FINALIZE:
            order = replace(order, details=Issue(collect=True))
        assert isinstance(await provider.perform(order), Succeeded)

    return ours


def look(client: Client, ref: InvoiceRef) -> None:
    client.transactions.get(ref.id, [TransactionIncludes.Customer])


def after_a_look(ask: Callable[[Client, InvoiceRef], Any]) -> Callable[[Client, InvoiceRef], Any]:
    """Our adapter never acts on what it has not read."""

    def theirs(client: Client, ref: InvoiceRef) -> None:
        look(client, ref)
        ask(client, ref)

    return theirs


def write_off(client: Client, ref: InvoiceRef) -> None:
    reason = f"uncollectible: moved away {marker_of('attempt-1')}"
    client.adjustments.create(CreateAdjustment.full(SdkAction.Credit, reason, ref.id))


def look_at_credits(client: Client, ref: InvoiceRef) -> None:
    look(client, ref)
    client.adjustments.list(BareCredits(ref.id))


class BareCredits(ListAdjustments):  # type: ignore[misc]  # the SDK ships no types
    """Without the SDK's own default order, which no list of ours needs."""

    def __init__(self, transaction: str) -> None:
        super().__init__(transaction_ids=[transaction], action=SdkAction.Credit)

    def get_parameters(self) -> dict[str, str]:
        return {**super().get_parameters(), "per_page": "50"}


def page_of_renewal(client: Client, ref: InvoiceRef) -> None:
    transaction = client.transactions.get(ref.id, [TransactionIncludes.Customer])
    client.subscriptions.get(transaction.subscription_id or "")
    client.subscriptions.get_payment_method_change_transaction(transaction.subscription_id or "")


OPERATIONS: dict[str, Operation] = {
    "read": Operation(lambda provider, ref: provider.get(ref), look),
    "read a completed one": Operation(lambda provider, ref: provider.get(ref), look_at_credits, {"status": "paid"}),
    "cancel": Operation(
        act(Action.VOID),
        after_a_look(
            lambda client, ref: client.transactions.update(ref.id, UpdateTransaction(status=TransactionStatus.Canceled))
        ),
        {"status": "billed"},
    ),
    "issue": Operation(
        act(Action.FINALIZE),
        after_a_look(
            lambda client, ref: client.transactions.update(ref.id, UpdateTransaction(status=TransactionStatus.Billed))
        ),
        {"status": "ready"},
    ),
    "write off": Operation(act(Action.UNCOLLECTIBLE), after_a_look(write_off)),
    "page of a renewal": Operation(lambda provider, ref: provider.payment_link(ref), page_of_renewal, {"magic": "renewal"}),
    "pdf": Operation(
        lambda provider, ref: provider.pdf(ref),
        lambda client, ref: client.transactions.get_invoice_pdf(ref.id, GetTransactionInvoice(Disposition.Attachment)),
    ),
}
DIFFERENCES: dict[str, tuple[tuple[str, ...], str]] = {
    "only theirs: content-type": (
        ("read", "read a completed one", "pdf", "cancel", "issue", "write off", "page of a renewal"),
        "a read has no content of which it could be said what it is; the SDK says it all the same",
    ),
    "only theirs: x-transaction-id": (
        tuple(OPERATIONS),
        "the SDK numbers its requests for Paddle's support; it is no idempotency key, and answers name the request",
    ),
    "other: user-agent": (tuple(OPERATIONS), "each says who it is"),
    "other: accept": (tuple(OPERATIONS), "we say that we read JSON; the SDK says that it reads anything"),
}
"""Every way in which our requests differ from the SDK's, where it is seen, and why. Anything else is a mistake."""
TRANSPORT = {"host", "content-length", "connection", "accept-encoding"}


def place(request: WireRequest) -> tuple[str, str, list[tuple[str, str]], str]:
    """By which requests of both sides are put side by side, whatever the order in which they were made."""
    body = json.dumps(json.loads(request.body), sort_keys=True) if request.body else ""
    return request.method, request.path, sorted(parse_qsl(request.query)), body


def differences(ours: WireRequest, theirs: WireRequest) -> set[str]:
    mine, its = set(ours.headers) - TRANSPORT, set(theirs.headers) - TRANSPORT
    found = {f"only ours: {name}" for name in mine - its} | {f"only theirs: {name}" for name in its - mine}
    return found | {f"other: {name}" for name in mine & its if ours.headers[name] != theirs.headers[name]}


async def asked_by_both(hall: Hall, operation: Operation) -> tuple[list[WireRequest], list[WireRequest]]:
    """What each of them asks of a fresh fake with the same content."""
    hall.bench = PaddleBench()
    ref = hall.bench.invoice(**operation.wish)
    provider = hall.bench.open(base_url=hall.url)
    await operation.ours(provider, ref)
    await provider.close()
    ours = hall.heard[:]
    hall.heard.clear()
    hall.bench = PaddleBench()
    again = hall.bench.invoice(**operation.wish)
    await hall.told(lambda client: operation.theirs(client, again))
    return sorted(ours, key=place), sorted(hall.heard, key=place)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_our_adapter_asks_as_the_vendors_sdk_does(hall: Hall, name: str) -> None:
    ours, theirs = await asked_by_both(hall, OPERATIONS[name])
    assert [place(request) for request in ours] == [place(request) for request in theirs]
    seen = {one for mine, its in zip(ours, theirs, strict=True) for one in differences(mine, its)}
    assert seen == {what for what, (where, _) in DIFFERENCES.items() if name in where}


LISTING = {
    "order_by": "we write [DESC] as the documents do, the SDK [desc]; Paddle takes both",
    "created_at[LT]": "the SDK has room for one bound of a time, and we ask for a window with two",
}
"""Parameters of our listing that the SDK would write otherwise, or not at all, and why."""


async def test_our_listing_asks_as_the_sdk_does_but_for_what_is_listed(hall: Hall) -> None:
    since = datetime(2026, 11, 20, 9, tzinfo=UTC)
    provider = hall.bench.open(base_url=hall.url)
    assert [item async for item in provider.failed(Window(since, since + timedelta(hours=4)))] == []
    await provider.close()
    (ours,) = [dict(parse_qsl(one.query)) for one in hall.heard if "2026-11-20T09:00:00.000000Z" in parse_qsl(one.query)[1]]
    hall.heard.clear()
    listing = ListTransactions(
        pager=Pager(per_page=30, order_by=OrderBy.id_descending()),
        created_at=DateComparison(since, Comparator.GTE),
        includes=[TransactionIncludes.Customer],
        statuses=[TransactionStatus.PastDue],
    )
    await hall.told(lambda client: list(client.transactions.list(listing)))
    theirs = dict(parse_qsl(hall.heard[0].query))
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set(LISTING)
    assert ours["order_by"].lower() == theirs["order_by"]


async def test_our_search_asks_as_the_sdk_does(hall: Hall) -> None:
    hall.bench.named("Fennel", "a@fennel.example")
    provider = hall.bench.open(base_url=hall.url)
    await provider.find("Fennel")
    await provider.close()
    (ours,) = [dict(parse_qsl(one.query)) for one in hall.heard if one.path == "/customers"]
    hall.heard.clear()
    wanted = ListCustomers(search="Fennel", statuses=[Status.Active, Status.Archived], pager=Pager(per_page=50))
    await hall.told(lambda client: list(client.customers.list(wanted)))
    theirs = dict(parse_qsl(hall.heard[0].query))
    assert theirs.pop("order_by") == "id[asc]"  # its default; ours needs none
    assert ours == theirs


def test_every_listed_difference_is_explained_and_is_of_an_operation() -> None:
    for where, why in DIFFERENCES.values():
        assert set(where) <= set(OPERATIONS)
        assert len(why.split()) >= 4
    assert all(len(why.split()) >= 4 for why in LISTING.values())


def test_the_sdk_has_no_way_to_retry_a_payment_either() -> None:
    """An SDK that learns it makes a retry possible here, too."""
    client = Client(SECRET_KEY)
    verbs = {name for one in (client.transactions, client.subscriptions) for name in dir(one)}
    assert not [name for name in verbs if "retry" in name or "collect" in name]
