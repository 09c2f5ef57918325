"""A second person's word: the dialog that asks what they saw, and its submission."""

from __future__ import annotations

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.content import Choice
from bot.domain.offer import ButtonValue
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock
from bot.services.actions import ActionService, Pressed
from bot.services.verdicts import Told, Verdicts
from handlers import ids
from handlers.dialog_inputs import note
from handlers.dialogs import NOT_OPENED, Dialogs
from handlers.payloads import Body, pressed_of, submission_of, trigger_of


class VerdictListeners:
    """Opening the dialog decides nothing; its submission is the durable word."""

    def __init__(self, verdicts: Verdicts, actions: ActionService, dialogs: Dialogs, *, clock: Clock) -> None:
        self._verdicts = verdicts
        self._actions = actions
        self._dialogs = dialogs
        self._clock = clock

    async def ask(self, ack: AsyncAck, body: Body) -> None:
        pressed = pressed_of(body, self._clock.now())
        asked = await self._verdicts.ask(pressed)
        if not isinstance(asked, Refusal) and not await self._dialogs.open_verdict(trigger_of(body), asked, pressed):
            await self._actions.refuse(pressed, Refusal(RefusalKind.READ_FAILED, {"sentence": NOT_OPENED}))
        await ack()

    async def submit(self, ack: AsyncAck, body: Body) -> None:
        """An error under the field, or one commit and a closed dialog."""
        try:
            origin, actor, delivery, values = submission_of(body)
            seen, verb = note(values), Choice(ButtonValue.parse(origin.value).verb)
        except ValueError:
            await self._dialogs.submit_old(ack, body)
            return
        if origin.about is None:
            await self._dialogs.submit_old(ack, body)
            return
        if not seen:
            await ack(response_action="errors", errors={ids.NOTE_BLOCK: "Please say what you saw at the provider."})
            return
        pressed = Pressed(value=origin.value, actor=actor, reply_to=origin.reply_to, delivery=delivery)
        await self._verdicts.give(
            Told(pressed=pressed, action_id=origin.about, happened=verb is Choice.VERIFIED, note=seen)
        )
        await ack()
