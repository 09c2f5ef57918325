"""Stripe's own SDK as the judge of our adapter: for the same operation both ask for the same, or the reason is listed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from stripe import StripeClient

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Succeeded
from bot.ports import Provider, Window
from bot.sandbox.wire import WireRequest
from tests.providers.benches import read
from tests.providers.court import INTENT, Court, a_fake
from tests.providers.samples import NOW
from tests.providers.wire import an_attempt, an_order

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the SDK's own way with httpx


@dataclass(frozen=True)
class Ids:
    """What an operation is about."""

    ref: InvoiceRef
    customer: str
    method: str
    subscription: str
    charge: str

    @property
    def id(self) -> str:
        return self.ref.id


@dataclass(frozen=True)
class Operation:
    """One thing done by our adapter and, as its documentation has it, by the SDK. `wish` makes the invoice."""

    ours: Callable[[Provider, Ids], Awaitable[Any]]
    theirs: Callable[[StripeClient, Ids], Any]
    wish: dict[str, Any] = field(default_factory=dict)


def act(action: Action, **changes: Any) -> Callable[[Provider, Ids], Awaitable[Any]]:
    async def ours(provider: Provider, ids: Ids) -> None:
        order = an_order(await read(provider, ids.ref), action)
        chosen = {"method": ids.method} if changes.get("method") else {}
        assert isinstance(await provider.perform(replace(order, **(changes | chosen))), Succeeded)

    return ours


def settle(action: Action) -> Callable[[Provider, Ids], Awaitable[Any]]:
    async def ours(provider: Provider, ids: Ids) -> None:
        await provider.settle(an_attempt(await read(provider, ids.ref), action))

    return ours


async def list_failed(provider: Provider, _: Ids) -> None:
    window = Window(NOW - timedelta(seconds=1), NOW)  # one second is one request
    assert [one async for one in provider.failed(window)] == []


def after_reading(ask: Callable[[StripeClient, Ids], Any]) -> Callable[[StripeClient, Ids], Any]:
    """Our adapter never acts on what it has not read."""

    def theirs(client: StripeClient, ids: Ids) -> None:
        client.v1.invoices.retrieve(ids.id)
        ask(client, ids)

    return theirs


def look_around(client: StripeClient, ids: Ids) -> None:
    client.v1.invoices.retrieve(ids.id)
    client.v1.subscriptions.retrieve(ids.subscription)
    client.v1.customers.retrieve(ids.customer)
    client.v1.payment_methods.retrieve(ids.method)
    client.v1.charges.retrieve(ids.charge)


def search(client: StripeClient, ids: Ids) -> None:
    client.v1.invoices.search({"query": "number:'Acme'", "limit": 10})
    client.v1.customers.search({"query": 'name~"Acme"', "limit": 6})
    client.v1.invoices.list({"customer": ids.customer, "limit": 50})


def ask_around(client: StripeClient, ids: Ids) -> None:
    client.v1.customers.list({"email": "Bo@acme.example", "limit": 6})
    client.v1.customers.list({"email": "bo@acme.example", "limit": 6})
    client.v1.invoices.list({"customer": ids.customer, "limit": 50})


def read_twice_and_events(client: StripeClient, ids: Ids) -> None:
    client.v1.invoices.retrieve(ids.id)
    since = int(NOW.timestamp()) - 60
    client.v1.events.list({"type": "invoice.sent", "created": {"gte": since}, "limit": 100})


MANUAL = {"collection_method": "send_invoice"}
OPERATIONS: dict[str, Operation] = {
    "retry": Operation(act(Action.RETRY), after_reading(lambda client, ids: client.v1.invoices.pay(ids.id))),
    "retry with another method": Operation(
        act(Action.RETRY, method=True),
        after_reading(lambda client, ids: client.v1.invoices.pay(ids.id, {"payment_method": ids.method})),
    ),
    "resend": Operation(
        act(Action.RESEND), after_reading(lambda client, ids: client.v1.invoices.send_invoice(ids.id)), MANUAL
    ),
    "void": Operation(act(Action.VOID), after_reading(lambda client, ids: client.v1.invoices.void_invoice(ids.id))),
    "mark uncollectible": Operation(
        act(Action.UNCOLLECTIBLE), after_reading(lambda client, ids: client.v1.invoices.mark_uncollectible(ids.id))
    ),
    "finalize": Operation(
        act(Action.FINALIZE, details=Issue(collect=False)),
        after_reading(lambda client, ids: client.v1.invoices.finalize_invoice(ids.id, {"auto_advance": False})),
        {"status": "draft"},
    ),
    "finalize and collect": Operation(
        act(Action.FINALIZE, details=Issue(collect=True)),
        after_reading(lambda client, ids: client.v1.invoices.finalize_invoice(ids.id, {"auto_advance": True})),
        {"status": "draft"},
    ),
    "mark as paid": Operation(
        act(Action.PAID), after_reading(lambda client, ids: client.v1.invoices.pay(ids.id, {"paid_out_of_band": True}))
    ),
    "read": Operation(lambda provider, ids: provider.get(ids.ref), lambda client, ids: client.v1.invoices.retrieve(ids.id)),
    "read thoroughly": Operation(lambda provider, ids: provider.get(ids.ref, thorough=True), look_around),
    "payment link": Operation(
        lambda provider, ids: provider.payment_link(ids.ref), lambda client, ids: client.v1.invoices.retrieve(ids.id)
    ),
    "pdf": Operation(lambda provider, ids: provider.pdf(ids.ref), lambda client, ids: client.v1.invoices.retrieve(ids.id)),
    "stored methods": Operation(
        lambda provider, ids: provider.methods(ids.ref),
        after_reading(lambda client, ids: client.v1.customers.payment_methods.list(ids.customer, {"limit": 100})),
    ),
    "list": Operation(
        list_failed,
        lambda client, _: client.v1.invoices.list(
            {
                "status": "open",
                "limit": 100,
                "created": {"gte": int(NOW.timestamp()) - 1, "lt": int(NOW.timestamp())},
            }
        ),
    ),
    "find by number": Operation(
        lambda provider, _: provider.numbered("Acme"),
        lambda client, _: client.v1.invoices.search({"query": "number:'Acme'", "limit": 10}),
    ),
    "find by name": Operation(lambda provider, _: provider.find("Acme"), search),
    "find by address": Operation(lambda provider, _: provider.find("Bo@acme.example"), ask_around),
    "find by customer": Operation(
        lambda provider, ids: provider.find(ids.customer),
        lambda client, ids: client.v1.invoices.list({"customer": ids.customer, "limit": 50}),
    ),
    "settle a resend": Operation(settle(Action.RESEND), after_reading(read_twice_and_events), MANUAL),
}

EXPANDED = "form: only ours: expand[]=payments.data.payment.payment_intent"
ACTS = ("retry", "retry with another method", "resend", "void", "mark uncollectible", "finalize", "finalize and collect")
DIFFERENCES: dict[str, tuple[tuple[str, ...], str]] = {
    EXPANDED: (
        (*ACTS, "mark as paid", "read", "read thoroughly", "settle a resend"),
        "the decline is on the payment intent, which Stripe shows only where it is asked for; every read for its own sake "
        "asks, and of the sends only a retry",
    ),
    "header: other value: stripe-version": (
        tuple(OPERATIONS),
        "we pin the version whose shapes we read; the SDK pins the one it was made for",
    ),
    "header: other value: idempotency-key": (
        (*ACTS, "mark as paid"),
        "ours is the attempt's, written down before the send; the SDK makes one up for each call",
    ),
    "header: other value: user-agent": (tuple(OPERATIONS), "each says who it is"),
    "header: other value: accept": (
        tuple(OPERATIONS),
        "we say that we read JSON; the SDK says nothing and gets it all the same",
    ),
    "header: only theirs: x-stripe-client-user-agent": (
        tuple(OPERATIONS),
        "the SDK tells Stripe about its host and language, which nobody needs to know",
    ),
}
"""Every way in which our requests differ from the SDK's, where it is seen, and why. Anything else is a mistake."""


def differences(ours: WireRequest, theirs: WireRequest) -> set[str]:
    """Of two requests for the same thing. Host, length and connection are the business of HTTP."""
    found: set[str] = set()
    mine, its = pairs(ours), pairs(theirs)
    found |= {f"form: only ours: {name}={value}" for name, value in mine - its}
    found |= {f"form: only theirs: {name}={value}" for name, value in its - mine}
    transport = {"host", "content-length", "connection", "accept-encoding"}
    mine_named, its_named = set(ours.headers) - transport, set(theirs.headers) - transport
    found |= {f"header: only ours: {name}" for name in mine_named - its_named}
    found |= {f"header: only theirs: {name}" for name in its_named - mine_named}
    both = mine_named & its_named
    return found | {f"header: other value: {name}" for name in both if ours.headers[name] != theirs.headers[name]}


def pairs(request: WireRequest) -> set[tuple[str, str]]:
    return {*parse_qsl(request.query, keep_blank_values=True), *parse_qsl(request.body.decode(), keep_blank_values=True)}


def place(request: WireRequest) -> tuple[str, str, list[tuple[str, str]]]:
    """By which requests of both sides are put side by side, whatever the order in which they were made."""
    return request.method, request.path, sorted(pairs(request) - {("expand[]", INTENT)})


def prepared(court: Court, wish: dict[str, Any]) -> Ids:
    made = court.fake.add_invoice(name="Acme", email="bo@acme.example", magic="generic_decline", **wish)
    invoice = court.fake.invoices[made]
    method = court.fake.books.change_card(invoice.customer, "paid")
    charge = next(iter(court.fake.books.known_charges), "")
    return Ids(InvoiceRef("stripe", made), invoice.customer, method, invoice.subscription or "", charge)


async def asked_by_both(court: Court, operation: Operation) -> tuple[list[WireRequest], list[WireRequest]]:
    """What each of them asks of a fresh fake with the same content."""
    provider = court.provider()
    await operation.ours(provider, prepared(court, operation.wish))
    await provider.close()
    ours = court.heard[:]
    court.heard.clear()
    court.fake = a_fake()
    ids = prepared(court, operation.wish)
    await court.told(lambda client: operation.theirs(client, ids))
    return sorted(ours, key=place), sorted(court.heard, key=place)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_our_adapter_asks_as_the_vendors_sdk_does(court: Court, name: str) -> None:
    ours, theirs = await asked_by_both(court, OPERATIONS[name])
    assert [place(request) for request in ours] == [place(request) for request in theirs]
    seen = {one for mine, its in zip(ours, theirs, strict=True) for one in differences(mine, its)}
    listed = {what for what, (where, _) in DIFFERENCES.items() if name in where}
    assert seen == listed


def test_every_listed_difference_is_explained_and_is_of_an_operation() -> None:
    for where, why in DIFFERENCES.values():
        assert where
        assert set(where) <= set(OPERATIONS)
        assert len(why.split()) >= 4
