"""Listing: disjoint windows of creation, walked page by page at once, with a cursor that holds while others are added.

The last page has a `next` like every other; `has_more` ends a walk. https://developer.paddle.com/api-reference/about/pagination
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Window
from bot.providers.http import Pairs
from bot.providers.merging import PAGES, WAYS
from bot.providers.paddle_wire import WireListing

LOOK_BACK: Final = timedelta(days=60)
"""Renewals are past due for a month at most; what is older are invoices that customers pay, in one last window."""
PER_PAGE: Final = ("per_page", "30")
"""Paddle's most."""
WITH_CUSTOMER: Final = ("include", "customer")
NEWEST_FIRST: Final = ("order_by", "created_at[DESC]")
_PAST_DUE: Final = ("status", "past_due")
_BY_ID: Final = ("order_by", "id[DESC]")

Fetch = Callable[[Pairs], Awaitable[WireListing]]


def walks(window: Window) -> list[Pairs]:
    """The questions whose answers together are all failed invoices of a window."""
    return [[_PAST_DUE, *part, WITH_CUSTOMER, _BY_ID, PER_PAGE] for part in _parts(window)]


async def walk(question: Pairs, fetch: Fetch, host: str) -> AsyncGenerator[WireListing]:
    """Every page of one answer. Raises ProviderFailure for a walk that would not end or leads elsewhere."""
    seen: set[str] = set()
    after: list[tuple[str, str]] = []
    for _ in range(PAGES):
        page = await fetch([*question, *after])
        yield page
        cursor = following(page, host)
        if cursor is None:
            return
        if cursor in seen:
            raise ProviderFailure(FailureReason.UNREADABLE, "Paddle's listing goes in circles; it is not complete.")
        seen.add(cursor)
        after = [("after", cursor)]
        await asyncio.sleep(0)
    raise ProviderFailure(FailureReason.UNREADABLE, "Paddle's listing does not end; it is not complete.")


def following(page: WireListing, host: str) -> str | None:
    """The cursor of the next page; None after the last one. Raises ProviderFailure where Paddle leads nowhere."""
    pages = page.meta.pagination
    if not pages.has_more:
        return None
    if pages.next is not None and _host(pages.next) != host:
        raise ProviderFailure(FailureReason.UNREADABLE, "Paddle's listing leads to another host; it is not complete.")
    cursor = id_in(page.data[-1]) if page.data else None
    if cursor is None:
        raise ProviderFailure(FailureReason.UNREADABLE, "Paddle's listing breaks off; it is not complete.")
    return cursor


def id_in(item: object) -> str | None:
    """The id of an item of a listing, also of one that makes no sense otherwise."""
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None


def _parts(window: Window) -> list[Pairs]:
    end = window.until
    start = end - LOOK_BACK if window.since is None else window.since
    if start >= end:
        return []
    edges = [start + (end - start) * part / WAYS for part in range(WAYS)] + [end]
    parts: list[Pairs] = [[("created_at[GTE]", _at(a)), ("created_at[LT]", _at(b))] for a, b in pairwise(edges)]
    return parts if window.since is not None else [*parts, [("created_at[LT]", _at(start))]]


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
