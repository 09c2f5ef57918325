"""A TCP proxy that breaks what passes through it, in toxiproxy's vocabulary; every switch works on live connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

Target: TypeAlias = tuple[str, int] | Path
"""Where a connection leads to: host and port, or a local socket."""
Split: TypeAlias = Callable[[bytes], Iterable[bytes]]
"""Cuts what was read into messages; keeps the beginning of an unfinished one."""

_CHUNK = 65536
_LOOK_AFTER = 0.01
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: the kernel answers a close with RST instead of FIN."""


class Ending(StrEnum):
    """How a connection ends once its limit is reached."""

    RESET = "reset"
    """toxiproxy's reset_peer: both sides get an RST."""
    CLOSE = "close"
    """limit_data: what was let through arrives, then FIN on both sides."""
    HALF_CLOSE = "half-close"
    """FIN to the receiver alone; the other direction stays open."""
    HANG = "hang"
    """timeout: nothing more comes, and nobody is told."""


@dataclass(slots=True)
class Way:
    """What befalls one direction, on all connections. `latency` is seconds per chunk; `hole` holds everything back."""

    latency: float = 0.0
    hole: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Once a client's bytes on a connection contain `seen`, its answer is let through for so many bytes, then ends.
    With `before` the request itself is stopped instead, at the chunk that contains `seen`."""

    seen: bytes
    answer_bytes: int = 0
    how: Ending = Ending.RESET
    before: bool = False


@dataclass(slots=True, eq=False)
class _Link:
    """One connection with its two ends."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    left: int | None = None
    """How many bytes of the answer may still pass; None: all."""
    how: Ending = Ending.RESET
    tail: bytes = b""

    def end(self, how: Ending) -> None:
        for writer in (self.client, self.server):
            raw = writer.get_extra_info("socket")
            if how is Ending.RESET and raw is not None and raw.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):  # closed already, because its other end is dead
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if how is Ending.RESET:
                writer.transport.abort()
            else:
                writer.close()


@dataclass(eq=False)
class FaultProxy:
    """Listens on `port` of this machine, which it keeps while it is down. `up` is the way to the server, `down` back.

    `cuts` are used up, each by the first connection that meets it. With `splits` every message counts: the one numbered
    `cut_at` (from 1, both directions together, since the last `count_from_here`) is dropped, and every connection reset.
    """

    target: Target | None = None
    splits: tuple[Callable[[], Split], Callable[[], Split]] | None = None
    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)
    cuts: list[Cut] = field(default_factory=list)
    cut_at: int | None = None
    messages: int = 0
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _links: set[_Link] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def come_up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        """Refuse new connections and reset those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.end_all()
        await asyncio.sleep(0)

    def end_all(self, how: Ending = Ending.RESET) -> None:
        for link in list(self._links):
            link.end(how)

    def heal(self) -> None:
        """Every switch off; a proxy that is down stays down."""
        self.up, self.down = Way(), Way()
        self.cuts.clear()
        self.cut_at = None

    def count_from_here(self, cut_at: int | None = None) -> None:
        self.messages, self.cut_at = 0, cut_at

    async def close(self) -> None:
        await self.go_down()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await self._connected()
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, far_writer)
        if self._server is None:  # it went down meanwhile
            link.end(Ending.RESET)
            return
        self._links.add(link)
        split_up, split_down = (make() for make in self.splits) if self.splits else (_whole, _whole)
        try:
            await asyncio.gather(self._ask(link, reader, split_up), self._answer(link, far_reader, split_down))
        finally:
            self._links.discard(link)
            link.end(Ending.CLOSE)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        match self.target:
            case Path():
                return await asyncio.open_unix_connection(str(self.target))
            case (host, port):
                return await asyncio.open_connection(host, port)
            case None:
                raise ConnectionRefusedError

    async def _ask(self, link: _Link, reader: asyncio.StreamReader, split: Split) -> None:
        async for message in self._read(reader, split):
            await self._delayed(lambda: self.up)
            if self._is_the_one() or self._meets_a_cut(link, message):
                continue
            await _written(link.server, message)
        await _finished(link.server)

    async def _answer(self, link: _Link, reader: asyncio.StreamReader, split: Split) -> None:
        async for message in self._read(reader, split):
            await self._delayed(lambda: self.down)
            if self._is_the_one():
                continue
            await _written(link.client, message[: link.left])
            if link.left is not None:
                link.left -= min(len(message), link.left)
                await self._limit_reached(link)
        await _finished(link.client)

    async def _read(self, reader: asyncio.StreamReader, split: Split) -> AsyncGenerator[bytes]:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                for message in split(data):
                    yield message

    async def _delayed(self, way: Callable[[], Way]) -> None:
        if (latency := way().latency) > 0:
            await asyncio.sleep(latency)
        while way().hole:  # noqa: ASYNC110 - a plain switch is simpler to use than an event
            await asyncio.sleep(_LOOK_AFTER)

    def _is_the_one(self) -> bool:
        self.messages += 1
        if self.cut_at is None or self.messages < self.cut_at:
            return False
        self.cut_at = None
        self.end_all()
        return True

    def _meets_a_cut(self, link: _Link, message: bytes) -> bool:
        """True: the message itself is stopped. A pattern may lie across two chunks."""
        link.tail = (link.tail + message)[-_CHUNK:]
        met = next((cut for cut in self.cuts if cut.seen in link.tail), None)
        if met is None:
            return False
        self.cuts.remove(met)
        link.tail = b""
        if met.before:
            link.end(met.how)
            return True
        link.left, link.how = met.answer_bytes, met.how
        return False

    async def _limit_reached(self, link: _Link) -> None:
        if link.left:
            return
        match link.how:
            case Ending.RESET | Ending.CLOSE:
                with contextlib.suppress(OSError):
                    await link.client.drain()
                link.end(link.how)
            case Ending.HALF_CLOSE:
                await _finished(link.client)
            case Ending.HANG:
                pass


@asynccontextmanager
async def opened(proxy: FaultProxy) -> AsyncGenerator[FaultProxy]:
    await proxy.come_up()
    try:
        yield proxy
    finally:
        await proxy.close()


def _whole(data: bytes) -> Iterable[bytes]:
    return (data,)


async def _written(writer: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError):
        if data:
            writer.write(data)
            await writer.drain()


async def _finished(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()
