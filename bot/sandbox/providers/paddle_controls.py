"""What a person at the sandbox page can make happen at the fake Paddle, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls
from bot.sandbox.providers.magic import Result
from bot.sandbox.providers.paddle_actions import ENDED
from bot.sandbox.providers.paddle_books import Transaction
from bot.sandbox.providers.paddle_magic import BY_NAME

if TYPE_CHECKING:
    from bot.sandbox.providers.paddle import FakePaddle


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, paddle: FakePaddle) -> None:
        self._paddle = paddle
        own: dict[str, Control] = {
            "add_invoice": self.add_invoice,
            "seed_demo": self.seed_demo,
            "change_card": self.change_card,
            "pay_elsewhere": self.pay_elsewhere,
            "void_elsewhere": self.void_elsewhere,
            "credit_elsewhere": self.credit_elsewhere,
            "automatic_attempt": self.automatic_attempt,
            "rate_limit": self.rate_limit,
        }
        super().__init__(paddle, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        return {"invoice": self._paddle.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        self._paddle.seed_demo()
        return {"invoices": len(self._paddle.transactions)}

    def change_card(self, invoice: str, magic: str = "paid") -> dict[str, Any]:
        """The customer of a transaction becomes another kind of customer."""
        if magic not in BY_NAME:
            raise ValueError(f"no customer behaves like {magic!r}")
        customer = self._paddle.books.customers[self._paddle.transactions[invoice].customer]
        customer.magic = BY_NAME[magic]
        return {"customer": customer.id, "magic": magic}

    def pay_elsewhere(self, invoice: str) -> dict[str, Any]:
        """The customer pays on the payment page."""
        found = self._owed(invoice)
        charge = self._paddle.books.charge(found, Result.PAID)
        return {"charge": charge.id, "status": found.status}

    def void_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague cancels it in Paddle, or its subscription ends."""
        found = self._owed(invoice)
        self._paddle.books.cancel(found)
        return {"status": found.status}

    def credit_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague credits it in full, with a reason of their own."""
        found = self._owed(invoice)
        if not found.is_manual:
            raise ValueError("Paddle credits no transaction that it collects by itself")
        self._paddle.books.credit(found, "billed twice by mistake", "full")
        return {"status": found.status}

    def automatic_attempt(self, invoice: str) -> dict[str, Any]:
        """Paddle tries the stored method again, without being asked."""
        found = self._owed(invoice)
        if found.is_manual:
            raise ValueError("Paddle charges nobody for a transaction that the customer pays")
        magic = self._paddle.books.customers[found.customer].magic
        charge = self._paddle.books.charge(found, magic.result, magic.decline)
        return {"charge": charge.id, "result": charge.result.value}

    def rate_limit(self, per_second: int | None = None, retry_after: int = 1) -> dict[str, Any]:
        self._paddle.limit.per_second, self._paddle.limit.retry_after = per_second, retry_after
        return {"per_second": per_second, "retry_after": retry_after}

    def _owed(self, invoice: str) -> Transaction:
        found = self._paddle.transactions[invoice]
        if found.status in ENDED:
            raise ValueError("the transaction is paid, credited or canceled already")
        return found

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(charge) for charge in self._paddle.charges]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, ledger, newest requests, transactions."""
        paddle = self._paddle
        return {
            **self.shown(per_second=paddle.limit.per_second),
            "ledger": self.ledger(),
            "sent": [{"invoice": identifier, "key": None} for identifier in paddle.actions.sent],
            "requests": [
                {"method": seen.method, "path": seen.path, "key": None, "status": seen.status, "at": seen.at}
                for seen in paddle.requests[-SHOWN_REQUESTS:]
            ],
            "invoices": [self._line(transaction) for transaction in paddle.transactions.values()],
        }

    def _line(self, transaction: Transaction) -> dict[str, Any]:
        customer = self._paddle.books.customers[transaction.customer]
        credited = self._paddle.books.credits_of(transaction.id)
        return {
            "id": transaction.id,
            "number": transaction.number,
            "customer": customer.name,
            "amount_remaining": transaction.balance,
            "currency": transaction.currency,
            "status": f"{transaction.status}, credited" if credited else transaction.status,
            "magic": customer.magic.name,
            "collected": self._paddle.collected(transaction.id),
        }
