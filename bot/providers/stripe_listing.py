"""Listing in parallel: disjoint windows of creation time, each walked by cursor, merged as their pages arrive.

Stripe sorts by creation, newest first, and gives no total: https://docs.stripe.com/api/pagination. A walk cannot be made
parallel, windows can.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Window
from bot.providers.stripe_wire import WireInvoice, WirePage

WAYS: Final = 4
"""Windows at once; Stripe's own advice for an account's share of the rate limit is not much more."""
LOOK_BACK: Final = timedelta(days=400)
PAGES: Final = 2_000
"""More pages than this in one window is a provider that talks nonsense."""

Fetch = Callable[["Span", str | None], Awaitable[WirePage]]
Emit = Callable[[WirePage], Awaitable[None]]


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


async def walk(span: Span, fetch: Fetch, emit: Emit) -> None:
    """Every page of one window. Raises ProviderFailure for a walk that would not end or would leave something out."""
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(PAGES):
        page = await fetch(span, cursor)
        await emit(page)
        if not page.has_more:
            return
        cursor = _last_id(page)
        if cursor is None or cursor in seen:
            raise ProviderFailure(FailureReason.UNREADABLE, "Stripe's listing goes in circles; it is not complete.")
        seen.add(cursor)
        await asyncio.sleep(0)
    raise ProviderFailure(FailureReason.UNREADABLE, "Stripe's listing does not end; it is not complete.")


async def merged(covered: Sequence[Span], fetch: Fetch) -> AsyncGenerator[WirePage]:
    """The pages of all windows as they arrive, a few in memory; a failure comes after the pages that arrived before it.

    Closing it early ends the walks.
    """
    arrived: asyncio.Queue[WirePage | Exception | None] = asyncio.Queue(maxsize=WAYS)
    walks = [asyncio.create_task(_walk_into(arrived, span, fetch)) for span in covered]
    try:
        running = len(walks)
        while running:
            item = await arrived.get()
            if isinstance(item, WirePage):
                yield item
            elif item is None:
                running -= 1
            else:
                raise item
    finally:
        for task in walks:
            task.cancel()
        await asyncio.gather(*walks, return_exceptions=True)


async def _walk_into(arrived: asyncio.Queue[WirePage | Exception | None], span: Span, fetch: Fetch) -> None:
    try:
        await walk(span, fetch, arrived.put)
    except Exception as error:  # noqa: BLE001 - raised where the pages are read, whatever it is
        await arrived.put(error)
    else:
        await arrived.put(None)


def _last_id(page: WirePage) -> str | None:
    """The cursor for the next page; an item that made no sense may still carry an id."""
    last = page.data[-1] if page.data else None
    found = last.id if isinstance(last, WireInvoice) else last.get("id") if isinstance(last, dict) else None
    return found if isinstance(found, str) else None
