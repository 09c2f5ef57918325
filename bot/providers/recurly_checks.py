"""What the adapter takes for granted of Recurly and no document settles, tried on an account by reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure
from bot.providers.http import Pairs, ProviderHttp, Reply
from bot.providers.recurly_answers import read_failure
from bot.providers.recurly_listing import LIMIT, PAST_DUE, following
from bot.providers.recurly_site import Site
from bot.providers.recurly_wire import WireInvoice, WireInvoices, body_of, error_of
from bot.providers.trying import Seen, tried, untold
from bot.providers.wording import scrubbed

NOBODY: Final = "zzzzzzzzzzzz"
"""No invoice has this id."""

VERSION: Final = "Recurly answers in the version that it is asked for."
SITE: Final = "The key is of the site, and the site in the mode, that the settings name."
LIMITS: Final = "The end of a rate limit is told in seconds since 1970 (X-RateLimit-Reset)."
FILTERS: Final = "A listing of charge invoices that are past due holds no others."
PAGING: Final = "A listing names its next page on the account's own host."
TRANSACTIONS: Final = "An invoice in a listing comes with its transactions, and each tells its origin and its time."
MISSING: Final = "An invoice that does not exist is answered with 404 not_found."
WALLET: Final = "A customer's stored payment methods can be listed."
STATEMENTS: Final = (VERSION, SITE, LIMITS, FILTERS, PAGING, TRANSACTIONS, MISSING, WALLET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Of one account. `version` is what every request asks for."""

    http: ProviderHttp
    site: Site
    version: str

    async def run(self) -> list[LiveCheck]:
        """What has to be seen in a listing is not to be told without one."""
        try:
            reply = await self._read("/invoices", PAST_DUE)
            page = body_of(WireInvoices, reply)
            some = body_of(WireInvoices, await self._read("/invoices", (("type", "charge"), LIMIT)))
        except ProviderFailure as failure:
            return [untold(statement, failure) for statement in STATEMENTS]
        late = [item for item in page.data if isinstance(item, WireInvoice)]
        invoices = [item for item in some.data if isinstance(item, WireInvoice)]
        return [
            _told(VERSION, self._version(reply)),
            await tried(SITE, self._site()),
            _told(LIMITS, _limits(reply, self.site.clock.now().timestamp())),
            _told(FILTERS, _filters(late)),
            _told(PAGING, self._paging(page if page.has_more else some)),
            _told(TRANSACTIONS, _transactions([*late, *invoices])),
            await tried(MISSING, self._missing()),
            await tried(WALLET, self._wallet(invoices)),
        ]

    def _version(self, reply: Reply) -> Seen:
        answered = reply.headers.get("recurly-version")
        if answered is None:
            return Seen(None, "the answer names no version")
        return Seen(self.version in answered, scrubbed(answered))

    async def _site(self) -> Seen:
        trouble = await self.site.trouble()
        return Seen(trouble is None, "it is" if trouble is None else trouble)

    def _paging(self, page: WireInvoices) -> Seen:
        if not page.has_more or page.next is None:
            return Seen(None, "all invoices fit one page")
        try:
            following(page.next, path="/invoices", host=self.http.host)
        except ProviderFailure:
            return Seen(False, "the next page is elsewhere")
        return Seen(True, "a path" if page.next.startswith("/") else "an address")

    async def _missing(self) -> Seen:
        reply = await self.http.get("/invoices/{}", NOBODY)
        if reply.status in {401, 403, 429} or reply.status >= 500:
            raise read_failure(self.site.account, reply)
        kind = error_of(reply).type
        holds = reply.status == 404 and kind == "not_found"
        return Seen(holds, f"{reply.status} {scrubbed(kind or 'without a type')}")

    async def _wallet(self, invoices: Sequence[WireInvoice]) -> Seen:
        account = next((invoice.account for invoice in invoices if invoice.account), None)
        if account is None:
            return Seen(None, "the site has no invoice yet")
        reply = await self.http.get("/accounts/{}/billing_infos", account.id, params=(LIMIT,))
        if reply.is_success:
            return Seen(True, "they were listed")
        if reply.status in {404, 422}:
            kind = scrubbed(error_of(reply).type or "without a type")
            return Seen(None, f"{reply.status} {kind}; without a wallet there is one method, which is read instead")
        raise read_failure(self.site.account, reply)

    async def _read(self, path: str, params: Pairs) -> Reply:
        reply = await self.http.get(path, params=params)
        if not reply.is_success:
            raise read_failure(self.site.account, reply)
        return reply


def _limits(reply: Reply, now: float) -> Seen:
    """Without the header a 429 is waited for at Recoup's own pace, so its lack contradicts nothing."""
    told = reply.headers.get("x-ratelimit-reset")
    if told is None:
        return Seen(None, "no such header in this answer")
    if not told.isdecimal():
        return Seen(False, "it is no number of seconds")
    return Seen(int(told) > 1_000_000_000, f"{int(told) - round(now)} seconds from now")


def _filters(late: Sequence[WireInvoice]) -> Seen:
    if not late:
        return Seen(None, "no invoice is past due")
    others = sum(invoice.state != "past_due" or invoice.type not in {"charge", "legacy"} for invoice in late)
    return Seen(others == 0, f"{len(late)} invoices, {others} others")


def _transactions(invoices: Sequence[WireInvoice]) -> Seen:
    if not invoices:
        return Seen(None, "the site has no invoice yet")
    if any(invoice.transactions is None for invoice in invoices):
        return Seen(False, "an invoice came without them")
    charges = [one for invoice in invoices for one in invoice.charges]
    if not charges:
        return Seen(None, "nothing was ever charged here")
    lacking = sum(one.origin is None or one.at is None for one in charges)
    return Seen(lacking == 0, f"{len(charges)} charges, {lacking} without one of them")


def _told(statement: str, seen: Seen) -> LiveCheck:
    return LiveCheck(statement, seen.holds, seen.what)
