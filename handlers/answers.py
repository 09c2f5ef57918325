"""Private answers to reads: to the response_url while it lives, else an ephemeral, else a direct message.

A file goes into the direct messages whatever was asked where: Slack has no files that one person alone sees in a channel.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable
from typing import Final, TypeVar, assert_never

import structlog

from bot.domain.content import Content, FileContent, RefusalContent
from bot.domain.errors import JournalUnavailable
from bot.domain.records import ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Announcer, NotSaid, SlackFailure
from handlers.announcer import TOO_LARGE
from handlers.background import ANSWER_WITHIN
from handlers.views.text import plain

READ_WITHIN = 20.0
_TO_SAY_SO: Final = 4.0
"""Seconds that are kept for telling how the handing over went."""
_PAUSE: Final = 2.0
_log = structlog.get_logger()
_Read = TypeVar("_Read")


class Answers:
    """Reads are not journalled: an answer that no address takes in its time is given up with a log line."""

    def __init__(self, announcer: Announcer, *, answer_within: float = ANSWER_WITHIN, pause: float = _PAUSE) -> None:
        """`answer_within`: seconds after which whoever runs this cuts it, reading and telling together. `pause`: seconds
        between two rounds of the addresses while Slack takes nothing."""
        self._announcer = announcer
        self._pause = pause
        self._patience = answer_within - _TO_SAY_SO

    async def read_and_tell(self, reading: Awaitable[Content], reply_to: ReplyTo) -> None:
        until = self._soon()
        await self.tell(await asked_within(reading), reply_to, until=until)

    async def tell(self, content: Content, reply_to: ReplyTo, *, until: float | None = None) -> None:
        """A file is handed over first, by the loop's time `until`; what is said then is how that went."""
        until = self._soon() if until is None else until
        if not isinstance(content, FileContent):
            await self._say(content, reply_to, until)
            return
        try:
            async with asyncio.timeout_at(until):
                channel = await self._announcer.hand_over(reply_to.user, content)
        except TimeoutError:
            await self._say(_not_handed_over(content, SlackFailure(NotSaid.LOST, "too slow")), reply_to, until)
        except SlackFailure as failure:
            await self._say(_not_handed_over(content, failure), reply_to, until)
        else:
            if channel != reply_to.channel:
                await self._say(content, reply_to, until)

    def _soon(self) -> float:
        return asyncio.get_running_loop().time() + self._patience

    async def _say(self, content: Content, reply_to: ReplyTo, until: float) -> None:
        """Round again while Slack is away and there is time: told twice does less harm than not told."""
        loop = asyncio.get_running_loop()
        while (wait := await self._said_or_wait(content, reply_to)) is not None:
            if loop.time() + wait > until:
                _log.error("answer.given_up", content=type(content).__name__)
                return
            await asyncio.sleep(wait)

    async def _said_or_wait(self, content: Content, reply_to: ReplyTo) -> float | None:
        """None when an address took it; else the seconds until the next round, which are endless where none may help."""
        wait = math.inf
        for say in (self._respond, self._whisper, self._direct):
            try:
                if await say(content, reply_to):
                    return None
            except SlackFailure as failure:
                _log.warning("answer.not_said", why=failure.why, detail=failure.detail)
                if failure.why in {NotSaid.WAIT, NotSaid.LOST}:
                    wait = min(wait, failure.retry_after or self._pause)
        return wait

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


def _not_handed_over(file: FileContent, failure: SlackFailure) -> RefusalContent:
    content = failed(_why_not(plain(file.invoice.label, 60), failure))
    _log.warning("file.not_handed_over", why=failure.why, detail=failure.detail, reference=content.reference)
    return content


def _why_not(name: str, failure: SlackFailure) -> str:
    instead = "Open the invoice at the provider instead."
    match failure.why:
        case NotSaid.DENIED if failure.detail == "missing_scope":
            return "The bot may not upload files yet; ask whoever runs it to add files:write and im:write."
        case NotSaid.DENIED:
            return f"Slack does not let the bot send files ({failure.detail}); ask whoever runs it to look. {instead}"
        case NotSaid.WAIT:
            return f"Slack could not take the PDF of {name} just now, so it was not sent. Try again in a minute."
        case NotSaid.LOST:
            return (
                f"Slack did not say whether the PDF of {name} arrived. Look in your direct messages with me; "
                "if it is not there, ask for it again."
            )
        case NotSaid.UNUSABLE if failure.detail == TOO_LARGE:
            return f"The PDF of {name} is too large to send: more than 20 MB. {instead}"
        case NotSaid.UNUSABLE | NotSaid.GONE:
            return f"Slack did not take the PDF of {name} ({failure.detail}), so it was not sent. {instead}"
        case _:
            assert_never(failure.why)
