"""What must be true after every death, whatever the moment: read from the provider, from Slack and from the journal."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.domain.action import LIVE
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack_state import Message
from tests.crash.child import CHANNEL
from tests.crash.outside import KILLED, Fake, Outside
from tests.crash.scenarios import Scenario

_LIVE = {state.value for state in LIVE} - {"needs_human"}
_POSTED = ("answer", "late_note", "refusal", "digest", "alert")
"""Kinds of letters that become a message of their own; a redraw changes one that is there."""
_BESIDE = {"press.repeated", "press.busy", "press.refused", "check.asked"}
"""Events that are about an action but move nothing."""
_MOVES: Mapping[tuple[str, str], str] = {
    ("", "action.accepted"): "accepted",
    ("accepted", "attempt.begun"): "executing",
    ("accepted", "attempt.resent"): "executing",
    ("unknown", "attempt.resent"): "executing",
    ("executing", "attempt.lost"): "unknown",
    ("executing", "action.accepted"): "accepted",
    ("accepted", "action.accepted"): "accepted",
}
_ENDS = {"succeeded", "declined", "rejected", "refused", "not_applied", "expired", "unsettled", "needs_human"}
_MAY_END = {
    "accepted": {"refused", "rejected", "expired"},
    "executing": _ENDS | {"unknown", "pending"},
    "unknown": _ENDS | {"unknown", "pending"},
    "pending": _ENDS | {"pending"},
}


@dataclass(frozen=True, slots=True)
class Books:
    """What the database says, row by row."""

    actions: Sequence[Mapping[str, Any]]
    attempts: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    letters: Sequence[Mapping[str, Any]]
    postings: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, file: Path) -> Books:
        with closing(sqlite3.connect(file)) as connection:
            connection.row_factory = sqlite3.Row

            def every(table: str, order: str) -> list[Mapping[str, Any]]:
                return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]

            return cls(
                actions=every("action", "seq"),
                attempts=every("attempt", "id"),
                events=every("event", "id"),
                letters=every("outbox", "id"),
                postings=every("posting", "ts"),
                runs=every("digest_run", "id"),
            )


@dataclass(frozen=True, slots=True)
class Moment:
    """How the first life left things: the database, and the messages that it had got into Slack."""

    books: Books
    posted: Sequence[Message]


@dataclass(slots=True)
class Verdict:
    """One death, judged. Each list holds sentences; `allowed_twice` are messages that Slack took and never confirmed."""

    scenario: str
    kill_at: int | None
    killed: bool
    acknowledged: bool
    charges: int
    double_charges: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong_endings: list[str] = field(default_factory=list)
    wrong_events: list[str] = field(default_factory=list)
    wrong_messages: list[str] = field(default_factory=list)
    twice: int = 0
    allowed_twice: int = 0

    @property
    def violations(self) -> list[str]:
        return [*self.double_charges, *self.lost, *self.wrong_endings, *self.wrong_events, *self.wrong_messages]


def judged(scenario: Scenario, outside: Outside, before: Moment, left: Moment, kill_at: int | None) -> Verdict:
    """`before` is the stage, `left` what the first life left behind."""
    books = Books.read(outside.database)
    first = outside.lives[0]
    charges = [charge for charge in outside.fake.charges if charge.invoice == scenario.invoice]
    verdict = Verdict(
        scenario=scenario.name,
        kill_at=kill_at,
        killed=first.ended == KILLED,
        acknowledged=first.acknowledged,
        charges=sum(charge.result.value == "paid" for charge in charges),
    )
    verdict.lost += _lives(outside)
    verdict.double_charges += _money(scenario, outside, [charge.result.value for charge in charges])
    if scenario.state is not None:
        verdict.lost += _kept(scenario, books, acknowledged=first.acknowledged)
        verdict.wrong_endings += _endings(scenario, outside, books)
    else:
        verdict.lost += _digests(books, before, acknowledged=first.acknowledged or scenario.is_scheduled)
    verdict.wrong_events += _events(books)
    verdict.wrong_messages += _said(scenario, outside, books)
    verdict.twice = _surplus(outside, books, before)
    verdict.allowed_twice = _unconfirmed(before, left)
    if verdict.twice < 0:
        verdict.wrong_messages.append(f"{-verdict.twice} messages that the outbox holds for said are not in Slack")
    elif verdict.twice > verdict.allowed_twice:
        verdict.wrong_messages.append(f"{verdict.twice} messages too many, {verdict.allowed_twice} of them unconfirmed")
    return verdict


def _lives(outside: Outside) -> Iterable[str]:
    """Every life but the first ends by itself, and answers Slack if Slack asked."""
    for number, life in enumerate(outside.lives):
        if life.ended not in ({0, KILLED} if number == 0 else {0}):
            words = outside.mother.last_words() if outside.mother else ""
            yield f"life {number} ended with {life.ended}: {words}"
        if life.status not in (None, 200):
            yield f"life {number} answered Slack with {life.status}"


def _money(scenario: Scenario, outside: Outside, results: Sequence[str]) -> Iterable[str]:
    paid = results.count("paid")
    if paid > 1:
        yield f"charged {paid} times"
    if len(results) > len(scenario.charges):
        yield f"the bank was asked {len(results)} times"
    yield from _sends(scenario, outside.fake)
    if any(charge.invoice != scenario.invoice for charge in outside.fake.charges):
        yield "another invoice was charged"


def _sends(scenario: Scenario, fake: Fake) -> Iterable[str]:
    """One key for all sends of a decision; where there are no keys, one send."""
    if isinstance(fake, FakeStripe):
        keys = {one.key for one in fake.requests if one.method == "POST" and scenario.invoice in one.path}
        if len(keys) > 1 or None in keys:
            yield f"{len(keys)} idempotency keys were used for one decision"
        return
    sends = [one for one in fake.requests if one.method == "POST" and one.path.endswith("/retry_payment")]
    if len(sends) > 1:
        yield f"a provider without keys was asked {len(sends)} times"


def _kept(scenario: Scenario, books: Books, *, acknowledged: bool) -> Iterable[str]:
    if not books.actions:
        yield f"the decision is not in the journal{', and was acknowledged' if acknowledged else ''}"
    if len(books.actions) > 1:
        yield f"one decision became {len(books.actions)} actions"
    for action in books.actions:
        if action["state"] in _LIVE:
            yield f"the decision is left {action['state']}"
    if any(letter["state"] != "done" for letter in books.letters):
        yield f"letters were not said: {[(one['kind'], one['state'], one['why']) for one in books.letters]}"
    if scenario.charges and not books.attempts:
        yield "there is no record of the attempt"


def _endings(scenario: Scenario, outside: Outside, books: Books) -> Iterable[str]:
    fake, state = outside.fake, scenario.state
    status, results = _status(fake, scenario.invoice), [charge.result.value for charge in fake.charges]
    if scenario.unless_sent is not None and _was_never_sent(books, results):
        state = "not_applied"
    elif tuple(results) != scenario.charges or status != scenario.status:
        yield f"at the provider the invoice is {status} after {results}"
    if (told := _told(fake, scenario.invoice)) != status:
        yield f"the provider tells {told} of an invoice that is {status}: the proof itself is broken"
    for action in books.actions:
        ending = json.loads(action["ending"]) if action["ending"] else {}
        if action["state"] != state:
            yield f"recorded as {action['state']}, the invoice is {status} after {results}: {ending}"
        if status == "paid" and not ending.get("ours", True):
            yield f"the payment was ours and is recorded as perhaps another's: {ending}"
    keys = {attempt["idem_key"] for attempt in books.attempts}
    strangers = {charge.key for charge in fake.charges} - keys if isinstance(fake, FakeStripe) else set()
    if strangers:
        yield f"a charge was made under keys that are not on record: {strangers}"


def _was_never_sent(books: Books, results: Sequence[str]) -> bool:
    """Whether the process died between the record of its attempt and the send itself."""
    return not results and any(event["kind"] == "attempt.lost" for event in books.events)


def _status(fake: Fake, invoice: str) -> str:
    if isinstance(fake, FakeStripe):
        return fake.invoices[invoice].status
    return "paid" if fake.invoices[invoice].payment_status == "succeeded" else "open"


def _told(fake: Fake, invoice: str) -> str:
    """The status as the provider's API shows it."""
    if isinstance(fake, FakeStripe):
        return str(fake.objects.by_id("invoice", invoice)["status"])
    return "paid" if fake.objects.invoice(fake.invoices[invoice])["payment_status"] == "succeeded" else "open"


def _digests(books: Books, before: Moment, *, acknowledged: bool) -> Iterable[str]:
    new = books.runs[len(before.books.runs) :]
    if acknowledged and len(new) != 1:
        yield f"one digest became {len(new)} runs"
    if not new:
        yield "the digest was never run"
    for run in new:
        if run["state"] != "ready":
            yield f"the digest is left {run['state']}: {run['why']}"
    if any(letter["state"] != "done" for letter in books.letters):
        yield "the digest was not said"


def _events(books: Books) -> Iterable[str]:
    """Walks through the audit trail: every event has to be the one next step, and the walk ends where the row stands."""
    lost = sum(event["kind"] == "attempt.lost" for event in books.events)
    if lost > 1:
        yield f"one death lost {lost} attempts"
    if any(event["kind"] in {"outbox.dead", "digest.failed"} for event in books.events):
        yield "something was given up"
    for action in books.actions:
        kinds = [event["kind"] for event in books.events if event["action_id"] == action["id"]]
        state = ""
        for kind in kinds:
            following = _following(state, kind)
            if following is None:
                yield f"{kind} follows {state or 'nothing'}: {kinds}"
                break
            state = following
        else:
            if state != action["state"]:
                yield f"the events end {state}, the row is {action['state']}: {kinds}"
        sends = sum(attempt["sends"] for attempt in books.attempts if attempt["action_id"] == action["id"])
        told = Counter(kinds)["attempt.begun"] + Counter(kinds)["attempt.resent"]
        if sends != told:
            yield f"{sends} sends and {told} events about them: {kinds}"


def _following(state: str, kind: str) -> str | None:
    """Where an event leads to from a state; None where it cannot happen."""
    if kind in _BESIDE:
        return state
    if (known := _MOVES.get((state, kind))) is not None:
        return known
    end = kind.removeprefix("action.")
    return end if end in _MAY_END.get(state, set()) else None


def _said(scenario: Scenario, outside: Outside, books: Books) -> Iterable[str]:
    """Every message of the channel that shows the invoice tells how it stands, once all is quiet."""
    shown = [m for m in outside.slack.messages(CHANNEL) if "JUDGED-1" in json.dumps(m.blocks) and m.thread_ts is None]
    known = {posting["ts"] for posting in books.postings}
    wanted = scenario.says
    if scenario.unless_sent is not None and _was_never_sent(books, [one.result.value for one in outside.fake.charges]):
        wanted = scenario.unless_sent
    if scenario.state is None:
        shown = shown[-1:]
    for message in shown:
        if message.ts in known and wanted not in json.dumps(message.blocks):
            yield f"a message does not say “{wanted}”: {json.dumps(message.blocks)[:1500]}"
    if not any(message.ts in known for message in shown):
        yield "no message that we know of shows the invoice"


def _surplus(outside: Outside, books: Books, before: Moment) -> int:
    """Messages beyond one for each letter that becomes a message."""
    letters = {letter["target"] for letter in books.letters if letter["kind"] in _POSTED and letter["state"] == "done"}
    letters -= {letter["target"] for letter in before.books.letters}
    return len(outside.posted) - len(before.posted) - len(letters)


def _unconfirmed(before: Moment, left: Moment) -> int:
    """Messages that the first life got into Slack without living to write that down."""
    known = {posting["ts"] for posting in left.books.postings}
    new = [message for message in left.posted if message.ts not in {one.ts for one in before.posted}]
    digests = {letter["target"] for letter in left.books.letters if letter["kind"] == "digest"}
    waiting = {
        letter["target"] for letter in left.books.letters if letter["kind"] in _POSTED and letter["state"] == "pending"
    }
    if waiting & digests:
        return sum(message.ts not in known for message in new)
    return min(len(new), len(waiting))
