"""What `/healthz` and the gauges say: every part is looked at, and no look takes longer than its limit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

from bot.domain.action import LIVE
from bot.domain.digest import DigestKey, DigestPlan
from bot.domain.errors import JournalUnavailable
from bot.ports import Clock, Timetable
from bot.services.digests import CATCH_UP, local_time
from bot.storage.engine import Storage
from bot.telemetry import BUILD, DIGEST_LATE, HEALTHY, OLDEST_LETTER, OPEN_ACTIONS, WAITING_LETTERS
from handlers.slack_client import SlackCalls

LOOK_SECONDS: Final = 1.2
"""How long one look at one part may take; `/healthz` answers within two seconds whatever hangs."""
STUCK_SECONDS: Final = 60.0
"""A loop goes round every five seconds; one that has not for so long is stuck."""
UNCONNECTED_SECONDS: Final = 60.0
"""Slack closes a Socket Mode connection now and then and the client opens another: that is no trouble."""
OVERDUE: Final = timedelta(minutes=15)
"""A digest that is due and built nowhere is found within a minute; after so long, nothing looks for it."""
REFRESH_SECONDS: Final = 15.0
_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it was found: facts for whoever looks, and a sentence for each thing that is wrong."""

    facts: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def body(self) -> dict[str, object]:
        return {"ok": not self.problems, **self.facts}


@dataclass(frozen=True, slots=True)
class Loop:
    """A background loop: its task, and when it last went round by `time.monotonic` (None: it keeps no such time)."""

    task: asyncio.Task[None]
    turned_at: Callable[[], float] | None = None


class SlackLink:
    """Slack as the bot reaches it. In Socket Mode `is_connected` asks the connection; over HTTP there is none to ask."""

    def __init__(self, calls: SlackCalls, *, over_socket: bool, patience: float = UNCONNECTED_SECONDS) -> None:
        self._calls = calls
        self._patience = patience
        self._over_socket = over_socket
        self._seen_at = time.monotonic()
        self.is_connected: Callable[[], Awaitable[bool]] | None = None

    async def look(self) -> Part:
        problems = [f"slack: {self._calls.trouble}"] if self._calls.trouble is not None else []
        facts: dict[str, object] = {"mode": "socket" if self._over_socket else "http"}
        if self._over_socket:
            facts["connected"] = connected = self.is_connected is not None and await self.is_connected()
            now = time.monotonic()
            self._seen_at = now if connected else self._seen_at
            if now - self._seen_at > self._patience:
                problems.append(f"slack: not connected for {now - self._seen_at:.0f} seconds")
        return Part(facts, tuple(problems))


class DigestDates:
    """When each scheduled digest was built last, is due next, and how long it has been due and built nowhere.

    A digest that ran and failed is not late: its own alert tells it. What fell due more than six hours ago is not caught
    up any more, and what fell due before the digest was configured was never missed.
    """

    def __init__(self, plans: Sequence[DigestPlan], storage: Storage, timetable: Timetable, clock: Clock) -> None:
        self._plans = plans
        self._log = storage.digests
        self._timetable = timetable
        self._clock = clock
        self._started_at = clock.now()
        self.late: dict[str, timedelta] = {}

    async def look(self) -> Part:
        """Raises JournalUnavailable."""
        now = self._clock.now()
        unfinished = {key for key, _, _ in await self._log.unfinished()}
        facts: dict[str, object] = {}
        for plan in self._plans:
            self.late[plan.name] = late = await self._lateness(plan, now, unfinished)
            facts[plan.name] = {
                "last": _iso(await self._log.last_finished(plan.name)),
                "next": _iso(self._timetable.next_due(plan, now)),
                "late": late > OVERDUE,
            }
        overdue = [f"digests: {name} is {late // timedelta(minutes=1)} minutes late" for name, late in self._overdue()]
        return Part(facts, tuple(overdue))

    def _overdue(self) -> list[tuple[str, timedelta]]:
        return [(name, late) for name, late in self.late.items() if late > OVERDUE]

    async def _lateness(self, plan: DigestPlan, now: datetime, unfinished: set[DigestKey]) -> timedelta:
        slot = self._timetable.last_due(plan, now, CATCH_UP)
        if slot is None:
            return timedelta()
        key = DigestKey(plan.name, local_time(slot))
        if await self._log.ran(key):
            return now - slot if key in unfinished else timedelta()
        is_expected = slot >= self._started_at or await self._log.ever_ran(plan.name)
        return now - slot if is_expected else timedelta()


class Health:
    """Answers `/healthz`, and keeps the gauges of `/metrics`."""

    def __init__(self, storage: Storage, slack: SlackLink, digests: DigestDates, clock: Clock) -> None:
        self._storage = storage
        self._slack = slack
        self._digests = digests
        self._clock = clock
        self._loops: Mapping[str, Loop] = {}
        self._looking: asyncio.Task[dict[str, Any]] | None = None
        BUILD.labels(version("recoup-bot")).set(1)

    def watch(self, loops: Mapping[str, Loop]) -> None:
        self._loops = loops

    async def report(self) -> dict[str, Any]:
        """The body of `/healthz`. Whoever asks at the same time shares one look, so that a probe cannot be a burden."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def run(self) -> None:
        """Keep the gauges, and the memory of when Slack was last connected, until cancelled."""
        try:
            while True:
                await self.report()
                with contextlib.suppress(JournalUnavailable, TimeoutError):
                    await self.gauge()
                await asyncio.sleep(REFRESH_SECONDS)
        finally:
            if self._looking is not None:
                self._looking.cancel()
                await asyncio.gather(self._looking, return_exceptions=True)

    async def gauge(self) -> None:
        """Raises JournalUnavailable or TimeoutError; the gauges then keep what they showed."""
        async with asyncio.timeout(REFRESH_SECONDS):
            now = self._clock.now()
            open_by_state = Counter(action.state for action in await self._storage.journal.open_actions(_COUNTED))
            for state in LIVE:
                OPEN_ACTIONS.labels(state.value).set(open_by_state[state])
            WAITING_LETTERS.set(await self._storage.outbox.waiting())
            oldest = await self._storage.outbox.oldest(now)
            OLDEST_LETTER.set(max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)
            for name, late in self._digests.late.items():
                DIGEST_LATE.labels(name).set(late.total_seconds())

    async def _look(self) -> dict[str, Any]:
        database, slack, digests = await asyncio.gather(
            _within("database", self._ping), _within("slack", self._slack.look), _within("digests", self._digests.look)
        )
        if database.problems:
            digests = Part(digests.facts)  # the one cause is told once
        parts = {"database": database, "slack": slack, "worker": self._work(), "digests": digests}
        for name, part in parts.items():
            HEALTHY.labels(name).set(not part.problems)
        problems = [problem for part in parts.values() for problem in part.problems]
        bodies = {name: part.body() for name, part in parts.items()}
        frozen = {"frozen": freeze} if (freeze := await self._freeze()) is not None else {}
        return {"ok": not problems, "problems": problems, **bodies, "digests": dict(digests.facts), **frozen}

    async def _freeze(self) -> dict[str, str] | None:
        """No trouble, but whoever looks why nothing is sent should find it. Why is for Slack: it may name customers."""
        with contextlib.suppress(JournalUnavailable, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS / 2):
                if (freeze := await self._storage.journal.frozen()) is not None:
                    return {"by": freeze.by, "since": freeze.since.isoformat(timespec="seconds")}
        return None

    async def _ping(self) -> Part:
        started = time.perf_counter()
        await self._storage.journal.ping()
        return Part({"ms": round((time.perf_counter() - started) * 1000)})

    def _work(self) -> Part:
        now, problems = time.monotonic(), list[str]()
        idle: dict[str, float] = {}
        for name, loop in self._loops.items():
            if loop.task.done():
                problems.append(f"worker: a background loop has ended ({name})")
            elif loop.turned_at is not None:
                idle[name] = round(now - loop.turned_at(), 1)
                if idle[name] > STUCK_SECONDS:
                    problems.append(f"worker: a background loop has been stuck for {idle[name]:.0f} seconds ({name})")
        return Part({"seconds_since_turn": idle}, tuple(problems))


async def _within(name: str, look: Callable[[], Awaitable[Part]]) -> Part:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await look()
    except (JournalUnavailable, TimeoutError) as error:
        return Part(problems=(f"{name}: {str(error) or 'does not answer'}",))
    except Exception as error:  # noqa: BLE001 - whoever watches the bot must get an answer whatever is wrong with it
        return Part(problems=(f"{name}: {type(error).__name__}",))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
