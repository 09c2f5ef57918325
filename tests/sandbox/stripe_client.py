"""A client of the fake Stripe that needs no network, and a clock to move."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from bot.sandbox.providers.stripe import SECRET_KEY, FakeStripe
from bot.sandbox.wire import WireReply, WireRequest

PAYMENT = "payments.data.payment.payment_intent"
NOON = 1_900_000_000.0


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> float:
        return self.time


class Client:
    """Speaks form encoding at a fake, without a network."""

    def __init__(self, stripe: FakeStripe, secret: str = SECRET_KEY) -> None:
        self.stripe = stripe
        self.secret = secret

    def get(self, path: str, *expand: str, **params: object) -> tuple[int, Any]:
        reply = self.reply("GET", path, query=urlencode([*params.items(), *(("expand[]", one) for one in expand)]))
        return reply.status, json.loads(reply.body)

    def post(self, invoice: str, verb: str, key: str | None = None, **params: object) -> tuple[int, Any]:
        reply = self.reply("POST", f"/v1/invoices/{invoice}/{verb}", key=key, body=urlencode(params))
        return reply.status, json.loads(reply.body)

    def reply(self, method: str, path: str, *, query: str = "", key: str | None = None, body: str = "") -> WireReply:
        headers = {"authorization": f"Bearer {self.secret}", "content-type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["idempotency-key"] = key
        return self.stripe.respond(WireRequest(method, path, query, headers, body.encode()))

    def status(self, invoice: str) -> str:
        return str(self.get(f"/v1/invoices/{invoice}")[1]["status"])

    def intent(self, invoice: str) -> Any:
        return self.get(f"/v1/invoices/{invoice}", PAYMENT)[1]["payments"]["data"][0]["payment"]["payment_intent"]
