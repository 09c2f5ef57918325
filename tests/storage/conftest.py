"""Every test that asks for `storage` runs twice: on a SQLite file and on PostgreSQL, emptied before each test.

The stores stay open for the whole session (which is what makes these tests quick), so they share one event loop.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from tests import postgres
from tests.emptying import empty_file


@dataclass(frozen=True, slots=True)
class Pair:
    """Two views of one database, as two replicas have them, and how to empty it."""

    storage: Storage
    replica: Storage
    empty: Callable[[], object]


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


@pytest_asyncio.fixture(params=["sqlite", "postgresql"], scope="session", loop_scope="session")
async def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> AsyncIterator[Pair]:
    file = tmp_path_factory.mktemp("shared") / "recoup.db"
    shutil.copy(migrated_file, file)
    empty: Callable[[], str] = postgres.emptied_database if request.param == "postgresql" else lambda: _emptied(file)
    url = empty()
    async with open_storage(url) as storage, open_storage(url) as replica:
        yield Pair(storage, replica, empty)


@pytest.fixture
def storage(pair: Pair) -> Storage:
    pair.empty()
    return pair.storage


@pytest.fixture
def replica(pair: Pair) -> Storage:
    """A second process's view of the same database."""
    return pair.replica


def _emptied(file: Path) -> str:
    empty_file(file)
    return f"sqlite+aiosqlite:///{file}"
