from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice
from bot.ports import Unreadable, Window
from bot.providers.stripe import Stripe
from bot.providers.stripe_listing import Span, spans
from tests.providers.samples import AT, DAY, NOW, a_page, an_error, an_invoice, answer, refused
from tests.providers.wire import Answer, Wire, stripe_over

EVER = Window(None, NOW)
LIST = "GET /v1/invoices"


def a_listing(invoices: list[dict[str, Any]], size: int = 100) -> Wire:
    """Stripe's own paging over `invoices`: newest first, half-open windows, cursor by the last id."""
    newest_first = sorted(invoices, key=lambda invoice: invoice["created"], reverse=True)

    def page(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        assert asked["status"] == "open"
        start, end = int(asked.get("created[gte]", 0)), int(asked["created[lt]"])
        found = [invoice for invoice in newest_first if start <= invoice["created"] < end]
        ids = [invoice["id"] for invoice in found]
        first = ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        return answer(a_page(*found[first : first + size], has_more=first + size < len(found)))

    return Wire({LIST: page})


async def listed(stripe: Stripe, window: Window = EVER) -> list[Invoice | Unreadable]:
    return [item async for item in stripe.failed(window)]


async def until_failure(stripe: Stripe) -> tuple[list[Invoice | Unreadable], ProviderFailure]:
    """What a listing gave before it failed, and its failure."""
    items: list[Invoice | Unreadable] = []
    try:
        async for item in stripe.failed(EVER):
            items.append(item)  # noqa: PERF401 - what came before the failure matters
    except ProviderFailure as failure:
        return items, failure
    pytest.fail("the listing ended as if it were complete")


def ids(items: list[Invoice | Unreadable]) -> list[str]:
    return [item.ref.id for item in items if isinstance(item, Invoice)]


@given(
    since=st.none() | st.integers(min_value=-800 * DAY, max_value=DAY),
    created=st.integers(min_value=-900 * DAY, max_value=2 * DAY),
)
def test_windows_cover_every_moment_exactly_once(since: int | None, created: int) -> None:
    window = Window(None if since is None else NOW + timedelta(seconds=since), NOW)
    holding = [
        span for span in spans(window) if (span.start is None or AT + created >= span.start) and AT + created < span.end
    ]
    inside = created < 0 and (since is None or created >= since)
    assert len(holding) == int(inside)


def test_fractions_of_a_second_lose_nothing() -> None:
    half = timedelta(microseconds=500_000)
    assert spans(Window(NOW + half, NOW + timedelta(seconds=2) + half)) == [Span(AT + 1, AT + 2), Span(AT + 2, AT + 3)]
    assert spans(Window(NOW, NOW)) == []


async def test_a_thousand_invoices_come_complete_and_once() -> None:
    invoices = [an_invoice(id=f"in_{n}", created=AT - 1 - n * DAY // 2) for n in range(1000)]
    wire = a_listing(invoices)
    found = ids(await listed(stripe_over(wire)))
    assert len(found) == 1000
    assert set(found) == {invoice["id"] for invoice in invoices}


async def test_invoices_of_one_second_do_not_stop_the_walk() -> None:
    invoices = [an_invoice(id=f"in_{n}", created=AT - 5) for n in range(250)]
    assert len(ids(await listed(stripe_over(a_listing(invoices))))) == 250


async def test_a_window_with_a_start_asks_for_nothing_older() -> None:
    old, new = an_invoice(id="in_Old", created=AT - 30 * DAY), an_invoice(id="in_New", created=AT - DAY)
    wire = a_listing([old, new])
    assert ids(await listed(stripe_over(wire), Window(NOW - timedelta(days=7), NOW))) == ["in_New"]
    assert all("created[gte]" in request.url.params for request in wire.requests)


async def test_only_failed_invoices_are_listed() -> None:
    waiting = an_invoice(id="in_Waiting", attempted=False, attempt_count=0)
    past_due = an_invoice(id="in_Due", attempted=False, collection_method="send_invoice", due_date=AT - 1)
    nothing_owed = an_invoice(id="in_Zero", amount_remaining=0)
    assert ids(await listed(stripe_over(a_listing([waiting, past_due, nothing_owed])))) == ["in_Due"]


async def test_an_invoice_that_two_windows_show_is_listed_once() -> None:
    wire = Wire({LIST: answer(a_page(an_invoice()))})
    assert ids(await listed(stripe_over(wire))) == ["in_Late"]
    assert len(wire.requests) == 5


@pytest.mark.parametrize(
    "bad",
    [
        5,
        None,
        "in_Late",
        {"id": "in_Bad"},
        an_invoice(id="in_Bad", amount_remaining="many"),
        an_invoice(id="in_Bad", amount_remaining=True),
        an_invoice(id="in_Bad", amount_remaining=-1),
        an_invoice(id="in_Bad", currency="euro"),
        an_invoice(id="in bad"),
        an_invoice(id="in_Bad", created=10**15),
        an_invoice(id="in_Bad", currency="isk", amount_remaining=150),
    ],
)
async def test_one_bad_item_is_said_and_the_page_is_kept(bad: Any) -> None:
    wire = Wire({LIST: [answer(a_page(bad, an_invoice())), answer(a_page())]})
    items = await listed(stripe_over(wire), Window(NOW - timedelta(seconds=1), NOW))
    assert [type(item) for item in items] == [Unreadable, Invoice]


@pytest.mark.parametrize(
    "page",
    [
        b"<html>One moment</html>",
        b"",
        b'{"object": "list", "data": [{"id": "in_1", "amou',
        b'{"ok": true}',
        b'{"object": "list", "data": {}, "has_more": false}',
        b'{"object": "list", "data": []}',
        b"null",
    ],
)
async def test_a_page_that_is_no_page_is_a_failure_not_an_empty_list(page: bytes) -> None:
    items, failure = await until_failure(stripe_over(Wire({LIST: httpx.Response(200, content=page)})))
    assert items == []
    assert failure.reason is FailureReason.UNREADABLE


async def test_what_arrived_before_a_failure_is_kept() -> None:
    first = answer(a_page(an_invoice(), has_more=True))
    wire = Wire({LIST: lambda request: first if "starting_after" not in request.url.params else httpx.Response(401)})
    items, failure = await until_failure(stripe_over(wire))
    assert ids(items) == ["in_Late"]
    assert failure.reason is FailureReason.UNAUTHORIZED


@pytest.mark.parametrize(
    "page",
    [
        a_page(an_invoice(), has_more=True),
        a_page(has_more=True),
        a_page(an_invoice(), {"id": 7}, has_more=True),
    ],
)
async def test_a_listing_that_goes_in_circles_ends_with_a_failure(page: dict[str, Any]) -> None:
    wire = Wire({LIST: answer(page)})
    _, failure = await until_failure(stripe_over(wire))
    assert failure.reason is FailureReason.UNREADABLE
    assert len(wire.requests) <= 10


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (refused(403, an_error(None)), FailureReason.FORBIDDEN),
        (httpx.Response(500), FailureReason.UNREACHABLE),
        (httpx.ConnectError("down"), FailureReason.UNREACHABLE),
        (answer(a_page(an_invoice(livemode=True))), FailureReason.WRONG_MODE),
    ],
)
async def test_a_listing_that_fails_says_why(response: Answer, reason: FailureReason) -> None:
    _, failure = await until_failure(stripe_over(Wire({LIST: response})))
    assert failure.reason is reason


async def test_a_rate_limit_in_the_middle_is_waited_for() -> None:
    whole = a_listing([an_invoice(id=f"in_{n}", created=AT - 1 - n * DAY) for n in range(300)], size=50)
    answered = 0

    def limited(request: httpx.Request) -> httpx.Response:
        nonlocal answered
        answered += 1
        return refused(429, an_error("rate_limit")) if answered % 3 == 2 else whole.respond(request)

    assert len(ids(await listed(stripe_over(Wire({LIST: limited}))))) == 300


async def test_closing_the_listing_early_ends_its_walks() -> None:
    before = asyncio.all_tasks()
    stripe = stripe_over(a_listing([an_invoice(id=f"in_{n}", created=AT - 1 - n * 60) for n in range(500)], size=10))
    async with aclosing(stripe.failed(EVER)) as items:
        await anext(items)
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before


async def test_other_work_gets_its_turn_between_pages() -> None:
    turns = 0

    async def press() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    pressing = asyncio.create_task(press())
    pages = a_listing([an_invoice(id=f"in_{n}", created=AT - 1 - n) for n in range(400)], size=20)
    await listed(stripe_over(pages))
    pressing.cancel()
    assert turns >= len(pages.requests)
