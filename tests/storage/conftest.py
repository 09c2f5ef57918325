"""Every test that asks for `storage` runs twice: on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from tests import postgres


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "recoup.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    shutil.copy(migrated_file, tmp_path / "recoup.db")
    return f"sqlite+aiosqlite:///{tmp_path}/recoup.db"


@pytest.fixture
def postgres_url() -> str:
    return postgres.emptied_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    is_sqlite = request.param == "sqlite"
    return str(request.getfixturevalue("sqlite_url" if is_sqlite else "postgres_url"))


@pytest.fixture
async def storage(url: str) -> AsyncIterator[Storage]:
    async with open_storage(url) as opened:
        yield opened


@pytest.fixture
async def replica(url: str) -> AsyncIterator[Storage]:
    """A second process's view of the same database."""
    async with open_storage(url) as opened:
        yield opened
