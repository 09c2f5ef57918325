"""Questions to a second person on SQL: one open at a time per invoice and kind, answered once, bound to what was asked."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.action import LIVE, Action
from bot.domain.approval import (
    Answer,
    Answered,
    Approval,
    ApprovalState,
    Question,
    Reply,
    Waiting,
    WhyDead,
    fingerprint_of,
    message_of,
)
from bot.domain.errors import JournalUnavailable
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.money import Money
from bot.domain.offer import Offer, version_of
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord, ReplyTo
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, AlreadyAccepted, Busy, Press, Redelivered, Refused, Say
from bot.storage import codec, facts, presses, rows
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.reading import count_ended
from bot.storage.rows import UNREADABLE, Entry, Line
from bot.storage.tables import action, approval, offer

_IS_OPEN = approval.c.state == ApprovalState.OPEN.value
_IS_KNOWN = and_(approval.c.kind.in_(list(Action)), approval.c.state.in_(list(ApprovalState)))
"""What only a newer version knows is left to it."""
_MOST_LISTED = 20


@uninterrupted
class JournalApprovals:
    """See `bot.ports.Approvals`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def ask(self, question: Question) -> Waiting | Refusal | Redelivered:
        async with self._db.write() as connection:
            if not await presses.is_first(connection, question.delivery, question.at):
                return Redelivered()
            await _remember_pressed(connection, question)
            asked = await _asked_or_refused(connection, question)
            if isinstance(asked, Refusal):
                await presses.write_refusal(connection, _refused(question, asked))
                return asked
            await _tell_asked(connection, question, asked)
            return Waiting(asked)

    async def reply(self, reply: Reply) -> Answered | Refusal | Redelivered:
        async with self._db.write() as connection:
            if not await presses.is_first(connection, reply.delivery, reply.at):
                return Redelivered()
            if reply.reply_to.ts is not None:
                message = message_of(reply.approval_id)
                await rows.remember_posting(connection, message, reply.reply_to.channel, reply.reply_to.ts)
            if reply.answer is Answer.DENY:
                answered = await _deny(connection, reply)
            else:
                answered = await _approve(connection, reply)
            if isinstance(answered, Refusal):
                found = await _found(connection, reply.approval_id)
                await presses.write_refusal(connection, _refused_reply(reply, answered, found))
            return answered

    async def approval(self, approval_id: str) -> Approval | None:
        async with self._db.read() as connection:
            return await _found(connection, approval_id)

    async def approved_action(self, approval_id: str) -> ActionRecord | None:
        found = select(*rows.ACTION).where(action.c.approval_id == approval_id)
        async with self._db.read() as connection:
            row = (await connection.execute(found)).first()
            return rows.action_of(row) if row else None

    async def open_approvals(self, ref: InvoiceRef | None = None) -> list[Approval]:
        async with self._db.read() as connection:
            return await _open_on(connection, ref)

    async def never_asked(self, approval_id: str, at: datetime) -> None:
        ended = _ended(approval.c.id == approval_id, ApprovalState.DEAD, at, why=WhyDead.NOT_POSTED)
        async with self._db.write() as connection:
            await _end_all(connection, ended, at)

    async def expire_approvals(self, now: datetime) -> int:
        ended = _ended(approval.c.expires_at <= now, ApprovalState.EXPIRED, now)
        async with self._db.write() as connection:
            return await _end_all(connection, ended, now)

    async def remind_approvers(self, now: datetime) -> int:
        is_half_over = and_(_IS_OPEN, _IS_KNOWN, approval.c.remind_at <= now, approval.c.expires_at > now)
        reminded = update(approval).where(is_half_over).values(remind_at=None).returning(approval)
        async with self._db.write() as connection:
            due = (await connection.execute(reminded)).all()
            await rows.say(connection, [_line(Say.REMINDER, f"remind:{row.id}", row.id, now) for row in due])
            return len(due)


async def end_outdated(connection: AsyncConnection, ref: InvoiceRef, fresh: Invoice | None, at: datetime) -> None:
    """For the transaction that records another decision: what is open on the invoice and asked about something that is not
    there any more ends in it. `fresh` None: only what we did ourselves is known."""
    for asked in await _open_on(connection, ref):
        shown = await _offer(connection, asked)
        if shown is None or not await _still_fits(connection, asked, fresh or shown.invoice):
            ended = _ended(approval.c.id == asked.id, ApprovalState.DEAD, at, why=WhyDead.CHANGED)
            await _end_all(connection, ended, at)


# --- asking ------------------------------------------------------------------------------------------------------


async def _asked_or_refused(connection: AsyncConnection, question: Question) -> Approval | Refusal:
    shown = question.offer
    if (other := await rows.live_action(connection, shown.ref, LIVE)) is not None:
        return _busy(other)
    if (await connection.execute(count_ended(shown.ref))).scalar_one() != shown.actions:
        return Refusal(RefusalKind.CHANGED, {"what": "attempted", "invoice": shown.invoice.label})
    new = insert_into(connection, approval).values(_values(question)).on_conflict_do_nothing().returning(approval)
    if (row := (await connection.execute(new)).first()) is not None:
        return _approval_of(row)
    kind = approval.c.kind == question.decision.action.value
    found = select(approval).where(rows.about(approval.c, shown.ref), kind, _IS_OPEN)
    if (row := (await connection.execute(found)).first()) is None:
        raise JournalUnavailable("the question about this invoice kept changing; press again")
    return _waiting(_approval_of(row), question)


def _values(question: Question) -> dict[str, object]:
    decision, owed = question.decision, question.offer.invoice.owed
    return {
        "id": secrets.token_hex(16),
        "account": question.offer.ref.account,
        "invoice": question.offer.ref.id,
        "kind": decision.action.value,
        "offer_id": question.offer.id,
        "amount_minor": owed.minor,
        "currency": owed.currency,
        "method": decision.method,
        "reason": decision.reason,
        "details": codec.write_details(decision.details),
        "fingerprint": fingerprint_of(decision, question.offer.version),
        "role": question.role,
        "channel": question.channel,
        "asked_by": question.actor.user,
        "team": question.actor.team,
        "reply_to": codec.write_reply_to(question.reply_to),
        "created_at": question.at,
        "remind_at": question.remind_at,
        "expires_at": question.expires_at,
        "state": ApprovalState.OPEN.value,
    }


async def _tell_asked(connection: AsyncConnection, question: Question, asked: Approval) -> None:
    at = question.at
    event_id = await rows.append(
        connection,
        Entry(kind="approval.asked", at=at, actor=asked.asker.user, ref=asked.ref, facts=facts.of_approval(asked)),
    )
    lines = [_line(Say.QUESTION, asked.message, asked.id, at), _line(Say.QUESTION_ASKED, f"asked:{asked.id}", asked.id, at)]
    await rows.say(connection, [*lines, *await _redraws(connection, asked.ref, event_id, at)])


async def _remember_pressed(connection: AsyncConnection, question: Question) -> None:
    ts, place = question.reply_to.ts, question.offer.place
    if ts is not None:
        await rows.remember_posting(connection, place.message, question.reply_to.channel, ts)


# --- answering ---------------------------------------------------------------------------------------------------


async def _approve(connection: AsyncConnection, reply: Reply) -> Answered | Refusal:
    """The action first, then the compare-and-set: in the order in which every other transaction takes these rows."""
    asked = await _found(connection, reply.approval_id)
    shown = await _offer(connection, asked) if asked is not None else None
    if asked is None or shown is None:
        return Refusal(RefusalKind.OLD_BUTTON)
    if not asked.is_open(reply.at):
        return asked.over
    press = _press(asked, shown, reply)
    async with connection.begin_nested() as savepoint:
        accepted = await presses.insert_or_find(connection, press)
        if not isinstance(accepted, Accepted):
            return await _in_the_way(connection, asked, reply, accepted)
        approved = await _answer(connection, reply, ApprovalState.APPROVED)
        fits = approved is not None and await _still_fits(connection, approved, shown.invoice)
        if approved is None or not fits:
            await savepoint.rollback()
    if approved is None:
        return (await _found(connection, reply.approval_id) or asked).over
    if not fits:
        ended = _ended(approval.c.id == asked.id, ApprovalState.DEAD, reply.at, why=WhyDead.CHANGED)
        await _end_all(connection, ended, reply.at)
        return (await _found(connection, reply.approval_id) or asked).over
    made = await _tell_approved(connection, press, approved)
    return Answered(approved, made)


async def _in_the_way(
    connection: AsyncConnection, asked: Approval, reply: Reply, other: AlreadyAccepted | Busy | None
) -> Refusal:
    """Another decision on the invoice leaves the question open; another answer does not."""
    now = await _found(connection, asked.id) or asked
    if not now.is_open(reply.at):
        return now.over
    if other is None:
        raise JournalUnavailable("the decision about this invoice kept changing; press again")
    return _busy(other.action, waiting=True)


async def _tell_approved(connection: AsyncConnection, press: Press, approved: Approval) -> ActionRecord:
    found = select(*rows.ACTION).where(action.c.approval_id == approved.id)
    made = rows.action_of((await connection.execute(found)).one())  # read again: it says who approved by now
    await _tell_ended(connection, approved, press.created_at, made.id, redraw=False)
    await presses.announce(connection, press, made)
    return made


async def _deny(connection: AsyncConnection, reply: Reply) -> Answered | Refusal:
    denied = await _answer(connection, reply, ApprovalState.DENIED)
    if denied is None:
        found = await _found(connection, reply.approval_id)
        return found.over if found is not None else Refusal(RefusalKind.OLD_BUTTON)
    await _tell_ended(connection, denied, reply.at)
    return Answered(denied)


async def _answer(connection: AsyncConnection, reply: Reply, state: ApprovalState) -> Approval | None:
    """None: it was answered, or had ended, before."""
    is_in_time = and_(approval.c.id == reply.approval_id, approval.c.expires_at > reply.at)
    answered = _ended(is_in_time, state, reply.at, by=reply.by.user).returning(approval)
    row = (await connection.execute(answered)).first()
    return _read(row) if row is not None else None


def _press(asked: Approval, shown: Offer, reply: Reply) -> Press:
    """The decision is the asker's, answered where they pressed; the second person's word is what lets it happen."""
    return Press(
        delivery=reply.delivery,
        intent=asked.message,
        actor=asked.asker,
        decision=asked.decision,
        reply_to=asked.reply_to,
        created_at=reply.at,
        act_by=reply.act_by,
        offer=shown,
        approval_id=asked.id,
        approver=reply.by.user,
    )


async def _still_fits(connection: AsyncConnection, asked: Approval, invoice: Invoice) -> bool:
    ended: int = (await connection.execute(count_ended(asked.ref))).scalar_one()
    return fingerprint_of(asked.decision, version_of(invoice, ended)) == asked.fingerprint


# --- ending ------------------------------------------------------------------------------------------------------


def _ended(
    which: ColumnElement[bool], state: ApprovalState, at: datetime, *, by: str | None = None, why: WhyDead | None = None
) -> Update:
    """The compare-and-set: only what is open ever ends, and once; what only a newer version knows is left to it."""
    values = {"state": state.value, "answered_by": by, "answered_at": at, "why": why}
    return update(approval).where(which, _IS_OPEN, _IS_KNOWN).values(values)


async def _end_all(connection: AsyncConnection, ended: Update, at: datetime) -> int:
    found = (await connection.execute(ended.returning(approval))).all()
    for each in [_read(row) for row in found]:
        if each is not None:
            await _tell_ended(connection, each, at)
    return len(found)


async def _tell_ended(
    connection: AsyncConnection, ended: Approval, at: datetime, action_id: str | None = None, *, redraw: bool = True
) -> None:
    told = {**facts.of_approval(ended), "why": ended.why}
    entry = Entry(
        kind=f"approval.{ended.state}", at=at, actor=ended.answered_by, action_id=action_id, ref=ended.ref, facts=told
    )
    event_id = await rows.append(connection, entry)
    lines = [
        Line(kind=Say.REDRAW, target=ended.message, dedup=f"redraw:{ended.message}:{event_id}", at=at, due=at),
        _line(Say.QUESTION_ENDED, f"ended:{ended.id}", ended.id, at),
    ]
    await rows.say(connection, [*lines, *(await _redraws(connection, ended.ref, event_id, at) if redraw else ())])


async def _redraws(connection: AsyncConnection, ref: InvoiceRef, event_id: int, at: datetime) -> list[Line]:
    """Every message that shows the invoice says what waits for a second person."""
    messages = await rows.messages_showing(connection, ref)
    return [Line(kind=Say.REDRAW, target=one, dedup=f"redraw:{one}:{event_id}", at=at, due=at) for one in messages]


def _line(kind: Say, target: str, approval_id: str, at: datetime) -> Line:
    return Line(kind=kind, target=target, dedup=f"{kind}:{target}", at=at, due=at, body={"approval": approval_id})


# --- rows and refusals -------------------------------------------------------------------------------------------


async def _found(connection: AsyncConnection, approval_id: str) -> Approval | None:
    row = (await connection.execute(select(approval).where(approval.c.id == approval_id, _IS_KNOWN))).first()
    return _read(row) if row is not None else None


async def _open_on(connection: AsyncConnection, ref: InvoiceRef | None) -> list[Approval]:
    found = select(approval).where(_IS_OPEN, _IS_KNOWN).order_by(approval.c.created_at).limit(_MOST_LISTED)
    if ref is not None:
        found = found.where(rows.about(approval.c, ref))
    return [asked for row in await connection.execute(found) if (asked := _read(row)) is not None]


async def _offer(connection: AsyncConnection, asked: Approval) -> Offer | None:
    row = (await connection.execute(select(offer).where(offer.c.id == asked.offer_id))).first()
    try:
        return rows.offer_of(row) if row is not None else None
    except UNREADABLE:
        return None


def _read(row: Row[Any]) -> Approval | None:
    """What cannot be read nobody can agree to, and it must not stand in the way of anything else."""
    try:
        return _approval_of(row)
    except UNREADABLE:
        return None


def _approval_of(row: Row[Any]) -> Approval:
    try:
        reply_to, details = codec.read_reply_to(row.reply_to), codec.read_details(row.details)
    except UNREADABLE:
        # It can still end and be told of. It is not what was asked about any more, so nobody can agree to it.
        reply_to, details = ReplyTo(user=row.asked_by, channel=""), None
    return Approval(
        id=row.id,
        ref=InvoiceRef(row.account, row.invoice),
        kind=Action(row.kind),
        offer_id=row.offer_id,
        amount=Money(row.amount_minor, row.currency),
        fingerprint=row.fingerprint,
        role=row.role,
        channel=row.channel,
        asker=Actor(row.asked_by, row.team),
        reply_to=reply_to,
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=ApprovalState(row.state),
        method=row.method,
        reason=row.reason,
        details=details,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        why=row.why,
    )


def _busy(other: ActionRecord, *, waiting: bool = False) -> Refusal:
    told = {"word": other.kind.value, "by": other.actor.user, "at": other.created_at.isoformat()}
    return Refusal(RefusalKind.BUSY, {**told, "waiting": "yes"} if waiting else told)


def _waiting(asked: Approval, question: Question) -> Refusal:
    told = {
        "by": asked.asker.user,
        "channel": asked.channel,
        "role": asked.role,
        "until": asked.expires_at.isoformat(),
        "word": asked.kind.value,
        "is_own": "yes" if asked.asker == question.actor else "",
    }
    return Refusal(RefusalKind.APPROVAL_WAITING, told)


def _refused(question: Question, refusal: Refusal) -> Refused:
    return Refused(
        delivery=question.delivery,
        actor=question.actor,
        reply_to=question.reply_to,
        refusal=refusal,
        word=question.decision.action,
        at=question.at,
        ref=question.offer.ref,
    )


def _refused_reply(reply: Reply, refusal: Refusal, asked: Approval | None) -> Refused:
    return Refused(
        delivery=reply.delivery,
        actor=reply.by,
        reply_to=reply.reply_to,
        refusal=refusal,
        word=reply.answer.value,
        at=reply.at,
        ref=asked.ref if asked is not None else None,
    )
