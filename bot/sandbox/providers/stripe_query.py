"""Reading what was asked of the fake Stripe: form encoding, unknown parameters, filters, cursors and search."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.stripe_books import Invoice

COMPARE: dict[str, Callable[[int, int], bool]] = {
    "": lambda value, bound: value == bound,
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
PAGING = frozenset({"limit", "starting_after", "ending_before", "expand"})
STATUSES = ("draft", "open", "paid", "uncollectible", "void")
INVOICE_FIELDS = ("customer", "number", "status")
CUSTOMER_FIELDS = ("name", "email")
PARTIAL = ("number", "name", "email")
"""Fields of free text, in which a part can be searched."""
SHORTEST_PART = 3
CLAUSE = re.compile(
    r"""\s*(?P<field>\w+)\s*(?P<how>[:~])\s*(?P<quote>['"])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\s*""", re.DOTALL
)
AND = re.compile(r"AND\s", re.IGNORECASE)

Params = Mapping[str, tuple[str, ...]]


def decode(encoded: str) -> Params:
    """Form encoding, values of one name collected in order; `expand[0]` and `expand[]` are the same name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        plain = re.sub(r"\[\d*\]$", "", name)
        found[plain] = (*found.get(plain, ()), value)
    return found


def root(name: str) -> str:
    return name.split("[", 1)[0]


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of one request, known ones only."""

    params: Params

    @classmethod
    def checked(cls, params: Params, known: Collection[str]) -> Query:
        """Raises StripeError for the first parameter that is not known."""
        for name in params:
            if root(name) not in known:
                raise errors.unknown_parameter(name)
        return cls(params)

    def one(self, name: str) -> str | None:
        values = self.params.get(name)
        return values[-1] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        return self.params.get(name, ())

    def flag(self, name: str, default: bool) -> bool:
        match self.one(name):
            case None:
                return default
            case "true":
                return True
            case "false":
                return False
            case other:
                raise errors.invalid(f"Invalid boolean: {other}", param=name)

    def whole(self, name: str) -> int | None:
        text = self.one(name)
        if text is None:
            return None
        if not re.fullmatch(r"-?\d+", text):
            raise errors.invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
        return int(text)

    def limit(self) -> int:
        wanted = self.whole("limit")
        if wanted is None:
            return 10
        if not 1 <= wanted <= 100:
            side = "greater than or equal to 1" if wanted < 1 else "less than or equal to 100"
            message = f"Invalid integer: {wanted} must be {side}"
            raise errors.invalid(message, code="parameter_invalid_integer", param="limit")
        return wanted

    def within(self, name: str, value: int | None) -> bool:
        """Does a time satisfy `name` or `name[gte]` and its siblings? One that is null satisfies none."""
        bounds = [(key, text) for key in self.params if root(key) == name for text in self.params[key][-1:]]
        return all(value is not None and self._holds(key, value) for key, _ in bounds)

    def _holds(self, key: str, value: int) -> bool:
        how = key[key.index("[") + 1 : -1] if "[" in key else ""
        if how not in COMPARE:
            raise errors.unknown_parameter(key)
        return COMPARE[how](value, self.whole(key) or 0)


def invoice_filter(query: Query) -> Callable[[Invoice], bool]:
    """The filters of GET /v1/invoices. Raises StripeError for a status there is not."""
    status = query.one("status")
    if status is not None and status not in STATUSES:
        raise errors.invalid(f"Invalid status: must be one of {', '.join(STATUSES)}", param="status")
    exact = {name: query.one(name) for name in ("status", "collection_method", "customer", "subscription")}

    def wanted(invoice: Invoice) -> bool:
        plain = all(value is None or getattr(invoice, name) == value for name, value in exact.items())
        return plain and query.within("created", invoice.created) and query.within("due_date", invoice.due_date)

    return wanted


class Identified(Protocol):
    """Anything a cursor can point at."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


def page_of(everything: Sequence[T], wanted: Callable[[T], bool], query: Query, kind: str) -> tuple[list[T], bool]:
    """One page out of all objects, which are newest first, and whether there is more in the direction walked.

    A cursor names any object, also one that passes the filter no longer: the walk goes on from its place.
    """
    after, before = query.one("starting_after"), query.one("ending_before")
    if after is not None and before is not None:
        raise errors.invalid("You cannot specify both starting_after and ending_before.", param="starting_after")
    limit = query.limit()
    if before is not None:
        newer = [item for item in everything[: _place(everything, before, kind, "ending_before")] if wanted(item)]
        return newer[-limit:], len(newer) > limit
    start = 0 if after is None else _place(everything, after, kind, "starting_after") + 1
    rest = [item for item in everything[start:] if wanted(item)]
    return rest[:limit], len(rest) > limit


def _place(everything: Sequence[T], cursor: str, kind: str, param: str) -> int:
    for place, item in enumerate(everything):
        if item.id == cursor:
            return place
    raise errors.missing(kind, cursor, param, status=400)


@dataclass(frozen=True, slots=True)
class Clause:
    """`number:"X-1"`, or `name~"x"` where the text is only part of it."""

    field: str
    text: str
    is_part: bool


def fits(clause: Clause, value: str | None) -> bool:
    """Whatever the capitals."""
    text, whole = clause.text.casefold(), (value or "").casefold()
    return value is not None and (text in whole if clause.is_part else text == whole)


def search_clauses(text: str, fields: Sequence[str]) -> list[Clause]:
    """`number:'X-1' AND status:'open'`, read. Raises StripeError for anything else than ANDed clauses on known fields."""
    clauses: list[Clause] = []
    place = 0
    while True:
        found = CLAUSE.match(text, place)
        if found is None:
            raise errors.invalid("We were unable to parse your search query.", param="query")
        clauses.append(_clause(found, fields))
        place = found.end()
        if place == len(text):
            return clauses
        joined = AND.match(text, place)
        if joined is None:
            raise errors.invalid("We were unable to parse your search query.", param="query")
        place = joined.end()


def _clause(found: re.Match[str], fields: Sequence[str]) -> Clause:
    name, wanted, is_part = found["field"], re.sub(r"\\(.)", r"\1", found["text"]), found["how"] == "~"
    if name not in fields:
        raise errors.invalid(f"Field `{name}` is an unsupported search field.", param="query")
    if is_part and name not in PARTIAL:
        raise errors.invalid(f"Field `{name}` does not support substring search.", param="query")
    if is_part and len(wanted) < SHORTEST_PART:
        raise errors.invalid(f"Substring search needs at least {SHORTEST_PART} characters.", param="query")
    return Clause(name, wanted, is_part)
