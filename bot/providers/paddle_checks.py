"""What the adapter takes for granted of Paddle and no document settles, tried on an account by reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure
from bot.providers.http import Pairs, Reply
from bot.providers.paddle_answers import read_failure
from bot.providers.paddle_listing import NEWEST_FIRST, PER_PAGE, WITH_CUSTOMER
from bot.providers.paddle_reads import Reads
from bot.providers.paddle_wire import (
    WireAdjustment,
    WireCustomer,
    WireListing,
    WireTransaction,
    body_of,
    error_of,
    items_of,
    request_id_of,
)
from bot.providers.trying import Seen, tried, untold
from bot.providers.wording import scrubbed

NOBODY: Final = "txn_00000000000000000000000000"
"""No transaction has this id."""

PAGES: Final = "A page holds up to 30 transactions, and leads on at Paddle itself."
NAMED: Final = "Every answer names its request (meta.request_id)."
HOSTS: Final = "Payment pages are on hosts whose links are shown."
MISSING: Final = "A transaction that does not exist is answered with 404 not_found."
CREDITS: Final = "Credits can be listed for one transaction alone."
SEARCH: Final = "Customers can be searched by their address."
STATEMENTS: Final = (PAGES, NAMED, HOSTS, MISSING, CREDITS, SEARCH)


@dataclass(frozen=True, slots=True)
class Checks:
    """Of one account."""

    reads: Reads

    async def run(self) -> list[LiveCheck]:
        """Without transactions hardly anything can be tried."""
        try:
            reply = await self._read("/transactions", (WITH_CUSTOMER, NEWEST_FIRST, PER_PAGE))
            page = body_of(WireListing, reply)
        except ProviderFailure as failure:
            return [untold(statement, failure) for statement in STATEMENTS]
        transactions = items_of(WireTransaction, page)
        return [
            _told(PAGES, self._pages(page)),
            _told(NAMED, Seen(request_id_of(reply) is not None, "named" if request_id_of(reply) else "no name in it")),
            _told(HOSTS, self._hosts(transactions)),
            await tried(MISSING, self._missing()),
            await tried(CREDITS, self._credits()),
            await tried(SEARCH, self._search(transactions)),
        ]

    def _pages(self, page: WireListing) -> Seen:
        number, pages = len(page.data), page.meta.pagination
        host = _host(pages.next) if pages.next else None
        if host is not None and host != self.reads.http.host:
            return Seen(False, f"the next page is at {scrubbed(host)}")
        if not pages.has_more:
            return Seen(None, f"the account has {number} transactions, which fit one page")
        return Seen(number == 30, f"{number} transactions, and another page after them")

    def _hosts(self, transactions: Sequence[WireTransaction]) -> Seen:
        links = [one.checkout.url for one in transactions if one.checkout is not None and one.checkout.url]
        if not links:
            return Seen(None, "no transaction here has a payment page")
        hidden = sorted({_host(url) for url in links if self.reads.reader.links.shown(url) is None})
        if hidden:
            return Seen(False, f"links to {', '.join(map(scrubbed, hidden[:3]))} are not shown")
        return Seen(True, ", ".join(sorted({scrubbed(_host(url)) for url in links})[:3]))

    async def _missing(self) -> Seen:
        reply = await self.reads.http.get("/transactions/{}", NOBODY)
        if reply.status in {401, 403, 429} or reply.status >= 500:
            raise read_failure(self.reads.reader.account, reply)
        code = error_of(reply).code
        holds = reply.status == 404 and code == "not_found"
        return Seen(holds, f"{reply.status} {scrubbed(code or 'without a code')}")

    async def _credits(self) -> Seen:
        """Where the filter were not heeded, a credit of another transaction could be taken for this one's; the adapter
        looks at the id as well, but the list would be long."""
        everything = await self._adjustments(())
        if not everything:
            return Seen(None, "the account has no credit yet")
        found = await self._adjustments((("transaction_id", NOBODY),))
        return Seen(not found, f"{len(found)} credits of a transaction that does not exist, {len(everything)} in all")

    async def _adjustments(self, asked: Pairs) -> Sequence[WireAdjustment]:
        reply = await self._read("/adjustments", (*asked, ("action", "credit"), ("per_page", "50")))
        return items_of(WireAdjustment, body_of(WireListing, reply))

    async def _search(self, transactions: Sequence[WireTransaction]) -> Seen:
        known = next((one.customer for one in transactions if one.customer is not None and one.customer.email), None)
        if known is None:
            return Seen(None, "no transaction here has a customer with an address")
        question = (("search", known.email or ""), ("status", "active,archived"), ("per_page", "50"))
        found = items_of(WireCustomer, body_of(WireListing, await self._read("/customers", question)))
        is_found = any(one.id == known.id for one in found)
        return Seen(is_found, f"{len(found)} found, {'the right one among them' if is_found else 'not the right one'}")

    async def _read(self, path: str, params: Pairs) -> Reply:
        reply = await self.reads.http.get(path, params=params)
        self.reads.expect(reply)
        return reply


def _told(statement: str, seen: Seen) -> LiveCheck:
    return LiveCheck(statement, seen.holds, seen.what)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"
