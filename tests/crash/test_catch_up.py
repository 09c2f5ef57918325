"""What a start catches up: slots that were missed, and nothing that nobody waits for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.app import assembled
from tests.crash.child import CHANNEL, Report, ShiftedClock, configuration_of
from tests.crash.databases import SqliteFile
from tests.crash.deeds import seconds_to_nine
from tests.crash.fakes import KeyedStripe, Mishap
from tests.crash.outside import WorldClock, opened
from tests.crash.scenarios import DAILY

_HOUR = timedelta(hours=1).total_seconds()


async def test_a_digest_that_was_asked_for_does_not_bring_the_slot_before_the_first_start(tmp_path: Path) -> None:
    """Installed at ten, `digest now` at once: nobody has missed the digest of nine o'clock."""
    world_clock = WorldClock(seconds_to_nine() + _HOUR)
    stripe = KeyedStripe(world_clock, Mishap())
    stripe.add_invoice()
    async with opened(stripe, tmp_path, SqliteFile(tmp_path), None, DAILY, world_clock) as outside:
        order = outside.order()
        clock = ShiftedClock(order.offset, Report(order.report))
        async with assembled(configuration_of(order), clock) as bot:
            plan = bot.digests.plan_for(CHANNEL)
            assert plan is not None
            accepted = await bot.digests.accept_now(plan, CHANNEL, "U0MAYA", "a delivery of Slack's")
            assert accepted is not None
            await bot.digests.build_now(*accepted, CHANNEL)
            await bot.digests.scan()
            while await bot.delivery.step():
                pass
        assert len(outside.slack.messages(CHANNEL)) == 1
