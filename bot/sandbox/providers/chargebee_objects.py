"""The fake Chargebee's objects as JSON: https://apidocs.chargebee.com/docs/api/invoices/invoice-object

What has no value is absent, as there.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.providers.chargebee_books import HOUR, Books, Customer, Invoice, Mail, Source, Transaction
from bot.sandbox.providers.chargebee_magic import DECLINES

Json = dict[str, Any]

PAGE_LIFE = 5 * 24 * HOUR
GATEWAY = "gw_Sandbox"


def _present(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if value is not None}


class Objects:
    """`host` is where payment pages and PDFs are said to be."""

    def __init__(self, books: Books, host: str) -> None:
        self._books = books
        self.host = host

    def invoice(self, invoice: Invoice) -> Json:
        books, customer = self._books, self._books.customers[invoice.customer]
        owed = books.owed(invoice)
        return _present(
            {
                "id": invoice.id,
                "customer_id": invoice.customer,
                "payment_owner": invoice.payer,
                "recurring": True,
                "status": invoice.status,
                "price_type": "tax_exclusive",
                "date": invoice.date,
                "due_date": invoice.due,
                "net_term_days": invoice.net_term_days,
                "exchange_rate": 1.0,
                "total": invoice.total,
                "amount_paid": books.paid(invoice),
                "amount_adjusted": invoice.adjusted,
                "write_off_amount": invoice.written_off,
                "credits_applied": 0,
                "amount_due": owed,
                "amount_to_collect": books.to_collect(invoice),
                "round_off_amount": 0,
                "paid_at": invoice.paid_at if invoice.status == "paid" else None,
                "voided_at": invoice.voided_at,
                "void_reason_code": invoice.void_reason,
                "dunning_status": invoice.dunning,
                "next_retry_at": invoice.next_retry,
                "updated_at": int(invoice.updated),
                "resource_version": int(invoice.date) * 1000 + invoice.version,
                "deleted": False,
                "object": "invoice",
                "first_invoice": False,
                "has_advance_charges": False,
                "term_finalized": True,
                "is_gifted": False,
                "generated_at": invoice.date,
                "currency_code": invoice.currency,
                "base_currency_code": "USD",
                "tax": 0,
                "sub_total": invoice.total,
                "channel": invoice.channel,
                "line_items": [self._line(invoice)],
                "linked_payments": [self._linked(one) for one in books.of_invoice(invoice.id)],
                "dunning_attempts": [self._dunning(place, one) for place, one in enumerate(invoice.dunning_attempts, 1)],
                "applied_credits": [],
                "adjustment_credit_notes": [self._adjustment(invoice)] if invoice.credit_note else [],
                "issued_credit_notes": [],
                "linked_orders": [],
                "billing_address": self._address(customer),
            }
        )

    def filtered(self, invoice: Invoice) -> Json:
        """What a list can be filtered and sorted by, without the rest: a thousand invoices are looked through quickly."""
        return {
            "id": invoice.id,
            "customer_id": invoice.customer,
            "payment_owner": invoice.payer,
            "status": invoice.status,
            "date": invoice.date,
            "total": invoice.total,
            "amount_paid": self._books.paid(invoice),
            "amount_adjusted": invoice.adjusted,
            "amount_due": self._books.owed(invoice),
            "paid_at": invoice.paid_at,
            "voided_at": invoice.voided_at,
            "void_reason_code": invoice.void_reason,
            "dunning_status": invoice.dunning,
            "channel": invoice.channel,
            "recurring": True,
            "updated_at": int(invoice.updated),
        }

    def transaction(self, one: Transaction) -> Json:
        invoice = self._books.invoices[one.invoice]
        return _present(
            {
                "id": one.id,
                "customer_id": one.customer,
                "gateway_account_id": GATEWAY if one.source else None,
                "payment_source_id": one.source,
                "payment_method": one.payment_method,
                "reference_number": one.reference,
                "gateway": "stripe" if one.source else "not_applicable",
                "type": "payment",
                "date": one.date,
                "exchange_rate": 1.0,
                "amount": one.amount,
                "status": one.status,
                "updated_at": one.date,
                "fraud_flag": "safe" if one.source else None,
                "initiator_type": one.initiator,
                "three_d_secure": False if one.source else None,
                "resource_version": one.date * 1000,
                "deleted": False,
                "object": "transaction",
                "masked_card_number": f"************{one.last4}" if one.last4 and one.payment_method == "card" else None,
                "currency_code": one.currency,
                "base_currency_code": "USD",
                "amount_unused": 0,
                "linked_invoices": [
                    {
                        "invoice_id": invoice.id,
                        "applied_amount": one.amount,
                        "applied_at": one.date,
                        "invoice_date": invoice.date,
                        "invoice_total": invoice.total,
                        "invoice_status": invoice.status,
                    }
                ],
                "linked_refunds": [],
                **self._error(one),
            }
        )

    def customer(self, customer: Customer) -> Json:
        return _present(
            {
                "id": customer.id,
                "first_name": customer.first_name,
                "last_name": customer.last_name,
                "email": customer.email,
                "company": customer.company,
                "auto_collection": "on" if customer.auto_collection else "off",
                "net_term_days": 0,
                "primary_payment_source_id": customer.primary,
                "created_at": customer.created,
                "updated_at": customer.created,
                "resource_version": customer.created * 1000,
                "deleted": False,
                "object": "customer",
            }
        )

    def source(self, source: Source) -> Json:
        is_debit = source.magic.bank_debit
        held: Json = {"last4": source.last4}
        return {
            "id": source.id,
            "customer_id": source.customer,
            "type": "direct_debit" if is_debit else "card",
            "reference_id": f"cus_Sandbox/{source.id}",
            "status": "valid",
            "gateway": "stripe",
            "gateway_account_id": GATEWAY,
            "created_at": source.created,
            "updated_at": source.created,
            "resource_version": source.created * 1000,
            "deleted": False,
            "object": "payment_source",
            **(
                {"bank_account": {**held, "bank_name": "Sandbox Bank", "object": "bank_account"}}
                if is_debit
                else {"card": {**held, "brand": source.brand, "funding_type": "credit", "object": "card"}}
            ),
        }

    def mail(self, mail: Mail) -> Json:
        return _present(
            {
                "id": mail.id,
                "template_name": "invoice",
                "from_address": "billing@merchant.example",
                "to_address": mail.to,
                "subject": mail.subject,
                "status": "sent",
                "sent_on": int(mail.at),
                "customer_id": mail.customer,
                "object": "email_log",
            }
        )

    def credit_note(self, invoice: Invoice) -> Json:
        return {
            "id": invoice.credit_note,
            "customer_id": invoice.customer,
            "reference_invoice_id": invoice.id,
            "type": "adjustment",
            "reason_code": "write_off",
            "create_reason_code": "Write Off",
            "status": "adjusted",
            "date": invoice.paid_at,
            "total": invoice.written_off,
            "amount_allocated": invoice.written_off,
            "amount_available": 0,
            "currency_code": invoice.currency,
            "deleted": False,
            "object": "credit_note",
        }

    def hosted_page(self, customer: str) -> Json:
        now = self._books.today()
        identifier = f"Sandbox{customer}"
        return {
            "id": identifier,
            "type": "collect_now",
            "url": f"{self.host}/pages/v3/{identifier}/collect_now",
            "state": "created",
            "embed": False,
            "created_at": now,
            "expires_at": now + PAGE_LIFE,
            "object": "hosted_page",
            "updated_at": now,
            "resource_version": now * 1000,
        }

    def download(self, invoice: Invoice) -> Json:
        return {
            "download_url": f"{self.host}/pdf/{invoice.serial}",
            "valid_till": self._books.today() + HOUR,
            "mime_type": "application/pdf",
            "object": "download",
        }

    def _line(self, invoice: Invoice) -> Json:
        return {
            "id": f"li_{invoice.serial}",
            "date_from": invoice.date,
            "date_to": invoice.date + 30 * 24 * HOUR,
            "unit_amount": invoice.total,
            "quantity": 1,
            "amount": invoice.total,
            "pricing_model": "per_unit",
            "is_taxed": False,
            "tax_amount": 0,
            "object": "line_item",
            "customer_id": invoice.customer,
            "description": "Sandbox plan",
            "entity_type": "plan_item_price",
            "entity_id": "sandbox-plan",
            "discount_amount": 0,
            "item_level_discount_amount": 0,
        }

    def _linked(self, one: Transaction) -> Json:
        return {
            "txn_id": one.id,
            "applied_amount": one.amount,
            "applied_at": one.date,
            "txn_status": one.status,
            "txn_date": one.date,
            "txn_amount": one.amount,
        }

    def _dunning(self, place: int, identifier: str) -> Json:
        one = self._books.transactions[identifier]
        return {
            "created_at": one.date,
            "attempt": place,
            "dunning_type": "auto_collect",
            "transaction_id": one.id,
            "txn_status": one.status,
            "txn_amount": one.amount,
            "retry_engine": "chargebee",
        }

    def _adjustment(self, invoice: Invoice) -> Json:
        return {
            "cn_id": invoice.credit_note,
            "cn_reason_code": "write_off",
            "cn_create_reason_code": "Write Off",
            "cn_date": invoice.paid_at,
            "cn_total": invoice.written_off,
            "cn_status": "adjusted",
        }

    def _address(self, customer: Customer) -> Json:
        return _present(
            {
                "first_name": customer.first_name,
                "last_name": customer.last_name,
                "email": customer.email,
                "company": customer.company,
                "validation_status": "not_validated",
                "object": "billing_address",
            }
        )

    def _error(self, one: Transaction) -> Json:
        decline = DECLINES.get(one.decline or "")
        if decline is None or one.status not in ("failure", "late_failure"):
            return {}
        detail = {
            "error_category": "card_error",
            "error_code": decline.error_code,
            "error_message": decline.text,
            "decline_code": decline.decline_code,
            "error_cause_id": decline.cause,
        }
        return {"error_code": decline.error_code, "error_text": decline.text, "error_detail": _present(detail)}
