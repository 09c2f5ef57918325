"""From Chargebee's invoice to ours: what failed means, what is under way, and what was written off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote

from bot.domain.decline import DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    PaymentState,
)
from bot.domain.money import MinorUnits, Money, known_currency
from bot.ports import Unreadable
from bot.providers.chargebee_declines import decline_of
from bot.providers.chargebee_wire import (
    WireInvoice,
    WireInvoices,
    WireLinkedPayment,
    WireOneInvoice,
    WireTransaction,
    at,
)
from bot.providers.links import Links

STATUSES: Final = {
    "pending": InvoiceStatus.DRAFT,
    "posted": InvoiceStatus.OPEN,
    "payment_due": InvoiceStatus.OPEN,
    "not_paid": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "voided": InvoiceStatus.VOID,
}
OPEN_STATUSES: Final = frozenset(word for word, status in STATUSES.items() if status is InvoiceStatus.OPEN)
FAILED_STATUSES: Final = ("payment_due", "not_paid")
FAILURES: Final = frozenset({"failure", "late_failure"})
UNDECIDED: Final = frozenset({"timeout", "needs_attention"})
"""Chargebee does not know itself whether money moved; until it does, nothing may be charged."""
_APP_STORES: Final = frozenset({"app_store", "play_store"})
_SAID: Final = {
    "pending": "pending, a draft",
    "posted": "posted, not due yet",
    "payment_due": "payment due",
    "not_paid": "not paid",
    "voided": "void",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An invoice as it is now, with the wire's own object."""

    invoice: Invoice
    wire: WireInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the invoices of one account. `dashboard` is None where the account is not at Chargebee itself."""

    account: str
    live: bool
    links: Links
    units: MinorUnits = field(default_factory=MinorUnits)
    dashboard: str | None = None

    def money(self, amount: int, currency: str) -> Money:
        """Raises UnusableValue for a currency that we do not know, and for what does not fit it."""
        return self.units.read(amount, known_currency(currency))

    def invoice(self, wire: WireInvoice) -> Invoice:
        """As a listing shows it, without transactions. Raises UnusableValue for values that cannot be true."""
        status, newest, address = _status(wire), wire.newest, wire.billing_address
        return Invoice(
            ref=InvoiceRef(self.account, wire.id),
            status=status,
            provider_status=_said(wire),
            owed=self.money(wire.amount_due if status is not InvoiceStatus.VOID else 0, wire.currency_code),
            live=self.live,
            paid=None if wire.amount_paid is None else self.money(wire.amount_paid, wire.currency_code),
            number=wire.id,
            customer_id=wire.customer_id,
            customer_name=address.name if address else None,
            customer_email=address.email if address else None,
            collection=CollectionMethod.MANUAL if wire.channel in _APP_STORES else CollectionMethod.AUTOMATIC,
            created_at=at(wire.date),
            due_at=at(wire.due_date),
            failed_because=failed_because(wire),
            attempts=sum(one.txn_status in FAILURES for one in wire.linked_payments),
            next_attempt_at=at(wire.next_retry_at),
            payment=payment_state(wire),
            newest_charge=newest.txn_id if newest else None,
            newest_charge_at=at(newest.txn_date) if newest else None,
            dashboard_url=f"{self.dashboard}{quote(wire.id, safe='')}" if self.dashboard else None,
        )

    def seen(self, wire: WireInvoice, failed: WireTransaction | None = None) -> Seen:
        """`failed` is the transaction of the newest payment, where that one failed. Raises ProviderFailure for nonsense."""
        try:
            invoice = self.invoice(wire)
        except UnusableValue as error:
            raise ProviderFailure(FailureReason.UNREADABLE, f"Chargebee's invoice makes no sense: {error}.") from error
        if failed is None or invoice.payment is not PaymentState.FAILED or invoice.status is not InvoiceStatus.OPEN:
            return Seen(invoice, wire)
        decline = decline_of(failed)
        is_to_confirm = decline.kind is DeclineClass.NEEDS_AUTHENTICATION
        state = PaymentState.NEEDS_AUTHENTICATION if is_to_confirm else invoice.payment
        return Seen(replace(invoice, decline=decline, payment=state), wire)

    def items(self, page: WireInvoices) -> list[tuple[WireInvoice, Invoice] | Unreadable]:
        """Everything on a page; an item that makes no sense says so in its place."""
        return [self._item(item) for item in page.list]

    def _item(self, item: object) -> tuple[WireInvoice, Invoice] | Unreadable:
        if not isinstance(item, WireOneInvoice):
            return Unreadable("an item of the listing is not an invoice as Chargebee documents it")
        try:
            return item.invoice, self.invoice(item.invoice)
        except UnusableValue as error:
            return Unreadable(str(error))


def id_in(item: object) -> str | None:
    """The id of an item of a listing, also of one that makes no sense otherwise."""
    if isinstance(item, WireOneInvoice):
        return item.invoice.id
    inner = item.get("invoice") if isinstance(item, dict) else None
    found = inner.get("id") if isinstance(inner, dict) else None
    return found if isinstance(found, str) else None


def failed_because(wire: WireInvoice) -> FailedBecause | None:
    """Due and still owing, unless a payment of all of it is under way. What was never tried is past due."""
    if wire.status not in FAILED_STATUSES or wire.amount_due <= 0 or wire.amount_to_collect == 0 or wire.deleted:
        return None
    was_tried = any(one.txn_status in FAILURES | UNDECIDED for one in wire.linked_payments) or bool(wire.dunning_attempts)
    return FailedBecause.PAYMENT_FAILED if was_tried else FailedBecause.PAST_DUE


def payment_state(wire: WireInvoice) -> PaymentState:
    """By the invoice alone. What is under way shows in its payments, and in the amount that is left to collect."""
    newest = wire.newest
    if _is_under_way(wire, newest):
        return PaymentState.PROCESSING
    if wire.status == "paid" and not wire.write_off_amount:
        return PaymentState.SUCCEEDED
    match newest.txn_status if newest else "voided":
        case "success":
            return PaymentState.SUCCEEDED
        case "failure" | "late_failure":
            return PaymentState.FAILED
        case "voided":
            return PaymentState.NONE
        case _:
            return PaymentState.UNREAD


def _is_under_way(wire: WireInvoice, newest: WireLinkedPayment | None) -> bool:
    if wire.status not in OPEN_STATUSES:
        return False
    left = wire.amount_due if wire.amount_to_collect is None else wire.amount_to_collect
    is_running = any(one.txn_status == "in_progress" for one in wire.linked_payments)
    return is_running or left < wire.amount_due or (newest is not None and newest.txn_status in UNDECIDED)


def _status(wire: WireInvoice) -> InvoiceStatus:
    if wire.status == "paid" and (wire.write_off_amount or 0) > 0:
        return InvoiceStatus.UNCOLLECTIBLE
    return STATUSES.get(wire.status or "", InvoiceStatus.OTHER)


def _said(wire: WireInvoice) -> str:
    """The status in words that follow "is"."""
    if _status(wire) is InvoiceStatus.UNCOLLECTIBLE:
        return "written off"
    return _SAID.get(wire.status or "", wire.status or "without a status")
