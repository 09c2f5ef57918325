"""Delivery: takes letters from the outbox and says them, each at the first address that still works."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from bot.domain.action import ActionState
from bot.domain.content import AlertContent, Content, DigestContent, EndingContent, RefusalContent
from bot.domain.errors import JournalUnavailable
from bot.domain.records import ActionRecord, ReplyTo, Verdict
from bot.domain.refusal import Refusal
from bot.ports import Clock, Journal, Letter, NotSaid, Outbox, Say, SlackFailure
from bot.services.addresses import Address, Addresses, Slack, first_that_works
from bot.services.messages import Messages, is_card
from bot.services.question_letters import QuestionLetters
from bot.services.wakeup import Wakeup
from bot.telemetry import LETTERS, in_action

LEASE = timedelta(seconds=60)
POLL_SECONDS = 5.0
AT_ONCE = 4
_LONGEST_PAUSE = 60.0
_LONGEST_WAIT = 1200.0
"""Seconds. Slack asks for some; the outbox takes a postponement beyond 30 minutes for a clock that was set back."""
_NOTE_WITHIN = 30.0
"""Seconds, half a lease."""
_BRIEF = 0.5

_log = structlog.get_logger()


class Delivery:
    """Runs until cancelled. One target is in one sender's hands at a time; what is said is rendered at that moment."""

    def __init__(
        self, journal: Journal, outbox: Outbox, messages: Messages, slack: Slack, *, clock: Clock, talk: Wakeup
    ) -> None:
        self._journal = journal
        self._outbox = outbox
        self._messages = messages
        self._slack = slack
        self._to = Addresses(slack, clock)
        self._questions = QuestionLetters(journal, messages, slack, clock)
        self._clock = clock
        self._talk = talk
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.turned_at = time.monotonic()
        """When the loop last went round, for `/healthz`."""

    async def run(self) -> None:
        """Say what is due for ever."""
        while not self._stopping:
            self.turned_at = time.monotonic()
            await self._talk.wait(await self._pause())
            await self._claim_all()

    async def drain(self, seconds: float) -> None:
        """Say what can be said in `seconds`; the rest stays in the outbox for the next start."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            await self._claim_all()
            if not self._running:
                break
            await asyncio.wait(self._running, timeout=max(deadline - asyncio.get_running_loop().time(), 0.0))
        self._stopping = True
        self._talk.set()
        if late := list(self._running):
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1.0)  # else one may still hold a connection when the database is closed

    async def step(self) -> bool:
        """Say one letter here and now; False when nothing is due."""
        owner = secrets.token_hex(8)
        letter = await self._outbox.next_letter(owner, LEASE, self._clock.now())
        if letter is None:
            return False
        await self._deliver(letter, owner)
        return True

    async def _pause(self) -> float:
        if len(self._running) >= AT_ONCE:
            return _BRIEF
        try:
            due = await self._outbox.next_due()
        except JournalUnavailable:
            return POLL_SECONDS
        if due is None:
            return POLL_SECONDS
        return min(max((due - self._clock.now()).total_seconds(), 0.02), POLL_SECONDS)

    async def _claim_all(self) -> None:
        while not self._stopping and len(self._running) < AT_ONCE:
            owner = secrets.token_hex(8)
            try:
                letter = await self._outbox.next_letter(owner, LEASE, self._clock.now())
            except JournalUnavailable as error:
                _log.error("delivery.database_unavailable", detail=str(error))
                await asyncio.sleep(_BRIEF)
                return
            if letter is None:
                return
            task = asyncio.create_task(self._deliver(letter, owner))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._talk.set()

    async def _deliver(self, letter: Letter, owner: str) -> None:
        with in_action(letter.action_id):
            await self._deliver_or_give_up(letter, owner)

    async def _deliver_or_give_up(self, letter: Letter, owner: str) -> None:
        try:
            await self._deliver_or_postpone(letter, owner)
        except JournalUnavailable as error:
            _log.error("letter.not_recorded", kind=letter.kind, detail=str(error))
        except Exception as error:  # noqa: BLE001 - one letter's trouble must not stop the others
            _log.error("letter.failed_unexpectedly", kind=letter.kind, error=type(error).__name__)
            await self._outbox.give_up(letter, owner, type(error).__name__)

    async def _deliver_or_postpone(self, letter: Letter, owner: str) -> None:
        try:
            await self._say(letter)
        except SlackFailure as failure:
            LETTERS.labels(letter.kind.value, failure.why.value).inc()
            _log.warning("letter.not_said", kind=letter.kind, why=failure.why, detail=failure.detail)
            if failure.why in {NotSaid.GONE, NotSaid.UNUSABLE}:
                await self._note(partial(self._outbox.give_up, letter, owner, str(failure)))
            else:
                pause = min(failure.retry_after or min(2.0**letter.tries, _LONGEST_PAUSE), _LONGEST_WAIT)
                until = self._clock.now() + timedelta(seconds=pause)
                await self._note(partial(self._outbox.postpone, letter, owner, until, str(failure)))
        else:
            LETTERS.labels(letter.kind.value, "sent").inc()
            await self._note(partial(self._outbox.sent, letter, owner))

    async def _note(self, write: Callable[[], Awaitable[None]]) -> None:
        """What became of a letter, written again while the database is away: until its lease ends, nobody else says
        anything at that place, not even how the decision ended."""
        give_up_at = time.monotonic() + _NOTE_WITHIN
        while True:
            try:
                await write()
            except JournalUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
                await asyncio.sleep(_BRIEF)
            else:
                return

    async def _say(self, letter: Letter) -> None:  # noqa: C901 - one line per kind of letter
        match letter.kind:
            case Say.REDRAW:
                await self._redraw(letter)
            case Say.ANSWER:
                await self._answer(letter)
            case Say.LATE_NOTE:
                await self._late_note(letter)
            case Say.REFUSAL:
                await self._refusal(letter)
            case Say.VERDICT:
                await self._verdict(letter)
            case Say.DIGEST:
                await self._digest(letter)
            case Say.ALERT:
                await self._alert(letter)
            case Say.QUESTION | Say.QUESTION_ASKED | Say.QUESTION_ENDED | Say.REMINDER:
                await self._questions.say(letter)

    async def _redraw(self, letter: Letter) -> None:
        """Every copy of the message. Where none is left, the person who decided on this message is told instead."""
        # Read before the message is drawn: an ending that comes later has a letter of its own, which tells it.
        action = await self._journal.action(letter.action_id) if letter.action_id else None
        postings = await self._journal.postings(letter.target)
        content = await self._messages.of(letter.target) if postings else None
        if content is None:
            return
        gone = 0
        for channel, ts in postings:
            try:
                await self._slack.announcer.update(channel, ts, content)
            except SlackFailure as failure:
                if failure.why is not NotSaid.GONE:
                    raise
                gone += 1
        if action is None or gone < len(postings) or (action.reply_to.channel, action.reply_to.ts) not in postings:
            return
        if action.state not in {ActionState.ACCEPTED, ActionState.EXECUTING}:
            ending = EndingContent(action=action)
            await first_that_works(self._to.fallbacks(action.reply_to, ending))

    async def _answer(self, letter: Letter) -> None:
        """The private result: to the response_url while it lives, else ephemeral, direct, the operators' channel."""
        action = await self._journal.action(letter.action_id or letter.target)
        if action is None:
            return
        content = await self._private_result(action)
        await first_that_works(
            [*self._to.response(action.reply_to, content), *self._to.fallbacks(action.reply_to, content)]
        )

    async def _private_result(self, action: ActionRecord) -> Content:
        """A pressed private card is redrawn in place; a typed command, or a row of a private list, gets the ending, with a
        new card below it."""
        if not action.reply_to.is_private:
            return EndingContent(action=action)  # the message itself is redrawn, with its buttons
        card = await self._messages.card_of(action)
        in_place = action.reply_to.is_ephemeral and card is not None and is_card(card.row.offer.place.message)
        if card is not None and in_place and action.is_for_all:
            return card
        return EndingContent(action=action, row=card.row if card and not action.state.is_live else None)

    async def _late_note(self, letter: Letter) -> None:
        """Edits notify nobody: what ended long after the press is said again, where the person notices it."""
        action = await self._journal.action(letter.action_id or "")
        if action is None:
            return
        content = EndingContent(action=action, is_late=True)
        reply_to = action.reply_to
        addresses: list[Address] = []
        if reply_to.ts is not None:
            thread = reply_to.thread or reply_to.ts
            addresses.append(lambda: self._slack.announcer.post(reply_to.channel, content, thread=thread))
        addresses.append(lambda: self._slack.announcer.direct(reply_to.user, content))
        await first_that_works([*addresses, *self._to.ops(content)])

    async def _refusal(self, letter: Letter) -> None:
        refusal, reply_to = letter.body.get("refusal"), letter.body.get("reply_to")
        if not isinstance(refusal, Refusal) or not isinstance(reply_to, ReplyTo):
            return
        content = RefusalContent(refusal=refusal, reference=letter.target[-8:])
        addresses = self._to.response(reply_to, content, replace=False)
        addresses += self._to.fallbacks(reply_to, content)[:2]
        await first_that_works(addresses)

    async def _verdict(self, letter: Letter) -> None:
        """What became of it, to whoever gave it; who decided hears of the ending as of every other."""
        action, heard = await self._journal.action(letter.action_id or ""), letter.body.get("verdict")
        if action is None or not isinstance(heard, Verdict):
            return
        content = EndingContent(action=action, heard=heard)
        addresses = self._to.response(heard.reply_to, content, replace=False)
        await first_that_works([*addresses, *self._to.fallbacks(heard.reply_to, content)])

    async def _digest(self, letter: Letter) -> None:
        channel = await self._messages.channel_of(letter.target)
        content = await self._messages.of(letter.target)
        if channel is None or content is None:
            return
        if await self._journal.postings(letter.target):
            # Posted by a process that died before it could cross off the letter, which holds what is to be redrawn since.
            await self._redraw(letter)
            return
        try:
            ts = await self._slack.announcer.post(channel, content)
        except SlackFailure as failure:
            if failure.why is not NotSaid.GONE:
                raise
            alert = AlertContent(what="digest_not_posted", facts={"channel": channel, "detail": failure.detail})
            await first_that_works([*self._asker(content, alert), *self._to.ops(alert)])
            return
        await self._journal.posted(letter.target, channel, ts)
        if isinstance(content, DigestContent):
            found = content.digest
            _log.info("digest.posted", digest=found.plan_name, channel=channel, count=found.count, gaps=len(found.gaps))

    def _asker(self, digest: Content, alert: AlertContent) -> list[Address]:
        """Who asked for a digest learns that it did not appear; a scheduled one is the operators' affair."""
        user = digest.digest.asked_by if isinstance(digest, DigestContent) else None
        return [lambda: self._slack.announcer.direct(user, alert)] if user is not None else []

    async def _alert(self, letter: Letter) -> None:
        facts = {key: str(value) for key, value in letter.body.items()}
        await first_that_works(self._to.ops(AlertContent(what=letter.target, facts=facts)))
