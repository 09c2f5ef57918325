"""`python -m tests.replicas`: three `recoup run` on one PostgreSQL, killed and stopped under load; prints a table.

The long form waits for the leases of the dead (120 seconds). The short one kills every process at the end and then moves
the leases in the database, as if that time had passed.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from dataclasses import dataclass, field

from tests.replicas.fleet import SIZE, Fleet, opened
from tests.replicas.judge import double_charges, judged, posts_without_a_record
from tests.replicas.waiting import until

_LEASE = 120.0
_STOP_WITHIN = 25.0
_QUIET_WITHIN = 2 * _LEASE + 60.0
"""A second life may be cut short, too, and leave its lease; then a poll, and the sends themselves."""
_TAKE_OVER_WITHIN = _LEASE + 30.0
"""The lease, a poll of five seconds, and a machine that has better to do."""


@dataclass(slots=True)
class Outcome:
    """What the run measured beside the books."""

    wrong: list[str] = field(default_factory=list)
    in_dead_hands: int = 0
    taken_over_after: float = 0.0
    rolled_presses: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replicas", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the replicas suffer")
    parser.add_argument("--short", action="store_true", help="move the leases of the dead instead of waiting")
    parser.add_argument("--seed", type=int, default=7)
    return asyncio.run(_run(parser.parse_args()))


async def _run(wishes: argparse.Namespace) -> int:
    began = time.monotonic()
    this = asyncio.current_task()
    assert this is not None
    # Whoever ends the proof ends the replicas, too.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with opened(wishes.seed) as fleet:
        outcome = Outcome()
        await fleet.start_all()
        suffering = asyncio.create_task(fleet.suffer(asyncio.get_running_loop().time() + wishes.seconds))
        await fleet.crowd.live(suffering)
        await _rolling_restart(fleet, outcome)
        await _deaths_of_all(fleet, outcome, moves_leases=wishes.short)
        await fleet.stop_all()
        await _judge(fleet, outcome, is_timed=not wishes.short)
        await _print(fleet, outcome, time.monotonic() - began)
    return 1 if outcome.wrong else 0


async def _rolling_restart(fleet: Fleet, outcome: Outcome) -> None:
    """People go on; each of their presses finds a replica that takes it."""
    doings = fleet.crowd.doings
    presses, unreached = doings.presses, doings.unreached
    rolling = asyncio.create_task(fleet.roll())
    await fleet.crowd.live(rolling)
    outcome.rolled_presses = doings.presses - presses
    if doings.unreached != unreached:
        outcome.wrong.append(f"{doings.unreached - unreached} presses reached nobody during a rolling restart")


async def _deaths_of_all(fleet: Fleet, outcome: Outcome, *, moves_leases: bool) -> None:
    """Every replica is killed in the middle of its work, and new ones have to end what is open."""
    dying = asyncio.create_task(fleet.die_at_work())
    await fleet.crowd.live(dying)
    died = time.monotonic()
    held = await fleet.database.leases()
    outcome.in_dead_hands = len(held)
    if moves_leases:
        await fleet.database.end_leases()
    await fleet.start_all()

    async def are_taken_over() -> bool:
        return not set(held.items()) & set((await fleet.database.leases()).items())

    async def is_quiet() -> bool:
        return await fleet.database.open_work() == 0

    if not await until(are_taken_over, _TAKE_OVER_WITHIN):
        outcome.wrong.append(f"work of the dead was not taken over within {_TAKE_OVER_WITHIN:.0f} seconds")
    outcome.taken_over_after = time.monotonic() - died
    if not await until(is_quiet, _QUIET_WITHIN):
        outcome.wrong.append(
            f"{await fleet.database.open_work()} decisions, letters or digests were left after a long wait"
        )


async def _judge(fleet: Fleet, outcome: Outcome, *, is_timed: bool) -> None:
    """The short form runs where the machine has much else to do: how long a stop takes is only printed there."""
    outcome.wrong += judged(await fleet.database.books(), fleet.crowd, fleet.kills)
    for stop in fleet.stops:
        if stop.status != 0 or (is_timed and stop.seconds > _STOP_WITHIN):
            outcome.wrong.append(f"after SIGTERM a replica ended with {stop.status} in {stop.seconds:.1f} s")


async def _print(fleet: Fleet, outcome: Outcome, seconds: float) -> None:
    books, doings = await fleet.database.books(), fleet.crowd.doings
    scheduled = [run for run in books.runs if not str(run["scheduled"]).startswith("now:")]
    table = {
        "replicas": SIZE,
        "SIGKILL": fleet.kills,
        "SIGTERM": len(fleet.stops),
        "longest stop after SIGTERM, seconds": round(max((stop.seconds for stop in fleet.stops), default=0.0), 1),
        "restarts": fleet.restarts,
        "presses": doings.presses,
        "presses that Slack was not answered, and were made again": doings.unacknowledged,
        "of these, no replica could be reached": doings.unreached,
        "presses during the rolling restart": outcome.rolled_presses,
        "decisions": len(books.actions),
        "attempts": len(books.attempts),
        "attempts lost in a death and read afterwards": sum(one["kind"] == "attempt.lost" for one in books.events),
        "charges": sum(charge.result.value == "paid" for charge in fleet.crowd.stripe.charges),
        "double charges": double_charges(books, fleet.crowd.stripe),
        "decisions in the hands of three replicas that were killed": outcome.in_dead_hands,
        "all of them taken over after, seconds": round(outcome.taken_over_after, 1),
        "digests by schedule": len(scheduled),
        "digests in all": len(books.runs),
        "digests that lie in Slack a second time, their process having died": posts_without_a_record(
            books, fleet.crowd.slack
        ),
        "violations": len(outcome.wrong),
        "seconds": round(seconds),
    }
    for sentence in outcome.wrong:
        _say(sentence)
    for what, number in table.items():
        _say(f"{what:<70} {number:>6}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())
