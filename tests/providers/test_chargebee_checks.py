"""What each live check at Chargebee makes of an answer that is other than the adapter takes for granted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.providers import chargebee_checks as checks
from tests.providers.chargebee_samples import (
    BASE,
    CUSTOMER,
    OLD_PAYMENT,
    a_customer,
    a_wire,
    an_invoice,
    answer,
    listed,
    over,
    page,
    refused,
    transaction,
)
from tests.providers.samples import AT, DAY

MISSING = f"GET /invoices/{checks.NOBODY}"
USUAL: dict[str, Any] = {
    "GET /invoices": page(an_invoice(id="A", date=AT - 9 * DAY), an_invoice(id="B")),
    "GET /customers": listed("customer"),
    MISSING: refused(404, "resource_not_found"),
    f"GET /transactions/{OLD_PAYMENT}": transaction(),
    f"GET /customers/{CUSTOMER}/email_logs": listed("email_log"),
}
FORBIDDEN = refused(403, "api_authorization_failed", "untyped")


@pytest.mark.parametrize(
    ("statement", "route", "reply", "holds"),
    [
        (checks.AMOUNTS, "GET /invoices", USUAL["GET /invoices"], True),
        (checks.AMOUNTS, "GET /invoices", page(an_invoice(currency_code="CLP", amount_due=1)), False),
        (checks.AMOUNTS, "GET /invoices", page(), None),
        (checks.WORDS, "GET /invoices", USUAL["GET /invoices"], True),
        (checks.WORDS, "GET /invoices", page(an_invoice(status="disputed")), False),
        (checks.FILTERED, "GET /invoices", USUAL["GET /invoices"], True),
        (checks.FILTERED, "GET /invoices", page(an_invoice(status="paid")), False),
        (checks.ORDERED, "GET /invoices", USUAL["GET /invoices"], True),
        (checks.ORDERED, "GET /invoices", page(an_invoice(), an_invoice(id="B", date=AT - 9 * DAY)), False),
        (checks.ORDERED, "GET /invoices", page(an_invoice()), None),
        (checks.BY_NAME, "GET /customers", listed("customer"), True),
        (checks.BY_NAME, "GET /customers", listed("customer", a_customer()), False),
        (checks.BY_NAME, "GET /customers", refused(400, "param_wrong_value"), False),
        (checks.BY_NAME, "GET /customers", FORBIDDEN, None),
        (checks.MISSING, MISSING, refused(404, "resource_not_found"), True),
        (checks.MISSING, MISSING, answer(b"<h1>", 404), False),
        (checks.MISSING, MISSING, answer({"invoice": an_invoice()}), False),
        (checks.MISSING, MISSING, FORBIDDEN, None),
        (checks.REASONS, f"GET /transactions/{OLD_PAYMENT}", transaction(), True),
        (checks.REASONS, f"GET /transactions/{OLD_PAYMENT}", transaction(error_code=None, error_detail=None), False),
        (checks.REASONS, f"GET /transactions/{OLD_PAYMENT}", FORBIDDEN, False),
        (checks.REASONS, "GET /invoices", page(an_invoice(linked_payments=[])), None),
        (checks.MAILS, f"GET /customers/{CUSTOMER}/email_logs", listed("email_log"), True),
        (checks.MAILS, f"GET /customers/{CUSTOMER}/email_logs", answer(b"<h1>", 404), False),
        (checks.MAILS, f"GET /customers/{CUSTOMER}/email_logs", FORBIDDEN, None),
        (checks.NAMED, "GET /invoices", page(an_invoice()), True),
        (checks.NAMED, "GET /invoices", httpx.Response(200, json={"list": []}), None),
    ],
)
async def test_what_chargebee_answers_decides_each_statement(
    statement: str, route: str, reply: httpx.Response, holds: bool | None
) -> None:
    wire = a_wire({**USUAL, route: reply})
    (told,) = [check for check in await over(wire).live_checks() if check.statement == statement]
    assert told.holds is holds, told.seen
    assert {request.method for request in wire.requests} == {"GET"}


async def test_without_a_list_of_invoices_nothing_is_told() -> None:
    wire = a_wire({"GET /invoices": FORBIDDEN})
    told = await over(wire).live_checks()
    assert [check.statement for check in told] == list(checks.STATEMENTS)
    assert {check.holds for check in told} == {None}
    assert wire.asked == [f"GET {BASE}/invoices"]
