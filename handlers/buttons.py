"""Buttons and overflow options: parse, identify, accept (one commit), acknowledge."""

from __future__ import annotations

from collections.abc import Awaitable

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.action import Action, Word
from bot.domain.content import Choice, Content
from bot.domain.errors import JournalUnavailable, UnusableValue
from bot.domain.offer import ButtonValue, Offer
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, SlackFailure
from bot.services.actions import ActionService, Pressed
from bot.services.lookup import Lookup, Reader
from bot.services.sharing import Sharing
from handlers.answers import Answers, failed
from handlers.background import Background
from handlers.modals import ReasonModals
from handlers.payloads import Body, pressed_of, trigger_of


class Buttons:
    """One method per kind of button; an overflow option goes to the method of its verb."""

    def __init__(  # noqa: PLR0913 - the composition root names each collaborator
        self,
        actions: ActionService,
        lookup: Lookup,
        sharing: Sharing,
        modals: ReasonModals,
        *,
        answers: Answers,
        background: Background,
        clock: Clock,
    ) -> None:
        self._actions = actions
        self._lookup = lookup
        self._sharing = sharing
        self._modals = modals
        self._answers = answers
        self._background = background
        self._clock = clock

    async def run_action(self, ack: AsyncAck, body: Body) -> None:
        """A button that decides at once: the refusal's answer, too, is an outbox row of the same commit."""
        await self._actions.press(pressed_of(body, self._clock.now()))
        await ack()

    async def ask_reason(self, ack: AsyncAck, body: Body) -> None:
        pressed = pressed_of(body, self._clock.now())
        asked = await self._actions.ask_reason(pressed)
        if not isinstance(asked, Refusal) and not await self._modals.open(trigger_of(body), asked, pressed):
            await self._actions.refuse(pressed, Refusal(RefusalKind.READ_FAILED, {"sentence": _NOT_OPENED}))
        await ack()

    async def check(self, ack: AsyncAck, body: Body) -> None:
        await self._actions.check_again(pressed_of(body, self._clock.now()))
        await ack()

    async def link(self, ack: AsyncAck, body: Body) -> None:
        pressed = pressed_of(body, self._clock.now())
        offer = await self._actions.may_read(pressed, Word.LINK)
        if isinstance(offer, Offer):
            self._tell(pressed, self._lookup.link_of(offer.ref))
        await ack()

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
        match verb:
            case Action.VOID | Action.UNCOLLECTIBLE:
                await self.ask_reason(ack, body)
            case Choice.LINK:
                await self.link(ack, body)
            case Choice.SHOW:
                await self.show(ack, body)
            case Choice.SHARE:
                await self.share(ack, body)
            case Choice.CHECK:
                await self.check(ack, body)
            case _:
                await self.run_action(ack, body)

    async def unknown(self, ack: AsyncAck, body: Body) -> None:
        """A button that this version does not know; without this Slack would show its own warning."""
        try:
            pressed = pressed_of(body, self._clock.now())
        except UnusableValue:
            await ack()  # an input in a dialog: Slack reports those too, nothing was decided
            return
        await self._actions.refuse(pressed, Refusal(RefusalKind.OLD_BUTTON))
        await ack()

    async def _share(self, offer: Offer, pressed: Pressed) -> None:
        try:
            await self._sharing.share(offer, pressed.reply_to.channel, pressed.actor)
        except SlackFailure as failure:
            await self._answers.tell(failed(f"Slack did not take the message ({failure.detail})."), pressed.reply_to)
        except JournalUnavailable:
            await self._answers.tell(failed("My database does not answer; the card may not be shared."), pressed.reply_to)

    def _tell(self, pressed: Pressed, reading: Awaitable[Content]) -> None:
        self._background.start(self._answers.read_and_tell(reading, pressed.reply_to))


_NOT_OPENED = "Slack did not open the dialog. Nothing happened; please try again."


def _verb(value: str) -> str:
    try:
        return ButtonValue.parse(value).verb
    except UnusableValue:
        return ""
