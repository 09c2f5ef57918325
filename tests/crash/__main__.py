"""`python -m tests.crash`: kill the bot at every point, or at some, and print what came of it."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.crash.oracle import Verdict
from tests.crash.rounds import Death, theatre
from tests.crash.scenarios import SCENARIOS

_HEADS = ("scenario", "points", "kills", "charges", "double", "lost", "wrong endings", "events", "messages", "duplicates")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="every point of every scenario (about half an hour on two cores)"
    )
    parser.add_argument("--sample", type=int, default=40, metavar="N", help="so many points over all scenarios")
    parser.add_argument("--seed", type=int, default=7, metavar="S")
    parser.add_argument("--only", metavar="NAME", help="scenarios whose name contains this")
    parser.add_argument("--at", type=int, metavar="K", help="this point alone")
    return asyncio.run(_run(parser.parse_args()))


async def _run(wishes: argparse.Namespace) -> int:
    began = time.monotonic()
    scenarios = [one for one in SCENARIOS if wishes.only is None or wishes.only in one.name]
    with tempfile.TemporaryDirectory(prefix="recoup-crash-") as folder:
        async with theatre(scenarios, Path(folder)) as stage:
            whole = {scenario.name: await stage.whole(scenario) for scenario in scenarios}
            undisturbed = [verdict for verdict, _ in whole.values()]
            for verdict in undisturbed:
                _tell(verdict)
            points = {name: most for name, (_, most) in whole.items()}
            every: list[Death] = [(one, k) for one in scenarios for k in range(1, points[one.name] + 1)]
            chosen = _chosen(every, wishes)
            verdicts = await stage.deaths(chosen, _tell)
    _print_table(points, verdicts)
    broken = sum(len(verdict.violations) for verdict in [*undisturbed, *verdicts])
    _say(f"\n{len(verdicts)} deaths in {time.monotonic() - began:.0f} s, {broken} violations")
    return 1 if broken else 0


def _chosen(every: Sequence[Death], wishes: argparse.Namespace) -> list[Death]:
    if wishes.at is not None:
        return [death for death in every if death[1] == wishes.at]
    if wishes.full:
        return list(every)
    return random.Random(wishes.seed).sample(every, min(wishes.sample, len(every)))


def _tell(verdict: Verdict) -> None:
    for sentence in verdict.violations:
        when = "undisturbed" if verdict.kill_at is None else f"killed at {verdict.kill_at}"
        _say(f"{verdict.scenario}, {when}: {sentence}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


def _print_table(points: dict[str, int], verdicts: Sequence[Verdict]) -> None:
    rows: list[tuple[str, ...]] = [_HEADS]
    for name, most in points.items():
        mine = [verdict for verdict in verdicts if verdict.scenario == name]
        numbers = (
            most,
            sum(verdict.killed for verdict in mine),
            sum(verdict.charges for verdict in mine),
            sum(len(verdict.double_charges) for verdict in mine),
            sum(len(verdict.lost) for verdict in mine),
            sum(len(verdict.wrong_endings) for verdict in mine),
            sum(len(verdict.wrong_events) for verdict in mine),
            sum(len(verdict.wrong_messages) for verdict in mine),
            sum(verdict.twice for verdict in mine),
        )
        rows.append((name, *map(str, numbers)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
