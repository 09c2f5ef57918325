"""What the fake Recurly's writing calls do: who may be acted on how, and what the bank says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.domain.money import exponent_of
from bot.sandbox.providers import recurly_errors as errors
from bot.sandbox.providers.magic import Disturbance, Result
from bot.sandbox.providers.recurly_books import HOUR, Books, Invoice, Method, Transaction
from bot.sandbox.providers.recurly_magic import BUSY, DECLINES, LATE, NAMELESS

LATE_BY = 3.0
LONGEST_DESCRIPTION = 50
PAYMENT_METHODS = frozenset(
    {
        "check", "wire_transfer", "money_order", "eft", "ach", "bacs", "sepadirectdebit", "credit_card", "paypal",
        "amazon", "apple_pay", "google_pay", "roku", "mercadopago", "pix_automatico", "braintree_apple_pay", "other",
    }
)  # fmt: skip
MARKABLE = frozenset({"pending", "processing", "past_due"})


class NeverAnswers(Exception):
    """The request hangs, and nothing has happened."""


class Actions:
    """Each method changes the books or raises RecurlyError.

    one_per_hour   an account is collected from once an hour, as an older version of the API documents
    wallet         whether the site's plan has several payment methods of one customer
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._turned_away: dict[str, int] = {}
        self.one_per_hour = False
        self.wallet = True

    def collect(self, invoice: Invoice, body: Mapping[str, Any], key: str | None) -> Disturbance | None:
        """Answers what befalls the reply. Raises RecurlyError with the bank's no, too."""
        if not invoice.is_charge or invoice.state not in ("pending", "past_due"):
            raise errors.invalid("The invoice is not to be collected as it stands.", "state")
        if invoice.collection_method != "automatic":
            raise errors.invalid("A manual invoice is not collected.", "collection_method")
        method = self._method(invoice, body)
        self._turn_away(method)
        if not method.magic.reaches_bank:
            raise NeverAnswers
        if method.magic.name == LATE:
            self._books.later(LATE_BY, lambda: self._charge(invoice, method, key))
            return method.magic.answer
        self._charge(invoice, method, key)
        return method.magic.answer

    def declined(self, invoice: Invoice) -> errors.RecurlyError | None:
        """The answer to a collection that has just been declined; None where it was not."""
        made = self._books.transactions[invoice.id][-1]
        charge = self._books.charges[-1]
        return _refused(made.code or "declined", made.id) if charge.result in _NOES else None

    def mark_failed(self, invoice: Invoice) -> None:
        self._markable(invoice)
        self._books.write_off(invoice)

    def mark_successful(self, invoice: Invoice) -> None:
        if not (invoice.is_charge and invoice.state == "failed"):
            self._markable(invoice)
        self._books.mark_paid(invoice)

    def record(self, invoice: Invoice, body: Mapping[str, Any]) -> Transaction:
        self._markable(invoice)
        if invoice.collection_method != "manual":
            raise errors.invalid("A payment is recorded on manual invoices only.", "collection_method")
        method, description = str(body.get("payment_method")), body.get("description")
        if method not in PAYMENT_METHODS:
            raise errors.invalid("There is no such payment method.", "payment_method")
        if description is not None and len(str(description)) > LONGEST_DESCRIPTION:
            raise errors.invalid("The description is too long.", "description")
        return self._books.record(invoice, self._amount(invoice, body.get("amount")), method, description)

    def void(self, invoice: Invoice) -> None:
        if invoice.is_charge or invoice.state in ("closed", "processing", "voided"):
            raise errors.invalid("Only an open credit invoice can be voided.", "state")
        self._books.close(invoice, "voided")

    def _markable(self, invoice: Invoice) -> None:
        if not invoice.is_charge or invoice.state not in MARKABLE:
            raise errors.invalid("The invoice is closed.", "state")

    def _method(self, invoice: Invoice, body: Mapping[str, Any]) -> Method:
        chosen = body.get("billing_info_id")
        if chosen is not None:
            method = self._books.methods.get(str(chosen))
            if not self.wallet or method is None or method.customer != invoice.customer:
                raise errors.invalid("There is no such billing info.", "billing_info_id")
        else:
            method = self._books.primary(invoice)
        if method is None:
            if self._books.customers[invoice.customer].magic == NAMELESS:
                raise errors.invalid("The account cannot be collected from.", "account")
            raise _refused("no_billing_information", None)
        if self.one_per_hour and self._was_charged_lately(invoice.customer):
            raise errors.invalid("This account was collected from within the last hour.")
        return method

    def _was_charged_lately(self, customer: str) -> bool:
        recent = [one for one in self._books.charges if one.at > self._books.now() - HOUR]
        return any(self._books.invoices[one.invoice].customer == customer for one in recent)

    def _turn_away(self, method: Method) -> None:
        met = self._turned_away.get(method.id, 0)
        self._turned_away[method.id] = met + 1
        if met < method.magic.refusals:
            raise errors.busy() if method.magic.name == BUSY else errors.too_many()

    def _charge(self, invoice: Invoice, method: Method, key: str | None) -> None:
        if invoice.state in ("pending", "past_due"):
            self._books.charge(invoice, method, origin="api_force_collect", key=key)

    @staticmethod
    def _amount(invoice: Invoice, given: object) -> int:
        """In minor units. Raises for what the currency cannot hold, and for more than there is to pay."""
        if given is None:
            return invoice.balance
        if isinstance(given, bool) or not isinstance(given, int | Decimal):
            raise errors.invalid("The amount is no number.", "amount")
        minor = Decimal(given).scaleb(exponent_of(invoice.currency))
        if minor != minor.to_integral_value() or not 0 < minor <= invoice.balance:
            raise errors.invalid("The amount is not one that can be paid.", "amount")
        return int(minor)


_NOES = (Result.DECLINED, Result.REQUIRES_ACTION)


def _refused(code: str, transaction: str | None) -> errors.RecurlyError:
    decline = DECLINES[code]
    told = {
        "object": "transaction_error",
        "transaction_id": transaction,
        "category": decline.category,
        "code": code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "merchant_advice": decline.advice,
        "three_d_secure_action_token_id": "sandboxtoken" if decline.category.startswith("three_d") else None,
        "fraud_info": None,
    }
    return errors.RecurlyError(422, "transaction", decline.message, extra={"transaction_error": told})
