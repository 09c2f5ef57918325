"""What each live check at Paddle makes of an answer that is other than the adapter takes for granted."""

from __future__ import annotations

import httpx
import pytest

from bot.providers import paddle_checks as checks
from tests.providers.paddle_samples import CUSTOMER, Desk, a_bill, a_credit, a_page, a_renewal, refused
from tests.providers.wire import Answer

KNOWN = {"id": CUSTOMER, "name": "Lantern Works", "email": "books@lantern.example"}
NAMELESS = {"pagination": {"has_more": False, "next": None}}


def heeded(request: httpx.Request) -> httpx.Response:
    return a_page() if "transaction_id" in request.url.params else a_page(a_credit())


AS_EXPECTED: dict[str, Answer] = {
    "GET /transactions": a_page(a_renewal()),
    f"GET /transactions/{checks.NOBODY}": refused(404, "not_found"),
    "GET /adjustments": heeded,
    "GET /customers": a_page(KNOWN),
}
THIRTY = [a_bill(id=f"txn_{number:026d}") for number in range(30)]


@pytest.mark.parametrize(
    ("statement", "path", "answer", "holds"),
    [
        (checks.PAGES, "/transactions", a_page(*THIRTY, has_more=True), True),
        (checks.PAGES, "/transactions", a_page(*THIRTY[:20], has_more=True), False),
        (checks.PAGES, "/transactions", a_page(*THIRTY[:20]), None),
        (checks.PAGES, "/transactions", a_page(*THIRTY, has_more=True, following="https://elsewhere.example/x"), False),
        (checks.NAMED, "/transactions", a_page(), True),
        (checks.NAMED, "/transactions", httpx.Response(200, json={"data": [], "meta": NAMELESS}), False),
        (checks.HOSTS, "/transactions", a_page(a_renewal()), True),
        (checks.HOSTS, "/transactions", a_page(a_renewal(checkout={"url": "https://elsewhere.example/pay"})), False),
        (checks.HOSTS, "/transactions", a_page(a_renewal(checkout={"url": None})), None),
        (checks.MISSING, f"/transactions/{checks.NOBODY}", refused(404, "not_found"), True),
        (checks.MISSING, f"/transactions/{checks.NOBODY}", refused(400, "invalid_url"), False),
        (checks.MISSING, f"/transactions/{checks.NOBODY}", refused(403, "forbidden"), None),
        (checks.CREDITS, "/adjustments", heeded, True),
        (checks.CREDITS, "/adjustments", a_page(a_credit()), False),
        (checks.CREDITS, "/adjustments", a_page(), None),
        (checks.CREDITS, "/adjustments", refused(403, "forbidden"), None),
        (checks.SEARCH, "/customers", a_page(KNOWN), True),
        (checks.SEARCH, "/customers", a_page({**KNOWN, "id": "ctm_other"}), False),
        (checks.SEARCH, "/customers", refused(400, "invalid_field"), None),
        (checks.SEARCH, "/transactions", a_page(a_renewal(customer=None)), None),
    ],
)
async def test_what_paddle_answers_decides_each_statement(
    statement: str, path: str, answer: Answer, holds: bool | None
) -> None:
    desk = Desk({**AS_EXPECTED, f"GET {path}": answer})
    (told,) = [check for check in await desk.paddle.live_checks() if check.statement == statement]
    assert told.holds is holds, told.seen
    assert not any(private in told.seen for private in ("Lantern Works", "books@", CUSTOMER))


async def test_every_statement_is_told_once() -> None:
    told = [check.statement for check in await Desk(AS_EXPECTED).paddle.live_checks()]
    assert told == list(checks.STATEMENTS)
