"""The reason dialog: opened from the offer row alone or filled after a read; its submission is the durable press."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.domain.offer import ButtonValue
from bot.domain.records import ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, SlackFailure
from bot.services.actions import ActionService, Asked, Pressed
from bot.services.lookup import ReasonAsked
from handlers import ids
from handlers.payloads import Body, Origin, actor_of, submission_of
from handlers.slack_client import SlackCalls
from handlers.views.modals import OTHER, REASONS, reading_modal, reason_modal, refused_modal
from handlers.views.refusals import refusal_sentence

OPEN_WITHIN: Final = 2.0
_log = structlog.get_logger()


class ReasonModals:
    """Opens, fills and submits. Nothing is decided before the submission is committed."""

    def __init__(self, calls: SlackCalls, actions: ActionService, clock: Clock, command: str) -> None:
        self._calls = calls
        self._actions = actions
        self._clock = clock
        self._command = command

    async def open(self, trigger_id: str, asked: Asked, pressed: Pressed) -> bool:
        """From a button: built from the offer row, no network but this one call."""
        metadata = Origin(pressed.value, asked.action, pressed.reply_to).dump()
        return await self._open(trigger_id, reason_modal(asked.offer, asked.action, asked.capability, metadata)) is not None

    async def open_reading(self, trigger_id: str) -> str | None:
        """From a typed command: without inputs; answers the view's id, None where Slack did not open it."""
        return await self._open(trigger_id, reading_modal(""))

    async def fill(self, view_id: str, asked: ReasonAsked, action: Action, reply_to: ReplyTo) -> None:
        """The invoice is read: turn "reading" into the dialog."""
        value = str(ButtonValue(asked.offer.id, action.value))
        metadata = Origin(value, action, reply_to).dump()
        await self._update(view_id, reason_modal(asked.offer, action, asked.facts.capabilities[action], metadata))

    async def fill_refused(self, view_id: str, refusal: Refusal) -> None:
        await self._update(view_id, refused_modal(refusal_sentence(refusal, self._command)))

    async def submit(self, ack: AsyncAck, body: Body) -> None:
        """The durable press: field errors, or one commit and a closed dialog."""
        try:
            origin, actor, delivery, values = submission_of(body)
            reason, errors = _reason(origin.action, values)
        except UnusableValue:
            await self.submit_old(ack, body)
            return
        if errors:
            await ack(response_action="errors", errors=errors)
            return
        await self._actions.press(
            Pressed(value=origin.value, actor=actor, reply_to=origin.reply_to, delivery=delivery, reason=reason)
        )
        await ack()

    async def submit_old(self, ack: AsyncAck, body: Body) -> None:
        """A dialog that this version does not know: keep it open and say so, nothing was decided."""
        actor_of(body)
        sentence = refusal_sentence(Refusal(RefusalKind.OLD_BUTTON), self._command)
        await ack(response_action="update", view=refused_modal(sentence))

    async def _open(self, trigger_id: str, view: dict[str, Any]) -> str | None:
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                reply = await self._calls.call("views.open", trigger_id=trigger_id, view=view)
        except (SlackFailure, TimeoutError) as failure:
            _log.warning("modal.not_opened", detail=str(failure) or type(failure).__name__)
            return None
        return str(reply["view"]["id"]) if isinstance(reply.get("view"), dict) and "id" in reply["view"] else None

    async def _update(self, view_id: str, view: dict[str, Any]) -> None:
        try:
            await self._calls.call("views.update", view_id=view_id, view=view)
        except SlackFailure as failure:
            _log.warning("modal.not_filled", why=failure.why, detail=failure.detail)


def _reason(action: Action, values: dict[str, dict[str, Body]]) -> tuple[str | None, dict[str, str]]:
    """The reason as the history keeps it, or the errors to show under the fields."""
    try:
        option = values[ids.REASON_CHOICE_BLOCK][ids.REASON_CHOICE].get("selected_option") or {}
        choice = str(option.get("value") or "")
        text = str(values[ids.REASON_TEXT_BLOCK][ids.REASON_TEXT].get("value") or "")
    except (KeyError, AttributeError, TypeError):
        raise UnusableValue("the dialog is from another version of the bot") from None
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if choice not in REASONS[action]:
        return None, {ids.REASON_CHOICE_BLOCK: "Please choose a reason."}
    if choice == OTHER and not words:
        return None, {ids.REASON_TEXT_BLOCK: "Please say in a few words why."}
    label = REASONS[action][choice]
    if choice == OTHER:
        return words, {}
    return (f"{label}: {words}" if words else label), {}
