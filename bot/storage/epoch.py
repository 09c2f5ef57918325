"""Noticing that a database is a copy put in the place of the one last used: what was done since is not in it.

SQLite: a small file beside the database says which one was used last and how far its audit trail reached. PostgreSQL: the
database itself says where it lives, and a row in it says where it lived when it was used last.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import JournalUnavailable
from bot.domain.freeze import BOT
from bot.ports import Say
from bot.storage import rows
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.instant import EPOCH, db_now
from bot.storage.rows import Entry, Line
from bot.storage.tables import epoch, event

_PLACES: Mapping[str, str] = {
    "system": "SELECT CAST(system_identifier AS text) FROM pg_control_system()",
    # The running one: what pg_control_checkpoint() says is late after a promotion.
    "timeline": "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
    "database": "SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()",
    "table": "SELECT CAST(CAST('action' AS regclass) AS oid)::text",
}
"""Where a PostgreSQL database lives. A dump that is read back gets another table, a copied or recovered server another
timeline; a user may be kept from asking for some of it."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """What a look came to: the row as it was, the one to be written now, how far the trail reaches, and why this is not the
    database last used."""

    before: str | None
    now: str
    last_event: int
    why: str | None


@dataclass(frozen=True, slots=True)
class _Beside:
    """What the file beside a SQLite database says. Two epochs where a process died between the file and the row."""

    epochs: tuple[str, ...]
    last_event: int


@uninterrupted
class SqlEpoch:
    """`look`, then `settle`, once at every start; `keep` now and then. `file` is the SQLite database."""

    def __init__(self, database: Database, file: Path | None) -> None:
        self._db = database
        self._path = file.with_name(file.name + ".epoch") if file is not None else None

    async def look(self) -> Found:
        """Changes nothing."""
        async with self._db.read() as connection:
            before = (await connection.execute(select(epoch.c.database))).scalar()
            last_event = await _last_event(connection)
        if self._path is not None:
            beside = await asyncio.to_thread(_read, self._path)
            why = _objection(self._path.name, before, beside, last_event)
            return Found(before, secrets.token_hex(16), last_event, why)
        now = await self._place()
        return Found(before, json.dumps(now, sort_keys=True), last_event, _moved(before, now))

    async def settle(self, found: Found, at: datetime) -> None:
        """From now on, this is the database last used. Where it was not, that is an event and told to the operators, once,
        whichever replica comes first. The bot has to be frozen before: after this, nothing tells any more."""
        if self._path is not None:
            # A process may die at any point: both are good until the row is written.
            await self._write([each for each in (found.before, found.now) if each], found.last_event)
        async with self._db.write() as connection:
            if not await _replaced(connection, found):
                return
            if found.why is not None:
                await _report(connection, found.why, at)
        if self._path is not None:
            await self._write([found.now], found.last_event)

    async def keep(self) -> None:
        """Note how far the trail reaches, so that an older copy of the same run is noticed, too."""
        if self._path is None:
            return
        async with self._db.read() as connection:
            current = (await connection.execute(select(epoch.c.database))).scalar()
            last_event = await _last_event(connection)
        if current is not None and await asyncio.to_thread(_read, self._path) != _Beside((current,), last_event):
            await self._write([current], last_event)

    async def _place(self) -> dict[str, str]:
        place: dict[str, str] = {}
        async with self._db.read() as connection:
            for name, question in _PLACES.items():
                try:
                    async with connection.begin_nested():
                        place[name] = str((await connection.execute(text(question))).scalar_one())
                except DBAPIError:
                    _log.warning("database.place_unknown", part=name)
        return place

    async def _write(self, epochs: list[str], last_event: int) -> None:
        if self._path is not None:
            await asyncio.to_thread(_replace, self._path, json.dumps({"epochs": epochs, "last_event": last_event}))


def _objection(name: str, before: str | None, beside: _Beside | None, last_event: int) -> str | None:
    if before is None:
        if beside is None or last_event == 0:
            return None  # its first start, or a new database
        return "the database is a copy from before an upgrade, and another one was used here since"
    if beside is None:
        return f"the database was copied or moved here without its file {name}"
    if before not in beside.epochs:
        return "the database is a copy, and another one was used here since"
    if last_event < beside.last_event:
        return "the database is an older copy: events that were written here are missing from it"
    return None


def _moved(before: str | None, now: Mapping[str, str]) -> str | None:
    """Only what could be asked for both times is compared."""
    then = _place_of(before)
    other = [name for name in then if name in now and then[name] != now[name]]
    if not other:
        return None
    return f"the database was restored or moved: it does not live where it was used last (another {' and '.join(other)})"


def _place_of(before: str | None) -> Mapping[str, object]:
    try:
        read = json.loads(before or "")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


async def _replaced(connection: AsyncConnection, found: Found) -> bool:
    """False where another replica has noticed the same and was first."""
    mine = {"database": found.now, "at": db_now()}
    row = insert_into(connection, epoch).values(id=1, **mine)
    if found.before is None:
        row = row.on_conflict_do_nothing()
    else:
        row = row.on_conflict_do_update(index_elements=["id"], set_=mine, where=epoch.c.database == found.before)
    return (await connection.execute(row.returning(epoch.c.id))).first() is not None


async def _report(connection: AsyncConnection, why: str, at: datetime) -> None:
    event_id = await rows.append(connection, Entry(kind="database.restored", at=at, actor=BOT, facts={"why": why}))
    line = Line(
        kind=Say.ALERT,
        target="database_restored",
        dedup=f"{Say.ALERT}:{event_id}:{secrets.token_hex(4)}",  # the copy may have sent one under the same id
        at=EPOCH,
        due=EPOCH,
        body={"detail": why},
    )
    await rows.say(connection, [line])


async def _last_event(connection: AsyncConnection) -> int:
    newest: int | None = (await connection.execute(select(func.max(event.c.id)))).scalar()
    return newest or 0


def _read(path: Path) -> _Beside | None:
    """None where there is none, or none that makes sense."""
    try:
        read = json.loads(path.read_text())
        return _Beside(tuple(map(str, read["epochs"])), int(read["last_event"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return None
    except OSError as error:
        raise JournalUnavailable(f"the file {path} cannot be read: {error.strerror}") from error


def _replace(path: Path, content: str) -> None:
    """Whole or not at all, and on the disk before this returns."""
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise JournalUnavailable(f"the file {path} cannot be written: {error.strerror}") from error
