"""Health says which part is wrong, and says it in time, whatever hangs."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.domain.digest import Digest, DigestKey, DigestPlan
from bot.health import DigestDates, Health, Loop, SlackLink
from bot.scheduling import CronTimetable
from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from bot.telemetry import metrics
from bot.web import WebServer
from handlers.slack_client import SlackCalls, new_client, new_session
from tests.fakes import MovableClock

DAILY = DigestPlan("finance", "C0FIN", "0 9 * * *", "UTC", ("stripe",))
NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recoup.db"


@pytest.fixture
async def storage(file: Path) -> AsyncIterator[Storage]:
    url = f"sqlite+aiosqlite:///{file}"
    await migrate(url)
    async with open_storage(url) as opened:
        yield opened


@pytest.fixture
async def calls() -> AsyncIterator[SlackCalls]:
    session = new_session()
    url = "http://127.0.0.1:9/api/"
    yield SlackCalls(new_client("xoxb-1", url, session), session, url)
    await session.close()


@pytest.fixture
def clock() -> MovableClock:
    clock = MovableClock()
    clock.advance(NINE - MINUTE - clock.now())
    return clock


@pytest.fixture
def dates(storage: Storage, clock: MovableClock) -> DigestDates:
    return DigestDates([DAILY], storage, CronTimetable(), clock)


@pytest.fixture
def health(storage: Storage, calls: SlackCalls, dates: DigestDates, clock: MovableClock) -> Health:
    return Health(storage, SlackLink(calls, over_socket=False), dates, clock)


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_all_is_well_with_every_part_named(health: Health) -> None:
    report = await health.report()
    assert (report["ok"], report["problems"]) == (True, [])
    assert report["database"]["ok"] is True
    assert report["slack"] == {"ok": True, "mode": "http"}
    assert report["digests"] == {"finance": {"last": None, "next": "2026-11-20T09:00:00+00:00", "late": False}}


async def test_a_database_that_takes_no_write_is_told_in_time_over_http(health: Health, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    server = WebServer(None, None, health.report)
    await server.start("127.0.0.1", 0)
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{server.port}/healthz") as reply:
            assert (reply.status, (await reply.json())["problems"]) == (503, ["database: does not answer"])
        assert time.monotonic() - began < 2
        other.execute("ROLLBACK")
        other.close()
        await asyncio.sleep(0.3)
        async with session.get(f"http://127.0.0.1:{server.port}/healthz") as reply:
            assert reply.status == 200
    await server.stop()


async def test_a_loop_that_ended_and_one_that_is_stuck_are_told_by_name(health: Health) -> None:
    dead, stuck = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(for_ever())
    await dead
    health.watch({"delivery": Loop(dead), "worker": Loop(stuck, lambda: time.monotonic() - 75)})
    report = await health.report()
    stuck.cancel()
    assert report["worker"]["ok"] is False
    assert report["problems"] == [
        "worker: a background loop has ended (delivery)",
        "worker: a background loop has been stuck for 75 seconds (worker)",
    ]


async def test_a_loop_that_turns_is_well(health: Health) -> None:
    running = asyncio.create_task(for_ever())
    health.watch({"worker": Loop(running, time.monotonic), "directory": Loop(running)})
    report = await health.report()
    running.cancel()
    assert report["worker"] == {"ok": True, "seconds_since_turn": {"worker": 0.0}}


async def test_a_token_that_slack_refuses_is_told_with_slack_s_word(health: Health, calls: SlackCalls) -> None:
    calls.trouble = "token_revoked"
    assert (await health.report())["problems"] == ["slack: token_revoked"]


@pytest.mark.parametrize(("patience", "is_told"), [(60.0, False), (-1.0, True)])
async def test_a_socket_that_stays_away_is_told_after_a_while(calls: SlackCalls, patience: float, is_told: bool) -> None:
    link = SlackLink(calls, over_socket=True, patience=patience)
    part = await link.look()
    assert part.facts == {"mode": "socket", "connected": False}
    assert bool(part.problems) is is_told


async def test_a_socket_that_is_connected_is_well_and_its_end_is_counted_from_then(calls: SlackCalls) -> None:
    link = SlackLink(calls, over_socket=True, patience=0.05)
    connected = [True, True, False]

    async def is_connected() -> bool:
        return connected.pop(0)

    link.is_connected = is_connected
    await asyncio.sleep(0.1)
    assert (await link.look()).problems == ()
    assert (await link.look()).facts["connected"] is True
    await asyncio.sleep(0.1)
    (problem,) = (await link.look()).problems
    assert problem.startswith("slack: not connected for")


async def looked(health: Health) -> tuple[list[str], dict[str, Any]]:
    report = await health.report()
    return report["problems"], report["digests"]["finance"]


async def test_a_digest_that_is_due_and_built_nowhere_is_late_after_a_quarter_of_an_hour(
    health: Health, clock: MovableClock
) -> None:
    clock.advance(15 * MINUTE)
    assert await looked(health) == ([], {"last": None, "next": "2026-11-21T09:00:00+00:00", "late": False})
    clock.advance(2 * MINUTE)
    problems, digest = await looked(health)
    assert (problems, digest["late"]) == (["digests: finance is 16 minutes late"], True)
    await health.gauge()
    assert 'recoup_digest_late_seconds{digest="finance"} 960.0' in metrics().decode()


async def test_a_digest_that_somebody_took_on_is_not_late_unless_that_one_died(
    health: Health, storage: Storage, clock: MovableClock
) -> None:
    clock.advance(20 * MINUTE)
    key = DigestKey("finance", "2026-11-20T09:00")
    await storage.digests.start(key, "C0FIN", "me", LEASE, late=False)
    assert (await looked(health))[1]["late"] is False
    await storage.journal.recover(clock.now())
    assert (await looked(health))[1]["late"] is True


async def test_a_digest_that_failed_has_its_own_alert_and_leaves_the_bot_well(
    health: Health, storage: Storage, clock: MovableClock
) -> None:
    clock.advance(20 * MINUTE)
    key = DigestKey("finance", "2026-11-20T09:00")
    await storage.digests.start(key, "C0FIN", "me", LEASE, late=False)
    await storage.digests.fail(key, "me", "ValueError")
    assert (await looked(health))[0] == []


async def test_what_fell_due_before_a_new_digest_was_configured_was_not_missed(
    storage: Storage, clock: MovableClock
) -> None:
    clock.advance(60 * MINUTE)
    part = await DigestDates([DAILY], storage, CronTimetable(), clock).look()
    assert part.problems == ()


async def test_a_digest_of_this_morning_is_not_caught_up_and_not_late_in_the_evening(
    health: Health, clock: MovableClock
) -> None:
    clock.advance(timedelta(hours=7))
    assert (await looked(health))[0] == []


async def test_who_asks_at_the_same_time_shares_one_look(health: Health) -> None:
    first, second = await asyncio.gather(health.report(), health.report())
    assert first is second


async def test_a_message_that_is_due_ages_until_slack_takes_it(
    health: Health, storage: Storage, clock: MovableClock
) -> None:
    await _found_nothing(storage, clock.now())
    clock.advance(10 * MINUTE)
    await health.gauge()
    assert "recoup_outbox_oldest_seconds 600.0" in metrics().decode()
    letter = await storage.outbox.next_letter("me", LEASE, clock.now())
    assert letter is not None
    await storage.outbox.postpone(letter, "me", clock.now() + 5 * MINUTE, "wait")
    clock.advance(MINUTE)
    await health.gauge()
    assert "recoup_outbox_oldest_seconds 660.0" in metrics().decode()
    await storage.outbox.sent(letter, "me")
    await health.gauge()
    assert "recoup_outbox_oldest_seconds 0.0" in metrics().decode()
    assert "recoup_outbox_waiting 0.0" in metrics().decode()


async def test_a_message_that_is_planned_for_later_does_not_age(storage: Storage, clock: MovableClock) -> None:
    await _found_nothing(storage, clock.now())
    assert await storage.outbox.oldest(clock.now() - MINUTE) is None


async def _found_nothing(storage: Storage, now: datetime) -> None:
    """A digest run that has something to post."""
    key = DigestKey("finance", "2026-11-20T09:00")
    await storage.digests.start(key, "C0FIN", "me", LEASE, late=False)
    quiet = Digest(plan_name="finance", as_of=now, timezone="UTC", totals=(), shown=0, quiet_line=True)
    await storage.digests.finish(key, "me", quiet, [], "digest:1")


async def until(metric: str) -> None:
    for _ in range(500):
        if metric in metrics().decode():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{metric} was not shown within five seconds")


async def test_the_gauges_are_kept_while_the_loop_runs_and_nothing_is_left_behind(health: Health) -> None:
    running = asyncio.create_task(health.run())
    await until('recoup_healthy{part="worker"} 1.0')
    await until('recoup_open_actions{state="needs_human"} 0.0')
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "recoup_outbox_oldest_seconds 0.0" in metrics().decode()
    assert re.search(r'recoup_build_info\{version="[0-9.]+"\} 1.0', metrics().decode())
