"""Listing in parallel: windows of invoice dates, each walked by its cursor, merged as their pages arrive.

Cursors are opaque, so a walk cannot be made parallel, windows can. They overlap by two seconds, for it is nowhere said
whether `between` holds its ends; what is found twice is told once.
https://apidocs.chargebee.com/docs/api/invoices/list-invoices
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Window
from bot.providers.chargebee_invoices import FAILED_STATUSES
from bot.providers.chargebee_wire import WireInvoices
from bot.providers.http import Pairs
from bot.providers.merging import PAGES, WAYS

LOOK_BACK: Final = timedelta(days=400)
LIMIT: Final = ("limit", "100")

Fetch = Callable[[Pairs], Awaitable[WireInvoices]]


def any_of(values: Sequence[str]) -> str:
    """The value of an `[in]` filter."""
    return json.dumps(list(values), separators=(",", ":"), ensure_ascii=False)


def walks(window: Window) -> list[Pairs]:
    """The questions whose answers together are all failed invoices of a window."""
    asked = [("status[in]", any_of(FAILED_STATUSES)), ("amount_due[gt]", "0"), ("sort_by[asc]", "date"), LIMIT]
    return [[*asked, date] for date in _dates(window)]


def _dates(window: Window) -> list[tuple[str, str]]:
    end = math.ceil(window.until.timestamp())
    start = math.floor((window.since or window.until - LOOK_BACK).timestamp())
    if window.since is not None and window.since >= window.until:
        return []
    edges = sorted({start + (end - start) * part // WAYS for part in range(WAYS + 1)})
    covered = [("date[between]", f"[{max(a - 1, 0)},{b + 1}]") for a, b in pairwise(edges)]
    return covered if window.since is not None else [*covered, ("date[before]", str(start + 1))]


async def walk(question: Pairs, fetch: Fetch) -> AsyncGenerator[WireInvoices]:
    """Every page of one answer. Raises ProviderFailure for a walk that would not end or would leave something out."""
    offset: str | None = None
    seen: set[str] = set()
    for _ in range(PAGES):
        page = await fetch(question if offset is None else [*question, ("offset", offset)])
        yield page
        offset = page.next_offset
        if offset is None:
            return
        if not offset or offset in seen:
            raise ProviderFailure(FailureReason.UNREADABLE, "Chargebee's listing goes in circles; it is not complete.")
        seen.add(offset)
        await asyncio.sleep(0)
    raise ProviderFailure(FailureReason.UNREADABLE, "Chargebee's listing does not end; it is not complete.")
