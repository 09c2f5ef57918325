"""Real HTTP around a function from request to reply, with the faults of a bad network carried out for real."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from aiohttp import web

BODY_LIMIT = 4 * 1024 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: the kernel answers a close with RST instead of FIN."""


class Fault(StrEnum):
    """What goes wrong on the way back. The reply itself has been made: its effects have happened."""

    HANG = "hang"
    """Never answers, until the client leaves or the server is closed."""
    RESET = "reset"
    """Cuts the connection without an answer."""
    TRUNCATE = "truncate"
    """Announces the full length, sends half of it, closes."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as it came in: `path` decoded, `query` raw, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What a request was, where its method and path do not tell: all of GraphQL is one POST. `about` are the names of what
    it was about, as people know them."""

    reads: bool
    path: str
    about: tuple[str, ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True)
class WireReply:
    """A reply and, perhaps, what befalls it on its way."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    fault: Fault | None = None
    meant: Meant | None = None


Respond: TypeAlias = Callable[[WireRequest], WireReply]

REMEMBERED = 500
"""Exchanges a traffic log keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that came in and what became of its answer, for people to read: no credentials. `at` is epoch seconds,
    `replayed` says that the answer was a remembered one, `fault` what befell it on its way."""

    at: float
    method: str
    path: str
    key: str | None
    status: int
    replayed: bool
    fault: str | None
    reads: bool
    asked: str = field(repr=False)
    """Path, query and body, to find out what it was about."""


class Traffic:
    """Answers requests by `respond` and remembers the newest exchanges, oldest first."""

    def __init__(self, respond: Respond, now: Callable[[], float]) -> None:
        self._respond = respond
        self._now = now
        self.exchanges: deque[Exchange] = deque(maxlen=REMEMBERED)

    def respond(self, request: WireRequest) -> WireReply:
        at = self._now()
        reply = self._respond(request)
        meant = reply.meant or Meant(reads=request.method == "GET", path=request.path, key=_key_of(request.headers))
        asked = f"{request.path}?{request.query}\n{request.body.decode(errors='replace')}"
        self.exchanges.append(
            Exchange(
                at=at,
                method=request.method,
                path=meant.path,
                key=meant.key,
                status=reply.status,
                replayed=_is_replay(reply.headers),
                fault=reply.fault,
                reads=meant.reads,
                asked="\n".join((asked, *meant.about)),
            )
        )
        return reply

    def about(self, name: str) -> list[Exchange]:
        """Those that name it in path, query or body."""
        return [one for one in self.exchanges if name in one.asked]


def _key_of(headers: Mapping[str, str]) -> str | None:
    """Vendors name the header differently: Idempotency-Key with or without a prefix, PayPal-Request-Id."""
    named = (value for name, value in headers.items() if name.lower().endswith(("idempotency-key", "paypal-request-id")))
    return next(named, None)


def _is_replay(headers: Mapping[str, str]) -> bool:
    words = ((name.lower(), value.lower()) for name, value in headers.items())
    return any("idempoten" in name and ("replay" in name or "prior" in name) and value == "true" for name, value in words)


class RunningServer:
    """A server that is listening; `close` returns promptly even while requests hang."""

    def __init__(self, runner: web.AppRunner, closing: asyncio.Event, host: str, port: int) -> None:
        self._runner = runner
        self._closing = closing
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def close(self) -> None:
        self._closing.set()
        await self._runner.cleanup()


async def serve(respond: Respond, host: str = "127.0.0.1", port: int = 0) -> RunningServer:
    """Listen on `host`; port 0 takes a free one. Raises OSError when the port is taken."""
    closing = asyncio.Event()

    async def handle(incoming: web.Request) -> web.StreamResponse:
        request = await _read(incoming)
        reply = respond(request)
        return await _carry_out(incoming, reply, closing)

    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_route("*", "/{anything:.*}", handle)
    # Handlers are cancelled when the client leaves: a hanging request ends with its client.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return RunningServer(runner, closing, host, runner.addresses[0][1])


async def _read(incoming: web.Request) -> WireRequest:
    return WireRequest(
        method=incoming.method,
        path=incoming.path,
        query=incoming.rel_url.raw_query_string,
        headers={name.lower(): value for name, value in incoming.headers.items()},
        body=await incoming.read(),
    )


async def _carry_out(incoming: web.Request, reply: WireReply, closing: asyncio.Event) -> web.StreamResponse:
    match reply.fault:
        case None:
            return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)
        case Fault.HANG:
            await closing.wait()
            return _reset(incoming)
        case Fault.RESET:
            return _reset(incoming)
        case Fault.TRUNCATE:
            return await _truncate(incoming, reply)


def _reset(incoming: web.Request) -> web.Response:
    """Cut the connection; the response answered here has no way left to travel."""
    if incoming.transport is not None:
        raw = incoming.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        incoming.transport.abort()
    return web.Response()


async def _truncate(incoming: web.Request, reply: WireReply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    response.content_length = len(reply.body)
    response.force_close()
    with contextlib.suppress(ConnectionError):
        await response.prepare(incoming)
        await response.write(reply.body[: len(reply.body) // 2])
    if incoming.transport is not None:
        incoming.transport.close()  # unlike abort, this sends what is buffered first
    return response
