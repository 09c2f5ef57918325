"""What the doctor says of the database, beside a running bot, too."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.doctor.database import database_findings
from bot.doctor.report import Finding, Grade
from bot.storage.engine import open_storage
from bot.storage.schema import migrate
from tests.postgres import empty_database, fresh_database


def url_of(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


async def only(url: str) -> Finding:
    (finding,) = await database_findings(url)
    return finding


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "recoup.db"
    asyncio.run(migrate(url_of(file)))
    return file


@pytest.fixture
def file(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "recoup.db"))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def a_folder_that_takes_nothing(folder: Path) -> Path:
    """To root every folder of a disk is writable; those of the kernel are not."""
    if os.geteuid() == 0:
        return Path("/proc")
    folder.chmod(0o500)
    return folder


def spoil(file: Path) -> None:
    file.write_bytes(b"not a database at all, but long enough to be read as one" * 100)


async def test_a_file_that_is_not_there_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    found = await only(url_of(tmp_path / "recoup.db"))
    assert found.grade is Grade.OK
    assert "`recoup run` makes it" in found.text
    assert left_in(tmp_path) == []


async def test_a_current_file_is_fine_and_nothing_is_left_beside_it(file: Path) -> None:
    assert (await only(url_of(file))).grade is Grade.OK
    assert left_in(file.parent) == ["recoup.db"]


async def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    folder = a_folder_that_takes_nothing(tmp_path)
    found = await only(url_of(folder / "recoup.db"))
    assert found.grade is Grade.PROBLEM
    assert f"into the folder {folder}" in found.text
    assert "write access" in found.text


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = await only(url_of(tmp_path / "nowhere" / "recoup.db"))
    assert found.grade is Grade.PROBLEM
    assert "nowhere" in found.text


async def test_a_file_of_an_older_version_is_advised_about(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
    found = await only(url_of(file))
    assert found.grade is Grade.ADVICE
    assert "`recoup migrate`" in found.text


async def test_a_file_that_is_no_database_is_told(file: Path) -> None:
    spoil(file)
    assert (await only(url_of(file))).grade is Grade.PROBLEM


async def test_a_url_that_cannot_be_used_is_told_without_its_password() -> None:
    found = await only("mysql://u:s3cr3t@h/d")
    assert found.grade is Grade.PROBLEM
    assert "RECOUP_DATABASE_URL" in found.text
    assert "s3cr3t" not in found.text


async def test_postgresql_that_is_down_is_told_by_its_place_and_without_its_password() -> None:
    found = await only("postgresql+asyncpg://u:s3cr3t@127.0.0.1:1/recoup")
    assert found.grade is Grade.PROBLEM
    assert "recoup at 127.0.0.1" in found.text
    assert "s3cr3t" not in found.text


async def test_postgresql_without_the_present_tables_is_a_problem_because_run_refuses_it() -> None:
    found = await only(empty_database())
    assert found.grade is Grade.PROBLEM
    assert "`recoup migrate`" in found.text


async def test_postgresql_that_takes_writes_is_fine_also_beside_a_running_bot() -> None:
    url = fresh_database()
    async with open_storage(url, exclusive=True):
        found = await only(url)
    assert found.grade is Grade.OK
    assert "PostgreSQL" in found.text
