"""One database with its two doors, writing and reading, and the one place where its errors become ours."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from asyncpg.exceptions import InterfaceError, PostgresError  # type: ignore[import-untyped]
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.errors import JournalUnavailable

_Store = TypeVar("_Store")
_Answer = TypeVar("_Answer")

_TROUBLES = (SQLAlchemyError, PostgresError, InterfaceError, sqlite3.Error, OSError)
_SENTENCES = (
    ("readonly database", "is read-only"),
    (
        "unable to open database file",
        "cannot be opened; may this user write in its directory?",
    ),
    ("is not a database", "is not a Recoup database"),
    ("database or disk is full", "has no space left on its disk"),
    ("database is locked", "is locked by another process"),
    ("disk i/o error", "sits on a disk that reports an error"),
    ("no such table", "has no tables yet, or old ones; run `recoup migrate`"),
    ("no such column", "has old tables; run `recoup migrate`"),
    ("undefinedtable", "has no tables yet, or old ones; run `recoup migrate`"),
    ("undefinedcolumn", "has old tables; run `recoup migrate`"),
    ("invalidcatalogname", "does not exist on its server"),
    ("password", "did not accept the user or the password"),
    ("invalidauthorization", "did not accept the user or the password"),
    ("connectionrefused", "cannot be reached: the connection was refused"),
    ("gaierror", "cannot be reached: its host name is not known"),
    ("filenotfound", "cannot be reached: there is no such socket"),
    ("timeout", "did not answer in time"),
)
_SECRET = re.compile(r"//[^/\s]*@|password=\S+")


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turns every error of SQLAlchemy, the drivers and the system into one sentence about the database at `place`.

    Ours pass through, and so does a cancellation: whoever cancels must hear of it.
    """
    try:
        yield
    except _TROUBLES as error:
        raise JournalUnavailable(f"the database {place} {_sentence(error)}") from error


def _sentence(error: BaseException) -> str:
    cause: BaseException = error
    while isinstance(cause, DBAPIError) and cause.orig is not None:
        cause = cause.orig
    # SQLAlchemy wraps asyncpg's errors once more; the class of the innermost one says most.
    cause = cause.__cause__ or cause
    text = (str(cause).splitlines() or [""])[0]
    marks = f"{type(cause).__name__} {text}".lower()
    for mark, sentence in _SENTENCES:
        if mark in marks:
            return sentence
    return f"gave an error: {_SECRET.sub('', text)[:200]} ({type(cause).__name__})"


class Database:
    """Every method of the stores is one `write()` or one `read()`, and each of these is one transaction.

    On SQLite the writer is a pool of one connection whose transactions begin IMMEDIATE: waiting happens in our queue,
    in order, instead of in SQLite's lock polling.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, place: str) -> None:
        self._writer = writer
        self._reader = reader
        self._running: set[asyncio.Task[Any]] = set()
        self.place = place
        """What to call the database in an error: a file, or host and name, never a password."""

    @property
    def is_sqlite(self) -> bool:
        return self._writer.dialect.name == "sqlite"

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end, rolls back on any exception."""
        with translated(self.place):
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with translated(self.place):
            async with self._reader.connect() as connection:
                yield connection

    async def to_its_end(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Await `work` in a task of its own: when the caller is cancelled, the work still commits or rolls back."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
        # The writer last: the last connection to a SQLite file folds its log into the file, and a reader could not.
        await self._reader.dispose()
        await self._writer.dispose()


def uninterrupted(store: type[_Store]) -> type[_Store]:
    """A class decorator: every public method of the store runs to its end, whoever is cancelled meanwhile.

    A driver that is cancelled in the middle of a statement may leave its transaction open behind it, and on SQLite an open
    transaction locks out every later press. The store has its Database as `_db`.
    """
    for name, method in list(vars(store).items()):
        if not name.startswith("_") and inspect.iscoroutinefunction(method):
            setattr(store, name, _to_its_end(method))
    return store


def _to_its_end(method: Callable[..., Coroutine[Any, Any, _Answer]]) -> Callable[..., Coroutine[Any, Any, _Answer]]:
    @functools.wraps(method)
    async def run(self: Any, *args: object, **kwargs: object) -> _Answer:
        database: Database = self._db
        return await database.to_its_end(method(self, *args, **kwargs))

    return run


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT; both databases read the same words."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
