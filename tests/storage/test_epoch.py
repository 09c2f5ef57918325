"""Is this the database that was used last? A copy put in its place is noticed; what only looks like one is not."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.errors import JournalUnavailable
from bot.ports import Say
from bot.storage.engine import Storage, open_storage
from tests import postgres
from tests.storage.builders import NOW, a_press, all_letters, an_accepted


async def _started(storage: Storage) -> str | None:
    """What a start of the bot does about it; answers why it would have frozen."""
    found = await storage.epoch.look()
    await storage.epoch.settle(found, NOW)
    return found.why


async def _start(url: str, *, presses: int = 0) -> str | None:
    """A whole life of the bot, with some presses written down."""
    async with open_storage(url, exclusive=True) as storage:
        why = await _started(storage)
        for _ in range(presses):
            await an_accepted(storage, a_press(None))
        await storage.epoch.keep()
        return why


@pytest.fixture
def file(sqlite_url: str, tmp_path: Path) -> Path:
    del sqlite_url
    return tmp_path / "recoup.db"


def _url(file: Path) -> str:
    return f"sqlite:///{file}"


def _copied(file: Path, to: Path) -> None:
    """As docs/operations.md makes a copy, also of a file in use."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _put_back(copy: Path, file: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    shutil.copy(copy, file)


# --- SQLite ---


async def test_the_first_start_and_every_normal_restart_are_nothing(file: Path) -> None:
    for presses in (0, 2, 0, 1):
        assert await _start(_url(file), presses=presses) is None
    assert json.loads(file.with_name("recoup.db.epoch").read_text())["last_event"] == 3
    assert file.with_name("recoup.db.epoch").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("presses", [0, 1])
async def test_a_copy_that_is_put_in_the_place_of_the_database_is_noticed(file: Path, tmp_path: Path, presses: int) -> None:
    await _start(_url(file), presses=1)
    _copied(file, tmp_path / "copy.db")
    await _start(_url(file), presses=presses)
    _put_back(tmp_path / "copy.db", file)
    assert await _start(_url(file)) == "the database is a copy, and another one was used here since"
    assert await _start(_url(file)) is None, "it is told once; the freeze lasts until a person ends it"


async def test_a_copy_of_the_same_run_is_noticed_by_the_events_that_it_lacks(file: Path, tmp_path: Path) -> None:
    async with open_storage(_url(file), exclusive=True) as storage:
        await _started(storage)
        _copied(file, tmp_path / "copy.db")
        await an_accepted(storage, a_press(None))
        await storage.epoch.keep()
    _put_back(tmp_path / "copy.db", file)
    why = await _start(_url(file))
    assert why == "the database is an older copy: events that were written here are missing from it"


async def test_a_copy_that_is_started_elsewhere_is_noticed(file: Path, tmp_path: Path) -> None:
    await _start(_url(file), presses=1)
    (tmp_path / "other").mkdir()
    _copied(file, tmp_path / "other" / "recoup.db")
    why = await _start(_url(tmp_path / "other" / "recoup.db"))
    assert why == "the database was copied or moved here without its file recoup.db.epoch"


async def test_a_database_that_is_moved_together_with_the_file_beside_it_is_the_same(file: Path, tmp_path: Path) -> None:
    await _start(_url(file), presses=1)
    moved = tmp_path / "elsewhere" / "recoup.db"
    moved.parent.mkdir()
    for each in (file, file.with_name("recoup.db.epoch")):
        each.rename(moved.parent / each.name)
    assert await _start(_url(moved)) is None


async def test_a_copy_from_before_an_upgrade_is_noticed_and_an_upgrade_is_nothing(file: Path, tmp_path: Path) -> None:
    async with open_storage(_url(file)) as storage:
        await an_accepted(storage, a_press(None))  # by a version that knew no epoch
    _copied(file, tmp_path / "copy.db")
    assert await _start(_url(file)) is None
    _put_back(tmp_path / "copy.db", file)
    why = await _start(_url(file))
    assert why == "the database is a copy from before an upgrade, and another one was used here since"


async def test_a_new_database_in_the_place_of_a_deleted_one_is_nothing(file: Path, migrated_file: Path) -> None:
    await _start(_url(file), presses=2)
    _put_back(migrated_file, file)
    assert await _start(_url(file)) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"epochs": 3, "last_event": "x"}', "\xff"])
async def test_a_file_beside_it_that_makes_no_sense_counts_as_none(file: Path, content: str) -> None:
    await _start(_url(file))
    file.with_name("recoup.db.epoch").write_bytes(content.encode("latin-1"))
    assert await _start(_url(file)) is not None


async def test_a_death_at_any_point_of_a_start_is_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the file and the row, and between the row and the file."""
    await _start(_url(file), presses=1)

    class Dead(BaseException):
        pass

    for deaths_after in (1, 2):
        async with open_storage(_url(file), exclusive=True) as storage:
            write, writes = storage.epoch._write, list[int]()

            async def dying(
                epochs: list[str],
                last_event: int,
                write: Callable[..., object] = write,
                writes: list[int] = writes,
                most: int = deaths_after,
            ) -> None:
                writes.append(1)
                if len(writes) == most:
                    raise Dead
                await write(epochs, last_event)  # type: ignore[misc]

            monkeypatch.setattr(storage.epoch, "_write", dying)
            found = await storage.epoch.look()
            assert found.why is None
            with pytest.raises(Dead):
                await storage.epoch.settle(found, NOW)
    assert await _start(_url(file)) is None


async def test_a_kill_before_the_file_knows_of_the_newest_events_is_nothing(file: Path) -> None:
    async with open_storage(_url(file), exclusive=True) as storage:
        await _started(storage)
        await an_accepted(storage, a_press(None))  # and no keep() after it
    assert await _start(_url(file)) is None


async def test_a_file_that_cannot_be_written_stops_the_start_with_its_name(file: Path) -> None:
    file.with_name("recoup.db.epoch.part").mkdir()
    with pytest.raises(JournalUnavailable, match=r"recoup\.db\.epoch cannot be written: Is a directory"):
        await _start(_url(file))


# --- PostgreSQL ---


async def test_on_postgresql_restarts_and_new_replicas_are_nothing(postgres_url: str) -> None:
    async with open_storage(postgres_url) as first, open_storage(postgres_url) as second:
        for storage in (first, second, first):
            assert await _started(storage) is None
            await an_accepted(storage, a_press(None))
            await storage.epoch.keep()


async def test_on_postgresql_a_database_that_lives_elsewhere_is_noticed_and_told_by_one_replica() -> None:
    url = postgres.fresh_database()
    async with open_storage(url) as storage:
        assert await _started(storage) is None
    name = url.split("/recoup_")[1].split("?")[0]
    postgres._psql(f"CREATE DATABASE recoup_{name}_copy TEMPLATE recoup_{name}")
    copy = url.replace(f"/recoup_{name}", f"/recoup_{name}_copy")
    async with open_storage(copy) as first, open_storage(copy) as second:
        looks = [await storage.epoch.look() for storage in (first, second)]
        assert all(found.why is not None and "(another database)" in found.why for found in looks)
        for storage, found in zip((first, second), looks, strict=True):
            await storage.epoch.settle(found, NOW)
        assert [letter.target for letter in await all_letters(first)] == ["database_restored"]
        assert [event.kind for event in await first.audit.events(None, None, 9)] == ["database.restored"]
        assert await _started(second) is None


@pytest.mark.parametrize("part", ["system", "timeline", "table"])
async def test_on_postgresql_each_part_of_the_place_counts(postgres_url: str, part: str) -> None:
    async with open_storage(postgres_url) as storage:
        await _started(storage)
        async with storage.journal._db.write() as connection:
            row = json.loads((await connection.execute(text("SELECT database FROM epoch"))).scalar_one())
            assert set(row) == {"system", "timeline", "database", "table"}
            other = json.dumps({**row, part: "other"})
            await connection.execute(text("UPDATE epoch SET database = :other"), {"other": other})
        assert f"(another {part})" in str(await _started(storage))
        assert await _started(storage) is None


async def test_on_postgresql_what_a_user_may_not_ask_for_is_left_out_and_said() -> None:
    url = postgres.fresh_database()
    name = url.split("/recoup_")[1].split("?")[0]
    commands = [
        f"\\connect recoup_{name}",
        "DROP ROLE IF EXISTS clerk;",
        "CREATE ROLE clerk LOGIN;",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk;",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk;",
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;",
        "REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC;",
    ]
    postgres._psql("\n".join(commands))
    async with open_storage(url) as storage:
        assert await _started(storage) is None
    async with open_storage(url.replace("//postgres:", "//clerk:")) as storage:
        found = await storage.epoch.look()
        assert set(json.loads(found.now)) == {"database", "table"}
        assert found.why is None, "only what could be asked for both times is compared"
        await storage.epoch.settle(found, NOW)


# --- what is told ---


async def test_the_operators_are_told_and_it_is_an_event(file: Path, tmp_path: Path) -> None:
    await _start(_url(file), presses=1)
    _copied(file, tmp_path / "copy.db")
    await _start(_url(file), presses=1)
    _put_back(tmp_path / "copy.db", file)
    async with open_storage(_url(file), exclusive=True) as storage:
        why = await _started(storage)
        alerts = [letter for letter in await all_letters(storage) if letter.kind is Say.ALERT]
        assert [(alert.target, alert.body) for alert in alerts] == [("database_restored", {"detail": why})]
        *_, last = await storage.audit.events(None, None, 10)
        assert (last.kind, last.actor, last.told()) == ("database.restored", "recoup", {"why": why})
