from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceRef, InvoiceStatus, PaymentMethod, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from tests.providers.samples import (
    AT,
    NOW,
    an_error,
    an_intent,
    an_invoice,
    answer,
    declined_intent,
    expanded,
    refused,
)
from tests.providers.wire import Answer, Wire, an_attempt, an_order, stripe_over

LATE = Invoice(
    ref=InvoiceRef("stripe", "in_Late"),
    status=InvoiceStatus.OPEN,
    provider_status="open",
    owed=Money(42000, "EUR"),
    live=False,
    number="ACME-0007",
    payment=PaymentState.FAILED,
    newest_charge="ch_First",
)
PAY = "POST /v1/invoices/in_Late/pay"
VOID = "POST /v1/invoices/in_Late/void"
WRITE_OFF = "POST /v1/invoices/in_Late/mark_uncollectible"
READ = "GET /v1/invoices/in_Late"


async def retried(reply: Answer, after: httpx.Response | None = None, *, invoice: Invoice = LATE) -> Outcome:
    wire = Wire({PAY: reply, READ: after or httpx.Response(404)})
    outcome = await stripe_over(wire).perform(an_order(invoice))
    assert len(wire.sent) == 1
    return outcome


async def settled(
    now: httpx.Response | Exception,
    action: Action = Action.RETRY,
    charge: httpx.Response | None = None,
    before: Invoice = LATE,
) -> Outcome:
    wire = Wire({READ: now, "GET /v1/charges/ch_Second": charge or httpx.Response(404)})
    outcome = await stripe_over(wire).settle(an_attempt(before, action))
    assert wire.sent == []
    return outcome


def paid(**changes: Any) -> dict[str, Any]:
    intent = an_intent("succeeded", amount_received=42000, latest_charge="ch_Second")
    return expanded(intent, status="paid", amount_remaining=0, amount_paid=42000, **changes)


# --- a retry


async def test_a_paid_invoice_is_success_with_what_was_collected() -> None:
    outcome = await retried(answer(paid()))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(42000, "EUR")
    assert outcome.ours
    assert outcome.request_id == "req_Sample"
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


async def test_what_was_collected_is_the_payments_word_not_what_the_person_saw() -> None:
    intent = an_intent("succeeded", amount_received=40000)
    outcome = await retried(answer(expanded(intent, status="paid", amount_remaining=0)))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(40000, "EUR")


async def test_without_an_expanded_payment_the_difference_was_collected() -> None:
    outcome = await retried(answer(an_invoice(status="paid", amount_remaining=0)))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(42000, "EUR")


async def test_a_retry_asks_for_nothing_but_the_payment_it_wants_to_see() -> None:
    wire = Wire({PAY: answer(paid())})
    await stripe_over(wire).perform(an_order(LATE, key="attempt-9"))
    (request,) = wire.sent
    assert request.content == b"expand%5B%5D=payments.data.payment.payment_intent"
    assert request.headers["idempotency-key"] == "attempt-9"


async def test_a_chosen_method_is_sent_along() -> None:
    wire = Wire({PAY: answer(paid())})
    await stripe_over(wire).perform(an_order(LATE, method="pm_Other"))
    assert b"payment_method=pm_Other" in wire.sent[0].content


async def test_reads_use_the_read_key_and_sends_never_do() -> None:
    wire = Wire({PAY: answer(paid()), READ: answer(paid())})
    stripe = stripe_over(wire, api_key="rk_test_writer", read_key="rk_test_reader")
    await stripe.perform(an_order(LATE))
    await stripe.get(LATE.ref)
    sent, read = wire.requests
    assert sent.headers["authorization"] == "Bearer rk_test_writer"
    assert read.headers["authorization"] == "Bearer rk_test_reader"


async def test_a_bank_debit_under_way_is_pending() -> None:
    assert isinstance(await retried(answer(expanded(an_intent("processing")))), Pending)


async def test_a_payment_that_waits_for_the_customer_is_declined() -> None:
    outcome = await retried(answer(expanded(an_intent("requires_action", payment_method="pm_Old"))))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_AUTHENTICATION


async def test_a_part_payment_is_never_shown_as_paid() -> None:
    intent = an_intent("succeeded", amount_received=2000)
    outcome = await retried(answer(expanded(intent, amount_remaining=40000)))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(2000, "EUR")
    assert outcome.invoice is not None
    assert outcome.invoice.owed == Money(40000, "EUR")


async def test_accepted_without_a_result_is_not_paid() -> None:
    assert isinstance(await retried(answer(an_invoice())), Pending)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200),
        httpx.Response(200, content=b'{"id": "in_La'),
        answer(paid(id="in_Other")),
        answer(paid(livemode=True)),
        answer(an_invoice(status="void")),
        httpx.Response(302, headers={"Location": "/"}),
        httpx.Response(408),
        httpx.Response(500),
        httpx.Response(503, content=b"<html>"),
        refused(424, an_error(None)),
        refused(409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("half"),
    ],
)
async def test_whatever_leaves_doubt_is_unknown(reply: Answer) -> None:
    assert isinstance(await retried(reply), Unknown)


async def test_an_unreadable_answer_keeps_the_request_id_for_stripes_support() -> None:
    outcome = await retried(httpx.Response(200, content=b"<html>", headers={"Request-Id": "req_Odd"}))
    assert outcome.request_id == "req_Odd"


async def test_a_decline_is_told_with_the_card_that_stripe_names() -> None:
    intent = declined_intent("stolen_card")
    error = an_error(decline_code="stolen_card", advice_code="do_not_try_again", payment_intent=intent)
    outcome = await retried(refused(402, error))
    assert isinstance(outcome, Declined)
    assert outcome.decline.is_hard
    assert outcome.decline.confidential
    assert (outcome.decline.method, outcome.decline.method_label) == ("pm_Old", "visa ending 4242")
    assert outcome.request_id == "req_Sample"


async def test_a_decline_that_names_no_card_is_about_the_one_that_was_to_be_charged() -> None:
    invoice = replace(LATE, method=PaymentMethod("pm_Old", "visa ending 4242"))
    outcome = await retried(refused(402, an_error(decline_code="do_not_honor")), invoice=invoice)
    assert isinstance(outcome, Declined)
    assert outcome.decline.method_label == "visa ending 4242"
    wire = Wire({PAY: refused(402, an_error(decline_code="do_not_honor"))})
    outcome = await stripe_over(wire).perform(an_order(invoice, method="pm_Chosen"))
    assert isinstance(outcome, Declined)
    assert outcome.decline.method == "pm_Chosen"


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"error": "no"}', b'{"error": {"code": 7}}'])
async def test_a_decline_without_readable_words_is_unclear(body: bytes) -> None:
    outcome = await retried(httpx.Response(402, content=body))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.UNCLEAR


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (401, an_error(None, type="invalid_request_error"), RejectedReason.UNAUTHORIZED),
        (400, an_error("api_key_expired"), RejectedReason.UNAUTHORIZED),
        (403, an_error(None, type="invalid_request_error"), RejectedReason.FORBIDDEN),
        (404, an_error("resource_missing", param="invoice"), RejectedReason.NOT_FOUND),
        (400, an_error("livemode_mismatch"), RejectedReason.NOT_FOUND),
        (400, an_error(None, type="idempotency_error"), RejectedReason.INVALID_REQUEST),
        (429, an_error("lock_timeout"), RejectedReason.RATE_LIMITED),
        (429, an_error(None), RejectedReason.RATE_LIMITED),
    ],
)
async def test_a_clear_no_is_rejected_for_its_reason(status: int, error: Any, reason: RejectedReason) -> None:
    outcome = await retried(refused(status, error))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert outcome.request_id == "req_Sample"


async def test_a_rate_limit_says_how_long_to_wait() -> None:
    outcome = await retried(refused(429, an_error("rate_limit"), Retry_After="3"))
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (402, an_error("card_declined", decline_code="card_decline_rate_limit_exceeded")),
        (402, an_error("card_decline_rate_limit_exceeded")),
        (429, an_error("payment_intent_rate_limit_exceeded")),
    ],
)
async def test_a_card_that_was_tried_too_often_waits_a_day(status: int, error: Any) -> None:
    outcome = await retried(refused(status, error))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.SOFT
    assert "day" in outcome.decline.advice


async def test_a_method_that_the_customer_does_not_have_is_our_mistake() -> None:
    message = "The customer does not have a payment method with the ID pm_Other."
    wire = Wire({PAY: refused(400, an_error("resource_missing", param="payment_method", message=message))})
    outcome = await stripe_over(wire).perform(an_order(LATE, method="pm_Other"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert "pm_Other" in outcome.detail


# --- refusals because of how the invoice stands: read again, the words are not trusted


PLAIN = refused(400, {"type": "invalid_request_error", "message": "Something about this invoice."})


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (answer(paid()), "is already paid"),
        (answer(an_invoice(status="void")), "is void"),
        (answer(an_invoice(status="draft")), "is draft"),
    ],
)
async def test_a_refusal_by_state_names_the_real_state(now: httpx.Response, words: str) -> None:
    outcome = await retried(PLAIN, now)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert words in outcome.detail
    assert outcome.invoice is not None


async def test_a_refusal_because_a_payment_is_under_way_is_pending() -> None:
    error = an_error("payment_intent_unexpected_state", type="invalid_request_error")
    outcome = await retried(refused(400, error), answer(expanded(an_intent("processing"))))
    assert isinstance(outcome, Pending)


async def test_a_void_refused_because_a_payment_is_under_way_is_no_pending_void() -> None:
    error = an_error("payment_intent_unexpected_state", type="invalid_request_error")
    wire = Wire({VOID: refused(400, error), READ: answer(expanded(an_intent("processing")))})
    outcome = await stripe_over(wire).perform(an_order(LATE, Action.VOID))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE


@pytest.mark.parametrize("status", [400, 404])
async def test_nothing_to_charge_needs_a_new_method(status: int) -> None:
    message = "This customer has no attached payment source or default payment method."
    error = {"type": "invalid_request_error", "code": "resource_missing", "message": message}
    outcome = await retried(refused(status, error), answer(expanded(declined_intent())))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_NEW_METHOD


async def test_a_refusal_that_the_state_does_not_explain_shows_the_vendors_words() -> None:
    outcome = await retried(PLAIN, answer(expanded(declined_intent())))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert "Something about this invoice." in outcome.detail


async def test_a_refusal_stays_a_refusal_when_the_state_cannot_be_read() -> None:
    outcome = await retried(PLAIN, httpx.Response(401))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST


# --- void and write off


@pytest.mark.parametrize(
    ("action", "path", "status"), [(Action.VOID, VOID, "void"), (Action.UNCOLLECTIBLE, WRITE_OFF, "uncollectible")]
)
async def test_an_action_without_money_succeeds_by_its_status(action: Action, path: str, status: str) -> None:
    wire = Wire({path: answer(an_invoice(status=status))})
    outcome = await stripe_over(wire).perform(an_order(LATE, action))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged is None
    assert outcome.invoice is not None
    assert (outcome.invoice.newest_charge, outcome.invoice.payment) == ("ch_First", PaymentState.FAILED)
    assert wire.sent[0].content == b""


@pytest.mark.parametrize(("action", "path"), [(Action.VOID, VOID), (Action.UNCOLLECTIBLE, WRITE_OFF)])
async def test_an_action_that_left_the_invoice_as_it_was_is_unknown(action: Action, path: str) -> None:
    outcome = await stripe_over(Wire({path: answer(an_invoice())})).perform(an_order(LATE, action))
    assert isinstance(outcome, Unknown)


async def test_no_action_without_money_is_told_as_a_decline() -> None:
    wire = Wire({VOID: refused(402, an_error("card_declined")), READ: answer(an_invoice())})
    outcome = await stripe_over(wire).perform(an_order(LATE, Action.VOID))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST


# --- what never leaves


@pytest.mark.parametrize(
    ("invoice", "action", "reason"),
    [
        (replace(LATE, status=InvoiceStatus.DRAFT), Action.RETRY, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, status=InvoiceStatus.PAID), Action.RETRY, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, status=InvoiceStatus.VOID), Action.VOID, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, status=InvoiceStatus.OTHER), Action.VOID, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, status=InvoiceStatus.UNCOLLECTIBLE), Action.UNCOLLECTIBLE, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, collection=CollectionMethod.MANUAL), Action.RETRY, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, payment=PaymentState.PROCESSING), Action.RETRY, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, owed=Money(0, "EUR")), Action.RETRY, RejectedReason.NOT_ACTIONABLE),
        (replace(LATE, live=True), Action.RETRY, RejectedReason.WRONG_MODE),
        (replace(LATE, ref=InvoiceRef("other", "in_Late")), Action.RETRY, RejectedReason.INVALID_REQUEST),
    ],
)
async def test_what_may_not_be_done_is_refused_before_any_request(
    invoice: Invoice, action: Action, reason: RejectedReason
) -> None:
    wire = Wire()
    outcome = await stripe_over(wire).perform(an_order(invoice, action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert wire.requests == []


@pytest.mark.parametrize(
    ("action", "key", "method"),
    [
        (Action.RETRY, "k", "pm_1&forgive=true"),
        (Action.VOID, "k", "pm_1"),
        (Action.RETRY, "", None),
        (Action.RETRY, "a\r\nb", None),
    ],
)
async def test_an_order_that_cannot_be_written_is_refused_before_any_request(
    action: Action, key: str, method: str | None
) -> None:
    wire = Wire()
    outcome = await stripe_over(wire).perform(an_order(LATE, action, key=key, method=method))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert wire.requests == []


# --- settling, by reading only


def second_charge(at: int) -> httpx.Response:
    return answer({"id": "ch_Second", "created": at})


async def test_paid_by_a_new_charge_in_the_time_of_our_request_is_ours() -> None:
    outcome = await settled(answer(paid()), charge=second_charge(AT + 2))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours
    assert outcome.charged == Money(42000, "EUR")


@pytest.mark.parametrize("at", [AT - 3600, AT + 3600])
async def test_paid_by_a_charge_of_another_time_may_be_somebody_elses(at: int) -> None:
    outcome = await settled(answer(paid()), charge=second_charge(at))
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours
    assert outcome.charged is None


async def test_paid_without_a_readable_charge_proves_only_that_it_is_paid() -> None:
    for now in (answer(paid()), answer(an_invoice(status="paid", amount_remaining=0))):
        outcome = await settled(now)
        assert isinstance(outcome, Succeeded)
        assert not outcome.ours


async def test_a_new_charge_that_failed_is_our_decline() -> None:
    intent = an_intent(latest_charge="ch_Second", last_payment_error=an_error(decline_code="lost_card"))
    outcome = await settled(answer(expanded(intent)))
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "lost_card"


async def test_no_new_charge_means_it_was_never_tried() -> None:
    outcome = await settled(answer(expanded(declined_intent())))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


@pytest.mark.parametrize(
    ("intent", "kind"),
    [
        (an_intent("processing", latest_charge="ch_Second"), Pending),
        (an_intent("requires_action"), Declined),
        (an_intent("something_new"), Unknown),
        (an_intent("succeeded", latest_charge="ch_Second"), Unknown),
    ],
)
async def test_other_states_of_the_payment_settle_by_what_they_say(intent: Any, kind: type[Outcome]) -> None:
    assert isinstance(await settled(answer(expanded(intent))), kind)


async def test_a_part_payment_found_later_is_still_not_paid() -> None:
    intent = an_intent("succeeded", latest_charge="ch_Second")
    outcome = await settled(answer(expanded(intent, amount_remaining=40000)))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(2000, "EUR")
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.OPEN


async def test_a_confirmation_asked_for_before_the_retry_is_not_the_retrys_answer() -> None:
    intent = an_intent("requires_action", latest_charge="ch_First")
    outcome = await settled(answer(expanded(intent)), before=replace(LATE, payment=PaymentState.NEEDS_AUTHENTICATION))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_an_invoice_voided_meanwhile_was_not_paid_by_the_retry() -> None:
    outcome = await settled(answer(an_invoice(status="void")))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED
    assert "void" in outcome.detail


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        (Action.VOID, "void", Succeeded),
        (Action.VOID, "open", Rejected),
        (Action.VOID, "paid", Rejected),
        (Action.UNCOLLECTIBLE, "uncollectible", Succeeded),
        (Action.UNCOLLECTIBLE, "open", Rejected),
    ],
)
async def test_an_action_without_money_settles_by_status(action: Action, status: str, kind: type[Outcome]) -> None:
    assert isinstance(await settled(answer(an_invoice(status=status)), action), kind)


@pytest.mark.parametrize(
    "now",
    [
        httpx.Response(404),
        httpx.Response(500),
        httpx.Response(200, content=b"<html>"),
        httpx.ConnectError("down"),
        answer(an_invoice(livemode=True)),
        answer(an_invoice(status="frozen")),
        answer(an_invoice()),
    ],
)
async def test_what_cannot_be_read_stays_unknown(now: httpx.Response | Exception) -> None:
    assert isinstance(await settled(now), Unknown)


async def test_settling_looks_at_the_time_of_the_last_send_too() -> None:
    attempt = replace(an_attempt(LATE), first_sent_at=NOW - timedelta(minutes=9))
    wire = Wire({READ: answer(paid()), "GET /v1/charges/ch_Second": second_charge(AT - 300)})
    outcome = await stripe_over(wire).settle(attempt)
    assert isinstance(outcome, Succeeded)
    assert outcome.ours
