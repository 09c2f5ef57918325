"""The database: does it answer, would it take a write, are its tables the present ones? A running bot is not disturbed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bot.doctor.report import Finding, advice, ok, problem
from bot.domain.errors import JournalUnavailable
from bot.storage.engine import database_url, open_storage, place_of, sqlite_file
from bot.storage.schema import schema_is_current

_ABOUT = "database"
_NEEDED = "The bot writes every decision down before it acts, so it cannot start like this."


async def database_findings(url: str) -> list[Finding]:
    """Never says a password: sentences name the file, or the database and its host."""
    try:
        parsed = database_url(url)
        file = sqlite_file(parsed)
        if file is not None:
            return await _sqlite(url, file)
        return await _postgresql(url, place_of(parsed))
    except JournalUnavailable as error:
        return [problem(_ABOUT, f"{_sentence(error)} {_NEEDED} RECOUP_DATABASE_URL says where it is.")]


async def _sqlite(url: str, file: Path) -> list[Finding]:
    if (trouble := _unwritable(file)) is not None:
        todo = "Give the bot's user write access to the folder and the file, or set RECOUP_DATABASE_URL to another place."
        return [problem(_ABOUT, f"{trouble} {_NEEDED} {todo}")]
    if _is_new(file):
        return [ok(_ABOUT, f"{file} is not there yet; `recoup run` makes it.")]
    if not await schema_is_current(url):
        text = (
            f"The tables in {file} are not those of this version: `recoup migrate` renews them, and so does `recoup run`."
        )
        return [advice(_ABOUT, text)]
    return [ok(_ABOUT, f"{file} can be written and has the present tables. SQLite serves one process.")]


def _is_new(file: Path) -> bool:
    return not file.exists()


def _unwritable(file: Path) -> str | None:
    """SQLite makes files beside the database, so the folder counts as well. Leaves nothing behind, and takes no lock."""
    folder = file.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return f"Nothing can be written into the folder {folder.resolve()} of the database: {error.strerror}."
    for path in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", ".lock"))):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return f"The file {path} of the database cannot be written."
    return None


async def _postgresql(url: str, place: str) -> list[Finding]:
    if not await schema_is_current(url):
        text = f"The tables in {place} are not those of this version, so the bot will not start. Run `recoup migrate`."
        return [problem(_ABOUT, text)]
    async with open_storage(url) as storage:
        await storage.journal.ping()  # a write to a row that only says that somebody was alive
    return [ok(_ABOUT, f"PostgreSQL, {place}: takes writes and has the present tables.")]


def _sentence(error: JournalUnavailable) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
