"""The second person's two buttons: parse, identify, one commit, acknowledge; what is said is in that commit, too."""

from __future__ import annotations

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.ports import Clock
from bot.services.approvals import ApprovalService
from handlers.payloads import Body, pressed_of


class Approvals:
    """One method for both buttons: the value says which it was."""

    def __init__(self, approvals: ApprovalService, clock: Clock) -> None:
        self._approvals = approvals
        self._clock = clock

    async def answer(self, ack: AsyncAck, body: Body) -> None:
        await self._approvals.reply(pressed_of(body, self._clock.now()))
        await ack()
