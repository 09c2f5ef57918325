"""The fake providers of the proof: the sandbox's own, with a wire on which sends get lost, and time of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.providers.lac import FakeLac
from bot.sandbox.providers.lago import FakeLago
from bot.sandbox.providers.magic import Result
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.wire import Fault, WireReply, WireRequest
from tests.crash.kinds import NAIVE

Now = Callable[[], float]
_REFUSED = WireReply(
    401, {"Content-Type": "application/json"}, json.dumps({"error": {"message": "This key is no longer valid."}}).encode()
)
_ERROR = WireReply(500, {"Content-Type": "application/json"}, b"{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """What happens between the bot and the provider, once.

    `swallows` sends never arrive; their sender sees `fault` (None: a server error). `after_effect` befalls the answer
    of the first send that does arrive. `blinds` refuses every read from the first send on. A debit that is under way
    arrives `settles_after` seconds later by the provider's clock, or bounces.
    """

    swallows: int = 0
    fault: Fault | None = Fault.HANG
    after_effect: str | None = None
    blinds: bool = False
    settles_after: float | None = None
    bounces: bool = False

    @property
    def hangs(self) -> bool:
        return self.after_effect == "hang" or (self.swallows > 0 and self.fault is Fault.HANG)


SMOOTH = Mishap()


@dataclass(slots=True)
class Wire:
    """A mishap under way."""

    mishap: Mishap
    sent_at: float | None = None
    swallowed: list[str | None] = field(default_factory=list)
    """The idempotency keys of the sends that never arrived."""

    def meets(self, request: WireRequest, now: float) -> WireReply | None:
        """What comes back instead of the provider's own answer."""
        if request.method == "GET":
            return _REFUSED if self.mishap.blinds and self.sent_at is not None else None
        if self.sent_at is None:
            self.sent_at = now
        if len(self.swallowed) >= self.mishap.swallows:
            return None
        self.swallowed.append(request.headers.get("idempotency-key"))
        return _ERROR if self.mishap.fault is None else WireReply(200, {}, b"", self.mishap.fault)

    def lets_settle(self, now: float) -> bool:
        after = self.mishap.settles_after
        return after is not None and self.sent_at is not None and now >= self.sent_at + after


class KeyedStripe(FakeStripe):
    """It knows idempotency keys."""

    def __init__(self, now: Now, mishap: Mishap) -> None:
        super().__init__(now)
        self.wire = Wire(mishap)
        self.after_effect = mishap.after_effect
        self.faults_left = 1

    def respond(self, request: WireRequest) -> WireReply:
        if self.wire.lets_settle(self.now()):
            for charge in [one for one in self.charges if one.result is Result.PROCESSING]:
                self.settle_processing(charge.invoice, success=not self.wire.mishap.bounces)
        return self.wire.meets(request, self.now()) or super().respond(request)


class NaiveStripe(KeyedStripe):
    """It forgets every key at once: what is sent twice happens twice."""

    slug = NAIVE

    def __init__(self, now: Now, mishap: Mishap) -> None:
        super().__init__(now, mishap)
        self.keyed = False


class GuardedLago(FakeLago):
    """It knows no keys, and runs one payment of an invoice at a time."""

    def __init__(self, now: Now, mishap: Mishap) -> None:
        super().__init__(now, hosted=False)
        self.licence.delay = 0
        self.wire = Wire(mishap)
        self.after_effect = mishap.after_effect
        self.faults_left = 1

    def respond(self, request: WireRequest) -> WireReply:
        if self.wire.lets_settle(self.now()):
            for charge in [one for one in self.charges if one.result is Result.PROCESSING]:
                self.settle_processing(charge.invoice, success=not self.wire.mishap.bounces)
        reply = self.wire.meets(request, self.now()) or super().respond(request)
        self.books.run_due()  # the bank does not wait until somebody looks
        return reply


class SilentLac(FakeLac):
    """It cannot be asked what came of a send."""

    def __init__(self, now: Now, mishap: Mishap) -> None:
        super().__init__(now)
        self.wire = Wire(mishap)
        self.after_effect = mishap.after_effect
        self.faults_left = 1

    def respond(self, request: WireRequest) -> WireReply:
        return self.wire.meets(request, self.now()) or super().respond(request)


Fake = KeyedStripe | GuardedLago | SilentLac
