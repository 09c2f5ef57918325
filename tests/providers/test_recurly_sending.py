"""What is sent to Recurly, and what each of its answers means for the send."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.details import PaidBy, Received
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, NoMethod, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.ports import ActionOrder
from tests.providers.benches import read
from tests.providers.recurly_samples import (
    COLLECT,
    ID,
    INVOICE,
    a_charge,
    a_decline,
    a_method,
    a_page,
    an_error,
    an_invoice,
    answered,
    ours,
    recurly_over,
)
from tests.providers.samples import NOW
from tests.providers.wire import Answer, FixedClock, Wire, an_order

REF = InvoiceRef("recurly", ID)
BEFORE = {f"GET {INVOICE}": answered(an_invoice())}
FAILED, SUCCESSFUL = f"PUT {INVOICE}/mark_failed", f"PUT {INVOICE}/mark_successful"
RECORDED = f"POST {INVOICE}/transactions"
METHODS = "GET /accounts/ac1ccccccccc/billing_infos"


async def performed(
    answers: Answer | list[Answer],
    *,
    now: dict[str, Any] | None = None,
    action: Action = Action.RETRY,
    route: str = COLLECT,
    more: dict[str, Answer] | None = None,
) -> tuple[Outcome, Wire]:
    """`now` is the invoice after the send."""
    reads: list[Answer] = [answered(an_invoice()), answered(an_invoice() if now is None else now)]
    provider, wire = recurly_over({f"GET {INVOICE}": reads, route: answers, **(more or {})})
    invoice = await read(provider, REF)
    return await provider.perform(an_order(invoice, action)), wire


def sends(wire: Wire) -> list[httpx.Request]:
    return [request for request in wire.requests if request.method != "GET"]


# --- a collection that was accepted


async def test_a_paid_invoice_tells_what_was_charged_by_our_own_attempt() -> None:
    paid = an_invoice(a_charge(), ours(status="success"), state="paid", balance=0.0, paid=84.5)
    outcome, wire = await performed(answered(paid))
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, outcome.ours, outcome.request_id) == (Money(8450, "EUR"), True, "req-77")
    (request,) = sends(wire)
    assert (request.content, request.headers["idempotency-key"]) == (b"", "attempt-1")


async def test_what_the_gateway_flagged_as_fraud_is_paid_and_said() -> None:
    flagged = ours(status="success", status_code="approved_fraud_review")
    outcome, _ = await performed(answered(an_invoice(flagged, state="paid", balance=0.0)))
    assert isinstance(outcome, Succeeded)
    assert "flagged" in (outcome.detail or "")


async def test_a_bank_debit_is_pending() -> None:
    outcome, _ = await performed(answered(an_invoice(a_charge(), ours(status="processing"), state="processing")))
    assert isinstance(outcome, Pending)


async def test_a_yes_with_a_declined_attempt_is_a_decline() -> None:
    outcome, _ = await performed(answered(an_invoice(a_charge(), ours(status_code="insufficient_funds"))))
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "insufficient_funds"


async def test_a_yes_with_an_attempt_that_the_gateway_left_open_is_unknown() -> None:
    outcome, _ = await performed(answered(an_invoice(a_charge(), ours(status="error", status_code="gateway_timeout"))))
    assert isinstance(outcome, Unknown)
    assert "gw-1" in outcome.cause


async def test_a_yes_without_a_new_attempt_is_no_ending() -> None:
    outcome, _ = await performed(answered(an_invoice()))
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(("state", "ending"), [("past_due", Unknown), ("processing", Pending)])
async def test_a_forced_attempt_of_last_week_is_not_taken_for_ours(state: str, ending: type[Outcome]) -> None:
    """Somebody's forced collection was declined then, and Recurly's own retry is the newest attempt since."""
    of_last_week = ours("tx0ccccccccc", created=NOW - timedelta(days=7))
    outcome, _ = await performed(answered(an_invoice(of_last_week, a_charge(), state=state)))
    assert isinstance(outcome, ending)


async def test_an_invoice_that_is_paid_without_an_attempt_of_ours_is_not_called_ours() -> None:
    outcome, _ = await performed(answered(an_invoice(state="paid", balance=0.0)))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


async def test_another_invoice_in_the_answer_is_no_ending() -> None:
    outcome, _ = await performed(answered(an_invoice(ours(status="success"), state="paid", balance=0.0, id="zz9zzzzzzzzz")))
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("body", ["<html>One moment", "", '{"id": "tz4h', "[]", '{"id": 7}', '{"balance": NaN}'])
async def test_a_yes_that_cannot_be_read_is_unknown(body: str) -> None:
    outcome, wire = await performed(answered(body))
    assert isinstance(outcome, Unknown)
    assert len(sends(wire)) == 1


@pytest.mark.parametrize("balance", ["84.505", "84.5000001", "-1.0", "1e400", '"84.50"', "true", "null"])
async def test_an_amount_that_cannot_be_true_is_never_rounded_and_ends_nothing(balance: str) -> None:
    paid = json.dumps(an_invoice(a_charge(), ours(status="success"))).replace('"balance": 84.5', f'"balance": {balance}')
    outcome, _ = await performed(answered(paid))
    assert isinstance(outcome, Unknown)


# --- a collection that was refused


async def test_a_decline_names_the_card_that_the_stored_attempt_names() -> None:
    now = an_invoice(a_charge(), ours(status_code="insufficient_funds"))
    outcome, _ = await performed(answered(a_decline("insufficient_funds"), 422), now=now)
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.method_label) == ("insufficient_funds", "Visa ending 1881")
    assert outcome.invoice is not None
    assert outcome.invoice.newest_charge == "tx2bbbbbbbbb"


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("silence"), answered("<html>", 503), answered("{}")])
async def test_a_decline_is_told_also_where_the_invoice_cannot_be_read_again(trouble: Answer) -> None:
    provider, _ = recurly_over(
        {f"GET {INVOICE}": [answered(an_invoice()), trouble], COLLECT: answered(a_decline("expired_card", "hard"), 422)}
    )
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.method_label, outcome.invoice) == ("expired_card", None, None)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, "bad_request", RejectedReason.INVALID_REQUEST),
        (400, "invalid_content_type", RejectedReason.INVALID_REQUEST),
        (401, "unauthorized", RejectedReason.UNAUTHORIZED),
        (403, "invalid_api_key", RejectedReason.UNAUTHORIZED),
        (403, "invalid_permissions", RejectedReason.FORBIDDEN),
        (403, "a_type_that_is_new", RejectedReason.FORBIDDEN),
        (404, "not_found", RejectedReason.NOT_FOUND),
        (406, "invalid_api_version", RejectedReason.INVALID_REQUEST),
        (406, "unknown_api_version", RejectedReason.INVALID_REQUEST),
        (406, "unavailable_in_api_version", RejectedReason.INVALID_REQUEST),
        (422, "simultaneous_request", RejectedReason.RATE_LIMITED),
        (422, "missing_feature", RejectedReason.FORBIDDEN),
        (422, "immutable_subscription", RejectedReason.INVALID_REQUEST),
        (422, "invalid_token", RejectedReason.INVALID_REQUEST),
        (422, "a_type_that_is_new", RejectedReason.INVALID_REQUEST),
        (429, "rate_limited", RejectedReason.RATE_LIMITED),
    ],
)
async def test_each_refusal_is_a_clear_no_with_its_own_reason(status: int, kind: str, reason: RejectedReason) -> None:
    outcome, wire = await performed(answered(an_error(kind), status))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert outcome.request_id == "req-77"
    assert len(sends(wire)) == 1


async def test_something_else_that_holds_the_invoice_charged_nothing_and_is_waited_for() -> None:
    outcome, _ = await performed(answered(an_error("simultaneous_request"), 422))
    assert isinstance(outcome, Rejected)
    assert (outcome.retry_after, "nothing was charged" in outcome.detail) == (5.0, True)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 302])
@pytest.mark.parametrize("body", [an_error("internal_server_error"), "<html>Bad gateway</html>", ""])
async def test_what_proves_nothing_is_unknown(status: int, body: Any) -> None:
    outcome, wire = await performed(answered(body, status))
    assert isinstance(outcome, Unknown)
    assert len(sends(wire)) == 1


@pytest.mark.parametrize("kind", ["tax_service_error", "service_not_available", "internal_server_error"])
async def test_an_error_of_the_server_is_unknown_whatever_its_type(kind: str) -> None:
    outcome, _ = await performed(answered(an_error(kind), 500))
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("now", "kind", "words"),
    [
        (an_invoice(state="paid", balance=0.0), Rejected, "already paid"),
        (an_invoice(state="failed", balance=0.0), Rejected, "given up and written off"),
        (an_invoice(state="processing"), Pending, "already under way"),
        (an_invoice(type="credit", state="open"), Rejected, "a credit invoice"),
        (an_invoice(), Rejected, "one attempt per customer and hour"),
    ],
)
async def test_a_refusal_as_invalid_is_explained_by_how_the_invoice_stands(
    now: dict[str, Any], kind: type, words: str
) -> None:
    outcome, wire = await performed(
        answered(an_error("validation"), 422), now=now, more={METHODS: answered(a_page(a_method("bi1", primary=True)))}
    )
    assert isinstance(outcome, kind)
    assert words in str(outcome)
    assert len(sends(wire)) == 1


async def test_a_customer_without_billing_info_needs_a_new_method_although_recurly_only_says_invalid() -> None:
    outcome, _ = await performed(answered(an_error("validation"), 422), more={METHODS: answered(a_page())})
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "no_billing_information"
    assert outcome.invoice is not None
    assert isinstance(outcome.invoice.method, NoMethod)


# --- a request that still runs

RUNNING = answered("", 409, {"Recurly-Should-Retry": "true", "Retry-After": "2"})
DONE = answered(
    an_invoice(a_charge(), ours(status="success"), state="paid", balance=0.0), 200, {"Idempotency-Prior": "true"}
)


async def test_while_the_first_request_runs_the_same_key_asks_again_and_never_a_new_one() -> None:
    outcome, wire = await performed([RUNNING, RUNNING, DONE])
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == Money(8450, "EUR")
    assert [request.headers["idempotency-key"] for request in sends(wire)] == ["attempt-1"] * 3
    assert {request.url.path for request in sends(wire)} == {f"{INVOICE}/collect"}


async def test_a_request_that_runs_on_is_unknown_after_three_asks() -> None:
    outcome, wire = await performed(RUNNING)
    assert isinstance(outcome, Unknown)
    assert len(sends(wire)) == 3


async def test_a_second_ask_that_never_left_does_not_make_the_first_a_no() -> None:
    outcome, _ = await performed([RUNNING, httpx.ConnectError("gone")])
    assert isinstance(outcome, Unknown)


async def test_a_409_of_somebody_in_between_is_not_asked_again() -> None:
    outcome, wire = await performed(answered("<html>", 409, {"Retry-After": "1"}))
    assert isinstance(outcome, Unknown)
    assert len(sends(wire)) == 1


# --- what is never sent


def order(invoice: Invoice, **changes: Any) -> ActionOrder:
    return replace(an_order(invoice), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": Money(8449, "EUR")},
        {"expected": Money(8450, "USD")},
        {"method": "../accounts/x"},
        {"method": "not stored any more"},
        {"key": "a key with spaces"},
        {"key": ""},
        {"key": "k" * 256},
        {"details": Received(amount=Money(8450, "EUR"), by=PaidBy.CASH, on=NOW.date(), reference="x")},
    ],
)
async def test_an_order_that_is_not_meant_for_this_invoice_is_refused_before_any_request(changes: dict[str, Any]) -> None:
    provider, wire = recurly_over(BEFORE)
    invoice = await read(provider, REF)
    outcome = await provider.perform(order(invoice, **changes))
    assert isinstance(outcome, Rejected)
    assert sends(wire) == []


@pytest.mark.parametrize(
    "identifier", ["number-2207", "in_1Stripe", "../accounts", "tz4h8k1m2p7w9x", "TZ4H8K1M2P7W", "a/b"]
)
async def test_an_id_of_another_kind_is_refused_before_any_request(identifier: str) -> None:
    provider, wire = recurly_over(BEFORE)
    invoice = replace(await read(provider, REF), ref=InvoiceRef("recurly", identifier))
    asked = len(wire.requests)
    for action in (Action.RETRY, Action.UNCOLLECTIBLE, Action.PAID):
        outcome = await provider.perform(an_order(invoice, action))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert await provider.get(invoice.ref) is None
    assert await provider.pdf(invoice.ref) is None
    assert len(wire.requests) == asked


async def test_a_manual_invoice_is_not_collected_and_the_next_best_thing_is_said() -> None:
    provider, wire = recurly_over({f"GET {INVOICE}": answered(an_invoice(collection_method="manual"))})
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert isinstance(outcome, Rejected)
    assert "customer pays this invoice themselves" in outcome.detail
    assert sends(wire) == []


async def test_another_method_is_named_by_its_billing_info() -> None:
    paid = an_invoice(a_charge(), ours(status="success"), state="paid", balance=0.0)
    provider, wire = recurly_over({**BEFORE, COLLECT: answered(paid)})
    await provider.perform(an_order(await read(provider, REF), method="bi2ddddddddd"))
    (request,) = sends(wire)
    assert json.loads(request.content) == {"billing_info_id": "bi2ddddddddd"}


# --- writing off


async def test_what_is_given_up_is_written_off_and_never_paid() -> None:
    credit = {"object": "credit_payment", "action": "write_off", "amount": 84.5}
    failed = an_invoice(state="failed", balance=0.0, closed_at="2026-11-21T09:00:00Z", credit_payments=[credit])
    outcome, wire = await performed(answered(failed), action=Action.UNCOLLECTIBLE, route=FAILED)
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.status, outcome.invoice.owed) == (InvoiceStatus.UNCOLLECTIBLE, Money(0, "EUR"))
    assert outcome.invoice.payment is PaymentState.FAILED
    (request,) = sends(wire)
    assert (request.content, request.headers["idempotency-key"]) == (b"", "attempt-1")


async def test_a_write_off_that_is_answered_with_an_open_invoice_is_no_ending() -> None:
    outcome, _ = await performed(answered(an_invoice()), action=Action.UNCOLLECTIBLE, route=FAILED)
    assert isinstance(outcome, Unknown)


async def test_a_write_off_of_what_is_paid_already_is_refused_with_that() -> None:
    outcome, _ = await performed(
        answered(an_error("validation"), 422),
        now=an_invoice(state="paid", balance=0.0),
        action=Action.UNCOLLECTIBLE,
        route=FAILED,
    )
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, "already paid" in outcome.detail) == (RejectedReason.NOT_ACTIONABLE, True)


def test_the_dialog_says_that_it_is_final_written_off_and_leaves_the_subscription() -> None:
    said = recurly_over({})[0].facts.capabilities[Action.UNCOLLECTIBLE].consequence
    for words in ("final", "credit invoice", "does not cancel the subscription"):
        assert words in said


async def test_a_clock_that_has_run_far_stops_the_asking_for_a_request_that_still_runs() -> None:
    clock = FixedClock()

    def slow(_: httpx.Request) -> httpx.Response:
        clock.at += timedelta(seconds=41)
        return answered("", 409, {"Recurly-Should-Retry": "true"})

    provider, wire = recurly_over({**BEFORE, COLLECT: slow}, clock=clock)
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert isinstance(outcome, Unknown)
    assert len(sends(wire)) == 1
