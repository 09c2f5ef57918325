"""What the roots of Braintree's schema do: look up, search, charge, void, capture and cancel.

Searching       https://developer.paypal.com/braintree/graphql/guides/searching
Idempotency     https://developer.paypal.com/braintree/graphql/guides/idempotency
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from bot.domain.money import exponent_of
from bot.sandbox.providers import braintree_errors as errors
from bot.sandbox.providers.braintree_books import VOIDABLE, Books, Subscription, Transaction, known_by, opaque
from bot.sandbox.providers.braintree_objects import CUSTOMER, METHOD, SUBSCRIPTION, TRANSACTION, Json, Objects
from bot.sandbox.providers.magic import Disturbance

KINDS = {
    "CUSTOMER": CUSTOMER,
    "PAYMENT_METHOD": METHOD,
    "RECURRING_BILLING_SUBSCRIPTION": SUBSCRIPTION,
    "TRANSACTION": TRANSACTION,
}
PAGE = 50
Thing = TypeVar("Thing")
Given = Mapping[str, Any]


@dataclass(slots=True)
class Aftermath:
    """What befalls the answer of one request. `arrives` False: it hangs, and nothing was done."""

    answer: Disturbance | None = None
    arrives: bool = True


@dataclass(slots=True)
class Resolvers:
    """The methods that have the names of root fields are what graphql-core calls, with what the document gave them.

    `page_limit` is a page size that the server insists on; `loops` makes the cursor of a list lead back.
    """

    books: Books
    merchant: str
    objects: Objects
    rights: Collection[str] | None = None
    page_limit: int | None = None
    loops: bool = False
    aftermath: Aftermath = field(default_factory=Aftermath)
    _keys: dict[str, tuple[str, Any, Transaction]] = field(default_factory=dict)

    def roots(self) -> dict[str, Callable[..., Any]]:
        return {
            "ping": lambda _: "pong",
            "viewer": self._viewer,
            "node": self._node,
            "idsFromLegacyIds": self._ids,
            "transactions": self._transactions,
            "recurringBillingSubscriptions": self._subscriptions,
            "chargeRecurringBillingSubscription": self._charge,
            "cancelRecurringBillingSubscription": self._cancel,
            "captureTransaction": self._capture,
            "voidTransaction": self._void,
        }

    # --- queries

    def _viewer(self, _: Any) -> Json:
        user = {"id": opaque("user", "recoup"), "name": "Recoup"}
        return {"user": user, "merchant": {"id": self.merchant, "companyName": "Example", "timezone": "UTC"}}

    def _node(self, _: Any, id: str) -> Json:  # noqa: A002 - the schema's name
        subscription = self.books.subscriptions.get(known_by(SUBSCRIPTION, id) or "")
        if subscription is not None:
            return self.objects.subscription(subscription)
        transaction = self.books.transactions.get(known_by(TRANSACTION, id) or "")
        if transaction is not None:
            return self.objects.transaction(transaction)
        customer = self.books.customers.get(known_by(CUSTOMER, id) or "")
        if customer is not None:
            return self.objects.customer(customer)
        raise errors.missing()

    def _ids(self, _: Any, input: Given) -> list[str]:  # noqa: A002 - the schema's name
        if not 1 <= len(input["ids"]) <= 50:
            raise errors.invalid("", "ids")
        pairs = [(KINDS[one["type"]], one["legacyId"]) for one in input["ids"]]
        return [name if known_by(kind, name) is not None else opaque(kind, name) for kind, name in pairs]

    def _transactions(self, _: Any, input: Given, first: int = PAGE, after: str | None = None) -> Json:  # noqa: A002 - the schema's name
        found = [one for one in self.books.transactions.values() if self._fits(one, input)]
        found.sort(key=lambda one: one.created, reverse=True)
        return self._page(found, self.objects.transaction, first, after)

    def _subscriptions(self, _: Any, input: Given, first: int = PAGE, after: str | None = None) -> Json:  # noqa: A002 - the schema's name
        found = [one for one in self.books.subscriptions.values() if self._is_among(one, input)]
        return self._page(found, self.objects.subscription, first, after)

    def _page(self, found: Sequence[Thing], show: Callable[[Thing], Json], first: int, after: str | None) -> Json:
        size, start = min(first, self.page_limit or PAGE), _offset(after)
        shown = found[start : start + size]
        end = 0 if self.loops else start + len(shown)
        more = start + len(shown) < len(found) or (self.loops and bool(shown))
        edges = [{"cursor": _cursor(start + place), "node": show(one)} for place, one in enumerate(shown, 1)]
        info = {"hasNextPage": more, "hasPreviousPage": start > 0, "startCursor": None, "endCursor": _cursor(end)}
        return {"edges": edges, "pageInfo": info}

    def _fits(self, one: Transaction, wanted: Given) -> bool:
        customer = self.books.customers[self.books.subscriptions[one.subscription].customer]
        fields = {
            "id": customer.id,
            "company": customer.company,
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "email": customer.email,
        }
        by_customer = all(_is(fields[name], how) for name, how in (wanted.get("customer") or {}).items())
        return by_customer and all(
            _is(one.id if name == "id" else getattr(one, _known(name, {"status", "source"})), how)
            for name, how in wanted.items()
            if name != "customer"
        )

    def _is_among(self, one: Subscription, wanted: Given) -> bool:
        for name, how in wanted.items():
            match name:
                case "status":
                    fits = one.status in how
                case "id":
                    fits = _is(one.id, how)
                case "transactionId":
                    fits = any(_is(known, how) for known in one.transactions)
                case _:
                    raise errors.not_implemented(name)
            if not fits:
                return False
        return True

    # --- mutations

    def _charge(self, _: Any, input: Given) -> Json:  # noqa: A002 - the schema's name
        self._require("chargeRecurringBillingSubscription")
        made = self._subscription(input["subscriptionId"])
        amount = _decimal(input.get("amount", str(made.balance)), made.currency)
        if made.status != "PAST_DUE":
            raise errors.invalid("91531", "subscriptionId")
        self._meet(made)
        one = self.books.charge(made, amount, "API", submit=input.get("submitForSettlement") is True)
        return {"clientMutationId": input.get("clientMutationId"), "transaction": self.objects.transaction(one)}

    def _meet(self, made: Subscription) -> None:
        """What the magic customer does to the request before any bank hears of it, and to the answer afterwards."""
        method = self.books.methods[self.books.customers[made.customer].method]
        if method.turned_away < method.magic.refusals:
            method.turned_away += 1
            raise errors.too_many()
        if not method.magic.reaches_bank:
            self.aftermath.arrives = False
            raise errors.internal()
        self.aftermath.answer = method.magic.answer

    def _void(self, _: Any, input: Given) -> Json:  # noqa: A002 - the schema's name
        def act(one: Transaction) -> None:
            if one.status not in VOIDABLE:
                raise errors.invalid("91504", "transactionId")
            self.books.void(one)

        return self._keyed("voidTransaction", input, act)

    def _capture(self, _: Any, input: Given) -> Json:  # noqa: A002 - the schema's name
        def act(one: Transaction) -> None:
            if one.status != "AUTHORIZED":
                raise errors.invalid("91507", "transactionId")
            if "amount" in input and _decimal(input["amount"], one.currency) > one.amount:
                raise errors.invalid("91522", "amount")
            self.books.capture(one)

        return self._keyed("captureTransaction", input, act)

    def _keyed(self, name: str, given: Given, act: Callable[[Transaction], None]) -> Json:
        """The same key with the same input answers with the transaction as it is now."""
        self._require(name)
        one = self.books.transactions.get(known_by(TRANSACTION, given["transactionId"]) or "")
        if one is None:
            raise errors.missing()
        key, asked = given.get("apiRequestKey"), {k: v for k, v in given.items() if k != "clientMutationId"}
        if key is not None and len(key) > 255:
            raise errors.invalid("915230", "apiRequestKey")
        known = self._keys.get(key) if key else None
        if known is not None and known[:2] != (name, asked):
            raise errors.invalid("915232", "apiRequestKey")
        if known is None:
            act(one)
            if key:
                self._keys[key] = (name, asked, one)
        return {"clientMutationId": given.get("clientMutationId"), "transaction": self.objects.transaction(one)}

    def _cancel(self, _: Any, input: Given) -> Json:  # noqa: A002 - the schema's name
        self._require("cancelRecurringBillingSubscription")
        made = self._subscription(input["subscriptionId"])
        if made.status in {"CANCELED", "EXPIRED"}:
            raise errors.invalid("81905", "subscriptionId")
        made.becomes("CANCELED", self.books.now())
        return {"clientMutationId": input.get("clientMutationId"), "subscription": self.objects.subscription(made)}

    def _subscription(self, identifier: str) -> Subscription:
        made = self.books.subscriptions.get(known_by(SUBSCRIPTION, identifier) or "")
        if made is None:
            raise errors.missing()
        return made

    def _require(self, mutation: str) -> None:
        if self.rights is not None and mutation not in self.rights:
            raise errors.forbidden()


def _is(value: str | None, how: Given | list[str]) -> bool:
    """One search field; of capitals this stand-in takes no notice."""
    if not isinstance(how, dict):
        return value in how
    text = (value or "").casefold()
    tests: dict[str, Callable[[Any], bool]] = {
        "is": lambda wanted: text == wanted.casefold(),
        "isNot": lambda wanted: text != wanted.casefold(),
        "startsWith": lambda wanted: text.startswith(wanted.casefold()),
        "endsWith": lambda wanted: text.endswith(wanted.casefold()),
        "contains": lambda wanted: wanted.casefold() in text,
        "in": lambda wanted: value in wanted,
    }
    return all(tests[_known(name, tests)](wanted) for name, wanted in how.items())


def _known(name: str, names: Collection[str]) -> str:
    if name not in names:
        raise errors.not_implemented(name)
    return name


def _decimal(text: object, currency: str) -> Decimal:
    """Raises BraintreeError for what is no amount, or has more decimals than the currency."""
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        raise errors.invalid("81503", "amount") from None
    if not amount.is_finite() or amount != round(amount, exponent_of(currency)):
        raise errors.invalid("81503", "amount")
    if amount <= 0:
        raise errors.invalid("81531", "amount")
    return amount


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor-{place}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor-"))
    except (binascii.Error, ValueError):
        raise errors.invalid("", "after") from None
