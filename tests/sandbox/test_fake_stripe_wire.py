from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from bot.sandbox.providers.magic import Disturbance
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.wire import Fault, RunningServer, WireReply, serve
from bot.sandbox.world import World
from tests.sandbox.stripe_client import Client


@pytest.mark.parametrize(
    ("magic", "error"),
    [
        ("charge_then_hang", TimeoutError),
        ("charge_then_reset", aiohttp.ClientConnectionError),
        ("charge_then_cut", aiohttp.ClientPayloadError),
    ],
)
async def test_the_money_moves_although_no_whole_answer_arrives(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession, magic: str, error: type[Exception]
) -> None:
    invoice = stripe.add_invoice(magic=magic, amount=500)
    with pytest.raises(error):
        async with http.post(f"{server.url}/v1/invoices/{invoice}/pay", headers={"Idempotency-Key": "k"}) as response:
            await response.read()
    assert stripe.collected(invoice) == 500
    async with http.get(f"{server.url}/v1/invoices/{invoice}") as response:
        assert (await response.json())["status"] == "paid"


async def test_a_hang_without_a_charge_collects_nothing(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession
) -> None:
    invoice = stripe.add_invoice(magic="hang")
    with pytest.raises(TimeoutError):
        await http.post(f"{server.url}/v1/invoices/{invoice}/pay")
    assert stripe.charges == []


async def test_a_web_page_comes_back_with_200_after_the_charge(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession
) -> None:
    invoice = stripe.add_invoice(magic="charge_then_html")
    async with http.post(f"{server.url}/v1/invoices/{invoice}/pay") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "Request-Id" in response.headers
    assert len(stripe.charges) == 1


@pytest.mark.parametrize("what", list(Disturbance))
async def test_everything_can_be_made_to_fail_without_effect_and_then_to_work_again(
    stripe: FakeStripe, server: RunningServer, http: aiohttp.ClientSession, what: Disturbance
) -> None:
    stripe.add_invoice()
    stripe.everything = what
    statuses = {Disturbance.ERROR: 500, Disturbance.LIMITED: 429}
    if what in (Disturbance.HANG, Disturbance.RESET, Disturbance.TRUNCATED):
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            async with http.get(f"{server.url}/v1/invoices") as response:
                await response.read()
    else:
        async with http.get(f"{server.url}/v1/invoices") as response:
            assert response.status == statuses.get(what, 200)
            assert b'"data"' not in await response.read()
    stripe.everything = None
    async with http.get(f"{server.url}/v1/invoices") as response:
        assert len((await response.json())["data"]) == 1


def test_faults_can_be_counted(stripe: FakeStripe, client: Client) -> None:
    stripe.control("everything", {"what": "500", "times": 2})
    assert [client.get("/v1/invoices")[0] for _ in range(3)] == [500, 500, 200]


def test_a_fault_after_the_effect_befalls_any_write_and_no_read(stripe: FakeStripe, client: Client) -> None:
    stripe.after_effect = Disturbance.ERROR
    invoice = stripe.add_invoice()
    assert client.post(invoice, "void", key="k")[0] == 500
    assert client.post(invoice, "void", key="k")[0] == 500
    assert client.status(invoice) == "void"


async def test_closing_the_server_ends_a_hanging_request_at_once() -> None:
    running = await serve(lambda _: WireReply(200, {}, b"", Fault.HANG))
    async with aiohttp.ClientSession() as session, aiohttp.ClientSession() as other:
        hanging = asyncio.create_task(session.get(running.url))
        with pytest.raises(TimeoutError):
            await other.get(running.url, timeout=aiohttp.ClientTimeout(total=0.1))
        async with asyncio.timeout(2):
            await running.close()
            with pytest.raises(aiohttp.ClientError):
                await hanging


async def test_an_unreachable_provider_comes_back_on_the_same_port(http: aiohttp.ClientSession) -> None:
    world = World()
    await world.start()
    try:
        url = world.url("stripe")
        assert await world.control("unreachable", {"provider": "stripe"}) == {"reachable": False}
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(f"{url}/v1/invoices")
        await world.control("reachable", {})
        async with http.get(f"{url}/v1/invoices") as response:
            assert response.status == 200
    finally:
        await world.stop()


async def test_the_world_does_what_the_page_asks_and_shows_it_as_json() -> None:
    world = World()
    invoice = (await world.control("add_invoice", {"name": "Otter Books", "amount": 300}))["invoice"]
    await world.control("pay_elsewhere", {"provider": "stripe", "invoice": invoice})
    shown = json.loads(json.dumps(world.snapshot()))["stripe"]
    assert shown["invoices"][0] | {"status": "paid", "customer": "Otter Books", "collected": 300} == shown["invoices"][0]
    assert [(one["invoice"], one["key"]) for one in shown["ledger"]] == [(invoice, None)]
    for name, args in (("no_such", {}), ("pay_elsewhere", {"invoice": invoice}), ("void_elsewhere", {"invoice": "in_no"})):
        with pytest.raises(ValueError, match=r"\w"):
            await world.control(name, args)
    with pytest.raises(ValueError, match="no provider"):
        await world.control("seed_demo", {"provider": "abacus"})
