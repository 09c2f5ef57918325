"""What is peculiar to reading at Chargebee: its units, its cursors, whose method is charged, and links that expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.details import Issue
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import FailedBecause, Invoice, InvoiceStatus, NoMethod, PaymentMethod, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Succeeded
from bot.ports import Unreadable, Window
from bot.providers.chargebee import Chargebee
from tests.providers.benches import read
from tests.providers.chargebee_bench import ChargebeeBench
from tests.providers.chargebee_samples import (
    API_KEY,
    BASE,
    CUSTOMER,
    ID,
    NEW_PAYMENT,
    OLD_PAYMENT,
    READ_KEY,
    REF,
    SITE,
    SOURCE,
    Desk,
    a_customer,
    a_detail,
    a_payment,
    a_source,
    a_wire,
    an_invoice,
    answer,
    form_in,
    listed,
    one,
    over,
    page,
    refused,
    transaction,
)
from tests.providers.samples import AT, DAY, NOW
from tests.providers.wire import Answer, Wire, an_order

HOST = f"https://{SITE}.chargebee.com"
DAY_OF = Window(NOW - timedelta(days=30), NOW)


async def listing(provider: Chargebee, window: Window = DAY_OF) -> list[Invoice | Unreadable]:
    return [item async for item in provider.failed(window)]


def asked(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.url.query.decode()))


# --- amounts

AMOUNTS: list[tuple[int, str, Money]] = [
    (4999, "USD", Money(4999, "USD")),
    (4200, "JPY", Money(4200, "JPY")),
    (4200, "XAF", Money(4200, "XAF")),
    (1234, "KWD", Money(12340, "KWD")),
    (420000, "ISK", Money(4200, "ISK")),
    (420000, "CLP", Money(4200, "CLP")),
]


@pytest.mark.parametrize(("amount", "currency", "money"), AMOUNTS)
async def test_amounts_are_whole_units_of_four_currencies_and_hundredths_of_all_others(
    amount: int, currency: str, money: Money
) -> None:
    due = {"currency_code": currency, "amount_due": amount, "amount_to_collect": amount}
    desk = Desk(a_wire({f"GET /invoices/{ID}": one(**due), f"POST /invoices/{ID}/collect_payment": answer(b"")}))
    invoice = await desk.invoice()
    assert invoice.owed == money
    await desk.provider.perform(an_order(invoice))
    assert form_in(desk.sent[0])["amount"] == str(amount)


async def test_the_currencies_in_whole_units_can_be_set() -> None:
    wire = a_wire({f"GET /invoices/{ID}": one(currency_code="VND", amount_due=4200, amount_to_collect=4200)})
    found = await over(wire, zero_decimal="jpy, VND").get(REF)
    assert found is not None
    assert found.owed == Money(4200, "VND")


@pytest.mark.parametrize(
    "changes",
    [
        {"currency_code": "ISK", "amount_due": 420050},
        {"currency_code": "XYZ"},
        {"currency_code": "EURO"},
        {"amount_due": -1},
        {"amount_due": 10**18},
        {"amount_due": 315.5},
        {"amount_due": "31500"},
        {"amount_due": None},
        {"id": ""},
        {"id": "with space"},
    ],
)
async def test_what_cannot_be_true_is_said_and_never_guessed(changes: dict[str, Any]) -> None:
    wire = a_wire({"GET /invoices": page(an_invoice(**changes), an_invoice(id="GP-1"))})
    found = await listing(over(wire))
    assert [type(item) for item in found] == [Unreadable, Invoice]
    single = a_wire({f"GET /invoices/{ID}": one(**changes)})
    with pytest.raises(ProviderFailure) as caught:
        await over(single).get(REF)
    assert caught.value.reason is FailureReason.UNREADABLE


async def test_an_amount_that_the_units_cannot_hold_is_never_sent() -> None:
    desk = Desk(a_wire({f"GET /invoices/{ID}": one(currency_code="KWD")}))
    order = an_order(await desk.invoice())
    await desk.provider.perform(replace(order, expected=Money(12345, "KWD")))
    assert desk.sent == []


# --- statuses


@pytest.mark.parametrize(
    ("wire", "status", "payment", "failed"),
    [
        ({"status": "pending"}, InvoiceStatus.DRAFT, PaymentState.FAILED, None),
        ({"status": "posted"}, InvoiceStatus.OPEN, PaymentState.FAILED, None),
        ({}, InvoiceStatus.OPEN, PaymentState.FAILED, FailedBecause.PAYMENT_FAILED),
        ({"status": "not_paid"}, InvoiceStatus.OPEN, PaymentState.FAILED, FailedBecause.PAYMENT_FAILED),
        ({"linked_payments": []}, InvoiceStatus.OPEN, PaymentState.NONE, FailedBecause.PAST_DUE),
        ({"amount_to_collect": 0}, InvoiceStatus.OPEN, PaymentState.PROCESSING, None),
        ({"amount_to_collect": 100}, InvoiceStatus.OPEN, PaymentState.PROCESSING, FailedBecause.PAYMENT_FAILED),
        ({"status": "paid", "amount_due": 0}, InvoiceStatus.PAID, PaymentState.SUCCEEDED, None),
        (
            {"status": "paid", "amount_due": 0, "write_off_amount": 1},
            InvoiceStatus.UNCOLLECTIBLE,
            PaymentState.FAILED,
            None,
        ),
        ({"status": "voided"}, InvoiceStatus.VOID, PaymentState.FAILED, None),
        ({"status": "a_new_one"}, InvoiceStatus.OTHER, PaymentState.FAILED, None),
        ({"amount_due": 0, "amount_to_collect": 0}, InvoiceStatus.OPEN, PaymentState.FAILED, None),
    ],
)
async def test_what_an_invoice_is(
    wire: dict[str, Any], status: InvoiceStatus, payment: PaymentState, failed: FailedBecause | None
) -> None:
    found = await over(a_wire({f"GET /invoices/{ID}": one(**wire)})).get(REF)
    assert found is not None
    assert (found.status, found.payment, found.failed_because) == (status, payment, failed)


async def test_a_write_off_owes_nothing_and_is_not_listed_as_failed() -> None:
    bench = ChargebeeBench()
    provider, ref = bench.open(), bench.failed_invoice(status="uncollectible")
    invoice = await read(provider, ref)
    assert (invoice.status, invoice.provider_status) == (InvoiceStatus.UNCOLLECTIBLE, "written off")
    assert invoice.owed.minor == 0
    assert await listing(provider, Window(None, NOW)) == []


async def test_everything_that_is_shown_of_an_invoice() -> None:
    found = await over(a_wire()).get(REF, thorough=True)
    assert found is not None
    assert (found.number, found.customer_id, found.customer_name) == (ID, CUSTOMER, "Granite Peak Ltd")
    assert found.customer_email == "books@granite.example"
    assert (found.attempts, found.newest_charge) == (1, OLD_PAYMENT)
    assert found.newest_charge_at == NOW - timedelta(days=1)
    assert found.next_attempt_at == NOW + timedelta(days=1)
    assert found.created_at == NOW - timedelta(days=3)
    assert found.dashboard_url == f"{HOST}/d/invoices/{ID}"
    assert found.method == PaymentMethod(SOURCE, "visa ending 8210")
    assert found.decline is not None
    assert found.charge_is_declined_method is True or found.decline.kind is DeclineClass.SOFT


async def test_the_newest_payment_is_the_one_of_the_newest_time_however_it_is_listed() -> None:
    newest = a_payment("failure", NEW_PAYMENT)
    for order in ([a_payment(), newest], [newest, a_payment()]):
        wire = a_wire(
            {f"GET /invoices/{ID}": one(*order), f"GET /transactions/{NEW_PAYMENT}": transaction(identifier=NEW_PAYMENT)}
        )
        found = await over(wire).get(REF)
        assert found is not None
        assert found.newest_charge == NEW_PAYMENT


async def test_a_decline_that_wants_the_customer_shows_in_the_state_of_the_payment() -> None:
    confirm = transaction(error_detail=a_detail(decline_code="authentication_required"))
    found = await over(a_wire({f"GET /transactions/{OLD_PAYMENT}": confirm})).get(REF)
    assert found is not None
    assert found.payment is PaymentState.NEEDS_AUTHENTICATION


@pytest.mark.parametrize("reply", [refused(403, "api_authorization_failed", "untyped"), refused(404, "resource_not_found")])
async def test_an_invoice_is_read_without_its_decline_where_that_may_not_be_read(reply: httpx.Response) -> None:
    found = await over(a_wire({f"GET /transactions/{OLD_PAYMENT}": reply})).get(REF)
    assert found is not None
    assert (found.decline, found.payment) == (None, PaymentState.FAILED)


@pytest.mark.parametrize("reply", [answer(b"", 500), answer(b"<p>one moment", 200), transaction(identifier="txn_Other")])
async def test_a_decline_that_makes_no_sense_is_a_failure(reply: httpx.Response) -> None:
    with pytest.raises(ProviderFailure):
        await over(a_wire({f"GET /transactions/{OLD_PAYMENT}": reply})).get(REF)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401, "api_authentication_failed", "untyped"), FailureReason.UNAUTHORIZED),
        (refused(403, "api_authorization_failed", "untyped"), FailureReason.FORBIDDEN),
        (refused(404, "site_not_found"), FailureReason.REFUSED),
        (answer(b"<h1>Not found</h1>", 404), FailureReason.REFUSED),
        (answer(b"<h1>Bad gateway</h1>", 502), FailureReason.UNREACHABLE),
        (answer(b"<p>one moment", 200), FailureReason.UNREADABLE),
        (answer(b'{"invoice": {"id": "GP-2041", "curr', 200), FailureReason.UNREADABLE),
        (one(id="SOMEBODY-ELSE"), FailureReason.UNREADABLE),
        (answer([], 200), FailureReason.UNREADABLE),
    ],
)
async def test_a_read_that_was_answered_with_something_else_is_a_failure(
    reply: httpx.Response, reason: FailureReason
) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await over(a_wire({f"GET /invoices/{ID}": reply})).get(REF)
    assert caught.value.reason is reason
    assert caught.value.detail.endswith(".")
    assert API_KEY not in caught.value.detail


async def test_a_deleted_invoice_is_none() -> None:
    assert await over(a_wire({f"GET /invoices/{ID}": one(deleted=True)})).get(REF) is None


# --- methods


async def test_methods_come_with_the_primary_one_first_and_without_those_that_cannot_be_charged() -> None:
    sources = listed(
        "payment_source",
        a_source("pm_B", type="direct_debit", card=None, bank_account={"bank_name": "Bank of Granite", "last4": "6789"}),
        a_source("pm_Expired", status="expired"),
        a_source("pm_Gone", deleted=True),
        a_source("pm_Strange", customer_id="somebody-else"),
        a_source(),
        a_source("pm_Paypal", type="paypal_express_checkout", card=None),
    )
    found = await over(a_wire({"GET /payment_sources": sources})).methods(REF)
    assert found == [
        PaymentMethod(SOURCE, "visa ending 8210"),
        PaymentMethod("pm_B", "Bank of Granite ending 6789"),
        PaymentMethod("pm_Paypal", "paypal express checkout pm_Paypal"),
    ]


@pytest.mark.parametrize(
    ("primary", "sources", "method"),
    [
        (SOURCE, [a_source()], PaymentMethod(SOURCE, "visa ending 8210")),
        (SOURCE, [], PaymentMethod(SOURCE, SOURCE)),
        (None, [], NoMethod()),
        (None, [a_source()], None),
    ],
)
async def test_what_a_retry_would_charge(primary: str | None, sources: list[Any], method: Any) -> None:
    customer = answer({"customer": a_customer(primary_payment_source_id=primary)})
    wire = a_wire({f"GET /customers/{CUSTOMER}": customer, "GET /payment_sources": listed("payment_source", *sources)})
    found = await over(wire).get(REF, thorough=True)
    assert found is not None
    assert found.method == method


async def test_a_customer_who_may_not_be_read_leaves_the_method_unknown() -> None:
    wire = a_wire({f"GET /customers/{CUSTOMER}": refused(403, "api_authorization_failed", "untyped")})
    found = await over(wire).get(REF, thorough=True)
    assert found is not None
    assert found.method is None


async def test_who_an_invoice_is_of_is_read_from_the_customer_where_it_does_not_say() -> None:
    wire = a_wire({f"GET /invoices/{ID}": one(billing_address=None)})
    found = await over(wire).get(REF, thorough=True)
    assert found is not None
    assert (found.customer_name, found.customer_email) == ("Granite Peak Ltd", "books@granite.example")


# --- listing


async def test_a_listing_asks_for_windows_of_dates_that_leave_no_gap() -> None:
    wire = a_wire({"GET /invoices": page()})
    await listing(over(wire))
    questions = [asked(request) for request in wire.requests]
    assert {one["status[in]"] for one in questions} == {'["payment_due","not_paid"]'}
    assert {(one["amount_due[gt]"], one["sort_by[asc]"], one["limit"]) for one in questions} == {("0", "date", "100")}
    spans = sorted(tuple(map(int, one["date[between]"].strip("[]").split(","))) for one in questions)
    assert spans[0][0] < AT - 30 * DAY
    assert spans[-1][1] > AT
    assert all(a[1] - b[0] >= 2 for a, b in pairwise(spans))


@pytest.mark.parametrize("ends_count", [True, False])
async def test_a_listing_is_complete_whether_between_holds_its_ends_or_not(ends_count: bool) -> None:
    bench = ChargebeeBench()
    bench.fake.reads.ends_count = ends_count
    made = {bench.failed_invoice(days_old=days) for days in (0.25, 7.5, 15, 22.5, 29.99, 30, 31, 400, 401)}
    for window in (Window(None, NOW), DAY_OF):
        found = await listing(bench.open(), window)
        known = {item.ref for item in found if isinstance(item, Invoice)}
        assert len(found) == len(known)
        wanted = {ref for ref in made if window.since is None or _date(bench, ref.id) >= window.since}
        assert known == wanted


def _date(bench: ChargebeeBench, identifier: str) -> datetime:
    return datetime.fromtimestamp(bench.fake.invoices[identifier].date, UTC)


async def test_a_site_that_insists_on_small_pages_is_listed_to_the_end() -> None:
    bench = ChargebeeBench()
    bench.fake.reads.page_limit = 3
    made = {bench.failed_invoice(days_old=0.1 + n) for n in range(25)}
    assert {item.ref for item in await listing(bench.open()) if isinstance(item, Invoice)} == made


async def test_an_offset_is_passed_back_untouched() -> None:
    offset = '["1794290400000","5000 &+%"]'
    wire = a_wire({"GET /invoices": [page(an_invoice(id="A"), offset=offset), page(an_invoice(id="B"))]})
    window = Window(NOW - timedelta(seconds=1), NOW)
    await listing(over(wire), window)
    assert offset in {asked(request).get("offset") for request in wire.requests}


@pytest.mark.parametrize("offsets", [["same", "same"], ["a", "b", "a"], [""]])
async def test_a_listing_that_goes_in_circles_is_a_failure(offsets: list[str]) -> None:
    pages: list[Answer] = [page(an_invoice(id=f"GP-{n}"), offset=offset) for n, offset in enumerate(offsets)]
    wire = a_wire({"GET /invoices": pages})
    with pytest.raises(ProviderFailure, match="goes in circles"):
        await listing(over(wire), Window(NOW - timedelta(seconds=1), NOW))


async def test_a_page_that_cannot_be_read_is_a_failure_of_the_whole_listing() -> None:
    first = page(an_invoice(id="A", date=AT - 1), offset="next")
    for second in (
        answer(b'{"list": [{"invo'),
        answer(b"", 500),
        answer(b"<p>one moment"),
        refused(400, "invalid_request"),
    ):
        with pytest.raises(ProviderFailure):
            await listing(over(a_wire({"GET /invoices": [first, second]})), Window(NOW - timedelta(seconds=1), NOW))


async def test_an_offset_that_is_no_text_is_a_failure() -> None:
    with pytest.raises(ProviderFailure):
        await listing(over(a_wire({"GET /invoices": page(an_invoice(), offset=7)})))


async def test_what_a_site_lists_beside_what_was_asked_for_is_left_out() -> None:
    wire = a_wire(
        {
            "GET /invoices": page(
                an_invoice(id="A", status="paid", amount_due=0),
                an_invoice(id="B", amount_to_collect=0),
                an_invoice(id="C", date=AT - 31 * DAY),
                an_invoice(id="D", date=AT),
                an_invoice(id="E", deleted=True),
                an_invoice(id="F"),
                an_invoice(id="F"),
                {"invoice": "nonsense"},
                7,
            )
        }
    )
    found = await listing(over(wire))
    assert [item.ref.id for item in found if isinstance(item, Invoice)] == ["F"]


async def test_a_listing_reads_no_transactions() -> None:
    wire = a_wire({"GET /invoices": page(an_invoice())})
    await listing(over(wire))
    assert {request.url.path for request in wire.requests} == {f"{BASE}/invoices"}


# --- finding


async def test_a_number_with_marks_that_no_id_has_is_not_asked_for() -> None:
    wire = Wire()
    for text in ("a b", 'x"]', "", "[]", "x" * 51):
        assert await over(wire).numbered(text) == []
    assert wire.requests == []


async def test_a_person_is_found_by_first_and_last_name() -> None:
    bench = ChargebeeBench()
    ref = bench.failed_invoice()
    customer = bench.fake.books.customers[bench.customer_of(ref)]
    customer.company, customer.first_name, customer.last_name = None, "Ada Maria", "Granite"
    for text in ("Ada Maria Granite", "ada maria granite", "Granite", "Ada Maria"):
        found = await bench.open().find(text)
        assert ([invoice.ref for invoice in found] == [ref]) is (text != "Ada Maria"), text


# --- links


async def test_a_payment_page_is_made_for_the_payer_and_may_be_read_by_nobody_else() -> None:
    wire = a_wire(
        {
            f"GET /invoices/{ID}": one(payment_owner="parent"),
            "POST /hosted_pages/collect_now": answer({"hosted_page": {"url": f"{HOST}/pages/v3/x/collect_now"}}),
        }
    )
    provider = over(wire)
    assert await provider.payment_link(REF) == f"{HOST}/pages/v3/x/collect_now"
    assert form_in(wire.sent[0]) == {"customer[id]": "parent"}
    assert provider.facts.link_logs_in


@pytest.mark.parametrize("changes", [{"status": "paid", "amount_due": 0}, {"status": "voided"}, {"status": "pending"}])
async def test_what_is_not_owed_has_no_payment_page(changes: dict[str, Any]) -> None:
    wire = a_wire({f"GET /invoices/{ID}": one(**changes)})
    assert await over(wire).payment_link(REF) is None
    assert wire.sent == []


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/x", f"http://{SITE}.chargebee.com/x", "https://other.chargebee.com/x", None, "javascript:x"],
)
async def test_a_link_to_another_host_is_not_shown(url: str | None) -> None:
    wire = a_wire(
        {
            "POST /hosted_pages/collect_now": answer({"hosted_page": {"url": url}}),
            f"POST /invoices/{ID}/pdf": answer({"download": {"download_url": url}}),
        }
    )
    for link in (over(wire).payment_link, over(wire).pdf):
        with pytest.raises(ProviderFailure) as caught:
            await link(REF)
        assert "evil" not in caught.value.detail


async def test_a_pdf_is_asked_for_by_a_post_that_changes_nothing() -> None:
    wire = a_wire({f"POST /invoices/{ID}/pdf": answer({"download": {"download_url": f"{HOST}/pdf/token"}})})
    assert await over(wire).pdf(REF) == f"{HOST}/pdf/token"
    assert form_in(wire.sent[0]) == {"disposition_type": "attachment"}


async def test_a_read_only_key_that_may_make_no_page_gives_way_to_the_other() -> None:
    bench = ChargebeeBench()
    ref = bench.failed_invoice()
    provider = bench.open(read_key=bench.fake.keys[1].secret)
    assert await provider.payment_link(ref) is not None
    assert await provider.pdf(ref) is not None
    assert bench.fake.keys[1].secret != READ_KEY


async def test_one_key_that_may_make_no_page_is_told_as_that() -> None:
    wire = a_wire({"POST /hosted_pages/collect_now": refused(403, "api_authorization_failed", "untyped")})
    with pytest.raises(ProviderFailure) as caught:
        await over(wire).payment_link(REF)
    assert caught.value.reason is FailureReason.FORBIDDEN
    assert len(wire.sent) == 1


# --- closing a draft, which may collect


@pytest.mark.parametrize(("magic", "status"), [("paid", InvoiceStatus.PAID), ("generic_decline", InvoiceStatus.OPEN)])
async def test_closing_collects_where_automatic_collection_is_on_and_says_what_came_of_it(
    magic: str, status: InvoiceStatus
) -> None:
    bench = ChargebeeBench()
    provider, ref = bench.open(), bench.invoice(status="draft", magic=magic)
    order = an_order(await read(provider, ref), Action.FINALIZE)
    outcome = await provider.perform(replace(order, details=Issue(collect=True)))
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.status, bench.attempts(ref)) == (status, 1)
