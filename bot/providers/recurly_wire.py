"""Recurly's objects as far as we read them: https://recurly.com/developers/api/v2021-02-25/#tag/invoice

Amounts are JSON numbers with a point, in major units: they are read as decimals, and never become floats. Unknown fields
and words are tolerated, and every field may be null except those without which an object means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.money import Money, known_currency
from bot.providers.http import Reply

FORCED: Final = "api_force_collect"
"""The origin of a transaction that `collect` made: https://recurly.com/developers/api/v2021-02-25/#tag/transaction"""
CHARGES: Final = frozenset({"purchase", "capture"})
FAILED: Final = frozenset({"declined", "error"})
UNDER_WAY: Final = frozenset({"pending", "processing", "scheduled"})


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


def _number(value: Any) -> Any:
    """A JSON number as `loads` reads it; a text, a truth or a float is none."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError("not an amount")


def _zoned(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


Shown = WrapValidator(_or_none)
"""For what is only shown: an invoice whose date cannot be read can still be paid, and must not vanish for it."""
Amount = Annotated[Decimal, BeforeValidator(_number)]
Text = Annotated[str | None, Shown]
Moment = Annotated[datetime | None, Shown]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


Shape = TypeVar("Shape", bound=_Wire)


class WireCard(_Wire):
    """A payment method as transactions and billing infos show it: by its last digits, without an id of its own."""

    kind: Text = Field(default=None, alias="object")
    card_type: Text = None
    last_four: Text = None
    last_two: Text = None
    exp_month: Annotated[int | None, Shown] = None
    exp_year: Annotated[int | None, Shown] = None
    username: Text = None

    @property
    def label(self) -> str | None:
        kind = self.card_type or (self.kind or "").replace("_", " ")
        digits = self.last_four or self.last_two
        return f"{kind} ending {digits}" if kind and digits else kind or None

    @property
    def looks(self) -> tuple[object, ...] | None:
        """What tells one method from another as far as Recurly shows it; None where it shows no digits."""
        digits = self.last_four or self.last_two
        return (self.kind, self.card_type, digits, self.exp_month, self.exp_year) if digits else None


class WireAccountMini(_Wire):
    """The customer as an invoice carries it; `code` is the operator's own name for it."""

    id: str
    code: Text = None
    email: Text = None
    first_name: Text = None
    last_name: Text = None
    company: Text = None

    @property
    def names(self) -> list[str]:
        person = " ".join(part for part in (self.first_name, self.last_name) if part)
        return [name for name in (self.company, person) if name]


class WireAccount(WireAccountMini):
    """The whole customer. The token opens the customer's own account page without a password."""

    hosted_login_token: SecretStr | None = None


class WireInvoiceMini(_Wire):
    """The invoice that a transaction belongs to."""

    id: str | None = None


class WireTransaction(_Wire):
    """One movement of money, or an attempt at it: https://recurly.com/developers/api/v2021-02-25/#tag/transaction"""

    id: str
    type: Text = None
    origin: Text = None
    status: Text = None
    amount: Annotated[Amount | None, Shown] = None
    currency: Text = None
    description: Text = None
    status_code: Text = None
    gateway_reference: Text = None
    payment_method: Annotated[WireCard | None, Shown] = None
    invoice: Annotated[WireInvoiceMini | None, Shown] = None
    created_at: Moment = None

    @property
    def is_charge(self) -> bool:
        return self.type in CHARGES

    @property
    def at(self) -> datetime | None:
        return _zoned(self.created_at) if self.created_at else None

    @property
    def charged(self) -> Money | None:
        """None for an amount that cannot be true."""
        if self.amount is None or self.currency is None:
            return None
        try:
            return money_of(self.amount, self.currency)
        except ValueError:
            return None


class WireInvoice(_Wire):
    """An invoice with its transactions. `balance` is what is still owed; only a credit invoice may come without."""

    id: str
    currency: str
    total: Amount
    balance: Amount | None = None
    paid: Annotated[Amount | None, Shown] = None
    number: Text = None
    type: str | None = None
    state: str | None = None
    origin: Text = None
    collection_method: Text = None
    account: WireAccountMini | None = None
    billing_info_id: Text = None
    transactions: list[WireTransaction] | None = None
    created_at: Moment = None
    due_at: Moment = None

    @property
    def is_charge(self) -> bool:
        """Money that somebody owes; a credit invoice is the other way round."""
        return self.type in {"charge", "legacy"}

    @property
    def charges(self) -> list[WireTransaction]:
        """Every attempt to collect it, the newest first; of the same second, what Recurly lists later."""
        listed = list(enumerate(one for one in self.transactions or () if one.is_charge))
        return [one for _, one in sorted(listed, key=lambda each: (each[1].at or _EVER, each[0]), reverse=True)]


class WireBillingInfo(_Wire):
    """A stored payment method; its id is what `collect` takes."""

    id: str
    primary_payment_method: StrictBool | None = None
    valid: StrictBool | None = None
    payment_method: Annotated[WireCard | None, Shown] = None

    @property
    def label(self) -> str:
        return (self.payment_method.label if self.payment_method else None) or self.id


class WireSite(_Wire):
    """The site that a key belongs to."""

    subdomain: str
    mode: str


class _Listing(_Wire):
    has_more: StrictBool
    next: str | None = None


class WireInvoices(_Listing):
    """One page of invoices. One that makes no sense stays as it came and does not lose the page."""

    data: list[Annotated[WireInvoice | Any, Field(union_mode="left_to_right")]]


class WireAccounts(_Listing):
    """One page of customers."""

    data: list[WireAccountMini]


class WireBillingInfos(_Listing):
    """A customer's stored payment methods."""

    data: list[WireBillingInfo]


class WireSites(_Listing):
    """The sites that a key may see: its own."""

    data: list[WireSite]


class WireTransactionError(_Wire):
    """Why a payment was declined: https://docs.recurly.com/recurly-subscriptions/docs/transaction-errors"""

    transaction_id: Text = None
    category: Text = None
    code: Text = None
    decline_code: Text = None


class WireError(_Wire):
    """What a refusal says; an empty one where it is not Recurly's."""

    type: Text = None
    message: Text = None
    transaction_error: Annotated[WireTransactionError | None, Shown] = None


class _Envelope(_Wire):
    error: WireError


_EVER: Final = datetime.min.replace(tzinfo=UTC)


def money_of(amount: Decimal, currency: str) -> Money:
    """Exactly; raises UnusableValue for a currency that there is not, and for more decimals than it has."""
    return Money.from_major(amount, known_currency(currency))


def moment(at: datetime | None) -> datetime | None:
    """Recurly's times are UTC, also where they do not say so."""
    return _zoned(at) if at is not None else None


def loads(content: bytes) -> Any:
    """JSON with every number exact. Raises ValueError, also for what is no number at all."""
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_no_number)
    except RecursionError:  # a hundred thousand brackets are no answer either
        raise ValueError("too deep") from None


def error_of(reply: Reply) -> WireError:
    try:
        return _Envelope.model_validate(loads(reply.content)).error
    except ValueError:
        return WireError()


def body_of(model: type[Shape], reply: Reply) -> Shape:
    """The body of a 2xx; raises ProviderFailure(UNREADABLE) for HTML, nothing at all or another shape."""
    try:
        return model.model_validate(loads(reply.content))
    except ValueError:
        raise ProviderFailure(
            FailureReason.UNREADABLE, "Recurly's answer could not be read.", request_id=reply.request_id
        ) from None


def newest(found: Sequence[WireTransaction]) -> WireTransaction | None:
    return found[0] if found else None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no amount")
