"""Listing in parallel: disjoint windows of creation time, each walked by cursor, merged as their pages arrive.

Stripe sorts by creation, newest first, and gives no total: https://docs.stripe.com/api/pagination. A walk cannot be made
parallel, windows can.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Window
from bot.providers.merging import PAGES, WAYS
from bot.providers.stripe_wire import WireInvoice, WirePage

LOOK_BACK: Final = timedelta(days=400)

Fetch = Callable[["Span", str | None], Awaitable[WirePage]]


@dataclass(frozen=True, slots=True)
class Span:
    """Created at or after `start` (None: since ever) and before `end`, in whole seconds since 1970."""

    start: int | None
    end: int


def spans(window: Window) -> list[Span]:
    """Windows without gap or overlap that cover `window`; what is older than LOOK_BACK is one of its own."""
    end = math.ceil(window.until.timestamp())
    start = math.ceil((window.since or window.until - LOOK_BACK).timestamp())
    if start >= end:
        return []
    ways = min(WAYS, end - start)
    edges = [start + (end - start) * part // ways for part in range(ways + 1)]
    covered = [Span(a, b) for a, b in pairwise(edges)]
    return covered if window.since is not None else [Span(None, start), *covered]


async def walk(span: Span, fetch: Fetch) -> AsyncGenerator[WirePage]:
    """Every page of one window. Raises ProviderFailure for a walk that would not end or would leave something out."""
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(PAGES):
        page = await fetch(span, cursor)
        yield page
        if not page.has_more:
            return
        cursor = _last_id(page)
        if cursor is None or cursor in seen:
            raise ProviderFailure(FailureReason.UNREADABLE, "Stripe's listing goes in circles; it is not complete.")
        seen.add(cursor)
        await asyncio.sleep(0)
    raise ProviderFailure(FailureReason.UNREADABLE, "Stripe's listing does not end; it is not complete.")


def _last_id(page: WirePage) -> str | None:
    """The cursor for the next page; an item that made no sense may still carry an id."""
    last = page.data[-1] if page.data else None
    found = last.id if isinstance(last, WireInvoice) else last.get("id") if isinstance(last, dict) else None
    return found if isinstance(found, str) else None
