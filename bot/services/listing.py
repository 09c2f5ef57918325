"""Listing failed invoices of several accounts at once: complete about what it has, exact about what it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from bot.domain.digest import Gap
from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice
from bot.ports import Clock, Unreadable, Window
from bot.services.accounts import Accounts

_QUEUE = 200
UNLISTED = "it has no list of its failed invoices; the digest has those that somebody watches or acted on"


class Listing:
    """Streams the failed invoices of all accounts; `gaps` is complete when the stream has ended."""

    def __init__(self, accounts: Accounts, clock: Clock, names: Sequence[str]) -> None:
        self._accounts = accounts
        self._clock = clock
        self._names = tuple(names)
        self.gaps: list[Gap] = []
        self._queue: asyncio.Queue[Invoice | None] = asyncio.Queue(_QUEUE)

    @property
    def complete_accounts(self) -> tuple[str, ...]:
        missing = {gap.account for gap in self.gaps}
        return tuple(name for name in self._names if name not in missing)

    async def invoices(self) -> AsyncGenerator[Invoice]:
        """Every failed invoice once, in no order."""
        tasks = [asyncio.create_task(self._read(name)) for name in self._names]
        left = len(tasks)
        try:
            while left:
                invoice = await self._queue.get()
                if invoice is None:
                    left -= 1
                else:
                    yield invoice
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, name: str) -> None:
        try:
            await self._read_or_raise(name)
        except ProviderFailure as failure:
            self._accounts.note(name, failure.detail)
            self.gaps.append(Gap(name, failure.detail))
        except Exception as error:  # noqa: BLE001 - one account's trouble must not hide the others
            self.gaps.append(Gap(name, f"could not be read ({type(error).__name__})"))
        # Not when cancelled: then nobody takes from the queue any more, and a full one would be waited for for ever.
        await self._queue.put(None)

    async def _read_or_raise(self, name: str) -> None:
        provider = self._accounts.provider(name)
        if provider is None:
            self.gaps.append(Gap(name, "is not configured"))
            return
        if not provider.facts.has_list:
            self.gaps.append(Gap(name, UNLISTED))
            return
        unreadable = 0
        window = Window(since=None, until=self._clock.now())
        async with aclosing(provider.failed(window)) as stream:  # type: ignore[type-var]  # an async generator behind the port's type
            async for item in stream:
                if isinstance(item, Unreadable):
                    unreadable += 1
                else:
                    await self._queue.put(item)
        self._accounts.note(name, None)
        if unreadable:
            what = "1 invoice" if unreadable == 1 else f"{unreadable} invoices"
            self.gaps.append(Gap(name, f"{what} could not be read"))
