"""Says content in Slack: renders it at sending time and sends it to one address."""

from __future__ import annotations

from typing import Any

import structlog

from bot.domain.content import Content
from bot.ports import Clock, NotSaid, SlackFailure
from handlers.slack_client import SlackCalls
from handlers.views.render import Rendered, render

_log = structlog.get_logger()


class SlackAnnouncer:
    """See `bot.ports.Announcer`. Blocks that Slack does not take are left out once, the text alone is sent again."""

    def __init__(self, calls: SlackCalls, clock: Clock, command: str) -> None:
        self._calls = calls
        self._clock = clock
        self._command = command

    async def post(self, channel: str, content: Content, *, thread: str | None = None) -> str:
        place: dict[str, Any] = {"channel": channel, "unfurl_links": False, "unfurl_media": False}
        if thread is not None:
            place["thread_ts"] = thread
        reply = await self._send("chat.postMessage", content, place)
        ts = reply.get("ts")
        if not isinstance(ts, str):
            raise SlackFailure(NotSaid.LOST, "the reply names no message")
        return ts

    async def update(self, channel: str, ts: str, content: Content) -> None:
        await self._send("chat.update", content, {"channel": channel, "ts": ts})

    async def whisper(self, channel: str, user: str, content: Content) -> None:
        await self._send("chat.postEphemeral", content, {"channel": channel, "user": user})

    async def direct(self, user: str, content: Content) -> None:
        await self._send("chat.postMessage", content, {"channel": user, "unfurl_links": False, "unfurl_media": False})

    async def respond(self, response_url: str, content: Content, *, replace: bool = False) -> None:
        message = self._render(content)
        place = {"response_type": "ephemeral", "replace_original": replace}
        try:
            await self._calls.respond(response_url, {**place, "text": message.text, "blocks": message.blocks})
        except SlackFailure as failure:
            if failure.why is not NotSaid.UNUSABLE:
                raise
            _log.error("slack.blocks_refused", detail=failure.detail, content=type(content).__name__)
            await self._calls.respond(response_url, {**place, "text": message.text})

    def _render(self, content: Content) -> Rendered:
        return render(content, command=self._command, now=self._clock.now())

    async def _send(self, method: str, content: Content, place: dict[str, Any]) -> dict[str, Any]:
        message = self._render(content)
        try:
            return await self._calls.call(method, **place, text=message.text, blocks=message.blocks)
        except SlackFailure as failure:
            if failure.why is not NotSaid.UNUSABLE:
                raise
            _log.error("slack.blocks_refused", detail=failure.detail, content=type(content).__name__)
            return await self._calls.call(method, **place, text=message.text, blocks=[])
