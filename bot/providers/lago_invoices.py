"""From Lago's invoice and its payments to ours: what failed means, what is under way, and what a retry would charge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Final

from bot.domain.decline import Decline, DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    NoMethod,
    PaymentState,
)
from bot.ports import Unreadable
from bot.providers.lago_wire import UNITS, WireInvoice, WireInvoices, WirePayment
from bot.providers.links import Links

STATUSES: Final = {"draft": InvoiceStatus.DRAFT, "finalized": InvoiceStatus.OPEN, "voided": InvoiceStatus.VOID}
"""A finalized invoice with a payment that succeeded is paid. `failed` means that the invoice could not be made, which has
nothing to do with a payment; it and `pending` are in no state that we know."""
_SAID: Final = {"voided": "void", "failed": "not made: Lago could not generate it", "pending": "waiting for its taxes"}

NOT_TOLD: Final = Decline(
    DeclineClass.UNCLEAR,
    "not_told",
    "Lago does not tell the bank's reason",
    own_advice="look at the payment at the payment provider, or give the customer the payment link",
)
AUTHENTICATION: Final = Decline(
    DeclineClass.NEEDS_AUTHENTICATION, "authentication_required", "the customer's bank wants them to confirm the payment"
)
NO_METHOD: Final = Decline(
    DeclineClass.NEEDS_NEW_METHOD, "no_payment_method", "the customer has no stored payment method that Lago could charge"
)
DECLINES: Final = {decline.code: decline for decline in (NOT_TOLD, AUTHENTICATION, NO_METHOD)}
"""All that Lago's API tells: the bank's own words go out by webhook only."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An invoice as it is now, with the wire's own objects. `payments` None: this key or server does not show them."""

    invoice: Invoice
    wire: WireInvoice
    payments: Sequence[WirePayment] | None

    @property
    def charge(self) -> WirePayment | None:
        """The newest payment that charged somebody."""
        return next((one for one in self.payments or () if not one.is_manual), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the invoices of one account."""

    account: str
    live: bool
    links: Links

    def invoice(self, wire: WireInvoice) -> Invoice:
        """As a listing shows it, without payments. Raises UnusableValue for values that cannot be true."""
        customer, status = wire.customer, _status(wire)
        return Invoice(
            ref=InvoiceRef(self.account, wire.lago_id),
            status=status,
            provider_status=_said(wire),
            owed=UNITS.read(wire.due, wire.currency),
            live=self.live,
            paid=None if wire.total_paid_amount_cents is None else UNITS.read(wire.total_paid_amount_cents, wire.currency),
            number=None if _is_placeholder(wire.number) else wire.number,
            customer_id=customer.external_id if customer else None,
            customer_name=next(iter(customer.names), None) if customer else None,
            customer_email=customer.email if customer else None,
            collection=_collection(wire),
            created_at=moment(wire.created_at),
            due_at=datetime.combine(wire.payment_due_date, time(), UTC) if wire.payment_due_date else None,
            failed_because=failed_because(wire),
            payment=PaymentState.SUCCEEDED if status is InvoiceStatus.PAID else PaymentState.UNREAD,
            method=NoMethod() if _is_unknown_to_provider(wire) else None,
            dashboard_url=self.links.shown(wire.web_url),
        )

    def seen(self, wire: WireInvoice, payments: Sequence[WirePayment] | None, *, all_shown: bool = True) -> Seen:
        """With its payments, newest first; `all_shown` says that there are no more. Raises ProviderFailure for nonsense."""
        try:
            seen = Seen(self.invoice(wire), wire, payments)
        except UnusableValue as error:
            raise ProviderFailure(FailureReason.UNREADABLE, f"Lago's invoice makes no sense: {error}.") from error
        state = _payment_state(seen)
        charges = [one for one in payments or () if not one.is_manual]
        invoice = replace(
            seen.invoice,
            payment=state,
            newest_charge=seen.charge.lago_id if seen.charge else None,
            newest_charge_at=moment(seen.charge.created_at) if seen.charge else None,
            attempts=len(charges) if payments is not None and all_shown else None,
            decline=_decline(seen.invoice, state),
        )
        return replace(seen, invoice=invoice)

    def items(self, page: WireInvoices) -> list[tuple[WireInvoice, Invoice] | Unreadable]:
        """Everything on a page; an item that makes no sense says so in its place."""
        return [self._item(item) for item in page.invoices]

    def _item(self, item: object) -> tuple[WireInvoice, Invoice] | Unreadable:
        if not isinstance(item, WireInvoice):
            return Unreadable("an item of the listing is not an invoice as Lago documents it")
        try:
            return item, self.invoice(item)
        except UnusableValue as error:
            return Unreadable(str(error))


def id_in(item: object) -> str | None:
    """The id of an item of a listing, also of one that makes no sense otherwise."""
    found = item.lago_id if isinstance(item, WireInvoice) else item.get("lago_id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None


def failed_because(wire: WireInvoice) -> FailedBecause | None:
    """Its payment failed, or it is overdue: two flags that Lago sets independently of each other."""
    if wire.status != "finalized" or wire.payment_dispute_lost_at is not None or wire.self_billed or wire.due <= 0:
        return None
    if wire.payment_status == "failed":
        return FailedBecause.PAYMENT_FAILED
    return FailedBecause.PAST_DUE if wire.payment_overdue else None


def moment(at: datetime | None) -> datetime | None:
    """Lago's times are UTC, also where they do not say so."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _is_placeholder(number: str | None) -> bool:
    """Until an invoice is final, all of an organization's share one number."""
    return not number or number.endswith("-DRAFT")


def _status(wire: WireInvoice) -> InvoiceStatus:
    if wire.status == "finalized" and wire.payment_status == "succeeded":
        return InvoiceStatus.PAID
    return STATUSES.get(wire.status or "", InvoiceStatus.OTHER)


def _said(wire: WireInvoice) -> str:
    """The status in words that follow "is"."""
    if wire.status == "finalized":
        if wire.payment_dispute_lost_at is not None:
            return "finalized, with a lost dispute"
        return {"succeeded": "paid", "failed": "open, its payment failed"}.get(wire.payment_status or "", "open")
    return _SAID.get(wire.status or "", wire.status or "without a status")


def _collection(wire: WireInvoice) -> CollectionMethod:
    billing = wire.customer.billing_configuration if wire.customer else None
    is_manual = wire.self_billed or (billing is not None and not billing.payment_provider)
    return CollectionMethod.MANUAL if is_manual else CollectionMethod.AUTOMATIC


def _is_unknown_to_provider(wire: WireInvoice) -> bool:
    """A customer whom the payment provider does not know: Lago accepts a retry and does nothing."""
    billing = wire.customer.billing_configuration if wire.customer else None
    return billing is not None and bool(billing.payment_provider) and not billing.provider_customer_id


def _payment_state(seen: Seen) -> PaymentState:
    charge = seen.charge
    if charge is None:
        return _state_by_invoice(seen)
    match charge.payment_status:
        case "processing":
            return PaymentState.NEEDS_AUTHENTICATION if charge.next_action else PaymentState.PROCESSING
        case "pending" if charge.next_action:
            return PaymentState.NEEDS_AUTHENTICATION
        case "failed":
            return PaymentState.FAILED
        case "succeeded":
            return PaymentState.SUCCEEDED
        case _:  # a row that Lago made and may use again: it tells neither that something is under way nor that it is not
            return PaymentState.UNREAD


def _state_by_invoice(seen: Seen) -> PaymentState:
    """Without a charge to look at. An invoice whose payment is under way never says `failed`."""
    if seen.wire.payment_status == "failed":
        return PaymentState.FAILED
    if seen.invoice.status is InvoiceStatus.PAID:
        return PaymentState.SUCCEEDED
    return PaymentState.UNREAD if seen.payments is None else PaymentState.NONE


def _decline(invoice: Invoice, state: PaymentState) -> Decline | None:
    if invoice.status is not InvoiceStatus.OPEN:
        return None
    return {PaymentState.FAILED: NOT_TOLD, PaymentState.NEEDS_AUTHENTICATION: AUTHENTICATION}.get(state)
