"""Buttons and overflow options: parse, identify, accept (one commit), acknowledge."""

from __future__ import annotations

from collections.abc import Awaitable

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.action import Word
from bot.domain.content import Choice, Content, RefusalContent
from bot.domain.errors import JournalUnavailable, UnusableValue
from bot.domain.offer import ButtonValue, Offer
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, SlackFailure
from bot.services.actions import ActionService, Pressed
from bot.services.finder import Reader
from bot.services.lookup import Lookup
from bot.services.questions import Questions
from bot.services.sharing import Sharing
from handlers.answers import Answers, asked_within, failed
from handlers.background import Background
from handlers.dialogs import NOT_OPENED, Dialogs
from handlers.payloads import Body, pressed_of, trigger_of


class Buttons:
    """One method per kind of button; an overflow option goes to the method of its verb."""

    def __init__(  # noqa: PLR0913 - the composition root names each collaborator
        self,
        actions: ActionService,
        lookup: Lookup,
        sharing: Sharing,
        questions: Questions,
        dialogs: Dialogs,
        *,
        answers: Answers,
        background: Background,
        clock: Clock,
    ) -> None:
        self._actions = actions
        self._lookup = lookup
        self._sharing = sharing
        self._questions = questions
        self._dialogs = dialogs
        self._answers = answers
        self._background = background
        self._clock = clock

    async def run_action(self, ack: AsyncAck, body: Body) -> None:
        """A button that decides at once: the refusal's answer, too, is an outbox row of the same commit."""
        await self._actions.press(pressed_of(body, self._clock.now()))
        await ack()

    async def ask(self, ack: AsyncAck, body: Body) -> None:
        """A button that asks something first: a reason, a payment, how to issue. Opening the dialog decides nothing."""
        pressed = pressed_of(body, self._clock.now())
        asked = await self._actions.ask(pressed)
        if not isinstance(asked, Refusal) and not await self._dialogs.open(trigger_of(body), asked, pressed):
            await self._actions.refuse(pressed, Refusal(RefusalKind.READ_FAILED, {"sentence": NOT_OPENED}))
        await ack()

    async def retry_with(self, ack: AsyncAck, body: Body) -> None:
        """What else could be charged has to be read first, so the dialog says "reading" and a tracked task fills it."""
        pressed = pressed_of(body, self._clock.now())
        offer = await self._actions.may_read(pressed, Word.RETRY)
        if isinstance(offer, Offer):
            view_id = await self._dialogs.open_reading(trigger_of(body))
            if view_id is None:
                await self._actions.refuse(pressed, Refusal(RefusalKind.READ_FAILED, {"sentence": NOT_OPENED}))
            else:
                self._background.start(self._fill_methods(view_id, offer, pressed))
        await ack()

    async def check(self, ack: AsyncAck, body: Body) -> None:
        """A message for all is redrawn after the check; a private card is told anew at once, or nothing would be seen."""
        pressed = pressed_of(body, self._clock.now())
        asked = await self._actions.check_again(pressed)
        if pressed.reply_to.is_ephemeral and asked is not None and not isinstance(asked, Refusal) and asked.ref is not None:
            reader = Reader(pressed.actor, pressed.reply_to.channel)
            self._tell(pressed, self._lookup.show(reader, str(asked.ref)))
        await ack()

    async def link(self, ack: AsyncAck, body: Body) -> None:
        await self._give(ack, body, Word.LINK)

    async def pdf(self, ack: AsyncAck, body: Body) -> None:
        await self._give(ack, body, Word.PDF)

    async def show(self, ack: AsyncAck, body: Body) -> None:
        pressed = pressed_of(body, self._clock.now())
        offer = await self._actions.may_read(pressed, Word.VIEW)
        if isinstance(offer, Offer):
            self._tell(pressed, self._lookup.show_offer(Reader(pressed.actor, pressed.reply_to.channel), offer))
        await ack()

    async def share(self, ack: AsyncAck, body: Body) -> None:
        """Posts the private card into the channel: a message of its own, with offers of its own."""
        pressed = pressed_of(body, self._clock.now())
        offer = await self._actions.may_read(pressed, Word.SHARE)
        if isinstance(offer, Offer):
            self._background.start(self._share(offer, pressed))
        await ack()

    async def more(self, ack: AsyncAck, body: Body) -> None:
        """An overflow option carries the same value as a button would."""
        verb = _verb(pressed_of(body, self._clock.now()).value)
        listener = (
            {
                Choice.LINK: self.link,
                Choice.PDF: self.pdf,
                Choice.SHOW: self.show,
                Choice.SHARE: self.share,
                Choice.CHECK: self.check,
                Choice.RETRY_WITH: self.retry_with,
            }.get(verb)
            if verb is not None
            else None
        )
        asks = verb is not None and verb.action is not None and verb.action.traits.dialog is not None
        await (listener or (self.ask if asks else self.run_action))(ack, body)

    async def unknown(self, ack: AsyncAck, body: Body) -> None:
        """A button that this version does not know; without this Slack would show its own warning."""
        try:
            pressed = pressed_of(body, self._clock.now())
        except UnusableValue:
            await ack()  # an input in a dialog: Slack reports those too, nothing was decided
            return
        await self._actions.refuse(pressed, Refusal(RefusalKind.OLD_BUTTON))
        await ack()

    async def _give(self, ack: AsyncAck, body: Body, word: Word) -> None:
        """A bearer URL, privately and fetched fresh."""
        pressed = pressed_of(body, self._clock.now())
        offer = await self._actions.may_read(pressed, word)
        if isinstance(offer, Offer):
            self._tell(pressed, self._lookup.link_of(offer.ref, word))
        await ack()

    async def _fill_methods(self, view_id: str, offer: Offer, pressed: Pressed) -> None:
        reader = Reader(pressed.actor, pressed.reply_to.channel)
        question = await asked_within(self._questions.ask_method(reader, str(offer.ref)))
        if isinstance(question, RefusalContent):
            await self._dialogs.fill_refused(view_id, question.refusal)
            return
        await self._dialogs.fill_methods(view_id, question, pressed.reply_to)

    async def _share(self, offer: Offer, pressed: Pressed) -> None:
        try:
            await self._sharing.share(offer, pressed.reply_to.channel, pressed.actor)
        except SlackFailure as failure:
            await self._answers.tell(failed(f"Slack did not take the message ({failure.detail})."), pressed.reply_to)
        except JournalUnavailable:
            await self._answers.tell(failed("My database does not answer; the card may not be shared."), pressed.reply_to)

    def _tell(self, pressed: Pressed, reading: Awaitable[Content]) -> None:
        self._background.start(self._answers.read_and_tell(reading, pressed.reply_to))


def _verb(value: str) -> Choice | None:
    try:
        return Choice(ButtonValue.parse(value).verb)
    except ValueError:
        return None
