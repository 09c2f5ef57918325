"""The outbox on SQL: letters leave one target at a time, whichever replica sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ports import Letter, Say
from bot.storage import codec, rows
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.instant import EPOCH, Instant, db_now
from bot.storage.rows import Entry
from bot.storage.tables import outbox, outbox_hold

_TRIES = 8
_LONGEST_POSTPONEMENT = timedelta(minutes=30)
_IS_PENDING = outbox.c.state == "pending"
_IS_SAYABLE = outbox.c.kind.in_(list(Say))
"""Rows of a kind that only a newer version knows wait for it."""


@uninterrupted
class SqlOutbox:
    """See `bot.ports.Outbox`. Who holds a row of `outbox_hold` has all due rows of that target."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def next_letter(self, owner: str, lease: timedelta, now: datetime) -> Letter | None:
        async with self._db.write() as connection:
            for _ in range(_TRIES):
                target = await _free_target(connection, now)
                if target is None:
                    return None
                if not await _take(connection, target, owner, lease):
                    continue
                if due := await _due_rows(connection, target, now):
                    return _letter_of(due)
                # Another sender said it between our two looks.
                await connection.execute(delete(outbox_hold).where(_is_held(target, owner)))
            return None

    async def sent(self, letter: Letter, owner: str) -> None:
        async with self._db.write() as connection:
            # Said is said, even if the lease ran out meanwhile.
            await connection.execute(_rows_of(letter).values(state="done", ended_at=db_now()))
            await connection.execute(delete(outbox_hold).where(_is_held(letter.target, owner)))

    async def postpone(self, letter: Letter, owner: str, until: datetime, why: str) -> None:
        async with self._db.write() as connection:
            if await _give_back(connection, letter, owner):
                await connection.execute(_rows_of(letter).values(next_at=until, tries=outbox.c.tries + 1, why=why))

    async def give_up(self, letter: Letter, owner: str, why: str) -> None:
        async with self._db.write() as connection:
            if not await _give_back(connection, letter, owner):
                return
            await connection.execute(_rows_of(letter).values(state="dead", ended_at=db_now(), why=why))
            facts = {"kind": letter.kind, "target": letter.target, "why": why}
            entry = Entry(kind="outbox.dead", at=db_now(), action_id=letter.action_id, facts=facts)
            await rows.append(connection, entry)

    async def next_due(self) -> datetime | None:
        is_held = and_(outbox_hold.c.until > db_now(), outbox_hold.c.until > outbox.c.next_at)
        free_at = case((is_held, outbox_hold.c.until), else_=outbox.c.next_at)
        found = (
            select(func.min(free_at, type_=Instant()))
            .select_from(outbox.outerjoin(outbox_hold, outbox_hold.c.target == outbox.c.target))
            .where(_IS_PENDING, _IS_SAYABLE)
        )
        async with self._db.read() as connection:
            moment: datetime | None = (await connection.execute(found)).scalar()
            return moment

    async def waiting(self) -> int:
        async with self._db.read() as connection:
            found = select(func.count()).select_from(outbox).where(_IS_PENDING)
            return (await connection.execute(found)).scalar_one()

    async def oldest(self, now: datetime) -> datetime | None:
        """Since when the message waits that is due longest; None where nothing is due."""
        # A redraw that was planned ahead counts from its own time, what was tried in vain from when it was written.
        since = case((outbox.c.tries > 0, outbox.c.created_at), else_=outbox.c.next_at)
        is_waiting = and_(_IS_PENDING, or_(outbox.c.tries > 0, outbox.c.next_at <= now), outbox.c.created_at > EPOCH)
        async with self._db.read() as connection:
            moment: datetime | None = (
                await connection.execute(select(func.min(since, type_=Instant())).where(is_waiting))
            ).scalar()
            return moment


def _is_held(target: str, owner: str) -> ColumnElement[bool]:
    return and_(outbox_hold.c.target == target, outbox_hold.c.owner == owner)


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Also what a clock that was set back an hour would hold up: what was to be said at once, and a postponement
    longer than any that is made."""
    at_once = and_(outbox.c.tries == 0, outbox.c.next_at <= outbox.c.created_at)
    held_up = and_(outbox.c.tries > 0, outbox.c.next_at > now + _LONGEST_POSTPONEMENT)
    return or_(outbox.c.next_at <= now, at_once, held_up)


async def _free_target(connection: AsyncConnection, now: datetime) -> str | None:
    in_hands = exists(select(1).where(outbox_hold.c.target == outbox.c.target, outbox_hold.c.until > db_now()))
    found = (
        select(outbox.c.target)
        .where(_IS_PENDING, _IS_SAYABLE, _is_due(now), ~in_hands)
        .order_by(outbox.c.next_at, outbox.c.id)
        .limit(1)
    )
    return (await connection.execute(found)).scalar()


async def _take(connection: AsyncConnection, target: str, owner: str, lease: timedelta) -> bool:
    """The primary key makes the second of two senders wait for the first one's commit, and then find it taken."""
    mine = {"owner": owner, "until": db_now(lease)}
    held = (
        insert_into(connection, outbox_hold)
        .values(target=target, **mine)
        .on_conflict_do_update(index_elements=["target"], set_=mine, where=outbox_hold.c.until <= db_now())
        .returning(outbox_hold.c.target)
    )
    return (await connection.execute(held)).first() is not None


async def _due_rows(connection: AsyncConnection, target: str, now: datetime) -> Sequence[Row[Any]]:
    # An answer tells the newest state, so what was to be answered a little later is answered with it.
    is_due = or_(_is_due(now), outbox.c.kind == Say.ANSWER.value)
    found = select(outbox).where(outbox.c.target == target, _IS_PENDING, _IS_SAYABLE, is_due)
    return (await connection.execute(found.order_by(outbox.c.id))).all()


async def _give_back(connection: AsyncConnection, letter: Letter, owner: str) -> bool:
    """False when the lease ran out and somebody else took over: then the rows are theirs to judge."""
    ended = delete(outbox_hold).where(_is_held(letter.target, owner))
    return (await connection.execute(ended)).rowcount == 1


def _rows_of(letter: Letter) -> Any:
    return update(outbox).where(outbox.c.id.in_(letter.rows), _IS_PENDING)


def _letter_of(due: Sequence[Row[Any]]) -> Letter:
    newest = due[-1]
    return Letter(
        rows=tuple(row.id for row in due),
        kind=Say(due[0].kind),
        target=newest.target,
        action_id=next((row.action_id for row in reversed(due) if row.action_id), None),
        body=_body_of(newest.body),
        tries=max(row.tries for row in due),
        first_at=min(row.created_at for row in due),
    )


def _body_of(stored: dict[str, Any]) -> dict[str, object]:
    """A refusal's letter and a verdict's carry the domain's objects, every other body is plain texts."""
    body: dict[str, object] = dict(stored)
    if "refusal" in stored and "reply_to" in stored:
        body["refusal"] = codec.read_refusal(stored["refusal"])
        body["reply_to"] = codec.read_reply_to(stored["reply_to"])
    if "verdict" in stored:
        body["verdict"] = codec.read_verdict(stored["verdict"])
    return body
