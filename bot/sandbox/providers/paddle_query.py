"""Reading what was asked of the fake Paddle: filters of lists, their order, and pages by cursor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from bot.sandbox.providers import paddle_errors as errors
from bot.sandbox.providers.paddle_books import Transaction

ORDER = re.compile(r"(?P<field>id|created_at|updated_at|billed_at)\[(?P<way>ASC|DESC)\]", re.IGNORECASE)
WINDOW = re.compile(r"(?P<field>created_at|updated_at|billed_at)\[(?P<way>LT|LTE|GT|GTE)\]")
STATUSES = frozenset({"draft", "ready", "billed", "paid", "completed", "canceled", "past_due"})
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
}

Params = Mapping[str, str]
T = TypeVar("T")


def decode(encoded: str) -> Params:
    return dict(parse_qsl(encoded, keep_blank_values=True))


def listed(params: Params, name: str) -> frozenset[str]:
    """A filter takes several values, with commas."""
    return frozenset(part for part in params.get(name, "").split(",") if part)


def transaction_filter(params: Params) -> Callable[[Transaction], bool]:
    """Raises PaddleError 400 for a status or a moment that makes no sense."""
    if not listed(params, "status") <= STATUSES:
        raise errors.invalid("status", "must be one of the statuses")
    bounds = [
        (found["field"], found["way"], _seconds(value))
        for name, value in params.items()
        if (found := WINDOW.fullmatch(name))
    ]
    exact = (("id", "id"), ("status", "status"), ("customer_id", "customer"), ("collection_mode", "mode"))
    more = (("origin", "origin"), ("invoice_number", "number"), ("subscription_id", "subscription"))
    wanted = [(field, values) for name, field in (*exact, *more) if (values := listed(params, name))]

    def is_wanted(one: Transaction) -> bool:
        if any(getattr(one, field) not in values for field, values in wanted):
            return False
        return all(_holds(one, field, way, at) for field, way, at in bounds)

    return is_wanted


def ordered(rows: Sequence[Transaction], params: Params) -> list[Transaction]:
    """Raises PaddleError 400 for an order that there is not."""
    found = ORDER.fullmatch(params.get("order_by", "id[DESC]"))
    if found is None:
        raise errors.invalid("order_by", "must be a field with [ASC] or [DESC]")
    is_down = found["way"].upper() == "DESC"
    by_id = sorted(rows, key=lambda one: one.id, reverse=is_down)
    return (
        by_id if found["field"] == "id" else sorted(by_id, key=lambda one: _time(one, found["field"]) or 0, reverse=is_down)
    )


def page_of(
    rows: Sequence[T], ids: Sequence[str], params: Params, *, most: int, url: str
) -> tuple[Sequence[T], dict[str, Any]]:
    """One page and its `pagination`. `next` is there on the last page, too. Raises PaddleError 400."""
    size = _size(params, most)
    after = params.get("after")
    if after is not None and after not in ids:
        raise errors.invalid("after", "must be the id of an entity in the list")
    start = ids.index(after) + 1 if after is not None else 0
    page, shown = rows[start : start + size], ids[start : start + size]
    following = {**params, "per_page": str(size), "after": shown[-1] if shown else after or ""}
    pagination = {
        "per_page": size,
        "next": f"{url}?{urlencode(following)}",
        "has_more": start + size < len(rows),
        "estimated_total": len(rows),
    }
    return page, pagination


def _size(params: Params, most: int) -> int:
    """Paddle's pages say that more is cut or refused: this one refuses."""
    text = params.get("per_page", str(most))
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise errors.invalid("per_page", f"must be from 1 to {most}")
    return int(text)


def _holds(one: Transaction, field: str, way: str, bound: float) -> bool:
    at = _time(one, field)
    return at is not None and COMPARE[way](at, bound)


def _time(one: Transaction, field: str) -> float | None:
    return {"created_at": one.created, "updated_at": one.updated, "billed_at": one.billed}[field]


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise errors.invalid("created_at", "must be a moment in RFC 3339") from None
