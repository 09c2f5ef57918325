"""From a subscription and its newest transaction to our invoice: what is owed, what is in flight, and what a retry charges.

Braintree has no invoice. The past-due subscription is what people act on; its newest transaction says why it failed.
https://developer.paypal.com/braintree/graphql/guides/recurring_billing
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from bot.domain.decline import DeclineClass
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import (
    FailedBecause,
    Invoice,
    InvoiceRef,
    InvoiceStatus,
    MethodToCharge,
    PaymentMethod,
    PaymentState,
)
from bot.domain.money import Money
from bot.providers.braintree_account import PANELS
from bot.providers.braintree_declines import decline_of
from bot.providers.braintree_wire import WireSubscription, WireTransaction, moment, money

COLLECTED: Final = frozenset({"SUBMITTED_FOR_SETTLEMENT", "SETTLING", "SETTLEMENT_CONFIRMED", "SETTLED"})
"""The bank has agreed and the money is on its way; it settles within hours."""
WAITING: Final = frozenset({"AUTHORIZING", "SETTLEMENT_PENDING"})
AUTHORIZED: Final = "AUTHORIZED"
IN_FLIGHT: Final = frozenset({AUTHORIZED, "SUBMITTED_FOR_SETTLEMENT", *WAITING})
DECLINED: Final = frozenset({"PROCESSOR_DECLINED", "GATEWAY_REJECTED", "FAILED", "SETTLEMENT_DECLINED"})
"""No money came and none will: https://developer.paypal.com/braintree/docs/reference/general/statuses#transaction"""
VOIDED: Final = "VOIDED"
_PAYPAL: Final = "PayPalTransactionDetails"
_SAID: Final = {
    "PENDING": "not begun yet",
    "PAST_DUE": "past due",
    "ACTIVE": "active",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A subscription as it is now. `newest` holds its newest transactions, the newest first, None for one that could not be
    read; there are as many as were asked for."""

    invoice: Invoice
    wire: WireSubscription
    newest: Sequence[WireTransaction | None]

    @property
    def charge(self) -> WireTransaction | None:
        return self.newest[0] if self.newest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the subscriptions of one account."""

    account: str
    live: bool
    merchant: str

    def seen(self, wire: WireSubscription, newest: Sequence[WireTransaction | None], *, thorough: bool = False) -> Seen:
        """Raises ProviderFailure for what cannot be true."""
        try:
            return Seen(self.invoice(wire, newest[0] if newest else None, thorough=thorough), wire, newest)
        except UnusableValue as error:
            raise ProviderFailure(FailureReason.UNREADABLE, f"Braintree's subscription makes no sense: {error}.") from error

    def invoice(self, wire: WireSubscription, charge: WireTransaction | None, *, thorough: bool = False) -> Invoice:
        """Raises UnusableValue for values that cannot be true. While money is in flight, what is owed is that money: it is
        what a void takes back and a capture collects."""
        status, state = _status(wire, charge), payment_state(charge)
        owed = _owed(wire, charge, state)
        customer = charge.customer if charge else None
        is_declined = status is InvoiceStatus.OPEN and charge is not None and charge.status in DECLINED
        return Invoice(
            ref=InvoiceRef(self.account, wire.legacy_id),
            status=status,
            provider_status=_said(wire, charge),
            owed=owed,
            live=self.live,
            paid=charge.money if status is InvoiceStatus.PAID and charge else None,
            number=wire.legacy_id,
            customer_id=customer.legacy_id if customer else None,
            customer_name=next(iter(customer.names), None) if customer else None,
            customer_email=customer.email if customer else None,
            created_at=_failing_since(wire),
            due_at=_day(wire.timeline.billing_period_start_date),
            failed_because=FailedBecause.PAYMENT_FAILED if wire.status == "PAST_DUE" else None,
            attempts=wire.failure_count,
            next_attempt_at=_next_attempt(wire, charge),
            payment=state,
            newest_charge=next(iter(wire.charges), None),
            newest_charge_at=charge.at if charge else None,
            decline=decline_of(charge) if is_declined and charge else None,
            method=_method(wire, charge) if thorough and wire.status == "PAST_DUE" else None,
            dashboard_url=self._panel(wire, charge),
        )

    def _panel(self, wire: WireSubscription, charge: WireTransaction | None) -> str:
        """The page of the newest transaction, which leads to the subscription; how that one's own is built is documented
        nowhere."""
        of = f"transactions/{charge.legacy_id}" if charge and charge.legacy_id else f"subscriptions/{wire.legacy_id}"
        return f"{PANELS['live' if self.live else 'test']}/merchants/{self.merchant}/{of}"


def payment_state(charge: WireTransaction | None) -> PaymentState:
    """Of the newest transaction; a state that we do not know tells neither that money moves nor that it does not."""
    if charge is None or charge.status == VOIDED:
        return PaymentState.NONE if charge else PaymentState.UNREAD
    if charge.status in IN_FLIGHT:
        return PaymentState.PROCESSING
    if charge.status in COLLECTED:
        return PaymentState.SUCCEEDED
    if charge.status not in DECLINED:
        return PaymentState.FAILED if charge.status == "AUTHORIZATION_EXPIRED" else PaymentState.UNREAD
    confirms = decline_of(charge).kind is DeclineClass.NEEDS_AUTHENTICATION
    return PaymentState.NEEDS_AUTHENTICATION if confirms else PaymentState.FAILED


def may_be_voided(charge: WireTransaction) -> bool:
    """https://developer.paypal.com/braintree/graphql/reference#mutation--voidtransaction"""
    snapshot = charge.payment_method_snapshot
    is_paypal = snapshot is not None and snapshot.typename == _PAYPAL
    return charge.status in {AUTHORIZED, "SUBMITTED_FOR_SETTLEMENT"} or (
        is_paypal and charge.status == "SETTLEMENT_PENDING"
    )


def currency_of(wire: WireSubscription, charge: WireTransaction | None) -> str:
    """A subscription names its currency in its history alone. Raises UnusableValue."""
    named = [state.currency_iso_code for state in wire.states]
    if charge is not None and charge.amount is not None:
        named.append(charge.amount.currency_code)
    found = next((code for code in named if code), None)
    if found is None:
        raise UnusableValue("a subscription does not tell its currency")
    return found


def _status(wire: WireSubscription, charge: WireTransaction | None) -> InvoiceStatus:
    if wire.status in {"PENDING", "CANCELED"}:
        return InvoiceStatus.DRAFT if wire.status == "PENDING" else InvoiceStatus.VOID
    if charge is not None and charge.status == AUTHORIZED:
        return InvoiceStatus.DRAFT
    if wire.status == "PAST_DUE" or (charge is not None and charge.status in WAITING):
        return InvoiceStatus.OPEN
    if wire.status not in {"ACTIVE", "EXPIRED"} or charge is None:
        return InvoiceStatus.OTHER
    if charge.status in COLLECTED:
        return InvoiceStatus.PAID
    return InvoiceStatus.VOID if charge.status == VOIDED else InvoiceStatus.OTHER


def _said(wire: WireSubscription, charge: WireTransaction | None) -> str:
    """The status in words that follow "is"."""
    said = _SAID.get(wire.status, wire.status.replace("_", " ").lower())
    if charge is None or wire.status in {"PENDING", "CANCELED"}:
        return said
    if charge.status == AUTHORIZED:
        return f"{said}, its newest payment only authorized"
    if charge.status in COLLECTED and wire.status in {"ACTIVE", "EXPIRED"}:
        return "paid" if wire.status == "ACTIVE" else "paid and expired"
    if wire.status == "PAST_DUE" and charge.status in DECLINED:
        return said
    return f"{said}, its newest payment {charge.status.replace('_', ' ').lower()}"


def _owed(wire: WireSubscription, charge: WireTransaction | None, state: PaymentState) -> Money:
    """A balance below nothing is a credit of the customer's."""
    balance = money(wire.balance, currency_of(wire, charge))
    owed = balance if balance.minor > 0 else Money(0, balance.currency)
    if state is not PaymentState.PROCESSING or charge is None:
        return owed
    in_flight = charge.money
    if in_flight is None or in_flight.currency != owed.currency:
        raise UnusableValue("the amount of a payment in flight cannot be read")
    return in_flight if owed < in_flight else owed


def _failing_since(wire: WireSubscription) -> datetime | None:
    """When it went past due; of one that is not, when its billing period began."""
    since = None
    for state in wire.states:
        if state.status != "PAST_DUE" or wire.status != "PAST_DUE":
            break
        since = moment(state.timestamp) or since
    return since or _day(wire.timeline.billing_period_start_date) or moment(wire.timeline.created_at)


def _next_attempt(wire: WireSubscription, charge: WireTransaction | None) -> datetime | None:
    if wire.status != "PAST_DUE":
        return None
    return _day((charge.upcoming_retry_date if charge else None) or wire.timeline.next_billing_date)


def _method(wire: WireSubscription, charge: WireTransaction | None) -> MethodToCharge:
    """Its label is known only of the method that was charged last."""
    if wire.payment_method_id is None:
        return None
    is_last = (
        charge is not None and charge.payment_method is not None and charge.payment_method.id == wire.payment_method_id
    )
    snapshot = charge.payment_method_snapshot if is_last and charge else None
    return PaymentMethod(wire.payment_method_id, snapshot.label if snapshot else "the payment method stored now")


def _day(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day is not None else None
