"""From Paddle's transaction to our invoice: what failed means, what is under way, and what was written off, not paid."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.decline import Decline
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import CollectionMethod, FailedBecause, Invoice, InvoiceRef, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.ports import Unreadable
from bot.providers.links import Links
from bot.providers.paddle_declines import decline_of, waiting_for
from bot.providers.paddle_facts import SAID, TAG
from bot.providers.paddle_wire import PAST_DUE, WireAdjustment, WireTerms, WireTransaction, aware, item_of, money
from bot.providers.wording import scrubbed

STATUSES: Final = {
    "draft": InvoiceStatus.DRAFT,
    "ready": InvoiceStatus.DRAFT,
    "billed": InvoiceStatus.OPEN,
    PAST_DUE: InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "completed": InvoiceStatus.PAID,
    "canceled": InvoiceStatus.VOID,
}
PAYMENTS: Final = {
    "captured": PaymentState.SUCCEEDED,
    "error": PaymentState.FAILED,
    "action_required": PaymentState.NEEDS_AUTHENTICATION,
    "authorized": PaymentState.PROCESSING,
    "authorized_flagged": PaymentState.PROCESSING,
    "created": PaymentState.PROCESSING,
    "pending_no_action_required": PaymentState.PROCESSING,
}
"""An attempt that was canceled, dropped or is unknown tells neither that something is under way nor that it is not; Paddle
itself refuses what a running payment rules out."""

WRITTEN_OFF: Final = "written off, by a full credit"
CREDITED: Final = "credited in full"
PAID_OR_NOT: Final = "completed: paid or credited in full, which could not be read"

_DASHBOARDS: Final = {True: "https://vendors.paddle.com", False: "https://sandbox-vendors.paddle.com"}
_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "year": 12}

Credits = Sequence[WireAdjustment] | None
"""The adjustments of a transaction; None: not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the transactions of one account."""

    account: str
    live: bool
    links: Links
    has_dashboard: bool

    def invoice(self, wire: WireTransaction, adjustments: Credits = None) -> Invoice:
        """`adjustments` matter only for a completed manual one. Raises UnusableValue for values that cannot be true."""
        currency = wire.currency_code
        total = money(wire.details.totals.grand_total or wire.details.totals.balance, currency)
        balance = money(wire.details.totals.balance, currency)
        credited = _credited(wire, adjustments, total)
        status, newest = _status(wire, adjustments, total, credited), wire.newest
        return Invoice(
            ref=InvoiceRef(self.account, wire.id),
            status=status,
            provider_status=_said(wire, adjustments, status),
            owed=Money(0, balance.currency) if status in _ENDED else balance,
            live=self.live,
            paid=_paid(wire, status, total, credited),
            number=wire.invoice_number or None,
            customer_id=wire.customer_id,
            customer_name=(wire.customer.name or None) if wire.customer else None,
            customer_email=wire.customer.email if wire.customer else None,
            collection=CollectionMethod.MANUAL if wire.is_manual else CollectionMethod.AUTOMATIC,
            created_at=aware(wire.created_at),
            due_at=_due(wire),
            failed_because=_failed_because(wire),
            attempts=None if wire.payments is None else sum(one.status == "error" for one in wire.payments),
            payment=_payment(wire),
            newest_charge=newest.payment_attempt_id if newest else None,
            newest_charge_at=aware(newest.created_at) if newest else None,
            decline=_decline(wire) if status is InvoiceStatus.OPEN else None,
            dashboard_url=f"{_DASHBOARDS[self.live]}/transactions-v2/{wire.id}" if self.has_dashboard else None,
        )

    def read(self, wire: WireTransaction, adjustments: Credits = None) -> Invoice:
        """Like `invoice`; raises ProviderFailure for nonsense."""
        try:
            return self.invoice(wire, adjustments)
        except UnusableValue as error:
            raise ProviderFailure(FailureReason.UNREADABLE, f"Paddle's transaction makes no sense: {error}.") from error

    def listed(self, raw: object) -> Invoice | Unreadable:
        """An item of a listing; one that makes no sense says so in its place."""
        wire = item_of(WireTransaction, raw)
        if wire is None:
            return Unreadable("an item of the listing is not a transaction as Paddle documents it")
        try:
            return self.invoice(wire)
        except UnusableValue as error:
            return Unreadable(str(error))


_ENDED: Final = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE})


def _credited(wire: WireTransaction, adjustments: Credits, total: Money) -> Money:
    """What approved credits have taken off. A full one has no need of a sum that can be read."""
    found = [one for one in adjustments or () if one.is_credit and one.transaction_id == wire.id]
    if any(one.is_full for one in found):
        return total
    sums = [money(one.totals.total, wire.currency_code).minor for one in found if one.totals is not None]
    return Money(min(sum(sums), total.minor), total.currency)


def _status(wire: WireTransaction, adjustments: Credits, total: Money, credited: Money) -> InvoiceStatus:
    """A completed manual one is paid only where its credits were read and do not cover it."""
    status = STATUSES.get(wire.status or "", InvoiceStatus.OTHER)
    if not wire.needs_credits:
        return status
    if adjustments is None:
        return InvoiceStatus.OTHER
    return InvoiceStatus.UNCOLLECTIBLE if 0 < total.minor <= credited.minor else status


def _said(wire: WireTransaction, adjustments: Credits, status: InvoiceStatus) -> str:
    if status is InvoiceStatus.UNCOLLECTIBLE:
        is_tagged = any(one.is_credit and (one.reason or "").startswith(TAG) for one in adjustments or ())
        return WRITTEN_OFF if is_tagged else CREDITED
    if wire.needs_credits and adjustments is None:
        return PAID_OR_NOT
    said = wire.status or "without a status"
    return SAID.get(said, scrubbed(said))


def _paid(wire: WireTransaction, status: InvoiceStatus, total: Money, credited: Money) -> Money | None:
    if status is InvoiceStatus.PAID:
        return total - credited
    if wire.payments is None or status is InvoiceStatus.OTHER:
        return None
    captured = [one.amount for one in wire.payments if one.status == "captured" and one.amount is not None]
    return Money(sum(money(amount, wire.currency_code).minor for amount in captured), total.currency)


def _failed_because(wire: WireTransaction) -> FailedBecause | None:
    """Only what is past due; a card that failed at a checkout leaves a transaction that nobody owes yet."""
    if wire.status != PAST_DUE:
        return None
    return FailedBecause.PAST_DUE if wire.is_manual else FailedBecause.PAYMENT_FAILED


def _payment(wire: WireTransaction) -> PaymentState:
    if wire.payments is None:
        return PaymentState.UNREAD
    newest = wire.newest
    return PAYMENTS.get(newest.status or "", PaymentState.UNREAD) if newest else PaymentState.NONE


def _decline(wire: WireTransaction) -> Decline | None:
    newest = wire.newest
    if newest is None:
        return None
    if newest.status == "error":
        return decline_of(newest)
    return waiting_for(newest) if newest.status == "action_required" else None


def _due(wire: WireTransaction) -> datetime | None:
    """Not a field: an automatic one is due when it is billed, a manual one after its terms."""
    billed = aware(wire.billed_at)
    if billed is None or not wire.is_manual:
        return billed
    terms = wire.billing_details.payment_terms if wire.billing_details else None
    try:
        return _after(billed, terms) if terms else None
    except (OverflowError, ValueError):
        return None


def _after(start: datetime, terms: WireTerms) -> datetime | None:
    number, interval = terms.frequency or 0, terms.interval or ""
    if interval in _DAYS:
        return start + timedelta(days=_DAYS[interval] * number)
    if interval not in _MONTHS:
        return None
    months = start.month - 1 + _MONTHS[interval] * number
    year, month = start.year + months // 12, months % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))
