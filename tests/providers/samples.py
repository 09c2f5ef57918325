"""Stripe's answers as small functions, written by hand from the vendor's documentation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
DAY = 86_400

Json = dict[str, Any]


def an_invoice(**changes: Any) -> Json:
    """A card invoice over EUR 420.00 that failed once, as a listing shows it (payments not expanded)."""
    invoice: Json = {
        "id": "in_Late",
        "object": "invoice",
        "livemode": False,
        "status": "open",
        "number": "ACME-0007",
        "currency": "eur",
        "amount_due": 42000,
        "amount_paid": 0,
        "amount_remaining": 42000,
        "attempt_count": 1,
        "attempted": True,
        "collection_method": "charge_automatically",
        "created": AT - 3 * DAY,
        "due_date": None,
        "customer": "cus_Acme",
        "customer_name": "Acme Ltd",
        "customer_email": "billing@acme.example",
        "default_payment_method": None,
        "default_source": None,
        "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/test_abc?s=ap",
        "next_payment_attempt": AT + DAY,
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_Acme"}},
    }
    return invoice | changes


def an_error(code: str | None = "card_declined", **fields: Any) -> Json:
    error = {"type": "card_error", "code": code, "message": "Your card was declined.", **fields}
    return {name: value for name, value in error.items() if value is not None}


def a_card(identifier: str = "pm_Old", last4: str = "4242") -> Json:
    return {"id": identifier, "object": "payment_method", "type": "card", "card": {"brand": "visa", "last4": last4}}


def an_intent(status: str = "requires_payment_method", **changes: Any) -> Json:
    intent: Json = {
        "id": "pi_Late",
        "object": "payment_intent",
        "status": status,
        "currency": "eur",
        "amount": 42000,
        "amount_received": 0,
        "latest_charge": "ch_First",
        "last_payment_error": None,
        "payment_method": None,
        "livemode": False,
    }
    return intent | changes


def declined_intent(decline_code: str = "insufficient_funds", **error: Any) -> Json:
    fields = {"decline_code": decline_code, "charge": "ch_First", "payment_method": a_card(), **error}
    return an_intent(last_payment_error=an_error(**fields))


def expanded(intent: Json | str | None, **changes: Any) -> Json:
    """An invoice with its payments opened down to the payment intent."""
    payment = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "is_default": True,
        "created": AT - 2 * DAY,
        "status": "open",
        "payment": {"type": "payment_intent", "payment_intent": intent},
    }
    data = [] if intent is None else [payment]
    return an_invoice(payments={"object": "list", "data": data, "has_more": False}, **changes)


def a_page(*items: Any, has_more: bool = False, kind: str = "list") -> Json:
    return {"object": kind, "data": list(items), "has_more": has_more, "url": "/v1/invoices"}


def answer(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    named = {"Request-Id": "req_Sample", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.Response(status, content=json.dumps(body), headers=named)


def refused(status: int, error: Json, **headers: str) -> httpx.Response:
    return answer({"error": error}, status, **headers)
