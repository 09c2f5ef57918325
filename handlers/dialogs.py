"""The dialogs: opened from the offer row alone or filled after a read; the submission is the durable press."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final, assert_never

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.action import Action, Dialog
from bot.domain.errors import UnusableValue
from bot.domain.offer import ButtonValue
from bot.domain.records import ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, SlackFailure
from bot.services.actions import ActionService, Asked, Pressed
from bot.services.questions import MethodQuestion, Question
from bot.services.verdicts import VerdictAsked
from handlers.dialog_inputs import entered
from handlers.payloads import Body, Origin, actor_of, submission_of
from handlers.slack_client import SlackCalls
from handlers.views.modals import (
    issue_modal,
    method_modal,
    payment_modal,
    reading_modal,
    reason_modal,
    refused_modal,
    verdict_modal,
)
from handlers.views.refusals import refusal_sentence

OPEN_WITHIN: Final = 2.0
NOT_OPENED: Final = "Slack did not open the dialog. Nothing happened; please try again."
_log = structlog.get_logger()


class Dialogs:
    """Opens, fills and submits. Nothing is decided before the submission is committed."""

    def __init__(self, calls: SlackCalls, actions: ActionService, clock: Clock, command: str) -> None:
        self._calls = calls
        self._actions = actions
        self._clock = clock
        self._command = command

    async def open(self, trigger_id: str, asked: Asked, pressed: Pressed) -> bool:
        """From a button: built from the offer row, no network but this one call."""
        metadata = Origin(pressed.value, asked.action, pressed.reply_to).dump()
        return await self._open(trigger_id, self._view(asked, metadata)) is not None

    async def open_verdict(self, trigger_id: str, asked: VerdictAsked, pressed: Pressed) -> bool:
        """From a button: built from the rows alone, no network but this one call."""
        metadata = Origin(pressed.value, asked.action.kind, pressed.reply_to, asked.action.id).dump()
        view = verdict_modal(asked.offer, asked.action, metadata, happened=asked.happened)
        return await self._open(trigger_id, view) is not None

    async def open_reading(self, trigger_id: str) -> str | None:
        """Where the invoice has to be read first: without inputs; answers the view's id, None where Slack did not open
        it."""
        return await self._open(trigger_id, reading_modal(""))

    async def fill(self, view_id: str, question: Question, action: Action, reply_to: ReplyTo) -> None:
        """The invoice is read: turn "reading" into the dialog."""
        asked = Asked(question.offer, action, question.facts.capabilities[action])
        await self._update(view_id, self._view(asked, _metadata(question.offer.id, action, reply_to)))

    async def fill_methods(self, view_id: str, question: MethodQuestion, reply_to: ReplyTo) -> None:
        """The customer's stored payment methods are read: let the person choose."""
        metadata = _metadata(question.offer.id, Action.RETRY, reply_to)
        await self._update(view_id, method_modal(question.offer, question.facts, question.methods, metadata))

    async def fill_refused(self, view_id: str, refusal: Refusal) -> None:
        await self._update(view_id, refused_modal(refusal_sentence(refusal, self._command)))

    async def submit(self, ack: AsyncAck, body: Body) -> None:
        """The durable press: field errors, or one commit and a closed dialog."""
        try:
            origin, actor, delivery, values = submission_of(body)
            pressed = Pressed(value=origin.value, actor=actor, reply_to=origin.reply_to, delivery=delivery)
            asked = await self._actions.submitted(pressed)
            said = entered(asked, values, self._clock.now().date()) if asked is not None else None
        except UnusableValue:
            await self.submit_old(ack, body)
            return
        if said is None:
            await self.submit_old(ack, body)
            return
        if said.errors:
            await ack(response_action="errors", errors=said.errors)
            return
        await self._actions.press(replace(pressed, reason=said.reason, method=said.method, details=said.details))
        await ack()

    def _view(self, asked: Asked, metadata: str) -> dict[str, Any]:
        offer, capability = asked.offer, asked.capability
        match asked.action.traits.dialog:
            case Dialog.ISSUE:
                return issue_modal(offer, capability, metadata)
            case Dialog.PAYMENT:
                return payment_modal(offer, capability, metadata, self._clock.now().date())
            case Dialog.REASON:
                return reason_modal(offer, asked.action, capability, metadata)
            case None:
                raise UnusableValue(f"{asked.action} asks nothing before it counts")
            case _:
                assert_never(asked.action.traits.dialog)

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


def _metadata(offer_id: str, action: Action, reply_to: ReplyTo) -> str:
    return Origin(str(ButtonValue(offer_id, action.value)), action, reply_to).dump()
