"""Reading what was asked of the fake Lago: filters of lists as its server reads them, traps included, and pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from bot.sandbox.providers import lago_errors as errors
from bot.sandbox.providers.lago_books import Books, Invoice
from bot.sandbox.providers.lago_objects import day

STATUSES = ("draft", "finalized", "voided", "failed", "pending")
PAYMENT_STATUSES = ("pending", "succeeded", "failed")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
OLD = frozenset(
    {"page", "per_page", "external_customer_id", "issuing_date_from", "issuing_date_to", "status", "payment_status"}
)
"""What a server of some years ago knows; it passes over the rest."""

Params = Mapping[str, tuple[str, ...]]
T = TypeVar("T")


def decode(encoded: str) -> Params:
    """Values of one name in order; `statuses[]` and `status` are the same name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        found[name] = (*found.get(name, ()), value)
    return found


def one(params: Params, name: str) -> str | None:
    values = params.get(name)
    return values[-1] if values else None


def page_of(rows: Sequence[T], params: Params, *, limit: int | None) -> tuple[Sequence[T], dict[str, Any]]:
    """One page and its `meta`. `limit` is a page size that the server insists on, whatever was asked."""
    size = limit or max(_whole(one(params, "per_page"), 100), 1)
    number = max(_whole(one(params, "page"), 1), 1)
    pages = -(-len(rows) // size)
    meta = {
        "current_page": number if rows else 0,
        "next_page": number + 1 if number < pages else None,
        "prev_page": number - 1 if number > 1 else None,
        "total_pages": pages,
        "total_count": len(rows),
    }
    return rows[(number - 1) * size : number * size], meta


def invoice_filter(books: Books, params: Params) -> Callable[[Invoice], bool]:
    """Raises LagoError 422 for a status that there is not. A malformed date is passed over in silence."""
    statuses = _words(params, ("statuses[]", "status"), STATUSES, "status")
    payments = _words(params, ("payment_statuses[]", "payment_status"), PAYMENT_STATUSES, "payment_status")
    first, last = (_date(one(params, f"issuing_date_{end}")) for end in ("from", "to"))
    overdue, dispute = one(params, "payment_overdue"), one(params, "payment_dispute_lost")
    search, customer = (one(params, "search_term") or "").casefold(), one(params, "external_customer_id")

    def wanted(invoice: Invoice) -> bool:
        issued = day(invoice.created)
        return (
            (not statuses or invoice.status in statuses)
            and (not payments or invoice.payment_status in payments)
            and (first is None or issued >= first)
            and (last is None or issued <= last)
            and (overdue is None or books.is_overdue(invoice) is (overdue == "true"))
            and (not dispute or invoice.dispute_lost_at is not None)  # any text is true, "false" as well
            and (customer is None or invoice.customer == customer)
            and (not search or any(search in text.casefold() for text in _texts(books, invoice)))
        )

    return wanted


def _texts(books: Books, invoice: Invoice) -> list[str]:
    customer = books.customers[invoice.customer]
    texts = (invoice.id, invoice.number, customer.name, customer.external_id, customer.email)
    return [text for text in texts if text]


def _words(params: Params, names: Sequence[str], known: Sequence[str], field: str) -> tuple[str, ...]:
    words = tuple(word for name in names for word in params.get(name, ()))
    if any(word not in known for word in words):
        raise errors.invalid(**{field: [f"must be one of: {', '.join(known)}"]})
    return words


def _date(text: str | None) -> str | None:
    return text if text is not None and DATE.fullmatch(text) else None


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default
