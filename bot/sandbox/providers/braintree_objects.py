"""Books as the objects of Braintree's schema: mappings that graphql-core resolves field by field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.domain.money import exponent_of
from bot.sandbox.providers.braintree_books import DAY, Books, Customer, Method, Subscription, Transaction, opaque
from bot.sandbox.providers.magic import Magic

Json = dict[str, Any]

SUBSCRIPTION, TRANSACTION, CUSTOMER, METHOD = "subscription", "transaction", "customer", "paymentmethod"
_EVENTS = {
    "FAILED": "FailedEvent",
    "GATEWAY_REJECTED": "GatewayRejectedEvent",
    "PROCESSOR_DECLINED": "ProcessorDeclinedEvent",
    "SETTLEMENT_DECLINED": "SettlementDeclinedEvent",
    "SETTLEMENT_PENDING": "SettlementPendingEvent",
    "SUBMITTED_FOR_SETTLEMENT": "SubmittedForSettlementEvent",
    "AUTHORIZED": "AuthorizedEvent",
    "SETTLED": "SettledEvent",
    "SETTLING": "SettlingEvent",
    "VOIDED": "VoidedEvent",
    "AUTHORIZATION_EXPIRED": "AuthorizationExpiredEvent",
}
_FINAL = frozenset({"FAILED", "GATEWAY_REJECTED", "PROCESSOR_DECLINED", "SETTLEMENT_DECLINED", "SETTLED", "VOIDED"})


class Objects:
    """Each method answers one object; what lies behind it is made when it is asked for."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def subscription(self, made: Subscription) -> Json:
        def day(at: float) -> str:
            return _moment(at)[:10]

        customer = self._books.customers[made.customer]
        past_due = int((self._books.now() - made.period_start) // DAY) if made.status == "PAST_DUE" else 0
        return {
            "__typename": "RecurringBillingSubscription",
            "id": opaque(SUBSCRIPTION, made.id),
            "legacyId": made.id,
            "status": made.status,
            "price": _amount(made.price, made.currency),
            "balance": _amount(made.balance, made.currency),
            "failureCount": made.failures,
            "daysPastDue": past_due,
            "currentBillingCycle": 4,
            "numberOfBillingCycles": None,
            "nextBillingPeriodAmount": _amount(made.price, made.currency),
            "planId": opaque("plan", "monthly"),
            "paymentMethodId": opaque(METHOD, customer.method),
            "merchantAccountId": f"example_{made.currency.lower()}",
            "transactionIds": [opaque(TRANSACTION, one) for one in made.transactions],
            "timeline": {
                "firstBillingDate": day(made.begun),
                "nextBillingDate": day(made.next_billing),
                "billingPeriodStartDate": day(made.period_start),
                "billingPeriodEndDate": day(made.next_billing - DAY),
                "paidThroughDate": day(made.period_start - DAY),
                "createdAt": _moment(made.begun),
                "updatedAt": _moment(made.states[0][1]),
            },
            "statusHistory": [
                {
                    "status": status,
                    "balance": _amount(balance, made.currency),
                    "price": _amount(made.price, made.currency),
                    "subscriptionSource": "RECURRING",
                    "timestamp": _moment(at),
                    "planId": opaque("plan", "monthly"),
                    "currencyIsoCode": made.currency,
                }
                for status, at, balance in made.states
            ],
        }

    def transaction(self, one: Transaction) -> Json:
        made, method = self._books.subscriptions[one.subscription], self._books.methods[one.method]
        amount = {"value": _amount(one.amount, one.currency), "currencyCode": one.currency}
        next_billing = _moment(made.next_billing)[:10] if one.status in _FINAL and made.status == "PAST_DUE" else None
        return {
            "__typename": "Transaction",
            "id": opaque(TRANSACTION, one.id),
            "legacyId": one.id,
            "createdAt": _moment(one.created),
            "amount": amount,
            "status": one.status,
            "statusHistory": [self._event(one, amount, *event) for event in one.history],
            "source": one.source,
            "merchantAccountId": f"example_{one.currency.lower()}",
            "customer": self.customer(self._books.customers[made.customer]),
            "paymentMethod": self.method(method),
            "paymentMethodSnapshot": _snapshot(method.magic, method.last4),
            "retried": False,
            "upcomingRetryDate": next_billing,
        }

    def customer(self, one: Customer) -> Json:
        return {
            "__typename": "Customer",
            "id": opaque(CUSTOMER, one.id),
            "legacyId": one.id,
            "company": one.company,
            "firstName": one.first_name,
            "lastName": one.last_name,
            "email": one.email,
        }

    def method(self, one: Method) -> Json:
        return {"__typename": "PaymentMethod", "id": opaque(METHOD, one.id), "legacyId": one.id}

    def _event(self, one: Transaction, amount: Json, status: str, at: float, more: dict[str, Any]) -> Json:
        known = {name: self._later(value) if isinstance(value, Transaction) else value for name, value in more.items()}
        return {
            "__typename": _EVENTS[status],
            "status": status,
            "timestamp": _moment(at),
            "amount": amount,
            "source": one.source,
            "terminal": status in _FINAL,
            **known,
        }

    def _later(self, one: Transaction) -> Callable[[Any], Json]:
        """Another transaction, which may point back."""
        return lambda _: self.transaction(one)


def _snapshot(magic: Magic, last4: str) -> Json:
    if magic.bank_debit:
        return {"__typename": "UsBankAccountDetails", "last4": last4, "bankName": "Example Bank"}
    card = {"brandCode": "VISA", "last4": last4, "expirationMonth": "12", "expirationYear": "2029"}
    return {"__typename": "CreditCardDetails", **card}


def _amount(value: Decimal, currency: str) -> str:
    return f"{value:.{exponent_of(currency)}f}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
