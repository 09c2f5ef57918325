"""A few deaths on every run of the tests; `python -m tests.crash --full` dies every death there is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import assembled
from bot.domain.digest import DigestKey
from bot.storage.engine import open_storage
from tests.crash import deeds
from tests.crash.child import CHANNEL, DIGEST, Report, ShiftedClock, configuration_of
from tests.crash.databases import KINDS, POSTGRESQL, SQLITE, SqliteFile, database
from tests.crash.fakes import KeyedStripe, Mishap
from tests.crash.oracle import judged
from tests.crash.outside import WorldClock, opened, restored
from tests.crash.rounds import lane
from tests.crash.scenarios import DAILY, SCENARIOS, Scenario

_LEASE = timedelta(seconds=60)
_RUN, _NEXT_RUN = DigestKey(DIGEST, "2026-11-21T09:00"), DigestKey(DIGEST, "2026-11-22T09:00")


def _scenario(name: str) -> Scenario:
    return next(one for one in SCENARIOS if one.name == name)


_AT = 150
"""A resume in the middle of a decision, around its send."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_death_and_one_more_while_recovering_cost_neither_money_nor_the_decision(tmp_path: Path, kind: str) -> None:
    scenario = _scenario("keyed: retry, charged, answer cut")
    async with lane(tmp_path / "lane", rehearses=False) as mine:
        stage = await mine.staged(scenario, kind)
        first = await mine.play(scenario, stage, kind, (_AT,))
        second = await mine.play(scenario, stage, kind, (_AT, first.recovery[len(first.recovery) // 2]))
    assert [first.violations, second.violations] == [[], []]
    assert [first.killed, second.killed] == [1, 2]
    assert [first.charges, second.charges] == [1, 1]


async def test_a_provider_that_charges_twice_when_asked_twice_is_asked_once(tmp_path: Path) -> None:
    scenario = _scenario("naive: retry, charged, answer cut")
    async with lane(tmp_path / "lane", rehearses=False) as mine:
        stage = await mine.staged(scenario, SQLITE)
        verdict = await mine.play(scenario, stage, SQLITE, (_AT,))
    assert verdict.violations == []
    assert (verdict.killed, verdict.charges) == (1, 1)


async def test_a_digest_whose_place_in_slack_is_on_record_is_not_posted_again(tmp_path: Path) -> None:
    """The process died after it had written down where the digest lies, and before it could cross off the letter."""
    clock = WorldClock(deeds.seconds_to_nine())
    stripe = KeyedStripe(clock, Mishap())
    stripe.add_invoice(number=deeds.NUMBER)
    async with opened(stripe, tmp_path, SqliteFile(tmp_path), None, DAILY, clock) as outside:
        order = outside.order()
        mine = ShiftedClock(order.offset, Report(order.report))
        async with assembled(configuration_of(order), mine) as bot:
            await bot.digests.fire(DIGEST)
            letter = await bot.storage.outbox.next_letter("the dead", _LEASE, mine.now())
            assert letter is not None
            await bot.storage.journal.posted(letter.target, CHANNEL, "1.000001")
            await bot.storage.journal.recover(mine.now())
            while await bot.delivery.step():
                pass
            assert await bot.storage.outbox.waiting() == 0
        assert outside.posted == []


async def test_the_oracle_condemns_what_it_is_there_to_condemn(tmp_path: Path) -> None:
    scenario = SCENARIOS[0]
    folder = tmp_path / "judged"
    folder.mkdir()
    async with lane(tmp_path / "lane", rehearses=False) as mine:
        stage = await mine.staged(scenario, SQLITE)
        place = SqliteFile(folder)
        async with restored(stage, folder, place, mine.mother) as outside:
            before = await outside.moment()
            await scenario.deed(outside)
            assert judged(scenario, outside, before, await outside.moment(), (), 0).violations == []

            stripe = outside.fake
            assert isinstance(stripe, KeyedStripe)
            invoice = stripe.invoices[scenario.invoice]
            stripe.books.charge(invoice, next(iter(stripe.books.methods.values())), "another key")
            outside.slack.say("U0MAYA", CHANNEL, "one message too many")
            with closing(sqlite3.connect(place.file)) as connection:
                connection.execute("UPDATE action SET state = 'unknown'")
                connection.commit()

            verdict = judged(scenario, outside, before, await outside.moment(), (), 0)
    assert "charged 2 times" in verdict.double_charges
    assert "the decision is left unknown" in verdict.lost
    assert any(sentence.startswith("recorded as unknown") for sentence in verdict.wrong_endings)
    assert any(sentence.startswith("the events end succeeded") for sentence in verdict.wrong_events)
    assert "1 messages too many, 0 of them unconfirmed" in verdict.wrong_messages


async def test_on_postgresql_the_proof_waits_for_a_lease_by_moving_its_end(tmp_path: Path) -> None:
    async with database(POSTGRESQL, tmp_path) as place:
        assert await place.pass_leases() == 0
        async with open_storage(place.url) as storage:
            await storage.digests.start(_RUN, CHANNEL, "the dead", _LEASE, late=False)
            assert await storage.digests.unfinished() == []

        waited = await place.pass_leases()

        assert _LEASE.total_seconds() / 2 < waited < _LEASE.total_seconds() + 2
        async with open_storage(place.url) as storage:
            assert [key for key, _, _ in await storage.digests.unfinished()] == [_RUN]


async def test_a_database_that_was_put_by_is_set_up_again_as_it_was(tmp_path: Path) -> None:
    async with database(POSTGRESQL, tmp_path) as place:
        async with open_storage(place.url) as storage:
            await storage.digests.start(_RUN, CHANNEL, "somebody", _LEASE, late=False)
        kept = await place.keep()
        async with open_storage(place.url) as storage:
            await storage.digests.start(_NEXT_RUN, CHANNEL, "somebody", _LEASE, late=False)
        assert len((await place.read()).runs) == 2

        await place.restore(kept)

        assert [run["scheduled"] for run in (await place.read()).runs] == [_RUN.scheduled]
        async with open_storage(place.url) as storage:
            assert await storage.digests.start(_NEXT_RUN, CHANNEL, "somebody", _LEASE, late=False)
