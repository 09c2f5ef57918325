"""A round: the stage is set, a life is killed, perhaps the next one too, and the oracle looks at what there is."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

from tests.crash import deeds
from tests.crash.books import Moment
from tests.crash.databases import SQLITE, Database, SqliteFile, database
from tests.crash.fakes import KeyedStripe, Mishap
from tests.crash.oracle import Kills, Verdict, judged, unconfirmed
from tests.crash.outside import KILLED, Mother, Outside, Stage, WorldClock, opened, restored
from tests.crash.scenarios import NEVER, Scenario


class Lane:
    """A mother of processes, and databases for her children; one round at a time."""

    def __init__(self, folder: Path, mother: Mother, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._mother = mother
        self._stack = stack
        self._databases: dict[str, Database] = {}
        self._numbers = count(1)

    @property
    def mother(self) -> Mother:
        return self._mother

    async def staged(self, scenario: Scenario, kind: str) -> Stage:
        folder = self.new_folder()
        # A stage on SQLite is its file, so it gets one of its own.
        place = SqliteFile(folder) if kind == SQLITE else await self._database(kind)
        if not isinstance(place, SqliteFile):
            await place.restore(await self._empty(place))
        return await scenario.staged(folder, place, self._mother)

    async def play(self, scenario: Scenario, stage: Stage, kind: str, kills: Kills = ()) -> Verdict:
        """One round from the stage to the verdict."""
        folder = self.new_folder()
        place = SqliteFile(folder) if kind == SQLITE else await self._database(kind)
        try:
            async with restored(stage, folder, place, self._mother) as outside:
                return await _played(scenario, outside, kills)
        finally:
            shutil.rmtree(folder)

    async def rehearse(self) -> None:
        """A press, lived by the mother herself, so that her children have all that is loaded at the first use."""
        clock = WorldClock()
        stripe, folder = KeyedStripe(clock, Mishap()), self.new_folder()
        stripe.add_invoice(number=deeds.NUMBER)
        async with opened(stripe, folder, SqliteFile(folder), self._mother, NEVER, clock) as outside:
            outside.rehearses = True
            await deeds.ask_for_digest(outside)
            with contextlib.suppress(LookupError):  # where the machine was too slow to read what a retry would charge
                await deeds.press_retry(outside)

    def new_folder(self) -> Path:
        return _made(self._folder / str(next(self._numbers)))

    async def _database(self, kind: str) -> Database:
        if kind not in self._databases:
            self._databases[kind] = await self._stack.enter_async_context(database(kind, self._folder))
        return self._databases[kind]

    @staticmethod
    async def _empty(place: Database) -> dict[str, list[dict[str, object]]]:
        kept = await place.keep()
        assert isinstance(kept, dict)
        return {name: [] for name in kept}


@asynccontextmanager
async def lane(folder: Path, *, rehearses: bool = True) -> AsyncGenerator[Lane]:
    """For a handful of lives a rehearsal costs more than it saves."""
    mother = await Mother.born(_made(folder) / "stderr")
    try:
        async with AsyncExitStack() as stack:
            made = Lane(folder, mother, stack)
            if rehearses:
                await made.rehearse()
            yield made
    finally:
        await mother.die()


async def _played(scenario: Scenario, outside: Outside, kills: Kills) -> Verdict:
    before = now = await outside.moment()
    outside.from_start = scenario.from_start
    outside.slack.faults.drop_reply = allowed_twice = scenario.drops
    for kill_at in kills or (None,):
        outside.kill_at = kill_at
        await _lived(scenario, outside)
        then = await outside.moment()
        if outside.lives[-1].ended == KILLED:
            allowed_twice += unconfirmed(now, then)
            await outside.wait_for_leases()
        now = then
    outside.kill_at = None
    await _lived(scenario, outside)
    outside.fake.catch_up(math.inf)
    after = Moment(await outside.database.read(), outside.posted)
    return judged(scenario, outside, before, after, kills, allowed_twice)


async def _lived(scenario: Scenario, outside: Outside) -> None:
    """The deed; after a death the next start, which looks for what was left, and the deed once more where Slack got no
    answer: it has shown its warning, and the person tries again on whatever is there."""
    outside.scans = is_next = bool(outside.lives)
    if not is_next or not (outside.acknowledged or scenario.is_scheduled):
        await scenario.deed(outside)
    else:
        await outside.live()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
