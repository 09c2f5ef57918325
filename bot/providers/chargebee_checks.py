"""What the adapter takes for granted of Chargebee and no document settles, tried on an account by reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure, UnusableValue
from bot.providers.chargebee_answers import MISSING as MISSING_CODE
from bot.providers.chargebee_answers import read_failure
from bot.providers.chargebee_invoices import FAILED_STATUSES, FAILURES, STATUSES
from bot.providers.chargebee_listing import LIMIT, any_of
from bot.providers.chargebee_reads import Reads
from bot.providers.chargebee_wire import WireCustomers, WireInvoice, WireInvoices, WireOneInvoice, body_of, error_of
from bot.providers.http import Pairs, Reply
from bot.providers.trying import Seen, tried, untold
from bot.providers.wording import scrubbed

NOBODY: Final = "RECOUP-TRIES-THIS"
"""No invoice has this id and no customer this name."""

AMOUNTS: Final = "Amounts fit their currencies: whole units for those in `zero_decimal`, hundredths for all others."
WORDS: Final = "An invoice is in one of the six statuses that are known."
FILTERED: Final = "A list of several statuses, as JSON, is heeded."
ORDERED: Final = "Invoices are listed in the order that is asked for."
BY_NAME: Final = "Customers can be looked for by the beginning of their name."
MISSING: Final = "An invoice that does not exist is answered with 404 resource_not_found."
REASONS: Final = "The transaction of a payment that failed can be read, and says why."
MAILS: Final = "The e-mails to a customer can be read."
NAMED: Final = "Every answer names its request (X-Request-Id)."
STATEMENTS: Final = (AMOUNTS, WORDS, FILTERED, ORDERED, BY_NAME, MISSING, REASONS, MAILS, NAMED)


@dataclass(frozen=True, slots=True)
class Checks:
    """Of one account."""

    reads: Reads

    async def run(self) -> list[LiveCheck]:
        """Without invoices nothing can be tried."""
        try:
            reply = await self.reads.read("/invoices", params=(("sort_by[asc]", "date"), LIMIT))
            items = body_of(WireInvoices, reply).list
        except ProviderFailure as failure:
            return [untold(statement, failure) for statement in STATEMENTS]
        invoices = [item.invoice for item in items if isinstance(item, WireOneInvoice)]
        return [
            _told(AMOUNTS, self._amounts(invoices)),
            _told(WORDS, _words(invoices)),
            await tried(FILTERED, self._filtered()),
            _told(ORDERED, _ordered(invoices)),
            await tried(BY_NAME, self._by_name()),
            await tried(MISSING, self._missing()),
            await tried(REASONS, self._reasons(invoices)),
            await tried(MAILS, self._mails(invoices)),
            _told(NAMED, _named(reply)),
        ]

    def _amounts(self, invoices: Sequence[WireInvoice]) -> Seen:
        if not invoices:
            return _no_invoices()
        unfit = {wire.currency_code for wire in invoices if not self._fits(wire)}
        if unfit:
            return Seen(False, f"amounts in {', '.join(sorted(scrubbed(code) for code in unfit)[:5])} do not fit")
        return Seen(
            True, f"{len(invoices)} invoices in {', '.join(sorted({wire.currency_code for wire in invoices})[:10])}"
        )

    def _fits(self, wire: WireInvoice) -> bool:
        try:
            self.reads.reader.invoice(wire)
        except UnusableValue:
            return False
        return True

    async def _filtered(self) -> Seen:
        reply = await self.reads.http.get("/invoices", params=(("status[in]", any_of(FAILED_STATUSES)), LIMIT))
        if reply.status == 400:
            return _refused(reply)
        found = body_of(WireInvoices, self.reads.expected(reply)).list
        others = sum(isinstance(item, WireOneInvoice) and item.invoice.status not in FAILED_STATUSES for item in found)
        return Seen(others == 0, f"{len(found)} invoices, {others} of them in another status")

    async def _by_name(self) -> Seen:
        reply = await self.reads.http.get("/customers", params=(("company[starts_with]", NOBODY), ("limit", "1")))
        if reply.status == 400:
            return _refused(reply)
        found = len(body_of(WireCustomers, self.reads.expected(reply)).list)
        return Seen(found == 0, f"{found} customers of a name that nobody has")

    async def _missing(self) -> Seen:
        reply = await self.reads.http.get("/invoices/{}", NOBODY)
        if reply.status in {401, 403, 429} or reply.status >= 500:
            raise read_failure(self.reads.reader.account, reply)
        code = error_of(reply).api_error_code
        return Seen(reply.status == 404 and code == MISSING_CODE, f"{reply.status} {scrubbed(code or 'without a code')}")

    async def _reasons(self, invoices: Sequence[WireInvoice]) -> Seen:
        failed = [one.txn_id for wire in invoices for one in wire.linked_payments if one.txn_status in FAILURES]
        if not failed:
            return Seen(None, "the account has no payment that failed yet")
        found = await self.reads.transaction(failed[-1])
        if found is None:
            return Seen(False, "this key may not read transactions, or it is gone")
        says = found.error_code is not None or found.error_detail is not None
        return Seen(says, "it does" if says else "the transaction holds no error")

    async def _mails(self, invoices: Sequence[WireInvoice]) -> Seen:
        customer = next((wire.customer_id for wire in invoices if wire.customer_id), None)
        if customer is None:
            return _no_invoices()
        params: Pairs = (("limit", "1"),)
        reply = await self.reads.http.get("/customers/{}/email_logs", customer, params=params)
        if reply.status in {400, 404}:
            return _refused(reply)
        self.reads.expected(reply)
        return Seen(True, "they can")


def _told(statement: str, seen: Seen) -> LiveCheck:
    return LiveCheck(statement, seen.holds, seen.what)


def _words(invoices: Sequence[WireInvoice]) -> Seen:
    if not invoices:
        return _no_invoices()
    found = {wire.status or "none" for wire in invoices}
    unknown = found - set(STATUSES)
    return Seen(not unknown, ", ".join(sorted(scrubbed(word) for word in unknown or found)[:6]))


def _ordered(invoices: Sequence[WireInvoice]) -> Seen:
    dates = [wire.date for wire in invoices if wire.date is not None]
    if len(set(dates)) < 2:
        return Seen(None, "the account has no two invoices of different dates")
    return Seen(dates == sorted(dates), f"{len(dates)} invoices")


def _named(reply: Reply) -> Seen:
    """Without it the history names no request; nothing else relies on it."""
    return Seen(True, "it does") if reply.request_id else Seen(None, "this answer does not; nothing relies on it")


def _no_invoices() -> Seen:
    return Seen(None, "the account has no invoice yet")


def _refused(reply: Reply) -> Seen:
    return Seen(False, f"refused with {reply.status} {scrubbed(error_of(reply).api_error_code or 'without a code')}")
