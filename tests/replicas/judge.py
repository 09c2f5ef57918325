"""What has to be true once all is quiet, whoever was killed when: read from PostgreSQL, the provider and Slack."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.storage.engine import database_url
from tests.replicas.crowd import FIN, Crowd

_LIVE = ("accepted", "executing", "pending", "unknown")
_ENDS = frozenset({"succeeded", "declined", "rejected", "refused", "not_applied", "expired", "unsettled"})
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Books:
    """What the database says, row by row."""

    actions: Sequence[Row]
    attempts: Sequence[Row]
    events: Sequence[Row]
    letters: Sequence[Row]
    postings: Sequence[Row]
    runs: Sequence[Row]


class Database:
    """The judge's own connection, which also moves the leases of the dead when nobody wants to wait for them."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(database_url(url))

    async def books(self) -> Books:
        async with self._engine.connect() as connection:

            async def every(table: str, order: str) -> list[Row]:
                found = await connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}"))
                return [dict(row) for row in found.mappings()]

            return Books(
                actions=await every("action", "seq"),
                attempts=await every("attempt", "id"),
                events=await every("event", "id"),
                letters=await every("outbox", "id"),
                postings=await every("posting", "ts"),
                runs=await every("digest_run", "id"),
            )

    async def open_work(self) -> int:
        """Decisions that are to be advanced, letters to be said, digests to be built."""
        states = ", ".join(f"'{state}'" for state in _LIVE)
        questions = (
            f"SELECT count(*) FROM action WHERE state IN ({states})",
            "SELECT count(*) FROM outbox WHERE state = 'pending' AND next_at < "
            "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) + 60000",
            "SELECT count(*) FROM digest_run WHERE state = 'building'",
        )
        async with self._engine.connect() as connection:
            return sum([(await connection.execute(text(question))).scalar_one() for question in questions])

    async def leases(self) -> dict[str, str]:
        """Every action that is in somebody's hands, and whose."""
        async with self._engine.connect() as connection:
            found = await connection.execute(text("SELECT id, lease_owner FROM action WHERE lease_owner IS NOT NULL"))
            return {row.id: row.lease_owner for row in found}

    async def end_leases(self) -> int:
        """For when every process is dead, so that each lease is a dead one's; answers how many actions were in hands."""
        async with self._engine.begin() as connection:
            freed = await connection.execute(text("UPDATE action SET lease_until = 0 WHERE lease_owner IS NOT NULL"))
            await connection.execute(text("UPDATE outbox_hold SET until = 0"))
            await connection.execute(text("UPDATE digest_run SET lease_until = 0 WHERE state = 'building'"))
            return freed.rowcount

    async def close(self) -> None:
        await self._engine.dispose()


def judged(books: Books, crowd: Crowd, kills: int) -> list[str]:
    """Every sentence is a violation."""
    found = [*_money(books, crowd.stripe), *_kept(books, crowd), *_ended(books), *_events(books)]
    return [*found, *_said(books, crowd), *_posts(books, crowd.slack, kills)]


def double_charges(books: Books, stripe: FakeStripe) -> int:
    """Decisions with more than one charge, and invoices that were paid more than once."""
    paid = [charge for charge in stripe.charges if charge.result.value == "paid"]
    by_key, by_invoice = Counter(charge.key for charge in paid), Counter(charge.invoice for charge in paid)
    known = {attempt["idem_key"] for attempt in books.attempts}
    return (
        sum(count > 1 for count in by_key.values())
        + sum(count > 1 for count in by_invoice.values())
        + len(set(by_key) - known)
    )


def posts_without_a_record(books: Books, slack: LocalSlack) -> int:
    """Digests that Slack took from a process that died before it could write that down."""
    known = {posting["ts"] for posting in books.postings}
    return sum(message.ts not in known for message in slack.messages(FIN) if "failed invoice" in message.text)


def _money(books: Books, stripe: FakeStripe) -> Iterable[str]:
    if (count := double_charges(books, stripe)) > 0:
        yield f"{count} double or unknown charges"
    for attempt in books.attempts:
        (action,) = [one for one in books.actions if one["id"] == attempt["action_id"]]
        results = [charge.result.value for charge in stripe.charges if charge.key == attempt["idem_key"]]
        was_paid, says_paid = "paid" in results, action["state"] == "succeeded"
        if action["kind"] == "retry" and was_paid != says_paid:
            yield f"{action['id'][:8]} is recorded as {action['state']}, the bank said {results}: {action['ending']}"
        status = stripe.invoices[action["invoice"]].status
        if action["kind"] == "void" and (status == "void") != (action["state"] == "succeeded"):
            yield f"{action['id'][:8]} to void is recorded as {action['state']}, the invoice is {status}"


def _kept(books: Books, crowd: Crowd) -> Iterable[str]:
    """What Slack was told was taken is on record."""
    typed = Counter(str(action["typed_ref"]).partition(":")[2] for action in books.actions if action["typed_ref"])
    pressed = Counter(action["invoice"] for action in books.actions if not action["typed_ref"])
    turned_away = Counter(
        event["invoice"] for event in books.events if event["kind"] in {"press.repeated", "press.busy", "press.refused"}
    )
    for invoice, moments in crowd.doings.acknowledged.items():
        kept = typed[invoice] + pressed[invoice] + turned_away[invoice]
        if kept < len(moments):
            yield f"{invoice}: {len(moments)} presses were acknowledged, {kept} are on record"


def _ended(books: Books) -> Iterable[str]:
    for action in books.actions:
        if action["state"] in _LIVE:
            yield f"{action['id'][:8]} is left {action['state']}: {action['ending']}"
    for letter in books.letters:
        if letter["state"] == "dead":
            yield f"a letter was given up: {letter['kind']} {letter['why']}"
    for run in books.runs:
        if run["state"] != "ready":
            yield f"the digest {run['digest']}@{run['scheduled']} is left {run['state']}: {run['why']}"


def _events(books: Books) -> Iterable[str]:
    kinds: dict[str, list[str]] = {}
    for event in books.events:
        kinds.setdefault(event["action_id"], []).append(event["kind"])
    for action in books.actions:
        mine = kinds.get(action["id"], [])
        endings = [kind for kind in mine if kind.removeprefix("action.") in _ENDS]
        if action["state"] in _ENDS and endings != [f"action.{action['state']}"]:
            yield f"{action['id'][:8]} is {action['state']} and its endings are {endings}"
        sends = sum(attempt["sends"] for attempt in books.attempts if attempt["action_id"] == action["id"])
        if sends != mine.count("attempt.begun") + mine.count("attempt.resent") or mine.count("attempt.begun") > 1:
            yield f"{action['id'][:8]} has {sends} sends on record and the events {mine}"


def _said(books: Books, crowd: Crowd) -> Iterable[str]:
    """No message that we know of still says that something is under way."""
    known = {posting["ts"] for posting in books.postings}
    for message in crowd.digests():
        if message.ts in known and re.search(r"Retrying|Voiding|No answer yet", json.dumps(message.blocks)):
            yield f"a digest still says that something is under way: {json.dumps(message.blocks)[:1500]}"


def _posts(books: Books, slack: LocalSlack, kills: int) -> Iterable[str]:
    """A digest lies in Slack once; a second time only where a process was killed between Slack's answer and its record."""
    slots = Counter((run["digest"], run["scheduled"]) for run in books.runs)
    if any(count > 1 for count in slots.values()):
        yield "a digest has two runs for one time"
    runs = {run["message"] for run in books.runs if run["message"]}
    places = Counter(posting["message"] for posting in books.postings if posting["message"] in runs)
    for message in runs:
        if places[message] != 1:
            yield f"the digest {message} lies in {places[message]} places"
    if (unknown := posts_without_a_record(books, slack)) > kills:
        yield f"{unknown} digests were posted without a record, after {kills} kills"
