"""Three replicas and the outside around them: PostgreSQL, a fake Stripe and a local Slack that take their time."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.world import World
from tests import postgres
from tests.outage.proxy import FaultProxy
from tests.outage.proxy import opened as opened_proxy
from tests.replicas.crowd import Balancer, Crowd
from tests.replicas.judge import Database
from tests.replicas.replica import Replica, Stopped, environment
from tests.replicas.waiting import until

SIZE = 3
_TOML = """
ops_channel = "C0OPS"

[digest.finance]
channel = "C0FIN"
cron = "* * * * *"
timezone = "Europe/Berlin"

[roles.lead]
users = ["U0MAYA"]

[roles.agent]
users = ["U0TOM"]

[[allow]]
role = "lead"
actions = ["*", "digest"]

[[allow]]
role = "agent"
actions = ["view", "retry"]
"""
"""A digest every minute, so that the schedulers of all replicas fire while replicas die."""


@dataclass(kw_only=True)
class Fleet:
    """The replicas by place; a dead one is replaced at the same place."""

    values: dict[str, str] = field(repr=False)
    database: Database
    crowd: Crowd
    luck: random.Random
    folder: Path
    replicas: list[Replica] = field(default_factory=list)
    kills: int = 0
    restarts: int = 0
    stops: list[Stopped] = field(default_factory=list)

    async def start_all(self) -> None:
        self.replicas[:] = await asyncio.gather(*(self._new() for _ in range(SIZE)))

    async def suffer(self, until: float) -> None:
        """Until that moment, and three times at least, one replica is killed or stopped, and after a while replaced."""
        loop = asyncio.get_running_loop()
        while loop.time() < until or self.restarts < 3:
            await asyncio.sleep(self.luck.uniform(0.3, 2.5))
            place = self.luck.randrange(SIZE)
            if self.restarts % 3 != 1:
                await self.replicas[place].killed()
                self.kills += 1
            else:
                self.stops.append(await self.replicas[place].stopped())
            await asyncio.sleep(self.luck.uniform(0.0, 1.0))
            self.replicas[place] = await self._new()
            self.restarts += 1

    async def roll(self) -> None:
        """A rolling restart: the new one first, then the old one is left alone and stopped."""
        for place in range(SIZE):
            new, old = await self._new(), self.replicas[place]
            self.replicas[place] = new
            self.stops.append(await old.stopped())
            self.restarts += 1

    async def die_at_work(self) -> None:
        """All are killed at the moment when one of them at least has work in its hands."""

        async def one_works() -> bool:
            return bool(await self.database.leases())

        await until(one_works, within=60.0, every=0.02)
        await self.kill_all()

    async def kill_all(self) -> None:
        await asyncio.gather(*(replica.killed() for replica in self.replicas))
        self.kills += len(self.replicas)

    async def stop_all(self) -> None:
        self.stops += await asyncio.gather(*(replica.stopped() for replica in self.replicas))

    async def _new(self) -> Replica:
        return await Replica.started(environment(self.folder, **self.values))


@asynccontextmanager
async def opened(seed: int) -> AsyncGenerator[Fleet]:
    """Everything but the replicas is running."""
    luck = random.Random(seed)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recoup-replicas-")))
        (folder / "recoup.toml").write_text(_TOML)
        url = await asyncio.to_thread(postgres.fresh_database)
        stripe = FakeStripe()
        world, slack = World([stripe]), LocalSlack(ack_deadline=15.0)  # a busy machine is not a slow bot
        await world.start()
        stack.push_async_callback(world.stop)
        await slack.start()
        stack.push_async_callback(slack.close)
        slow_stripe, slow_slack = await _slowed(stack, world.url("stripe"), 0.15), await _slowed(stack, slack.api_url, 0.05)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        database = Database(url)
        stack.push_async_callback(database.close)
        values = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": f"http://127.0.0.1:{slow_slack}/api/",
            "RECOUP_DATABASE_URL": url,
            "RECOUP_ACCOUNTS__STRIPE__API_KEY": stripe.credentials()["api_key"],
            "RECOUP_ACCOUNTS__STRIPE__BASE_URL": f"http://127.0.0.1:{slow_stripe}",
            "RECOUP_ACCOUNTS__STRIPE__REQUESTS_PER_SECOND": "200",
        }
        replicas: list[Replica] = []
        balancer = Balancer(lambda: replicas, slack.signing_secret, session)
        crowd = Crowd(slack=slack, stripe=stripe, balancer=balancer, luck=luck)
        fleet = Fleet(values=values, database=database, crowd=crowd, luck=luck, folder=folder, replicas=replicas)
        try:
            yield fleet
        finally:
            await fleet.kill_all()


async def _slowed(stack: AsyncExitStack, url: str, seconds: float) -> int:
    """The port of a proxy before that server, whose answers take so much longer: replicas then die waiting for one."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = await stack.enter_async_context(opened_proxy(FaultProxy((parts.hostname, parts.port))))
    proxy.down.latency = seconds
    return proxy.port
