"""One record that cannot be read keeps nothing else from being drawn, recorded or ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Update, update

from bot.domain.action import ActionState
from bot.domain.approval import ApprovalState
from bot.domain.records import ActionRecord
from bot.ports import Say
from bot.storage.engine import Storage
from bot.storage.tables import action, approval, offer
from tests.storage.builders import (
    INVOICE,
    NOW,
    PAID,
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
from tests.storage.test_approvals import DAY, asked
from tests.storage.test_verdicts import LATER, needing_a_person, word

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def spoil(storage: Storage, change: Update) -> None:
    async with storage.journal._db.write() as connection:
        assert (await connection.execute(change)).rowcount == 1


async def kinds(storage: Storage) -> list[str]:
    _, entries = await storage.journal.history(REF)
    return [entry.kind for entry in entries]


async def test_a_row_that_cannot_be_read_leaves_the_rest_of_its_message_to_be_drawn(storage: Storage) -> None:
    spoilt = await a_drawn_offer(storage, an_offer(row=0))
    whole = await a_drawn_offer(storage, an_offer(replace(INVOICE, number="ACME-8"), row=1))
    await spoil(storage, update(offer).where(offer.c.id == spoilt.id).values(snapshot={"owed": "much"}))
    assert await storage.journal.shown("digest-1") == [whole]


async def test_an_ending_is_written_down_though_another_message_shows_the_invoice_in_a_way_nobody_can_read(
    storage: Storage,
) -> None:
    press = a_press(await a_drawn_offer(storage))
    await an_accepted(storage, press)
    spoilt = await a_drawn_offer(storage, an_offer(message="digest-0"))
    await spoil(storage, update(offer).where(offer.c.id == spoilt.id).values(snapshot={}))
    claim = await begun(storage, await a_claim(storage))
    await storage.journal.record(claim, a_step(ActionState.SUCCEEDED, PAID))
    newest = await storage.journal.action(claim.action.id)
    assert newest is not None
    assert newest.state is ActionState.SUCCEEDED
    (drawn,) = await storage.journal.shown("digest-1")
    assert drawn.invoice == PAID


async def test_a_spoilt_snapshot_is_passed_over_for_the_last_one_that_can_be_read(storage: Storage) -> None:
    await a_drawn_offer(storage)
    spoilt = await a_drawn_offer(storage, an_offer(message="digest-2"))
    await spoil(storage, update(offer).where(offer.c.id == spoilt.id).values(snapshot={}))
    seen = await storage.journal.last_seen(REF)
    assert seen is not None
    assert seen.owed == INVOICE.owed


async def test_a_word_that_cannot_be_read_makes_room_for_another(storage: Storage) -> None:
    action_id = await needing_a_person(storage)
    await storage.journal.give_verdict(action_id, word(), "delivery-1")
    await spoil(storage, update(action).where(action.c.id == action_id).values(verdict={"by": "U0EVE"}))
    assert await storage.journal.claim("worker", timedelta(seconds=120), LATER) is None
    again = await storage.journal.give_verdict(action_id, word(), "delivery-2")
    assert isinstance(again, ActionRecord)


async def test_a_word_about_a_decision_that_cannot_be_read_is_dropped_and_told_and_not_heard_for_ever(
    storage: Storage,
) -> None:
    action_id = await needing_a_person(storage)
    await spoil(storage, update(action).where(action.c.id == action_id).values(ending=[1]))
    await storage.journal.give_verdict(action_id, word(), "delivery-1")
    async with asyncio.timeout(20):
        assert await storage.journal.claim("worker", timedelta(seconds=120), LATER) is None
    assert (await kinds(storage))[-1] == "verdict.dropped"
    assert Say.VERDICT in [letter.kind for letter in await all_letters(storage, LATER)]
    assert isinstance(await storage.journal.give_verdict(action_id, word(), "delivery-2"), ActionRecord)


async def test_a_question_that_cannot_be_read_ends_in_time_with_its_event(storage: Storage) -> None:
    spoilt = await asked(storage)
    await all_letters(storage)
    await spoil(storage, update(approval).where(approval.c.id == spoilt.id).values(details={"received_minor": "much"}))
    assert await storage.journal.expire_approvals(NOW + DAY) == 1
    assert (await kinds(storage))[-1] == "approval.expired"
    assert (Say.QUESTION_ENDED, f"ended:{spoilt.id}") in [
        (letter.kind, letter.target) for letter in await all_letters(storage, NOW + DAY)
    ]


async def test_a_question_that_only_a_newer_version_knows_is_left_to_it(storage: Storage) -> None:
    newer = await asked(storage)
    await spoil(storage, update(approval).where(approval.c.id == newer.id).values(kind="split"))
    assert await storage.journal.expire_approvals(NOW + DAY) == 0
    assert await storage.journal.remind_approvers(NOW + DAY / 2) == 0
    await spoil(storage, update(approval).where(approval.c.id == newer.id).values(kind="void"))
    found = await storage.journal.approval(newer.id)
    assert found is not None
    assert found.state is ApprovalState.OPEN
