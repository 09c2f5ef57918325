"""The journal's reading half: offers, messages, decisions and their history. Nothing here writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import BigInteger, Select, and_, case, func, or_, select

from bot.domain.action import LIVE, MAY_HAVE_REACHED_THE_BANK, Action, ActionState
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.money import Money
from bot.domain.offer import Offer
from bot.domain.records import ActionRecord, HistoryEntry
from bot.storage import rows
from bot.storage.database import Database, uninterrupted
from bot.storage.instant import Instant, db_now
from bot.storage.tables import action, attempt, event, offer, posting

ENDED_BY_SENDING = (
    ActionState.SUCCEEDED,
    ActionState.DECLINED,
    ActionState.REJECTED,
    ActionState.NOT_APPLIED,
    ActionState.UNSETTLED,
)
"""States of an ended action that counts in an offer's version; REFUSED and EXPIRED were never sent."""
IS_KNOWN = action.c.kind.in_(list(Action))
"""Kinds of decisions that only a newer version knows are left to it."""


_LOOKED_AT = 10
"""Decisions looked at for one that is for all, offers for one that can be read; after so many, nothing is worth telling."""


@uninterrupted
class JournalReading:
    """See `bot.ports.Journal`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def offer(self, offer_id: str) -> Offer | None:
        async with self._db.read() as connection:
            found = rows.readable_offers(await connection.execute(select(offer).where(offer.c.id == offer_id)))
            return found[0] if found else None

    async def postings(self, message: str) -> list[tuple[str, str]]:
        found = select(posting.c.channel, posting.c.ts).where(posting.c.message == message)
        async with self._db.read() as connection:
            result = await connection.execute(found.order_by(posting.c.posted_at, posting.c.ts))
            return [(row.channel, row.ts) for row in result]

    async def shown(self, message: str) -> list[Offer]:
        found = select(offer).where(offer.c.message == message, rows.IS_NEWEST).order_by(offer.c.row_no)
        async with self._db.read() as connection:
            return rows.readable_offers(await connection.execute(found))

    async def last_seen(self, ref: InvoiceRef) -> Invoice | None:
        found = select(offer).where(rows.about(offer.c, ref)).order_by(offer.c.seq.desc()).limit(_LOOKED_AT)
        async with self._db.read() as connection:
            readable = rows.readable_offers(await connection.execute(found))
        if not readable:
            return None
        shown = readable[0]
        return replace(shown.invoice, seen_at=shown.invoice.seen_at or shown.made_at)

    async def action(self, action_id: str) -> ActionRecord | None:
        async with self._db.read() as connection:
            row = (await connection.execute(select(*rows.ACTION).where(action.c.id == action_id))).first()
            return rows.action_of(row) if row else None

    async def live_action(self, ref: InvoiceRef) -> ActionRecord | None:
        async with self._db.read() as connection:
            return await rows.live_action(connection, ref, LIVE)

    async def newest_action(self, ref: InvoiceRef) -> ActionRecord | None:
        found = select(*rows.ACTION).where(rows.about(action.c, ref), IS_KNOWN)
        async with self._db.read() as connection:
            newest = await connection.execute(found.order_by(action.c.seq.desc()).limit(_LOOKED_AT))
            return next((record for row in newest if (record := rows.action_of(row)).is_for_all), None)

    async def ended_actions(self, ref: InvoiceRef) -> int:
        async with self._db.read() as connection:
            return (await connection.execute(count_ended(ref))).scalar_one()

    async def retries(self, ref: InvoiceRef, since: datetime) -> list[datetime]:
        found = (
            select(attempt.c.last_sent_at)
            .join(action, action.c.id == attempt.c.action_id)
            .where(
                rows.about(action.c, ref),
                action.c.kind == Action.RETRY,
                action.c.state.in_(MAY_HAVE_REACHED_THE_BANK),
                attempt.c.last_sent_at > since,
            )
            .order_by(attempt.c.last_sent_at)
        )
        async with self._db.read() as connection:
            return list((await connection.execute(found)).scalars())

    async def spent(self, user: str, since: datetime) -> dict[str, Money]:
        found = sums(user, since)
        async with self._db.read() as connection:
            # PostgreSQL answers the sum of a bigint as numeric.
            return {row.currency: Money(int(row.total), row.currency) for row in await connection.execute(found)}

    async def history(self, ref: InvoiceRef) -> tuple[list[ActionRecord], list[HistoryEntry]]:
        ours = rows.about(action.c, ref)
        decisions = select(*rows.ACTION).where(ours, IS_KNOWN).order_by(action.c.seq)
        told = (
            select(event)
            .where(or_(rows.about(event.c, ref), event.c.action_id.in_(select(action.c.id).where(ours))))
            .order_by(event.c.id)
        )
        async with self._db.read() as connection:
            records = [rows.action_of(row) for row in await connection.execute(decisions)]
            entries = [HistoryEntry(e.at, e.kind, e.actor, dict(e.facts)) for e in await connection.execute(told)]
            return records, entries

    async def open_actions(self, limit: int = 20) -> list[ActionRecord]:
        found = select(*rows.ACTION).where(action.c.state.in_(LIVE), IS_KNOWN).order_by(action.c.created_at, action.c.seq)
        async with self._db.read() as connection:
            return [rows.action_of(row) for row in await connection.execute(found.limit(limit))]

    async def next_due(self) -> datetime | None:
        """When `claim` may find something: not before a running lease ends."""
        is_leased = and_(action.c.lease_until > db_now(), action.c.lease_until > action.c.next_check_at)
        free_at = case((is_leased, action.c.lease_until), else_=action.c.next_check_at)
        found = select(func.min(free_at, type_=Instant())).where(
            action.c.state.in_(LIVE), action.c.next_check_at.is_not(None), IS_KNOWN
        )
        async with self._db.read() as connection:
            moment: datetime | None = (await connection.execute(found)).scalar()
            return moment


def count_ended(ref: InvoiceRef) -> Select[int]:
    """Our own actions on the invoice that were sent and have ended: the second half of an offer's version."""
    return select(func.count()).select_from(action).where(rows.about(action.c, ref), action.c.state.in_(ENDED_BY_SENDING))


def sums(user: str, since: datetime) -> Select[tuple[str, int]]:
    """What a person's bound decisions moved or may still move, a row per currency."""
    total = func.sum(action.c.amount_minor, type_=BigInteger).label("total")
    return (
        select(action.c.currency, total)
        .where(
            action.c.actor == user,
            action.c.created_at >= since,
            action.c.state.in_([*LIVE, ActionState.SUCCEEDED]),
            action.c.kind.in_([kind for kind in Action if kind.traits.is_bound]),
            action.c.currency.is_not(None),
        )
        .group_by(action.c.currency)
    )
