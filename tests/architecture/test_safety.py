"""docs/safety.md names a test for every failure mode, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "safety.md").read_text()
MODES = [f"F{number}" for number in range(1, 42)]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def _row(mode: str) -> str:
    return next((line for line in PAGE.splitlines() if line.startswith(f"| {mode} |")), "")


@pytest.mark.parametrize("mode", MODES)
def test_every_failure_mode_has_a_row_that_names_its_test(mode: str) -> None:
    assert re.search(r"`tests/[\w/]+\.py::\w+`", _row(mode))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_every_test_that_is_named_is_there(file: str, test: str) -> None:
    assert re.search(rf"^(?:async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)
