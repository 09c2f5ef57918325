"""What goes out to Paddle, what never does, and what each refusal comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from tests.providers.paddle_samples import (
    ID,
    OTHER,
    REQUEST_ID,
    Desk,
    Json,
    a_bill,
    a_completed,
    a_credit,
    a_renewal,
    an_attempt_at,
    answer,
    html,
    refused,
    totals,
)

READ = f"GET /transactions/{ID}"
PATCH = f"PATCH /transactions/{ID}"
CREDIT = "POST /adjustments"
CANCELED = answer(a_bill(status="canceled"))
READY = answer(a_bill(status="ready", invoice_number=None))
SENDS = {Action.VOID: PATCH, Action.FINALIZE: PATCH, Action.UNCOLLECTIBLE: CREDIT}


def desk_for(action: Action, reply: httpx.Response, **routes: Any) -> Desk:
    return Desk({READ: READY if action is Action.FINALIZE else answer(a_bill()), SENDS[action]: reply, **routes})


def body(desk: Desk) -> tuple[str, Any]:
    (request,) = desk.sent
    return f"{request.method} {request.url.path}", json.loads(request.content)


# --- what goes out


async def test_a_void_sends_the_status_and_not_one_field_more() -> None:
    desk = desk_for(Action.VOID, CANCELED)
    outcome = await desk.perform(Action.VOID, reason="billed twice")
    assert body(desk) == (PATCH, {"status": "canceled"})
    assert isinstance(outcome, Succeeded)
    assert (outcome.request_id, outcome.charged) == (REQUEST_ID, None)
    assert outcome.invoice is not None
    assert (outcome.invoice.status, outcome.invoice.customer_name) == (InvoiceStatus.VOID, "Lantern Works")


async def test_issuing_sends_the_status_and_not_one_field_more() -> None:
    desk = desk_for(Action.FINALIZE, answer(a_bill(invoice_number=None, customer=None)))
    outcome = await desk.perform(Action.FINALIZE)
    assert body(desk) == (PATCH, {"status": "billed"})
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.status, outcome.invoice.label) == (InvoiceStatus.OPEN, ID)


async def test_a_write_off_is_a_full_credit_with_a_tag_and_a_mark_of_ours() -> None:
    desk = desk_for(Action.UNCOLLECTIBLE, answer(a_credit(), 201))
    outcome = await desk.perform(Action.UNCOLLECTIBLE, reason="moved away", key="decision-1-0123456789ab")
    reason = "uncollectible: moved away [0123456789ab]"
    assert body(desk) == (
        CREDIT,
        {"action": "credit", "type": "full", "transaction_id": ID, "reason": reason},
    )
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.status, outcome.invoice.owed) == (InvoiceStatus.UNCOLLECTIBLE, Money(0, "EUR"))


async def test_a_write_off_without_a_reason_still_carries_tag_and_mark() -> None:
    desk = desk_for(Action.UNCOLLECTIBLE, answer(a_credit(), 201))
    await desk.perform(Action.UNCOLLECTIBLE)
    assert body(desk)[1]["reason"] == "uncollectible: written off [attempt-1]"


# --- what never goes out


@pytest.mark.parametrize(
    ("action", "transaction", "words"),
    [
        (Action.RETRY, a_renewal(), "Give the customer the Payment link"),
        (Action.RESEND, a_bill(), "payment link or the PDF"),
        (Action.PAID, a_bill(), "write to Paddle with the invoice's number"),
        (Action.REFRESH, a_bill(status="ready"), "Show the invoice again"),
        (Action.VOID, a_renewal(), "Give the customer the payment link instead."),
        (Action.UNCOLLECTIBLE, a_renewal(), "Give the customer the payment link"),
        (Action.FINALIZE, a_renewal(status="ready", origin="web"), "as soon as the customer pays at the checkout"),
        (Action.VOID, a_bill(status="past_due"), "Invoice 412-7001 is past due."),
        (Action.VOID, a_bill(status="draft"), "is draft."),
        (Action.FINALIZE, a_bill(status="draft"), "is draft."),
        (Action.FINALIZE, a_bill(), "is billed."),
        (Action.UNCOLLECTIBLE, a_bill(status="ready"), "is ready."),
        (Action.VOID, a_bill(payments=[an_attempt_at("authorized", None)]), "is processing a payment."),
        (Action.UNCOLLECTIBLE, a_bill(payments=[an_attempt_at("created", None)]), "is processing a payment."),
        (Action.VOID, a_completed(), "is paid."),
    ],
)
async def test_what_paddle_does_not_do_is_refused_with_the_next_best_thing_before_any_send(
    action: Action, transaction: Json, words: str
) -> None:
    desk = Desk({READ: answer(transaction)})
    outcome = await desk.perform(action)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert words in outcome.detail
    assert desk.sent == []


Change = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda order: replace(order, invoice=replace(order.invoice, ref=InvoiceRef("paddle", "in_1AbC"))),
            "no invoice of Paddle's",
        ),
        (lambda order: replace(order, invoice=replace(order.invoice, ref=InvoiceRef("lago", ID))), "does not belong to"),
        (lambda order: replace(order, invoice=replace(order.invoice, live=True)), "is in test mode"),
        (lambda order: replace(order, method="pm_1"), "charges no payment method"),
        (lambda order: replace(order, details=Issue(collect=True)), "takes no such details"),
        (lambda order: replace(order, key="two words"), "no usable key"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_before_any_send(change: Change, words: str) -> None:
    desk = Desk()
    outcome = await desk.paddle.perform(change(await desk.order(Action.VOID)))
    assert isinstance(outcome, Rejected)
    assert words in outcome.detail
    assert desk.sent == []


@pytest.mark.parametrize("details", [None, Issue(collect=False)])
async def test_issuing_says_that_the_e_mail_cannot_be_left_out(details: Issue | None) -> None:
    desk = Desk({READ: READY})
    outcome = await desk.perform(Action.FINALIZE, details=details)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert desk.sent == []


# --- every refusal that the vendor's pages name

REFUSALS: list[tuple[int, str, RejectedReason]] = [
    (400, "bad_request", RejectedReason.INVALID_REQUEST),
    (400, "invalid_field", RejectedReason.INVALID_REQUEST),
    (400, "invalid_json", RejectedReason.INVALID_REQUEST),
    (400, "invalid_url", RejectedReason.INVALID_REQUEST),
    (405, "method_not_allowed", RejectedReason.INVALID_REQUEST),
    (415, "unsupported_media_type", RejectedReason.INVALID_REQUEST),
    (403, "authentication_missing", RejectedReason.UNAUTHORIZED),
    (403, "authentication_malformed", RejectedReason.UNAUTHORIZED),
    (403, "invalid_token", RejectedReason.UNAUTHORIZED),
    (401, "invalid_access_token", RejectedReason.UNAUTHORIZED),
    (403, "forbidden", RejectedReason.FORBIDDEN),
    (404, "not_found", RejectedReason.NOT_FOUND),
    (400, "transaction_item_not_found", RejectedReason.NOT_FOUND),
    (429, "too_many_requests", RejectedReason.RATE_LIMITED),
    (429, "subscription_immediate_charge_hour_limit_exceeded", RejectedReason.RATE_LIMITED),
    (429, "subscription_immediate_charge_24_hour_limit_exceeded", RejectedReason.RATE_LIMITED),
    (400, "transaction_immutable", RejectedReason.NOT_ACTIONABLE),
    (400, "transaction_invalid_status_change", RejectedReason.NOT_ACTIONABLE),
    (400, "transaction_status_must_be_ready", RejectedReason.NOT_ACTIONABLE),
    (400, "adjustment_transaction_item_has_already_been_fully_adjusted", RejectedReason.NOT_ACTIONABLE),
    (400, "adjustment_transaction_invalid_status_for_credit", RejectedReason.NOT_ACTIONABLE),
    (400, "subscription_is_canceled_action_invalid", RejectedReason.NOT_ACTIONABLE),
    (400, "adjustment_invalid_credit_action", RejectedReason.NOT_ACTIONABLE),
    (400, "subscription_manual_retry_payment_not_allowed", RejectedReason.NOT_ACTIONABLE),
    (400, "subscription_not_automatic_collection", RejectedReason.NOT_ACTIONABLE),
    (400, "subscription_update_when_past_due", RejectedReason.NOT_ACTIONABLE),
    (409, "subscription_outstanding_transaction", RejectedReason.NOT_ACTIONABLE),
    (400, "subscription_locked_pending_changes", RejectedReason.NOT_ACTIONABLE),
    (400, "transaction_cannot_be_modified_and_canceled", RejectedReason.INVALID_REQUEST),
    (400, "transaction_billing_details_object_required", RejectedReason.INVALID_REQUEST),
    (400, "transaction_payment_terms_object_required", RejectedReason.INVALID_REQUEST),
    (400, "transaction_currency_code_not_valid_for_manual", RejectedReason.INVALID_REQUEST),
    (400, "transaction_checkout_url_domain_is_not_approved", RejectedReason.INVALID_REQUEST),
    (400, "transaction_default_checkout_url_not_set", RejectedReason.INVALID_REQUEST),
    (422, "transaction_not_ready_cannot_process_payment", RejectedReason.INVALID_REQUEST),
    (400, "adjustment_pending_refund_request", RejectedReason.INVALID_REQUEST),
    (400, "adjustment_amount_above_remaining_allowed", RejectedReason.INVALID_REQUEST),
    (400, "adjustment_transaction_missing_customer_id", RejectedReason.INVALID_REQUEST),
]


@pytest.mark.parametrize("action", SENDS)
@pytest.mark.parametrize(("status", "code", "reason"), REFUSALS)
async def test_every_refusal_is_a_clear_no_of_the_right_kind(
    action: Action, status: int, code: str, reason: RejectedReason
) -> None:
    outcome = await desk_for(action, refused(status, code)).perform(action)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.request_id) == (reason, REQUEST_ID)
    assert outcome.detail.endswith(".")


@pytest.mark.parametrize(
    "code",
    [
        "conflict",
        "concurrent_modification",
        "transaction_immutable_while_processing_payment",
        "subscription_payment_attempt_pending",
        "subscription_locked_renewal",
        "subscription_locked_processing",
    ],
)
async def test_what_is_under_way_is_pending_and_is_looked_at_again(code: str) -> None:
    outcome = await desk_for(Action.VOID, refused(409, code)).perform(Action.VOID)
    assert isinstance(outcome, Pending)
    assert "was not changed so far" in outcome.detail


@pytest.mark.parametrize(
    "reply",
    [
        refused(409, "something_new"),
        refused(408, "bad_request"),
        refused(500, "internal_error"),
        refused(502, "bad_gateway"),
        refused(503, "service_unavailable"),
        refused(503, "temporarily_unavailable"),
        refused(501, "not_implemented"),
        refused(500, "transaction_immutable"),
        html(502),
        html(302),
        html(),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b'{"data": {"id": "txn_'),
        answer(None),
        answer(a_bill(id=OTHER, status="canceled")),
        answer(a_bill(status="hibernating")),
        answer(a_bill(status="canceled", details=totals("12.50"))),
    ],
)
@pytest.mark.parametrize("action", SENDS)
async def test_what_proves_nothing_is_unknown(action: Action, reply: httpx.Response) -> None:
    assert isinstance(await desk_for(action, reply).perform(action), Unknown)


async def test_a_void_that_is_answered_with_an_open_transaction_is_no_success() -> None:
    outcome = await desk_for(Action.VOID, answer(a_bill())).perform(Action.VOID)
    assert isinstance(outcome, Unknown)
    assert "billed" in outcome.cause


@pytest.mark.parametrize(
    ("credit", "kind"),
    [
        (a_credit(status="pending_approval"), Pending),
        (a_credit(status="rejected"), Unknown),
        (a_credit(transaction_id=OTHER), Unknown),
        (a_credit(action="refund"), Unknown),
        (a_credit(type="partial"), Unknown),
    ],
)
async def test_a_credit_counts_only_when_it_is_the_full_one_that_was_asked_for(credit: Json, kind: type[Outcome]) -> None:
    assert isinstance(await desk_for(Action.UNCOLLECTIBLE, answer(credit, 201)).perform(Action.UNCOLLECTIBLE), kind)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("subscription_payment_declined", DeclineClass.SOFT),
        ("subscription_payment_retry_attempts_exceeded", DeclineClass.HARD),
        ("subscription_missing_payment_method_cannot_retry_payment", DeclineClass.NEEDS_NEW_METHOD),
    ],
)
async def test_codes_of_the_retry_that_paddle_gives_to_few_are_declines(code: str, kind: DeclineClass) -> None:
    outcome = await desk_for(Action.VOID, refused(400, code)).perform(Action.VOID)
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is kind


async def test_a_decline_is_told_in_the_words_of_the_newest_attempt() -> None:
    after = answer(a_bill(payments=[an_attempt_at(code="expired_card")]))
    desk = Desk({READ: [answer(a_bill()), after], PATCH: refused(400, "subscription_payment_declined")})
    outcome = await desk.perform(Action.VOID)
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "expired_card"


async def test_a_refusal_because_of_the_status_shows_the_status_as_it_is_now() -> None:
    desk = Desk({READ: [answer(a_bill()), answer(a_completed())], PATCH: refused(400, "transaction_immutable")})
    outcome = await desk.perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert outcome.detail == "Invoice 412-7001 is already paid, so Paddle refuses this."
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


async def test_a_refusal_whose_reason_cannot_be_read_is_still_a_no() -> None:
    desk = Desk({READ: [answer(a_bill()), refused(500, "internal_error")], PATCH: refused(400, "transaction_immutable")})
    outcome = await desk.perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.invoice) == (RejectedReason.NOT_ACTIONABLE, None)


async def test_a_rate_limit_says_how_long_to_wait() -> None:
    outcome = await desk_for(Action.VOID, refused(429, "too_many_requests", Retry_After="42")).perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.retry_after) == (RejectedReason.RATE_LIMITED, 42)


async def test_a_field_that_is_wrong_is_named_in_paddle_s_words() -> None:
    error = {"code": "invalid_field", "detail": "Not valid.", "errors": [{"field": "reason", "message": "is too long"}]}
    outcome = await desk_for(Action.UNCOLLECTIBLE, httpx.Response(400, json={"error": error})).perform(Action.UNCOLLECTIBLE)
    assert isinstance(outcome, Rejected)
    assert "reason is too long" in outcome.detail
