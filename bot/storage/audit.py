"""The audit trail on SQL: reading events as they lie there, and the chain of seals over them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, Text, and_, cast, func, select, text, true
from sqlalchemy.exc import DBAPIError

from bot.domain.audit import AuditEvent, Seal
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.tables import event, seal

_LOCK_WITHIN = "250ms"
"""Whoever writes an event waits behind us so long at most; a press has to be acknowledged within three seconds."""
_LOCK_NOT_AVAILABLE = "55P03"

_EVENT = select(
    event.c.id,
    cast(event.c.at, BigInteger).label("at"),
    event.c.kind,
    event.c.actor,
    event.c.action_id,
    event.c.account,
    event.c.invoice,
    # As it was written, to the letter: what is no JSON any more has to be read as well.
    cast(event.c.facts, Text).label("facts"),
).order_by(event.c.id)
_SEAL = select(
    seal.c.id, seal.c.previous, seal.c.last_event, seal.c.events, cast(seal.c.at, BigInteger).label("at"), seal.c.digest
).order_by(seal.c.id)


class _BusyError(Exception):
    """Somebody writes events for longer than we may wait."""


@uninterrupted
class SqlAuditTrail:
    """See `bot.ports.AuditTrail`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def horizon(self, after: int | None) -> int | None:
        newest = select(func.max(event.c.id)).where(_beyond(after))
        async with self._db.read() as connection:
            found: int | None = (await connection.execute(newest)).scalar()
        if found is None or self._db.is_sqlite:  # SQLite's one writer makes ids visible in their order
            return found
        try:
            async with self._db.write() as connection:
                try:
                    # PostgreSQL gives out ids before commits: a lower one may still appear, until nobody is writing.
                    await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WITHIN}'"))
                    await connection.execute(text("LOCK TABLE event IN SHARE MODE"))
                except DBAPIError as error:
                    if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                        raise _BusyError from error
                    raise
                settled: int | None = (await connection.execute(newest)).scalar()
                return settled
        except _BusyError:
            return None

    async def events(self, after: int | None, through: int | None, limit: int) -> list[AuditEvent]:
        wanted = _EVENT.where(_beyond(after), event.c.id <= through if through is not None else true())
        return await self._events(wanted.limit(limit))

    async def between(self, since: int, until: int | None, after: int | None, limit: int) -> list[AuditEvent]:
        at = cast(event.c.at, BigInteger)
        is_meant = and_(at >= since, at < until if until is not None else true())
        return await self._events(_EVENT.where(_beyond(after), is_meant).limit(limit))

    async def _events(self, wanted: Select[Any]) -> list[AuditEvent]:
        async with self._db.read() as connection:
            return [_event_of(row) for row in await connection.execute(wanted)]

    async def newest_seal(self) -> Seal | None:
        async with self._db.read() as connection:
            row = (await connection.execute(_SEAL.order_by(None).order_by(seal.c.id.desc()).limit(1))).first()
            return _seal_of(row) if row else None

    async def seals(self, after: int | None, limit: int) -> list[Seal]:
        wanted = _SEAL.where(seal.c.id > after if after is not None else true()).limit(limit)
        async with self._db.read() as connection:
            return [_seal_of(row) for row in await connection.execute(wanted)]

    async def add_seal(self, new: Seal) -> bool:
        values = {
            "previous": new.previous,
            "last_event": new.last_event,
            "events": new.events,
            "at": cast(new.at, BigInteger),
            "digest": new.digest,
        }
        async with self._db.write() as connection:
            insertion = insert_into(connection, seal).values(values).on_conflict_do_nothing().returning(seal.c.id)
            return (await connection.execute(insertion)).first() is not None

    async def unsealed(self, after: int | None) -> int:
        async with self._db.read() as connection:
            found = select(func.count()).select_from(event).where(_beyond(after))
            return (await connection.execute(found)).scalar_one()


def _beyond(after: int | None) -> ColumnElement[bool]:
    return event.c.id > after if after is not None else true()


def _event_of(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        id=row.id,
        at=row.at,
        kind=row.kind,
        actor=row.actor,
        action_id=row.action_id,
        account=row.account,
        invoice=row.invoice,
        facts=row.facts,
    )


def _seal_of(row: Row[Any]) -> Seal:
    return Seal(
        id=row.id, previous=row.previous, last_event=row.last_event, events=row.events, at=row.at, digest=row.digest
    )
