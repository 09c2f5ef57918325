"""Two processes start on one SQLite file at the same moment: one works, the other refuses and says why."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.world import World
from bot.storage.schema import migrate
from tests.races.arena import configuration
from tests.races.contests import Tally
from tests.races.rival import Rival, a_barrier


async def two_starts(rounds: int) -> Tally:
    """Each round on a file of its own, every other one without tables yet."""
    tally = Tally("second start")
    world, slack = World([FakeStripe()]), LocalSlack()
    await world.start()
    await slack.start()
    try:
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="recoup-races-") as folder:
                url = f"sqlite+aiosqlite:///{Path(folder) / 'recoup.db'}"
                if number % 2:
                    await migrate(url)
                barrier = a_barrier(2)
                rivals = [Rival(configuration(slack, world, url), barrier) for _ in range(2)]
                refusals = await asyncio.gather(*(rival.open() for rival in rivals))
                await asyncio.gather(*(rival.close() for rival in rivals))
            tally.counts(0, "one works" if refusals.count(None) == 1 else f"{refusals.count(None)} work")
            said = [text for text in refusals if text is not None]
            tally.expects(
                str(number), "one refuses", [("only one may work on a SQLite file" in text) for text in said], [True]
            )
    finally:
        await slack.close()
        await world.stop()
    return tally
