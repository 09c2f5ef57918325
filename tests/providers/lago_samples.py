"""Lago's answers as small functions, written by hand in the shape of the vendor's documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Outcome
from bot.ports import ActionOrder
from bot.providers.lago import Lago
from bot.providers.lago_account import Credentials
from tests.providers.wire import Answer, FixedClock, Wire, an_order

API_KEY = "0f9d1c52-7a44-4b06-9b9e-6c1d7a0c11aa"
READ_KEY = "0f9d1c52-7a44-4b06-9b9e-6c1d7a0c22bb"
ID = "7b0cf1f2-3c0e-4f54-9d7f-2a6f10ad9d01"
CUSTOMER = "globex-7"
METHOD = "7b0cf1f2-3c0e-4f54-9d7f-2a6f10ad9d77"
OLD_PAYMENT = "7b0cf1f2-3c0e-4f54-9d7f-2a6f10ad9d50"
NEW_PAYMENT = "7b0cf1f2-3c0e-4f54-9d7f-2a6f10ad9d51"
REF = InvoiceRef("lago", ID)
BASE = "/api/v1"

Json = dict[str, Any]


def an_invoice(**changes: Any) -> Json:
    """EUR 315.00 of a customer who is charged by Stripe; the payment of it failed."""
    invoice: Json = {
        "lago_id": ID,
        "number": "GLX-2026-014",
        "issuing_date": "2026-11-18",
        "payment_due_date": "2026-12-02",
        "status": "finalized",
        "payment_status": "failed",
        "payment_overdue": False,
        "payment_dispute_lost_at": None,
        "currency": "EUR",
        "total_amount_cents": 31500,
        "total_due_amount_cents": 31500,
        "total_paid_amount_cents": 0,
        "total_offsetted_credit_note_amount_cents": 0,
        "self_billed": False,
        "file_url": None,
        "web_url": f"https://app.getlago.com/globex/customer/1/invoice/{ID}/overview",
        "created_at": "2026-11-18T02:00:00Z",
        "updated_at": "2026-11-18T03:00:00Z",
        "customer": a_customer(),
    }
    return invoice | changes


def a_customer(**changes: Any) -> Json:
    customer: Json = {
        "external_id": CUSTOMER,
        "name": "Globex Ltd",
        "firstname": None,
        "lastname": None,
        "legal_name": None,
        "email": "books@globex.example",
        "billing_configuration": {
            "payment_provider": "stripe",
            "payment_provider_code": "stripe-main",
            "provider_customer_id": "cus_Globex",
        },
    }
    return customer | changes


def a_payment(status: str = "failed", identifier: str = OLD_PAYMENT, **changes: Any) -> Json:
    payment: Json = {
        "lago_id": identifier,
        "invoice_ids": [ID],
        "amount_cents": 31500,
        "amount_currency": "EUR",
        "payment_status": status,
        "status": status,
        "type": "provider",
        "reference": None,
        "payment_provider_code": None,
        "payment_provider_type": "PaymentProviders::StripeProvider",
        "next_action": {},
        "created_at": "2026-11-21T09:00:01Z" if identifier == NEW_PAYMENT else "2026-11-18T04:00:00Z",
    }
    return payment | changes


def a_method(**changes: Any) -> Json:
    method: Json = {
        "lago_id": METHOD,
        "is_default": True,
        "payment_provider_code": "stripe-main",
        "payment_provider_name": "Stripe",
        "payment_provider_type": "stripe",
        "provider_method_id": "pm_Globex",
        "created_at": "2026-01-05T08:00:00Z",
    }
    return method | changes


def meta(page: int = 1, following: int | None = None) -> Json:
    return {"current_page": page, "next_page": following, "prev_page": None, "total_pages": 1, "total_count": 1}


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"X-Request-Id": "req-sample", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.Response(status, content=content, headers=named)


def one(**changes: Any) -> httpx.Response:
    return answer({"invoice": an_invoice(**changes)})


def payments(*items: Json) -> httpx.Response:
    return answer({"payments": list(items), "meta": meta()})


def page(*items: Any, number: int = 1, following: int | None = None) -> httpx.Response:
    return answer({"invoices": list(items), "meta": meta(number, following)})


def refused(status: int, code: str | None = None, **details: Any) -> httpx.Response:
    body: Json = {"status": status, "error": "No"}
    return answer(body | ({"code": code} if code else {}) | ({"error_details": details} if details else {}), status)


def a_wire(routes: Mapping[str, Answer | list[Answer]] | None = None) -> Wire:
    """The invoice, its one failed payment and its customer's one method; `routes` say what is different."""
    usual: dict[str, Answer | list[Answer]] = {
        f"GET /invoices/{ID}": one(),
        "GET /payments": payments(a_payment()),
        f"GET /customers/{CUSTOMER}/payment_methods": answer({"payment_methods": [a_method()], "meta": meta()}),
    }
    named = {**usual, **(routes or {})}
    return Wire({f"{name.split()[0]} {BASE}{name.split()[1]}": found for name, found in named.items()})


class Desk:
    """Our adapter over a wire, on a clock that its waiting moves; `waits` are the seconds it waited."""

    def __init__(self, wire: Wire, **settings: object) -> None:
        self.wire = wire
        self.clock = FixedClock()
        self.waits: list[float] = []
        values = {"api_key": API_KEY, "mode": "test", "requests_per_second": 1000, **settings}
        self.lago = Lago(
            "lago",
            Credentials.model_validate(values),
            clock=self.clock,
            transport=httpx.MockTransport(wire.respond),
            sleep=self._sleep,
        )

    async def invoice(self, *, thorough: bool = False) -> Invoice:
        found = await self.lago.get(REF, thorough=thorough)
        assert found is not None
        return found

    async def order(self, action: Action, **changes: Any) -> ActionOrder:
        made = an_order(await self.invoice(thorough=action is Action.RETRY), action, method=changes.get("method"))
        return made if action is not Action.FINALIZE else _collecting(made)

    async def perform(self, action: Action, **changes: Any) -> Outcome:
        return await self.lago.perform(await self.order(action, **changes))

    @property
    def sent(self) -> list[httpx.Request]:
        return [request for request in self.wire.requests if request.method != "GET"]

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.at += timedelta(seconds=seconds)


def _collecting(order: ActionOrder) -> ActionOrder:
    return replace(order, details=Issue(collect=True))
