"""What a check found, and the lines that a person reads."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How much it matters."""

    OK = "ok"
    ADVICE = "advice"
    """The bot works; somebody may want to change this."""
    PROBLEM = "problem"
    """The bot, or a part of it, will not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what it was about, and sentences that say what is so, why it matters and what to do."""

    grade: Grade
    about: str
    text: str


def ok(about: str, text: str) -> Finding:
    return Finding(Grade.OK, about, text)


def advice(about: str, text: str) -> Finding:
    return Finding(Grade.ADVICE, about, text)


def problem(about: str, text: str) -> Finding:
    return Finding(Grade.PROBLEM, about, text)


def has_problems(findings: Sequence[Finding]) -> bool:
    return any(finding.grade is Grade.PROBLEM for finding in findings)


def written(findings: Sequence[Finding], width: int | None = None) -> str:
    """One line for each finding and a last one for all. `width` is the terminal's, None where nothing is to be folded."""
    column = max((len(finding.about) for finding in findings), default=0)
    lines = [_line(finding, column, width) for finding in findings]
    return "\n".join([*lines, "", _conclusion(findings)])


def _line(finding: Finding, column: int, width: int | None) -> str:
    start = f"{finding.grade:<9}{finding.about:<{column}}  "
    text = " ".join("".join(c if c.isprintable() else " " for c in finding.text).split())
    if width is None or width < len(start) + 40:
        return start + text
    indent = " " * len(start)
    return textwrap.fill(
        text, width, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _conclusion(findings: Sequence[Finding]) -> str:
    problems = sum(finding.grade is Grade.PROBLEM for finding in findings)
    if problems:
        them = "it" if problems == 1 else "them"
        return f"{_counted(problems, 'problem')}. Mend {them}, then run `recoup doctor` again."
    hints = sum(finding.grade is Grade.ADVICE for finding in findings)
    remark = f", with {_counted(hints, 'piece')} of advice above" if hints else ""
    return f"No problems{remark}. `recoup run` starts the bot."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
