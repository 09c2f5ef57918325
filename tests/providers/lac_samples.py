"""LAC's answers as small functions, written by hand from the vendor's documentation."""

from __future__ import annotations

import json
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Outcome
from bot.providers.lac import Credentials, Lac
from tests.providers.wire import Answer, Wire, an_order

API_KEY = "lac_sk_VerySecretWriter"
READ_KEY = "lac_sk_VerySecretReader"
REF = InvoiceRef("lac", "inv_7")
SEND = "POST /portal/invoices/inv_7/retry-send"
PDF = "GET /portal/invoices/inv_7/pdf"
A_PDF = b"%PDF-1.7\n%%EOF\n"

Json = dict[str, Any]


def a_line(gross: Any = 31375, **changes: Any) -> Json:
    line: Json = {
        "description": "Payroll run",
        "quantity": "2.5",
        "unit_price_cents": 10000,
        "net_cents": 25000,
        "vat_cents": 6375,
        "gross_cents": gross,
        "vat_rate_basis_points": None,
    }
    return line | changes


def an_invoice(**changes: Any) -> Json:
    """As a send answers with it; a value of None takes the field away."""
    invoice: Json = {
        "id": "inv_7",
        "status": "on its way",
        "delivery_channel": "email_pdf",
        "customer": {"id": "party_3", "name": "Havu Oy", "email": "laskut@havu.example", "business_id": "1234567-8"},
        "lines": [a_line()],
    }
    return {name: value for name, value in (invoice | changes).items() if value is not None}


def answer(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers=headers)


def refused(status: int, error: str, detail: str, **headers: str) -> httpx.Response:
    return answer({"error": error, "detail": detail}, status, **headers)


def lac_over(wire: Wire | httpx.AsyncBaseTransport, turn: float = 5.0, /, **settings: object) -> Lac:
    values = {"api_key": API_KEY, "mode": "live", "requests_per_second": 1000, **settings}
    transport = httpx.MockTransport(wire.respond) if isinstance(wire, Wire) else wire
    return Lac("lac", Credentials.model_validate(values), transport=transport, turn=turn)


async def unseen(lac: Lac, ref: InvoiceRef = REF) -> Invoice:
    invoice = await lac.get(ref)
    assert invoice is not None
    return invoice


async def resent(what: Answer, **settings: object) -> tuple[Outcome, Wire]:
    """Send the invoice again, and be answered with this."""
    wire = Wire({SEND: what})
    lac = lac_over(wire, **settings)
    return await lac.perform(an_order(await unseen(lac), Action.RESEND)), wire
