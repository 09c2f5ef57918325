"""What an answer, or none, makes of a decision: five endings, honestly told, each charge made at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.content import Choice
from bot.domain.digest import Watched
from bot.domain.errors import FailureReason, JournalUnavailable, LeaseLost, ProviderFailure
from bot.domain.invoice import InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt, Before, Claim
from bot.domain.refusal import RefusalKind
from bot.ports import ActionOrder, AlreadyAccepted, DayLimit, Redelivered
from bot.services.execution import SEND_DEADLINE, Execution
from bot.services.worker import LEASE
from bot.storage.journal import SqlJournal
from tests.builders import AMEX, FACTS, FUNDS, INVOICE, OWED, REF, STOLEN, TOM, declined, ended, on_card, paid
from tests.fakes import FakeProvider, FlakyJournal
from tests.services.bench import HOUR, MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITED = Rejected(reason=RejectedReason.RATE_LIMITED, detail="slow down")


async def _sent(bench: Bench, *answers: Outcome | Exception, action: Action = Action.RETRY) -> None:
    bench.provider.answers.extend(answers)
    await bench.press(await bench.shown(), action, TOM)
    await bench.work()


async def test_pressing_the_button_twice_moves_money_once(bench: Bench) -> None:
    offer = await bench.shown()
    answers = await asyncio.gather(bench.press(offer), bench.press(offer))
    await bench.work()
    assert sorted(type(answer).__name__ for answer in answers) == ["Accepted", "AlreadyAccepted"]
    assert [order.action for order in bench.provider.performed] == [Action.RETRY]


async def test_pressing_again_after_the_end_moves_no_money(bench: Bench) -> None:
    offer = await bench.shown()
    await bench.press(offer)
    await bench.work()
    assert isinstance(await bench.press(offer), AlreadyAccepted)
    await bench.work()
    assert len(bench.provider.performed) == 1


async def test_a_redelivered_press_has_no_effect(bench: Bench) -> None:
    offer = await bench.shown()
    pressed = bench.pressed(offer)
    await bench.actions.press(pressed)
    await bench.work()
    assert isinstance(await bench.actions.press(pressed), Redelivered)
    await bench.work()
    assert len(bench.provider.performed) == 1


async def test_a_paid_retry_tells_what_was_charged_and_asks_for_what_was_seen(bench: Bench) -> None:
    await _sent(bench)
    action, (order,) = await bench.newest(), bench.provider.performed
    assert (order.expected, order.invoice, order.key) == (OWED, INVOICE, f"recoup-{action.id}")
    assert action.ending is not None
    assert (action.state, action.ending.charged, action.ending.paid_in_full) == (ActionState.SUCCEEDED, OWED, True)
    assert action.ending.request_id == "req_1"


async def test_an_amount_other_than_the_one_seen_is_told_as_it_is(bench: Bench) -> None:
    await _sent(bench, Succeeded(invoice=paid(), charged=Money(40_000, "EUR")))
    action = await bench.newest()
    assert action.ending is not None
    assert (action.amount, action.ending.charged) == (OWED, Money(40_000, "EUR"))


async def test_a_part_payment_is_never_recorded_as_paid(bench: Bench) -> None:
    part = replace(INVOICE, owed=Money(2_000, "EUR"), newest_charge="ch_2")
    await _sent(bench, Succeeded(invoice=part, charged=Money(40_000, "EUR")))
    assert not (await bench.ending()).paid_in_full


async def test_a_part_payment_is_not_taken_for_the_whole_where_the_invoice_cannot_be_read(bench: Bench) -> None:
    async def and_then_silence() -> Outcome:
        bench.provider.read_failures.append(ProviderFailure(FailureReason.UNREACHABLE, "no answer"))
        return Succeeded(charged=Money(40_000, "EUR"))

    bench.provider.answers.append(and_then_silence)
    await _sent(bench)
    assert not (await bench.ending()).paid_in_full


async def test_a_void_is_full_although_the_invoice_still_names_an_amount(bench: Bench) -> None:
    await _sent(bench, Succeeded(invoice=ended(INVOICE, InvoiceStatus.VOID)), action=Action.VOID)
    assert (await bench.ending()).paid_in_full


async def test_a_decline_is_recorded_with_its_reason_and_the_row_is_redrawn_when_the_hour_is_over(bench: Bench) -> None:
    bench.provider.now_shows(INVOICE)

    async def decline() -> Outcome:
        bench.provider.now_shows(declined(decline=FUNDS))
        return Declined(decline=FUNDS, request_id="req_2")

    bench.provider.answers.append(decline)
    await _sent(bench)
    ending = await bench.ending()
    assert (await bench.state(), ending.decline, ending.request_id) == (ActionState.DECLINED, FUNDS, "req_2")
    assert Choice.RETRY not in (await bench.fresh_row()).choices
    await bench.talk()
    said = len(bench.announcer.said)
    await bench.talk(after=HOUR)
    assert len(bench.announcer.said) == said + 1
    assert Choice.RETRY in (await bench.fresh_row()).choices


async def test_a_pending_payment_is_not_shown_as_paid_and_blocks_the_invoice(bench: Bench) -> None:
    await _sent(bench, Pending(detail="the bank needs days"))
    action = await bench.newest()
    assert (action.state, action.next_check_at) == (ActionState.PENDING, bench.clock.now() + MINUTE)
    assert (await bench.fresh_row()).choices == (Choice.CHECK,)


@pytest.mark.parametrize(
    "silence",
    [Unknown(cause="no answer"), TimeoutError(), ValueError("not JSON"), KeyError("status"), RuntimeError("a bug")],
    ids=lambda silence: type(silence).__name__,
)
async def test_a_send_without_an_answer_is_unknown_whatever_went_wrong(bench: Bench, silence: Unknown | Exception) -> None:
    await _sent(bench, silence)
    action = await bench.newest()
    assert (action.state, action.next_check_at) == (ActionState.UNKNOWN, bench.clock.now() + 5 * SECOND)
    assert (await bench.fresh_row()).choices == ()
    bench.clock.advance(9 * SECOND)
    assert (await bench.fresh_row()).choices == (Choice.CHECK,)


async def test_a_clear_no_of_the_provider_frees_the_invoice(bench: Bench) -> None:
    await _sent(bench, Rejected(reason=RejectedReason.FORBIDDEN, detail="the key may not", request_id="req_3"))
    ending = await bench.ending()
    assert (await bench.state(), ending.reason, ending.request_id) == (
        ActionState.REJECTED,
        RejectedReason.FORBIDDEN,
        "req_3",
    )
    assert Choice.RETRY in (await bench.fresh_row()).choices


async def test_a_rate_limited_send_is_the_same_attempt_sent_again_under_the_same_key(bench: Bench) -> None:
    await _sent(bench, replace(LIMITED, retry_after=30.0))
    assert await bench.state() is ActionState.ACCEPTED
    await bench.work(after=28 * SECOND)
    assert len(bench.provider.performed) == 1
    claim = await bench.journal.claim("look", LEASE, bench.clock.now() + MINUTE)
    assert claim is not None
    assert claim.attempt is not None
    assert claim.attempt.sends == 1
    await bench.journal.release("look")
    await bench.work(after=3 * SECOND)
    assert await bench.state() is ActionState.SUCCEEDED
    assert len({order.key for order in bench.provider.performed}) == 1
    assert len(bench.provider.performed) == 2
    assert (await bench.events()).count("attempt.begun") == 1


async def test_a_rate_limit_that_lasts_past_ten_minutes_expires_and_charges_nothing(bench: Bench) -> None:
    await _sent(bench, *[replace(LIMITED, retry_after=200.0)] * 9)
    for _ in range(4):
        await bench.work(after=201 * SECOND)
    assert await bench.state() is ActionState.EXPIRED
    assert 1 < len(bench.provider.performed) < 9


async def test_a_rate_limited_decision_is_checked_against_the_invoice_before_it_is_sent_again(bench: Bench) -> None:
    await _sent(bench, LIMITED)
    bench.provider.now_shows(paid())
    await bench.work(after=6 * SECOND)
    assert (await bench.refusal()).kind is RefusalKind.CHANGED
    assert len(bench.provider.performed) == 1


async def test_a_reason_reaches_the_provider_without_control_characters_and_within_its_limit(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(INVOICE, facts=replace(FACTS, reason_limit=12)))
    offer = await bench.shown()
    await bench.actions.press(bench.pressed(offer, Action.VOID, TOM, reason="bad\x00\n  debt\u202e, gone for good"))
    await bench.work()
    assert [order.reason for order in bench.provider.performed] == ["bad debt , g"]


async def test_a_named_method_is_sent_with_the_order(bench: Bench) -> None:
    bench.provider.now_shows(replace(INVOICE, decline=STOLEN))
    await bench.type("in_1", method=AMEX.id)
    await bench.work()
    assert [order.method for order in bench.provider.performed] == [AMEX.id]


# --- telling late --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "is_noted"), [(59, False), (61, True)])
async def test_an_ending_later_than_a_minute_is_said_where_the_person_notices_it(
    bench: Bench, seconds: int, is_noted: bool
) -> None:
    await bench.press(await bench.shown())
    await bench.work(after=seconds * SECOND)
    await bench.talk()
    assert ("post" in bench.announcer.how()) is is_noted


async def test_a_doubt_that_the_first_check_settles_is_never_shown(bench: Bench) -> None:
    await _sent(bench, Unknown(cause="no answer"))
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.talk()
    before = len(bench.announcer.said)
    await bench.talk(after=4 * SECOND)
    assert len(bench.announcer.said) == before
    await bench.work(after=SECOND)
    await bench.talk()
    shown = bench.announcer.states()
    assert ActionState.UNKNOWN not in shown
    assert shown[-1] is ActionState.SUCCEEDED


async def test_a_doubt_that_lasts_is_shown_after_six_seconds(bench: Bench) -> None:
    await _sent(bench, Unknown(cause="no answer"))
    bench.provider.truths.append(Unknown(cause="still no answer"))
    await bench.work(after=5 * SECOND)
    await bench.talk(after=SECOND)
    assert bench.announcer.states()[-1] is ActionState.UNKNOWN


# --- a stumbling worker --------------------------------------------------------------------------------------------


async def test_a_worker_that_lost_its_lease_records_nothing(outside: Outside) -> None:
    zombie, other = Bench(outside), Bench(outside)
    other.provider.truths.append(Succeeded(invoice=paid(), charged=OWED, ours=False))

    async def stall() -> Outcome:
        await outside.storage.journal.recover(outside.clock.now())
        await other.work()
        return Declined(decline=FUNDS)

    zombie.provider.answers.append(stall)
    await zombie.press(await zombie.shown())
    await zombie.work()
    assert await zombie.state() is ActionState.SUCCEEDED
    events = await zombie.events()
    assert [events.count(kind) for kind in ("action.succeeded", "action.declined", "attempt.lost")] == [1, 0, 1]


async def test_a_worker_without_a_lease_cannot_begin_to_send(bench: Bench) -> None:
    await bench.press(await bench.shown())
    claim = await bench.journal.claim("zombie", LEASE, bench.clock.now())
    assert claim is not None
    await bench.journal.recover(bench.clock.now())
    with pytest.raises(LeaseLost):
        await bench.execution.execute(claim)
    assert bench.provider.performed == []


async def test_an_answer_that_the_database_does_not_take_is_kept_and_written_again(outside: Outside) -> None:
    journal = FlakyJournal(outside.storage.journal)
    bench = Bench(outside, journal=journal)
    journal.failures.append(JournalUnavailable("the database is locked"))
    await _sent(bench)
    assert await bench.state() is ActionState.SUCCEEDED
    assert len(bench.provider.performed) == 1


async def test_an_answer_whose_commit_was_taken_but_not_confirmed_is_recorded_once(outside: Outside) -> None:
    journal = FlakyJournal(outside.storage.journal)
    journal.is_lost_answer = True
    bench = Bench(outside, journal=journal)
    journal.failures.append(JournalUnavailable("the connection broke"))
    await _sent(bench)
    assert await bench.state() is ActionState.SUCCEEDED
    assert (await bench.events()).count("action.succeeded") == 1


async def test_an_answer_that_cannot_be_written_down_leaves_a_doubt_and_no_second_charge(outside: Outside) -> None:
    journal = FlakyJournal(outside.storage.journal)
    bench = Bench(outside, journal=journal)

    async def charged_while_the_database_dies() -> Outcome:
        journal.failures.extend([JournalUnavailable("gone")] * 2)
        bench.provider.now_shows(paid())
        return Succeeded(invoice=paid(), charged=OWED)

    bench.provider.answers.append(charged_while_the_database_dies)
    offer = await bench.shown()
    await bench.press(offer)
    bench.clock.advance(SECOND)
    stepping = asyncio.create_task(bench.worker.step())
    await journal.has_failed.wait()
    bench.clock.advance(HOUR)
    await stepping
    await outside.storage.journal.recover(bench.clock.now())
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED
    assert len(bench.provider.performed) == 1


async def test_a_read_that_breaks_after_the_charge_does_not_cost_the_ending(bench: Bench) -> None:
    async def charge_and_break() -> Outcome:
        bench.provider.read_failures.append(ValueError("a bug in the adapter"))
        return Succeeded(charged=OWED)

    bench.provider.answers.append(charge_and_break)
    await _sent(bench)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_send_that_is_cancelled_stays_a_doubt(bench: Bench) -> None:
    sending = asyncio.Event()

    async def hang() -> Outcome:
        sending.set()
        await asyncio.sleep(3600)
        raise AssertionError

    bench.provider.answers.append(hang)
    await bench.press(await bench.shown())
    bench.clock.advance(SECOND)
    step = asyncio.create_task(bench.worker.step())
    await sending.wait()
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    assert await bench.state() is ActionState.EXECUTING
    await bench.journal.recover(bench.clock.now())
    bench.provider.truths.append(Unknown(cause="no news"))
    await bench.work()
    assert await bench.state() is ActionState.UNKNOWN


async def test_a_claim_that_lost_its_offer_is_refused_and_not_guessed(bench: Bench) -> None:
    await bench.press(await bench.shown(), reply_to=on_card())
    claim = await bench.journal.claim("worker", LEASE, bench.clock.now())
    assert claim is not None
    await bench.execution.execute(Claim(owner=claim.owner, action=claim.action, offer=None, attempt=None))
    assert (await bench.refusal()).kind is RefusalKind.OLD_BUTTON


async def test_two_workers_on_one_database_send_once(outside: Outside) -> None:
    stripe = FakeProvider(INVOICE)
    one, two = Bench(outside, stripe), Bench(outside, stripe)
    await one.press(await one.shown())
    await asyncio.gather(one.work(), two.work())
    assert [order.invoice.ref for order in stripe.performed] == [REF]


async def test_an_order_is_built_from_the_guard_read_not_from_what_the_message_showed(bench: Bench) -> None:
    fresh = replace(INVOICE, attempts=3, next_attempt_at=INVOICE.created_at)
    offer = await bench.shown()
    bench.provider.now_shows(fresh)
    await bench.press(offer)
    await bench.work()
    (order,) = bench.provider.performed
    assert isinstance(order, ActionOrder)
    assert order.invoice == fresh
    assert bench.clock.now() - offer.made_at < timedelta(minutes=1)


async def test_a_send_turned_away_that_had_its_effect_after_all_is_not_told_as_nothing_done(bench: Bench) -> None:
    """A proxy's 429 in front of a provider that has charged already."""
    await _sent(bench, LIMITED)
    assert await bench.state() is ActionState.ACCEPTED
    bench.provider.now_shows(paid())
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=6 * SECOND)
    assert (await bench.state(), (await bench.ending()).charged) == (ActionState.SUCCEEDED, OWED)
    assert len(bench.provider.performed) == 1


async def test_a_send_turned_away_whose_invoice_somebody_else_paid_is_refused_as_changed(bench: Bench) -> None:
    await _sent(bench, LIMITED)
    bench.provider.now_shows(ended(INVOICE, InvoiceStatus.VOID))
    bench.provider.truths.append(Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect"))
    await bench.work(after=6 * SECOND)
    assert (await bench.refusal()).kind is RefusalKind.CHANGED


async def test_what_waited_for_its_turn_until_it_was_too_late_is_looked_up_before_it_is_called_not_done(
    bench: Bench,
) -> None:
    await _sent(bench, LIMITED)
    bench.provider.now_shows(paid())
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=11 * MINUTE)
    assert await bench.state() is ActionState.SUCCEEDED


@pytest.mark.parametrize("failure", [ProviderFailure(FailureReason.UNREACHABLE, "no route"), RuntimeError("a bug of ours")])
async def test_what_was_turned_away_and_cannot_be_read_any_more_is_not_called_not_done(
    bench: Bench, failure: Exception
) -> None:
    """The provider said 429 and charged; then nobody can look."""
    await _sent(bench, LIMITED)
    bench.provider.read_failures.append(failure)
    bench.provider.truths.append(Unknown(cause="no route"))
    await bench.work(after=6 * SECOND)
    assert await bench.state() is ActionState.UNKNOWN
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=MINUTE)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.SUCCEEDED, 1)


async def test_what_expires_after_a_rate_limit_and_cannot_be_read_is_not_called_not_done(bench: Bench) -> None:
    await _sent(bench, LIMITED)
    bench.provider.truths += [Unknown(cause="no route"), Succeeded(invoice=paid(), charged=OWED)]
    await bench.work(after=11 * MINUTE)
    assert await bench.state() is ActionState.UNKNOWN
    await bench.work(after=MINUTE)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.SUCCEEDED, 1)


async def test_what_was_turned_away_is_looked_up_before_the_loss_of_a_right_ends_it(bench: Bench) -> None:
    await _sent(bench, LIMITED)
    bench.directory.people = bench.directory.fresh = None
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.work(after=6 * SECOND)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.SUCCEEDED, 1)


class AwayWatchlist:
    """The database went away."""

    async def watch(self, ref: InvoiceRef, by: str, at: datetime) -> bool:
        raise JournalUnavailable(f"not written down: {ref}, {by}, {at}")

    async def unwatch(self, ref: InvoiceRef, by: str, at: datetime) -> bool:
        raise JournalUnavailable(f"not written down: {ref}, {by}, {at}")

    async def watched(self, accounts: Sequence[str]) -> list[Watched]:
        raise JournalUnavailable(f"not read: {accounts}")


async def test_a_database_that_goes_away_before_the_send_leaves_no_doubt_about_it(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(INVOICE, facts=replace(FACTS, has_list=False)))
    await bench.press(await bench.shown())
    bench.clock.advance(SECOND)
    claim = await bench.journal.claim("worker", LEASE, bench.clock.now())
    assert claim is not None
    execution = Execution(
        bench.journal,
        bench.accounts,
        bench.rights,
        bench.resolution,
        rows=bench.rows,
        watchlist=AwayWatchlist(),
        clock=bench.clock,
    )
    with pytest.raises(JournalUnavailable):
        await execution.execute(claim)
    assert (bench.provider.performed, await bench.state()) == ([], ActionState.ACCEPTED)


class HeldUpJournal(SqlJournal):
    """The process stands still for `span` between the commit of an attempt and its send."""

    def __init__(self, bench: Bench, span: timedelta) -> None:
        super().__init__(bench.storage.journal._db)
        self._clock = bench.clock
        self._span = span

    async def begin(
        self, claim: Claim, before: Before, key_window: timedelta, now: datetime, *, within: DayLimit | None = None
    ) -> Attempt:
        attempt = await super().begin(claim, before, key_window, now, within=within)
        self._clock.advance(self._span)
        return attempt


async def test_a_worker_that_stood_still_after_it_began_sends_nothing_any_more(outside: Outside, bench: Bench) -> None:
    slow = Bench(outside, bench.provider, journal=HeldUpJournal(bench, SEND_DEADLINE))
    await slow.press(await slow.shown())

    await slow.work()

    assert bench.provider.performed == []
    assert await bench.state() is ActionState.UNKNOWN


async def test_a_worker_that_stood_still_for_a_moment_still_sends(outside: Outside, bench: Bench) -> None:
    slow = Bench(outside, bench.provider, journal=HeldUpJournal(bench, SEND_DEADLINE - SECOND))
    await slow.press(await slow.shown())

    await slow.work()

    assert await bench.state() is ActionState.SUCCEEDED
