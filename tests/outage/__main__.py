"""`python -m tests.outage`: break every line of the bot, and print what came of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bot.storage.schema import migrate
from bot.telemetry import configure_logging
from tests import postgres
from tests.outage import database_rounds, disk_rounds, provider_rounds, slack_rounds
from tests.outage.books import Verdict
from tests.outage.proxy import Ending

_HEADS = ("fault", "rounds", "presses", "acknowledged", "charges", "double", "lost", "wrong", "seconds")
_Wish = TypeVar("_Wish")
Run = Callable[[], Awaitable[Verdict]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outage", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few rounds of everything (about two minutes)")
    parser.add_argument("--seed", type=int, default=7, metavar="S")
    parser.add_argument("--only", metavar="NAME", help="parts whose name contains this")
    parser.add_argument("--every", type=int, metavar="N", help="PostgreSQL: every n-th message of a press")
    configure_logging("CRITICAL")
    return asyncio.run(_run(parser.parse_args()))


async def _run(wishes: argparse.Namespace) -> int:
    rows: list[tuple[str, ...]] = [_HEADS]
    broken = 0
    with tempfile.TemporaryDirectory(prefix="recoup-outage-") as folder:
        parts = Parts(Path(folder), wishes)
        for name, run in parts.all():
            if wishes.only is not None and wishes.only not in name:
                continue
            began = time.monotonic()
            try:
                verdict = await run()
            except AssertionError as error:  # what has to happen did not: the other parts are still worth running
                verdict = Verdict(name, wrong=[str(error)])
            for sentence in verdict.violations:
                _say(f"{name}: {sentence}")
            broken += len(verdict.violations)
            rows.append(_row(verdict, time.monotonic() - began))
            _say(f"done: {'  '.join(rows[-1])}")
    _print_table(rows)
    _say(f"\n{broken} violations")
    return 1 if broken else 0


class Parts:
    """The parts of the proof by name, with as many rounds as were wished for. Each gets a database of its own."""

    def __init__(self, folder: Path, wishes: argparse.Namespace) -> None:
        self._folder = folder
        self._wishes = wishes
        self._files = 0

    def all(self) -> Iterator[tuple[str, Run]]:
        yield from self._provider()
        yield from self._slack()
        yield from self._database()
        yield from self._disk()

    def _many(self, short: int, full: int) -> int:
        return short if self._wishes.short else full

    async def _file(self) -> Path:
        self._files += 1
        file = self._folder / f"{self._files}.db"
        await migrate(f"sqlite+aiosqlite:///{file}")
        return file

    def _provider(self) -> Iterator[tuple[str, Run]]:
        every, some = self._many(provider_rounds.STEP * 8, provider_rounds.STEP), self._many(4, 32)

        async def cut(how: Ending) -> Verdict:
            return await provider_rounds.cut_answers(await self._file(), how, every)

        async def limited(retry_after: int | None) -> Verdict:
            count = self._many(40, 200)
            return await provider_rounds.rate_limited(await self._file(), count, retry_after=retry_after)

        async def hole() -> Verdict:
            return await provider_rounds.black_hole(await self._file(), some, self._many(1, 85))

        async def stopped() -> Verdict:
            return await provider_rounds.stopped_requests(await self._file(), some)

        async def lost() -> Verdict:
            return await provider_rounds.lost_after_effect(await self._file(), some // 2)

        async def flapping() -> Verdict:
            return await provider_rounds.flapping(await self._file(), some * 4, blinks=some)

        yield from ((f"provider: cut, {how}", _bound(cut, how)) for how in provider_rounds.ENDINGS)
        yield from ((f"provider: 429, Retry-After {wait}", _bound(limited, wait)) for wait in (None, 2))
        yield "provider: black hole", hole
        yield "provider: stopped requests", stopped
        yield "provider: lost after the effect", lost
        yield "provider: flapping", flapping

    def _slack(self) -> Iterator[tuple[str, Run]]:
        some = self._many(3, 24)

        async def an_hour() -> Verdict:
            return await slack_rounds.down_for_an_hour(await self._file(), some)

        async def dropped() -> Verdict:
            return await slack_rounds.dropped_after_accept(await self._file(), some)

        async def flapping() -> Verdict:
            return await slack_rounds.flapping(await self._file(), some * 2, blinks=some * 2)

        yield "slack: down for an hour", an_hour
        yield "slack: dropped after accept", dropped
        yield "slack: flapping", flapping

    def _database(self) -> Iterator[tuple[str, Run]]:
        every = self._wishes.every or self._many(200, 3)

        async def messages() -> Verdict:
            most = await database_rounds.messages_of_a_press(postgres.fresh_database())
            return await database_rounds.reset_at_messages(range(1, most + 1, every))

        async def blinking() -> Verdict:
            return await database_rounds.blinking(self._many(2, 20), self._wishes.seed)

        async def restarts() -> Verdict:
            return await database_rounds.restarts(self._many(2, 20), self._wishes.seed)

        yield f"postgresql: reset at every {every}th message", messages
        yield "postgresql: blinking", blinking
        yield "postgresql: restarts", restarts

    def _disk(self) -> Iterator[tuple[str, Run]]:
        async def full() -> Verdict:
            return await disk_rounds.full_after(await self._file(), range(0, 60, self._many(20, 1)))

        async def locked() -> Verdict:
            return await disk_rounds.locked(await self._file(), self._many(2, 20), self._wishes.seed)

        yield "sqlite: full disk", full
        yield "sqlite: second writer", locked


def _bound(run: Callable[[_Wish], Awaitable[Verdict]], wish: _Wish) -> Run:
    return lambda: run(wish)


def _row(verdict: Verdict, seconds: float) -> tuple[str, ...]:
    numbers = (
        verdict.rounds,
        verdict.presses,
        verdict.acknowledged,
        verdict.charges,
        len(verdict.double),
        len(verdict.lost),
        len(verdict.wrong),
        round(seconds),
    )
    return (verdict.fault, *map(str, numbers))


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        _say(_line(row, widths))


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())
