"""The providers as the process that gets killed knows them: the real adapters, less patient, and one that has no keys.

Registered in that process alone, as entries of the registry; no function of the bot is replaced.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import httpx

from bot.domain.capability import ProviderFacts, Resend
from bot.ports import Clock, Provider
from bot.providers import lago, lago_account, registry, stripe
from bot.providers.http import Transport

NAIVE = "naive"


_UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The fakes speak plain HTTP; reading the world's certificates would be half of the work of a short life."""

_LAC = registry._PROVIDERS["lac"]
"""As it is before anything is registered here, which happens again in every child."""


class JumpingClock(Clock, Protocol):
    """A clock that can be moved on."""

    def jump_to(self, moment: datetime) -> None: ...


class Impatient(httpx.AsyncBaseTransport):
    """Gives up on the answer to a send after `patience` seconds, by the same error as the real transport, which waits for
    eighty. `is_keyless` keeps the key to itself."""

    def __init__(self, patience: float, *, is_keyless: bool = False) -> None:
        self._inner = httpx.AsyncHTTPTransport(retries=0, verify=_UNUSED)
        self._patience = patience
        self._is_keyless = is_keyless

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            timeout = {**request.extensions["timeout"], "read": self._patience}
            request.extensions = {**request.extensions, "timeout": timeout}
        if self._is_keyless:
            request.headers.pop("idempotency-key", None)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Keyless(stripe.Stripe):
    """A vendor that charges cards, tells of its payments, and knows no idempotency keys."""

    @property
    def facts(self) -> ProviderFacts:
        return _NAIVE_FACTS


_NAIVE_FACTS = replace(registry.facts_of("stripe"), slug=NAIVE, name="Naive", resend=Resend.NAIVE, key_window=timedelta(0))


def register_kinds(clock: JumpingClock, patience: float) -> None:
    """Only for a process of its own: there is no way back."""

    async def sleep(seconds: float) -> None:
        """Lago is looked at again seconds after a retry; here those pass at once."""
        await asyncio.sleep(0)
        clock.jump_to(clock.now() + timedelta(seconds=seconds))

    def open_stripe(account: str, values: registry.Values, clock: Clock, _: Transport | None) -> Provider:
        return stripe.Stripe(account, stripe.Credentials.model_validate(values), clock=clock, transport=Impatient(patience))

    def open_lago(account: str, values: registry.Values, clock: Clock, _: Transport | None) -> Provider:
        credentials = lago_account.Credentials.model_validate(values)
        return lago.Lago(account, credentials, clock=clock, transport=Impatient(patience), sleep=sleep)

    def open_naive(account: str, values: registry.Values, clock: Clock, _: Transport | None) -> Provider:
        credentials = stripe.Credentials.model_validate(values)
        return Keyless(account, credentials, clock=clock, transport=Impatient(patience, is_keyless=True))

    def open_lac(account: str, values: registry.Values, clock: Clock, _: Transport | None) -> Provider:
        return _LAC.open(account, values, clock, Impatient(patience))

    # The registry is closed on purpose; only this proof adds to it.
    entries = dict(registry._PROVIDERS)
    entries["stripe"] = replace(entries["stripe"], open=open_stripe)
    entries["lago"] = replace(entries["lago"], open=open_lago)
    entries["lac"] = replace(_LAC, open=open_lac)
    entries[NAIVE] = replace(entries["stripe"], facts=_NAIVE_FACTS, open=open_naive)
    registry._PROVIDERS = entries
