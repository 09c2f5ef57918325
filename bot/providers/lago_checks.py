"""What the adapter takes for granted of Lago and no document settles, tried on an account by reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure
from bot.providers.http import Pairs, Reply
from bot.providers.lago_answers import read_failure
from bot.providers.lago_listing import PER_PAGE
from bot.providers.lago_reads import Reads
from bot.providers.lago_wire import WireInvoice, WireInvoices, WirePayments, body_of, error_of
from bot.providers.trying import Seen, tried, untold
from bot.providers.wording import scrubbed

NOBODY: Final = "00000000-0000-4000-8000-000000000000"
"""No invoice has this id."""

PAGES: Final = "A page holds up to 100 invoices, where as many are asked for."
LIMITS: Final = "Every answer tells when the rate limit is renewed (X-RateLimit-Reset)."
HOSTS: Final = "PDFs are on hosts whose links are shown."
WEB: Final = "An invoice names its own page in Lago (web_url)."
MISSING: Final = "An invoice that does not exist is answered with 404 invoice_not_found."
ONE_INVOICE: Final = "Payments can be listed for one invoice alone."
NEWEST_FIRST: Final = "Payments are listed with the newest first."
RIGHTS: Final = "A key is held to its permissions."
STATEMENTS: Final = (PAGES, LIMITS, HOSTS, WEB, MISSING, ONE_INVOICE, NEWEST_FIRST, RIGHTS)


@dataclass(frozen=True, slots=True)
class Checks:
    """Of one account."""

    reads: Reads

    async def run(self) -> list[LiveCheck]:
        """Without invoices nothing can be tried."""
        try:
            reply = await self._read("/invoices", (PER_PAGE, ("page", "1")))
            page = body_of(WireInvoices, reply)
        except ProviderFailure as failure:
            return [untold(statement, failure) for statement in STATEMENTS]
        invoices = [item for item in page.invoices if isinstance(item, WireInvoice)]
        return [
            _told(PAGES, _pages(page)),
            _told(LIMITS, _limits(reply)),
            _told(HOSTS, self._hosts(invoices)),
            _told(WEB, _web(invoices)),
            await tried(MISSING, self._missing()),
            await tried(ONE_INVOICE, self._one_invoice()),
            await tried(NEWEST_FIRST, self._newest_first()),
            await tried(RIGHTS, self._rights()),
        ]

    def _hosts(self, invoices: Sequence[WireInvoice]) -> Seen:
        links = [invoice.file_url for invoice in invoices if invoice.file_url]
        if not links:
            return Seen(None, "no invoice here has a PDF yet")
        hidden = sorted({_host(url) for url in links if self.reads.reader.links.shown(url) is None})
        if hidden:
            return Seen(False, f"links to {', '.join(hidden)} are not shown")
        return Seen(True, ", ".join(sorted({_host(url) for url in links})))

    async def _missing(self) -> Seen:
        reply = await self.reads.http.get("/invoices/{}", NOBODY)
        if reply.status in {401, 403, 429} or reply.status >= 500:
            raise read_failure(self.reads.reader.account, reply)
        code = error_of(reply).code
        holds = reply.status == 404 and code == "invoice_not_found"
        return Seen(holds, f"{reply.status} {scrubbed(code or 'without a code')}")

    async def _one_invoice(self) -> Seen:
        """Where the filter were not heeded, payments of others would be taken for those of the invoice."""
        everything = body_of(WirePayments, await self._read("/payments", (PER_PAGE,))).payments
        if not everything:
            return _no_payments()
        reply = await self.reads.http.get("/payments", params=(("invoice_id", NOBODY), PER_PAGE))
        if reply.status in {404, 422}:
            return Seen(None, f"for an invoice that does not exist it answers {reply.status}")
        self._expect(reply)
        found = len(body_of(WirePayments, reply).payments)
        return Seen(found == 0, f"{found} payments of an invoice that does not exist, {len(everything)} in all")

    async def _newest_first(self) -> Seen:
        payments = body_of(WirePayments, await self._read("/payments", (PER_PAGE,))).payments
        times = [payment.created_at for payment in payments if payment.created_at is not None]
        if len(set(times)) < 2:
            return Seen(None, "the account has no two payments yet")
        return Seen(all(a >= b for a, b in pairwise(times)), f"{len(times)} payments")

    async def _rights(self) -> Seen:
        """Taxes are what Recoup never reads; a key that may is no proof, for it may have been given that right."""
        reply = await self.reads.http.get("/taxes", params=(("per_page", "1"),))
        code = error_of(reply).code
        if reply.status == 403:
            return Seen(True, f"taxes are refused with {scrubbed(code or '403')}")
        if reply.is_success:
            return Seen(None, "the key may read taxes; take that right away and try again")
        if reply.status == 404:
            return Seen(None, "this Lago shows no taxes to anybody")
        raise read_failure(self.reads.reader.account, reply)

    async def _read(self, path: str, params: Pairs) -> Reply:
        reply = await self.reads.http.get(path, params=params)
        self._expect(reply)
        return reply

    def _expect(self, reply: Reply) -> None:
        if not reply.is_success:
            raise read_failure(self.reads.reader.account, reply)


def _pages(page: WireInvoices) -> Seen:
    number = len(page.invoices)
    if number >= 100:
        return Seen(number == 100, f"{number} invoices")
    if page.meta.next_page is None:
        return Seen(None, f"the account has {number} invoices, which fit one page of any size")
    return Seen(False, f"{number} invoices, and another page after them")


def _limits(reply: Reply) -> Seen:
    """Without the header a 429 is waited for at Recoup's own pace, so its lack contradicts nothing."""
    told = sorted(name for name in reply.headers if name.startswith("x-ratelimit-"))
    if "x-ratelimit-reset" in told:
        return Seen(True, ", ".join(told))
    return Seen(None, "no such header in this answer; a server of your own may have no limit")


def _web(invoices: Sequence[WireInvoice]) -> Seen:
    finalized = [invoice for invoice in invoices if invoice.status == "finalized"]
    if not finalized:
        return Seen(None, "the account has no finalized invoice yet")
    named = sum(invoice.web_url is not None for invoice in finalized)
    return Seen(named == len(finalized), f"{named} of {len(finalized)} finalized invoices name it")


def _told(statement: str, seen: Seen) -> LiveCheck:
    return LiveCheck(statement, seen.holds, seen.what)


def _no_payments() -> Seen:
    return Seen(None, "the account has no payment yet")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"
