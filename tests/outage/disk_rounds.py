"""Outages of the disk and the lock under a SQLite file."""

from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.outage.books import Verdict
from tests.outage.database_rounds import presses_until_taken
from tests.outage.stand import Stand, standing
from tests.scenarios.stage import RETRY, Stage

FRAME = 4096 + 24
"""What one page takes in SQLite's write-ahead log."""
_HEADER = 32


@contextmanager
def full_disk(frames: int = 0) -> Iterator[None]:
    """No file of this process grows over so many frames of a log: the write that would is refused by the kernel."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_HEADER + frames * FRAME, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def second_writer(file: Path) -> AsyncGenerator[None]:
    """Somebody else who has begun to write, and does not end."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def empty_log(file: Path) -> None:
    """Fold the write-ahead log into the file, so that it grows from nothing again."""
    with closing(sqlite3.connect(file, timeout=10)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def health(stage: Stage) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{stage.port}/healthz") as reply,
    ):
        return reply.status, await reply.json()


async def full_after(database: Path, frames: Sequence[int]) -> Verdict:
    """The disk is full after so many pages of the life of one press, and has room again a moment later (F25)."""
    async with standing(database) as stand:
        for count in frames:
            bill = stand.stage.bill()
            digest = await stand.stage.digest()
            button = stand.stage.row(bill, digest).button(RETRY)
            await stand.stage.settled()
            empty_log(database)
            room = asyncio.create_task(_full_for_a_moment(count))
            await presses_until_taken(stand, bill, button, digest)
            await room
            await _restarted(stand)
            await stand.quiet()
        return await stand.verdict("SQLite: disk full after n pages", len(frames))


async def _full_for_a_moment(frames: int) -> None:
    with full_disk(frames):
        await asyncio.sleep(0.4)


async def _restarted(stand: Stand) -> None:
    """A claim that could not be given back is leased for two minutes by SQLite's clock; a restart frees it at once."""
    await stand.stage.settled()
    await stand.stage.restart()


async def locked(database: Path, rounds: int, seed: int) -> Verdict:
    """A second writer holds the lock at some moment of the life of each press, for longer than the bot waits (F25)."""
    chance = random.Random(seed)
    async with standing(database) as stand:
        stand.provider.down.latency = 0.1
        for _ in range(rounds):
            bill = stand.stage.bill()
            digest = await stand.stage.digest()
            button = stand.stage.row(bill, digest).button(RETRY)
            await stand.stage.settled()
            other = asyncio.create_task(_locked_for_a_while(database, chance.uniform(0.0, 1.0)))
            await presses_until_taken(stand, bill, button, digest)
            await other
            await _restarted(stand)
            await stand.quiet()
        return await stand.verdict("SQLite: locked by a second writer", rounds)


async def _locked_for_a_while(file: Path, after: float) -> None:
    await asyncio.sleep(after)
    async with second_writer(file):
        await asyncio.sleep(3.0)
