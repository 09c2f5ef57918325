"""Stripe's own ways with sending, finalizing and marking as paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceRef, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.stripe_events import PAGES
from bot.providers.stripe_facts import NOT_MAILED
from tests.providers.samples import AT, NOW, an_error, an_intent, an_invoice, answer, declined_intent, expanded, refused
from tests.providers.wire import Answer, Wire, an_attempt, an_order, stripe_over

OPEN = Invoice(
    ref=InvoiceRef("stripe", "in_Late"),
    status=InvoiceStatus.OPEN,
    provider_status="open",
    owed=Money(42000, "EUR"),
    live=False,
    number="ACME-0007",
    payment=PaymentState.FAILED,
    newest_charge="ch_First",
)
MANUAL = replace(OPEN, collection=CollectionMethod.MANUAL, payment=PaymentState.NONE, newest_charge=None)
DRAFT = replace(OPEN, status=InvoiceStatus.DRAFT, provider_status="draft", number=None, payment=PaymentState.NONE)
READ = "GET /v1/invoices/in_Late"
EVENTS = "GET /v1/events"
POSTS = {
    Action.RETRY: "POST /v1/invoices/in_Late/pay",
    Action.RESEND: "POST /v1/invoices/in_Late/send",
    Action.FINALIZE: "POST /v1/invoices/in_Late/finalize",
    Action.PAID: "POST /v1/invoices/in_Late/pay",
}
GUARDED = {Action.RETRY: OPEN, Action.RESEND: MANUAL, Action.FINALIZE: DRAFT, Action.PAID: OPEN}


async def performed(action: Action, reply: Answer, after: Answer | None = None, **changes: Any) -> Outcome:
    wire = Wire({POSTS[action]: reply, READ: after or httpx.Response(404)})
    outcome = await stripe_over(wire).perform(replace(an_order(GUARDED[action], action), **changes))
    assert len(wire.sent) == 1
    return outcome


async def settled(action: Action, now: Answer, events: Answer | list[Answer] | None = None) -> Outcome:
    wire = Wire({READ: now, EVENTS: events or answer(a_page_of())})
    outcome = await stripe_over(wire).settle(an_attempt(GUARDED[action], action))
    assert wire.sent == []
    return outcome


def an_event(invoice: str = "in_Late", key: str | None = "attempt-1", identifier: str = "evt_1") -> dict[str, Any]:
    return {
        "id": identifier,
        "object": "event",
        "type": "invoice.sent",
        "created": AT,
        "data": {"object": {"id": invoice, "object": "invoice"}},
        "request": {"id": "req_1", "idempotency_key": key},
    }


def a_page_of(*events: Any, has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(events), "has_more": has_more, "url": "/v1/events"}


def manual(**changes: Any) -> dict[str, Any]:
    return an_invoice(collection_method="send_invoice", due_date=AT - 60, **changes)


# --- what is sent


@pytest.mark.parametrize(
    ("action", "changes", "form"),
    [
        (Action.RESEND, {}, []),
        (Action.FINALIZE, {"details": Issue(collect=False)}, [("auto_advance", "false")]),
        (Action.FINALIZE, {"details": Issue(collect=True)}, [("auto_advance", "true")]),
        (Action.PAID, {}, [("paid_out_of_band", "true")]),
        (Action.RETRY, {}, [("expand[]", "payments.data.payment.payment_intent")]),
    ],
)
async def test_each_action_sends_exactly_what_it_needs(
    action: Action, changes: dict[str, Any], form: list[tuple[str, str]]
) -> None:
    wire = Wire({POSTS[action]: answer(an_invoice())})
    await stripe_over(wire).perform(replace(an_order(GUARDED[action], action, key="attempt-9"), **changes))
    (request,) = wire.sent
    assert parse_qsl(request.content.decode()) == form
    assert request.headers["idempotency-key"] == "attempt-9"


@pytest.mark.parametrize(
    ("action", "details"),
    [
        (Action.PAID, None),
        (Action.PAID, Issue(collect=True)),
        (Action.FINALIZE, None),
        (Action.RETRY, Issue(collect=True)),
        (Action.RESEND, Issue(collect=False)),
    ],
)
async def test_details_of_another_action_are_refused_before_any_request(action: Action, details: Any) -> None:
    wire = Wire()
    outcome = await stripe_over(wire).perform(replace(an_order(GUARDED[action], action), details=details))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert wire.requests == []


@pytest.mark.parametrize("amount", [Money(41999, "EUR"), Money(42001, "EUR"), Money(42000, "USD")])
async def test_only_the_whole_amount_owed_is_marked_as_paid(amount: Money) -> None:
    order = an_order(replace(OPEN, owed=amount), Action.PAID)
    wire = Wire()
    outcome = await stripe_over(wire).perform(replace(order, invoice=OPEN))
    assert isinstance(outcome, Rejected)
    assert "EUR 420.00" in outcome.detail
    assert wire.requests == []


async def test_a_draft_is_neither_sent_nor_marked_as_paid_for_both_would_finalize_it() -> None:
    wire = Wire()
    for action in (Action.RESEND, Action.PAID, Action.RETRY):
        outcome = await stripe_over(wire).perform(an_order(replace(DRAFT, collection=MANUAL.collection), action))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert wire.requests == []


async def test_refreshing_is_refused_with_what_to_do_instead() -> None:
    outcome = await stripe_over(Wire()).perform(an_order(DRAFT, Action.REFRESH))
    assert isinstance(outcome, Rejected)
    assert "by itself" in outcome.detail


# --- how it ends


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.RESEND, "open"),
        (Action.FINALIZE, "open"),
        (Action.FINALIZE, "paid"),
        (Action.PAID, "paid"),
    ],
)
async def test_an_action_ends_well_in_its_status(action: Action, status: str) -> None:
    outcome = await performed(action, answer(an_invoice(status=status)))
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, outcome.request_id) == (None, "req_Sample")
    assert outcome.invoice is not None
    assert outcome.invoice.provider_status == status


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.RESEND, "void"),
        (Action.RESEND, "draft"),
        (Action.FINALIZE, "draft"),
        (Action.FINALIZE, "frozen"),
        (Action.PAID, "open"),
        (Action.PAID, "uncollectible"),
    ],
)
async def test_an_action_that_was_accepted_but_did_not_show_is_unknown(action: Action, status: str) -> None:
    assert isinstance(await performed(action, answer(an_invoice(status=status))), Unknown)


async def test_marking_as_paid_shows_no_charge_of_its_own() -> None:
    outcome = await performed(Action.PAID, answer(an_invoice(status="paid", amount_remaining=0)))
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.newest_charge, outcome.invoice.owed) == ("ch_First", Money(0, "EUR"))


@pytest.mark.parametrize(
    "code", ["invoice_no_customer_line_items", "invoice_no_payment_method_types", "customer_tax_location_invalid", None]
)
async def test_a_draft_that_cannot_be_finalized_is_to_be_fixed_in_the_dashboard(code: str | None) -> None:
    error = an_error(code, type="invalid_request_error", message="No payment method for bo@acme.example.")
    outcome = await performed(Action.FINALIZE, refused(400, error), answer(an_invoice(status="draft")))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert "fix it in the Stripe dashboard" in outcome.detail
    assert "No payment method" in outcome.detail
    assert "bo@acme" not in outcome.detail


async def test_a_draft_that_somebody_finalized_meanwhile_says_so() -> None:
    error = an_error("invoice_not_editable", type="invalid_request_error")
    outcome = await performed(Action.FINALIZE, refused(400, error), answer(an_invoice(status="open")))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.detail) == (RejectedReason.NOT_ACTIONABLE, "Invoice ACME-0007 is open.")


NOT_MANUAL = refused(
    400,
    {
        "type": "invalid_request_error",
        "message": "You can only manually send an invoice if its collection method is 'send_invoice'.",
    },
)


@pytest.mark.parametrize("after", [answer(an_invoice()), httpx.Response(500)])
async def test_an_invoice_that_stripe_does_not_mail_gets_the_payment_link_instead(after: httpx.Response) -> None:
    outcome = await performed(Action.RESEND, NOT_MANUAL, after)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.detail) == (RejectedReason.NOT_ACTIONABLE, NOT_MAILED)


async def test_a_refused_resend_of_an_invoice_paid_meanwhile_says_that_it_is_paid() -> None:
    outcome = await performed(Action.RESEND, refused(400, an_error(None)), answer(manual(status="paid")))
    assert isinstance(outcome, Rejected)
    assert "already paid" in outcome.detail


async def test_a_refused_resend_that_the_state_does_not_explain_shows_the_vendors_words() -> None:
    error = {"type": "invalid_request_error", "message": "The customer has no address."}
    outcome = await performed(Action.RESEND, refused(400, error), answer(manual()))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert "no address" in outcome.detail


async def test_an_invoice_paid_meanwhile_is_not_marked_again() -> None:
    paid = answer(expanded(an_intent("succeeded", latest_charge="ch_Second"), status="paid", amount_remaining=0))
    outcome = await performed(Action.PAID, refused(400, an_error(None, message="Invoice is already paid")), paid)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert "already paid" in outcome.detail


async def test_an_invoice_with_a_payment_under_way_is_not_marked_as_paid() -> None:
    error = an_error("payment_intent_unexpected_state", type="invalid_request_error")
    outcome = await performed(Action.PAID, refused(400, error), answer(expanded(an_intent("processing"))))
    assert isinstance(outcome, Rejected)
    assert "under way" in outcome.detail


@pytest.mark.parametrize("action", [Action.RESEND, Action.FINALIZE, Action.PAID])
@pytest.mark.parametrize("reply", [httpx.Response(500), httpx.Response(200, content=b"<html>"), httpx.ReadTimeout("slow")])
async def test_whatever_leaves_doubt_is_unknown(action: Action, reply: Answer) -> None:
    assert isinstance(await performed(action, reply), Unknown)


# --- settling


@pytest.mark.parametrize("status", ["open", "paid", "void", "uncollectible"])
async def test_a_draft_no_longer_was_finalized(status: str) -> None:
    assert isinstance(await settled(Action.FINALIZE, answer(an_invoice(status=status))), Succeeded)


@pytest.mark.parametrize(
    ("action", "now"),
    [
        (Action.FINALIZE, an_invoice(status="draft")),
        (Action.PAID, expanded(declined_intent())),
        (Action.PAID, an_invoice(status="void")),
    ],
)
async def test_what_shows_no_effect_was_not_applied(action: Action, now: Any) -> None:
    outcome = await settled(action, answer(now))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


@pytest.mark.parametrize(
    ("events", "is_ours"),
    [
        (answer(a_page_of(an_event())), True),
        (answer(a_page_of(an_event(key="somebody-else"))), False),
        (answer(a_page_of(an_event(key=None))), False),
        (refused(403, an_error(None)), False),
    ],
)
async def test_a_paid_invoice_was_marked_by_us_only_where_an_event_names_our_key(events: Answer, is_ours: bool) -> None:
    outcome = await settled(Action.PAID, answer(an_invoice(status="paid", amount_remaining=0)), events)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (is_ours, None)


async def test_a_mail_is_proved_by_an_event_under_our_key() -> None:
    events = a_page_of(an_event("in_Other", identifier="evt_2"), an_event())
    wire = Wire({READ: answer(manual()), EVENTS: answer(events)})
    outcome = await stripe_over(wire).settle(an_attempt(MANUAL, Action.RESEND))
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    asked = wire.requests[-1].url.params
    assert (asked["type"], asked["limit"]) == ("invoice.sent", "100")
    since = datetime.fromtimestamp(int(asked["created[gte]"]), UTC)
    assert timedelta(0) < NOW - since <= timedelta(minutes=2)


@pytest.mark.parametrize(
    "events",
    [
        a_page_of(),
        a_page_of(an_event("in_Other")),
        a_page_of(an_event(key="somebody-else")),
        a_page_of(an_event() | {"request": None}),
        a_page_of(an_event() | {"request": "req_1"}),
        a_page_of(an_event() | {"data": {"object": None}}),
    ],
)
async def test_a_mail_without_an_event_of_ours_was_not_sent(events: Any) -> None:
    outcome = await settled(Action.RESEND, answer(manual()), answer(events))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


@pytest.mark.parametrize(
    "events",
    [
        refused(403, an_error(None)),
        refused(401, an_error(None)),
        httpx.Response(500),
        httpx.Response(200, content=b"<html>"),
        answer({"object": "list", "data": [{"no": "id"}], "has_more": False}),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_a_mail_stays_unknown_where_events_cannot_be_read(events: Answer) -> None:
    outcome = await settled(Action.RESEND, answer(manual()), events)
    assert isinstance(outcome, Unknown)
    assert outcome.cause == "Stripe does not tell whether the e-mail left"


async def test_events_are_read_page_by_page() -> None:
    first, second = a_page_of(an_event("in_Other", identifier="evt_9"), has_more=True), a_page_of(an_event())
    wire = Wire({READ: answer(manual()), EVENTS: [answer(first), answer(second)]})
    assert isinstance(await stripe_over(wire).settle(an_attempt(MANUAL, Action.RESEND)), Succeeded)
    assert wire.requests[-1].url.params["starting_after"] == "evt_9"


async def test_endless_events_prove_nothing() -> None:
    wire = Wire({READ: answer(manual()), EVENTS: answer(a_page_of(an_event("in_Other"), has_more=True))})
    assert isinstance(await stripe_over(wire).settle(an_attempt(MANUAL, Action.RESEND)), Unknown)
    assert wire.asked.count(EVENTS) == PAGES


@pytest.mark.parametrize("action", [Action.RESEND, Action.FINALIZE, Action.PAID])
async def test_an_invoice_that_cannot_be_read_settles_nothing(action: Action) -> None:
    assert isinstance(await settled(action, httpx.Response(500)), Unknown)
    assert isinstance(await settled(action, httpx.Response(404)), Unknown)
