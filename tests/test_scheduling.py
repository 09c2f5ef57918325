"""When digests are due, on the days when clocks jump too, and that no due moment is lost to a busy loop."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.digest import DigestPlan
from bot.domain.errors import UnusableValue
from bot.scheduling import CronTimetable, DigestScheduler, read_cron

WINDOW = timedelta(hours=6)
JUMPS = [  # zone, the first day of a week with a jump of the clock in it
    ("Europe/Berlin", date(2026, 3, 26)),
    ("Europe/Berlin", date(2026, 10, 22)),
    ("America/New_York", date(2026, 3, 5)),
    ("America/New_York", date(2026, 10, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 2)),
    ("Australia/Lord_Howe", date(2026, 10, 1)),
    ("Asia/Kolkata", date(2026, 3, 26)),
    ("America/Sao_Paulo", date(2018, 2, 15)),
    ("America/Sao_Paulo", date(2018, 11, 1)),  # its midnight did not exist
    ("Pacific/Apia", date(2020, 9, 24)),
    ("Pacific/Apia", date(2021, 4, 1)),
]
DAILY = ["0 9 * * *", "0 0 * * *", "45 1 * * *", "30 2 * * *", "0 3 * * *", "59 23 * * *"]


def plan(cron: str, timezone: str = "UTC") -> DigestPlan:
    return DigestPlan("finance", "C0FIN", cron, timezone, ())


def following(of: DigestPlan, since: datetime, until: datetime) -> list[datetime]:
    """Every due time, as one asks for the next again and again."""
    found: list[datetime] = []
    while (due := CronTimetable().next_due(of, since)) is not None and due.astimezone(UTC) < until:
        found.append(due)
        since = due.astimezone(UTC) + timedelta(seconds=1)
    return found


@pytest.mark.parametrize("cron", DAILY)
@pytest.mark.parametrize(("timezone", "first"), JUMPS)
def test_a_daily_digest_comes_once_on_every_day_of_a_week_with_a_jump_of_the_clock(
    timezone: str, first: date, cron: str
) -> None:
    zone = ZoneInfo(timezone)
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    due = following(plan(cron, timezone), start.astimezone(UTC), start.astimezone(UTC) + timedelta(days=7))
    days = [moment.date() for moment in due]
    assert days == sorted(set(days))
    assert set(days) >= {first + timedelta(days=number) for number in range(6)}


@pytest.mark.parametrize("cron", DAILY)
@pytest.mark.parametrize(("timezone", "first"), JUMPS)
def test_a_scan_every_minute_finds_every_digest_of_such_a_week_and_none_twice(
    timezone: str, first: date, cron: str
) -> None:
    daily = plan(cron, timezone)
    start = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    expected = [moment.isoformat() for moment in following(daily, start, start + timedelta(days=6))]
    found: dict[str, None] = {}
    for minutes in range(0, 6 * 24 * 60, 30):
        now = start + timedelta(minutes=minutes, seconds=7)
        last = CronTimetable().last_due(daily, now, WINDOW)
        if last is not None and last >= start:
            found[last.isoformat()] = None
    assert list(found) == [moment for moment in expected if moment in found]
    assert len(found) >= len(expected) - 1  # the last one may lie after the last scan


def test_a_time_that_the_clock_jumps_over_comes_when_it_has_jumped() -> None:
    due = CronTimetable().next_due(plan("30 2 * * *", "Europe/Berlin"), datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert due is not None
    assert due.isoformat() == "2026-03-29T03:30:00+02:00"


def test_a_time_that_comes_twice_is_the_first_of_the_two() -> None:
    berlin = plan("30 2 * * *", "Europe/Berlin")
    assert [
        due.isoformat()
        for due in following(berlin, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC))
    ] == ["2026-10-25T02:30:00+02:00"]
    later = datetime(2026, 10, 25, 1, 31, tzinfo=UTC)  # the second half past two
    last = CronTimetable().last_due(berlin, later, WINDOW)
    assert last is not None
    assert last.isoformat() == "2026-10-25T02:30:00+02:00"


def test_the_day_that_samoa_left_out_has_no_digest_of_its_own() -> None:
    due = following(plan("0 9 * * *", "Pacific/Apia"), datetime(2011, 12, 28, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    assert [moment.date() for moment in due] == [
        date(2011, 12, 28),
        date(2011, 12, 29),
        date(2011, 12, 31),
        date(2012, 1, 1),
    ]


def test_the_29th_of_february_comes_in_leap_years_only() -> None:
    due = CronTimetable().next_due(plan("0 9 29 2 *"), datetime(2026, 1, 1, tzinfo=UTC))
    assert due == datetime(2028, 2, 29, 9, tzinfo=UTC)


def test_the_last_due_time_lies_after_the_window_began_and_not_after_now() -> None:
    nine = datetime(2026, 11, 20, 9, tzinfo=UTC)
    daily, table = plan("0 9 * * *"), CronTimetable()
    assert table.last_due(daily, nine - timedelta(seconds=1), WINDOW) is None
    assert table.last_due(daily, nine, WINDOW) == nine
    assert table.last_due(daily, nine + WINDOW - timedelta(seconds=1), WINDOW) == nine
    assert table.last_due(daily, nine + WINDOW, WINDOW) is None


def test_the_newest_of_several_due_times_wins() -> None:
    now = datetime(2026, 11, 20, 12, 59, 30, tzinfo=UTC)
    assert CronTimetable().last_due(plan("*/5 * * * *"), now, WINDOW) == datetime(2026, 11, 20, 12, 55, tzinfo=UTC)


def test_a_digest_on_weekdays_rests_at_the_weekend() -> None:
    friday = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert CronTimetable().next_due(plan("0 9 * * mon-fri"), friday) == datetime(2026, 11, 23, 9, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(
    moment=st.integers(1420070400, 2051222400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    timezone=st.sampled_from(sorted({zone for zone, _ in JUMPS})),
    cron=st.sampled_from([*DAILY, "15 * * * *", "0 9 * * mon-fri", "0 12 1 * *"]),
)
def test_what_was_next_a_moment_ago_is_the_last_when_it_has_come(moment: datetime, timezone: str, cron: str) -> None:
    table, due_plan = CronTimetable(), plan(cron, timezone)
    due = table.next_due(due_plan, moment)
    assert due is not None
    assert due >= moment
    last = table.last_due(due_plan, due, WINDOW)
    assert last is not None
    assert last.astimezone(UTC) == due.astimezone(UTC)


@pytest.mark.parametrize("weekday", ["1-5", "1", "0", "mon-5", "mon,3", "5#1"])
def test_weekdays_by_number_are_refused_with_the_correct_form(weekday: str) -> None:
    with pytest.raises(UnusableValue, match="mon-fri instead of 1-5"):
        read_cron(f"0 9 * * {weekday}", "UTC")


@pytest.mark.parametrize("weekday", ["mon-fri", "mon,wed", "*", "sat", "*/2"])
def test_weekdays_by_name_are_taken(weekday: str) -> None:
    assert read_cron(f"0 9 * * {weekday}", "UTC") is not None


# --- the scheduler ---


class Fired:
    """Counts what the scheduler does."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.happened = asyncio.Event()
        self.looked = asyncio.Event()

    async def fire(self, name: str) -> None:
        self.names.append(name)
        self.happened.set()

    async def scan(self) -> None:
        self.looked.set()


def due_in(scheduler: DigestScheduler, seconds: float) -> None:
    """Cron's smallest step is a minute; a test has no minute."""
    scheduler._scheduler.modify_job("digest:finance", next_run_time=datetime.now(UTC) + timedelta(seconds=seconds))


async def test_the_first_look_for_what_was_missed_is_at_start_up() -> None:
    fired = Fired()
    scheduler = DigestScheduler([plan("0 9 * * *")], fired.fire, fired.scan)
    scheduler.start()
    async with asyncio.timeout(2):
        await fired.looked.wait()
    scheduler.stop()
    assert fired.names == []


async def test_a_digest_whose_moment_fell_into_a_blocked_loop_still_comes() -> None:
    fired = Fired()
    scheduler = DigestScheduler([plan("0 9 * * *")], fired.fire, fired.scan)
    scheduler.start()
    due_in(scheduler, 0.05)
    time.sleep(2.2)  # noqa: ASYNC251 - the blocked loop is the point
    async with asyncio.timeout(2):
        await fired.happened.wait()
    scheduler.stop()
    assert fired.names == ["finance"]


async def test_two_replicas_both_fire_and_the_run_s_row_decides() -> None:
    rows: set[tuple[str, str]] = set()
    posted: list[str] = []
    both, second = Fired(), asyncio.Event()
    now = datetime(2026, 11, 20, 9, 0, 3, tzinfo=UTC)

    async def fire(name: str) -> None:
        slot = CronTimetable().last_due(plan("0 9 * * *"), now, WINDOW)
        row = (name, str(slot))
        if row not in rows:
            rows.add(row)
            posted.append(name)
        await both.fire(name)
        if len(both.names) == 2:
            second.set()

    schedulers = [DigestScheduler([plan("0 9 * * *")], fire, both.scan) for _ in range(2)]
    for scheduler in schedulers:
        scheduler.start()
        due_in(scheduler, 0.02)
    async with asyncio.timeout(3):
        await second.wait()
    for scheduler in schedulers:
        scheduler.stop()
    assert both.names == ["finance", "finance"]
    assert posted == ["finance"]


async def test_a_stopped_scheduler_fires_no_more_and_may_be_stopped_twice() -> None:
    fired = Fired()
    scheduler = DigestScheduler([plan("0 9 * * *")], fired.fire, fired.scan)
    scheduler.stop()
    scheduler.start()
    due_in(scheduler, 0.1)
    scheduler.stop()
    scheduler.stop()
    await asyncio.sleep(0.3)
    assert fired.names == []


async def test_a_digest_that_raises_does_not_stop_the_next() -> None:
    fired = Fired()

    async def fire(name: str) -> None:
        await fired.fire(name)
        if len(fired.names) == 1:
            raise UnusableValue("the first one fails")

    scheduler = DigestScheduler([plan("0 9 * * *")], fire, fired.scan)
    scheduler.start()
    for _ in range(2):
        fired.happened.clear()
        due_in(scheduler, 0.01)
        async with asyncio.timeout(2):
            await fired.happened.wait()
    scheduler.stop()
    assert fired.names == ["finance", "finance"]
