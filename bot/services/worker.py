"""The worker: claims what is due by lease, advances it, and drains on stop. Any number of replicas may run one."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import timedelta

import structlog

from bot.domain.action import ActionState
from bot.domain.errors import JournalUnavailable, LeaseLost
from bot.domain.records import Claim
from bot.ports import Clock, Journal
from bot.services.execution import Execution
from bot.services.reconciliation import Reconciliation
from bot.services.wakeup import Wakeup
from bot.telemetry import ACTION_STEPS, in_action

LEASE = timedelta(seconds=120)
POLL_SECONDS = 5.0
AT_ONCE = 64
"""Actions advanced at the same time in one process. Many, for a send may hang for over a minute and must not keep the sends
to other providers waiting; each provider account has its own, narrower budget."""
_BRIEF = 0.5

_log = structlog.get_logger()


class Worker:
    """Runs until cancelled. `drain` stops the claiming and waits for what is out."""

    def __init__(
        self,
        journal: Journal,
        execution: Execution,
        reconciliation: Reconciliation,
        clock: Clock,
        *,
        work: Wakeup,
        talk: Wakeup,
    ) -> None:
        self._journal = journal
        self._execution = execution
        self._reconciliation = reconciliation
        self._clock = clock
        self._work = work
        self._talk = talk
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.turned_at = time.monotonic()
        """When the loop last went round, for `/healthz`."""

    async def run(self) -> None:
        """Claim and advance for ever."""
        while not self._stopping:
            self.turned_at = time.monotonic()
            await self._work.wait(await self._pause())
            await self._claim_all()

    async def drain(self, seconds: float) -> None:
        """Take no more; wait for what is out. What is not done by then is cancelled: its send, if any, is unknown."""
        self._stopping = True
        self._work.set()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=max(seconds, 0.0))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)

    @property
    def busy(self) -> int:
        return len(self._running)

    async def step(self) -> bool:
        """Claim and advance one action here and now; False when nothing is due."""
        claim = await self._claim()
        if claim is None:
            return False
        await self._advance(claim)
        return True

    async def _pause(self) -> float:
        """Seconds until something falls due, at most one poll."""
        if len(self._running) >= AT_ONCE:
            return _BRIEF
        try:
            due = await self._journal.next_due()
        except JournalUnavailable:
            return POLL_SECONDS
        if due is None:
            return POLL_SECONDS
        return min(max((due - self._clock.now()).total_seconds(), 0.0), POLL_SECONDS)

    async def _claim_all(self) -> None:
        while not self._stopping and len(self._running) < AT_ONCE:
            try:
                claim = await self._claim()
            except JournalUnavailable as error:
                _log.error("worker.database_unavailable", detail=str(error))
                await asyncio.sleep(_BRIEF)
                return
            if claim is None:
                return
            task = asyncio.create_task(self._advance(claim))
            self._running.add(task)
            task.add_done_callback(self._done)

    async def _claim(self) -> Claim | None:
        return await self._journal.claim(secrets.token_hex(8), LEASE, self._clock.now())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._work.set()
        self._talk.set()

    async def _advance(self, claim: Claim) -> None:
        """One action's trouble stays its own. Without a record the lease runs out and the action is found again."""
        with in_action(claim.action.id):
            try:
                await self._advance_or_fail(claim)
            except LeaseLost:
                _log.warning("action.lease_lost")
            except JournalUnavailable as error:
                _log.error("action.not_recorded", detail=str(error))
            else:
                ACTION_STEPS.labels(claim.action.kind.value).inc()
            self._talk.set()

    async def _advance_or_fail(self, claim: Claim) -> None:
        try:
            if claim.action.state is ActionState.ACCEPTED:
                await self._execution.execute(claim)
            else:
                await self._reconciliation.settle(claim)
        except (LeaseLost, JournalUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - a poison action must not stop the others
            _log.error("action.failed_unexpectedly", error=type(error).__name__)
            if claim.action.state is ActionState.ACCEPTED:
                await self._execution.fail(claim)
            else:
                await self._reconciliation.fail(claim)
