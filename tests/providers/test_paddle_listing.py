"""Listing and finding at Paddle: every page, each transaction once, and an end that is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.ports import Unreadable, Window
from bot.providers.paddle_listing import walks
from tests.providers.paddle_bench import PaddleBench
from tests.providers.paddle_samples import (
    CUSTOMER,
    HOST,
    ID,
    OTHER,
    REF,
    Desk,
    a_bill,
    a_completed,
    a_credit,
    a_page,
    a_renewal,
    html,
    refused,
)
from tests.providers.samples import NOW
from tests.providers.wire import Answer

LIST = "GET /transactions"
WEEK = Window(NOW - timedelta(days=7), NOW)


async def listed(*answers: Answer, window: Window = WEEK) -> list[Invoice | Unreadable]:
    desk = Desk({LIST: list(answers)})
    return [item async for item in desk.paddle.failed(window)]


async def broken(*answers: Answer) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await listed(*answers)
    return caught.value


def transaction(number: int, **changes: Any) -> dict[str, Any]:
    return a_renewal(id=f"txn_{number:026d}", **changes)


# --- listing


def test_windows_are_disjoint_cover_everything_and_the_oldest_has_no_beginning() -> None:
    questions = [dict(question) for question in walks(Window(None, NOW))]
    ends = sorted((one.get("created_at[GTE]", ""), one["created_at[LT]"]) for one in questions)
    assert ends[0][0] == ""
    assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]
    assert ends[-1][1] == "2026-11-21T09:00:00.000000Z"
    assert all(one["status"] == "past_due" and one["per_page"] == "30" for one in questions)
    assert all((one["include"], one["order_by"]) == ("customer", "id[DESC]") for one in questions)
    bounded = [dict(question) for question in walks(WEEK)]
    assert min(one["created_at[GTE]"] for one in bounded) == "2026-11-14T09:00:00.000000Z"
    assert walks(Window(NOW, NOW)) == []


async def test_a_walk_goes_on_by_the_last_id_until_there_is_no_more() -> None:
    def pages(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        if request.url.params["created_at[LT]"] != "2026-11-21T09:00:00.000000Z":
            return a_page()
        first = a_page(transaction(3), transaction(2), has_more=True)
        return (
            first
            if after is None
            else a_page(transaction(1))
            if after == transaction(2)["id"]
            else refused(400, "bad_request")
        )

    items = await listed(pages)
    assert [item.ref.id for item in items if isinstance(item, Invoice)] == [transaction(n)["id"] for n in (3, 2, 1)]


async def test_a_transaction_that_two_pages_show_is_listed_once() -> None:
    assert len(await listed(a_page(transaction(1), transaction(1)))) == 1


async def test_the_next_address_of_the_last_page_is_not_followed() -> None:
    desk = Desk({LIST: a_page(transaction(1), following=f"https://{HOST}/transactions?after={ID}")})
    assert len([item async for item in desk.paddle.failed(WEEK)]) == 1
    assert not any("after" in request.url.params for request in desk.wire.requests)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([a_page(transaction(1), has_more=True)], "goes in circles"),
        ([a_page(has_more=True)], "breaks off"),
        ([a_page({"status": "past_due"}, has_more=True)], "breaks off"),
        (
            [a_page(transaction(1), has_more=True, following="https://elsewhere.example/transactions?after=x")],
            "another host",
        ),
        ([a_page(transaction(1), has_more=True, following=f"https://{HOST}.elsewhere.example/x")], "another host"),
        ([a_page(transaction(1), has_more=True, following="https://[oops/")], "another host"),
        ([html()], "could not be read"),
        ([httpx.Response(200, content=b'{"data": [{"id"')], "could not be read"),
        ([httpx.Response(200, json={"data": [transaction(1)]})], "could not be read"),
        ([httpx.Response(200, json={"data": [], "meta": {"pagination": {"next": None}}})], "could not be read"),
    ],
)
async def test_a_listing_that_cannot_be_complete_is_a_failure(answers: list[Answer], words: str) -> None:
    failure = await broken(*answers)
    assert failure.reason is FailureReason.UNREADABLE
    assert words in failure.detail


async def test_a_page_size_that_is_not_heeded_loses_nothing() -> None:
    one = [transaction(n) for n in range(45, 0, -1)]

    def pages(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        start = 0 if after is None else next(i for i, each in enumerate(one) if each["id"] == after) + 1
        return a_page(*one[start : start + 7], has_more=start + 7 < len(one))

    assert len(await listed(pages)) == 45


async def test_a_filter_that_is_not_heeded_lists_nothing_else() -> None:
    strangers = [
        transaction(1, status="completed"),
        transaction(2, status="ready", origin="web"),
        transaction(3, created_at="2026-11-21T09:00:00Z"),
        transaction(4, created_at="2026-11-14T08:59:59Z"),
        transaction(5, status="canceled"),
    ]
    assert await listed(a_page(*strangers)) == []


async def test_an_item_that_makes_no_sense_is_told_and_loses_nobody_else() -> None:
    items = await listed(a_page("nonsense", transaction(1, details=None), transaction(2), None))
    assert sum(isinstance(item, Unreadable) for item in items) >= 3
    assert [item.ref.id for item in items if isinstance(item, Invoice)] == [transaction(2)["id"]]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(403, "forbidden"), FailureReason.FORBIDDEN),
        (refused(403, "invalid_token"), FailureReason.UNAUTHORIZED),
        (refused(429, "too_many_requests", Retry_After="42"), FailureReason.RATE_LIMITED),
        (html(502), FailureReason.UNREACHABLE),
    ],
)
async def test_a_refused_page_is_a_failure_of_the_whole_listing(reply: httpx.Response, reason: FailureReason) -> None:
    assert (await broken(reply)).reason is reason


# --- finding


async def found(text: str, routes: dict[str, Answer]) -> tuple[list[Invoice], Desk]:
    desk = Desk(routes)
    return await desk.paddle.find(text), desk


async def test_a_number_is_asked_for_exactly_and_one_with_a_comma_is_not_several() -> None:
    desk = Desk({LIST: a_page(a_bill(), a_bill(id=OTHER, invoice_number="412-70010"))})
    assert [invoice.ref for invoice in await desk.paddle.numbered(" 412-7001 ")] == [REF]
    assert desk.wire.requests[0].url.params["invoice_number"] == "412-7001"
    assert await desk.paddle.numbered("412-7001,412-7002") == []
    assert len(desk.wire.requests) == 1


async def test_a_customer_is_searched_and_what_was_not_meant_is_left_out() -> None:
    customers = a_page(
        {"id": CUSTOMER, "name": "Lantern Works", "email": "books@lantern.example"},
        {"id": "ctm_01kxq3zzzbbbcccdddeeefffgg", "name": "Somebody", "email": "lantern@elsewhere.example"},
        {"id": "not,an,id", "name": "Lantern", "email": "x@y.example"},
        "nonsense",
    )

    def answered(request: httpx.Request) -> httpx.Response:
        return (
            a_page()
            if "invoice_number" in request.url.params
            else a_page(a_renewal(), a_bill(id=OTHER, customer_id="ctm_x"))
        )

    invoices, desk = await found("lantern", {"GET /customers": customers, LIST: answered})
    assert [invoice.ref for invoice in invoices] == [REF]
    asked = [request.url.params["customer_id"] for request in desk.wire.requests if "customer_id" in request.url.params]
    assert asked == [CUSTOMER]
    (searched,) = [request.url.params for request in desk.wire.requests if request.url.path == "/customers"]
    assert (searched["search"], searched["status"]) == ("lantern", "active,archived")


async def test_a_customer_s_own_id_needs_no_search() -> None:
    _, desk = await found(CUSTOMER.upper(), {LIST: a_page(a_renewal())})
    assert desk.wire.asked == [LIST]


async def test_among_what_is_found_a_written_off_one_is_not_paid() -> None:
    completed = a_page(a_completed(), a_completed(id=OTHER))
    invoices, desk = await found(CUSTOMER, {LIST: completed, "GET /adjustments": a_page(a_credit())})
    assert {invoice.ref.id: invoice.status for invoice in invoices} == {
        ID: InvoiceStatus.UNCOLLECTIBLE,
        OTHER: InvoiceStatus.PAID,
    }
    assert desk.wire.requests[-1].url.params["transaction_id"] == f"{ID},{OTHER}"


async def test_a_search_that_paddle_refuses_is_a_failure_and_not_an_empty_answer() -> None:
    with pytest.raises(ProviderFailure):
        await found("lantern", {LIST: a_page(), "GET /customers": refused(400, "invalid_field")})


async def test_the_demo_lists_exactly_what_is_past_due() -> None:
    bench = PaddleBench()
    bench.fake.seed_demo()
    window = Window(None, bench.clock.at.astimezone(UTC))
    items = [item async for item in bench.open().failed(window)]
    assert sorted(item.customer_name or "" for item in items if isinstance(item, Invoice)) == [
        "Quillfeather Notes",
        "Reedmace Canoes",
    ]
    assert all(item.owed.minor < 6000 for item in items if isinstance(item, Invoice))
    assert isinstance(window.until, datetime)
