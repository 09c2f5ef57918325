"""Braintree's objects and errors as far as we read them: https://developer.paypal.com/braintree/graphql/reference

The status of an answer is 200 whatever happened, so the body is asked for what it means. Almost every field may be null;
unknown words are tolerated, missing ones too, except those without which an object means nothing: its ids and status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.alias_generators import to_camel

from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.money import EXPONENTS, Money
from bot.providers.http import Reply

_AMOUNT: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_REQUEST_ID: Final = re.compile(rb'"requestId"\s*:\s*"([0-9A-Za-z-]{1,80})"')
_MEANT: Final = {"RESOURCE_LIMIT": 429, "SERVICE_AVAILABILITY": 503, "INTERNAL": 500}


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Shown = WrapValidator(_or_none)
"""For what is only shown: a subscription whose date cannot be read can still be charged, and must not vanish for it."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, alias_generator=to_camel)


Shape = TypeVar("Shape", bound=_Wire)


class WireExtensions(_Wire):
    """What an error is: https://developer.paypal.com/braintree/graphql/guides/error_handling"""

    error_class: str | None = None
    legacy_code: str | None = None


class WireError(_Wire):
    """One error of an answer; `path` says which field it befell, and is missing where nothing was executed."""

    message: str = ""
    path: list[str | int] | None = None
    extensions: WireExtensions = WireExtensions()

    @property
    def kind(self) -> str | None:
        return self.extensions.error_class

    @property
    def code(self) -> str | None:
        return self.extensions.legacy_code


class WireAnswer(_Wire):
    """The whole of an answer: either part may be missing, or both be there."""

    data: dict[str, Any] | None = None
    errors: list[WireError] = []


class WireIdentified(_Wire):
    """All that is read of an object which is only pointed at."""

    id: str


class WireAmount(_Wire):
    """A decimal string in the currency's main unit."""

    value: str | None = None
    currency_code: str | None = None


class WireCustomer(_Wire):
    """The customer as a transaction carries it."""

    legacy_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None

    @property
    def person(self) -> str | None:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.company, self.person) if name]


class WireSnapshot(_Wire):
    """The payment method as it was when it was charged."""

    typename: str | None = Field(default=None, alias="__typename")
    brand_code: str | None = None
    last4: str | None = None

    @property
    def label(self) -> str:
        name = _METHODS.get(self.typename or "") or (self.brand_code or "card").replace("_", " ").lower()
        return f"{name} ending {self.last4}" if self.last4 else name


_METHODS: Final = {
    "PayPalTransactionDetails": "PayPal account",
    "VenmoAccountDetails": "Venmo account",
    "UsBankAccountDetails": "bank account",
    "SEPADirectDebitTransactionDetails": "SEPA direct debit",
    "LocalPaymentDetails": "local payment method",
}


class WireResponse(_Wire):
    """What the processor said."""

    legacy_code: str | None = None
    message: str | None = None


class WireAdvice(_Wire):
    """What Mastercard advises."""

    code: str | None = None


class WireEvent(_Wire):
    """One status of a transaction, newest first; the rest depends on which it is."""

    status: str | None = None
    timestamp: Annotated[datetime | None, Shown] = None
    decline_type: str | None = None
    processor_response: WireResponse | None = None
    merchant_advice_code_response: WireAdvice | None = None
    gateway_rejection_reason: str | None = None
    duplicate_of: WireIdentified | None = None


class WireTransaction(_Wire):
    """One charge: https://developer.paypal.com/braintree/graphql/reference#object--transaction"""

    id: str
    status: str
    legacy_id: str | None = None
    created_at: datetime | None = None
    source: str | None = None
    amount: WireAmount | None = None
    customer: WireCustomer | None = None
    payment_method: WireIdentified | None = None
    payment_method_snapshot: Annotated[WireSnapshot | None, Shown] = None
    upcoming_retry_date: Annotated[date | None, Shown] = None
    status_history: list[WireEvent] | None = None

    @property
    def newest(self) -> WireEvent:
        """The event that tells of the present status."""
        history = self.status_history or []
        return next((event for event in history if event.status == self.status), WireEvent())

    @property
    def at(self) -> datetime | None:
        return moment(self.created_at)

    @property
    def money(self) -> Money | None:
        """None where it cannot be read."""
        if self.amount is None or self.amount.value is None or self.amount.currency_code is None:
            return None
        try:
            return money(self.amount.value, self.amount.currency_code)
        except UnusableValue:
            return None


class WireTimeline(_Wire):
    """When a subscription bills."""

    next_billing_date: Annotated[date | None, Shown] = None
    billing_period_start_date: Annotated[date | None, Shown] = None
    created_at: Annotated[datetime | None, Shown] = None


class WireState(_Wire):
    """One status of a subscription, newest first."""

    status: str | None = None
    timestamp: Annotated[datetime | None, Shown] = None
    currency_iso_code: str | None = None


class WireSubscription(_Wire):
    """A subscription: https://developer.paypal.com/braintree/graphql/reference#object--recurringbillingsubscription"""

    id: str
    legacy_id: str
    status: str
    balance: str
    failure_count: int | None = None
    payment_method_id: str | None = None
    transaction_ids: list[str | None] | None = None
    timeline: WireTimeline = WireTimeline()
    status_history: list[WireState | None] | None = None

    @property
    def charges(self) -> list[str]:
        """Ids of its transactions, newest first."""
        return [one for one in self.transaction_ids or [] if one is not None]

    @property
    def states(self) -> list[WireState]:
        return [one for one in self.status_history or [] if one is not None]


class WirePage(_Wire):
    """Where a page stands."""

    has_next_page: bool
    end_cursor: str | None = None


class WireEdge(_Wire):
    """An item of a page, as it came."""

    node: Any = None


class WireConnection(_Wire):
    """One page; only a whole listing says whether there is more."""

    edges: list[WireEdge] | None = None
    page_info: WirePage | None = None

    @property
    def nodes(self) -> list[Any]:
        return [edge.node for edge in self.edges or []]


def meaning(reply: Reply) -> Reply:
    """The reply with its request id, and with the status that its errors have elsewhere where they ask to try again."""
    found = _REQUEST_ID.search(reply.content[-2_000:])
    headers = {**reply.headers, "request-id": found[1].decode()} if found else reply.headers
    status = reply.status
    if status == 200 and b'"errors"' in reply.content:
        try:
            kinds = {error.kind for error in answer_of(reply).errors}
        except ProviderFailure:
            kinds = set()
        status = next((code for kind, code in _MEANT.items() if kind in kinds), status)
    return replace(reply, status=status, headers=headers)


def answer_of(reply: Reply) -> WireAnswer:
    """Raises ProviderFailure for what is no answer of a GraphQL server."""
    try:
        body = json.loads(reply.content)
        answer = WireAnswer.model_validate({**body, "errors": body.get("errors") or []} if isinstance(body, dict) else body)
    except (ValueError, RecursionError):
        raise unreadable(reply.request_id) from None
    if not {"data", "errors"} & body.keys():
        raise unreadable(reply.request_id)
    return answer


def read(shape: type[Shape], value: object) -> Shape:
    """Raises ProviderFailure for another shape."""
    try:
        return shape.model_validate(value)
    except ValidationError:
        raise unreadable() from None


def unreadable(request_id: str | None = None) -> ProviderFailure:
    return ProviderFailure(FailureReason.UNREADABLE, "Braintree's answer could not be read.", request_id=request_id)


def money(value: str, currency: str) -> Money:
    """Raises UnusableValue for what is no decimal number, for more decimals than the currency has, and for a currency of
    which these are not known: a guess would be wrong by a factor of ten."""
    if currency not in EXPONENTS:
        raise UnusableValue("the currency is none that ISO 4217 knows")
    if not _AMOUNT.fullmatch(value):
        raise UnusableValue("an amount is no decimal number")
    return Money.from_major(value, currency)


def written(amount: Money) -> str:
    """In the main unit, with all decimals of the currency: "49.99", "4200", "12.340"."""
    return f"{amount.major:f}"


def moment(at: datetime | None) -> datetime | None:
    """Braintree's times are UTC, also where they do not say so."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def readable(shape: type[Shape], values: Sequence[object]) -> list[Shape | None]:
    """Each value in that shape, None for one that is not."""
    found: list[Shape | None] = []
    for value in values:
        try:
            found.append(shape.model_validate(value))
        except ValidationError:
            found.append(None)
    return found
