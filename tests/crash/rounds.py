"""A round: the stage is set, a life is killed, the next one recovers, and the oracle looks at what there is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.oracle import Books, Moment, Verdict, judged
from tests.crash.outside import Mother, Outside, Stage, restored
from tests.crash.scenarios import Scenario

Death = tuple[Scenario, int | None]


@dataclass(frozen=True, slots=True)
class Theatre:
    """The stages of all scenarios, and processes to play on them; `lanes` deaths happen at the same time."""

    folder: Path
    mothers: Sequence[Mother]
    stages: dict[str, Stage]

    async def deaths(self, wanted: Iterable[Death], tell: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
        """Every wanted death, in the order of the wishes."""
        queue = list(enumerate(wanted))[::-1]
        found: dict[int, Verdict] = {}

        async def play(lane: int, mother: Mother) -> None:
            while queue:
                number, (scenario, kill_at) = queue.pop()
                folder = self.folder / f"lane-{lane}"
                verdict = await _death(scenario, self.stages[scenario.name], folder, mother, kill_at)
                tell(verdict)
                found[number] = verdict

        await asyncio.gather(*(play(lane, mother) for lane, mother in enumerate(self.mothers)))
        return [found[number] for number in sorted(found)]

    async def whole(self, scenario: Scenario) -> tuple[Verdict, int]:
        """A life without a death, and how often the deed and all that follows were resumed in it."""
        folder = _made(self.folder / "whole")
        stage = self.stages[scenario.name]
        try:
            async with restored(stage, folder, self.mothers[0]) as outside:
                verdict = await _played(scenario, stage, outside, None)
                return verdict, outside.lives[0].points or 0
        finally:
            shutil.rmtree(folder)


@asynccontextmanager
async def theatre(scenarios: Iterable[Scenario], folder: Path, lanes: int = 2) -> AsyncGenerator[Theatre]:
    mothers = [await Mother.born(folder / f"stderr-{lane}") for lane in range(lanes)]
    try:
        stages = {
            scenario.name: await scenario.staged(_made(folder / f"stage-{number}"), mothers[number % lanes])
            for number, scenario in enumerate(scenarios)
        }
        yield Theatre(folder, mothers, stages)
    finally:
        for mother in mothers:
            await mother.die()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _death(scenario: Scenario, stage: Stage, folder: Path, mother: Mother, kill_at: int | None) -> Verdict:
    try:
        async with restored(stage, _made(folder), mother) as outside:
            return await _played(scenario, stage, outside, kill_at)
    finally:
        shutil.rmtree(folder)


async def _played(scenario: Scenario, stage: Stage, outside: Outside, kill_at: int | None) -> Verdict:
    before = Moment(Books.read(stage.database), outside.posted)
    outside.kill_at = kill_at
    await scenario.deed(outside)
    outside.kill_at = None
    left = Moment(Books.read(outside.copy_of_database()), outside.posted)
    if not outside.lives[0].acknowledged and not scenario.is_scheduled:
        # Slack has shown its warning: the person does it again, on whatever is there.
        await scenario.deed(outside)
    await outside.live(scans=True)
    return judged(scenario, outside, before, left, kill_at)
