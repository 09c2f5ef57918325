"""A payment that is on its way: taken back minutes after the retry, or collected where it was only authorized."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.sandbox.providers.braintree import FakeBraintree
from tests.scenarios.stage import MAYA, Fakes, House, Stage, opened


def _braintree(now: Callable[[], float]) -> Fakes:
    return (FakeBraintree(now),)


@pytest.fixture
async def stage(database: Path, house: House) -> AsyncIterator[Stage]:
    async with opened(database, house, beside=_braintree) as running:
        yield running


def fake(stage: Stage) -> FakeBraintree:
    found = stage.world.providers["braintree"]
    assert isinstance(found, FakeBraintree)
    return found


async def test_a_retry_of_a_minute_ago_is_taken_back_by_a_void_that_says_what_it_does(stage: Stage) -> None:
    invoice = fake(stage).add_invoice(name="Fathom Dive Club", amount=7_300)
    await stage.command(MAYA, f"retry braintree:{invoice}")
    await stage.told(MAYA, "Paid EUR 73.00")
    assert fake(stage).collected(invoice) == 7_300
    await stage.command(MAYA, f"void braintree:{invoice}")
    dialog = await stage.eventually(
        lambda: found if "Void" in str(found := stage.slack.view_of(MAYA)) and "flight" in str(found) else None,
        "the dialog",
    )
    assert "EUR 73.00" in str(dialog)
    assert "may not become past due again" in str(dialog)
    await stage.slack.submit(MAYA, {"reason_choice": {"invoice.reason_choice": "duplicate"}})
    await stage.told(MAYA, "Voided: EUR 73.00")
    assert fake(stage).collected(invoice) == 0


async def test_what_a_colleague_s_program_only_authorized_is_collected_by_finalize(stage: Stage) -> None:
    books = fake(stage).books
    invoice = fake(stage).add_invoice(name="Fathom Dive Club", amount=7_300)
    books.charge(books.subscriptions[invoice], books.subscriptions[invoice].balance, "API", submit=False)
    await stage.command(MAYA, f"finalize braintree:{invoice}")
    dialog = await stage.eventually(
        lambda: found if "only authorized" in str(found := stage.slack.view_of(MAYA)) else None, "the dialog"
    )
    assert "EUR 73.00" in str(dialog)
    await stage.slack.submit(MAYA, {})
    await stage.told(MAYA, "Finalized")
    assert fake(stage).collected(invoice) == 7_300


async def test_a_settled_payment_cannot_be_voided_and_it_is_said_why(stage: Stage) -> None:
    invoice = fake(stage).add_invoice(name="Fathom Dive Club", status="paid")
    await stage.command(MAYA, f"void braintree:{invoice}")
    await stage.eventually(lambda: "no payment under way" in str(stage.slack.view_of(MAYA)) or None, "the refusal")
    assert not any(request.is_mutation for request in fake(stage).requests)
