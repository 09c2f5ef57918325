"""Opening the database behind RECOUP_DATABASE_URL: engines, pragmas, and the one-writer lock of a SQLite file."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, and_, delete, event, make_url, or_, select, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.domain.errors import JournalUnavailable
from bot.storage.audit import SqlAuditTrail
from bot.storage.database import Database, insert_into
from bot.storage.digests import SqlDigestLog
from bot.storage.epoch import SqlEpoch
from bot.storage.instant import db_now
from bot.storage.journal import SqlJournal
from bot.storage.lock import FileLock
from bot.storage.outbox import SqlOutbox
from bot.storage.tables import mark
from bot.storage.watching import SqlWatchlist

_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_SQLITE = frozenset({"sqlite", "sqlite+aiosqlite"})
_LIBPQ_ONLY = frozenset({"channel_binding", "gssencmode", "connect_timeout"})
"""Parameters that providers put into their URLs and asyncpg does not know."""
_UNCHANGING = "unchanging"
_MODES = {"ro": {"mode": "ro"}, "rw": {"mode": "rw"}, "rwc": {"mode": "rwc"}, _UNCHANGING: {"mode": "ro", "immutable": "1"}}
_BUSY_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
_REPLICA = "replica:"
"""How the marks of running bots on PostgreSQL begin."""
_SILENCE = timedelta(seconds=60)
"""Four of the looks of `/healthz`, each of which leaves a mark."""
_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores over one database."""

    journal: SqlJournal
    outbox: SqlOutbox
    digests: SqlDigestLog
    watchlist: SqlWatchlist
    audit: SqlAuditTrail
    epoch: SqlEpoch


def database_url(text: str) -> URL:
    """The URL with the driver that we use; raises JournalUnavailable, without repeating it, for one that can't be used."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is not None and url.drivername in _POSTGRESQL:
        query = {key: value for key, value in url.query.items() if key not in _LIBPQ_ONLY and key != "sslmode"}
        if (ssl := url.query.get("sslmode")) is not None:
            query["ssl"] = ssl
        return url.set(drivername="postgresql+asyncpg", query=query)
    if url is not None and url.drivername in _SQLITE and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    raise JournalUnavailable(
        "the database URL cannot be used: write sqlite+aiosqlite:///recoup.db or postgresql+asyncpg://user@host/name"
    )


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite URL, None for PostgreSQL."""
    return Path(url.database or "") if url.drivername in _SQLITE else None


def place_of(url: URL) -> str:
    """What to call the database in a sentence."""
    return str(sqlite_file(url) or f"{url.database} at {url.host or url.query.get('host') or 'the local socket'}")


def writing_engine(url: URL, *, mode: str = "rw") -> AsyncEngine:
    """`mode` is SQLite's: `rw` refuses to make an empty database where the file is missing, `rwc` makes one."""
    if (file := sqlite_file(url)) is None:
        return create_async_engine(
            url,
            pool_size=5,
            max_overflow=5,
            pool_timeout=_ANSWER_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"timeout": _ANSWER_SECONDS, "command_timeout": _ANSWER_SECONDS},
        )
    return _sqlite_engine(file, mode, 1, "BEGIN IMMEDIATE")


def looking_engine(file: Path) -> AsyncEngine:
    """For a short look that may leave nothing behind: an ordinary reader makes -wal and -shm where nobody has the file
    open, and these, made by root say, would keep the bot's own user out."""
    has_wal = file.with_name(file.name + "-wal").exists()
    return _sqlite_engine(file, "ro" if has_wal else _UNCHANGING, 4, "BEGIN")


def _reading_engine(file: Path) -> AsyncEngine:
    return _sqlite_engine(file, "ro", 4, "BEGIN")


def _sqlite_engine(file: Path, mode: str, connections: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=f"file:{quote(str(file))}", query={**_MODES[mode], "uri": "true"}),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_ANSWER_SECONDS,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        try:
            # The driver would begin transactions by itself, and only at the first write.
            connection.isolation_level = None
            cursor = connection.cursor()
            if mode in {"rw", "rwc"}:
                cursor.execute("PRAGMA journal_mode = WAL")
            # With less than FULL, the last commits may vanish when the power fails, and with them an acknowledged press.
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()
        except BaseException:
            # The pool does not know this connection yet and would leave its thread running.
            connection.close()
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def open_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


@asynccontextmanager
async def open_storage(
    url: str, *, read_only: bool = False, exclusive: bool = False, alone: bool = False
) -> AsyncGenerator[Storage]:
    """The stores over the database at `url`, which has to be migrated already.

    `read_only` opens a SQLite file beside a running bot and can write nothing; `exclusive` is for a process that does the
    work: on SQLite a second one is refused. `alone` refuses beside a running bot on PostgreSQL, too, where replicas are
    welcome otherwise. Raises JournalUnavailable with one sentence and no password.
    """
    parsed = database_url(url)
    file = sqlite_file(parsed)
    if file is not None:
        look_at(file, os.O_RDONLY if read_only else os.O_RDWR)
    lock = FileLock(file) if file and exclusive else None
    pulse = f"{_REPLICA}{secrets.token_hex(8)}" if exclusive and file is None else "pulse"
    database = _database(parsed, file, read_only=read_only)
    try:
        async with database.read() as connection:
            await connection.execute(text("SELECT 1"))
        if lock is not None:
            await _own(lock, database)
        if alone and (pid := await _replica_of(database)) is not None:
            raise JournalUnavailable(_in_service(database.place, pid))
        journal = SqlJournal(database, pulse)
        if pulse.startswith(_REPLICA):
            await journal.ping()
        yield Storage(
            journal=journal,
            outbox=SqlOutbox(database),
            digests=SqlDigestLog(database),
            watchlist=SqlWatchlist(database),
            audit=SqlAuditTrail(database),
            epoch=SqlEpoch(database, file),
        )
    finally:
        if pulse.startswith(_REPLICA):
            await _sign_off(database, pulse)
        await database.close()
        if lock is not None:
            lock.free()


def look_at(file: Path, how: int) -> None:
    """The system says more exactly than SQLite why a file cannot be opened."""
    try:
        os.close(os.open(file, how))
    except OSError as error:
        raise JournalUnavailable(f"the database {file} cannot be opened: {error.strerror}") from error


def _database(url: URL, file: Path | None, *, read_only: bool) -> Database:
    if file is None:
        engine = writing_engine(url)
        return Database(engine, engine, place_of(url))
    if read_only:
        engine = looking_engine(file)
        return Database(engine, engine, place_of(url))
    return Database(writing_engine(url), _reading_engine(file), place_of(url))


async def _own(lock: FileLock, database: Database) -> None:
    """Take the lock and write down who has it, for the sentence that the next one gets."""
    if not lock.take():
        raise JournalUnavailable(await _in_use(database))
    async with database.write() as connection:
        mine = {"pid": os.getpid(), "at": db_now()}
        row = insert_into(connection, mark).values(name="writer", **mine)
        await connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=mine))


async def _replica_of(database: Database) -> int | None:
    """The process of a bot that works on this PostgreSQL; None where none has shown itself lately."""
    if database.is_sqlite:
        return None
    is_there = and_(mark.c.name.startswith(_REPLICA), mark.c.at > db_now(-_SILENCE))
    async with database.read() as connection:
        return (await connection.execute(select(mark.c.pid).where(is_there).limit(1))).scalar()


async def _sign_off(database: Database, pulse: str) -> None:
    """Nobody has to wait for a bot that has ended properly. One that was killed is forgotten after a minute."""
    is_over = or_(mark.c.name == pulse, and_(mark.c.name.startswith(_REPLICA), mark.c.at < db_now(-_FORGOTTEN)))
    with contextlib.suppress(JournalUnavailable):
        async with database.write() as connection:
            await connection.execute(delete(mark).where(is_over))


def _in_service(place: str, pid: int) -> str:
    return (
        f"the database {place} is in use by a `recoup run` (process {pid}, seen within the last minute); stop it first, or "
        "wait a minute where it was killed"
    )


async def _in_use(database: Database) -> str:
    async with database.read() as connection:
        return in_use(database.place, await writer_of(connection))


async def writer_of(connection: AsyncConnection) -> int | None:
    return (await connection.execute(select(mark.c.pid).where(mark.c.name == "writer"))).scalar()


def in_use(place: str, pid: int | None) -> str:
    process = f" (process {pid})" if pid else ""
    return f"the database {place} is in use by another `recoup run`{process}; only one may work on a SQLite file"
