"""What must be true after every death, whatever the moment: read from the provider, from Slack and from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.action import LIVE
from bot.domain.errors import UnusableValue
from bot.domain.offer import ButtonValue
from bot.sandbox.slack_blocks import elements_of
from bot.sandbox.slack_state import Message
from tests.crash import ledger
from tests.crash.books import Books, Moment
from tests.crash.child import CHANNEL
from tests.crash.deeds import NUMBER
from tests.crash.outside import KILLED, Outside
from tests.crash.scenarios import Scenario
from tests.crash.trail import wrong_events

_LIVE = {state.value for state in LIVE} - {"needs_human"}
_POSTED = ("answer", "late_note", "refusal", "digest", "alert")
"""Kinds of letters that become a message of their own; a redraw changes one that is there."""

Kills = tuple[int, ...]
"""At which resume each life but the last is killed; empty: nobody is."""


@dataclass(slots=True)
class Verdict:
    """One round, judged. Each list holds sentences; `allowed_twice` are messages that Slack took and never confirmed.

    `marks` are those of the first life, `recovery` those of the life after the first death, where they lived to tell.
    """

    scenario: str
    kills: Kills
    killed: int
    acknowledged: bool
    charges: int
    double_charges: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong_endings: list[str] = field(default_factory=list)
    wrong_events: list[str] = field(default_factory=list)
    wrong_messages: list[str] = field(default_factory=list)
    twice: int = 0
    allowed_twice: int = 0
    points: int = 0
    marks: Sequence[int] = ()
    recovery: Sequence[int] = ()

    @property
    def violations(self) -> list[str]:
        return [*self.double_charges, *self.lost, *self.wrong_endings, *self.wrong_events, *self.wrong_messages]


def judged(
    scenario: Scenario, outside: Outside, before: Moment, after: Moment, kills: Kills, allowed_twice: int
) -> Verdict:
    """`before` is the stage, `after` what there is once all is quiet; of `allowed_twice` messages nobody can know whether
    Slack has them."""
    books, first = after.books, outside.lives[0]
    killed = sum(life.ended == KILLED for life in outside.lives)
    verdict = Verdict(
        scenario=scenario.name,
        kills=kills,
        killed=killed,
        acknowledged=outside.acknowledged,
        charges=ledger.paid(outside.fake, scenario.invoice),
        allowed_twice=allowed_twice,
        points=first.points,
        marks=first.marks,
        recovery=outside.lives[1].marks if len(outside.lives) > 1 else (),
    )
    verdict.lost += _lives(outside, len(kills))
    verdict.double_charges += ledger.wrong_money(scenario, outside.fake)
    if scenario.state is not None:
        verdict.lost += _kept(scenario, books)
        verdict.wrong_endings += ledger.wrong_endings(scenario, outside.fake, books, killed)
    else:
        verdict.lost += _digests(outside, books, before)
        verdict.wrong_messages += _copies(outside, books, before)
    verdict.wrong_events += wrong_events(books, killed)
    verdict.wrong_messages += _said(scenario, outside, books)
    verdict.wrong_messages += _buttons(after)
    verdict.twice = _surplus(before, after)
    if verdict.twice < 0:
        verdict.wrong_messages.append(f"{-verdict.twice} messages that the outbox holds for said are not in Slack")
    elif verdict.twice > allowed_twice:
        verdict.wrong_messages.append(f"{verdict.twice} messages too many, {allowed_twice} of them unconfirmed")
    return verdict


def unconfirmed(before: Moment, left: Moment) -> int:
    """Messages that a life got into Slack without living to write that down."""
    known = {posting["ts"] for posting in left.books.postings}
    new = [message for message in left.posted if message.ts not in {one.ts for one in before.posted}]
    waiting = [letter for letter in left.books.letters if letter["kind"] in _POSTED and letter["state"] == "pending"]
    if any(letter["kind"] == "digest" for letter in waiting):
        return sum(message.ts not in known for message in new)
    return min(len(new), len({letter["target"] for letter in waiting}))


def _lives(outside: Outside, deaths: int) -> Iterable[str]:
    """Every life that is not killed ends by itself, and answers Slack if Slack asked."""
    words = outside.mother.last_words() if outside.mother else ""
    for number, life in enumerate(outside.lives):
        if life.ended not in ({0, KILLED} if number < deaths else {0}):
            yield f"life {number} ended with {life.ended}: {words}"
        if life.status not in (None, 200):
            yield f"life {number} answered Slack with {life.status}: {words}"


def _kept(scenario: Scenario, books: Books) -> Iterable[str]:
    if not books.actions:
        yield "the decision is not in the journal"
    if len(books.actions) > 1:
        yield f"one decision became {len(books.actions)} actions"
    for action in books.actions:
        if action["state"] in _LIVE:
            yield f"the decision is left {action['state']}"
    if any(letter["state"] != "done" for letter in books.letters):
        yield f"letters were not said: {[(one['kind'], one['state'], one['why']) for one in books.letters]}"
    if scenario.charges and not books.attempts:
        yield "there is no record of the attempt"


def _digests(outside: Outside, books: Books, before: Moment) -> Iterable[str]:
    """One for a scheduled time; one for each time that somebody typed the command, where Slack got no answer."""
    new = books.runs[len(before.books.runs) :]
    if not 1 <= len(new) <= max(outside.deliveries, 1):
        yield f"one digest became {len(new)} runs"
    for run in new:
        if run["state"] != "ready":
            yield f"the digest is left {run['state']}: {run['why']}"
    if any(letter["state"] != "done" for letter in books.letters):
        yield "the digest was not said"


def _said(scenario: Scenario, outside: Outside, books: Books) -> Iterable[str]:
    """Every message of the channel that shows the invoice tells how it stands, once all is quiet."""
    shown = [m for m in outside.slack.messages(CHANNEL) if NUMBER in json.dumps(m.blocks) and m.thread_ts is None]
    known = {posting["ts"] for posting in books.postings}
    state = str(books.actions[0]["state"]) if books.actions else None
    wanted = scenario.says.get(state, "the ending of this proof, which it has not")
    if scenario.state is None:
        shown = [message for message in shown if message.ts in known][-1:]
    for message in shown:
        if message.ts in known and wanted not in json.dumps(message.blocks, ensure_ascii=False):
            yield f"a message does not say “{wanted}”: {json.dumps(message.blocks)[:1500]}"
    if not any(message.ts in known for message in shown):
        yield "no message that we know of shows the invoice"


def _copies(outside: Outside, books: Books, before: Moment) -> Iterable[str]:
    """Copies of one digest show the same offers, so that it is all the same which of them somebody presses."""
    runs = len(books.runs) - len(before.books.runs)
    old = {message.ts for message in before.posted}
    new = [message for message in outside.slack.messages(CHANNEL) if message.ts not in old and message.thread_ts is None]
    if len({frozenset(_values(message)) for message in new}) > runs:
        yield f"{len(new)} copies of a digest show different offers"


def _buttons(after: Moment) -> Iterable[str]:
    """What can be pressed anywhere is on record."""
    offers = {str(offer["id"]) for offer in after.books.offers}
    for message in after.posted:
        for value in _values(message):
            try:
                offer = ButtonValue.parse(value).offer_id
            except UnusableValue:
                continue
            if offer not in offers:
                yield f"a button names an offer that is not on record: {value}"


def _values(message: Message) -> list[str]:
    elements: list[dict[str, Any]] = [element for block in message.blocks for element in elements_of(block)]
    options = [option for element in elements for option in element.get("options", [element])]
    return [str(one["value"]) for one in options if "value" in one]


def _surplus(before: Moment, after: Moment) -> int:
    """Messages beyond one for each letter that becomes a message; those to one place at one moment become one together.

    A decision that was late when it became pending is late again when it ends hours later: both are told.
    """
    old = {letter["id"] for letter in before.books.letters}
    new = [one for one in after.books.letters if one["id"] not in old and one["kind"] in _POSTED]
    letters = {(letter["target"], letter["ended_at"]) for letter in new if letter["state"] == "done"}
    return len(after.posted) - len(before.posted) - len(letters)
