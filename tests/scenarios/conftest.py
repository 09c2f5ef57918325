from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from bot.storage.schema import migrate
from bot.telemetry import configure_logging
from tests.scenarios.stage import House, Stage, opened


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """The faults of these tests would fill the terminal with the warnings that they are meant to cause."""
    structlog.reset_defaults()
    configure_logging("CRITICAL")
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables; every test starts from a copy."""
    file = tmp_path_factory.mktemp("template") / "recoup.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture
def over_socket() -> bool:
    """Tests for which it matters run with True, too."""
    return False


@pytest.fixture
def house(over_socket: bool) -> House:
    return House(over_socket=over_socket)


@pytest.fixture
def database(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "recoup.db"))


@pytest.fixture
async def stage(database: Path, house: House) -> AsyncIterator[Stage]:
    async with opened(database, house) as running:
        yield running
