"""The freeze and the daily limit, where they count: in the transaction in which an attempt begins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.domain.action import ActionState
from bot.domain.errors import NotBegun
from bot.domain.freeze import Freeze
from bot.domain.money import Money
from bot.domain.records import Attempt, Before, Claim
from bot.domain.refusal import Refusal, RefusalKind
from bot.storage.engine import Storage
from bot.storage.tables import event
from tests.storage.builders import (
    INVOICE,
    KEY_WINDOW,
    NOW,
    OWED,
    REF,
    TOM,
    a_claim,
    a_drawn_offer,
    a_press,
    a_step,
    an_accepted,
    an_offer,
    begun,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def under(limit: int) -> object:
    """A limit in minor units of what others have begun and this decision together come to."""

    def within(spent: Mapping[str, Money]) -> Refusal | None:
        total = spent.get("EUR", Money(0, "EUR")) + OWED
        return None if total.minor <= limit else Refusal(RefusalKind.OVER_DAY)

    return within


async def _claims(storage: Storage, count: int) -> list[Claim]:
    for number in range(count):
        await an_accepted(storage, a_press(an_offer(replace(INVOICE, ref=replace(REF, id=f"in_{number}")))))
    return [await a_claim(storage) for _ in range(count)]


async def _begin(storage: Storage, claim: Claim, limit: int) -> Attempt:
    return await storage.journal.begin(claim, Before.of(INVOICE), KEY_WINDOW, NOW, within=under(limit))  # type: ignore[arg-type]


async def test_nobody_has_frozen_at_first(storage: Storage) -> None:
    assert await storage.journal.frozen() is None
    assert not await storage.journal.unfreeze("U0MAYA", NOW)


async def test_the_first_to_freeze_is_the_one_who_did(storage: Storage, replica: Storage) -> None:
    assert await storage.journal.freeze("U0MAYA", "wrong prices", NOW)
    assert not await replica.journal.freeze("U0TOM", "me too", NOW)
    assert await replica.journal.frozen() == Freeze("U0MAYA", "wrong prices", NOW)
    assert await replica.journal.unfreeze("U0TOM", NOW)
    assert await storage.journal.frozen() is None


async def test_while_frozen_nothing_begins_and_the_decision_is_still_the_workers(storage: Storage) -> None:
    await an_accepted(storage)
    claim = await a_claim(storage)
    await storage.journal.freeze("U0MAYA", "wrong prices", NOW)
    with pytest.raises(NotBegun) as stopped:
        await begun(storage, claim)
    assert stopped.value.refusal.kind is RefusalKind.FROZEN
    await storage.journal.record(claim, a_step(ActionState.REFUSED))
    _, events = await storage.journal.history(REF)
    assert [entry.kind for entry in events] == ["action.accepted", "action.refused"]


async def test_an_attempt_that_began_is_not_sent_again_while_frozen(storage: Storage) -> None:
    await an_accepted(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.UNKNOWN))
    claim = await a_claim(storage)
    await storage.journal.freeze("U0MAYA", "wrong prices", NOW)
    with pytest.raises(NotBegun):
        await begun(storage, claim)
    assert claim.attempt is not None
    assert claim.attempt.sends == 1


async def test_two_decisions_at_once_do_not_both_fit_under_a_limit_that_holds_one(
    storage: Storage, replica: Storage
) -> None:
    first, second = await _claims(storage, 2)
    answers = await asyncio.gather(
        _begin(storage, first, OWED.minor), _begin(replica, second, OWED.minor), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Attempt", "NotBegun"]


async def test_the_limit_counts_what_has_begun_and_not_what_waits(storage: Storage) -> None:
    claims = await _claims(storage, 3)
    await _begin(storage, claims[2], OWED.minor)
    with pytest.raises(NotBegun):
        await _begin(storage, claims[0], OWED.minor)
    await _begin(storage, claims[1], 2 * OWED.minor)


async def test_the_limit_forgets_what_failed_and_what_another_person_did(storage: Storage) -> None:
    declined, mine = await _claims(storage, 2)
    await _begin(storage, declined, OWED.minor)
    await storage.journal.record(
        replace(declined, action=replace(declined.action, state=ActionState.EXECUTING)), a_step(ActionState.DECLINED)
    )
    toms = replace(REF, id="in_tom")
    offer = await a_drawn_offer(storage, an_offer(replace(INVOICE, ref=toms)))
    await an_accepted(storage, a_press(offer, TOM))
    await _begin(storage, await a_claim(storage, at=NOW + timedelta(seconds=1)), OWED.minor)
    await _begin(storage, mine, OWED.minor)


async def test_why_somebody_froze_is_cut_in_the_audit_trail_where_nothing_can_be_taken_out(storage: Storage) -> None:
    await storage.journal.freeze("U0MAYA", "wrong\nprices " + "x" * 5000, NOW)
    async with storage.journal._db.read() as connection:
        (told,) = (await connection.execute(select(event.c.facts))).scalars()
    assert told["why"].startswith("wrong prices x")
    assert len(told["why"]) == 500
