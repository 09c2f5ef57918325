"""What goes out to Paddle, what each refusal comes to, and what a later read makes of a send whose answer was lost."""

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
from bot.providers.paddle_orders import marker_of
from tests.providers.benches import read
from tests.providers.paddle_bench import PaddleBench
from tests.providers.paddle_samples import (
    ID,
    OTHER,
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
from tests.providers.wire import an_attempt, an_order

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


# --- what a later read makes of a send without an answer


async def settled(
    action: Action, now: Json, *adjustments: Json, before: Json | None = None, routes: dict[str, Any] | None = None
) -> Outcome:
    desk = Desk({READ: answer(before or a_bill())})
    attempt = an_attempt(await desk.invoice(), action)
    return await Desk({READ: answer(now), "GET /adjustments": a_page(*adjustments), **(routes or {})}).paddle.settle(
        attempt
    )


@pytest.mark.parametrize(
    ("action", "now"),
    [
        (Action.VOID, a_bill(status="canceled")),
        (Action.FINALIZE, a_bill()),
        (Action.FINALIZE, a_bill(status="past_due")),
        (Action.FINALIZE, a_bill(status="paid")),
        (Action.FINALIZE, a_completed()),
    ],
)
async def test_a_status_that_the_send_was_to_reach_proves_it(action: Action, now: Json) -> None:
    outcome = await settled(action, now, before=a_bill(status="ready"))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize(
    ("action", "now"),
    [
        (Action.VOID, a_bill()),
        (Action.VOID, a_bill(status="past_due")),
        (Action.VOID, a_completed()),
        (Action.FINALIZE, a_bill(status="ready")),
        (Action.FINALIZE, a_bill(status="canceled")),
        (Action.UNCOLLECTIBLE, a_bill(status="past_due")),
        (Action.UNCOLLECTIBLE, a_bill(status="canceled")),
        (Action.RETRY, a_renewal(status="completed")),
    ],
)
async def test_where_paddle_shows_no_effect_it_was_not_applied(action: Action, now: Json) -> None:
    outcome = await settled(action, now)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_a_status_that_nobody_knows_settles_nothing() -> None:
    for action in (Action.VOID, Action.FINALIZE):
        assert isinstance(await settled(action, a_bill(status="hibernating")), Unknown)


async def test_a_credit_of_ours_is_known_by_its_mark() -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed(), a_credit(f"uncollectible: gone {marker_of('attempt-1')}"))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.UNCOLLECTIBLE


@pytest.mark.parametrize("reason", ["uncollectible: gone [attempt-2]", "billed twice", "gone [attempt-1]"])
async def test_a_full_credit_of_somebody_else_is_done_but_not_by_us(reason: str) -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed(), a_credit(reason))
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_a_completed_one_without_a_credit_was_paid_meanwhile_and_not_written_off() -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed())
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


@pytest.mark.parametrize("status", ["rejected", "reversed"])
async def test_a_credit_of_ours_that_does_not_count_was_not_applied(status: str) -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_bill(status="past_due"), a_credit(status=status))
    assert isinstance(outcome, Rejected)


async def test_a_credit_that_waits_for_approval_is_pending() -> None:
    credit = a_credit(status="pending_approval")
    assert isinstance(await settled(Action.UNCOLLECTIBLE, a_bill(status="past_due"), credit), Pending)


@pytest.mark.parametrize("reply", [refused(403, "forbidden"), refused(500, "internal_error"), html()])
async def test_credits_that_cannot_be_read_settle_nothing(reply: httpx.Response) -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed(), routes={"GET /adjustments": reply})
    assert isinstance(outcome, Unknown)


async def test_an_invoice_that_is_gone_settles_nothing() -> None:
    outcome = await settled(Action.VOID, a_bill(), routes={READ: refused(404, "not_found")})
    assert isinstance(outcome, Unknown)


# --- in the dark, against the fake


@pytest.mark.parametrize("magic", ["act_then_hang", "act_then_reset", "act_then_500", "act_then_html"])
@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE])
async def test_done_and_then_silence_is_found_by_reading_and_not_done_twice(magic: str, action: Action) -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic=magic, status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    assert isinstance(await provider.settle(an_attempt(before, action)), Succeeded)
    assert isinstance(await provider.perform(an_order(before, action)), Rejected)
    assert bench.sends() == 2
    assert len(bench.fake.books.credits_of(ref.id)) == (1 if action is Action.UNCOLLECTIBLE else 0)


@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE])
async def test_silence_without_an_effect_was_not_applied(action: Action) -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE])
async def test_a_payment_that_comes_in_the_dark_is_told_as_paid_and_not_as_our_deed(action: Action) -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    bench.fake.control("pay_elsewhere", {"invoice": ref.id})
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Rejected)
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


async def test_a_credit_by_a_colleague_in_the_dark_is_not_called_ours() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, Action.UNCOLLECTIBLE)), Unknown)
    bench.fake.control("credit_elsewhere", {"invoice": ref.id})
    outcome = await provider.settle(an_attempt(before, Action.UNCOLLECTIBLE))
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_an_effect_that_comes_late_is_found_by_the_next_look() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, Action.VOID)), Unknown)
    assert isinstance(await provider.settle(an_attempt(before, Action.VOID)), Rejected)
    bench.fake.books.cancel(bench.fake.transactions[ref.id])
    assert isinstance(await provider.settle(an_attempt(before, Action.VOID)), Succeeded)


async def test_while_the_customer_pays_nothing_is_changed_and_a_later_look_says_so() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="being_paid", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, Action.VOID)), Pending)
    outcome = await provider.settle(an_attempt(before, Action.VOID))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_turned_away_twice_the_same_order_gets_through() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="rate_limited", status="billed")
    provider = bench.open()
    order = an_order(await read(provider, ref), Action.VOID)
    for _ in range(2):
        limited = await provider.perform(order)
        assert isinstance(limited, Rejected)
        assert limited.reason is RejectedReason.RATE_LIMITED
    assert isinstance(await provider.perform(order), Succeeded)


async def test_paddle_s_own_attempts_on_a_renewal_are_shown_and_never_taken_for_ours() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="insufficient_funds")
    provider = bench.open()
    before = await read(provider, ref)
    bench.fake.control("automatic_attempt", {"invoice": ref.id})
    after = await read(provider, ref)
    assert (before.attempts, after.attempts) == (1, 2)
    assert after.fingerprint != before.fingerprint
    assert isinstance(await provider.settle(an_attempt(before)), Rejected)
