"""The fake Lago as the contract wants it: its jobs run on a clock that the test moves, and that waiting moves too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.providers.lago import PATIENCE, Lago
from bot.providers.lago_account import Credentials
from bot.providers.lago_invoices import DECLINES
from bot.sandbox.providers.lago import FakeLago
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock

EURO = Money(4900, "EUR")
MAGIC = {"no_card": "no_customer"}
"""The contract's customers that are called otherwise at Lago; every kind of decline is one and the same there."""
STATUS = {"uncollectible": "failed"}
"""Lago has no write-off; an invoice that could not be made is what it has besides."""
KNOWN_MAGIC = frozenset(
    {"paid", "needs_authentication", "bank_debit", "no_method", "silent", "rate_limited", "no_provider"}
)


class LagoBench:
    """`settings` are the account's; with a `base_url` it asks over a real socket."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeLago(self._now)
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {code: decline.kind for code, decline in DECLINES.items()}
        self.tells_reasons = False
        self.bodiless = frozenset({Action.RETRY, Action.RESEND})

    def open(
        self,
        account: str = "lago",
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        patience: float = PATIENCE,
        **settings: object,
    ) -> Lago:
        values = {**self.fake.credentials(), "requests_per_second": "1000", **settings}
        over = None if "base_url" in settings else transport_over(self.fake.respond)
        return Lago(
            account,
            Credentials.model_validate(values),
            clock=self.clock,
            transport=transport or over,
            sleep=self._sleep,
            patience=patience,
        )

    def failed_invoice(
        self, *, magic: str = "paid", owed: Money = EURO, status: str = "open", days_old: float = 2
    ) -> InvoiceRef:
        known = MAGIC.get(magic, magic if magic in KNOWN_MAGIC else "declined")
        return self.invoice(
            magic=known,
            amount=owed.minor,
            currency=owed.currency,
            status=STATUS.get(status, status),
            created=self._now() - days_old * 86_400,
        )

    def invoice(self, **wish: Any) -> InvoiceRef:
        return InvoiceRef("lago", self.fake.add_invoice(**{"email": "books@payer.example", **wish}))

    def invoice_for(self, action: Action) -> InvoiceRef:
        is_draft = action in {Action.FINALIZE, Action.REFRESH}
        return self.failed_invoice(status="draft" if is_draft else "open")

    def customer_of(self, ref: InvoiceRef) -> str:
        return self.fake.invoices[ref.id].customer

    def named(self, name: str, email: str) -> list[InvoiceRef]:
        customer = self.fake.add_customer(name=name, email=email)
        made = [
            self.fake.add_invoice(customer=customer, status=status, created=self._now() - days * 86_400)
            for days, status in enumerate(("draft", "open", "paid", "failed", "void"), 1)
        ]
        return [InvoiceRef("lago", one) for one in made]

    def add_working_method(self, ref: InvoiceRef) -> str:
        return self.fake.books.add_card(self.customer_of(ref), "paid")

    def mails(self, ref: InvoiceRef) -> int:
        return sum(sent.invoice == ref.id for sent in self.fake.sent)

    def collected(self, ref: InvoiceRef) -> int:
        return self.fake.collected(ref.id)

    def attempts(self, ref: InvoiceRef) -> int:
        return sum(charge.invoice == ref.id for charge in self.fake.charges)

    def status(self, ref: InvoiceRef) -> str:
        return self.fake.invoices[ref.id].status

    def break_everything(self, how: str) -> None:
        self.fake.everything = how

    def break_after_effect(self, how: str) -> None:
        self.fake.after_effect = how

    def heal(self) -> None:
        self.fake.everything = self.fake.after_effect = None

    def sends(self) -> int:
        return sum(request.method != "GET" for request in self.fake.requests)

    def requests(self) -> int:
        return len(self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    async def _sleep(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def _now(self) -> float:
        return self.clock.at.timestamp()
