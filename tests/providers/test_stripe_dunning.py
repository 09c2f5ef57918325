"""Stripe's own retries beside ours: whose a charge was is told by its record, never by how the invoice stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.outcome import Declined, Outcome, Rejected, RejectedReason, Succeeded, Unknown
from bot.sandbox.providers.stripe import READS, SECRET_KEY, FakeStripe
from bot.sandbox.providers.stripe_door import ApiKey
from tests.providers.benches import StripeBench, read
from tests.providers.wire import an_attempt, an_order

A_MOMENT = timedelta(seconds=2)


class Racing:
    """An invoice whose retry was sent, or turned away, while Stripe tried by itself in the same second."""

    def __init__(self, magic: str, *, card_before: str = "insufficient_funds", shows_events: bool = True) -> None:
        self.bench = StripeBench()
        if not shows_events:
            restricted = ApiKey(SECRET_KEY, permissions=READS - {"rak_event_read"})
            self.bench.fake = FakeStripe(self.bench.fake.now, keys=[restricted])
        self.ref = self.bench.failed_invoice(magic=card_before)
        self.provider = self.bench.open()
        self.magic = magic

    async def settled(self, *, sent: bool, dunned: bool) -> Outcome:
        before = await read(self.provider, self.ref)
        self.bench.wait(A_MOMENT)
        if sent:
            await self.provider.perform(an_order(before))  # whatever was answered: nobody heard it
        if dunned:
            self.bench.fake.control("change_card", {"invoice": self.ref.id, "magic": self.magic})
            self.bench.fake.control("automatic_attempt", {"invoice": self.ref.id})
        return await self.provider.settle(an_attempt(before))


async def test_a_decline_of_stripe_s_own_retry_is_not_told_as_ours() -> None:
    outcome = await Racing("insufficient_funds").settled(sent=False, dunned=True)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_our_decline_is_told_as_ours_also_where_stripe_tried_right_after_it() -> None:
    outcome = await Racing("generic_decline").settled(sent=True, dunned=True)
    assert isinstance(outcome, Declined)


async def test_a_payment_by_stripe_s_own_retry_is_not_claimed() -> None:
    outcome = await Racing("paid").settled(sent=False, dunned=True)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours
    assert outcome.charged is None


async def test_our_own_payment_is_claimed_as_before() -> None:
    outcome = await Racing("paid", card_before="paid").settled(sent=True, dunned=False)
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize(("magic", "kind"), [("insufficient_funds", Unknown), ("paid", Succeeded)])
async def test_without_the_events_nothing_is_claimed_and_nothing_denied(magic: str, kind: type[Outcome]) -> None:
    outcome = await Racing(magic, shows_events=False).settled(sent=False, dunned=True)
    assert isinstance(outcome, kind)
    assert not (isinstance(outcome, Succeeded) and outcome.ours)
