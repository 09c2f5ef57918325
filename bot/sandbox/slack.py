"""A local Slack: the part of the Web API that the bot uses, delivery to the bot, and a page to play in. Loopback only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.slack_control import Control, World, loopback_only
from bot.sandbox.slack_delivery import ACK_DEADLINE, Answer, Courier, SignedHttp, SocketMode, Transport
from bot.sandbox.slack_evidence import Records
from bot.sandbox.slack_faults import Faults
from bot.sandbox.slack_files import UPLOAD_MOST, Files
from bot.sandbox.slack_methods import Methods
from bot.sandbox.slack_play import Play, Press, Typed
from bot.sandbox.slack_state import (
    CHANNELS,
    PEOPLE,
    USERGROUPS,
    Content,
    Identity,
    Message,
    Person,
    Trouble,
    Usergroup,
    Workspace,
)
from bot.sandbox.slack_views import View, Views
from bot.sandbox.slack_web import ApiCall, Tokens, WebApi

HOST = "127.0.0.1"


@dataclass(kw_only=True, eq=False)
class LocalSlack:
    """One workspace with the app installed. With a `request_url` deliveries are signed HTTP, else Socket Mode; it may be
    set later, too. `now` is the clock of triggers and response URLs, `ack_deadline` is in seconds."""

    request_url: str | None = None
    port: int = 0
    bot_token: str = "xoxb-sandbox-bot"  # noqa: S105 - opens nothing but this sandbox
    app_token: str = "xapp-sandbox-app"  # noqa: S105
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105
    command_name: str = "/invoice"
    people: Iterable[Person] = PEOPLE
    channels: Iterable[tuple[str, str]] = CHANNELS
    usergroups: Iterable[Usergroup] = USERGROUPS
    identity: Identity = field(default_factory=Identity)
    world: World | None = None
    now: Callable[[], float] = time.time
    ack_deadline: float = ACK_DEADLINE

    def __post_init__(self) -> None:
        self.faults = Faults()
        self.workspace = Workspace(
            people=self.people,
            channels=self.channels,
            usergroups=self.usergroups,
            identity=self.identity,
            now=self.now,
        )
        self.views = Views(self.workspace)
        self.sockets = SocketMode(
            self.identity.app_id, lambda: f"{HOST}:{self.port}", self.ack_deadline, self.workspace.changed
        )
        files = Files(self.workspace, lambda: self.page_url)
        methods = Methods(self.workspace, self.views, files, lambda: self.page_url)
        tokens = Tokens(bot=self.bot_token, app=self.app_token)
        self.api = WebApi(self.workspace, methods, files, self.faults, tokens=tokens, connection_url=self.sockets.new_url)
        courier = Courier(self._transport, self.faults.loses_ack)
        self.play = Play(self.workspace, self.views, courier, lambda token: f"{self.page_url}response/{token}")
        self.control = Control(
            workspace=self.workspace,
            views=self.views,
            play=self.play,
            faults=self.faults,
            sockets=self.sockets,
            calls=self.api.calls,
            mode=lambda: "http" if self.request_url else "socket",
            command=self.command_name,
            world=self.world,
        )
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    def lend(self, records: Records) -> None:
        """Let the page show what the bot itself wrote down."""
        self.control.evidence.records = records

    # running

    async def start(self) -> None:
        """Listen on loopback; port 0 takes a free one, which `port` then names."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        app = web.Application(middlewares=[loopback_only], client_max_size=UPLOAD_MOST + 64 * 1024)
        app.add_routes([*self.api.routes(), web.get("/link/", self.sockets.connect), *self.control.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        self.control.closing = True
        self.workspace.changed()
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    @property
    def page_url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    @property
    def api_url(self) -> str:
        return f"{self.page_url}api/"

    @property
    def team_id(self) -> str:
        return self.identity.team_id

    @property
    def bot_user_id(self) -> str:
        return self.identity.bot_user_id

    # what people do

    async def command(self, user: str, channel: str, text: str) -> Answer:
        return await self.play.command(user, channel, self.command_name, text)

    async def press(self, user: str, channel: str | None = None, ts: str | None = None, **what: Any) -> Answer:
        """Press something in a message; `what`: action_id, block_id, value, or view_id for something in a modal. Raises
        NotThere unless exactly one element fits."""
        return await self.play.press(Press(user=user, channel=channel, ts=ts, **what))

    async def submit(self, user: str, values: Typed | None = None, *, view_id: str | None = None) -> Answer:
        """Fill in the modal on top, by block_id and action_id, and submit it."""
        return await self.play.submit(user, values or {}, view_id)

    async def close_view(self, user: str, *, clear: bool = False) -> Answer | None:
        return await self.play.close_view(user, clear=clear)

    async def redeliver(self) -> Answer:
        """Slack's last delivery comes once more."""
        return await self.play.redeliver()

    def say(self, user: str, channel: str, text: str) -> Message:
        """A person writes a plain message."""
        return self.workspace.post(self.workspace.channel(channel), Content(text=text), author=user)

    # what people see

    def messages(self, channel: str) -> list[Message]:
        """Everything in a channel that is for all, thread replies too, in order."""
        return [message for message in self.workspace.channel(channel).messages if message.only_for is None]

    def ephemerals(self, user: str) -> list[Message]:
        every = [message for place in self.workspace.channels.values() for message in place.messages]
        return sorted((m for m in every if m.only_for == user), key=lambda m: float(m.ts))

    def directs(self, user: str) -> list[Message]:
        return self.messages(self.workspace.direct(user).id)

    def view_of(self, user: str) -> View | None:
        return self.views.top(user)

    def home_of(self, user: str) -> View | None:
        return self.views.homes.get(user)

    def troubles(self, user: str) -> list[Trouble]:
        """Slack's warnings to this person, oldest first."""
        return [trouble for trouble in self.workspace.troubles if trouble.user == user]

    @property
    def calls(self) -> list[ApiCall]:
        return self.api.calls

    def called(self, method: str) -> list[Mapping[str, Any]]:
        """The parameters of every call of a method."""
        return [call.params for call in self.api.calls if call.method == method]

    def _transport(self) -> Transport:
        if not self.request_url:
            return self.sockets
        if self._session is None:
            raise RuntimeError("start the local Slack first")
        return SignedHttp(self.request_url, self.signing_secret, self._session, self.ack_deadline)
