"""What a provider can do, as data: the same data hides buttons and guards the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from bot.domain.action import Action, Dialog
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus, PaymentState
from bot.domain.refusal import Refusal, RefusalKind


class Resend(StrEnum):
    """What a second send of an unanswered request can prove (reliability section 3)."""

    KEYED = "keyed"
    GUARDED = "guarded"
    NAIVE = "naive"


@dataclass(frozen=True, slots=True)
class Capability:
    """One action at one provider. `provider_term` is the vendor's own word, `consequence` one sentence for the dialog.

    `otherwise` is the sentence for an invoice of another collection method. `takes_part` is for `paid`: whether a payment
    of less than what is owed can be recorded.
    """

    allowed_on: frozenset[InvoiceStatus]
    provider_term: str
    consequence: str
    collection: frozenset[CollectionMethod] = frozenset(CollectionMethod)
    otherwise: str = ""
    takes_method: bool = False
    takes_part: bool = False
    asks_back: bool = False
    """Whether a typed command has to be confirmed by a button: what it sets off cannot be looked up afterwards."""
    only_unpaid: bool = False
    """Whether it cannot be done once a part was paid."""
    always_collects: bool = False
    """For `finalize`: the provider collects by itself, whatever it is told."""
    on_money_in_flight: bool = False
    """Whether it acts on a payment that is still being processed, and on nothing else."""
    only_while: frozenset[str] = frozenset()
    """The provider's own words for a status (`Invoice.provider_status`), where ours are too coarse; empty: any of them."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A right of the account's key: `grant` as the vendor words it, `why` what it is for. Without an optional one the rest
    works."""

    grant: str
    why: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """A statement about the vendor that no document settles, tried against the vendor itself by reading only.

    `holds` is None where it could not be found out; `seen` says in a few words what came back, without customer data.
    """

    statement: str
    holds: bool | None
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """A provider's own facts; shared by every account of it.

    `key_window` is how long the vendor keeps an idempotency key; only 80 % of it is trusted. `settle_after` is how long
    an unanswered request may still be travelling.
    """

    slug: str
    name: str
    docs_url: str
    capabilities: Mapping[Action, Capability]
    resend: Resend
    key_window: timedelta
    link_hosts: frozenset[str]
    id_pattern: str
    """A regular expression for ids whose shape says that they are this provider's."""
    failed_means: str
    """How "failed" is defined here, for the footer of a digest."""
    instead: Mapping[Action, str] = field(default_factory=dict)
    """For an action that the provider does not have: one sentence with the reason and the next best thing."""
    has_payment_link: bool = True
    link_logs_in: bool = False
    """Whether the payment page lets whoever opens it act as the customer, on all that is theirs."""
    link_instead: str = ""
    """Without a payment page: what helps, as one sentence."""
    has_pdf: bool = True
    pdf_instead: str = ""
    """Without a PDF: what helps, as one sentence."""
    pdf_is_file: bool = False
    """Whether a PDF comes as a file, for which Slack wants two more scopes, and not as a link."""
    has_list: bool = True
    """Whether failed invoices can be listed; where not, only what somebody watches or acted on is in the digest."""
    can_read: bool = True
    """Whether one invoice can be read; where not, it is known as it was last seen."""
    attempts_list_ours: bool = False
    """Whether an invoice's `attempts` count our retries, too."""
    ids_are_opaque: bool = False
    """Whether anything after `account:` may be an id, because the vendor documents no shape and no search."""
    settle_after: timedelta = field(default=timedelta(seconds=120))
    reason_limit: int | None = None
    permissions: tuple[Permission, ...] = ()
    unlimited_keys: tuple[str, ...] = ()
    """Beginnings of keys that may do everything on the account, where the provider also makes keys that may not."""
    quirks: tuple[str, ...] = ()
    """What a team should know before it connects an account: a sentence each, for docs/providers.md."""

    def objection(self, action: Action, invoice: Invoice) -> Refusal | None:
        """Why this provider cannot do `action` to `invoice` as it stands; None when it can."""
        capability = self.capabilities.get(action)
        if capability is None:
            lack = {"provider": self.name, "action": action.traits.label.lower(), "instead": self.instead.get(action, "")}
            return Refusal(RefusalKind.NOT_SUPPORTED, lack)
        facts = {"invoice": invoice.label, "status": invoice.provider_status, "action": action.traits.label.lower()}
        if (status := _in_the_way(action, capability, invoice)) is not None:
            return Refusal(RefusalKind.NOT_ACTIONABLE, {**facts, "status": status})
        if invoice.collection not in capability.collection:
            ref = str(invoice.ref)
            return Refusal(RefusalKind.WRONG_COLLECTION, {**facts, "why": capability.otherwise, "ref": ref})
        if capability.only_while and invoice.provider_status not in capability.only_while:
            return Refusal(RefusalKind.NOT_ACTIONABLE, facts)
        return None


def _in_the_way(action: Action, capability: Capability, invoice: Invoice) -> str | None:
    """How the invoice stands, where that is why the action cannot be done: "void", "owing nothing"."""
    settles = action.traits.takes_money or action.traits.dialog is Dialog.PAYMENT
    if invoice.status not in capability.allowed_on:
        return invoice.provider_status
    is_in_flight = invoice.payment is PaymentState.PROCESSING
    if is_in_flight is not capability.on_money_in_flight:
        return "processing a payment" if is_in_flight else f"{invoice.provider_status}, with no payment under way"
    if settles and invoice.owed.minor == 0:
        return "owing nothing"
    is_part_paid = invoice.paid is not None and invoice.paid.minor > 0
    return "partly paid" if capability.only_unpaid and is_part_paid else None
