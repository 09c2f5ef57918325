from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.providers.stripe import SECRET_KEY, FakeStripe
from bot.sandbox.wire import RunningServer, serve
from tests.sandbox.stripe_client import Client, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stripe(clock: Clock) -> FakeStripe:
    return FakeStripe(clock)


@pytest.fixture
def client(stripe: FakeStripe) -> Client:
    return Client(stripe)


@pytest.fixture
async def server(stripe: FakeStripe) -> AsyncIterator[RunningServer]:
    running = await serve(stripe.respond)
    yield running
    await running.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=0.4)) as session:
        yield session
