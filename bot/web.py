"""The one HTTP server of the bot (aiohttp): Slack's requests, health and metrics. Checks what Bolt does not."""

from __future__ import annotations

import asyncio
import errno
import functools
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.telemetry import metrics
from bot.web_connections import IDLE_SECONDS, Connections

LARGEST_BODY: Final = 1024 * 1024
_BODY_SECONDS: Final = 5.0
_HEALTH_SECONDS: Final = 1.8
_REPLAY_SECONDS: Final = 300
_LINGERING_SECONDS: Final = 3.0
"""For the rest of a body after its answer, so that the answer is read and not lost in a reset."""
_log = structlog.get_logger()
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class WebServer:
    """`POST /slack/events` (HTTP mode only), `GET /healthz`, `GET /metrics`.

    `health` answers the body of `/healthz`, in which `ok` decides between 200 and 503. With `bolt` None (Socket Mode)
    Slack's path is 404.
    """

    def __init__(
        self,
        bolt: AsyncApp | None,
        signing_secret: str | None,
        health: Callable[[], Awaitable[Mapping[str, Any]]],
        *,
        connections: Connections | None = None,
    ) -> None:
        self._bolt = bolt
        self._verifier = SignatureVerifier(signing_secret) if signing_secret else None
        self._health_now = health
        self._connections = connections or Connections()
        self._app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._connections.answer])
        self._app.router.add_get("/healthz", self._health)
        self._app.router.add_get("/metrics", self._metrics)
        if bolt is not None:
            self._app.router.add_post("/slack/events", self._slack)
        # The bytes that Slack signed are those that came, so nothing is unpacked before they are looked at.
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            shutdown_timeout=3.0,
            auto_decompress=False,
            lingering_time=_LINGERING_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
        )
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Raises OSError where the address is taken or none. `self.port` tells the port when `port` was 0."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None  # noqa: S101 - set up one line above
        accept = functools.partial(self._connections.accept, server)
        try:
            self._server = await asyncio.get_running_loop().create_server(accept, host, port, backlog=128)
        except UnicodeError:  # what Python says of "ex..ample"
            raise OSError(errno.EINVAL, "that is not a host name") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no new connections; what is being answered is finished."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    async def _slack(self, request: web.Request) -> web.Response:
        """Bolt parses before it verifies, and turns a timestamp that is no number into a 500 with a trace: both are done
        here first, over the raw bytes."""
        if not self._may_be_signed(request):
            return _unsigned()
        if (request.content_length or 0) > LARGEST_BODY:
            return web.Response(status=413, text="The body is larger than anything that Slack sends.")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408, text="The body did not arrive in time.")
        if not self._is_signed(request, body):
            return _unsigned()
        assert self._bolt is not None  # noqa: S101 - the route exists only with it
        try:
            bolt_request = AsyncBoltRequest(
                body=body.decode("utf-8"),
                query=request.query_string,
                headers={name: [value] for name, value in request.headers.items()},
            )
            reply = await self._bolt.async_dispatch(bolt_request)
        except Exception as error:  # noqa: BLE001 - what a listener raises is answered by Bolt; this is Bolt failing to read
            _log.warning("request.unreadable", error=type(error).__name__)
            return web.Response(status=400, text="The body is not what Slack sends.")
        return await to_aiohttp_response(reply)

    def _may_be_signed(self, request: web.Request) -> bool:
        """By the headers alone, so that a body which cannot be Slack's is not waited for, nor kept."""
        timestamp, signature = _signature(request)
        if not _TIMESTAMP.fullmatch(timestamp) or not signature or not signature.isascii():
            return False
        return abs(time.time() - int(timestamp)) <= _REPLAY_SECONDS

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        timestamp, signature = _signature(request)
        try:
            return self._verifier is not None and self._verifier.is_valid(body, timestamp, signature)
        except UnicodeDecodeError:  # Slack sends text; the library signs nothing else
            return False

    async def _health(self, request: web.Request) -> web.Response:
        del request
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                body = await self._health_now()
        except TimeoutError:
            body = {"ok": False, "problems": ["health: no answer in time"]}
        return web.json_response(body, status=200 if body["ok"] else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _signature(request: web.Request) -> tuple[str, str]:
    return request.headers.get("X-Slack-Request-Timestamp", ""), request.headers.get("X-Slack-Signature", "")


def _unsigned() -> web.Response:
    return web.Response(status=401, text="The request is not signed by Slack, or is too old.")
