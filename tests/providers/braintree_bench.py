"""The fake Braintree as the contract wants it: its invoices are past-due subscriptions, and all its requests are POSTs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.providers.braintree import Braintree
from bot.providers.braintree_account import Credentials
from bot.sandbox.providers.braintree import PRIVATE_KEY, FakeBraintree
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock

EURO = Money(4900, "EUR")
MAGIC = {"no_method": "closed_card", "no_card": "closed_card"}
"""A subscription always has a payment method; the nearest to none is a card that is closed."""
IN_FLIGHT = {Action.VOID: "SUBMITTED_FOR_SETTLEMENT", Action.FINALIZE: "AUTHORIZED"}


class BraintreeBench:
    """`settings` are the account's; with a `base_url` it asks over a real socket."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakeBraintree(self._now)
        self.secret = PRIVATE_KEY
        self.declines: Mapping[str, DeclineClass] = {
            "2000": DeclineClass.SOFT,
            "2001": DeclineClass.SOFT,
            "2004": DeclineClass.NEEDS_NEW_METHOD,
            "2012": DeclineClass.NEEDS_NEW_METHOD,
            "2013": DeclineClass.NEEDS_NEW_METHOD,
        }
        self.tells_reasons = True
        self.bodiless: frozenset[Action] = frozenset()

    def open(
        self, account: str = "braintree", transport: httpx.AsyncBaseTransport | None = None, **settings: object
    ) -> Braintree:
        values = {**self.fake.credentials(), "requests_per_second": "1000", **settings}
        over = None if "base_url" in settings else transport_over(self.fake.respond)
        return Braintree(account, Credentials.model_validate(values), transport=transport or over)

    def failed_invoice(
        self, *, magic: str = "paid", owed: Money = EURO, status: str = "open", days_old: float = 2
    ) -> InvoiceRef:
        return self.invoice(
            magic=MAGIC.get(magic, magic),
            amount=owed.minor,
            currency=owed.currency,
            status=status,
            created=self._now() - days_old * 86_400,
        )

    def invoice(self, **wish: Any) -> InvoiceRef:
        return InvoiceRef("braintree", self.fake.add_invoice(**wish))

    def invoice_for(self, action: Action) -> InvoiceRef:
        if action in IN_FLIGHT:
            return self.invoice(status="paid", newest=IN_FLIGHT[action])
        return self.failed_invoice()

    def customer_of(self, ref: InvoiceRef) -> str:
        return self.fake.invoices[ref.id].customer

    def named(self, name: str, email: str) -> list[InvoiceRef]:
        """Without one that has not begun: it has no transaction, and only those know the customer."""
        customer = self.fake.books.add_customer(name=name, email=email)
        return [
            self.invoice(customer=customer, status=status, created=self._now() - days * 86_400)
            for days, status in enumerate(("open", "paid", "uncollectible", "void"), 1)
        ]

    def add_working_method(self, ref: InvoiceRef) -> str:
        raise AssertionError(f"no method can be chosen for {ref}")

    def mails(self, ref: InvoiceRef) -> int:
        assert ref.id in self.fake.invoices
        return 0

    def collected(self, ref: InvoiceRef) -> int:
        return self.fake.collected(ref.id)

    def attempts(self, ref: InvoiceRef) -> int:
        return sum(charge.invoice == ref.id for charge in self.fake.charges)

    def status(self, ref: InvoiceRef) -> str:
        """In the words of the contract."""
        said = self.fake.invoices[ref.id].status
        return "draft" if said == "PENDING" else said

    def break_everything(self, how: str) -> None:
        self.fake.everything = how

    def break_after_effect(self, how: str) -> None:
        self.fake.after_effect = how

    def heal(self) -> None:
        self.fake.everything = self.fake.after_effect = None

    def sends(self) -> int:
        return sum(request.is_mutation for request in self.fake.requests)

    def requests(self) -> int:
        return len(self.fake.requests)

    def wait(self, by: timedelta) -> None:
        self.clock.at += by

    def _now(self) -> float:
        return self.clock.at.timestamp()
