"""What a press writes down, and what it doesn't when it comes twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.policy import Actor
from bot.domain.records import ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, AlreadyAccepted, Busy, Letter, Redelivered, Refused, Say
from bot.storage.engine import Storage, open_storage
from tests.storage.builders import (
    ANA,
    CARD,
    INVOICE,
    NOW,
    OWED,
    REF,
    ROW,
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


def _refusal_in(letters: list[Letter]) -> Refusal:
    (letter,) = [each for each in letters if each.kind is Say.REFUSAL]
    refusal = letter.body["refusal"]
    assert isinstance(refusal, Refusal)
    return refusal


async def _kinds(storage: Storage) -> list[str]:
    _, entries = await storage.journal.history(REF)
    return [entry.kind for entry in entries]


async def test_a_press_is_written_down_with_what_was_shown(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    accepted = await an_accepted(storage, a_press(offer))
    record = await storage.journal.action(accepted.action.id)
    assert record == accepted.action
    assert record is not None
    assert (record.state, record.ref, record.amount, record.offer_id) == (ActionState.ACCEPTED, REF, OWED, offer.id)
    assert record.next_check_at == NOW
    assert record.reply_to == ROW
    assert await storage.journal.live_action(REF) == record
    assert await storage.journal.open_actions() == [record]


async def test_pressing_the_button_twice_makes_one_action(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    first = await an_accepted(storage, a_press(offer))
    second = await storage.journal.accept(a_press(offer, TOM))
    assert second == AlreadyAccepted(first.action)
    assert len(await storage.journal.open_actions()) == 1
    refusal = _refusal_in(await all_letters(storage))
    assert refusal.kind is RefusalKind.ALREADY_RUNNING
    assert refusal.facts == {"by": "U0ANA", "at": NOW.isoformat(), "state": "accepted", "word": "retry"}
    assert await _kinds(storage) == ["action.accepted", "press.repeated"]


async def test_a_second_press_after_the_end_hears_that_it_is_done(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    await an_accepted(storage, a_press(offer))
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.SUCCEEDED))
    assert isinstance(await storage.journal.accept(a_press(offer)), AlreadyAccepted)
    assert _refusal_in(await all_letters(storage)).kind is RefusalKind.ALREADY_DONE


async def test_a_redelivered_press_has_no_second_effect(storage: Storage) -> None:
    press = a_press(await a_drawn_offer(storage))
    await an_accepted(storage, press)
    await all_letters(storage)
    assert await storage.journal.accept(press) == Redelivered()
    assert await all_letters(storage) == []
    assert await _kinds(storage) == ["action.accepted"]


async def test_another_decision_about_the_invoice_finds_it_busy(storage: Storage) -> None:
    first = await an_accepted(storage)
    elsewhere = await a_drawn_offer(storage, an_offer(message="digest-2"))
    second = await storage.journal.accept(a_press(elsewhere, TOM, Action.VOID))
    assert second == Busy(first.action)
    refusal = _refusal_in(await all_letters(storage))
    assert (refusal.kind, refusal.facts["by"]) == (RefusalKind.BUSY, "U0ANA")
    assert await _kinds(storage) == ["action.accepted", "press.busy"]


@pytest.mark.parametrize(
    "state",
    [
        ActionState.SUCCEEDED,
        ActionState.DECLINED,
        ActionState.REJECTED,
        ActionState.REFUSED,
        ActionState.NOT_APPLIED,
        ActionState.EXPIRED,
    ],
)
async def test_an_ended_action_frees_the_invoice(storage: Storage, state: ActionState) -> None:
    await an_accepted(storage)
    await storage.journal.record(await a_claim(storage), a_step(state))
    await an_accepted(storage, a_press(await a_drawn_offer(storage)))


@pytest.mark.parametrize("state", [ActionState.PENDING, ActionState.UNKNOWN, ActionState.NEEDS_HUMAN])
async def test_an_open_doubt_keeps_the_invoice_blocked(storage: Storage, state: ActionState) -> None:
    await an_accepted(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(state))
    assert isinstance(await storage.journal.accept(a_press(await a_drawn_offer(storage))), Busy)


async def test_of_two_people_who_press_at_once_one_decides(storage: Storage, replica: Storage) -> None:
    for number in range(50):
        ref = replace(REF, id=f"in_race_{number}")
        mine, yours = (an_offer(replace(INVOICE, ref=ref), message=f"m{number}-{side}") for side in "ab")
        await storage.journal.draw([mine, yours])
        answers = await asyncio.gather(
            storage.journal.accept(a_press(mine, ANA, Action.RETRY)),
            replica.journal.accept(a_press(yours, TOM, Action.VOID)),
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Accepted", "Busy"]


async def test_a_double_click_that_lands_on_two_replicas_is_one_action(storage: Storage, replica: Storage) -> None:
    for number in range(50):
        offer = an_offer(replace(INVOICE, ref=replace(REF, id=f"in_double_{number}")), message=f"m{number}")
        await storage.journal.draw([offer])
        answers = await asyncio.gather(storage.journal.accept(a_press(offer)), replica.journal.accept(a_press(offer)))
        accepted, repeated = sorted(answers, key=lambda answer: type(answer).__name__)
        assert isinstance(accepted, Accepted)
        assert repeated == AlreadyAccepted(accepted.action)


async def test_every_message_that_shows_the_invoice_is_redrawn(storage: Storage) -> None:
    pressed, elsewhere, private = an_offer(), an_offer(message="digest-2"), an_offer(message="card-3")
    other = an_offer(replace(INVOICE, ref=replace(REF, id="in_2")), message="digest-4")
    await storage.journal.draw([pressed, elsewhere, private, other])
    await storage.journal.posted("digest-2", "C0FIN", "2.0")
    await storage.journal.posted("digest-4", "C0FIN", "4.0")
    await an_accepted(storage, a_press(pressed))
    assert [(letter.kind, letter.target) for letter in await all_letters(storage)] == [
        (Say.REDRAW, "digest-1"),
        (Say.REDRAW, "digest-2"),
    ]


async def test_a_row_that_shows_another_invoice_by_now_is_left_alone(storage: Storage) -> None:
    await storage.journal.draw([an_offer(message="list-1")])
    await storage.journal.draw([an_offer(replace(INVOICE, ref=replace(REF, id="in_2")), message="list-1")])
    await storage.journal.posted("list-1", "C0FIN", "1.0")
    await an_accepted(storage)
    assert [letter.target for letter in await all_letters(storage)] == ["digest-1"]


async def test_the_pressed_copy_of_a_message_is_remembered(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    await storage.journal.posted("digest-1", "C0FIN", "1.0")
    await an_accepted(storage, a_press(offer, reply_to=replace(ROW, ts="1.5")))
    assert await storage.journal.postings("digest-1") == [("C0FIN", "1.0"), ("C0FIN", "1.5")]


async def test_a_press_on_a_private_card_is_answered_there(storage: Storage) -> None:
    offer = await a_drawn_offer(storage, an_offer(message="card-1"))
    accepted = await an_accepted(storage, a_press(offer, reply_to=CARD))
    assert [(letter.kind, letter.target) for letter in await all_letters(storage)] == [(Say.ANSWER, accepted.action.id)]


async def test_a_typed_command_waits_for_its_invoice(storage: Storage) -> None:
    accepted = await an_accepted(storage, a_press(None, reply_to=TYPED))
    assert (accepted.action.ref, accepted.action.typed_ref, accepted.action.amount) == (None, "in_1", None)
    assert await all_letters(storage) == []


def _refused(delivery: str, actor: Actor = ANA, reply_to: ReplyTo = ROW, *, answer: bool = True) -> Refused:
    refusal = Refusal(RefusalKind.OVER_LIMIT, {"limit": "EUR 50.00"})
    return Refused(
        delivery=delivery, actor=actor, reply_to=reply_to, refusal=refusal, word="retry", at=NOW, ref=REF, answer=answer
    )


async def test_a_refused_press_is_answered_and_audited_once(storage: Storage) -> None:
    assert await storage.journal.refuse(_refused("d1")) is True
    assert await storage.journal.refuse(_refused("d1")) is False
    (letter,) = await all_letters(storage)
    assert letter.kind is Say.REFUSAL
    assert letter.body["refusal"] == Refusal(RefusalKind.OVER_LIMIT, {"limit": "EUR 50.00"})
    assert letter.body["reply_to"] == ROW
    _, (entry,) = await storage.journal.history(REF)
    assert (entry.kind, entry.actor) == ("press.refused", "U0ANA")
    assert (entry.facts["word"], entry.facts["refusal"], entry.facts["ref"]) == ("retry", "over_limit", "stripe:in_1")
    assert letter.target.endswith(entry.facts["reference"])


async def test_a_refusal_that_was_answered_elsewhere_is_only_audited(storage: Storage) -> None:
    assert await storage.journal.refuse(_refused("d1", answer=False)) is True
    assert await all_letters(storage) == []
    assert await _kinds(storage) == ["press.refused"]


async def test_asking_again_lets_the_worker_look_at_once(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    await an_accepted(storage, a_press(offer))
    doubt = replace(a_step(ActionState.NEEDS_HUMAN), next_check_at=None, checks=7)
    await storage.journal.record(await begun(storage, await a_claim(storage)), doubt)
    assert await storage.journal.next_due() is None
    later = NOW + timedelta(hours=1)
    asked = await storage.journal.ask_again(offer, TOM, "d9", later)
    assert asked is not None
    assert (asked.state, asked.next_check_at, asked.checks) == (ActionState.NEEDS_HUMAN, later, 7)
    assert await storage.journal.next_due() == later
    assert (await storage.journal.ask_again(offer, TOM, "d9", later + timedelta(hours=1))) == asked
    assert (await _kinds(storage)).count("check.asked") == 1


async def test_there_is_nothing_to_ask_about_before_a_doubt(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    await an_accepted(storage, a_press(offer))
    assert await storage.journal.ask_again(offer, TOM, "d9", NOW) is None


async def test_a_cancelled_press_is_whole_and_locks_nobody_out(storage: Storage) -> None:
    for turns in range(1, 25):
        offer = await a_drawn_offer(
            storage, an_offer(replace(INVOICE, ref=replace(REF, id=f"in_cancel_{turns}")), message=f"m{turns}")
        )
        task = asyncio.create_task(storage.journal.accept(a_press(offer)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(await storage.journal.accept(a_press(offer)), Accepted | AlreadyAccepted)
        records, entries = await storage.journal.history(offer.ref)
        assert len(records) == 1
        assert [entry.kind for entry in entries].count("action.accepted") == 1


async def test_closing_waits_for_what_is_being_written(url: str) -> None:
    async with open_storage(url) as first:
        offer = await a_drawn_offer(first)
        task = asyncio.create_task(first.journal.accept(a_press(offer)))
        await asyncio.sleep(0)
        task.cancel()
    async with open_storage(url) as second:
        assert await second.journal.live_action(REF) is not None
    assert task.cancelled()
