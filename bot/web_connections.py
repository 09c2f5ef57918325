"""Who is connected to the HTTP server, and who only seems to want something: a slow client must not keep others out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

HEAD_SECONDS: Final = 10.0
"""From the connection to the last line of the first request's header."""
IDLE_SECONDS: Final = 75.0
"""Between two requests of one connection, with the header of the second; longer than usual proxies keep theirs."""
MOST_CONNECTIONS: Final = 400
"""Beyond it the one that has waited longest is closed: 1,024 open files are what many systems allow in all."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Connections:
    """Builds the protocol of each connection; those on which no request is being answered are closed in time."""

    def __init__(self, most: int = MOST_CONNECTIONS, head: float = HEAD_SECONDS, idle: float = IDLE_SECONDS) -> None:
        self._most = most
        self._head = head
        self._idle = idle
        self._waiting: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def accept(self, server: web.Server) -> web.RequestHandler:
        """For a connection that has just come."""
        if len(server.connections) >= self._most:
            self._close_longest_waiting()
        protocol = server()
        self._wait(protocol, self._head)
        return protocol

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A whole header has come: from here on what is being done has deadlines of its own."""
        protocol = request.protocol
        if (timer := self._waiting.pop(protocol, None)) is not None:
            timer.cancel()
        try:
            return await handler(request)
        finally:
            if protocol.transport is not None:
                self._wait(protocol, self._idle)

    def _wait(self, protocol: web.RequestHandler, seconds: float) -> None:
        self._waiting[protocol] = asyncio.get_running_loop().call_later(seconds, self._close, protocol)

    def _close(self, protocol: web.RequestHandler) -> None:
        if (timer := self._waiting.pop(protocol, None)) is not None:
            timer.cancel()
        transport = protocol.transport
        protocol.force_close()
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()  # whoever reads no answer is not waited for

    def _close_longest_waiting(self) -> None:
        """Those that have gone by themselves are forgotten on the way."""
        for protocol in list(self._waiting):
            is_there = protocol.transport is not None
            self._close(protocol)
            if is_there:
                return
