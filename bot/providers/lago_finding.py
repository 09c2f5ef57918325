"""Invoices by what a person knows of them: Lago searches numbers, customers' names, ids and addresses all at once.

It also finds what only contains the text somewhere; what was not meant is left out here.
https://getlago.com/docs/api-reference/invoices/get-all
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from bot.domain.invoice import Invoice, InvoiceRef
from bot.ports import Unreadable
from bot.providers.lago_invoices import Reader
from bot.providers.lago_listing import PER_PAGE, Fetch, walk
from bot.providers.lago_wire import WireInvoice

MOST: Final = 50
NUMBERED: Final = 10
PAGES: Final = 4
"""Pages of a hundred that are looked through; who typed something so common has to type more of it."""
LONGEST: Final = 200

_EVER: Final = datetime.min.replace(tzinfo=UTC)
Found = list[tuple[WireInvoice, Invoice]]


async def numbered(fetch: Fetch, reader: Reader, text: str) -> list[Invoice]:
    """Raises ProviderFailure."""
    number = text.strip().casefold()
    found = await _search(fetch, reader, text.strip())
    return _newest(invoice for _, invoice in found if (invoice.number or "").casefold() == number)[:NUMBERED]


async def find(fetch: Fetch, reader: Reader, text: str) -> list[Invoice]:
    """An invoice's own id is the caller's affair. Raises ProviderFailure."""
    wanted = text.strip()
    return _newest(invoice for wire, invoice in await _search(fetch, reader, wanted) if _is_meant(wire, wanted))[:MOST]


async def _search(fetch: Fetch, reader: Reader, text: str) -> Found:
    if not text or len(text) > LONGEST:
        return []
    found: Found = []
    pages = 0
    async for page in walk([("search_term", text), PER_PAGE], fetch):
        found += [item for item in reader.items(page) if not isinstance(item, Unreadable)]
        pages += 1
        if pages == PAGES:
            break
    return found


def _is_meant(wire: WireInvoice, text: str) -> bool:
    """The text is its number or the customer's id or address, or is in the customer's name; whatever the capitals."""
    wanted, customer = text.casefold(), wire.customer
    whole = [wire.number, customer.external_id if customer else None, customer.email if customer else None]
    if any(wanted == value.casefold() for value in whole if value):
        return True
    return customer is not None and any(wanted in name.casefold() for name in customer.names)


def _newest(found: Iterable[Invoice]) -> list[Invoice]:
    once: dict[InvoiceRef, Invoice] = {invoice.ref: invoice for invoice in found}
    return sorted(once.values(), key=lambda invoice: invoice.created_at or _EVER, reverse=True)
