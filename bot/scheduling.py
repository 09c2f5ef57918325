"""The clock of the digests: APScheduler with an in-memory store, in every replica. It only says that time has come."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
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
        return CronTrigger.from_crontab(cron, timezone=zone)
    except ValueError as error:
        raise UnusableValue(f"“{cron}” is not a schedule: {error}") from None


class CronTimetable:
    """When digests are due, by APScheduler's own reading of the cron fields."""

    def last_due(self, plan: DigestPlan, now: datetime, window: timedelta) -> datetime | None:
        """See `bot.ports.Timetable`."""
        trigger = read_cron(plan.cron, plan.timezone)
        # In UTC throughout: Python compares and adds two times of one zone by the wall clock, which jumps twice a year.
        now, after = now.astimezone(UTC), now.astimezone(UTC) - window
        last: datetime | None = None
        for _ in range(_MOST_SLOTS):
            slot = trigger.get_next_fire_time(None, after.astimezone(trigger.timezone))
            if slot is None or slot.astimezone(UTC) > now:
                break
            last = slot
            after = slot.astimezone(UTC) + timedelta(seconds=1)
        return last

    def next_due(self, plan: DigestPlan, now: datetime) -> datetime | None:
        """See `bot.ports.Timetable`."""
        trigger = read_cron(plan.cron, plan.timezone)
        slot: datetime | None = trigger.get_next_fire_time(None, now.astimezone(trigger.timezone))
        return slot


class DigestScheduler:
    """Fires each digest at its time and a scan every minute; may fire zero, one or three times: the run's row decides."""

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
        self._scheduler.add_job(scan, IntervalTrigger(seconds=SCAN_SECONDS), id="scan")

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Running jobs are not waited for: their runs' leases hand them to the next scan."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
