"""The fake Recurly's GET calls: one object, or a page of a listing with a cursor. Nothing here changes anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from bot.sandbox.providers import recurly_errors as errors
from bot.sandbox.providers.recurly_books import Books, Customer, Invoice
from bot.sandbox.providers.recurly_objects import Json, Objects

STATES = ("pending", "processing", "past_due", "paid", "failed", "open", "closed", "voided")
TYPES = ("charge", "credit", "legacy", "non-legacy")
INVOICE = re.compile(r"/invoices/(?P<id>[^/]+)(?:/(?P<verb>\w+))?")
ACCOUNT = re.compile(r"/accounts/(?P<id>[^/]+)(?:/(?P<part>\w+))?")

Params = Mapping[str, str]


class _Row(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def created(self) -> float: ...


Row = TypeVar("Row", bound=_Row)


def decode(encoded: str) -> dict[str, str]:
    return dict(parse_qsl(encoded, keep_blank_values=True))


class Reads:
    """Each method answers the body of a 200 or raises RecurlyError. `page_limit` is a page size that nobody can change."""

    def __init__(self, books: Books, objects: Objects, *, subdomain: str) -> None:
        self._books = books
        self._objects = objects
        self.page_limit: int | None = None
        self.wallet = True
        self.subdomain = subdomain
        self.mode = "sandbox"

    def answer(self, path: str, params: Params) -> Json:
        if path == "/sites":
            return _page([self._site()], None)
        if path == "/invoices":
            return self._invoices(path, list(self._books.invoices.values()), params)
        if path == "/accounts":
            return self._accounts(params)
        if (found := ACCOUNT.fullmatch(path)) is not None:
            return self._of_account(self._customer(found["id"]), found["part"], path, params)
        if (found := INVOICE.fullmatch(path)) is not None and found["verb"] is None:
            return self._objects.invoice(self.invoice(found["id"]))
        raise errors.missing("page", path)

    def invoice(self, identifier: str) -> Invoice:
        """By id, or as `number-1031`. Raises RecurlyError 404."""
        number = identifier.removeprefix("number-")
        if number != identifier:
            found = next((one for one in self._books.invoices.values() if one.number == number), None)
        else:
            found = self._books.invoices.get(identifier)
        if found is None:
            raise errors.missing("invoice", identifier)
        return found

    def count(self, path: str, params: Params) -> int:
        """What a HEAD tells of a listing."""
        if path != "/invoices":
            raise errors.missing("page", path)
        return len(self._wanted(list(self._books.invoices.values()), params))

    def _site(self) -> Json:
        return {
            "id": "st5a00000001",
            "object": "site",
            "subdomain": self.subdomain,
            "mode": self.mode,
            "features": ["credit_memos"],
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "deleted_at": None,
        }

    def _invoices(self, path: str, rows: list[Invoice], params: Params) -> Json:
        return self._listed(path, self._wanted(rows, params), params, self._objects.invoice)

    def _wanted(self, rows: list[Invoice], params: Params) -> list[Invoice]:
        state, kind = params.get("state"), params.get("type")
        if (state is not None and state not in STATES) or (kind is not None and kind not in TYPES):
            raise errors.RecurlyError(400, "bad_request", "There is no such filter.")
        begin, end = _moment(params.get("begin_time")), _moment(params.get("end_time"))
        return [
            one
            for one in rows
            if (state is None or one.state == state)
            and (kind is None or one.type == kind or (kind == "non-legacy" and one.type != "legacy"))
            and (begin is None or int(one.created) >= begin)
            and (end is None or int(one.created) <= end)
        ]

    def _accounts(self, params: Params) -> Json:
        rows = list(self._books.customers.values())
        if "email" in params:
            rows = [one for one in rows if (one.email or "") == params["email"]]
        if params.get("past_due") == "true":
            late = {one.customer for one in self._books.invoices.values() if one.state == "past_due" and one.is_charge}
            rows = [one for one in rows if one.id in late]
        return self._listed("/accounts", rows, params, self._objects.account)

    def _of_account(self, customer: Customer, part: str | None, path: str, params: Params) -> Json:
        methods = [self._books.methods[one] for one in customer.methods]
        match part:
            case None:
                return self._objects.account(customer)
            case "invoices":
                rows = [one for one in self._books.invoices.values() if one.customer == customer.id]
                return self._invoices(path, rows, params)
            case "billing_infos" if not self.wallet:
                raise errors.lacks_feature("a wallet")
            case "billing_infos":
                return _page([self._objects.billing_info(one) for one in methods], None)
            case "billing_info" if methods:
                return self._objects.billing_info(methods[0])
            case "billing_info":
                raise errors.missing("billing info", customer.id)
            case _:
                raise errors.missing("page", path)

    def _customer(self, identifier: str) -> Customer:
        code = identifier.removeprefix("code-")
        if code != identifier:
            found = next((one for one in self._books.customers.values() if one.code == code), None)
        else:
            found = self._books.customers.get(identifier)
        if found is None:
            raise errors.missing("account", identifier)
        return found

    def _listed(self, path: str, rows: Sequence[Row], params: Params, show: Callable[[Row], Json]) -> Json:
        """One page after the row that the cursor names; `next` carries every parameter."""
        is_descending = params.get("order", "desc") == "desc"
        ordered = sorted(rows, key=lambda one: (one.created, one.id), reverse=is_descending)
        limit = params.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= 200:
            raise errors.RecurlyError(400, "bad_request", "The limit is 1 to 200.")
        size = self.page_limit or int(limit)
        cursor = params.get("cursor", "").partition(":")[0]
        start = next((place + 1 for place, one in enumerate(ordered) if one.id == cursor), 0)
        page, rest = ordered[start : start + size], ordered[start + size :]
        following = None
        if rest:
            told = {**params, "cursor": f"{page[-1].id}:{int(page[-1].created)}"}
            following = f"{quote(path)}?{urlencode(sorted(told.items()))}"
        return _page([show(one) for one in page], following)


def _page(rows: Sequence[Any], following: str | None) -> Json:
    return {"object": "list", "has_more": following is not None, "next": following, "data": list(rows)}


def _moment(text: str | None) -> float | None:
    """Without a zone it is UTC. Raises RecurlyError 400."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise errors.RecurlyError(400, "bad_request", "The time cannot be read.") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
