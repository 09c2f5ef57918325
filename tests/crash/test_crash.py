"""A few deaths on every run of the tests; `python -m tests.crash --full` dies every death there is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from bot.app import assembled
from bot.sandbox.providers.stripe import FakeStripe
from tests.crash.child import CHANNEL, DIGEST, Report, ShiftedClock, configuration_of
from tests.crash.oracle import Books, Moment, judged
from tests.crash.outside import opened, restored
from tests.crash.rounds import theatre
from tests.crash.scenarios import DAILY, SCENARIOS, seconds_to_nine

_LEASE = timedelta(seconds=60)
_SHARES = (0.12, 0.3, 0.6)
"""How far through the scenario the process dies: before the attempt, around the charge, when the doubt is settled."""


async def test_a_death_in_the_middle_of_a_decision_costs_neither_money_nor_the_decision(tmp_path: Path) -> None:
    scenario = next(one for one in SCENARIOS if one.name == "retry, charged, answer cut")
    async with theatre([scenario], tmp_path) as stage:
        undisturbed, points = await stage.whole(scenario)
        verdicts = await stage.deaths([(scenario, round(points * share)) for share in _SHARES])
    assert undisturbed.violations == []
    assert [verdict.killed for verdict in verdicts] == [True, True, True]
    assert [verdict.violations for verdict in verdicts] == [[], [], []]


async def test_a_digest_whose_place_in_slack_is_on_record_is_not_posted_again(tmp_path: Path) -> None:
    """The process died after it had written down where the digest lies, and before it could cross off the letter."""
    stripe = FakeStripe()
    stripe.add_invoice(number="JUDGED-1")
    async with opened(stripe, tmp_path, None, DAILY) as outside:
        outside.offset = seconds_to_nine()
        order = outside.order()
        clock = ShiftedClock(order.offset, Report(order.report))
        async with assembled(configuration_of(order), clock) as bot:
            await bot.digests.fire(DIGEST)
            letter = await bot.storage.outbox.next_letter("the dead", _LEASE, clock.now())
            assert letter is not None
            await bot.storage.journal.posted(letter.target, CHANNEL, "1.000001")
            await bot.storage.journal.recover(clock.now())
            while await bot.delivery.step():
                pass
            assert await bot.storage.outbox.waiting() == 0
        assert outside.posted == []


async def test_the_oracle_condemns_what_it_is_there_to_condemn(tmp_path: Path) -> None:
    scenario = SCENARIOS[0]
    (tmp_path / "judged").mkdir()
    async with (
        theatre([scenario], tmp_path) as stage,
        restored(stage.stages[scenario.name], tmp_path / "judged", stage.mothers[0]) as outside,
    ):
        before = Moment(Books.read(outside.database), outside.posted)
        await scenario.deed(outside)
        left = Moment(Books.read(outside.database), outside.posted)
        assert judged(scenario, outside, before, left, None).violations == []

        books = outside.stripe.books
        invoice = books.invoices[scenario.invoice]
        books.charge(invoice, next(iter(books.methods.values())), "another key")
        outside.slack.say("U0MAYA", CHANNEL, "one message too many")
        with closing(sqlite3.connect(outside.database)) as connection:
            connection.execute("UPDATE action SET state = 'unknown'")
            connection.commit()

        verdict = judged(scenario, outside, before, left, None)
    assert "charged 2 times" in verdict.double_charges
    assert "the decision is left unknown" in verdict.lost
    assert any(sentence.startswith("recorded as unknown") for sentence in verdict.wrong_endings)
    assert any(sentence.startswith("the events end succeeded") for sentence in verdict.wrong_events)
    assert "1 messages too many, 0 of them unconfirmed" in verdict.wrong_messages
