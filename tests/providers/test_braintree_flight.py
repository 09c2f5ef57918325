"""Money in flight at Braintree: what a void takes back and a capture collects, and what neither touches any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import InvoiceRef, InvoiceStatus, PaymentState
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.ports import ActionOrder
from bot.providers.braintree_facts import FACTS
from bot.providers.braintree_queries import DOCUMENTS
from tests.providers.benches import EURO, read
from tests.providers.braintree_bench import BraintreeBench
from tests.providers.braintree_samples import (
    IDS,
    NEW,
    OLD,
    REF,
    Answer,
    data,
    error,
    failed,
    over,
    subscription,
    transaction,
)
from tests.providers.wire import an_attempt, an_order


def in_flight(bench: BraintreeBench, newest: str = "SUBMITTED_FOR_SETTLEMENT") -> InvoiceRef:
    return bench.invoice(status="paid", newest=newest)


def flight_order(order: ActionOrder) -> ActionOrder:
    return replace(order, details=Issue(collect=True) if order.action is Action.FINALIZE else None)


async def test_a_retry_minutes_ago_can_be_undone_and_the_undoing_carries_a_key() -> None:
    bench = BraintreeBench()
    provider, ref = bench.open(), bench.failed_invoice()
    await provider.perform(an_order(await read(provider, ref)))
    paid = await read(provider, ref)
    assert (paid.status, paid.payment, paid.owed) == (InvoiceStatus.PAID, PaymentState.PROCESSING, EURO)
    assert isinstance(await provider.perform(an_order(paid, Action.VOID, key="undo-1")), Succeeded)
    sent = bench.fake.requests[-1]
    assert sent.fields == ("mutation voidTransaction",)
    assert sent.variables["input"] == {"apiRequestKey": "undo-1", "transactionId": paid.newest_charge}
    assert (bench.collected(ref), (await read(provider, ref)).status) == (0, InvoiceStatus.VOID)


@pytest.mark.parametrize("restores", [True, False])
async def test_whether_a_void_makes_it_past_due_again_is_shown_as_it_is(restores: bool) -> None:
    bench = BraintreeBench()
    bench.fake.books.void_restores_debt = restores
    provider, ref = bench.open(), in_flight(bench)
    assert isinstance(await provider.perform(an_order(await read(provider, ref), Action.VOID)), Succeeded)
    after = await read(provider, ref)
    assert after.status is (InvoiceStatus.OPEN if restores else InvoiceStatus.VOID)
    assert (FACTS.objection(Action.RETRY, after) is None) is restores


@pytest.mark.parametrize("activates", [True, False])
async def test_a_charge_that_was_only_authorized_can_be_captured_or_voided(activates: bool) -> None:
    for action in (Action.FINALIZE, Action.VOID):
        bench = BraintreeBench()
        books = bench.fake.books
        books.authorization_activates = activates
        provider, ref = bench.open(), bench.failed_invoice()
        made = books.subscriptions[ref.id]
        books.charge(made, made.balance, "API", submit=False)
        invoice = await read(provider, ref)
        assert (invoice.status, invoice.owed, bench.collected(ref)) == (InvoiceStatus.DRAFT, EURO, 0)
        assert "authorized" in invoice.provider_status
        assert FACTS.objection(Action.RETRY, invoice) is not None
        outcome = await provider.perform(flight_order(an_order(invoice, action)))
        assert isinstance(outcome, Succeeded)
        assert bench.collected(ref) == (EURO.minor if action is Action.FINALIZE else 0)


@pytest.mark.parametrize("newest", ["SETTLED", "SETTLING", "SETTLEMENT_PENDING", "VOIDED", "SETTLEMENT_DECLINED"])
@pytest.mark.parametrize("action", [Action.VOID, Action.FINALIZE])
async def test_money_that_is_not_in_flight_any_more_is_left_alone(action: Action, newest: str) -> None:
    bench = BraintreeBench()
    provider, ref = (
        bench.open(),
        in_flight(bench, "AUTHORIZED" if action is Action.FINALIZE else "SUBMITTED_FOR_SETTLEMENT"),
    )
    order = flight_order(an_order(await read(provider, ref), action))
    made = bench.fake.books.subscriptions[ref.id]
    bench.fake.books.transactions[made.transactions[0]].becomes(newest, 0)
    outcome = await provider.perform(order)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert bench.sends() == 0


async def test_another_payment_than_the_one_that_was_seen_is_not_voided() -> None:
    bench = BraintreeBench()
    provider, ref = bench.open(), in_flight(bench)
    order = an_order(await read(provider, ref), Action.VOID)
    books, made = bench.fake.books, bench.fake.books.subscriptions[ref.id]
    made.becomes("PAST_DUE", 0)
    books.charge(made, made.price, "RECURRING")
    assert isinstance(await provider.perform(order), Rejected)
    assert bench.sends() == 0


async def test_a_debit_at_paypal_can_be_voided_while_it_waits() -> None:
    waiting = transaction("SETTLEMENT_PENDING", paymentMethodSnapshot={"__typename": "PayPalTransactionDetails"})
    voided = data(voidTransaction={"transaction": {**waiting, "status": "VOIDED"}})
    seen = {"Ids": IDS, "Subscription": data(node=subscription("ACTIVE", NEW)), "Transactions": data(n0=waiting)}
    provider, _ = over({**seen, "Void": voided})
    assert isinstance(await provider.perform(an_order(await read(provider, REF), Action.VOID)), Succeeded)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failed(error("VALIDATION", "915233", "voidTransaction"), data={"voidTransaction": None}), Pending),
        (failed(error("VALIDATION", "915234", "voidTransaction"), data={"voidTransaction": None}), Rejected),
        (failed(error("VALIDATION", "91504", "voidTransaction"), data={"voidTransaction": None}), Rejected),
        (failed(error("INTERNAL", None, "voidTransaction"), data={"voidTransaction": None}), Unknown),
        (data(voidTransaction={"transaction": transaction("SUBMITTED_FOR_SETTLEMENT")}), Unknown),
        (data(voidTransaction={"transaction": transaction("VOIDED", id=OLD)}), Unknown),
        (data(voidTransaction={"transaction": transaction("VOIDED")}), Succeeded),
    ],
)
async def test_a_void_ends_as_its_answer_says(answer: Answer, expected: type[Outcome]) -> None:
    flying = data(n0=transaction("SUBMITTED_FOR_SETTLEMENT"))
    seen = {"Ids": IDS, "Subscription": data(node=subscription("ACTIVE", NEW)), "Transactions": flying}
    provider, _ = over({**seen, "Void": answer})
    assert isinstance(await provider.perform(an_order(await read(provider, REF), Action.VOID)), expected)


@pytest.mark.parametrize("collect", [False, None])
async def test_a_capture_that_shall_not_collect_is_refused(collect: bool | None) -> None:
    bench = BraintreeBench()
    provider, ref = bench.open(), in_flight(bench, "AUTHORIZED")
    details = None if collect is None else Issue(collect=collect)
    outcome = await provider.perform(replace(an_order(await read(provider, ref), Action.FINALIZE), details=details))
    assert isinstance(outcome, Rejected)
    assert bench.sends() == 0


async def test_a_void_that_came_too_late_is_told_as_not_done() -> None:
    bench = BraintreeBench()
    provider, ref = bench.open(), in_flight(bench)
    before = await read(provider, ref)
    made = bench.fake.books.subscriptions[ref.id]
    bench.fake.books.transactions[made.transactions[0]].becomes("SETTLED", 0)
    outcome = await provider.settle(an_attempt(before, Action.VOID))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


def test_nothing_that_is_sent_can_turn_into_a_refund() -> None:
    assert not any("reverse" in document.lower() or "refund" in document.lower() for document in DOCUMENTS)
