"""Walking several listings of one account at once: their pages as they arrive, a few in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, Generic, TypeVar

WAYS: Final = 4
"""Walks at once, as many as one account's budget lets through."""
PAGES: Final = 2_000
"""More pages than this in one walk is a provider that talks nonsense."""

Page = TypeVar("Page")


class _Arrived(Generic[Page]):
    """A page, told apart from the end of a walk and from what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page


async def merged(walks: Sequence[AsyncGenerator[Page]]) -> AsyncGenerator[Page]:
    """The pages of all walks as they arrive; a failure comes after the pages that arrived before it.

    Closing it early ends the walks.
    """
    arrived: asyncio.Queue[_Arrived[Page] | Exception | None] = asyncio.Queue(maxsize=WAYS)
    tasks = [asyncio.create_task(_walk_into(arrived, walk)) for walk in walks]
    try:
        running = len(tasks)
        while running:
            match await arrived.get():
                case _Arrived(page=page):
                    yield page
                case None:
                    running -= 1
                case Exception() as error:
                    raise error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _walk_into(arrived: asyncio.Queue[_Arrived[Page] | Exception | None], walk: AsyncGenerator[Page]) -> None:
    try:
        async for page in walk:
            await arrived.put(_Arrived(page))
    except Exception as error:  # noqa: BLE001 - raised where the pages are read, whatever it is
        await arrived.put(error)
    else:
        await arrived.put(None)
