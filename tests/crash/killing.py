"""KillAt: a coroutine, and every task it starts, whose k-th resume is the last thing the process does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")


class Countdown:
    """Counts resumes; before the `kill_at`-th one is carried out, the process is gone. None only counts."""

    def __init__(self, kill_at: int | None) -> None:
        self._kill_at = kill_at
        self.points = 0

    def tick(self) -> None:
        self.points += 1
        if self.points == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine each of whose resumes is counted. Everything else it leaves to the coroutine inside."""

    def __init__(self, inner: Coroutine[Any, Any, Any], countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown

    def send(self, value: Any) -> Any:
        self._countdown.tick()
        return self._inner.send(value)

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        self._countdown.tick()
        del value, traceback
        return self._inner.throw(kind if isinstance(kind, BaseException) else kind())

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def counted(work: Coroutine[Any, Any, _Answer], countdown: Countdown) -> _Answer:
    """Run `work` to its end, or to the death of the process.

    The stores run each transaction in a task of its own, so the tasks that `work` starts are counted too: otherwise a
    whole transaction would be one point, and nothing would be known of a death inside it.
    """
    loop = asyncio.get_running_loop()

    def new_task(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **named: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Counted(coroutine, countdown), loop=loop, **named)

    loop.set_task_factory(new_task)  # type: ignore[arg-type]  # typeshed wants a generic callable
    try:
        return await loop.create_task(work)
    finally:
        loop.set_task_factory(None)
