"""Listing in parallel: disjoint windows of issuing dates, two questions each, walked page by page and merged.

Page numbers are offsets, so a page shifts when an invoice of the same window comes or goes; windows of whole days in the
past hardly change. `payment_dispute_lost=false` is never sent, for Lago reads it as true.
https://getlago.com/docs/api-reference/invoices/get-all
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Window
from bot.providers.http import Pairs
from bot.providers.lago_wire import WireInvoices, WireMeta
from bot.providers.merging import PAGES, WAYS

LOOK_BACK: Final = timedelta(days=400)
PER_PAGE: Final = ("per_page", "100")
FAILED: Final = (("payment_statuses[]", "failed"),)
OVERDUE: Final = (("payment_overdue", "true"),)

Fetch = Callable[[Pairs], Awaitable[WireInvoices]]


@dataclass(frozen=True, slots=True)
class Days:
    """Issuing dates, both ends included; None leaves an end open."""

    first: date | None
    last: date | None

    @property
    def params(self) -> Pairs:
        ends = (("issuing_date_from", self.first), ("issuing_date_to", self.last))
        return [(name, day.isoformat()) for name, day in ends if day is not None]


def days(window: Window) -> list[Days]:
    """Disjoint windows that cover `window`. An invoice carries the date of the customer's own calendar, a day off at most;
    one made as a draft is issued later, so there is no last day."""
    end = window.until.date()
    start = window.since.date() - timedelta(days=1) if window.since is not None else end - LOOK_BACK
    if window.since is not None and window.since >= window.until:
        return []
    span = max((end - start).days, 0)
    edges = sorted({start + timedelta(days=span * part // WAYS) for part in range(WAYS)})
    covered = [Days(a, b - timedelta(days=1)) for a, b in pairwise(edges)] + [Days(edges[-1], None)]
    older = [] if window.since is not None else [Days(None, edges[0] - timedelta(days=1))]
    return [*covered, *older]


def walks(window: Window) -> list[Pairs]:
    """The questions whose answers together are all failed invoices of a window; some are in several answers."""
    finalized = ("statuses[]", "finalized")
    return [[finalized, *asked, *one.params, PER_PAGE] for one in days(window) for asked in (FAILED, OVERDUE)]


async def walk(question: Pairs, fetch: Fetch) -> AsyncGenerator[WireInvoices]:
    """Every page of one answer. Raises ProviderFailure for a walk that would not end or would leave something out."""
    number = 1
    for _ in range(PAGES):
        page = await fetch([*question, ("page", str(number))])
        yield page
        following = next_page(page.meta, number)
        if following is None:
            return
        number = following
        await asyncio.sleep(0)
    raise ProviderFailure(FailureReason.UNREADABLE, "Lago's listing does not end; it is not complete.")


def next_page(meta: WireMeta, number: int) -> int | None:
    """The page after `number`; None after the last one. Raises ProviderFailure where Lago leads back or stays."""
    if meta.next_page is None:
        return None
    is_asked_for = meta.current_page in {None, number}
    if meta.next_page <= number or not is_asked_for:
        raise ProviderFailure(FailureReason.UNREADABLE, "Lago's listing goes in circles; it is not complete.")
    return meta.next_page
