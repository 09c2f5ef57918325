"""Table rows to the journal's records, and the few inserts that every transaction is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Text, and_, exists, insert, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.action import Action, ActionState
from bot.domain.details import Details
from bot.domain.errors import JournalUnavailable
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.domain.offer import Offer, Place
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord, Attempt, Ending, ReplyTo, Verdict
from bot.ports import Say
from bot.storage import codec
from bot.storage.database import insert_into
from bot.storage.instant import db_now
from bot.storage.tables import action, event, offer, outbox, posting

_APPROVER = "(SELECT approval.answered_by FROM approval WHERE approval.id = action.approval_id)"
ACTION = (*action.c, literal_column(_APPROVER, Text).label("approver"))
"""What `action_of` needs of a decision: its row, and who agreed to it. As text, for a RETURNING knows no correlation."""

_log = structlog.get_logger()

_newer = offer.alias("newer")
IS_NEWEST = ~exists(
    select(1).where(_newer.c.message == offer.c.message, _newer.c.row_no == offer.c.row_no, _newer.c.seq > offer.c.seq)
)
"""True of the offer that a row of a message shows now."""


def about(columns: Any, ref: InvoiceRef) -> ColumnElement[bool]:
    """The rows of a table with columns account and invoice that are about one invoice."""
    return and_(columns.account == ref.account, columns.invoice == ref.id)


UNREADABLE = (JournalUnavailable, AttributeError, LookupError, TypeError, ValueError)
"""What reading a stored record raises that another version, or an accident, has left in another shape."""
CANNOT_BE_READ = "its record cannot be read by this version of Recoup"


def is_readable(row: Row[Any]) -> bool:
    """Whether every part of an action's row makes sense."""
    try:
        _parts_of(row)
    except UNREADABLE:
        return False
    return True


def _parts_of(row: Row[Any]) -> tuple[ReplyTo, Details, Ending | None, Verdict | None]:
    ending = codec.read_ending(row.ending) if row.ending else None
    verdict = codec.read_verdict(row.verdict) if row.verdict else None
    return codec.read_reply_to(row.reply_to), codec.read_details(row.details), ending, verdict


def action_of(row: Row[Any]) -> ActionRecord:
    """What cannot be read is left out, and a decision that has not ended is then one that a person has to look at. Raises
    JournalUnavailable for a kind of decision that only a newer version knows."""
    kind = codec.word_of(Action, row.kind, None)
    if kind is None:
        raise JournalUnavailable(f"the decision {row.id[:8]} ({row.kind}) was written by a newer version of Recoup")
    has_amount = row.amount_minor is not None and row.currency is not None
    # A state that only a newer version knows is one that a person has to look at.
    state = codec.word_of(ActionState, row.state, ActionState.NEEDS_HUMAN)
    try:
        reply_to, details, ending, verdict = _parts_of(row)
    except UNREADABLE:
        reply_to, details, verdict = ReplyTo(user=row.actor, channel=""), None, None
        ending = Ending(at=row.created_at, detail=CANNOT_BE_READ)
        state = ActionState.NEEDS_HUMAN if state.is_live else state
    return ActionRecord(
        id=row.id,
        kind=kind,
        state=state,
        actor=Actor(row.actor, row.team),
        reply_to=reply_to,
        created_at=row.created_at,
        act_by=row.act_by,
        ref=InvoiceRef(row.account, row.invoice) if row.account and row.invoice else None,
        typed_ref=row.typed_ref,
        offer_id=row.offer_id,
        amount=Money(row.amount_minor, row.currency) if has_amount else None,
        method=row.method,
        reason=row.reason,
        details=details,
        next_check_at=row.next_check_at,
        checks=row.checks,
        ending=ending,
        verdict=verdict,
        approval_id=row.approval_id,
        approver=row.approver,
    )


def offer_of(row: Row[Any]) -> Offer:
    return Offer(
        id=row.id,
        invoice=codec.read_invoice({"account": row.account, "id": row.invoice, **row.snapshot}),
        actions=row.actions,
        place=Place(row.message, row.channel, row.row_no),
        made_at=row.made_at,
    )


def readable_offers(found: Iterable[Row[Any]]) -> list[Offer]:
    """Without those that another version, or an accident, has left in another shape: one of them must not keep the others
    from being drawn, nor an ending from being written down."""
    offers = []
    for row in found:
        try:
            offers.append(offer_of(row))
        except UNREADABLE:
            _log.warning("offer.unreadable", offer=row.id)
    return offers


def attempt_of(row: Row[Any], record: ActionRecord) -> Attempt:
    """An attempt belongs to an action that has its invoice; the caller reads both in one transaction."""
    if record.ref is None:
        raise JournalUnavailable(f"the decision {record.reference} was sent without an invoice on record")
    return Attempt(
        action_id=record.id,
        action=record.kind,
        ref=record.ref,
        key=row.idem_key,
        key_expires_at=row.key_expires_at,
        before=codec.read_before(row.before),
        sends=row.sends,
        first_sent_at=row.first_sent_at,
        last_sent_at=row.last_sent_at,
        method=record.method,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An audit event to be appended. `facts` hold ids, words and amounts; None and empty ones are left out."""

    kind: str
    at: datetime | ColumnElement[datetime]
    actor: str | None = None
    action_id: str | None = None
    ref: InvoiceRef | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


async def append(connection: AsyncConnection, entry: Entry) -> int:
    """Answers the event's id, which makes the dedup keys of what is said about it."""
    values = {
        "kind": entry.kind,
        "at": entry.at,
        "actor": entry.actor,
        "action_id": entry.action_id,
        "account": entry.ref.account if entry.ref else None,
        "invoice": entry.ref.id if entry.ref else None,
        "facts": {key: str(value) for key, value in entry.facts.items() if value is not None and value != ""},
    }
    event_id: int = (await connection.execute(insert(event).values(values).returning(event.c.id))).scalar_one()
    return event_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An outbox row to be written: what to say, to which target, from when on."""

    kind: Say
    target: str
    dedup: str
    at: datetime
    due: datetime
    action_id: str | None = None
    body: Mapping[str, object] = field(default_factory=dict)


async def say(connection: AsyncConnection, lines: Iterable[Line]) -> None:
    values = [
        {
            "kind": line.kind.value,
            "target": line.target,
            "dedup_key": line.dedup,
            "state": "pending",
            "tries": 0,
            "created_at": line.at,
            "next_at": line.due,
            "action_id": line.action_id,
            "body": dict(line.body),
        }
        for line in lines
    ]
    if values:
        await connection.execute(insert_into(connection, outbox).on_conflict_do_nothing(), values)


async def draw(connection: AsyncConnection, offers: Sequence[Offer]) -> None:
    """Writes offers down; one that is there already stays as it is."""
    values = [
        {
            "id": each.id,
            "account": each.ref.account,
            "invoice": each.ref.id,
            "snapshot": codec.write_invoice(each.invoice),
            "actions": each.actions,
            "message": each.place.message,
            "channel": each.place.channel,
            "row_no": each.place.row,
            "made_at": each.made_at,
        }
        for each in offers
    ]
    if values:
        await connection.execute(insert_into(connection, offer).on_conflict_do_nothing(), values)


async def remember_posting(connection: AsyncConnection, message: str, channel: str, ts: str) -> None:
    values = {"message": message, "channel": channel, "ts": ts, "posted_at": db_now()}
    await connection.execute(insert_into(connection, posting).values(values).on_conflict_do_nothing())


async def messages_showing(connection: AsyncConnection, ref: InvoiceRef) -> list[str]:
    """The messages that show the invoice now and lie in Slack, or are on their way there: what is drawn already may be of
    a moment ago, and a redraw waits until the message has arrived."""
    is_posted = exists(select(1).where(posting.c.message == offer.c.message))
    is_for_it = and_(outbox.c.target == offer.c.message, outbox.c.kind == Say.DIGEST.value, outbox.c.state == "pending")
    lies_there = or_(is_posted, exists(select(1).where(is_for_it)))
    found = select(offer.c.message).where(about(offer.c, ref), IS_NEWEST, lies_there).distinct()
    return list((await connection.execute(found.order_by(offer.c.message))).scalars())


async def live_action(connection: AsyncConnection, ref: InvoiceRef, states: Sequence[ActionState]) -> ActionRecord | None:
    """The newest action on the invoice in one of `states`."""
    found = select(*ACTION).where(about(action.c, ref), action.c.state.in_(states)).order_by(action.c.seq.desc()).limit(1)
    row = (await connection.execute(found)).first()
    return action_of(row) if row else None
