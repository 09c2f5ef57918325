"""A retry whose answer was lost: no key asks again, so the subscription's newest transactions have to tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import Invoice
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.sandbox.providers.braintree_books import Subscription
from tests.providers.benches import EURO, read
from tests.providers.braintree_bench import BraintreeBench
from tests.providers.braintree_samples import (
    IDS,
    NEW,
    OLD,
    PAST_DUE,
    REF,
    Json,
    data,
    declined,
    error,
    failed,
    over,
    rejected,
    subscription,
    transaction,
)
from tests.providers.wire import an_attempt, an_order


async def settled(wire: Json, *newest: Json | None, before: dict[str, Any] | None = None) -> Outcome:
    """What is told of a retry at 09:00:00, after a guard read that saw `OLD` as the newest charge."""
    provider, _ = over(PAST_DUE)
    attempt = an_attempt(await read(provider, REF))
    attempt = replace(attempt, before=replace(attempt.before, **(before or {})))
    shown = {f"n{place}": one for place, one in enumerate(newest)}
    later, asked = over({"Ids": IDS, "Subscription": data(node=wire), "Transactions": data(**shown)})
    outcome = await later.settle(attempt)
    assert set(asked.asked) <= {"Ids", "Subscription", "Transactions"}
    return outcome


def is_not_applied(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.reason is RejectedReason.NOT_APPLIED


OLD_ONE = declined("2001", "SOFT", id=OLD, at="03:00:00", source="RECURRING")
STILL = subscription("PAST_DUE", NEW, OLD)
ACTIVE = subscription("ACTIVE", NEW, OLD)


async def test_a_new_charge_of_ours_that_succeeded_is_paid_by_us() -> None:
    outcome = await settled(ACTIVE, transaction("SUBMITTED_FOR_SETTLEMENT"), OLD_ONE)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (True, EURO)


async def test_it_is_ours_even_where_a_new_cycle_made_it_past_due_again() -> None:
    outcome = await settled({**STILL, "balance": "19.00"}, transaction("SETTLING"), OLD_ONE)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (True, EURO)


async def test_a_new_charge_of_ours_that_was_declined_is_that_decline() -> None:
    outcome = await settled(STILL, declined("2004", "HARD"), OLD_ONE)
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_NEW_METHOD


@pytest.mark.parametrize("status", ["SETTLEMENT_PENDING", "AUTHORIZING", "AUTHORIZED"])
async def test_a_new_charge_of_ours_that_is_in_flight_is_pending(status: str) -> None:
    assert isinstance(await settled(ACTIVE, transaction(status), OLD_ONE), Pending)


async def test_without_a_new_charge_nothing_was_done() -> None:
    assert is_not_applied(await settled(subscription("PAST_DUE", OLD), OLD_ONE))


@pytest.mark.parametrize("source", ["RECURRING", "CONTROL_PANEL"])
async def test_another_s_decline_at_the_same_moment_is_not_ours(source: str) -> None:
    assert is_not_applied(await settled(STILL, declined("2001", "SOFT", source=source), OLD_ONE))


@pytest.mark.parametrize("source", ["RECURRING", "CONTROL_PANEL"])
async def test_another_s_payment_at_the_same_moment_is_paid_and_not_ours(source: str) -> None:
    outcome = await settled(ACTIVE, transaction("SETTLED", source=source), OLD_ONE)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


async def test_ours_declined_and_another_s_payment_after_it_is_paid() -> None:
    wire = subscription("ACTIVE", "dHhfMw", NEW, OLD)
    paid = transaction("SETTLED", id="dHhfMw", source="RECURRING", at="09:01:00")
    outcome = await settled(wire, paid, declined("2001"), OLD_ONE)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_another_s_decline_after_ours_does_not_hide_that_ours_was_paid() -> None:
    wire = subscription("ACTIVE", "dHhfMw", NEW, OLD)
    newest = declined("2001", id="dHhfMw", source="CONTROL_PANEL", at="09:01:00")
    outcome = await settled(wire, newest, transaction("SETTLED"), OLD_ONE)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (True, EURO)


@pytest.mark.parametrize(("at", "ours"), [("08:59:00", True), ("08:58:59", False), ("09:03:30", True), ("09:03:31", False)])
async def test_ours_was_made_around_the_send(at: str, ours: bool) -> None:
    """A minute before it, for clocks differ; after it, as long as a request may travel and be worked on."""
    outcome = await settled(STILL, declined("2001", at=at), OLD_ONE)
    assert isinstance(outcome, Declined) is ours
    assert is_not_applied(outcome) is not ours


async def test_a_charge_that_was_there_before_is_not_ours_however_young() -> None:
    wire = subscription("PAST_DUE", NEW, OLD)
    assert is_not_applied(await settled(wire, declined("2001"), OLD_ONE, before={"newest_charge": NEW}))


async def test_a_charge_over_another_amount_is_not_ours() -> None:
    small = declined("2001", amount={"value": "7.00", "currencyCode": "EUR"})
    assert is_not_applied(await settled(STILL, small, OLD_ONE))


async def test_without_a_baseline_the_time_of_the_send_tells() -> None:
    for known in (None, "Z29uZQ"):
        outcome = await settled(ACTIVE, transaction("SETTLED"), OLD_ONE, before={"newest_charge": known})
        assert isinstance(outcome, Succeeded)
        assert outcome.ours


@pytest.mark.parametrize("source", [None, "UNKNOWN"])
async def test_a_decline_that_does_not_tell_who_made_it_stays_unknown(source: str | None) -> None:
    assert isinstance(await settled(STILL, declined("2001", source=source), OLD_ONE), Unknown)


async def test_a_transaction_that_cannot_be_read_stays_unknown() -> None:
    assert isinstance(await settled(STILL, None, OLD_ONE), Unknown)


async def test_a_balance_that_went_down_without_a_charge_in_sight_stays_unknown() -> None:
    wire = {**subscription("PAST_DUE", OLD), "balance": "19.00"}
    assert isinstance(await settled(wire, OLD_ONE), Unknown)


async def test_another_payment_in_flight_is_waited_for() -> None:
    assert isinstance(await settled(ACTIVE, transaction("AUTHORIZING", source="CONTROL_PANEL"), OLD_ONE), Pending)


async def test_a_charge_that_the_processor_has_seen_before_is_pending_until_somebody_s_is_there() -> None:
    assert isinstance(await settled(STILL, declined("2016"), OLD_ONE), Pending)
    wire = subscription("ACTIVE", NEW, "dHhfMw", OLD)
    paid = transaction("SETTLED", id="dHhfMw", source="RECURRING", at="08:59:30")
    outcome = await settled(wire, declined("2016"), paid, OLD_ONE)
    assert isinstance(outcome, Succeeded)


async def test_money_of_ours_that_was_taken_back_was_not_taken() -> None:
    for status in ("VOIDED", "AUTHORIZATION_EXPIRED"):
        assert is_not_applied(await settled(STILL, transaction(status), OLD_ONE))


async def test_a_charge_of_ours_that_failed_at_settlement_is_declined() -> None:
    outcome = await settled(ACTIVE, declined("4001", status="SETTLEMENT_DECLINED"), OLD_ONE)
    assert isinstance(outcome, Declined)


async def test_a_subscription_that_was_canceled_meanwhile_without_a_charge_was_not_charged() -> None:
    assert is_not_applied(await settled(subscription("CANCELED", OLD), OLD_ONE))


# --- duplicates


async def test_one_of_two_equal_charges_is_ours_and_which_one_is_not_told() -> None:
    wire = subscription("ACTIVE", NEW, "dHhfMw", OLD)
    first = transaction("SETTLED", id="dHhfMw", at="08:59:55")
    outcome = await settled(wire, rejected("DUPLICATE", duplicate_of={"id": "dHhfMw"}), first, OLD_ONE)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


@pytest.mark.parametrize(("original", "is_paid"), [("SETTLED", True), ("PROCESSOR_DECLINED", False)])
async def test_a_duplicate_of_an_older_charge_ends_as_that_one(original: str, is_paid: bool) -> None:
    provider, _ = over(PAST_DUE)
    attempt = an_attempt(await read(provider, REF))
    repeats = rejected("DUPLICATE", duplicate_of={"id": OLD})
    wire, older = subscription("PAST_DUE", NEW), transaction(original, id=OLD)
    answers = [data(n0=repeats), data(n0=older)]
    later, _ = over({"Ids": IDS, "Subscription": data(node=wire), "Transactions": list(answers)})
    outcome = await later.settle(attempt)
    assert isinstance(outcome, Succeeded) is is_paid
    assert is_not_applied(outcome) is not is_paid


# --- what cannot be read


@pytest.mark.parametrize(
    "answer",
    [
        failed(error("INTERNAL")),
        failed(error("RESOURCE_LIMIT")),
        failed(error("AUTHORIZATION")),
        data(node=None),
        failed(error("NOT_FOUND", None, "node"), data={"node": None}),
        data(node={"id": "1"}),
        data(node=subscription(balance="4.999")),
        data(node=subscription(balance="NaN")),
    ],
)
async def test_what_cannot_be_read_leaves_the_doubt(answer: Any) -> None:
    provider, _ = over(PAST_DUE)
    attempt = an_attempt(await read(provider, REF))
    later, _ = over({**PAST_DUE, "Subscription": answer})
    assert isinstance(await later.settle(attempt), Unknown)


async def test_a_void_or_a_capture_is_told_by_the_payment_that_it_was_about() -> None:
    told: dict[tuple[Action, str], Any] = {}
    for action, status in [
        (Action.VOID, "VOIDED"),
        (Action.VOID, "SUBMITTED_FOR_SETTLEMENT"),
        (Action.VOID, "SETTLED"),
        (Action.FINALIZE, "SUBMITTED_FOR_SETTLEMENT"),
        (Action.FINALIZE, "SETTLEMENT_PENDING"),
        (Action.FINALIZE, "AUTHORIZED"),
        (Action.FINALIZE, "VOIDED"),
        (Action.FINALIZE, "AUTHORIZATION_EXPIRED"),
        (Action.FINALIZE, "PROCESSOR_DECLINED"),
        (Action.FINALIZE, "NEVER_HEARD_OF"),
    ]:
        flying = {"Ids": IDS, "Subscription": data(node=ACTIVE), "Transactions": data(n0=transaction("AUTHORIZED"))}
        provider, _ = over(flying)
        attempt = an_attempt(await read(provider, REF), action)
        newer = subscription("ACTIVE", "dHhfMw", NEW, OLD)
        shown = [data(n0=transaction("SETTLED", id="dHhfMw"), n1=None, n2=None), data(n0=transaction(status))]
        later, _ = over({"Ids": IDS, "Subscription": data(node=newer), "Transactions": list(shown)})
        told[action, status] = type(await later.settle(attempt))
    assert told == {
        (Action.VOID, "VOIDED"): Succeeded,
        (Action.VOID, "SUBMITTED_FOR_SETTLEMENT"): Rejected,
        (Action.VOID, "SETTLED"): Rejected,
        (Action.FINALIZE, "SUBMITTED_FOR_SETTLEMENT"): Succeeded,
        (Action.FINALIZE, "SETTLEMENT_PENDING"): Pending,
        (Action.FINALIZE, "AUTHORIZED"): Rejected,
        (Action.FINALIZE, "VOIDED"): Rejected,
        (Action.FINALIZE, "AUTHORIZATION_EXPIRED"): Rejected,
        (Action.FINALIZE, "PROCESSOR_DECLINED"): Declined,
        (Action.FINALIZE, "NEVER_HEARD_OF"): Unknown,
    }


# --- in the dark, with the fake


class Dark:
    """A retry whose answer is lost, and what happens at Braintree meanwhile."""

    def __init__(self, magic: str = "paid") -> None:
        self.bench = BraintreeBench()
        self.provider, self.ref = self.bench.open(), self.bench.failed_invoice(magic=magic)
        self.before: Invoice | None = None

    @property
    def made(self) -> Subscription:
        return self.bench.fake.invoices[self.ref.id]

    async def lost(self, how: str = "hang") -> None:
        self.before = await read(self.provider, self.ref)
        self.bench.break_after_effect(how)
        assert isinstance(await self.provider.perform(an_order(self.before)), Unknown)
        self.bench.heal()

    async def settle(self, after: timedelta = timedelta(seconds=5)) -> Outcome:
        assert self.before is not None
        self.bench.wait(after)
        sends = self.bench.sends()
        outcome = await self.provider.settle(an_attempt(self.before))
        assert self.bench.sends() == sends
        return outcome


async def test_charged_then_silence() -> None:
    dark = Dark()
    await dark.lost()
    outcome = await dark.settle()
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged, dark.bench.attempts(dark.ref)) == (True, EURO, 1)


async def test_declined_then_silence() -> None:
    dark = Dark("insufficient_funds")
    await dark.lost()
    outcome = await dark.settle()
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "2001"


async def test_nothing_at_first_then_charged_late() -> None:
    dark = Dark()
    dark.before = await read(dark.provider, dark.ref)
    dark.bench.break_everything("hang")
    assert isinstance(await dark.provider.perform(an_order(dark.before)), Unknown)
    dark.bench.heal()
    assert is_not_applied(await dark.settle())
    dark.bench.wait(timedelta(seconds=40))
    dark.bench.fake.books.charge(dark.made, dark.made.balance, "API")
    outcome = await dark.settle()
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize("magic", ["paid", "insufficient_funds"])
async def test_nothing_of_ours_while_braintree_s_own_retry_runs(magic: str) -> None:
    dark = Dark(magic)
    dark.before = await read(dark.provider, dark.ref)
    dark.bench.break_everything("reset")
    assert isinstance(await dark.provider.perform(an_order(dark.before)), Unknown)
    dark.bench.heal()
    dark.bench.fake.control("automatic_attempt", {"invoice": dark.ref.id})
    outcome = await dark.settle()
    if magic == "paid":
        assert isinstance(outcome, Succeeded)
        assert (outcome.ours, outcome.charged) == (False, None)
    else:
        assert is_not_applied(outcome)


async def test_ours_declined_while_braintree_s_own_retry_succeeds_after_it() -> None:
    dark = Dark("generic_decline")
    await dark.lost()
    dark.bench.fake.control("change_card", {"invoice": dark.ref.id})
    dark.bench.fake.control("automatic_attempt", {"invoice": dark.ref.id})
    outcome = await dark.settle()
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_a_second_charge_moments_after_another_s_is_refused_as_a_duplicate_and_told_as_paid() -> None:
    dark = Dark("charged_before")
    await dark.lost()
    outcome = await dark.settle()
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours
    assert dark.bench.collected(dark.ref) == EURO.minor


async def test_a_debit_that_bounces_days_later_is_declined_in_the_end() -> None:
    dark = Dark("bank_debit")
    await dark.lost()
    assert isinstance(await dark.settle(), Pending)
    dark.bench.fake.control("settle_processing", {"invoice": dark.ref.id, "success": False})
    assert isinstance(await dark.settle(timedelta(days=3)), Declined)
