"""What the fake Stripe's POST calls do to an invoice: the transition table, and what a retry meets at the bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.providers import stripe_errors as errors
from bot.sandbox.providers.magic import Disturbance, Magic, Result
from bot.sandbox.providers.stripe_books import DAY, HOUR, Books, Charge, Invoice, Method
from bot.sandbox.providers.stripe_magic import DECLINES
from bot.sandbox.providers.stripe_objects import Json, Objects
from bot.sandbox.providers.stripe_query import Query

NOT_OPEN = "You can only pass in open invoices. This invoice isn't open."
SEND_MANUAL_ONLY = "You can only manually send an invoice if its collection method is 'send_invoice'."
DUE_IN = 30 * DAY
UNFINALIZABLE = {
    "invoice_no_customer_line_items": "Nothing to invoice for customer.",
    "invoice_no_payment_method_types": "This invoice has no valid payment method types for its currency and amount.",
    "customer_tax_location_invalid": "The customer's location isn't recognized. Set a valid customer address.",
}
NO_METHOD = (
    "There is no `default_payment_method` set on this Customer or Invoice. Please set either an attached payment source or "
    "default payment method."
)


class NeverAnswers(Exception):
    """The request hangs, and nothing has happened."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invoice e-mailed to its customer."""

    invoice: str
    key: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Order:
    """One POST about one invoice."""

    invoice: Invoice
    query: Query
    key: str | None


class Actions:
    """Each method changes the books or raises StripeError; a disturbance it answers befalls the reply afterwards."""

    def __init__(self, books: Books, objects: Objects) -> None:
        self._books = books
        self._objects = objects
        self._turned_away: dict[str, int] = {}
        self.sent: list[Sent] = []
        self.by_name: dict[str, Callable[[Order], Disturbance | None]] = {
            "pay": self.pay,
            "void": self.void,
            "mark_uncollectible": self.mark_uncollectible,
            "finalize": self.finalize,
            "send": self.send,
        }

    def void(self, order: Order) -> None:
        self._only(order.invoice, "open", "uncollectible")
        self._not_processing(order.invoice)
        self._books.void(order.invoice, self._books.today())

    def mark_uncollectible(self, order: Order) -> None:
        self._only(order.invoice, "open")
        self._not_processing(order.invoice)
        self._books.write_off(order.invoice, self._books.today())

    def finalize(self, order: Order) -> None:
        invoice = order.invoice
        advance = order.query.flag("auto_advance", invoice.auto_advance)
        if invoice.status != "draft":
            message = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
            raise errors.refused(message, "invoice_not_editable")
        if invoice.unfinalizable is not None:
            raise errors.refused(UNFINALIZABLE[invoice.unfinalizable], invoice.unfinalizable)
        invoice.auto_advance = advance
        self._books.finalize(invoice)
        if invoice.status == "open":
            self._start_collecting(order)

    def _start_collecting(self, order: Order) -> None:
        """What `auto_advance` sets going: the first automatic attempt an hour later, or the e-mail at once."""
        invoice = order.invoice
        if invoice.collection_method == "send_invoice":
            invoice.due_date = invoice.due_date or self._books.today() + DUE_IN
            if invoice.auto_advance:
                self._mail(order)
        elif invoice.auto_advance:
            invoice.next_attempt = self._books.today() + HOUR

    def send(self, order: Order) -> None:
        invoice = order.invoice
        if invoice.collection_method != "send_invoice":
            raise errors.refused(SEND_MANUAL_ONLY)
        if invoice.status in ("uncollectible", "void"):
            raise errors.refused(f"You cannot send an invoice that is {invoice.status}.")
        if invoice.status == "draft":
            self._books.finalize(invoice)
        self._mail(order)

    def _mail(self, order: Order) -> None:
        self.sent.append(Sent(order.invoice.id, order.key, self._books.now()))
        self._books.happened("sent", order.invoice)

    def pay(self, order: Order) -> Disturbance | None:
        invoice = order.invoice
        # Read before anything changes: a malformed parameter must leave no trace.
        out_of_band = order.query.flag("paid_out_of_band", default=False)
        order.query.flag("off_session", default=True)
        order.query.flag("forgive", default=False)
        self._payable(invoice)
        if out_of_band:
            self._pay_out_of_band(invoice)
            return None
        method = self._method(order)
        if invoice.status == "draft":
            self._books.finalize(invoice)
        if invoice.amount_remaining == 0:
            if invoice.status != "paid":  # finalizing may have paid it
                self._books.paid(invoice, self._books.today())
            return None
        if method is None:
            raise self._nothing_to_charge(invoice)
        return self._collect(invoice, method, order.key)

    def _payable(self, invoice: Invoice) -> None:
        if invoice.status == "paid":
            raise errors.refused("Invoice is already paid")
        if invoice.status == "void":
            raise errors.refused("Voided invoices cannot be paid.")
        self._not_processing(invoice)

    def _pay_out_of_band(self, invoice: Invoice) -> None:
        if invoice.status == "draft":
            self._books.finalize(invoice)
        if invoice.status == "paid":  # finalizing paid it
            return
        invoice.off_stripe = invoice.amount_remaining
        self._books.paid(invoice, self._books.today())
        if invoice.intent is not None:
            self._books.intents[invoice.intent].status = "canceled"

    def _method(self, order: Order) -> Method | None:
        """The one asked for, else the invoice's, else the customer's default. None: there is nothing to charge."""
        customer = self._books.customers[order.invoice.customer]
        for param in ("payment_method", "source"):
            if (asked := order.query.one(param)) is not None:
                if asked not in customer.methods:
                    message = f"The customer does not have a payment method with the ID {asked}."
                    raise errors.invalid(message, code="resource_missing", param=param)
                return self._books.methods[asked]
        default = order.invoice.default_method or customer.default
        return self._books.methods[default] if default is not None else None

    def _nothing_to_charge(self, invoice: Invoice) -> errors.StripeError:
        if invoice.customer in self._books.cardless:
            decline = DECLINES["missing"]
            return errors.card_error({"code": decline.code, "message": decline.message})
        return errors.refused(NO_METHOD)

    def _collect(self, invoice: Invoice, method: Method, key: str | None) -> Disturbance | None:
        magic = method.magic
        if self._turn_away(method.id, magic):
            raise errors.too_many("resource-specific", None)
        if not magic.reaches_bank:
            raise NeverAnswers
        charge = self._books.charge(invoice, method, key)
        if invoice.attempts == 0:  # only the first attempt and Stripe's own are counted
            invoice.attempts = 1
        if charge.result in (Result.DECLINED, Result.REQUIRES_ACTION):
            raise self._declined(invoice, charge)
        return magic.answer

    def _turn_away(self, method: str, magic: Magic) -> bool:
        met = self._turned_away.get(method, 0)
        self._turned_away[method] = met + 1
        return met < magic.refusals

    def _declined(self, invoice: Invoice, charge: Charge) -> errors.StripeError:
        intent = self._books.intents[invoice.intent or ""]
        shown: Json = {"payment_intent": self._objects.intent(intent)}
        if charge.result is Result.REQUIRES_ACTION:
            message = "This payment requires additional user action before it can be completed successfully."
            return errors.card_error({"code": "invoice_payment_intent_requires_action", "message": message, **shown})
        return errors.card_error({**self._objects.payment_error(intent), **shown})

    def _only(self, invoice: Invoice, *statuses: str) -> None:
        if invoice.status not in statuses:
            raise errors.refused(NOT_OPEN)

    def _not_processing(self, invoice: Invoice) -> None:
        if invoice.intent is not None and self._books.intents[invoice.intent].status == "processing":
            message = "This invoice has a payment that is still processing. Wait for it to succeed or to fail."
            raise errors.refused(message, "payment_intent_unexpected_state")
