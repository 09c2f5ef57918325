"""Watching: an invoice that somebody wants to see in every digest until nothing is owed on it any more."""

from __future__ import annotations

from bot.domain.action import Word
from bot.domain.content import RefusalContent, WatchContent
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, Watchlist
from bot.services.accounts import Accounts
from bot.services.finder import Finder, Reader, refused

SETTLED = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID})
"""Nothing is owed any more: there is nothing to watch."""


class Watching:
    """Adds to the watch list and takes from it; both may be said twice."""

    def __init__(self, watchlist: Watchlist, accounts: Accounts, finder: Finder, clock: Clock) -> None:
        self._watchlist = watchlist
        self._accounts = accounts
        self._finder = finder
        self._clock = clock

    async def watch(self, reader: Reader, text: str) -> WatchContent | RefusalContent:
        """Refused for an invoice on which nothing is owed any more."""
        found = await self._finder.found(reader, text, Word.VIEW)
        if isinstance(found, RefusalContent):
            return found
        if found.status in SETTLED:
            facts = {"invoice": found.label, "status": found.provider_status, "action": "watch"}
            return refused(Refusal(RefusalKind.NOT_ACTIONABLE, facts))
        is_news = await self._watchlist.watch(found.ref, reader.actor.user, self._clock.now())
        return self._content(found, is_watched=True, is_news=is_news)

    async def unwatch(self, reader: Reader, text: str) -> WatchContent | RefusalContent:
        found = await self._finder.found(reader, text, Word.VIEW)
        if isinstance(found, RefusalContent):
            return found
        is_news = await self._watchlist.unwatch(found.ref, reader.actor.user, self._clock.now())
        return self._content(found, is_watched=False, is_news=is_news)

    def _content(self, invoice: Invoice, *, is_watched: bool, is_news: bool) -> WatchContent | RefusalContent:
        facts = self._accounts.facts(invoice.ref.account)
        if facts is None:
            return refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": invoice.ref.account}))
        return WatchContent(invoice=invoice, is_watched=is_watched, is_news=is_news, facts=facts)
