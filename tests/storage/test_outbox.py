"""What is still to be said leaves one target at a time, and old states never overwrite new ones."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import ActionState
from bot.ports import Letter, Say
from bot.storage.engine import Storage
from tests.storage.builders import (
    ALREADY_OVER,
    INVOICE,
    LEASE,
    NOW,
    REF,
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


async def _a_letter(storage: Storage, owner: str = "sender", lease: timedelta = LEASE) -> Letter:
    letter = await storage.outbox.next_letter(owner, lease, NOW)
    assert letter is not None
    return letter


async def test_all_that_is_due_for_one_message_is_one_letter(storage: Storage) -> None:
    accepted = await an_accepted(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.SUCCEEDED))
    assert await storage.outbox.waiting() == 2
    letter = await _a_letter(storage)
    assert len(letter.rows) == 2
    assert (letter.kind, letter.target, letter.action_id) == (Say.REDRAW, "digest-1", accepted.action.id)
    assert (letter.tries, letter.first_at) == (0, NOW)
    await storage.outbox.sent(letter, "sender")
    assert await storage.outbox.waiting() == 0
    assert await storage.outbox.next_due() is None


async def test_a_target_is_in_one_senders_hands(storage: Storage) -> None:
    await an_accepted(storage)
    first = await _a_letter(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.SUCCEEDED))
    assert await storage.outbox.next_letter("other", LEASE, NOW) is None
    due = await storage.outbox.next_due()
    assert due is not None
    assert due > NOW
    await storage.outbox.sent(first, "sender")
    second = await _a_letter(storage, "other")
    assert not set(second.rows) & set(first.rows)


async def test_senders_of_two_replicas_never_share_a_target(storage: Storage, replica: Storage) -> None:
    for number in range(10):
        ref = replace(REF, id=f"in_{number}")
        await an_accepted(storage, a_press(an_offer(replace(INVOICE, ref=ref), message=f"m{number}")))
    letters = await asyncio.gather(
        *(store.outbox.next_letter(f"s{n}", LEASE, NOW) for n in range(5) for store in (storage, replica))
    )
    targets = [letter.target for letter in letters if letter is not None]
    assert len(targets) == len(set(targets))
    targets += [letter.target for letter in await all_letters(storage)]
    assert sorted(targets) == sorted(f"m{number}" for number in range(10))


async def test_a_dead_senders_letter_is_taken_over(storage: Storage) -> None:
    await an_accepted(storage)
    lost = await _a_letter(storage, "dead", ALREADY_OVER)
    again = await _a_letter(storage, "alive")
    assert again.rows == lost.rows
    await storage.outbox.postpone(lost, "dead", NOW + timedelta(hours=1), "too late")
    await storage.outbox.give_up(lost, "dead", "too late")
    assert await storage.outbox.waiting() == 1
    await storage.outbox.sent(again, "alive")
    assert await storage.outbox.waiting() == 0


async def test_a_clock_that_is_set_back_an_hour_holds_up_nothing_that_is_due(storage: Storage) -> None:
    earlier = NOW - timedelta(hours=1)
    await an_accepted(storage)
    at_once = await storage.outbox.next_letter("sender", LEASE, earlier)
    assert at_once is not None
    await storage.outbox.postpone(at_once, "sender", NOW + timedelta(seconds=2), "Slack was down")
    assert await storage.outbox.next_letter("sender", LEASE, NOW) is None
    assert await storage.outbox.next_letter("sender", LEASE, earlier) is not None


async def test_a_redraw_that_is_planned_ahead_waits_for_its_time(storage: Storage) -> None:
    await an_accepted(storage)
    await storage.outbox.sent(await _a_letter(storage), "sender")
    step = replace(a_step(ActionState.SUCCEEDED), redraw_at=NOW + timedelta(hours=1))
    await storage.journal.record(await begun(storage, await a_claim(storage)), step)
    await storage.outbox.sent(await _a_letter(storage), "sender")
    assert await storage.outbox.next_letter("sender", LEASE, NOW) is None
    assert await storage.outbox.next_letter("sender", LEASE, NOW + timedelta(hours=1)) is not None


async def test_a_postponed_letter_waits_and_counts_its_tries(storage: Storage) -> None:
    await an_accepted(storage)
    later = NOW + timedelta(seconds=30)
    await storage.outbox.postpone(await _a_letter(storage), "sender", later, "wait: ratelimited")
    assert await storage.outbox.next_letter("sender", LEASE, NOW) is None
    assert await storage.outbox.next_due() == later
    letter = await storage.outbox.next_letter("sender", LEASE, later)
    assert letter is not None
    assert letter.tries == 1


async def test_a_letter_that_nobody_can_get_is_dead_and_audited(storage: Storage) -> None:
    await an_accepted(storage)
    await storage.outbox.give_up(await _a_letter(storage), "sender", "gone: message_not_found")
    assert await storage.outbox.waiting() == 0
    _, entries = await storage.journal.history(REF)
    assert entries[-1].kind == "outbox.dead"
    assert entries[-1].facts == {"kind": "redraw", "target": "digest-1", "why": "gone: message_not_found"}


async def test_letters_leave_in_the_order_of_their_time(storage: Storage) -> None:
    for number, seconds in ((1, 0), (2, -60), (3, -30)):
        offer = an_offer(replace(INVOICE, ref=replace(REF, id=f"in_{number}")), message=f"m{number}")
        await an_accepted(storage, a_press(offer, at=NOW + timedelta(seconds=seconds)))
    assert [letter.target for letter in await all_letters(storage)] == ["m2", "m3", "m1"]


async def test_what_was_said_is_not_said_again_by_a_second_click(storage: Storage) -> None:
    press = a_press(await a_drawn_offer(storage))
    await an_accepted(storage, press)
    await all_letters(storage)
    await storage.journal.accept(press)
    assert await all_letters(storage) == []
