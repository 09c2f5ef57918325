"""A database as the migrations leave it, without making it anew: every row gone but the ones that are always there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.storage.tables import metadata

STATEMENTS: Final = (
    *(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)),
    "INSERT INTO frozen (id) VALUES (1)",
)


def empty_file(file: Path) -> None:
    """The triggers of the audit trail are taken away meanwhile."""
    with closing(sqlite3.connect(file)) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in STATEMENTS:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
