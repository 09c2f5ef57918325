"""The list of what is past due at Braintree, and finding: complete, ended, and nothing in it that was not meant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef
from bot.ports import Unreadable, Window
from bot.providers.braintree import Braintree
from tests.providers.benches import EURO
from tests.providers.braintree_bench import BraintreeBench
from tests.providers.braintree_samples import (
    IDS,
    NEW,
    OLD,
    PAST_DUE,
    Json,
    data,
    error,
    failed,
    over,
    subscription,
    transaction,
)
from tests.providers.samples import NOW

EVERYTHING = Window(None, NOW)


async def listed(provider: Braintree, window: Window = EVERYTHING) -> list[Invoice | Unreadable]:
    return [item async for item in provider.failed(window)]


def page(*nodes: Any, after: str | None = None, more: bool | None = None) -> httpx.Response:
    info = {"hasNextPage": after is not None if more is None else more, "endCursor": after}
    return data(recurringBillingSubscriptions={"edges": [{"node": node} for node in nodes], "pageInfo": info})


# --- the list


def several(count: int) -> list[Json]:
    return [subscription("PAST_DUE", f"dHhf{n}", id=f"c3Vi{n}", legacyId=f"sub{n}") for n in range(count)]


async def test_a_page_s_newest_transactions_are_read_twenty_at_a_time() -> None:
    bench = BraintreeBench()
    for _ in range(45):
        bench.failed_invoice()
    assert len(await listed(bench.open())) == 45
    asked = [request.fields for request in bench.fake.requests]
    assert [len(fields) for fields in asked] == [1, 20, 20, 5]
    assert bench.fake.requests[0].variables == {"input": {"status": ["PAST_DUE"]}, "first": 50, "after": None}


@pytest.mark.parametrize("size", [1, 3, 10])
async def test_smaller_pages_than_asked_for_lose_nothing(size: int) -> None:
    bench = BraintreeBench()
    bench.fake.resolvers.page_limit = size
    made = {bench.failed_invoice() for _ in range(10)}
    assert {item.ref for item in await listed(bench.open()) if isinstance(item, Invoice)} == made


async def test_cursors_that_lead_back_end_in_a_failure() -> None:
    bench = BraintreeBench()
    bench.failed_invoice()
    bench.fake.resolvers.loops = True
    with pytest.raises(ProviderFailure, match="circles"):
        await listed(bench.open())


@pytest.mark.parametrize(
    "broken",
    [
        page(*several(1), more=True),
        data(recurringBillingSubscriptions=None),
        data(recurringBillingSubscriptions={"edges": []}),
        data(recurringBillingSubscriptions={"edges": [], "pageInfo": {"endCursor": "x"}}),
        failed(error("AUTHORIZATION", None, "recurringBillingSubscriptions"), data={"recurringBillingSubscriptions": None}),
    ],
)
async def test_a_page_that_does_not_say_where_it_stands_is_a_failure_and_no_empty_list(broken: httpx.Response) -> None:
    provider, _ = over({"PastDue": broken, "Transactions": data(n0=None)})
    with pytest.raises(ProviderFailure):
        await listed(provider)


async def test_what_makes_no_sense_is_told_in_its_place_and_the_rest_is_listed() -> None:
    good, bad = several(2)
    del bad["balance"]
    provider, _ = over({"PastDue": page(good, bad, None, "x"), "Transactions": data(n0=None)})
    items = await listed(provider)
    assert [isinstance(item, Unreadable) for item in items] == [False, True, True, True]


async def test_the_same_subscription_on_two_pages_is_listed_once() -> None:
    (one,) = several(1)
    provider, wire = over({"PastDue": [page(one, after="a"), page(one)], "Transactions": data(n0=None)})
    assert len(await listed(provider)) == 1
    assert [given["after"] for given in wire.sent("PastDue")] == [None, "a"]


async def test_a_filter_that_is_not_heeded_lists_nothing_that_has_not_failed() -> None:
    fine = subscription("ACTIVE", NEW)
    provider, _ = over({"PastDue": page(fine), "Transactions": data(n0=transaction("SETTLED"))})
    assert await listed(provider) == []


async def test_a_window_holds_what_went_past_due_within_it() -> None:
    bench = BraintreeBench()
    young, old = bench.failed_invoice(days_old=1), bench.failed_invoice(days_old=9)
    since = Window(NOW - timedelta(days=2), NOW)
    until = Window(None, NOW - timedelta(days=2))
    assert [item.ref for item in await listed(bench.open(), since) if isinstance(item, Invoice)] == [young]
    assert [item.ref for item in await listed(bench.open(), until) if isinstance(item, Invoice)] == [old]


async def test_a_transaction_that_is_not_shown_leaves_the_rest_of_the_list_as_it_is() -> None:
    missing = failed(error("NOT_FOUND", None, "n0"), data={"n0": None})
    provider, _ = over({"PastDue": page(subscription()), "Transactions": missing})
    (item,) = await listed(provider)
    assert isinstance(item, Invoice)
    assert (item.owed, item.customer_name, item.newest_charge) == (EURO, None, OLD)


# --- finding


async def test_people_are_found_by_parts_of_their_name() -> None:
    bench = BraintreeBench()
    books = bench.fake.books
    customer = books.customers[books.add_customer(name=None, email="nia@lodge.example")]
    customer.first_name, customer.last_name = "Nia", "Okafor"
    ref = bench.invoice(customer=customer.id)
    bench.failed_invoice()
    for text in ("Nia Okafor", "okafor", "nia", customer.id, "NIA@lodge.example"):
        assert [invoice.ref for invoice in await bench.open().find(text)] == [ref]


async def test_what_only_looks_alike_is_left_out() -> None:
    stranger = transaction("SETTLED", id=NEW, customer={"legacyId": "1", "company": "Somebody Else"})
    hit = {"edges": [{"node": {"id": NEW, "legacyId": "x", "createdAt": "2026-11-20T00:00:00Z"}}]}
    provider, _ = over(
        {
            "Ids": IDS,
            "Subscription": data(node=None),
            "TransactionsBy": data(**{f"n{n}": hit for n in range(7)}),
            "SubscriptionsBy": data(n0={"edges": [{"node": subscription("ACTIVE", NEW)}]}, n1={"edges": []}),
            "Transactions": data(n0=stranger),
        }
    )
    assert await provider.find("Kestrel") == []


async def test_a_subscription_is_found_by_its_id_in_other_capitals() -> None:
    bench = BraintreeBench()
    ref = bench.invoice(number="gold77")
    assert [invoice.ref for invoice in await bench.open().numbered(" GOLD77 ")] == [ref]


async def test_a_foreign_reference_is_none_without_a_request() -> None:
    provider, wire = over(PAST_DUE)
    for identifier in ("txn_01h:x", "..", "a/b", "%2e", "x" * 37):
        assert await provider.get(InvoiceRef("braintree", identifier)) is None
    assert wire.asked == []
