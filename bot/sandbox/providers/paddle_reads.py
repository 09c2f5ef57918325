"""The fake Paddle's GET calls. One of them writes, as the real one does."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.sandbox.providers import paddle_errors as errors
from bot.sandbox.providers.paddle_books import Books, Subscription, Transaction
from bot.sandbox.providers.paddle_door import ApiKey
from bot.sandbox.providers.paddle_objects import Json, Objects
from bot.sandbox.providers.paddle_query import Params, listed, ordered, page_of, transaction_filter

TRANSACTION = re.compile(r"/transactions/(?P<id>[^/]+)")
INVOICE = re.compile(r"/transactions/(?P<id>[^/]+)/invoice")
SUBSCRIPTION = re.compile(r"/subscriptions/(?P<id>[^/]+)")
METHOD_CHANGE = re.compile(r"/subscriptions/(?P<id>[^/]+)/update-payment-method-transaction")
HAVE_PDF = frozenset({"billed", "past_due", "paid", "completed"})


class Reads:
    """Each method answers the body of a 200 or raises PaddleError. `has_default_page` False: no page is set in Paddle."""

    def __init__(self, books: Books, objects: Objects) -> None:
        self._books = books
        self._objects = objects
        self.has_default_page = True
        self.made_by_reading: list[str] = []
        """Transactions that a GET has made."""

    def answer(self, path: str, params: Params, key: ApiKey, url: str) -> Json:
        """`url` is the address that was asked, without its query."""
        lists: dict[str, Callable[[Params, ApiKey, str], Json]] = {
            "/transactions": self._transactions,
            "/customers": self._customers,
            "/adjustments": self._adjustments,
        }
        if (listing := lists.get(path)) is not None:
            return listing(params, key, url)
        if (found := TRANSACTION.fullmatch(path)) is not None:
            return self._one(found["id"], params, key)
        if (found := INVOICE.fullmatch(path)) is not None:
            return self._pdf(found["id"], key)
        if (found := SUBSCRIPTION.fullmatch(path)) is not None:
            key.require("subscription")
            return {"data": self._objects.subscription(self._subscription(found["id"]))}
        if (found := METHOD_CHANGE.fullmatch(path)) is not None:
            return self._method_change(found["id"], key)
        raise errors.missing(path)

    def _transactions(self, params: Params, key: ApiKey, url: str) -> Json:
        with_customer = self._included(params, key)
        wanted = transaction_filter(params)
        rows = ordered([one for one in self._books.transactions.values() if wanted(one)], params)
        page, pagination = page_of(rows, [one.id for one in rows], params, most=30, url=url)
        shown = [self._objects.transaction(one, with_customer=with_customer) for one in page]
        return {"data": shown, "meta": {"pagination": pagination}}

    def _customers(self, params: Params, key: ApiKey, url: str) -> Json:
        key.require("customer")
        search, ids, emails = params.get("search", "").casefold(), listed(params, "id"), listed(params, "email")
        rows = [
            one
            for one in self._books.customers.values()
            if (not search or any(search in text.casefold() for text in (one.id, one.name or "", one.email)))
            and (not ids or one.id in ids)
            and (not emails or one.email in emails)
        ]
        page, pagination = page_of(rows, [one.id for one in rows], params, most=200, url=url)
        return {"data": [self._objects.customer(one) for one in page], "meta": {"pagination": pagination}}

    def _adjustments(self, params: Params, key: ApiKey, url: str) -> Json:
        key.require("adjustment")
        transactions, action = listed(params, "transaction_id"), params.get("action")
        rows = [
            one
            for one in self._books.adjustments.values()
            if (not transactions or one.transaction in transactions) and action in (None, one.action)
        ]
        page, pagination = page_of(rows, [one.id for one in rows], params, most=50, url=url)
        return {"data": [self._objects.adjustment(one) for one in page], "meta": {"pagination": pagination}}

    def _one(self, identifier: str, params: Params, key: ApiKey) -> Json:
        with_customer = self._included(params, key)
        return {"data": self._objects.transaction(self._transaction(identifier), with_customer=with_customer)}

    def _pdf(self, identifier: str, key: ApiKey) -> Json:
        key.require("transaction")
        found = self._transaction(identifier)
        if found.status not in HAVE_PDF or (not found.is_manual and found.status != "completed"):
            raise errors.refused("transaction_invoice_not_available")
        return {"data": self._objects.file(found)}

    def _method_change(self, identifier: str, key: ApiKey) -> Json:
        """While past due, the newest unpaid bill; for an active subscription a new transaction over nothing."""
        key.require("transaction", write=True)
        subscription = self._subscription(identifier)
        if subscription.status == "canceled":
            raise errors.refused("subscription_is_canceled_action_invalid")
        if not self.has_default_page:
            raise errors.refused("transaction_default_checkout_url_not_set")
        mine = [one for one in self._books.transactions.values() if one.subscription == identifier]
        due = [one for one in mine if one.status == "past_due"]
        if subscription.status == "past_due" and due:
            newest = max(due, key=lambda one: one.created)
            return {"data": self._with_page(newest)}
        made = self._books.method_change(subscription)
        self.made_by_reading.append(made.id)
        return {"data": self._with_page(made)}

    def _with_page(self, one: Transaction) -> Json:
        return self._objects.transaction(one) | {"checkout": {"url": self._objects.page(one)}}

    @staticmethod
    def _included(params: Params, key: ApiKey) -> bool:
        """An include needs the right to read what is included."""
        key.require("transaction")
        included = listed(params, "include")
        if unknown := included - {"customer", "address", "business", "discount", "adjustments", "adjustments_totals"}:
            raise errors.invalid("include", f"does not know {sorted(unknown)[0]}")
        if "customer" in included:
            key.require("customer")
        return "customer" in included

    def _transaction(self, identifier: str) -> Transaction:
        found = self._books.transactions.get(identifier)
        if found is None:
            raise errors.missing(identifier)
        return found

    def _subscription(self, identifier: str) -> Subscription:
        found = self._books.subscriptions.get(identifier)
        if found is None:
            raise errors.missing(identifier)
        return found
