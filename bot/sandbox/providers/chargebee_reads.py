"""The fake Chargebee's GET calls. Nothing here changes anything."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.sandbox.providers import chargebee_errors as errors
from bot.sandbox.providers.chargebee_books import Books
from bot.sandbox.providers.chargebee_objects import Json, Objects
from bot.sandbox.providers.chargebee_query import Params, Query

ONE = re.compile(r"/(?P<kind>invoices|transactions|customers|payment_sources)/(?P<id>[^/]+)")
PAYMENTS = re.compile(r"/invoices/(?P<id>[^/]+)/payments")
MAILS = re.compile(r"/customers/(?P<id>[^/]+)/email_logs")
INVOICE_FILTERS = frozenset(
    {
        "id", "customer_id", "payment_owner", "subscription_id", "void_reason_code", "status", "price_type", "channel",
        "dunning_status", "recurring", "date", "paid_at", "updated_at", "voided_at", "total", "amount_paid",
        "amount_adjusted", "credits_applied", "amount_due",
    }
)  # fmt: skip
CUSTOMER_FILTERS = frozenset(
    {"id", "first_name", "last_name", "email", "company", "phone", "auto_collection", "created_at", "updated_at"}
)
SOURCE_FILTERS = frozenset({"customer_id", "type", "status", "updated_at", "created_at"})
TRANSACTION_FILTERS = frozenset(
    {"id", "customer_id", "status", "type", "date", "amount", "gateway", "payment_method", "updated_at", "reference_number"}
)


class Reads:
    """Each method answers the body of a 200 or raises ChargebeeError. `page_limit` is a page size that nobody can change,
    `ends_count` whether `between` holds its ends."""

    def __init__(self, books: Books, objects: Objects) -> None:
        self._books = books
        self._objects = objects
        self.page_limit: int | None = None
        self.ends_count = False

    def answer(self, path: str, params: Params) -> Json:
        match path:
            case "/invoices":
                rows = [self._objects.filtered(one) for one in self._books.invoices.values()]
                page = self._page("invoice", rows, params, INVOICE_FILTERS)
                listed = [self._books.invoices[row["invoice"]["id"]] for row in page["list"]]
                return {**page, "list": [{"invoice": self._objects.invoice(one)} for one in listed]}
            case "/customers":
                rows = [self._objects.customer(one) for one in self._books.customers.values()]
                return self._page("customer", rows, params, CUSTOMER_FILTERS)
            case "/payment_sources":
                rows = [self._objects.source(one) for one in self._books.sources.values()]
                return self._page("payment_source", rows, params, SOURCE_FILTERS)
            case "/transactions":
                rows = [self._objects.transaction(one) for one in self._books.transactions.values()]
                return self._page("transaction", rows, params, TRANSACTION_FILTERS)
            case _:
                return self._within(path, params)

    def _within(self, path: str, params: Params) -> Json:
        if (found := ONE.fullmatch(path)) is not None:
            return self._one(found["kind"], found["id"])
        if (found := PAYMENTS.fullmatch(path)) is not None:
            self._one("invoices", found["id"])
            rows = [self._objects.transaction(one) for one in self._books.of_invoice(found["id"])]
            return self._page("transaction", rows, params, ())
        if (found := MAILS.fullmatch(path)) is not None:
            self._one("customers", found["id"])
            rows = [self._objects.mail(one) for one in self._books.mails if one.customer == found["id"]]
            return self._page("email_log", rows, params, ("sent_on",))
        raise errors.no_route()

    def _one(self, kind: str, identifier: str) -> Json:
        books, shown = self._books, self._objects
        match kind:
            case "invoices" if identifier in books.invoices:
                return {"invoice": shown.invoice(books.invoices[identifier])}
            case "transactions" if identifier in books.transactions:
                return {"transaction": shown.transaction(books.transactions[identifier])}
            case "customers" if identifier in books.customers:
                return {"customer": shown.customer(books.customers[identifier])}
            case "payment_sources" if identifier in books.sources:
                source = shown.source(books.sources[identifier])
                return {"payment_source": source}
            case _:
                raise errors.missing(identifier, f"{kind.removesuffix('s')}_id")

    def _page(self, kind: str, rows: Sequence[Json], params: Params, known: Collection[str]) -> Json:
        query = Query(params, known, ends_count=self.ends_count)
        page, offset = query.page(query.rows(rows), self.page_limit)
        following = {} if offset is None else {"next_offset": offset}
        return {"list": [{kind: row} for row in page], **following}
