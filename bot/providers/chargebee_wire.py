"""Chargebee's objects as far as we read them: https://apidocs.chargebee.com/docs/api/invoices/invoice-object

Optional fields are absent where they have no value, and sites add fields of their own: unknown ones are tolerated, and of
an invoice only id, currency and amount due are needed. Amounts are whole numbers, times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bot.domain.errors import FailureReason, ProviderFailure
from bot.providers.http import Reply


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Shown = WrapValidator(_or_none)
"""For what is only shown: an invoice whose date cannot be read can still be paid, and must not vanish for it."""
_END_OF_TIME = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
Moment = Annotated[Annotated[int, Field(strict=True, ge=0, lt=_END_OF_TIME)] | None, Shown]
Word = Annotated[str | None, Shown]


def at(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


Shape = TypeVar("Shape", bound=_Wire)


class WireLinkedPayment(_Wire):
    """A payment as the invoice lists it; everything else about it is in its transaction."""

    txn_id: str
    txn_status: str | None = None
    txn_date: Annotated[int, Field(strict=True, ge=0, lt=_END_OF_TIME)] | None = None
    txn_amount: StrictInt | None = None


class WireDunningAttempt(_Wire):
    """One of Chargebee's own retries."""

    transaction_id: str | None = None


class WireAddress(_Wire):
    """Who the invoice was made out to, as it was then."""

    first_name: Word = None
    last_name: Word = None
    email: Word = None
    company: Word = None

    @property
    def name(self) -> str | None:
        person = " ".join(part for part in (self.first_name, self.last_name) if part)
        return self.company or person or None


class WireInvoice(_Wire):
    """An invoice: https://apidocs.chargebee.com/docs/api/invoices/invoice-object"""

    id: Annotated[str, Field(min_length=1)]
    currency_code: str
    amount_due: StrictInt
    amount_to_collect: StrictInt | None = None
    amount_paid: StrictInt | None = None
    write_off_amount: StrictInt | None = None
    status: str | None = None
    channel: str | None = None
    deleted: StrictBool | None = None
    dunning_status: Word = None
    customer_id: str | None = None
    payment_owner: str | None = None
    date: Moment = None
    due_date: Moment = None
    next_retry_at: Moment = None
    linked_payments: Sequence[WireLinkedPayment] = ()
    dunning_attempts: Sequence[WireDunningAttempt] = ()
    billing_address: Annotated[WireAddress | None, Shown] = None

    @property
    def payer(self) -> str | None:
        """Whose payment methods are charged."""
        return self.payment_owner or self.customer_id

    @property
    def payments(self) -> list[WireLinkedPayment]:
        """Oldest first, one without a date last; of two in the same second, as Chargebee lists them."""
        return sorted(self.linked_payments, key=lambda one: _END_OF_TIME if one.txn_date is None else one.txn_date)

    @property
    def newest(self) -> WireLinkedPayment | None:
        payments = self.payments
        return payments[-1] if payments else None


class WireErrorDetail(_Wire):
    """The gateway's own words: https://apidocs.chargebee.com/docs/api/transactions/transaction-object"""

    error_cause_id: Word = None
    decline_code: Word = None
    error_code: Word = None
    error_message: Word = None
    decline_message: Word = None
    processor_advice_code: Word = None


class WireTransaction(_Wire):
    """A payment: https://apidocs.chargebee.com/docs/api/transactions/transaction-object"""

    id: str
    status: str | None = None
    amount: StrictInt | None = None
    currency_code: str | None = None
    payment_source_id: str | None = None
    payment_method: Word = None
    masked_card_number: Word = None
    initiator_type: Word = None
    reference_number: Word = None
    error_code: Word = None
    error_text: Word = None
    error_detail: Annotated[WireErrorDetail | None, Shown] = None

    @property
    def method_label(self) -> str | None:
        """ "card ending 0341"; None where nothing of the method is told."""
        kind = (self.payment_method or "").replace("_", " ")
        digits = (self.masked_card_number or "")[-4:]
        if digits.isdecimal() and len(digits) == 4:
            return f"{kind or 'card'} ending {digits}"
        return kind or self.payment_source_id


class WireCustomer(_Wire):
    """A customer: https://apidocs.chargebee.com/docs/api/customers/customer-object"""

    id: str
    first_name: Word = None
    last_name: Word = None
    company: Word = None
    email: Word = None
    primary_payment_source_id: str | None = None

    @property
    def name(self) -> str | None:
        person = " ".join(part for part in (self.first_name, self.last_name) if part)
        return self.company or person or None


class WireCard(_Wire):
    """The card of a payment source."""

    brand: Word = None
    last4: Word = None


class WireBankAccount(_Wire):
    """The bank account of a payment source."""

    bank_name: Word = None
    last4: Word = None


class WireSource(_Wire):
    """A stored payment method: https://apidocs.chargebee.com/docs/api/payment_sources/payment-source-object"""

    id: str
    customer_id: str | None = None
    type: Word = None
    status: Word = None
    deleted: StrictBool | None = None
    card: Annotated[WireCard | None, Shown] = None
    bank_account: Annotated[WireBankAccount | None, Shown] = None

    @property
    def label(self) -> str:
        kind, digits = (self.type or "payment method").replace("_", " "), None
        if self.card is not None:
            kind, digits = (self.card.brand or kind).replace("_", " "), self.card.last4
        elif self.bank_account is not None:
            kind, digits = self.bank_account.bank_name or kind, self.bank_account.last4
        return f"{kind} ending {digits}" if digits else f"{kind} {self.id}"


class WireEmailLog(_Wire):
    """An e-mail that Chargebee has sent, or tried to send."""

    subject: Word = None
    sent_on: Moment = None
    error_message: Word = None


class WireDownload(_Wire):
    """Where a file can be fetched for an hour."""

    download_url: str | None = None


class WireHostedPage(_Wire):
    """A page for the customer."""

    url: str | None = None


class WireOneInvoice(_Wire):
    """Every single object comes in a wrapping."""

    invoice: WireInvoice


class WireCollected(_Wire):
    """What collecting or recording a payment answers."""

    invoice: WireInvoice
    transaction: WireTransaction


class WireOneTransaction(_Wire):
    """The wrapping of a transaction."""

    transaction: WireTransaction


class WireOneCustomer(_Wire):
    """The wrapping of a customer."""

    customer: WireCustomer


class WireOneSource(_Wire):
    """The wrapping of a payment source."""

    payment_source: WireSource


class WireOneLog(_Wire):
    """The wrapping of an e-mail in a list."""

    email_log: WireEmailLog


class WireMailed(_Wire):
    """What an e-mail answers; bare, or each in a wrapping."""

    email_logs: Sequence[WireOneLog | WireEmailLog]

    @property
    def logs(self) -> list[WireEmailLog]:
        return [one.email_log if isinstance(one, WireOneLog) else one for one in self.email_logs]


class WireOnePdf(_Wire):
    """The wrapping of a download."""

    download: WireDownload


class WireOnePage(_Wire):
    """The wrapping of a hosted page."""

    hosted_page: WireHostedPage


class _Listing(_Wire):
    next_offset: str | None = None


class WireInvoices(_Listing):
    """One page of invoices. One that makes no sense stays as it came and does not lose the page."""

    list: list[Annotated[WireOneInvoice | Any, Field(union_mode="left_to_right")]]


class WireCustomers(_Listing):
    """One page of customers."""

    list: list[WireOneCustomer]


class WireSources(_Listing):
    """One page of payment sources."""

    list: list[WireOneSource]


class WireLogs(_Listing):
    """One page of e-mails."""

    list: list[WireOneLog]


class WireError(_Wire):
    """The body of a refusal; an empty one where it is not Chargebee's. `message` is for staff, never to be matched."""

    message: Word = None
    type: Word = None
    api_error_code: Word = None
    param: Word = None
    error_cause_id: Word = None


NO_ERROR: Final = WireError()


def error_of(reply: Reply) -> WireError:
    try:
        return WireError.model_validate_json(reply.content)
    except ValidationError:
        return NO_ERROR


def body_of(model: type[Shape], reply: Reply) -> Shape:
    """The body of a 2xx; raises ProviderFailure(UNREADABLE) for HTML, nothing at all or another shape."""
    try:
        return model.model_validate_json(reply.content)
    except ValidationError:
        raise ProviderFailure(
            FailureReason.UNREADABLE, "Chargebee's answer could not be read.", request_id=reply.request_id
        ) from None
