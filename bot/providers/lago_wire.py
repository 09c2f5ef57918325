"""Lago's objects as far as we read them: https://getlago.com/docs/api-reference/invoices/invoice-object

Unknown fields and words are tolerated, missing ones too, for self-hosted servers may be years old; except those without
which an invoice means nothing: id, total and currency. Every date and every id of a payment provider may be null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.money import MinorUnits
from bot.providers.http import Reply

UNITS: Final = MinorUnits()
"""Lago counts in each currency's own minor unit, as ISO 4217 does, although its fields are called cents."""
PROCESSING: Final = frozenset({"pending", "processing"})
"""A payment that may still take money: https://getlago.com/docs/api-reference/payments/payment-object"""


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Shown = WrapValidator(_or_none)
"""For what is only shown: an invoice whose date cannot be read can still be paid, and must not vanish for it."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


Shape = TypeVar("Shape", bound=_Wire)


class WireBilling(_Wire):
    """How a customer pays; no provider means that Lago charges nobody."""

    payment_provider: str | None = None
    payment_provider_code: str | None = None
    provider_customer_id: str | None = None


class WireCustomer(_Wire):
    """The customer as an invoice carries it."""

    external_id: str | None = None
    name: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    legal_name: str | None = None
    email: str | None = None
    billing_configuration: WireBilling | None = None

    @property
    def person(self) -> str | None:
        return " ".join(part for part in (self.firstname, self.lastname) if part) or None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.name, self.legal_name, self.person) if name]


class WireInvoice(_Wire):
    """An invoice. Without `total_due_amount_cents`, as old servers send it, what is due is worked out."""

    lago_id: str
    total_amount_cents: StrictInt
    currency: str
    total_due_amount_cents: StrictInt | None = None
    total_paid_amount_cents: StrictInt | None = None
    total_offsetted_credit_note_amount_cents: StrictInt | None = None
    number: str | None = None
    status: str | None = None
    payment_status: str | None = None
    payment_overdue: StrictBool | None = None
    payment_dispute_lost_at: str | None = None
    self_billed: StrictBool | None = None
    payment_due_date: Annotated[date | None, Shown] = None
    created_at: Annotated[datetime | None, Shown] = None
    updated_at: Annotated[datetime | None, Shown] = None
    customer: WireCustomer | None = None
    file_url: str | None = None
    web_url: str | None = None

    @property
    def due(self) -> int:
        """In minor units, never negative; nothing on an invoice that is paid or voided."""
        if self.status == "voided" or self.payment_status == "succeeded":
            return 0
        if self.total_due_amount_cents is not None:
            return max(self.total_due_amount_cents, 0)
        paid = (self.total_paid_amount_cents or 0) + (self.total_offsetted_credit_note_amount_cents or 0)
        return max(self.total_amount_cents - paid, 0)


class WirePayment(_Wire):
    """One payment on an invoice: https://getlago.com/docs/api-reference/payments/payment-object"""

    lago_id: str
    payment_status: str | None = None
    amount_cents: StrictInt | None = None
    amount_currency: str | None = None
    type: str | None = None
    reference: str | None = None
    next_action: Any = None
    created_at: datetime | None = None

    @property
    def is_manual(self) -> bool:
        """Recorded by a person; nobody was charged."""
        return self.type == "manual"


class WireMethod(_Wire):
    """A stored payment method: https://getlago.com/docs/api-reference/customers/payment-methods"""

    lago_id: str
    is_default: StrictBool | None = None
    payment_provider_code: str | None = None
    payment_provider_name: str | None = None
    payment_provider_type: str | None = None
    provider_method_id: str | None = None

    @property
    def label(self) -> str:
        """Lago knows no card numbers: the provider and its own id of the method, as both name it."""
        name = self.payment_provider_name or self.payment_provider_code or self.payment_provider_type
        known = self.provider_method_id or self.lago_id
        return f"{name} {known}" if name else known


class WireMeta(_Wire):
    """Where a page stands; `next_page` is null on the last one."""

    current_page: StrictInt | None = None
    next_page: StrictInt | None = None


class _Listing(_Wire):
    meta: WireMeta


class WireInvoices(_Listing):
    """One page of invoices. One that makes no sense stays as it came and does not lose the page."""

    invoices: list[Annotated[WireInvoice | Any, Field(union_mode="left_to_right")]]


class WirePayments(_Listing):
    """One page of payments, newest first."""

    payments: list[WirePayment]


class WireMethods(_Wire):
    """A customer's stored payment methods."""

    payment_methods: list[WireMethod]
    meta: WireMeta | None = None


class WireOneInvoice(_Wire):
    """Every single object comes in a wrapping."""

    invoice: WireInvoice


class WireOnePayment(_Wire):
    """The wrapping of a payment."""

    payment: WirePayment


class WirePaymentUrl(_Wire):
    """Where a customer can pay."""

    payment_url: str | None = None


class WirePaymentPage(_Wire):
    """The wrapping of a payment page."""

    invoice_payment_details: WirePaymentUrl


class WireError(_Wire):
    """The body of a refusal; an empty one where it is not Lago's."""

    code: str | None = None
    error: str | None = None
    error_details: dict[str, Any] = Field(default_factory=dict)

    @property
    def words(self) -> Sequence[str]:
        """The code, and for a validation every word of its details."""
        found = [self.code] if self.code else []
        for value in self.error_details.values():
            found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
        return found


_ERROR: Final = TypeAdapter(WireError)


def error_of(reply: Reply) -> WireError:
    try:
        return _ERROR.validate_json(reply.content)
    except ValidationError:
        return WireError()


def body_of(model: type[Shape], reply: Reply) -> Shape:
    """The body of a 2xx; raises ProviderFailure(UNREADABLE) for HTML, nothing at all or another shape."""
    try:
        return model.model_validate_json(reply.content)
    except ValidationError:
        raise ProviderFailure(
            FailureReason.UNREADABLE, "Lago's answer could not be read.", request_id=reply.request_id
        ) from None


def is_bare(reply: Reply) -> bool:
    """Whether a 2xx says no more than that: nothing, or an object. A web page was not Lago's answer."""
    if not reply.content.strip():
        return True
    try:
        return isinstance(json.loads(reply.content), dict)
    except (ValueError, RecursionError):  # a hundred thousand brackets are no answer either
        return False
