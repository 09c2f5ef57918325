"""What a person at the sandbox page can make happen at the fake Stripe, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls
from bot.sandbox.providers.stripe_books import Invoice
from bot.sandbox.providers.stripe_magic import BY_NAME

if TYPE_CHECKING:
    from bot.sandbox.providers.stripe import FakeStripe


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, stripe: FakeStripe) -> None:
        self._stripe = stripe
        own: dict[str, Control] = {
            "add_invoice": self.add_invoice,
            "seed_demo": self.seed_demo,
            "change_card": self.change_card,
            "pay_elsewhere": self.pay_elsewhere,
            "void_elsewhere": self.void_elsewhere,
            "change_amount": self.change_amount,
            "automatic_attempt": self.automatic_attempt,
            "settle_processing": self.settle_processing,
            "keyed": self.keyed,
            "rate_limit": self.rate_limit,
        }
        super().__init__(stripe, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        return {"invoice": self._stripe.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        self._stripe.seed_demo()
        return {"invoices": len(self._stripe.invoices)}

    def change_card(self, invoice: str, magic: str = "paid") -> dict[str, Any]:
        """The customer of an invoice stores another card, which becomes the default."""
        if magic not in BY_NAME or not BY_NAME[magic].has_method:
            raise ValueError(f"no card behaves like {magic!r}")
        customer = self._stripe.invoices[invoice].customer
        return {"payment_method": self._stripe.books.change_card(customer, magic)}

    def pay_elsewhere(self, invoice: str) -> dict[str, Any]:
        """The customer pays on the hosted page, with a card that works."""
        found = self._payable(invoice)
        if not any(method.customer == found.customer and method.magic.name == "paid" for method in self._methods()):
            self._stripe.books.change_card(found.customer)
        working = next(one for one in self._methods() if one.customer == found.customer and one.magic.name == "paid")
        charge = self._stripe.books.charge(found, working, key=None)
        return {"charge": charge.id, "status": found.status}

    def void_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague voids it in the dashboard."""
        found = self._payable(invoice)
        self._stripe.books.void(found, self._stripe.books.today())
        return {"status": found.status}

    def change_amount(self, invoice: str, amount: int) -> dict[str, Any]:
        """A credit note, say: what is due becomes `amount` minor units."""
        found = self._payable(invoice)
        if not isinstance(amount, int) or amount <= found.amount_paid:
            raise ValueError("the amount must be more than what is paid already")
        found.amount_due = amount
        return {"amount_remaining": found.amount_remaining}

    def automatic_attempt(self, invoice: str) -> dict[str, Any]:
        """Stripe's own schedule tries the default method now."""
        found = self._payable(invoice)
        default = self._stripe.books.customers[found.customer].default
        if default is None:
            raise ValueError("the customer has no payment method")
        charge = self._stripe.books.charge(found, self._stripe.books.methods[default], key=None)
        found.attempts += 1
        return {"charge": charge.id, "result": charge.result.value}

    def settle_processing(self, invoice: str, success: bool = True) -> dict[str, Any]:
        self._stripe.settle_processing(invoice, success=success)
        return {"status": self._stripe.invoices[invoice].status}

    def keyed(self, on: bool) -> dict[str, Any]:
        self._stripe.keyed = on
        return {"keyed": on}

    def rate_limit(self, per_second: int | None = None, retry_after: int | None = None) -> dict[str, Any]:
        self._stripe.limit.per_second, self._stripe.limit.retry_after = per_second, retry_after
        return {"per_second": per_second, "retry_after": retry_after}

    def _methods(self) -> list[Any]:
        return list(self._stripe.books.methods.values())

    def _payable(self, invoice: str) -> Invoice:
        found = self._stripe.invoices[invoice]
        if found.status not in ("open", "uncollectible"):
            raise ValueError(f"the invoice is {found.status}")
        return found

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(charge) for charge in self._stripe.charges]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, ledger, newest requests, invoices."""
        stripe = self._stripe
        return {
            **self.shown(keyed=stripe.keyed, per_second=stripe.limit.per_second),
            "ledger": self.ledger(),
            "sent": [asdict(mail) for mail in stripe.sent],
            "requests": [
                {"method": seen.method, "path": seen.path, "key": seen.key, "status": seen.status, "at": seen.at}
                for seen in stripe.requests[-SHOWN_REQUESTS:]
            ],
            "invoices": [self._line(invoice) for invoice in stripe.invoices.values()],
        }

    def _line(self, invoice: Invoice) -> dict[str, Any]:
        default = self._stripe.books.customers[invoice.customer].default
        return {
            "id": invoice.id,
            "number": invoice.number,
            "customer": invoice.customer_name,
            "amount_remaining": invoice.amount_remaining,
            "currency": invoice.currency,
            "status": invoice.status,
            "magic": self._stripe.books.methods[default].magic.name if default else None,
            "collected": self._stripe.collected(invoice.id),
        }
