"""A second person's word on both databases: taken once, heard once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import ActionState
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord, Ending, Verdict
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Say, Step
from bot.storage.engine import Storage
from tests.storage.builders import ANA, NOW, ROW, TOM, a_claim, a_step, all_letters, an_accepted, begun

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVE = Actor("U0EVE", "T0TEAM")
LATER = NOW + timedelta(days=2)


def word(by: Actor = TOM, *, happened: bool = True) -> Verdict:
    return Verdict(by=by, happened=happened, note="pi_9", at=LATER, reply_to=replace(ROW, user=by.user))


async def needing_a_person(storage: Storage) -> str:
    accepted = await an_accepted(storage)
    claim = await begun(storage, await a_claim(storage))
    await storage.journal.record(claim, replace(a_step(ActionState.NEEDS_HUMAN), next_check_at=None))
    await all_letters(storage)
    return accepted.action.id


async def test_of_two_words_at_once_one_is_taken(storage: Storage) -> None:
    action = await needing_a_person(storage)
    assert await storage.journal.deciders(action) == {ANA.user}
    both = await asyncio.gather(
        storage.journal.give_verdict(action, word(TOM), "one"),
        storage.journal.give_verdict(action, word(EVE, happened=False), "two"),
    )
    (taken,) = [one for one in both if isinstance(one, ActionRecord)]
    (refused,) = [one for one in both if isinstance(one, Refusal)]
    assert refused.kind is RefusalKind.VERDICT_GIVEN
    assert taken.verdict is not None
    assert taken.next_check_at == LATER
    assert [letter.kind for letter in await all_letters(storage, LATER)] == [Say.REDRAW, Say.REFUSAL]


async def test_a_word_that_was_not_taken_makes_room_for_another(storage: Storage) -> None:
    action = await needing_a_person(storage)
    await storage.journal.give_verdict(action, word(), "one")
    claim = await a_claim(storage, at=LATER)
    assert claim.action.verdict == word()
    refusal = Refusal(RefusalKind.GUEST)
    await storage.journal.record(claim, Step(state=ActionState.NEEDS_HUMAN, ending=Ending(at=LATER, refusal=refusal)))
    assert [letter.kind for letter in await all_letters(storage, LATER)] == [Say.REDRAW, Say.VERDICT]
    assert isinstance(await storage.journal.give_verdict(action, word(EVE), "two"), ActionRecord)


async def test_a_word_that_came_after_the_claim_is_kept_for_the_next(storage: Storage) -> None:
    action = await needing_a_person(storage)
    await storage.journal.give_verdict(action, word(), "one")
    claim = await a_claim(storage, at=LATER)
    before = replace(claim, action=replace(claim.action, verdict=None))  # as a worker that read it a moment earlier
    await storage.journal.record(before, replace(a_step(ActionState.NEEDS_HUMAN, at=LATER), next_check_at=None))
    again = await a_claim(storage, at=LATER)
    assert again.action.verdict == word()
