"""`recoup reconcile`: every open decision read once, nothing sent, nothing lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app import SystemClock, open_accounts
from bot.domain.action import ActionState
from bot.domain.errors import JournalUnavailable
from bot.domain.invoice import InvoiceRef
from bot.domain.records import Before, Claim
from bot.reconcile import reconcile
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.world import World
from bot.settings import AccountConfiguration, Configuration
from bot.slack import StartRefused
from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from tests.storage.builders import INVOICE, a_press, a_step, an_accepted, an_offer

LEASE = timedelta(seconds=120)
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    running = World([FakeStripe()])
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def stripe(world: World) -> FakeStripe:
    provider = world.providers["stripe"]
    assert isinstance(provider, FakeStripe)
    return provider


@pytest.fixture
async def configuration(world: World, stripe: FakeStripe, tmp_path: Path) -> Configuration:
    url = f"sqlite+aiosqlite:///{tmp_path}/recoup.db"
    await migrate(url)
    values = {**stripe.credentials(), "base_url": world.url("stripe"), "requests_per_second": "500"}
    return Configuration(
        slack=None,
        database_url=url,
        host="127.0.0.1",
        port=0,
        log_level="ERROR",
        command="/invoice",
        ops_channel=None,
        accounts=(AccountConfiguration("stripe", "stripe", values),),
        digests=(),
        roles={},
        rules=(),
    )


@dataclass(frozen=True)
class Desk:
    """Somebody who has pressed Retry in a bot that has stopped since."""

    configuration: Configuration
    storage: Storage

    async def sent(self, invoice: str, minutes_ago: int = 30) -> Claim:
        """A retry that was begun so long ago, and whose answer nobody has."""
        then = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        accounts = open_accounts(self.configuration.accounts, SystemClock())
        fresh = await accounts.get(InvoiceRef("stripe", invoice), thorough=True)
        await accounts.close()
        assert fresh is not None
        offer = an_offer(fresh, message=invoice)
        await self.storage.journal.draw([offer])
        await an_accepted(self.storage, a_press(offer, at=then))
        claim = await self.storage.journal.claim(f"worker-{invoice}", LEASE, then)
        assert claim is not None
        attempt = await self.storage.journal.begin(claim, Before.of(fresh), LEASE, then)
        return replace(claim, attempt=attempt, action=replace(claim.action, state=ActionState.EXECUTING))


@asynccontextmanager
async def _desk(configuration: Configuration) -> AsyncIterator[Desk]:
    async with open_storage(configuration.database_url, exclusive=True) as storage:
        yield Desk(configuration, storage)


async def _states(configuration: Configuration) -> list[ActionState]:
    async with open_storage(configuration.database_url, read_only=True) as storage:
        return [action.state for action in await storage.journal.open_actions()]


async def test_every_open_decision_is_read_once_and_told_before_and_after(
    configuration: Configuration, world: World, stripe: FakeStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = stripe.add_invoice(name="Paid Ltd")
    untouched = stripe.add_invoice(name="Open Ltd")
    async with _desk(configuration) as desk:
        storage = desk.storage
        unknown = await desk.sent(paid)
        await world.control("pay_elsewhere", {"invoice": paid})
        await storage.journal.record(unknown, replace(a_step(ActionState.UNKNOWN), next_check_at=LATER))
        human = await desk.sent(untouched)
        await storage.journal.record(human, a_step(ActionState.NEEDS_HUMAN))
        waiting = an_offer(replace(INVOICE, ref=InvoiceRef("stripe", "in_wait")), message="waiting")
        accepted = await an_accepted(storage, a_press(waiting, at=datetime.now(UTC)))
    assert await reconcile(configuration) == 3, "one was never sent, and stays open"
    told = [line for line in capsys.readouterr().out.splitlines() if "provider.replied" not in line]
    assert f"{unknown.action.reference}  retry stripe:{paid}: unknown → succeeded" in told, told
    assert f"{human.action.reference}  retry stripe:{untouched}: needs_human → not_applied" in told
    assert any(accepted.action.reference in line and "accepted, not sent yet" in line for line in told)
    assert told[-1].startswith("3 open before, 1 open now. Nothing was sent")
    assert [request.method for request in stripe.requests if request.method != "GET"] == []
    assert await _states(configuration) == [ActionState.ACCEPTED]


async def test_what_the_bot_could_send_again_is_only_read(
    configuration: Configuration, stripe: FakeStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within ten minutes, with a key that Stripe knows and no effect to be seen, the running bot would send once more."""
    invoice = stripe.add_invoice(name="Open Ltd")
    async with _desk(configuration) as desk:
        await desk.sent(invoice, minutes_ago=1)
    assert await reconcile(configuration) == 3
    assert [request.method for request in stripe.requests if request.method != "GET"] == []
    assert await _states(configuration) == [ActionState.UNKNOWN]
    assert "unknown" in capsys.readouterr().out


async def test_a_provider_that_does_not_answer_leaves_the_doubt_and_uses_up_no_check(
    configuration: Configuration, world: World, stripe: FakeStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _desk(configuration) as desk:
        claim = await desk.sent(stripe.add_invoice(name="Open Ltd"))
        await desk.storage.journal.record(claim, a_step(ActionState.NEEDS_HUMAN))
    await world.control("unreachable", {})
    assert await reconcile(configuration) == 3
    assert "needs_human → needs_human (" in capsys.readouterr().out
    assert await _states(configuration) == [ActionState.NEEDS_HUMAN]


async def test_a_verdict_that_waits_is_left_to_the_bot_which_can_ask_for_the_person_s_rights(
    configuration: Configuration, stripe: FakeStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _desk(configuration) as desk:
        claim = await desk.sent(stripe.add_invoice(name="Open Ltd"))
        await desk.storage.journal.record(claim, a_step(ActionState.NEEDS_HUMAN))
        told = '{"by": "U0TOM", "team": "T0TEAM", "which": "done", "at": "2026-11-20T09:00:00+00:00", "note": "seen", '
        told += '"reply_to": {"user": "U0TOM", "channel": "C0FIN"}}'
        async with desk.storage.journal._db.write() as connection:
            await connection.execute(text("UPDATE action SET verdict = :told"), {"told": told})
    before = await _states(configuration)
    assert await reconcile(configuration) == 3
    assert "a person's verdict waits" in capsys.readouterr().out
    assert await _states(configuration) == before == [ActionState.NEEDS_HUMAN]


async def test_where_nothing_is_open_the_status_is_0(
    configuration: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await reconcile(configuration) == 0
    assert capsys.readouterr().out.startswith("0 open before, 0 open now.")


async def test_beside_a_running_bot_it_is_refused_and_reads_nothing(
    configuration: Configuration, stripe: FakeStripe
) -> None:
    async with _desk(configuration) as desk:
        await desk.sent(stripe.add_invoice(name="Open Ltd"))
        read = len(stripe.requests)
        with pytest.raises(JournalUnavailable, match="in use by another `recoup run`"):
            await reconcile(configuration)
    assert len(stripe.requests) == read


async def test_without_tables_the_command_that_makes_them_is_named(configuration: Configuration, tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="recoup migrate"):
        await reconcile(replace(configuration, database_url=f"sqlite:///{tmp_path}/none.db"))
