"""After silence: reading on a schedule, a second send only where it is provably the same one, and never a guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.capability import Resend
from bot.domain.content import Choice
from bot.domain.invoice import InvoiceStatus, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import Accepted
from bot.services.execution import SEND_DEADLINE
from bot.services.reconciliation import MOST_SENDS, PENDING_CHECKS, UNKNOWN_CHECKS
from tests.builders import FACTS, FUNDS, INVOICE, OWED, TOM, by_command, declined, ended, on_card, paid
from tests.fakes import FakeProvider
from tests.services.bench import HOUR, MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_NEWS = Unknown(cause="no answer")
NO_EFFECT = Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect")
STILL_PENDING = Pending(detail="the bank needs days")


async def _in_doubt(bench: Bench, first: Outcome = NO_NEWS, action: Action = Action.RETRY) -> None:
    bench.provider.answers.append(first)
    await bench.press(await bench.shown(), action, TOM)
    await bench.work()
    assert await bench.state() in {ActionState.UNKNOWN, ActionState.PENDING}


async def _checks(bench: Bench, truth: Outcome, until: ActionState = ActionState.NEEDS_HUMAN) -> list[timedelta]:
    """The waits between the reads, as the worker makes them, until nothing is planned any more."""
    waits = []
    while await bench.state() is not until:
        due = (await bench.newest()).next_check_at
        assert due is not None
        waits.append(due - bench.clock.now())
        bench.clock.set(due)
        bench.provider.truths.append(truth)
        assert await bench.worker.step()
        assert not await bench.worker.step()
    return waits


class _Poisonous(FakeProvider):
    """Every read of a doubt trips over a bug of ours."""

    async def settle(self, attempt: Attempt) -> Outcome:
        await super().settle(attempt)
        raise ValueError("a bug of ours")


async def test_an_unknown_ending_is_read_seven_times_in_31_hours_and_then_handed_to_a_person(bench: Bench) -> None:
    await _in_doubt(bench)
    waits = await _checks(bench, NO_NEWS)
    assert waits == [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR]
    assert waits == list(UNKNOWN_CHECKS)
    assert len(bench.provider.settled) == len(UNKNOWN_CHECKS)
    assert (await bench.newest()).next_check_at is None
    assert len(bench.provider.performed) == 1


async def test_a_decision_whose_check_trips_over_a_bug_every_time_reaches_a_person_too(outside: Outside) -> None:
    bench = Bench(outside, _Poisonous(INVOICE))
    await _in_doubt(bench)
    waits = await _checks(bench, NO_NEWS)
    assert waits == list(UNKNOWN_CHECKS)
    assert (await bench.newest()).state is ActionState.NEEDS_HUMAN
    assert len(bench.provider.performed) == 1


async def test_a_pending_payment_is_read_every_six_hours_for_ten_days_and_then_handed_to_a_person(bench: Bench) -> None:
    await _in_doubt(bench, STILL_PENDING)
    waits = await _checks(bench, STILL_PENDING)
    assert waits[:4] == [MINUTE, 10 * MINUTE, HOUR, 6 * HOUR]
    assert waits == list(PENDING_CHECKS)
    assert timedelta(days=10) <= sum(waits, timedelta()) <= timedelta(days=11)


async def test_what_needs_a_person_still_blocks_the_invoice(bench: Bench) -> None:
    await _in_doubt(bench)
    await _checks(bench, NO_NEWS)
    row = await bench.fresh_row()
    assert row.choices == (Choice.CHECK, Choice.VERIFIED, Choice.VERIFIED_NOT)
    bench.clock.advance(SECOND)
    assert not isinstance(await bench.press(row.offer, Action.VOID, TOM), Accepted)


async def test_check_again_reads_once_and_leaves_it_with_the_person(bench: Bench) -> None:
    await _in_doubt(bench)
    await _checks(bench, NO_NEWS)
    reads = len(bench.provider.settled)
    await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK))
    bench.provider.truths.append(NO_NEWS)
    await bench.work()
    await bench.work(after=48 * HOUR)
    assert len(bench.provider.settled) == reads + 1
    assert await bench.state() is ActionState.NEEDS_HUMAN


async def test_check_again_ends_what_needed_a_person_when_the_provider_can_tell(bench: Bench) -> None:
    await _in_doubt(bench)
    await _checks(bench, NO_NEWS)
    await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK))
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_pressing_check_again_many_times_does_not_use_up_the_planned_reads(bench: Bench) -> None:
    await _in_doubt(bench)
    bench.provider.truths.append(NO_NEWS)
    await bench.work(after=5 * SECOND)
    offer = await bench.fresh_offer()
    for _ in range(10):
        await bench.actions.check_again(bench.pressed(offer, Choice.CHECK))
        bench.provider.truths.append(NO_NEWS)
        await bench.work()
    action = await bench.newest()
    assert (action.state, action.checks) == (ActionState.UNKNOWN, 1)
    assert action.next_check_at == bench.clock.now() + 30 * SECOND
    assert len(bench.provider.settled) == 11


async def test_nobody_is_asked_to_check_what_has_ended(bench: Bench) -> None:
    await _in_doubt(bench)
    offer = await bench.fresh_offer()
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=5 * SECOND)
    assert await bench.actions.check_again(bench.pressed(offer, Choice.CHECK)) is None
    await bench.work()
    assert len(bench.provider.settled) == 1


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_payment_found_later_ends_it_and_says_whose_it_is(bench: Bench, is_ours: bool) -> None:
    await _in_doubt(bench)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED if is_ours else None, ours=is_ours))
    await bench.work(after=5 * SECOND)
    ending = await bench.ending()
    assert (await bench.state(), ending.ours, ending.paid_in_full) == (ActionState.SUCCEEDED, is_ours, True)


async def test_a_decline_found_later_ends_it(bench: Bench) -> None:
    await _in_doubt(bench)
    bench.provider.now_shows(declined())
    bench.provider.truths.append(Declined(decline=FUNDS, invoice=declined()))
    await bench.work(after=5 * SECOND)
    assert (await bench.state(), (await bench.ending()).decline) == (ActionState.DECLINED, FUNDS)


async def test_a_doubt_may_turn_out_to_be_pending_and_then_paid(bench: Bench) -> None:
    await _in_doubt(bench)
    bench.provider.truths.extend([STILL_PENDING, Succeeded(invoice=paid(), charged=OWED)])
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.PENDING
    await bench.work(after=10 * MINUTE)
    assert await bench.state() is ActionState.SUCCEEDED


@pytest.mark.parametrize(
    "trouble", [TimeoutError(), ValueError("a bug"), Unknown(cause="not readable")], ids=lambda t: type(t).__name__
)
async def test_a_read_that_fails_leaves_the_doubt_as_it_is(bench: Bench, trouble: Exception | Unknown) -> None:
    await _in_doubt(bench)
    bench.provider.truths.append(trouble)
    await bench.work(after=5 * SECOND)
    action = await bench.newest()
    assert (action.state, action.checks) == (ActionState.UNKNOWN, 1)


@pytest.mark.parametrize("reason", sorted(set(RejectedReason) - {RejectedReason.NOT_APPLIED}))
async def test_only_the_providers_records_without_an_effect_end_a_doubt_as_not_done(
    bench: Bench, reason: RejectedReason
) -> None:
    await _in_doubt(bench)
    bench.provider.truths.append(Rejected(reason=reason, detail="could not look"))
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.UNKNOWN


async def test_an_account_that_is_configured_no_more_keeps_the_doubt_until_a_person_looks(outside: Outside) -> None:
    await _in_doubt(Bench(outside))
    other = Bench(outside, FakeProvider(account="lago"))
    waits = await _checks(other, NO_NEWS)
    assert waits == list(UNKNOWN_CHECKS)
    assert "not configured" in ((await other.ending()).detail or "")


# --- no effect -----------------------------------------------------------------------------------------------------


def _without_keys(outside: Outside, resend: Resend) -> Bench:
    return Bench(outside, FakeProvider(INVOICE, facts=replace(FACTS, resend=resend)))


@pytest.mark.parametrize("resend", [Resend.GUARDED, Resend.NAIVE])
async def test_a_provider_without_keys_is_never_sent_to_twice(outside: Outside, resend: Resend) -> None:
    bench = _without_keys(outside, resend)
    await _in_doubt(bench)
    for _ in range(4):
        await bench.work(after=MINUTE)
    assert len(bench.provider.performed) == 1


async def test_no_effect_proves_nothing_while_the_request_may_still_be_travelling(outside: Outside) -> None:
    bench = _without_keys(outside, Resend.NAIVE)
    await _in_doubt(bench)
    sent_at = bench.clock.now()
    settled_at = sent_at + SEND_DEADLINE + FACTS.settle_after
    assert settled_at - sent_at == 210 * SECOND
    for wait in (5, 30, 120):
        await bench.work(after=wait * SECOND)
        assert (bench.clock.now() < settled_at, await bench.state()) == (True, ActionState.UNKNOWN)
    await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK))
    bench.clock.set(settled_at)
    await bench.work(after=timedelta())
    assert await bench.state() is ActionState.NOT_APPLIED


async def test_what_was_not_applied_frees_the_invoice_and_waits_for_a_new_press(outside: Outside) -> None:
    bench = _without_keys(outside, Resend.NAIVE)
    await _in_doubt(bench)
    await bench.work(after=4 * MINUTE)
    assert (await bench.state(), (await bench.ending()).reason) == (ActionState.NOT_APPLIED, RejectedReason.NOT_APPLIED)
    assert len(bench.provider.performed) == 1
    bench.clock.advance(SECOND)
    await bench.press(await bench.fresh_offer(), Action.RETRY, TOM)
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED
    keys = [order.key for order in bench.provider.performed]
    assert len(set(keys)) == 2


async def test_with_a_key_the_same_request_is_sent_again_and_pays_once(bench: Bench) -> None:
    await _in_doubt(bench)
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.SUCCEEDED
    first, second = bench.provider.performed
    assert first.key == second.key
    assert (await bench.events()).count("attempt.begun") == 1


async def test_the_same_request_goes_out_three_times_at_most(bench: Bench) -> None:
    await _in_doubt(bench)
    bench.provider.answers.extend([NO_NEWS] * 9)
    for _ in range(8):
        await bench.work(after=5 * SECOND)
    assert len(bench.provider.performed) == MOST_SENDS == 3
    assert await bench.state() is ActionState.UNKNOWN
    await bench.work(after=5 * MINUTE)
    assert await bench.state() is ActionState.NOT_APPLIED
    assert len({order.key for order in bench.provider.performed}) == 1


async def test_nothing_is_sent_again_when_the_person_does_not_expect_it_any_more(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await bench.crash_while_sending(charged=False)
    await bench.work(after=10 * MINUTE)
    assert bench.provider.performed == []
    assert await bench.state() is ActionState.NOT_APPLIED


async def test_a_send_just_before_the_ten_minutes_end_is_not_repeated_after_them(bench: Bench) -> None:
    bench.provider.answers.append(NO_NEWS)
    await bench.press(await bench.shown())
    await bench.work(after=9 * MINUTE + 50 * SECOND)
    assert len(bench.provider.performed) == 1
    await bench.work(after=15 * SECOND)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.UNKNOWN, 1)


async def test_nothing_is_sent_again_under_a_key_that_the_provider_may_have_forgotten(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(INVOICE, facts=replace(FACTS, key_window=MINUTE)))
    await _in_doubt(bench)
    await bench.work(after=49 * SECOND)
    assert len(bench.provider.performed) == 1
    assert await bench.state() is ActionState.UNKNOWN


async def test_nothing_is_sent_again_when_the_invoice_is_no_more_what_was_offered(bench: Bench) -> None:
    await _in_doubt(bench)
    bench.provider.now_shows(ended(INVOICE, InvoiceStatus.VOID))
    await bench.work(after=5 * SECOND)
    assert len(bench.provider.performed) == 1


async def test_nothing_is_sent_again_when_the_guard_cannot_be_read(bench: Bench) -> None:
    await _in_doubt(bench)
    bench.provider.read_failures.append(ValueError("a bug in the adapter"))
    await bench.work(after=5 * SECOND)
    action = await bench.newest()
    assert (action.state, action.checks) == (ActionState.UNKNOWN, 1)
    assert len(bench.provider.performed) == 1


@pytest.mark.parametrize("reason", [r for r in RejectedReason if r is not RejectedReason.RATE_LIMITED])
async def test_a_no_to_the_second_send_says_nothing_about_the_first(bench: Bench, reason: RejectedReason) -> None:
    await _in_doubt(bench)
    bench.provider.answers.append(Rejected(reason=reason, detail="the invoice is paid already"))
    bench.provider.truths.extend([NO_EFFECT, Succeeded(invoice=paid(), charged=OWED)])
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.UNKNOWN
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_rate_limit_of_the_second_send_does_not_make_the_first_one_undone(bench: Bench) -> None:
    """The first send charged, late; nobody may read "expired, nothing was charged"."""
    await _in_doubt(bench)
    bench.provider.answers.append(Rejected(reason=RejectedReason.RATE_LIMITED, detail="slow down", retry_after=700))
    bench.provider.truths.append(NO_EFFECT)
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.UNKNOWN
    bench.provider.now_shows(paid())
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=15 * MINUTE)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_void_is_settled_by_what_the_invoice_has_become(bench: Bench) -> None:
    await _in_doubt(bench, action=Action.VOID)
    void = ended(INVOICE, InvoiceStatus.VOID)
    bench.provider.truths.append(Succeeded(invoice=void))
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.SUCCEEDED
    assert (await bench.fresh_offer()).invoice.status is InvoiceStatus.VOID


# --- after a crash -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resend", list(Resend))
async def test_a_crash_before_the_charge_never_makes_two_and_never_reads_failed(outside: Outside, resend: Resend) -> None:
    bench = _without_keys(outside, resend)
    await bench.press(await bench.shown())
    await bench.crash_while_sending(charged=False)
    await bench.work()
    expected = 1 if resend is Resend.KEYED else 0
    assert len(bench.provider.performed) == expected
    await bench.work(after=5 * MINUTE)
    state = ActionState.SUCCEEDED if resend is Resend.KEYED else ActionState.NOT_APPLIED
    assert (await bench.state(), len(bench.provider.performed)) == (state, expected)


@pytest.mark.parametrize("resend", list(Resend))
async def test_a_crash_after_the_charge_charges_once_and_is_found_out(outside: Outside, resend: Resend) -> None:
    bench = _without_keys(outside, resend)
    await bench.press(await bench.shown())
    await bench.crash_while_sending(charged=True)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED
    assert len(bench.provider.performed) == 1


# --- who hears of it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply_to", [by_command(TOM), on_card(TOM)], ids=["typed", "private card"])
async def test_a_person_is_told_a_doubt_once_and_its_end_once(bench: Bench, reply_to: object) -> None:
    bench.provider.answers.append(NO_NEWS)
    if reply_to == by_command(TOM):
        await bench.type("in_1", Action.RETRY, TOM)
    else:
        await bench.press(await bench.shown(), Action.RETRY, TOM, reply_to=on_card(TOM))
        await bench.talk()
    before = len(bench.announcer.said)
    await bench.work()
    bench.provider.truths.extend([NO_NEWS] * 4)
    for wait in (5, 30, 120, 600):
        await bench.work(after=wait * SECOND)
        await bench.talk(after=SECOND)
    private = [said for said in bench.announcer.said[before:] if said.how != "update"]
    assert len(private) == 1
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=HOUR)
    await bench.talk()
    await bench.talk(after=10 * SECOND)
    private = [said for said in bench.announcer.said[before:] if said.how != "update"]
    assert len(private) == 2


async def test_a_doubt_that_settles_at_once_is_answered_once(bench: Bench) -> None:
    bench.provider.answers.append(NO_NEWS)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.type("in_1")
    await bench.work()
    await bench.work(after=5 * SECOND)
    await bench.talk()
    await bench.talk(after=10 * SECOND)
    assert bench.announcer.how() == ["respond"]


async def test_who_typed_a_command_hears_of_a_doubt_that_a_crash_left(bench: Bench) -> None:
    offer = await bench.shown()
    await bench.press(offer, reply_to=by_command())
    await bench.crash_while_sending(charged=False)
    bench.provider.truths.append(NO_NEWS)
    await bench.work()
    await bench.talk()
    assert [said.how for said in bench.announcer.said if said.how != "update"] == ["respond"]


async def test_what_the_provider_accepted_and_has_not_done_yet_is_not_called_undone(bench: Bench) -> None:
    """Lago accepts a draft to be finalized and waits for its taxes; then it finalizes it, and charges the customer."""
    bench.provider.answers.append(Pending(detail="waits for the taxes"))
    await bench.press(await bench.shown(), Action.VOID, TOM)
    await bench.work()
    for after in (2 * MINUTE, 11 * MINUTE, 61 * MINUTE):
        bench.provider.truths.append(Rejected(reason=RejectedReason.NOT_APPLIED, detail="still a draft"))
        await bench.work(after=after)
        assert await bench.state() is ActionState.PENDING
    bench.provider.truths.append(Succeeded(invoice=ended(INVOICE, InvoiceStatus.VOID)))
    await bench.work(after=7 * HOUR)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_payment_said_to_be_under_way_is_not_called_undone_while_it_waits(bench: Bench) -> None:
    """Lago turned the retry away because a payment was running; the row of that payment says "pending", then "failed"."""
    waiting, failed = replace(INVOICE, payment=PaymentState.UNREAD), replace(INVOICE, payment=PaymentState.FAILED)
    bench.provider.answers.append(Pending(detail="a payment is already under way"))
    await bench.press(await bench.shown())
    await bench.work()
    for invoice, state in ((waiting, ActionState.PENDING), (failed, ActionState.NOT_APPLIED)):
        bench.provider.truths.append(Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect", invoice=invoice))
        await bench.work(after=11 * MINUTE)
        assert await bench.state() is state
