"""Bringing a database to the present tables with Alembic, which is loaded only where it is needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.errors import JournalUnavailable
from bot.storage.database import translated
from bot.storage.engine import database_url, in_use, look_at, looking_engine, place_of, sqlite_file, writing_engine
from bot.storage.lock import FileLock

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 7_263_687
"""Any number of ours: replicas that start together migrate one after the other."""


async def migrate(url: str) -> None:
    """Bring the database at `url` up to date; does nothing where it is. A SQLite file is made where there is none.

    Raises JournalUnavailable, also where a running bot has the SQLite file.
    """
    parsed = database_url(url)
    file = sqlite_file(parsed)
    if file is None:
        await _upgrade(parsed)
        return
    lock = FileLock(file)
    if not lock.take():
        raise JournalUnavailable(in_use(place_of(parsed), None))
    try:
        _make_private(file)
        await _upgrade(parsed)
    finally:
        lock.free()


def is_sqlite(url: str) -> bool:
    """Whether `run` migrates this database by itself. Raises JournalUnavailable for a URL that can't be used."""
    return sqlite_file(database_url(url)) is not None


async def schema_is_current(url: str) -> bool:
    """Whether the tables are the ones that this version knows; False where there is no SQLite file yet."""
    parsed = database_url(url)
    file = sqlite_file(parsed)
    if file is not None and not file.exists():
        return False
    if file is not None:
        look_at(file, os.O_RDONLY)
    engine = looking_engine(file) if file is not None else writing_engine(parsed)
    try:
        with translated(place_of(parsed)):
            async with engine.connect() as connection:
                return await connection.run_sync(_is_current)
    finally:
        await engine.dispose()


async def _upgrade(url: URL) -> None:
    # A migration may take longer than any statement of the running bot.
    engine = writing_engine(url, mode="rwc") if sqlite_file(url) else create_async_engine(url, hide_parameters=True)
    try:
        with translated(place_of(url)):
            async with engine.begin() as connection:
                await connection.run_sync(_run_migrations)
    finally:
        await engine.dispose()


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - Alembic takes a tenth of a second to load

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_current(connection: Connection) -> bool:
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    heads = ScriptDirectory.from_config(_config()).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _make_private(file: Path) -> None:
    """The journal names customers and holds response_urls: a new file is its owner's alone."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise JournalUnavailable(f"the database {file} cannot be opened: {error.strerror}") from error
