"""What Braintree shows of a subscription, and answers to reads that make no sense."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.action import Action
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import FailedBecause, Invoice, InvoiceStatus, PaymentMethod, PaymentState
from bot.domain.money import Money
from bot.ports import Unreadable, Window
from bot.providers.braintree import Braintree
from bot.providers.braintree_facts import FACTS
from tests.providers.benches import EURO, read
from tests.providers.braintree_samples import (
    IDS,
    NEW,
    OLD,
    PAST_DUE,
    PRIVATE,
    REF,
    Answer,
    Json,
    data,
    declined,
    error,
    failed,
    over,
    subscription,
    transaction,
)
from tests.providers.samples import NOW

EVERYTHING = Window(None, NOW)


async def shown(wire: Json, newest: Json | None = None, *, thorough: bool = False) -> Invoice:
    provider, _ = over({"Ids": IDS, "Subscription": data(node=wire), "Transactions": data(n0=newest)})
    return await read(provider, REF, thorough=thorough)


async def listed(provider: Braintree, window: Window = EVERYTHING) -> list[Invoice | Unreadable]:
    return [item async for item in provider.failed(window)]


def page(*nodes: Any, after: str | None = None, more: bool | None = None) -> httpx.Response:
    info = {"hasNextPage": after is not None if more is None else more, "endCursor": after}
    return data(recurringBillingSubscriptions={"edges": [{"node": node} for node in nodes], "pageInfo": info})


# --- one subscription


async def test_a_past_due_subscription_is_an_open_invoice_that_says_why_it_failed() -> None:
    invoice = await shown(subscription(), declined("2001", "SOFT", id=OLD, at="03:00:00"), thorough=True)
    assert (invoice.status, invoice.owed, invoice.number, invoice.live) == (InvoiceStatus.OPEN, EURO, REF.id, False)
    assert (invoice.customer_name, invoice.customer_id) == ("Kestrel Rowing", "90210")
    assert (invoice.failed_because, invoice.attempts) == (FailedBecause.PAYMENT_FAILED, 1)
    assert invoice.created_at == datetime(2026, 11, 18, 6, tzinfo=UTC)
    assert invoice.due_at == datetime(2026, 11, 18, tzinfo=UTC)
    assert invoice.next_attempt_at == datetime(2026, 11, 25, tzinfo=UTC)
    assert (invoice.newest_charge, invoice.newest_charge_at) == (OLD, datetime(2026, 11, 21, 3, tzinfo=UTC))
    assert invoice.decline is not None
    assert (invoice.decline.code, invoice.payment) == ("2001", PaymentState.FAILED)
    assert isinstance(invoice.method, PaymentMethod)
    assert invoice.method.label == "visa ending 4321"
    assert invoice.dashboard_url == (
        "https://sandbox.braintreegateway.com/merchants/hx2merchant/transactions/" + f"{OLD[-3:].lower()}legacy"
    )


async def test_it_fails_since_the_first_of_its_newest_states_that_are_past_due() -> None:
    def state(status: str, day: int) -> Json:
        return {"status": status, "timestamp": f"2026-11-{day}T06:00:00Z", "currencyIsoCode": "EUR"}

    history = [state("PAST_DUE", 19), state("PAST_DUE", 16), state("ACTIVE", 12), state("PAST_DUE", 11)]
    invoice = await shown(subscription(statusHistory=history), transaction(id=OLD))
    assert invoice.created_at == datetime(2026, 11, 16, 6, tzinfo=UTC)


async def test_the_transaction_s_own_date_of_the_next_retry_counts_first() -> None:
    invoice = await shown(subscription(), transaction(id=OLD, upcomingRetryDate="2026-11-23"))
    assert invoice.next_attempt_at == datetime(2026, 11, 23, tzinfo=UTC)


async def test_a_payment_method_that_was_replaced_since_is_not_the_declined_one() -> None:
    invoice = await shown(subscription(paymentMethodId="cG1fbmV3"), declined("2004", id=OLD), thorough=True)
    assert isinstance(invoice.method, PaymentMethod)
    assert invoice.charge_is_declined_method is False


@pytest.mark.parametrize(
    ("status", "newest", "expected", "state"),
    [
        ("ACTIVE", "SETTLED", InvoiceStatus.PAID, PaymentState.SUCCEEDED),
        ("ACTIVE", "SETTLEMENT_CONFIRMED", InvoiceStatus.PAID, PaymentState.SUCCEEDED),
        ("ACTIVE", "SUBMITTED_FOR_SETTLEMENT", InvoiceStatus.PAID, PaymentState.PROCESSING),
        ("EXPIRED", "SETTLED", InvoiceStatus.PAID, PaymentState.SUCCEEDED),
        ("ACTIVE", "AUTHORIZED", InvoiceStatus.DRAFT, PaymentState.PROCESSING),
        ("PAST_DUE", "AUTHORIZED", InvoiceStatus.DRAFT, PaymentState.PROCESSING),
        ("ACTIVE", "SETTLEMENT_PENDING", InvoiceStatus.OPEN, PaymentState.PROCESSING),
        ("PAST_DUE", "SUBMITTED_FOR_SETTLEMENT", InvoiceStatus.OPEN, PaymentState.PROCESSING),
        ("ACTIVE", "VOIDED", InvoiceStatus.VOID, PaymentState.NONE),
        ("ACTIVE", "SETTLEMENT_DECLINED", InvoiceStatus.OTHER, PaymentState.FAILED),
        ("ACTIVE", "AUTHORIZATION_EXPIRED", InvoiceStatus.OTHER, PaymentState.FAILED),
        ("EXPIRED", "PROCESSOR_DECLINED", InvoiceStatus.OTHER, PaymentState.FAILED),
        ("PENDING", "SETTLED", InvoiceStatus.DRAFT, PaymentState.SUCCEEDED),
        ("CANCELED", "SETTLED", InvoiceStatus.VOID, PaymentState.SUCCEEDED),
        ("A_NEW_ONE", "SETTLED", InvoiceStatus.OTHER, PaymentState.SUCCEEDED),
        ("PAST_DUE", "A_NEW_ONE", InvoiceStatus.OPEN, PaymentState.UNREAD),
    ],
)
async def test_status_and_newest_payment_together_say_what_can_be_done(
    status: str, newest: str, expected: InvoiceStatus, state: PaymentState
) -> None:
    invoice = await shown(subscription(status, NEW), transaction(newest))
    assert (invoice.status, invoice.payment) == (expected, state)


async def test_a_canceled_subscription_with_a_balance_is_never_paid_and_never_charged() -> None:
    for balance in ("49.00", "0.00"):
        invoice = await shown(subscription("CANCELED", NEW, balance=balance), transaction("SETTLED"))
        assert invoice.status is InvoiceStatus.VOID
        assert not [action for action in Action if FACTS.objection(action, invoice) is None]


async def test_while_money_is_in_flight_it_is_what_a_decision_is_about() -> None:
    """Limits of the policy bind a void by what it takes back, not by the balance that is nothing by then."""
    for status in ("SUBMITTED_FOR_SETTLEMENT", "AUTHORIZED"):
        assert (await shown(subscription("ACTIVE", NEW), transaction(status))).owed == EURO
    assert (await shown(subscription("ACTIVE", NEW), transaction("SETTLED"))).owed == Money(0, "EUR")


async def test_a_credit_of_the_customer_s_is_no_debt() -> None:
    assert (await shown(subscription("ACTIVE", NEW, balance="-12.50"), transaction("SETTLED"))).owed.minor == 0


async def test_a_subscription_without_a_transaction_has_no_customer() -> None:
    invoice = await shown(subscription("PENDING", transactionIds=None))
    assert (invoice.customer_name, invoice.newest_charge, invoice.payment) == (None, None, PaymentState.UNREAD)


@pytest.mark.parametrize(
    ("snapshot", "label"),
    [
        (
            {"__typename": "CreditCardDetails", "brandCode": "AMERICAN_EXPRESS", "last4": "0005"},
            "american express ending 0005",
        ),
        ({"__typename": "CreditCardDetails", "brandCode": None, "last4": None}, "card"),
        ({"__typename": "PayPalTransactionDetails"}, "PayPal account"),
        ({"__typename": "UsBankAccountDetails", "last4": "6789"}, "bank account ending 6789"),
    ],
)
async def test_a_method_is_called_what_a_person_calls_it(snapshot: Json, label: str) -> None:
    invoice = await shown(subscription(), transaction(id=OLD, paymentMethodSnapshot=snapshot), thorough=True)
    assert isinstance(invoice.method, PaymentMethod)
    assert invoice.method.label == label


# --- money


@pytest.mark.parametrize(
    ("balance", "currency", "owed"),
    [
        ("49.99", "USD", Money(4999, "USD")),
        ("49.9", "USD", Money(4990, "USD")),
        ("4200", "JPY", Money(4200, "JPY")),
        ("4200.00", "JPY", Money(4200, "JPY")),
        ("12.340", "KWD", Money(12_340, "KWD")),
        ("12.34", "KWD", Money(12_340, "KWD")),
    ],
)
async def test_a_balance_is_read_exactly(balance: str, currency: str, owed: Money) -> None:
    history = [{"status": "PAST_DUE", "timestamp": None, "currencyIsoCode": currency}]
    assert (await shown(subscription(balance=balance, statusHistory=history), transaction(id=OLD))).owed == owed


@pytest.mark.parametrize(
    ("balance", "currency"),
    [
        ("49.999", "USD"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("49.00", "XTS"),
        ("49.00", "eur"),
        ("4,900.00", "EUR"),
        ("1e3", "EUR"),
        ("NaN", "EUR"),
        ("", "EUR"),
        (49.0, "EUR"),
        (None, "EUR"),
    ],
)
async def test_an_amount_that_could_be_misread_is_not_read_at_all(balance: Any, currency: str) -> None:
    history = [{"status": "PAST_DUE", "timestamp": None, "currencyIsoCode": currency}]
    node = subscription(balance=balance, statusHistory=history)
    with pytest.raises(ProviderFailure) as caught:
        await shown(node, transaction(id=OLD))
    assert caught.value.reason is FailureReason.UNREADABLE
    provider, _ = over({"PastDue": page(node), "Transactions": data(n0=transaction(id=OLD))})
    (item,) = await listed(provider)
    assert isinstance(item, Unreadable)


async def test_without_a_history_the_newest_transaction_names_the_currency() -> None:
    assert (await shown(subscription(statusHistory=None), transaction(id=OLD))).owed == EURO
    with pytest.raises(ProviderFailure):
        await shown(subscription(statusHistory=None), transaction(id=OLD, amount=None))


async def test_money_in_flight_whose_amount_cannot_be_read_is_no_ground_for_a_decision() -> None:
    with pytest.raises(ProviderFailure):
        await shown(
            subscription("ACTIVE", NEW), transaction("AUTHORIZED", amount={"value": "49.00", "currencyCode": "USD"})
        )


# --- ids


async def test_braintree_s_own_id_is_no_second_name_of_a_subscription() -> None:
    provider, _ = over({**PAST_DUE, "Subscription": data(node=subscription(legacyId="somebody"))})
    assert await provider.get(REF) is None


async def test_the_id_of_something_else_is_no_subscription() -> None:
    provider, _ = over({**PAST_DUE, "Subscription": data(node={})})
    assert await provider.get(REF) is None


@pytest.mark.parametrize("found", [None, [], [1], [[]], ["a", "b"], "a"])
async def test_a_look_up_of_ids_that_makes_no_sense_is_a_failure(found: Any) -> None:
    provider, _ = over({**PAST_DUE, "Ids": data(idsFromLegacyIds=found)})
    with pytest.raises(ProviderFailure):
        await provider.get(REF)


async def test_an_id_is_looked_up_once() -> None:
    provider, wire = over(PAST_DUE)
    for _ in range(3):
        await read(provider, REF)
    assert wire.asked.count("Ids") == 1


async def test_another_transaction_than_the_one_that_was_asked_for_is_a_failure() -> None:
    provider, _ = over({**PAST_DUE, "Transactions": data(n0=transaction(id=NEW))})
    with pytest.raises(ProviderFailure):
        await provider.get(REF)


async def test_there_is_no_page_to_pay_at_and_nothing_to_print() -> None:
    provider, wire = over(PAST_DUE)
    assert (await provider.payment_link(REF), await provider.pdf(REF), await provider.methods(REF)) == (None, None, [])
    assert wire.asked == []
    assert FACTS.link_instead
    assert FACTS.pdf_instead


# --- errors of reads


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failed(error("AUTHENTICATION")), FailureReason.UNAUTHORIZED),
        (failed(error("AUTHORIZATION", None, "node"), data={"node": None}), FailureReason.FORBIDDEN),
        (failed(error("RESOURCE_LIMIT")), FailureReason.RATE_LIMITED),
        (failed(error("INTERNAL", None, "node"), data={"node": None}), FailureReason.UNREACHABLE),
        (failed(error("SERVICE_AVAILABILITY")), FailureReason.UNREACHABLE),
        (failed(error("VALIDATION")), FailureReason.REFUSED),
        (failed(error(None)), FailureReason.REFUSED),
        (failed(error("NOT_FOUND")), FailureReason.REFUSED),
        (httpx.Response(401), FailureReason.UNAUTHORIZED),
        (httpx.Response(403), FailureReason.FORBIDDEN),
        (httpx.Response(404, text="<html>"), FailureReason.REFUSED),
        (httpx.Response(429), FailureReason.RATE_LIMITED),
        (httpx.Response(502, text="<html>"), FailureReason.UNREACHABLE),
        (httpx.Response(200, text="<html>"), FailureReason.UNREADABLE),
        (httpx.Response(200, text="[" * 100_000), FailureReason.UNREADABLE),
        (httpx.Response(200, json={"data": None}), FailureReason.UNREADABLE),
        (httpx.Response(200, json={"errors": "no"}), FailureReason.UNREADABLE),
        (httpx.ReadTimeout("slow"), FailureReason.UNREACHABLE),
    ],
)
async def test_an_error_of_a_read_is_a_failure_with_its_reason(answer: Answer, reason: FailureReason) -> None:
    provider, _ = over({**PAST_DUE, "Subscription": answer})
    with pytest.raises(ProviderFailure) as caught:
        await provider.get(REF)
    assert caught.value.reason is reason
    assert PRIVATE not in caught.value.detail


@pytest.mark.parametrize("kind", ["RESOURCE_LIMIT", "INTERNAL", "SERVICE_AVAILABILITY"])
async def test_a_read_is_tried_again_where_the_body_asks_for_it(kind: str) -> None:
    found: Answer = data(node=subscription())
    provider, wire = over({**PAST_DUE, "Subscription": [failed(error(kind)), found]})
    assert (await read(provider, REF)).owed == EURO
    assert wire.asked.count("Subscription") == 2


async def test_a_read_that_was_refused_is_not_tried_again() -> None:
    provider, wire = over({**PAST_DUE, "Subscription": failed(error("AUTHORIZATION"))})
    with pytest.raises(ProviderFailure):
        await provider.get(REF)
    assert wire.asked.count("Subscription") == 1


async def test_customers_and_keys_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as events:
        provider, _ = over(PAST_DUE)
        said = repr(await read(provider, REF, thorough=True)) + repr(provider)
    everything = f"{events} {caplog.text} {said}"
    for private in (PRIVATE, "pub8pub8", "kestrel", "Kestrel", "90210"):
        assert private not in everything
