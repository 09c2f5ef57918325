"""What each live check makes of an answer that is other than the adapter takes for granted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.domain.capability import LiveCheck
from bot.ports import Provider
from bot.providers import lac_checks, lago_checks, stripe_checks
from bot.providers.registry import open_provider
from bot.providers.stripe import VERSION
from tests.providers.wire import Answer, FixedClock, Wire, stripe_over

INVOICE = {"id": "in_1", "amount_remaining": 4900, "currency": "eur", "livemode": False, "attempted": True}
INTENT = {"type": "payment_intent", "payment_intent": {"id": "pi_1", "status": "requires_payment_method"}}
EVENT = {"id": "evt_1", "request": {"id": "req_1", "idempotency_key": "attempt-1"}}
LAGO_INVOICE = {"lago_id": "1", "total_amount_cents": 4900, "currency": "EUR", "status": "finalized"}
NEW, OLD = {"lago_id": "2", "created_at": "2026-11-02T00:00:00Z"}, {"lago_id": "1", "created_at": "2026-11-01T00:00:00Z"}


def page(*items: object, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"object": "list", "data": list(items), "has_more": False, **more})


def opened(wire: Wire, slug: str) -> Provider:
    values = {"lago": {"api_key": "a-key"}, "lac": {"api_key": "lac_sk_a"}}[slug]
    settings = {**values, "mode": "test", "requests_per_second": "1000"}
    return open_provider(slug, slug, settings, FixedClock(), httpx.MockTransport(wire.respond))


async def told(provider: Provider, statement: str) -> LiveCheck:
    (found,) = [check for check in await provider.live_checks() if check.statement == statement]
    return found


# --- Stripe ---

STRIPE: dict[str, Answer] = {
    "GET /v1/invoices": page(INVOICE),
    "GET /v1/invoices/in_1": httpx.Response(200, json={**INVOICE, "payments": {"data": [{"payment": INTENT}]}}),
    "GET /v1/invoices/search": page(),
    "GET /v1/customers/search": page(),
    "GET /v1/events": page(EVENT),
}
REFUSED = httpx.Response(400, json={"error": {"message": "Not for you."}})
FORBIDDEN = httpx.Response(403, json={"error": {"message": "No permission."}})


@pytest.mark.parametrize(
    ("statement", "path", "answer", "holds"),
    [
        (stripe_checks.MODE, "/v1/invoices", page(INVOICE), True),
        (stripe_checks.MODE, "/v1/invoices", page({**INVOICE, "livemode": True}), False),
        (stripe_checks.MODE, "/v1/invoices", page({**INVOICE, "livemode": None}), False),
        (stripe_checks.MODE, "/v1/invoices", page(), None),
        (stripe_checks.VERSION, "/v1/invoices", page(), None),
        (stripe_checks.HOSTS, "/v1/invoices", page({**INVOICE, "invoice_pdf": "https://pay.stripe.com/x/pdf"}), True),
        (stripe_checks.HOSTS, "/v1/invoices", page({**INVOICE, "hosted_invoice_url": "https://pay.acme.example/x"}), False),
        (stripe_checks.HOSTS, "/v1/invoices", page(INVOICE), None),
        (stripe_checks.DEEP, "/v1/invoices/in_1", STRIPE["GET /v1/invoices/in_1"], True),
        (stripe_checks.DEEP, "/v1/invoices/in_1", REFUSED, False),
        (stripe_checks.DEEP, "/v1/invoices/in_1", httpx.Response(200, json=INVOICE), False),
        (stripe_checks.DEEP, "/v1/invoices/in_1", FORBIDDEN, None),
        (stripe_checks.MISSING, "/v1/invoices", page(), True),
        (stripe_checks.MISSING, "/v1/invoices/in_RecoupTriesThis", httpx.Response(404, json={}), False),
        (stripe_checks.MISSING, "/v1/invoices/in_RecoupTriesThis", httpx.Response(200, json=INVOICE), False),
        (stripe_checks.BY_NUMBER, "/v1/invoices/search", page(), True),
        (stripe_checks.BY_NUMBER, "/v1/invoices/search", REFUSED, False),
        (stripe_checks.BY_NAME, "/v1/customers/search", REFUSED, False),
        (stripe_checks.BY_NAME, "/v1/customers/search", FORBIDDEN, None),
        (stripe_checks.EVENT_KEY, "/v1/events", page(EVENT), True),
        (stripe_checks.EVENT_KEY, "/v1/events", page({"id": "evt_1", "request": {"id": "req_1"}}), False),
        (stripe_checks.EVENT_KEY, "/v1/events", page({"id": "evt_1", "request": None}), None),
    ],
)
async def test_what_stripe_answers_decides_each_statement(
    statement: str, path: str, answer: httpx.Response, holds: bool | None
) -> None:
    check = await told(stripe_over(Wire({**STRIPE, f"GET {path}": answer})), statement)
    assert check.holds is holds, check.seen


@pytest.mark.parametrize(("version", "holds"), [(VERSION, True), ("2020-08-27", False)])
async def test_another_version_than_was_asked_for_differs(version: str, holds: bool) -> None:
    body: dict[str, Any] = {"object": "list", "data": [], "has_more": False}
    answer = httpx.Response(200, json=body, headers={"Stripe-Version": version})
    check = await told(stripe_over(Wire({**STRIPE, "GET /v1/invoices": answer})), stripe_checks.VERSION)
    assert (check.holds, version in check.seen) == (holds, True)


# --- Lago ---


def invoices(number: int, following: int | None = None, **more: object) -> httpx.Response:
    body = {"invoices": [{**LAGO_INVOICE, **more}] * number, "meta": {"current_page": 1, "next_page": following}}
    return httpx.Response(200, json=body)


def payments(*items: object) -> httpx.Response:
    return httpx.Response(200, json={"payments": list(items), "meta": {"current_page": 1, "next_page": None}})


def heeded(request: httpx.Request) -> httpx.Response:
    return payments() if "invoice_id" in request.url.params else payments(NEW, OLD)


LAGO: dict[str, Answer] = {
    "GET /api/v1/invoices": invoices(1),
    f"GET /api/v1/invoices/{lago_checks.NOBODY}": httpx.Response(404, json={"code": "invoice_not_found"}),
    "GET /api/v1/payments": heeded,
    "GET /api/v1/taxes": httpx.Response(403, json={"code": "read_action_not_allowed_for_tax"}),
}


@pytest.mark.parametrize(
    ("statement", "path", "answer", "holds"),
    [
        (lago_checks.PAGES, "/invoices", invoices(100, 2), True),
        (lago_checks.PAGES, "/invoices", invoices(20, 2), False),
        (lago_checks.PAGES, "/invoices", invoices(20), None),
        (lago_checks.LIMITS, "/invoices", invoices(1), None),
        (lago_checks.HOSTS, "/invoices", invoices(1, file_url="https://api.getlago.com/rails/x.pdf"), True),
        (lago_checks.HOSTS, "/invoices", invoices(1, file_url="https://files.acme.example/x.pdf"), False),
        (lago_checks.HOSTS, "/invoices", invoices(1), None),
        (lago_checks.WEB, "/invoices", invoices(1, web_url="https://app.getlago.com/x"), True),
        (lago_checks.WEB, "/invoices", invoices(1), False),
        (lago_checks.WEB, "/invoices", invoices(0), None),
        (lago_checks.MISSING, "/invoices", invoices(1), True),
        (lago_checks.MISSING, f"/invoices/{lago_checks.NOBODY}", httpx.Response(404, json={}), False),
        (lago_checks.ONE_INVOICE, "/payments", heeded, True),
        (lago_checks.ONE_INVOICE, "/payments", payments(NEW, OLD), False),
        (lago_checks.ONE_INVOICE, "/payments", payments(), None),
        (lago_checks.NEWEST_FIRST, "/payments", payments(NEW, OLD), True),
        (lago_checks.NEWEST_FIRST, "/payments", payments(OLD, NEW), False),
        (lago_checks.NEWEST_FIRST, "/payments", payments(OLD), None),
        (lago_checks.RIGHTS, "/taxes", httpx.Response(403, json={}), True),
        (lago_checks.RIGHTS, "/taxes", httpx.Response(200, json={"taxes": []}), None),
        (lago_checks.RIGHTS, "/taxes", httpx.Response(404, json={}), None),
    ],
)
async def test_what_lago_answers_decides_each_statement(
    statement: str, path: str, answer: Answer, holds: bool | None
) -> None:
    check = await told(opened(Wire({**LAGO, f"GET /api/v1{path}": answer}), "lago"), statement)
    assert check.holds is holds, check.seen


async def test_the_headers_of_lago_s_rate_limit_are_named() -> None:
    limited = httpx.Response(200, content=invoices(1).content, headers={"X-RateLimit-Reset": "1"})
    check = await told(opened(Wire({**LAGO, "GET /api/v1/invoices": limited}), "lago"), lago_checks.LIMITS)
    assert (check.holds, check.seen) == (True, "x-ratelimit-reset")


# --- LAC ---

NOT_FOUND = {"error": "not_found", "detail": "No such invoice."}


@pytest.mark.parametrize(
    ("statement", "answer", "holds"),
    [
        (lac_checks.MISSING, httpx.Response(404, json=NOT_FOUND), True),
        (lac_checks.MISSING, httpx.Response(404, text="nope"), False),
        (lac_checks.MISSING, httpx.Response(422, json=NOT_FOUND), False),
        (lac_checks.MISSING, httpx.Response(200, content=b"%PDF-1.7"), False),
        (lac_checks.MISSING, httpx.Response(200, text="<html>"), None),
        (lac_checks.MISSING, httpx.Response(401, json=NOT_FOUND), None),
        (lac_checks.LIMITS, httpx.Response(404, json=NOT_FOUND), True),
        (lac_checks.LIMITS, httpx.Response(404, json=NOT_FOUND, headers={"RateLimit-Limit": "60"}), False),
        (lac_checks.LIMITS, httpx.Response(404, json=NOT_FOUND, headers={"X-Rate-Limit-Reset": "1"}), False),
        (lac_checks.LIMITS, httpx.Response(404, text="nope"), None),
    ],
)
async def test_what_lac_answers_decides_each_statement(statement: str, answer: httpx.Response, holds: bool | None) -> None:
    wire = Wire({f"GET /portal/invoices/{lac_checks.NOBODY}/pdf": answer})
    check = await told(opened(wire, "lac"), statement)
    assert check.holds is holds, check.seen
    assert wire.asked == [f"GET /portal/invoices/{lac_checks.NOBODY}/pdf"]
