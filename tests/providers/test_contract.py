"""What every provider promises, proved against its own sandbox fake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.details import Received
from bot.domain.invoice import CollectionMethod, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.registry import facts_of, slugs
from tests.providers.benches import BENCHES, BROKEN, EURO, Bench, read
from tests.providers.wire import an_attempt, an_order

DECLARED = [(slug, action) for slug in slugs() for action in facts_of(slug).capabilities]
REACHES = {
    Action.RESEND: InvoiceStatus.OPEN,
    Action.VOID: InvoiceStatus.VOID,
    Action.UNCOLLECTIBLE: InvoiceStatus.UNCOLLECTIBLE,
    Action.FINALIZE: InvoiceStatus.OPEN,
    Action.PAID: InvoiceStatus.PAID,
}
"""The status that an action without money ends in."""
LIMITED = [one for one in DECLARED if facts_of(one[0]).capabilities[one[1]].collection != frozenset(CollectionMethod)]
WITHOUT_MONEY = [(slug, action) for slug, action in DECLARED if not action.traits.takes_money]


def test_every_registered_provider_has_a_bench() -> None:
    assert set(BENCHES) == set(slugs())


async def test_a_declared_retry_collects_the_money_once(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    outcome = await provider.perform(an_order(await read(provider, ref)))
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, outcome.ours) == (EURO, True)
    assert outcome.request_id
    assert (charger.collected(ref), charger.attempts(ref)) == (EURO.minor, 1)
    assert (await read(provider, ref)).status is InvoiceStatus.PAID


@pytest.mark.parametrize(("slug", "action"), WITHOUT_MONEY)
async def test_a_declared_action_without_money_takes_none(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    outcome = await provider.perform(an_order(await read(provider, ref), action))
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, outcome.ours) == (None, True)
    assert outcome.request_id
    assert (await read(provider, ref)).status is REACHES[action]
    assert bench.mails(ref) == (1 if action is Action.RESEND else 0)
    assert (bench.attempts(ref), bench.collected(ref)) == (0, 0)


@pytest.mark.parametrize(("slug", "action"), WITHOUT_MONEY)
async def test_the_same_key_twice_acts_once(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    order = an_order(await read(provider, ref), action)
    assert isinstance(await provider.perform(order), Succeeded)
    once = await read(provider, ref)
    bench.wait(timedelta(minutes=3))
    assert isinstance(await provider.perform(order), Succeeded)
    assert await read(provider, ref) == once
    assert bench.mails(ref) <= 1


@pytest.mark.parametrize(("slug", "action"), LIMITED)
async def test_an_action_for_another_collection_method_is_refused_with_the_next_best_thing(
    slug: str, action: Action
) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    invoice, capability = await read(provider, ref), facts_of(slug).capabilities[action]
    for other in set(CollectionMethod) - capability.collection:
        outcome = await provider.perform(an_order(replace(invoice, collection=other), action))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.detail) == (RejectedReason.NOT_ACTIONABLE, capability.otherwise)
        assert capability.otherwise.endswith(".")
    assert bench.sends() == 0


@pytest.mark.parametrize(("slug", "action"), [(slug, action) for slug in slugs() for action in Action])
async def test_an_action_that_the_provider_lacks_is_refused_with_a_reason_before_any_request(
    slug: str, action: Action
) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    if action in provider.facts.capabilities:
        assert action not in provider.facts.instead
        return
    outcome = await provider.perform(an_order(await read(provider, ref), action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert provider.facts.instead[action] in outcome.detail
    assert bench.sends() == 0


@pytest.mark.parametrize(("slug", "action"), [one for one in DECLARED if one[1] in {Action.PAID, Action.FINALIZE}])
async def test_an_action_without_what_its_dialog_asks_for_is_refused_before_any_request(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    outcome = await provider.perform(replace(an_order(await read(provider, ref), action), details=None))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.INVALID_REQUEST
    assert bench.sends() == 0


@pytest.mark.parametrize("slug", [slug for slug, action in DECLARED if action is Action.PAID])
async def test_a_part_is_marked_as_paid_only_where_the_provider_can(slug: str) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(Action.PAID)
    order = an_order(await read(provider, ref), Action.PAID)
    assert isinstance(order.details, Received)
    part = replace(order.details, amount=Money(order.invoice.owed.minor - 1, order.invoice.owed.currency))
    takes_part = provider.facts.capabilities[Action.PAID].takes_part
    outcome = await provider.perform(replace(order, details=part))
    assert isinstance(outcome, Succeeded if takes_part else Rejected)
    assert (bench.sends() > 0) is takes_part


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", ["draft", "paid", "void", "uncollectible"])
async def test_what_is_not_declared_for_a_status_is_refused_before_any_request(
    bench: Bench, action: Action, status: str
) -> None:
    provider, ref = bench.open(), bench.failed_invoice(status=status)
    invoice = await read(provider, ref)
    allowed = provider.facts.objection(action, invoice) is None
    outcome = await provider.perform(an_order(invoice, action))
    assert (bench.sends() == 0) is not allowed
    assert isinstance(outcome, Succeeded if allowed else Rejected)


async def test_a_draft_is_never_charged(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(status="draft")
    outcome = await provider.perform(an_order(await read(provider, ref)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert (charger.sends(), charger.attempts(ref), charger.status(ref)) == (0, 0, "draft")


async def test_an_invoice_of_the_other_mode_is_refused_before_any_request(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    invoice = await read(provider, ref)
    outcome = await provider.perform(an_order(replace(invoice, live=not invoice.live)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.WRONG_MODE
    assert bench.sends() == 0


async def test_the_same_key_twice_moves_money_once(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    order = an_order(await read(provider, ref))
    first, second = await provider.perform(order), await provider.perform(order)
    assert isinstance(first, Succeeded)
    assert isinstance(second, Succeeded)
    assert charger.attempts(ref) == 1


async def test_the_same_key_after_a_lost_answer_moves_money_once(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    order = an_order(await read(provider, ref))
    charger.break_after_effect("reset")
    assert isinstance(await provider.perform(order), Unknown)
    charger.heal()
    assert isinstance(await provider.perform(order), Succeeded)
    assert charger.attempts(ref) == 1


@pytest.mark.parametrize("how", BROKEN)
async def test_an_effect_whose_answer_is_lost_is_unknown_and_settles_as_ours(charger: Bench, how: str) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    before = await read(provider, ref)
    charger.break_after_effect(how)
    assert isinstance(await provider.perform(an_order(before)), Unknown)
    charger.heal()
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (True, EURO)


@pytest.mark.parametrize("how", ["hang", "reset", "500"])
async def test_a_send_that_had_no_effect_settles_as_not_applied(charger: Bench, how: str) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    before = await read(provider, ref)
    charger.break_everything(how)
    assert isinstance(await provider.perform(an_order(before)), Unknown)
    assert isinstance(await provider.settle(an_attempt(before)), Unknown)
    charger.heal()
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED
    assert charger.collected(ref) == 0


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize(("slug", "action"), WITHOUT_MONEY)
async def test_a_lost_answer_of_an_action_without_money_is_unknown_and_settles_by_reading(
    slug: str, action: Action, how: str
) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    before = await read(provider, ref)
    bench.break_after_effect(how)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    bench.heal()
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize(("slug", "action"), WITHOUT_MONEY)
async def test_an_action_without_money_that_had_no_effect_settles_as_not_applied(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    before = await read(provider, ref)
    bench.break_everything("reset")
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    assert isinstance(await provider.settle(an_attempt(before, action)), Unknown)
    bench.heal()
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_a_lost_decline_settles_as_that_decline(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic="insufficient_funds")
    before = await read(provider, ref)
    charger.wait(timedelta(seconds=1))
    assert isinstance(await provider.perform(an_order(before)), Declined)
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "insufficient_funds"


async def test_settling_sends_nothing(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    await provider.settle(an_attempt(await read(provider, ref)))
    assert bench.sends() == 0


@pytest.mark.parametrize(("slug", "action"), DECLARED)
async def test_a_request_that_never_left_is_rejected(slug: str, action: Action) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    bench = BENCHES[slug]()
    ref = bench.invoice_for(action)
    invoice = await read(bench.open(), ref)
    outcome = await bench.open(transport=httpx.MockTransport(refuse)).perform(an_order(invoice, action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE
    assert (bench.attempts(ref), bench.mails(ref)) == (0, 0)


@pytest.mark.parametrize("magic", ["insufficient_funds", "generic_decline", "stolen_card", "lost_card", "expired_card"])
async def test_a_decline_is_told_alike_by_the_send_and_by_the_read_after_it(charger: Bench, magic: str) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic=magic)
    outcome = await provider.perform(an_order(await read(provider, ref)))
    assert isinstance(outcome, Declined)
    assert outcome.decline == (await read(provider, ref)).decline
    assert outcome.decline.kind is charger.declines[outcome.decline.code]
    assert outcome.decline.method_label
    assert charger.collected(ref) == 0


async def test_a_payment_that_the_customer_must_confirm_is_declined_as_that(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic="needs_authentication")
    outcome = await provider.perform(an_order(await read(provider, ref)))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_AUTHENTICATION
    assert (await read(provider, ref)).payment is PaymentState.NEEDS_AUTHENTICATION


@pytest.mark.parametrize("magic", ["no_method", "no_card"])
async def test_nothing_to_charge_is_a_decline_that_needs_a_new_method(charger: Bench, magic: str) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic=magic)
    outcome = await provider.perform(an_order(await read(provider, ref)))
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_NEW_METHOD


async def test_a_bank_debit_is_pending_and_may_not_be_tried_again(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic="bank_debit")
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before)), Pending)
    assert isinstance(await provider.settle(an_attempt(before)), Pending)
    again = await provider.perform(an_order(await read(provider, ref), key="attempt-2"))
    assert isinstance(again, Rejected)
    late = await provider.perform(an_order(before, key="attempt-3"))
    assert isinstance(late, Pending)
    assert charger.attempts(ref) == 1


async def test_a_rate_limit_is_no_ending_and_the_same_key_gets_through(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic="rate_limited")
    order = an_order(await read(provider, ref))
    for _ in range(2):
        outcome = await provider.perform(order)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is RejectedReason.RATE_LIMITED
    assert isinstance(await provider.perform(order), Succeeded)


async def test_somebody_elses_payment_is_not_called_a_failure(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    before = await read(provider, ref)
    await provider.perform(an_order(before, key="somebody-else"))
    outcome = await provider.perform(an_order(before))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID
    assert charger.attempts(ref) == 1


@pytest.mark.parametrize(
    "owed", [Money(4200, "JPY"), Money(12340, "KWD"), Money(4999, "USD"), Money(4200, "ISK"), Money(1, "EUR")]
)
async def test_money_survives_the_round_trip(charger: Bench, owed: Money) -> None:
    provider, ref = charger.open(), charger.failed_invoice(owed=owed)
    invoice = await read(provider, ref)
    assert invoice.owed == owed
    outcome = await provider.perform(an_order(invoice))
    assert isinstance(outcome, Succeeded)
    assert outcome.charged == owed
