"""People who do not know that there are three bots: they read the digest, press, press again, and type."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_delivery import Answer, Courier, Delivery, SignedHttp
from bot.sandbox.slack_payloads import NotThere
from bot.sandbox.slack_play import Play, Press
from bot.sandbox.slack_state import Message
from tests.replicas.replica import Replica
from tests.scenarios.reading import Pressable, rows

FIN, OPS = "C0FIN", "C0OPS"
MAYA, TOM = "U0MAYA", "U0TOM"
RETRY, VOID = "Retry payment", "Void invoice"
MAGIC = (
    "paid",
    "paid",
    "paid",
    "insufficient_funds",
    "charge_then_reset",
    "charge_then_500",
    "charge_then_cut",
    "rate_limited",
)
_REASON = {"reason_choice": {"invoice.reason_choice": "duplicate"}}
_PATIENCE = 15.0


class Balancer:
    """Gives each request to the next replica that takes any. One that cannot be reached is answered to Slack as that."""

    def __init__(self, replicas: Callable[[], Sequence[Replica]], secret: str, session: aiohttp.ClientSession) -> None:
        self._replicas = replicas
        self._secret = secret
        self._session = session
        self._turn = 0

    async def deliver(self, delivery: Delivery) -> Answer:
        ready = [replica for replica in self._replicas() if replica.takes_requests]
        if not ready:
            return Answer(None, 0, error="dispatch_failed")
        self._turn += 1
        chosen = ready[self._turn % len(ready)]
        return await SignedHttp(chosen.url, self._secret, self._session, _PATIENCE).deliver(delivery)


@dataclass(slots=True)
class Doings:
    """What people did. `acknowledged` are invoices by id, with the moment of Slack's 200."""

    presses: int = 0
    unacknowledged: int = 0
    unreached: int = 0
    """Of these, no replica could be reached: the others were too slow for Slack."""
    acknowledged: dict[str, list[float]] = field(default_factory=dict)

    def note(self, invoice: str, answer: Answer) -> bool:
        self.presses += 1
        if answer.status == 200:
            self.acknowledged.setdefault(invoice, []).append(time.time())
            return True
        self.unacknowledged += 1
        self.unreached += answer.error == "dispatch_failed"
        return False


@dataclass(kw_only=True)
class Crowd:
    """Maya and Tom, at a speed that leaves the machine some air."""

    slack: LocalSlack
    stripe: FakeStripe
    balancer: Balancer
    luck: random.Random
    doings: Doings = field(default_factory=Doings)
    bills: dict[str, str] = field(default_factory=dict)
    """Every invoice by its number."""

    @property
    def people(self) -> Play:
        url = self.slack.page_url
        courier = Courier(lambda: self.balancer, lambda: False)
        return Play(self.slack.workspace, self.slack.views, courier, lambda token: f"{url}response/{token}")

    def bill(self, magic: str | None = None) -> tuple[str, str]:
        number = f"FLEET-{len(self.bills) + 1:04d}"
        invoice = self.stripe.add_invoice(
            magic=magic or self.luck.choice(MAGIC), number=number, amount=4900, decline="insufficient_funds"
        )
        self.bills[number] = invoice
        return invoice, number

    async def live(self, beside: asyncio.Task[None]) -> None:
        """Do things for as long as `beside` lasts; raises what it raises."""
        while not beside.done():
            numbers = [self.bill()[1] for _ in range(6)]
            digest = await self._digest(beside)
            for number in numbers:
                if beside.done():
                    break
                await self._act(number, digest)
                await asyncio.sleep(self.luck.uniform(0.0, 0.2))
        await beside

    async def _act(self, number: str, digest: Message | None) -> None:
        """Retry by a button, twice at once, against a void, or typed; again, until Slack has got an answer."""
        invoice = self.bills[number]
        retry = self._button(digest, number, RETRY)
        chance = self.luck.random()
        if digest is None or retry is None or chance < 0.25:
            await self._typed(invoice)
        elif chance < 0.45:
            await asyncio.gather(self._press(MAYA, invoice, retry, digest), self._press(MAYA, invoice, retry, digest))
        elif chance < 0.7 and (void := self._button(digest, number, VOID)) is not None:
            await asyncio.gather(self._press(TOM, invoice, retry, digest), self._void(invoice, void, digest))
        else:
            await self._press(TOM, invoice, retry, digest)

    async def _typed(self, invoice: str) -> None:
        command = self.slack.command_name
        for _ in range(10):
            if self.doings.note(invoice, await self.people.command(MAYA, FIN, command, f"retry stripe:{invoice}")):
                return
            await asyncio.sleep(0.2)

    async def _press(self, user: str, invoice: str, button: Pressable, digest: Message) -> None:
        for _ in range(10):
            answer = await self._push(user, button, digest)
            if answer is None or self.doings.note(invoice, answer):
                return
            await asyncio.sleep(0.2)

    async def _void(self, invoice: str, button: Pressable, digest: Message) -> None:
        """The dialog is decided by its submission alone; one that never opened decided nothing."""
        opened = await self._push(MAYA, button, digest)
        if opened is None or opened.status != 200 or self.slack.view_of(MAYA) is None:
            return
        self.doings.note(invoice, await self.people.submit(MAYA, _REASON))
        if self.slack.view_of(MAYA) is not None:
            await self.people.close_view(MAYA, clear=True)

    async def _push(self, user: str, button: Pressable, message: Message) -> Answer | None:
        """None where the button is there no more."""
        try:
            return await self.people.press(
                Press(
                    user=user,
                    channel=message.channel,
                    ts=message.ts,
                    action_id=button.action_id,
                    block_id=button.block_id,
                    value=button.value,
                )
            )
        except NotThere:
            return None

    def _button(self, digest: Message | None, number: str, label: str) -> Pressable | None:
        if digest is None:
            return None
        for row in rows(digest.blocks):
            if number in row.text:
                return next((one for one in row.pressables if one.label == label), None)
        return None

    async def _digest(self, beside: asyncio.Task[None]) -> Message | None:
        """A new digest for all, as soon as it is there; None where it takes too long."""
        before = {message.ts for message in self.digests()}
        answer = await self.people.command(MAYA, FIN, self.slack.command_name, "digest now")
        deadline = asyncio.get_running_loop().time() + 8.0
        while answer.status == 200 and not beside.done() and asyncio.get_running_loop().time() < deadline:
            if found := [message for message in self.digests() if message.ts not in before]:
                return found[0]
            await asyncio.sleep(0.05)
        return None

    def digests(self) -> list[Message]:
        return [message for message in self.slack.messages(FIN) if "failed invoice" in message.text]
