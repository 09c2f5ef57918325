"""What the adapter takes for granted of Stripe and no document settles, tried on an account by reading only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure
from bot.providers.http import Pairs, ProviderHttp, Reply
from bot.providers.stripe_answers import read_failure
from bot.providers.stripe_orders import EXPAND
from bot.providers.stripe_wire import (
    WireCustomers,
    WireEvent,
    WireEventRequest,
    WireEvents,
    WireInvoice,
    WirePage,
    WirePayments,
    body_of,
    error_of,
)
from bot.providers.trying import Seen, tried, untold
from bot.providers.wording import scrubbed

LOOKED_AT: Final = 20
"""Of the newest invoices, and of the newest events."""
NOBODY: Final = "RECOUP-TRIES-THIS"
"""No invoice has this number and no customer this name."""

MODE: Final = "Every invoice says whether it is live or test data, and it is the mode of the key."
VERSION: Final = "Stripe answers in the version that it is asked for."
HOSTS: Final = "Payment pages and PDFs are on hosts whose links are shown."
DEEP: Final = "An invoice can be read with the payment behind it, four levels deep."
MISSING: Final = "An invoice that does not exist is answered with 404 resource_missing."
BY_NUMBER: Final = "Invoices can be searched by number."
BY_NAME: Final = "Customers can be searched by name."
EVENT_KEY: Final = "An event names the idempotency key of the request that caused it."
STATEMENTS: Final = (MODE, VERSION, HOSTS, DEEP, MISSING, BY_NUMBER, BY_NAME, EVENT_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """`may_show` says whether a link may be shown to people, `version` is the one that is asked for."""

    http: ProviderHttp
    account: str
    live: bool
    version: str
    may_show: Callable[[str], bool]

    async def run(self) -> list[LiveCheck]:
        """Without the newest invoices nothing can be tried."""
        try:
            reply = await self._read("/v1/invoices", params=(("limit", str(LOOKED_AT)),))
            invoices = [item for item in body_of(WirePage, reply).data if isinstance(item, WireInvoice)]
        except ProviderFailure as failure:
            return [untold(statement, failure) for statement in STATEMENTS]
        return [
            _told(MODE, self._mode(invoices)),
            _told(VERSION, self._version(reply)),
            _told(HOSTS, self._hosts(invoices)),
            await tried(DEEP, self._deep(invoices)),
            await tried(MISSING, self._missing()),
            await tried(BY_NUMBER, self._by_number()),
            await tried(BY_NAME, self._by_name()),
            await tried(EVENT_KEY, self._event_key()),
        ]

    def _mode(self, invoices: Sequence[WireInvoice]) -> Seen:
        if not invoices:
            return _no_invoices()
        silent = sum(invoice.livemode is None for invoice in invoices)
        other = sum(invoice.livemode is (not self.live) for invoice in invoices)
        mode = "live" if self.live else "test"
        if silent or other:
            return Seen(False, f"of {len(invoices)} invoices {silent} do not say it, and {other} are not {mode} data")
        return Seen(True, f"{len(invoices)} invoices, all {mode} data")

    def _version(self, reply: Reply) -> Seen:
        told = reply.headers.get("stripe-version")
        if told is None:
            return Seen(None, "the answer does not say its version")
        return Seen(told == self.version, f"asked for {self.version}, answered in {scrubbed(told)}")

    def _hosts(self, invoices: Sequence[WireInvoice]) -> Seen:
        links = [url for invoice in invoices for url in (invoice.hosted_invoice_url, invoice.invoice_pdf) if url]
        if not links:
            return Seen(None, "no invoice here has a payment page or a PDF yet")
        hidden = sorted({_host(url) for url in links if not self.may_show(url)})
        if hidden:
            return Seen(False, f"links to {', '.join(hidden)} are not shown")
        return Seen(True, ", ".join(sorted({_host(url) for url in links})))

    async def _deep(self, invoices: Sequence[WireInvoice]) -> Seen:
        chosen = next((invoice for invoice in invoices if invoice.attempted), invoices[0] if invoices else None)
        if chosen is None:
            return _no_invoices()
        reply = await self.http.get("/v1/invoices/{}", chosen.id, params=EXPAND)
        if reply.status == 400:
            return _refused(reply)
        self._expect(reply)
        payments = body_of(WireInvoice, reply).payments
        if not isinstance(payments, WirePayments):
            return Seen(False, "the invoice came without its payments")
        if not payments.data:
            return Seen(None, "the invoice has no payment yet")
        whole = sum(payment.intent is not None for payment in payments.data)
        by_intent = sum(
            payment.payment is not None and payment.payment.type == "payment_intent" for payment in payments.data
        )
        return Seen(whole == by_intent, f"{whole} of {by_intent} payments came whole")

    async def _missing(self) -> Seen:
        reply = await self.http.get("/v1/invoices/{}", "in_RecoupTriesThis")
        if reply.status != 404:
            self._raise_silence(reply)
        code = error_of(reply).code
        return Seen(
            reply.status == 404 and code == "resource_missing", f"{reply.status} {scrubbed(code or 'without a code')}"
        )

    async def _by_number(self) -> Seen:
        reply = await self.http.get("/v1/invoices/search", params=(("query", f"number:'{NOBODY}'"), ("limit", "1")))
        if reply.status in {400, 404}:
            return _refused(reply)
        self._expect(reply)
        return Seen(True, f"answered, with {len(body_of(WirePage, reply).data)} invoices")

    async def _by_name(self) -> Seen:
        reply = await self.http.get("/v1/customers/search", params=(("query", f'name~"{NOBODY}"'), ("limit", "1")))
        if reply.status in {400, 404}:
            return _refused(reply)
        self._expect(reply)
        return Seen(True, f"answered, with {len(body_of(WireCustomers, reply).data)} customers")

    async def _event_key(self) -> Seen:
        reply = await self._read("/v1/events", params=(("limit", str(LOOKED_AT)),))
        events = body_of(WireEvents, reply).data
        asked = [event for event in events if isinstance(event.request, WireEventRequest)]
        keyed = sum(event.key is not None for event in asked)
        if keyed:
            return Seen(True, f"{keyed} of {len(events)} events name one")
        if asked and not any(_has_place_for_key(event) for event in asked):
            return Seen(False, f"{len(asked)} events tell their request without it")
        return Seen(None, "no event here was caused by a request with a key; make one, and try again")

    async def _read(self, path: str, params: Pairs) -> Reply:
        reply = await self.http.get(path, params=params)
        self._expect(reply)
        return reply

    def _expect(self, reply: Reply) -> None:
        if not reply.is_success:
            raise read_failure(self.account, reply)

    def _raise_silence(self, reply: Reply) -> None:
        """An answer about the key, the pace or Stripe's health says nothing about a statement."""
        if reply.status in {401, 403, 429} or reply.status >= 500:
            raise read_failure(self.account, reply)


def _told(statement: str, seen: Seen) -> LiveCheck:
    return LiveCheck(statement, seen.holds, seen.what)


def _no_invoices() -> Seen:
    return Seen(None, "the account has no invoice yet")


def _refused(reply: Reply) -> Seen:
    said = scrubbed(error_of(reply).message or "")
    return Seen(False, f"refused with {reply.status}{f': {said}' if said else ''}")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def _has_place_for_key(event: WireEvent) -> bool:
    return isinstance(event.request, WireEventRequest) and "idempotency_key" in event.request.model_fields_set
