"""How Stripe is asked for invoices, stored methods and documents, and what is made of its answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import InvoiceRef, PaymentMethod
from tests.providers.samples import AT, a_card, a_page, an_error, an_invoice, answer, refused
from tests.providers.wire import Answer, Wire, stripe_over

REF = InvoiceRef("stripe", "in_Late")
READ = "GET /v1/invoices/in_Late"
NUMBERS = "GET /v1/invoices/search"
NAMES = "GET /v1/customers/search"
ADDRESSES = "GET /v1/customers"
INVOICES = "GET /v1/invoices"
METHODS = "GET /v1/customers/cus_Acme/payment_methods"
NOTHING = answer(a_page(kind="search_result"))
DENIED = refused(403, an_error(None))


def customers(*identifiers: str, kind: str = "search_result") -> httpx.Response:
    return answer(a_page(*({"id": one, "object": "customer"} for one in identifiers), kind=kind))


async def found(text: str, routes: dict[str, Answer | list[Answer]]) -> list[str]:
    return [invoice.ref.id for invoice in await stripe_over(Wire(routes)).find(text)]


# --- by name and number


async def test_a_name_is_searched_as_part_of_a_name_with_quotes_escaped() -> None:
    wire = Wire({NUMBERS: NOTHING, NAMES: customers("cus_Acme"), INVOICES: answer(a_page(an_invoice()))})
    (invoice,) = await stripe_over(wire).find(r' Acme "A\B" ')
    assert invoice.ref == REF
    (asked,) = [one.url.params for one in wire.requests if one.url.path == "/v1/customers/search"]
    assert asked["query"] == r'name~"Acme \"A\\B\""'
    assert wire.requests[-1].url.params["customer"] == "cus_Acme"


async def test_a_name_too_short_to_be_part_of_one_has_to_be_all_of_it() -> None:
    wire = Wire({NUMBERS: NOTHING, NAMES: NOTHING})
    await stripe_over(wire).find("Li")
    assert [one.url.params["query"] for one in wire.requests if "customers" in one.url.path] == ['name:"Li"']


async def test_what_is_found_twice_is_listed_once_and_the_newest_comes_first() -> None:
    old, new = an_invoice(id="in_Old", created=AT - 900), an_invoice(id="in_New", created=AT - 9)
    undated = an_invoice(id="in_Undated", created=None)
    routes: dict[str, Answer | list[Answer]] = {
        NUMBERS: answer(a_page(old | {"number": "Acme"}, kind="search_result")),
        NAMES: customers("cus_Acme"),
        INVOICES: answer(a_page(undated, old, new)),
    }
    assert await found("Acme", routes) == ["in_New", "in_Old", "in_Undated"]


@pytest.mark.parametrize("refusal", [DENIED, refused(400, an_error(None)), httpx.Response(500), httpx.ReadTimeout("slow")])
async def test_a_search_that_fails_does_not_hide_what_the_other_found(refusal: Answer) -> None:
    by_number = answer(a_page(an_invoice(number="Acme"), kind="search_result"))
    assert await found("Acme", {NUMBERS: by_number, NAMES: refusal}) == ["in_Late"]
    by_name = {NAMES: customers("cus_Acme"), INVOICES: answer(a_page(an_invoice()))}
    assert await found("Acme", {NUMBERS: refusal, **by_name}) == ["in_Late"]


@pytest.mark.parametrize(("numbers", "names"), [(DENIED, DENIED), (DENIED, NOTHING), (NOTHING, DENIED)])
async def test_finding_nothing_is_no_answer_where_a_search_was_refused(numbers: Answer, names: Answer) -> None:
    with pytest.raises(ProviderFailure, match=r"in_…"):
        await found("Acme", {NUMBERS: numbers, NAMES: names})


async def test_the_other_modes_invoices_are_an_alarm_even_beside_others() -> None:
    routes: dict[str, Answer | list[Answer]] = {
        NUMBERS: answer(a_page(an_invoice(number="Acme"), kind="search_result")),
        NAMES: customers("cus_Acme"),
        INVOICES: answer(a_page(an_invoice(livemode=True))),
    }
    with pytest.raises(ProviderFailure) as caught:
        await found("Acme", routes)
    assert caught.value.reason is FailureReason.WRONG_MODE


async def test_a_name_that_many_have_asks_for_some_of_them_only() -> None:
    many = customers(*(f"cus_{number}" for number in range(40)))
    page = a_page(*(an_invoice(id=f"in_{number}", created=AT - number) for number in range(100)))
    wire = Wire({NUMBERS: NOTHING, NAMES: many, INVOICES: answer(page)})
    assert len(await stripe_over(wire).find("everybody")) == 50
    assert len(wire.requests) == 8


# --- by id and address


async def test_an_invoices_id_is_read_and_not_searched() -> None:
    wire = Wire({READ: answer(an_invoice())})
    assert [invoice.ref for invoice in await stripe_over(wire).find(" in_Late ")] == [REF]
    assert wire.asked == [READ]


async def test_a_customers_id_lists_their_invoices_without_a_search() -> None:
    wire = Wire({INVOICES: answer(a_page(an_invoice(), {"id": 5}))})
    assert [invoice.ref for invoice in await stripe_over(wire).find("cus_Acme")] == [REF]
    assert dict(wire.requests[0].url.params) == {"customer": "cus_Acme", "limit": "50"}


@pytest.mark.parametrize("status", [400, 404])
async def test_a_customer_who_does_not_exist_has_no_invoices(status: int) -> None:
    assert await found("cus_Nobody", {INVOICES: refused(status, an_error("resource_missing"))}) == []


async def test_an_address_is_asked_for_as_written_and_in_small_letters() -> None:
    wire = Wire(
        {ADDRESSES: [customers(kind="list"), customers("cus_Acme", kind="list")], INVOICES: answer(a_page(an_invoice()))}
    )
    assert [invoice.ref for invoice in await stripe_over(wire).find("Bo@Acme.example")] == [REF]
    assert [one.url.params.get("email") for one in wire.requests] == ["Bo@Acme.example", "bo@acme.example", None]


async def test_a_refused_look_at_customers_names_the_permission() -> None:
    with pytest.raises(ProviderFailure, match="Customers: Read"):
        await found("bo@acme.example", {ADDRESSES: DENIED})


async def test_a_pasted_link_is_never_fetched() -> None:
    wire = Wire({NUMBERS: NOTHING, NAMES: NOTHING})
    await stripe_over(wire).find("https://evil.example/in_Late")
    assert {request.url.host for request in wire.requests} == {"api.stripe.com"}
    assert set(wire.asked) == {NUMBERS, NAMES}


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"object":"search_result","data":[{"id":7}]}'])
async def test_an_answer_that_is_no_list_of_customers_is_a_failure(body: bytes) -> None:
    with pytest.raises(ProviderFailure):
        await found("Acme", {NUMBERS: NOTHING, NAMES: httpx.Response(200, content=body)})


# --- stored methods


def a_method(identifier: str, kind: str = "card", **changes: Any) -> dict[str, Any]:
    details = {"last4": "1881", "brand": "mastercard", "exp_month": 4, "exp_year": 2027}
    return {"id": identifier, "object": "payment_method", "type": kind, kind: details, "customer": "cus_Acme", **changes}


async def stored(*methods: Any, **invoice: Any) -> list[PaymentMethod]:
    return await stripe_over(Wire({READ: answer(an_invoice(**invoice)), METHODS: answer(a_page(*methods))})).methods(REF)


async def test_a_card_is_told_by_its_brand_number_and_expiry() -> None:
    assert await stored(a_method("pm_A"), a_card("pm_B")) == [
        PaymentMethod("pm_A", "mastercard ending 1881, 04/2027"),
        PaymentMethod("pm_B", "visa ending 4242"),
    ]


async def test_the_invoices_own_default_comes_first() -> None:
    methods = await stored(a_method("pm_A"), a_method("pm_B"), a_method("pm_C"), default_payment_method="pm_B")
    assert [method.id for method in methods] == ["pm_B", "pm_A", "pm_C"]


async def test_only_methods_of_the_customer_that_need_nobody_present_are_listed() -> None:
    methods = await stored(
        a_method("pm_A"),
        a_method("pm_B", "sepa_debit"),
        a_method("pm_C", "card_present"),
        a_method("pm_D", "customer_balance"),
        a_method("pm_E", "something_new"),
        a_method("pm_F", customer="cus_Other"),
    )
    assert [method.id for method in methods] == ["pm_A", "pm_B"]


async def test_an_invoice_without_a_customer_has_no_methods() -> None:
    assert await stored(customer=None) == []


async def test_a_key_that_may_not_read_methods_is_told_which_permission_it_needs() -> None:
    with pytest.raises(ProviderFailure, match="Payment Methods: Read") as caught:
        await stripe_over(Wire({READ: answer(an_invoice()), METHODS: DENIED})).methods(REF)
    assert caught.value.reason is FailureReason.FORBIDDEN


@pytest.mark.parametrize("reply", [httpx.Response(500), httpx.Response(200, content=b"{}"), httpx.ReadTimeout("slow")])
async def test_methods_that_cannot_be_read_are_a_failure_and_never_an_empty_list(reply: Answer) -> None:
    with pytest.raises(ProviderFailure):
        await stripe_over(Wire({READ: answer(an_invoice()), METHODS: reply})).methods(REF)


# --- the PDF


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        ("https://pay.stripe.com/invoice/acct_1/live_abc/pdf?s=ap", True),
        ("https://invoice.stripe.com/i/acct_1/test_abc/pdf", True),
        ("http://pay.stripe.com/invoice/pdf", False),
        ("https://pay.stripe.com.evil.example/pdf", False),
        ("https://pay.stripe.com/invoice|<!channel>", False),
    ],
)
async def test_only_a_pdf_at_the_vendor_itself_is_shown(url: str, is_shown: bool) -> None:
    stripe = stripe_over(Wire({READ: answer(an_invoice(invoice_pdf=url))}))
    if is_shown:
        assert await stripe.pdf(REF) == url
        return
    with pytest.raises(ProviderFailure, match="not known to be safe"):
        await stripe.pdf(REF)


async def test_a_pdf_or_method_of_the_other_mode_is_never_given_away() -> None:
    stripe = stripe_over(Wire({READ: answer(an_invoice(livemode=True))}))
    with pytest.raises(ProviderFailure):
        await stripe.pdf(REF)
    with pytest.raises(ProviderFailure):
        await stripe.methods(REF)
