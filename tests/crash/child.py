"""The process that gets killed. It imports the bot once and then forks a fresh copy of itself for each order it reads.

A fork costs a hundredth of the imports, and is a process of its own all the same: killed with SIGKILL, its memory, its
connections and its locks are gone. Orders are JSON lines on standard input; each is answered with how its child ended.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slack_bolt.request.async_request import AsyncBoltRequest

from bot.app import Bot, assembled
from bot.domain.action import STAR, Word
from bot.domain.digest import DigestPlan
from bot.domain.policy import Role, Rule
from bot.settings import AccountConfiguration, Configuration, SlackConfiguration
from bot.telemetry import configure_logging
from tests.crash.killing import Countdown, WatchedLoop, counted
from tests.crash.kinds import register_kinds

LEAD, CHANNEL, OPS = "U0MAYA", "C0FIN", "C0OPS"
DIGEST = "finance"
_MOST_JUMPS = 60
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signed request of Slack's, as it stands on the wire."""

    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One life of the bot: what happens to it, when it dies (`kill_at`, None for never), and whom it talks to.

    `offset` are the seconds by which its clock is ahead; `fires` lets the digest's time come, `scans` lets it look for
    what an earlier life left undone. `report` is a file that outlives it. `rehearses` has it lived by the mother of all
    children herself: whatever is loaded or worked out at the first use is there for every child then. After `patience`
    seconds the answer to a send is given up. `from_start` counts the resumes of the start, too.
    """

    database: str
    slack_api: str
    bot_token: str
    signing_secret: str
    provider: str
    credentials: Mapping[str, str]
    report: str
    cron: str
    offset: float = 0.0
    request: Request | None = None
    fires: bool = False
    scans: bool = False
    kill_at: int | None = None
    rehearses: bool = False
    from_start: bool = False
    patience: float = 80.0

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Order:
        values = json.loads(text)
        request = values.pop("request")
        return cls(request=Request(**request) if request else None, **values)


class Report:
    """What a life tells the parent: every line is on the disk before the next step is taken."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **facts: object) -> None:
        os.write(self._file, json.dumps(facts).encode() + b"\n")
        os.fsync(self._file)

    @staticmethod
    def read(path: Path) -> dict[str, object]:
        """The newest value of every fact; a line that was not finished does not count."""
        facts: dict[str, object] = {}
        for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
            if line.endswith("\n"):
                facts |= json.loads(line)
        return facts


class ShiftedClock:
    """The time of day and a number of seconds: waiting for hours is one addition."""

    def __init__(self, offset: float, report: Report) -> None:
        self._offset = offset
        self._report = report

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._offset)

    def jump_to(self, moment: datetime) -> None:
        # Written first: the next life must not live before the last one.
        ahead = max((moment - self.now()).total_seconds() + 0.01, 0.0)
        self._report.write(offset=self._offset + ahead)
        self._offset += ahead


def configuration_of(order: Order) -> Configuration:
    """Maya may do everything; one account; one digest."""
    return Configuration(
        slack=SlackConfiguration(order.bot_token, None, order.signing_secret, order.slack_api),
        database_url=order.database,
        host="127.0.0.1",
        port=0,
        log_level="ERROR",
        command="/invoice",
        ops_channel=OPS,
        accounts=(
            AccountConfiguration(order.provider, order.provider, {**order.credentials, "requests_per_second": "500"}),
        ),
        digests=(DigestPlan(DIGEST, CHANNEL, order.cron, "Europe/Berlin", (order.provider,), {}, False),),
        roles={"lead": Role("lead", frozenset({LEAD}))},
        rules=(Rule("lead", STAR | {Word.SHARE, Word.DIGEST}),),
    )


def live(order: Order) -> None:
    """One life, from the start of the process to quiet or to death."""
    countdown = Countdown(order.kill_at)
    with asyncio.Runner(loop_factory=lambda: WatchedLoop(countdown.got_out)) as runner:
        runner.run(_lived(order, countdown))


async def _lived(order: Order, countdown: Countdown) -> None:
    report = Report(order.report)
    clock = ShiftedClock(order.offset, report)
    register_kinds(clock, order.patience)

    async def start_and_work() -> None:
        async with assembled(configuration_of(order), clock) as bot:
            work = _work(bot, order, clock, report, countdown)
            await (work if order.from_start else counted(work, countdown))

    life = start_and_work()
    await (counted(life, countdown) if order.from_start else life)
    report.write(points=countdown.points, marks=countdown.marks)


async def _work(bot: Bot, order: Order, clock: ShiftedClock, report: Report, countdown: Countdown) -> None:
    if order.request is not None:
        request = AsyncBoltRequest(
            body=order.request.body, headers={name: [value] for name, value in order.request.headers.items()}
        )
        answer = await bot.slack.bolt.async_dispatch(request)
        report.write(status=answer.status)
        countdown.got_out()
        await bot.background.drain(_PATIENCE)
    if order.fires:
        await bot.digests.fire(DIGEST)
    if order.scans:
        await bot.digests.scan()
    await _until_quiet(bot, clock)


async def _until_quiet(bot: Bot, clock: ShiftedClock) -> None:
    """Do and say what is due, jump to what will be due next, and so on until nothing is left."""
    deadline = time.monotonic() + _PATIENCE
    for _ in range(_MOST_JUMPS):
        await _while_due(bot.worker.step, deadline)
        await _while_due(bot.delivery.step, deadline)
        moments = [await bot.storage.journal.next_due(), await bot.storage.outbox.next_due()]
        due = [moment for moment in moments if moment is not None]
        if not due:
            return
        clock.jump_to(min(due))
    raise TimeoutError("there is always something to wait for")


async def _while_due(step: Callable[[], Awaitable[bool]], deadline: float) -> None:
    while await step():
        if time.monotonic() > deadline:
            raise TimeoutError("there is always something due")


def _be_born(order: Order) -> None:
    """In the fork: live, then leave without the parent's exit handlers."""
    status = 1
    try:
        live(order)
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the parent has to hear of it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def serve_orders(lines: Iterable[str]) -> None:
    """Fork once for each line, and answer how the child ended: its exit status, or minus the signal."""
    configure_logging("ERROR")
    for line in lines:
        order = Order.load(line)
        if order.rehearses:
            live(order)
            gc.collect()
            gc.freeze()
            _answer(0)
            continue
        pid = os.fork()
        if pid == 0:
            _be_born(order)
        _, ended = os.waitpid(pid, 0)
        _answer(os.waitstatus_to_exitcode(ended))


def _answer(ended: int) -> None:
    sys.stdout.write(json.dumps({"ended": ended}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve_orders(sys.stdin)
