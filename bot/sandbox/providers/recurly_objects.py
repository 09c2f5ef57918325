"""The fake Recurly's objects as its API shows them: amounts as JSON numbers in major units, times as ISO 8601 in UTC.

https://recurly.com/developers/api/v2021-02-25/#tag/invoice
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.domain.money import exponent_of
from bot.sandbox.providers.recurly_books import Books, Customer, Invoice, Method, Transaction
from bot.sandbox.providers.recurly_magic import DECLINES

Json = dict[str, Any]


def stamp(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def major(minor: int, currency: str) -> float:
    """As the server sends it: 49.0, and for yen 4900.0."""
    return float(Decimal(minor).scaleb(-exponent_of(currency)))


class Objects:
    """Reads the books and changes nothing."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def account_mini(self, customer: Customer) -> Json:
        return {
            "id": customer.id,
            "object": "account",
            "code": customer.code,
            "email": customer.email,
            "first_name": None,
            "last_name": None,
            "company": customer.name,
            "parent_account_id": None,
            "bill_to": "self",
            "dunning_campaign_id": None,
        }

    def account(self, customer: Customer) -> Json:
        late = any(one.customer == customer.id and one.state == "past_due" for one in self._books.invoices.values())
        return {
            **self.account_mini(customer),
            "username": None,
            "cc_emails": None,
            "preferred_locale": "en-US",
            "hosted_login_token": customer.token,
            "state": "active",
            "has_past_due_invoice": late,
            "created_at": stamp(customer.created),
            "updated_at": stamp(customer.created),
            "deleted_at": None,
        }

    def invoice_mini(self, invoice: Invoice) -> Json:
        return {
            "id": invoice.id,
            "object": "invoice",
            "number": invoice.number,
            "type": invoice.type,
            "state": invoice.state,
            "business_entity_id": None,
        }

    def card(self, last_four: str | None, *, is_debit: bool) -> Json:
        if is_debit:
            return {"object": "iban_bank_account", "last_two": (last_four or "00")[-2:]}
        return {
            "object": "credit_card",
            "card_type": "Visa",
            "first_six": "400000",
            "last_four": last_four,
            "exp_month": 11,
            "exp_year": 2031,
        }

    def billing_info(self, method: Method) -> Json:
        customer = self._books.customers[method.customer]
        return {
            "id": method.id,
            "object": "billing_info",
            "account_id": customer.id,
            "first_name": None,
            "last_name": None,
            "company": customer.name,
            "valid": True,
            "primary_payment_method": customer.methods[0] == method.id,
            "backup_payment_method": False,
            "payment_method": self.card(method.last_four, is_debit=method.magic.bank_debit),
            "created_at": stamp(method.created),
            "updated_at": stamp(method.created),
        }

    def transaction(self, made: Transaction) -> Json:
        invoice = self._books.invoices[made.invoice]
        customer = self._books.customers[invoice.customer]
        decline = DECLINES.get(made.code or "")
        is_recorded = made.collection_method == "manual"
        method = {"object": made.method} if is_recorded else self.card(made.last_four, is_debit=made.is_debit)
        return {
            "id": made.id,
            "object": "transaction",
            "uuid": f"5a9d0000000040008000{made.serial:012x}",
            "original_transaction_id": None,
            "account": self.account_mini(customer),
            "invoice": self.invoice_mini(invoice),
            "voided_by_invoice": None,
            "subscription_ids": [],
            "type": "purchase",
            "origin": made.origin,
            "currency": made.currency,
            "description": made.description,
            "amount": major(made.amount, made.currency),
            "status": made.status,
            "success": made.status == "success",
            "backup_payment_method_used": False,
            "refunded": False,
            "collection_method": made.collection_method,
            "payment_method": method,
            "status_code": made.code,
            "status_message": decline.advice if decline else None,
            "customer_message": decline.message if decline else None,
            "gateway_message": None,
            "gateway_reference": f"gw_{made.serial:06d}",
            "gateway_response_code": decline.decline_code if decline else None,
            "created_at": stamp(made.created),
            "updated_at": stamp(made.created),
            "collected_at": stamp(made.created),
            "voided_at": None,
            "fraud_info": None,
        }

    def invoice(self, invoice: Invoice) -> Json:
        def amount(minor: int) -> float:
            return major(minor, invoice.currency)

        return {
            **self.invoice_mini(invoice),
            "uuid": f"5a9d{invoice.id}",
            "origin": invoice.origin,
            "account": self.account_mini(self._books.customers[invoice.customer]),
            "billing_info_id": invoice.billing_info,
            "subscription_ids": [],
            "previous_invoice_id": None,
            "collection_method": invoice.collection_method,
            "po_number": None,
            "net_terms": 0,
            "net_terms_type": "net",
            "currency": invoice.currency,
            "discount": amount(0),
            "subtotal": amount(invoice.total),
            "subtotal_after_discount": amount(invoice.total),
            "tax": amount(0),
            "total": amount(invoice.total),
            "refundable_amount": amount(invoice.paid),
            "paid": amount(invoice.paid),
            "balance": amount(invoice.balance),
            "line_items": [],
            "has_more_line_items": False,
            "transactions": [self.transaction(one) for one in self._books.transactions[invoice.id]],
            "credit_payments": self._credit_payments(invoice),
            "created_at": stamp(invoice.created),
            "updated_at": stamp(invoice.updated),
            "due_at": stamp(invoice.due),
            "closed_at": stamp(invoice.closed),
            "dunning_campaign_id": None,
            "dunning_events_sent": 1,
            "final_dunning_event": False,
        }

    def _credit_payments(self, invoice: Invoice) -> list[Json]:
        credit = self._books.invoices.get(invoice.write_off or "")
        if credit is None:
            return []
        return [
            {
                "id": f"cp{credit.id[2:]}",
                "object": "credit_payment",
                "action": "write_off",
                "currency": invoice.currency,
                "amount": major(invoice.credited, invoice.currency),
                "applied_to_invoice": self.invoice_mini(invoice),
                "original_invoice": self.invoice_mini(credit),
                "created_at": stamp(credit.created),
                "updated_at": stamp(credit.created),
                "voided_at": None,
            }
        ]
