"""Stripe's own SDK as the judge of the fake: it reads every answer, and each field is what the SDK's types say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from bot.sandbox.providers.stripe import READ_KEY
from tests.providers.court import INTENT, Court
from tests.providers.sdk_types import mismatches

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the SDK's own way with httpx

# --- the SDK reads the fake


def is_right(answer: stripe.StripeObject, kind: Any) -> None:
    assert mismatches(answer.to_dict(), kind, type(answer).__name__) == []


async def test_the_judge_finds_what_is_wrong(court: Court) -> None:
    invoice = court.fake.objects.invoice(court.fake.invoices[court.fake.add_invoice()])
    del invoice["livemode"]
    found = mismatches(invoice | {"number": 7, "status": 1, "paid": True, "created": True}, stripe.Invoice, "it")
    assert sorted(found) == [
        "it.created is True, not int",
        "it.livemode is missing",
        "it.number is 7, not str",
        "it.paid is not a field",
        "it.status is 1",
    ]


async def test_the_sdk_reads_every_invoice_of_the_demo(court: Court) -> None:
    court.fake.seed_demo()
    page = await court.told(lambda client: client.v1.invoices.list({"limit": 100, "expand": ["data.payments"]}))
    assert isinstance(page, stripe.ListObject)
    assert len(page.data) == len(court.fake.invoices)
    is_right(page, stripe.ListObject[stripe.Invoice])
    for invoice in court.fake.invoices:
        one = await asyncio.to_thread(court.client().v1.invoices.retrieve, invoice, {"expand": [INTENT]})
        is_right(one, stripe.Invoice)


async def test_the_sdk_walks_the_fakes_pages(court: Court) -> None:
    made = {court.fake.add_invoice() for _ in range(7)}
    pages = await court.told(
        lambda client: [one.id for one in client.v1.invoices.list({"limit": 3}).auto_paging_iter()],
    )
    assert (set(pages), len(pages)) == (made, 7)


READINGS: dict[str, tuple[Callable[[StripeClient, dict[str, str]], Any], Any]] = {
    "invoice search": (
        lambda client, _: client.v1.invoices.search({"query": "number:'RC-1'"}),
        stripe.SearchResultObject[stripe.Invoice],
    ),
    "customer search": (
        lambda client, _: client.v1.customers.search({"query": 'name~"acme"'}),
        stripe.SearchResultObject[stripe.Customer],
    ),
    "customers": (
        lambda client, _: client.v1.customers.list({"email": "bo@acme.example"}),
        stripe.ListObject[stripe.Customer],
    ),
    "methods": (
        lambda client, ids: client.v1.customers.payment_methods.list(ids["customer"]),
        stripe.ListObject[stripe.PaymentMethod],
    ),
    "events": (
        lambda client, _: client.v1.events.list({"types": ["invoice.payment_failed", "invoice.sent"]}),
        stripe.ListObject[stripe.Event],
    ),
    "invoice payments": (
        lambda client, _: client.v1.invoice_payments.list({"expand": ["data.payment.payment_intent"]}),
        stripe.ListObject[stripe.InvoicePayment],
    ),
    "subscription": (lambda client, ids: client.v1.subscriptions.retrieve(ids["subscription"]), stripe.Subscription),
    "charge": (lambda client, ids: client.v1.charges.retrieve(ids["charge"]), stripe.Charge),
    "account": (lambda client, _: client.v1.accounts.retrieve_current(), stripe.Account),
}


@pytest.mark.parametrize("what", READINGS)
async def test_the_sdk_reads_the_fakes_other_objects(court: Court, what: str) -> None:
    invoice = court.fake.add_invoice(magic="stolen_card", number="RC-1", name="Acme Ltd", email="bo@acme.example")
    with pytest.raises(stripe.CardError):
        await court.told(lambda client: client.v1.invoices.pay(invoice))
    kept = court.fake.invoices[invoice]
    ids = {
        "customer": kept.customer,
        "subscription": kept.subscription or "",
        "charge": court.fake.charges[-1].id,
    }
    ask, kind = READINGS[what]
    answer = await court.told(lambda client: ask(client, ids))
    is_right(answer, kind)
    assert not hasattr(answer, "data") or len(answer.data) == 1


POSTED: dict[str, tuple[str, Callable[[StripeClient, str], stripe.Invoice]]] = {
    "pay": ("open", lambda client, invoice: client.v1.invoices.pay(invoice)),
    "send": ("open", lambda client, invoice: client.v1.invoices.send_invoice(invoice)),
    "finalize": ("draft", lambda client, invoice: client.v1.invoices.finalize_invoice(invoice)),
    "void": ("open", lambda client, invoice: client.v1.invoices.void_invoice(invoice)),
    "write off": ("open", lambda client, invoice: client.v1.invoices.mark_uncollectible(invoice)),
    "mark as paid": ("open", lambda client, invoice: client.v1.invoices.pay(invoice, {"paid_out_of_band": True})),
}


@pytest.mark.parametrize("what", POSTED)
async def test_the_sdk_reads_the_answer_to_every_order(court: Court, what: str) -> None:
    status, ask = POSTED[what]
    collection = "send_invoice" if what == "send" else "charge_automatically"
    invoice = court.fake.add_invoice(status=status, collection_method=collection)
    is_right(await court.told(lambda client: ask(client, invoice)), stripe.Invoice)
    (event,) = (await court.told(lambda client: client.v1.events.list())).data
    assert event.request is not None
    assert event.request.idempotency_key == court.heard[0].headers["idempotency-key"]


async def test_a_decline_is_the_sdks_card_error_with_its_codes(court: Court) -> None:
    invoice = court.fake.add_invoice(magic="stolen_card")
    with pytest.raises(stripe.CardError) as caught:
        await court.told(lambda client: client.v1.invoices.pay(invoice))
    error = caught.value
    assert (error.code, error.http_status, error.request_id) == ("card_declined", 402, "req_Sandbox00000001")
    assert error.error is not None
    assert (error.error.decline_code, error.error.advice_code) == ("stolen_card", "do_not_try_again")
    assert error.error.charge == court.fake.charges[0].id
    assert error.error.payment_intent is not None
    is_right(error.error.payment_intent, stripe.PaymentIntent)


@pytest.mark.parametrize(
    ("ask", "kind", "code"),
    [
        (lambda client: client.v1.invoices.retrieve("in_No"), stripe.InvalidRequestError, "resource_missing"),
        (lambda client: client.v1.invoices.list({"limit": 1000}), stripe.InvalidRequestError, "parameter_invalid_integer"),
        (lambda client: client.v1.invoices.void_invoice("in_Paid"), stripe.InvalidRequestError, None),
        (lambda client: client.v1.invoices.send_invoice("in_Open"), stripe.InvalidRequestError, None),
        (lambda client: client.v1.invoices.finalize_invoice("in_Open"), stripe.InvalidRequestError, "invoice_not_editable"),
        (lambda client: client.v1.customers.search({"query": "x"}), stripe.InvalidRequestError, None),
    ],
)
async def test_a_refusal_is_the_sdks_own_error(court: Court, ask: Any, kind: type[Exception], code: str | None) -> None:
    court.fake.add_invoice(id="in_Paid", status="paid")
    court.fake.add_invoice(id="in_Open")
    with pytest.raises(kind) as caught:
        await court.told(ask)
    assert getattr(caught.value, "code", None) == code


async def test_keys_limits_and_outages_are_the_sdks_own_errors(court: Court) -> None:
    invoice = court.fake.add_invoice()
    with pytest.raises(stripe.AuthenticationError):
        await court.told(lambda client: client.v1.invoices.list(), key="sk_test_wrong_wrong")
    with pytest.raises(stripe.PermissionError, match="rak_invoice_write"):
        await court.told(lambda client: client.v1.invoices.void_invoice(invoice), key=READ_KEY)
    with pytest.raises(stripe.IdempotencyError):
        await court.told(lambda client: [client.v1.invoices.pay(invoice, {"off_session": one}, {"idempotency_key": "k"})
                                         for one in (True, False)])  # fmt: skip
    court.fake.everything = "429"
    with pytest.raises(stripe.RateLimitError):
        await court.told(lambda client: client.v1.invoices.list())
    court.fake.everything = "500"
    with pytest.raises(stripe.APIError):
        await court.told(lambda client: client.v1.invoices.list())
    court.fake.everything = "reset"
    with pytest.raises(stripe.APIConnectionError):
        await court.told(lambda client: client.v1.invoices.list())


def test_the_bot_itself_uses_no_vendors_sdk() -> None:
    root = Path(__file__).parents[2]
    sources = [*root.glob("bot/**/*.py"), *root.glob("handlers/**/*.py")]
    vendors = r"^\s*(?:from|import)\s+(?:stripe|chargebee|recurly|braintree|paddle\w*|lago\w*)\b"
    assert len(sources) > 50
    assert [path for path in sources if re.search(vendors, path.read_text(encoding="utf-8"), re.MULTILINE)] == []
