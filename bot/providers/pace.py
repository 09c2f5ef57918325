"""How fast one account may be asked: its turns per second, its reads at once, and the pause a provider asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure

PATIENCE: Final = 10.0
"""Seconds a read waits for a rate limit to pass; asked for longer, it fails and says so."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one account may be asked."""

    per_second: float
    burst: int = 10
    concurrent: int = 4
    wait_header: str = "retry-after"
    """In which header, in small letters, the provider says how many seconds to wait."""

    def backoff(self, tries: int) -> float:
        """Seconds before the next try of a read: a few turns of the account's own pace, four times more each time."""
        return 2.5 / self.per_second * (1, 4, 16)[min(tries, 2)]


class Budget:
    """One account's turns. Reads wait for a free slot and for a pause to pass; a send waits for neither."""

    def __init__(self, pace: Pace) -> None:
        self._interval = 1 / pace.per_second
        self._slack = self._interval * (pace.burst - 1)
        self._slots = asyncio.Semaphore(pace.concurrent)
        self._due = 0.0
        self._paused_until = 0.0

    def wait(self) -> float:
        """Seconds until the next turn."""
        return max(self._due - self._slack - time.monotonic(), 0.0)

    async def turn(self) -> None:
        now = time.monotonic()
        self._due = max(self._due, now)
        wait = self._due - self._slack - now
        self._due += self._interval
        if wait > 0:
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        async with self._slots:
            while (rest := self._paused_until - time.monotonic()) > 0:
                if rest > PATIENCE:
                    raise ProviderFailure(
                        FailureReason.RATE_LIMITED, "The provider asked us to slow down.", retry_after=round(rest, 1)
                    )
                await asyncio.sleep(rest)
            await self.turn()
            yield

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
