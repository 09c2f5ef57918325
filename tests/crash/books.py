"""What the journal holds, row by row, the same from SQLite and from PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.sandbox.slack_state import Message
from bot.storage.tables import action, attempt, digest_run, event, offer, outbox, posting

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Books:
    """The tables that the oracle looks at. Times are datetimes, JSON is read."""

    actions: Rows
    attempts: Rows
    events: Rows
    letters: Rows
    postings: Rows
    offers: Rows
    runs: Rows

    @classmethod
    def read(cls, connection: Connection) -> Books:
        return cls(
            actions=rows_of(connection, action),
            attempts=rows_of(connection, attempt),
            events=rows_of(connection, event),
            letters=rows_of(connection, outbox),
            postings=sorted(rows_of(connection, posting), key=lambda row: str(row["ts"])),
            offers=rows_of(connection, offer),
            runs=rows_of(connection, digest_run),
        )


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand between two lives: the database, and the messages that got into Slack."""

    books: Books
    posted: Sequence[Message]


def rows_of(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """Every row, in the order in which they were written."""
    found = connection.execute(select(table).order_by(*table.primary_key.columns))
    return [dict(row) for row in found.mappings()]
