"""A digest that fell due while the bot was down comes when it is up again, once, and says that it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.app import assembled
from tests.scenarios.reading import read
from tests.scenarios.stage import Stage

MONDAY_AT_NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""In Berlin."""
A_DAY = timedelta(days=1)


async def down_since_mondays_digest(stage: Stage, until: datetime) -> None:
    """Monday's digest is posted on time; then the bot is away."""
    stage.bill()
    await stage.stop()
    stage.clock.ahead += MONDAY_AT_NINE + timedelta(seconds=20) - stage.clock.now()
    async with assembled(stage.configuration, stage.clock) as bot:
        await bot.digests.fire("finance")
        while await bot.delivery.step():
            pass
    assert len(stage.digests()) == 1
    stage.clock.ahead += until - stage.clock.now()


async def test_a_digest_missed_while_the_bot_was_down_comes_late_with_a_note(stage: Stage) -> None:
    await down_since_mondays_digest(stage, MONDAY_AT_NINE + A_DAY + timedelta(hours=2))

    await stage.start()

    late = (await stage.eventually(lambda: stage.digests()[1:], "the late digest"))[0]
    assert read(late.blocks, late.text).says("Late: ")
    await stage.restart(timedelta(minutes=5))
    await stage.nudge()
    assert len(stage.digests()) == 2


async def test_a_digest_that_is_older_than_six_hours_stays_away(stage: Stage) -> None:
    await down_since_mondays_digest(stage, MONDAY_AT_NINE + A_DAY + timedelta(hours=7))

    await stage.start()

    await stage.nudge()
    assert len(stage.digests()) == 1
