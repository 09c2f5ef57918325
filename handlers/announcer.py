"""Says content in Slack: renders it at sending time and sends it to one address."""

from __future__ import annotations

import re
from typing import Any, Final

import structlog

from bot.domain.content import Content, FileContent
from bot.ports import Clock, NotSaid, SlackFailure
from handlers.slack_client import SlackCalls
from handlers.views.answers import beside_file
from handlers.views.render import Rendered, render

MOST_BYTES: Final = 20_000_000
TOO_LARGE: Final = "too large"
_DIRECT: Final = re.compile(r"D[A-Z0-9]+")
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

    async def hand_over(self, user: str, file: FileContent) -> str:
        """Only the last call shows the file to anybody, so only its lost answer leaves a doubt."""
        if len(file.content) > MOST_BYTES:
            raise SlackFailure(NotSaid.UNUSABLE, TOO_LARGE)
        try:
            channel = await self._direct_channel(user)
            uploaded = await self._upload(file)
        except SlackFailure as failure:
            if failure.why is NotSaid.LOST:
                raise SlackFailure(NotSaid.WAIT, failure.detail) from None
            raise
        files = [{"id": uploaded, "title": file.name}]
        comment = beside_file(file)
        await self._calls.call("files.completeUploadExternal", files=files, channel_id=channel, initial_comment=comment)
        return channel

    async def _direct_channel(self, user: str) -> str:
        """Held to the form of the id: a file must never end up in a channel, whatever the answer says."""
        reply = await self._calls.call("conversations.open", users=user)
        found = reply.get("channel")
        channel = found.get("id") if isinstance(found, dict) else None
        if not isinstance(channel, str) or not _DIRECT.fullmatch(channel):
            raise SlackFailure(NotSaid.UNUSABLE, "the reply names no direct messages")
        return channel

    async def _upload(self, file: FileContent) -> str:
        """The id under which Slack keeps it, for nobody to see yet. https://docs.slack.dev/messaging/working-with-files"""
        size = str(len(file.content))
        reply = await self._calls.form("files.getUploadURLExternal", filename=file.name, length=size)
        url, file_id = reply.get("upload_url"), reply.get("file_id")
        if not isinstance(url, str) or not isinstance(file_id, str):
            raise SlackFailure(NotSaid.UNUSABLE, "the reply names no upload")
        await self._calls.upload(url, file.content)
        return file_id

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
