"""While the bot is frozen nothing is sent, whatever was pressed before; and a day's limit holds under two hands at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.action import ActionState
from bot.domain.outcome import Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted
from tests.builders import EVE, INVOICE, NOW, an_invoice, paid
from tests.fakes import FakeProvider
from tests.services.bench import MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _freeze(bench: Bench) -> None:
    assert await bench.journal.freeze("U0MAYA", "wrong prices", NOW)


async def test_a_press_on_a_frozen_bot_is_refused_by_name(bench: Bench) -> None:
    offer = await bench.shown()
    await _freeze(bench)
    refusal = await bench.press(offer)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.facts["by"], refusal.facts["why"]) == (RefusalKind.FROZEN, "U0MAYA", "wrong prices")
    assert await bench.journal.open_actions() == []


async def test_what_was_accepted_and_not_sent_is_refused_when_the_freeze_comes(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await _freeze(bench)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.FROZEN
    assert bench.provider.performed == []


async def test_a_typed_retry_is_refused_too(bench: Bench) -> None:
    await _freeze(bench)
    refusal = await bench.type("in_1")
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.FROZEN


async def test_an_unknown_ending_is_read_while_frozen_and_not_sent_again(bench: Bench) -> None:
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.press(await bench.shown())
    await bench.work()
    await _freeze(bench)
    bench.provider.truths.append(Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect"))
    await bench.work(6 * SECOND)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.UNKNOWN, 1)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=INVOICE.owed))
    await bench.work(MINUTE)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_what_a_rate_limit_turned_away_is_looked_up_before_the_freeze_ends_it(bench: Bench) -> None:
    bench.provider.answers.append(Rejected(reason=RejectedReason.RATE_LIMITED, detail="slow down"))
    await bench.press(await bench.shown())
    await bench.work()
    await _freeze(bench)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=INVOICE.owed))
    await bench.work(MINUTE)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.SUCCEEDED, 1)


async def test_two_decisions_that_were_accepted_at_once_are_not_both_sent_over_the_days_limit(outside: Outside) -> None:
    invoices = [an_invoice(n, 90_000) for n in (1, 2)]
    bench = Bench(outside, FakeProvider(*invoices))
    offers = [await bench.shown(invoice, message=f"card:{n}") for n, invoice in enumerate(invoices)]
    accepted = await asyncio.gather(*(bench.press(offer) for offer in offers))
    if all(isinstance(answer, Accepted) for answer in accepted):  # else the second was refused at its press already
        await bench.work()
        states = sorted([await bench.state(invoice.ref) for invoice in invoices])
        assert states == [ActionState.REFUSED, ActionState.SUCCEEDED]
    assert len(bench.provider.performed) <= 1


async def test_a_freeze_says_nothing_to_who_may_not_act_anyway(bench: Bench) -> None:
    await _freeze(bench)
    offer = await bench.shown(replace(INVOICE))
    refusal = await bench.press(offer, actor=EVE)
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.NO_RIGHT
