"""Sealing the audit trail in the background, and finding out whether anything in it was changed since."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from bot.domain.audit import BEGINNING, Batch, Seal, milliseconds, moment
from bot.domain.errors import JournalUnavailable
from bot.ports import AuditTrail, Clock

BATCH = 1000
"""Events under one seal at most, and in memory at a time."""
SEAL_EVERY_SECONDS = 60.0
_SEALS_READ = 500

_log = structlog.get_logger()


class Sealing:
    """Seals what is new, outside the path of any press. Replicas may all do it: one seal follows one."""

    def __init__(self, trail: AuditTrail, clock: Clock) -> None:
        self._trail = trail
        self._clock = clock

    async def run(self) -> None:
        """Once a minute, until cancelled."""
        while True:
            try:
                await self.catch_up()
            except JournalUnavailable as error:
                _log.warning("audit.not_sealed", detail=str(error))
            await asyncio.sleep(SEAL_EVERY_SECONDS)

    async def catch_up(self) -> int:
        """How many events were sealed. Raises JournalUnavailable."""
        head, count = await self._trail.newest_seal(), 0
        horizon = await self._trail.horizon(head.last_event if head else None)
        while horizon is not None:
            events = await self._trail.events(head.last_event if head else None, horizon, BATCH)
            if not events:
                break
            batch = Batch(head.digest if head else BEGINNING)
            batch.add(events)
            head = batch.sealed(milliseconds(self._clock.now()))
            if not await self._trail.add_seal(head):
                break  # another replica was faster; the rest is for the next round
            count += len(events)
            # Noted outside the database, a digest also shows whether the newest seals were cut off.
            _log.info("audit.sealed", events=head.events, last_event=head.last_event, digest=head.digest)
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What recomputing the whole chain came to. `problem` is a sentence about the first thing that does not fit."""

    events: int
    seals: int
    unsealed: int
    head: str | None
    problem: str | None = None


async def verify(trail: AuditTrail, expect: str | None = None) -> Verified:
    """Recompute every seal from the first one on; memory does not grow with the trail. `expect` is a digest that was noted
    elsewhere and has to be in the chain. Raises JournalUnavailable."""
    head: Seal | None = None
    count, seals, is_expected = 0, 0, expect is None
    while page := await trail.seals(head.id if head else None, _SEALS_READ):
        for seal in page:
            if (problem := await _objection(trail, head, seal)) is not None:
                digest = head.digest if head else None
                return Verified(events=count, seals=seals, unsealed=0, head=digest, problem=problem)
            head, count, seals = seal, count + seal.events, seals + 1
            is_expected = is_expected or seal.digest == expect
    return Verified(
        events=count,
        seals=seals,
        unsealed=await trail.unsealed(head.last_event if head else None),
        head=head.digest if head else None,
        problem=None if is_expected else _MISSING,
    )


_MISSING = (
    "The digest that was noted is not in this chain: the newest seals and their events were cut off, or all seals were "
    "made anew after a change."
)


async def _objection(trail: AuditTrail, before: Seal | None, seal: Seal) -> str | None:
    if seal.previous != (before.digest if before else BEGINNING):
        after = f"after seal {before.id}" if before else "at the beginning"
        return f"Seal {seal.id} does not fit {after}: a seal was removed, changed or put in there."
    start = before.last_event if before else None
    if start is not None and seal.last_event <= start:
        return f"Seal {seal.id} does not fit after seal {before.id if before else 0}: it covers no event of its own."
    batch, last = Batch(seal.previous), start
    while events := await trail.events(last, seal.last_event, BATCH):
        batch.add(events)
        last = batch.last_event
    where = f"{_range(start, seal)} (seal {seal.id}{_when(seal)})"
    if batch.events != seal.events:
        what = "removed" if batch.events < seal.events else "put in"
        return f"{where}: an event was {what} after sealing; {seal.events} were sealed, {batch.events} are there."
    if batch.sealed(seal.at).digest != seal.digest:
        return f"{where}: an event, or the seal itself, was changed after sealing."
    return None


def _range(start: int | None, seal: Seal) -> str:
    first = start + 1 if start is not None else 1
    return f"Event {first}" if first == seal.last_event else f"Events {first} to {seal.last_event}"


def _when(seal: Seal) -> str:
    try:
        return f", {moment(seal.at):%Y-%m-%d %H:%M} UTC"
    except OverflowError:  # no clock of ours wrote this
        return ""
