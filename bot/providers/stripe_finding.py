"""Invoices by what a person knows of them: number, customer id, e-mail address or name.

Search: https://docs.stripe.com/search. Its index lags by up to a minute, and merchants in India do not have it; the lists
of customers and invoices know neither limit, so ids and addresses go there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef
from bot.ports import Clock
from bot.providers.http import Pairs, ProviderHttp, Reply
from bot.providers.stripe_answers import read_failure
from bot.providers.stripe_invoices import Reader
from bot.providers.stripe_wire import WireCustomers, WirePage, body_of, id_of

MOST: Final = 50
CUSTOMERS: Final = 6
"""Customers of one name or address whose invoices are read: with the two searches before it, eight requests."""
SHORTEST_PART: Final = 3
"""Letters that Stripe wants before it looks for part of a name."""
LONGEST: Final = 200

_CUSTOMER = re.compile(r"cus_[A-Za-z0-9_]+")
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for invoices of one account. Every method raises ProviderFailure."""

    http: ProviderHttp
    reader: Reader
    clock: Clock

    async def numbered(self, text: str) -> list[Invoice]:
        number = text.strip()
        if not number or len(number) > LONGEST:
            return []
        found = await self._page("/v1/invoices/search", (("query", f"number:'{_quoted(number)}'"), ("limit", "10")))
        return [invoice for invoice in found if (invoice.number or "").lower() == number.lower()][:10]

    async def find(self, text: str) -> list[Invoice]:
        """What `text` is decides who is asked; an invoice's own id is the caller's affair."""
        wanted = text.strip()
        if not wanted or len(wanted) > LONGEST:
            return []
        if _CUSTOMER.fullmatch(wanted):
            return _newest(await self._of_customer(wanted))
        if "@" in wanted:
            return _newest(await self._of_customers(await self._with_address(wanted)))
        return _newest(await _whatever_came([self.numbered(wanted), self._named(wanted)]))

    async def _named(self, name: str) -> list[Invoice]:
        """Of customers in whose name this occurs; a very short one has to be the whole name."""
        operator = "~" if len(name) >= SHORTEST_PART else ":"
        query = f'name{operator}"{_quoted(name, mark=chr(34))}"'
        reply = await self.http.get("/v1/customers/search", params=(("query", query), ("limit", str(CUSTOMERS))))
        return await self._of_customers(self._customers(reply))

    async def _with_address(self, address: str) -> list[str]:
        """Stripe compares addresses letter by letter, and people do not."""
        spellings = list(dict.fromkeys([address, address.lower()]))
        asked = (("limit", str(CUSTOMERS)),)
        replies = [await self.http.get("/v1/customers", params=(("email", one), *asked)) for one in spellings]
        return [customer for reply in replies for customer in self._customers(reply)]

    async def _of_customers(self, customers: Sequence[str]) -> list[Invoice]:
        return await _whatever_came([self._of_customer(one) for one in list(dict.fromkeys(customers))[:CUSTOMERS]])

    async def _of_customer(self, customer: str) -> list[Invoice]:
        reply = await self.http.get("/v1/invoices", params=(("customer", customer), ("limit", str(MOST))))
        if reply.status in {400, 404}:  # no such customer
            return []
        return self._invoices(reply)

    async def _page(self, path: str, params: Pairs) -> list[Invoice]:
        reply = await self.http.get(path, params=params)
        if reply.status in {400, 403, 404}:
            raise ProviderFailure(
                FailureReason.REFUSED,
                "Stripe refuses to search by number for this account; use the invoice's id (in_…), the customer's id "
                "(cus_…) or e-mail address.",
                request_id=reply.request_id,
            )
        return self._invoices(reply)

    def _invoices(self, reply: Reply) -> list[Invoice]:
        if not reply.is_success:
            raise read_failure(self.reader.account, reply)
        items = self.reader.items(body_of(WirePage, reply), self.clock.now())
        return [item for item in items if isinstance(item, Invoice)]

    def _customers(self, reply: Reply) -> list[str]:
        if reply.status in {400, 403, 404}:
            raise ProviderFailure(
                FailureReason.REFUSED,
                "Stripe refuses to look for customers with this key (it needs the permission Customers: Read, and search "
                "is not there for every account); use the invoice's number or id (in_…).",
                request_id=reply.request_id,
            )
        if not reply.is_success:
            raise read_failure(self.reader.account, reply)
        return [one for customer in body_of(WireCustomers, reply).data if (one := id_of(customer))]


async def _whatever_came(searches: Iterable[Awaitable[list[Invoice]]]) -> list[Invoice]:
    """What any of them found. Finding nothing is an answer only when all were answered: else the failure is told."""
    found: list[Invoice] = []
    failures: list[ProviderFailure] = []
    for result in await asyncio.gather(*searches, return_exceptions=True):
        if isinstance(result, ProviderFailure):
            failures.append(result)
        elif isinstance(result, BaseException):
            raise result
        else:
            found += result
    wrong_mode = [failure for failure in failures if failure.reason is FailureReason.WRONG_MODE]
    if failures and (wrong_mode or not found):
        raise (wrong_mode or failures)[0]
    return found


def _newest(found: Iterable[Invoice]) -> list[Invoice]:
    once: dict[InvoiceRef, Invoice] = {invoice.ref: invoice for invoice in found}
    return sorted(once.values(), key=lambda invoice: invoice.created_at or _EVER, reverse=True)[:MOST]


def _quoted(text: str, mark: str = "'") -> str:
    """As the inside of a quoted text of Stripe's query language."""
    return text.replace("\\", "\\\\").replace(mark, f"\\{mark}")
