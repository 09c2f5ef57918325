"""What the fake Lago's writing calls do: who may act on what, and what is left to a job that runs a moment later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.sandbox.providers import lago_errors as errors
from bot.sandbox.providers.lago_books import Books, Invoice, Payment
from bot.sandbox.providers.lago_magic import NO_PROVIDER
from bot.sandbox.providers.magic import Disturbance

UNDER_WAY = "payment_processor_is_currently_handling_payment"
LONGEST_REFERENCE = 40


class NeverAnswers(Exception):
    """The request hangs, and nothing has happened."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invoice e-mailed to its customer. `key` is always None."""

    invoice: str
    key: str | None
    at: float


@dataclass(slots=True)
class Licence:
    """What this organization has and has switched on. `delay` is how long a payment job waits, in seconds."""

    premium: bool = True
    email_settings: bool = True
    delay: float = 0.3


class Actions:
    """Each method changes the books, or puts a job aside, or raises LagoError."""

    def __init__(self, books: Books, licence: Licence) -> None:
        self._books = books
        self._licence = licence
        self._turned_away: dict[str, int] = {}
        self.sent: list[Sent] = []
        self.plain: dict[str, Callable[[Invoice], None]] = {
            "void": self.void,
            "finalize": self.finalize,
            "refresh": self.refresh,
        }

    def retry_payment(self, invoice: Invoice, body: Mapping[str, Any]) -> Disturbance | None:
        """Answers what befalls the reply. The charge itself comes later, or never."""
        books, wanted = self._books, body.get("payment_method") or {}
        chosen = wanted.get("payment_method_id") if wanted.get("payment_method_type") == "provider" else None
        method = books.methods.get(chosen or books.customers[invoice.customer].default or "")
        if invoice.status in ("draft", "voided") or invoice.payment_status == "succeeded":
            raise errors.refused(405, "invalid_status")
        if books.is_under_way(invoice):
            raise errors.refused(405, UNDER_WAY)
        if chosen is not None and (method is None or method.customer != invoice.customer):
            raise errors.missing("payment_method")
        if method is not None and self._turn_away(method.id, method.magic.refusals):
            details = {"provider_name": "Stripe", "message": "Too many requests"}
            raise errors.refused(429, "too_many_provider_requests", details)
        if method is not None and not method.magic.reaches_bank:
            raise NeverAnswers
        invoice.is_queued = True
        books.later(self._licence.delay, lambda: self._collect(invoice, chosen))
        return method.magic.answer if method is not None else None

    def resend_email(self, invoice: Invoice) -> None:
        if not self._licence.premium:
            raise errors.refused(403, "premium_license_required")
        if invoice.status != "finalized":
            raise errors.refused(405, "invoice_not_finalized")
        if not self._licence.email_settings:
            raise errors.refused(405, "email_settings_disabled")
        if not self._books.customers[invoice.customer].email:
            raise errors.invalid(to=["must_have_at_least_one_recipient"])
        self._mail(invoice)

    def void(self, invoice: Invoice) -> None:
        """Like the server's own code, without a look at what was paid."""
        if invoice.status != "finalized":
            raise errors.refused(405, "not_voidable")
        self._books.void(invoice)

    def finalize(self, invoice: Invoice) -> None:
        if invoice.status != "draft":
            raise errors.missing("invoice")
        self._subscriptions_only(invoice)
        if invoice.taxes == "broken":
            raise errors.invalid(tax_error=["customerAddressCountryNotSupported"])
        self._books.touch(invoice)
        if invoice.taxes == "pending":
            invoice.status = "pending"
            return
        invoice.status, invoice.is_queued = "finalized", True
        invoice.number = f"LAG-{1000 + invoice.serial}-001"
        self._books.later(self._licence.delay, lambda: self._issue(invoice))

    def refresh(self, invoice: Invoice) -> None:
        self._subscriptions_only(invoice)
        if invoice.status == "draft":
            self._books.touch(invoice)

    def update(self, invoice: Invoice, body: Mapping[str, Any]) -> None:
        status = body.get("payment_status")
        if invoice.status == "voided":
            raise errors.refused(405, "update_on_voided_invoice")
        if invoice.status == "draft":
            raise errors.refused(405, "payment_status_update_on_draft_invoice")
        if status not in ("pending", "succeeded", "failed"):
            raise errors.invalid(payment_status=["value_is_invalid"])
        invoice.payment_status = status
        self._books.touch(invoice)

    def record(self, body: Mapping[str, Any]) -> Payment:
        """A payment that came another way."""
        identifier, amount, reference = body.get("invoice_id"), body.get("amount_cents"), body.get("reference")
        if not identifier:
            raise errors.invalid(invoice_id=["value_is_mandatory"])
        invoice = self._books.invoices.get(str(identifier))
        if invoice is None:
            raise errors.missing("invoice")
        if not self._licence.premium or invoice.status != "finalized":
            raise errors.refused(403, "feature_unavailable")
        if not isinstance(amount, int) or not 0 < amount <= invoice.due:
            raise errors.invalid(amount_cents=["invalid_value"])
        if not reference:
            raise errors.invalid(reference=["value_is_mandatory"])
        if len(str(reference)) > LONGEST_REFERENCE:
            raise errors.invalid(reference=["value_is_too_long"])
        if body.get("paid_at") is not None and not _is_date(str(body["paid_at"])):
            raise errors.invalid(paid_at=["invalid_date"])
        return self._books.record(invoice, amount, str(reference))

    def payment_url(self, invoice: Invoice) -> None:
        """Raises where there is no page to pay on."""
        customer = self._books.customers[invoice.customer]
        if invoice.status in ("draft", "voided") or invoice.payment_status == "succeeded":
            raise errors.invalid(base=["invalid_invoice_status_or_payment_status"])
        if not customer.has_provider:
            raise errors.invalid(base=["no_linked_payment_provider"])
        if not customer.is_at_provider:
            raise errors.invalid(base=["missing_payment_provider_customer"])

    def download(self, invoice: Invoice) -> bool:
        """Whether the PDF is there; if not, it is made a moment later."""
        if invoice.status not in ("finalized", "voided"):
            raise errors.missing("invoice")
        if not invoice.has_pdf:
            self._books.later(self._licence.delay, lambda: setattr(invoice, "has_pdf", True))
        return invoice.has_pdf

    def _collect(self, invoice: Invoice, method: str | None) -> None:
        self._books.collect(invoice, method)

    def _issue(self, invoice: Invoice) -> None:
        """What Lago does by itself with an invoice that has just become final."""
        self._books.collect(invoice)
        if self._licence.email_settings and self._books.customers[invoice.customer].email:
            self._mail(invoice)

    def _mail(self, invoice: Invoice) -> None:
        self.sent.append(Sent(invoice.id, None, self._books.now()))

    def _turn_away(self, method: str, refusals: int) -> bool:
        met = self._turned_away.get(method, 0)
        self._turned_away[method] = met + 1
        return met < refusals

    def _subscriptions_only(self, invoice: Invoice) -> None:
        if invoice.type != "subscription":
            raise errors.refused(403, "feature_unavailable")


def stores_methods(magic: str) -> bool:
    return magic not in {NO_PROVIDER, "no_method", "no_customer"}


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
