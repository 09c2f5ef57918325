"""From Stripe's invoice to ours: what failed means, why it was declined, and where to look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.decline import Decline
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import (
    CollectionMethod,
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    PaymentState,
)
from bot.ports import Unreadable
from bot.providers.stripe_declines import decline_of, decline_without_error
from bot.providers.stripe_wire import COLLECTIONS, STATUSES, UNITS, WireIntent, WireInvoice, WirePage, id_of, moment

DASHBOARD = "https://dashboard.stripe.com/"
MANUAL = "send_invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the invoices of one account. `dashboard` is None where the account is not at Stripe itself."""

    account: str
    live: bool
    dashboard: str | None = None

    def invoice(self, wire: WireInvoice, now: datetime) -> Invoice:
        """Raises UnusableValue for values that cannot be true, ProviderFailure(WRONG_MODE) for the other mode's."""
        if self.is_of_other_mode(wire):
            raise self.wrong_mode()
        payment = wire.payment_state
        return Invoice(
            ref=InvoiceRef(self.account, wire.id),
            status=STATUSES.get(wire.status or "", InvoiceStatus.OTHER),
            provider_status=wire.status or "without a status",
            owed=UNITS.read(wire.amount_remaining, wire.currency),
            live=self.live,
            paid=None if wire.amount_paid is None else UNITS.read(wire.amount_paid, wire.currency),
            number=wire.number or None,
            customer_id=id_of(wire.customer),
            customer_name=wire.customer_name,
            customer_email=wire.customer_email,
            collection=COLLECTIONS.get(wire.collection_method or "", CollectionMethod.AUTOMATIC),
            created_at=moment(wire.created),
            due_at=moment(wire.due_date),
            failed_because=failed_because(wire, now),
            attempts=wire.attempt_count,
            next_attempt_at=moment(wire.next_payment_attempt),
            payment=payment,
            newest_charge=wire.intent.newest_charge if wire.intent else None,
            decline=_decline(wire.intent, payment) if wire.intent else None,
            dashboard_url=f"{self.dashboard}invoices/{wire.id}" if self.dashboard else None,
        )

    def items(self, page: WirePage, now: datetime) -> list[Invoice | Unreadable]:
        """Everything on a page; an item that makes no sense says so in its place."""
        return [self._item(item, now) for item in page.data]

    def is_of_other_mode(self, wire: WireInvoice) -> bool:
        """Every object of Stripe says its mode; where one does not, the key that read it decides."""
        return wire.livemode is not None and wire.livemode is not self.live

    def wrong_mode(self) -> ProviderFailure:
        ours, theirs = ("live", "test") if self.live else ("test", "live")
        return ProviderFailure(
            FailureReason.WRONG_MODE, f"Account {self.account} is in {ours} mode, but Stripe answered with {theirs} data."
        )

    def _item(self, item: object, now: datetime) -> Invoice | Unreadable:
        if not isinstance(item, WireInvoice):
            return Unreadable("an item of the listing is not an invoice as Stripe documents it")
        try:
            return self.invoice(item, now)
        except UnusableValue as error:
            return Unreadable(str(error))


def failed_because(wire: WireInvoice, now: datetime) -> FailedBecause | None:
    """Stripe has no status "failed": open, tried, still owing and nothing under way; or the customer's due date passed."""
    if wire.status != "open" or wire.amount_remaining <= 0:
        return None
    tried = wire.attempted and (wire.attempt_count or 0) >= 1
    if tried and wire.payment_state is not PaymentState.PROCESSING:
        return FailedBecause.PAYMENT_FAILED
    due = moment(wire.due_date)
    if wire.collection_method == MANUAL and due is not None and due < now:
        return FailedBecause.PAST_DUE
    return None


def _decline(intent: WireIntent, payment: PaymentState) -> Decline | None:
    if payment is PaymentState.NEEDS_AUTHENTICATION and intent.error is None:
        return decline_without_error("authentication_required", id_of(intent.payment_method))
    if payment in {PaymentState.FAILED, PaymentState.NEEDS_AUTHENTICATION} and intent.error is not None:
        return decline_of(intent.error)
    return None
