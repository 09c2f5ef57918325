"""The whole bot on a stage: a local Slack and a fake Stripe around it, and people who read and press what is visible."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, Unpack

from bot.domain.action import STAR, Word
from bot.domain.digest import DigestPlan
from bot.domain.money import Money
from bot.domain.policy import ApprovalRule, Role, Rule
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.providers.stripe_books import Charge, Wish
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_delivery import Answer
from bot.sandbox.slack_state import Message
from bot.sandbox.world import FakeProvider, World
from bot.services.audit import verify
from bot.settings import AccountConfiguration, Configuration, SlackConfiguration
from bot.storage.engine import open_storage
from bot.trial import running
from tests.log_scanner import findings
from tests.scenarios.reading import Pressable, Reading, read, rows

FIN, SUP, OPS = "C0FIN", "C0SUP", "C0OPS"
MAYA, TOM, GUS, NADIA, OLGA = "U0MAYA", "U0TOM", "U0GUS", "U0NADIA", "U0OLGA"
"""The finance lead, a support agent, a guest, somebody without a role, somebody of another workspace."""

RETRY, LINK, SHOW, SHARE, CHECK = "Retry payment", "Payment link", "Show invoice", "Share here", "Check again"
VOID, UNCOLLECTIBLE = "Void invoice", "Mark uncollectible"

A_MINUTE = timedelta(minutes=1)
MORE_THAN_AN_HOUR = timedelta(minutes=61)
PATIENCE = 20.0
_LOOK_AFTER = 0.04
PEOPLES_OWN_WORDS = frozenset({"reason", "note", "why", "payment_reference"})
"""Facts of audit events that a person has written."""
T = TypeVar("T")
Fakes = Sequence[FakeProvider]


def money(amount: str) -> dict[str, Money]:
    """The same limit in the two currencies of the tests."""
    return {currency: Money.from_major(amount, currency) for currency in ("EUR", "USD")}


LEAD = Role("lead", frozenset({MAYA}))
AGENT = Role("agent", usergroups=frozenset({"S0SUPPORT"}))
LEAD_RULE = Rule("lead", STAR | {Word.SHARE, Word.DIGEST})
AGENT_RULE = Rule("agent", frozenset({Word.VIEW, Word.RETRY, Word.LINK}), up_to=money("500"))


@dataclass(frozen=True, kw_only=True)
class House:
    """What a team writes into its configuration. Usually: Maya may do everything, Tom's group small retries and links."""

    roles: Iterable[Role] = (LEAD, AGENT)
    rules: tuple[Rule, ...] = (LEAD_RULE, AGENT_RULE)
    approvals: tuple[ApprovalRule, ...] = ()
    ops_channel: str | None = OPS
    over_socket: bool = False

    def configuration(self, slack: LocalSlack, world: World, database: str) -> Configuration:
        accounts = tuple(_account(slug, world) for slug in world.providers)
        return Configuration(
            slack=SlackConfiguration(
                bot_token=slack.bot_token,
                app_token=slack.app_token if self.over_socket else None,
                signing_secret=None if self.over_socket else slack.signing_secret,
                api_url=slack.api_url,
            ),
            database_url=database,
            host="127.0.0.1",
            port=0,
            log_level="ERROR",
            command=slack.command_name,
            ops_channel=self.ops_channel,
            accounts=accounts,
            digests=(DigestPlan("finance", FIN, "0 9 * * mon-fri", "Europe/Berlin", tuple(world.providers), {}, True),),
            roles={role.name: role for role in self.roles},
            rules=self.rules,
            approvals=self.approvals,
        )


def _account(slug: str, world: World) -> AccountConfiguration:
    """An account by the name of its fake; what stands before a dash is the provider."""
    values = {**world.providers[slug].credentials(), "base_url": world.url(slug), "requests_per_second": "500"}
    return AccountConfiguration(slug, slug.partition("-")[0], values)


@dataclass
class ShiftedClock:
    """The bot's clock: the real one, moved by hand."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def seconds(self) -> float:
        return time.time() + self.ahead.total_seconds()


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice of a test, by the names that people use."""

    id: str
    number: str

    @property
    def ref(self) -> str:
        return f"stripe:{self.id}"


@dataclass(kw_only=True)
class Stage:
    """What people do and see, and what the provider saw."""

    slack: LocalSlack
    world: World
    stripe: FakeStripe
    clock: ShiftedClock
    configuration: Configuration
    port: int = field(default=0, init=False)
    _bot: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _bills: int = field(default=0, init=False)

    # the bot

    async def start(self) -> None:
        self.port = await self._bot.enter_async_context(running(self.configuration, self.clock))
        slack = self.configuration.slack
        if slack is not None and not slack.socket_mode:
            self.slack.request_url = f"http://127.0.0.1:{self.port}/slack/events"

    async def stop(self) -> None:
        """As on SIGTERM: until the bot has drained and is gone."""
        await self._bot.aclose()

    async def restart(self, later: timedelta = timedelta(0)) -> None:
        """Stop, and start again after some time on everybody's clock but Slack's."""
        await self.stop()
        self.clock.ahead += later
        await self.start()

    # the provider's side

    def bill(self, magic: str = "paid", /, **wish: Unpack[Wish]) -> Bill:
        """A failed invoice of 49.00 EUR that was declined softly a while ago, unless told otherwise."""
        self._bills += 1
        number = f"EX-{self._bills:04d}"
        whole: Wish = {"magic": magic, "number": number, "decline": "insufficient_funds", "name": "Acme GmbH"}
        whole.update(wish)
        return Bill(self.stripe.add_invoice(**whole), whole["number"] or number)

    def charges(self, bill: Bill) -> list[Charge]:
        return [charge for charge in self.stripe.charges if charge.invoice == bill.id]

    def collected(self, bill: Bill) -> int:
        return self.stripe.collected(bill.id)

    def status(self, bill: Bill) -> str:
        return self.stripe.invoices[bill.id].status

    def sends(self, bill: Bill) -> list[str]:
        """Every request that could have changed the invoice, by its verb."""
        posts = [seen.path for seen in self.stripe.requests if seen.method == "POST" and f"/{bill.id}/" in seen.path]
        return [path.rsplit("/", 1)[-1] for path in posts]

    async def disturb(self, name: str, **args: object) -> None:
        await self.world.control(name, args)

    # waiting

    async def eventually(self, look: Callable[[], T | None], what: str = "it", within: float = PATIENCE) -> T:
        """What `look` answers, as soon as that is something."""
        deadline = time.monotonic() + within
        while not (found := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not happen within {within} s; Slack shows:\n{self.everything()}")
            await self.slack.workspace.next_change(self.slack.workspace.version, _LOOK_AFTER)
        return found

    # what people see

    def digests(self, channel: str = FIN) -> list[Message]:
        return [message for message in self.slack.messages(channel) if "failed invoice" in message.text]

    def row(self, bill: Bill, message: Message) -> Reading:
        found = [part for part in rows(message.blocks) if bill.number in part.text]
        assert len(found) == 1, f"{len(found)} rows show {bill.number}"
        return found[0]

    def private(self, user: str) -> list[Message]:
        """What only this person sees: ephemeral messages and direct ones."""
        return sorted([*self.slack.ephemerals(user), *self.slack.directs(user)], key=lambda one: float(one.ts))

    def everything(self) -> str:
        places = [self.slack.messages(channel) for channel in (FIN, SUP, OPS)]
        people = [self.private(user) for user in (MAYA, TOM, GUS, NADIA)]
        return "\n---\n".join(read(m.blocks, m.text).text for some in [*places, *people] for m in some)

    # what people do

    async def command(self, user: str, text: str, channel: str = FIN) -> Answer:
        return await self.slack.command(user, channel, text)

    async def digest(self, user: str = MAYA, channel: str = FIN) -> Message:
        """Somebody calls up the digest; answers it once it is posted."""
        before = len(self.digests(channel))
        answer = await self.command(user, "digest now", channel)
        assert answer.ok, answer
        found = await self.eventually(lambda: self.digests(channel)[before:], "the digest")
        return found[0]

    async def press(self, user: str, label: str, bill: Bill, message: Message) -> Answer:
        """Press what a row or card offers for this invoice, by its visible label."""
        return await self.push(user, self.row(bill, message).button(label), message)

    async def push(self, user: str, button: Pressable, message: Message) -> Answer:
        return await self.slack.press(
            user,
            message.channel,
            message.ts,
            action_id=button.action_id,
            block_id=button.block_id,
            value=button.value,
        )

    # what comes of it

    async def row_says(self, bill: Bill, message: Message, *words: str, within: float = PATIENCE) -> Reading:
        def look() -> Reading | None:
            row = self.row(bill, message)
            return row if row.says(*words) else None

        return await self.eventually(look, f"the row of {bill.number} saying {words}", within)

    async def told(self, user: str, *words: str, within: float = PATIENCE) -> Reading:
        """A private message to this person that says all of `words`."""
        await self.eventually(lambda: self.private_saying(user, *words), f"telling {user} {words}", within)
        message = self.private_saying(user, *words)[-1]
        return read(message.blocks, message.text)

    async def card(self, user: str, bill: Bill, channel: str = FIN) -> Message:
        """The newest private card that `show` gives this person."""
        before = len(self.private(user))
        await self.command(user, f"show {bill.ref}", channel)
        return (await self.eventually(lambda: self.private(user)[before:], "the card"))[0]

    def private_saying(self, user: str, *words: str) -> list[Message]:
        return [one for one in self.private(user) if read(one.blocks, one.text).says(*words)]

    def versions(self, bill: Bill) -> list[str]:
        """Everything that was ever said to all about this invoice."""
        posts = [c for c in self.slack.calls if c.method in {"chat.postMessage", "chat.update"}]
        said = [rows(call.params.get("blocks") or []) for call in posts]
        return [part.text for parts in said for part in parts if bill.number in part.text or bill.id in part.text]

    async def nudge(self) -> None:
        """Give the bot something else to do, so that it looks at what has fallen due by the moved clock."""
        spare = self.bill()
        await self.command(MAYA, f"retry {spare.ref}")
        await self.told(MAYA, spare.number, "Paid")

    async def settled(self) -> None:
        """Until nothing is under way any more: no send at the provider, no message to Slack for a moment."""
        quiet, seen = 0, (-1, -1)
        while quiet < 8:
            now = (len(self.slack.calls), len(self.stripe.requests))
            quiet = quiet + 1 if now == seen else 0
            seen = now
            await asyncio.sleep(0.015)

    def objections(self) -> list[str]:
        """What Slack did not like about what the bot sent."""
        mine = ("chat.", "views.", "response_url")
        return [f"{c.method}: {c.answer}" for c in self.slack.calls if c.method.startswith(mine) and c.answer != "ok"]


@asynccontextmanager
async def opened(
    database: Path | str, house: House | None = None, *, beside: Callable[[Callable[[], float]], Fakes] = lambda _: ()
) -> AsyncGenerator[Stage]:
    """Slack, Stripe and the bot between them. `database` is a SQLite file, or the URL of a database; `beside` makes more
    providers, by the clock that it is given."""
    house = house or House()
    clock = ShiftedClock()
    stripe = FakeStripe(clock.seconds)
    world = World([stripe, *beside(clock.seconds)])
    await world.start()
    slack = LocalSlack(world=world, ack_deadline=15.0)  # a busy machine is not a slow bot
    await slack.start()
    url = database if isinstance(database, str) else f"sqlite+aiosqlite:///{database}"
    configuration = house.configuration(slack, world, url)
    stage = Stage(slack=slack, world=world, stripe=stripe, clock=clock, configuration=configuration)
    try:
        await stage.start()
        yield stage
    finally:
        await world.stop()  # first, so that nothing waits for an answer that hangs
        await stage.stop()
        await slack.close()
    await _trail_is_clean(url)


async def _trail_is_clean(url: str) -> None:
    """Nothing can be taken out of the audit trail again, so nothing personal may ever get in; and its seals fit."""
    async with open_storage(url, read_only=True) as storage:
        last: int | None = None
        while page := await storage.audit.events(last, None, 500):
            for event in page:
                told = [value for fact, value in event.told().items() if fact not in PEOPLES_OWN_WORDS]
                found = findings(" ".join([event.kind, event.actor or "", event.invoice or "", *told]))
                assert not set(found) - {"the number of an invoice"}, f"{event.kind} tells {found}"
            last = page[-1].id
        assert (await verify(storage.audit)).problem is None
