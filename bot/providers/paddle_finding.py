"""Invoices by what a person knows of them: number, id of the customer, or whatever Paddle's search of customers finds.

Numbers are matched exactly; customers are searched by id, name and address, and what was not meant is left out here.
https://developer.paddle.com/api-reference/customers/list-customers
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from bot.domain.invoice import Invoice, InvoiceRef
from bot.providers.http import Pairs
from bot.providers.paddle_facts import CUSTOMER
from bot.providers.paddle_listing import NEWEST_FIRST, PER_PAGE, WITH_CUSTOMER, walk
from bot.providers.paddle_reads import Reads
from bot.providers.paddle_wire import WireCustomer, WireTransaction, items_of

MOST: Final = 50
NUMBERED: Final = 10
PAGES: Final = 2
CUSTOMERS: Final = 30
"""Customers whose invoices are looked for; who typed something so common has to type more of it."""
LONGEST: Final = 200

_EVER: Final = datetime.min.replace(tzinfo=UTC)


async def numbered(reads: Reads, text: str) -> list[Invoice]:
    """Raises ProviderFailure."""
    number = text.strip()
    if not number or len(number) > LONGEST or "," in number:  # a comma would ask for several
        return []
    wires = await _transactions(reads, ("invoice_number", number), pages=1)
    wanted = [wire for wire in wires if (wire.invoice_number or "").casefold() == number.casefold()]
    return _newest(await reads.invoices_of(wanted[:NUMBERED]))


async def find(reads: Reads, text: str) -> list[Invoice]:
    """An invoice's own id is the caller's affair. Raises ProviderFailure."""
    wanted = text.strip()
    if not wanted or len(wanted) > LONGEST:
        return []
    if re.fullmatch(CUSTOMER, wanted.lower()):
        return await _of_customers(reads, [wanted.lower()])
    by_number, by_customer = await asyncio.gather(numbered(reads, wanted), _by_customer(reads, wanted))
    return _newest([*by_number, *by_customer])[:MOST]


async def _by_customer(reads: Reads, text: str) -> list[Invoice]:
    question = (("search", text), ("status", "active,archived"), ("per_page", "50"))
    found = items_of(WireCustomer, await reads.customers(question))
    ids = [customer.id for customer in found if _is_meant(customer, text) and re.fullmatch(CUSTOMER, customer.id)]
    return await _of_customers(reads, ids[:CUSTOMERS]) if ids else []


async def _of_customers(reads: Reads, ids: Sequence[str]) -> list[Invoice]:
    wires = await _transactions(reads, ("customer_id", ",".join(ids)), pages=PAGES)
    wanted = [wire for wire in wires if wire.customer_id in ids]
    return _newest(await reads.invoices_of(wanted))[:MOST]


async def _transactions(reads: Reads, asked: tuple[str, str], *, pages: int) -> list[WireTransaction]:
    question: Pairs = (asked, WITH_CUSTOMER, NEWEST_FIRST, PER_PAGE)
    found: list[WireTransaction] = []
    looked = 0
    async for page in walk(question, reads.transactions, reads.http.host):
        found += items_of(WireTransaction, page)
        looked += 1
        if looked == pages:
            break
    return found


def _is_meant(customer: WireCustomer, text: str) -> bool:
    """The text is the customer's address, or in the name; whatever the capitals."""
    wanted = text.casefold()
    return wanted == (customer.email or "").casefold() or wanted in (customer.name or "").casefold()


def _newest(found: Iterable[Invoice]) -> list[Invoice]:
    once: dict[InvoiceRef, Invoice] = {invoice.ref: invoice for invoice in found}
    return sorted(once.values(), key=lambda invoice: invoice.created_at or _EVER, reverse=True)
