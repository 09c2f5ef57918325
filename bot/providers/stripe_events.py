"""Whether Stripe's own record of events names a send of ours: the one trace that an e-mail leaves.

An event carries the idempotency key of the request that caused it, and is kept for 30 days:
https://docs.stripe.com/api/events/object
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.records import Attempt
from bot.providers.http import Pairs, ProviderHttp
from bot.providers.stripe_answers import read_failure
from bot.providers.stripe_wire import WireEvent, WireEvents, body_of

PAGES: Final = 10
"""So many times a hundred events of one kind since the send; an account with more cannot be asked this way."""
SKEW: Final = timedelta(seconds=60)
"""How far Stripe's clock and ours may be apart."""


async def is_on_record(http: ProviderHttp, kind: str, attempt: Attempt) -> bool:
    """Whether an event of this kind about the invoice was caused under the attempt's key. Raises ProviderFailure where the
    events cannot be read, or not all of them."""
    since = int((attempt.first_sent_at - SKEW).timestamp())
    query: Pairs = [("type", kind), ("created[gte]", str(since)), ("limit", "100")]
    cursor: str | None = None
    for _ in range(PAGES):
        page = await _page(http, attempt.ref.account, [*query, *([("starting_after", cursor)] if cursor else [])])
        if any(_is_ours(event, attempt) for event in page.data):
            return True
        if not page.has_more or not page.data:
            return False
        cursor = page.data[-1].id
    raise ProviderFailure(FailureReason.UNREADABLE, "Stripe has too many events to look through.")


async def _page(http: ProviderHttp, account: str, params: Pairs) -> WireEvents:
    reply = await http.get("/v1/events", params=params)
    if not reply.is_success:
        raise read_failure(account, reply)
    return body_of(WireEvents, reply)


def _is_ours(event: WireEvent, attempt: Attempt) -> bool:
    return event.about == attempt.ref.id and event.key == attempt.key
