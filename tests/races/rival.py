"""A process with a whole bot in it, which does what it is told at the moment that another one does it, too."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest

from bot.app import Bot, assembled
from bot.domain.errors import RecoupError
from bot.settings import Configuration
from bot.telemetry import configure_logging

_PATIENCE = 300.0
"""Seconds until a rival that is not heard of counts as stuck; a busy machine is only slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signed request of Slack's, as it stands on the wire."""

    body: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a rival does once every one of them is ready: take requests, let digests fall due, look for what was left
    undone, then work and talk until nothing is due. `ahead` is how far its clock is from now on ahead of the real one."""

    requests: Sequence[Request] = ()
    fires: Sequence[str] = ()
    scans: bool = False
    sweeps: timedelta | None = None
    """So far ahead is its clock when it ends the questions that nobody has answered; after `sweeps_after` seconds."""
    sweeps_after: float = 0.0
    ahead: timedelta | None = None
    meets_again: bool = True
    """False: who has answered Slack begins to work, while the others may still be answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a deed went: what each request was answered (status, body)."""

    answers: tuple[tuple[int, str], ...] = ()
    error: str | None = None


class ShiftedClock:
    """The time of day and a span."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Rival:
    """The parent's end. `open` answers None, or the sentence with which the bot refused to start."""

    def __init__(self, configuration: Configuration, barrier: Barrier) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=live, args=(configuration, theirs, barrier), daemon=True)
        self._process.start()
        theirs.close()

    async def open(self) -> str | None:
        return (await self._heard()).error

    async def does(self, deed: Deed) -> Done:
        self._ours.send(deed)
        done = await self._heard()
        assert done.error is None, done.error
        return done

    async def close(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # one that refused to start is on its way out
            self._ours.send(None)
        await asyncio.to_thread(self._process.join, 10.0)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join)
        self._ours.close()

    async def _heard(self) -> Done:
        if not await asyncio.to_thread(self._ours.poll, _PATIENCE):
            raise TimeoutError("a rival does not answer")
        heard: Any = self._ours.recv()
        assert isinstance(heard, Done)
        return heard


def a_barrier(parties: int) -> Barrier:
    return multiprocessing.get_context("spawn").Barrier(parties, timeout=_PATIENCE)


def live(configuration: Configuration, orders: Connection, barrier: Barrier) -> None:
    """In the process: open the bot together with the others, then one deed after the other until there is no more."""
    configure_logging("CRITICAL")
    asyncio.run(_live(configuration, orders, barrier))


async def _live(configuration: Configuration, orders: Connection, barrier: Barrier) -> None:
    clock = ShiftedClock()
    try:
        barrier.wait()
        async with assembled(configuration, clock) as bot:
            orders.send(Done())
            while (deed := await asyncio.to_thread(orders.recv)) is not None:
                try:
                    orders.send(await _do(bot, clock, deed, barrier))
                except Exception as error:  # noqa: BLE001 - whatever it was, the parent has to hear of it
                    orders.send(Done(error=f"{type(error).__name__}: {error}"))
    except RecoupError as error:
        orders.send(Done(error=str(error)))


async def _do(bot: Bot, clock: ShiftedClock, deed: Deed, barrier: Barrier) -> Done:
    if deed.ahead is not None:
        clock.ahead = deed.ahead
        await bot.directory.refresh()  # who is who was read long ago by that clock
    requests = [AsyncBoltRequest(body=one.body, headers={k: [v] for k, v in one.headers.items()}) for one in deed.requests]
    barrier.wait()  # the whole process waits: there is nothing else that it could do meanwhile
    answering = [asyncio.create_task(_answer(bot, one)) for one in requests]
    falling_due = [*(bot.digests.fire(name) for name in deed.fires), *([bot.digests.scan()] if deed.scans else [])]
    await asyncio.gather(*answering, *falling_due)
    if deed.sweeps is not None:
        await asyncio.sleep(deed.sweeps_after)
        ahead, clock.ahead = clock.ahead, deed.sweeps
        await bot.storage.journal.expire_approvals(clock.now())
        clock.ahead = ahead
    if deed.meets_again:
        barrier.wait()
    await bot.background.drain(_PATIENCE)
    await _work(bot)
    return Done(answers=tuple(task.result() for task in answering))


async def _answer(bot: Bot, request: AsyncBoltRequest) -> tuple[int, str]:
    response = await bot.slack.bolt.async_dispatch(request)
    assert response is not None
    return response.status, response.body or ""


async def _work(bot: Bot) -> None:
    """Do and say what is due, and what falls due by that."""
    deadline = time.monotonic() + _PATIENCE
    while await bot.worker.step() or await bot.delivery.step():
        if time.monotonic() > deadline:
            raise TimeoutError("there is always something due")
