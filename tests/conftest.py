"""For all tests: nothing secret or personal is logged, no example is too slow for a busy machine, and no disk is."""

from __future__ import annotations

import shutil
import tempfile

import pytest
from hypothesis import settings

from tests.memory import folder_in_memory

pytest_plugins = ("tests.log_scanner",)

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """`tmp_path` lies in memory, where there is room; with more than one worker, theirs lie below."""
    memory = folder_in_memory()
    if hasattr(config, "workerinput") or config.option.basetemp is not None or memory is None:
        return
    folder = tempfile.mkdtemp(prefix="recoup-tests-", dir=memory)
    config.option.basetemp = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
