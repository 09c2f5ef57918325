"""The listeners over the bench of the use cases: a fresh SQLite file per test, and Slack played by hand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.engine import Storage, open_storage
from tests.handlers.slack_side import SlackSide
from tests.services.bench import Bench, quick_disk
from tests.services.conftest import bench, migrated_file, outside

__all__ = ["bench", "migrated_file", "outside", "slack", "storage"]


@pytest.fixture
async def storage(migrated_file: Path) -> AsyncIterator[Storage]:
    with tempfile.TemporaryDirectory(dir=quick_disk()) as folder:
        shutil.copy(migrated_file, f"{folder}/recoup.db")
        async with open_storage(f"sqlite+aiosqlite:///{folder}/recoup.db") as opened:
            yield opened


@pytest.fixture
def slack(bench: Bench) -> SlackSide:
    return SlackSide(bench)
