"""Everything read from one Recurly site: an invoice, stored payment methods, pages of listings, account pages and PDFs."""

from __future__ import annotations

import asyncio
import re
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
from bot.providers.http import Pairs, ProviderHttp, Reply
from bot.providers.recurly_answers import is_missing, read_failure
from bot.providers.recurly_facts import ID
from bot.providers.recurly_invoices import Reader, Seen
from bot.providers.recurly_site import Site
from bot.providers.recurly_wire import (
    WireAccount,
    WireBillingInfo,
    WireBillingInfos,
    WireCard,
    WireInvoice,
    WireInvoices,
    body_of,
    error_of,
    newest,
)

METHODS_LIMIT: Final = 8.0
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_NO_PAGE: Final = (
    "Recurly gives no account page for this customer now. Send the customer the PDF, or ask them to log in themselves."
)


@dataclass(frozen=True, slots=True)
class Reads:
    """Every method raises ProviderFailure where it says nothing else, and reads nothing of a site that is not meant."""

    http: ProviderHttp
    reader: Reader
    site: Site

    async def look(self, ref: InvoiceRef, *, thorough: bool = False) -> Seen | None:
        """The invoice with its transactions. Which method was declined is looked up where it matters: after a decline that
        blocks it, and when `thorough`, together with what a retry would charge."""
        wire = await self._wire(ref)
        if wire is None:
            return None
        seen = self.reader.seen(wire)
        decline = seen.invoice.decline
        if not thorough and (decline is None or not decline.kind.blocks_same_method):
            return seen
        return Seen(await self._with_method(seen), wire)

    async def page(self, params: Pairs) -> WireInvoices:
        await self.site.expect()
        return body_of(WireInvoices, self._expected(await self.http.get("/invoices", params=params)))

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        wire = await self._wire(ref)
        if wire is None or wire.account is None or not wire.is_charge or wire.collection_method == "manual":
            return []
        stored = await self._stored(wire.account.id)
        default = _default(wire, stored)
        ordered = sorted(stored, key=lambda one: one is not default)
        return [PaymentMethod(one.id, _label_with_expiry(one)) for one in ordered]

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        """The customer's own account page, which logs in whoever opens it."""
        wire = await self._wire(ref)
        if wire is None or wire.account is None or self.reader.seen(wire).invoice.status is not InvoiceStatus.OPEN:
            return None
        reply = self._expected(await self.http.get("/accounts/{}", wire.account.id))
        account = body_of(WireAccount, reply)
        token = account.hosted_login_token.get_secret_value() if account.hosted_login_token else ""
        if account.id != wire.account.id or not _TOKEN.fullmatch(token):
            raise ProviderFailure(FailureReason.REFUSED, _NO_PAGE, request_id=reply.request_id)
        shown = self.reader.links.shown(f"{self.reader.pages}/account/{token}")
        if shown is None:
            raise ProviderFailure(FailureReason.REFUSED, _NO_PAGE, request_id=reply.request_id)
        return shown

    async def pdf(self, ref: InvoiceRef) -> bytes | None:
        """Fetched with the key and the version that Recurly asks for here too, so it cannot be given away as a link."""
        wire = await self._wire(ref)
        if wire is None or not wire.is_charge:
            return None
        reply = await self.http.get("/invoices/{}.pdf", ref.id)
        if is_missing(reply):
            return None
        self._expected(reply)
        if not reply.content.startswith(b"%PDF-"):
            raise ProviderFailure(FailureReason.UNREADABLE, "Recurly's answer is not a PDF.", request_id=reply.request_id)
        return reply.content

    async def _wire(self, ref: InvoiceRef) -> WireInvoice | None:
        """By id alone: on this path Recurly takes a number just as well, which is not what was asked for."""
        if not re.fullmatch(ID, ref.id):
            return None
        await self.site.expect()
        reply = await self.http.get("/invoices/{}", ref.id)
        if is_missing(reply):
            return None
        wire = body_of(WireInvoice, self._expected(reply))
        if wire.id != ref.id:
            raise ProviderFailure(
                FailureReason.UNREADABLE, "Recurly answered with another invoice.", request_id=reply.request_id
            )
        return wire

    async def _with_method(self, seen: Seen) -> Invoice:
        """What cannot be read stays unknown and never breaks the invoice."""
        invoice, wire = seen.invoice, seen.wire
        is_charged = invoice.collection is CollectionMethod.AUTOMATIC and invoice.status is InvoiceStatus.OPEN
        if not is_charged or wire.account is None:
            return invoice
        try:
            async with asyncio.timeout(METHODS_LIMIT):
                stored = await self._stored(wire.account.id)
        except (ProviderFailure, TimeoutError):
            return invoice
        decline, charge = invoice.decline, newest(wire.charges)
        if decline is not None and charge is not None:
            decline = replace(decline, method=_declined_method(charge.payment_method, stored))
        return replace(invoice, method=_to_charge(wire, stored), decline=decline)

    async def _stored(self, account: str) -> list[WireBillingInfo]:
        """All stored methods; on a site without a wallet the only one. A customer without any has none."""
        reply = await self.http.get("/accounts/{}/billing_infos", account, params=(("limit", "200"),))
        if reply.is_success:
            return [one for one in body_of(WireBillingInfos, reply).data if one.valid is not False]
        has_no_wallet = reply.status == 404 or error_of(reply).type in {"missing_feature", "validation"}
        if not has_no_wallet:
            raise read_failure(self.reader.account, reply)
        reply = await self.http.get("/accounts/{}/billing_info", account)
        return [] if is_missing(reply) else [body_of(WireBillingInfo, self._expected(reply))]

    def _expected(self, reply: Reply) -> Reply:
        if not reply.is_success:
            raise read_failure(self.reader.account, reply)
        return reply


def _default(wire: WireInvoice, stored: list[WireBillingInfo]) -> WireBillingInfo | None:
    """What a retry would charge: the invoice's own method, else the customer's first."""
    if wire.billing_info_id is not None:
        return next((one for one in stored if one.id == wire.billing_info_id), None)
    return next((one for one in stored if one.primary_payment_method), stored[0] if len(stored) == 1 else None)


def _to_charge(wire: WireInvoice, stored: list[WireBillingInfo]) -> MethodToCharge:
    default = _default(wire, stored)
    return PaymentMethod(default.id, default.label) if default else None if stored else NoMethod()


def _declined_method(card: WireCard | None, stored: list[WireBillingInfo]) -> str | None:
    """The billing info that was charged, told by its looks: None where that is not to be told. One that is not stored any
    more has no id, and is named by what no id looks like."""
    looks = card.looks if card else None
    if looks is None:
        return None
    alike = [one for one in stored if one.payment_method and one.payment_method.looks == looks]
    if not alike:
        return "not stored any more"
    return alike[0].id if len(alike) == 1 else None


def _label_with_expiry(stored: WireBillingInfo) -> str:
    card = stored.payment_method
    if card is None or card.exp_month is None or card.exp_year is None:
        return stored.label
    return f"{stored.label}, {card.exp_month:02}/{card.exp_year}"
