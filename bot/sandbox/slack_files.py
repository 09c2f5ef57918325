"""Files of the local Slack: asked for, uploaded, then shown in a message. https://docs.slack.dev/messaging/working-with-files"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from bot.sandbox.slack_content import TEXT_MOST, parsed
from bot.sandbox.slack_state import Content, Json, SlackError, Workspace

UPLOAD_MOST: Final = 32 * 1024 * 1024
"""Bytes. Slack takes more; here they lie in memory."""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(slots=True, kw_only=True)
class File:
    """A file from the moment that it is asked for. `content` is None until the bytes came; without `is_complete` nobody
    can see it."""

    id: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = field(default=None, repr=False)
    is_complete: bool = False
    channel: str | None = None

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


class Files:
    """Everything that was uploaded, or may be. Methods raise SlackError where Slack would say no."""

    def __init__(self, workspace: Workspace, base_url: Callable[[], str]) -> None:
        self._workspace = workspace
        self._base_url = base_url
        self._uploads: dict[str, File] = {}
        self._files: dict[str, File] = {}

    # methods of the Web API

    def upload_url(self, args: Mapping[str, Any]) -> Json:
        """files.getUploadURLExternal"""
        name, length = args.get("filename"), str(args.get("length") or "")
        missing = [field for field, value in (("filename", name), ("length", length)) if not value]
        if missing or not isinstance(name, str) or not length.isascii() or not length.isdigit() or int(length) == 0:
            wrong = (
                f"missing required field: {missing[0]}" if missing else "must be a number above 0 [json-pointer:/length]"
            )
            raise SlackError("invalid_arguments", [f"[ERROR] {wrong}"])
        if int(length) > UPLOAD_MOST:
            raise SlackError("file_upload_size_restricted")
        file = File(id=f"F{secrets.token_hex(5).upper()}", name=name, length=int(length))
        token = secrets.token_urlsafe(24)
        self._uploads[token] = self._files[file.id] = file
        return {"upload_url": f"{self._base_url()}upload/v1/{token}", "file_id": file.id}

    def complete(self, args: Mapping[str, Any]) -> Json:
        """files.completeUploadExternal: all of the files, or none. Without a channel they stay the bot's own."""
        named = parsed(args.get("files"), "invalid_arguments")
        if not isinstance(named, list) or not named or not all(isinstance(one, dict) for one in named):
            raise SlackError("invalid_arguments", ["[ERROR] must be a list of files [json-pointer:/files]"])
        files = [self._uploaded(one.get("id")) for one in named]
        comment = args.get("initial_comment") or ""
        if not isinstance(comment, str) or len(comment) > TEXT_MOST:
            raise SlackError("invalid_arguments", ["[ERROR] must be a string [json-pointer:/initial_comment]"])
        channel = args.get("channel_id")
        if channel:
            self._workspace.channel(str(channel))  # the id of a person, which other methods take, is no channel here
            self._workspace.place(str(channel))
        for file, one in zip(files, named, strict=True):
            file.title, file.channel, file.is_complete = str(one.get("title") or file.name), channel or None, True
        if channel:
            place = self._workspace.channel(channel)
            self._workspace.post(place, Content(text=comment, files=[self.as_json(file) for file in files]))
        return {"files": [{"id": file.id, "title": file.title} for file in files]}

    def _uploaded(self, file_id: object) -> File:
        file = self._files.get(file_id) if isinstance(file_id, str) else None
        if file is None or file.content is None or file.is_complete:
            raise SlackError("file_not_found")
        return file

    # the bytes

    def take(self, token: str, content: bytes) -> None:
        """An upload URL takes the bytes once, and as many as were announced."""
        file = self._uploads.get(token)
        if file is None or file.content is not None:
            raise SlackError("upload_not_found")
        if len(content) != file.length:
            raise SlackError("length_mismatch", [f"{file.length} bytes were announced, {len(content)} came"])
        file.content = content

    async def download(self, request: web.Request) -> web.StreamResponse:
        """For the page: a file as `?user=` may see it, which is where it was shown; never anything to be run."""
        file = self._files.get(request.match_info["id"])
        if file is None or file.content is None or file.channel is None or not self._sees(request, file.channel):
            return web.Response(status=HTTPStatus.NOT_FOUND, text="There is no such file, or not for you.")
        named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        return web.Response(body=file.content, content_type=file.mimetype, headers={**_HEADERS, **named})

    def _sees(self, request: web.Request, channel: str) -> bool:
        user = request.query.get("user", "")
        return user in self._workspace.people and self._workspace.sees(user, self._workspace.channel(channel))

    def as_json(self, file: File) -> Json:
        """As it stands in a message. https://docs.slack.dev/reference/objects/file-object"""
        return {
            "id": file.id,
            "name": file.name,
            "title": file.title,
            "mimetype": file.mimetype,
            "filetype": file.name.rpartition(".")[2].lower(),
            "size": file.length,
            "user": self._workspace.identity.bot_user_id,
            "url_private": f"{self._base_url()}files/{file.id}/{quote(file.name, safe='')}",
        }
