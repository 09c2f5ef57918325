"""The listeners over the bench of the use cases: a fresh SQLite file per test, and Slack played by hand."""

from __future__ import annotations

import pytest

from tests.handlers.slack_side import SlackSide
from tests.services.bench import Bench
from tests.services.conftest import bench, migrated_file, outside, storage, url

__all__ = ["bench", "migrated_file", "outside", "slack", "storage", "url"]


@pytest.fixture
def slack(bench: Bench) -> SlackSide:
    return SlackSide(bench)
