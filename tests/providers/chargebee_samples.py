"""Chargebee's answers as small functions, written by hand in the shape of the vendor's documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx

from bot.domain.action import Action
from bot.domain.details import Issue
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Outcome
from bot.ports import ActionOrder
from bot.providers.chargebee import Chargebee
from bot.providers.chargebee_account import Credentials
from tests.providers.samples import AT, DAY
from tests.providers.wire import Answer, FixedClock, Wire, an_order

API_KEY = "test_GranitePeakFullAccess"
READ_KEY = "test_GranitePeakReadOnly"
SITE = "granite-test"
ID = "GP-2041"
CUSTOMER = "granite42"
SOURCE = "pm_Granite1"
OLD_PAYMENT, NEW_PAYMENT = "txn_Old", "txn_New"
REF = InvoiceRef("chargebee", ID)
BASE = "/api/v2"

Json = dict[str, Any]


def a_payment(status: str = "failure", identifier: str = OLD_PAYMENT, **changes: Any) -> Json:
    """A payment as the invoice lists it: the old one of yesterday, the new one of this moment."""
    at = AT + 1 if identifier == NEW_PAYMENT else AT - DAY
    linked: Json = {
        "txn_id": identifier,
        "txn_status": status,
        "txn_date": at,
        "txn_amount": 31500,
        "applied_amount": 31500,
        "applied_at": at,
    }
    return linked | changes


def an_invoice(*payments: Json, **changes: Any) -> Json:
    """EUR 315.00 of a customer whose card was declined yesterday."""
    invoice: Json = {
        "id": ID,
        "object": "invoice",
        "customer_id": CUSTOMER,
        "status": "payment_due",
        "currency_code": "EUR",
        "total": 31500,
        "amount_paid": 0,
        "amount_adjusted": 0,
        "write_off_amount": 0,
        "amount_due": 31500,
        "amount_to_collect": 31500,
        "date": AT - 3 * DAY,
        "due_date": AT - 3 * DAY,
        "next_retry_at": AT + DAY,
        "dunning_status": "in_progress",
        "channel": "web",
        "deleted": False,
        "linked_payments": list(payments) or [a_payment()],
        "dunning_attempts": [],
        "billing_address": {"company": "Granite Peak Ltd", "email": "books@granite.example", "object": "billing_address"},
        "cf_region": "a field of the site's own",
    }
    return invoice | changes


def a_transaction(status: str = "failure", identifier: str = OLD_PAYMENT, **changes: Any) -> Json:
    transaction: Json = {
        "id": identifier,
        "object": "transaction",
        "customer_id": CUSTOMER,
        "payment_source_id": SOURCE,
        "payment_method": "card",
        "gateway": "stripe",
        "type": "payment",
        "date": AT - DAY,
        "amount": 31500,
        "currency_code": "EUR",
        "status": status,
        "initiator_type": "merchant",
        "masked_card_number": "************8210",
    }
    if status in {"failure", "late_failure"}:
        transaction |= {"error_code": "card_declined", "error_text": "No.", "error_detail": a_detail()}
    return transaction | changes


def a_detail(**changes: Any) -> Json:
    detail: Json = {
        "error_category": "card_error",
        "error_code": "card_declined",
        "decline_code": "insufficient_funds",
        "error_cause_id": "gateway.transaction_processing.low_balance",
    }
    return {name: value for name, value in (detail | changes).items() if value is not None}


def a_customer(**changes: Any) -> Json:
    customer: Json = {
        "id": CUSTOMER,
        "object": "customer",
        "company": "Granite Peak Ltd",
        "email": "books@granite.example",
        "auto_collection": "on",
        "primary_payment_source_id": SOURCE,
    }
    return {name: value for name, value in (customer | changes).items() if value is not None}


def a_source(identifier: str = SOURCE, **changes: Any) -> Json:
    source: Json = {
        "id": identifier,
        "object": "payment_source",
        "customer_id": CUSTOMER,
        "type": "card",
        "status": "valid",
        "card": {"brand": "visa", "last4": "8210"},
    }
    return source | changes


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"X-Request-Id": "req-sample", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.Response(status, content=content, headers=named)


def one(*payments: Json, **changes: Any) -> httpx.Response:
    return answer({"invoice": an_invoice(*payments, **changes)})


def transaction(*, status: str = "failure", identifier: str = OLD_PAYMENT, **changes: Any) -> httpx.Response:
    return answer({"transaction": a_transaction(status, identifier, **changes)})


def page(*invoices: Any, offset: Any = None) -> httpx.Response:
    following = {} if offset is None else {"next_offset": offset}
    return answer({"list": [{"invoice": one} if isinstance(one, dict) else one for one in invoices], **following})


def listed(kind: str, *items: Json) -> httpx.Response:
    return answer({"list": [{kind: item} for item in items]})


def refused(
    status: int,
    code: str | None = None,
    kind: str = "invalid_request",
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> httpx.Response:
    """An error as Chargebee words it; `more` are `param` and `error_cause_id`."""
    body = {"message": "Words for staff.", "type": kind, "api_error_code": code, **more}
    return answer({name: value for name, value in body.items() if value is not None}, status, **(headers or {}))


def collected(status: str = "success", **invoice: Any) -> httpx.Response:
    """The answer to a collection."""
    after = {"status": "paid", "amount_due": 0, "amount_to_collect": 0, "amount_paid": 31500} if status == "success" else {}
    body = an_invoice(a_payment(), a_payment(status, NEW_PAYMENT), **(after | invoice))
    return answer({"invoice": body, "transaction": a_transaction(status, NEW_PAYMENT)})


def a_wire(routes: Mapping[str, Answer | list[Answer]] | None = None) -> Wire:
    """`GET /invoices/…` and what belongs to it, unless told otherwise; paths without the base."""
    usual: dict[str, Answer | list[Answer]] = {
        f"GET /invoices/{ID}": one(),
        f"GET /transactions/{OLD_PAYMENT}": transaction(),
        f"GET /customers/{CUSTOMER}": answer({"customer": a_customer()}),
        "GET /payment_sources": listed("payment_source", a_source()),
    }
    merged = {**usual, **(routes or {})}
    return Wire({route.replace(" /", f" {BASE}/", 1): reply for route, reply in merged.items()})


def over(wire: Wire, **settings: object) -> Chargebee:
    values = {"api_key": API_KEY, "site": SITE, "requests_per_second": 1000, **settings}
    return Chargebee(
        "chargebee",
        Credentials.model_validate(values),
        clock=FixedClock(),
        transport=httpx.MockTransport(wire.respond),
    )


def form_in(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True))


class Desk:
    """An account over a wire; orders are about the invoice as it was read."""

    def __init__(self, wire: Wire, **settings: object) -> None:
        self.wire = wire
        self.provider = over(wire, **settings)

    async def invoice(self, *, thorough: bool = True) -> Invoice:
        found = await self.provider.get(REF, thorough=thorough)
        assert found is not None
        return found

    async def order(self, action: Action, **changes: Any) -> ActionOrder:
        order = an_order(await self.invoice(), action, **changes)
        if action is not Action.FINALIZE:
            return order
        return ActionOrder(
            action=action, invoice=order.invoice, key=order.key, expected=order.expected, details=Issue(collect=True)
        )

    async def perform(self, action: Action = Action.RETRY, **changes: Any) -> Outcome:
        return await self.provider.perform(await self.order(action, **changes))

    @property
    def sent(self) -> list[httpx.Request]:
        return self.wire.sent
