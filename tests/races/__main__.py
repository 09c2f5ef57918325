"""`python -m tests.races`: two processes on one PostgreSQL, one on a SQLite file, at the same moment; prints a table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bot.storage.schema import migrate
from bot.telemetry import configure_logging
from tests import postgres
from tests.races.arena import Arena, opened
from tests.races.contests import CONTESTS, Tally
from tests.races.stalls import stalls
from tests.races.starts import two_starts

_HEADS = ("race", "database", "processes", "rounds", "charges", "who was first", "too slow", "violations", "seconds")
Line = tuple[str, ...]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500, metavar="N", help="of each race (digests: a fifth of them)")
    parser.add_argument("--only", metavar="NAME", help="races whose name contains this")
    parser.add_argument("--short", action="store_true", help="move the leases of the stopped instead of waiting for them")
    return asyncio.run(_run(parser.parse_args()))


async def _run(wishes: argparse.Namespace) -> int:
    configure_logging("CRITICAL")
    lines: list[Line] = []
    wrong = 0
    names = [name for name in CONTESTS if wishes.only is None or wishes.only in name]
    for database, processes in (("PostgreSQL", 2), ("SQLite", 1)):
        for name in names:
            if processes == 1 and name == "approval against expiry":
                continue  # one process has one clock
            began = time.monotonic()
            rounds = max(wishes.rounds // 5, 1) + 1 if "digest" in name else wishes.rounds
            async with _arena(database, processes) as arena:
                tally = await CONTESTS[name](arena, rounds)
            wrong += _tell(tally)
            lines.append(_line(tally, database, processes, time.monotonic() - began))
    others: dict[tuple[str, str], Callable[[], Awaitable[Tally]]] = {
        ("second start", "SQLite"): partial(two_starts, max(wishes.rounds // 25, 2)),
        ("a worker that stood still", "PostgreSQL"): partial(stalls, really=not wishes.short),
    }
    for (name, database), race in others.items():
        if wishes.only is None or wishes.only in name:
            began = time.monotonic()
            tally = await race()
            wrong += _tell(tally)
            lines.append(_line(tally, database, 2, time.monotonic() - began))
    _print_table(lines)
    _say(f"\n{wrong} violations")
    return 1 if wrong else 0


@asynccontextmanager
async def _arena(database: str, processes: int) -> AsyncGenerator[Arena]:
    with tempfile.TemporaryDirectory(prefix="recoup-races-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'recoup.db'}"
        if database == "PostgreSQL":
            url = await asyncio.to_thread(postgres.fresh_database)
        else:
            await migrate(url)
        async with opened(url, processes) as arena:
            yield arena


def _tell(tally: Tally) -> int:
    _say(f"{tally.name}: {tally.rounds} rounds, {len(tally.wrong)} violations")
    for sentence in tally.wrong:
        _say(sentence)
    return len(tally.wrong)


def _line(tally: Tally, database: str, processes: int, seconds: float) -> Line:
    winners = ", ".join(f"{name} {count}" for name, count in sorted(tally.winners.items()))
    numbers = (processes, tally.rounds, tally.charges, winners, tally.slow, len(tally.wrong), round(seconds))
    return (tally.name, database, *map(str, numbers))


def _print_table(lines: Sequence[Line]) -> None:
    every = [_HEADS, *lines]
    widths = [max(len(line[column]) for line in every) for column in range(len(_HEADS))]
    for line in every:
        _say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())
