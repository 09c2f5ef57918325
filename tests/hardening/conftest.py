from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from bot.telemetry import configure_logging


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of answers are thousands of lines; the scanner of all tests reads them whatever the level."""
    configure_logging("CRITICAL")
    yield
    structlog.reset_defaults()
