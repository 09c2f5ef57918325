"""From Recurly's invoice and its transactions to ours: what failed means, what is under way, and who was declined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from bot.domain.decline import Decline, DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import CollectionMethod, FailedBecause, Invoice, InvoiceRef, InvoiceStatus, PaymentState
from bot.domain.money import Money, known_currency
from bot.ports import Unreadable
from bot.providers.links import Links
from bot.providers.recurly_declines import decline_of
from bot.providers.recurly_wire import (
    FAILED,
    UNDER_WAY,
    WireInvoice,
    WireInvoices,
    WireTransaction,
    WireTransactionError,
    moment,
    money_of,
    newest,
)

_STATES: Final = {
    "pending": InvoiceStatus.OPEN,
    "processing": InvoiceStatus.OPEN,
    "past_due": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "failed": InvoiceStatus.UNCOLLECTIBLE,
    "voided": InvoiceStatus.VOID,
}
"""Of charge invoices. `open` and `closed` belong to credit invoices, and what they mean on old ones is not documented."""
_SAID: Final = {
    "pending": "open",
    "past_due": "past due",
    "failed": "given up and written off",
    "processing": "open, a payment is processing",
    "voided": "void",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An invoice as it is now, with the wire's own object."""

    invoice: Invoice
    wire: WireInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the invoices of one site. `pages` is where its own web pages are."""

    account: str
    live: bool
    links: Links
    pages: str

    def invoice(self, wire: WireInvoice) -> Invoice:
        """Raises UnusableValue for values that cannot be true."""
        status, customer, charge = _status(wire), wire.account, newest(wire.charges)
        decline = _decline(charge) if status is InvoiceStatus.OPEN else None
        state = _payment_state(wire, charge, decline)
        owed = _owed(wire)
        return Invoice(
            ref=InvoiceRef(self.account, wire.id),
            status=status,
            provider_status=_said(wire),
            owed=owed,
            live=self.live,
            paid=None if wire.paid is None or wire.paid < 0 else money_of(wire.paid, wire.currency),
            number=wire.number,
            customer_id=(customer.code or customer.id) if customer else None,
            customer_name=next(iter(customer.names), None) if customer else None,
            customer_email=customer.email if customer else None,
            collection=CollectionMethod.MANUAL if wire.collection_method == "manual" else CollectionMethod.AUTOMATIC,
            created_at=moment(wire.created_at),
            due_at=moment(wire.due_at),
            failed_because=_failed_because(wire, owed, state),
            attempts=None if wire.transactions is None else len(wire.charges),
            payment=state,
            newest_charge=charge.id if charge else None,
            newest_charge_at=charge.at if charge else None,
            decline=decline,
            dashboard_url=self._dashboard(wire),
        )

    def _dashboard(self, wire: WireInvoice) -> str | None:
        """Only at Recurly itself: where the API is on this machine, nobody has a dashboard."""
        if wire.number is None or self.links.is_loopback:
            return None
        return self.links.shown(f"{self.pages}/invoices/{quote(wire.number, safe='')}")

    def seen(self, wire: WireInvoice) -> Seen:
        """Raises ProviderFailure for nonsense."""
        try:
            return Seen(self.invoice(wire), wire)
        except UnusableValue as error:
            raise ProviderFailure(FailureReason.UNREADABLE, f"Recurly's invoice makes no sense: {error}.") from error

    def items(self, page: WireInvoices) -> list[tuple[WireInvoice, Invoice] | Unreadable]:
        """Everything on a page; an item that makes no sense says so in its place."""
        return [self._item(item) for item in page.data]

    def _item(self, item: object) -> tuple[WireInvoice, Invoice] | Unreadable:
        if not isinstance(item, WireInvoice):
            return Unreadable("an item of the listing is not an invoice as Recurly documents it")
        try:
            return item, self.invoice(item)
        except UnusableValue as error:
            return Unreadable(str(error))


def id_in(item: object) -> str | None:
    """The id of an item of a listing, also of one that makes no sense otherwise."""
    found = item.id if isinstance(item, WireInvoice) else item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None


def declined(transaction: WireTransaction, method: str | None = None) -> Decline:
    """The decline that a stored transaction shows; `method` is the billing info that was charged, where it is known."""
    found = decline_of(WireTransactionError(code=transaction.status_code), transaction.payment_method)
    return replace(found, method=method)


def _status(wire: WireInvoice) -> InvoiceStatus:
    if not wire.is_charge:
        return InvoiceStatus.VOID if wire.state == "voided" else InvoiceStatus.OTHER
    return _STATES.get(wire.state or "", InvoiceStatus.OTHER)


def _said(wire: WireInvoice) -> str:
    """The state in words that follow "is"."""
    state = wire.state or "without a state"
    if not wire.is_charge:
        return "a credit invoice" if wire.type == "credit" else "of a kind that we do not know"
    return _SAID.get(state, state)


def _owed(wire: WireInvoice) -> Money:
    """Nothing on a credit invoice: that is money which the customer is owed. A charge invoice has to say it."""
    if not wire.is_charge:
        return Money(0, known_currency(wire.currency))
    if wire.balance is None:
        raise UnusableValue("the invoice does not say what is owed on it")
    return money_of(wire.balance, wire.currency)


def _failed_because(wire: WireInvoice, owed: Money, state: PaymentState) -> FailedBecause | None:
    if not wire.is_charge or wire.state != "past_due" or owed.minor <= 0:
        return None
    is_declined = state in {PaymentState.FAILED, PaymentState.NEEDS_AUTHENTICATION}
    return FailedBecause.PAYMENT_FAILED if is_declined else FailedBecause.PAST_DUE


def _decline(charge: WireTransaction | None) -> Decline | None:
    return declined(charge) if charge is not None and charge.status in FAILED else None


def _payment_state(wire: WireInvoice, charge: WireTransaction | None, decline: Decline | None) -> PaymentState:
    if wire.is_charge and wire.state == "paid":
        return PaymentState.SUCCEEDED
    if wire.state == "processing" or (charge is not None and charge.status in UNDER_WAY):
        return PaymentState.PROCESSING
    if decline is not None:
        needs_customer = decline.kind is DeclineClass.NEEDS_AUTHENTICATION
        return PaymentState.NEEDS_AUTHENTICATION if needs_customer else PaymentState.FAILED
    if charge is not None:
        return {"success": PaymentState.SUCCEEDED, "declined": PaymentState.FAILED, "error": PaymentState.FAILED}.get(
            charge.status or "", PaymentState.UNREAD
        )
    return PaymentState.UNREAD if wire.transactions is None else PaymentState.NONE
