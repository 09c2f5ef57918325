"""What a message showed somebody and may be pressed; and what a press says."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.action import Action
from bot.domain.details import Details
from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, PaymentMethod

_OFFER_ID = re.compile(r"[0-9a-f]{32}")
_VERB = re.compile(r"[a-z_]{1,24}")
_BUTTON_VERSION = "1"


def new_offer_id() -> str:
    """128 random bits: an offer's id can't be guessed, so it can't be forged from another channel."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an offer is shown: the message (our id of it, not Slack's ts), the Slack channel, the row in the message."""

    message: str
    channel: str
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An invoice as a message showed it. A button carries only `id`; everything else is resolved from here.

    `invoice` is the snapshot that was shown; `actions` counts our own ended actions on the invoice at that moment, the
    second half of the version.
    """

    id: str
    invoice: Invoice
    actions: int
    place: Place
    made_at: datetime

    @property
    def ref(self) -> InvoiceRef:
        return self.invoice.ref

    @property
    def version(self) -> str:
        return version_of(self.invoice, self.actions)

    @property
    def method_id(self) -> str | None:
        return self.invoice.method.id if isinstance(self.invoice.method, PaymentMethod) else None


def version_of(invoice: Invoice, actions: int) -> str:
    """Changes with every change of status, amount or newest charge and with every ended action of ours."""
    return f"{invoice.fingerprint}.{actions}"


@dataclass(frozen=True, slots=True)
class ButtonValue:
    """The value of a button or overflow option, `1:<offer id>:<verb>`: at most 60 characters, no amount, no trust."""

    offer_id: str
    verb: str

    def __str__(self) -> str:
        return f"{_BUTTON_VERSION}:{self.offer_id}:{self.verb}"

    @classmethod
    def parse(cls, text: str) -> ButtonValue:
        """Raises UnusableValue for anything that this version did not write."""
        version, _, rest = text.partition(":")
        offer_id, _, verb = rest.partition(":")
        if version != _BUTTON_VERSION or not _OFFER_ID.fullmatch(offer_id) or not _VERB.fullmatch(verb):
            raise UnusableValue("this button is from another version of the bot")
        return cls(offer_id, verb)


@dataclass(frozen=True, slots=True)
class Changed:
    """What is different from what the person saw, in facts; `what` is a stable word, the two texts are for people."""

    what: str
    saw: str = ""
    now: str = ""
    invoice: Invoice | None = field(default=None, repr=False)


def changed_since(offer: Offer, fresh: Invoice, actions: int) -> Changed | None:
    """Compare the guard read with what was shown; None means the decision still fits."""
    seen = offer.invoice
    if fresh.status is not seen.status:
        what = "paid" if fresh.status is InvoiceStatus.PAID else "status"
        return Changed(what, seen.provider_status, fresh.provider_status, fresh)
    if fresh.owed != seen.owed:
        return Changed("amount", str(seen.owed), str(fresh.owed), fresh)
    if (
        isinstance(seen.method, PaymentMethod)
        and isinstance(fresh.method, PaymentMethod)
        and seen.method.id != fresh.method.id
    ):
        return Changed("method", seen.method.label, fresh.method.label, fresh)
    if version_of(fresh, actions) != offer.version:
        return Changed("attempted", "", "", fresh)
    return None


def redrawn(offer: Offer, fresh: Invoice, actions: int, now: datetime) -> Offer:
    """A new offer in the same place, for what the invoice has become."""
    return replace(offer, id=new_offer_id(), invoice=fresh, actions=actions, made_at=now)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person pressed or typed, after the modal if there was one.

    `method` is another stored payment method that the person named; `reason` is free text, already stripped of control
    characters; `details` are what the dialogs of `paid` and `finalize` ask for.
    """

    action: Action
    reason: str | None = field(default=None, repr=False)
    method: str | None = None
    details: Details = None
