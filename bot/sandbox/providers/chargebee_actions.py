"""What the fake Chargebee's POST calls do: which action works on which status, and what a collection meets at the bank."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bot.sandbox.providers import chargebee_errors as errors
from bot.sandbox.providers.chargebee_books import LATE_BY, UNPAID, Books, Customer, Invoice, Mail, Source, Transaction
from bot.sandbox.providers.chargebee_magic import DECLINES, LATE
from bot.sandbox.providers.chargebee_objects import Json, Objects
from bot.sandbox.providers.chargebee_query import Params, whole
from bot.sandbox.providers.magic import Disturbance, Magic, Result

LONGEST_COMMENT = 300
STORES = ("app_store", "play_store")
OFFLINE = ("cash", "check", "bank_transfer", "other", "custom", "ach_credit", "sepa_credit", "card")
KNOWN: dict[str, frozenset[str]] = {
    "collect_payment": frozenset(
        {"amount", "payment_source_id", "authorization_transaction_id", "payment_initiator", "comment"}
    ),
    "write_off": frozenset({"comment"}),
    "void": frozenset({"comment", "void_reason_code"}),
    "close": frozenset({"comment", "invoice_note", "remove_general_note", "invoice_date"}),
    "record_payment": frozenset(
        {
            "comment", "transaction[amount]", "transaction[payment_method]", "transaction[custom_payment_method_id]",
            "transaction[date]", "transaction[reference_number]", "transaction[status]", "transaction[id_at_gateway]",
        }
    ),
    "send_email": frozenset(),
    "pdf": frozenset({"disposition_type"}),
}  # fmt: skip


class NeverAnswers(Exception):
    """The request hangs, and nothing has happened."""


@dataclass(slots=True)
class Site:
    """What this site has and how it is set up. `void_reasons` are those that it wants one of for a void; None wants none.
    `names_invoices` says whether the subject of an e-mail names the invoice."""

    has_resend: bool = True
    void_reasons: Collection[str] | None = None
    names_invoices: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """One POST about one invoice."""

    invoice: Invoice
    params: Params
    key: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """The body of a 200, and what befalls it on its way."""

    body: Json
    happened: Disturbance | None = None


class Actions:
    """Each method changes the books, or raises ChargebeeError."""

    def __init__(self, books: Books, objects: Objects) -> None:
        self._books = books
        self._objects = objects
        self._turned_away: dict[str, int] = {}
        self.site = Site()
        self.by_name: dict[str, Callable[[Order], Done]] = {
            "collect_payment": self.collect,
            "write_off": self.write_off,
            "void": self.void,
            "close": self.close,
            "record_payment": self.record,
            "send_email": self.send_email,
            "pdf": self.pdf,
        }

    def checked(self, verb: str, params: Params) -> None:
        """Raises for a parameter that the call does not have: a malformed request must leave no trace."""
        if verb not in self.by_name or (verb == "send_email" and not self.site.has_resend):
            raise errors.no_route()
        for name in params:
            if name not in KNOWN[verb]:
                raise errors.invalid(f"{name} is not a parameter of this call", name)
        if len(params.get("comment", "")) > LONGEST_COMMENT:
            raise errors.invalid("The comment is too long", "comment")

    def collect(self, order: Order) -> Done:
        invoice, books = order.invoice, self._books
        self._only(invoice, *UNPAID)
        left = books.to_collect(invoice)
        if invoice.channel in STORES or left == 0:
            raise errors.wrong_state("Nothing is left to be collected by this call")
        amount = whole(order.params["amount"], "amount") if "amount" in order.params else left
        if not 1 <= amount <= left:
            raise errors.invalid("The amount is more than what is left to be collected", "amount")
        source = self._source(invoice, order.params.get("payment_source_id"))
        if self._turn_away(source.id, source.magic):
            raise errors.too_many(1, "third_party_api_request_limit_exceeded")
        if not source.magic.reaches_bank:
            raise NeverAnswers
        self._note(order)
        if source.magic.name == LATE:
            books.later(LATE_BY, lambda: books.charge(invoice, source, amount, order.key))
            return Done({}, source.magic.answer)
        made = books.charge(invoice, source, amount, order.key)
        if source.magic.result is Result.DECLINED and source.magic.answer is None:
            raise self._declined(made)
        return Done(self._money(invoice, made), source.magic.answer)

    def write_off(self, order: Order) -> Done:
        invoice = order.invoice
        self._only(invoice, *UNPAID)
        self._not_under_way(invoice)
        self._note(order)
        self._books.write_off(invoice, self._books.today())
        return Done({**self._whole(invoice), "credit_note": self._objects.credit_note(invoice)})

    def void(self, order: Order) -> Done:
        invoice, reason = order.invoice, order.params.get("void_reason_code")
        self._only(invoice, *UNPAID)
        self._not_under_way(invoice)
        if self._books.paid(invoice) or invoice.adjusted:
            raise errors.wrong_state("The invoice is partly paid or adjusted")
        reasons = self.site.void_reasons
        if reasons is not None and reason not in reasons:
            raise errors.invalid("A reason code of the site's list is needed", "void_reason_code")
        self._note(order)
        self._books.void(invoice, reason)
        return Done(self._whole(invoice))

    def close(self, order: Order) -> Done:
        self._only(order.invoice, "pending")
        self._note(order)
        self._books.finalize(order.invoice, order.key)
        return Done(self._whole(order.invoice))

    def record(self, order: Order) -> Done:
        invoice, params = order.invoice, order.params
        method = params.get("transaction[payment_method]")
        if method not in OFFLINE:
            raise errors.invalid("The payment method is missing or none", "transaction[payment_method]")
        self._only(invoice, *UNPAID)
        owed = self._books.owed(invoice)
        amount = whole(params.get("transaction[amount]", str(owed)), "transaction[amount]")
        if not 1 <= amount <= owed:
            raise errors.invalid("The amount is more than what is due", "transaction[amount]")
        when = whole(params.get("transaction[date]", "0"), "transaction[date]")
        if when > self._books.now():
            raise errors.invalid("The date lies in the future", "transaction[date]")
        made = self._books.record(invoice, amount, method, params.get("transaction[reference_number]"))
        return Done(self._money(invoice, made))

    def send_email(self, order: Order) -> Done:
        invoice = order.invoice
        if invoice.status in ("pending", "voided"):
            raise errors.wrong_state("Invoices of this status are not sent")
        customer = self._books.customers[invoice.customer]
        subject = f"Your invoice {invoice.id}" if self.site.names_invoices else "Your invoice"
        mail = Mail(self._books.new_id("mail_"), customer.id, customer.email, subject, self._books.now())
        self._books.mails.append(mail)
        invoice.comments.append("mailed")
        return Done({"email_logs": [self._objects.mail(mail)]})

    def pdf(self, order: Order) -> Done:
        return Done({"download": self._objects.download(order.invoice)})

    def collect_now(self, params: Params) -> Json:
        customer = self._customer(params.get("customer[id]"))
        return {"hosted_page": self._objects.hosted_page(customer.id)}

    def _customer(self, identifier: str | None) -> Customer:
        found = self._books.customers.get(identifier or "")
        if found is None:
            raise errors.missing(identifier or "", "customer[id]")
        return found

    def _source(self, invoice: Invoice, asked: str | None) -> Source:
        """The one asked for, else the customer's primary one."""
        customer = self._books.customers[self._books.payer(invoice)]
        if asked is not None and asked not in customer.sources:
            raise errors.missing(asked, "payment_source_id")
        chosen = asked or customer.primary
        if chosen is None:
            raise errors.declined("payment_method_not_present", "The customer has no payment method")
        return self._books.sources[chosen]

    def _declined(self, made: Transaction) -> errors.ChargebeeError:
        decline = DECLINES[made.decline or ""]
        message = f"Nothing was collected. Error message: ({decline.error_code}) {decline.text}"
        return errors.declined("payment_processing_failed", message, decline.cause)

    def _turn_away(self, source: str, magic: Magic) -> bool:
        met = self._turned_away.get(source, 0)
        self._turned_away[source] = met + 1
        return met < magic.refusals

    def _note(self, order: Order) -> None:
        if comment := order.params.get("comment"):
            order.invoice.comments.append(comment)

    def _only(self, invoice: Invoice, *statuses: str) -> None:
        if invoice.status not in statuses:
            raise errors.wrong_state(f"The invoice is {invoice.status}")

    def _not_under_way(self, invoice: Invoice) -> None:
        if self._books.is_under_way(invoice):
            raise errors.wrong_state("A payment of the invoice is in progress")

    def _whole(self, invoice: Invoice) -> Json:
        return {"invoice": self._objects.invoice(invoice)}

    def _money(self, invoice: Invoice, made: Transaction) -> Json:
        return {**self._whole(invoice), "transaction": self._objects.transaction(made)}
