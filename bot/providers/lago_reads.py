"""Everything read from one Lago account: an invoice with its payments, stored methods, pages, links and PDFs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import (
    CollectionMethod,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    MethodToCharge,
    NoMethod,
    PaymentMethod,
)
from bot.domain.outcome import Rejected, Unknown
from bot.providers.http import Pairs, ProviderHttp, Reply
from bot.providers.lago_answers import is_missing, read_failure
from bot.providers.lago_facts import UUID
from bot.providers.lago_invoices import Reader, Seen
from bot.providers.lago_listing import PER_PAGE, next_page
from bot.providers.lago_wire import (
    WireInvoice,
    WireInvoices,
    WireMethod,
    WireMethods,
    WireOneInvoice,
    WirePayment,
    WirePaymentPage,
    WirePayments,
    body_of,
    error_of,
)

ASK_LIMIT: Final = 15.0
"""Seconds for a read that Lago wants as a POST; a person waits for it."""
METHODS_LIMIT: Final = 8.0
PAGES_OF_PAYMENTS: Final = 10

_NO_PAGE: Final = {
    "no_linked_payment_provider": (
        "The customer has no payment provider in Lago, so there is no payment page. Resend the invoice instead."
    ),
    "invalid_payment_provider": (
        "Lago makes no payment page for the payment provider of this customer. Resend the invoice instead."
    ),
    "missing_payment_provider": (
        "The customer's payment provider is not set up in Lago any more, so there is no payment page. Resend the invoice "
        "instead."
    ),
    "missing_payment_provider_customer": (
        "The customer is not known at the payment provider yet, so there is no payment page. Resend the invoice instead."
    ),
}
"""https://getlago.com/docs/api-reference/invoices/payment-url"""
_OTHER_HOST: Final = "Lago gave a link to a host that is not known to be safe, so it is not shown. Open it in Lago instead."


@dataclass(frozen=True, slots=True)
class Reads:
    """Every method raises ProviderFailure where it says nothing else."""

    http: ProviderHttp
    reader: Reader

    async def look(self, ref: InvoiceRef, *, all_payments: bool = False) -> Seen | None:
        """The invoice, then its payments: read in this order, a payment is never older news than its invoice."""
        wire = await self._wire(ref)
        if wire is None:
            return None
        payments, all_shown = await self._payments(ref, everything=all_payments)
        return self.reader.seen(wire, payments, all_shown=all_shown)

    async def thorough(self, ref: InvoiceRef) -> Invoice | None:
        seen = await self.look(ref)
        return None if seen is None else replace(seen.invoice, method=await self.method_to_charge(seen.invoice))

    async def method_to_charge(self, invoice: Invoice) -> MethodToCharge:
        """What a retry would charge, as far as it can be read; None otherwise. Never raises."""
        is_charged = invoice.collection is CollectionMethod.AUTOMATIC and invoice.status is InvoiceStatus.OPEN
        if not is_charged or invoice.method is not None or invoice.customer_id is None:
            return invoice.method
        try:
            async with asyncio.timeout(METHODS_LIMIT):
                reply = await self._methods_of(invoice.customer_id)
                stored = body_of(WireMethods, reply).payment_methods if reply.is_success else None
        except (ProviderFailure, TimeoutError):
            return None
        if stored is None:
            return None
        default = next((one for one in stored if one.is_default), None)
        return _method(default) if default else None if stored else NoMethod()

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        wire = await self._wire(ref)
        invoice = self.reader.seen(wire, None).invoice if wire else None
        if invoice is None or invoice.customer_id is None or invoice.collection is CollectionMethod.MANUAL:
            return []
        reply = await self._methods_of(invoice.customer_id)
        if reply.status == 404:
            if is_missing(reply):
                return []
            raise ProviderFailure(FailureReason.REFUSED, "This Lago is too old to show stored payment methods.")
        self._expect(reply)
        stored = sorted(body_of(WireMethods, reply).payment_methods, key=lambda one: not one.is_default)
        return [_method(one) for one in stored]

    async def page(self, params: Pairs) -> WireInvoices:
        reply = await self.http.get("/invoices", params=params)
        self._expect(reply)
        return body_of(WireInvoices, reply)

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        """Opens or re-uses a checkout at the payment provider, so only for somebody who wants it now."""
        reply = await self._ask("/invoices/{}/payment_url", ref)
        words = error_of(reply).words if reply is not None and reply.status == 422 else ()
        if reply is None or reply.status == 404 or "invalid_invoice_status_or_payment_status" in words:
            return None
        if (sentence := next((_NO_PAGE[word] for word in words if word in _NO_PAGE), None)) is not None:
            raise ProviderFailure(FailureReason.REFUSED, sentence, request_id=reply.request_id)
        self._expect(reply)
        return self._shown(body_of(WirePaymentPage, reply).invoice_payment_details.payment_url)

    async def pdf(self, ref: InvoiceRef) -> str | None:
        reply = await self._ask("/invoices/{}/download", ref)
        if reply is None or reply.status == 404:
            return None
        self._expect(reply)
        being_made = not reply.content.strip()
        url = None if being_made else body_of(WireOneInvoice, reply).invoice.file_url
        if url is None:
            raise ProviderFailure(
                FailureReason.REFUSED, "The PDF is being made; ask again in a minute.", request_id=reply.request_id
            )
        return self._shown(url)

    async def _wire(self, ref: InvoiceRef) -> WireInvoice | None:
        if not re.fullmatch(UUID, ref.id):
            return None
        reply = await self.http.get("/invoices/{}", ref.id)
        if reply.status == 404 and is_missing(reply):
            return None
        self._expect(reply)
        wire = body_of(WireOneInvoice, reply).invoice
        if wire.lago_id != ref.id:
            raise ProviderFailure(
                FailureReason.UNREADABLE, "Lago answered with another invoice.", request_id=reply.request_id
            )
        return wire

    async def _payments(self, ref: InvoiceRef, *, everything: bool) -> tuple[Sequence[WirePayment] | None, bool]:
        """Newest first, and whether these are all. None where this key or this server does not show payments."""
        found: list[WirePayment] = []
        number = 1
        for _ in range(PAGES_OF_PAYMENTS if everything else 1):
            reply = await self.http.get("/payments", params=(("invoice_id", ref.id), PER_PAGE, ("page", str(number))))
            if reply.status in {403, 404}:
                return None, False
            self._expect(reply)
            page = body_of(WirePayments, reply)
            found += page.payments
            following = next_page(page.meta, number)
            if following is None:
                return found, True
            number = following
        return found, False

    async def _methods_of(self, customer: str) -> Reply:
        return await self.http.get("/customers/{}/payment_methods", customer, params=(PER_PAGE,))

    async def _ask(self, template: str, ref: InvoiceRef) -> Reply | None:
        """A POST that changes nothing that anybody owes; None for an id that cannot be an invoice's."""
        if not re.fullmatch(UUID, ref.id):
            return None
        try:
            async with asyncio.timeout(ASK_LIMIT):
                answer = await self.http.send("POST", template, ref.id)
        except TimeoutError:
            raise ProviderFailure(FailureReason.UNREACHABLE, "Lago did not answer in time.") from None
        match answer:
            case Reply():
                return answer
            case Rejected() | Unknown():
                raise ProviderFailure(FailureReason.UNREACHABLE, "Lago did not answer.")

    def _shown(self, url: str | None) -> str | None:
        shown = self.reader.links.shown(url)
        if url and shown is None:
            raise ProviderFailure(FailureReason.REFUSED, _OTHER_HOST)
        return shown

    def _expect(self, reply: Reply) -> None:
        if not reply.is_success:
            raise read_failure(self.reader.account, reply)


def _method(wire: WireMethod) -> PaymentMethod:
    return PaymentMethod(wire.lago_id, wire.label)
