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
    rows = [(str(finding.grade), finding.about, finding.text) for finding in findings]
    return "\n".join([*lines_of(rows, width), "", _conclusion(findings)])


def lines_of(rows: Sequence[tuple[str, str, str]], width: int | None) -> list[str]:
    """Each row is a word of at most eight letters, what it is about, and its text."""
    column = max((len(about) for _, about, _ in rows), default=0)
    return [_line(f"{word:<9}{about:<{column}}  ", text, width) for word, about, text in rows]


def sentence(text: str) -> str:
    """With its full stop."""
    return f"{text.rstrip('.')}."


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _line(start: str, said: str, width: int | None) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in said).split())
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
        return f"{counted(problems, 'problem')}. Mend {them}, then run `recoup doctor` again."
    hints = sum(finding.grade is Grade.ADVICE for finding in findings)
    remark = f", with {counted(hints, 'piece')} of advice above" if hints else ""
    return f"No problems{remark}. `recoup run` starts the bot."
