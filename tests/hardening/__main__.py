"""`python -m tests.hardening --examples N`: so many examples of everything, others each time, and what came of them."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.hardening import tally


class Judge:
    """Keeps the tests that failed."""

    def __init__(self) -> None:
        self.violations: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.violations.append(report.nodeid.rsplit("::", 1)[-1])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hardening", description=__doc__)
    parser.add_argument("--examples", type=int, default=500, metavar="N", help="of each kind; slow kinds take a part of it")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="the one of a run that is to be had again")
    parser.add_argument("--only", default="", metavar="WORDS", help="tests whose name contains this, as pytest's -k")
    wishes = parser.parse_args()
    seed = wishes.seed if wishes.seed is not None else secrets.randbelow(10**9)
    os.environ[tally.EXAMPLES_VARIABLE] = str(wishes.examples)
    judge = Judge()
    arguments = ["-q", f"--hypothesis-seed={seed}", str(Path(__file__).parent)]
    status = pytest.main([*arguments, *(["-k", wishes.only] if wishes.only else [])], plugins=[judge])
    _print_table(judge.violations)
    print(f"\nseed {seed}, {sum(tally.tried.values())} examples, {len(judge.violations)} violations")  # noqa: T201 - its result
    return int(bool(judge.violations) or status not in {pytest.ExitCode.OK})


def _print_table(violations: list[str]) -> None:
    tried: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (what, ended), times in tally.tried.items():
        tried[what][ended] += times
    for what, endings in sorted(tried.items()):
        told = ", ".join(f"{times} {ended}" for ended, times in endings.most_common())
        print(f"{what:<44}{endings.total():>8}  {told}")  # noqa: T201 - likewise
    for violation in violations:
        print(f"VIOLATION  {violation}")  # noqa: T201 - likewise


if __name__ == "__main__":
    sys.exit(main())
