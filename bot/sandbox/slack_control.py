"""The page, and the routes by which the page, the tour and tests play people in the local Slack."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.slack_delivery import Answer, SocketMode
from bot.sandbox.slack_evidence import Deed, Evidence, label_of
from bot.sandbox.slack_faults import Faults
from bot.sandbox.slack_payloads import NotThere
from bot.sandbox.slack_play import Play, Press
from bot.sandbox.slack_state import Channel, Content, Json, Message, SlackError, Workspace
from bot.sandbox.slack_views import View, Views
from bot.sandbox.slack_web import ApiCall

PAGE: Final = Path(__file__).parent / "page"
PAGE_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
TICK: Final = 1.0
"""Seconds between looks at the world, which does not say when it changes."""

Body: TypeAlias = Mapping[str, Any]


class World(Protocol):
    """What the fake providers share: shown on the page, and turned by it."""

    def snapshot(self) -> Mapping[str, Any]: ...
    def control(self, name: str, args: Mapping[str, Any], /) -> Any: ...
    def about(self, slug: str, invoice: str, /) -> Mapping[str, Any]: ...


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep other web pages out: a foreign Host is DNS rebinding, a foreign Origin a forged request."""
    try:
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    except ValueError:
        host = None
    if host not in LOOPBACK:
        raise web.HTTPForbidden(text="This sandbox answers on loopback names only.")
    if request.method == "POST" and request.path.startswith("/sandbox/"):
        origin = request.headers.get("Origin")
        foreign = origin is not None and origin != f"http://{request.headers['Host']}"
        if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise web.HTTPForbidden(text="Only the sandbox's own page may do this.")
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="Send JSON.")
    return await handler(request)


def _word(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _optional(body: Body, name: str) -> str | None:
    return _word(body, name) if body.get(name) is not None else None


def press_of(body: Body) -> Press:
    return Press(
        user=_word(body, "user"),
        channel=_optional(body, "channel"),
        ts=_optional(body, "ts") or _optional(body, "ephemeral_id"),
        view_id=_optional(body, "view_id"),
        action_id=_optional(body, "action_id"),
        block_id=_optional(body, "block_id"),
        value=body.get("value"),
    )


@dataclass(kw_only=True)
class Control:
    """Everything that the page can see and do. `mode` says how the app is reached, `command` is its slash command."""

    workspace: Workspace
    views: Views
    play: Play
    faults: Faults
    sockets: SocketMode
    calls: list[ApiCall]
    mode: Callable[[], str]
    command: str
    world: World | None = None
    evidence: Evidence = field(default_factory=Evidence)
    closing: bool = field(default=False, init=False)

    def routes(self) -> list[web.RouteDef]:
        deeds: dict[str, Callable[[Body], Awaitable[Any]]] = {
            "command": self._command,
            "say": self._say,
            "press": self._press,
            "submit": self._submit,
            "close_view": self._close_view,
            "suggest": self._suggest,
            "fault": self._fault,
            "world": self._world,
        }
        return [
            *page_routes(),
            web.get("/sandbox/state", self._state),
            web.get("/sandbox/evidence", self._evidence),
            web.get("/sandbox/events", self._events),
            *(web.post(f"/sandbox/{name}", _answering(deed)) for name, deed in deeds.items()),
        ]

    # seeing

    async def _state(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(self.state(request.query.get("user", "")))
        except SlackError as error:
            return web.json_response({"error": error.code}, status=404)

    def state(self, user: str) -> Json:
        """Everything `user` sees, and the switches; without a user, the first one's. Raises SlackError."""
        user = user or next(iter(self.workspace.people))
        self.workspace.person(user)
        self.workspace.direct(user)
        channels = [place for place in self.workspace.channels.values() if self.workspace.sees(user, place)]
        top, home = self.views.top(user), self.views.homes.get(user)
        return {
            "version": self.workspace.version,
            "me": user,
            "workspace": self.workspace.identity.team_name,
            "command": self.command,
            "bot": {"id": self.workspace.identity.bot_user_id, "name": self.workspace.identity.bot_name},
            "people": [asdict(person) for person in self.workspace.people.values()],
            "usergroups": [asdict(group) for group in self.workspace.usergroups.values()],
            "channels": [self._channel(place, user) for place in channels if place.direct_with is None],
            "directs": [self._channel(place, user) for place in channels if place.direct_with is not None],
            "view": self._view(top) if top else None,
            "home": self._view(home) if home else None,
            "troubles": [asdict(trouble) for trouble in self.workspace.troubles if trouble.user == user],
            "faults": self.faults.as_json(),
            "calls": Counter(call.method for call in self.calls),
            "recent_calls": [{"method": c.method, "answer": c.answer, "at": c.at} for c in self.calls[-30:]],
            "mode": self.mode(),
            "connections": self.sockets.connections,
            "world": self.world.snapshot() if self.world else None,
        }

    async def _evidence(self, request: web.Request) -> web.Response:
        """Why it was safe, for one invoice that was decided about here; without `about`, the last one."""
        return web.json_response(await self.evidence.shown(request.query.get("about"), self.world, self.calls))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the version, each time something changed."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        seen: tuple[int, str] | None = None
        try:
            while not self.closing:
                now = (self.workspace.version, self._world_as_text())
                await response.write(b": still here\n\n" if now == seen else f'data: {{"version": {now[0]}}}\n\n'.encode())
                seen = now
                await self.workspace.next_change(now[0], TICK)
        except (ConnectionError, asyncio.CancelledError):
            return response
        return response

    def _world_as_text(self) -> str:
        return json.dumps(self.world.snapshot(), default=str) if self.world else ""

    def _channel(self, place: Channel, user: str) -> Json:
        return {
            "id": place.id,
            "name": place.name,
            "archived": place.archived,
            "bot_is_member": place.bot_is_member,
            "messages": [self._message(m) for m in place.messages if m.only_for in (None, user)],
        }

    def _message(self, message: Message) -> Json:
        is_bot = message.author == self.workspace.identity.bot_user_id
        name = self.workspace.identity.bot_name if is_bot else self.workspace.people[message.author].name
        return {
            "ts": message.ts,
            "author": {"id": message.author, "name": name, "bot": is_bot},
            "text": message.text,
            "blocks": message.blocks,
            "attachments": message.content.attachments,
            "files": message.content.files,
            "thread_ts": message.thread_ts,
            "edited": message.edited,
            "ephemeral": message.only_for is not None,
        }

    def _view(self, view: View) -> Json:
        depth = len(self.views.stacks.get(view.user, []))
        return {**view.as_json(self.workspace.identity), "errors": view.errors, "depth": depth}

    # doing

    async def _command(self, body: Body) -> Answer:
        text = body.get("text", "")
        command = str(body.get("command") or self.command)
        deed = Deed(who=self._name(body), what=f"{command} {text}", at=self.workspace.now())
        answer = await self.play.command(_word(body, "user"), _word(body, "channel"), command, str(text))
        self.evidence.typed(deed, answer, str(text), self.world)
        return answer

    async def _say(self, body: Body) -> Json:
        place, person = self.workspace.channel(_word(body, "channel")), self.workspace.person(_word(body, "user"))
        message = self.workspace.post(place, Content(text=_word(body, "text")), author=person.id)
        return {"ts": message.ts}

    async def _press(self, body: Body) -> Answer:
        press = press_of(body)
        deed = Deed(who=self._name(body), what=self._label(press), at=self.workspace.now())
        answer = await self.play.press(press)
        await self.evidence.pressed(deed, answer, press)
        return answer

    async def _submit(self, body: Body) -> Answer:
        values = body.get("values") or {}
        if not isinstance(values, dict) or not all(isinstance(one, dict) for one in values.values()):
            raise ValueError("values are {block_id: {action_id: value}}")
        user = _word(body, "user")
        top = self.views.top(user)
        deed = Deed(who=self._name(body), what=f"{top.title if top else 'the dialog'}: sent", at=self.workspace.now())
        answer = await self.play.submit(user, values, _optional(body, "view_id"))
        self.evidence.submitted(deed, answer, user)
        return answer

    def _name(self, body: Body) -> str:
        return self.workspace.person(_word(body, "user")).name

    def _label(self, press: Press) -> str:
        message = self.workspace.find(press.channel or "", press.ts or "")
        return label_of(message.blocks if message else [], press.value) or "a button"

    async def _close_view(self, body: Body) -> Answer | Json:
        clear = body.get("clear") is True
        return await self.play.close_view(_word(body, "user"), _optional(body, "view_id"), clear=clear) or {}

    async def _suggest(self, body: Body) -> Answer:
        return await self.play.suggest(press_of(body))

    async def _fault(self, body: Body) -> Answer | Json:
        values = dict(body)
        deed = values.pop("action", None)
        if deed is not None:
            return await self._misfortune(str(deed), values)
        self.faults.set(values)
        self.workspace.changed()
        return self.faults.as_json()

    async def _misfortune(self, deed: str, body: Body) -> Answer | Json:
        if deed == "redeliver":
            return await self.play.redeliver()
        if deed == "disconnect":
            await self.sockets.disconnect()
        elif deed == "clear":
            self.faults.clear()
        elif deed == "delete_message":
            self._delete_message(body)
        else:
            self._change_channel(deed, self.workspace.channel(_word(body, "channel")))
        self.workspace.changed()
        return self.faults.as_json()

    def _delete_message(self, body: Body) -> None:
        message = self.workspace.find(_word(body, "channel"), _word(body, "ts"))
        if message is None:
            raise NotThere("there is no such message")
        self.workspace.delete(message)

    def _change_channel(self, deed: str, place: Channel) -> None:
        match deed:
            case "archive" | "unarchive":
                place.archived = deed == "archive"
            case "remove_bot" | "invite_bot":
                place.bot_is_member = deed == "invite_bot"
            case _:
                raise ValueError(f"there is no fault named {deed}")

    async def _world(self, body: Body) -> Json:
        if self.world is None:
            raise NotThere("this Slack has no world around it")
        result = self.world.control(_word(body, "name"), body.get("args") or {})
        if inspect.isawaitable(result):
            result = await result
        self.workspace.changed()
        return {"result": result}


def _answering(deed: Callable[[Body], Awaitable[Any]]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            result = await deed(dict(await request.json()))
        except SlackError as error:
            return web.json_response({"error": error.code, "details": error.details}, status=400)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response(result.as_json() if isinstance(result, Answer) else result)

    return handle


def page_routes() -> list[web.RouteDef]:
    """The files of the page, read once."""

    def serving(path: Path) -> Handler:
        text = path.read_text(encoding="utf-8")

        async def serve(_request: web.Request) -> web.StreamResponse:
            return web.Response(text=text, content_type=PAGE_TYPES[path.suffix], headers=PAGE_HEADERS)

        return serve

    files = sorted(path for path in PAGE.iterdir() if path.suffix in PAGE_TYPES)
    return [web.get("/" if path.name == "index.html" else f"/page/{path.name}", serving(path)) for path in files]
