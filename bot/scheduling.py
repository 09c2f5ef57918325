"""The clock of the digests: APScheduler with an in-memory store, in every replica. It only says that time has come."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.domain.digest import DigestPlan
from bot.domain.errors import UnusableValue

SCAN_SECONDS = 60
_MOST_SLOTS = 10_000
_FIELDS = 5
_LARGEST_JUMP = timedelta(hours=3)
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def read_zone(name: str) -> ZoneInfo:
    """Raises UnusableValue for a name that is not in the IANA time zone database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnusableValue(f"“{name}” is not an IANA time zone such as Europe/Berlin") from None


def read_cron(cron: str, timezone: str) -> CronTrigger:
    """Five fields, weekdays by name only: APScheduler counts them from Monday, cron from Sunday, so a number would mean
    another day than the writer thinks. Raises UnusableValue with the correct form."""
    zone = read_zone(timezone)
    fields = cron.split()
    if len(fields) != _FIELDS:
        raise UnusableValue(f"“{cron}” needs five fields: minute hour day month weekday, such as “0 9 * * mon-fri”")
    if re.search(r"(?<!/)\b\d", fields[4]):
        raise UnusableValue(f"the weekday of “{cron}” must be written by name: mon-fri instead of 1-5")
    try:
        trigger = CronTrigger.from_crontab(cron, timezone=zone)
    except ValueError as error:
        raise UnusableValue(f"“{cron}” is not a schedule: {error}") from None
    if trigger.get_next_fire_time(None, _ANY_DAY) is None:
        raise UnusableValue(f"“{cron}” never comes: no such day is in the calendar")
    return trigger


class CronTimetable:
    """When digests are due. The fields are read on the wall clock and the zone is put on afterwards, so that every
    scheduled local time comes once: one that the clock jumps over comes when it has jumped, a repeated one the first time.
    APScheduler's own trigger leaves out the midnight after a spring-forward day and repeats an hour in autumn.
    """

    def last_due(self, plan: DigestPlan, now: datetime, window: timedelta) -> datetime | None:
        """See `bot.ports.Timetable`."""
        last: datetime | None = None
        for slot in _slots(plan, now - window):
            if slot > now + _LARGEST_JUMP:
                break
            if now - window < slot <= now and (last is None or slot > last):
                last = slot
        return last.astimezone(read_zone(plan.timezone)) if last else None

    def next_due(self, plan: DigestPlan, now: datetime) -> datetime | None:
        """See `bot.ports.Timetable`."""
        following: datetime | None = None
        for slot in _slots(plan, now):
            if following is not None and slot > following + _LARGEST_JUMP:
                break
            if slot >= now and (following is None or slot < following):
                following = slot
        return following.astimezone(read_zone(plan.timezone)) if following else None


def _slots(plan: DigestPlan, since: datetime) -> Iterator[datetime]:
    """Scheduled times in UTC, from some hours before `since`; nearly in order, for a jump of the clock may swap two."""
    zone = read_zone(plan.timezone)
    wall_clock = read_cron(plan.cron, "UTC")
    wall = since.astimezone(zone).replace(tzinfo=UTC) - _LARGEST_JUMP
    for _ in range(_MOST_SLOTS):
        slot = wall_clock.get_next_fire_time(None, wall)
        if slot is None:
            return
        yield slot.replace(tzinfo=zone, fold=0).astimezone(UTC)
        wall = slot + timedelta(seconds=1)


class DigestScheduler:
    """Fires each digest at its time and a scan every minute; may fire zero, one or three times: the run's row decides.

    What the trigger leaves out when the clock jumps (see CronTimetable), the scan finds within a minute.
    """

    def __init__(
        self,
        plans: Sequence[DigestPlan],
        fire: Callable[[str], Awaitable[None]],
        scan: Callable[[], Awaitable[None]],
    ) -> None:
        self._scheduler = AsyncIOScheduler(
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}, timezone=ZoneInfo("UTC")
        )
        for plan in plans:
            self._scheduler.add_job(fire, read_cron(plan.cron, plan.timezone), args=[plan.name], id=f"digest:{plan.name}")
        at_once = datetime.now(UTC)  # the first look is at start-up: what fell due while the bot was down is late enough
        self._scheduler.add_job(scan, IntervalTrigger(seconds=SCAN_SECONDS), id="scan", next_run_time=at_once)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Running jobs are not waited for: their runs' leases hand them to the next scan."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
