"""Paddle's transactions as our invoices: statuses, amounts, attempts, dates, and what was written off and not paid."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import CollectionMethod, FailedBecause, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.ports import Unreadable, Window
from bot.providers.paddle_declines import DECLINES
from bot.providers.paddle_facts import FACTS
from bot.providers.wording import scrubbed
from tests.providers.benches import read
from tests.providers.paddle_bench import PaddleBench
from tests.providers.paddle_samples import (
    API_KEY,
    ID,
    REF,
    REQUEST_ID,
    Desk,
    Json,
    a_bill,
    a_completed,
    a_credit,
    a_page,
    a_renewal,
    an_attempt_at,
    answer,
    html,
    refused,
    totals,
)
from tests.providers.samples import NOW

READ = f"GET /transactions/{ID}"
OLD_KEY = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6ab"


async def seen(transaction: Json, **routes: Any) -> Any:
    return await Desk({READ: answer(transaction), **routes}).invoice()


# --- statuses


@pytest.mark.parametrize(
    ("status", "ours", "said"),
    [
        ("draft", InvoiceStatus.DRAFT, "draft"),
        ("ready", InvoiceStatus.DRAFT, "ready"),
        ("billed", InvoiceStatus.OPEN, "billed"),
        ("past_due", InvoiceStatus.OPEN, "past due"),
        ("paid", InvoiceStatus.PAID, "paid"),
        ("completed", InvoiceStatus.PAID, "paid"),
        ("canceled", InvoiceStatus.VOID, "canceled"),
        ("hibernating", InvoiceStatus.OTHER, "hibernating"),
    ],
)
async def test_every_status_of_paddle_is_one_of_ours(status: str, ours: InvoiceStatus, said: str) -> None:
    for transaction in (a_renewal(status=status), a_bill(status=status)):
        invoice = await seen(transaction)
        assert (invoice.status, invoice.provider_status) == (ours, said)


async def test_nothing_is_owed_on_a_canceled_one_although_paddle_shows_a_balance() -> None:
    assert (await seen(a_bill(status="canceled"))).owed == Money(0, "EUR")


# --- written off is not paid


@pytest.mark.parametrize("status", ["paid", "completed"])
@pytest.mark.parametrize(
    ("credit", "said"),
    [
        (a_credit(), "written off, by a full credit"),
        (a_credit("billed twice"), "credited in full"),
        (a_credit(type="partial"), "written off, by a full credit"),
        (a_credit(totals=None), "written off, by a full credit"),
    ],
)
async def test_a_fully_credited_transaction_is_written_off_and_never_paid(status: str, credit: Json, said: str) -> None:
    invoice = await seen(a_completed(status=status), **{"GET /adjustments": a_page(credit)})
    assert (invoice.status, invoice.provider_status) == (InvoiceStatus.UNCOLLECTIBLE, said)
    assert (invoice.owed, invoice.paid) == (Money(0, "EUR"), Money(0, "EUR"))


@pytest.mark.parametrize(
    ("credit", "paid"),
    [
        (a_credit(status="rejected"), 42000),
        (a_credit(status="reversed"), 42000),
        (a_credit(action="refund"), 42000),
        (a_credit(transaction_id="txn_01kxq3v8m6z0fwd7c2r5t9yzzz"), 42000),
        (a_credit(type="partial", totals={"total": "2000"}), 40000),
    ],
)
async def test_what_no_approved_credit_covers_was_paid(credit: Json, paid: int) -> None:
    invoice = await seen(a_completed(), **{"GET /adjustments": a_page(credit)})
    assert (invoice.status, invoice.paid) == (InvoiceStatus.PAID, Money(paid, "EUR"))


async def test_where_credits_may_not_be_read_a_completed_one_is_called_neither_paid_nor_written_off() -> None:
    invoice = await seen(a_completed(), **{"GET /adjustments": refused(403, "forbidden")})
    assert invoice.status is InvoiceStatus.OTHER
    assert invoice.provider_status == "completed: paid or credited in full, which could not be read"


async def test_a_credit_that_makes_no_sense_makes_nothing_paid() -> None:
    with pytest.raises(ProviderFailure, match="credits could not be read"):
        await seen(a_completed(), **{"GET /adjustments": a_page({"id": "adj_1"})})


async def test_credits_are_asked_for_only_where_they_matter_and_for_this_transaction_alone() -> None:
    for transaction in (a_bill(), a_renewal(), a_renewal(status="completed")):
        desk = Desk({READ: answer(transaction)})
        await desk.invoice()
        assert desk.wire.asked == [READ]
    desk = Desk({READ: answer(a_completed())})
    await desk.invoice()
    assert dict(desk.wire.requests[1].url.params) == {"transaction_id": ID, "action": "credit", "per_page": "50"}


async def test_every_page_of_credits_is_read() -> None:
    first, second = a_page(a_credit(status="rejected", id="adj_1"), has_more=True), a_page(a_credit())
    invoice = await seen(a_completed(), **{"GET /adjustments": [first, second]})
    assert invoice.status is InvoiceStatus.UNCOLLECTIBLE


# --- money


@pytest.mark.parametrize(
    ("minor", "currency", "money"),
    [
        ("42000", "EUR", Money(42000, "EUR")),
        ("4999", "USD", Money(4999, "USD")),
        ("4200", "JPY", Money(4200, "JPY")),
        ("4200", "KRW", Money(4200, "KRW")),
        ("4200", "CLP", Money(4200, "CLP")),
        ("12345", "KWD", Money(12345, "KWD")),
        ("1", "EUR", Money(1, "EUR")),
    ],
)
async def test_an_amount_is_the_text_of_a_whole_number_of_the_smallest_unit(
    minor: str, currency: str, money: Money
) -> None:
    invoice = await seen(a_bill(details=totals(minor, minor), currency_code=currency))
    assert invoice.owed == money


@pytest.mark.parametrize("owed", [Money(4200, "JPY"), Money(12345, "KWD"), Money(4999, "USD"), Money(1, "EUR")])
async def test_money_survives_the_round_trip_through_the_fake(owed: Money) -> None:
    bench = PaddleBench()
    ref = bench.failed_invoice(owed=owed)
    assert (await read(bench.open(), ref)).owed == owed


@pytest.mark.parametrize(
    "broken",
    [
        {"details": totals("420.00")},
        {"details": totals("-1")},
        {"details": {"totals": {"grand_total": "42000"}}},
        {"details": {"totals": {"balance": 42000}}},
        {"currency_code": "XYZ"},
        {"currency_code": None},
        {"payments": [{"status": "error"}]},
        {"id": None},
    ],
)
async def test_an_amount_or_currency_that_cannot_be_true_is_unreadable_and_never_a_guess(broken: Json) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await seen(a_bill(**broken))
    assert caught.value.reason is FailureReason.UNREADABLE
    desk = Desk({"GET /transactions": a_page(a_renewal(**broken), a_renewal(id="txn_01kxq3v8m6z0fwd7c2r5t9yzzz"))})
    listed = [item async for item in desk.paddle.failed(Window(datetime(2026, 11, 1, tzinfo=UTC), NOW))]
    assert any(isinstance(item, Unreadable) for item in listed)
    assert any(not isinstance(item, Unreadable) for item in listed)


# --- attempts and declines

TABLE: list[tuple[str, DeclineClass]] = [
    ("declined", DeclineClass.SOFT),
    ("not_enough_balance", DeclineClass.SOFT),
    ("issuer_unavailable", DeclineClass.SOFT),
    ("psp_error", DeclineClass.SOFT),
    ("unknown", DeclineClass.SOFT),
    ("system_error", DeclineClass.SOFT),
    ("declined_not_retryable", DeclineClass.HARD),
    ("blocked_card", DeclineClass.HARD),
    ("fraud", DeclineClass.HARD),
    ("invalid_amount", DeclineClass.HARD),
    ("transaction_not_permitted", DeclineClass.HARD),
    ("canceled", DeclineClass.HARD),
    ("blocked_by_policy", DeclineClass.HARD),
    ("expired_card", DeclineClass.NEEDS_NEW_METHOD),
    ("invalid_payment_details", DeclineClass.NEEDS_NEW_METHOD),
    ("redacted_payment_method", DeclineClass.NEEDS_NEW_METHOD),
    ("preferred_network_not_supported", DeclineClass.NEEDS_NEW_METHOD),
    ("prepaid_card_not_supported", DeclineClass.NEEDS_NEW_METHOD),
    ("authentication_failed", DeclineClass.NEEDS_AUTHENTICATION),
    ("already_canceled", DeclineClass.UNCLEAR),
    ("already_refunded", DeclineClass.UNCLEAR),
]


@pytest.mark.parametrize(("code", "kind"), TABLE)
async def test_every_error_code_of_an_attempt_is_told_as_the_class_that_we_gave_it(code: str, kind: DeclineClass) -> None:
    invoice = await seen(a_renewal(payments=[an_attempt_at(code=code)]))
    assert invoice.decline is not None
    assert (invoice.decline.code, invoice.decline.kind) == (code, kind)
    assert invoice.decline.method_label == "mastercard ending 5454"
    assert "retry" not in invoice.decline.advice


def test_no_code_is_in_the_adapter_that_the_table_here_lacks() -> None:
    assert set(DECLINES) == {code for code, _ in TABLE}


@pytest.mark.parametrize("code", ["solar_flare", None])
async def test_a_code_that_nobody_knows_is_unclear(code: str | None) -> None:
    invoice = await seen(a_renewal(payments=[an_attempt_at(code=code)]))
    assert invoice.decline is not None
    assert invoice.decline.kind is DeclineClass.UNCLEAR


@pytest.mark.parametrize("code", ["blocked_card", "fraud", "blocked_by_policy"])
async def test_what_a_thief_must_not_hear_is_confidential(code: str) -> None:
    invoice = await seen(a_renewal(payments=[an_attempt_at(code=code)]))
    assert invoice.decline is not None
    assert invoice.decline.confidential


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("captured", PaymentState.SUCCEEDED),
        ("error", PaymentState.FAILED),
        ("action_required", PaymentState.NEEDS_AUTHENTICATION),
        ("created", PaymentState.PROCESSING),
        ("authorized", PaymentState.PROCESSING),
        ("authorized_flagged", PaymentState.PROCESSING),
        ("pending_no_action_required", PaymentState.PROCESSING),
        ("canceled", PaymentState.UNREAD),
        ("dropped", PaymentState.UNREAD),
        ("unknown", PaymentState.UNREAD),
        ("levitating", PaymentState.UNREAD),
    ],
)
async def test_the_newest_attempt_tells_how_the_payment_stands(status: str, state: PaymentState) -> None:
    older = an_attempt_at(created_at="2026-11-18T08:00:00Z", payment_attempt_id="old")
    newest = an_attempt_at(status, None)
    for payments in ([newest, older], [older, newest]):
        invoice = await seen(a_renewal(payments=payments))
        assert invoice.payment is state
        assert invoice.newest_charge == newest["payment_attempt_id"]
        assert invoice.newest_charge_at == datetime(2026, 11, 19, 8, 0, 0, 123456, tzinfo=UTC)


async def test_only_attempts_that_ended_in_an_error_are_counted() -> None:
    attempts = [an_attempt_at("dropped", None), an_attempt_at(), an_attempt_at(code="declined")]
    assert (await seen(a_renewal(payments=attempts))).attempts == 2
    assert (await seen(a_renewal(payments=None))).attempts is None


async def test_a_waiting_confirmation_is_told_as_what_the_customer_has_to_do() -> None:
    invoice = await seen(a_renewal(payments=[an_attempt_at("action_required", None)]))
    assert invoice.decline is not None
    assert invoice.decline.kind is DeclineClass.NEEDS_AUTHENTICATION


# --- what failed means, and dates


@pytest.mark.parametrize(
    ("transaction", "because"),
    [
        (a_renewal(), FailedBecause.PAYMENT_FAILED),
        (a_bill(status="past_due"), FailedBecause.PAST_DUE),
        (a_bill(), None),
        (a_renewal(status="billed"), None),
        (a_renewal(status="ready", origin="web"), None),
        (a_renewal(status="completed"), None),
        (a_renewal(status="canceled"), None),
    ],
)
async def test_failed_is_what_is_past_due_and_not_a_card_that_failed_at_a_checkout(
    transaction: Json, because: FailedBecause | None
) -> None:
    assert (await seen(transaction)).failed_because is because


@pytest.mark.parametrize(
    ("terms", "due"),
    [
        ({"interval": "day", "frequency": 14}, datetime(2026, 12, 2, 8, tzinfo=UTC)),
        ({"interval": "week", "frequency": 2}, datetime(2026, 12, 2, 8, tzinfo=UTC)),
        ({"interval": "month", "frequency": 3}, datetime(2027, 2, 18, 8, tzinfo=UTC)),
        ({"interval": "year", "frequency": 1}, datetime(2027, 11, 18, 8, tzinfo=UTC)),
        ({"interval": "fortnight", "frequency": 1}, None),
        ({"interval": "year", "frequency": 99999}, None),
        (None, None),
    ],
)
async def test_a_manual_one_is_due_after_its_terms(terms: Json | None, due: datetime | None) -> None:
    assert (await seen(a_bill(billing_details={"payment_terms": terms}))).due_at == due


async def test_a_month_that_is_shorter_ends_on_its_last_day() -> None:
    terms = {"payment_terms": {"interval": "month", "frequency": 1}}
    invoice = await seen(a_bill(billed_at="2027-01-31T08:00:00Z", billing_details=terms))
    assert invoice.due_at == datetime(2027, 2, 28, 8, tzinfo=UTC)


async def test_an_automatic_one_is_due_when_it_is_billed() -> None:
    invoice = await seen(a_renewal())
    assert invoice.due_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    assert invoice.collection is CollectionMethod.AUTOMATIC
    assert invoice.next_attempt_at is None


async def test_a_date_that_cannot_be_read_costs_nothing_but_itself() -> None:
    invoice = await seen(a_bill(billed_at="soon", created_at="yesterday"))
    assert (invoice.due_at, invoice.created_at, invoice.owed) == (None, None, Money(42000, "EUR"))


async def test_without_a_number_an_invoice_is_named_by_its_id_and_without_a_name_by_its_address() -> None:
    invoice = await seen(a_renewal(customer={"id": "ctm_1", "name": None, "email": "a@b.example"}))
    assert (invoice.label, invoice.customer_name, invoice.customer_email) == (ID, None, "a@b.example")
    assert (await seen(a_renewal(customer=None, customer_id=None))).customer_id is None


@pytest.mark.parametrize(
    ("base", "where"),
    [({}, "https://sandbox-vendors.paddle.com/transactions-v2/"), ({"base_url": "https://paddle.example"}, None)],
)
async def test_the_dashboard_is_linked_only_where_paddle_itself_is_asked(base: dict[str, Any], where: str | None) -> None:
    invoice = await Desk(**base).invoice()
    assert invoice.dashboard_url == (f"{where}{ID}" if where else None)


# --- reads that were answered with something else


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(403, "authentication_missing"), FailureReason.UNAUTHORIZED),
        (refused(403, "authentication_malformed"), FailureReason.UNAUTHORIZED),
        (refused(403, "invalid_token"), FailureReason.UNAUTHORIZED),
        (refused(401, "invalid_token"), FailureReason.UNAUTHORIZED),
        (refused(401, "invalid_access_token"), FailureReason.UNAUTHORIZED),
        (refused(403, "forbidden"), FailureReason.FORBIDDEN),
        (refused(403, "something_new"), FailureReason.FORBIDDEN),
        (refused(429, "too_many_requests", Retry_After="42"), FailureReason.RATE_LIMITED),
        (refused(400, "invalid_field"), FailureReason.REFUSED),
        (refused(500, "internal_error"), FailureReason.UNREACHABLE),
        (refused(503, "temporarily_unavailable"), FailureReason.UNREACHABLE),
        (html(502), FailureReason.UNREACHABLE),
        (html(404), FailureReason.REFUSED),
        (html(), FailureReason.UNREADABLE),
        (httpx.Response(200, content=b'{"data": {"id": "txn'), FailureReason.UNREADABLE),
        (answer(a_bill(id="txn_01kxq3v8m6z0fwd7c2r5t9yzzz")), FailureReason.UNREADABLE),
    ],
)
async def test_an_answer_that_is_not_the_invoice_is_a_failure_of_the_right_kind(
    reply: httpx.Response, reason: FailureReason
) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await Desk({READ: reply}).paddle.get(REF)
    assert caught.value.reason is reason
    assert API_KEY not in caught.value.detail


async def test_a_failure_carries_paddle_s_name_of_the_request_and_the_wait_that_it_asked_for() -> None:
    with pytest.raises(ProviderFailure) as caught:
        await Desk({READ: refused(429, "too_many_requests", Retry_After="42")}).paddle.get(REF)
    assert (caught.value.request_id, caught.value.retry_after) == (REQUEST_ID, 42)


async def test_an_unknown_id_is_none_and_another_provider_s_is_not_even_asked_for() -> None:
    assert await Desk({READ: refused(404, "not_found")}).paddle.get(REF) is None
    desk = Desk()
    for stranger in ("in_1AbC", "txn_short", ID.upper(), "7b0cf1f2-3c0e-4f54-9d7f-2a6f10ad9d01"):
        assert await desk.paddle.get(type(REF)("paddle", stranger)) is None
    assert desk.wire.requests == []


def test_a_key_in_a_message_of_paddle_s_is_not_shown() -> None:
    assert API_KEY not in scrubbed(f"The key {API_KEY} is not allowed")


def test_there_is_no_retry_and_the_reason_names_the_payment_link() -> None:
    assert Action.RETRY not in FACTS.capabilities
    assert "Payment link" in FACTS.instead[Action.RETRY]


async def test_paddle_s_name_of_a_request_is_in_the_log() -> None:
    with capture_logs() as events:
        await Desk().invoice()
    assert [event["request_id"] for event in events if event["event"] == "provider.replied"] == [REQUEST_ID]
