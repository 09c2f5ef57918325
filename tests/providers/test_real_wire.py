"""The same endings over real sockets, where httpx itself finds out what went wrong."""

from __future__ import annotations

import pytest

from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Rejected, RejectedReason, Succeeded, Unknown
from bot.ports import Provider
from bot.providers.registry import open_provider
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.wire import serve
from tests.providers.wire import FixedClock, an_order


def opened(fake: FakeStripe, url: str) -> Provider:
    values = {**fake.credentials(), "base_url": url, "requests_per_second": "1000"}
    return open_provider("stripe", "stripe", values, FixedClock())


async def an_invoice(provider: Provider, fake: FakeStripe, magic: str) -> Invoice:
    invoice = await provider.get(InvoiceRef("stripe", fake.add_invoice(magic=magic)))
    assert invoice is not None
    return invoice


@pytest.mark.parametrize(
    ("magic", "ending"),
    [("paid", Succeeded), ("charge_then_reset", Unknown), ("charge_then_cut", Unknown), ("charge_then_html", Unknown)],
)
async def test_a_charge_whose_answer_is_lost_on_the_wire_is_unknown(magic: str, ending: type) -> None:
    fake = FakeStripe()
    server = await serve(fake.respond)
    provider = opened(fake, server.url)
    outcome = await provider.perform(an_order(await an_invoice(provider, fake, magic)))
    await provider.close()
    await server.close()
    assert isinstance(outcome, ending)
    assert len(fake.charges) == 1


async def test_a_provider_that_is_not_there_is_surely_not_reached() -> None:
    fake = FakeStripe()
    server = await serve(fake.respond)
    provider = opened(fake, server.url)
    invoice = await an_invoice(provider, fake, "paid")
    await provider.close()
    await server.close()
    gone = opened(fake, server.url)
    outcome = await gone.perform(an_order(invoice))
    await gone.close()
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE
    assert fake.charges == []
