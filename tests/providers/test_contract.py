"""What every provider promises, proved against its own sandbox fake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.capability import Resend
from bot.domain.decline import DeclineClass
from bot.domain.details import Issue, Received
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.ports import ActionOrder, Provider
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
    Action.REFRESH: InvoiceStatus.DRAFT,
}
"""The status that an action without money ends in."""


def reaches(provider: Provider, action: Action) -> InvoiceStatus:
    """To finalize what only money in flight can be finalized of is to collect it."""
    collects = action is Action.FINALIZE and provider.facts.capabilities[action].on_money_in_flight
    return InvoiceStatus.PAID if collects else REACHES[action]


LIMITED = [one for one in DECLARED if facts_of(one[0]).capabilities[one[1]].collection != frozenset(CollectionMethod)]
UNKEYED = [slug for slug in slugs() if facts_of(slug).resend is not Resend.KEYED]
UNTRACED = [(slug, Action.RESEND) for slug in UNKEYED if Action.RESEND in facts_of(slug).capabilities]
"""No read tells afterwards whether the e-mail left, and there is no key under which to ask again."""
WITHOUT_MONEY = [(slug, action) for slug, action in DECLARED if not action.traits.takes_money]

A_MOMENT = timedelta(seconds=2)
"""In which a provider that charges later has charged."""


def order_at(provider: Provider, invoice: Invoice, action: Action) -> ActionOrder:
    """What the dialog would have asked for; where a provider always collects, there is nothing to choose."""
    order, capability = an_order(invoice, action), provider.facts.capabilities.get(action)
    collects = capability is not None and capability.always_collects
    return replace(order, details=Issue(collect=True)) if isinstance(order.details, Issue) and collects else order


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
    outcome = await provider.perform(order_at(provider, await read(provider, ref), action))
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, outcome.ours) == (None, True)
    if provider.facts.can_read:
        assert outcome.request_id
        assert (await read(provider, ref)).status is reaches(provider, action)
    assert bench.mails(ref) == (1 if action is Action.RESEND else 0)
    assert (bench.attempts(ref), bench.collected(ref)) == (0, 0)


@pytest.mark.parametrize(("slug", "action"), [one for one in WITHOUT_MONEY if one[0] not in UNKEYED])
async def test_the_same_key_twice_acts_once(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    order = order_at(provider, await read(provider, ref), action)
    assert isinstance(await provider.perform(order), Succeeded)
    once = await read(provider, ref)
    bench.wait(timedelta(minutes=3))
    assert isinstance(await provider.perform(order), Succeeded)
    assert await read(provider, ref) == once
    assert bench.mails(ref) <= 1


@pytest.mark.parametrize("slug", UNKEYED)
@pytest.mark.parametrize("action", [Action.VOID, Action.PAID])
async def test_without_keys_a_second_send_is_refused_by_what_the_first_has_made_of_the_invoice(
    slug: str, action: Action
) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    if action not in provider.facts.capabilities:
        return
    order = order_at(provider, await read(provider, ref), action)
    assert isinstance(await provider.perform(order), Succeeded)
    once = await read(provider, ref)
    assert isinstance(await provider.perform(order), Rejected)
    assert await read(provider, ref) == once


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
    reader: Bench, action: Action, status: str
) -> None:
    provider, ref = reader.open(), reader.failed_invoice(status=status)
    invoice = await read(provider, ref)
    allowed = provider.facts.objection(action, invoice) is None
    outcome = await provider.perform(order_at(provider, invoice, action))
    assert (reader.sends() == 0) is not allowed
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
    assert isinstance(second, Succeeded if provider.facts.resend is Resend.KEYED else Rejected)
    assert charger.attempts(ref) == 1


async def test_the_same_key_after_a_lost_answer_moves_money_once(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    order = an_order(await read(provider, ref))
    charger.break_after_effect("reset")
    assert isinstance(await provider.perform(order), Unknown)
    charger.heal()
    charger.wait(A_MOMENT)
    assert isinstance(await provider.perform(order), Succeeded if provider.facts.resend is Resend.KEYED else Rejected)
    assert charger.attempts(ref) == 1


@pytest.mark.parametrize("how", BROKEN)
async def test_an_effect_whose_answer_is_lost_is_unknown_and_settles_as_ours(charger: Bench, how: str) -> None:
    provider, ref = charger.open(), charger.failed_invoice()
    before = await read(provider, ref)
    charger.break_after_effect(how)
    is_lost = not (how == "empty" and Action.RETRY in charger.bodiless)
    assert isinstance(await provider.perform(an_order(before)), Unknown if is_lost else Succeeded)
    charger.heal()
    charger.wait(A_MOMENT)
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
@pytest.mark.parametrize(("slug", "action"), [one for one in WITHOUT_MONEY if one not in UNTRACED])
async def test_a_lost_answer_of_an_action_without_money_is_unknown_and_settles_by_reading(
    slug: str, action: Action, how: str
) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    before = await read(provider, ref)
    bench.break_after_effect(how)
    assert isinstance(await provider.perform(order_at(provider, before, action)), Unknown)
    bench.heal()
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize(("slug", "action"), UNTRACED)
async def test_an_e_mail_without_a_trace_stays_unknown(slug: str, action: Action, how: str) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    before = await read(provider, ref)
    bench.break_after_effect(how)
    is_lost = not (how == "empty" and action in bench.bodiless)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown if is_lost else Succeeded)
    bench.heal()
    assert isinstance(await provider.settle(an_attempt(before, action)), Unknown)


@pytest.mark.parametrize(("slug", "action"), [one for one in WITHOUT_MONEY if one not in UNTRACED])
async def test_an_action_without_money_that_had_no_effect_settles_as_not_applied(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.invoice_for(action)
    before = await read(provider, ref)
    bench.break_everything("reset")
    outcome = await provider.perform(order_at(provider, before, action))
    if isinstance(outcome, Rejected):  # it reads before it sends, and could not
        assert outcome.reason is RejectedReason.UNREACHABLE
    else:
        assert isinstance(outcome, Unknown)
    assert isinstance(await provider.settle(an_attempt(before, action)), Unknown)
    bench.heal()
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_a_lost_decline_settles_as_that_decline(charger: Bench) -> None:
    provider, ref = charger.open(), charger.failed_invoice(magic="insufficient_funds")
    before = await read(provider, ref)
    charger.wait(timedelta(seconds=1))
    told = await provider.perform(an_order(before))
    assert isinstance(told, Declined)
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Declined)
    assert outcome.decline == told.decline
    assert (charger.declines[outcome.decline.code] is DeclineClass.SOFT) is charger.tells_reasons


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
    provider = bench.open(transport=httpx.MockTransport(refuse))
    outcome = await provider.perform(order_at(provider, invoice, action))
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
    assert bool(outcome.decline.method_label) is charger.tells_reasons
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
