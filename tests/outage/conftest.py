from __future__ import annotations

from tests.scenarios.conftest import _quiet, database, template

__all__ = ["_quiet", "database", "template"]
