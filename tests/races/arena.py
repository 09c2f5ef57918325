"""What the rivals fight over: a fake Stripe, a local Slack with its people, one database, and what came of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from bot.domain.action import STAR, ActionState, Word
from bot.domain.digest import DigestPlan
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.domain.policy import ApprovalRule, Role, Rule
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_delivery import Answer, Courier, Delivery, signature
from bot.sandbox.slack_play import Play, Press
from bot.sandbox.slack_state import Message
from bot.sandbox.world import World
from bot.settings import AccountConfiguration, Configuration, SlackConfiguration
from bot.storage.engine import Storage, open_storage
from tests.races.rival import Deed, Done, Request, Rival, a_barrier
from tests.scenarios.reading import Pressable, Reading, rows

FIN, SUP, OPS = "C0FIN", "C0SUP", "C0OPS"
MAYA, TOM, NADIA = "U0MAYA", "U0TOM", "U0NADIA"
DIGEST = "finance"
A_DAY = timedelta(days=1)
_RULES = (
    Rule("lead", STAR | {Word.SHARE, Word.DIGEST}),
    Rule("agent", frozenset({Word.VIEW, Word.RETRY, Word.VOID})),
    Rule("clerk", frozenset({Word.VIEW, Word.RETRY, Word.APPROVE}), per_day={"EUR": Money(5000, "EUR")}),
)
_PATIENCE = 300.0
"""A busy machine is only slow."""


def configuration(slack: LocalSlack, world: World, database: str) -> Configuration:
    """Maya may do everything, Tom retry and void, Nadia retry 50 euros a day and agree to bad debts; one
    digest at nine every day."""
    accounts = tuple(
        AccountConfiguration(slug, slug, {**fake.credentials(), "base_url": world.url(slug), "requests_per_second": "500"})
        for slug, fake in world.providers.items()
    )
    return Configuration(
        slack=SlackConfiguration(slack.bot_token, None, slack.signing_secret, slack.api_url),
        database_url=database,
        host="127.0.0.1",
        port=0,
        log_level="CRITICAL",
        command=slack.command_name,
        ops_channel=OPS,
        accounts=accounts,
        digests=(DigestPlan(DIGEST, FIN, "0 9 * * *", "Europe/Berlin", tuple(world.providers), {}, True),),
        roles={name: Role(name, frozenset({user})) for name, user in (("lead", MAYA), ("agent", TOM), ("clerk", NADIA))},
        rules=_RULES,
        approvals=(ApprovalRule(frozenset({Word.UNCOLLECTIBLE}), "clerk", SUP, expires=A_DAY),),
    )


class Meeting:
    """Slack's way to the rivals: waits until so many deliveries are there, then lets all of them arrive at once, the
    first at the first rival and so on, round and round."""

    def __init__(self, rivals: Sequence[Rival], secret: str) -> None:
        self._rivals = rivals
        self._secret = secret
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self.expects = 1
        self.meets_again = True
        self.ahead: timedelta | None = None
        self.sweeps: timedelta | None = None
        self.sweeps_after = 0.0

    async def deliver(self, delivery: Delivery) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._signed(delivery), answer))
        if len(self._waiting) == self.expects:
            waiting, self._waiting = self._waiting, []
            await self._take_in(waiting)
        return await answer

    async def _take_in(self, waiting: Sequence[tuple[Request, asyncio.Future[Answer]]]) -> None:
        parts = [waiting[number :: len(self._rivals)] for number in range(len(self._rivals))]
        deeds = [
            Deed(requests=[request for request, _ in part], meets_again=self.meets_again, ahead=self.ahead)
            for part in parts
        ]
        if self.sweeps is not None:
            deeds[-1] = replace(deeds[-1], sweeps=self.sweeps, sweeps_after=self.sweeps_after)
        done = await asyncio.gather(*(rival.does(deed) for rival, deed in zip(self._rivals, deeds, strict=True)))
        for part, outcome in zip(parts, done, strict=True):
            for (_, future), (status, body) in zip(part, outcome.answers, strict=True):
                error = None if status == 200 else f"http_error {status}"
                future.set_result(Answer(status, 0, _read(body), error))

    def _signed(self, delivery: Delivery) -> Request:
        payload = delivery.payload
        body = urlencode(payload if delivery.kind == "slash_commands" else {"payload": json.dumps(payload)})
        stamp = str(int(time.time()))
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": signature(self._secret, stamp, body.encode()),
        }
        return Request(body=body, headers=headers)


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body or None


@dataclass(kw_only=True)
class Arena:
    """People press at the same moment; afterwards provider, journal and Slack are asked what happened."""

    slack: LocalSlack
    world: World
    stripe: FakeStripe
    storage: Storage
    rivals: Sequence[Rival]
    meeting: Meeting
    _bills: int = 0

    @property
    def people(self) -> Play:
        url = self.slack.page_url
        courier = Courier(lambda: self.meeting, lambda: False)
        return Play(self.slack.workspace, self.slack.views, courier, lambda token: f"{url}response/{token}")

    def bill(self, magic: str = "paid", amount: int = 4900) -> tuple[str, str]:
        """A failed invoice: its id, and its number."""
        self._bills += 1
        number = f"RACE-{self._bills:04d}"
        return self.stripe.add_invoice(magic=magic, number=number, amount=amount, decline="insufficient_funds"), number

    # what people do

    async def digest(self) -> Message:
        before = len(self.slack.messages(FIN))
        deadline = time.monotonic() + _PATIENCE
        while (await self.people.command(MAYA, FIN, self.slack.command_name, "digest now")).status != 200:
            assert time.monotonic() < deadline, "nobody takes the command"
        while not (found := [one for one in self.slack.messages(FIN)[before:] if "failed invoice" in one.text]):
            assert time.monotonic() < deadline, "the digest is not posted"
            await asyncio.sleep(0.5)  # Slack was too slow for it, and it is tried again
            await self.all_do(Deed())
        return found[0]

    async def appeared(self, channel: str, before: int) -> Message:
        """The message after so many, once it is there."""
        deadline = time.monotonic() + _PATIENCE
        while len(self.slack.messages(channel)) <= before:
            assert time.monotonic() < deadline, f"nothing is posted in {channel}"
            await asyncio.sleep(0.2)
            await self.all_do(Deed())
        return self.slack.messages(channel)[before]

    def row(self, message: Message, number: str) -> Reading:
        current = self.slack.workspace.find(message.channel, message.ts) or message
        (found,) = [part for part in rows(current.blocks) if number in part.text]
        return found

    async def push(self, user: str, button: Pressable, message: Message) -> Answer:
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

    async def at_once(self, *doings: Coroutine[Any, Any, Answer], meets_again: bool) -> list[Answer]:
        """All of these, arriving at the same moment."""
        self.meeting.expects, self.meeting.meets_again = len(doings), meets_again
        try:
            return list(await asyncio.gather(*doings))
        finally:
            self.meeting.expects, self.meeting.meets_again = 1, True

    async def all_do(self, deed: Deed) -> list[Done]:
        return list(await asyncio.gather(*(rival.does(deed) for rival in self.rivals)))

    # what came of it

    def sends(self, invoice: str) -> list[str]:
        """Every request that could have changed the invoice, by its verb."""
        posts = [one.path for one in self.stripe.requests if one.method == "POST" and f"/{invoice}/" in one.path]
        return [path.rsplit("/", 1)[-1] for path in posts]

    def charges(self, invoice: str) -> int:
        return sum(charge.invoice == invoice and charge.result.value == "paid" for charge in self.stripe.charges)

    async def recorded(self, invoice: str) -> tuple[list[tuple[str, ActionState]], list[str]]:
        """(kind, state) of the decisions about an invoice, and the kinds of its events."""
        actions, events = await self.storage.journal.history(InvoiceRef("stripe", invoice))
        return [(one.kind.value, one.state) for one in actions], [one.kind for one in events]


@asynccontextmanager
async def opened(database: str, processes: int) -> AsyncGenerator[Arena]:
    """`processes` bots on one migrated database, started at the same moment."""
    stripe = FakeStripe()
    world, slack = World([stripe]), LocalSlack()
    await world.start()
    await slack.start()
    barrier = a_barrier(processes)
    rivals = [Rival(configuration(slack, world, database), barrier) for _ in range(processes)]
    try:
        refused = await asyncio.gather(*(rival.open() for rival in rivals))
        assert refused == [None] * processes, refused
        async with open_storage(database, read_only=True) as storage:
            meeting = Meeting(rivals, slack.signing_secret)
            yield Arena(slack=slack, world=world, stripe=stripe, storage=storage, rivals=rivals, meeting=meeting)
    finally:
        await asyncio.gather(*(rival.close() for rival in rivals))
        await slack.close()
        await world.stop()
