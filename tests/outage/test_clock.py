"""Clocks that jump: a digest comes once per scheduled local time, and a lease ends when the database says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.app import assembled
from bot.domain.digest import DigestPlan
from bot.storage.tables import digest_run
from tests import postgres
from tests.outage import books
from tests.outage.stand import standing
from tests.scenarios.stage import FIN, MAYA, RETRY, ShiftedClock

AN_HOUR = timedelta(hours=1)
EDGES = [  # zone, the day on which its clocks go forward, the day on which they go back
    ("Europe/Berlin", date(2026, 3, 29), date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8), date(2026, 11, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4), date(2018, 2, 18)),
    ("Australia/Lord_Howe", date(2026, 10, 4), date(2026, 4, 5)),
    ("Pacific/Apia", date(2020, 9, 27), date(2021, 4, 4)),
    ("Africa/Casablanca", date(2026, 3, 22), date(2026, 2, 15)),
]
TIMES = {"midnight": "0 0 * * *", "in the gap": "30 2 * * *", "morning": "0 9 * * *"}


@dataclass
class SetClock:
    """A clock that stands where it was put."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@pytest.mark.parametrize(("zone", "forward", "back"), EDGES, ids=[zone for zone, *_ in EDGES])
async def test_over_a_jump_of_the_local_clock_and_an_hour_s_step_each_digest_runs_once(
    database: Path, zone: str, forward: date, back: date
) -> None:
    plans = tuple(DigestPlan(name, FIN, cron, zone, (), {}, quiet_line=False) for name, cron in TIMES.items())
    async with standing(database) as stand:
        configuration = replace(stand.stage.configuration, digests=plans)
        await stand.stage.stop()
        days = [day + timedelta(days=n) for day in sorted((forward, back)) for n in (-1, 0, 1)]
        clock = SetClock(datetime.min.replace(tzinfo=UTC))
        async with assembled(configuration, clock) as bot:
            for day in days:
                morning = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
                for minutes in (1, 151, 181, 601):
                    for stepped in (timedelta(), -AN_HOUR, timedelta()):  # as NTP may do it, and back
                        clock.at = morning + timedelta(minutes=minutes) + stepped
                        for name in TIMES:
                            await bot.digests.fire(name)
                        await bot.digests.scan()
    async with books.reading(stand.url) as connection:
        runs = (await connection.execute(select(digest_run.c.digest, digest_run.c.scheduled, digest_run.c.state))).all()
    per_day = Counter((run.digest, run.scheduled[:10]) for run in runs)
    assert {(name, str(day)) for name in TIMES for day in days} <= set(per_day)
    assert set(per_day.values()) == {1}
    assert {run.state for run in runs} == {"ready"}


@pytest.mark.parametrize("skew", [timedelta(hours=3), -timedelta(hours=3)], ids=["ahead", "behind"])
async def test_a_replica_whose_clock_is_off_takes_nothing_from_another_before_the_database_says_so(skew: timedelta) -> None:
    url = postgres.fresh_database()
    async with standing(url) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        digest = await stage.digest()
        await stage.settled()
        stand.provider.down.hole = True
        assert (await stage.press(MAYA, RETRY, bill, digest)).ok
        await stage.eventually(lambda: [r for r in stage.stripe.requests if bill.id in r.path][-1:], "the guard read")
        async with assembled(stage.configuration, ShiftedClock(skew)) as other:
            assert not await other.worker.step()
        stand.provider.heal()
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        assert len(stage.charges(bill)) == 1
        assert stage.sends(bill) == ["pay"]


@pytest.mark.parametrize("step", [AN_HOUR, -AN_HOUR], ids=["forward", "back"])
async def test_a_clock_that_steps_while_a_send_is_out_neither_charges_twice_nor_loses_it(
    database: Path, step: timedelta
) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        digest = await stage.digest()
        await stage.settled()
        stand.provider.down.latency = 2.0  # the answer is still on its way when the clock steps
        await stage.press(MAYA, RETRY, bill, digest)
        await stage.eventually(lambda: stage.sends(bill), "the send")
        stage.clock.ahead += step
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        stage.clock.ahead -= step
        assert (await stage.command(MAYA, f"retry {bill.ref}")).ok
        await stage.told(MAYA, "paid")
        assert len(stage.charges(bill)) == 1
