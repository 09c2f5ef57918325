"""The fake Lago's objects as JSON: https://getlago.com/docs/api-reference/invoices/invoice-object"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.sandbox.providers.lago_books import TERM, Books, Customer, Invoice, Method, Payment

Json = dict[str, Any]

PROVIDER = "stripe"
PROVIDER_CODE = "stripe-sandbox"
API_HOST = "https://api.getlago.com"
APP_HOST = "https://app.getlago.com/sandbox"
CHECKOUT = "https://checkout.stripe.com/c/pay"
YOUNG_FIELDS = (
    "total_due_amount_cents",
    "total_paid_amount_cents",
    "total_offsetted_credit_note_amount_cents",
    "payment_dispute_lost_at",
    "payment_overdue",
    "self_billed",
    "updated_at",
    "voided_at",
    "web_url",
)
"""What a server of some years ago does not send."""


def instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


class Objects:
    """`base` is where the links lead: the fake itself, or None for Lago's own hosts. `is_old` leaves young fields out."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.base: str | None = None
        self.is_old = False

    def invoice(self, invoice: Invoice, *, listed: bool = False) -> Json:
        total, customer = invoice.total, self._books.customers[invoice.customer]
        shown: Json = {
            "lago_id": invoice.id,
            "billing_entity_code": "main",
            "sequential_id": invoice.serial,
            "number": invoice.number or "LAG-DRAFT",
            "purchase_order_number": None,
            "issuing_date": day(invoice.created),
            "payment_due_date": day(invoice.due_at),
            "net_payment_term": TERM,
            "invoice_type": invoice.type,
            "status": invoice.status,
            "payment_status": invoice.payment_status,
            "payment_dispute_lost_at": instant(invoice.dispute_lost_at),
            "payment_overdue": self._books.is_overdue(invoice),
            "currency": invoice.currency,
            "fees_amount_cents": total,
            "taxes_amount_cents": 0,
            "progressive_billing_credit_amount_cents": 0,
            "coupons_amount_cents": 0,
            "credit_notes_amount_cents": 0,
            "sub_total_excluding_taxes_amount_cents": total,
            "sub_total_including_taxes_amount_cents": total,
            "total_amount_cents": total,
            "total_due_amount_cents": invoice.due,
            "total_paid_amount_cents": invoice.paid,
            "total_offsetted_credit_note_amount_cents": invoice.offset,
            "prepaid_credit_amount_cents": 0,
            "prepaid_granted_credit_amount_cents": None,
            "prepaid_purchased_credit_amount_cents": None,
            "file_url": self.file_url(invoice),
            "xml_url": None,
            "web_url": self._web_url(invoice, customer),
            "version_number": 4,
            "self_billed": invoice.self_billed,
            "created_at": instant(invoice.created),
            "updated_at": instant(invoice.updated),
            "voided_at": instant(invoice.voided_at),
            "customer": self.customer(customer),
            "metadata": [],
            "applied_taxes": [],
        }
        if not listed:
            shown |= {"subscriptions": [], "billing_periods": [], "fees": [], "credits": []}
            shown |= {"error_details": self._errors(invoice), "applied_invoice_custom_sections": []}
        return {name: value for name, value in shown.items() if not (self.is_old and name in YOUNG_FIELDS)}

    def file_url(self, invoice: Invoice) -> str | None:
        if not invoice.has_pdf or invoice.status not in ("finalized", "voided"):
            return None
        return f"{self.base or API_HOST}/rails/active_storage/blobs/redirect/{invoice.id}/invoice.pdf"

    def payment_page(self, invoice: Invoice) -> Json:
        customer = self._books.customers[invoice.customer]
        url = f"{self.base}/pay/{invoice.id}" if self.base else f"{CHECKOUT}/cs_test_{invoice.id.replace('-', '')}"
        return {
            "lago_customer_id": customer.id,
            "external_customer_id": customer.external_id,
            "payment_provider": PROVIDER,
            "lago_invoice_id": invoice.id,
            "payment_url": url,
        }

    def customer(self, customer: Customer) -> Json:
        has = customer.has_provider
        return {
            "lago_id": customer.id,
            "sequential_id": 1,
            "slug": f"LAG-{customer.external_id}",
            "external_id": customer.external_id,
            "name": customer.name,
            "firstname": None,
            "lastname": None,
            "email": customer.email,
            "currency": "EUR",
            "timezone": None,
            "applicable_timezone": "UTC",
            "legal_name": None,
            "created_at": instant(customer.created),
            "updated_at": instant(customer.created),
            "billing_configuration": {
                "payment_provider": PROVIDER if has else None,
                "payment_provider_code": PROVIDER_CODE if has else None,
                "provider_customer_id": f"cus_{customer.external_id[-6:]}" if has and customer.is_at_provider else None,
                "provider_payment_methods": ["card"] if has else None,
            },
        }

    def payment(self, payment: Payment) -> Json:
        invoice = self._books.invoices[payment.invoice]
        customer, is_manual = self._books.customers[invoice.customer], payment.kind == "manual"
        action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={payment.provider_id}"},
        }
        return {
            "lago_id": payment.id,
            "lago_customer_id": customer.id,
            "external_customer_id": customer.external_id,
            "invoice_ids": [invoice.id],
            "invoice_numbers": [invoice.number or ""],
            "lago_payable_id": invoice.id,
            "payable_type": "Invoice",
            "amount_cents": payment.amount,
            "amount_currency": payment.currency,
            "status": payment.status,
            "payment_status": payment.payment_status,
            "type": payment.kind,
            "reference": payment.reference,
            "payment_provider_code": None if is_manual else PROVIDER_CODE,
            "payment_provider_type": None if is_manual else "PaymentProviders::StripeProvider",
            "external_payment_id": payment.provider_id,
            "provider_payment_id": payment.provider_id,
            "provider_customer_id": None if is_manual else f"cus_{customer.external_id[-6:]}",
            "next_action": action if payment.needs_action else {},
            "created_at": instant(payment.created),
        }

    def method(self, method: Method) -> Json:
        return {
            "lago_id": method.id,
            "is_default": self._books.customers[method.customer].default == method.id,
            "payment_provider_code": PROVIDER_CODE,
            "payment_provider_name": "Stripe",
            "payment_provider_type": PROVIDER,
            "provider_method_id": method.provider_id,
            "created_at": instant(method.created),
        }

    def _web_url(self, invoice: Invoice, customer: Customer) -> str:
        if self.base:
            return f"{self.base}/pay/{invoice.id}"
        return f"{APP_HOST}/customer/{customer.id}/invoice/{invoice.id}/overview"

    def _errors(self, invoice: Invoice) -> list[Json]:
        if invoice.status != "failed":
            return []
        details = {"tax_error": "customerAddressCountryNotSupported"}
        return [{"lago_id": invoice.id, "error_code": "tax_error", "details": details}]
