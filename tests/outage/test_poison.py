"""One decision that cannot be worked on, time after time, reaches a person and leaves the others alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from bot.storage.tables import action
from tests.outage import books, provider_rounds
from tests.outage.proxy import Cut
from tests.outage.stand import Stand, standing
from tests.scenarios.stage import MAYA, Bill

UNREADABLE = [
    "UPDATE action SET ending = '[1]'",
    "UPDATE action SET reply_to = '{}'",
    "UPDATE action SET details = '7'",
    "UPDATE offer SET snapshot = '{}' WHERE id IN (SELECT offer_id FROM action)",
    "UPDATE attempt SET before = '{}'",
]


async def in_doubt(stand: Stand) -> Bill:
    """A retry whose request was lost; the bot is down."""
    bill = stand.stage.bill()
    stand.provider.cuts = [Cut(provider_rounds.pays(bill), before=True)]
    await stand.types_retry(bill)
    await stand.stage.eventually(lambda: not stand.provider.cuts, "the request that is lost")
    await stand.stage.settled()
    await stand.stage.stop()
    return bill


async def stored(stand: Stand, bill: Bill) -> Row[Any]:
    async with books.reading(stand.url) as connection:
        return (await connection.execute(select(action).where(action.c.typed_ref == bill.ref))).one()


@pytest.mark.parametrize("spoil", UNREADABLE)
async def test_a_record_that_cannot_be_read_stops_no_other_decision(database: Path, spoil: str) -> None:
    async with standing(database) as stand:
        stage = stand.stage
        poison = await in_doubt(stand)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(spoil)
        stage.clock.ahead += timedelta(hours=1)
        await stage.start()
        bill = stage.bill()
        assert (await stage.command(MAYA, f"retry {bill.ref}")).ok
        await stage.told(MAYA, bill.number, "Paid EUR 49.00")
        assert stage.charges(poison) == []
        decision = await stored(stand, poison)
        assert decision.state == "needs_human"
        assert decision.lease_until is None
