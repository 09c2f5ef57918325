"""What the worker claims, begins and records; whoever lost the lease can do neither."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.domain.action import Action, ActionState
from bot.domain.errors import JournalUnavailable, LeaseLost
from bot.domain.invoice import InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.records import Before, Claim
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Busy, Refused, Say
from bot.storage.engine import Storage
from tests.storage.builders import (
    ALREADY_OVER,
    CARD,
    FUNDS,
    INVOICE,
    KEY_WINDOW,
    LEASE,
    NOW,
    OWED,
    PAID,
    REF,
    TOM,
    TYPED,
    a_claim,
    a_drawn_offer,
    a_press,
    a_step,
    all_letters,
    an_accepted,
    an_offer,
    begun,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _kinds(storage: Storage) -> list[str]:
    _, entries = await storage.journal.history(REF)
    return [entry.kind for entry in entries]


async def test_an_accepted_action_is_due_at_once_and_claimed_once(storage: Storage, replica: Storage) -> None:
    accepted = await an_accepted(storage)
    assert await storage.journal.next_due() == NOW
    claim = await a_claim(storage)
    assert (claim.action, claim.offer and claim.offer.id) == (accepted.action, accepted.action.offer_id)
    assert claim.attempt is None
    assert await replica.journal.claim("other", LEASE, NOW) is None


async def test_what_is_due_later_waits(storage: Storage) -> None:
    await an_accepted(storage)
    assert await storage.journal.claim("early", LEASE, NOW - timedelta(seconds=1)) is None


async def test_the_action_that_is_due_longest_comes_first(storage: Storage) -> None:
    late, early = (an_offer(replace(INVOICE, ref=replace(REF, id=f"in_{when}"))) for when in ("late", "early"))
    await an_accepted(storage, a_press(late, at=NOW))
    await an_accepted(storage, a_press(early, at=NOW - timedelta(seconds=5)))
    assert (await a_claim(storage)).action.ref == early.ref
    assert (await a_claim(storage)).action.ref == late.ref


async def test_two_replicas_never_claim_the_same_action(storage: Storage, replica: Storage) -> None:
    for number in range(12):
        await an_accepted(storage, a_press(an_offer(replace(INVOICE, ref=replace(REF, id=f"in_{number}")))))
    claims = await asyncio.gather(
        *(store.journal.claim(f"w{n}", LEASE, NOW) for n in range(8) for store in (storage, replica))
    )
    claimed = [claim.action.id for claim in claims if claim is not None]
    assert len(claimed) == len(set(claimed)) == 12


async def test_an_expired_lease_is_claimed_by_another(storage: Storage) -> None:
    await an_accepted(storage)
    first = await a_claim(storage, lease=ALREADY_OVER)
    second = await a_claim(storage)
    assert second.action.state is ActionState.ACCEPTED
    for step in (storage.journal.record(first, a_step(ActionState.REJECTED)), begun(storage, first)):
        with pytest.raises(LeaseLost):
            await step
    await storage.journal.record(await begun(storage, second), a_step(ActionState.SUCCEEDED))


async def test_an_expired_lease_cannot_record_even_if_nobody_took_over(storage: Storage) -> None:
    accepted = await an_accepted(storage)
    with pytest.raises(LeaseLost):
        await storage.journal.record(await a_claim(storage, lease=ALREADY_OVER), a_step(ActionState.REJECTED))
    record = await storage.journal.action(accepted.action.id)
    assert record is not None
    assert record.state is ActionState.ACCEPTED
    assert await _kinds(storage) == ["action.accepted"]


async def test_after_the_attempt_a_claim_from_before_it_cannot_record(storage: Storage) -> None:
    await an_accepted(storage)
    claim = await a_claim(storage)
    await begun(storage, claim)
    with pytest.raises(LeaseLost):
        await storage.journal.record(claim, a_step(ActionState.REJECTED))


async def test_an_action_lost_while_executing_is_claimed_as_unknown(storage: Storage) -> None:
    await an_accepted(storage)
    sent = await begun(storage, await a_claim(storage, lease=timedelta(milliseconds=300)))
    assert await storage.journal.claim("other", LEASE, NOW) is None
    await asyncio.sleep(0.35)
    found = await a_claim(storage)
    assert found.action.state is ActionState.UNKNOWN
    assert found.action.ending is not None
    assert found.attempt == sent.attempt
    assert await _kinds(storage) == ["action.accepted", "attempt.begun", "attempt.lost"]
    with pytest.raises(LeaseLost):
        await storage.journal.record(sent, a_step(ActionState.SUCCEEDED))


async def test_beginning_twice_is_one_attempt_under_one_key(storage: Storage) -> None:
    await an_accepted(storage)
    sent = await begun(storage, await a_claim(storage))
    await storage.journal.record(sent, a_step(ActionState.UNKNOWN))
    first = sent.attempt
    later = NOW + timedelta(minutes=1)
    other = replace(Before.of(INVOICE), newest_charge="ch_9")
    again = await storage.journal.begin(await a_claim(storage, at=later), other, KEY_WINDOW, later)
    assert first is not None
    assert again == replace(first, sends=2, last_sent_at=later)
    assert first.key == f"recoup-{first.action_id}"
    assert first.key_expires_at == NOW + timedelta(hours=24) * 0.8
    assert first.before == Before(newest_charge="ch_1", payment=PaymentState.FAILED, owed=OWED, status="open")
    assert (await _kinds(storage))[-1] == "attempt.resent"


async def test_a_recorded_ending_is_whole(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    accepted = await an_accepted(storage, a_press(offer))
    await all_letters(storage)
    claim = await begun(storage, await a_claim(storage))
    ended_at = NOW + timedelta(seconds=3)
    await storage.journal.record(claim, a_step(ActionState.DECLINED, PAID, ended_at))
    record = await storage.journal.action(accepted.action.id)
    assert record is not None
    assert (record.state, record.next_check_at) == (ActionState.DECLINED, None)
    assert record.ending == a_step(ActionState.DECLINED, at=ended_at).ending
    (shown,) = await storage.journal.shown("digest-1")
    assert (shown.invoice, shown.actions, shown.place, shown.made_at) == (PAID, 1, offer.place, ended_at)
    assert shown.id != offer.id
    _, entries = await storage.journal.history(REF)
    assert entries[-1].kind == "action.declined"
    assert entries[-1].facts.items() >= {"request_id": "req_1", "decline": FUNDS.code}.items()
    assert [(letter.kind, letter.target) for letter in await all_letters(storage, ended_at)] == [(Say.REDRAW, "digest-1")]
    assert await storage.journal.next_due() is None


async def test_a_private_card_gets_a_new_offer_without_a_redraw(storage: Storage) -> None:
    offer = await a_drawn_offer(storage, an_offer(message="card-1"))
    accepted = await an_accepted(storage, a_press(offer, reply_to=CARD))
    await all_letters(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.SUCCEEDED, PAID))
    (shown,) = await storage.journal.shown("card-1")
    assert shown.invoice == PAID
    assert [(letter.kind, letter.target) for letter in await all_letters(storage)] == [(Say.ANSWER, accepted.action.id)]


async def test_a_doubt_is_told_only_after_a_while(storage: Storage) -> None:
    await an_accepted(storage)
    await all_letters(storage)
    later = NOW + timedelta(seconds=6)
    step = replace(a_step(ActionState.UNKNOWN), say_after=later)
    await storage.journal.record(await begun(storage, await a_claim(storage)), step)
    assert await storage.outbox.next_due() == later
    assert await all_letters(storage) == []
    assert [letter.kind for letter in await all_letters(storage, later)] == [Say.REDRAW]


async def test_a_late_result_is_also_said_aloud(storage: Storage) -> None:
    accepted = await an_accepted(storage)
    await all_letters(storage)
    step = replace(a_step(ActionState.SUCCEEDED), late_note=True)
    await storage.journal.record(await begun(storage, await a_claim(storage)), step)
    letters = await all_letters(storage)
    assert [(letter.kind, letter.target) for letter in letters] == [
        (Say.REDRAW, "digest-1"),
        (Say.LATE_NOTE, f"late:{accepted.action.id}"),
    ]
    assert {letter.action_id for letter in letters} == {accepted.action.id}


async def test_buttons_that_will_work_again_later_are_redrawn_then(storage: Storage) -> None:
    await an_accepted(storage)
    await all_letters(storage)
    in_an_hour = NOW + timedelta(hours=1)
    step = replace(a_step(ActionState.DECLINED, INVOICE), redraw_at=in_an_hour)
    await storage.journal.record(await begun(storage, await a_claim(storage)), step)
    assert len(await all_letters(storage)) == 1
    assert await storage.outbox.next_due() == in_an_hour
    assert [letter.kind for letter in await all_letters(storage, in_an_hour)] == [Say.REDRAW]


async def test_waiting_for_a_rate_limit_is_no_ending(storage: Storage) -> None:
    await an_accepted(storage, a_press(None, reply_to=TYPED))
    claim = await storage.journal.bind(await a_claim(storage), an_offer(message="typed-1"))
    assert isinstance(claim, Claim)
    later = NOW + timedelta(seconds=5)
    step = replace(a_step(ActionState.ACCEPTED), next_check_at=later, late_note=True)
    await storage.journal.record(await begun(storage, claim), step)
    assert await all_letters(storage, later) == []
    again = await a_claim(storage, at=later)
    assert again.action.state is ActionState.ACCEPTED
    assert again.attempt is not None
    assert await storage.journal.ended_actions(REF) == 0


async def test_a_typed_command_is_bound_to_its_invoice(storage: Storage) -> None:
    accepted = await an_accepted(storage, a_press(None, reply_to=TYPED))
    offer = an_offer(message="typed-1")
    claim = await storage.journal.bind(await a_claim(storage), offer)
    assert isinstance(claim, Claim)
    assert (claim.action.ref, claim.action.amount, claim.offer) == (REF, OWED, offer)
    assert await storage.journal.live_action(REF) == claim.action
    await storage.journal.record(await begun(storage, claim), a_step(ActionState.SUCCEEDED, PAID))
    assert [letter.target for letter in await all_letters(storage)] == [accepted.action.id]
    assert (await _kinds(storage))[0] == "action.accepted"


async def test_a_typed_command_finds_its_invoice_busy(storage: Storage) -> None:
    first = await an_accepted(storage)
    await an_accepted(storage, a_press(None, TOM, reply_to=TYPED))
    await a_claim(storage)
    claim = await a_claim(storage)
    assert await storage.journal.bind(claim, an_offer(message="typed-1")) == Busy(first.action)
    await storage.journal.record(claim, a_step(ActionState.REFUSED))


async def test_a_claim_on_which_nothing_was_sent_is_given_back(storage: Storage) -> None:
    await an_accepted(storage)
    claim = await a_claim(storage)
    await storage.journal.release(claim.owner)
    again = await a_claim(storage)
    await begun(storage, again)
    await storage.journal.release(again.owner)
    assert await storage.journal.claim("other", LEASE, NOW) is None


async def test_the_next_look_is_not_before_the_lease_ends(storage: Storage) -> None:
    await an_accepted(storage)
    await a_claim(storage)
    due = await storage.journal.next_due()
    assert due is not None
    assert due > NOW


async def test_after_a_restart_the_only_writer_of_a_file_frees_dead_leases(storage: Storage) -> None:
    await an_accepted(storage)
    sent = await begun(storage, await a_claim(storage))
    is_sqlite = storage.journal._db.is_sqlite
    assert await storage.journal.recover(NOW) == (1 if is_sqlite else 0)
    found = await storage.journal.claim("other", LEASE, NOW)
    assert (found is not None) == is_sqlite
    if found is not None:
        assert found.action.state is ActionState.UNKNOWN
        assert found.attempt == sent.attempt


async def test_ended_actions_count_only_what_was_sent(storage: Storage) -> None:
    for state in (ActionState.REFUSED, ActionState.EXPIRED, ActionState.NOT_APPLIED, ActionState.DECLINED):
        await an_accepted(storage, a_press(await a_drawn_offer(storage)))
        await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(state))
    assert await storage.journal.ended_actions(REF) == 2
    assert await storage.journal.ended_actions(replace(REF, id="in_2")) == 0


async def test_only_retries_that_may_have_reached_the_bank_count_as_attempts(storage: Storage) -> None:
    assert await storage.journal.retries(REF, NOW) == []
    for minutes, action, state in (
        (1, Action.RETRY, ActionState.DECLINED),
        (2, Action.VOID, ActionState.SUCCEEDED),
        (3, Action.RETRY, ActionState.REJECTED),
        (4, Action.RETRY, ActionState.NOT_APPLIED),
        (5, Action.RETRY, ActionState.DECLINED),
        (6, Action.RETRY, ActionState.EXPIRED),
        (7, Action.RETRY, ActionState.SUCCEEDED),
    ):
        at = NOW + timedelta(minutes=minutes)
        await an_accepted(storage, a_press(await a_drawn_offer(storage), action=action, at=at))
        await storage.journal.record(await begun(storage, await a_claim(storage, at=at), at), a_step(state))
    first, second, third = (NOW + timedelta(minutes=minutes) for minutes in (1, 5, 7))
    assert await storage.journal.retries(REF, NOW) == [first, second, third]
    assert await storage.journal.retries(REF, first) == [second, third]
    assert await storage.journal.retries(replace(REF, id="in_2"), NOW) == []


@pytest.mark.parametrize("state", [ActionState.PENDING, ActionState.UNKNOWN, ActionState.NEEDS_HUMAN])
async def test_a_retry_in_doubt_counts_as_an_attempt_once_however_often_it_is_sent(
    storage: Storage, state: ActionState
) -> None:
    later = NOW + timedelta(minutes=1)
    await an_accepted(storage)
    claim = await begun(storage, await a_claim(storage))
    assert await storage.journal.retries(REF, NOW - timedelta(days=30)) == [NOW]
    await storage.journal.record(claim, a_step(ActionState.UNKNOWN))
    again = await begun(storage, await a_claim(storage, at=later), later)
    await storage.journal.record(again, a_step(state, at=later))
    assert await storage.journal.retries(REF, NOW - timedelta(days=30)) == [later]


async def test_a_persons_day_counts_what_was_moved_or_may_still_be(storage: Storage) -> None:
    yen = Money(5_000, "JPY")
    for number, (state, owed) in enumerate(
        [
            (ActionState.SUCCEEDED, OWED),
            (ActionState.UNKNOWN, OWED),
            (ActionState.DECLINED, OWED),
            (ActionState.SUCCEEDED, yen),
        ]
    ):
        invoice = replace(INVOICE, ref=replace(REF, id=f"in_{number}"), owed=owed)
        await an_accepted(storage, a_press(an_offer(invoice)))
        await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(state))
    spent = await storage.journal.spent("U0ANA", NOW - timedelta(hours=24))
    assert spent == {"EUR": Money(84_000, "EUR"), "JPY": yen}
    assert await storage.journal.spent("U0ANA", NOW + timedelta(seconds=1)) == {}
    assert await storage.journal.spent("U0TOM", NOW - timedelta(hours=24)) == {}


async def test_the_newest_action_and_the_newest_offers_win(storage: Storage) -> None:
    first = await an_accepted(storage)
    await storage.journal.record(await a_claim(storage), a_step(ActionState.REFUSED))
    second = await an_accepted(storage, a_press(an_offer()))
    assert await storage.journal.newest_action(REF) == second.action
    records, _ = await storage.journal.history(REF)
    assert [record.id for record in records] == [first.action.id, second.action.id]
    fresh = an_offer(PAID)
    await storage.journal.draw([fresh, an_offer(row=1)])
    assert [(offer.place.row, offer.invoice.status) for offer in await storage.journal.shown("digest-1")] == [
        (0, InvoiceStatus.PAID),
        (1, InvoiceStatus.OPEN),
    ]
    assert await storage.journal.offer(fresh.id) == fresh
    assert await storage.journal.offer("0" * 32) is None


@pytest.mark.parametrize("change", ["UPDATE event SET kind = 'nothing'", "DELETE FROM event"])
async def test_the_audit_trail_cannot_be_changed(storage: Storage, change: str) -> None:
    await an_accepted(storage)
    with pytest.raises(JournalUnavailable, match="append-only"):
        async with storage.journal._db.write() as connection:
            await connection.execute(text(change))
    assert await _kinds(storage) == ["action.accepted"]


async def test_a_state_of_a_newer_version_is_left_to_people(storage: Storage) -> None:
    accepted = await an_accepted(storage)
    async with storage.journal._db.write() as connection:
        await connection.execute(text("UPDATE action SET state = 'haggling'"))
    record = await storage.journal.action(accepted.action.id)
    assert record is not None
    assert record.state is ActionState.NEEDS_HUMAN
    assert await storage.journal.claim("worker", LEASE, NOW) is None


async def test_a_decision_that_only_a_newer_version_knows_is_left_to_it(storage: Storage) -> None:
    await an_accepted(storage)
    async with storage.journal._db.write() as connection:
        await connection.execute(text("UPDATE action SET kind = 'pause_dunning'"))
    assert await storage.journal.claim("worker", LEASE, NOW) is None
    assert await storage.journal.open_actions() == []
    with pytest.raises(JournalUnavailable, match="newer version"):
        await storage.journal.live_action(REF)


def _again(delivery: str) -> Refused:
    refusal = Refusal(RefusalKind.OLD_BUTTON)
    return Refused(delivery=delivery, actor=TOM, reply_to=TYPED, refusal=refusal, word="retry", at=NOW, answer=False)


async def test_what_nobody_needs_is_forgotten(storage: Storage) -> None:
    press = a_press(await a_drawn_offer(storage))
    await an_accepted(storage, press)
    await storage.journal.record(await a_claim(storage), a_step(ActionState.DECLINED, INVOICE))
    private = await a_drawn_offer(storage, an_offer(message="card-1"))
    await all_letters(storage)
    (shown,) = await storage.journal.shown("digest-1")

    await storage.journal.prune(NOW + timedelta(hours=23))
    assert await storage.journal.refuse(_again(press.delivery)) is False
    assert await storage.journal.offer(private.id) == private

    await storage.journal.prune(NOW + timedelta(days=91))
    assert press.offer is not None
    assert await storage.journal.offer(press.offer.id) is None
    assert await storage.journal.offer(private.id) is None
    assert await storage.journal.shown("digest-1") == [shown]
    assert await storage.journal.refuse(_again(press.delivery)) is True
    records, entries = await storage.journal.history(REF)
    assert (len(records), len(entries)) == (1, 2)
