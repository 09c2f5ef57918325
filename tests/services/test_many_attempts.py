"""The limit of attempts and the network's wait, from the press to the message that has its button back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import ActionState
from bot.domain.content import Choice
from bot.domain.outcome import Declined, Outcome
from bot.domain.refusal import RefusalKind
from bot.ports import ActionOrder
from tests.builders import AMEX, FUNDS, INVOICE, NOW, REF, declined
from tests.fakes import FakeProvider
from tests.services.bench import HOUR, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRESH = replace(INVOICE, created_at=NOW - timedelta(hours=2), attempts=1, newest_charge_at=None)
A_DAY = replace(FUNDS, wait=timedelta(hours=24))


class Declining(FakeProvider):
    """Refuses every retry, and shows it afterwards as a provider does."""

    decline = FUNDS

    async def perform(self, order: ActionOrder) -> Outcome:
        self.answers.append(Declined(decline=self.decline))
        outcome = await super().perform(order)
        self.now_shows(declined(FRESH, self.decline, charge=f"ch_{len(self.performed) + 1}"))
        return outcome


class Resting(Declining):
    """Whose card has to rest for a day."""

    decline = A_DAY


async def test_eight_retries_are_asked_back_and_fifteen_are_the_end(outside: Outside) -> None:
    bench = Bench(outside, Declining(FRESH))
    for known in range(1, 16):
        offer = await bench.shown(bench.provider.invoices[REF])
        row = await bench.fresh_row()
        assert (row.attempts.at_least if row.attempts else None) == (known if known >= 8 else None)
        assert (Choice.RETRY in row.choices) == (known < 15)
        await bench.press(offer)
        await bench.work()
        bench.clock.advance(HOUR)
    refusal = await bench.refusal()
    assert refusal.kind is RefusalKind.ATTEMPTS_SPENT
    assert (refusal.facts["count"], refusal.facts["limit"]) == ("15", "15")
    assert len(bench.provider.performed) == 14


async def test_a_typed_retry_after_many_attempts_is_sent_only_from_the_card_that_tells_them(outside: Outside) -> None:
    many = replace(FRESH, attempts=8)
    bench = Bench(outside, FakeProvider(many))
    await bench.type(str(REF))
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.CONFIRM_ATTEMPTS
    assert bench.provider.performed == []
    await bench.press(await bench.shown(many))
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_the_limit_is_the_invoice_s_whichever_method_is_named(outside: Outside) -> None:
    spent = replace(FRESH, attempts=15)
    bench = Bench(outside, FakeProvider(spent))
    await bench.type(str(REF), method=AMEX.id)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.ATTEMPTS_SPENT
    assert bench.provider.performed == []


async def test_after_a_decline_with_a_wait_the_button_is_back_when_the_wait_is_over(outside: Outside) -> None:
    bench = Bench(outside, Resting(FRESH))
    await bench.press(await bench.shown(FRESH))
    await bench.work()
    await bench.talk()
    ended_at = (await bench.ending()).at
    until = ended_at + timedelta(hours=24)
    assert await bench.storage.outbox.next_due() == until
    bench.clock.advance(2 * HOUR)
    row = await bench.fresh_row()
    assert (Choice.RETRY in row.choices, Choice.RETRY_WITH in row.choices) == (False, True)
    await bench.type(str(REF))
    await bench.work()
    refusal = await bench.refusal()
    assert (refusal.kind, refusal.facts["until"]) == (RefusalKind.NETWORK_WAIT, until.isoformat())
    bench.clock.set(until)
    assert Choice.RETRY in (await bench.fresh_row()).choices
    said = len(bench.announcer.said)
    await bench.talk()
    assert len(bench.announcer.said) > said, "the message was drawn again"


async def test_another_stored_method_need_not_wait_for_the_network_of_the_declined_one(outside: Outside) -> None:
    waiting = declined(replace(FRESH, newest_charge_at=NOW - 2 * HOUR), A_DAY)
    bench = Bench(outside, FakeProvider(waiting))
    await bench.type(str(REF), method=AMEX.id)
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED
