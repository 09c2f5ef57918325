"""Paddle's objects as far as we read them: https://developer.paddle.com/api-reference/transactions/overview

Unknown fields and words are tolerated, missing ones too, except those without which a transaction means nothing: id,
currency and balance. Amounts are whole numbers of the smallest unit, written as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.money import MinorUnits, Money, known_currency
from bot.providers.http import Reply

_UNITS: Final = MinorUnits()
"""Each currency's own minor unit, as ISO 4217 has it: JPY and KRW have no decimals at Paddle either."""
_REQUEST_ID = re.compile(r"[\w-]{1,100}")

CANCELED: Final = "canceled"
COMPLETED: Final = frozenset({"paid", "completed"})
"""`paid` is a short step on the way to `completed`."""
MANUAL: Final = "manual"
PAST_DUE: Final = "past_due"


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Amount = Annotated[StrictStr, Field(pattern=r"^-?[0-9]{1,18}$")]
Moment = Annotated[datetime | None, WrapValidator(_or_none)]
"""What is only shown: a transaction whose date cannot be read can still be paid, and must not vanish for it."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


Shape = TypeVar("Shape", bound=_Wire)


class WireCard(_Wire):
    """A card as an attempt names it."""

    type: str | None = None
    last4: str | None = None


class WireMethod(_Wire):
    """What an attempt charged."""

    type: str | None = None
    card: WireCard | None = None


class WirePayment(_Wire):
    """One attempt to pay; Paddle lists the newest first."""

    payment_attempt_id: str
    payment_method_id: str | None = None
    stored_payment_method_id: str | None = None
    amount: Amount | None = None
    status: str | None = None
    error_code: str | None = None
    method_details: WireMethod | None = None
    created_at: Moment = None

    @property
    def method_id(self) -> str | None:
        return self.stored_payment_method_id or self.payment_method_id

    @property
    def label(self) -> str | None:
        """ "visa ending 4242", or the kind of method where there is no card."""
        method = self.method_details
        if method is None:
            return None
        if method.card is not None and method.card.last4:
            return f"{(method.card.type or 'card').replace('_', ' ')} ending {method.card.last4}"
        return method.type.replace("_", " ") if method.type else None


class WireTotals(_Wire):
    """`grand_total` is the bill after credit, `balance` what is still to be paid."""

    balance: Amount
    grand_total: Amount | None = None


class WireDetails(_Wire):
    """The sums of a transaction."""

    totals: WireTotals


class WireCheckout(_Wire):
    """Where it can be paid."""

    url: str | None = None


class WireTerms(_Wire):
    """How long a customer has to pay."""

    interval: str | None = None
    frequency: StrictInt | None = None


class WireBilling(_Wire):
    """Of manual collection only."""

    enable_checkout: StrictBool | None = None
    payment_terms: WireTerms | None = None


class WireCustomer(_Wire):
    """A customer, of its own or in a transaction that was asked for with it."""

    id: str
    name: str | None = None
    email: str | None = None


class WireTransaction(_Wire):
    """What we call an invoice; Paddle has no other."""

    id: str
    currency_code: str
    details: WireDetails
    status: str | None = None
    collection_mode: str | None = None
    origin: str | None = None
    customer_id: str | None = None
    subscription_id: str | None = None
    invoice_number: str | None = None
    payments: list[WirePayment] | None = None
    checkout: WireCheckout | None = None
    billing_details: WireBilling | None = None
    billed_at: Moment = None
    created_at: Moment = None
    customer: WireCustomer | None = None

    @property
    def is_manual(self) -> bool:
        return self.collection_mode == MANUAL

    @property
    def needs_credits(self) -> bool:
        """Whether only its credits tell if it was paid or written off: both show as completed."""
        return self.is_manual and self.status in COMPLETED

    @property
    def newest(self) -> WirePayment | None:
        """The newest attempt, by its time; the first of the list where they have none."""
        dated = [(at, one) for one in self.payments or () if (at := aware(one.created_at)) is not None]
        if dated:
            return max(dated, key=lambda pair: pair[0])[1]
        return next(iter(self.payments or ()), None)


class WireSubscription(_Wire):
    """Whether its newest bill is unpaid."""

    id: str
    status: str | None = None


class WireAdjustmentTotals(_Wire):
    """What an adjustment takes off."""

    total: Amount


class WireAdjustment(_Wire):
    """A credit or refund: https://developer.paddle.com/api-reference/adjustments/overview"""

    id: str
    transaction_id: str
    action: str | None = None
    type: str | None = None
    status: str | None = None
    reason: str | None = None
    currency_code: str | None = None
    totals: WireAdjustmentTotals | None = None

    @property
    def is_credit(self) -> bool:
        """A credit that counts; one that was rejected or reversed does not."""
        return self.action == "credit" and self.status == "approved"

    @property
    def is_full(self) -> bool:
        return self.is_credit and self.type == "full"


class WireLink(_Wire):
    """Where a file can be fetched for an hour."""

    url: str


class WirePages(_Wire):
    """`next` is always there, on the last page as well: `has_more` tells."""

    has_more: StrictBool
    next: str | None = None
    per_page: StrictInt | None = None


class WireListMeta(_Wire):
    """What comes beside a list."""

    pagination: WirePages


class WireOneTransaction(_Wire):
    """Every answer comes in a wrapping."""

    data: WireTransaction


class WireOneSubscription(_Wire):
    """The wrapping of a subscription."""

    data: WireSubscription


class WireOneAdjustment(_Wire):
    """The wrapping of an adjustment."""

    data: WireAdjustment


class WireOneLink(_Wire):
    """The wrapping of a link."""

    data: WireLink


class WireListing(_Wire):
    """One page of anything; each item is read by itself, so that one that makes no sense does not lose the page."""

    data: list[Any]
    meta: WireListMeta


class WireField(_Wire):
    """What is wrong with one field of a request."""

    field: str = ""
    message: str = ""


class WireError(_Wire):
    """A refusal. `code` is what to go by; `detail` is for people."""

    code: str | None = None
    detail: str | None = None
    errors: list[WireField] = Field(default_factory=list)


class _WireRefusal(_Wire):
    error: WireError


class _Meta(_Wire):
    request_id: str | None = None


class _AnyAnswer(_Wire):
    meta: _Meta


_REFUSAL: Final = TypeAdapter(_WireRefusal)
_ANSWER: Final = TypeAdapter(_AnyAnswer)


def error_of(reply: Reply) -> WireError:
    """The refusal in Paddle's words; an empty one where somebody else answered."""
    try:
        return _REFUSAL.validate_json(reply.content).error
    except ValidationError:
        return WireError()


def request_id_of(reply: Reply) -> str | None:
    """Paddle names the request in the body of every answer."""
    try:
        found = _ANSWER.validate_json(reply.content).meta.request_id
    except ValidationError:
        return None
    return found if found and _REQUEST_ID.fullmatch(found) else None


def named(reply: Reply) -> Reply:
    """With the name of the request where every other provider has it, so that it is logged and told like theirs."""
    found = request_id_of(reply)
    return reply if found is None else Reply(reply.status, {**reply.headers, "request-id": found}, reply.content)


def body_of(model: type[Shape], reply: Reply) -> Shape:
    """The body of a 2xx; raises ProviderFailure(UNREADABLE) for HTML, nothing at all or another shape."""
    try:
        return model.model_validate_json(reply.content)
    except ValidationError:
        raise ProviderFailure(
            FailureReason.UNREADABLE, "Paddle's answer could not be read.", request_id=reply.request_id
        ) from None


def items_of(model: type[Shape], page: WireListing) -> Sequence[Shape]:
    """The items of a page that make sense."""
    return [item for raw in page.data if (item := item_of(model, raw)) is not None]


def item_of(model: type[Shape], raw: object) -> Shape | None:
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def money(amount: str, currency: str) -> Money:
    """Raises UnusableValue for a currency that is in no list: its decimals would be a guess."""
    return _UNITS.read(int(amount), known_currency(currency))


def aware(at: datetime | None) -> datetime | None:
    """Paddle's times are UTC, also where they do not say so."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
