"""Where a person can be told something: the addresses of an answer, best first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.domain.content import CardContent, Content
from bot.domain.records import ReplyTo
from bot.ports import Announcer, Clock, NotSaid, SlackFailure

Address = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Slack:
    """What delivery needs to know of Slack beside how to speak: where to turn when no address works."""

    announcer: Announcer
    ops_channel: str | None


class Addresses:
    """Each method gives the ways to say `content` that are left, none of them tried yet."""

    def __init__(self, slack: Slack, clock: Clock) -> None:
        self._slack = slack
        self._clock = clock

    def response(self, reply_to: ReplyTo, content: Content, *, replace: bool | None = None) -> list[Address]:
        url, until = reply_to.response_url, reply_to.response_url_until
        if url is None or until is None or self._clock.now() >= until:
            return []
        in_place = isinstance(content, CardContent) if replace is None else replace
        return [lambda: self._slack.announcer.respond(url, content, replace=in_place)]

    def whisper(self, reply_to: ReplyTo, content: Content) -> list[Address]:
        return [lambda: self._slack.announcer.whisper(reply_to.channel, reply_to.user, content)]

    def direct(self, user: str, content: Content) -> list[Address]:
        return [lambda: self._slack.announcer.direct(user, content)]

    def ops(self, content: Content) -> list[Address]:
        channel = self._slack.ops_channel
        return [lambda: self._slack.announcer.post(channel, content)] if channel else []

    def fallbacks(self, reply_to: ReplyTo, content: Content) -> list[Address]:
        return [*self.whisper(reply_to, content), *self.direct(reply_to.user, content), *self.ops(content)]


async def first_that_works(addresses: Sequence[Address]) -> None:
    """The next address only where the one before will never work; raises the last failure when none is left."""
    last: SlackFailure | None = None
    for say in addresses:
        try:
            await say()
        except SlackFailure as failure:
            if failure.why is not NotSaid.GONE:
                raise
            last = failure
        else:
            return
    if last is not None:
        raise last
