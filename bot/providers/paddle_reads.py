"""Everything read from one Paddle account: transactions with their credits, customers, payment pages and PDFs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus
from bot.domain.outcome import Rejected, Unknown
from bot.providers.http import Pairs, ProviderHttp, Reply
from bot.providers.paddle_answers import is_missing, read_failure
from bot.providers.paddle_facts import TRANSACTION
from bot.providers.paddle_invoices import Reader
from bot.providers.paddle_listing import WITH_CUSTOMER, walk
from bot.providers.paddle_wire import (
    PAST_DUE,
    WireAdjustment,
    WireListing,
    WireOneLink,
    WireOneSubscription,
    WireOneTransaction,
    WireTransaction,
    body_of,
    error_of,
    items_of,
)
from bot.providers.wording import scrubbed, setting

ASK_LIMIT: Final = 15.0
"""Seconds for the one read that may write; a person waits for it."""
CREDITS_PER_PAGE: Final = ("per_page", "50")
IDS: Final = 50
"""Ids in one question."""

_BEING_COLLECTED: Final = (
    "Paddle is collecting invoice {} by itself just now, so there is nothing to pay on a page yet. Look again in an hour."
)
_NO_CHECKOUT: Final = (
    "Invoice {} is to be paid by bank transfer: its payment page is not switched on in Paddle. Give the customer the PDF "
    "instead."
)
_NO_PAGE: Final = "Paddle has no payment page for invoice {}. Open it in Paddle instead."


@dataclass(frozen=True, slots=True)
class Seen:
    """A transaction as it is now. `adjustments` None: not needed, or this key may not read them."""

    invoice: Invoice
    wire: WireTransaction
    adjustments: Sequence[WireAdjustment] | None


@dataclass(frozen=True, slots=True)
class Reads:
    """Every method raises ProviderFailure where it says nothing else."""

    http: ProviderHttp
    reader: Reader

    async def look(self, ref: InvoiceRef, *, all_credits: bool = False) -> Seen | None:
        """The transaction, then its credits where they matter: a credit is never older news than its transaction."""
        wire = await self.transaction(ref)
        if wire is None:
            return None
        adjustments = await self.credits([wire.id]) if all_credits or wire.needs_credits else None
        return Seen(self.reader.read(wire, adjustments), wire, adjustments)

    async def transaction(self, ref: InvoiceRef) -> WireTransaction | None:
        if not re.fullmatch(TRANSACTION, ref.id):
            return None
        reply = await self.http.get("/transactions/{}", ref.id, params=(WITH_CUSTOMER,))
        if is_missing(reply):
            return None
        self.expect(reply)
        wire = body_of(WireOneTransaction, reply).data
        if wire.id != ref.id:
            raise _unreadable("Paddle answered with another transaction.", reply)
        return wire

    async def credits(self, ids: Sequence[str]) -> Sequence[WireAdjustment] | None:
        """The credits of some transactions; None where this key may not read them."""
        found: list[WireAdjustment] = []
        for start in range(0, len(ids), IDS):
            asked = ("transaction_id", ",".join(ids[start : start + IDS]))
            question = (asked, ("action", "credit"), CREDITS_PER_PAGE)
            try:
                async for page in walk(question, self.adjustments, self.http.host):
                    found += _whole(page)
            except ProviderFailure as failure:
                if failure.reason is FailureReason.FORBIDDEN:
                    return None
                raise
        return [one for one in found if one.transaction_id in ids]

    async def invoices_of(self, wires: Sequence[WireTransaction]) -> list[Invoice]:
        """With their credits where they matter."""
        completed = [wire.id for wire in wires if wire.needs_credits]
        adjustments = await self.credits(completed) if completed else None
        return [self.reader.read(wire, adjustments if wire.needs_credits else None) for wire in wires]

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        """Only what is still to be paid has a page, by a fresh look."""
        wire = await self.transaction(ref)
        if wire is None or self.reader.read(wire, ()).status is not InvoiceStatus.OPEN:
            return None
        if not wire.is_manual and wire.status != PAST_DUE:
            raise ProviderFailure(FailureReason.REFUSED, _BEING_COLLECTED.format(_label(wire)))
        if wire.checkout is not None and wire.checkout.url:
            return self._page(wire.checkout.url)
        if wire.is_manual:
            raise ProviderFailure(FailureReason.REFUSED, _NO_CHECKOUT.format(_label(wire)))
        return await self._page_of_renewal(wire)

    async def pdf(self, ref: InvoiceRef) -> str | None:
        if not re.fullmatch(TRANSACTION, ref.id):
            return None
        reply = await self.http.get("/transactions/{}/invoice", ref.id, params=(("disposition", "attachment"),))
        code = error_of(reply).code or ""
        if is_missing(reply) or (reply.status in {400, 404} and code.startswith("transaction_")):
            return None
        self.expect(reply)
        url = body_of(WireOneLink, reply).data.url
        shown = self.reader.links.shown(url)
        if shown is None:
            detail = "Paddle gave a link to a host that is not known to be its own, so it is not shown. Open it in Paddle."
            raise ProviderFailure(FailureReason.REFUSED, detail, request_id=reply.request_id)
        return shown

    async def transactions(self, params: Pairs) -> WireListing:
        return await self._listing("/transactions", params)

    async def adjustments(self, params: Pairs) -> WireListing:
        return await self._listing("/adjustments", params)

    async def customers(self, params: Pairs) -> WireListing:
        return await self._listing("/customers", params)

    def expect(self, reply: Reply) -> None:
        if not reply.is_success:
            raise read_failure(self.reader.account, reply)

    async def _listing(self, path: str, params: Pairs) -> WireListing:
        reply = await self.http.get(path, params=params)
        self.expect(reply)
        return body_of(WireListing, reply)

    async def _page_of_renewal(self, wire: WireTransaction) -> str:
        """Never for a subscription that is not past due: Paddle would make a new transaction, although it is a GET."""
        subscription = wire.subscription_id
        if subscription is None:
            raise ProviderFailure(FailureReason.REFUSED, _NO_PAGE.format(_label(wire)))
        reply = await self.http.get("/subscriptions/{}", subscription)
        self.expect(reply)
        found = body_of(WireOneSubscription, reply).data
        if found.id != subscription:
            raise _unreadable("Paddle answered with another subscription.", reply)
        if found.status != PAST_DUE:
            said = scrubbed(found.status or "without a status").replace("_", " ")
            detail = f"The subscription is {said} and not past due, so Paddle has no page to pay invoice {_label(wire)} on."
            raise ProviderFailure(FailureReason.REFUSED, detail, request_id=reply.request_id)
        return self._page_in(await self._asked_once(subscription), wire)

    async def _asked_once(self, subscription: str) -> Reply:
        """A read that a retry could turn into a write, so it goes out once, with the key that may write."""
        try:
            async with asyncio.timeout(ASK_LIMIT):
                answer = await self.http.send("GET", "/subscriptions/{}/update-payment-method-transaction", subscription)
        except TimeoutError:
            raise ProviderFailure(FailureReason.UNREACHABLE, "Paddle did not answer in time.") from None
        match answer:
            case Reply():
                self.expect(answer)
                return answer
            case Rejected() | Unknown():
                raise ProviderFailure(FailureReason.UNREACHABLE, "Paddle did not answer.")

    def _page_in(self, reply: Reply, wanted: WireTransaction) -> str:
        found = body_of(WireOneTransaction, reply).data
        if found.id != wanted.id:
            detail = (
                f"For invoice {_label(wanted)} Paddle opens the page of another transaction of this subscription, "
                f"{scrubbed(found.id)}, so no link is given. Look at that one: a newer bill may be overdue."
            )
            raise ProviderFailure(FailureReason.REFUSED, detail, request_id=reply.request_id)
        url = found.checkout.url if found.checkout else None
        if not url:
            raise ProviderFailure(FailureReason.REFUSED, _NO_PAGE.format(_label(wanted)), request_id=reply.request_id)
        return self._page(url)

    def _page(self, url: str) -> str:
        shown = self.reader.links.shown(url)
        if shown is not None:
            return shown
        name = setting(self.reader.account, "checkout_hosts")
        detail = f"The payment page is on a host that is not known to be yours, so no link is shown. Name it in {name}."
        raise ProviderFailure(FailureReason.REFUSED, detail)


def _label(wire: WireTransaction) -> str:
    return scrubbed(wire.invoice_number or wire.id)


def _whole(page: WireListing) -> Sequence[WireAdjustment]:
    """Every item; a credit that cannot be read would make a written-off invoice look paid."""
    found = items_of(WireAdjustment, page)
    if len(found) != len(page.data):
        raise ProviderFailure(FailureReason.UNREADABLE, "Paddle's credits could not be read.")
    return found


def _unreadable(detail: str, reply: Reply) -> ProviderFailure:
    return ProviderFailure(FailureReason.UNREADABLE, detail, request_id=reply.request_id)
