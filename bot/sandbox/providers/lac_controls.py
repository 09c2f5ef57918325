"""What a person at the sandbox page can make happen at the fake LAC, and what the page can see of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bot.sandbox.providers.controls import SHOWN_REQUESTS, Control, FaultControls
from bot.sandbox.providers.lac_books import CURRENCY, STATUSES, Invoice, seed

if TYPE_CHECKING:
    from bot.sandbox.providers.lac import FakeLac


class Controls(FaultControls):
    """Each control takes JSON-able arguments by name and answers a JSON-able mapping. Raises ValueError with a sentence."""

    def __init__(self, lac: FakeLac) -> None:
        self._lac = lac
        own: dict[str, Control] = {
            "add_invoice": self.add_invoice,
            "seed_demo": self.seed_demo,
            "arrive": self.arrive,
            "send_elsewhere": self.send_elsewhere,
            "rate_limit": self.rate_limit,
        }
        super().__init__(lac, own)

    def add_invoice(self, **wish: Any) -> dict[str, Any]:
        """The page asks every provider for one that is open and was tried; here that is one whose delivery failed."""
        wish.pop("attempts", None)
        if wish.get("status") not in STATUSES:
            wish.pop("status", None)
        return {"invoice": self._lac.books.add_invoice(**wish)}

    def seed_demo(self) -> dict[str, Any]:
        seed(self._lac.books)
        return {"invoices": len(self._lac.books.invoices)}

    def arrive(self, invoice: str) -> dict[str, Any]:
        """What waits in the queue is delivered."""
        return self._becomes_sent(invoice, "queued")

    def send_elsewhere(self, invoice: str) -> dict[str, Any]:
        """A colleague sends it in the portal."""
        return self._becomes_sent(invoice, "send_failed")

    def rate_limit(self, per_second: int | None = None, retry_after: int | None = None) -> dict[str, Any]:
        self._lac.per_second, self._lac.retry_after = per_second, retry_after
        return {"per_second": per_second, "retry_after": retry_after}

    def _becomes_sent(self, invoice: str, was: str) -> dict[str, Any]:
        found = self._lac.books.invoices[invoice]
        if found.status != was:
            raise ValueError(f"the invoice is {found.status}")
        found.status = "sent"
        return {"status": found.status}

    # --- seeing

    def ledger(self) -> list[dict[str, Any]]:
        return [asdict(delivery) for delivery in self._lac.books.deliveries]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: magic customers, switches, deliveries, newest requests, invoices."""
        lac = self._lac
        return {
            **self.shown(per_second=lac.per_second),
            "ledger": self.ledger(),
            "sent": [{"invoice": one.invoice, "at": one.at} for one in lac.books.deliveries],
            "requests": [asdict(seen) for seen in lac.requests[-SHOWN_REQUESTS:]],
            "invoices": [_line(invoice) for invoice in lac.books.invoices.values()],
        }


def _line(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "number": None,
        "customer": invoice.name,
        "amount_remaining": invoice.gross,
        "currency": CURRENCY,
        "status": invoice.status,
        "magic": invoice.behaviour.name,
        "collected": 0,
    }
