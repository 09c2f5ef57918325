"""The fake Stripe's objects as JSON, in the shape of the basil and later versions, and how `expand[]` opens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.magic import Result
from bot.sandbox.providers.stripe_books import Books, Charge, Event, Intent, Invoice, Method
from bot.sandbox.providers.stripe_magic import DECLINES

Json: TypeAlias = dict[str, Any]

DEEPEST = 4

EXPANDABLE: dict[tuple[str | None, str], str] = {
    ("invoice", "customer"): "customer",
    ("invoice", "default_payment_method"): "payment_method",
    ("invoice_payment", "invoice"): "invoice",
    ("payment_intent", "customer"): "customer",
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("charge", "customer"): "customer",
    ("charge", "payment_intent"): "payment_intent",
    ("payment_method", "customer"): "customer",
    ("subscription", "customer"): "customer",
    ("subscription", "default_payment_method"): "payment_method",
    ("subscription", "latest_invoice"): "invoice",
    # inside sub-hashes, which have no object name of their own
    (None, "payment_intent"): "payment_intent",
    (None, "subscription"): "subscription",
    (None, "default_payment_method"): "payment_method",
}

NO_TAX: Json = {"disabled_reason": None, "enabled": False, "liability": None}
NOBODY: Json = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}

PERMISSION = {
    "invoice": "rak_invoice_read",
    "customer": "rak_customer_read",
    "payment_method": "rak_payment_method_read",
    "payment_intent": "rak_payment_intent_read",
    "charge": "rak_charge_read",
    "subscription": "rak_subscription_read",
    "event": "rak_event_read",
}


class Objects:
    """Renders the books. `hosted` is where hosted invoice pages live, without a slash at the end."""

    def __init__(self, books: Books, live: bool, hosted: str) -> None:
        self._books = books
        self._live = live
        self.hosted = hosted
        self._by_kind: dict[str, Callable[[str], Json]] = {
            "invoice": lambda key: self.invoice(books.invoices[key]),
            "customer": self.customer,
            "payment_method": lambda key: self.method(books.methods[key]),
            "payment_intent": lambda key: self.intent(books.intents[key]),
            "charge": lambda key: self.charge(books.known_charges[key]),
            "subscription": self.subscription,
            "event": lambda key: self.event({event.id: event for event in books.events}[key]),
        }

    def by_id(self, kind: str, key: str) -> Json:
        """Raises StripeError resource_missing."""
        try:
            return self._by_kind[kind](key)
        except KeyError:
            raise errors.missing(kind, key) from None

    def invoice(self, invoice: Invoice) -> Json:
        return {
            "id": invoice.id,
            "object": "invoice",
            **self._money(invoice),
            **self._people(invoice),
            **self._schedule(invoice),
            **self._documents(invoice),
            "parent": self._parent(invoice),
            "livemode": self._live,
            "metadata": {},
            "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
            "status": invoice.status,
            "status_transitions": {
                "finalized_at": invoice.finalized_at,
                "marked_uncollectible_at": invoice.uncollectible_at,
                "paid_at": invoice.paid_at,
                "voided_at": invoice.voided_at,
            },
            "test_clock": None,
        }

    def _money(self, invoice: Invoice) -> Json:
        return {
            "amount_due": invoice.amount_due,
            "amount_paid": invoice.amount_paid,
            "amount_remaining": invoice.amount_remaining,
            "amount_overpaid": 0,
            "amount_paid_off_stripe": invoice.off_stripe or None,
            "amount_shipping": 0,
            "currency": invoice.currency,
            "subtotal": invoice.amount_due,
            "subtotal_excluding_tax": invoice.amount_due,
            "total": invoice.amount_due,
            "total_excluding_tax": invoice.amount_due,
            "automatic_tax": {**NO_TAX, "provider": None, "status": None},
            "default_tax_rates": [],
            "discounts": [],
            "total_discount_amounts": [],
            "total_pretax_credit_amounts": None,
            "total_taxes": [],
            "starting_balance": 0,
            "ending_balance": None if invoice.status == "draft" else 0,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
        }

    def _people(self, invoice: Invoice) -> Json:
        return {
            "account_country": "IE",
            "account_name": "Sandbox Books",
            "customer": invoice.customer,
            "customer_account": None,
            "customer_address": None,
            "customer_email": invoice.customer_email,
            "customer_name": invoice.customer_name,
            "customer_phone": None,
            "customer_shipping": None,
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_payment_method": invoice.default_method,
            "default_source": None,
            "issuer": {"type": "self"},
        }

    def _schedule(self, invoice: Invoice) -> Json:
        return {
            "attempt_count": invoice.attempts,
            "attempted": invoice.attempts > 0,
            "auto_advance": invoice.auto_advance,
            "automatically_finalizes_at": None,
            "billing_reason": "subscription_cycle" if invoice.subscription else "manual",
            "collection_method": invoice.collection_method,
            "created": invoice.created,
            "due_date": invoice.due_date,
            "effective_at": invoice.finalized_at,
            "last_finalization_error": None,
            "next_payment_attempt": invoice.next_attempt,
            "period_end": invoice.created,
            "period_start": invoice.created - 30 * 24 * 3600,
        }

    def _documents(self, invoice: Invoice) -> Json:
        name = f"{self._books.account}/test_{invoice.id}"
        draft = invoice.status == "draft"
        return {
            "description": None,
            "hosted_invoice_url": None if draft else f"{self.hosted}/{name}?s=ap",
            "invoice_pdf": None if draft else f"{self.hosted}/{name}/pdf?s=ap",
            "lines": self.listing([], f"/v1/invoices/{invoice.id}/lines"),
            "number": invoice.number,
            "receipt_number": None,
        }

    def _parent(self, invoice: Invoice) -> Json | None:
        if invoice.subscription is None:
            return None
        details = {"metadata": {}, "subscription": invoice.subscription}
        return {"type": "subscription_details", "quote_details": None, "subscription_details": details}

    def payments(self, invoice: Invoice) -> list[Json]:
        """The invoice's `invoice_payment` objects, of which there is one once it is final."""
        if invoice.intent is None:
            return []
        intent = self._books.intents[invoice.intent]
        status = {"succeeded": "paid", "canceled": "canceled"}.get(intent.status, "open")
        return [
            {
                "id": f"inpay{intent.id.removeprefix('pi')}",
                "object": "invoice_payment",
                "amount_paid": intent.amount if status == "paid" else None,
                "amount_requested": intent.amount,
                "created": intent.created,
                "currency": intent.currency,
                "invoice": invoice.id,
                "is_default": True,
                "livemode": self._live,
                "payment": {"type": "payment_intent", "payment_intent": intent.id},
                "status": status,
                "status_transitions": {
                    "canceled_at": invoice.voided_at if status == "canceled" else None,
                    "paid_at": invoice.paid_at if status == "paid" else None,
                },
            }
        ]

    def intent(self, intent: Intent) -> Json:
        received = intent.amount if intent.status == "succeeded" else 0
        next_action = None
        if intent.status == "requires_action":
            next_action = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        return {
            "id": intent.id,
            "object": "payment_intent",
            "amount": intent.amount,
            "amount_capturable": 0,
            "amount_received": received,
            "capture_method": "automatic",
            "client_secret": f"{intent.id}_secret_sandbox",
            "confirmation_method": "automatic",
            "created": intent.created,
            "currency": intent.currency,
            "customer": intent.customer,
            "last_payment_error": self.payment_error(intent) if intent.decline else None,
            "latest_charge": intent.latest_charge,
            "livemode": self._live,
            "metadata": {},
            "next_action": next_action,
            "payment_method": intent.method,
            "payment_method_types": ["card"],
            "status": intent.status,
        }

    def payment_error(self, intent: Intent) -> Json:
        decline = DECLINES[intent.decline or "generic_decline"]
        fields: Json = {
            "advice_code": decline.advice_code,
            "charge": intent.latest_charge,
            "code": decline.code,
            "decline_code": decline.decline_code,
            "doc_url": errors.DOCS + decline.code.replace("_", "-"),
            "message": decline.message,
            "network_advice_code": decline.network_advice_code,
            "network_decline_code": decline.network_decline_code,
            "payment_method": self.method(self._books.methods[intent.failed]) if intent.failed else None,
            "type": "card_error",
        }
        return {name: value for name, value in fields.items() if value is not None}

    def method(self, method: Method) -> Json:
        kind = "sepa_debit" if method.magic.bank_debit else "card"
        details: Json = {"last4": method.last4, "country": "IE"}
        if kind == "card":
            expired = method.magic.decline == "expired_card"
            details |= {"brand": method.brand, "exp_month": 9, "exp_year": 2024 if expired else 2031, "funding": "credit"}
        return {
            "id": method.id,
            "object": "payment_method",
            "billing_details": dict(NOBODY),
            "created": method.created,
            "customer": method.customer,
            "livemode": self._live,
            "metadata": {},
            "type": kind,
            kind: details,
        }

    def charge(self, charge: Charge) -> Json:
        status = {Result.PAID: "succeeded", Result.PROCESSING: "pending"}.get(charge.result, "failed")
        decline = DECLINES[charge.decline] if charge.decline else None
        invoice = self._books.invoices[charge.invoice]
        return {
            "id": charge.id,
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": charge.amount if status == "succeeded" else 0,
            "amount_refunded": 0,
            "billing_details": dict(NOBODY),
            "captured": status == "succeeded",
            "created": int(charge.at),
            "currency": charge.currency,
            "customer": invoice.customer,
            "disputed": False,
            "failure_code": decline.code if decline else None,
            "failure_message": decline.message if decline else None,
            "livemode": self._live,
            "metadata": {},
            "paid": status == "succeeded",
            "payment_intent": invoice.intent,
            "payment_method": charge.method,
            "refunded": False,
            "status": status,
        }

    def customer(self, key: str) -> Json:
        customer = self._books.customers[key]
        return {
            "id": customer.id,
            "object": "customer",
            "created": customer.created,
            "default_source": None,
            "email": customer.email,
            "invoice_settings": {"custom_fields": None, "default_payment_method": customer.default, "footer": None},
            "livemode": self._live,
            "metadata": {},
            "name": customer.name,
        }

    def subscription(self, key: str) -> Json:
        customer = self._books.subscriptions[key]
        latest = next(invoice for invoice in self._books.invoices.values() if invoice.subscription == key)
        return {
            "id": key,
            "object": "subscription",
            "automatic_tax": dict(NO_TAX),
            "billing_cycle_anchor": latest.created,
            "billing_mode": {"type": "classic", "flexible": None},
            "billing_schedules": [],
            "cancel_at_period_end": False,
            "collection_method": latest.collection_method,
            "created": latest.created,
            "currency": latest.currency,
            "customer": customer,
            "default_payment_method": None,
            "default_source": None,
            "discounts": [],
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": self.listing([], f"/v1/subscription_items?subscription={key}"),
            "latest_invoice": latest.id,
            "livemode": self._live,
            "start_date": latest.created,
            "metadata": {},
            "status": "active" if latest.status == "paid" else "past_due",
        }

    def event(self, event: Event) -> Json:
        return {
            "id": event.id,
            "object": "event",
            "api_version": "2026-06-24.dahlia",
            "created": event.created,
            "data": {"object": self.invoice(event.invoice)},
            "livemode": self._live,
            "pending_webhooks": 0,
            "request": {"id": event.request, "idempotency_key": event.key},
            "type": event.type,
        }

    def account(self) -> Json:
        return {
            "id": self._books.account,
            "object": "account",
            "country": "IE",
            "default_currency": "eur",
            "email": "billing@sandbox.example",
            "settings": {
                "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
                "card_payments": {"statement_descriptor_prefix": None},
                "dashboard": {"display_name": "Sandbox Books", "timezone": "Europe/Dublin"},
                "payments": {"statement_descriptor": None},
            },
            "type": "standard",
        }

    def listing(self, data: Sequence[Json], url: str, *, has_more: bool = False) -> Json:
        return {"object": "list", "data": list(data), "has_more": has_more, "url": url}

    # --- expand[]

    def expand(self, node: Json, paths: Sequence[str], may: Callable[[str], None]) -> Json:
        """Open every path in place. `may` raises StripeError when the key lacks the permission it is given."""
        for path in paths:
            steps = path.split(".")
            if len(steps) > DEEPEST:
                raise errors.invalid(
                    f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand"
                )
            self._open(node, steps, may)
        return node

    def _open(self, node: Json, steps: Sequence[str], may: Callable[[str], None]) -> None:
        name, rest = steps[0], steps[1:]
        if name == "data" and isinstance(node.get("data"), list):
            for item in node["data"] if rest else ():
                self._open(item, rest, may)
            return
        self._open_one(node, name, may)
        child = node.get(name)
        if rest and isinstance(child, Mapping):
            self._open(node[name], rest, may)

    def _open_one(self, node: Json, name: str, may: Callable[[str], None]) -> None:
        kind = EXPANDABLE.get((node.get("object"), name))
        if node.get("object") == "invoice" and name == "payments":
            invoice = self._books.invoices[node["id"]]
            node.setdefault(name, self.listing(self.payments(invoice), f"/v1/invoice_payments?invoice={invoice.id}"))
        elif kind is not None and name in node:
            may(PERMISSION[kind])
            if isinstance(node[name], str):
                node[name] = self.by_id(kind, node[name])
        elif not isinstance(node.get(name), Mapping):
            raise errors.invalid(f"This property cannot be expanded ({name}).", param="expand")
