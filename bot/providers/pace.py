"""How fast one account may be asked: its turns per second, its reads at once, and the pause a provider asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure

PATIENCE: Final = 10.0
"""Seconds a read waits for a rate limit to pass; asked for longer, it fails and says so."""
_LEAST: Final = 1 / 16
"""The part of the configured pace that is kept however often the provider asks to slow down."""
_RECOVERY: Final = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one account may be asked."""

    per_second: float
    burst: int = 10
    concurrent: int = 4
    wait_header: str = "retry-after"
    """In which header, in small letters, the provider says how many seconds to wait."""
    wait_told: Callable[[Mapping[str, str]], float | None] | None = None
    """Reads the seconds out of the headers of a 429, where no header holds them as they are: a moment, say."""

    def backoff(self, tries: int) -> float:
        """Seconds before the next try of a read: a few turns of the account's own pace, four times more each time."""
        return 2.5 / self.per_second * (1, 4, 16)[min(tries, 2)]


class Budget:
    """One account's turns; none begins in a pause that the provider asked for. Reads wait for a free slot as well.

    Every "slow down" halves the pace, and it comes back within a minute of answers. At the configured pace, a provider
    with a lower limit answers the reads of all waiting decisions and then turns away the send of each, for ever.
    """

    def __init__(self, pace: Pace) -> None:
        self._most = self._per_second = pace.per_second
        self._least = pace.per_second * _LEAST
        self._burst = pace.burst
        self._slots = asyncio.Semaphore(pace.concurrent)
        self._due = 0.0
        self._paused_until = 0.0

    @property
    def per_second(self) -> float:
        """The pace as it is now."""
        return self._per_second

    def wait(self) -> float:
        """Seconds until the next turn."""
        begin = max(self._due - self._slack, self._paused_until)
        return max(begin - time.monotonic(), 0.0)

    async def turn(self) -> None:
        while True:
            now = time.monotonic()
            self._due = max(self._due, now, self._paused_until)
            begin = max(self._due - self._slack, self._paused_until)
            self._due += 1 / self._per_second
            if begin > now:
                await asyncio.sleep(begin - now)
            if time.monotonic() >= self._paused_until:
                break

    @property
    def _slack(self) -> float:
        return (self._burst - 1) / self._per_second

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

    def answered(self) -> None:
        """A request was not turned away: a little faster again, from nothing to the whole in `_RECOVERY` seconds."""
        self._per_second = min(self._most, self._per_second + self._most / (_RECOVERY * self._per_second))

    def pause(self, seconds: float) -> None:
        """The provider asked to slow down. Of several requests under way at that moment, the first one counts."""
        now = time.monotonic()
        if now >= self._paused_until:
            self._per_second = max(self._least, self._per_second / 2)
        self._paused_until = max(self._paused_until, now + seconds)
