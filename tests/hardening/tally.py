"""How much is wanted and what was tried, for the table; apart from hypothesis, which pytest wants to import itself."""

from __future__ import annotations

from collections import Counter
from typing import Final

EXAMPLES_VARIABLE: Final = "FUZZ_EXAMPLES"
"""Set by `python -m tests.hardening`; without it the run is short and always the same."""

tried: Final[Counter[tuple[str, str]]] = Counter()
"""(what was tried, how it ended), in this process."""


def note(what: str, ended: str) -> None:
    tried[what, ended] += 1
