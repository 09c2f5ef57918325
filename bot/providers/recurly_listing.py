"""Listing in parallel: disjoint spans of creation times, each walked by the cursor that Recurly hands out.

`next` carries every parameter and is never put together by hand; its host may only be the account's own. Both ends of a
span belong to it. https://recurly.com/developers/api/v2021-02-25/#section/Getting-Started/Pagination
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Window
from bot.providers.http import Pairs
from bot.providers.merging import PAGES, WAYS
from bot.providers.recurly_wire import WireInvoices

LOOK_BACK: Final = timedelta(days=120)
LIMIT: Final = ("limit", "200")
PAST_DUE: Final = (("state", "past_due"), ("type", "charge"), ("sort", "created_at"), ("order", "asc"), LIMIT)

Fetch = Callable[[Pairs], Awaitable[WireInvoices]]


def questions(window: Window) -> list[Pairs]:
    """The spans whose answers together are all failed invoices of a window. Whoever is in two is in both answers."""
    if window.since is not None and window.since >= window.until:
        return []
    start = window.since if window.since is not None else window.until - LOOK_BACK
    step = (window.until - start) / WAYS
    edges = [start + step * part for part in range(WAYS)] + [window.until]
    spans = [(("begin_time", _text(a)), ("end_time", _text(b, up=True))) for a, b in pairwise(edges)]
    older = [] if window.since is not None else [(("end_time", _text(edges[0], up=True)),)]
    return [[*PAST_DUE, *span] for span in (*spans, *older)]


async def walk(question: Pairs, fetch: Fetch, *, path: str, host: str) -> AsyncGenerator[WireInvoices]:
    """Every page of one answer. Raises ProviderFailure for a walk that would not end or would leave something out."""
    known: set[str] = set()
    asked: Pairs = question
    for _ in range(PAGES):
        page = await fetch(asked)
        yield page
        if not page.has_more:
            return
        if page.next is None or page.next in known:
            raise ProviderFailure(FailureReason.UNREADABLE, "Recurly's listing goes in circles; it is not complete.")
        known.add(page.next)
        asked = following(page.next, path=path, host=host)
        await asyncio.sleep(0)
    raise ProviderFailure(FailureReason.UNREADABLE, "Recurly's listing does not end; it is not complete.")


def following(link: str, *, path: str, host: str) -> Pairs:
    """The parameters of the next page, every one as it came. Raises ProviderFailure for a link that leads elsewhere."""
    try:
        parts = urlsplit(link)
        elsewhere = bool(parts.netloc) and (parts.hostname != host or parts.username is not None)
    except ValueError:
        elsewhere = True
        parts = urlsplit("")
    if elsewhere or not parts.path.endswith(path) or not parts.query:
        raise ProviderFailure(FailureReason.UNREADABLE, "Recurly's listing leads elsewhere; it is not complete.")
    return parse_qsl(parts.query, keep_blank_values=True)


def _text(at: datetime, *, up: bool = False) -> str:
    """In whole seconds, as Recurly tells times; an end is rounded up so that nothing falls between two spans."""
    whole = at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1 if up and at.microsecond else 0)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
