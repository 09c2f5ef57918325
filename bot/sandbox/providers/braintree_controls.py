"""What a person at the sandbox page can make happen at the fake Braintree, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.domain.money import Money
from bot.sandbox.providers.braintree_books import Subscription
from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls

if TYPE_CHECKING:
    from bot.sandbox.providers.braintree import FakeBraintree


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, braintree: FakeBraintree) -> None:
        self._braintree = braintree
        own: dict[str, Control] = {
            "add_invoice": self.add_invoice,
            "seed_demo": self.seed_demo,
            "change_card": self.change_card,
            "pay_elsewhere": self.pay_elsewhere,
            "void_elsewhere": self.void_elsewhere,
            "change_amount": self.change_amount,
            "automatic_attempt": self.automatic_attempt,
            "settle_processing": self.settle_processing,
            "rate_limit": self.rate_limit,
        }
        super().__init__(braintree, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        return {"invoice": self._braintree.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        self._braintree.seed_demo()
        return {"invoices": len(self._braintree.invoices)}

    def change_card(self, invoice: str, magic: str = "paid") -> dict[str, Any]:
        """The customer stores another payment method, which the subscription charges from now on."""
        return {"payment_method": self._braintree.books.change_method(invoice, magic)}

    def pay_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague charges it in the control panel, with a card that works."""
        books, found = self._braintree.books, self._past_due(invoice)
        books.change_method(invoice, "paid")
        one = books.charge(found, found.balance, "CONTROL_PANEL")
        return {"charge": one.id, "status": found.status}

    def void_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague cancels the subscription in the control panel."""
        found = self._past_due(invoice)
        found.becomes("CANCELED", self._braintree.now())
        return {"status": found.status}

    def change_amount(self, invoice: str, amount: int) -> dict[str, Any]:
        """Another cycle went unpaid, or a credit was given: the balance becomes `amount` minor units."""
        found = self._past_due(invoice)
        if not isinstance(amount, int) or amount <= 0:
            raise ValueError("the amount must be more than nothing")
        found.balance = Money(amount, found.currency).major
        return {"balance": str(found.balance)}

    def automatic_attempt(self, invoice: str) -> dict[str, Any]:
        """Braintree's own retry runs now."""
        found = self._past_due(invoice)
        one = self._braintree.books.charge(found, found.balance, "RECURRING")
        return {"charge": one.id, "result": one.status}

    def settle_processing(self, invoice: str, success: bool = True) -> dict[str, Any]:
        found = self._braintree.invoices[invoice]
        self._braintree.books.settle(found, success=success)
        return {"status": found.status}

    def rate_limit(self, per_second: int | None = None, retry_after: int | None = None) -> dict[str, Any]:
        """Braintree does not say how long to wait, so `retry_after` changes nothing."""
        self._braintree.per_second = per_second
        return {"per_second": per_second, "retry_after": retry_after}

    def _past_due(self, invoice: str) -> Subscription:
        found = self._braintree.invoices[invoice]
        if found.status != "PAST_DUE":
            raise ValueError("the subscription is not past due")
        return found

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(charge) for charge in self._braintree.charges]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, ledger, newest requests, subscriptions."""
        braintree = self._braintree
        return {
            **self.shown(per_second=braintree.per_second),
            "ledger": self.ledger(),
            "sent": [],
            "requests": [
                {
                    "method": ", ".join(seen.fields) or seen.method,
                    "path": seen.path,
                    "key": None,
                    "status": seen.status,
                    "at": seen.at,
                }
                for seen in braintree.requests[-SHOWN_REQUESTS:]
            ],
            "invoices": [self._line(one) for one in braintree.invoices.values()],
        }

    def _line(self, one: Subscription) -> dict[str, Any]:
        books = self._braintree.books
        customer = books.customers[one.customer]
        magic = books.methods[customer.method].magic.name
        return {
            "id": one.id,
            "number": one.id,
            "customer": customer.company,
            "amount_remaining": max(Money.from_major(one.balance, one.currency).minor, 0),
            "currency": one.currency,
            "status": one.status.lower().replace("_", " "),
            "magic": magic,
            "collected": self._braintree.collected(one.id),
        }
