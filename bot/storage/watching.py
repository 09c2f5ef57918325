"""The watch list on SQL: which invoices somebody wants to see in every digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from bot.domain.digest import Watched
from bot.domain.invoice import InvoiceRef
from bot.storage import rows
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.rows import Entry
from bot.storage.tables import watch


@uninterrupted
class SqlWatchlist:
    """See `bot.ports.Watchlist`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def watch(self, ref: InvoiceRef, by: str, at: datetime) -> bool:
        async with self._db.write() as connection:
            new = insert_into(connection, watch).values(account=ref.account, invoice=ref.id, by=by, since=at)
            is_news = (await connection.execute(new.on_conflict_do_nothing().returning(watch.c.by))).first() is not None
            if is_news:
                await rows.append(connection, Entry(kind="watch.begun", at=at, actor=by, ref=ref, facts={"ref": ref}))
            return is_news

    async def unwatch(self, ref: InvoiceRef, by: str, at: datetime) -> bool:
        async with self._db.write() as connection:
            gone = delete(watch).where(rows.about(watch.c, ref)).returning(watch.c.by)
            is_news = (await connection.execute(gone)).first() is not None
            if is_news:
                await rows.append(connection, Entry(kind="watch.ended", at=at, actor=by, ref=ref, facts={"ref": ref}))
            return is_news

    async def watched(self, accounts: Sequence[str]) -> list[Watched]:
        found = select(watch).where(watch.c.account.in_(accounts)).order_by(watch.c.since, watch.c.account, watch.c.invoice)
        async with self._db.read() as connection:
            return [
                Watched(InvoiceRef(row.account, row.invoice), row.by, row.since) for row in await connection.execute(found)
            ]
