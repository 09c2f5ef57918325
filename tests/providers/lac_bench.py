"""The fake LAC as the contract wants it: it takes no money, and its failed invoices are those whose delivery failed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.ports import Provider
from bot.providers.registry import open_provider
from bot.sandbox.providers.lac import FakeLac
from bot.sandbox.providers.lac_magic import BY_NAME
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock

STATUS = {"open": "send_failed", "draft": "draft"}
"""LAC's invoices know no payment; every other one was sent."""


class LacBench:
    """The fake LAC, on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeLac(self._now)
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {}
        self.tells_reasons = False
        self.bodiless: frozenset[Action] = frozenset()

    def open(self, account: str = "lac", transport: httpx.AsyncBaseTransport | None = None) -> Provider:
        values = {**self.fake.credentials(), "requests_per_second": "1000"}
        return open_provider(account, "lac", values, self.clock, transport or transport_over(self.fake.respond))

    def failed_invoice(
        self,
        *,
        magic: str = "delivered",
        owed: Money | None = None,
        status: str = "open",
        days_old: float = 2,  # noqa: ARG002  LAC tells no dates
    ) -> InvoiceRef:
        known = magic if magic in BY_NAME else "delivered"
        gross = owed.minor if owed else 4900
        return InvoiceRef("lac", self.fake.books.add_invoice(magic=known, amount=gross, status=STATUS.get(status, "sent")))

    def invoice_for(self, action: Action) -> InvoiceRef:  # noqa: ARG002  there is one action
        return self.failed_invoice()

    def customer_of(self, ref: InvoiceRef) -> str:
        return str(self.fake.books.invoices[ref.id].name)

    def named(self, name: str, email: str) -> list[InvoiceRef]:  # noqa: ARG002  the fake makes its own addresses
        return [InvoiceRef("lac", self.fake.books.add_invoice(name, status=status)) for status in ("sent", "send_failed")]

    def add_working_method(self, ref: InvoiceRef) -> str:
        raise AssertionError(f"LAC stores no payment methods, not for {ref} either")

    def mails(self, ref: InvoiceRef) -> int:
        return sum(delivery.invoice == ref.id for delivery in self.fake.books.deliveries)

    def collected(self, ref: InvoiceRef) -> int:  # noqa: ARG002  LAC moves no money
        return 0

    def attempts(self, ref: InvoiceRef) -> int:  # noqa: ARG002  LAC moves no money
        return 0

    def status(self, ref: InvoiceRef) -> str:
        return self.fake.books.invoices[ref.id].status

    def break_everything(self, how: str) -> None:
        self.fake.everything = how

    def break_after_effect(self, how: str) -> None:
        self.fake.after_effect = how

    def heal(self) -> None:
        self.fake.everything = self.fake.after_effect = None

    def sends(self) -> int:
        return sum(request.method == "POST" for request in self.fake.requests)

    def requests(self) -> int:
        return len(self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    def _now(self) -> float:
        return self.clock.at.timestamp()
