"""The fake Paddle as the contract wants it. There is no retry, so an ordinary invoice is one that the customer pays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.providers.paddle import Paddle
from bot.providers.paddle_account import Credentials
from bot.providers.paddle_declines import DECLINES
from bot.sandbox.providers.paddle import FakePaddle
from bot.sandbox.providers.paddle_magic import BY_NAME
from tests.providers.bridge import transport_over
from tests.providers.wire import FixedClock

EURO = Money(4900, "EUR")
STATUS = {"draft": "ready"}
"""The contract's statuses that are called otherwise here."""


class PaddleBench:
    """`settings` are the account's; with a `base_url` it asks over a real socket."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.fake = FakePaddle(self._now)
        self.fake.limit.retry_after = 0
        self.secret = self.fake.credentials()["api_key"]
        self.declines: Mapping[str, DeclineClass] = {code: kind for code, (kind, _) in DECLINES.items()}
        self.tells_reasons = True
        self.bodiless: frozenset[Action] = frozenset()

    def open(
        self, account: str = "paddle", transport: httpx.AsyncBaseTransport | None = None, **settings: object
    ) -> Paddle:
        values = {**self.fake.credentials(), "requests_per_second": "1000", **settings}
        over = None if "base_url" in settings else transport_over(self.fake.respond)
        return Paddle(account, Credentials.model_validate(values), transport=transport or over)

    def failed_invoice(
        self, *, magic: str = "paid", owed: Money = EURO, status: str = "open", days_old: float = 2
    ) -> InvoiceRef:
        return self.invoice(
            magic=magic if magic in BY_NAME else "stolen_card" if magic == "lost_card" else "paid",
            amount=owed.minor,
            currency=owed.currency,
            status=STATUS.get(status, status),
            created=self._now() - days_old * 86_400,
        )

    def invoice(self, **wish: Any) -> InvoiceRef:
        return InvoiceRef("paddle", self.fake.add_invoice(**wish))

    def invoice_for(self, action: Action) -> InvoiceRef:
        match action:
            case Action.FINALIZE | Action.REFRESH:
                return self.invoice(status="ready")
            case Action.VOID:
                return self.invoice(status="billed")
            case _:
                return self.failed_invoice()

    def customer_of(self, ref: InvoiceRef) -> str:
        return self.fake.transactions[ref.id].customer

    def named(self, name: str, email: str) -> list[InvoiceRef]:
        customer = self.fake.add_customer(name=name, email=email)
        made = [
            self.fake.add_invoice(customer=customer, status=status, created=self._now() - days * 86_400)
            for days, status in enumerate(("ready", "open", "paid", "uncollectible", "void"), 1)
        ]
        return [InvoiceRef("paddle", one) for one in made]

    def add_working_method(self, ref: InvoiceRef) -> str:
        raise AssertionError(f"Paddle charges none on demand, so none is asked for at {ref}")

    def mails(self, ref: InvoiceRef) -> int:
        """Those that somebody asked for: an invoice that is issued is always e-mailed."""
        del ref
        return 0

    def collected(self, ref: InvoiceRef) -> int:
        return self.fake.collected(ref.id)

    def attempts(self, ref: InvoiceRef) -> int:
        return sum(charge.invoice == ref.id for charge in self.fake.charges)

    def status(self, ref: InvoiceRef) -> str:
        return self.fake.transactions[ref.id].status

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

    def _now(self) -> float:
        return self.clock.at.timestamp()
