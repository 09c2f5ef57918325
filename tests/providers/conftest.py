from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import stripe

from bot.domain.action import Action
from bot.providers.registry import facts_of, slugs
from bot.sandbox.wire import serve
from tests.providers.benches import BENCHES, Bench
from tests.providers.court import Court


@pytest.fixture(params=slugs())
def bench(request: pytest.FixtureRequest) -> Bench:
    return BENCHES[request.param]()


@pytest.fixture(params=[slug for slug in slugs() if Action.RETRY in facts_of(slug).capabilities])
def charger(request: pytest.FixtureRequest) -> Bench:
    """A provider that can retry."""
    return BENCHES[request.param]()


@pytest.fixture(params=[slug for slug in slugs() if facts_of(slug).can_read])
def reader(request: pytest.FixtureRequest) -> Bench:
    """A provider whose invoices can be read."""
    return BENCHES[request.param]()


@pytest.fixture(params=[slug for slug in slugs() if facts_of(slug).has_list])
def lister(request: pytest.FixtureRequest) -> Bench:
    """A provider whose invoices can be listed and searched."""
    return BENCHES[request.param]()


@pytest.fixture(params=[slug for slug in slugs() if any(one.takes_method for one in facts_of(slug).capabilities.values())])
def chooser(request: pytest.FixtureRequest) -> Bench:
    """A provider that charges another stored method on demand."""
    return BENCHES[request.param]()


@pytest.fixture(scope="session")
def sdk_http() -> Iterator[stripe.HTTPXClient]:
    """The SDK's telemetry is off: a header about the request before would come and go with the order of tests."""
    kept, stripe.enable_telemetry = stripe.enable_telemetry, False
    http = stripe.HTTPXClient(allow_sync_methods=True, timeout=5)
    yield http
    http.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
    stripe.enable_telemetry = kept


@pytest.fixture
async def court(sdk_http: stripe.HTTPXClient) -> AsyncIterator[Court]:
    opened = Court(sdk_http)
    server = await serve(opened.respond)
    opened.url = server.url
    yield opened
    await server.close()
