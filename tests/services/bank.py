"""A provider with a ledger: what really happened to every request, whatever the bot was told about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from bot.domain.action import Action
from bot.domain.capability import Resend
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, PaymentState
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder
from bot.services.execution import SEND_DEADLINE
from tests.builders import FACTS, FUNDS, declined, ended, paid
from tests.fakes import FakeProvider, MovableClock

TRAVELS = timedelta(seconds=200)
"""Longer than anybody waits for an answer, shorter than a request can be under way."""
assert SEND_DEADLINE < TRAVELS < SEND_DEADLINE + FACTS.settle_after


class Mood(Enum):
    """How the next requests go: the effect, and what is heard of it."""

    DO = auto()
    DECLINE = auto()
    REJECT = auto()
    LIMIT = auto()
    PEND = auto()
    DO_IN_SILENCE = auto()
    DECLINE_IN_SILENCE = auto()
    LOSE = auto()
    DELAY = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


class Effect(Enum):
    """What the ledger says of a key."""

    DONE = auto()
    DECLINED = auto()
    PENDING = auto()


SILENCE = Unknown(cause="no answer")
_EFFECTS = {
    Mood.DO: Effect.DONE,
    Mood.DO_IN_SILENCE: Effect.DONE,
    Mood.CRASH_AFTER: Effect.DONE,
    Mood.DECLINE: Effect.DECLINED,
    Mood.DECLINE_IN_SILENCE: Effect.DECLINED,
    Mood.PEND: Effect.PENDING,
}
_NO_EFFECT: dict[Mood, Outcome] = {
    Mood.REJECT: Rejected(reason=RejectedReason.FORBIDDEN, detail="the key may not"),
    Mood.LIMIT: Rejected(reason=RejectedReason.RATE_LIMITED, detail="slow down", retry_after=20),
}


@dataclass(frozen=True)
class Travelling:
    """A request that nobody has heard of yet, and that will arrive."""

    order: ActionOrder
    arrives_at: datetime


class Bank(FakeProvider):
    """Charges on every request that arrives, also on a paid invoice; only a keyed one knows a request again."""

    def __init__(self, clock: MovableClock, resend: Resend, *invoices: Invoice) -> None:
        super().__init__(*invoices, facts=replace(FACTS, resend=resend))
        self._clock = clock
        self.mood = Mood.DO
        self.is_readable = True
        self.effects: dict[str, Effect] = {}
        self.charges: Counter[str] = Counter()
        self.travelling: list[Travelling] = []
        self.blind_sends: list[ActionOrder] = []

    async def perform(self, order: ActionOrder) -> Outcome:
        self.performed.append(order)
        invoice = self.invoices[order.invoice.ref]
        if invoice.status is not InvoiceStatus.OPEN or invoice.payment is PaymentState.PROCESSING:
            self.blind_sends.append(order)
        if self.mood is Mood.CRASH_BEFORE:
            raise asyncio.CancelledError
        if self.mood is Mood.DELAY:
            self.travelling.append(Travelling(order, self._clock.now() + TRAVELS))
        effect = _EFFECTS.get(self.mood)
        if effect is None:
            return _NO_EFFECT.get(self.mood, SILENCE)
        outcome = self._arrive(order, effect)
        if self.mood is Mood.CRASH_AFTER:
            raise asyncio.CancelledError
        return SILENCE if self.mood in {Mood.DO_IN_SILENCE, Mood.DECLINE_IN_SILENCE} else outcome

    async def settle(self, attempt: Attempt) -> Outcome:
        self.settled.append(attempt)
        if not self.is_readable:
            return Unknown(cause="the provider is down")
        known = self.effects.get(attempt.key)
        invoice = self.invoices[attempt.ref]
        if known is not None:
            return self._told(known, invoice)
        if attempt.action is Action.RETRY and invoice.status is InvoiceStatus.PAID:
            return Succeeded(invoice=invoice, ours=False)
        return Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect")

    def land(self) -> None:
        """What has been on its way for long enough arrives."""
        due = [one for one in self.travelling if one.arrives_at <= self._clock.now()]
        self.travelling = [one for one in self.travelling if one not in due]
        for one in due:
            self._arrive(one.order, Effect.DONE)

    def may_still_charge(self, key: str) -> bool:
        """Whether a request under this key is on its way that the bank would not know again."""
        is_known = key in self.effects and self.facts.resend is Resend.KEYED
        return not is_known and any(one.order.key == key for one in self.travelling)

    def decide_pending(self, effect: Effect) -> None:
        for key, known in self.effects.items():
            if known is Effect.PENDING:
                order = next(order for order in self.performed if order.key == key)
                self._apply(order, effect)

    def paid_by_customer(self, ref: InvoiceRef) -> None:
        if self.invoices[ref].status is InvoiceStatus.OPEN:
            self.now_shows(paid(self.invoices[ref], charge=self._new_charge()))

    def _arrive(self, order: ActionOrder, effect: Effect) -> Outcome:
        known = self.effects.get(order.key)
        if known is None or self.facts.resend is not Resend.KEYED:
            self._apply(order, effect if order.action is Action.RETRY else Effect.DONE)
        return self._told(self.effects[order.key], self.invoices[order.invoice.ref])

    def _apply(self, order: ActionOrder, effect: Effect) -> None:
        self.effects[order.key] = effect
        invoice = self.invoices[order.invoice.ref]
        if order.action is not Action.RETRY:
            self.now_shows(ended(invoice, InvoiceStatus.VOID))
        elif effect is Effect.PENDING:
            self.now_shows(replace(invoice, payment=PaymentState.PROCESSING))
        elif effect is Effect.DECLINED:
            self.now_shows(replace(declined(invoice, charge=self._new_charge()), payment=PaymentState.FAILED))
        else:
            self.charges[order.key] += 1
            self.now_shows(paid(invoice, charge=self._new_charge()))

    def _told(self, effect: Effect, invoice: Invoice) -> Outcome:
        match effect:
            case Effect.DONE:
                return Succeeded(invoice=invoice)
            case Effect.DECLINED:
                return Declined(decline=FUNDS, invoice=invoice)
            case Effect.PENDING:
                return Pending(detail="the bank needs days", invoice=invoice)

    def _new_charge(self) -> str:
        return f"ch_{len(self.performed)}_{sum(self.charges.values())}_{self._clock.now().timestamp():.0f}"
