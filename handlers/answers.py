"""Private answers to reads: to the response_url while it lives, else an ephemeral, else a direct message."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import TypeVar

import structlog

from bot.domain.content import Content, RefusalContent
from bot.domain.errors import JournalUnavailable
from bot.domain.records import ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Announcer, SlackFailure

READ_WITHIN = 20.0
_log = structlog.get_logger()
_Read = TypeVar("_Read")


class Answers:
    """Reads are not journalled: an answer that no address takes is given up with a log line."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    async def read_and_tell(self, reading: Awaitable[Content], reply_to: ReplyTo) -> None:
        await self.tell(await asked_within(reading), reply_to)

    async def tell(self, content: Content, reply_to: ReplyTo) -> None:
        for say in (self._respond, self._whisper, self._direct):
            try:
                if await say(content, reply_to):
                    return
            except SlackFailure as failure:
                _log.warning("answer.not_said", why=failure.why, detail=failure.detail)
        _log.error("answer.given_up", content=type(content).__name__)

    async def _respond(self, content: Content, reply_to: ReplyTo) -> bool:
        if reply_to.response_url is None:
            return False
        await self._announcer.respond(reply_to.response_url, content)
        return True

    async def _whisper(self, content: Content, reply_to: ReplyTo) -> bool:
        await self._announcer.whisper(reply_to.channel, reply_to.user, content)
        return True

    async def _direct(self, content: Content, reply_to: ReplyTo) -> bool:
        await self._announcer.direct(reply_to.user, content)
        return True


async def asked_within(reading: Awaitable[_Read]) -> _Read | RefusalContent:
    """What is read; whatever happens while reading, the person gets a sentence."""
    try:
        async with asyncio.timeout(READ_WITHIN):
            return await reading
    except TimeoutError:
        return failed("The provider takes too long to answer. Nothing happened; try again in a minute.")
    except JournalUnavailable:
        return failed("My database does not answer. Nothing happened; try again in a minute.")
    except Exception as error:  # noqa: BLE001 - a bug must end in a sentence with a reference, not in silence
        content = failed("Something went wrong on our side. Nothing happened.")
        _log.error("read.failed", error=type(error).__name__, reference=content.reference)
        return content


def failed(sentence: str) -> RefusalContent:
    return RefusalContent(refusal=Refusal(RefusalKind.READ_FAILED, {"sentence": sentence}), reference=secrets.token_hex(4))
