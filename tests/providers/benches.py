"""One bench per provider: its sandbox fake, ready to be spoken to, in the few words that the contract needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import httpx

from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.ports import Provider
from bot.providers.registry import open_provider
from bot.providers.stripe_declines import DECLINES
from bot.providers.stripe_wire import UNITS
from bot.sandbox.providers.stripe import FakeStripe
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock


class Bench(Protocol):
    """A fake provider with one account. `disturb` makes every answer after an effect go wrong that way."""

    secret: str
    declines: Mapping[str, DeclineClass]

    def open(self, account: str = ..., transport: httpx.AsyncBaseTransport | None = ...) -> Provider: ...
    def failed_invoice(
        self, *, magic: str = ..., owed: Money = ..., status: str = ..., days_old: float = ...
    ) -> InvoiceRef: ...
    def collected(self, ref: InvoiceRef) -> int: ...
    def attempts(self, ref: InvoiceRef) -> int: ...
    def status(self, ref: InvoiceRef) -> str: ...
    def break_everything(self, how: str) -> None: ...
    def break_after_effect(self, how: str) -> None: ...
    def heal(self) -> None: ...
    def sends(self) -> int: ...
    def wait(self, by: timedelta) -> None: ...


EURO = Money(4900, "EUR")


class StripeBench:
    """The fake Stripe, on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeStripe(self._now)
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {code: kind for code, (kind, _) in DECLINES.items()}

    def open(self, account: str = "stripe", transport: httpx.AsyncBaseTransport | None = None) -> Provider:
        values = {**self.fake.credentials(), "requests_per_second": "1000"}
        return open_provider(account, "stripe", values, self.clock, transport or transport_over(self.fake.respond))

    def failed_invoice(
        self, *, magic: str = "paid", owed: Money = EURO, status: str = "open", days_old: float = 2
    ) -> InvoiceRef:
        created = (self.clock.at - timedelta(days=days_old)).timestamp()
        amount = UNITS.write(owed)
        identifier = self.fake.add_invoice(
            magic=magic, amount=amount, currency=owed.currency, status=status, created=created
        )
        return InvoiceRef("stripe", identifier)

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
        return sum(request.method == "POST" for request in self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    def _now(self) -> float:
        return self.clock.at.timestamp()


BENCHES: dict[str, Callable[[], Bench]] = {"stripe": StripeBench}
