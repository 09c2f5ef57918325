"""Paddle's answers as small functions, written by hand in the shape of the vendor's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Outcome
from bot.ports import ActionOrder
from bot.providers.paddle import Paddle
from bot.providers.paddle_account import Credentials
from tests.providers.wire import Answer, Wire, an_order

API_KEY = "pdl_sdbx_apikey_01kx0verysecret0verysecret_N0tARealKeyForAnybody0_Zz9"
READ_KEY = "pdl_sdbx_apikey_01kx0readsecret0readsecret_N0tARealKeyForAnybody1_Zz9"
ID = "txn_01kxq3v8m6z0fwd7c2r5t9ybha"
OTHER = "txn_01kxq3v8m6z0fwd7c2r5t9yzzz"
CUSTOMER = "ctm_01kxq3aaabbbcccdddeeefffgg"
SUBSCRIPTION = "sub_01kxq3bbbcccdddeeefffggghh"
REF = InvoiceRef("paddle", ID)
PAGE_HOST = "pay.lanternworks.example"
PAGE = f"https://{PAGE_HOST}/checkout?_ptxn={ID}"
REQUEST_ID = "9b7f2f0e-1111-4222-8333-0123456789ab"
HOST = "sandbox-api.paddle.com"

Json = dict[str, Any]


def an_attempt_at(status: str = "error", code: str | None = "not_enough_balance", **changes: Any) -> Json:
    attempt: Json = {
        "payment_attempt_id": "7d1c0001-0000-4000-8000-000000000001",
        "payment_method_id": "paymtd_01kxq3ccc",
        "stored_payment_method_id": "7d1c0002-0000-4000-8000-000000000002",
        "amount": "42000",
        "status": status,
        "error_code": code,
        "method_details": {"type": "card", "card": {"type": "mastercard", "last4": "5454"}},
        "created_at": "2026-11-19T08:00:00.123456Z",
        "captured_at": None,
    }
    return attempt | changes


def totals(balance: str = "42000", grand_total: str = "42000") -> Json:
    return {"totals": {"subtotal": grand_total, "grand_total": grand_total, "balance": balance}}


def a_renewal(**changes: Any) -> Json:
    """EUR 420.00 that Paddle collects by itself and could not."""
    renewal: Json = {
        "id": ID,
        "status": "past_due",
        "customer_id": CUSTOMER,
        "currency_code": "EUR",
        "origin": "subscription_recurring",
        "subscription_id": SUBSCRIPTION,
        "invoice_number": None,
        "collection_mode": "automatic",
        "billing_details": None,
        "details": totals(),
        "payments": [an_attempt_at()],
        "checkout": {"url": PAGE},
        "created_at": "2026-11-18T08:00:00Z",
        "updated_at": "2026-11-19T08:00:01Z",
        "billed_at": "2026-11-18T08:00:00Z",
        "customer": {"id": CUSTOMER, "name": "Lantern Works", "email": "books@lantern.example"},
    }
    return renewal | changes


def a_bill(**changes: Any) -> Json:
    """EUR 420.00 that the customer is to pay within a fortnight."""
    bill: Json = {
        "status": "billed",
        "origin": "api",
        "subscription_id": None,
        "invoice_number": "412-7001",
        "collection_mode": "manual",
        "billing_details": {"enable_checkout": True, "payment_terms": {"interval": "day", "frequency": 14}},
        "payments": [],
    }
    return a_renewal(**bill) | changes


def a_completed(**changes: Any) -> Json:
    return a_bill(status="completed", details=totals("0")) | changes


def a_credit(reason: str = "uncollectible: gone [attempt-1]", **changes: Any) -> Json:
    credit: Json = {
        "id": "adj_01kxq3ddd",
        "action": "credit",
        "type": "full",
        "transaction_id": ID,
        "customer_id": CUSTOMER,
        "reason": reason,
        "currency_code": "EUR",
        "status": "approved",
        "totals": {"subtotal": "42000", "tax": "0", "total": "42000"},
    }
    return credit | changes


def answer(data: object, status: int = 200, **headers: str) -> httpx.Response:
    body = {"data": data, "meta": {"request_id": REQUEST_ID}}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def a_page(*items: object, has_more: bool = False, following: str | None = f"https://{HOST}/x?after=y") -> httpx.Response:
    """`next` is there on the last page, too."""
    pagination = {"per_page": 30, "next": following, "has_more": has_more, "estimated_total": len(items)}
    return httpx.Response(200, json={"data": list(items), "meta": {"request_id": REQUEST_ID, "pagination": pagination}})


def refused(status: int, code: str, detail: str = "Not like this.", **headers: str) -> httpx.Response:
    error = {"type": "request_error", "code": code, "detail": detail, "documentation_url": "https://developer.paddle.com"}
    body = {"error": error, "meta": {"request_id": REQUEST_ID}}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def html(status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=b"<!doctype html><p>Please sign in.</p>")


class Desk:
    """An account over a wire. Its transaction is what `GET /transactions/{ID}` answers."""

    def __init__(self, routes: Mapping[str, Answer | list[Answer]] | None = None, **settings: object) -> None:
        self.wire = Wire({f"GET /transactions/{ID}": answer(a_bill()), "GET /adjustments": a_page(), **(routes or {})})
        values = {"api_key": API_KEY, "checkout_hosts": PAGE_HOST, "requests_per_second": 1000, **settings}
        self.paddle = Paddle("paddle", Credentials.model_validate(values), transport=httpx.MockTransport(self.wire.respond))

    async def invoice(self) -> Invoice:
        found = await self.paddle.get(REF)
        assert found is not None
        return found

    async def order(self, action: Action, **changes: Any) -> ActionOrder:
        order = an_order(await self.invoice(), action)
        details = Issue(collect=True) if action is Action.FINALIZE else None
        return ActionOrder(
            **{
                "action": action,
                "invoice": order.invoice,
                "key": order.key,
                "expected": order.expected,
                "details": details,
                **changes,
            }
        )

    async def perform(self, action: Action, **changes: Any) -> Outcome:
        return await self.paddle.perform(await self.order(action, **changes))

    @property
    def sent(self) -> list[httpx.Request]:
        return [request for request in self.wire.requests if request.method != "GET"]
