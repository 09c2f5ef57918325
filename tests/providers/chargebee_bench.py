"""The fake Chargebee as the contract wants it, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import EXPONENTS, MinorUnits, Money
from bot.providers.chargebee import Chargebee
from bot.providers.chargebee_account import Credentials
from bot.providers.chargebee_declines import CAUSES, DECLINES
from bot.sandbox.providers.chargebee import FakeChargebee
from bot.sandbox.providers.chargebee_magic import BY_NAME
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock

EURO = Money(4900, "EUR")
UNITS = MinorUnits(dict.fromkeys(EXPONENTS, 2) | dict.fromkeys(("JPY", "KRW", "XAF", "XOF"), 0))
"""Chargebee's own, written down once more."""
MAGIC = {"no_card": "no_method"}
"""The contract's customers that are called otherwise at Chargebee."""
STATUS = {"pending": "draft"}


class ChargebeeBench:
    """`settings` are the account's; with a `base_url` it asks over a real socket."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeChargebee(self._now)
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {code: kind for code, (kind, _) in (DECLINES | CAUSES).items()}
        self.tells_reasons = True
        self.bodiless: frozenset[Action] = frozenset()

    def open(
        self, account: str = "chargebee", transport: httpx.AsyncBaseTransport | None = None, **settings: object
    ) -> Chargebee:
        values = {**self.fake.credentials(), "requests_per_second": "1000", **settings}
        over = None if "base_url" in settings else transport_over(self.fake.respond)
        return Chargebee(account, Credentials.model_validate(values), clock=self.clock, transport=transport or over)

    def failed_invoice(
        self, *, magic: str = "paid", owed: Money = EURO, status: str = "open", days_old: float = 2
    ) -> InvoiceRef:
        known = MAGIC.get(magic, magic if magic in BY_NAME else "generic_decline")
        return self.invoice(
            magic=known,
            amount=UNITS.write(owed),
            currency=owed.currency,
            status=status,
            created=self._now() - days_old * 86_400,
        )

    def invoice(self, **wish: Any) -> InvoiceRef:
        return InvoiceRef("chargebee", self.fake.add_invoice(**{"email": "books@payer.example", **wish}))

    def invoice_for(self, action: Action) -> InvoiceRef:
        """A draft of a customer who pays by hand: closing it would charge others at once."""
        if action is Action.FINALIZE:
            return self.invoice(status="draft", auto_collection=False)
        return self.failed_invoice(status="draft" if action is Action.REFRESH else "open")

    def customer_of(self, ref: InvoiceRef) -> str:
        return self.fake.invoices[ref.id].customer

    def named(self, name: str, email: str) -> list[InvoiceRef]:
        customer = self.fake.add_customer(name=name, email=email)
        made = [
            self.fake.add_invoice(customer=customer, status=status, created=self._now() - days * 86_400)
            for days, status in enumerate(("draft", "open", "paid", "uncollectible", "void"), 1)
        ]
        return [InvoiceRef("chargebee", one) for one in made]

    def add_working_method(self, ref: InvoiceRef) -> str:
        return self.fake.books.add_card(self.customer_of(ref), "paid", last4="4444", brand="mastercard")

    def mails(self, ref: InvoiceRef) -> int:
        return self.fake.invoices[ref.id].comments.count("mailed")

    def collected(self, ref: InvoiceRef) -> int:
        return self.fake.collected(ref.id)

    def attempts(self, ref: InvoiceRef) -> int:
        return sum(charge.invoice == ref.id for charge in self.fake.charges)

    def status(self, ref: InvoiceRef) -> str:
        found = self.fake.invoices[ref.id].status
        return STATUS.get(found, found)

    def break_everything(self, how: str) -> None:
        self.fake.everything = how

    def break_after_effect(self, how: str) -> None:
        self.fake.after_effect = how

    def heal(self) -> None:
        self.fake.everything = self.fake.after_effect = None

    def sends(self) -> int:
        """Asking for a PDF or a payment page changes nothing that anybody owes."""
        return sum(one.method == "POST" and not one.path.endswith(("/pdf", "/collect_now")) for one in self.fake.requests)

    def requests(self) -> int:
        return len(self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    def _now(self) -> float:
        return self.clock.at.timestamp()
