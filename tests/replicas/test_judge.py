"""The judge of the replicas condemns what it is there to condemn."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_delivery import Answer
from tests.replicas.crowd import FIN, Balancer, Crowd
from tests.replicas.judge import Books, judged

_GOOD = ("action.accepted", "attempt.begun", "action.succeeded")
_RUN = {"digest": "finance", "scheduled": "2026-11-20T09:00", "state": "ready", "why": None, "message": "digest:1"}


def _events(*kinds: str) -> list[Mapping[str, Any]]:
    return [{"action_id": "abc", "invoice": "in_1", "kind": kind} for kind in kinds]


async def test_an_honest_night_is_not_condemned_and_every_fault_is() -> None:
    stripe, slack = FakeStripe(), LocalSlack()
    invoice = stripe.add_invoice(number="FLEET-0001")
    stripe.books.charge(stripe.invoices[invoice], next(iter(stripe.books.methods.values())), "recoup-abc")
    action = {"id": "abc", "kind": "retry", "state": "succeeded", "invoice": invoice, "typed_ref": None, "ending": None}
    posted = slack.say("U0MAYA", FIN, "1 failed invoice")
    async with aiohttp.ClientSession() as session:
        crowd = Crowd(slack=slack, stripe=stripe, balancer=Balancer(list, "", session), luck=random.Random(1))
    crowd.doings.note(invoice, Answer(200, 1))
    books = Books(
        actions=[action],
        attempts=[{"action_id": "abc", "idem_key": "recoup-abc", "sends": 1}],
        events=_events(*_GOOD),
        letters=[],
        postings=[{"message": "digest:1", "ts": posted.ts}],
        runs=[_RUN],
    )
    assert judged(books, crowd, kills=0) == []

    def sentence(**changed: Any) -> str:
        return " / ".join(judged(replace(books, **changed), crowd, kills=0))

    assert "is left executing" in sentence(actions=[{**action, "state": "executing"}])
    assert "recorded as declined" in sentence(actions=[{**action, "state": "declined"}])
    assert "its endings are" in sentence(events=_events(*_GOOD, "action.succeeded"))
    assert "sends on record" in sentence(events=_events("action.accepted", "action.succeeded"))
    assert "1 presses were acknowledged, 0 are on record" in sentence(actions=[], attempts=[], events=[])
    assert "given up" in sentence(letters=[{"state": "dead", "kind": "redraw", "why": "no"}])
    assert "lies in 2 places" in sentence(postings=[*books.postings, {"message": "digest:1", "ts": "1.1"}])
    assert "two runs" in sentence(runs=[_RUN, {**_RUN, "message": None}])
    assert "posted without a record, after 0 kills" in sentence(postings=[])
    stripe.books.charge(stripe.invoices[invoice], next(iter(stripe.books.methods.values())), "recoup-abc")
    assert "double or unknown charges" in sentence()
