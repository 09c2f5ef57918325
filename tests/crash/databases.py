"""The two kinds of database: set up for a round, read as a dead process left it, and where its leases run out."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Table, create_engine, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.storage.engine import database_url
from bot.storage.instant import db_now
from bot.storage.tables import action, digest_run, metadata, outbox_hold
from tests.crash.books import Books, rows_of
from tests.postgres import fresh_database

SQLITE, POSTGRESQL = "sqlite", "postgresql"
KINDS = (SQLITE, POSTGRESQL)
Kept = Path | Mapping[str, list[dict[str, Any]]]
"""A database put by, to be set up again: a file, or the rows of every table."""
_MARGIN = timedelta(seconds=1)
_QUIET_SECONDS = 20.0


class Database(Protocol):
    """One database, used for one round after the other."""

    @property
    def url(self) -> str: ...
    async def keep(self) -> Kept:
        """Put it by; nobody is using it."""

    async def restore(self, kept: Kept) -> None: ...
    async def read(self) -> Books:
        """As it is now, without tidying up what a dead process left."""

    async def pass_leases(self) -> float:
        """Let the leases of the dead run out; answers how many seconds that takes in earnest."""


class SqliteFile:
    """See `Database`. A start frees every lease, for only one process can have the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = folder / "recoup.db"

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.file}"

    async def keep(self) -> Path:
        return self.file

    async def restore(self, kept: Kept) -> None:
        assert isinstance(kept, Path)
        # With the file that says which database was used here last: without it the bot takes this one for a stray copy.
        for part in [kept, *kept.parent.glob(f"{kept.name}.epoch")]:
            shutil.copy(part, self.file.with_name(part.name))

    async def read(self) -> Books:
        looked_at = self._folder / "as-left"
        looked_at.mkdir()
        try:
            for part in self._folder.glob("recoup.db*"):
                shutil.copy(part, looked_at / part.name)
            engine = create_engine(f"sqlite:///{looked_at / self.file.name}", poolclass=NullPool)
            with engine.connect() as connection:
                return Books.read(connection)
        finally:
            shutil.rmtree(looked_at)

    async def pass_leases(self) -> float:
        return 0.0


class PostgresqlDatabase:
    """See `Database`. Leases are on the server's clock, which nobody can turn: waiting is done by moving the ends of the
    leases into the past, by as much as the longest of them still had."""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        self.url = url
        self._engine = engine

    async def keep(self) -> Kept:
        async with self._engine.connect() as connection:
            return await connection.run_sync(_all_rows)

    async def restore(self, kept: Kept) -> None:
        assert isinstance(kept, Mapping)
        async with self._engine.begin() as connection:
            await _alone(connection)
            # As a replica would: the triggers that keep the audit trail from being changed stay quiet.
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await connection.run_sync(_fill, kept)

    async def read(self) -> Books:
        async with self._engine.connect() as connection:
            await _alone(connection)
            return await connection.run_sync(Books.read)

    async def pass_leases(self) -> float:
        ends = (
            select(func.max(action.c.lease_until)),
            select(func.max(outbox_hold.c.until)),
            select(func.max(digest_run.c.lease_until)).where(digest_run.c.state == "building"),
        )
        async with self._engine.begin() as connection:
            await _alone(connection)
            now = (await connection.execute(select(db_now()))).scalar_one()
            found = [(await connection.execute(end)).scalar() for end in ends]
            left = max(((end - now).total_seconds() for end in found if end is not None), default=0.0)
            if left <= 0:
                return 0.0
            past = db_now(-_MARGIN)
            await connection.execute(update(action).where(action.c.lease_until > past).values(lease_until=past))
            await connection.execute(update(outbox_hold).where(outbox_hold.c.until > past).values(until=past))
            await connection.execute(update(digest_run).where(digest_run.c.lease_until > past).values(lease_until=past))
            return left + _MARGIN.total_seconds()


@asynccontextmanager
async def database(kind: str, folder: Path) -> AsyncGenerator[Database]:
    """An empty database of that kind; `folder` is there, for a file."""
    if kind == SQLITE:
        yield SqliteFile(folder)
        return
    url = fresh_database()  # here and not in a thread: two of them at once would start two servers
    engine = create_async_engine(database_url(url), pool_size=1, max_overflow=0)
    try:
        yield PostgresqlDatabase(url, engine)
    finally:
        await engine.dispose()


async def _alone(connection: AsyncConnection) -> None:
    """What a dead process had on its way to the server is carried out first: its last COMMIT, say."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    deadline = time.monotonic() + _QUIET_SECONDS
    while (await connection.execute(others)).scalar_one():
        # Inside one transaction the server would go on telling what it told first.
        await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        if time.monotonic() > deadline:
            raise TimeoutError("a dead process is still at the database")
        await asyncio.sleep(0.003)


def _all_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {table.name: rows_of(connection, table) for table in metadata.sorted_tables}


def _fill(connection: Connection, kept: Mapping[str, list[dict[str, Any]]]) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))
    for table in metadata.sorted_tables:
        if kept[table.name]:
            connection.execute(insert(table), kept[table.name])
        if (serial := _serial_of(table)) is not None:
            newest = max((row[serial] for row in kept[table.name]), default=0)
            counter = func.pg_get_serial_sequence(table.name, serial)
            connection.execute(select(func.setval(counter, newest + 1, False)))


def _serial_of(table: Table) -> str | None:
    column = table.autoincrement_column
    return column.name if column is not None and column.autoincrement is True else None
