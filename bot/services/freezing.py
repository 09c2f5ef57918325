"""The kill switch: while it is on, nothing is changed at any provider; reading and finding out go on."""

from __future__ import annotations

import structlog

from bot.domain.action import Word
from bot.domain.freeze import Freeze
from bot.domain.policy import Actor
from bot.domain.records import ReplyTo
from bot.domain.refusal import Refusal
from bot.ports import Clock, Journal, Refused
from bot.services.rights import Rights
from bot.services.wakeup import Wakeup

_LONGEST_WHY = 200
_log = structlog.get_logger()


class Freezing:
    """Turns it on and off, in one commit and without network; both may be said twice."""

    def __init__(self, journal: Journal, rights: Rights, clock: Clock, *, work: Wakeup, talk: Wakeup) -> None:
        self._journal = journal
        self._rights = rights
        self._clock = clock
        self._work = work
        self._talk = talk

    async def freeze(self, actor: Actor, reply_to: ReplyTo, delivery: str, why: str) -> Freeze | Refusal | None:
        """None: it is frozen now; a Freeze: it was frozen already, like that. A refusal is for the ack body."""
        if (refusal := await self._may(actor, reply_to, delivery)) is not None:
            return refusal
        while not await self._journal.freeze(actor.user, _one_line(why), self._clock.now()):
            if (already := await self._journal.frozen()) is not None:
                return already
        _log.warning("bot.frozen", by=actor.user)
        self._wake()
        return None

    async def unfreeze(self, actor: Actor, reply_to: ReplyTo, delivery: str) -> bool | Refusal:
        """False where nothing was frozen. A refusal is for the ack body."""
        if (refusal := await self._may(actor, reply_to, delivery)) is not None:
            return refusal
        is_news = await self._journal.unfreeze(actor.user, self._clock.now())
        if is_news:
            _log.warning("bot.unfrozen", by=actor.user)
            self._wake()
        return is_news

    async def _may(self, actor: Actor, reply_to: ReplyTo, delivery: str) -> Refusal | None:
        refusal = await self._rights.objection(actor, Word.FREEZE, channel=reply_to.channel)
        if refusal is not None:
            refused = Refused(
                delivery=delivery,
                actor=actor,
                reply_to=reply_to,
                refusal=refusal,
                word=Word.FREEZE,
                at=self._clock.now(),
                answer=False,
            )
            await self._journal.refuse(refused)
        return refusal

    def _wake(self) -> None:
        """What was accepted and not sent ends at once, and the messages lose or get their buttons."""
        self._work.set()
        self._talk.set()


def _one_line(why: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in why).split())[:_LONGEST_WHY]
