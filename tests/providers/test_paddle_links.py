"""The payment link, which is all that there is instead of a retry, and the PDF: when they are given, and when not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import InvoiceRef
from bot.providers.paddle_facts import FACTS
from tests.providers.paddle_bench import PaddleBench
from tests.providers.paddle_samples import (
    API_KEY,
    HOST,
    ID,
    OTHER,
    PAGE,
    PAGE_HOST,
    READ_KEY,
    REF,
    SUBSCRIPTION,
    Desk,
    Json,
    a_bill,
    a_completed,
    a_renewal,
    answer,
    html,
    refused,
)
from tests.providers.wire import Answer

READ = f"GET /transactions/{ID}"
SUBSCRIBED = f"GET /subscriptions/{SUBSCRIPTION}"
CHANGE = f"GET /subscriptions/{SUBSCRIPTION}/update-payment-method-transaction"
PDF = f"GET /transactions/{ID}/invoice"
FILE = "https://paddle-production-invoice-service-pdfs.s3.amazonaws.com/invoices/1/2/invoice_412-7001.pdf"
WITHOUT_PAGE = a_renewal(checkout={"url": None})


def subscribed(status: str = "past_due", identifier: str = SUBSCRIPTION) -> httpx.Response:
    return answer({"id": identifier, "status": status})


def desk(transaction: Json, routes: dict[str, Answer] | None = None, **settings: object) -> Desk:
    return Desk({READ: answer(transaction), **(routes or {})}, **settings)


async def refusal(at: Desk) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await at.paddle.payment_link(REF)
    return caught.value


# --- the payment page


@pytest.mark.parametrize("transaction", [a_renewal(), a_bill(), a_bill(status="past_due"), a_renewal(subscription_id=None)])
async def test_the_page_that_a_transaction_names_is_given_after_one_fresh_look(transaction: Json) -> None:
    at = desk(transaction)
    assert await at.paddle.payment_link(REF) == PAGE
    assert at.wire.asked == [READ]


@pytest.mark.parametrize(
    "transaction",
    [
        a_renewal(status="completed"),
        a_renewal(status="paid"),
        a_renewal(status="canceled"),
        a_completed(),
        a_bill(status="canceled"),
        a_bill(status="ready"),
        a_bill(status="draft"),
        a_renewal(status="ready", origin="web"),
        a_renewal(status="hibernating"),
    ],
)
async def test_what_is_not_to_be_paid_has_no_page_and_its_subscription_is_not_even_asked_for(transaction: Json) -> None:
    at = desk(transaction | {"checkout": {"url": PAGE}})
    assert await at.paddle.payment_link(REF) is None
    assert at.wire.asked == [READ]


async def test_the_page_of_a_renewal_is_asked_for_only_after_transaction_and_subscription_are_past_due() -> None:
    at = desk(WITHOUT_PAGE, {SUBSCRIBED: subscribed(), CHANGE: answer(a_renewal())}, read_key=READ_KEY)
    assert await at.paddle.payment_link(REF) == PAGE
    assert at.wire.asked == [READ, SUBSCRIBED, CHANGE]
    keys = [request.headers["authorization"] for request in at.wire.requests]
    assert keys == [f"Bearer {READ_KEY}", f"Bearer {READ_KEY}", f"Bearer {API_KEY}"]


@pytest.mark.parametrize("status", ["active", "trialing", "paused", "canceled", "hibernating"])
async def test_a_subscription_that_is_not_past_due_is_never_asked_for_a_page(status: str) -> None:
    """Paddle would make a new transaction over nothing, although it is a GET."""
    at = desk(WITHOUT_PAGE, {SUBSCRIBED: subscribed(status), CHANGE: answer(a_renewal())})
    failure = await refusal(at)
    assert failure.reason is FailureReason.REFUSED
    assert status in failure.detail
    assert CHANGE not in at.wire.asked


async def test_the_call_that_may_write_goes_out_once_even_when_nobody_answers() -> None:
    for silence in (httpx.ReadTimeout("nothing"), httpx.ConnectError("nobody")):
        at = desk(WITHOUT_PAGE, {SUBSCRIBED: subscribed(), CHANGE: silence})
        assert (await refusal(at)).reason is FailureReason.UNREACHABLE
        assert at.wire.asked.count(CHANGE) == 1
    at = desk(WITHOUT_PAGE, {SUBSCRIBED: subscribed(), CHANGE: refused(500, "internal_error")})
    assert (await refusal(at)).reason is FailureReason.UNREACHABLE
    assert at.wire.asked.count(CHANGE) == 1


async def test_a_page_for_another_transaction_is_not_given_and_the_other_one_is_named() -> None:
    other = a_renewal(id=OTHER, checkout={"url": PAGE})
    failure = await refusal(desk(WITHOUT_PAGE, {SUBSCRIBED: subscribed(), CHANGE: answer(other)}))
    assert OTHER in failure.detail
    assert PAGE not in failure.detail


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ({SUBSCRIBED: subscribed(identifier="sub_other")}, "another subscription"),
        ({SUBSCRIBED: refused(404, "not_found")}, "no such object"),
        ({SUBSCRIBED: refused(403, "forbidden")}, "lacks a permission"),
        ({SUBSCRIBED: html()}, "could not be read"),
        ({SUBSCRIBED: subscribed(), CHANGE: refused(403, "forbidden")}, "lacks a permission"),
        (
            {SUBSCRIBED: subscribed(), CHANGE: refused(400, "subscription_not_automatic_collection")},
            "has no card to replace",
        ),
        ({SUBSCRIBED: subscribed(), CHANGE: refused(400, "subscription_is_canceled_action_invalid")}, "Paddle says"),
        ({SUBSCRIBED: subscribed(), CHANGE: refused(400, "subscription_locked_pending_changes")}, "Paddle says"),
        ({SUBSCRIBED: subscribed(), CHANGE: refused(409, "subscription_payment_attempt_pending")}, "already under way"),
        (
            {SUBSCRIBED: subscribed(), CHANGE: refused(400, "transaction_default_checkout_url_not_set")},
            "no default payment page",
        ),
        ({SUBSCRIBED: subscribed(), CHANGE: answer(WITHOUT_PAGE)}, "no payment page"),
        ({SUBSCRIBED: subscribed(), CHANGE: answer(None)}, "could not be read"),
    ],
)
async def test_why_there_is_no_page_is_said(routes: dict[str, Answer], words: str) -> None:
    assert words in (await refusal(desk(WITHOUT_PAGE, routes))).detail


@pytest.mark.parametrize(
    ("transaction", "words"),
    [
        (a_bill(checkout={"url": None}), "to be paid by bank transfer"),
        (a_bill(checkout=None), "to be paid by bank transfer"),
        (a_renewal(status="billed"), "collecting invoice"),
        (a_renewal(checkout=None, subscription_id=None), "no payment page"),
    ],
)
async def test_without_a_page_the_next_best_thing_is_said(transaction: Json, words: str) -> None:
    at = desk(transaction)
    assert words in (await refusal(at)).detail
    assert at.wire.asked == [READ]


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/checkout",
        f"http://{PAGE_HOST}/checkout",
        f"https://{PAGE_HOST}.elsewhere.example/",
        f"https://{PAGE_HOST}@elsewhere.example/",
        f"https://{PAGE_HOST}:8443/",
        "javascript:alert(1)",
        f"https://{PAGE_HOST}/<script>",
    ],
)
async def test_a_page_on_a_host_that_nobody_named_is_not_shown_and_the_setting_is_named(url: str) -> None:
    failure = await refusal(desk(a_renewal(checkout={"url": url})))
    assert "RECOUP_ACCOUNTS__PADDLE__CHECKOUT_HOSTS" in failure.detail
    assert url not in failure.detail


async def test_without_the_setting_no_page_of_a_merchant_is_shown_and_with_it_the_account_names_its_hosts() -> None:
    bare = desk(a_renewal(), checkout_hosts="")
    assert "CHECKOUT_HOSTS" in (await refusal(bare)).detail
    several = desk(a_renewal(), checkout_hosts=f" shop.example.com, {PAGE_HOST.upper()} ")
    assert await several.paddle.payment_link(REF) == PAGE
    assert {"shop.example.com", PAGE_HOST} <= several.paddle.facts.link_hosts
    assert PAGE_HOST not in FACTS.link_hosts


async def test_an_id_of_another_provider_has_no_page_and_asks_for_nothing() -> None:
    at = Desk()
    assert await at.paddle.payment_link(InvoiceRef("paddle", "in_1AbC")) is None
    assert await at.paddle.pdf(InvoiceRef("paddle", "in_1AbC")) is None
    assert at.wire.requests == []


# --- against the fake


async def test_no_link_ever_makes_a_transaction_at_the_fake() -> None:
    bench = PaddleBench()
    refs = [bench.invoice(magic=magic, status=status) for magic in ("renewal", "active_again", "newer_bill", "paid")
            for status in ("open", "paid", "web")]  # fmt: skip
    provider = bench.open()
    told: list[Any] = []
    for ref in refs:
        try:
            told.append(await provider.payment_link(ref))
        except ProviderFailure as failure:
            told.append(failure.detail)
    assert sum(isinstance(one, str) and one.startswith("https://pay.acme.example/") for one in told) == 2
    assert bench.fake.made_by_reading == []


async def test_the_fake_itself_makes_one_when_it_is_asked_for_an_active_subscription() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="active_again")
    at = bench.open()
    subscription = bench.fake.transactions[ref.id].subscription
    await at._http.send("GET", "/subscriptions/{}/update-payment-method-transaction", subscription or "")
    assert len(bench.fake.made_by_reading) == 1


# --- the PDF


async def test_a_pdf_is_a_link_that_is_asked_for_afresh_each_time() -> None:
    at = desk(a_bill(), {PDF: answer({"url": FILE})})
    assert await at.paddle.pdf(REF) == FILE
    assert await at.paddle.pdf(REF) == FILE
    assert at.wire.asked == [PDF, PDF]
    assert dict(at.wire.requests[0].url.params) == {"disposition": "attachment"}


@pytest.mark.parametrize(
    "reply",
    [
        refused(404, "not_found"),
        refused(404, "transaction_invoice_not_found"),
        refused(404, "transaction_invoice_unheard_of"),
        refused(400, "transaction_invoice_not_available"),
        refused(400, "transaction_status_must_be_ready"),
    ],
)
async def test_where_paddle_has_no_pdf_in_this_state_there_is_none_whatever_its_code(reply: httpx.Response) -> None:
    assert await desk(a_renewal(), {PDF: reply}).paddle.pdf(REF) is None


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(400, "invalid_field"), FailureReason.REFUSED),
        (refused(403, "forbidden"), FailureReason.FORBIDDEN),
        (refused(500, "internal_error"), FailureReason.UNREACHABLE),
        (html(404), FailureReason.REFUSED),
        (html(), FailureReason.UNREADABLE),
        (answer({"url": None}), FailureReason.UNREADABLE),
        (answer({"url": "https://elsewhere.example/x.pdf"}), FailureReason.REFUSED),
        (answer({"url": FILE.replace("https", "http")}), FailureReason.REFUSED),
    ],
)
async def test_a_pdf_that_cannot_be_given_is_a_failure_and_not_none(reply: httpx.Response, reason: FailureReason) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await desk(a_bill(), {PDF: reply}).paddle.pdf(REF)
    assert caught.value.reason is reason
    assert HOST not in caught.value.detail
