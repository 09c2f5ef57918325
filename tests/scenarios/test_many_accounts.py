"""Two Stripe accounts, one Lago and one LAC in one digest: complete about what it has, exact about what it lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.sandbox.providers.lac import FakeLac
from bot.sandbox.providers.lago import FakeLago
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.providers.stripe_door import ApiKey
from tests.scenarios.reading import read
from tests.scenarios.stage import MAYA, Fakes, House, Stage, opened

LIVE_KEY = "sk_live_recoupScenario0000"


def _others(now: Callable[[], float]) -> Fakes:
    american = FakeStripe(now, keys=[ApiKey(LIVE_KEY, live=True)], live=True)
    american.slug = "stripe-us"
    return american, FakeLago(now), FakeLac(now)


@pytest.fixture
async def many(database: Path, house: House) -> AsyncIterator[Stage]:
    async with opened(database, house, beside=_others) as running:
        yield running


def american(stage: Stage) -> FakeStripe:
    found = stage.world.providers["stripe-us"]
    assert isinstance(found, FakeStripe)
    return found


def lago(stage: Stage) -> FakeLago:
    found = stage.world.providers["lago"]
    assert isinstance(found, FakeLago)
    return found


def lac(stage: Stage) -> FakeLac:
    found = stage.world.providers["lac"]
    assert isinstance(found, FakeLac)
    return found


async def test_all_accounts_stand_in_one_digest_each_row_with_its_account_and_mode(many: Stage) -> None:
    bill = many.bill(amount=42_000)
    american(many).add_invoice(
        name="Redwood Inc", number="US-1", amount=9_900, currency="usd", decline="insufficient_funds"
    )
    lago(many).add_invoice(name="Lumière SARL", amount=15_000, currency="EUR")
    fin = lac(many).books.add_invoice(name="Esimerkki Oy")
    await many.command(MAYA, f"watch lac:{fin}")
    await many.told(MAYA, "is watched now")

    digest = await many.digest()

    said = read(digest.blocks)
    assert said.says("3 failed invoices (live and test mode)", "EUR 570.00 (2)", "USD 99.00 (1)")
    assert said.says("Missing: lac: it has no list")
    assert many.row(bill, digest).says("· stripe", "TEST")
    assert said.says("Redwood Inc · US-1 · USD 99.00 · LIVE · stripe-us")
    assert said.says("Lumière SARL", "EUR 150.00", "lago")
    assert said.says("Watched: 1 invoice", fin)


async def test_one_that_is_down_and_one_that_is_limited_hide_nothing_of_five_thousand(many: Stage) -> None:
    for number in range(5_000):
        many.stripe.add_invoice(amount=100 + number % 7, number=f"BULK-{number}", decline="insufficient_funds")
    lago(many).add_invoice(name="Lumière SARL", amount=15_000, currency="EUR")
    await many.disturb("unreachable", provider="lago")
    await many.disturb("everything", provider="stripe-us", what="429")

    digest = await many.digest()

    said = read(digest.blocks)
    total = sum(100 + number % 7 for number in range(5_000))
    assert said.says("5000 failed invoices", f"EUR {total // 100:,}.{total % 100:02d} (5000)")
    assert said.says("Missing: lago:", "Missing: stripe-us:", "slow down", "Missing: lac:")
    assert "Lumière" not in said.text


async def test_a_bare_id_finds_its_account_and_asks_back_where_two_have_it(many: Stage) -> None:
    only_there = american(many).add_invoice(id="in_1OnlyThere", number="US-2", decline="insufficient_funds")
    await many.command(MAYA, f"retry {only_there}")
    await many.told(MAYA, "US-2", "Paid")
    assert american(many).collected(only_there) == 4900

    twin = many.bill()
    american(many).add_invoice(id=twin.id, number="US-3", decline="insufficient_funds")
    await many.command(MAYA, f"retry {twin.id}")
    await many.told(MAYA, f"stripe:{twin.id}", f"stripe-us:{twin.id}")
    assert many.sends(twin) == []
    assert american(many).collected(twin.id) == 0

    await many.command(MAYA, f"retry stripe-us:{twin.id}")
    await many.told(MAYA, "US-3", "Paid")
    assert many.collected(twin) == 0
    assert american(many).collected(twin.id) == 4900


async def test_lago_is_retried_end_to_end(many: Stage) -> None:
    invoice = lago(many).add_invoice(name="Lumière SARL", amount=15_000, currency="EUR", magic="paid")
    await many.command(MAYA, f"retry {invoice}")
    await many.told(MAYA, "Paid EUR 150.00", within=40.0)
    assert lago(many).collected(invoice) == 15_000


async def test_lac_is_asked_to_deliver_again_after_a_second_look_and_its_pdf_is_handed_over(many: Stage) -> None:
    invoice = lac(many).books.add_invoice(name="Esimerkki Oy", magic="queued")
    await many.command(MAYA, f"resend lac:{invoice}")
    asked = await many.told(MAYA, "Nothing was sent yet")
    message = many.private_saying(MAYA, "Nothing was sent yet")[-1]
    await many.push(MAYA, asked.button("Resend invoice"), message)
    await many.told(MAYA, "Delivery requested", "queued")
    await many.command(MAYA, f"pdf lac:{invoice}")
    await many.told(MAYA, "in your direct messages")


async def test_what_lac_cannot_do_is_said_with_the_next_best_thing(many: Stage) -> None:
    invoice = lac(many).books.add_invoice(name="Esimerkki Oy")
    for command, words in (("retry", "charges no cards"), ("link", "does not offer “payment page”")):
        await many.command(MAYA, f"{command} lac:{invoice}")
        await many.told(MAYA, words)


async def test_a_provider_that_hangs_does_not_keep_the_others_waiting(many: Stage) -> None:
    hanging = [many.bill("hang") for _ in range(12)]
    for bill in hanging:
        await many.command(MAYA, f"retry {bill.ref}")
    await many.eventually(lambda: all(many.sends(bill) for bill in hanging), "twelve hanging sends")
    invoice = lago(many).add_invoice(name="Lumière SARL", amount=15_000, currency="EUR", magic="paid")
    await many.command(MAYA, f"retry {invoice}")
    await many.told(MAYA, "Paid EUR 150.00")
