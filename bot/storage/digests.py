"""The digest log on SQL: one row per digest and scheduled time decides which replica posts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, except_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.digest import ASKED, Digest, DigestKey, ListedInvoice
from bot.domain.errors import LeaseLost
from bot.domain.offer import Offer
from bot.ports import Say
from bot.storage import codec, rows
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.instant import EPOCH, db_now
from bot.storage.rows import Entry, Line
from bot.storage.tables import digest_row, digest_run

_BUILDING, _READY, _FAILED = "building", "ready", "failed"


@uninterrupted
class SqlDigestLog:
    """See `bot.ports.DigestLog`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def start(self, key: DigestKey, channel: str, owner: str, lease: timedelta, late: bool) -> bool:
        mine = {"owner": owner, "lease_until": db_now(lease)}
        async with self._db.write() as connection:
            new = insert_into(connection, digest_run).values(
                digest=key.digest,
                scheduled=key.scheduled,
                state=_BUILDING,
                channel=channel,
                late=late,
                started_at=db_now(),
                **mine,
            )
            won = (await connection.execute(new.on_conflict_do_nothing().returning(digest_run.c.id))).first()
            if won is not None:
                await _note_asked(connection, key, channel)
                return True
            abandoned = and_(_is_run(key), digest_run.c.state == _BUILDING, digest_run.c.lease_until <= db_now())
            taken = update(digest_run).where(abandoned).values(mine).returning(digest_run.c.id)
            run = (await connection.execute(taken)).scalar()
            if run is None:
                return False
            # What the dead owner listed is of another moment.
            await connection.execute(delete(digest_row).where(digest_row.c.run == run))
            return True

    async def unfinished(self) -> list[tuple[DigestKey, str, bool]]:
        found = (
            select(digest_run)
            .where(digest_run.c.state == _BUILDING, digest_run.c.lease_until <= db_now())
            .order_by(digest_run.c.id)
        )
        async with self._db.read() as connection:
            runs = await connection.execute(found)
            return [(DigestKey(run.digest, run.scheduled), run.channel, run.late) for run in runs]

    async def add(self, key: DigestKey, owner: str, rows: Sequence[ListedInvoice]) -> None:
        # Held until the commit: who takes the run over at this moment finds these rows, and removes them.
        mine = select(digest_run.c.id).where(_is_held_by(key, owner)).with_for_update()
        async with self._db.write() as connection:
            run = (await connection.execute(mine)).scalar()
            if run is None:
                raise _lost(key)
            values = [
                {
                    "run": run,
                    "account": each.ref.account,
                    "invoice": each.ref.id,
                    "amount_minor": each.amount.minor,
                    "currency": each.amount.currency,
                    "kind": each.kind,
                }
                for each in rows
            ]
            if values:
                await connection.execute(insert_into(connection, digest_row).on_conflict_do_nothing(), values)

    async def compare(self, key: DigestKey, accounts: Iterable[str]) -> tuple[int, int] | None:
        async with self._db.read() as connection:
            this = (await connection.execute(select(digest_run.c.id).where(_is_run(key)))).scalar_one()
            earlier = select(digest_run.c.id, digest_run.c.summary).where(
                digest_run.c.digest == key.digest, digest_run.c.state == _READY, digest_run.c.id < this
            )
            last = (await connection.execute(earlier.order_by(digest_run.c.id.desc()).limit(1))).first()
            if last is None:
                return None
            # An account that could not be read then has nothing to compare with: its invoices are not new.
            unread = {gap.account for gap in codec.read_digest(last.summary).gaps}
            compared = [account for account in accounts if account not in unread]
            now, then = _listed(this, compared), _listed(last.id, compared)
            return await _count(connection, now, then), await _count(connection, then, now)

    async def finish(
        self, key: DigestKey, owner: str, digest: Digest, offers: Sequence[Offer], message: str | None
    ) -> None:
        """Raises LeaseLost when another process took the run over."""
        ready: dict[str, object] = {
            "state": _READY,
            "summary": codec.write_digest(digest),
            "message": message,
            "finished_at": digest.as_of,
        }
        dedup, at = f"{Say.DIGEST}:{key}", digest.as_of
        lines = [Line(kind=Say.DIGEST, target=message, dedup=dedup, at=at, due=at)] if message is not None else []
        async with self._db.write() as connection:
            await _end(connection, key, owner, ready)
            await rows.draw(connection, offers)
            await rows.say(connection, lines)

    async def fail(self, key: DigestKey, owner: str, why: str) -> None:
        """Recorded, and said to the operators. Raises LeaseLost when another process took the run over."""
        async with self._db.write() as connection:
            await _end(connection, key, owner, {"state": _FAILED, "why": why})
            facts = {"digest": key.digest, "scheduled": key.scheduled, "detail": why}
            event_id = await rows.append(connection, Entry(kind="digest.failed", at=db_now(), facts=facts))
            # Due at once, by whichever clock the sender goes.
            line = Line(
                kind=Say.ALERT,
                target="digest_failed",
                dedup=f"{Say.ALERT}:{event_id}",
                at=EPOCH,
                due=EPOCH,
                body={"digest": key.digest, "detail": why},
            )
            await rows.say(connection, [line])

    async def found(self, message: str) -> tuple[Digest, str] | None:
        found = select(digest_run).where(digest_run.c.message == message, digest_run.c.state == _READY)
        async with self._db.read() as connection:
            run = (await connection.execute(found)).first()
            return (codec.read_digest(run.summary), run.channel) if run else None

    async def ran(self, key: DigestKey) -> bool:
        return await self._is_any(_is_run(key))

    async def ever_ran(self, digest: str) -> bool:
        # A digest that somebody asked for says nothing about the schedule: no slot was missed before its first one.
        by_schedule = digest_run.c.scheduled.not_like(f"{ASKED}%")
        return await self._is_any(and_(digest_run.c.digest == digest, by_schedule))

    async def last_finished(self, digest: str) -> datetime | None:
        is_done = and_(digest_run.c.digest == digest, digest_run.c.state == _READY)
        async with self._db.read() as connection:
            found = await connection.execute(select(func.max(digest_run.c.finished_at)).where(is_done))
            moment: datetime | None = found.scalar()
            return moment

    async def _is_any(self, condition: ColumnElement[bool]) -> bool:
        async with self._db.read() as connection:
            return (await connection.execute(select(digest_run.c.id).where(condition).limit(1))).first() is not None


async def _note_asked(connection: AsyncConnection, key: DigestKey, channel: str) -> None:
    if key.asked_by is not None:
        facts = {"digest": key.digest, "channel": channel}
        await rows.append(connection, Entry(kind="digest.asked", at=db_now(), actor=key.asked_by, facts=facts))


def _is_run(key: DigestKey) -> ColumnElement[bool]:
    return and_(digest_run.c.digest == key.digest, digest_run.c.scheduled == key.scheduled)


def _is_held_by(key: DigestKey, owner: str) -> ColumnElement[bool]:
    # A lease that ran out is no harm as long as nobody took over: that would have changed the owner.
    return and_(_is_run(key), digest_run.c.state == _BUILDING, digest_run.c.owner == owner)


def _lost(key: DigestKey) -> LeaseLost:
    return LeaseLost(f"the digest {key} is in other hands now")


async def _end(connection: AsyncConnection, key: DigestKey, owner: str, values: Mapping[str, object]) -> None:
    ended = update(digest_run).where(_is_held_by(key, owner)).values(dict(values))
    if (await connection.execute(ended)).rowcount != 1:
        raise _lost(key)


def _listed(run: int, accounts: Sequence[str]) -> Select[str, str]:
    is_listed = and_(digest_row.c.run == run, digest_row.c.account.in_(accounts))
    return select(digest_row.c.account, digest_row.c.invoice).where(is_listed)


async def _count(connection: AsyncConnection, these: Select[str, str], without: Select[str, str]) -> int:
    difference = except_(these, without).subquery()
    return (await connection.execute(select(func.count()).select_from(difference))).scalar_one()
