"""The fault proxy does what it says: each fault as the operating system shows it to both ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tests.outage.proxy import Cut, Ending, FaultProxy, opened

PATIENCE = 10.0


@dataclass
class Echo:
    """A server that sends everything back and remembers it."""

    heard: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1024):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended.set()
            writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with opened(FaultProxy(server.sockets[0].getsockname()[:2])) as between:
        yield between
    server.close()


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self, words: bytes) -> None:
        self.writer.write(words)
        await self.writer.drain()

    async def hears(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(count)

    async def hears_to_the_end(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()


Connect = Callable[[], Awaitable[Client]]


@pytest.fixture
async def connect(proxy: FaultProxy) -> AsyncIterator[Connect]:
    """Connections through the proxy, which end with the test."""
    made: list[Client] = []

    async def new() -> Client:
        made.append(Client(*await asyncio.open_connection("127.0.0.1", proxy.port)))
        return made[-1]

    yield new
    for each in made:
        each.writer.close()
        with suppress(ConnectionError):
            await each.writer.wait_closed()


async def test_an_undisturbed_connection_is_passed_through_both_ways(connect: Connect, echo: Echo) -> None:
    one = await connect()
    await one.says(b"good morning")
    assert await one.hears(12) == b"good morning"
    one.writer.write_eof()
    assert await one.hears_to_the_end() == b""
    assert bytes(echo.heard) == b"good morning"


async def test_latency_holds_up_one_direction(proxy: FaultProxy, connect: Connect) -> None:
    one = await connect()
    proxy.down.latency = 0.2
    began = time.monotonic()
    await one.says(b"slow")
    assert await one.hears(4) == b"slow"
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_black_hole_opens_and_closes_under_a_live_connection(
    proxy: FaultProxy, connect: Connect, echo: Echo, direction: str
) -> None:
    one = await connect()
    getattr(proxy, direction).hole = True
    await one.says(b"lost?")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await one.reader.read(1)
    assert bytes(echo.heard) == (b"" if direction == "up" else b"lost?")
    proxy.heal()
    assert await one.hears(5) == b"lost?"


async def test_a_reset_is_a_reset_for_both_sides(proxy: FaultProxy, connect: Connect, echo: Echo) -> None:
    one = await connect()
    await one.says(b"a")
    await one.hears(1)
    proxy.end_all()
    with pytest.raises(ConnectionResetError):
        await one.hears(1)
    async with asyncio.timeout(PATIENCE):
        await echo.ended.wait()


async def test_down_refuses_and_up_again_is_at_the_same_port(proxy: FaultProxy, connect: Connect) -> None:
    live = await connect()
    port = proxy.port
    await proxy.go_down()
    with pytest.raises(ConnectionError):
        await live.hears(1)
    with pytest.raises(ConnectionRefusedError):
        await connect()
    await proxy.come_up()
    assert proxy.port == port
    again = await connect()
    await again.says(b"back")
    assert await again.hears(4) == b"back"


@pytest.mark.parametrize("count", [0, 1, 7, 11])
async def test_an_answer_is_cut_at_the_byte_and_closed(proxy: FaultProxy, connect: Connect, count: int) -> None:
    one = await connect()
    proxy.cuts.append(Cut(b"please", count, Ending.CLOSE))
    await one.says(b"please say it")
    assert await one.hears_to_the_end() == b"please say it"[:count]
    other = await connect()
    await other.says(b"please say it")
    assert await other.hears(13) == b"please say it", "one cut meets one connection"


async def test_an_answer_is_cut_at_the_byte_and_reset(proxy: FaultProxy, connect: Connect, echo: Echo) -> None:
    one = await connect()
    proxy.cuts.append(Cut(b"please", 3, Ending.RESET))
    await one.says(b"please")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await one.hears(6)
    assert bytes(echo.heard) == b"please"


async def test_a_cut_before_stops_the_request_itself(proxy: FaultProxy, connect: Connect, echo: Echo) -> None:
    one = await connect()
    proxy.cuts.append(Cut(b"please", before=True))
    await one.says(b"please")
    with pytest.raises(ConnectionResetError):
        await one.hears(1)
    assert bytes(echo.heard) == b""


async def test_a_half_close_ends_the_answer_and_leaves_the_request_open(
    proxy: FaultProxy, connect: Connect, echo: Echo
) -> None:
    one = await connect()
    proxy.cuts.append(Cut(b"please", 2, Ending.HALF_CLOSE))
    await one.says(b"please")
    assert await one.hears_to_the_end() == b"pl"
    await one.says(b" more")
    one.writer.write_eof()
    async with asyncio.timeout(PATIENCE):
        await echo.ended.wait()
    assert bytes(echo.heard) == b"please more"


async def test_a_pattern_across_two_chunks_is_met(proxy: FaultProxy, connect: Connect) -> None:
    one = await connect()
    await one.says(b"ple")
    await one.hears(3)
    proxy.cuts.append(Cut(b"please", 1, Ending.CLOSE))
    await one.says(b"ase")
    assert await one.hears_to_the_end() == b"a"


async def test_the_numbered_message_is_dropped_and_every_connection_reset(
    proxy: FaultProxy, connect: Connect, echo: Echo
) -> None:
    def pairs(data: bytes) -> list[bytes]:
        return [data[at : at + 2] for at in range(0, len(data), 2)]

    proxy.splits = (lambda: pairs, lambda: pairs)
    one, other = await connect(), await connect()
    await one.says(b"1122")
    await one.hears(4)
    assert proxy.messages == 4
    proxy.count_from_here(2)
    await one.says(b"3344")
    for each in (one, other):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await each.hears(4)
    assert b"44" not in echo.heard
    third = await connect()
    await third.says(b"55")
    assert await third.hears(2) == b"55", "one cut, then all is well"
