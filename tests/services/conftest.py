"""One SQLite file for the session, emptied before each test, and a bench over it.

The stores stay open (which is what makes these tests quick), so the tests share one event loop.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from tests.emptying import empty_file
from tests.services.bench import Bench, Outside, quick_disk


@pytest.fixture(scope="session")
def migrated_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=quick_disk()) as folder:
        file = Path(folder) / "template.db"
        asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
        yield file


@pytest.fixture(scope="session")
def shared_file(migrated_file: Path) -> Path:
    return Path(shutil.copy(migrated_file, migrated_file.with_name("recoup.db")))


@pytest.fixture
def url(shared_file: Path) -> str:
    return f"sqlite+aiosqlite:///{shared_file}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def open_store(shared_file: Path) -> AsyncIterator[Storage]:
    async with open_storage(f"sqlite+aiosqlite:///{shared_file}") as opened:
        yield opened


@pytest.fixture
def storage(open_store: Storage, shared_file: Path) -> Storage:
    empty_file(shared_file)
    return open_store


@pytest.fixture
def outside(storage: Storage) -> Outside:
    return Outside(storage=storage)


@pytest.fixture
def bench(outside: Outside) -> Bench:
    return Bench(outside)
