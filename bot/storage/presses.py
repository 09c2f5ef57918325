"""The journal's side of a press: written down once, refused or found done, always in one commit."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.action import LIVE, ActionState
from bot.domain.errors import JournalUnavailable
from bot.domain.offer import Offer
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, AlreadyAccepted, Busy, Press, Redelivered, Refused, Say
from bot.storage import codec, facts, rows
from bot.storage.database import Database, insert_into, uninterrupted
from bot.storage.rows import Entry, Line
from bot.storage.tables import action, delivery

_TRIES = 5
_IN_DOUBT = (ActionState.UNKNOWN, ActionState.PENDING, ActionState.NEEDS_HUMAN)


@uninterrupted
class JournalPresses:
    """See `bot.ports.Journal`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def accept(self, press: Press) -> Accepted | AlreadyAccepted | Busy | Redelivered:
        async with self._db.write() as connection:
            if not await is_first(connection, press.delivery, press.created_at):
                return Redelivered()
            if press.offer is not None and press.reply_to.ts is not None:
                place = press.offer.place
                await rows.remember_posting(connection, place.message, press.reply_to.channel, press.reply_to.ts)
            for _ in range(_TRIES):
                decided = await insert_or_find(connection, press)
                if decided is not None:
                    break
            else:
                # Each time, the decision that stood in the way ended before it could be read.
                raise JournalUnavailable("the decision about this invoice kept changing; press again")
            if isinstance(decided, Accepted):
                await announce(connection, press, decided.action)
            else:
                await _answer_conflict(connection, press, decided)
            return decided

    async def refuse(self, refused: Refused) -> bool:
        async with self._db.write() as connection:
            if not await is_first(connection, refused.delivery, refused.at):
                return False
            await write_refusal(connection, refused)
            return True

    async def ask_again(self, offer: Offer, actor: Actor, delivery: str, at: datetime) -> ActionRecord | None:
        async with self._db.write() as connection:
            comes_first = await is_first(connection, delivery, at)
            found = await rows.live_action(connection, offer.ref, _IN_DOUBT)
            if found is None or not comes_first:
                return found
            asked = (
                update(action)
                .where(action.c.id == found.id, action.c.state == found.state)
                .values(next_check_at=at)
                .returning(*rows.ACTION)
            )
            row = (await connection.execute(asked)).first()
            if row is None:
                return None
            await rows.append(
                connection,
                Entry(kind="check.asked", at=at, actor=actor.user, action_id=found.id, ref=offer.ref),
            )
            return rows.action_of(row)


async def write_refusal(connection: AsyncConnection, refused: Refused) -> None:
    """Its event, and its answer to the person."""
    target = _refusal_target()
    entry = Entry(
        kind="press.refused",
        at=refused.at,
        actor=refused.actor.user,
        ref=refused.ref,
        facts={
            "word": refused.word,
            "refusal": refused.refusal.kind,
            "ref": refused.ref,
            "reference": target[-8:],
        },
    )
    await rows.append(connection, entry)
    if refused.answer:
        await rows.say(connection, [_refusal_line(refused, target)])


async def is_first(connection: AsyncConnection, key: str, at: datetime) -> bool:
    """Whether Slack delivers this for the first time; it is remembered."""
    seen = insert_into(connection, delivery).values(key=key, seen_at=at).on_conflict_do_nothing()
    return (await connection.execute(seen.returning(delivery.c.key))).first() is not None


async def insert_or_find(connection: AsyncConnection, press: Press) -> Accepted | AlreadyAccepted | Busy | None:
    """The unique indexes decide; None when whatever stood in the way is there no more."""
    new = insert_into(connection, action).values(_values(press)).on_conflict_do_nothing().returning(*rows.ACTION)
    if (row := (await connection.execute(new)).first()) is not None:
        return Accepted(rows.action_of(row))
    twin = (await connection.execute(select(*rows.ACTION).where(action.c.intent_key == press.intent))).first()
    if twin is not None:
        return AlreadyAccepted(rows.action_of(twin))
    other = await rows.live_action(connection, press.offer.ref, LIVE) if press.offer else None
    return Busy(other) if other else None


def _values(press: Press) -> dict[str, object]:
    offer, amount = press.offer, press.offer.invoice.owed if press.offer else None
    return {
        "id": secrets.token_hex(16),
        "intent_key": press.intent,
        "kind": press.decision.action.value,
        "state": ActionState.ACCEPTED.value,
        "offer_id": offer.id if offer else None,
        "account": offer.ref.account if offer else None,
        "invoice": offer.ref.id if offer else None,
        "typed_ref": press.typed_ref,
        "amount_minor": amount.minor if amount else None,
        "currency": amount.currency if amount else None,
        "method": press.decision.method,
        "reason": press.decision.reason,
        "details": codec.write_details(press.decision.details),
        "actor": press.actor.user,
        "team": press.actor.team,
        "reply_to": codec.write_reply_to(press.reply_to),
        "created_at": press.created_at,
        "act_by": press.act_by,
        "next_check_at": press.created_at,
        "checks": 0,
        "approval_id": press.approval_id,
    }


async def announce(connection: AsyncConnection, press: Press, record: ActionRecord) -> None:
    entry = Entry(
        kind="action.accepted",
        at=press.created_at,
        actor=press.actor.user,
        action_id=record.id,
        ref=record.ref,
        facts=facts.of_press(record),
    )
    event_id = await rows.append(connection, entry)
    lines = []
    if press.offer is not None and record.ref is not None:
        messages = set(await rows.messages_showing(connection, record.ref))
        if press.reply_to.ts is not None:
            # The pressed message shows an older offer where somebody pressed a copy that could not be redrawn.
            messages.add(press.offer.place.message)
        lines = [_line(Say.REDRAW, message, event_id, press, record) for message in sorted(messages)]
    if press.reply_to.is_ephemeral and press.approval_id is None:  # else a while ago: who asked is told of the approval
        lines.append(_line(Say.ANSWER, record.id, event_id, press, record))
    await rows.say(connection, lines)


def _line(kind: Say, target: str, event_id: int, press: Press, record: ActionRecord) -> Line:
    return Line(
        kind=kind,
        target=target,
        dedup=f"{kind}:{target}:{event_id}",
        at=press.created_at,
        due=press.created_at,
        action_id=record.id,
    )


async def _answer_conflict(connection: AsyncConnection, press: Press, decided: AlreadyAccepted | Busy) -> None:
    other = decided.action
    is_busy = isinstance(decided, Busy)
    entry = Entry(
        kind="press.busy" if is_busy else "press.repeated",
        at=press.created_at,
        actor=press.actor.user,
        action_id=other.id,
        ref=other.ref,
        facts={"word": press.decision.action, "state": other.state},
    )
    await rows.append(connection, entry)
    if press.offer is None:
        return
    kind = RefusalKind.ALREADY_RUNNING if other.state.is_live else RefusalKind.ALREADY_DONE
    refused = Refused(
        delivery=press.delivery,
        actor=press.actor,
        reply_to=press.reply_to,
        refusal=Refusal(
            RefusalKind.BUSY if is_busy else kind,
            {
                "by": other.actor.user,
                "at": other.created_at.isoformat(),
                "state": other.state.value,
                "word": other.kind.value,
            },
        ),
        word=press.decision.action,
        at=press.created_at,
    )
    await rows.say(connection, [_refusal_line(refused, _refusal_target())])


def _refusal_target() -> str:
    return f"refusal:{secrets.token_hex(16)}"


def _refusal_line(refused: Refused, target: str) -> Line:
    return Line(
        kind=Say.REFUSAL,
        target=target,
        dedup=target,
        at=refused.at,
        due=refused.at,
        body={"refusal": codec.write_refusal(refused.refusal), "reply_to": codec.write_reply_to(refused.reply_to)},
    )
