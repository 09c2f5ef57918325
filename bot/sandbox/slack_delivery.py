"""How a payload reaches the app: signed HTTP, or an envelope over a socket; either way answered within three seconds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from bot.sandbox.slack_state import Json

ACK_DEADLINE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something Slack tells the app: `kind` is slash_commands or interactive. The payload stays the same when it is
    delivered again; `retry` counts that."""

    kind: str
    payload: Mapping[str, Any] = field(repr=False)
    user: str
    retry: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """How the app answered: `status` 200 is an acknowledgement, None is none; `ms` how long it took; `error` what Slack
    makes of a bad one (operation_timeout, dispatch_failed, …) or finds wrong with `body`."""

    status: int | None
    ms: int
    body: Any = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def as_json(self) -> Json:
        whole: Json = {"status": self.status, "ms": self.ms, "body": self.body, "error": self.error}
        return {name: value for name, value in whole.items() if value is not None}


class Transport(Protocol):
    """A way to the app."""

    async def deliver(self, delivery: Delivery) -> Answer: ...


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def body_of(text: str) -> Any:
    """The body of an answer: JSON, plain text, or nothing."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


class SignedHttp:
    """Posts forms to the request URL, signed as Slack signs. Redirects are not followed."""

    def __init__(self, url: str, secret: str, session: aiohttp.ClientSession, deadline: float) -> None:
        self._url = url
        self._secret = secret
        self._session = session
        self._deadline = deadline

    async def deliver(self, delivery: Delivery) -> Answer:
        body = self._form(delivery).encode()
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._deadline):
                status, text = await self._post(body, self._headers(delivery, body))
        except TimeoutError:
            return Answer(None, _since(began), error="operation_timeout")
        except aiohttp.ClientError:
            return Answer(None, _since(began), error="dispatch_failed")
        good = status == 200
        return Answer(status, _since(began), body_of(text), None if good else f"http_error {status}")

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as reply:
            return reply.status, await reply.text()

    def _form(self, delivery: Delivery) -> str:
        if delivery.kind == "slash_commands":
            return urlencode(delivery.payload)
        return urlencode({"payload": json.dumps(delivery.payload)})

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        stamp = str(int(time.time()))  # the app compares it with the real clock, so never a test's
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(self._secret, stamp, body),
        }
        if delivery.retry:
            headers |= {"X-Slack-Retry-Num": str(delivery.retry), "X-Slack-Retry-Reason": "http_timeout"}
        return headers


class SocketMode:
    """Keeps the app's sockets; an envelope goes to one of them. https://docs.slack.dev/apis/events-api/using-socket-mode"""

    def __init__(self, app_id: str, host: Callable[[], str], deadline: float, changed: Callable[[], None]) -> None:
        self._app_id = app_id
        self._host = host
        self._deadline = deadline
        self._changed = changed
        self._tickets: set[str] = set()
        self._sockets: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._turn = 0

    @property
    def connections(self) -> int:
        return len(self._sockets)

    def new_url(self) -> str:
        """What apps.connections.open answers; a URL admits one connection."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return f"ws://{self._host()}/link/?ticket={ticket}&app_id={self._app_id}"

    async def connect(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="this ticket is used or was never given")
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        try:
            await socket.send_json(self._hello())
            self._changed()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            self._sockets.remove(socket)
            self._changed()
        return socket

    async def deliver(self, delivery: Delivery) -> Answer:
        if not self._sockets:
            return Answer(None, 0, error="dispatch_failed")
        self._turn += 1
        socket = self._sockets[self._turn % len(self._sockets)]
        envelope = self._envelope(delivery)
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = acknowledged
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._deadline):
                await socket.send_json(envelope)
                body = await acknowledged
        except TimeoutError:
            return Answer(None, _since(began), error="operation_timeout")
        except ConnectionError:
            return Answer(None, _since(began), error="dispatch_failed")
        finally:
            del self._waiting[envelope["envelope_id"]]
        return Answer(200, _since(began), body)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every client to come back, as Slack does every few hours, and hang up."""
        for socket in list(self._sockets):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
            await socket.close()

    async def close(self) -> None:
        for socket in list(self._sockets):
            await socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._sockets),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
        }

    def _envelope(self, delivery: Delivery) -> Json:
        envelope: Json = {
            "envelope_id": secrets.token_hex(16),
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": True,
        }
        if delivery.retry:
            envelope |= {"retry_attempt": delivery.retry, "retry_reason": "timeout"}
        return envelope

    def _heard(self, text: str) -> None:
        message = body_of(text)
        if not isinstance(message, dict):
            return
        waiting = self._waiting.get(str(message.get("envelope_id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(message.get("payload") or None)


class Courier:
    """Takes each payload to the app by the transport of the moment, and remembers the last one."""

    def __init__(self, transport: Callable[[], Transport], loses_ack: Callable[[], bool]) -> None:
        self._transport = transport
        self._loses_ack = loses_ack
        self.last: Delivery | None = None

    async def deliver(self, delivery: Delivery) -> Answer:
        self.last = delivery
        answer = await self._transport().deliver(delivery)
        if self._loses_ack():
            return Answer(None, answer.ms, error="operation_timeout")
        return answer

    def again(self) -> Delivery | None:
        """The last delivery, marked as one more try."""
        return replace(self.last, retry=self.last.retry + 1) if self.last else None


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
