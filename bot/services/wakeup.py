"""Waking a background loop early: by a signal in this process, or when the next thing falls due; else it polls."""

from __future__ import annotations

import asyncio
import contextlib


class Wakeup:
    """An event with a patience: `wait` returns when set, or after `seconds` at the latest. A lost signal costs a poll."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._event.wait()
        self._event.clear()
