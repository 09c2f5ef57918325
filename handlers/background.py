"""Tasks that answer after the acknowledgement: kept track of, bounded in time, drained on stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

ANSWER_WITHIN: Final = 25.0
_log = structlog.get_logger()


class Background:
    """Bolt keeps no list of what runs after an ack and cuts it on stop; this does not."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], seconds: float | None = ANSWER_WITHIN) -> None:
        """Run `work`, at most so many seconds; what it raises is logged."""
        task = asyncio.create_task(self._bounded(work, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(seconds, 0.0))
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @staticmethod
    async def _bounded(work: Coroutine[Any, Any, None], seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError:
            _log.warning("answer.too_slow")
        except Exception as error:  # noqa: BLE001 - nobody waits for this task; its trouble must not vanish
            _log.error("answer.failed", error=type(error).__name__)
