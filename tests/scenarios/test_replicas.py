"""Two replicas on one PostgreSQL: every press runs once, every digest is posted once, whoever takes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from bot.app import assembled
from tests import postgres
from tests.scenarios.stage import MAYA, RETRY, TOM, House, opened

ROUNDS = 5


async def test_two_replicas_charge_once_however_the_presses_fall() -> None:
    async with opened(postgres.fresh_database(), House(over_socket=True)) as stage:
        await stage.start()  # a second one: Slack gives each press to either
        bills = [stage.bill() for _ in range(ROUNDS)]
        digest = await stage.digest()
        buttons = [stage.row(bill, digest).button(RETRY) for bill in bills]

        await asyncio.gather(*(stage.push(user, button, digest) for button in buttons for user in (MAYA, TOM, MAYA)))

        for bill in bills:
            await stage.row_says(bill, digest, "Paid EUR 49.00")
            assert len(stage.charges(bill)) == 1
            assert stage.sends(bill) == ["pay"]
        assert len(stage.digests()) == 1


async def test_a_digest_that_falls_due_on_two_replicas_is_posted_once() -> None:
    async with opened(postgres.fresh_database(), House(over_socket=True)) as stage:
        stage.bill()
        monday_at_nine = datetime(2026, 11, 23, 8, 0, 20, tzinfo=UTC)  # 09:00 in Berlin
        stage.clock.ahead += monday_at_nine - stage.clock.now()
        async with (
            assembled(stage.configuration, stage.clock) as one,
            assembled(stage.configuration, stage.clock) as other,
        ):
            await asyncio.gather(*(bot.digests.fire("finance") for bot in (one, other, one)))
            while await one.delivery.step() or await other.delivery.step():
                pass

        assert len(stage.digests()) == 1
        assert "1 failed invoice" in stage.digests()[0].text
