"""The fake Stripe's GET calls: one object, lists by cursor, searches by query. Nothing here changes anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.stripe_books import Books, Customer, Event, Invoice
from bot.sandbox.providers.stripe_door import ApiKey
from bot.sandbox.providers.stripe_objects import PERMISSION, Json, Objects
from bot.sandbox.providers.stripe_query import (
    CUSTOMER_FIELDS,
    INVOICE_FIELDS,
    PAGING,
    Params,
    Query,
    fits,
    invoice_filter,
    page_of,
    search_clauses,
)

INVOICE_FILTERS = {"status", "collection_method", "customer", "customer_account", "subscription", "created", "due_date"}
SEARCH = {"query", "limit", "page", "expand"}
SINGLE = {
    "invoices": "invoice",
    "customers": "customer",
    "subscriptions": "subscription",
    "payment_methods": "payment_method",
    "charges": "charge",
    "payment_intents": "payment_intent",
    "events": "event",
}
ONE = re.compile(r"/v1/(?P<kind>\w+)/(?P<id>[^/]+)")
METHODS = re.compile(r"/v1/customers/(?P<id>[^/]+)/payment_methods")


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read. `key` is its idempotency key, which only a POST has."""

    method: str
    path: str
    params: Params
    headers: Mapping[str, str]
    key: str | None
    request_id: str
    api_key: ApiKey = field(default_factory=lambda: ApiKey(""))

    @property
    def asked(self) -> tuple[str, object]:
        """What two uses of one idempotency key must have in common."""
        return self.path, sorted(self.params.items())


@dataclass(frozen=True, slots=True)
class Row:
    """An object of a list, for the cursor to find."""

    json: Json

    @property
    def id(self) -> str:
        return str(self.json["id"])


def no_such_url(call: Call) -> errors.StripeError:
    return errors.invalid(f"Unrecognized request URL ({call.method}: {call.path}).", status=404)


class Reads:
    """Each method answers the body of a 200 or raises StripeError."""

    def __init__(self, books: Books, objects: Objects, *, live: bool) -> None:
        self._books = books
        self._objects = objects
        self._live = live
        self._by_path: dict[str, Callable[[Call], Json]] = {
            "/v1/account": self._account,
            "/v1/customers": self._customers,
            "/v1/customers/search": self._search_customers,
            "/v1/events": self._events,
            "/v1/invoice_payments": self._payments,
            "/v1/invoices": self._invoices,
            "/v1/invoices/search": self._search_invoices,
        }

    def answer(self, call: Call) -> Json:
        path = call.path.rstrip("/")
        if (read := self._by_path.get(path)) is not None:
            return read(call)
        if (found := METHODS.fullmatch(path)) is not None:
            return self._methods(call, found["id"])
        return self._one(call, path)

    def sees(self, call: Call) -> bool:
        """A test key sees nothing of the live side, and the other way round."""
        return call.api_key.live == self._live

    def require(self, call: Call, permission: str) -> None:
        call.api_key.require(permission, self._books.account)

    def expanded(self, call: Call, query: Query, body: Json) -> Json:
        return self._objects.expand(body, query.all("expand"), lambda permission: self.require(call, permission))

    def _account(self, call: Call) -> Json:
        self.require(call, "rak_account_read")
        Query.checked(call.params, {"expand"})
        return self._objects.account()

    def _one(self, call: Call, path: str) -> Json:
        found = ONE.fullmatch(path)
        kind = SINGLE.get(found["kind"]) if found else None
        if found is None or kind is None:
            raise no_such_url(call)
        self.require(call, PERMISSION[kind])
        query = Query.checked(call.params, {"expand"})
        if not self.sees(call):
            raise errors.missing(kind, found["id"])
        return self.expanded(call, query, self._objects.by_id(kind, found["id"]))

    def _invoices(self, call: Call) -> Json:
        query = self._asked(call, "invoice", PAGING | INVOICE_FILTERS)
        if (customer := query.one("customer")) is not None and customer not in self._books.customers:
            raise errors.missing("customer", customer, "customer", status=400)
        page, more = page_of(self._newest_first(call), invoice_filter(query), query, "invoice")
        body = self._objects.listing([self._objects.invoice(one) for one in page], "/v1/invoices", has_more=more)
        return self.expanded(call, query, body)

    def _payments(self, call: Call) -> Json:
        query = self._asked(call, "invoice", PAGING | {"invoice", "status", "created", "payment"})
        everything = [Row(one) for invoice in self._newest_first(call) for one in self._objects.payments(invoice)]
        everything.sort(key=lambda row: (row.json["created"], row.id), reverse=True)
        return self._page(call, query, everything, payment_filter(query), "invoice_payment")

    def _customers(self, call: Call) -> Json:
        query = self._asked(call, "customer", PAGING | {"created", "email", "test_clock"})
        email = query.one("email")
        rows = [self._row(customer) for customer in self._customers_newest_first(call)]

        def wanted(row: Row) -> bool:
            return email in (None, row.json["email"]) and query.within("created", row.json["created"])

        return self._page(call, query, rows, wanted, "customer")

    def _methods(self, call: Call, customer: str) -> Json:
        query = self._asked(call, "payment_method", PAGING | {"allow_redisplay", "type"})
        if customer not in self._books.customers or not self.sees(call):
            raise errors.missing("customer", customer)
        kept = self._books.customers[customer].methods[::-1]
        rows = [Row(self._objects.method(self._books.methods[one])) for one in kept]
        kind = query.one("type")
        return self._page(call, query, rows, lambda row: kind in (None, row.json["type"]), "payment_method")

    def _events(self, call: Call) -> Json:
        query = self._asked(call, "event", PAGING | {"created", "delivery_success", "type", "types"})
        kind, kinds = query.one("type"), query.all("types")
        if kind is not None and kinds:
            raise errors.invalid("You may only specify one of these parameters: type, types.", param="type")
        seen = self._books.events[::-1] if self.sees(call) else []

        def wanted(event: Event) -> bool:
            return event.type in (kinds or (kind or event.type,)) and query.within("created", event.created)

        page, more = page_of(seen, wanted, query, "event")
        body = self._objects.listing([self._objects.event(one) for one in page], "/v1/events", has_more=more)
        return self.expanded(call, query, body)

    def _search_invoices(self, call: Call) -> Json:
        return self._search(
            call, "invoice", INVOICE_FIELDS, [Row(self._objects.invoice(one)) for one in self._newest_first(call)]
        )

    def _search_customers(self, call: Call) -> Json:
        rows = [self._row(customer) for customer in self._customers_newest_first(call)]
        return self._search(call, "customer", CUSTOMER_FIELDS, rows)

    def _search(self, call: Call, kind: str, fields: Sequence[str], rows: Sequence[Row]) -> Json:
        query = self._asked(call, kind, SEARCH)
        text = query.one("query")
        if not text:
            raise errors.invalid("Missing required param: query.", code="parameter_missing", param="query")
        clauses = search_clauses(text, fields)
        found = [row.json for row in rows if all(fits(clause, row.json[clause.field]) for clause in clauses)]
        start, limit = query.whole("page") or 0, query.limit()
        rest = found[start + limit :]
        body: Json = {
            "object": "search_result",
            "data": found[start : start + limit],
            "has_more": bool(rest),
            "next_page": str(start + limit) if rest else None,
            "url": call.path,
        }
        return self.expanded(call, query, body)

    def _asked(self, call: Call, kind: str, known: set[str] | frozenset[str]) -> Query:
        self.require(call, PERMISSION[kind])
        return Query.checked(call.params, known)

    def _page(self, call: Call, query: Query, rows: Sequence[Row], wanted: Callable[[Row], bool], kind: str) -> Json:
        page, more = page_of(rows, wanted, query, kind)
        return self.expanded(call, query, self._objects.listing([row.json for row in page], call.path, has_more=more))

    def _row(self, customer: Customer) -> Row:
        return Row(self._objects.customer(customer.id))

    def _newest_first(self, call: Call) -> list[Invoice]:
        visible = self._books.invoices.values() if self.sees(call) else ()
        return sorted(visible, key=lambda one: (one.created, one.serial), reverse=True)

    def _customers_newest_first(self, call: Call) -> list[Customer]:
        return list(self._books.customers.values())[::-1] if self.sees(call) else []


def payment_filter(query: Query) -> Callable[[Row], bool]:
    """The filters of GET /v1/invoice_payments. Raises StripeError for a status there is not."""
    invoice, status = query.one("invoice"), query.one("status")
    if status is not None and status not in ("open", "paid", "canceled"):
        raise errors.invalid("Invalid status: must be one of open, paid, canceled", param="status")
    intent = query.one("payment[payment_intent]")

    def wanted(row: Row) -> bool:
        plain = invoice in (None, row.json["invoice"]) and status in (None, row.json["status"])
        return (
            plain
            and intent in (None, row.json["payment"]["payment_intent"])
            and query.within("created", row.json["created"])
        )

    return wanted
