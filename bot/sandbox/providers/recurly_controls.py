"""What a person at the sandbox page can make happen at the fake Recurly, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls
from bot.sandbox.providers.recurly_books import Invoice
from bot.sandbox.providers.recurly_magic import BY_NAME

if TYPE_CHECKING:
    from bot.sandbox.providers.recurly import FakeRecurly


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, recurly: FakeRecurly) -> None:
        self._recurly = recurly
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
        super().__init__(recurly, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        return {"invoice": self._recurly.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        self._recurly.seed_demo()
        return {"invoices": len(self._recurly.invoices)}

    def change_card(self, invoice: str, magic: str = "paid") -> dict[str, Any]:
        """The customer of an invoice enters another card, which becomes the primary one."""
        if magic not in BY_NAME or not BY_NAME[magic].has_method:
            raise ValueError(f"no payment method behaves like {magic!r}")
        found = self._recurly.invoices[invoice]
        return {"billing_info": self._recurly.books.change_card(found.customer, magic)}

    def pay_elsewhere(self, invoice: str) -> dict[str, Any]:
        """The customer pays on the account page, with a card that works."""
        found, books = self._payable(invoice), self._recurly.books
        method = books.methods[books.add_card(found.customer, "paid")]
        charge = books.charge(found, method, origin="hpp")
        return {"charge": charge.id, "status": found.state}

    def void_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague writes it off in Recurly, where a charge invoice cannot be voided."""
        found = self._payable(invoice)
        self._recurly.books.write_off(found)
        return {"status": found.state}

    def change_amount(self, invoice: str, amount: int) -> dict[str, Any]:
        """A credit is applied, say: what is owed becomes `amount` minor units."""
        found = self._payable(invoice)
        if not isinstance(amount, int) or amount <= 0:
            raise ValueError("the amount must be more than nothing")
        found.total = amount + found.paid + found.credited
        return {"balance": found.balance}

    def automatic_attempt(self, invoice: str) -> dict[str, Any]:
        """Recurly's own schedule runs."""
        found, books = self._payable(invoice), self._recurly.books
        method = books.primary(found)
        if method is None:
            raise ValueError("the customer has no payment method")
        charge = books.charge(found, method, origin="recurring")
        return {"charge": charge.id, "result": charge.result.value}

    def settle_processing(self, invoice: str, success: bool = True) -> dict[str, Any]:
        found = self._recurly.invoices[invoice]
        self._recurly.books.settle(found, success=success)
        return {"status": found.state}

    def rate_limit(self, per_second: int | None = None, retry_after: int = 1) -> dict[str, Any]:
        self._recurly.limit.per_second, self._recurly.limit.retry_after = per_second, retry_after
        return {"per_second": per_second, "retry_after": retry_after}

    def _payable(self, invoice: str) -> Invoice:
        found = self._recurly.invoices[invoice]
        if not found.is_charge or found.state not in ("pending", "past_due"):
            raise ValueError("the invoice is paid, written off or under way")
        return found

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(charge) for charge in self._recurly.charges]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, ledger, newest requests, invoices."""
        recurly = self._recurly
        return {
            **self.shown(per_second=recurly.limit.per_second),
            "ledger": self.ledger(),
            "sent": [],
            "requests": [
                {"method": seen.method, "path": seen.path, "key": seen.key, "status": seen.status, "at": seen.at}
                for seen in recurly.requests[-SHOWN_REQUESTS:]
            ],
            "invoices": [self._line(invoice) for invoice in recurly.invoices.values()],
        }

    def _line(self, invoice: Invoice) -> dict[str, Any]:
        books = self._recurly.books
        method = books.primary(invoice)
        return {
            "id": invoice.id,
            "number": invoice.number,
            "customer": books.customers[invoice.customer].name,
            "amount_remaining": invoice.balance,
            "currency": invoice.currency,
            "status": invoice.state if invoice.is_charge else f"credit invoice, {invoice.state}",
            "magic": method.magic.name if method else None,
            "collected": self._recurly.collected(invoice.id),
        }
