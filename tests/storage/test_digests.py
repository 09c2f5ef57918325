"""One digest per scheduled time, whatever the schedulers of replicas do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.decline import DeclineClass
from bot.domain.digest import CurrencyTotal, Digest, DigestKey, Gap, ListedInvoice
from bot.domain.errors import LeaseLost
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.ports import Say
from bot.storage.engine import Storage
from tests.storage.builders import ALREADY_OVER, LEASE, NOW, OWED, REF, all_letters, an_offer

MONDAY = DigestKey("finance", "2026-11-23T09:00")
TUESDAY = DigestKey("finance", "2026-11-24T09:00")
FOUND = Digest(
    plan_name="finance",
    as_of=NOW,
    timezone="Europe/Berlin",
    totals=(CurrencyTotal(total=Money(126_000, "EUR"), count=3),),
    shown=1,
    accounts=("lago", "stripe"),
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _listed(*invoices: str) -> list[ListedInvoice]:
    return [ListedInvoice(InvoiceRef(*each.split(":")), OWED, DeclineClass.SOFT) for each in invoices]


async def _started(storage: Storage, key: DigestKey = MONDAY, owner: str = "a", lease: timedelta = LEASE) -> bool:
    return await storage.digests.start(key, "C0FIN", owner, lease, late=False)


async def _ran(storage: Storage, key: DigestKey, *invoices: str, digest: Digest = FOUND) -> None:
    assert await _started(storage, key)
    await storage.digests.add(key, "a", _listed(*invoices))
    await storage.digests.finish(key, "a", digest, [], f"digest-{key}")


async def test_of_two_replicas_that_fire_at_nine_one_posts(storage: Storage, replica: Storage) -> None:
    for day in range(1, 21):
        key = DigestKey("finance", f"2026-11-{day:02}T09:00")
        wins = await asyncio.gather(_started(storage, key, "a"), _started(replica, key, "b"))
        assert sorted(wins) == [False, True]


async def test_a_finished_digest_is_posted_by_the_outbox(storage: Storage) -> None:
    assert await storage.digests.ever_ran("finance") is False
    assert await _started(storage)
    offer = an_offer(message="digest-7")
    await storage.digests.finish(MONDAY, "a", FOUND, [offer], "digest-7")
    assert await storage.digests.found("digest-7") == (FOUND, "C0FIN")
    assert await storage.journal.shown("digest-7") == [offer]
    assert await storage.digests.last_finished("finance") == NOW
    assert await storage.digests.ran(MONDAY)
    assert not await storage.digests.ran(TUESDAY)
    assert await storage.digests.ever_ran("finance")
    assert [(letter.kind, letter.target) for letter in await all_letters(storage)] == [(Say.DIGEST, "digest-7")]
    assert await _started(storage, owner="b") is False


async def test_a_run_whose_owner_died_is_taken_over_afresh(storage: Storage) -> None:
    assert await _started(storage, owner="dead", lease=ALREADY_OVER)
    await storage.digests.add(MONDAY, "dead", _listed("stripe:in_old"))
    assert await storage.digests.unfinished() == [(MONDAY, "C0FIN", False)]
    assert await _started(storage, owner="a")
    assert await storage.digests.unfinished() == []
    await storage.digests.add(MONDAY, "a", _listed("stripe:in_1"))
    for late in (
        storage.digests.add(MONDAY, "dead", _listed("stripe:in_old")),
        storage.digests.finish(MONDAY, "dead", FOUND, [], "digest-dead"),
        storage.digests.fail(MONDAY, "dead", "too late"),
    ):
        with pytest.raises(LeaseLost):
            await late
    await storage.digests.finish(MONDAY, "a", FOUND, [], "digest-7")
    assert await storage.digests.found("digest-dead") is None
    await _started(storage, TUESDAY)
    assert await storage.digests.compare(TUESDAY, ["stripe"]) == (0, 1)


async def test_new_and_recovered_are_counted_against_the_run_before(storage: Storage) -> None:
    await _ran(storage, MONDAY, "stripe:in_1", "stripe:in_2", "lago:x1")
    assert await _started(storage, TUESDAY)
    await storage.digests.add(TUESDAY, "a", _listed("stripe:in_2", "stripe:in_3", "stripe:in_4"))
    await storage.digests.add(TUESDAY, "a", _listed("stripe:in_4"))
    assert await storage.digests.compare(TUESDAY, ["lago", "stripe"]) == (2, 2)
    assert await storage.digests.compare(TUESDAY, ["stripe"]) == (2, 1)
    assert await storage.digests.compare(TUESDAY, []) == (0, 0)


async def test_an_account_that_could_not_be_read_last_time_has_nothing_new(storage: Storage) -> None:
    gap = replace(FOUND, gaps=(Gap("lago", "lago did not answer"),))
    await _ran(storage, MONDAY, "stripe:in_1", digest=gap)
    assert await _started(storage, TUESDAY)
    await storage.digests.add(TUESDAY, "a", _listed("stripe:in_1", "lago:x1"))
    assert await storage.digests.compare(TUESDAY, ["lago", "stripe"]) == (0, 0)


async def test_the_first_run_compares_with_nothing(storage: Storage) -> None:
    assert await _started(storage, DigestKey("other", "2026-11-22T09:00"))
    assert await _started(storage)
    assert await storage.digests.compare(MONDAY, ["stripe"]) is None


async def test_a_failed_run_is_told_to_the_operators(storage: Storage) -> None:
    assert await _started(storage)
    await storage.digests.fail(MONDAY, "a", "stripe did not answer")
    (letter,) = await all_letters(storage)
    assert (letter.kind, letter.target) == (Say.ALERT, "digest_failed")
    assert letter.body == {"digest": "finance", "detail": "stripe did not answer"}
    assert await storage.digests.unfinished() == []
    assert await _started(storage, owner="b") is False
    assert await storage.digests.last_finished("finance") is None


async def test_lists_of_old_digests_are_forgotten_but_the_newest_is_kept(storage: Storage) -> None:
    await _ran(storage, MONDAY, "stripe:in_1")
    await _ran(storage, TUESDAY, "stripe:in_1", str(REF))
    await storage.journal.prune(NOW + timedelta(days=91))
    third = DigestKey("finance", "2026-11-25T09:00")
    assert await _started(storage, third)
    assert await storage.digests.compare(third, ["stripe"]) == (0, 1)
    assert await storage.digests.compare(TUESDAY, ["stripe"]) == (1, 0)
