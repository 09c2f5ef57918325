"""The seals over the audit trail: what is changed behind the bot's back is found, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from bot.domain.audit import BEGINNING
from bot.domain.errors import JournalUnavailable
from bot.services import audit
from bot.services.audit import Sealing, Verified, verify
from bot.storage.engine import Storage
from tests.storage.builders import INVOICE, NOW, REF, a_press, an_accepted, an_offer

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class At:
    """A clock that stands still."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 3)


async def _decisions(storage: Storage, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        offer = an_offer(replace(INVOICE, ref=replace(REF, id=f"in_{number}")), message=f"digest-{number}")
        await an_accepted(storage, a_press(offer))


async def _sealed(storage: Storage, count: int = 8) -> Verified:
    """So many events, under three seals where there are eight."""
    await _decisions(storage, count)
    assert await Sealing(storage.audit, At()).catch_up() == count
    found = await verify(storage.audit)
    assert found.problem is None
    return found


async def _tamper(storage: Storage, *statements: str) -> None:
    """Somebody with the database's own password: without the triggers, nothing is in the way."""
    async with storage.journal._db.write() as connection:
        if not storage.journal._db.is_sqlite:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await connection.execute(text(statement))
            return
        found = await connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        triggers = [(name, sql) for name, sql in found]
        for name, _ in triggers:
            await connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            await connection.execute(text(statement))
        for _, sql in triggers:
            await connection.execute(text(sql))


async def _ids(storage: Storage, table: str) -> Sequence[int]:
    async with storage.journal._db.read() as connection:
        return list((await connection.execute(text(f"SELECT id FROM {table} ORDER BY id"))).scalars())


async def test_everything_new_is_sealed_in_batches_and_verifies(storage: Storage) -> None:
    found = await _sealed(storage)
    assert (found.events, found.seals, found.unsealed) == (8, 3, 0)
    seals = await storage.audit.seals(None, 10)
    assert [seal.events for seal in seals] == [3, 3, 2]
    assert [seal.previous for seal in seals] == [BEGINNING, *(seal.digest for seal in seals[:-1])]
    assert found.head == seals[-1].digest


async def test_nothing_new_makes_no_seal_and_what_is_new_is_counted_until_it_is_sealed(storage: Storage) -> None:
    sealing = Sealing(storage.audit, At())
    assert await sealing.catch_up() == 0
    assert await verify(storage.audit) == Verified(events=0, seals=0, unsealed=0, head=None)
    await _sealed(storage, 2)
    assert await sealing.catch_up() == 0
    await _decisions(storage, 4, first=10)
    assert (await verify(storage.audit)).unsealed == 4
    assert await sealing.catch_up() == 4
    assert (await verify(storage.audit)).seals == 3


async def test_events_and_seals_can_neither_be_changed_nor_deleted(storage: Storage) -> None:
    await _sealed(storage, 2)
    statements = ("UPDATE event SET actor = 'U0EVE'", "DELETE FROM event", "UPDATE seal SET events = 1", "DELETE FROM seal")
    for statement in statements:
        with pytest.raises(JournalUnavailable, match="append-only"):
            async with storage.journal._db.write() as connection:
                await connection.execute(text(statement))
    assert (await verify(storage.audit)).problem is None


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'U0EVE'",
        "actor = NULL",
        "at = at + 1",
        "kind = 'action.refused'",
        "invoice = 'in_other'",
        "account = 'lago'",
        "action_id = NULL",
        """facts = '{"amount": "EUR 1.00"}'""",
        "facts = 'nonsense'",
    ],
)
async def test_an_event_that_was_changed_is_found(storage: Storage, change: str) -> None:
    if "nonsense" in change and not storage.journal._db.is_sqlite:
        change = "facts = '[]'"  # PostgreSQL takes nothing that is no JSON
    await _sealed(storage)
    fifth = (await _ids(storage, "event"))[4]
    await _tamper(storage, f"UPDATE event SET {change} WHERE id = {fifth}")
    found = await verify(storage.audit)
    assert found.problem is not None
    assert f"Events {fifth - 1} to {fifth + 1} (seal" in found.problem
    assert found.problem.endswith("an event, or the seal itself, was changed after sealing.")
    assert (found.seals, found.events) == (1, 3), "what comes before it still fits"


async def test_an_event_that_was_removed_is_found(storage: Storage) -> None:
    await _sealed(storage)
    second = (await _ids(storage, "event"))[1]
    await _tamper(storage, f"DELETE FROM event WHERE id = {second}")
    found = await verify(storage.audit)
    assert found.problem is not None
    assert found.problem.endswith("an event was removed after sealing; 3 were sealed, 2 are there.")


async def test_an_event_that_was_put_in_is_found(storage: Storage) -> None:
    await _decisions(storage, 3)
    third = (await _ids(storage, "event"))[2]
    copied = f"INSERT INTO event (id, at, kind, facts) SELECT {third + 1}, at, kind, facts FROM event WHERE id = {third}"
    first = (await _ids(storage, "event"))[0]
    await Sealing(storage.audit, At()).catch_up()
    await _tamper(storage, copied.replace(f"SELECT {third + 1}", f"SELECT {first - 1000}"))
    found = await verify(storage.audit)
    assert found.problem is not None
    assert found.problem.endswith("an event was put in after sealing; 3 were sealed, 4 are there.")


async def test_an_event_that_was_replaced_by_another_is_found(storage: Storage) -> None:
    await _sealed(storage)
    last = (await _ids(storage, "event"))[-1]
    await _tamper(storage, f"UPDATE event SET id = {last + 50} WHERE id = {last - 4}")
    assert "removed after sealing" in str((await verify(storage.audit)).problem)


async def test_a_seal_that_was_removed_is_found(storage: Storage) -> None:
    await _sealed(storage)
    first, second, third = await _ids(storage, "seal")
    await _tamper(storage, f"DELETE FROM seal WHERE id = {second}")
    found = await verify(storage.audit)
    assert found.problem == f"Seal {third} does not fit after seal {first}: a seal was removed, changed or put in there."
    await _tamper(storage, f"DELETE FROM seal WHERE id = {first}")
    found = await verify(storage.audit)
    assert found.problem == f"Seal {third} does not fit at the beginning: a seal was removed, changed or put in there."


@pytest.mark.parametrize("change", ["at = at + 1", "last_event = last_event + 1", "events = events - 1", "digest = 'aa'"])
async def test_a_seal_that_was_changed_is_found(storage: Storage, change: str) -> None:
    await _sealed(storage)
    _, second, _ = await _ids(storage, "seal")
    await _tamper(storage, f"UPDATE seal SET {change} WHERE id = {second}")
    assert (await verify(storage.audit)).problem is not None


async def test_a_seal_of_no_clock_is_told_without_its_time(storage: Storage) -> None:
    await _sealed(storage, 2)
    await _tamper(storage, "UPDATE seal SET at = 900000000000000000")
    assert "was changed after sealing" in str((await verify(storage.audit)).problem)


async def test_a_forked_chain_is_refused_by_the_database_and_found_where_it_was_forced(storage: Storage) -> None:
    await _sealed(storage, 2)
    columns = "last_event, events, previous, digest, at"
    forked = f"INSERT INTO seal ({columns}) SELECT last_event, events, previous, 'ff', at FROM seal"
    with pytest.raises(JournalUnavailable):
        await _tamper(storage, forked)
    await _tamper(storage, forked.replace("previous, 'ff'", "'fork', 'ff'"))
    assert "a seal was removed, changed or put in there" in str((await verify(storage.audit)).problem)


async def test_a_seal_over_nothing_is_found(storage: Storage) -> None:
    before = await _sealed(storage, 2)
    columns = "last_event, events, previous, digest, at"
    empty = f"INSERT INTO seal ({columns}) SELECT last_event, 0, '{before.head}', 'ff', at FROM seal"
    await _tamper(storage, empty)
    assert "it covers no event of its own" in str((await verify(storage.audit)).problem)


async def test_cutting_off_the_end_is_found_by_a_digest_that_was_noted_and_by_nothing_else(storage: Storage) -> None:
    noted = (await _sealed(storage)).head
    *_, last = await _ids(storage, "seal")
    assert (await verify(storage.audit, noted)).problem is None
    await _tamper(storage, "DELETE FROM event WHERE id > (SELECT max(last_event) FROM seal WHERE events = 3)")
    await _tamper(storage, f"DELETE FROM seal WHERE id = {last}")
    assert (await verify(storage.audit)).problem is None
    assert "The digest that was noted is not in this chain" in str((await verify(storage.audit, noted)).problem)


async def test_a_digest_noted_long_ago_is_in_the_chain_still(storage: Storage) -> None:
    noted = (await _sealed(storage)).head
    await _decisions(storage, 5, first=20)
    await Sealing(storage.audit, At(NOW + timedelta(days=1))).catch_up()
    assert (await verify(storage.audit, noted)).problem is None


async def test_two_replicas_that_seal_at_once_make_one_chain(storage: Storage, replica: Storage) -> None:
    for round_ in range(4):
        await _decisions(storage, 7, first=100 * round_)
        sealed = await asyncio.gather(*(Sealing(store.audit, At()).catch_up() for store in (storage, replica) * 3))
        assert sum(sealed) == 7
    found = await verify(storage.audit)
    assert (found.problem, found.events, found.unsealed) == (None, 28, 0)


async def test_an_event_whose_id_is_lower_than_one_committed_before_is_never_skipped(
    storage: Storage, replica: Storage
) -> None:
    if storage.journal._db.is_sqlite:
        return  # its writers take turns, so that ids are committed in their order
    fresh = an_offer(replace(INVOICE, ref=replace(REF, id="in_late")))
    async with replica.journal._db.write() as slow:
        late = "INSERT INTO event (at, kind, facts) VALUES (0, 'action.accepted', '{}')"
        await slow.execute(text(late))
        await an_accepted(storage, a_press(fresh))
        assert await Sealing(storage.audit, At()).catch_up() == 0, "somebody is writing: nothing is sealed past them"
    assert await Sealing(storage.audit, At()).catch_up() == 2
    assert (await verify(storage.audit)).problem is None


async def test_a_press_beside_the_sealing_is_not_held_up_for_long(storage: Storage, replica: Storage) -> None:
    await _decisions(storage, 2)
    if storage.journal._db.is_sqlite:
        return  # the horizon is a read there
    async with replica.journal._db.write() as slow:
        await slow.execute(text("INSERT INTO event (at, kind, facts) VALUES (0, 'watch.begun', '{}')"))
        sealing = asyncio.create_task(Sealing(storage.audit, At()).catch_up())
        await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            await _decisions(storage, 1, first=50)
    assert await sealing == 0
