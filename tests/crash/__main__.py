"""`python -m tests.crash`: kill the bot at every point, or at some, and print what came of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.databases import KINDS
from tests.crash.oracle import Kills, Verdict
from tests.crash.rounds import Lane, lane
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.memory import folder_in_memory

_HEADS = (
    "scenario",
    "database",
    "points",
    "distinct",
    "deaths",
    "in recovery",
    "charges",
    "double",
    "lost",
    "wrong endings",
    "wrong events",
    "wrong messages",
    "duplicates",
)
_SECOND_DEATHS = 6
_STRAYS = 6
"""Deaths at other points, to see that they are what they are taken for: the same as one right after something got out."""
_SAMPLED_SINGLES = 2


@dataclass(slots=True)
class Act:
    """A scenario on a database, and what came of all its rounds; the first one is undisturbed."""

    scenario: Scenario
    database: str
    verdicts: list[Verdict] = field(default_factory=list)
    trouble: str | None = None
    """Why it was not finished."""

    def row(self) -> tuple[str, ...]:
        whole = self.verdicts[0]
        dead = self.verdicts[1:]
        numbers = (
            whole.points,
            len(whole.marks),
            sum(verdict.killed > 0 for verdict in dead),
            sum(verdict.killed > 1 for verdict in dead),
            sum(verdict.charges for verdict in dead),
            sum(len(verdict.double_charges) for verdict in self.verdicts),
            sum(len(verdict.lost) for verdict in self.verdicts),
            sum(len(verdict.wrong_endings) for verdict in self.verdicts),
            sum(len(verdict.wrong_events) for verdict in self.verdicts),
            sum(len(verdict.wrong_messages) for verdict in self.verdicts),
            sum(verdict.twice for verdict in self.verdicts),
        )
        return (self.scenario.name, self.database, *map(str, numbers))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument(
        "--full",
        action="store_true",
        help="every scenario on both databases: a death at each point where something has just got out, and some between",
    )
    parser.add_argument("--every-point", action="store_true", help="with --full: a death at every single resume (hours)")
    parser.add_argument("--sample", type=int, default=30, metavar="N", help="about so many deaths over all scenarios")
    parser.add_argument("--seed", type=int, default=7, metavar="S")
    parser.add_argument("--only", metavar="NAME", help="scenarios whose name contains this")
    parser.add_argument("--database", choices=KINDS)
    parser.add_argument(
        "--at", type=int, nargs="+", metavar="K", help="killed at this point alone, and in the next life at J"
    )
    parser.add_argument("--lanes", type=int, default=(os.cpu_count() or 1) + 1, help="so many lives at the same time")
    # Stopped from outside it still ends the servers and processes that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return asyncio.run(_run(parser.parse_args()))


async def _run(wishes: argparse.Namespace) -> int:
    began = time.monotonic()
    acts = _chosen_acts(wishes)
    queue = acts[::-1]
    with tempfile.TemporaryDirectory(prefix="recoup-crash-", dir=folder_in_memory()) as folder:

        async def work(number: int) -> None:
            async with lane(Path(folder) / f"lane-{number}") as mine:
                while queue:
                    act = queue.pop()
                    try:
                        await _performed(act, mine, wishes)
                    except Exception as error:  # noqa: BLE001 - the other acts do not suffer from it
                        act.trouble = f"{type(error).__name__}: {error}"
                        _say(f"{act.scenario.name} on {act.database} was not finished: {act.trouble}")
                    if act.verdicts:
                        _say(f"{time.monotonic() - began:6.0f} s  {'  '.join(act.row())}")

        async with asyncio.TaskGroup() as group:
            for number in range(min(wishes.lanes, len(acts))):
                group.create_task(work(number))
    _print_table(sorted(acts, key=lambda act: (SCENARIOS.index(act.scenario), act.database)))
    broken = sum(len(verdict.violations) for act in acts for verdict in act.verdicts)
    broken += sum(act.trouble is not None for act in acts)
    deaths = sum(verdict.killed for act in acts for verdict in act.verdicts)
    _say(f"\n{deaths} deaths in {time.monotonic() - began:.0f} s, {broken} violations")
    return 1 if broken else 0


def _chosen_acts(wishes: argparse.Namespace) -> list[Act]:
    acts = [
        Act(scenario, kind)
        for scenario in SCENARIOS
        for kind in KINDS
        if (wishes.only is None or wishes.only in scenario.name) and wishes.database in (None, kind)
    ]
    if wishes.full or wishes.at or wishes.only:
        # Mixed, so that what is left undone when somebody stops it early is a bit of everything.
        return random.Random(wishes.seed).sample(acts, len(acts))
    each = _SAMPLED_SINGLES + 1
    return random.Random(wishes.seed).sample(acts, min(max(wishes.sample // each, 1), len(acts)))


async def _performed(act: Act, mine: Lane, wishes: argparse.Namespace) -> None:
    stage = await mine.staged(act.scenario, act.database)

    async def play(kills: Kills = ()) -> Verdict:
        verdict = await mine.play(act.scenario, stage, act.database, kills)
        act.verdicts.append(verdict)
        _tell(verdict, act.database)
        return verdict

    whole = await play()
    if wishes.at:
        await play(tuple(wishes.at))
        return
    dice = random.Random(f"{wishes.seed} {act.scenario.name} {act.database}")
    singles = [await play((k,)) for k in _points(whole, wishes, dice)]
    survivors = [verdict for verdict in singles if verdict.recovery]
    for _ in range(_SECOND_DEATHS if wishes.full else 1):
        if survivors:
            first = dice.choice(survivors)
            await play((*first.kills, dice.choice(first.recovery)))


def _points(whole: Verdict, wishes: argparse.Namespace, dice: random.Random) -> Sequence[int]:
    if wishes.every_point:
        return range(1, whole.points + 1)
    if wishes.full:
        others = sorted({*range(1, whole.points + 1)} - {*whole.marks})
        return sorted([*whole.marks, *dice.sample(others, min(_STRAYS, len(others)))])
    return sorted(dice.sample(whole.marks, min(_SAMPLED_SINGLES, len(whole.marks))))


def _tell(verdict: Verdict, database: str) -> None:
    for sentence in verdict.violations:
        when = f"killed at {verdict.kills}" if verdict.kills else "undisturbed"
        _say(f"{verdict.scenario} on {database}, {when}: {sentence}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


def _print_table(acts: Sequence[Act]) -> None:
    rows: list[tuple[str, ...]] = [_HEADS, *(act.row() for act in acts if act.verdicts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
