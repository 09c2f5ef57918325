"""An invoice as the provider shows it now, and the name by which people and the journal call it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.decline import Decline, DeclineClass
from bot.domain.errors import UnusableValue
from bot.domain.money import Money

_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_INVOICE_ID = re.compile(r"[\x21-\x7e]{1,255}")


def account_name(text: str) -> str:
    """The name of a configured account as written in `recoup.toml`; raises UnusableValue for any other shape."""
    if not _ACCOUNT.fullmatch(text):
        raise UnusableValue(f"“{text}” cannot name an account: use small letters, digits and dashes")
    return text


@dataclass(frozen=True, slots=True)
class InvoiceRef:
    """Which invoice: the configured account and the provider's own id. Written `account:id`."""

    account: str
    id: str

    def __post_init__(self) -> None:
        account_name(self.account)
        if not _INVOICE_ID.fullmatch(self.id):
            raise UnusableValue("an invoice id is 1 to 255 visible characters without spaces")

    def __str__(self) -> str:
        return f"{self.account}:{self.id}"


class InvoiceStatus(StrEnum):
    """The five statuses that decide what may be done, and one for everything a provider may add."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"
    OTHER = "other"


class CollectionMethod(StrEnum):
    """Automatic: the provider charges a stored method. Manual: the customer pays the invoice."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class PaymentState(StrEnum):
    """The newest payment on the invoice, as far as the provider tells."""

    NONE = "none"
    PROCESSING = "processing"
    NEEDS_AUTHENTICATION = "needs_authentication"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    UNREAD = "unread"


class FailedBecause(StrEnum):
    """Why an invoice counts as failed: its payment failed, or it was to be paid by the customer and is past due."""

    PAYMENT_FAILED = "payment_failed"
    PAST_DUE = "past_due"


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A stored payment method; `label` is what a person calls it, such as "visa ending 4242"."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class NoMethod:
    """The provider was asked, and there is no stored method that it would charge."""


MethodToCharge = PaymentMethod | NoMethod | None
"""What a retry would charge; None means that it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice as read at one moment.

    `owed` is what a retry would collect. `newest_charge` is the id of the newest charge or payment, the baseline that
    settling compares with; `newest_charge_at` its time where readable. `method` is what a retry would charge, filled
    by a thorough read only. Customer data is kept out of `repr`.
    """

    ref: InvoiceRef
    status: InvoiceStatus
    provider_status: str
    owed: Money
    live: bool
    paid: Money | None = None
    """What has been paid on it so far, where the provider tells."""
    number: str | None = None
    customer_id: str | None = field(default=None, repr=False)
    customer_name: str | None = field(default=None, repr=False)
    customer_email: str | None = field(default=None, repr=False)
    collection: CollectionMethod = CollectionMethod.AUTOMATIC
    created_at: datetime | None = None
    due_at: datetime | None = None
    failed_because: FailedBecause | None = None
    attempts: int | None = None
    next_attempt_at: datetime | None = None
    payment: PaymentState = PaymentState.UNREAD
    newest_charge: str | None = None
    newest_charge_at: datetime | None = None
    decline: Decline | None = None
    method: MethodToCharge = None
    dashboard_url: str | None = field(default=None, repr=False)
    seen_at: datetime | None = None
    """For a provider that cannot be read: when the invoice was last seen like this. None: read at this moment."""
    is_unseen: bool = False
    """For such a provider: nothing but the id is known yet; status and amount are placeholders."""

    def __post_init__(self) -> None:
        if self.owed.minor < 0:
            raise UnusableValue("an invoice cannot owe less than nothing")
        for moment in (self.created_at, self.due_at, self.next_attempt_at, self.newest_charge_at):
            if moment is not None and moment.tzinfo is None:
                raise UnusableValue("a moment without a time zone cannot be compared")

    @property
    def label(self) -> str:
        """The invoice number where there is one, else the provider's id."""
        return self.number or self.ref.id

    @property
    def fingerprint(self) -> str:
        """Changes when status, amount owed or the newest charge changes; the first half of an offer's version."""
        facts = "|".join((self.status, str(self.owed.minor), self.owed.currency, self.newest_charge or "", self.payment))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    @property
    def charge_is_declined_method(self) -> bool | None:
        """Whether a retry would charge the method that was declined for good; None when that can't be read."""
        if self.decline is None or not self.decline.kind.blocks_same_method:
            return False
        if isinstance(self.method, NoMethod):
            return True
        if self.method is None or self.decline.method is None:
            return None
        return self.method.id == self.decline.method

    @property
    def wants_payment_link(self) -> bool:
        """True when the customer has to act, so that the payment link is the first thing to offer."""
        return (
            (self.decline is not None and self.decline.kind.blocks_same_method)
            or self.collection is CollectionMethod.MANUAL
            or isinstance(self.method, NoMethod)
        )

    @property
    def decline_kind(self) -> DeclineClass | None:
        return self.decline.kind if self.decline else None
