"""The listeners wired as the bot wires them, over a bench; a test presses, types and submits, and sees what comes back."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.content import Content
from bot.domain.offer import ButtonValue, Offer
from bot.domain.policy import Actor
from handlers.answers import Answers
from handlers.approvals import Approvals
from handlers.background import Background
from handlers.buttons import Buttons
from handlers.commands import Commands, CommandServices
from handlers.dialogs import Dialogs
from handlers.payloads import Body
from handlers.slack_client import SlackCalls
from handlers.verdicts import VerdictListeners
from tests.builders import ANA, CHANNEL
from tests.handlers.bodies import a_command, a_press, a_submission
from tests.services.bench import Bench

Reply = dict[str, Any] | Exception


@dataclass
class FakeCalls(SlackCalls):
    """Takes every call; `replies` answers or fails the next ones."""

    replies: list[Reply] = field(default_factory=list)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self.sent.append((method, arguments))
        reply = self.replies.pop(0) if self.replies else {"ok": True, "view": {"id": "V1"}}
        if isinstance(reply, Exception):
            raise reply
        return reply


@dataclass
class Ack:
    """What was acknowledged; None until then."""

    body: dict[str, Any] | None = None

    async def __call__(self, **body: Any) -> None:
        assert self.body is None, "acknowledged twice"
        self.body = body

    @property
    def text(self) -> str:
        assert self.body is not None
        return str(self.body.get("text", ""))


class SlackSide:
    """`press`, `command` and `submit` answer with what was acknowledged; `answered` waits for what comes later."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.calls = FakeCalls()
        self.background = Background()
        answers = Answers(bench.announcer)
        self.dialogs = Dialogs(self.calls, bench.actions, bench.clock, "/invoice")
        self.approvals = Approvals(bench.approvals, bench.clock)
        self.verdicts = VerdictListeners(bench.verdicts, bench.actions, self.dialogs, clock=bench.clock)
        self.buttons = Buttons(
            bench.actions,
            bench.lookup,
            bench.sharing,
            bench.questions,
            self.dialogs,
            answers=answers,
            background=self.background,
            clock=bench.clock,
        )
        services = CommandServices(
            actions=bench.actions,
            lookup=bench.lookup,
            questions=bench.questions,
            watching=bench.watching,
            digests=bench.digests,
            rights=bench.rights,
            accounts=bench.accounts,
            freezing=bench.freezing,
        )
        self.commands = Commands(services, answers, self.dialogs, self.background, clock=bench.clock, command="/invoice")
        self._numbers = itertools.count(1)

    async def press(
        self,
        listener: Callable[[AsyncAck, Body], Awaitable[None]],
        offer: Offer | str,
        verb: str = "retry",
        actor: Actor = ANA,
        **container: Any,
    ) -> Ack:
        """Press a button whose value names the offer, or is the text given."""
        body = a_press(verb, action_ts=str(next(self._numbers)))
        value = offer if isinstance(offer, str) else str(ButtonValue(offer.id, verb))
        body["actions"][0]["value"] = value
        body["user"] = {"id": actor.user, "team_id": actor.team}
        body["container"] |= {"channel_id": CHANNEL, **container}
        return await self._listen(listener, body)

    async def command(self, text: str, actor: Actor = ANA, *, channel: str = CHANNEL) -> Ack:
        body: dict[str, Any] = dict(a_command(text))
        body |= {"user_id": actor.user, "team_id": actor.team, "channel_id": channel}
        body["trigger_id"] = f"trigger.{next(self._numbers)}"
        return await self._listen(self.commands.run, body)

    async def submit(
        self, *, metadata: str | None = None, actor: Actor = ANA, choice: str | None = "duplicate", words: str | None = None
    ) -> Ack:
        """Submit the dialog that was opened or filled last; `metadata` is what another version wrote into it."""
        carried = metadata if metadata is not None else self.view["private_metadata"]
        body = a_submission(choice=choice, words=words, metadata=carried)
        body["user"] = {"id": actor.user, "team_id": actor.team}
        return await self._listen(self.dialogs.submit, body)

    @property
    def view(self) -> dict[str, Any]:
        """The dialog as it was sent last."""
        return cast(dict[str, Any], self.calls.sent[-1][1]["view"])

    async def answered(self) -> list[Content]:
        """Everything said to anybody, after what runs in the background has ended."""
        await self.background.drain(5.0)
        return self.bench.announcer.contents()

    async def told(self) -> list[Content]:
        """Likewise, with what the outbox holds."""
        await self.background.drain(5.0)
        await self.bench.talk()
        return self.bench.announcer.contents()

    async def _listen(self, listener: Callable[[AsyncAck, Body], Awaitable[None]], body: Body) -> Ack:
        ack = Ack()
        await listener(cast(AsyncAck, ack), body)
        return ack
