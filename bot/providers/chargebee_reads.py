"""Everything read from one Chargebee account: an invoice with its payments, stored methods, e-mail logs, links and PDFs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, MethodToCharge, NoMethod, PaymentMethod
from bot.domain.outcome import Rejected, Unknown
from bot.providers.chargebee_answers import is_missing, read_failure
from bot.providers.chargebee_invoices import FAILURES, OPEN_STATUSES, Reader, Seen
from bot.providers.chargebee_listing import LIMIT
from bot.providers.chargebee_wire import (
    WireCustomer,
    WireEmailLog,
    WireInvoice,
    WireInvoices,
    WireLogs,
    WireOneCustomer,
    WireOneInvoice,
    WireOnePage,
    WireOnePdf,
    WireOneTransaction,
    WireSource,
    WireSources,
    WireTransaction,
    body_of,
)
from bot.providers.http import Pairs, ProviderHttp, Reply

LONGEST_ID: Final = 50
ASK_LIMIT: Final = 15.0
"""Seconds for a link that Chargebee wants a POST for; a person waits for it."""
UNCHARGEABLE: Final = frozenset({"expired", "invalid", "pending_verification"})
"""Payment sources that a charge would only be refused for."""
_OTHER_HOST: Final = (
    "Chargebee gave a link to a host that is not known to be safe, so it is not shown. Open it in Chargebee instead."
)


@dataclass(frozen=True, slots=True)
class Reads:
    """Every method raises ProviderFailure where it says nothing else. `has_read_key` says that reads use another key."""

    http: ProviderHttp
    reader: Reader
    has_read_key: bool = False

    async def look(self, ref: InvoiceRef) -> Seen | None:
        """The invoice, and why its newest payment failed."""
        wire = await self.wire(ref)
        if wire is None:
            return None
        newest = wire.newest
        is_failed = wire.status in OPEN_STATUSES and newest is not None and newest.txn_status in FAILURES
        transaction = await self.transaction(newest.txn_id) if newest is not None and is_failed else None
        return self.reader.seen(wire, transaction)

    async def thorough(self, ref: InvoiceRef) -> Invoice | None:
        seen = await self.look(ref)
        if seen is None:
            return None
        invoice, payer = seen.invoice, seen.wire.payer
        if invoice.status is not InvoiceStatus.OPEN or payer is None:
            return invoice
        try:
            customer, sources = await asyncio.gather(self.customer(payer), self._sources(payer))
        except ProviderFailure:
            return invoice
        if seen.wire.payment_owner in {None, seen.wire.customer_id}:
            name, email = invoice.customer_name or customer.name, invoice.customer_email or customer.email
            invoice = replace(invoice, customer_name=name, customer_email=email)
        return replace(invoice, method=_to_charge(customer, sources))

    async def primary(self, invoice: Invoice) -> str | None:
        """The payment source that a retry charges, where the customer has one."""
        wire = await self.wire(invoice.ref)
        payer = wire.payer if wire else None
        return (await self.customer(payer)).primary_payment_source_id if payer else None

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        wire = await self.wire(ref)
        if wire is None or wire.payer is None:
            return []
        customer, sources = await asyncio.gather(self.customer(wire.payer), self._sources(wire.payer))
        mine = [one for one in sources if one.status not in UNCHARGEABLE]
        mine.sort(key=lambda one: one.id != customer.primary_payment_source_id)
        return [PaymentMethod(one.id, one.label) for one in mine]

    async def wire(self, ref: InvoiceRef) -> WireInvoice | None:
        if not is_id(ref.id):
            return None
        reply = await self.http.get("/invoices/{}", ref.id)
        if is_missing(reply):
            return None
        wire = body_of(WireOneInvoice, self.expected(reply)).invoice
        if wire.id != ref.id:
            raise ProviderFailure(
                FailureReason.UNREADABLE, "Chargebee answered with another invoice.", request_id=reply.request_id
            )
        return None if wire.deleted else wire

    async def transaction(self, identifier: str) -> WireTransaction | None:
        """None where this key may not read it, or it is gone: better the invoice without its decline."""
        reply = await self.http.get("/transactions/{}", identifier)
        if reply.status == 403 or is_missing(reply):
            return None
        found = body_of(WireOneTransaction, self.expected(reply)).transaction
        if found.id != identifier:
            raise ProviderFailure(FailureReason.UNREADABLE, "Chargebee answered with another transaction.")
        return found

    async def customer(self, identifier: str) -> WireCustomer:
        return body_of(WireOneCustomer, await self.read("/customers/{}", identifier)).customer

    async def mails(self, customer: str, since: datetime) -> Sequence[WireEmailLog]:
        """The newest e-mails to a customer since then."""
        params: Pairs = (("sent_on[after]", str(int(since.timestamp()))), LIMIT)
        reply = await self.read("/customers/{}/email_logs", customer, params=params)
        return [one.email_log for one in body_of(WireLogs, reply).list]

    async def page(self, params: Pairs) -> WireInvoices:
        return body_of(WireInvoices, await self.read("/invoices", params=params))

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        """A page of the customer's unpaid invoices, made for whoever wants it now."""
        wire = await self.wire(ref)
        if wire is None or wire.payer is None:
            return None
        invoice = self.reader.seen(wire).invoice
        if invoice.status is not InvoiceStatus.OPEN or invoice.owed.minor == 0:
            return None
        reply = await self._made("/hosted_pages/collect_now", form=(("customer[id]", wire.payer),))
        return self._shown(body_of(WireOnePage, self.expected(reply)).hosted_page.url)

    async def pdf(self, ref: InvoiceRef) -> str | None:
        wire = await self.wire(ref)
        if wire is None or self.reader.seen(wire).invoice.status is InvoiceStatus.DRAFT:
            return None
        reply = await self._made("/invoices/{}/pdf", ref.id, form=(("disposition_type", "attachment"),))
        return self._shown(body_of(WireOnePdf, self.expected(reply)).download.download_url)

    async def read(self, template: str, *ids: str, params: Pairs = ()) -> Reply:
        return self.expected(await self.http.get(template, *ids, params=params))

    def expected(self, reply: Reply) -> Reply:
        if not reply.is_success:
            raise read_failure(self.reader.account, reply)
        return reply

    async def _sources(self, customer: str) -> list[WireSource]:
        reply = await self.read("/payment_sources", params=(("customer_id[is]", customer), LIMIT))
        found = [one.payment_source for one in body_of(WireSources, reply).list]
        return [one for one in found if not one.deleted and one.customer_id in {None, customer}]

    async def _made(self, template: str, *ids: str, form: Pairs) -> Reply:
        """A POST that changes nothing that anybody owes. A read-only key may be refused it; the other key then asks."""
        reply = await self.http.ask(template, *ids, form=form)
        if reply.status != 403 or not self.has_read_key:
            return reply
        try:
            async with asyncio.timeout(ASK_LIMIT):
                answer = await self.http.post(template, *ids, form=form, key=str(uuid.uuid4()))
        except TimeoutError:
            raise ProviderFailure(FailureReason.UNREACHABLE, "Chargebee did not answer in time.") from None
        match answer:
            case Reply():
                return answer
            case Rejected() | Unknown():
                raise ProviderFailure(FailureReason.UNREACHABLE, "Chargebee did not answer.")

    def _shown(self, url: str | None) -> str:
        shown = self.reader.links.shown(url)
        if shown is None:
            raise ProviderFailure(FailureReason.REFUSED, _OTHER_HOST if url else "Chargebee gave no link.")
        return shown


def is_id(text: str) -> bool:
    """Whether it can be an invoice's id. One with a part of dots alone would climb out of its folder at some proxy."""
    return len(text) <= LONGEST_ID and all(part.strip(".") for part in text.split("/"))


def _to_charge(customer: WireCustomer, sources: Sequence[WireSource]) -> MethodToCharge:
    primary = customer.primary_payment_source_id
    if primary is None:
        return None if sources else NoMethod()
    known = next((one for one in sources if one.id == primary), None)
    return PaymentMethod(primary, known.label if known else primary)
