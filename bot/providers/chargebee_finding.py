"""Invoices by what a person knows of them: their number, or the customer's id, address or name.

Invoices are found by ids alone, customers by how their fields begin. Whether Chargebee heeds capitals is not documented, so
what people type in small letters is asked for in both ways.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.domain.invoice import Invoice, InvoiceRef
from bot.providers.chargebee_listing import any_of
from bot.providers.chargebee_reads import Reads
from bot.providers.chargebee_wire import WireCustomers, body_of
from bot.providers.http import Pairs

MOST: Final = 50
NUMBERED: Final = 10
CUSTOMERS: Final = 25
LONGEST: Final = 200
SHORTEST_PART: Final = 3
"""A shorter name has to be the whole of it."""

_ID = re.compile(r"[\w#./@+:-]{1,50}")
_NEWEST_FIRST: Final = (("sort_by[desc]", "date"), ("limit", str(MOST)))
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for invoices of one account. Every method raises ProviderFailure."""

    reads: Reads

    async def numbered(self, text: str) -> list[Invoice]:
        """The number is the id."""
        number = text.strip()
        if not _ID.fullmatch(number):
            return []
        spellings = list(dict.fromkeys((number, number.upper(), number.lower())))
        found = await self._invoices((("id[in]", any_of(spellings)), ("limit", str(NUMBERED))))
        return [invoice for invoice in found if invoice.ref.id.casefold() == number.casefold()][:NUMBERED]

    async def find(self, text: str) -> list[Invoice]:
        """What `text` is decides what is asked."""
        wanted = text.strip()
        if not wanted or len(wanted) > LONGEST:
            return []
        if "@" in wanted:
            addressed = (("email[in]", any_of(list(dict.fromkeys([wanted, wanted.lower()])))),)
            return _newest(await self._of_customers(await self._customers(addressed)))
        numbered = await self.numbered(wanted)  # first: a site that does not answer is asked no more
        own, named = await asyncio.gather(self._of_customer(wanted), self._named(wanted))
        return _newest([*numbered, *own, *named])

    async def _of_customer(self, customer: str) -> list[Invoice]:
        if not _ID.fullmatch(customer):
            return []
        return await self._invoices((("customer_id[is]", customer), *_NEWEST_FIRST))

    async def _named(self, name: str) -> list[Invoice]:
        how = "starts_with" if len(name) >= SHORTEST_PART else "is"
        capital = " ".join(word[:1].upper() + word[1:] for word in name.split(" "))
        first, _, last = capital.rpartition(" ")
        asked: list[Pairs] = [((f"company[{how}]", spelling),) for spelling in dict.fromkeys((name, capital))]
        if first:
            asked.append((("first_name[is]", first), (f"last_name[{how}]", last)))
        else:
            asked += [((f"{field}[{how}]", capital),) for field in ("first_name", "last_name")]
        found = await asyncio.gather(*(self._customers(one) for one in asked))
        return await self._of_customers([customer for some in found for customer in some])

    async def _customers(self, asked: Pairs) -> list[str]:
        reply = await self.reads.read("/customers", params=(*asked, ("limit", str(CUSTOMERS))))
        return [one.customer.id for one in body_of(WireCustomers, reply).list]

    async def _of_customers(self, customers: Sequence[str]) -> list[Invoice]:
        known = list(dict.fromkeys(customers))[:CUSTOMERS]
        if not known:
            return []
        return await self._invoices((("customer_id[in]", any_of(known)), *_NEWEST_FIRST))

    async def _invoices(self, params: Pairs) -> list[Invoice]:
        items = self.reads.reader.items(await self.reads.page(params))
        return [item[1] for item in items if isinstance(item, tuple)]


def _newest(found: Iterable[Invoice]) -> list[Invoice]:
    once: dict[InvoiceRef, Invoice] = {invoice.ref: invoice for invoice in found}
    return sorted(once.values(), key=lambda invoice: invoice.created_at or _EVER, reverse=True)[:MOST]
