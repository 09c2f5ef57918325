"""A fake Stripe on a real socket, and before it our adapter and the vendor's own SDK as its judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import stripe
from stripe import StripeClient

from bot.ports import Provider
from bot.providers.registry import open_provider
from bot.sandbox.providers.stripe import SECRET_KEY, FakeStripe
from bot.sandbox.wire import WireReply, WireRequest
from tests.providers.samples import NOW
from tests.providers.wire import FixedClock

INTENT = "payments.data.payment.payment_intent"


def a_fake() -> FakeStripe:
    return FakeStripe(NOW.timestamp)


@dataclass
class Court:
    """`heard` is all that was asked, by whomever."""

    http: stripe.HTTPXClient
    fake: FakeStripe = field(default_factory=a_fake)
    url: str = ""
    heard: list[WireRequest] = field(default_factory=list)

    def respond(self, request: WireRequest) -> WireReply:
        self.heard.append(request)
        return self.fake.respond(request)

    def client(self, key: str = SECRET_KEY) -> StripeClient:
        return StripeClient(key, base_addresses={"api": self.url}, http_client=self.http, max_network_retries=0)

    def provider(self) -> Provider:
        values = {**self.fake.credentials(), "base_url": self.url, "requests_per_second": "1000"}
        return open_provider("stripe", "stripe", values, FixedClock())

    async def told(self, ask: Callable[[StripeClient], Any], key: str = SECRET_KEY) -> Any:
        """What the SDK makes of the fake's answer."""
        return await asyncio.to_thread(lambda: ask(self.client(key)))
