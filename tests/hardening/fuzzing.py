"""How many examples: the same few every time in the test suite, as many others as wanted by hand."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.hardening.tally import EXAMPLES_VARIABLE


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
