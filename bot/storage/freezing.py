"""The freeze on SQL: one row that is always there, so that a send that begins and a freeze wait for each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.freeze import BOT, Freeze
from bot.ports import Say
from bot.storage import facts, rows
from bot.storage.database import Database, uninterrupted
from bot.storage.instant import db_now
from bot.storage.rows import Entry, Line
from bot.storage.tables import frozen, posting

_STILL_PRESSED = timedelta(days=3)
"""How old a message is that is redrawn with and without its buttons; the press of an older one is refused, too."""


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
            event_id = await rows.append(
                connection, Entry(kind="bot.frozen", at=at, actor=by, facts={"why": facts.shortened(why)})
            )
            told = {"by": by, "why": why, "at": at.isoformat()}
            await _tell(connection, event_id, "frozen" if by != BOT else None, told, at)
            return True

    async def unfreeze(self, by: str, at: datetime) -> bool:
        thawed = update(frozen).where(frozen.c.by.is_not(None)).values(by=None, why=None, since=None)
        async with self._db.write() as connection:
            if (await connection.execute(thawed)).rowcount == 0:
                return False
            event_id = await rows.append(connection, Entry(kind="bot.unfrozen", at=at, actor=by))
            await _tell(connection, event_id, "unfrozen", {"by": by, "at": at.isoformat()}, at)
            return True


async def held(connection: AsyncConnection) -> Freeze | None:
    """The freeze, kept as it is until this transaction ends: whoever freezes now is answered after what began before."""
    return _freeze_of((await connection.execute(select(frozen).with_for_update(read=True))).first())


async def _tell(connection: AsyncConnection, event_id: int, alert: str | None, told: dict[str, str], at: datetime) -> None:
    """The operators, who hear otherwise of the bot's own freeze; and every message that may still be pressed."""
    recent = select(posting.c.message).where(posting.c.posted_at >= db_now(-_STILL_PRESSED)).distinct()
    messages = (await connection.execute(recent.order_by(posting.c.message))).scalars().all()
    lines = [
        Line(kind=Say.REDRAW, target=message, dedup=f"{Say.REDRAW}:{message}:{event_id}", at=at, due=at)
        for message in messages
    ]
    if alert is not None:
        dedup = f"{Say.ALERT}:{alert}:{event_id}"
        lines.append(Line(kind=Say.ALERT, target=alert, dedup=dedup, at=at, due=at, body=told))
    await rows.say(connection, lines)


def _freeze_of(row: Row[Any] | None) -> Freeze | None:
    return Freeze(row.by, row.why or "", row.since) if row is not None and row.by is not None else None
