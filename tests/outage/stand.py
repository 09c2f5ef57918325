"""The whole bot with a fault proxy on each of its three lines: to the provider, to Slack, and to its database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_delivery import Answer
from bot.sandbox.world import World
from bot.settings import AccountConfiguration, Configuration
from tests.outage import books
from tests.outage.proxy import FaultProxy, Target
from tests.scenarios import stage as scenario
from tests.scenarios.stage import MAYA, Bill, House, Stage

PATIENCE = 120.0
"""Seconds; a busy machine is no outage."""
_FIRST_CHECK = timedelta(seconds=6)
_ROUNDS_TO_QUIET = 60


@dataclass(frozen=True, kw_only=True)
class ProxiedHouse(House):
    """As usual, with the provider and Slack behind proxies. `pace` is the account's requests per second."""

    provider: FaultProxy
    slack: FaultProxy
    pace: int = 500

    def configuration(self, slack: LocalSlack, world: World, database: str) -> Configuration:
        usual = super().configuration(slack, world, database)
        assert usual.slack is not None
        self.slack.target = _target(usual.slack.api_url)
        self.provider.target = _target(world.url("stripe"))
        api_url = usual.slack.api_url.replace(str(urlsplit(usual.slack.api_url).port), str(self.slack.port))
        return replace(
            usual,
            slack=replace(usual.slack, api_url=api_url),
            accounts=tuple(self._proxied(account) for account in usual.accounts),
        )

    def _proxied(self, account: AccountConfiguration) -> AccountConfiguration:
        if account.name != "stripe":
            return account
        there = {"base_url": f"http://127.0.0.1:{self.provider.port}", "requests_per_second": str(self.pace)}
        return replace(account, values={**account.values, **there})


@dataclass(kw_only=True)
class Stand:
    """A stage, its proxies, and what was pressed. `url` is the database without a proxy, for the books."""

    stage: Stage
    provider: FaultProxy
    slack: FaultProxy
    url: str
    pressed: list[books.Pressed] = field(default_factory=list)

    async def types_retry(self, bill: Bill) -> Answer:
        answer = await self.stage.command(MAYA, f"retry {bill.ref}")
        self.pressed.append(books.Pressed(bill, answer.ok))
        return answer

    async def type_retries(self, bills: Sequence[Bill], at_once: int = 16) -> None:
        gate = asyncio.Semaphore(at_once)

        async def one(bill: Bill) -> None:
            async with gate:
                await self.types_retry(bill)

        await asyncio.gather(*(one(bill) for bill in bills))

    async def charged(self, bills: Sequence[Bill], within: float = PATIENCE) -> None:
        await self.stage.eventually(lambda: all(self.stage.charges(bill) for bill in bills) or None, "charging all", within)

    async def ended(self, bills: Sequence[Bill], within: float = PATIENCE) -> None:
        """Charged, and the journal says how it ended: an hour's jump before that would find the work abandoned."""
        await self.charged(bills, within)
        for _ in range(_ROUNDS_TO_QUIET):
            if not await books.open_actions(self.url):
                return
            await self.stage.settled()
        raise AssertionError(f"{await books.open_actions(self.url)} decisions have not ended")

    async def quiet(self, *, step: timedelta = _FIRST_CHECK) -> None:
        """Until every decision has ended, by the moved clock; the bot is nudged, for it sleeps by the real one."""
        for _ in range(_ROUNDS_TO_QUIET):
            await self.stage.settled()
            if not await books.open_actions(self.url):
                return
            await self.quiet_step(step)
        await self.stage.settled()

    async def quiet_step(self, step: timedelta = _FIRST_CHECK) -> None:
        self.stage.clock.ahead += step
        spare = self.stage.bill()
        await self.stage.command(MAYA, f"retry {spare.ref}")
        await self.charged([spare])

    async def verdict(self, fault: str, rounds: int = 1) -> books.Verdict:
        return await books.judged(fault, rounds, self.stage, self.url, self.pressed)


def _target(url: str) -> Target:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@asynccontextmanager
async def standing(database: Path | str, *, through: str | None = None, pace: int = 500) -> AsyncGenerator[Stand]:
    """`database` is a SQLite file or a URL; `through` is the same by way of a proxy, which the bot gets."""
    provider, slack = FaultProxy(), FaultProxy()
    await provider.come_up()
    await slack.come_up()
    url = database if isinstance(database, str) else f"sqlite+aiosqlite:///{database}"
    try:
        async with scenario.opened(through or database, ProxiedHouse(provider=provider, slack=slack, pace=pace)) as stage:
            yield Stand(stage=stage, provider=provider, slack=slack, url=url)
    finally:
        await provider.close()
        await slack.close()
