"""A provider over a wire that a test controls: what was asked, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from bot.domain.action import Action, Dialog
from bot.domain.details import Details, Issue, PaidBy, Received
from bot.domain.invoice import Invoice
from bot.domain.records import Attempt, Before
from bot.ports import ActionOrder
from bot.providers.stripe import Credentials, Stripe
from tests.providers.samples import NOW

API_KEY = "sk_test_51VerySecretKey"
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class FixedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


class Wire:
    """Routes are `METHOD path`; each holds one answer, or a list of which the last one stays."""

    def __init__(self, routes: Mapping[str, Answer | list[Answer]] | None = None) -> None:
        self.routes = dict(routes or {})
        self.requests: list[httpx.Request] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        route = f"{request.method} {request.url.path}"
        found = self.routes.get(route)
        if found is None:
            return httpx.Response(404, json={"error": {"type": "invalid_request_error", "code": "resource_missing"}})
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(found, Exception):
            raise found
        return found(request) if callable(found) else _again(found)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    @property
    def sent(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == "POST"]


def _again(response: httpx.Response) -> httpx.Response:
    return httpx.Response(response.status_code, headers=response.headers, content=response.content)


def stripe_over(wire: Wire, **settings: object) -> Stripe:
    values = {"api_key": API_KEY, "requests_per_second": 1000, **settings}
    return Stripe(
        "stripe",
        Credentials.model_validate(values),
        clock=FixedClock(),
        transport=httpx.MockTransport(wire.respond),
    )


def details_for(action: Action, invoice: Invoice) -> Details:
    """What the dialog of an action would have asked for."""
    match action.traits.dialog:
        case Dialog.PAYMENT:
            return Received(amount=invoice.owed, by=PaidBy.BANK_TRANSFER, on=NOW.date(), reference="statement 12, line 3")
        case Dialog.ISSUE:
            return Issue(collect=False)
        case Dialog.REASON | None:
            return None


def an_order(
    invoice: Invoice, action: Action = Action.RETRY, *, key: str = "attempt-1", method: str | None = None
) -> ActionOrder:
    return ActionOrder(
        action=action,
        invoice=invoice,
        key=key,
        expected=invoice.owed,
        method=method,
        details=details_for(action, invoice),
    )


def an_attempt(invoice: Invoice, action: Action = Action.RETRY, at: datetime = NOW) -> Attempt:
    """The attempt whose guard read was `invoice`, sent once at `at`."""
    return Attempt(
        action_id="action-1",
        action=action,
        ref=invoice.ref,
        key="attempt-1",
        key_expires_at=at + timedelta(hours=19),
        before=Before.of(invoice),
        sends=1,
        first_sent_at=at,
        last_sent_at=at,
    )
