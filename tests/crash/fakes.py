"""The fake providers of the proof: the sandbox's own, with a wire on which sends get lost, and time of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.sandbox.providers.lac import FakeLac
from bot.sandbox.providers.lago import FakeLago
from bot.sandbox.providers.magic import Result
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.providers.stripe_books import Charge
from bot.sandbox.wire import Fault, WireReply, WireRequest
from tests.crash.kinds import NAIVE

Now = Callable[[], float]
_REFUSED = WireReply(
    401, {"Content-Type": "application/json"}, json.dumps({"error": {"message": "This key is no longer valid."}}).encode()
)
_SILENCE = WireReply(200, {}, b"", Fault.HANG)
_ERROR = WireReply(500, {"Content-Type": "application/json"}, b"{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """What happens between the bot and the provider, once.

    `swallows` sends never arrive; their sender sees `fault` (None: a server error). `after_effect` befalls the answer
    of the first send that does arrive. `late` puts the first send aside for so many seconds, while its sender hears
    nothing. `blinds` refuses every read from the first send on. A debit that is under way
    arrives `settles_after` seconds later by the provider's clock, or bounces.
    """

    swallows: int = 0
    fault: Fault | None = Fault.HANG
    after_effect: str | None = None
    late: float | None = None
    blinds: bool = False
    settles_after: float | None = None
    bounces: bool = False

    @property
    def hangs(self) -> bool:
        return self.after_effect == "hang" or self.late is not None or (self.swallows > 0 and self.fault is Fault.HANG)


SMOOTH = Mishap()


class Times:
    """The provider's clock, which can be set back for what happened while nobody looked."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._held: float | None = None

    def __call__(self) -> float:
        return self._now() if self._held is None else self._held

    @contextmanager
    def held(self, moment: float) -> Iterator[None]:
        self._held = moment
        try:
            yield
        finally:
            self._held = None


@dataclass(slots=True)
class Wire:
    """A mishap under way. `times` is the clock of the provider at its end."""

    mishap: Mishap
    times: Times
    sent_at: float | None = None
    swallowed: list[str | None] = field(default_factory=list)
    """The idempotency keys of the sends that never arrived."""
    travelling: list[tuple[float, WireRequest]] = field(default_factory=list)
    """What arrives when."""

    def meets(self, request: WireRequest, now: float) -> WireReply | None:
        """What comes back instead of the provider's own answer."""
        if request.method == "GET":
            return _REFUSED if self.mishap.blinds and self.sent_at is not None else None
        if self.sent_at is None:
            self.sent_at = now
            if self.mishap.late is not None:
                self.travelling.append((now + self.mishap.late, request))
                return _SILENCE
        if len(self.swallowed) >= self.mishap.swallows:
            return None
        self.swallowed.append(request.headers.get("idempotency-key"))
        return _ERROR if self.mishap.fault is None else WireReply(200, {}, b"", self.mishap.fault)

    def deliver(self, until: float, carry_out: Callable[[WireRequest], object]) -> None:
        """What was travelling until then is carried out at its own time; nobody hears of it."""
        here = [one for one in self.travelling if one[0] <= until]
        self.travelling = [one for one in self.travelling if one[0] > until]
        for due, request in here:
            with self.times.held(due):
                carry_out(request)

    def lets_settle(self, now: float) -> bool:
        after = self.mishap.settles_after
        return after is not None and self.sent_at is not None and now >= self.sent_at + after


class KeyedStripe(FakeStripe):
    """It knows idempotency keys."""

    def __init__(self, now: Now, mishap: Mishap) -> None:
        times = Times(now)
        super().__init__(times)
        self.wire = Wire(mishap, times)
        self.after_effect = mishap.after_effect
        self.faults_left = 1

    def respond(self, request: WireRequest) -> WireReply:
        settle_what_is_due(self)
        self.catch_up(self.now())
        return self.wire.meets(request, self.now()) or self.carry_out(request)

    def catch_up(self, until: float) -> None:
        self.wire.deliver(until, self.carry_out)

    def carry_out(self, request: WireRequest) -> WireReply:
        return super().respond(request)

    def charged_before(self, charge: Charge) -> None:
        """The same charge again, in these books."""
        invoice = self.invoices[charge.invoice]
        with self.wire.times.held(charge.at):
            self.books.charge(invoice, self.books.methods[charge.method or ""], charge.key)


def settle_what_is_due(fake: KeyedStripe | GuardedLago) -> None:
    """The bank's word on debits, once it is time for it."""
    if fake.wire.lets_settle(fake.now()):
        for charge in [one for one in fake.charges if one.result is Result.PROCESSING]:
            fake.settle_processing(charge.invoice, success=not fake.wire.mishap.bounces)


class NaiveStripe(KeyedStripe):
    """It forgets every key at once and does not mind that an invoice is paid: what is sent twice is charged twice."""

    slug = NAIVE

    def __init__(self, now: Now, mishap: Mishap) -> None:
        super().__init__(now, mishap)
        self.keyed = False

    def carry_out(self, request: WireRequest) -> WireReply:
        if request.method == "POST" and request.path.endswith("/pay"):
            invoice = self.invoices[request.path.split("/")[-2]]
            if invoice.status == "paid":
                invoice.status, invoice.amount_paid = "open", 0
        return super().carry_out(request)


class GuardedLago(FakeLago):
    """It knows no keys, and runs one payment of an invoice at a time."""

    def __init__(self, now: Now, mishap: Mishap) -> None:
        times = Times(now)
        super().__init__(times, hosted=False)
        self.licence.delay = 0
        self.wire = Wire(mishap, times)
        self.after_effect = mishap.after_effect
        self.faults_left = 1

    def respond(self, request: WireRequest) -> WireReply:
        settle_what_is_due(self)
        self.catch_up(self.now())
        return self.wire.meets(request, self.now()) or self.carry_out(request)

    def catch_up(self, until: float) -> None:
        self.wire.deliver(until, self.carry_out)

    def carry_out(self, request: WireRequest) -> WireReply:
        reply = super().respond(request)
        self.books.run_due()  # the bank does not wait until somebody looks
        return reply


class SilentLac(FakeLac):
    """It cannot be asked what came of a send."""

    def __init__(self, now: Now, mishap: Mishap) -> None:
        times = Times(now)
        super().__init__(times)
        self.wire = Wire(mishap, times)
        self.after_effect = mishap.after_effect
        self.faults_left = 1

    def respond(self, request: WireRequest) -> WireReply:
        self.catch_up(self.now())
        return self.wire.meets(request, self.now()) or super().respond(request)

    def catch_up(self, until: float) -> None:
        self.wire.deliver(until, super().respond)


Fake = KeyedStripe | GuardedLago | SilentLac
