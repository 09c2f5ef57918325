"""KillAt: a coroutine, and every task it starts, whose k-th resume is the last thing the process does.

Most resumes change nothing that anybody could see: two deaths between which nothing was sent and nothing was committed
leave the same world behind. The `marks` are the resumes right after something did get out, one death of each kind.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Engine, event

_Answer = TypeVar("_Answer")


class Countdown:
    """Counts resumes; before the `kill_at`-th one is carried out, the process is gone. None only counts."""

    def __init__(self, kill_at: int | None) -> None:
        self._kill_at = kill_at
        self.points = 0
        self._marks = {1}

    @property
    def marks(self) -> list[int]:
        return sorted(mark for mark in self._marks if mark <= self.points)

    def tick(self) -> None:
        self.points += 1
        if self.points == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def got_out(self, *_: object) -> None:
        """Something left the process: bytes to Slack or to a provider, a commit. It shows from the next resume on."""
        self._marks.add(self.points + 1)


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


class WatchedLoop(asyncio.SelectorEventLoop):
    """An event loop that tells what is written to TCP sockets, which lead to Slack and to the provider; a database is
    reached by a file or by a socket of this machine."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def _make_socket_transport(self, sock: socket.socket, *args: Any, **named: Any) -> Any:
        # The loop has no public place to stand in; where Python renames this, there are no marks but those of commits.
        transport = super()._make_socket_transport(sock, *args, **named)  # type: ignore[misc]  # not in typeshed
        if sock.family != socket.AF_UNIX:
            transport.write = self._told(transport.write)
            transport.writelines = self._told(transport.writelines)
        return transport

    def _told(self, write: Callable[[Any], None]) -> Callable[[Any], None]:
        def written(data: Any) -> None:
            self._tell()
            write(data)

        return written


async def counted(work: Coroutine[Any, Any, _Answer], countdown: Countdown) -> _Answer:
    """Run `work` to its end, or to the death of the process.

    The stores run each transaction in a task of its own, so the tasks that `work` starts are counted too: otherwise a
    whole transaction would be one point, and nothing would be known of a death inside it.
    """
    loop = asyncio.get_running_loop()

    def new_task(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **named: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Counted(coroutine, countdown), loop=loop, **named)

    loop.set_task_factory(new_task)  # type: ignore[arg-type]  # typeshed wants a generic callable
    event.listen(Engine, "commit", countdown.got_out)
    try:
        return await loop.create_task(work)
    finally:
        event.remove(Engine, "commit", countdown.got_out)
        loop.set_task_factory(None)
