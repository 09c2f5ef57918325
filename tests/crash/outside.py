"""What outlives the killed process: a fake provider, the local Slack and the people in it, and the mother of processes."""

from __future__ import annotations

import asyncio
import copy
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_delivery import Answer, Courier, Delivery, signature
from bot.sandbox.slack_play import Play
from bot.sandbox.slack_state import Json, Message
from bot.sandbox.world import World
from tests.crash.books import Moment
from tests.crash.child import CHANNEL, Order, Report, Request
from tests.crash.databases import Database, Kept
from tests.crash.fakes import Fake, Now

ROOT = Path(__file__).parents[2]
KILLED = -9
_ORDER_SECONDS = 150.0
_BRIEF, _LONG = 0.7, 80.0
"""Seconds that an answer is waited for: where none will come, and in earnest."""


class Mother:
    """A process that forks one child per order; one child at a time."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process = process
        self._errors = errors

    @classmethod
    async def born(cls, errors: Path) -> Mother:
        with errors.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.crash.child",
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        return cls(process, errors)

    async def bear(self, order: Order) -> int:
        """The exit status of the child that carried out the order, -9 where it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order.dump().encode() + b"\n")
        async with asyncio.timeout(_ORDER_SECONDS):
            line = await self._process.stdout.readline()
        return int(json.loads(line)["ended"])

    def last_words(self) -> str:
        """The end of what its children wrote to standard error."""
        return self._errors.read_text(errors="replace")[-2000:]

    async def die(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(2.0):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class WorldClock:
    """The time of the world outside: as far ahead as the newest life has come with its own clock."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._report: Path | None = None
        self._size = 0

    def __call__(self) -> float:
        """Epoch seconds."""
        if self._report is not None and self._report.exists() and (size := self._report.stat().st_size) != self._size:
            self._size = size
            self.offset = float(str(Report.read(self._report).get("offset", self.offset)))
        return time.time() + self.offset

    def follow(self, report: Path) -> None:
        """The life that begins now writes down there how far it jumps."""
        self._report, self._size = report, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The world at the moment before the first life, to be set up again for every death.

    `fake` makes the provider anew: a deep copy of it would keep lambdas that read the books of the original.
    """

    fake: Callable[[Now], Fake]
    messages: tuple[Message, ...]
    kept: Kept
    view: Json | None = None
    slack_url: str = ""
    cron: str
    offset: float = 0.0


@dataclass(kw_only=True)
class Life:
    """How one life ended: `ended` is its exit status, `status` what it answered to Slack, if it came to that; `points` and
    `marks` are how often it was resumed, and at which of these something had just got out, if it lived to tell."""

    ended: int
    status: int | None
    points: int
    marks: Sequence[int]

    @property
    def acknowledged(self) -> bool:
        return self.status == 200


@dataclass(kw_only=True)
class Outside:
    """Fresh servers around one database, and the lives lived in it. The flags are for the next."""

    fake: Fake
    world: World
    slack: LocalSlack
    folder: Path
    database: Database
    mother: Mother | None
    cron: str
    clock: WorldClock
    kill_at: int | None = None
    scans: bool = False
    rehearses: bool = False
    from_start: bool = False
    lives: list[Life] = field(default_factory=list)
    deliveries: int = 0
    """How often somebody pressed or typed: again, where Slack got no answer."""

    @property
    def acknowledged(self) -> bool:
        """Whether Slack has its answer, from one life or another."""
        return any(life.acknowledged for life in self.lives)

    @property
    def people(self) -> Play:
        """What a person does here becomes the first thing that the next life meets."""
        url = self.slack.page_url
        return Play(
            self.slack.workspace,
            self.slack.views,
            Courier(lambda: self, lambda: False),
            lambda token: f"{url}response/{token}",
        )

    @property
    def posted(self) -> list[Message]:
        """Every message of every place, private ones too, oldest first."""
        every = [message for place in self.slack.workspace.channels.values() for message in place.messages]
        return sorted(every, key=lambda message: float(message.ts))

    async def deliver(self, delivery: Delivery) -> Answer:
        """Slack's way to the bot: a signed request, which wakes a new life."""
        began = time.perf_counter()
        self.deliveries += 1
        life = await self.live(request=_signed(delivery, self.slack.signing_secret))
        ms = round((time.perf_counter() - began) * 1000)
        return Answer(life.status, ms, error=None if life.acknowledged else "dispatch_failed")

    async def live(self, *, request: Request | None = None, fires: bool = False, scans: bool = False) -> Life:
        assert self.mother is not None
        order = replace(
            self.order(),
            request=request,
            fires=fires,
            scans=scans or self.scans,
            kill_at=self.kill_at,
            rehearses=self.rehearses,
            from_start=self.from_start,
        )
        report = Path(order.report)
        self.clock.follow(report)
        ended = await self.mother.bear(order)
        facts = Report.read(report)
        self.clock()
        life = Life(
            ended=ended, status=_whole(facts.get("status")), points=_whole(facts.get("points")) or 0, marks=_marks(facts)
        )
        self.lives.append(life)
        return life

    def order(self) -> Order:
        """For a life that starts here and now, and to which nothing happens."""
        return Order(
            database=self.database.url,
            slack_api=self.slack.api_url,
            bot_token=self.slack.bot_token,
            signing_secret=self.slack.signing_secret,
            provider=self.fake.slug,
            credentials={**self.fake.credentials(), "base_url": self.world.url(self.fake.slug)},
            report=str(self.folder / f"report-{len(self.lives)}"),
            cron=self.cron,
            offset=self.clock.offset,
            patience=_BRIEF if self.fake.wire.mishap.hangs else _LONG,
        )

    async def moment(self) -> Moment:
        return Moment(await self.database.read(), self.posted)

    async def wait_for_leases(self) -> None:
        """Until what the dead held is free again."""
        self.clock.offset += await self.database.pass_leases()


@asynccontextmanager
async def opened(
    fake: Fake, folder: Path, database: Database, mother: Mother | None, cron: str, clock: WorldClock
) -> AsyncGenerator[Outside]:
    """An empty Slack, and a provider that already has what it has; `folder` is there, for reports."""
    world = World([fake])
    slack = LocalSlack()
    await world.start()
    await slack.start()
    try:
        yield Outside(
            fake=fake, world=world, slack=slack, folder=folder, database=database, mother=mother, cron=cron, clock=clock
        )
    finally:
        await slack.close()
        await world.stop()


@asynccontextmanager
async def restored(stage: Stage, folder: Path, database: Database, mother: Mother) -> AsyncGenerator[Outside]:
    """The world as it was on the stage."""
    clock = WorldClock(stage.offset)
    async with opened(stage.fake(clock), folder, database, mother, stage.cron, clock) as outside:
        await database.restore(stage.kept)
        outside.slack.workspace.channels[CHANNEL].messages = copy.deepcopy(list(stage.messages))
        if stage.view is not None:
            # The dialog remembers where its button was pressed; that address has another port now.
            text = json.dumps(stage.view).replace(stage.slack_url, outside.slack.page_url)
            trigger = outside.slack.workspace.new_trigger("U0MAYA")
            outside.slack.views.open(trigger, json.loads(text))
        yield outside


def _signed(delivery: Delivery, secret: str) -> Request:
    payload = delivery.payload
    body = urlencode(payload if delivery.kind == "slash_commands" else {"payload": json.dumps(payload)})
    stamp = str(int(time.time()))
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(secret, stamp, body.encode()),
    }
    return Request(body=body, headers=headers)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _marks(facts: dict[str, object]) -> Sequence[int]:
    found = facts.get("marks")
    return [int(one) for one in found] if isinstance(found, list) else []
