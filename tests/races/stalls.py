"""A real `recoup run`, stopped with SIGSTOP in the middle of a decision, past its lease; another bot takes over; SIGCONT.

What it was about to send is not sent, and what it was about to write is not written. The moments are caught from outside:
by what reaches the provider, and, for the moment between the record of the attempt and the send, by a slow line to
PostgreSQL, on which the commit is done before its answer arrives.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.app import assembled
from bot.domain.action import STAR, ActionState
from bot.domain.policy import Role, Rule
from bot.sandbox.providers.lago import FakeLago
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.wire import WireReply, WireRequest, serve
from bot.settings import AccountConfiguration, Configuration, SlackConfiguration
from bot.storage.engine import database_url
from tests import postgres
from tests.outage.postgres_line import through
from tests.outage.proxy import FaultProxy
from tests.outage.proxy import opened as opened_proxy
from tests.races.arena import FIN, MAYA
from tests.races.contests import Tally
from tests.races.rival import ShiftedClock
from tests.replicas.replica import Replica, environment
from tests.replicas.waiting import until

_SLOW_LINE = 0.3
"""Seconds that each answer of PostgreSQL takes where the moment after a commit is wanted."""
_PATIENCE = 300.0
_TOML = """
[roles.lead]
users = ["U0MAYA"]

[[allow]]
role = "lead"
actions = ["*"]
"""
_GOES_ON = ("action.lease_lost", "action.not_recorded", "action.ended", "action.open")
"""What its log says when it is through with a decision, one way or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """When the process stops, and what its successor has to come to: `sends` and `charges` are everybody's."""

    name: str
    moment: str
    at_lago: bool = False
    magic: str = "paid"
    sends: int = 1
    charges: int = 1
    state: ActionState = ActionState.SUCCEEDED

    @property
    def has_sent(self) -> bool:
        return self.moment in {"during the send", "before the record"}

    @property
    def needs_real_time(self) -> bool:
        """Between its record and its send, the process goes by its own clocks alone: they must really have moved on."""
        return self.moment == "before the send"


STALLS = (
    Stall(name="stopped before it began", moment="before the attempt"),
    Stall(name="stopped before it began, no keys", moment="before the attempt", at_lago=True),
    Stall(name="stopped before its send", moment="before the send"),
    Stall(
        name="stopped before its send, no keys",
        moment="before the send",
        at_lago=True,
        sends=0,
        charges=0,
        state=ActionState.NOT_APPLIED,
    ),
    Stall(name="stopped during its send", moment="during the send"),
    Stall(name="stopped during its send, no keys", moment="during the send", at_lago=True),
    Stall(
        name="stopped before it recorded",
        moment="before the record",
        magic="insufficient_funds",
        charges=0,
        state=ActionState.DECLINED,
    ),
)


@dataclass(slots=True)
class Tripwire:
    """In front of the fake provider: stops the process when the awaited request comes, before that is answered."""

    fake: FakeStripe | FakeLago
    invoice: str
    pid: int | None = None
    moment: str = ""
    has_tripped: bool = False
    is_read: bool = False
    sends: int = 0

    def respond(self, request: WireRequest) -> WireReply:
        reply = self.fake.respond(request)
        if self.invoice in request.path:
            is_send = request.method == "POST"
            self.sends += is_send
            self.is_read = True
            if self._is_awaited(is_send) and self.pid is not None:
                os.kill(self.pid, signal.SIGSTOP)
                self.pid = None
                self.has_tripped = True
        return reply

    def _is_awaited(self, is_send: bool) -> bool:
        match self.moment:
            case "before the attempt":
                return not is_send
            case "during the send":
                return is_send
            case "before the record":
                return not is_send and self.sends > 0
            case _:
                return False

    @property
    def charges(self) -> int:
        return sum(charge.result.value == "paid" for charge in self.fake.charges)


@dataclass(slots=True, kw_only=True)
class Scene:
    """One process to be stopped, and the outside that it shares with its successor."""

    stall: Stall
    wire: Tripwire
    slack: LocalSlack
    line: FaultProxy
    database: str
    configuration: Configuration
    zombie: Replica
    press: asyncio.Task[None] | None = None
    action: object = None

    async def is_stopped(self) -> None:
        """Maya types; the process stops at its moment."""
        if self.stall.moment != "before the send":
            self.wire.moment, self.wire.pid = self.stall.moment, self.zombie.pid
        account = self.wire.fake.slug
        # It may stop before it has answered Slack: it works as soon as the press is written down.
        self.press = asyncio.create_task(self._typed(f"retry {account}:{self.wire.invoice}"))
        if self.stall.moment == "before the send":
            assert await until(self._is_read, _PATIENCE, every=0.002), self.zombie.log
            self.line.down.latency = _SLOW_LINE
            assert await until(self._has_begun, _PATIENCE, every=0.01), self.zombie.log
            os.kill(self.zombie.pid, signal.SIGSTOP)
            self.line.down.latency = 0.0
        else:
            assert await until(self._has_tripped, _PATIENCE), self.zombie.log
        # The one in its hands: a command that was typed again, the first one having been too slow, is another one.
        self.action = await self._ask("SELECT id FROM action WHERE lease_owner IS NOT NULL ORDER BY seq LIMIT 1")
        assert self.action is not None, await self.books()

    async def _typed(self, text: str) -> None:
        """Until it is taken: on a busy machine the commit may come too late, and Slack tells the person to try again."""
        for _ in range(20):
            if (await self.slack.command(MAYA, FIN, text)).status == 200:
                return

    async def lease_ends(self, *, really: bool) -> None:
        """By waiting for it, or by moving it in the database."""
        if not really:
            await self._ask("UPDATE action SET lease_until = 0 WHERE lease_owner IS NOT NULL RETURNING 1")
        assert await until(self._is_free, _PATIENCE, every=0.5), await self.books()

    async def successor_ends_it(self) -> None:
        """Another bot works until the decision has ended; its clock jumps over what it would wait for."""
        clock = ShiftedClock()
        deadline = time.monotonic() + _PATIENCE
        async with assembled(self.configuration, clock) as bot:
            while (await bot.storage.journal.open_actions()) and time.monotonic() < deadline:
                if not await bot.worker.step() and (due := await bot.storage.journal.next_due()) is not None:
                    clock.ahead += max(due - clock.now(), timedelta()) + timedelta(milliseconds=10)

    async def goes_on(self) -> None:
        """SIGCONT; until it has said in its log what became of its decision."""
        before = self._words()
        os.kill(self.zombie.pid, signal.SIGCONT)

        async def has_spoken() -> bool:
            return self._words() > before

        assert await until(has_spoken, _PATIENCE), self.zombie.log
        if self.press is not None:
            await self.press
        await asyncio.sleep(1.0)  # for what it should not do

    async def books(self) -> str:
        """Everything that a worker writes about decisions."""
        rows = [
            await self._ask(f"SELECT json_agg(t ORDER BY id) FROM {table} t") for table in ("action", "attempt", "event")
        ]
        return json.dumps(rows)

    async def state(self) -> object:
        return await self._ask(f"SELECT state FROM action WHERE id = '{self.action}'")

    async def _has_begun(self) -> bool:
        return bool(await self._ask("SELECT count(*) FROM action WHERE state = 'executing'"))

    async def _is_read(self) -> bool:
        return self.wire.is_read

    async def _has_tripped(self) -> bool:
        return self.wire.has_tripped

    async def _is_free(self) -> bool:
        now = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
        return bool(await self._ask(f"SELECT lease_until < {now} FROM action WHERE id = '{self.action}'"))

    def _words(self) -> int:
        return sum(self.zombie.log.count(word) for word in _GOES_ON)

    async def _ask(self, question: str) -> object:
        engine = create_async_engine(database_url(self.database))
        try:
            async with engine.begin() as connection:
                return (await connection.execute(text(question))).scalar()
        finally:
            await engine.dispose()


async def stalls(*, really: bool, only: Callable[[Stall], bool] = lambda _: True) -> Tally:
    """Every moment, at the same time. `really` waits for the leases; without it, what needs real time is left out."""
    tally = Tally("a worker that stood still")
    wanted = [stall for stall in STALLS if only(stall) and (really or not stall.needs_real_time)]
    databases = [await asyncio.to_thread(postgres.fresh_database) for _ in wanted]
    scenes = zip(wanted, databases, strict=True)
    await asyncio.gather(*(_played(stall, database, tally, really=really) for stall, database in scenes))
    return tally


async def _played(stall: Stall, database: str, tally: Tally, *, really: bool) -> None:
    async with _opened(stall, database) as scene:
        await scene.is_stopped()
        sends_before = scene.wire.sends
        await scene.lease_ends(really=really)
        await scene.successor_ends_it()
        state, books, sends = await scene.state(), await scene.books(), scene.wire.sends
        await scene.goes_on()
        tally.counts(scene.wire.charges, str(state))
        tally.expects(stall.name, "sends before it stopped", sends_before, int(stall.has_sent))
        tally.expects(stall.name, "what the successor records", state, stall.state.value)
        tally.expects(stall.name, "sends until then", sends, stall.sends)
        tally.expects(stall.name, "sends after it went on", scene.wire.sends, stall.sends)
        tally.expects(stall.name, "charges", scene.wire.charges, stall.charges)
        tally.expects(stall.name, "the books after it went on", await scene.books(), books)


@asynccontextmanager
async def _opened(stall: Stall, database: str) -> AsyncGenerator[Scene]:
    fake = FakeLago(hosted=False) if stall.at_lago else FakeStripe()
    if isinstance(fake, FakeLago):
        fake.licence.delay = 0
    wire = Tripwire(fake, fake.add_invoice(magic=stall.magic, amount=4900, number="STALL-1"))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recoup-stalls-")))
        (folder / "recoup.toml").write_text(_TOML)
        server = await serve(wire.respond)
        stack.push_async_callback(server.close)
        slack = LocalSlack(ack_deadline=_PATIENCE)
        await slack.start()
        stack.push_async_callback(slack.close)
        line = await stack.enter_async_context(opened_proxy(FaultProxy()))
        values = {**fake.credentials(), "base_url": f"{server.url}{fake.base_path}"}
        zombie = await Replica.started(
            environment(
                folder,
                SLACK_BOT_TOKEN=slack.bot_token,
                SLACK_SIGNING_SECRET=slack.signing_secret,
                SLACK_API_URL=slack.api_url,
                RECOUP_DATABASE_URL=through(line, database),
                **{f"RECOUP_ACCOUNTS__{fake.slug}__{name}".upper(): value for name, value in values.items()},
            )
        )
        stack.push_async_callback(zombie.killed)
        slack.request_url = zombie.url
        configuration = Configuration(
            slack=SlackConfiguration(slack.bot_token, None, slack.signing_secret, slack.api_url),
            database_url=database,
            host="127.0.0.1",
            port=0,
            log_level="CRITICAL",
            command=slack.command_name,
            ops_channel=None,
            accounts=(AccountConfiguration(fake.slug, fake.slug, values),),
            digests=(),
            roles={"lead": Role("lead", frozenset({MAYA}))},
            rules=(Rule("lead", STAR),),
        )
        yield Scene(
            stall=stall, wire=wire, slack=slack, line=line, database=database, configuration=configuration, zombie=zombie
        )
