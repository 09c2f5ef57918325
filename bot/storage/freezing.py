"""The freeze on SQL: one row that is always there, so that a send that begins and a freeze wait for each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.freeze import Freeze
from bot.storage import rows
from bot.storage.database import Database, uninterrupted
from bot.storage.rows import Entry
from bot.storage.tables import frozen


@uninterrupted
class JournalFreeze:
    """See `bot.ports.Journal`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def frozen(self) -> Freeze | None:
        async with self._db.read() as connection:
            return _freeze_of((await connection.execute(select(frozen))).first())

    async def freeze(self, by: str, why: str, at: datetime) -> bool:
        begun = update(frozen).where(frozen.c.by.is_(None)).values(by=by, why=why, since=at)
        async with self._db.write() as connection:
            if (await connection.execute(begun)).rowcount == 0:
                return False
            await rows.append(connection, Entry(kind="bot.frozen", at=at, actor=by, facts={"why": why}))
            return True

    async def unfreeze(self, by: str, at: datetime) -> bool:
        thawed = update(frozen).where(frozen.c.by.is_not(None)).values(by=None, why=None, since=None)
        async with self._db.write() as connection:
            if (await connection.execute(thawed)).rowcount == 0:
                return False
            await rows.append(connection, Entry(kind="bot.unfrozen", at=at, actor=by))
            return True


async def held(connection: AsyncConnection) -> Freeze | None:
    """The freeze, kept as it is until this transaction ends: whoever freezes now is answered after what began before."""
    return _freeze_of((await connection.execute(select(frozen).with_for_update(read=True))).first())


def _freeze_of(row: Row[Any] | None) -> Freeze | None:
    return Freeze(row.by, row.why or "", row.since) if row is not None and row.by is not None else None
