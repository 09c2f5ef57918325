"""What a person at the sandbox page can make happen at the fake Lago, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls
from bot.sandbox.providers.lago_actions import stores_methods
from bot.sandbox.providers.lago_books import Invoice
from bot.sandbox.providers.lago_magic import BY_NAME

if TYPE_CHECKING:
    from bot.sandbox.providers.lago import FakeLago


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, lago: FakeLago) -> None:
        self._lago = lago
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
            "premium": self.premium,
            "email_settings": self.email_settings,
            "old_server": self.old_server,
        }
        super().__init__(lago, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        return {"invoice": self._lago.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        self._lago.seed_demo()
        return {"invoices": len(self._lago.invoices)}

    def change_card(self, invoice: str, magic: str = "paid") -> dict[str, Any]:
        """The customer of an invoice stores another payment method, which becomes the default."""
        if magic not in BY_NAME or not stores_methods(magic):
            raise ValueError(f"no payment method behaves like {magic!r}")
        customer = self._lago.books.customers[self._lago.invoices[invoice].customer]
        customer.has_provider = customer.is_at_provider = True
        return {"payment_method": self._lago.books.change_card(customer.external_id, magic)}

    def pay_elsewhere(self, invoice: str) -> dict[str, Any]:
        """The customer pays on the hosted page, with a card that works."""
        found = self._payable(invoice)
        books = self._lago.books
        card = books.add_card(found.customer, "paid")
        charge = books.collect(found, card)
        return {"charge": charge.id if charge else None, "status": found.payment_status}

    def void_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague voids it in Lago."""
        found = self._payable(invoice)
        self._lago.books.void(found)
        return {"status": found.status}

    def change_amount(self, invoice: str, amount: int) -> dict[str, Any]:
        """A credit note, say: what is due becomes `amount` minor units."""
        found = self._payable(invoice)
        if not isinstance(amount, int) or amount <= 0:
            raise ValueError("the amount must be more than nothing")
        found.total = amount + found.paid + found.offset
        return {"total_due_amount_cents": found.due}

    def automatic_attempt(self, invoice: str) -> dict[str, Any]:
        """Lago tries the default method now, without being asked."""
        charge = self._lago.books.collect(self._payable(invoice))
        if charge is None:
            raise ValueError("the customer has no payment method")
        return {"charge": charge.id, "result": charge.result.value}

    def settle_processing(self, invoice: str, success: bool = True) -> dict[str, Any]:
        self._lago.settle_processing(invoice, success=success)
        return {"status": self._lago.invoices[invoice].payment_status}

    def rate_limit(self, per_second: int | None = None, retry_after: int = 1) -> dict[str, Any]:
        self._lago.limit.per_second, self._lago.limit.retry_after = per_second, retry_after
        return {"per_second": per_second, "retry_after": retry_after}

    def premium(self, on: bool) -> dict[str, Any]:
        """Whether the licence includes e-mails and recorded payments."""
        self._lago.licence.premium = on
        return {"premium": on}

    def email_settings(self, on: bool) -> dict[str, Any]:
        """Whether e-mails with invoices are turned on."""
        self._lago.licence.email_settings = on
        return {"email_settings": on}

    def old_server(self, on: bool) -> dict[str, Any]:
        """A self-hosted server of some years ago: young fields, filters and routes are not there."""
        self._lago.old_server = on
        return {"old_server": on}

    def _payable(self, invoice: str) -> Invoice:
        found = self._lago.invoices[invoice]
        if found.status != "finalized" or found.payment_status == "succeeded":
            raise ValueError("the invoice is paid, voided or not final")
        return found

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(charge) for charge in self._lago.charges]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, ledger, newest requests, invoices."""
        lago = self._lago
        return {
            **self.shown(
                per_second=lago.limit.per_second,
                premium=lago.licence.premium,
                email_settings=lago.licence.email_settings,
                old_server=lago.old_server,
            ),
            "ledger": self.ledger(),
            "sent": [asdict(mail) for mail in lago.sent],
            "requests": [
                {"method": seen.method, "path": seen.path, "key": None, "status": seen.status, "at": seen.at}
                for seen in lago.requests[-SHOWN_REQUESTS:]
            ],
            "invoices": [self._line(invoice) for invoice in lago.invoices.values()],
        }

    def _line(self, invoice: Invoice) -> dict[str, Any]:
        customer = self._lago.books.customers[invoice.customer]
        default = self._lago.books.methods.get(customer.default or "")
        return {
            "id": invoice.id,
            "number": invoice.number,
            "customer": customer.name,
            "amount_remaining": invoice.due,
            "currency": invoice.currency,
            "status": f"{invoice.status}, {invoice.payment_status}",
            "magic": default.magic.name if default else None,
            "collected": self._lago.collected(invoice.id),
        }
