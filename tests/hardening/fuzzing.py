"""How much is tried, and what was: the same examples every time in the test suite, as many others as wanted by hand."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final

from hypothesis import HealthCheck, settings

EXAMPLES_VARIABLE: Final = "RECOUP_FUZZ_EXAMPLES"
"""Set by `python -m tests.hardening`; without it the run is short and always the same."""

tally: Counter[tuple[str, str]] = Counter()
"""(what was tried, how it ended) of this process, for the table."""


def fuzzed(share: float = 1.0, *, short: int = 100) -> settings:
    """`share` of the examples that are wanted; `short` of them in the test suite. Slow parts take a smaller share."""
    wanted = os.environ.get(EXAMPLES_VARIABLE)
    return settings(
        max_examples=max(1, round(int(wanted) * share)) if wanted else short,
        derandomize=wanted is None,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )


def note(tried: str, ended: str) -> None:
    tally[tried, ended] += 1
