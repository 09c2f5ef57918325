"""What really became of a send without an answer, told by the invoice's transactions: ours, Recurly's own, or nobody's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.details import PaidBy, Received
from bot.domain.invoice import InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.recurly_orders import marker_of
from tests.providers.benches import read
from tests.providers.recurly_bench import EURO, RecurlyBench
from tests.providers.recurly_samples import ID, INVOICE, Json, a_charge, an_invoice, answered, ours, recurly_over
from tests.providers.samples import NOW
from tests.providers.wire import Answer, an_attempt, an_order

REF = InvoiceRef("recurly", ID)
PAID = {"state": "paid", "balance": 0.0, "paid": 84.5}
WRITTEN_OFF = {"state": "failed", "balance": 0.0}


def later(**by: float) -> datetime:
    return NOW + timedelta(**by)


async def settled(now: Json | Answer, *, before: Json | None = None, action: Action = Action.RETRY) -> Outcome:
    """`before` is what the guard read saw, `now` what is read afterwards."""
    seen = answered(now) if isinstance(now, dict) else now
    provider, wire = recurly_over({f"GET {INVOICE}": [answered(before or an_invoice()), seen]})
    outcome = await provider.settle(an_attempt(await read(provider, REF), action))
    assert {request.method for request in wire.requests} == {"GET"}
    return outcome


def is_not_applied(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.reason is RejectedReason.NOT_APPLIED


# --- a retry, our own transaction


async def test_our_own_success_is_ours_with_what_it_charged() -> None:
    outcome = await settled(an_invoice(a_charge(), ours(status="success"), **PAID))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (True, Money(8450, "EUR"))


@pytest.mark.parametrize("status", ["pending", "processing", "scheduled"])
async def test_our_own_that_is_under_way_is_pending(status: str) -> None:
    assert isinstance(await settled(an_invoice(a_charge(), ours(status=status), state="processing")), Pending)


@pytest.mark.parametrize("status", ["declined", "error"])
async def test_our_own_no_is_a_decline(status: str) -> None:
    outcome = await settled(an_invoice(a_charge(), ours(status=status, status_code="insufficient_funds")))
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "insufficient_funds"


async def test_our_own_that_the_gateway_left_open_stays_unknown_and_names_what_to_look_for() -> None:
    outcome = await settled(an_invoice(a_charge(), ours(status="error", status_code="gateway_timeout")))
    assert isinstance(outcome, Unknown)
    assert "gw-1" in outcome.cause
    assert "may have charged" in outcome.cause


@pytest.mark.parametrize("status", ["void", "chargeback", "a word that is new", None])
async def test_our_own_that_was_undone_or_is_in_no_state_that_we_know_stays_unknown(status: str | None) -> None:
    assert isinstance(await settled(an_invoice(a_charge(), ours(status=status))), Unknown)


@pytest.mark.parametrize("seconds", [-4, 0, 60, 200])
async def test_ours_is_known_by_its_origin_and_the_time_in_which_the_request_was_under_way(seconds: float) -> None:
    outcome = await settled(an_invoice(a_charge(), ours(status="success", created=later(seconds=seconds)), **PAID))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize("seconds", [-3600, -10, 240, 7200])
async def test_a_collection_at_another_time_is_somebody_else_s(seconds: float) -> None:
    other = ours(status="success", created=later(seconds=seconds))
    outcome = await settled(an_invoice(a_charge(), other, **PAID))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)
    declined = ours(status_code="expired_card", created=later(seconds=seconds))
    assert is_not_applied(await settled(an_invoice(a_charge(), declined)))


async def test_what_was_the_newest_charge_before_the_send_is_never_ours() -> None:
    old = ours("tx1aaaaaaaaa", created=later(seconds=-2), status_code="expired_card")
    assert is_not_applied(await settled(an_invoice(old), before=an_invoice(old)))


async def test_two_collections_at_once_of_which_one_was_paid_are_not_called_ours() -> None:
    twice = (ours(status_code="declined"), ours("tx3ccccccccc", status="success"))
    outcome = await settled(an_invoice(a_charge(), *twice, **PAID))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


async def test_the_newest_is_found_whatever_the_order_of_the_list() -> None:
    newest = ours("tx3ccccccccc", status_code="expired_card", created=later(seconds=2))
    older = ours(status_code="insufficient_funds")
    for order in ((newest, older, a_charge()), (a_charge(), older, newest)):
        outcome = await settled(an_invoice(*order))
        assert isinstance(outcome, Declined)
        assert outcome.decline.code == "expired_card"


# --- a retry, somebody else's


@pytest.mark.parametrize("origin", ["recurring", "force_collect", "hpp", "api", "a word that is new"])
async def test_somebody_else_s_success_is_paid_and_not_called_ours(origin: str) -> None:
    other = a_charge("tx4ddddddddd", created=later(seconds=1), status="success", origin=origin)
    outcome = await settled(an_invoice(a_charge(), other, **PAID))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


@pytest.mark.parametrize("origin", ["recurring", "force_collect"])
async def test_somebody_else_s_decline_is_never_told_as_ours(origin: str) -> None:
    other = a_charge("tx4ddddddddd", created=later(seconds=1), status_code="expired_card", origin=origin)
    assert is_not_applied(await settled(an_invoice(a_charge(), other)))


async def test_ours_is_told_also_where_recurly_tried_right_after_it() -> None:
    mine, its = ours(status_code="insufficient_funds"), a_charge("tx4ddddddddd", created=later(seconds=1))
    outcome = await settled(an_invoice(a_charge(), mine, its | {"status_code": "expired_card"}))
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "insufficient_funds"


@pytest.mark.parametrize("changes", [{"origin": None}, {"created_at": None, "origin": "recurring"}, {"created_at": None}])
async def test_a_new_decline_that_does_not_say_whose_or_when_leaves_it_open(changes: Json) -> None:
    assert isinstance(await settled(an_invoice(a_charge(), ours() | changes)), Unknown)


async def test_a_debit_of_somebody_else_s_is_waited_for() -> None:
    other = a_charge("tx4ddddddddd", created=later(seconds=1), status="processing")
    assert isinstance(await settled(an_invoice(a_charge(), other, state="processing")), Pending)


# --- a retry, nothing


async def test_no_new_transaction_is_no_effect() -> None:
    assert is_not_applied(await settled(an_invoice()))


async def test_an_invoice_that_was_given_up_meanwhile_shows_no_effect_and_is_not_paid() -> None:
    outcome = await settled(an_invoice(**WRITTEN_OFF))
    assert isinstance(outcome, Rejected)
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.UNCOLLECTIBLE


@pytest.mark.parametrize("changes", [{"transactions": None}, {"state": "a word that is new"}, {"state": None}])
async def test_what_is_not_shown_proves_nothing(changes: Json) -> None:
    assert isinstance(await settled(an_invoice(**changes)), Unknown)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("silence"),
        answered("<html>", 503),
        answered("<html>"),
        answered('{"error": {"type": "not_found"}}', 404),
        answered("<html>", 404),
        answered('{"error": {"type": "unauthorized"}}', 401),
        answered(an_invoice(id="zz9zzzzzzzzz", state="paid")),
    ],
)
@pytest.mark.parametrize("action", [Action.RETRY, Action.UNCOLLECTIBLE, Action.PAID])
async def test_a_read_that_gives_nothing_settles_nothing(action: Action, trouble: Answer) -> None:
    assert isinstance(await settled(trouble, action=action), Unknown)


# --- what takes no money


@pytest.mark.parametrize(
    ("now", "is_done"), [(WRITTEN_OFF, True), ({}, False), (PAID, False), ({"state": "processing"}, False)]
)
async def test_a_write_off_is_proved_by_the_state(now: Json, is_done: bool) -> None:
    outcome = await settled(an_invoice(**now), action=Action.UNCOLLECTIBLE)
    assert isinstance(outcome, Succeeded) if is_done else is_not_applied(outcome)


async def test_a_whole_invoice_marked_as_paid_is_ours_unless_it_was_charged() -> None:
    marked = await settled(an_invoice(**PAID), action=Action.PAID)
    assert isinstance(marked, Succeeded)
    assert marked.ours
    charged = a_charge("tx4ddddddddd", created=later(seconds=1), status="success")
    paid = await settled(an_invoice(a_charge(), charged, **PAID), action=Action.PAID)
    assert isinstance(paid, Succeeded)
    assert not paid.ours
    assert is_not_applied(await settled(an_invoice(), action=Action.PAID))


async def test_a_recorded_payment_is_known_by_its_mark_also_where_it_was_a_part() -> None:
    manual: dict[str, Any] = {"collection_method": "manual"}
    mine = a_charge("tx4ddddddddd", status="success", origin=None, description=f"wire 7 {marker_of('attempt-1')}")
    other = a_charge("tx5eeeeeeeee", status="success", origin=None, description="wire 8 [somebody-els]")
    for state in ({"balance": 40.0}, PAID):
        outcome = await settled(an_invoice(mine, other, **manual, **state), action=Action.PAID)
        assert isinstance(outcome, Succeeded)
        assert outcome.ours
    foreign = await settled(an_invoice(other, **manual, **PAID), action=Action.PAID)
    assert isinstance(foreign, Succeeded)
    assert not foreign.ours
    assert is_not_applied(await settled(an_invoice(other, balance=40.0, **manual), action=Action.PAID))
    assert isinstance(await settled(an_invoice(transactions=None, **manual), action=Action.PAID), Unknown)


# --- in the dark, at the fake


@pytest.mark.parametrize("magic", ["charge_then_hang", "charge_then_reset", "charge_then_500", "charge_then_cut"])
async def test_charged_and_then_silence_is_found_as_ours(magic: str) -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.failed_invoice(magic=magic)
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before)), Unknown)
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged, bench.attempts(ref)) == (True, EURO, 1)


async def test_charged_late_is_no_effect_at_first_and_ours_afterwards_and_one_charge() -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.failed_invoice(magic="charge_late")
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before)), Unknown)
    assert is_not_applied(await provider.settle(an_attempt(before)))
    bench.wait(timedelta(seconds=5))
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, bench.attempts(ref)) == (True, 1)
    again = await provider.perform(an_order(before))
    assert (isinstance(again, Succeeded), bench.attempts(ref)) == (False, 1)


async def test_declined_and_then_silence_is_found_as_that_decline() -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.failed_invoice(magic="decline_then_reset")
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before)), Unknown)
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.method_label) == ("insufficient_funds", "Visa ending 9995")


@pytest.mark.parametrize("magic", ["paid", "insufficient_funds"])
async def test_recurly_s_own_attempt_at_the_same_moment_is_not_taken_for_one_that_never_came(magic: str) -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.failed_invoice(magic=magic)
    before = await read(provider, ref)
    bench.break_everything("reset")
    assert isinstance(await provider.perform(an_order(before)), Unknown)
    bench.heal()
    bench.fake.control("automatic_attempt", {"invoice": ref.id})
    outcome = await provider.settle(an_attempt(before))
    if magic == "paid":
        assert isinstance(outcome, Succeeded)
        assert not outcome.ours
    else:
        assert is_not_applied(outcome)
    assert bench.attempts(ref) == 1


async def test_a_send_that_still_runs_ends_with_its_own_answer_and_one_charge() -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.failed_invoice(magic="charge_then_reset")
    order = an_order(await read(provider, ref))
    bench.fake.takes = 3.0
    assert isinstance(await provider.perform(order), Unknown)
    assert isinstance(await provider.perform(order), Succeeded)
    assert [seen.status for seen in bench.fake.requests if seen.method == "PUT"] == [200, 409, 409, 200]
    assert bench.attempts(ref) == 1


async def test_after_its_hour_a_key_is_a_new_request_and_the_state_refuses_it() -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.failed_invoice()
    order = an_order(await read(provider, ref))
    assert isinstance(await provider.perform(order), Succeeded)
    bench.wait(timedelta(minutes=61))
    again = await provider.perform(order)
    assert isinstance(again, Rejected)
    assert (again.reason, bench.attempts(ref)) == (RejectedReason.NOT_ACTIONABLE, 1)


async def test_one_attempt_per_customer_and_hour_is_refused_without_a_charge_and_said() -> None:
    bench = RecurlyBench()
    bench.fake.actions.one_per_hour = True
    provider, first = bench.open(), bench.failed_invoice(magic="insufficient_funds")
    customer = bench.fake.invoices[first.id].customer
    second = bench.invoice(customer=customer)
    assert isinstance(await provider.perform(an_order(await read(provider, first))), Declined)
    outcome = await provider.perform(an_order(await read(provider, second), key="attempt-2"))
    assert isinstance(outcome, Rejected)
    assert "one attempt per customer and hour" in outcome.detail
    assert bench.attempts(second) == 0


async def test_a_part_that_was_recorded_in_the_dark_is_found_and_not_recorded_twice() -> None:
    bench = RecurlyBench()
    provider, ref = bench.open(), bench.invoice_for(Action.PAID)
    before = await read(provider, ref)
    details = Received(amount=Money(2000, "EUR"), by=PaidBy.BANK_TRANSFER, on=NOW.date(), reference="wire 7")
    order = replace(an_order(before, Action.PAID), details=details)
    bench.break_after_effect("reset")
    assert isinstance(await provider.perform(order), Unknown)
    bench.heal()
    assert isinstance(await provider.settle(an_attempt(before, Action.PAID)), Succeeded)
    assert isinstance(await provider.perform(order), Succeeded)
    assert (await read(provider, ref)).owed == Money(2900, "EUR")
