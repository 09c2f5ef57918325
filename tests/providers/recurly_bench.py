"""The fake Recurly as the contract wants it, on a clock that the test moves, and that waiting moves too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.providers.recurly import Recurly
from bot.providers.recurly_account import Credentials
from bot.providers.recurly_declines import DECLINES
from bot.sandbox.providers.recurly import FakeRecurly
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock

EURO = Money(4900, "EUR")
STATUS = {"open": "past_due", "uncollectible": "failed", "draft": "credit", "void": "credit"}
"""Recurly has no drafts, and voids no charge invoice. What it has instead that must be left alone is a credit invoice."""


class RecurlyBench:
    """`settings` are the account's; with a `base_url` it asks over a real socket."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeRecurly(self._now)
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {code: kind for code, (kind, _) in DECLINES.items()}
        self.tells_reasons = True
        self.bodiless: frozenset[Action] = frozenset()
        self.fake.limit.retry_after = 0
        self._meant: dict[str, str] = {}

    def open(
        self, account: str = "recurly", transport: httpx.AsyncBaseTransport | None = None, **settings: object
    ) -> Recurly:
        values = {**self.fake.credentials(), "requests_per_second": "1000", **settings}
        over = None if "base_url" in settings else transport_over(self.fake.respond)
        credentials = Credentials.model_validate(values)
        return Recurly(account, credentials, clock=self.clock, transport=transport or over, sleep=self._sleep)

    def failed_invoice(
        self, *, magic: str = "paid", owed: Money = EURO, status: str = "open", days_old: float = 2
    ) -> InvoiceRef:
        ref = self.invoice(
            magic=magic,
            amount=owed.minor,
            currency=owed.currency,
            status=STATUS.get(status, status),
            created=self._now() - days_old * 86_400,
        )
        if status == "void":
            self.fake.books.close(self.fake.books.invoices[ref.id], "voided")
        self._meant[ref.id] = status
        return ref

    def invoice(self, **wish: Any) -> InvoiceRef:
        return InvoiceRef("recurly", self.fake.add_invoice(**wish))

    def invoice_for(self, action: Action) -> InvoiceRef:
        if action is Action.PAID:
            return self.invoice(collection_method="manual")
        return self.failed_invoice()

    def customer_of(self, ref: InvoiceRef) -> str:
        return self.fake.books.customers[self.fake.invoices[ref.id].customer].code

    def named(self, name: str, email: str) -> list[InvoiceRef]:
        customer = self.fake.add_customer(name=name, email=email)
        statuses = ("pending", "past_due", "paid", "failed", "processing")
        return [
            self.invoice(customer=customer, status=status, created=self._now() - days * 86_400)
            for days, status in enumerate(statuses, 1)
        ]

    def add_working_method(self, ref: InvoiceRef) -> str:
        return self.fake.books.add_card(self.fake.invoices[ref.id].customer, "paid", last_four="4444")

    def mails(self, ref: InvoiceRef) -> int:  # noqa: ARG002  Recurly's API sends none
        return 0

    def collected(self, ref: InvoiceRef) -> int:
        return self.fake.collected(ref.id)

    def attempts(self, ref: InvoiceRef) -> int:
        return sum(charge.invoice == ref.id for charge in self.fake.charges)

    def status(self, ref: InvoiceRef) -> str:
        """Of an invoice that nothing has happened to, the status that was meant with it."""
        found = self.fake.invoices[ref.id]
        meant = self._meant.get(ref.id, "")
        return meant if not found.is_charge else found.state

    def break_everything(self, how: str) -> None:
        self.fake.everything = how

    def break_after_effect(self, how: str) -> None:
        self.fake.after_effect = how

    def heal(self) -> None:
        self.fake.everything = self.fake.after_effect = None

    def sends(self) -> int:
        return sum(request.method not in {"GET", "HEAD"} for request in self.fake.requests)

    def requests(self) -> int:
        return len(self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    async def _sleep(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def _now(self) -> float:
        return self.clock.at.timestamp()
