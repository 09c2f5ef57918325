"""What the local Slack remembers: people, channels, messages, triggers, response URLs and what went wrong."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

TRIGGER_LIFE: Final = 3.0
RESPONSE_URL_LIFE: Final = 30 * 60.0
RESPONSE_URL_USES: Final = 5
TROUBLES_KEPT: Final = 50


class SlackError(Exception):
    """A call that Slack answers with `ok: false`; `details` become response_metadata.messages."""

    def __init__(self, code: str, details: Iterable[str] = (), **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = list(details)
        self.extra = extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can be played; `team` is another workspace's for people from outside. The page offers those first of
    whom `may` says what they may do; the bot asks its own rules, not this."""

    id: str
    name: str
    title: str
    team: str = "T0RECOUP"
    guest: bool = False
    usergroups: tuple[str, ...] = ()
    may: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usergroup:
    """A group such as @support; its members are the people who name it."""

    id: str
    handle: str
    name: str


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel, or the direct messages between the bot and `direct_with`."""

    id: str
    name: str
    direct_with: str | None = None
    bot_is_member: bool = True
    archived: bool = False
    outsiders: set[str] = field(default_factory=set)
    """People who are not members; everybody else is."""
    messages: list[Message] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Content:
    """What a message says; judged already. `blocks` carry ids everywhere, as Slack hands them out."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    files: list[Json] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Message:
    """A message, or with `only_for` an ephemeral one; `ts` identifies either within its channel."""

    ts: str
    channel: str
    author: str
    content: Content
    thread_ts: str | None = None
    edited: bool = False
    only_for: str | None = None

    @property
    def text(self) -> str:
        return self.content.text

    @property
    def blocks(self) -> list[Json]:
        return self.content.blocks


@dataclass(slots=True, kw_only=True)
class Trigger:
    """The right to open one modal, for three seconds."""

    user: str
    born: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    """The right to answer an interaction five times in thirty minutes."""

    user: str
    channel: str
    born: float
    original: str | None = None
    """ts of the message whose button was pressed, or of what this URL itself posted last."""
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What Slack tells the user when the app did not answer in time, or not well."""

    user: str
    channel: str | None
    ts: str | None
    view_id: str | None
    text: str
    at: float


PEOPLE: Final = (
    Person(
        id="U0MAYA",
        name="Maya",
        title="finance lead",
        may="may do everything; writing off more than EUR or USD 1,000 takes Nadia, too",
    ),
    Person(
        id="U0TOM",
        name="Tom",
        title="support agent",
        usergroups=("S0SUPPORT",),
        may="may retry up to EUR or USD 500, and send payment links",
    ),
    Person(
        id="U0NADIA",
        name="Nadia",
        title="controller",
        may="may look, and approve or deny when more than EUR or USD 1,000 is to be written off",
    ),
    Person(id="U0GUS", name="Gus", title="guest", guest=True),
    Person(id="U0OLGA", name="Olga", title="of another workspace", team="T0OTHER"),
)
CHANNELS: Final = (("C0FIN", "finance"), ("C0SUP", "support"), ("C0OPS", "billing-ops"))
USERGROUPS: Final = (Usergroup(id="S0SUPPORT", handle="support", name="Support"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The ids of the workspace and of the app in it, and what the app may call."""

    team_id: str = "T0RECOUP"
    team_name: str = "Recoup sandbox"
    app_id: str = "A0RECOUP"
    bot_id: str = "B0RECOUP"
    bot_user_id: str = "U0RECOUP"
    bot_name: str = "recoup"
    scopes: tuple[str, ...] = (
        "commands",
        "chat:write",
        "usergroups:read",
        "users:read",
        "files:write",
        "im:write",
        "channels:read",
        "groups:read",
    )


class Workspace:
    """The one place where messages live. Every change wakes those who wait for one."""

    def __init__(
        self,
        *,
        people: Iterable[Person] = PEOPLE,
        channels: Iterable[tuple[str, str]] = CHANNELS,
        usergroups: Iterable[Usergroup] = USERGROUPS,
        identity: Identity | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.identity = identity or Identity()
        self.people = {person.id: person for person in people}
        self.usergroups = {group.id: group for group in usergroups}
        self.channels = {key: Channel(id=key, name=name) for key, name in channels}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.troubles: list[Trouble] = []
        self.version = 0
        self.now = now
        self._last_ts = 0.0
        self._changed = asyncio.Event()

    # change

    def changed(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def next_change(self, known: int, timeout: float) -> int:
        """The version, as soon as it is not `known`, or after `timeout` seconds."""
        if self.version == known:
            try:
                await asyncio.wait_for(self._changed.wait(), timeout)
            except TimeoutError:
                return self.version
        return self.version

    def stamp(self) -> str:
        """A new ts, later than all before it."""
        self._last_ts = max(self.now(), self._last_ts + 0.000001)
        return f"{self._last_ts:.6f}"

    # people and places

    def person(self, user: str) -> Person:
        if user not in self.people:
            raise SlackError("user_not_found")
        return self.people[user]

    def channel(self, channel: str) -> Channel:
        if channel in self.channels:
            return self.channels[channel]
        raise SlackError("channel_not_found")

    def direct(self, user: str) -> Channel:
        """The direct messages of the bot with a person, opened when there are none yet."""
        person = self.person(user)
        key = f"D{user[1:]}"
        if key not in self.channels:
            self.channels[key] = Channel(id=key, name=person.name, direct_with=user)
        return self.channels[key]

    def place(self, target: str) -> Channel:
        """Where `target`, a channel or a person, can be written to by the bot."""
        channel = self.direct(target) if target in self.people else self.channel(target)
        if channel.archived:
            raise SlackError("is_archived")
        if not channel.bot_is_member:
            raise SlackError("not_in_channel")
        return channel

    def sees(self, user: str, channel: Channel) -> bool:
        return channel.direct_with == user if channel.direct_with else user not in channel.outsiders

    # messages

    def post(
        self,
        channel: Channel,
        content: Content,
        *,
        author: str | None = None,
        thread_ts: str | None = None,
        only_for: str | None = None,
    ) -> Message:
        message = Message(
            ts=self.stamp(),
            channel=channel.id,
            author=author or self.identity.bot_user_id,
            content=content,
            thread_ts=thread_ts,
            only_for=only_for,
        )
        channel.messages.append(message)
        self.changed()
        return message

    def find(self, channel: str, ts: str) -> Message | None:
        return next((m for m in self.channels[channel].messages if m.ts == ts), None) if channel in self.channels else None

    def rewrite(self, message: Message, content: Content) -> None:
        if message.content.metadata is not None and content.metadata is None:
            content = replace(content, metadata=message.content.metadata)
        message.content = replace(content, files=message.content.files)
        message.edited = message.only_for is None
        self.changed()

    def delete(self, message: Message) -> None:
        self.channels[message.channel].messages.remove(message)
        self.changed()

    # rights that run out

    def new_trigger(self, user: str) -> str:
        key = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[key] = Trigger(user=user, born=self.now())
        return key

    def use_trigger(self, key: object) -> str:
        """The person who may be shown a view; works once, and for three seconds."""
        trigger = self.triggers.get(key) if isinstance(key, str) else None
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.now() - trigger.born > TRIGGER_LIFE:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def new_response_url(self, user: str, channel: str, original: str | None = None) -> str:
        """The token that the URL ends with."""
        token = secrets.token_hex(16)
        self.response_urls[token] = ResponseUrl(user=user, channel=channel, born=self.now(), original=original)
        return token

    def use_response_url(self, token: str) -> ResponseUrl:
        url = self.response_urls.get(token)
        if url is None or self.now() - url.born > RESPONSE_URL_LIFE:
            raise SlackError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        url.uses += 1
        return url

    def warn(self, trouble: Trouble) -> None:
        self.troubles = [*self.troubles, trouble][-TROUBLES_KEPT:]
        self.changed()
