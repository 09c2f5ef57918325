"""Reading what was asked of the fake Chargebee: bracketed names, filters with operators, sorting and cursors."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from bot.sandbox.providers import chargebee_errors as errors

Params = Mapping[str, str]
Row = Mapping[str, Any]

FILTER = re.compile(r"(?P<name>\w+)\[(?P<how>\w+)\]")
PAGING = frozenset({"limit", "offset"})
NUMBERS: Mapping[str, Callable[[int, int], bool]] = {
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "after": lambda value, bound: value > bound,
    "before": lambda value, bound: value < bound,
    "on": lambda value, bound: value // 86_400 == bound // 86_400,
}
LONGEST_PAGE = 100
USUAL_PAGE = 10


def decode(encoded: str) -> dict[str, str]:
    return dict(parse_qsl(encoded, keep_blank_values=True))


def listed(text: str, name: str) -> list[str]:
    """The value of `in` or `between`: JSON, the same with single quotes, or bare words in brackets."""
    if not (text.startswith("[") and text.endswith("]")):
        raise errors.invalid(f"{name} must be a list in brackets", name)
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError):
            continue
        return [str(one) for one in found]
    return [word.strip() for word in text[1:-1].split(",") if word.strip()]


def whole(text: str, name: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise errors.invalid(f"{name} must be a whole number", name)
    return int(text)


class Query:
    """Filters of one list. `ends_count` says whether `between` holds its ends, which no document tells."""

    def __init__(self, params: Params, known: Collection[str], *, ends_count: bool) -> None:
        self._params = params
        self._ends_count = ends_count
        for name in params:
            field = FILTER.fullmatch(name)
            if name not in PAGING and (field is None or field["name"] not in {*known, "sort_by"}):
                raise errors.invalid(f"{name} is not a parameter of this list", name)

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        wanted = [self._test(name, value) for name, value in self._params.items() if _is_filter(name)]
        found = [row for row in rows if all(test(row) for test in wanted)]
        for name, value in self._params.items():
            if (sort := FILTER.fullmatch(name)) is not None and sort["name"] == "sort_by":
                field = {"date": "date", "updated_at": "updated_at"}.get(value)
                if field is None or sort["how"] not in {"asc", "desc"}:
                    raise errors.invalid(f"{value} is nothing to sort by", name)
                found.sort(key=lambda row: row.get(field) or 0, reverse=sort["how"] == "desc")
        return found

    def page(self, rows: Sequence[Row], limit: int | None) -> tuple[Sequence[Row], str | None]:
        """One page, and the offset of the next; `limit` is a page size that the site insists on, whatever was asked."""
        size = whole(self._params.get("limit", str(USUAL_PAGE)), "limit")
        if not 1 <= size <= LONGEST_PAGE:
            raise errors.invalid(f"limit must be between 1 and {LONGEST_PAGE}", "limit")
        size = limit or size
        start = _start(self._params.get("offset"))
        following = start + size
        offset = json.dumps([f"{following}000", f"{following}"]) if following < len(rows) else None
        return rows[start:following], offset

    def _test(self, name: str, value: str) -> Callable[[Row], bool]:
        found = FILTER.fullmatch(name)
        field, how = (found["name"], found["how"]) if found else (name, "")
        match how:
            case "is" | "is_not":
                return lambda row: (_text(row.get(field)) == value) is (how == "is")
            case "starts_with":
                return lambda row: (_text(row.get(field)) or "").startswith(value)
            case "in" | "not_in":
                values = listed(value, name)
                return lambda row: (_text(row.get(field)) in values) is (how == "in")
            case "is_present":
                return lambda row: (row.get(field) is not None) is (value == "true")
            case "between":
                return self._between(field, listed(value, name), name)
            case _ if how in NUMBERS:
                bound = whole(value, name)
                return lambda row: row.get(field) is not None and NUMBERS[how](row[field], bound)
            case _:
                raise errors.invalid(f"{how} is no operator", name)

    def _between(self, field: str, ends: Sequence[str], name: str) -> Callable[[Row], bool]:
        if len(ends) != 2:
            raise errors.invalid("between takes two values", name)
        first, last = (whole(end, name) for end in ends)
        edge = 0 if self._ends_count else 1
        return lambda row: row.get(field) is not None and first + edge <= row[field] <= last - edge


def _is_filter(name: str) -> bool:
    return name not in PAGING and not name.startswith("sort_by[")


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _start(offset: str | None) -> int:
    if offset is None:
        return 0
    try:
        return int(json.loads(offset)[1])
    except (ValueError, TypeError, IndexError, KeyError):
        raise errors.invalid("The offset is not one of ours", "offset") from None
