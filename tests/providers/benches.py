"""One bench per provider: its sandbox fake, ready to be spoken to, in the few words that the contract needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.money import Money
from bot.ports import Provider
from bot.providers.registry import open_provider
from bot.providers.stripe_declines import DECLINES
from bot.providers.stripe_wire import UNITS
from bot.sandbox.providers.stripe import FakeStripe
from tests.providers.braintree_bench import BraintreeBench
from tests.providers.bridge import transport_over
from tests.providers.chargebee_bench import ChargebeeBench
from tests.providers.lac_bench import LacBench
from tests.providers.lago_bench import LagoBench
from tests.providers.paddle_bench import PaddleBench
from tests.providers.recurly_bench import RecurlyBench
from tests.providers.wire import FixedClock


class Bench(Protocol):
    """A fake provider with one account. `disturb` makes every answer after an effect go wrong that way."""

    secret: str
    declines: Mapping[str, DeclineClass]
    tells_reasons: bool
    """Whether the provider tells why a bank said no, and which payment method it was."""
    bodiless: frozenset[Action]
    """Actions that the provider answers with an empty body when all is well."""

    def open(self, account: str = ..., transport: httpx.AsyncBaseTransport | None = ...) -> Provider: ...
    def failed_invoice(
        self, *, magic: str = ..., owed: Money = ..., status: str = ..., days_old: float = ...
    ) -> InvoiceRef: ...
    def invoice_for(self, action: Action) -> InvoiceRef:
        """One on which the action can be done."""

    def customer_of(self, ref: InvoiceRef) -> str: ...
    def named(self, name: str, email: str) -> list[InvoiceRef]:
        """A customer with several invoices of every status, newest first."""

    def add_working_method(self, ref: InvoiceRef) -> str:
        """Beside those that the customer has; the default stays."""

    def mails(self, ref: InvoiceRef) -> int: ...
    def collected(self, ref: InvoiceRef) -> int: ...
    def attempts(self, ref: InvoiceRef) -> int: ...
    def status(self, ref: InvoiceRef) -> str: ...
    def break_everything(self, how: str) -> None: ...
    def break_after_effect(self, how: str) -> None: ...
    def heal(self) -> None: ...
    def sends(self) -> int: ...
    def requests(self) -> int: ...
    def wait(self, by: timedelta) -> None: ...


EURO = Money(4900, "EUR")
BROKEN = ["hang", "reset", "500", "html", "empty", "truncated"]


class StripeBench:
    """The fake Stripe, on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeStripe(self._now)
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {code: kind for code, (kind, _) in DECLINES.items()}
        self.tells_reasons = True
        self.bodiless: frozenset[Action] = frozenset()

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

    def invoice_for(self, action: Action) -> InvoiceRef:
        match action:
            case Action.RESEND:
                return InvoiceRef("stripe", self.fake.add_invoice(collection_method="send_invoice"))
            case Action.FINALIZE:
                return self.failed_invoice(status="draft")
            case _:
                return self.failed_invoice()

    def customer_of(self, ref: InvoiceRef) -> str:
        return self.fake.invoices[ref.id].customer

    def named(self, name: str, email: str) -> list[InvoiceRef]:
        customer = self.fake.add_customer(name=name, email=email)
        made = [
            self.fake.add_invoice(customer=customer, status=status, created=self._now() - days * 86_400)
            for days, status in enumerate(("draft", "open", "paid", "uncollectible", "void"), 1)
        ]
        return [InvoiceRef("stripe", one) for one in made]

    def add_working_method(self, ref: InvoiceRef) -> str:
        return self.fake.books.add_card(self.customer_of(ref), "paid", last4="4444", brand="mastercard")

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
        return sum(request.method == "POST" for request in self.fake.requests)

    def requests(self) -> int:
        return len(self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    def _now(self) -> float:
        return self.clock.at.timestamp()


BENCHES: dict[str, Callable[[], Bench]] = {
    "braintree": BraintreeBench,
    "chargebee": ChargebeeBench,
    "lac": LacBench,
    "lago": LagoBench,
    "paddle": PaddleBench,
    "stripe": StripeBench,
    "recurly": RecurlyBench,
}


async def read(provider: Provider, ref: InvoiceRef, *, thorough: bool = False) -> Invoice:
    invoice = await provider.get(ref, thorough=thorough)
    assert invoice is not None
    return invoice
