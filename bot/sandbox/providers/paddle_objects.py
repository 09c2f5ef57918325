"""The fake Paddle's objects as JSON: https://developer.paddle.com/api-reference/transactions/overview"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.sandbox.providers.paddle_books import Adjustment, Attempt, Books, Customer, Subscription, Transaction

Json = dict[str, Any]

CHECKOUT_HOST = "pay.acme.example"
PDF_HOST = "https://paddle-sandbox-invoice-service-pdfs.s3.amazonaws.com"


def instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Objects:
    """`base` is where the links lead: the fake itself, or None for the merchant's domain and Paddle's own file store."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.base: str | None = None

    def transaction(self, one: Transaction, *, with_customer: bool = False, is_fresh: bool = False) -> Json:
        """`is_fresh`: the answer to what has just issued it, in which the number is still missing."""
        shown: Json = {
            "id": one.id,
            "status": one.status,
            "customer_id": one.customer,
            "address_id": "add_01sandbox00000000000000001",
            "business_id": None,
            "custom_data": None,
            "currency_code": one.currency,
            "origin": one.origin,
            "subscription_id": one.subscription,
            "invoice_id": None,
            "invoice_number": None if is_fresh else one.number,
            "collection_mode": one.mode,
            "discount_id": None,
            "billing_details": self._billing(one),
            "billing_period": None,
            "items": [],
            "details": self._details(one),
            "payments": [self._attempt(attempt) for attempt in one.attempts],
            "checkout": {"url": self.page(one) if one.has_page else None},
            "created_at": instant(one.created),
            "updated_at": instant(one.updated),
            "billed_at": instant(one.billed),
            "revised_at": None,
        }
        return shown | ({"customer": self.customer(self._books.customers[one.customer])} if with_customer else {})

    def page(self, one: Transaction) -> str:
        return f"{self.base}/pay/{one.id}" if self.base else f"https://{CHECKOUT_HOST}/checkout?_ptxn={one.id}"

    def file(self, one: Transaction) -> Json:
        return {"url": f"{self.base or PDF_HOST}/invoices/{one.id}/invoice.pdf"}

    def customer(self, one: Customer) -> Json:
        return {
            "id": one.id,
            "status": "active",
            "name": one.name,
            "email": one.email,
            "marketing_consent": False,
            "locale": "en",
            "custom_data": None,
            "created_at": instant(one.created),
            "updated_at": instant(one.created),
            "import_meta": None,
        }

    def subscription(self, one: Subscription) -> Json:
        is_over = one.status == "canceled"
        return {
            "id": one.id,
            "status": one.status,
            "customer_id": one.customer,
            "address_id": "add_01sandbox00000000000000001",
            "business_id": None,
            "currency_code": "EUR",
            "created_at": instant(one.created),
            "updated_at": instant(one.created),
            "started_at": instant(one.created),
            "first_billed_at": instant(one.created),
            "next_billed_at": None,
            "paused_at": None,
            "canceled_at": instant(one.created) if is_over else None,
            "collection_mode": "automatic",
            "billing_details": None,
            "current_billing_period": None,
            "billing_cycle": {"frequency": 1, "interval": "month"},
            "scheduled_change": None,
            "items": [],
            "custom_data": None,
            "management_urls": None,
            "discount": None,
            "import_meta": None,
        }

    def adjustment(self, one: Adjustment) -> Json:
        transaction = self._books.transactions[one.transaction]
        amount, currency = str(one.amount), transaction.currency
        return {
            "id": one.id,
            "action": one.action,
            "type": one.type,
            "transaction_id": one.transaction,
            "subscription_id": transaction.subscription,
            "customer_id": transaction.customer,
            "reason": one.reason,
            "credit_applied_to_balance": False,
            "currency_code": currency,
            "status": one.status,
            "items": [],
            "totals": {
                "subtotal": amount,
                "tax": "0",
                "total": amount,
                "fee": "0",
                "earnings": "0",
                "currency_code": currency,
                "retained_fee": "0",
            },
            "payout_totals": None,
            "tax_rates_used": [],
            "created_at": instant(one.at),
            "updated_at": instant(one.at),
        }

    @staticmethod
    def _billing(one: Transaction) -> Json | None:
        if not one.is_manual:
            return None
        return {
            "enable_checkout": one.has_page,
            "payment_terms": {"interval": one.terms[0], "frequency": one.terms[1]},
            "purchase_order_number": None,
            "additional_information": None,
        }

    @staticmethod
    def _details(one: Transaction) -> Json:
        total = str(one.total)
        totals = {
            "subtotal": total,
            "discount": "0",
            "tax": "0",
            "total": total,
            "credit": "0",
            "credit_to_balance": "0",
            "balance": str(one.balance),
            "grand_total": total,
            "grand_total_tax": "0",
            "fee": None,
            "earnings": None,
            "currency_code": one.currency,
        }
        return {
            "totals": totals,
            "tax_rates_used": [],
            "line_items": [],
            "payout_totals": None,
            "adjusted_totals": None,
            "adjusted_payout_totals": None,
        }

    @staticmethod
    def _attempt(one: Attempt) -> Json:
        card = {"type": "visa", "last4": one.last4, "expiry_month": 1, "expiry_year": 2030, "cardholder_name": None}
        return {
            "payment_attempt_id": one.id,
            "payment_method_id": f"paymtd_01sandbox{one.last4:>014}",
            "stored_payment_method_id": one.method,
            "amount": str(one.amount),
            "status": one.status,
            "error_code": one.code,
            "method_details": {"type": "card", "card": card},
            "created_at": instant(one.at),
            "captured_at": instant(one.at) if one.status == "captured" else None,
        }
