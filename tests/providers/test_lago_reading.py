"""Reading at Lago: statuses, lists that mislead, links, PDFs, and servers that are old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qsl

import httpx
import pytest

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    PaymentMethod,
    PaymentState,
)
from bot.domain.money import Money
from bot.ports import Unreadable, Window
from bot.providers.lago_listing import days
from tests.providers.benches import read
from tests.providers.lago_bench import LagoBench
from tests.providers.lago_samples import (
    BASE,
    CUSTOMER,
    ID,
    METHOD,
    NEW_PAYMENT,
    REF,
    Desk,
    Json,
    a_customer,
    a_payment,
    a_wire,
    an_invoice,
    answer,
    meta,
    one,
    page,
    payments,
    refused,
)
from tests.providers.samples import NOW

LISTING = f"GET {BASE}/invoices"
EVER = Window(None, NOW)


def other(number: int, **changes: object) -> Json:
    return an_invoice(lago_id=f"{ID[:-3]}{number:03x}", number=f"GLX-{number}", **changes)


async def listed(desk: Desk, window: Window = EVER) -> list[Invoice | Unreadable]:
    return [item async for item in desk.lago.failed(window)]


async def failure_of(desk: Desk, window: Window = EVER) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await listed(desk, window)
    return caught.value


# --- one invoice


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, InvoiceStatus.OPEN, "open, its payment failed"),
        ({"payment_status": "pending"}, InvoiceStatus.OPEN, "open"),
        ({"payment_status": "succeeded"}, InvoiceStatus.PAID, "paid"),
        ({"status": "draft", "payment_status": "pending"}, InvoiceStatus.DRAFT, "draft"),
        ({"status": "voided"}, InvoiceStatus.VOID, "void"),
        ({"status": "failed", "payment_status": "pending"}, InvoiceStatus.OTHER, "not made: Lago could not generate it"),
        ({"status": "pending"}, InvoiceStatus.OTHER, "waiting for its taxes"),
        ({"status": "frozen"}, InvoiceStatus.OTHER, "frozen"),
        ({"status": None}, InvoiceStatus.OTHER, "without a status"),
        ({"payment_dispute_lost_at": "2026-11-20T00:00:00Z"}, InvoiceStatus.OPEN, "finalized, with a lost dispute"),
    ],
)
async def test_the_status_of_the_invoice_and_of_its_payment_are_two_things(
    changes: Json, status: InvoiceStatus, words: str
) -> None:
    invoice = await Desk(a_wire({f"GET /invoices/{ID}": one(**changes)})).invoice()
    assert (invoice.status, invoice.provider_status) == (status, words)


@pytest.mark.parametrize(
    ("changes", "owed"),
    [
        ({}, Money(31500, "EUR")),
        ({"total_due_amount_cents": 100}, Money(100, "EUR")),
        ({"currency": "JPY"}, Money(31500, "JPY")),
        ({"currency": "KWD"}, Money(31500, "KWD")),
        ({"total_due_amount_cents": -5}, Money(0, "EUR")),
        ({"status": "voided"}, Money(0, "EUR")),
        ({"payment_status": "succeeded"}, Money(0, "EUR")),
        ({"total_due_amount_cents": None, "total_paid_amount_cents": 500}, Money(31000, "EUR")),
        (
            {
                "total_due_amount_cents": None,
                "total_paid_amount_cents": None,
                "total_offsetted_credit_note_amount_cents": 1500,
            },
            Money(30000, "EUR"),
        ),
    ],
)
async def test_what_is_owed_is_exact_and_never_less_than_nothing(changes: Json, owed: Money) -> None:
    assert (await Desk(a_wire({f"GET /invoices/{ID}": one(**changes)})).invoice()).owed == owed


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({}, FailedBecause.PAYMENT_FAILED),
        ({"payment_overdue": True}, FailedBecause.PAYMENT_FAILED),
        ({"payment_status": "pending", "payment_overdue": True}, FailedBecause.PAST_DUE),
        ({"payment_status": "pending"}, None),
        ({"payment_dispute_lost_at": "2026-11-20T00:00:00Z"}, None),
        ({"self_billed": True}, None),
        ({"total_due_amount_cents": 0}, None),
        ({"status": "failed"}, None),
        ({"status": "draft"}, None),
    ],
)
async def test_failed_means_a_payment_and_never_the_making_of_the_invoice(
    changes: Json, because: FailedBecause | None
) -> None:
    assert (await Desk(a_wire({f"GET /invoices/{ID}": one(**changes)})).invoice()).failed_because is because


@pytest.mark.parametrize(
    ("customer", "name"),
    [
        (a_customer(), "Globex Ltd"),
        (a_customer(name=None, legal_name="Globex Holding"), "Globex Holding"),
        (a_customer(name=None, firstname="Ana", lastname="Ruiz"), "Ana Ruiz"),
        (a_customer(name=None), None),
        (None, None),
    ],
)
async def test_a_customer_is_called_by_whatever_name_there_is(customer: Json | None, name: str | None) -> None:
    invoice = await Desk(a_wire({f"GET /invoices/{ID}": one(customer=customer)})).invoice()
    assert invoice.customer_name == name
    assert invoice.collection is CollectionMethod.AUTOMATIC


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([], PaymentState.FAILED),
        ([a_payment("processing")], PaymentState.PROCESSING),
        ([a_payment("processing", next_action={"type": "x"})], PaymentState.NEEDS_AUTHENTICATION),
        ([a_payment("pending", next_action=None)], PaymentState.UNREAD),
        ([a_payment("succeeded", NEW_PAYMENT), a_payment()], PaymentState.SUCCEEDED),
        ([a_payment("of another world")], PaymentState.UNREAD),
    ],
)
async def test_the_newest_payment_tells_how_it_stands(rows: list[Json], state: PaymentState) -> None:
    assert (await Desk(a_wire({"GET /payments": payments(*rows)})).invoice()).payment is state


async def test_an_invoice_that_was_never_tried_has_no_payment() -> None:
    wire = a_wire({"GET /payments": payments(), f"GET /invoices/{ID}": one(payment_status="pending")})
    invoice = await Desk(wire).invoice()
    assert (invoice.payment, invoice.attempts, invoice.decline) == (PaymentState.NONE, 0, None)


async def test_attempts_are_counted_only_where_all_payments_are_shown() -> None:
    first = answer({"payments": [a_payment()], "meta": meta(1, 2)})
    assert (await Desk(a_wire({"GET /payments": first})).invoice()).attempts is None


@pytest.mark.parametrize(
    "reply",
    [answer(), answer(b"<p>hi"), answer({"invoice": {}}), one(lago_id=NEW_PAYMENT), one(currency="euro"), refused(500)],
)
async def test_an_invoice_that_makes_no_sense_is_a_failure(reply: httpx.Response) -> None:
    with pytest.raises(ProviderFailure):
        await Desk(a_wire({f"GET /invoices/{ID}": reply})).invoice()


async def test_payments_that_break_are_a_failure_and_not_an_empty_list() -> None:
    for reply in (answer(b"<p>"), refused(500), answer()):
        with pytest.raises(ProviderFailure):
            await Desk(a_wire({"GET /payments": reply})).invoice()


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        (f"https://app.getlago.com/globex/customer/1/invoice/{ID}/overview", True),
        ("https://evil.example/app.getlago.com", False),
        ("http://app.getlago.com/x", False),
        ("https://user@app.getlago.com/x", False),
        ("https://app.getlago.com/x|y", False),
        (None, False),
    ],
)
async def test_the_dashboard_link_is_lagos_own_or_none(url: str | None, is_shown: bool) -> None:
    invoice = await Desk(a_wire({f"GET /invoices/{ID}": one(web_url=url)})).invoice()
    assert (invoice.dashboard_url == url) is (is_shown or url is None)


# --- lists


async def test_a_list_asks_two_questions_of_disjoint_days_and_never_the_one_that_lago_misreads() -> None:
    wire = a_wire({"GET /invoices": page()})
    await listed(Desk(wire))
    asked = [parse_qsl(request.url.query.decode(), keep_blank_values=True) for request in wire.requests]
    windows = [days_asked(one_asked) for one_asked in asked]
    assert len(asked) == len({tuple(sorted(one_asked)) for one_asked in asked})
    for query in (("payment_statuses[]", "failed"), ("payment_overdue", "true")):
        mine = sorted(w for w, one_asked in zip(windows, asked, strict=True) if query in one_asked)
        assert mine[0][0] == date.min
        assert mine[-1][1] == date.max
        for (_, last), (first, _) in pairwise(mine):
            assert first - last == timedelta(days=1)
    for one_asked in asked:
        assert ("statuses[]", "finalized") in one_asked
        assert not {"payment_dispute_lost", "self_billed"} & {name for name, _ in one_asked}


def days_asked(query: list[tuple[str, str]]) -> tuple[date, date]:
    found = dict(query)
    first, last = found.get("issuing_date_from"), found.get("issuing_date_to")
    return date.fromisoformat(first) if first else date.min, date.fromisoformat(last) if last else date.max


@pytest.mark.parametrize("since", [NOW - timedelta(days=30), NOW - timedelta(hours=1), NOW])
def test_windows_cover_what_was_asked_with_a_day_to_spare(since: datetime) -> None:
    covered = days(Window(since, NOW))
    assert (covered == []) is (since == NOW)
    for first, second in pairwise(covered):
        assert first.last is not None
        assert second.first is not None
        assert second.first - first.last == timedelta(days=1)
    assert since == NOW or covered[0].first == since.date() - timedelta(days=1)


async def test_an_invoice_of_both_lists_comes_once() -> None:
    both = page(an_invoice(payment_overdue=True))
    assert [str(item.ref) for item in await listed(Desk(a_wire({"GET /invoices": both}))) if isinstance(item, Invoice)] == [
        str(REF)
    ]


async def test_a_server_that_ignores_the_filters_does_not_fool_us() -> None:
    mixed = page(
        other(1),
        other(2, payment_status="succeeded"),
        other(3, status="draft"),
        other(4, status="failed"),
        other(5, payment_dispute_lost_at="2026-11-20T00:00:00Z"),
        other(6, self_billed=True),
        other(7, created_at="2026-11-21T09:00:00Z"),
    )
    found = await listed(Desk(a_wire({"GET /invoices": mixed})))
    assert [item.number for item in found if isinstance(item, Invoice)] == ["GLX-1"]


async def test_items_that_make_no_sense_are_said_and_the_others_stay() -> None:
    odd = page(other(1), {"lago_id": 7}, "nonsense", other(2, currency="euro"))
    found = await listed(Desk(a_wire({"GET /invoices": odd})), Window(NOW - timedelta(minutes=1), NOW))
    assert sum(isinstance(item, Unreadable) for item in found) >= 3


async def test_an_invoice_of_both_lists_that_makes_no_sense_is_counted_once() -> None:
    odd = page(other(1, currency="euro", payment_overdue=True), other(2, total_amount_cents="many"))
    found = await listed(Desk(a_wire({"GET /invoices": odd})))
    assert [type(item) for item in found] == [Unreadable, Unreadable]


async def test_pages_are_walked_whatever_their_size() -> None:
    bench = LagoBench()
    bench.fake.page_limit = 3
    made = {bench.failed_invoice(days_old=1 + n / 10) for n in range(11)}
    found = [item async for item in bench.open().failed(EVER)]
    assert {item.ref for item in found if isinstance(item, Invoice)} == made
    assert len(found) == len(made)


@pytest.mark.parametrize("first", [page(other(1), following=1), page(other(1), number=2, following=3)])
async def test_a_walk_that_goes_in_circles_is_a_failure(first: httpx.Response) -> None:
    failure = await failure_of(Desk(a_wire({"GET /invoices": first})))
    assert "circles" in failure.detail


async def test_a_server_that_always_answers_the_first_page_is_noticed() -> None:
    failure = await failure_of(Desk(a_wire({"GET /invoices": page(other(1), following=2)})))
    assert "circles" in failure.detail


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401), FailureReason.UNAUTHORIZED),
        (refused(403, "read_action_not_allowed_for_invoice"), FailureReason.FORBIDDEN),
        (refused(422, "validation_errors", payment_status=["must be one of"]), FailureReason.REFUSED),
        (refused(404), FailureReason.REFUSED),
        (refused(500), FailureReason.UNREACHABLE),
        (answer(b"<!doctype html>"), FailureReason.UNREADABLE),
        (answer(), FailureReason.UNREADABLE),
        (answer({"invoices": []}), FailureReason.UNREADABLE),
    ],
)
async def test_a_list_that_breaks_is_a_failure_and_not_an_empty_list(reply: httpx.Response, reason: FailureReason) -> None:
    assert (await failure_of(Desk(a_wire({"GET /invoices": reply})))).reason is reason


# --- finding


async def test_a_number_is_exact_whatever_the_capitals() -> None:
    desk = Desk(a_wire({"GET /invoices": page(an_invoice(), other(1, customer=a_customer(name="GLX-2026-014 fans")))}))
    assert [invoice.ref for invoice in await desk.lago.numbered(" glx-2026-014 ")] == [REF]
    query = dict(parse_qsl(desk.wire.requests[-1].url.query.decode()))
    assert query == {"search_term": "glx-2026-014", "per_page": "100", "page": "1"}


async def test_what_only_contains_the_text_by_accident_is_not_found() -> None:
    desk = Desk(a_wire({"GET /invoices": page(an_invoice())}))
    assert [invoice.ref for invoice in await desk.lago.find("globex")] == [REF]
    for accident in ("books@", "GLX", CUSTOMER[:4] + "x", "7"):
        assert await desk.lago.find(accident) == []


async def test_an_id_in_capitals_is_found() -> None:
    assert [invoice.ref for invoice in await Desk(a_wire()).lago.find(ID.upper())] == [REF]


async def test_a_search_looks_through_a_few_pages_only() -> None:
    bench = LagoBench()
    bench.fake.page_limit = 2
    for _ in range(30):
        bench.invoice(name="Everybody")
    assert len(await bench.open().find("everybody")) == 8
    assert bench.requests() == 4


# --- stored methods, payment page, PDF


async def test_methods_are_named_by_their_provider_with_the_default_first() -> None:
    bench = LagoBench()
    ref = bench.failed_invoice()
    second = bench.add_working_method(ref)
    bench.fake.books.customers[bench.customer_of(ref)].default = second
    methods = await bench.open().methods(ref)
    assert methods[0] == PaymentMethod(second, methods[0].label)
    assert methods[0].label.startswith("Stripe pm_")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(404), FailureReason.REFUSED),
        (refused(403, "read_action_not_allowed_for_payment_method"), FailureReason.FORBIDDEN),
        (refused(500), FailureReason.UNREACHABLE),
    ],
)
async def test_methods_that_cannot_be_read_are_a_failure(reply: httpx.Response, reason: FailureReason) -> None:
    desk = Desk(a_wire({f"GET /customers/{CUSTOMER}/payment_methods": reply}))
    with pytest.raises(ProviderFailure) as caught:
        await desk.lago.methods(REF)
    assert caught.value.reason is reason


async def test_a_customer_that_lago_forgot_has_no_methods() -> None:
    desk = Desk(a_wire({f"GET /customers/{CUSTOMER}/payment_methods": refused(404, "customer_not_found")}))
    assert await desk.lago.methods(REF) == []


def link_desk(reply: httpx.Response, **settings: object) -> Desk:
    return Desk(a_wire({f"POST /invoices/{ID}/payment_url": reply}), **settings)


def a_link(url: str) -> httpx.Response:
    return answer({"invoice_payment_details": {"payment_url": url, "payment_provider": "stripe"}})


@pytest.mark.parametrize("word", ["no_linked_payment_provider", "invalid_payment_provider", "missing_payment_provider"])
async def test_without_a_payment_page_the_reason_is_a_sentence(word: str) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await link_desk(refused(422, "validation_errors", base=[word])).lago.payment_link(REF)
    assert caught.value.reason is FailureReason.REFUSED
    assert caught.value.detail.endswith("Resend the invoice instead.")


@pytest.mark.parametrize(
    "reply",
    [
        refused(404, "invoice_not_found"),
        refused(422, "validation_errors", base=["invalid_invoice_status_or_payment_status"]),
    ],
)
async def test_an_invoice_that_cannot_be_paid_has_no_payment_page(reply: httpx.Response) -> None:
    assert await link_desk(reply).lago.payment_link(REF) is None


async def test_trouble_behind_lago_is_told_as_that() -> None:
    with pytest.raises(ProviderFailure) as caught:
        await link_desk(refused(422, "third_party_error", thirdparty_error="down")).lago.payment_link(REF)
    assert caught.value.reason is FailureReason.UNREACHABLE


async def test_a_payment_page_is_fetched_when_wanted_and_only_shown_on_known_hosts() -> None:
    url = "https://checkout.stripe.com/c/pay/cs_test_1#fid"
    assert await link_desk(a_link(url)).lago.payment_link(REF) == url
    for other_host in ("https://pay.evil.example/x", "http://checkout.stripe.com/x", "https://checkout.stripe.com:8443/x"):
        with pytest.raises(ProviderFailure) as caught:
            await link_desk(a_link(other_host)).lago.payment_link(REF)
        assert caught.value.reason is FailureReason.REFUSED


async def test_the_accounts_own_host_may_be_shown() -> None:
    url = "https://lago.globex.example/pay/1"
    desk = link_desk(a_link(url), base_url="https://lago.globex.example/api/v1")
    assert await desk.lago.payment_link(REF) == url


async def test_a_pdf_that_is_being_made_is_told_as_that_and_comes_later() -> None:
    bench = LagoBench()
    provider, ref = bench.open(), bench.invoice(has_pdf=False)
    with pytest.raises(ProviderFailure) as caught:
        await provider.pdf(ref)
    assert caught.value.reason is FailureReason.REFUSED
    assert "ask again in a minute" in caught.value.detail
    bench.wait(timedelta(seconds=2))
    assert str(await provider.pdf(ref)).endswith("/invoice.pdf")


@pytest.mark.parametrize("identifier", ["not-a-uuid", "..", ID.upper(), f"{ID}/void", METHOD])
async def test_an_id_that_is_no_invoices_is_asked_for_nowhere_it_could_act(identifier: str) -> None:
    ref = InvoiceRef("lago", identifier)
    desk = Desk(a_wire({f"GET /invoices/{METHOD}": refused(404, "invoice_not_found")}))
    assert await desk.lago.get(ref) is None
    if identifier != METHOD:
        assert await desk.lago.pdf(ref) is None
        assert await desk.lago.payment_link(ref) is None
        assert desk.wire.requests == []


# --- a server of some years ago


async def test_an_old_server_is_read_acted_on_and_listed_as_far_as_it_goes() -> None:
    bench = LagoBench()
    bench.fake.old_server = True
    provider, ref = bench.open(), bench.failed_invoice()
    bench.failed_invoice(status="paid")
    invoice = await read(provider, ref, thorough=True)
    assert (invoice.owed, invoice.method, invoice.dashboard_url) == (Money(4900, "EUR"), None, None)
    assert [item.ref async for item in provider.failed(EVER) if isinstance(item, Invoice)] == [ref]
    with pytest.raises(ProviderFailure, match="too old"):
        await provider.methods(ref)


async def test_a_date_that_is_none_hides_no_invoice() -> None:
    odd = {"created_at": "yesterday", "updated_at": "18/11/2026", "payment_due_date": "soon"}
    wire = a_wire({f"GET /invoices/{ID}": one(**odd), "GET /invoices": page(an_invoice(**odd))})
    for invoice in (await Desk(wire).invoice(), *await listed(Desk(wire))):
        assert isinstance(invoice, Invoice)
        assert (invoice.ref, invoice.created_at, invoice.due_at) == (REF, None, None)


@pytest.mark.parametrize("written", ["2026-11-18T02:00:00", "2026-11-18T02:00:00Z", "2026-11-18T04:00:00+02:00"])
async def test_times_without_a_zone_are_utc(written: str) -> None:
    invoice = await Desk(a_wire({f"GET /invoices/{ID}": one(created_at=written)})).invoice()
    assert invoice.created_at == datetime(2026, 11, 18, 2, tzinfo=UTC)
