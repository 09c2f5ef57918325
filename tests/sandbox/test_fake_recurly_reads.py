"""The fake Recurly's reads: one object by id or number, and listings that are walked by a cursor."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.sandbox.wire import WireRequest
from tests.sandbox.recurly_shop import AT, Shop

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_the_site_tells_its_name_and_mode(shop: Shop) -> None:
    shop.fake.mode = "production"
    (site,) = shop.read("/sites")["data"]
    assert (site["subdomain"], site["mode"]) == (shop.fake.credentials()["subdomain"], "production")


def test_an_invoice_is_found_by_id_and_by_number(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(number="FR1001")
    assert shop.read(f"/invoices/{invoice}") == shop.read("/invoices/number-FR1001")
    assert shop.kind("GET", "/invoices/FR1001") == (404, "not_found")
    assert shop.ask("GET", f"/invoices/{invoice}.pdf").body.startswith(b"%PDF-1.4")


def test_a_listing_is_walked_by_its_cursor_and_keeps_every_parameter(shop: Shop) -> None:
    made = [shop.fake.add_invoice(created=AT - number * HOUR) for number in range(5)]
    shop.fake.add_invoice(status="paid")
    found: list[str] = []
    page = shop.read("/invoices", state="past_due", type="charge", order="asc", limit=2)
    while True:
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        path, _, query = page["next"].partition("?")
        assert path == "/invoices"
        request = WireRequest("GET", path, query, shop.request("GET", path).headers)
        page = json.loads(shop.fake.respond(request).body)
    assert found == made[::-1]
    assert page["next"] is None


def test_both_ends_of_a_span_belong_to_it(shop: Shop) -> None:
    invoice = shop.fake.add_invoice(created=AT - DAY)
    at = shop.read(f"/invoices/{invoice}")["created_at"]
    for query, number in (({"begin_time": at}, 1), ({"end_time": at}, 1), ({"begin_time": at, "end_time": at}, 1)):
        assert len(shop.read("/invoices", **query)["data"]) == number
    assert shop.read("/invoices", end_time="2020-01-01")["data"] == []


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"state": "late"}, {"type": "bill"}, {"begin_time": "x"}]
)
def test_a_filter_that_there_is_not_is_refused(shop: Shop, query: dict[str, Any]) -> None:
    assert shop.kind("GET", "/invoices", **query) == (400, "bad_request")


def test_customers_are_found_by_id_code_and_exact_address_and_those_who_are_late(shop: Shop) -> None:
    late = shop.fake.add_invoice(email="late@payer.example")
    customer = shop.fake.books.customers[shop.fake.invoices[late].customer]
    shop.fake.add_invoice(status="paid", email="good@payer.example")
    assert shop.read(f"/accounts/{customer.id}") == shop.read(f"/accounts/code-{customer.code}")
    assert [one["id"] for one in shop.read("/accounts", email="late@payer.example")["data"]] == [customer.id]
    assert shop.read("/accounts", email="LATE@payer.example")["data"] == []
    assert [one["id"] for one in shop.read("/accounts", past_due="true")["data"]] == [customer.id]
    assert [one["id"] for one in shop.read(f"/accounts/{customer.id}/invoices")["data"]] == [late]


def test_without_a_wallet_there_is_one_billing_info(shop: Shop) -> None:
    customer = shop.fake.add_customer()
    shop.fake.books.add_card(customer)
    assert len(shop.read(f"/accounts/{customer}/billing_infos")["data"]) == 2
    shop.fake.wallet = False
    assert shop.kind("GET", f"/accounts/{customer}/billing_infos") == (422, "missing_feature")
    assert shop.read(f"/accounts/{customer}/billing_info")["primary_payment_method"] is True


def test_the_account_page_opens_by_its_token_alone(shop: Shop) -> None:
    customer = shop.fake.add_customer(name="<b>Fennel</b>")
    token = shop.read(f"/accounts/{customer}")["hosted_login_token"]
    bare = WireRequest("GET", f"/account/{token}", "", {})
    reply = shop.fake.respond(bare)
    assert (reply.status, b"&lt;b&gt;Fennel" in reply.body) == (200, True)
    assert shop.fake.respond(WireRequest("GET", "/account/somebodyelse", "", {})).status == 404
