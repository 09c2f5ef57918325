"""Recurly's listing: spans of time, and cursors that are followed on the own host alone; and its live checks."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from urllib.parse import parse_qsl

import httpx
import pytest

from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice
from bot.ports import Unreadable, Window
from bot.providers import recurly_checks
from bot.providers.recurly_listing import LOOK_BACK
from tests.providers.recurly_bench import RecurlyBench
from tests.providers.recurly_samples import ID, a_charge, a_page, an_error, an_invoice, answered, at, recurly_over
from tests.providers.samples import NOW
from tests.providers.wire import Answer, Wire

METHODS = "GET /accounts/ac1ccccccccc/billing_infos"
ALL = Window(None, NOW)


async def listed(answer: Answer | list[Answer], window: Window = ALL) -> tuple[list[Invoice | Unreadable], Wire]:
    provider, wire = recurly_over({"GET /invoices": answer})
    return [item async for item in provider.failed(window)], wire


async def test_a_listing_asks_for_past_due_charge_invoices_in_spans_that_leave_nothing_out() -> None:
    _, wire = await listed(answered(a_page()))
    asked = [dict(parse_qsl(request.url.query.decode())) for request in wire.requests[1:]]
    fixed = {"state": "past_due", "type": "charge", "sort": "created_at", "order": "asc", "limit": "200"}
    assert all(fixed.items() <= one.items() for one in asked)
    spans = sorted((one.get("begin_time", ""), one["end_time"]) for one in asked)
    assert spans[0] == ("", (NOW - LOOK_BACK).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert all(a[1] >= b[0] for a, b in pairwise(spans))
    assert spans[-1][1] == at()


async def test_every_page_is_followed_with_every_parameter_that_it_names() -> None:
    link = "/invoices?cursor=tz4h8k1m2p7w%3A1795251600&limit=200&order=asc&sort=created_at&state=past_due&type=charge"
    pages: list[Answer] = [
        answered(a_page(an_invoice(), following=link)),
        answered(a_page(an_invoice(id="tz5h8k1m2p7w"))),
        answered(a_page()),
    ]
    items, wire = await listed(pages, Window(NOW - timedelta(days=9), NOW))
    assert {item.ref.id for item in items if isinstance(item, Invoice)} == {ID, "tz5h8k1m2p7w"}
    followed = [r for r in wire.requests if b"cursor" in r.url.query]
    assert [parse_qsl(r.url.query.decode()) for r in followed] == [parse_qsl(link.partition("?")[2])]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/invoices?cursor=1",
        "//evil.example/invoices?cursor=1",
        "https://v3.recurly.com@evil.example/invoices?cursor=1",
        "https://key@v3.recurly.com/invoices?cursor=1",
        "/accounts?cursor=1",
        "/invoices",
        "",
        "https://[/invoices?cursor=1",
    ],
)
async def test_a_next_page_that_is_elsewhere_is_never_asked_for_and_the_listing_says_it_is_not_complete(link: str) -> None:
    provider, wire = recurly_over({"GET /invoices": answered(a_page(an_invoice(), following=link))})
    with pytest.raises(ProviderFailure, match="not complete"):
        [_ async for _ in provider.failed(ALL)]
    assert {request.url.host for request in wire.requests} == {"v3.recurly.com"}
    assert not any(b"cursor" in request.url.query for request in wire.requests)


@pytest.mark.parametrize("link", ["https://v3.recurly.com/invoices?cursor=1", "/invoices?cursor=1"])
async def test_a_next_page_may_be_a_path_or_an_address_of_the_own_host(link: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return answered(a_page(an_invoice(id="tz5h8k1m2p7w")) if b"cursor" in request.url.query else a_page(following=link))

    items, _ = await listed(answer)
    assert [item.ref.id for item in items if isinstance(item, Invoice)] == ["tz5h8k1m2p7w"]


async def test_a_listing_that_goes_in_circles_is_a_failure() -> None:
    with pytest.raises(ProviderFailure, match="circles"):
        await listed(answered(a_page(an_invoice(), following="/invoices?cursor=1")))


async def test_a_listing_that_says_there_is_more_and_not_where_is_a_failure() -> None:
    with pytest.raises(ProviderFailure, match="circles"):
        await listed(answered(a_page(an_invoice()) | {"has_more": True}))


@pytest.mark.parametrize("size", [1, 3, 20])
async def test_a_page_size_that_is_not_heeded_leaves_nothing_out(size: int) -> None:
    bench = RecurlyBench()
    bench.fake.page_limit = size
    failed = {bench.failed_invoice(days_old=0.2 + number * 9) for number in range(25)}
    items = [item async for item in bench.open().failed(ALL)]
    assert {item.ref for item in items if isinstance(item, Invoice)} == failed
    assert len(items) == len(failed)


async def test_filters_that_are_not_heeded_are_applied_here() -> None:
    rows = [
        an_invoice(id="tz1aaaaaaaaa", state="pending"),
        an_invoice(id="tz2aaaaaaaaa", state="failed", balance=0.0),
        an_invoice(id="tz3aaaaaaaaa", type="credit"),
        an_invoice(id="tz4aaaaaaaaa", balance=0.0),
        an_invoice(id="tz5aaaaaaaaa", created_at=at()),
        an_invoice(),
    ]
    items, _ = await listed(answered(a_page(*rows)))
    assert [item.ref.id for item in items if isinstance(item, Invoice)] == [ID]


async def test_an_item_that_makes_no_sense_is_counted_once_and_hides_no_other() -> None:
    items, _ = await listed(answered(a_page({"id": "tz9aaaaaaaaa", "total": "much"}, an_invoice())))
    assert sorted(type(item).__name__ for item in items) == ["Invoice", "Unreadable"]


async def test_what_both_spans_show_is_listed_once() -> None:
    items, wire = await listed(answered(a_page(an_invoice())))
    assert len(wire.requests) > 3
    assert len(items) == 1


async def test_a_page_in_the_middle_that_fails_fails_the_listing() -> None:
    pages: list[Answer] = [answered(a_page(an_invoice(), following="/invoices?cursor=1")), answered("<html>", 200)]
    with pytest.raises(ProviderFailure):
        await listed(pages)


# --- live checks


CHECKED = {
    "GET /invoices": answered(a_page(an_invoice()), 200, {"Recurly-Version": "recurly.v2021-02-25"}),
    f"GET /invoices/{recurly_checks.NOBODY}": answered(an_error("not_found"), 404),
    METHODS: answered(a_page()),
}


@pytest.mark.parametrize(
    ("statement", "changes", "holds"),
    [
        (recurly_checks.VERSION, {}, True),
        (recurly_checks.VERSION, {"GET /invoices": answered(a_page())}, None),
        (
            recurly_checks.VERSION,
            {"GET /invoices": answered(a_page(), 200, {"Recurly-Version": "recurly.v2019-10-10"})},
            False,
        ),
        (recurly_checks.SITE, {}, True),
        (recurly_checks.SITE, {"GET /sites": answered(a_page({"subdomain": "other", "mode": "sandbox"}))}, False),
        (recurly_checks.SITE, {"GET /sites": answered(a_page({"subdomain": "thistle", "mode": "production"}))}, False),
        (recurly_checks.SITE, {"GET /sites": answered(an_error("invalid_permissions"), 403)}, None),
        (recurly_checks.LIMITS, {}, None),
        (recurly_checks.LIMITS, {"GET /invoices": answered(a_page(), 200, {"X-RateLimit-Reset": "1795251700"})}, True),
        (recurly_checks.LIMITS, {"GET /invoices": answered(a_page(), 200, {"X-RateLimit-Reset": "60"})}, False),
        (recurly_checks.LIMITS, {"GET /invoices": answered(a_page(), 200, {"X-RateLimit-Reset": "soon"})}, False),
        (recurly_checks.FILTERS, {}, True),
        (recurly_checks.FILTERS, {"GET /invoices": answered(a_page(an_invoice(state="paid")))}, False),
        (recurly_checks.FILTERS, {"GET /invoices": answered(a_page())}, None),
        (recurly_checks.PAGING, {}, None),
        (recurly_checks.PAGING, {"GET /invoices": answered(a_page(following="/invoices?cursor=1"))}, True),
        (recurly_checks.PAGING, {"GET /invoices": answered(a_page(following="https://evil.example/invoices?c=1"))}, False),
        (recurly_checks.TRANSACTIONS, {}, True),
        (recurly_checks.TRANSACTIONS, {"GET /invoices": answered(a_page(an_invoice(transactions=None)))}, False),
        (recurly_checks.TRANSACTIONS, {"GET /invoices": answered(a_page(an_invoice(a_charge(origin=None))))}, False),
        (recurly_checks.TRANSACTIONS, {"GET /invoices": answered(a_page(an_invoice(transactions=[])))}, None),
        (recurly_checks.MISSING, {}, True),
        (recurly_checks.MISSING, {f"GET /invoices/{recurly_checks.NOBODY}": answered("<html>", 404)}, False),
        (recurly_checks.MISSING, {f"GET /invoices/{recurly_checks.NOBODY}": answered("{}", 500)}, None),
        (recurly_checks.WALLET, {}, True),
        (recurly_checks.WALLET, {METHODS: answered(an_error("missing_feature"), 422)}, None),
        (recurly_checks.WALLET, {METHODS: answered("{}", 500)}, None),
    ],
)
async def test_each_statement_is_told_as_it_was_seen(
    statement: str, changes: dict[str, Answer], holds: bool | None
) -> None:
    provider, _ = recurly_over({**CHECKED, **changes})
    (found,) = [check for check in await provider.live_checks() if check.statement == statement]
    assert found.holds is holds, found
