from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.domain.decline import DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    MethodToCharge,
    NoMethod,
    PaymentMethod,
    PaymentState,
)
from bot.domain.money import Money
from tests.providers.samples import (
    AT,
    DAY,
    NOW,
    a_card,
    a_page,
    an_error,
    an_intent,
    an_invoice,
    answer,
    declined_intent,
    expanded,
    refused,
)
from tests.providers.wire import Wire, stripe_over

REF = InvoiceRef("stripe", "in_Late")
PATH = "GET /v1/invoices/in_Late"
CUSTOMER = {"id": "cus_Acme", "invoice_settings": {"default_payment_method": "pm_Old"}, "default_source": None}
SUBSCRIPTION = {"id": "sub_Acme", "default_payment_method": None, "default_source": None}
NEIGHBOURS = {"GET /v1/subscriptions/sub_Acme": answer(SUBSCRIPTION), "GET /v1/customers/cus_Acme": answer(CUSTOMER)}


async def seen(body: Any, routes: dict[str, httpx.Response] | None = None, *, thorough: bool = False) -> Invoice:
    wire = Wire({PATH: answer(body), **NEIGHBOURS, **(routes or {})})
    invoice = await stripe_over(wire).get(REF, thorough=thorough)
    assert invoice is not None
    return invoice


async def failure(response: httpx.Response) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await stripe_over(Wire({PATH: response})).get(REF)
    return caught.value


async def test_an_invoice_is_read_with_its_decline() -> None:
    invoice = await seen(expanded(declined_intent()))
    assert invoice.ref == REF
    assert invoice.status is InvoiceStatus.OPEN
    assert invoice.owed == Money(42000, "EUR")
    assert (invoice.number, invoice.customer_name, invoice.customer_id) == ("ACME-0007", "Acme Ltd", "cus_Acme")
    assert invoice.failed_because is FailedBecause.PAYMENT_FAILED
    assert invoice.payment is PaymentState.FAILED
    assert invoice.newest_charge == "ch_First"
    assert invoice.next_attempt_at == NOW + timedelta(days=1)
    assert invoice.decline is not None
    assert (invoice.decline.kind, invoice.decline.code) == (DeclineClass.SOFT, "insufficient_funds")
    assert (invoice.decline.method, invoice.decline.method_label) == ("pm_Old", "visa ending 4242")
    assert invoice.dashboard_url == "https://dashboard.stripe.com/test/invoices/in_Late"


async def test_every_request_carries_version_and_connected_account() -> None:
    wire = Wire({PATH: answer(expanded(None))})
    await stripe_over(wire, stripe_account="acct_12").get(REF)
    (request,) = wire.requests
    assert request.headers["stripe-version"] == "2026-06-24.dahlia"
    assert request.headers["stripe-account"] == "acct_12"
    assert request.url.params["expand[]"] == "payments.data.payment.payment_intent"


async def test_the_connected_account_is_part_of_the_dashboard_link() -> None:
    wire = Wire({PATH: answer(expanded(None, livemode=True))})
    invoice = await stripe_over(wire, api_key="rk_live_x", stripe_account="acct_12").get(REF)
    assert invoice is not None
    assert invoice.dashboard_url == "https://dashboard.stripe.com/acct_12/invoices/in_Late"


async def test_a_stand_in_has_no_dashboard() -> None:
    invoice = await stripe_over(Wire({PATH: answer(expanded(None))}), base_url="http://127.0.0.1:9").get(REF)
    assert invoice is not None
    assert invoice.dashboard_url is None


async def test_no_such_invoice_is_none() -> None:
    assert await stripe_over(Wire()).get(REF) is None


@pytest.mark.parametrize(
    ("currency", "amount", "money"),
    [
        ("jpy", 4200, Money(4200, "JPY")),
        ("kwd", 42125, Money(42125, "KWD")),
        ("usd", 42000, Money(42000, "USD")),
        ("isk", 420000, Money(4200, "ISK")),
        ("ugx", 420000, Money(4200, "UGX")),
        ("mga", 4200, Money(420000, "MGA")),
    ],
)
async def test_money_is_exact_in_every_kind_of_currency(currency: str, amount: int, money: Money) -> None:
    assert (await seen(an_invoice(currency=currency, amount_remaining=amount))).owed == money


@pytest.mark.parametrize(
    ("intent", "state"),
    [
        (an_intent("processing"), PaymentState.PROCESSING),
        (an_intent("requires_capture"), PaymentState.PROCESSING),
        (an_intent("requires_action"), PaymentState.NEEDS_AUTHENTICATION),
        (an_intent("succeeded"), PaymentState.SUCCEEDED),
        (an_intent("requires_payment_method"), PaymentState.NONE),
        (declined_intent(), PaymentState.FAILED),
        (an_intent("requires_a_miracle"), PaymentState.UNREAD),
        ("pi_NotExpanded", PaymentState.UNREAD),
        (None, PaymentState.NONE),
    ],
)
async def test_the_payment_is_what_its_intent_says(intent: Any, state: PaymentState) -> None:
    assert (await seen(expanded(intent))).payment is state


async def test_a_payment_that_was_not_expanded_is_unread_not_absent() -> None:
    assert (await seen(an_invoice())).payment is PaymentState.UNREAD


async def test_the_default_payment_counts_else_the_newest() -> None:
    old = {"is_default": False, "created": 5, "payment": {"payment_intent": an_intent("processing")}}
    default = {"is_default": True, "created": 1, "payment": {"payment_intent": declined_intent()}}
    new = {"is_default": False, "created": 9, "payment": {"payment_intent": an_intent("succeeded")}}
    assert (await seen(an_invoice(payments={"data": [old, default, new]}))).payment is PaymentState.FAILED
    assert (await seen(an_invoice(payments={"data": [new, old]}))).payment is PaymentState.SUCCEEDED


async def test_waiting_for_the_customer_is_a_decline_that_names_the_method() -> None:
    invoice = await seen(expanded(an_intent("requires_action", payment_method="pm_Old")))
    assert invoice.decline is not None
    assert invoice.decline.kind is DeclineClass.NEEDS_AUTHENTICATION
    assert invoice.charge_is_declined_method is True


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({}, FailedBecause.PAYMENT_FAILED),
        ({"attempted": False, "attempt_count": 0}, None),
        ({"attempt_count": 0}, None),
        ({"amount_remaining": 0}, None),
        ({"status": "paid"}, None),
        ({"status": "uncollectible"}, None),
        ({"collection_method": "send_invoice", "attempted": False, "due_date": AT - 1}, FailedBecause.PAST_DUE),
        ({"collection_method": "send_invoice", "attempted": False, "due_date": AT + 1}, None),
        ({"attempted": False, "due_date": AT - 1}, None),
    ],
)
async def test_failed_means_what_the_footer_says(changes: dict[str, Any], because: FailedBecause | None) -> None:
    assert (await seen(an_invoice(**changes))).failed_because is because


async def test_a_payment_under_way_has_not_failed() -> None:
    assert (await seen(expanded(an_intent("processing")))).failed_because is None


async def test_values_that_stripe_may_add_are_tolerated() -> None:
    invoice = await seen(an_invoice(status="frozen", collection_method="by_pigeon", parent=None, new_field={"a": [1]}))
    assert invoice.status is InvoiceStatus.OTHER
    assert invoice.provider_status == "frozen"


async def test_missing_fields_are_tolerated() -> None:
    bare = {"id": "in_Late", "amount_remaining": 5, "currency": "eur", "livemode": False, "status": None}
    invoice = await seen(bare)
    assert invoice.label == "in_Late"
    assert invoice.status is InvoiceStatus.OTHER
    assert invoice.created_at is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>One moment</html>",
        b"",
        b'{"id": "in_Late", "amount_rem',
        b"[]",
        b'{"object": "other"}',
        b"\xff\xfe",
        b'{"id":"in_Late","amount_remaining":1.5,"currency":"eur","livemode":false}',
        b'{"id":"in_Late","amount_remaining":-1,"currency":"eur","livemode":false}',
        b'{"id":"in_Other","amount_remaining":1,"currency":"eur","livemode":false}',
    ],
)
async def test_an_answer_that_is_no_invoice_is_a_failure_not_a_guess(body: bytes) -> None:
    assert (await failure(httpx.Response(200, content=body))).reason is FailureReason.UNREADABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, FailureReason.UNAUTHORIZED),
        (403, FailureReason.FORBIDDEN),
        (429, FailureReason.RATE_LIMITED),
        (500, FailureReason.UNREACHABLE),
        (503, FailureReason.UNREACHABLE),
        (400, FailureReason.REFUSED),
        (302, FailureReason.REFUSED),
    ],
)
async def test_a_read_that_is_refused_says_why(status: int, reason: FailureReason) -> None:
    caught = await failure(refused(status, an_error(None)))
    assert caught.reason is reason
    assert caught.request_id == "req_Sample"


async def test_a_missing_permission_is_named_but_never_a_key() -> None:
    message = "The provided key 'rk_test_*****abcd' lacks 'rak_invoice_read'. Also sk_live_abc, bo@acme.example."
    caught = await failure(refused(403, an_error(None, message=message)))
    assert "rak_invoice_read" in caught.detail
    assert not any(word in caught.detail for word in ("abcd", "sk_live", "bo@"))


async def test_a_wrong_key_names_its_setting() -> None:
    assert "RECOUP_ACCOUNTS__STRIPE__API_KEY" in (await failure(refused(401, an_error(None)))).detail


async def test_without_permission_for_payments_the_invoice_still_shows() -> None:
    def only_plain(request: httpx.Request) -> httpx.Response:
        return refused(403, an_error(None)) if "expand[]" in request.url.params else answer(an_invoice())

    invoice = await stripe_over(Wire({PATH: only_plain})).get(REF)
    assert invoice is not None
    assert invoice.payment is PaymentState.UNREAD


async def test_an_invoice_of_the_other_mode_is_never_shown() -> None:
    caught = await failure(answer(an_invoice(livemode=True)))
    assert caught.reason is FailureReason.WRONG_MODE


# --- what a retry would charge


async def charged(path: str, response: httpx.Response) -> MethodToCharge:
    """What a retry would charge when a neighbour of the invoice answers differently."""
    return (await seen(expanded(declined_intent("stolen_card")), {f"GET /v1/{path}": response})).method


async def test_after_a_hard_decline_the_method_is_read_and_labelled_without_another_request() -> None:
    wire = Wire({PATH: answer(expanded(declined_intent("stolen_card"))), **NEIGHBOURS})
    invoice = await stripe_over(wire).get(REF)
    assert invoice is not None
    assert invoice.method == PaymentMethod("pm_Old", "visa ending 4242")
    assert invoice.charge_is_declined_method is True
    assert not any("payment_methods" in asked for asked in wire.asked)


async def test_after_a_soft_decline_nothing_more_is_read() -> None:
    wire = Wire({PATH: answer(expanded(declined_intent()))})
    await stripe_over(wire).get(REF)
    assert wire.asked == [PATH]


async def test_the_invoices_own_method_comes_first() -> None:
    body = expanded(declined_intent("stolen_card"), default_payment_method="pm_New")
    routes = {"GET /v1/payment_methods/pm_New": answer(a_card("pm_New", "1111"))}
    invoice = await seen(body, routes)
    assert invoice.method == PaymentMethod("pm_New", "visa ending 1111")
    assert invoice.charge_is_declined_method is False


async def test_then_the_subscriptions_then_the_customers_then_the_default_source() -> None:
    of_subscription = answer(SUBSCRIPTION | {"default_payment_method": {"id": "pm_Sub"}})
    assert await charged("subscriptions/sub_Acme", of_subscription) == PaymentMethod("pm_Sub", "pm_Sub")
    of_source = answer({"id": "cus_Acme", "default_source": "card_1", "invoice_settings": None})
    assert await charged("customers/cus_Acme", of_source) == PaymentMethod("card_1", "card_1")


async def test_no_stored_method_is_told_apart_from_one_that_cannot_be_read() -> None:
    nothing = answer({"id": "cus_Acme", "default_source": None})
    assert await charged("customers/cus_Acme", nothing) == NoMethod()
    denied = refused(403, an_error(None))
    assert await charged("customers/cus_Acme", denied) is None
    assert await charged("subscriptions/sub_Acme", denied) is None
    assert await charged("customers/cus_Acme", httpx.Response(200, content=b"<html>")) is None


async def test_a_thorough_read_knows_when_the_newest_charge_was_made() -> None:
    routes = {"GET /v1/charges/ch_First": answer({"id": "ch_First", "created": AT - 60})}
    invoice = await seen(expanded(declined_intent()), routes, thorough=True)
    assert invoice.newest_charge_at == NOW - timedelta(minutes=1)
    assert isinstance(invoice.method, PaymentMethod)


async def test_a_charge_that_cannot_be_read_leaves_its_time_open() -> None:
    invoice = await seen(expanded(declined_intent()), thorough=True)
    assert invoice.newest_charge_at is None


async def test_an_invoice_that_customers_pay_themselves_needs_no_method() -> None:
    body = expanded(declined_intent("stolen_card"), collection_method="send_invoice", due_date=AT - DAY)
    wire = Wire({PATH: answer(body), **NEIGHBOURS})
    invoice = await stripe_over(wire).get(REF, thorough=True)
    assert invoice is not None
    assert invoice.collection is CollectionMethod.MANUAL
    assert invoice.method is None
    assert not any("customers" in asked for asked in wire.asked)


# --- finding and links


async def test_find_asks_for_the_number_with_quotes_escaped() -> None:
    number = "A'7\\B"
    wire = Wire({"GET /v1/invoices/search": answer(a_page(an_invoice(number=number), kind="search_result"))})
    (found,) = await stripe_over(wire).numbered(f" {number} ")
    assert found.number == number
    assert wire.requests[0].url.params["query"] == "number:'A\\'7\\\\B'"


async def test_find_drops_what_only_resembles_the_number() -> None:
    page = a_page(an_invoice(number="ACME-00071"), an_invoice(), {"id": 5}, kind="search_result")
    found = await stripe_over(Wire({"GET /v1/invoices/search": answer(page)})).numbered("acme-0007")
    assert [invoice.number for invoice in found] == ["ACME-0007"]


async def test_finding_nothing_asks_nothing() -> None:
    wire = Wire()
    assert await stripe_over(wire).numbered("  ") == []
    assert wire.requests == []


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_where_search_is_refused_the_sentence_names_the_way_out(status: int) -> None:
    wire = Wire({"GET /v1/invoices/search": refused(status, an_error(None))})
    with pytest.raises(ProviderFailure, match=r"in_…"):
        await stripe_over(wire).numbered("ACME-0007")


@pytest.mark.parametrize(
    ("url", "base_url", "is_shown"),
    [
        ("https://invoice.stripe.com/i/a?s=ap", "https://api.stripe.com", True),
        ("https://pay.stripe.com/i/a", "https://api.stripe.com", True),
        ("http://invoice.stripe.com/i/a", "https://api.stripe.com", False),
        ("https://invoice.stripe.com.evil.example/i", "https://api.stripe.com", False),
        ("https://invoice.stripe.com@evil.example/i", "https://api.stripe.com", False),
        ("https://me@invoice.stripe.com/i", "https://api.stripe.com", False),
        ("https://invoice.stripe.com:8443/i", "https://api.stripe.com", False),
        ("https://invoice.stripe.com:port/i", "https://api.stripe.com", False),
        ("https://invoice.stripe.com/i|<!channel>", "https://api.stripe.com", False),
        ("https://invoice.stripe.com/i\n", "https://api.stripe.com", False),
        ("javascript:alert(1)", "https://api.stripe.com", False),
        ("http://127.0.0.1:99/i/a", "http://127.0.0.1:8080", True),
        ("http://localhost:99/i/a", "http://127.0.0.1:8080", True),
        ("http://127.0.0.1:99/i/a", "https://api.stripe.com", False),
    ],
)
async def test_only_links_to_the_vendors_own_pages_are_shown(url: str, base_url: str, is_shown: bool) -> None:
    stripe = stripe_over(Wire({PATH: answer(an_invoice(hosted_invoice_url=url))}), base_url=base_url)
    if is_shown:
        assert await stripe.payment_link(REF) == url
        return
    with pytest.raises(ProviderFailure, match="not known to be safe") as caught:
        await stripe.payment_link(REF)
    assert caught.value.reason is FailureReason.REFUSED


async def test_an_open_invoice_without_a_page_is_no_reason_to_blame_its_status() -> None:
    stripe = stripe_over(Wire({PATH: answer(an_invoice(hosted_invoice_url=None, invoice_pdf=""))}))
    with pytest.raises(ProviderFailure, match="gives no payment page"):
        await stripe.payment_link(REF)
    with pytest.raises(ProviderFailure, match="gives no PDF"):
        await stripe.pdf(REF)
    draft = stripe_over(Wire({PATH: answer(an_invoice(status="draft", hosted_invoice_url=None, invoice_pdf=None))}))
    assert (await draft.payment_link(REF), await draft.pdf(REF)) == (None, None)


async def test_a_link_of_the_other_mode_is_never_given_away() -> None:
    with pytest.raises(ProviderFailure):
        await stripe_over(Wire({PATH: answer(an_invoice(livemode=True))})).payment_link(REF)


async def test_two_reads_of_one_state_have_one_fingerprint() -> None:
    first = await seen(expanded(declined_intent()))
    later = replace(first, next_attempt_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert (await seen(expanded(declined_intent()))).fingerprint == first.fingerprint == later.fingerprint
    assert (await seen(expanded(declined_intent(), amount_remaining=1))).fingerprint != first.fingerprint
