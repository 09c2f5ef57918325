"""Small checks that compose: what a JSON value must look like, and where it does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

BOTH_TEXTS = ("plain_text", "mrkdwn")
_TEXT_FLAG = {"plain_text": "emoji", "mrkdwn": "verbatim"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for refusing a payload; `pointer` is a JSON pointer into it."""

    pointer: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


@dataclass(slots=True)
class Findings:
    """What was found wrong so far. `surface` is message, modal or home: some things are allowed in one only."""

    surface: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, pointer: str, code: str, message: str) -> None:
        self.problems.append(Problem(pointer or "/", code, message))


Check: TypeAlias = Callable[[Findings, Any, str], None]
"""Looks at a value at a pointer and adds what is wrong with it."""


def anything(_found: Findings, _value: Any, _at: str) -> None:
    return


def flag(found: Findings, value: Any, at: str) -> None:
    if not isinstance(value, bool):
        found.add(at, "wrong_type", "must be a boolean")


def string(most: int, least: int = 1) -> Check:
    def check(found: Findings, value: Any, at: str) -> None:
        if not isinstance(value, str):
            found.add(at, "wrong_type", "must be a string")
        elif len(value) > most:
            found.add(at, "too_long", f"must be less than {most + 1} characters")
        elif len(value) < least:
            found.add(at, "too_short", f"must be more than {least - 1} characters")

    return check


def pattern(form: str, example: str) -> Check:
    wanted = re.compile(form)

    def check(found: Findings, value: Any, at: str) -> None:
        if not isinstance(value, str) or wanted.fullmatch(value) is None:
            found.add(at, "wrong_format", f"must look like {example}")

    return check


def integer(least: int, most: int) -> Check:
    def check(found: Findings, value: Any, at: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            found.add(at, "wrong_type", "must be an integer")
        elif not least <= value <= most:
            found.add(at, "out_of_range", f"must be from {least} to {most}")

    return check


def number(found: Findings, value: Any, at: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        found.add(at, "wrong_type", "must be a number")


def one_of(*values: str) -> Check:
    def check(found: Findings, value: Any, at: str) -> None:
        if value not in values:
            found.add(at, "not_allowed", f"must be one of {', '.join(values)}")

    return check


def items(check: Check, least: int, most: int) -> Check:
    def check_all(found: Findings, value: Any, at: str) -> None:
        if not isinstance(value, list):
            found.add(at, "wrong_type", "must be a list")
            return
        if len(value) > most:
            found.add(at, "too_many", f"no more than {most} items allowed")
        if len(value) < least:
            found.add(at, "too_few", f"no fewer than {least} items allowed")
        for index, item in enumerate(value):
            check(found, item, f"{at}/{index}")

    return check_all


def record(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    """An object with these fields and no others; `rules` look at the whole object, once its fields are sound."""
    known = {**required, **optional}

    def check(found: Findings, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            found.add(at, "wrong_type", "must be an object")
            return
        before = len(found.problems)
        for name in required.keys() - value.keys():
            found.add(at, "missing_field", f"missing required field: {name}")
        for name in value.keys() - known.keys():
            found.add(at, "unknown_field", f"invalid additional property: {name}")
        for name in value.keys() & known.keys():
            known[name](found, value[name], f"{at}/{name}")
        if len(found.problems) == before:
            for rule in rules:
                rule(found, value, at)

    return check


def tagged(what: str, kinds: Mapping[str, Check], known_elsewhere: Iterable[str] = ()) -> Check:
    """An object whose `type` says which check it has to pass."""
    elsewhere = frozenset(known_elsewhere)

    def check(found: Findings, value: Any, at: str) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            found.add(at, "missing_field", f"{what} must be an object with a type")
        elif kind in kinds:
            kinds[kind](found, value, at)
        elif kind in elsewhere:
            found.add(f"{at}/type", "not_allowed_here", f"{kind} is not allowed as {what}")
        else:
            found.add(f"{at}/type", "unknown_type", f"unsupported type: {kind}")

    return check


def text(most: int = 3000, kinds: Sequence[str] = BOTH_TEXTS) -> Check:
    """A text object; empty text is refused."""
    length = string(most)

    def check(found: Findings, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            found.add(at, "wrong_type", "must be a text object")
            return
        kind = value.get("type")
        if kind not in kinds:
            found.add(f"{at}/type", "wrong_text_type", f"must be a {' or '.join(kinds)} object")
        for name in value.keys() - {"type", "text", _TEXT_FLAG.get(str(kind), "emoji")}:
            found.add(at, "unknown_field", f"invalid additional property: {name}")
        length(found, value.get("text"), f"{at}/text")

    return check


def plain(most: int) -> Check:
    return text(most, ("plain_text",))


def exactly_one(*names: str) -> Check:
    def rule(found: Findings, value: Any, at: str) -> None:
        if sum(name in value for name in names) != 1:
            found.add(at, "conflict", f"exactly one of {', '.join(names)} is needed")

    return rule


def at_least_one(*names: str) -> Check:
    def rule(found: Findings, value: Any, at: str) -> None:
        if not any(name in value for name in names):
            found.add(at, "missing_field", f"at least one of {', '.join(names)} is needed")

    return rule
