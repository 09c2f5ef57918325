"""Letters about a question to a second person: the question itself, the asker's answers, the one reminder."""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.domain.approval import Approval, ApprovalState, approval_of
from bot.domain.content import AlertContent, ApprovalContent, RefusalContent, SaidOf
from bot.ports import Clock, Journal, Letter, NotSaid, Say, SlackFailure
from bot.services.addresses import Addresses, Slack, first_that_works
from bot.services.messages import Messages

_log = structlog.get_logger()


class QuestionLetters:
    """What is said is read when it is said, so a late letter never tells an old state."""

    def __init__(self, journal: Journal, messages: Messages, slack: Slack, clock: Clock) -> None:
        self._journal = journal
        self._messages = messages
        self._slack = slack
        self._to = Addresses(slack, clock)
        self._clock = clock

    async def say(self, letter: Letter) -> None:
        # Together with a later redraw of the question this letter has that one's body; the target names it, too.
        approval_id = approval_of(letter.target) or str(letter.body.get("approval", ""))
        content = await self._messages.question(approval_id)
        if content is None:
            await self._without_content(letter, approval_id)
            return
        if letter.kind is Say.QUESTION:
            await self._post(content)
        elif letter.kind is Say.REMINDER:
            await self._remind(replace(content, said=SaidOf.REMINDER))
        elif letter.kind is Say.QUESTION_ASKED:
            await self._tell_asked(replace(content, said=SaidOf.ASKED))
        else:
            await self._tell_ended(replace(content, said=SaidOf.ENDED))

    async def _post(self, content: ApprovalContent) -> None:
        asked = content.approval
        postings = await self._journal.postings(asked.message)
        if postings:  # a process that died before it could cross off the letter had posted it, or a state came later
            for channel, ts in postings:
                await self._slack.announcer.update(channel, ts, content)
            return
        try:
            ts = await self._slack.announcer.post(asked.channel, content)
        except SlackFailure as failure:
            if failure.why not in {NotSaid.GONE, NotSaid.UNUSABLE}:
                raise
            await self._give_up(asked, failure.detail)
            return
        await self._journal.posted(asked.message, asked.channel, ts)

    async def _give_up(self, asked: Approval, detail: str) -> None:
        """Nobody can answer what lies nowhere: it ends now, not when its time is over."""
        _log.warning("question.not_posted", channel=asked.channel, detail=detail)
        await self._journal.never_asked(asked.id, self._clock.now())
        facts = {"channel": asked.channel, "detail": detail}
        await first_that_works(self._to.ops(AlertContent(what="question_not_posted", facts=facts)))

    async def _without_content(self, letter: Letter, approval_id: str) -> None:
        """The account is configured no more, or what was asked about cannot be read: who asked hears the end."""
        asked = await self._journal.approval(approval_id)
        if asked is None or asked.is_taken_back or asked.state is ApprovalState.APPROVED:
            return  # what was approved has an ending of its own
        if letter.kind is Say.QUESTION and asked.state is ApprovalState.OPEN:
            await self._give_up(asked, "the account or its invoice is not known any more")
        elif letter.kind is Say.QUESTION_ENDED:
            over = replace(asked.over, facts={**asked.over.facts, "ref": str(asked.ref)})
            content = RefusalContent(refusal=over, reference=asked.id[-8:])
            await first_that_works([*self._to.direct(asked.asker.user, content), *self._to.ops(content)])

    async def _tell_asked(self, content: ApprovalContent) -> None:
        asked = content.approval
        if asked.state is ApprovalState.OPEN:  # else its end has been told, which says more
            to = asked.reply_to
            await first_that_works([*self._to.response(to, content, replace=False), *self._to.fallbacks(to, content)])

    async def _tell_ended(self, content: ApprovalContent) -> None:
        """Edits notify nobody, and who asked may be anywhere by now."""
        asked = content.approval
        if asked.is_taken_back:
            return
        direct = self._to.direct(asked.asker.user, content)
        await first_that_works([*direct, *self._to.whisper(asked.reply_to, content), *self._to.ops(content)])

    async def _remind(self, content: ApprovalContent) -> None:
        """In the thread of the question; there is nothing to remind of while that has not been posted."""
        asked = content.approval
        if not asked.is_open(self._clock.now()):
            return
        for channel, ts in (await self._journal.postings(asked.message))[:1]:
            try:
                await self._slack.announcer.post(channel, content, thread=ts)
            except SlackFailure as failure:
                if failure.why is not NotSaid.GONE:
                    raise
                await self._give_up(asked, failure.detail)
