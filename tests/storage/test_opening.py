"""Opening, migrating and locking a database, and the one sentence that says what is wrong with it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from bot.domain.action import Action
from bot.domain.errors import JournalUnavailable
from bot.storage.database import Database
from bot.storage.engine import Storage, database_url, open_storage, place_of, writing_engine
from bot.storage.schema import _config, migrate, schema_is_current
from bot.storage.tables import metadata
from tests import postgres
from tests.storage.builders import REF, a_drawn_offer, an_accepted

HOLDER = """
import asyncio, sys
from bot.storage.engine import open_storage
async def main():
    async with open_storage(sys.argv[1], exclusive=True):
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def _another_run(url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


async def test_the_tables_are_what_the_migrations_make(url: str) -> None:
    engine = writing_engine(database_url(url))

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_migrating_twice_or_at_once_changes_nothing(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/new.db", postgres.empty_database()):
        assert await schema_is_current(url) is False
        if url.startswith("postgresql"):
            await asyncio.gather(migrate(url), migrate(url))
        await migrate(url)
        await migrate(url)
        assert await schema_is_current(url) is True


async def test_looking_at_a_file_leaves_nothing_beside_it(sqlite_url: str, tmp_path: Path) -> None:
    """A -wal or -shm of whoever looks, root say, would keep the bot's own user from writing."""
    assert await schema_is_current(sqlite_url)
    async with open_storage(sqlite_url, read_only=True) as storage:
        await storage.journal.open_actions()
    assert _names_in(tmp_path) == ["recoup.db"]


async def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    await migrate(f"sqlite:///{tmp_path}/new.db")
    assert (tmp_path / "new.db").stat().st_mode & 0o077 == 0


async def test_a_second_run_on_one_file_is_refused_and_a_dead_one_is_not_in_the_way(sqlite_url: str) -> None:
    with _another_run(sqlite_url) as holder:
        in_use = r"recoup\.db is in use by another `recoup run`"
        with pytest.raises(JournalUnavailable, match=rf"{in_use} \(process {holder.pid}\)"):
            await _open(sqlite_url, exclusive=True)
        with pytest.raises(JournalUnavailable, match=in_use):
            await migrate(sqlite_url)
        await _open(sqlite_url, read_only=True)
    await _open(sqlite_url, exclusive=True)


async def _open(url: str, *, exclusive: bool = False, read_only: bool = False) -> None:
    async with open_storage(url, exclusive=exclusive, read_only=read_only) as storage:
        await storage.journal.live_action(REF)


async def test_a_reader_beside_the_bot_sees_what_is_written_and_writes_nothing(sqlite_url: str) -> None:
    async with (
        open_storage(sqlite_url, exclusive=True) as writer,
        open_storage(sqlite_url, read_only=True) as reader,
    ):
        accepted = await an_accepted(writer)
        assert await reader.journal.live_action(REF) == accepted.action
        with pytest.raises(JournalUnavailable, match="is read-only"):
            await reader.journal.ping()
        with pytest.raises(JournalUnavailable, match="is read-only"):
            await a_drawn_offer(reader)


async def test_ping_proves_that_a_write_is_taken(url: str) -> None:
    async with open_storage(url) as storage:
        await storage.journal.ping()
        await storage.journal.ping()


async def test_every_commit_of_a_file_reaches_the_disk(sqlite_url: str) -> None:
    async with open_storage(sqlite_url) as storage, storage.journal._db.write() as connection:
        for pragma, value in (("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 2000)):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar() == value


async def test_a_locked_file_is_said_to_be_locked(sqlite_url: str) -> None:
    async with open_storage(sqlite_url) as storage, open_storage(sqlite_url) as other:
        database: Database = other.journal._db
        async with database.write():
            with pytest.raises(JournalUnavailable, match="is locked by another process"):
                await storage.journal.ping()
        await storage.journal.ping()


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/nowhere/recoup.db"
    for attempt in (_open(url), _open(url, exclusive=True), migrate(url)):
        with pytest.raises(JournalUnavailable, match="nowhere"):
            await attempt
    assert await schema_is_current(url) is False


async def test_a_missing_file_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match=r"recoup\.db cannot be opened: No such file"):
        await _open(f"sqlite:///{tmp_path}/recoup.db")
    with pytest.raises(JournalUnavailable, match="Is a directory"):
        await _open(f"sqlite:///{tmp_path}")
    assert not (tmp_path / "recoup.db").exists()


async def test_an_unmigrated_database_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "recoup.db").touch()
    for url in (f"sqlite:///{tmp_path}/recoup.db", postgres.empty_database()):
        with pytest.raises(JournalUnavailable, match="run `recoup migrate`"):
            await _open(url, exclusive=url.startswith("sqlite"))


async def test_a_file_that_is_something_else_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "recoup.db").write_text("Dear diary, " * 1000)
    with pytest.raises(JournalUnavailable, match="is not a Recoup database"):
        await _open(f"sqlite:///{tmp_path}/recoup.db")


async def test_an_unreachable_server_is_told_without_the_password() -> None:
    url = "postgres://recoup:s3cret@127.0.0.1:9/recoup?sslmode=disable"
    for attempt in (_open(url), migrate(url), schema_is_current(url)):
        with pytest.raises(JournalUnavailable, match=r"recoup at 127\.0\.0\.1 cannot be reached") as unreachable:
            await attempt
        assert "s3cret" not in str(unreachable.value)


async def test_a_database_that_is_not_there_is_told(postgres_url: str) -> None:
    with pytest.raises(JournalUnavailable, match="does not exist on its server"):
        await _open(postgres_url.replace("/recoup_shared?", "/elsewhere?"))


@pytest.mark.parametrize(
    "url", ["", "recoup.db", "mysql://root:s3cret@db/recoup", "sqlite://", "sqlite:///:memory:", "postgres://h:s3cret:x/"]
)
def test_an_unusable_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(JournalUnavailable, match="the database URL cannot be used") as refused:
        database_url(url)
    assert "s3cret" not in str(refused.value)


def test_urls_as_providers_write_them_are_understood() -> None:
    url = database_url("postgres://recoup:s3cret@db.example/recoup?sslmode=require&channel_binding=require")
    assert url.drivername == "postgresql+asyncpg"
    assert dict(url.query) == {"ssl": "require"}
    assert place_of(url) == "recoup at db.example"
    assert database_url("sqlite:///recoup.db").drivername == "sqlite+aiosqlite"


async def test_a_file_in_a_directory_with_odd_characters_opens(tmp_path: Path) -> None:
    odd = tmp_path / "50% off #1"
    odd.mkdir()
    await migrate(f"sqlite:///{odd}/recoup.db")
    await _open(f"sqlite:///{odd}/recoup.db", exclusive=True)
    assert sorted(each.name for each in odd.iterdir()) == ["recoup.db", "recoup.db.lock"]


async def test_a_host_that_nobody_knows_is_told() -> None:
    with pytest.raises(JournalUnavailable, match="its host name is not known"):
        await _open("postgresql://recoup@no-such-host.invalid/recoup")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_database_of_the_first_version_keeps_its_decisions(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db" if kind == "sqlite" else postgres.empty_database()
    if kind == "sqlite":
        (tmp_path / "old.db").touch()
    engine = writing_engine(database_url(url), mode="rwc")

    def of_the_first_version(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text(OLD_DECISION))

    async with engine.begin() as connection:
        await connection.run_sync(of_the_first_version)
    await engine.dispose()
    assert await schema_is_current(url) is False
    await migrate(url)
    async with open_storage(url) as storage:
        record = await storage.journal.action("a" * 32)
    assert record is not None
    assert (record.kind, record.reason, record.details) == (Action.VOID, "Duplicate", None)


OLD_DECISION = f"""
INSERT INTO action (id, intent_key, kind, state, account, invoice, amount_minor, currency, reason, actor, team, reply_to,
                    created_at, act_by, checks)
VALUES ('{"a" * 32}', 'offer:void', 'void', 'unknown', 'stripe', 'in_1', 42000, 'EUR', 'Duplicate', 'U0ANA', 'T0TEAM',
        '{{"user": "U0ANA", "channel": "C0FIN"}}', 1763600000000, 1763600600000, 0)
"""
"""A row as the version before `details` wrote it."""


async def test_on_postgresql_whoever_has_to_be_alone_is_refused_beside_a_running_bot_and_not_after_it(
    postgres_url: str,
) -> None:
    async with open_storage(postgres_url, exclusive=True) as first, open_storage(postgres_url, exclusive=True) as second:
        assert await _is_refused_alone(postgres_url), "replicas are welcome, somebody who has to be alone is not"
        await first.journal.ping()
        await second.journal.ping()
    assert not await _is_refused_alone(postgres_url)
    async with open_storage(postgres_url) as storage:
        await storage.journal.ping()  # the doctor's look is no bot
    assert not await _is_refused_alone(postgres_url)


async def test_on_postgresql_a_bot_that_was_killed_is_forgotten_after_a_minute(postgres_url: str) -> None:
    async with open_storage(postgres_url) as storage:
        await _write(storage, "INSERT INTO mark (name, pid, at) SELECT 'replica:dead', 7, at - 30000 FROM mark")
        assert await _is_refused_alone(postgres_url)
        await _write(storage, "UPDATE mark SET at = at - 31000 WHERE name = 'replica:dead'")
        assert not await _is_refused_alone(postgres_url)


async def _write(storage: Storage, statement: str) -> None:
    await storage.journal.ping()
    async with storage.journal._db.write() as connection:
        await connection.execute(text(statement))


async def _is_refused_alone(url: str) -> bool:
    opening = open_storage(url, exclusive=True, alone=True)
    try:
        await opening.__aenter__()
    except JournalUnavailable as error:
        return "is in use by a `recoup run` (process " in str(error)
    await opening.__aexit__(None, None, None)
    return False
