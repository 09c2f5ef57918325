"""Recurly's answers as small functions, written by hand in the shapes that the vendor documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.providers.recurly import PATIENCE, Recurly
from bot.providers.recurly_account import Credentials
from tests.providers.samples import NOW
from tests.providers.wire import Answer, FixedClock, Wire

API_KEY = "0123456789VerySecretKey"
ID = "tz4h8k1m2p7w"
INVOICE = f"/invoices/{ID}"
COLLECT = f"PUT {INVOICE}/collect"

Json = dict[str, Any]


def at(offset: timedelta = timedelta(0)) -> str:
    return (NOW + offset).strftime("%Y-%m-%dT%H:%M:%SZ")


def answered(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """`body` as text is sent as it is: what a float would change must not go through one."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    told = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "req-77", **(headers or {})}
    return httpx.Response(status, headers=told, content=content)


def a_site(subdomain: str = "thistle", mode: str = "sandbox") -> Json:
    return {"id": "s1", "object": "site", "subdomain": subdomain, "mode": mode}


def a_page(*items: Any, following: str | None = None) -> Json:
    return {"object": "list", "has_more": following is not None, "next": following, "data": list(items)}


SITES = {"GET /sites": answered(a_page(a_site()))}


def a_charge(identifier: str = "tx1aaaaaaaaa", *, created: datetime | None = None, **changes: Any) -> Json:
    """Recurly's own attempt two days ago, declined, with a Visa."""
    moment = created if created is not None else NOW - timedelta(days=2)
    return {
        "id": identifier,
        "object": "transaction",
        "type": "purchase",
        "origin": "recurring",
        "status": "declined",
        "amount": 84.5,
        "currency": "EUR",
        "status_code": "declined",
        "gateway_reference": "gw-1",
        "payment_method": {
            "object": "credit_card",
            "card_type": "Visa",
            "last_four": "1881",
            "exp_month": 4,
            "exp_year": 2030,
        },
        "invoice": {"id": ID, "object": "invoice"},
        "created_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **changes,
    }


def ours(identifier: str = "tx2bbbbbbbbb", *, created: datetime = NOW, **changes: Any) -> Json:
    """What a collection by this API leaves behind."""
    return a_charge(identifier, created=created, **{"origin": "api_force_collect", **changes})


def an_invoice(*charges: Json, **changes: Any) -> Json:
    """A renewal over EUR 84.50 that is past due."""
    return {
        "id": ID,
        "object": "invoice",
        "type": "charge",
        "origin": "renewal",
        "state": "past_due",
        "number": "2207",
        "currency": "EUR",
        "total": 84.5,
        "paid": 0.0,
        "balance": 84.5,
        "collection_method": "automatic",
        "account": {"id": "ac1ccccccccc", "object": "account", "code": "thistle-9", "email": "pay@thistle.example"},
        "billing_info_id": None,
        "transactions": list(charges) or [a_charge()],
        "created_at": at(timedelta(days=-3)),
        "due_at": at(timedelta(days=-3)),
    } | changes


def an_error(kind: str, **more: Any) -> Json:
    return {"error": {"type": kind, "message": "Something is not as it should be.", "params": [], **more}}


def a_decline(code: str | None, category: str = "soft", decline_code: str | None = None, **more: Any) -> Json:
    told = {
        "object": "transaction_error",
        "transaction_id": "tx2bbbbbbbbb",
        "category": category,
        "code": code,
        "decline_code": decline_code,
        "message": "Words for the customer.",
        "merchant_advice": "Words for staff.",
        **more,
    }
    return an_error("transaction", transaction_error=told)


def a_method(identifier: str, last_four: str = "1881", *, primary: bool = False) -> Json:
    card = {"object": "credit_card", "card_type": "Visa", "last_four": last_four, "exp_month": 4, "exp_year": 2030}
    return {
        "id": identifier,
        "object": "billing_info",
        "primary_payment_method": primary,
        "valid": True,
        "payment_method": card,
    }


def recurly_over(routes: Mapping[str, Answer | list[Answer]], **settings: Any) -> tuple[Recurly, Wire]:
    """The site is the one that is meant, unless `routes` says otherwise."""
    wire = Wire({**SITES, **routes})
    clock, patience = settings.pop("clock", None) or FixedClock(), settings.pop("patience", PATIENCE)
    values = {"api_key": API_KEY, "mode": "test", "subdomain": "thistle", "requests_per_second": 1000, **settings}

    async def sleep(seconds: float) -> None:
        clock.at += timedelta(seconds=seconds)

    provider = Recurly(
        "recurly",
        Credentials.model_validate(values),
        clock=clock,
        transport=httpx.MockTransport(wire.respond),
        sleep=sleep,
        patience=patience,
    )
    return provider, wire
