"""The journal on SQL: what the worker claims, begins and records, and the keeping of the file itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.action import LIVE, SENT, ActionState
from bot.domain.approval import message_of
from bot.domain.errors import JournalUnavailable, LeaseLost, NotBegun
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.money import Money
from bot.domain.offer import Offer, redrawn
from bot.domain.records import ActionRecord, Attempt, Before, Claim, Ending
from bot.ports import Busy, DayLimit, Say, Step
from bot.storage import approvals, codec, facts, freezing, rows, verdicts
from bot.storage.approvals import JournalApprovals
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.freezing import JournalFreeze
from bot.storage.instant import db_now, milliseconds
from bot.storage.presses import JournalPresses
from bot.storage.reading import IS_KNOWN, JournalReading, count_ended, sums
from bot.storage.rows import Entry, Line
from bot.storage.tables import (
    action,
    approval,
    attempt,
    delivery,
    digest_row,
    digest_run,
    mark,
    offer,
    outbox,
    outbox_hold,
    posting,
)
from bot.storage.verdicts import JournalVerdicts

_KEY_SHARE = 0.8
"""The part of the provider's key window in which we still trust a key."""
_DELIVERIES_KEPT = timedelta(hours=24)
_WORDS_KEPT = timedelta(days=90)
_DAY = timedelta(hours=24)
_TRIES = 5
_LOST = "the bot stopped before the answer was written down"


@dataclass(frozen=True, slots=True)
class _Claimed:
    """What was due longest, and whether its record cannot be read."""

    claim: Claim
    is_unreadable: bool = False


@uninterrupted
class SqlJournal(JournalApprovals, JournalPresses, JournalFreeze, JournalVerdicts, JournalReading):
    """See `bot.ports.Journal`. Races are judged by the database; nothing is locked in this process."""

    def __init__(self, database: Database, pulse: str = "pulse") -> None:
        """`pulse` is the name under which `ping` leaves its mark."""
        super().__init__(database)
        self._pulse = pulse

    async def draw(self, offers: Sequence[Offer]) -> None:
        async with self._db.write() as connection:
            await rows.draw(connection, offers)

    async def posted(self, message: str, channel: str, ts: str) -> None:
        async with self._db.write() as connection:
            await rows.remember_posting(connection, message, channel, ts)

    async def claim(self, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        while (claimed := await self._claim(action.c.next_check_at <= now, owner, lease, now)) is not None:
            if (claim := await self._readable(claimed, now)) is not None:
                return claim
        return None

    async def claim_sent(self, action_id: str, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        is_wanted = and_(action.c.id == action_id, action.c.state.in_(SENT))
        claimed = await self._claim(is_wanted, owner, lease, now)
        return await self._readable(claimed, now) if claimed is not None else None

    async def _readable(self, claimed: _Claimed, now: datetime) -> Claim | None:
        if not claimed.is_unreadable:
            return claimed.claim
        # What nobody can work on must not stand in the way of all that is due after it.
        await self.record(claimed.claim, _set_aside(claimed.claim, now))
        return None

    async def _claim(self, is_wanted: ColumnElement[bool], owner: str, lease: timedelta, now: datetime) -> _Claimed | None:
        is_free = or_(action.c.lease_until.is_(None), action.c.lease_until <= db_now())
        due = (
            select(action.c.id, action.c.state)
            .where(action.c.state.in_(LIVE), IS_KNOWN, is_wanted, is_free)
            .order_by(action.c.next_check_at, action.c.seq)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self._db.write() as connection:
            found = (await connection.execute(due)).first()
            if found is None:
                return None
            was_lost = found.state == ActionState.EXECUTING
            lost = {"state": ActionState.UNKNOWN.value, "ending": codec.write_ending(Ending(at=now, detail=_LOST))}
            taken = (
                update(action)
                .where(action.c.id == found.id)
                .values(
                    lease_owner=owner, lease_until=db_now(lease), lease_ms=milliseconds(lease), **(lost if was_lost else {})
                )
                .returning(*rows.ACTION)
            )
            row = (await connection.execute(taken)).one()
            record = rows.action_of(row)
            if was_lost:
                told = facts.of_decision(record)
                entry = Entry(kind="attempt.lost", at=now, action_id=record.id, ref=record.ref, facts=told)
                await rows.append(connection, entry)
            try:
                claim = await _claim_of(connection, owner, record)
            except rows.UNREADABLE:
                claim = None
            if claim is not None and rows.is_readable(row):
                return _Claimed(claim)
            as_stored = replace(record, state=ActionState(row.state))
            return _Claimed(Claim(owner=owner, action=as_stored, offer=None, attempt=None), is_unreadable=True)

    async def bind(self, claim: Claim, offer: Offer) -> Claim | Busy:
        amount = offer.invoice.owed
        bound = (
            update(action)
            .where(_held(claim))
            .values(
                account=offer.ref.account,
                invoice=offer.ref.id,
                offer_id=offer.id,
                amount_minor=amount.minor,
                currency=amount.currency,
            )
            .returning(*rows.ACTION)
        )
        async with self._db.write() as connection:
            await rows.draw(connection, [offer])
            for _ in range(_TRIES):
                try:
                    async with connection.begin_nested():
                        row = (await connection.execute(bound)).first()
                except IntegrityError:
                    if (other := await rows.live_action(connection, offer.ref, LIVE)) is not None:
                        return Busy(other)
                    continue
                record = _still_ours(row, claim)
                told = {**facts.of_decision(record), "offer": offer.id}
                entry = Entry(kind="action.bound", at=offer.made_at, action_id=record.id, ref=offer.ref, facts=told)
                await rows.append(connection, entry)
                return await _claim_of(connection, claim.owner, record)
            raise JournalUnavailable("the decision about this invoice kept changing; try again")

    async def begin(
        self, claim: Claim, before: Before, key_window: timedelta, now: datetime, *, within: DayLimit | None = None
    ) -> Attempt:
        begun = (
            update(action)
            .where(_held(claim))
            .values(state=ActionState.EXECUTING.value, lease_until=db_now(action.c.lease_ms))
            .returning(*rows.ACTION)
        )
        async with self._db.write() as connection:
            if (frozen := await freezing.held(connection)) is not None:
                raise NotBegun(frozen.refusal)
            if within is not None and (refusal := within(await _begun_by(connection, claim.action, now))) is not None:
                raise NotBegun(refusal)
            record = _still_ours((await connection.execute(begun)).first(), claim)
            again = (
                update(attempt)
                .where(attempt.c.action_id == record.id)
                .values(sends=attempt.c.sends + 1, last_sent_at=now, answered_at=None, result=None, request_id=None)
                .returning(attempt)
            )
            sent = (await connection.execute(again)).first()
            kind = "attempt.resent"
            if sent is None:
                kind = "attempt.begun"
                first = insert(attempt).values(
                    action_id=record.id,
                    no=1,
                    idem_key=f"recoup-{record.id}",
                    key_expires_at=now + key_window * _KEY_SHARE,
                    before=codec.write_before(before),
                    sends=1,
                    first_sent_at=now,
                    last_sent_at=now,
                )
                sent = (await connection.execute(first.returning(attempt))).one()
            told = facts.of_send(record, before, sent.idem_key, sent.sends)
            await rows.append(connection, Entry(kind=kind, at=now, action_id=record.id, ref=record.ref, facts=told))
            return rows.attempt_of(sent, record)

    async def record(self, claim: Claim, step: Step) -> None:
        async with self._db.write() as connection:
            given = await verdicts.given_on(connection, claim, step.ending.at)
            values = _stepped(step) | verdicts.columns(given, claim, step)
            changed = update(action).where(_held(claim)).values(values).returning(*rows.ACTION)
            record = _still_ours((await connection.execute(changed)).first(), claim)
            if step.state is not ActionState.UNKNOWN:
                await _answer_attempt(connection, record.id, step)
            event_id = await rows.append(connection, _entry_of(record, claim, step))
            if given is not None and not verdicts.is_waiting(claim, step):
                await verdicts.close(connection, given, record, step)
            ref = record.ref or (step.invoice.ref if step.invoice else None)
            messages: list[str] = []
            if ref is not None:
                if step.invoice is not None:
                    await _redraw_offers(connection, ref, step.invoice, step.ending.at)
                await approvals.end_outdated(connection, ref, step.invoice, step.ending.at)
                messages = await rows.messages_showing(connection, ref)
            if record.approval_id is not None:
                messages = [*messages, message_of(record.approval_id)]
            is_news = step.state is not claim.action.state or _was_lost(claim)
            await rows.say(connection, _lines_of(record, step, messages, event_id, is_news=is_news))

    async def release(self, owner: str) -> None:
        # An action that is EXECUTING keeps its lease: only the end of it tells that the sender is gone.
        freed = (
            update(action)
            .where(action.c.lease_owner == owner, action.c.state != ActionState.EXECUTING)
            .values(lease_owner=None, lease_until=None)
        )
        async with self._db.write() as connection:
            await connection.execute(freed)

    async def recover(self, now: datetime) -> int:  # noqa: ARG002 - leases know only the database's clock
        if not self._db.is_sqlite:
            return 0
        async with self._db.write() as connection:
            free = {"lease_owner": None, "lease_until": None}
            actions = await connection.execute(update(action).where(action.c.lease_until.is_not(None)).values(free))
            holds = await connection.execute(delete(outbox_hold))
            runs = await connection.execute(
                update(digest_run)
                .where(digest_run.c.state == "building", digest_run.c.lease_until > db_now())
                .values(lease_until=db_now())
            )
            return actions.rowcount + holds.rowcount + runs.rowcount

    async def ping(self) -> None:
        async with self._db.write() as connection:
            now = {"pid": os.getpid(), "at": db_now()}
            beat = insert_into(connection, mark).values(name=self._pulse, **now)
            await connection.execute(beat.on_conflict_do_update(index_elements=["name"], set_=now))

    async def prune(self, now: datetime) -> None:
        long_ago = now - _WORDS_KEPT
        is_posted = exists(select(1).where(posting.c.message == offer.c.message))
        is_needed = exists(select(1).where(action.c.offer_id == offer.c.id, action.c.state.in_(LIVE)))
        is_asked_about = exists(
            select(1).where(
                approval.c.offer_id == offer.c.id, or_(approval.c.answered_at.is_(None), approval.c.answered_at >= long_ago)
            )
        )
        later = digest_run.alias("later")
        is_outdated = exists(
            select(1).where(later.c.digest == digest_run.c.digest, later.c.state == "ready", later.c.id > digest_run.c.id)
        )
        old_runs = select(digest_run.c.id).where(digest_run.c.finished_at < long_ago, is_outdated)
        async with self._db.write() as connection:
            await connection.execute(delete(delivery).where(delivery.c.seen_at < now - _DELIVERIES_KEPT))
            await connection.execute(delete(outbox).where(outbox.c.state != "pending", outbox.c.created_at < long_ago))
            await connection.execute(delete(digest_row).where(digest_row.c.run.in_(old_runs)))
            await connection.execute(
                delete(offer).where(
                    offer.c.made_at < long_ago, ~is_needed, ~is_asked_about, or_(~rows.IS_NEWEST, ~is_posted)
                )
            )


def _set_aside(claim: Claim, now: datetime) -> Step:
    ending = Ending(at=now, detail=rows.CANNOT_BE_READ)
    return Step(state=ActionState.NEEDS_HUMAN, ending=ending, late_note=not claim.action.reply_to.is_private)


def _held(claim: Claim) -> ColumnElement[bool]:
    """The compare half of every compare-and-set: the same state, the same owner, a lease that still runs."""
    return and_(
        action.c.id == claim.action.id,
        action.c.state == claim.action.state,
        action.c.lease_owner == claim.owner,
        action.c.lease_until > db_now(),
    )


def _still_ours(row: Row[Any] | None, claim: Claim) -> ActionRecord:
    if row is None:
        raise LeaseLost(f"the decision {claim.action.reference} is in other hands now")
    return rows.action_of(row)


def _stepped(step: Step) -> dict[str, object]:
    return {
        "state": step.state.value,
        "ending": codec.write_ending(step.ending),
        "next_check_at": step.next_check_at if step.state.is_live else None,
        "checks": step.checks,
        "lease_owner": None,
        "lease_until": None,
    }


def _was_lost(claim: Claim) -> bool:
    """Whether this claim found the attempt of a crash: nobody has been told of the doubt yet."""
    return claim.action.ending is not None and claim.action.ending.detail == _LOST


async def _claim_of(connection: AsyncConnection, owner: str, record: ActionRecord) -> Claim:
    shown = (await connection.execute(select(offer).where(offer.c.id == record.offer_id))).first()
    sent = (await connection.execute(select(attempt).where(attempt.c.action_id == record.id))).first()
    return Claim(
        owner=owner,
        action=record,
        offer=rows.offer_of(shown) if shown else None,
        attempt=rows.attempt_of(sent, record) if sent else None,
    )


async def _begun_by(connection: AsyncConnection, record: ActionRecord, now: datetime) -> dict[str, Money]:
    """What this person's other decisions that have begun come to. Holds their live ones until this transaction ends, all in
    one order: the next of them to begin waits for this one and counts it."""
    theirs = select(action.c.id).where(action.c.actor == record.actor.user, action.c.state.in_(LIVE))
    await connection.execute(theirs.order_by(action.c.seq).with_for_update())
    has_begun = exists(select(1).where(attempt.c.action_id == action.c.id))
    others = sums(record.actor.user, now - _DAY).where(action.c.id != record.id, has_begun)
    return {row.currency: Money(int(row.total), row.currency) for row in await connection.execute(others)}


async def _answer_attempt(connection: AsyncConnection, action_id: str, step: Step) -> None:
    answered = {"answered_at": step.ending.at, "result": step.state.value, "request_id": step.ending.request_id}
    await connection.execute(update(attempt).where(attempt.c.action_id == action_id).values(answered))


def _entry_of(record: ActionRecord, claim: Claim, step: Step) -> Entry:
    told = facts.of_step(record, claim, step)
    return Entry(kind=f"action.{step.state}", at=step.ending.at, action_id=record.id, ref=record.ref, facts=told)


async def _redraw_offers(connection: AsyncConnection, ref: InvoiceRef, fresh: Invoice, now: datetime) -> None:
    """A new offer wherever the invoice is shown, private messages too, counting the action that has just ended."""
    actions = (await connection.execute(count_ended(ref))).scalar_one()
    newest = select(offer).where(rows.about(offer.c, ref), rows.IS_NEWEST).order_by(offer.c.seq)
    shown = rows.readable_offers(await connection.execute(newest))
    await rows.draw(connection, [redrawn(each, fresh, actions, now) for each in shown])


def _lines_of(record: ActionRecord, step: Step, messages: Sequence[str], event_id: int, *, is_news: bool) -> list[Line]:
    """Messages are redrawn after every step; a person hears only of a new state, not of every check that found none."""
    at = step.ending.at
    due = step.say_after or at

    def line(kind: Say, target: str, when: datetime, part: str = "") -> Line:
        dedup = f"{kind}:{target}:{event_id}{part}"
        action_id = record.id if is_news and not part else None
        return Line(kind=kind, target=target, dedup=dedup, at=at, due=when, action_id=action_id)

    lines = [line(Say.REDRAW, message, due) for message in messages]
    if step.redraw_at is not None:
        lines += [line(Say.REDRAW, message, step.redraw_at, ":again") for message in messages]
    if step.state is not ActionState.ACCEPTED and is_news:
        # Who was refused is told so, wherever the press came from: an edit of the message notifies nobody.
        if record.reply_to.is_private or step.state is ActionState.REFUSED:
            lines.append(line(Say.ANSWER, record.id, due))
        if step.late_note:
            lines.append(line(Say.LATE_NOTE, f"late:{record.id}", due))
    return lines
