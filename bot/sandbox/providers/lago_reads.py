"""The fake Lago's GET calls. Nothing here changes anything."""

from __future__ import annotations

import re

from bot.sandbox.providers import lago_errors as errors
from bot.sandbox.providers.lago_books import Books, Invoice
from bot.sandbox.providers.lago_door import ApiKey
from bot.sandbox.providers.lago_objects import Json, Objects
from bot.sandbox.providers.lago_query import OLD, Params, invoice_filter, one, page_of

INVOICE = re.compile(r"/invoices/(?P<id>[^/]+)(?:/(?P<verb>\w+))?")
METHODS = re.compile(r"/customers/(?P<id>[^/]+)/payment_methods")


class Reads:
    """Each method answers the body of a 200 or raises LagoError. `page_limit` is a page size that nobody can change."""

    def __init__(self, books: Books, objects: Objects) -> None:
        self._books = books
        self._objects = objects
        self.page_limit: int | None = None

    def answer(self, path: str, params: Params, key: ApiKey) -> Json:
        if path == "/invoices":
            key.require("invoice", write=False)
            return self._invoices(params)
        if path == "/payments":
            key.require("payment", write=False)
            return self._payments(params)
        if (found := METHODS.fullmatch(path)) is not None and not self._objects.is_old:
            key.require("payment_method", write=False)
            return self._methods(found["id"], params)
        if (found := INVOICE.fullmatch(path)) is not None and found["verb"] is None:
            key.require("invoice", write=False)
            return {"invoice": self._objects.invoice(self._invoice(found["id"]))}
        raise errors.no_route()

    def _invoices(self, params: Params) -> Json:
        if self._objects.is_old:
            params = {name: values for name, values in params.items() if name in OLD}
        wanted = invoice_filter(self._books, params)
        rows = [invoice for invoice in self._books.invoices.values() if wanted(invoice)]
        rows.sort(key=lambda invoice: invoice.id)
        rows.sort(key=lambda invoice: invoice.created, reverse=True)
        page, meta = page_of(rows, params, limit=self.page_limit)
        return {"invoices": [self._objects.invoice(invoice, listed=True) for invoice in page], "meta": meta}

    def _payments(self, params: Params) -> Json:
        wanted = one(params, "invoice_id")
        ids = [wanted] if wanted else list(self._books.invoices)
        rows = [payment for identifier in ids for payment in self._books.of_invoice(identifier)]
        page, meta = page_of(rows, params, limit=self.page_limit)
        return {"payments": [self._objects.payment(payment) for payment in page], "meta": meta}

    def _methods(self, customer: str, params: Params) -> Json:
        found = self._books.customers.get(customer)
        if found is None:
            raise errors.missing("customer")
        page, meta = page_of(found.methods, params, limit=self.page_limit)
        return {"payment_methods": [self._objects.method(self._books.methods[method]) for method in page], "meta": meta}

    def _invoice(self, identifier: str) -> Invoice:
        found = self._books.invoices.get(identifier)
        if found is None:
            raise errors.missing("invoice")
        return found
