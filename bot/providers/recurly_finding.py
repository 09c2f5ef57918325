"""Invoices by what a person knows of them: number, account code, e-mail address or name.

Recurly searches no names, so those are looked for among the customers with an invoice that is past due.
https://recurly.com/developers/api/v2021-02-25/#operation/list_accounts
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.domain.invoice import Invoice, InvoiceRef
from bot.providers.http import Pairs, Reply
from bot.providers.recurly_answers import is_missing, read_failure
from bot.providers.recurly_listing import LIMIT, following
from bot.providers.recurly_reads import Reads
from bot.providers.recurly_wire import WireAccountMini, WireAccounts, WireInvoice, WireInvoices, body_of

MOST: Final = 50
CUSTOMERS: Final = 3
"""Customers of one name or address whose invoices are read."""
PAGES: Final = 2
"""Pages of two hundred customers that are looked through; who typed something so common has to type more of it."""
LONGEST: Final = 100

_NUMBER = re.compile(r"(?=.*[0-9])[A-Za-z0-9-]{1,40}")
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for invoices of one site. Every method raises ProviderFailure."""

    reads: Reads

    async def numbered(self, text: str) -> list[Invoice]:
        """A number has letters only as a prefix, which Recurly writes in capitals."""
        number = text.strip()
        if not _NUMBER.fullmatch(number):
            return []
        await self.reads.site.expect()
        for spelling in dict.fromkeys((number, number.upper())):
            reply = await self.reads.http.get("/invoices/number-{}", spelling)
            if is_missing(reply):
                continue
            wire = body_of(WireInvoice, self._expected(reply))
            if (wire.number or "").casefold() == number.casefold():
                return [self.reads.reader.seen(wire).invoice]
        return []

    async def find(self, text: str) -> list[Invoice]:
        """An invoice's own id is the caller's affair."""
        wanted = text.strip()
        if not wanted or len(wanted) > LONGEST:
            return []
        await self.reads.site.expect()
        found = await self.numbered(wanted)
        for customer in await self._customers(wanted):
            found += await self._of(customer)
        return _newest(found)

    async def _customers(self, wanted: str) -> list[str]:
        reply = await self.reads.http.get("/accounts/code-{}", wanted)
        if not is_missing(reply):
            return [body_of(WireAccountMini, self._expected(reply)).id]
        if "@" in wanted:
            spellings = dict.fromkeys((wanted, wanted.lower()))
            pages = [await self._accounts((("email", one), ("limit", str(CUSTOMERS)))) for one in spellings]
            return list(dict.fromkeys(one.id for page in pages for one in page.data))[:CUSTOMERS]
        return await self._named(wanted.casefold())

    async def _named(self, name: str) -> list[str]:
        asked: Pairs = (("past_due", "true"), LIMIT)
        found: list[str] = []
        for _ in range(PAGES):
            page = await self._accounts(asked)
            found += [one.id for one in page.data if any(name in known.casefold() for known in one.names)]
            if not page.has_more or page.next is None or len(found) >= CUSTOMERS:
                break
            asked = following(page.next, path="/accounts", host=self.reads.http.host)
        return list(dict.fromkeys(found))[:CUSTOMERS]

    async def _accounts(self, params: Pairs) -> WireAccounts:
        return body_of(WireAccounts, self._expected(await self.reads.http.get("/accounts", params=params)))

    async def _of(self, customer: str) -> list[Invoice]:
        params = (("type", "charge"), ("limit", str(MOST)))
        reply = await self.reads.http.get("/accounts/{}/invoices", customer, params=params)
        if is_missing(reply):
            return []
        page = body_of(WireInvoices, self._expected(reply))
        return [item[1] for item in self.reads.reader.items(page) if isinstance(item, tuple)]

    def _expected(self, reply: Reply) -> Reply:
        if not reply.is_success:
            raise read_failure(self.reads.reader.account, reply)
        return reply


def _newest(found: Iterable[Invoice]) -> list[Invoice]:
    once: dict[InvoiceRef, Invoice] = {invoice.ref: invoice for invoice in found}
    return sorted(once.values(), key=lambda invoice: invoice.created_at or _EVER, reverse=True)[:MOST]
