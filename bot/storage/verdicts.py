"""The journal's side of a second person's word: given once, heard by the worker, told to whoever gave it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Row, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.action import ActionState, Word
from bot.domain.records import ActionRecord, Claim, Verdict
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Refused, Say, Step
from bot.storage import codec, facts, rows
from bot.storage.database import Database, uninterrupted
from bot.storage.presses import is_first, write_refusal
from bot.storage.rows import Entry, Line
from bot.storage.tables import action, approval


@uninterrupted
class JournalVerdicts:
    """See `bot.ports.Journal`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def deciders(self, action_id: str) -> frozenset[str]:
        pressed = select(action.c.actor).where(action.c.id == action_id)
        approved = (
            select(approval.c.answered_by)
            .join(action, action.c.approval_id == approval.c.id)
            .where(action.c.id == action_id, approval.c.answered_by.is_not(None))
        )
        async with self._db.read() as connection:
            return frozenset((await connection.execute(union_all(pressed, approved))).scalars())

    async def give_verdict(self, action_id: str, verdict: Verdict, delivery: str) -> ActionRecord | Refusal | None:
        taken = (
            update(action)
            .where(action.c.id == action_id, action.c.state == ActionState.NEEDS_HUMAN, action.c.verdict.is_(None))
            .values(verdict=codec.write_verdict(verdict), next_check_at=verdict.at)
            .returning(*rows.ACTION)
        )
        async with self._db.write() as connection:
            if not await is_first(connection, delivery, verdict.at):
                return None
            row = (await connection.execute(taken)).first()
            if row is None:
                found = (await connection.execute(select(*rows.ACTION).where(action.c.id == action_id))).first()
                refused = _refused(found, verdict, delivery)
                await write_refusal(connection, refused)
                return refused.refusal
            record = rows.action_of(row)
            event_id = await rows.append(
                connection,
                Entry(
                    kind="verdict.given",
                    at=verdict.at,
                    actor=verdict.by.user,
                    action_id=record.id,
                    ref=record.ref,
                    facts=facts.of_verdict(record, verdict),
                ),
            )
            messages = await rows.messages_showing(connection, record.ref) if record.ref else []
            redraws = [
                Line(
                    kind=Say.REDRAW,
                    target=message,
                    dedup=f"{Say.REDRAW}:{message}:{event_id}",
                    at=verdict.at,
                    due=verdict.at,
                )
                for message in messages
            ]
            await rows.say(connection, redraws)
            return record


async def given_on(connection: AsyncConnection, claim: Claim, at: datetime) -> Verdict | None:
    """The verdict on a claimed decision, also one that came after the claim; nobody can give one until this commits. One
    that cannot be read makes room for another."""
    if claim.action.state is not ActionState.NEEDS_HUMAN:
        return None
    found = select(action.c.verdict).where(action.c.id == claim.action.id).with_for_update()
    stored = (await connection.execute(found)).scalar()
    try:
        return codec.read_verdict(stored) if stored else None
    except rows.UNREADABLE:
        await connection.execute(update(action).where(action.c.id == claim.action.id).values(verdict=None))
        why = {"refusal": rows.CANNOT_BE_READ}
        entry = Entry(kind="verdict.dropped", at=at, action_id=claim.action.id, ref=claim.action.ref, facts=why)
        await rows.append(connection, entry)
        return None


def is_waiting(claim: Claim, step: Step) -> bool:
    """Whether it came after the claim, and is for the next one to hear. On a decision that cannot be read nobody ever will:
    it would be looked at again and again."""
    is_heard = claim.action.verdict is not None or step.ending.detail == rows.CANNOT_BE_READ
    return not is_heard and step.state is ActionState.NEEDS_HUMAN


def columns(given: Verdict | None, claim: Claim, step: Step) -> dict[str, object]:
    """What a step changes beside the usual: a verdict that was heard and did not end the decision makes room for another,
    and one that still waits is looked at next."""
    if given is None or not step.state.is_live:
        return {}
    return {"next_check_at": step.ending.at} if is_waiting(claim, step) else {"verdict": None}


async def close(connection: AsyncConnection, given: Verdict, record: ActionRecord, step: Step) -> None:
    """The step has decided about it: its event, and a word to whoever gave it."""
    at = step.ending.at
    refusal = step.ending.refusal.kind if step.ending.refusal else None
    if step.ending.verified_by is not None:
        kind = "verdict.taken"
    else:
        kind = "verdict.dropped" if step.state.is_live else "verdict.overtaken"
    entry = Entry(
        kind=kind,
        at=at,
        actor=given.by.user,
        action_id=record.id,
        ref=record.ref,
        facts={**facts.of_verdict(record, given), "refusal": refusal},
    )
    event_id = await rows.append(connection, entry)
    target = f"verdict:{record.id}:{event_id}"
    body = {"verdict": codec.write_verdict(given)}
    line = Line(kind=Say.VERDICT, target=target, dedup=target, at=at, due=at, action_id=record.id, body=body)
    await rows.say(connection, [line])


def _refused(found: Row[tuple[object, ...]] | None, verdict: Verdict, delivery: str) -> Refused:
    record = rows.action_of(found) if found is not None else None
    return Refused(
        delivery=delivery,
        actor=verdict.by,
        reply_to=verdict.reply_to,
        refusal=_no_verdict(record),
        word=Word.SETTLE,
        at=verdict.at,
        ref=record.ref if record else None,
    )


def _no_verdict(record: ActionRecord | None) -> Refusal:
    """Why no verdict can be given on it, by what it has become."""
    if record is None:
        return Refusal(RefusalKind.OLD_BUTTON)
    if (first := record.verdict) is not None:
        return Refusal(RefusalKind.VERDICT_GIVEN, {"by": first.by.user, "at": first.at.isoformat()})
    kind = RefusalKind.ALREADY_RUNNING if record.state.is_live else RefusalKind.ALREADY_DONE
    return Refusal(kind, {"state": record.state.value, "word": record.kind.value})
