"""The loops behind the handlers: woken by a signal or by time, a few things at once, and quiet when told to stop."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from bot.domain.action import ActionState
from bot.domain.errors import JournalUnavailable
from bot.domain.outcome import Outcome, Succeeded
from bot.domain.records import Claim
from bot.services.wakeup import Wakeup
from bot.services.worker import AT_ONCE
from bot.storage.journal import SqlJournal
from tests.builders import TOM, an_invoice, on_message
from tests.fakes import FakeProvider
from tests.services.bench import SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")


class _Till:
    """Requests that stay open until the test lets them go."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.most = self.now = 0
        self.has_begun = asyncio.Event()
        self.full = asyncio.Event()

    async def answer(self) -> Outcome:
        self.now += 1
        self.has_begun.set()
        self.most = max(self.most, self.now)
        if self.now >= AT_ONCE:
            self.full.set()
        try:
            await self.is_open.wait()
        finally:
            self.now -= 1
        return Succeeded()


async def _pressed(outside: Outside, count: int) -> tuple[Bench, _Till]:
    till, provider = _Till(), FakeProvider(*(an_invoice(n, 100) for n in range(count)))
    provider.answers.extend([till.answer] * count)
    bench = Bench(outside, provider)
    for number, invoice in enumerate(provider.invoices.values()):
        offer = await bench.shown(invoice, message=f"card:{number}")
        await bench.press(offer, actor=TOM, reply_to=on_message(TOM))
    bench.clock.advance(SECOND)
    return bench, till


async def test_a_wake_up_comes_at_once_and_none_is_lost_before_the_wait() -> None:
    wakeup = Wakeup()
    wakeup.set()
    async with asyncio.timeout(1):
        await wakeup.wait(60)


async def test_without_a_signal_the_wait_ends_by_itself_and_a_signal_wakes_once() -> None:
    wakeup = Wakeup()
    await wakeup.wait(0)
    wakeup.set()
    await wakeup.wait(60)
    began = time.monotonic()
    await wakeup.wait(0.02)
    assert time.monotonic() - began >= 0.015


async def test_the_worker_takes_no_more_than_it_may_at_a_time_and_all_in_the_end(outside: Outside) -> None:
    bench, till = await _pressed(outside, AT_ONCE + 3)
    running = asyncio.create_task(bench.worker.run())
    async with asyncio.timeout(10):
        await till.full.wait()
        assert bench.worker.busy == AT_ONCE
        till.is_open.set()
        while await bench.journal.open_actions():
            await bench.talk_signal.wait(1)
    await bench.worker.drain(1)
    await running
    assert till.most == AT_ONCE


async def test_a_press_wakes_the_worker_without_waiting_for_the_next_poll(bench: Bench) -> None:
    running = asyncio.create_task(bench.worker.run())
    await asyncio.sleep(0.05)
    await bench.press(await bench.shown())
    async with asyncio.timeout(3):
        while await bench.journal.open_actions():
            await bench.talk_signal.wait(1)
    await bench.worker.drain(1)
    await running


async def test_what_was_pressed_before_the_start_is_found_without_a_signal(outside: Outside) -> None:
    handler, worker = Bench(outside), Bench(outside)
    await handler.press(await handler.shown())
    running = asyncio.create_task(worker.worker.run())
    async with asyncio.timeout(3):
        while await handler.journal.open_actions():
            await worker.talk_signal.wait(1)
    await worker.worker.drain(1)
    await running


async def test_stopping_takes_nothing_new_and_waits_for_what_is_out(outside: Outside) -> None:
    bench, till = await _pressed(outside, AT_ONCE + 1)
    running = asyncio.create_task(bench.worker.run())
    await till.full.wait()
    draining = asyncio.create_task(bench.worker.drain(5))
    await asyncio.sleep(0.05)
    assert not draining.done()
    till.is_open.set()
    await asyncio.gather(draining, running)
    assert [action.state for action in await bench.journal.open_actions()] == [ActionState.ACCEPTED]


async def test_what_does_not_end_before_the_stop_is_cancelled_and_found_as_a_doubt(outside: Outside) -> None:
    bench, till = await _pressed(outside, 1)
    running = asyncio.create_task(bench.worker.run())
    async with asyncio.timeout(5):
        await till.has_begun.wait()
    await bench.worker.drain(0.05)
    await running
    assert (till.now, bench.worker.busy) == (0, 0)
    assert [action.state for action in await bench.journal.open_actions()] == [ActionState.EXECUTING]
    await bench.journal.recover(bench.clock.now())
    claim = await bench.journal.claim("next start", timedelta(seconds=120), bench.clock.now())
    assert claim is not None
    assert claim.action.state is ActionState.UNKNOWN


class _Blinking(SqlJournal):
    """Cannot be reached for the first claims."""

    def __init__(self, journal: SqlJournal) -> None:
        super().__init__(journal._db)
        self.failures = 1

    async def claim(self, owner: str, lease: timedelta, now: object) -> Claim | None:
        if self.failures:
            self.failures -= 1
            raise JournalUnavailable("the database is away")
        assert hasattr(now, "tzinfo")
        return await super().claim(owner, lease, now)  # type: ignore[arg-type]  # checked just above


async def test_a_database_that_comes_back_finds_the_worker_waiting(outside: Outside) -> None:
    bench = Bench(outside, journal=_Blinking(outside.storage.journal))
    running = asyncio.create_task(bench.worker.run())
    await bench.press(await bench.shown())
    async with asyncio.timeout(8):
        while await bench.journal.open_actions():
            await bench.talk_signal.wait(1)
    await bench.worker.drain(1)
    await running
