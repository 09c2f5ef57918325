"""What each of Braintree's live checks makes of an answer that is other than the adapter takes for granted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.domain.capability import LiveCheck
from bot.providers import braintree_checks as checks
from bot.providers.http import READS
from tests.providers.braintree_samples import (
    IDS,
    NEW,
    OLD,
    Answer,
    Json,
    data,
    error,
    failed,
    over,
    subscription,
    transaction,
)

Answers = dict[str, Answer | list[Answer]]


def page(*nodes: Any, more: bool = False) -> httpx.Response:
    info = {"hasNextPage": more, "endCursor": "x" if more else None}
    return data(recurringBillingSubscriptions={"edges": [{"node": node} for node in nodes], "pageInfo": info})


def found(*nodes: Json) -> Json:
    return {"edges": [{"node": node} for node in nodes]}


TWO = data(n0=transaction(at="08:00:00"), n1=transaction(id=OLD, at="07:00:00"))
ONE = data(n0=transaction())
SEEN = subscription("PAST_DUE", NEW, OLD)
HOLDING: Answers = {
    "PastDue": page(SEEN),
    "Who": data(viewer={"merchant": {"id": "hx2merchant"}}),
    "Transactions": [TWO, ONE],
    "SubscriptionsBy": data(n0=found(), n1=found(SEEN)),
    "Ids": IDS,
    "Subscription": failed(error("NOT_FOUND", None, "node"), data={"node": None}),
}


async def told(statement: str, **answers: Answer | list[Answer]) -> LiveCheck:
    provider, wire = over({**HOLDING, **answers})
    (one,) = [check for check in await provider.live_checks() if check.statement == statement]
    assert all(READS in request.extensions for request in wire.requests)
    assert not any(b"mutation" in request.content for request in wire.requests)
    return one


@pytest.mark.parametrize("statement", checks.STATEMENTS)
async def test_every_statement_can_be_seen_to_hold(statement: str) -> None:
    full = page(*[SEEN] * 50) if statement == checks.PAGES else page(SEEN)
    assert (await told(statement, PastDue=full)).holds is True


@pytest.mark.parametrize(
    ("statement", "answers", "holds"),
    [
        (checks.MERCHANT, {"Who": data(viewer={"merchant": {"id": "another"}})}, False),
        (checks.MERCHANT, {"Who": data(viewer={"merchant": None})}, None),
        (checks.MERCHANT, {"Who": data(viewer=None)}, None),
        (checks.MERCHANT, {"Who": failed(error("AUTHORIZATION"))}, None),
        (checks.FIELDS, {"PastDue": page(SEEN, {"id": "1"})}, False),
        (checks.FIELDS, {"PastDue": page()}, None),
        (checks.FIELDS, {"PastDue": failed(error("VALIDATION"))}, None),
        (checks.PAGES, {"PastDue": page(SEEN)}, None),
        (checks.PAGES, {"PastDue": page(SEEN, more=True)}, False),
        (checks.PAGES, {"PastDue": page(*[SEEN] * 51)}, False),
        (checks.CURRENCY, {"PastDue": page(SEEN, subscription(statusHistory=[]))}, False),
        (checks.CURRENCY, {"PastDue": page()}, None),
        (checks.NEWEST_FIRST, {"PastDue": page(subscription())}, None),
        (
            checks.NEWEST_FIRST,
            {"Transactions": data(n0=transaction(at="07:00:00"), n1=transaction(id=OLD, at="08:00:00"))},
            False,
        ),
        (checks.NEWEST_FIRST, {"Transactions": data(n0=transaction(), n1=transaction(id=OLD))}, None),
        (checks.NEWEST_FIRST, {"Transactions": data(n0=transaction(), n1=None)}, None),
        (checks.BY_TRANSACTION, {"SubscriptionsBy": data(n0=found(), n1=found())}, False),
        (checks.BY_TRANSACTION, {"PastDue": page(subscription(transactionIds=[]))}, None),
        (checks.BY_TRANSACTION, {"SubscriptionsBy": failed(error("NOT_IMPLEMENTED", None, "n0"))}, None),
        (checks.MISSING, {"Subscription": data(node=None)}, False),
        (checks.MISSING, {"Subscription": failed(error("VALIDATION", None, "node"))}, False),
        (checks.MISSING, {"Subscription": failed(error("AUTHORIZATION", None, "node"))}, None),
        (checks.MISSING, {"Ids": data(idsFromLegacyIds=[None])}, None),
    ],
)
async def test_what_differs_is_told_and_silence_proves_nothing(
    statement: str, answers: Answers, holds: bool | None
) -> None:
    check = await told(statement, **answers)
    assert check.holds is holds
    assert check.seen
