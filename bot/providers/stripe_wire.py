"""Stripe's objects as far as we read them, and the step from them to the domain.

Fields of API version 2026-06-24.dahlia: https://docs.stripe.com/api/invoices/object. Unknown fields and enum values are
tolerated, missing ones too, except those without which an invoice means nothing: id, amount and currency.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import CollectionMethod, InvoiceStatus, PaymentState
from bot.domain.money import MinorUnits
from bot.providers.http import Reply

UNITS: Final = MinorUnits({"ISK": 2, "UGX": 2, "MGA": 0, "IQD": 2, "LYD": 2})
"""Where Stripe's minor units differ from ISO 4217's: https://docs.stripe.com/currencies#special-cases"""

STATUSES: Final = {
    "draft": InvoiceStatus.DRAFT,
    "open": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "uncollectible": InvoiceStatus.UNCOLLECTIBLE,
    "void": InvoiceStatus.VOID,
}
COLLECTIONS: Final = {
    "charge_automatically": CollectionMethod.AUTOMATIC,
    "send_invoice": CollectionMethod.MANUAL,
}
PAYMENT_STATES: Final = {
    "processing": PaymentState.PROCESSING,
    "requires_capture": PaymentState.PROCESSING,
    "requires_action": PaymentState.NEEDS_AUTHENTICATION,
    "succeeded": PaymentState.SUCCEEDED,
}
_UNTRIED = frozenset({"requires_payment_method", "requires_confirmation", "canceled"})
"""Nothing is under way: failed when there is an error to show, else not tried yet."""

Moment = Annotated[StrictInt, Field(ge=0, le=253_402_300_799)]
"""Seconds since 1970, as far as a datetime reaches."""


Shape = TypeVar("Shape", bound=BaseModel)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class WireRef(_Wire):
    """An object of which only the id matters."""

    id: str


Ref = Annotated[str | WireRef, Field(union_mode="left_to_right")]
"""Stripe shows a related object as its id, or whole where it was expanded."""


def id_of(ref: str | WireRef | None) -> str | None:
    return ref.id if isinstance(ref, WireRef) else ref


class WireCard(_Wire):
    """The part of a card or bank account that people know it by."""

    brand: str | None = None
    bank_name: str | None = None
    last4: str | None = None
    exp_month: StrictInt | None = None
    exp_year: StrictInt | None = None

    @property
    def expiry(self) -> str | None:
        """As it is printed on a card: "04/2027"."""
        return f"{self.exp_month:02d}/{self.exp_year}" if self.exp_month and self.exp_year else None


class WireMethod(_Wire):
    """A stored payment method, or a card of the older Sources API."""

    id: str
    type: str | None = None
    livemode: StrictBool | None = None
    customer: Ref | None = None
    brand: str | None = None
    last4: str | None = None
    card: WireCard | None = None
    us_bank_account: WireCard | None = None
    sepa_debit: WireCard | None = None
    bacs_debit: WireCard | None = None

    @property
    def label(self) -> str:
        """What a person calls it: "visa ending 4242"; its id where Stripe tells no more."""
        account = self.card or self.us_bank_account or self.sepa_debit or self.bacs_debit
        name = (account.brand or account.bank_name if account else self.brand) or self.type
        last4 = account.last4 if account else self.last4
        if name is None and last4 is None:
            return self.id
        words = (name or "payment method").replace("_", " ")
        return f"{words} ending {last4}" if last4 else words

    @property
    def label_with_expiry(self) -> str:
        """For a list in which two cards of one customer must be told apart: "visa ending 4242, 04/2027"."""
        expiry = self.card.expiry if self.card else None
        return f"{self.label}, {expiry}" if expiry else self.label


class WireMethods(_Wire):
    """A customer's stored payment methods: https://docs.stripe.com/api/payment_methods/customer_list"""

    object: Literal["list"]
    data: list[WireMethod]


class WireError(_Wire):
    """Stripe's error object: https://docs.stripe.com/api/errors"""

    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_advice_code: str | None = None
    message: str | None = None
    param: str | None = None
    charge: Ref | None = None
    payment_method: WireMethod | None = None
    source: WireMethod | None = None
    payment_intent: Annotated[WireIntent | Any, Field(union_mode="left_to_right")] = None

    @property
    def declined_method(self) -> WireMethod | None:
        method = self.payment_method or self.source
        if method is None and isinstance(self.payment_intent, WireIntent) and self.payment_intent.error:
            return self.payment_intent.error.payment_method
        return method


class WireIntent(_Wire):
    """A PaymentIntent: https://docs.stripe.com/api/payment_intents/object"""

    id: str
    status: str | None = None
    amount_received: StrictInt | None = None
    currency: str | None = None
    latest_charge: Ref | None = None
    payment_method: Ref | None = None
    last_payment_error: Annotated[WireError | Any, Field(union_mode="left_to_right")] = None

    @property
    def error(self) -> WireError | None:
        return self.last_payment_error if isinstance(self.last_payment_error, WireError) else None

    @property
    def state(self) -> PaymentState:
        if self.status in _UNTRIED:
            return PaymentState.FAILED if self.error else PaymentState.NONE
        return PAYMENT_STATES.get(self.status or "", PaymentState.UNREAD)

    @property
    def newest_charge(self) -> str | None:
        return id_of(self.latest_charge) or (id_of(self.error.charge) if self.error else None)


class WirePaidBy(_Wire):
    """What an invoice payment consists of: a PaymentIntent where it was expanded, else its id or another kind."""

    type: str | None = None
    payment_intent: Annotated[WireIntent | Any, Field(union_mode="left_to_right")] = None


class WirePayment(_Wire):
    """An invoice payment: https://docs.stripe.com/api/invoice-payment/object"""

    is_default: bool = False
    created: int = 0
    status: str | None = None
    payment: WirePaidBy | None = None

    @property
    def intent(self) -> WireIntent | None:
        found = self.payment.payment_intent if self.payment else None
        return found if isinstance(found, WireIntent) else None

    @property
    def state(self) -> PaymentState:
        if self.intent:
            return self.intent.state
        return PaymentState.SUCCEEDED if self.status == "paid" else PaymentState.UNREAD


class WirePayments(_Wire):
    """The expanded sub-list `payments`; absent where it was not asked for."""

    data: list[WirePayment]

    @property
    def default(self) -> WirePayment | None:
        return max(self.data, key=lambda payment: (payment.is_default, payment.created), default=None)


class WireSubscriptionDetails(_Wire):
    """The part of an invoice's parent that names the subscription."""

    subscription: Ref | None = None


class WireParent(_Wire):
    """What made the invoice."""

    subscription_details: WireSubscriptionDetails | None = None


class WireInvoice(_Wire):
    """An invoice: https://docs.stripe.com/api/invoices/object"""

    id: str
    amount_remaining: StrictInt
    amount_paid: StrictInt | None = None
    currency: str
    livemode: StrictBool | None = None
    status: str | None = None
    number: str | None = None
    customer: Ref | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    collection_method: str | None = None
    created: Moment | None = None
    due_date: Moment | None = None
    attempted: bool = False
    attempt_count: StrictInt | None = None
    next_payment_attempt: Moment | None = None
    default_payment_method: Ref | None = None
    default_source: Ref | None = None
    parent: WireParent | None = None
    payments: Annotated[WirePayments | Any, Field(union_mode="left_to_right")] = None
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None

    @property
    def subscription(self) -> str | None:
        details = self.parent.subscription_details if self.parent else None
        return id_of(details.subscription) if details else None

    @property
    def default_payment(self) -> WirePayment | None:
        return self.payments.default if isinstance(self.payments, WirePayments) else None

    @property
    def intent(self) -> WireIntent | None:
        return self.default_payment.intent if self.default_payment else None

    @property
    def payment_state(self) -> PaymentState:
        if not isinstance(self.payments, WirePayments):
            return PaymentState.UNREAD
        return self.default_payment.state if self.default_payment else PaymentState.NONE


class WirePage(_Wire):
    """One page of a listing or search. An item that makes no sense stays as it came and does not lose the page."""

    object: str
    data: list[Annotated[WireInvoice | Any, Field(union_mode="left_to_right")]]
    has_more: StrictBool


class WireSubscription(_Wire):
    """What a subscription would charge."""

    id: str
    default_payment_method: Ref | None = None
    default_source: Ref | None = None


class WireInvoiceSettings(_Wire):
    """The customer's default for invoices."""

    default_payment_method: Ref | None = None


class WireCustomer(_Wire):
    """What a customer's invoices charge when nothing closer is set."""

    id: str
    default_source: Ref | None = None
    invoice_settings: WireInvoiceSettings | None = None


class WireCustomers(_Wire):
    """Customers that a listing or a search found: https://docs.stripe.com/api/customers/search"""

    object: Literal["list", "search_result"]
    data: list[WireRef]


class WireEventObject(_Wire):
    """What an event is about."""

    object: Annotated[WireRef | Any, Field(union_mode="left_to_right")] = None


class WireEventRequest(_Wire):
    """The request that caused an event."""

    idempotency_key: str | None = None


class WireEvent(_Wire):
    """An event: https://docs.stripe.com/api/events/object"""

    id: str
    data: WireEventObject | None = None
    request: Annotated[WireEventRequest | Any, Field(union_mode="left_to_right")] = None

    @property
    def about(self) -> str | None:
        return self.data.object.id if self.data and isinstance(self.data.object, WireRef) else None

    @property
    def key(self) -> str | None:
        return self.request.idempotency_key if isinstance(self.request, WireEventRequest) else None


class WireEvents(_Wire):
    """One page of events, newest first."""

    object: Literal["list"]
    data: list[WireEvent]
    has_more: StrictBool


class WireCharge(_Wire):
    """When a charge was made."""

    id: str
    created: Moment


class _Refusal(_Wire):
    error: WireError


def error_of(reply: Reply) -> WireError:
    """The error object of a refusal; an empty one where the body is not Stripe's."""
    try:
        return _Refusal.model_validate_json(reply.content).error
    except ValidationError:
        return WireError()


def body_of(model: type[Shape], reply: Reply) -> Shape:
    """The body of a 2xx; raises ProviderFailure(UNREADABLE) for HTML, half an answer or another shape."""
    try:
        return model.model_validate_json(reply.content)
    except ValidationError:
        raise ProviderFailure(
            FailureReason.UNREADABLE, "Stripe's answer could not be read.", request_id=reply.request_id
        ) from None


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
