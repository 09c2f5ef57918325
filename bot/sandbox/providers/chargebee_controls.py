"""What a person at the sandbox page can make happen at the fake Chargebee, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.sandbox.providers.chargebee_books import UNPAID, Invoice
from bot.sandbox.providers.chargebee_magic import BY_NAME
from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls

if TYPE_CHECKING:
    from bot.sandbox.providers.chargebee import FakeChargebee


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, chargebee: FakeChargebee) -> None:
        self._chargebee = chargebee
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
        super().__init__(chargebee, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        return {"invoice": self._chargebee.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        self._chargebee.seed_demo()
        return {"invoices": len(self._chargebee.invoices)}

    def change_card(self, invoice: str, magic: str = "paid") -> dict[str, Any]:
        """The customer of an invoice stores another card, which becomes the primary payment source."""
        if magic not in BY_NAME or not BY_NAME[magic].has_method:
            raise ValueError(f"no card behaves like {magic!r}")
        books = self._chargebee.books
        return {"payment_source": books.change_card(books.payer(self._chargebee.invoices[invoice]), magic)}

    def pay_elsewhere(self, invoice: str) -> dict[str, Any]:
        """The customer pays on the hosted page, with a card that works."""
        found, books = self._payable(invoice), self._chargebee.books
        card = books.sources[books.add_card(books.payer(found), "paid")]
        made = books.charge(found, card, books.to_collect(found), None)
        made.initiator = "customer"
        return {"charge": made.id, "status": found.status}

    def void_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague voids it in Chargebee."""
        found = self._payable(invoice)
        self._chargebee.books.void(found)
        return {"status": found.status}

    def change_amount(self, invoice: str, amount: int) -> dict[str, Any]:
        """A credit note, say: what is due becomes `amount`, in Chargebee's units."""
        found = self._payable(invoice)
        if not isinstance(amount, int) or amount <= 0:
            raise ValueError("the amount must be more than nothing")
        found.total = amount + self._chargebee.books.paid(found) + found.adjusted
        return {"amount_due": self._chargebee.books.owed(found)}

    def automatic_attempt(self, invoice: str) -> dict[str, Any]:
        """Chargebee's own retry (dunning) runs now."""
        made = self._chargebee.books.dun(self._payable(invoice))
        return {"charge": made.id, "result": made.status}

    def settle_processing(self, invoice: str, success: bool = True) -> dict[str, Any]:
        self._chargebee.settle_processing(invoice, success=success)
        return {"status": self._chargebee.invoices[invoice].status}

    def keyed(self, on: bool) -> dict[str, Any]:
        self._chargebee.keyed = on
        return {"keyed": on}

    def rate_limit(self, per_second: int | None = None, retry_after: int | None = None) -> dict[str, Any]:
        self._chargebee.limit.per_second, self._chargebee.limit.retry_after = per_second, retry_after
        return {"per_second": per_second, "retry_after": retry_after}

    def _payable(self, invoice: str) -> Invoice:
        found = self._chargebee.invoices[invoice]
        if found.status not in UNPAID:
            raise ValueError(f"the invoice is {found.status}")
        return found

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(charge) for charge in self._chargebee.charges]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, ledger, newest requests, invoices."""
        chargebee = self._chargebee
        return {
            **self.shown(keyed=chargebee.keyed, per_second=chargebee.limit.per_second),
            "ledger": self.ledger(),
            "sent": [asdict(mail) for mail in chargebee.books.mails],
            "requests": [
                {"method": seen.method, "path": seen.path, "key": seen.key, "status": seen.status, "at": seen.at}
                for seen in chargebee.requests[-SHOWN_REQUESTS:]
            ],
            "invoices": [self._line(invoice) for invoice in chargebee.invoices.values()],
        }

    def _line(self, invoice: Invoice) -> dict[str, Any]:
        books = self._chargebee.books
        primary = books.customers[books.payer(invoice)].primary
        return {
            "id": invoice.id,
            "number": invoice.id,
            "customer": books.customers[invoice.customer].company,
            "amount_remaining": books.owed(invoice),
            "currency": invoice.currency,
            "status": invoice.status,
            "magic": books.sources[primary].magic.name if primary else None,
            "collected": self._chargebee.collected(invoice.id),
        }
