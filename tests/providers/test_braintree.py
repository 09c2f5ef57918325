"""Braintree's answers to what is sent: a status of 200 throughout, and what it means in the body."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.domain.decline import DeclineClass
from bot.domain.details import Issue
from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.braintree_queries import VERSION
from bot.providers.registry import open_provider
from tests.providers.benches import EURO, read
from tests.providers.braintree_bench import BraintreeBench
from tests.providers.braintree_samples import (
    NEW,
    OLD,
    PAST_DUE,
    PRIVATE,
    REF,
    SETTINGS,
    SUBSCRIPTION_ID,
    Answer,
    Json,
    charged,
    data,
    declined,
    error,
    failed,
    over,
    rejected,
    subscription,
    transaction,
)
from tests.providers.wire import FixedClock, an_order

FIELD = "chargeRecurringBillingSubscription"


async def retried(answer: Answer, **more: Any) -> Outcome:
    provider, wire = over({**PAST_DUE, "Charge": answer, **more})
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert wire.asked.count("Charge") == 1
    return outcome


# --- what is sent


async def test_a_retry_charges_the_balance_that_was_seen_and_has_it_settled() -> None:
    provider, wire = over({**PAST_DUE, "Charge": charged(transaction("SUBMITTED_FOR_SETTLEMENT"))})
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert wire.sent("Charge") == [
        {
            "input": {
                "clientMutationId": "attempt-1",
                "subscriptionId": SUBSCRIPTION_ID,
                "amount": "49.00",
                "submitForSettlement": True,
            }
        }
    ]
    assert outcome == Succeeded(charged=EURO, request_id="6f1c-77")


async def test_every_request_pins_the_version_and_shows_the_keys_by_basic_authentication() -> None:
    provider, wire = over(PAST_DUE)
    await read(provider, REF)
    for request in wire.requests:
        assert str(request.url) == "https://payments.sandbox.braintree-api.com/graphql"
        assert request.headers["braintree-version"] == VERSION
        assert httpx.BasicAuth("pub8pub8", PRIVATE)._auth_header == request.headers["authorization"]


@pytest.mark.parametrize(
    ("owed", "said"), [(Money(4999, "USD"), "49.99"), (Money(4200, "JPY"), "4200"), (Money(12_340, "KWD"), "12.340")]
)
async def test_an_amount_goes_out_as_a_decimal_with_the_decimals_of_its_currency(owed: Money, said: str) -> None:
    bench = BraintreeBench()
    provider, ref = bench.open(), bench.failed_invoice(owed=owed)
    await provider.perform(an_order(await read(provider, ref)))
    (sent,) = [request for request in bench.fake.requests if request.is_mutation]
    assert sent.variables["input"]["amount"] == said


async def test_a_balance_that_has_grown_since_is_not_charged() -> None:
    provider, wire = over({**PAST_DUE, "Charge": charged(transaction("SUBMITTED_FOR_SETTLEMENT"))})
    order = replace(an_order(await read(provider, REF)), expected=Money(2500, "EUR"))
    outcome = await provider.perform(order)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, "EUR 49.00" in outcome.detail) == (RejectedReason.NOT_ACTIONABLE, True)
    assert "Charge" not in wire.asked


@pytest.mark.parametrize(
    "change",
    [{"method": "pm_1"}, {"details": Issue(collect=True)}, {"key": ""}, {"key": "with a space"}, {"key": "k" * 256}],
)
async def test_an_order_that_makes_no_sense_sends_nothing(change: dict[str, Any]) -> None:
    provider, wire = over(PAST_DUE)
    outcome = await provider.perform(replace(an_order(await read(provider, REF)), **change))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert "Charge" not in wire.asked


async def test_an_invoice_of_another_account_or_provider_sends_nothing() -> None:
    provider, wire = over(PAST_DUE)
    invoice = await read(provider, REF)
    for ref in (InvoiceRef("stripe", REF.id), InvoiceRef("braintree", "in_1:x")):
        assert isinstance(await provider.perform(an_order(replace(invoice, ref=ref))), Rejected)
    assert "Charge" not in wire.asked


async def test_a_subscription_whose_id_cannot_be_looked_up_is_not_charged() -> None:
    provider, _ = over(PAST_DUE)
    restarted, wire = over({"Ids": httpx.ReadTimeout("slow")})
    outcome = await restarted.perform(an_order(await read(provider, REF)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE
    assert wire.asked == ["Ids"]


# --- a transaction in the answer


@pytest.mark.parametrize("status", ["SUBMITTED_FOR_SETTLEMENT", "SETTLING", "SETTLEMENT_CONFIRMED", "SETTLED"])
async def test_money_on_its_way_is_paid(status: str) -> None:
    assert await retried(charged(transaction(status))) == Succeeded(charged=EURO, request_id="6f1c-77")


@pytest.mark.parametrize("status", ["SETTLEMENT_PENDING", "AUTHORIZING", "AUTHORIZED"])
async def test_money_that_is_not_collected_yet_is_pending(status: str) -> None:
    outcome = await retried(charged(transaction(status)))
    assert isinstance(outcome, Pending)
    assert ("Capture it" in outcome.detail) is (status == "AUTHORIZED")


async def test_a_decline_is_a_normal_answer() -> None:
    outcome = await retried(charged(declined("2001", "SOFT")))
    assert isinstance(outcome, Declined)
    assert (outcome.decline.kind, outcome.decline.code) == (DeclineClass.SOFT, "2001")
    assert (outcome.decline.method_label, outcome.request_id) == ("visa ending 4321", "6f1c-77")


@pytest.mark.parametrize("code", ["3000", "3009"])
async def test_a_network_that_could_not_be_reached_may_pass_later(code: str) -> None:
    """The vendor's word is final: nothing was taken, and nothing will be."""
    outcome = await retried(charged(declined(code, status="FAILED")))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.SOFT
    assert outcome.decline.reason == "the card network could not be reached"


async def test_a_charge_that_the_processor_has_seen_before_is_read_again() -> None:
    assert isinstance(await retried(charged(declined("2016", "SOFT"))), Pending)


@pytest.mark.parametrize("code", ["4003", "4004", "4006"])
async def test_what_an_earlier_payment_stands_against_is_no_decline(code: str) -> None:
    outcome = await retried(charged(declined(code)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE


async def test_a_merchant_account_that_may_not_make_such_a_charge_is_no_decline() -> None:
    outcome = await retried(charged(rejected("MANUAL_TRANSACTIONS_DISABLED")))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.FORBIDDEN


async def test_a_duplicate_of_a_charge_that_succeeded_is_paid_but_not_by_us() -> None:
    original = data(n0=transaction("SETTLING", id=OLD))
    outcome = await retried(
        charged(rejected("DUPLICATE", duplicate_of={"id": OLD})), Transactions=[PAST_DUE["Transactions"], original]
    )
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


@pytest.mark.parametrize(
    ("of", "original"),
    [
        ({"id": OLD}, data(n0=transaction("PROCESSOR_DECLINED", id=OLD))),
        ({"id": OLD}, data(n0=transaction("AUTHORIZED", id=OLD))),
        ({"id": OLD}, httpx.ReadTimeout("slow")),
        ({"id": OLD}, failed(error("NOT_FOUND", None, "n0"), data={"n0": None})),
        (None, httpx.ReadTimeout("slow")),
    ],
)
async def test_a_duplicate_of_what_cannot_be_seen_as_paid_was_not_done(of: Json | None, original: Answer) -> None:
    first: Answer = data(n0=transaction(id=OLD))
    outcome = await retried(charged(rejected("DUPLICATE", duplicate_of=of)), Transactions=[first, original])
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE


@pytest.mark.parametrize("status", ["NEVER_HEARD_OF", "AUTHORIZATION_EXPIRED", "VOIDED"])
async def test_a_state_that_no_retry_should_come_to_is_never_called_paid(status: str) -> None:
    outcome = await retried(charged(transaction(status)))
    assert isinstance(outcome, Unknown if status == "NEVER_HEARD_OF" else Rejected)


# --- errors in the answer

NULL = {FIELD: None}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failed(error("AUTHENTICATION")), RejectedReason.UNAUTHORIZED),
        (failed(error("AUTHORIZATION", None, FIELD), data=NULL), RejectedReason.FORBIDDEN),
        (failed(error("NOT_FOUND", None, FIELD), data=NULL), RejectedReason.NOT_FOUND),
        (failed(error("RESOURCE_LIMIT")), RejectedReason.RATE_LIMITED),
        (failed(error("NOT_IMPLEMENTED", None, FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("UNSUPPORTED_CLIENT")), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION")), RejectedReason.INVALID_REQUEST),
        (failed(error(None)), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "91528", FIELD), data=NULL), RejectedReason.NOT_FOUND),
        (failed(error("VALIDATION", "91514", FIELD), data=NULL), RejectedReason.FORBIDDEN),
        (failed(error("VALIDATION", "91513", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "91527", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "81531", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "81528", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "81502", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "81503", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (failed(error("VALIDATION", "915232", FIELD), data=NULL), RejectedReason.INVALID_REQUEST),
        (httpx.Response(401, text="<html>"), RejectedReason.UNAUTHORIZED),
        (httpx.Response(403, text="<html>"), RejectedReason.FORBIDDEN),
        (httpx.Response(404, text="<html>"), RejectedReason.NOT_FOUND),
        (httpx.Response(413, text="<html>"), RejectedReason.INVALID_REQUEST),
        (httpx.Response(429, text="<html>"), RejectedReason.RATE_LIMITED),
        (httpx.ConnectError("refused"), RejectedReason.UNREACHABLE),
    ],
)
async def test_a_clear_no_is_one(answer: Answer, reason: RejectedReason) -> None:
    outcome = await retried(answer)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason


@pytest.mark.parametrize(
    "answer",
    [
        failed(error("INTERNAL", None, FIELD), data=NULL),
        failed(error("SERVICE_AVAILABILITY", None, FIELD), data=NULL),
        failed(error("A_NEW_CLASS", None, FIELD), data=NULL),
        failed(error(None, None, FIELD), data=NULL),
        failed(error(None), data=NULL),
        failed(error("VALIDATION", "915235", FIELD), data=NULL),
        failed(error("VALIDATION", "81531", FIELD), error("INTERNAL", None, FIELD), data=NULL),
        failed(error("AUTHORIZATION", None, FIELD, "transaction"), data={FIELD: {"transaction": None}}),
        failed(error("AUTHORIZATION", None, FIELD, "transaction"), data=NULL),
        failed(error("VALIDATION", "81531", FIELD), data={FIELD: {"transaction": None}}),
        failed(error("VALIDATION", None, "somethingElse"), data=NULL),
        failed(data=NULL),
        charged(None),
        data(),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": 5}),
        httpx.Response(200, text="<!doctype html>"),
        httpx.Response(200, text=""),
        httpx.Response(200, text='{"data":{"charge'),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(408),
        httpx.Response(409),
        httpx.Response(500, text="<html>"),
        httpx.Response(503, json={"data": None, "errors": [error("VALIDATION", "81531")]}),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.WriteError("cut"),
    ],
)
async def test_what_does_not_say_that_nothing_was_done_is_unknown(answer: Answer) -> None:
    assert isinstance(await retried(answer), Unknown)


async def test_a_charge_that_is_shown_in_part_is_told_by_what_is_shown() -> None:
    answer = charged(transaction("SETTLING"), errors=[error("INTERNAL", None, FIELD, "transaction", "customer")])
    assert await retried(answer) == Succeeded(charged=EURO, request_id="6f1c-77")


async def test_a_subscription_that_is_not_past_due_any_more_is_told_as_it_is_now() -> None:
    first: Answer = data(node=subscription())
    paid: Answer = data(node=subscription("ACTIVE", NEW, OLD))
    outcome = await retried(
        failed(error("VALIDATION", "91531", FIELD), data=NULL),
        Subscription=[first, paid],
        Transactions=[data(n0=transaction(id=OLD)), data(n0=transaction("SETTLED", source="CONTROL_PANEL"))],
    )
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID
    assert "already paid" in outcome.detail


@pytest.mark.parametrize("code", ["91531", "91504", "91507", "81905"])
async def test_a_state_that_forbids_it_is_not_actionable_even_where_it_cannot_be_read_again(code: str) -> None:
    first: Answer = data(node=subscription())
    answer = failed(error("VALIDATION", code, FIELD), data=NULL)
    outcome = await retried(answer, Subscription=[first, httpx.ReadTimeout("slow")])
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE


async def test_neither_keys_nor_addresses_in_a_message_are_repeated() -> None:
    message = "Basic cHVi0 for pay@kestrel.example failed"
    outcome = await retried(failed(error("VALIDATION", "81503", FIELD, message=message), data=NULL))
    assert isinstance(outcome, Rejected)
    assert "kestrel" not in outcome.detail
    assert "cHVi0" not in outcome.detail


# --- settings


def problem(**change: str) -> str:
    with pytest.raises(UnusableValue) as caught:
        open_provider("bt-eu", "braintree", {**SETTINGS, **change}, FixedClock())
    assert PRIVATE not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": ""}, "RECOUP_ACCOUNTS__BT_EU__MODE is missing"),
        ({"mode": "sandbox"}, "RECOUP_ACCOUNTS__BT_EU__MODE must be test or live"),
        ({"merchant_id": ""}, "MERCHANT_ID is missing"),
        ({"merchant_id": "a/b"}, "MERCHANT_ID is no merchant ID"),
        ({"public_key": ""}, "PUBLIC_KEY is missing"),
        ({"public_key": "a:b"}, "PUBLIC_KEY contains characters"),
        ({"private_key": "with a space"}, "PRIVATE_KEY contains characters"),
        ({"base_url": "https://payments.braintree-api.com/graphql"}, "address for live mode, and mode is test"),
        ({"base_url": "http://payments.example.com/graphql"}, "BASE_URL must start with https"),
        ({"environment": "sandbox"}, "ENVIRONMENT is not a setting of Braintree"),
    ],
)
def test_settings_that_cannot_be_used_are_told_in_a_sentence(change: dict[str, str], words: str) -> None:
    assert words in problem(**change)


async def test_each_mode_has_its_own_host() -> None:
    provider, wire = over(PAST_DUE, mode="live")
    invoice = await read(provider, REF)
    assert wire.requests[0].url.host == "payments.braintree-api.com"
    assert (provider.live, invoice.live) == (True, True)
    assert "https://www.braintreegateway.com/merchants/hx2merchant/" in (invoice.dashboard_url or "")
