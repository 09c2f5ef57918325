"""A fresh SQLite file per test, and a bench over it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from tests.services.bench import Bench, Outside, quick_disk


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "recoup.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture
def url(migrated_file: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=quick_disk()) as folder:
        shutil.copy(migrated_file, f"{folder}/recoup.db")
        yield f"sqlite+aiosqlite:///{folder}/recoup.db"


@pytest.fixture
async def storage(url: str) -> AsyncIterator[Storage]:
    async with open_storage(url) as opened:
        yield opened


@pytest.fixture
def outside(storage: Storage) -> Outside:
    return Outside(storage=storage)


@pytest.fixture
def bench(outside: Outside) -> Bench:
    return Bench(outside)
