"""What is peculiar to Lago: what it refuses and why, and what we do not let it do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.details import Issue, Received
from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.lago_orders import marker_of
from bot.providers.registry import open_provider
from tests.providers.benches import read
from tests.providers.bridge import transport_over
from tests.providers.lago_bench import LagoBench
from tests.providers.lago_samples import (
    API_KEY,
    BASE,
    ID,
    NEW_PAYMENT,
    READ_KEY,
    Desk,
    Json,
    a_payment,
    a_wire,
    answer,
    meta,
    one,
    page,
    payments,
    refused,
)
from tests.providers.wire import Answer, FixedClock, an_attempt, an_order

PATHS = {
    Action.RETRY: f"POST /invoices/{ID}/retry_payment",
    Action.RESEND: f"POST /invoices/{ID}/resend_email",
    Action.VOID: f"POST /invoices/{ID}/void",
    Action.FINALIZE: f"PUT /invoices/{ID}/finalize",
    Action.REFRESH: f"PUT /invoices/{ID}/refresh",
    Action.PAID: "POST /payments",
}
DRAFT = one(status="draft", payment_status="pending", number="GLX-DRAFT")
UNDER_WAY = "payment_processor_is_currently_handling_payment"


def desk_for(action: Action, reply: Answer, **routes: Answer | list[Answer]) -> Desk:
    first = DRAFT if action in {Action.FINALIZE, Action.REFRESH} else one()
    return Desk(a_wire({f"GET /invoices/{ID}": first, PATHS[action]: reply, **routes}))


# --- every error of Lago's, and what it is to us

REASONS = RejectedReason
TABLE: list[tuple[Action, httpx.Response, RejectedReason]] = [
    (Action.RETRY, refused(400), REASONS.INVALID_REQUEST),
    (Action.RETRY, refused(401), REASONS.UNAUTHORIZED),
    (Action.RETRY, refused(403, "write_action_not_allowed_for_invoice"), REASONS.FORBIDDEN),
    (Action.RETRY, refused(404, "invoice_not_found"), REASONS.NOT_FOUND),
    (Action.RETRY, refused(405, "invalid_status"), REASONS.NOT_ACTIONABLE),
    (Action.RETRY, refused(422, "validation_errors", payment_method=["invalid"]), REASONS.INVALID_REQUEST),
    (Action.RETRY, refused(429), REASONS.RATE_LIMITED),
    (Action.RETRY, refused(429, "too_many_provider_requests", provider_name="Stripe"), REASONS.RATE_LIMITED),
    (Action.RETRY, answer(b"<html>blocked</html>", 403), REASONS.FORBIDDEN),
    (Action.RESEND, refused(405, "invoice_not_finalized"), REASONS.NOT_ACTIONABLE),
    (Action.RESEND, refused(403, "premium_license_required"), REASONS.FORBIDDEN),
    (Action.RESEND, refused(405, "email_settings_disabled"), REASONS.INVALID_REQUEST),
    (Action.RESEND, refused(422, "validation_errors", to=["invalid_email"]), REASONS.INVALID_REQUEST),
    (Action.RESEND, refused(422, "validation_errors", billing_entity=["must_have_email"]), REASONS.INVALID_REQUEST),
    (Action.RESEND, refused(404), REASONS.INVALID_REQUEST),
    (Action.RESEND, answer(b"<!doctype html>", 404), REASONS.INVALID_REQUEST),
    (Action.RESEND, refused(404, "invoice_not_found"), REASONS.NOT_FOUND),
    (Action.VOID, refused(405, "not_voidable"), REASONS.NOT_ACTIONABLE),
    (Action.VOID, refused(403, "feature_unavailable"), REASONS.FORBIDDEN),
    (Action.FINALIZE, refused(403, "feature_unavailable"), REASONS.FORBIDDEN),
    (Action.FINALIZE, refused(403, "cannot_finalize_with_pending_taxes"), REASONS.FORBIDDEN),
    (Action.FINALIZE, refused(422, "validation_errors", tax_error=["taxDateTooFarInFuture"]), REASONS.INVALID_REQUEST),
    (Action.REFRESH, refused(403, "feature_unavailable"), REASONS.FORBIDDEN),
    (Action.PAID, refused(403, "write_action_not_allowed_for_payment"), REASONS.FORBIDDEN),
    (Action.PAID, refused(404, "invoice_not_found"), REASONS.NOT_FOUND),
    (Action.PAID, refused(422, "validation_errors", amount_cents=["invalid_value"]), REASONS.INVALID_REQUEST),
]


@pytest.mark.parametrize(("action", "reply", "reason"), TABLE)
async def test_every_refusal_is_an_ending_with_a_sentence(
    action: Action, reply: httpx.Response, reason: RejectedReason
) -> None:
    desk = desk_for(action, reply)
    outcome = await desk.perform(action)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert outcome.detail[0].isupper()
    assert outcome.detail.endswith(".")
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"<h1>Oops</h1>", 500),
        refused(500, "void_operation_failed"),
        refused(502),
        refused(408),
        refused(409),
        refused(422, "third_party_error", third_party="tax provider"),
        refused(422, "provider_error"),
        answer(b"", 302),
    ],
)
@pytest.mark.parametrize("action", [Action.VOID, Action.RESEND, Action.RETRY, Action.PAID])
async def test_what_proves_nothing_is_a_doubt_and_is_not_sent_again(action: Action, reply: httpx.Response) -> None:
    desk = desk_for(action, reply)
    assert isinstance(await desk.perform(action), Unknown)
    assert len(desk.sent) == 1


@pytest.mark.parametrize("body", [None, b"{}", b'{"invoice": {}}', b"<p>one moment"])
@pytest.mark.parametrize("action", [Action.VOID, Action.FINALIZE, Action.REFRESH, Action.PAID])
async def test_an_empty_or_odd_200_where_an_object_belongs_is_a_doubt(action: Action, body: bytes | None) -> None:
    assert isinstance(await desk_for(action, answer(body)).perform(action), Unknown)


async def test_a_payment_that_is_running_already_is_pending() -> None:
    assert isinstance(await desk_for(Action.RETRY, refused(405, UNDER_WAY)).perform(Action.RETRY), Pending)


@pytest.mark.parametrize("code", ["missing_payment_provider_customer", "no_linked_payment_provider"])
async def test_a_customer_without_anything_to_charge_needs_a_new_method(code: str) -> None:
    reply = refused(422, "validation_errors", base=[code])
    outcome = await desk_for(Action.RETRY, reply).perform(Action.RETRY)
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_NEW_METHOD


async def test_a_refusal_because_of_the_state_says_what_it_has_become() -> None:
    desk = Desk(
        a_wire(
            {
                PATHS[Action.RETRY]: refused(405, "invalid_status"),
                f"GET /invoices/{ID}": [one(), one(payment_status="succeeded", total_due_amount_cents=0)],
            }
        )
    )
    outcome = await desk.perform(Action.RETRY)
    assert isinstance(outcome, Rejected)
    assert outcome.detail == "Invoice GLX-2026-014 is already paid."
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


async def test_a_wait_that_lago_asks_for_is_handed_on() -> None:
    reply = refused(429)
    reply.headers["X-RateLimit-Reset"] = "7"
    outcome = await desk_for(Action.VOID, reply).perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == 7


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refused(404), "too old"),
        (refused(403, "premium_license_required"), "premium licence"),
        (refused(405, "email_settings_disabled"), "turned off"),
        (refused(422, "validation_errors", to=["must_have_at_least_one_recipient"]), "no e-mail address"),
        (refused(422, "validation_errors", billing_entity=["email"]), "address to send from"),
    ],
)
async def test_an_e_mail_that_cannot_go_is_answered_with_the_next_best_thing(reply: httpx.Response, words: str) -> None:
    outcome = await desk_for(Action.RESEND, reply).perform(Action.RESEND)
    assert isinstance(outcome, Rejected)
    assert words in outcome.detail
    assert outcome.detail.endswith("Give the customer the payment link instead.")


# --- void: money that came or is coming


@pytest.mark.parametrize(
    ("invoice", "rows", "words"),
    [
        ({"payment_status": "succeeded"}, [], "already paid"),
        ({"status": "voided"}, [], "is void"),
        ({"total_paid_amount_cents": 1}, [a_payment()], "is paid already"),
        ({}, [a_payment("succeeded", NEW_PAYMENT, type="manual"), a_payment()], "is paid already"),
        ({"payment_status": "pending"}, [a_payment("processing")], "under way"),
        ({"payment_status": "pending"}, [a_payment("pending")], "under way"),
        ({"payment_status": "pending"}, [a_payment(), a_payment("processing", NEW_PAYMENT)], "under way"),
    ],
)
async def test_a_void_of_money_that_came_or_is_coming_never_leaves(invoice: Json, rows: list[Json], words: str) -> None:
    """Whatever the server would allow, and also when the guard read saw nothing of it."""
    desk = Desk(a_wire())
    order = await desk.order(Action.VOID)
    desk.wire.routes |= {f"GET {BASE}/invoices/{ID}": one(**invoice), f"GET {BASE}/payments": payments(*rows)}
    outcome = await desk.lago.perform(order)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert words in outcome.detail
    assert desk.sent == []


async def test_a_void_whose_payments_are_not_read_in_time_is_not_sent_and_leaves_no_doubt() -> None:
    """Reading for as long as the worker waits would be told as unknown, and nothing had been sent."""
    bench = LagoBench()
    answering = transport_over(bench.fake.respond)
    order = an_order(await read(bench.open(transport=answering), bench.failed_invoice()), Action.VOID)

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        return answer()

    outcome = await bench.open(transport=httpx.MockTransport(silent), patience=0.01).perform(order)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE
    assert "othing was sent" in outcome.detail


async def test_a_void_is_not_sent_where_payments_cannot_be_seen() -> None:
    hidden = {"GET /payments": refused(403, "read_action_not_allowed_for_payment")}
    desk = Desk(a_wire({**hidden, f"GET /invoices/{ID}": one(payment_status="pending")}))
    outcome = await desk.perform(Action.VOID)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.FORBIDDEN
    assert desk.sent == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401), RejectedReason.UNAUTHORIZED),
        (refused(403, "read_action_not_allowed_for_invoice"), RejectedReason.FORBIDDEN),
        (answer(b"<p>maintenance"), RejectedReason.UNREACHABLE),
        (refused(404, "invoice_not_found"), RejectedReason.NOT_FOUND),
    ],
)
async def test_a_void_that_could_not_look_first_is_not_sent(reply: httpx.Response, reason: RejectedReason) -> None:
    desk = Desk(a_wire())
    order = await desk.order(Action.VOID)
    desk.wire.routes[f"GET {BASE}/invoices/{ID}"] = reply
    outcome = await desk.lago.perform(order)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert desk.sent == []


async def test_a_void_asks_for_no_credit_note() -> None:
    desk = desk_for(Action.VOID, one(status="voided", total_due_amount_cents=0))
    assert isinstance(await desk.perform(Action.VOID), Succeeded)
    assert [request.content for request in desk.sent] == [b""]


async def test_an_answer_about_another_invoice_proves_nothing() -> None:
    other = one(lago_id=NEW_PAYMENT, status="voided")
    assert isinstance(await desk_for(Action.VOID, other).perform(Action.VOID), Unknown)


# --- finalize and refresh


async def test_lago_is_not_told_to_leave_out_what_it_always_does() -> None:
    desk = desk_for(Action.FINALIZE, one())
    order = replace(await desk.order(Action.FINALIZE), details=Issue(collect=False))
    outcome = await desk.lago.perform(order)
    assert isinstance(outcome, Rejected)
    assert "always collects" in outcome.detail
    assert desk.sent == []


@pytest.mark.parametrize("status", ["draft", "pending"])
async def test_a_draft_that_waits_for_its_taxes_is_pending(status: str) -> None:
    outcome = await desk_for(Action.FINALIZE, one(status=status)).perform(Action.FINALIZE)
    assert isinstance(outcome, Pending)
    assert "taxes" in outcome.detail


async def test_a_draft_that_somebody_else_finalized_is_told_as_that() -> None:
    desk = Desk(a_wire({f"GET /invoices/{ID}": [DRAFT, one()], PATHS[Action.FINALIZE]: refused(404, "invoice_not_found")}))
    outcome = await desk.perform(Action.FINALIZE)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert outcome.detail == "Invoice GLX-2026-014 is open, its payment failed."


async def test_what_finalizing_sets_off_comes_by_itself() -> None:
    bench = LagoBench()
    provider, ref = bench.open(), bench.invoice_for(Action.FINALIZE)
    order = replace(an_order(await read(provider, ref), Action.FINALIZE), details=Issue(collect=True))
    assert isinstance(await provider.perform(order), Succeeded)
    bench.wait(timedelta(seconds=2))
    assert (bench.collected(ref), bench.mails(ref)) == (4900, 1)


async def test_a_draft_shows_no_number_of_its_own() -> None:
    invoice = await desk_for(Action.REFRESH, DRAFT).invoice()
    assert (invoice.number, invoice.label) == (None, ID)


# --- payments that came another way


async def test_a_recorded_payment_carries_the_persons_reference_and_our_own_mark() -> None:
    desk = desk_for(Action.PAID, answer({"payment": a_payment("succeeded", NEW_PAYMENT, type="manual")}))
    assert isinstance(await desk.perform(Action.PAID), Succeeded)
    (request,) = desk.sent
    assert json.loads(request.content) == {
        "payment": {
            "invoice_id": ID,
            "amount_cents": 31500,
            "reference": f"statement 12, line 3 {marker_of('attempt-1')}",
            "paid_at": "2026-11-21",
        }
    }


@pytest.mark.parametrize("code", ["feature_unavailable", "premium_license_required"])
async def test_without_premium_only_a_whole_payment_can_be_said(code: str) -> None:
    paid = one(payment_status="succeeded", total_due_amount_cents=31500)
    desk = desk_for(Action.PAID, refused(403, code))
    desk.wire.routes[f"PUT {BASE}/invoices/{ID}"] = paid
    outcome = await desk.perform(Action.PAID)
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.status, outcome.invoice.owed) == (InvoiceStatus.PAID, Money(0, "EUR"))
    assert json.loads(desk.sent[-1].content) == {"invoice": {"payment_status": "succeeded"}}


async def test_without_premium_a_part_is_refused_and_nothing_is_marked() -> None:
    desk = desk_for(Action.PAID, refused(403, "feature_unavailable"))
    order = await desk.order(Action.PAID)
    assert isinstance(order.details, Received)
    outcome = await desk.lago.perform(replace(order, details=replace(order.details, amount=Money(100, "EUR"))))
    assert isinstance(outcome, Rejected)
    assert "premium" in outcome.detail
    assert [request.method for request in desk.sent] == ["POST"]


@pytest.mark.parametrize("amount", [Money(31501, "EUR"), Money(0, "EUR"), Money(-5, "EUR"), Money(31500, "USD")])
async def test_an_amount_that_cannot_be_right_is_not_recorded(amount: Money) -> None:
    desk = desk_for(Action.PAID, answer())
    order = await desk.order(Action.PAID)
    assert isinstance(order.details, Received)
    assert isinstance(await desk.lago.perform(replace(order, details=replace(order.details, amount=amount))), Rejected)
    assert desk.sent == []


async def test_a_lost_record_is_found_by_our_mark_on_whichever_page_it_is() -> None:
    desk = Desk(a_wire())
    attempt = an_attempt(await desk.invoice(), Action.PAID)
    ours = a_payment("succeeded", NEW_PAYMENT, type="manual", reference=f"wire {marker_of(attempt.key)}")
    first = answer({"payments": [a_payment()], "meta": meta(1, 2)})
    second = answer({"payments": [ours], "meta": meta(2)})
    desk.wire.routes[f"GET {BASE}/payments"] = [first, second]
    outcome = await desk.lago.settle(attempt)
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


async def test_a_record_that_is_absent_may_be_repeated_unless_the_invoice_is_paid() -> None:
    desk = Desk(a_wire())
    attempt = an_attempt(await desk.invoice(), Action.PAID)
    absent = await desk.lago.settle(attempt)
    assert isinstance(absent, Rejected)
    assert absent.reason is RejectedReason.NOT_APPLIED
    desk.wire.routes[f"GET {BASE}/invoices/{ID}"] = one(payment_status="succeeded")
    paid = await desk.lago.settle(attempt)
    assert isinstance(paid, Succeeded)
    assert not paid.ours


async def test_an_absence_that_this_key_cannot_see_proves_nothing() -> None:
    desk = Desk(a_wire({"GET /payments": refused(403, "read_action_not_allowed_for_payment")}))
    assert isinstance(await desk.lago.settle(an_attempt(await desk.invoice(), Action.PAID)), Unknown)


async def test_a_lost_refresh_is_not_called_undone_where_lago_does_not_tell_when_a_draft_changed() -> None:
    draft = one(status="draft", payment_status="pending", updated_at=None)
    desk = Desk(a_wire({f"GET /invoices/{ID}": draft}))
    assert isinstance(await desk.lago.settle(an_attempt(await desk.invoice(), Action.REFRESH)), Unknown)


async def test_a_long_reference_is_recorded_within_what_lago_takes_and_a_lost_answer_is_still_found() -> None:
    """With a key as the journal makes it: Lago takes 40 characters and refuses the whole payment for one more."""
    bench = LagoBench()
    provider, ref, key = bench.open(), bench.failed_invoice(), f"recoup-{'0123456789abcdef' * 2}"
    before = await read(provider, ref)
    order = an_order(before, Action.PAID, key=key)
    assert isinstance(order.details, Received)
    details = replace(order.details, amount=Money(100, "EUR"), reference="RF18 5390 0754 7034, statement 12 of November")
    bench.break_after_effect("reset")
    assert isinstance(await provider.perform(replace(order, details=details)), Unknown)
    bench.heal()
    outcome = await provider.settle(replace(an_attempt(before, Action.PAID), key=key))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


async def test_parts_add_up_until_the_invoice_is_paid() -> None:
    bench = LagoBench()
    provider, ref = bench.open(), bench.failed_invoice(owed=Money(9800, "JPY"))
    for key, part in (("attempt-1", 9000), ("attempt-2", 800)):
        order = an_order(await read(provider, ref), Action.PAID, key=key)
        assert isinstance(order.details, Received)
        details = replace(order.details, amount=Money(part, "JPY"))
        assert isinstance(await provider.perform(replace(order, details=details)), Succeeded)
    invoice = await read(provider, ref)
    assert (invoice.status, invoice.owed, bench.attempts(ref)) == (InvoiceStatus.PAID, Money(0, "JPY"), 0)


# --- settings


def opened(**values: str) -> Any:
    return open_provider("lago-eu", "lago", {"api_key": API_KEY, "mode": "test", **values}, FixedClock())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mode": ""}, "RECOUP_ACCOUNTS__LAGO_EU__MODE is missing"),
        ({"mode": "sandbox"}, "RECOUP_ACCOUNTS__LAGO_EU__MODE must be test or live"),
        ({"api_key": ""}, "RECOUP_ACCOUNTS__LAGO_EU__API_KEY is missing"),
        ({"api_key": "two words"}, "RECOUP_ACCOUNTS__LAGO_EU__API_KEY contains characters"),
        ({"read_key": "zwölf"}, "RECOUP_ACCOUNTS__LAGO_EU__READ_KEY contains characters"),
        ({"base_url": "http://lago.example.com/api/v1"}, "RECOUP_ACCOUNTS__LAGO_EU__BASE_URL must start with https"),
        ({"stripe_account": "acct_1"}, "is not a setting of Lago; there is api_key"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(values: dict[str, str], words: str) -> None:
    with pytest.raises(UnusableValue) as caught:
        opened(**values)
    assert words in str(caught.value)


@pytest.mark.parametrize(("mode", "live"), [("test", False), ("live", True)])
def test_the_mode_is_what_the_operator_says(mode: str, live: bool) -> None:
    assert opened(mode=mode).live is live


async def test_reads_use_the_reading_key_and_only_sends_the_other() -> None:
    found = {"GET /invoices": page()}
    wire = a_wire({PATHS[Action.RESEND]: answer(), f"POST /invoices/{ID}/payment_url": refused(404), **found})
    desk = Desk(wire, read_key=READ_KEY)
    await desk.perform(Action.RESEND)
    await desk.lago.payment_link((await desk.invoice()).ref)
    await desk.lago.find("Globex")
    for request in wire.requests:
        key = READ_KEY if request.method == "GET" else API_KEY
        assert request.headers["authorization"] == f"Bearer {key}"
        assert "idempotency-key" not in request.headers


async def test_a_wrong_base_url_is_told_as_that() -> None:
    desk = desk_for(Action.REFRESH, answer(b"<!doctype html>", 404))
    outcome: Outcome = await desk.perform(Action.REFRESH)
    assert isinstance(outcome, Rejected)
    assert "RECOUP_ACCOUNTS__LAGO__BASE_URL" in outcome.detail
