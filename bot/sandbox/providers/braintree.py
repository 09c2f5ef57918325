"""A stateful stand-in for Braintree's GraphQL API: requests in, replies out, written from Braintree's documents.

Making calls    https://developer.paypal.com/braintree/graphql/guides/making_api_calls
Reference       https://developer.paypal.com/braintree/graphql/reference
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from bot.sandbox.providers import braintree_errors as errors
from bot.sandbox.providers.braintree_books import Books, Charge, Subscription, Wish
from bot.sandbox.providers.braintree_controls import Controls
from bot.sandbox.providers.braintree_demo import seed
from bot.sandbox.providers.braintree_magic import MAGIC
from bot.sandbox.providers.braintree_objects import Objects
from bot.sandbox.providers.braintree_resolvers import Aftermath, Resolvers
from bot.sandbox.providers.magic import Disturbance, Magic
from bot.sandbox.wire import Fault, Meant, WireReply, WireRequest

MERCHANT = "recoupsandboxmerchant"
PUBLIC_KEY = "recoupsandboxpublic"
PRIVATE_KEY = "5a9d00000000000000000000recoup"
FAULTS = {Disturbance.HANG: Fault.HANG, Disturbance.RESET: Fault.RESET, Disturbance.TRUNCATED: Fault.TRUNCATE}
HTML = b"<!doctype html><title>One moment</title><p>Please wait.</p>"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`rights` None may do all; else the names of mutations."""

    public: str
    private: str = field(repr=False)
    rights: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client asked, for judges: no secrets. `fields` are the root fields; mutations begin with "mutation "."""

    method: str
    path: str
    fields: tuple[str, ...]
    variables: Json
    version: str
    status: int
    at: float
    request_id: str

    @property
    def is_mutation(self) -> bool:
        return any(name.startswith("mutation ") for name in self.fields)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    fault: Fault | None = None


class FakeBraintree:
    """`now` is epoch seconds. Public attributes are switches: set them while it runs.

    everything    every request meets this Disturbance, with no effect (a truncated answer alone is computed first)
    after_effect  every mutation that succeeded has its effect and then meets this
    faults_left   so many faults of the two kinds above, then none; None is for good
    per_second    so many requests in any one second, then RESOURCE_LIMIT; None is no limit
    resolvers     a page size that the server insists on, cursors that lead back
    books         what is not documented and may be so or so
    """

    slug = "braintree"
    base_path = "/graphql"

    def __init__(self, now: Callable[[], float] = time.time, *, keys: Sequence[ApiKey] | None = None) -> None:
        self.now = now
        self.keys = tuple(keys) if keys is not None else (ApiKey(PUBLIC_KEY, PRIVATE_KEY),)
        self.books = Books(now)
        self.resolvers = Resolvers(self.books, MERCHANT, Objects(self.books))
        self.requests: list[SeenRequest] = []
        self.everything: str | None = None
        self.after_effect: str | None = None
        self.faults_left: int | None = None
        self.per_second: int | None = None
        self._recent: deque[float] = deque()
        self._controls = Controls(self)
        self._count = 0

    # --- for tests, judges and the sandbox page

    @property
    def charges(self) -> list[Charge]:
        """Every attempt at the bank since the start, oldest first."""
        return self.books.charges

    @property
    def invoices(self) -> dict[str, Subscription]:
        return self.books.subscriptions

    def collected(self, invoice: str) -> int:
        return self.books.collected(invoice)

    def add_invoice(self, **wish: Unpack[Wish]) -> str:
        return self.books.add_invoice(**wish)

    def seed_demo(self) -> None:
        seed(self.books)

    def credentials(self) -> dict[str, str]:
        key = self.keys[0]
        return {"merchant_id": MERCHANT, "public_key": key.public, "private_key": key.private, "mode": "test"}

    def magic(self) -> Sequence[Magic]:
        return MAGIC

    def ledger(self) -> list[dict[str, Any]]:
        return self._controls.ledger()

    def control(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a person at the sandbox page asked. Raises ValueError for what cannot be done."""
        return self._controls.run(name, args)

    def snapshot(self) -> dict[str, Any]:
        return self._controls.snapshot()

    # --- the wire

    def respond(self, request: WireRequest) -> WireReply:
        from bot.sandbox.providers.braintree_graphql import root_fields  # noqa: PLC0415 - graphql-core, for the sandbox alone

        self._count += 1
        request_id = f"5a9d0000-0000-4000-8000-{self._count:012x}"
        body = _body(request)
        fields = root_fields(str(body.get("query", ""))) if isinstance(body.get("query"), str) else ()
        answer = self._answer(request, body, request_id, is_mutation=any(one.startswith("mutation ") for one in fields))
        found = body.get("variables")
        variables = found if isinstance(found, dict) else {}
        self.requests.append(
            SeenRequest(
                request.method,
                request.path,
                fields,
                variables,
                request.headers.get("braintree-version", ""),
                answer.status,
                self.now(),
                request_id,
            )
        )
        meant = self._meant(self.requests[-1])
        return WireReply(answer.status, {"Content-Type": answer.content_type}, answer.body, answer.fault, meant)

    def _meant(self, seen: SeenRequest) -> Meant:
        """Which subscriptions it was about, by the ids that people see."""
        given = seen.variables.get("input")
        key = given.get("apiRequestKey") if isinstance(given, dict) else None
        names = [self.books.subscription_behind(text) for text in _texts(seen.variables)]
        return Meant(
            reads=not seen.is_mutation,
            path=f"{seen.path} {', '.join(dict.fromkeys(seen.fields))}",
            about=tuple(name for name in names if name is not None),
            key=key if isinstance(key, str) else None,
        )

    def _answer(self, request: WireRequest, body: Json, request_id: str, *, is_mutation: bool) -> _Answer:
        if (request.method, request.path) != ("POST", self.base_path):
            return _Answer(404, HTML, "text/html")
        fault = self._next_fault("everything")
        if fault is not None and fault is not Disturbance.TRUNCATED:
            return self._disturbed(None, fault, request_id)
        told = self._told(request, body)
        after = self._after(is_mutation=is_mutation and not told.get("errors"))
        if not self.resolvers.aftermath.arrives:
            return self._disturbed(None, Disturbance.HANG, request_id)
        answer = _Answer(200, _json(told, request_id))
        wanted = after or fault
        return self._disturbed(answer, wanted, request_id) if wanted is not None else answer

    def _told(self, request: WireRequest, body: Json) -> Json:
        """Braintree answers 200 to everything that reaches it."""
        from bot.sandbox.providers.braintree_graphql import answer  # noqa: PLC0415 - graphql-core, for the sandbox alone

        self.resolvers.aftermath = Aftermath()
        key, version = self._key(request.headers), request.headers.get("braintree-version", "")
        if key is None:
            return _refused(errors.unauthenticated())
        if self._is_limited():
            return _refused(errors.too_many())
        if not _DAY.fullmatch(version):
            return _refused(errors.BraintreeError("Braintree-Version is missing or no date.", "UNSUPPORTED_CLIENT"))
        self.resolvers.rights = key.rights
        return answer(body, self.resolvers.roots(), version)

    def _after(self, *, is_mutation: bool) -> Disturbance | None:
        if not is_mutation:
            return None
        return self.resolvers.aftermath.answer or self._next_fault("after_effect")

    def _key(self, headers: Mapping[str, str]) -> ApiKey | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        try:
            public, _, private = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        same = (key for key in self.keys if (key.public, key.private) == (public, private))
        return next(same, None) if scheme.lower() == "basic" else None

    def _is_limited(self) -> bool:
        """A request that is turned away does not count."""
        now = self.now()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.per_second is not None and len(self._recent) >= self.per_second:
            return True
        self._recent.append(now)
        return False

    def _next_fault(self, switch: str) -> Disturbance | None:
        wanted: str | None = getattr(self, switch)
        if wanted is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return Disturbance(wanted)

    def _disturbed(self, answer: _Answer | None, how: Disturbance, request_id: str) -> _Answer:
        """`answer` None: there is none, the request was never carried out."""
        match how:
            case Disturbance.ERROR:
                return _Answer(200, _json(_refused(errors.internal()), request_id))
            case Disturbance.LIMITED:
                return _Answer(200, _json(_refused(errors.too_many()), request_id))
            case Disturbance.HTML:
                return _Answer(200, HTML, "text/html")
            case Disturbance.EMPTY:
                return _Answer(200, b"")
            case Disturbance.HANG | Disturbance.RESET | Disturbance.TRUNCATED:
                return _Answer(200, answer.body if answer else b"", fault=FAULTS[how])


def _refused(error: errors.BraintreeError) -> Json:
    return {"data": None, "errors": [{"message": str(error), "extensions": error.extensions}]}


def _json(told: Json, request_id: str) -> bytes:
    return json.dumps({**told, "extensions": {"requestId": request_id}}, ensure_ascii=False).encode()


def _texts(value: object) -> Iterator[str]:
    """Every text in the variables of a request."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _body(request: WireRequest) -> Json:
    try:
        read = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
