"""Between a press and its send: what is read afresh decides, and what does not fit any more is never sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.content import Choice
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, NoMethod
from bot.domain.money import Money
from bot.domain.outcome import Declined, Rejected, RejectedReason, Succeeded
from bot.domain.refusal import RefusalKind
from bot.ports import Accepted, Busy
from bot.services.actions import ACT_WITHIN
from tests.builders import (
    AGENTS,
    AMEX,
    CHANNEL,
    FACTS,
    INVOICE,
    NOW,
    REF,
    STOLEN,
    TOM,
    VISA,
    an_invoice,
    declined,
    ended,
    paid,
)
from tests.fakes import FakeProvider
from tests.services.bench import HOUR, MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHANGED = {
    "paid": paid(),
    "status": ended(INVOICE, InvoiceStatus.VOID),
    "amount": replace(INVOICE, owed=Money(50_000, "EUR")),
    "method": replace(INVOICE, method=AMEX),
    "attempted": declined(),
}


@pytest.mark.parametrize(("what", "fresh"), CHANGED.items(), ids=list(CHANGED))
async def test_an_invoice_that_changed_since_the_message_is_refused_and_nothing_is_sent(
    bench: Bench, what: str, fresh: Invoice
) -> None:
    offer = await bench.shown()
    await bench.press(offer)
    bench.provider.now_shows(fresh)
    await bench.work()
    refusal = await bench.refusal()
    assert (refusal.kind, refusal.facts["what"]) == (RefusalKind.CHANGED, what)
    assert bench.provider.performed == []
    redrawn = await bench.fresh_offer()
    assert redrawn.id != offer.id
    assert redrawn.invoice == fresh


async def test_after_a_refusal_for_a_new_amount_the_fresh_button_works(bench: Bench) -> None:
    await bench.press(await bench.shown())
    bench.provider.now_shows(CHANGED["amount"])
    await bench.work()
    row = await bench.fresh_row()
    assert Choice.RETRY in row.choices
    bench.clock.advance(SECOND)
    await bench.press(row.offer)
    await bench.work()
    assert (await bench.ending()).charged == Money(50_000, "EUR")


async def test_a_draft_is_never_sent_to_the_bank(bench: Bench) -> None:
    draft = ended(INVOICE, InvoiceStatus.DRAFT)
    bench.provider.now_shows(draft)
    await bench.press(await bench.shown(draft))
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.NOT_ACTIONABLE
    assert bench.provider.performed == []


async def test_an_invoice_that_the_provider_does_not_know_is_rejected(bench: Bench) -> None:
    await bench.press(await bench.shown(an_invoice(9)))
    await bench.work()
    ref = InvoiceRef("stripe", "in_9")
    assert (await bench.state(ref), (await bench.ending(ref)).reason) == (
        ActionState.REJECTED,
        RejectedReason.NOT_FOUND,
    )


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (FailureReason.UNREACHABLE, RejectedReason.UNREACHABLE),
        (FailureReason.UNAUTHORIZED, RejectedReason.UNAUTHORIZED),
        (FailureReason.FORBIDDEN, RejectedReason.FORBIDDEN),
        (FailureReason.WRONG_MODE, RejectedReason.WRONG_MODE),
        (FailureReason.UNREADABLE, RejectedReason.UNREACHABLE),
        (FailureReason.REFUSED, RejectedReason.INVALID_REQUEST),
    ],
)
async def test_an_invoice_that_cannot_be_read_is_not_sent_for(
    bench: Bench, why: FailureReason, reason: RejectedReason
) -> None:
    await bench.press(await bench.shown())
    bench.provider.read_failures.append(ProviderFailure(why, "Example Pay did not answer.", request_id="req_9"))
    await bench.work()
    ending = await bench.ending()
    assert (await bench.state(), ending.reason, ending.request_id) == (ActionState.REJECTED, reason, "req_9")
    assert bench.provider.performed == []


@pytest.mark.parametrize("typed", [False, True], ids=["pressed", "typed"])
async def test_a_rate_limited_read_waits_as_long_as_asked_and_then_goes_on(bench: Bench, typed: bool) -> None:
    await (bench.type("in_1") if typed else bench.press(await bench.shown()))
    bench.provider.read_failures.append(ProviderFailure(FailureReason.RATE_LIMITED, "slow down", retry_after=20))
    await bench.work()
    await bench.work(after=18 * SECOND)
    assert bench.provider.performed == []
    await bench.work(after=3 * SECOND)
    assert await bench.state() is ActionState.SUCCEEDED


@pytest.mark.parametrize("typed", [False, True], ids=["pressed", "typed"])
async def test_a_rate_limit_that_does_not_end_expires_the_decision_with_nothing_sent(bench: Bench, typed: bool) -> None:
    accepted = await (bench.type("in_1") if typed else bench.press(await bench.shown()))
    assert isinstance(accepted, Accepted)
    bench.provider.read_failures.extend([ProviderFailure(FailureReason.RATE_LIMITED, "slow down", retry_after=90)] * 9)
    for _ in range(7):
        await bench.work(after=100 * SECOND)
    action = await bench.journal.action(accepted.action.id)
    assert action is not None
    assert action.state is ActionState.EXPIRED
    assert bench.provider.performed == []


async def test_a_decision_that_waited_ten_minutes_expires_with_nothing_sent(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await bench.work(after=ACT_WITHIN)
    assert await bench.state() is ActionState.EXPIRED
    assert bench.provider.performed == []
    assert Choice.RETRY in (await bench.fresh_row()).choices


# --- one attempt an hour -------------------------------------------------------------------------------------------


async def test_after_a_decline_the_next_retry_has_to_wait_an_hour(bench: Bench) -> None:
    bench.provider.answers.append(Declined(decline=declined().decline or STOLEN))
    await bench.press(await bench.shown())
    await bench.work()
    again = await bench.fresh_offer()
    await bench.press(again)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.COOL_DOWN
    assert len(bench.provider.performed) == 1
    await bench.press(await bench.fresh_offer())
    await bench.work(after=MINUTE)
    assert len(bench.provider.performed) == 1
    bench.clock.advance(HOUR)
    await bench.press(await bench.fresh_offer())
    await bench.work()
    assert len(bench.provider.performed) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Rejected(reason=RejectedReason.UNAUTHORIZED, detail="wrong key"),
        Rejected(reason=RejectedReason.UNREACHABLE, detail="never sent"),
        Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect"),
    ],
    ids=lambda answer: answer.reason.value,
)
async def test_a_send_that_surely_did_nothing_does_not_start_the_hour(bench: Bench, answer: Rejected) -> None:
    bench.provider.answers.append(answer)
    await bench.press(await bench.shown())
    await bench.work()
    bench.clock.advance(SECOND)
    await bench.press(await bench.fresh_offer())
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_paid_part_starts_the_hour_too(bench: Bench) -> None:
    part = replace(INVOICE, owed=Money(2_000, "EUR"), newest_charge="ch_2")
    bench.provider.now_shows(INVOICE)
    bench.provider.answers.append(Succeeded(invoice=part, charged=Money(40_000, "EUR")))
    await bench.press(await bench.shown())
    await bench.work()
    bench.provider.now_shows(part)
    await bench.press(await bench.fresh_offer())
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.COOL_DOWN


async def test_the_providers_own_charge_of_this_hour_counts(bench: Bench) -> None:
    fresh = replace(INVOICE, newest_charge_at=NOW - 59 * MINUTE)
    bench.provider.now_shows(fresh)
    await bench.press(await bench.shown(fresh))
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.COOL_DOWN
    bench.clock.advance(2 * MINUTE)
    await bench.press(await bench.fresh_offer())
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_the_hour_is_about_payments_and_does_not_hold_up_a_void(bench: Bench) -> None:
    fresh = replace(INVOICE, newest_charge_at=NOW - MINUTE)
    bench.provider.now_shows(fresh)
    await bench.press(await bench.shown(fresh), Action.VOID, TOM)
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


# --- after a hard decline ------------------------------------------------------------------------------------------

HARD = replace(INVOICE, decline=STOLEN)
UNREADABLE_METHOD = replace(HARD, method=None)


async def _ended_as(bench: Bench, invoice: Invoice, *, method: str | None = None, typed: bool = True) -> object:
    bench.provider.now_shows(invoice)
    if typed:
        await bench.type("in_1", method=method)
    else:
        await bench.press(await bench.shown(invoice))
    await bench.work()
    ending = await bench.ending()
    return ending.refusal.kind if ending.refusal else await bench.state()


@pytest.mark.parametrize("typed", [False, True], ids=["pressed", "typed"])
async def test_after_a_hard_decline_the_same_card_is_not_charged_again(bench: Bench, typed: bool) -> None:
    assert await _ended_as(bench, HARD, typed=typed) is RefusalKind.SAME_METHOD
    assert bench.provider.performed == []


@pytest.mark.parametrize("typed", [False, True], ids=["pressed", "typed"])
async def test_after_a_hard_decline_a_new_stored_card_is_charged(bench: Bench, typed: bool) -> None:
    assert await _ended_as(bench, replace(HARD, method=AMEX), typed=typed) is ActionState.SUCCEEDED


async def test_after_a_hard_decline_no_stored_card_at_all_is_as_good_as_the_declined_one(bench: Bench) -> None:
    assert await _ended_as(bench, replace(HARD, method=NoMethod())) is RefusalKind.SAME_METHOD


async def test_another_method_can_be_named(bench: Bench) -> None:
    assert await _ended_as(bench, HARD, method=AMEX.id) is ActionState.SUCCEEDED
    assert [order.method for order in bench.provider.performed] == [AMEX.id]


async def test_naming_the_declined_method_does_not_get_around_the_decline(bench: Bench) -> None:
    assert await _ended_as(bench, HARD, method=VISA.id) is RefusalKind.SAME_METHOD


async def test_a_typed_retry_that_might_charge_the_declined_card_asks_for_a_confirmation(bench: Bench) -> None:
    assert await _ended_as(bench, UNREADABLE_METHOD) is RefusalKind.CONFIRM_METHOD
    assert bench.provider.performed == []


async def test_the_button_whose_dialog_named_the_declined_card_is_the_confirmation(bench: Bench) -> None:
    assert await _ended_as(bench, UNREADABLE_METHOD, typed=False) is ActionState.SUCCEEDED


async def test_a_method_named_where_the_provider_takes_none_is_refused(outside: Outside) -> None:
    plain = replace(FACTS.capabilities[Action.RETRY], takes_method=False)
    facts = replace(FACTS, capabilities={**FACTS.capabilities, Action.RETRY: plain})
    bench = Bench(outside, FakeProvider(INVOICE, facts=facts))
    assert await _ended_as(bench, INVOICE, method=AMEX.id) is RefusalKind.UNKNOWN_METHOD


async def test_a_provider_that_cannot_retry_says_so_whatever_method_is_named(outside: Outside) -> None:
    facts = replace(FACTS, capabilities={Action.VOID: FACTS.capabilities[Action.VOID]})
    bench = Bench(outside, FakeProvider(INVOICE, facts=facts))
    assert await _ended_as(bench, INVOICE, method=AMEX.id) is RefusalKind.NOT_SUPPORTED


# --- typed references ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["in_1", "stripe:in_1", "ACME-7", "https://dashboard.stripe.com/invoices/in_1"])
async def test_a_typed_reference_finds_its_invoice(bench: Bench, text: str) -> None:
    await bench.type(text)
    await bench.work()
    action = await bench.newest(REF)
    assert (action.state, action.amount, action.ref) == (ActionState.SUCCEEDED, INVOICE.owed, REF)


async def _typed(bench: Bench, text: str) -> RefusalKind | None:
    accepted = await bench.type(text)
    assert isinstance(accepted, Accepted)
    await bench.work()
    action = await bench.journal.action(accepted.action.id)
    assert action is not None
    assert action.ending is not None
    return action.ending.refusal.kind if action.ending.refusal else None


async def test_a_number_that_two_invoices_bear_is_refused_with_both(outside: Outside) -> None:
    lago = FakeProvider(replace(an_invoice(2, account="lago"), number="ACME-7"), account="lago")
    bench = Bench(outside, FakeProvider(INVOICE), lago)
    accepted = await bench.type("ACME-7")
    assert isinstance(accepted, Accepted)
    await bench.work()
    action = await bench.journal.action(accepted.action.id)
    assert action is not None
    assert action.ending is not None
    assert action.ending.refusal is not None
    assert action.ending.refusal.kind is RefusalKind.AMBIGUOUS
    assert action.ending.refusal.facts["choices"] == "`stripe:in_1`, `lago:in_2`"
    assert [order for provider in bench.providers for order in provider.performed] == []


async def test_a_reference_that_nobody_knows_is_refused(bench: Bench) -> None:
    assert await _typed(bench, "in_404") is RefusalKind.NO_SUCH_INVOICE
    assert await _typed(bench, "ACME-404") is RefusalKind.NO_SUCH_INVOICE


async def test_a_typed_retry_of_an_invoice_that_somebody_is_acting_on_is_refused(bench: Bench) -> None:
    busy = await bench.press(await bench.shown(), Action.VOID, TOM)
    assert isinstance(busy, Accepted)
    claim = await bench.journal.claim("elsewhere", 2 * MINUTE, bench.clock.now())
    assert claim is not None
    assert await _typed(bench, "in_1") is RefusalKind.BUSY
    assert bench.provider.performed == []


async def test_of_two_decisions_at_once_only_one_lives(bench: Bench) -> None:
    offer = await bench.shown()
    assert isinstance(await bench.press(offer, Action.VOID, TOM), Accepted)
    assert isinstance(await bench.press(offer, Action.RETRY), Busy)


# --- rights, asked again -------------------------------------------------------------------------------------------


async def test_a_role_taken_away_between_press_and_send_stops_the_send(bench: Bench) -> None:
    await bench.press(await bench.shown())
    bench.directory.forget(AGENTS)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.NO_RIGHT
    assert bench.provider.performed == []


async def test_before_a_void_the_roles_are_read_afresh(bench: Bench) -> None:
    await bench.press(await bench.shown(), Action.VOID)
    assert bench.directory.people is not None
    bench.directory.fresh = replace(bench.directory.people, groups={AGENTS: frozenset()})
    await bench.work()
    assert bench.directory.readings == 1
    assert (await bench.refusal()).kind is RefusalKind.NO_RIGHT
    assert bench.provider.performed == []


async def test_a_void_waits_for_no_roles_that_cannot_be_read_at_all(bench: Bench) -> None:
    await bench.press(await bench.shown(), Action.VOID)
    bench.directory.fresh = None
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.ROLES_UNKNOWN


async def test_a_retry_goes_by_the_snapshot_of_the_roles(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await bench.work()
    assert bench.directory.readings == 0


async def test_a_typed_retry_over_the_limit_is_refused_once_the_amount_is_known(bench: Bench) -> None:
    large = replace(INVOICE, owed=Money(100_001, "EUR"))
    assert await _ended_as(bench, large) is RefusalKind.OVER_LIMIT
    assert bench.provider.performed == []


async def test_a_typed_retry_in_a_channel_of_another_rule_is_refused_before_anything_is_read(bench: Bench) -> None:
    offer = await bench.shown(channel=CHANNEL)
    assert offer.place.channel == CHANNEL
    bench.directory.forget(AGENTS)
    assert not isinstance(await bench.type("in_1"), Accepted)
    assert bench.provider.reads == []


async def test_an_amount_of_its_own_does_not_count_twice_against_the_day(bench: Bench) -> None:
    large = replace(INVOICE, owed=Money(100_000, "EUR"))
    bench.provider.now_shows(large)
    await bench.press(await bench.shown(large))
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_an_account_that_is_configured_no_more_ends_the_decision(outside: Outside) -> None:
    offer = await Bench(outside).shown()
    await Bench(outside).press(offer)
    other = Bench(outside, FakeProvider(account="lago"))
    await other.work()
    assert (await other.refusal()).kind is RefusalKind.UNKNOWN_ACCOUNT


async def test_a_bug_before_the_send_says_that_nothing_was_sent_and_leaves_the_others_alone(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(INVOICE, an_invoice(2)))
    bench.provider.read_failures.append(ValueError("a bug of ours"))
    await bench.press(await bench.shown())
    await bench.press(await bench.shown(an_invoice(2), message="card:2"))
    await bench.work()
    assert await bench.state(REF) is ActionState.REJECTED
    assert "before anything was sent" in ((await bench.ending(REF)).detail or "")
    assert [order.invoice.ref.id for order in bench.provider.performed] == ["in_2"]
    assert timedelta(0) < bench.clock.now() - NOW < MINUTE
