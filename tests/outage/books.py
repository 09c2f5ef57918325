"""What must be true after every outage: the journal, read past all proxies, against the provider's own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.action import LIVE
from bot.sandbox.providers.magic import Result
from bot.storage.engine import database_url, looking_engine, sqlite_file, writing_engine
from bot.storage.tables import action, event
from tests.scenarios.stage import Bill, Stage
from tests.scenarios.test_lost_answers import NEVER

_UNENDED = [state.value for state in LIVE if state.value != "needs_human"]
_NO_EFFECT = {"rejected", "refused", "not_applied", "expired", "declined"}


@dataclass(frozen=True, slots=True)
class Pressed:
    """A press of somebody, and whether it was acknowledged."""

    bill: Bill
    acknowledged: bool


@dataclass(slots=True)
class Verdict:
    """A row of the proof's table; each list holds sentences."""

    fault: str
    rounds: int = 0
    presses: int = 0
    acknowledged: int = 0
    charges: int = 0
    double: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        return [*self.double, *self.lost, *self.wrong]


async def open_actions(url: str) -> int:
    """Decisions that have not ended and do not wait for a person."""
    async with reading(url) as connection:
        found = await connection.execute(select(action.c.id).where(action.c.state.in_(_UNENDED)))
        return len(found.all())


async def judged(fault: str, rounds: int, stage: Stage, url: str, pressed: Sequence[Pressed]) -> Verdict:
    """Of all that was pressed: at most one charge, an ending for each acknowledged press, and the one that is true."""
    verdict = Verdict(fault, rounds, len(pressed), sum(one.acknowledged for one in pressed))
    bills = {one.bill.id: one.bill for one in pressed}
    for bill in bills.values():
        actions, events = await _records(url, bill)
        was_acknowledged = any(one.acknowledged for one in pressed if one.bill == bill)
        paid = [charge for charge in stage.charges(bill) if charge.result is Result.PAID]
        verdict.charges += len(paid)
        verdict.double += _money(stage, bill, len(paid), len(actions))
        verdict.lost += _kept(bill, actions, acknowledged=was_acknowledged)
        verdict.wrong += [*_endings(stage, bill, actions), *_trail(bill, actions, events)]
        verdict.wrong += _said(stage, bill) if paid else []
    return verdict


async def _records(url: str, bill: Bill) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    ours: ColumnElement[bool] = or_(action.c.invoice == bill.id, action.c.typed_ref == bill.ref)
    async with reading(url) as connection:
        actions = (await connection.execute(select(action).where(ours).order_by(action.c.seq))).mappings().all()
        ids = [one["id"] for one in actions]
        told = select(event).where(event.c.action_id.in_(ids)).order_by(event.c.id)
        return list(map(dict, actions)), list(map(dict, (await connection.execute(told)).mappings().all()))


@asynccontextmanager
async def reading(url: str) -> AsyncGenerator[AsyncConnection]:
    parsed = database_url(url)
    file = sqlite_file(parsed)
    engine = writing_engine(parsed) if file is None else looking_engine(file)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def _money(stage: Stage, bill: Bill, paid: int, decisions: int) -> Iterable[str]:
    if paid > 1:
        yield f"{bill.number} was charged {paid} times"
    keys = {one.key for one in stage.stripe.requests if one.method == "POST" and f"/{bill.id}/pay" in one.path}
    if None in keys or len(keys) > decisions:
        yield f"{bill.number}: {len(keys)} keys were used for {decisions} decisions"


def _kept(bill: Bill, actions: Sequence[Mapping[str, Any]], *, acknowledged: bool) -> Iterable[str]:
    if acknowledged and not actions:
        yield f"{bill.number} was acknowledged and is not in the journal"
    for one in actions:
        if one["state"] in _UNENDED:
            yield f"{bill.number} is left {one['state']} ({one['ending']})"


def _endings(stage: Stage, bill: Bill, actions: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    states = [one["state"] for one in actions]
    is_paid = stage.status(bill) == "paid"
    if is_paid and states and set(states) <= _NO_EFFECT:
        yield f"{bill.number} is paid and recorded as {states}"
    if not is_paid and "succeeded" in states:
        yield f"{bill.number} is {stage.status(bill)} and recorded as {states}"


def _trail(bill: Bill, actions: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """One event for each acceptance and each ending, and as many about sends as there were sends begun."""
    for one in actions:
        kinds = Counter(each["kind"] for each in events if each["action_id"] == one["id"])
        if one["state"] not in _UNENDED and kinds[f"action.{one['state']}"] != 1:
            yield f"{bill.number} is {one['state']}, and its events are {dict(kinds)}"
        if kinds["attempt.begun"] > 1:
            yield f"{bill.number}: one decision began {kinds['attempt.begun']} attempts"


def _said(stage: Stage, bill: Bill) -> Iterable[str]:
    for version in stage.versions(bill):
        if any(word in version for word in NEVER):
            yield f"{bill.number} is paid and was told as: {version}"
