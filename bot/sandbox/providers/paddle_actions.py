"""What the fake Paddle's writing calls do: who may change what, in which status, and what befalls the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.providers import paddle_errors as errors
from bot.sandbox.providers.magic import Disturbance
from bot.sandbox.providers.paddle_books import PROCESSING, Adjustment, Books, Transaction
from bot.sandbox.providers.paddle_magic import BEING_PAID

MANUAL_CURRENCIES = frozenset({"USD", "EUR", "GBP"})
ENDED = frozenset({"paid", "completed", "canceled"})
_FULLY = "adjustment_transaction_item_has_already_been_fully_adjusted"


class NeverAnswers(Exception):
    """The request hangs, and nothing has happened."""


class Actions:
    """Each method changes the books or raises PaddleError."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._turned_away: dict[str, int] = {}
        self.sent: list[str] = []
        """Transactions whose invoice was e-mailed."""

    def patch(self, transaction: Transaction, body: Mapping[str, Any]) -> Disturbance | None:
        """Answers what befalls the reply."""
        status = body.get("status")
        if status not in {"billed", "canceled"}:
            raise errors.invalid("status", "can be set to billed or canceled only")
        if status == "canceled" and set(body) != {"status"}:
            raise errors.refused("transaction_cannot_be_modified_and_canceled")
        self._admit(transaction)
        if transaction.status in ENDED:
            raise errors.refused("transaction_immutable")
        if self._is_being_paid(transaction):
            raise errors.refused("transaction_immutable_while_processing_payment", status=409)
        change: Callable[[Transaction], None] = self._bill if status == "billed" else self._cancel
        change(transaction)
        return self._answer(transaction)

    def adjust(self, body: Mapping[str, Any]) -> tuple[Adjustment, Disturbance | None]:
        transaction = self._to_adjust(body)
        self._admit(transaction)
        if not transaction.is_manual:
            raise errors.refused("adjustment_invalid_credit_action")
        if any(one.type == "full" for one in self._books.credits_of(transaction.id)):
            raise errors.refused(_FULLY)
        if transaction.status not in {"billed", "past_due"}:
            raise errors.refused("adjustment_transaction_invalid_status_for_credit")
        if self._is_being_paid(transaction):
            raise errors.refused("transaction_immutable_while_processing_payment", status=409)
        return self._books.credit(transaction, str(body["reason"]), "full"), self._answer(transaction)

    def _to_adjust(self, body: Mapping[str, Any]) -> Transaction:
        for name in ("action", "type", "transaction_id", "reason"):
            if not body.get(name):
                raise errors.invalid(name, "must be provided as part of the request")
        if (body["action"], body["type"]) != ("credit", "full") or "items" in body:
            raise errors.invalid("action", "the sandbox makes full credits only")
        transaction = self._books.transactions.get(str(body["transaction_id"]))
        if transaction is None:
            raise errors.missing(str(body["transaction_id"]))
        return transaction

    def _bill(self, transaction: Transaction) -> None:
        if transaction.status != "ready":
            raise errors.refused("transaction_status_must_be_ready")
        if not transaction.is_manual:
            raise errors.refused("transaction_billing_details_object_required")
        if transaction.currency not in MANUAL_CURRENCIES:
            raise errors.refused("transaction_currency_code_not_valid_for_manual")
        self._books.bill(transaction)
        self.sent.append(transaction.id)

    def _cancel(self, transaction: Transaction) -> None:
        if not transaction.is_manual or transaction.status not in {"ready", "billed"}:
            raise errors.refused("transaction_invalid_status_change", f"from '{transaction.status}' to 'canceled'")
        self._books.cancel(transaction)

    def _admit(self, transaction: Transaction) -> None:
        """What the customer's magic does before anything is done."""
        magic = self._books.customers[transaction.customer].magic
        met = self._turned_away.get(transaction.id, 0)
        if met < magic.refusals:
            self._turned_away[transaction.id] = met + 1
            raise errors.too_many(1)
        if not magic.reaches_bank:
            raise NeverAnswers

    def _answer(self, transaction: Transaction) -> Disturbance | None:
        return self._books.customers[transaction.customer].magic.answer

    def _is_being_paid(self, transaction: Transaction) -> bool:
        is_running = bool(transaction.attempts) and transaction.attempts[0].status in PROCESSING
        return is_running or self._books.customers[transaction.customer].magic.name == BEING_PAID
