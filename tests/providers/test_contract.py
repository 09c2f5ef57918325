"""What every provider promises, proved against its own sandbox fake."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, PaymentMethod, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.ports import Provider, Unreadable, Window
from bot.providers.registry import facts_of, slugs
from tests.providers.benches import BENCHES, EURO, Bench
from tests.providers.samples import NOW
from tests.providers.wire import an_attempt, an_order

BROKEN = ["hang", "reset", "500", "html", "empty", "truncated"]


DECLARED = [(slug, action) for slug in slugs() for action in facts_of(slug).capabilities]
REACHES = {Action.VOID: InvoiceStatus.VOID, Action.UNCOLLECTIBLE: InvoiceStatus.UNCOLLECTIBLE}
"""The status that an action without money ends in."""


@pytest.fixture(params=slugs())
def bench(request: pytest.FixtureRequest) -> Bench:
    return BENCHES[request.param]()


@pytest.fixture(params=[slug for slug, action in DECLARED if action is Action.RETRY])
def charger(request: pytest.FixtureRequest) -> Bench:
    """A provider that can retry."""
    return BENCHES[request.param]()


async def read(provider: Provider, ref: InvoiceRef, *, thorough: bool = False) -> Invoice:
    invoice = await provider.get(ref, thorough=thorough)
    assert invoice is not None
    return invoice


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


@pytest.mark.parametrize(("slug", "action"), [(slug, action) for slug, action in DECLARED if action in REACHES])
async def test_a_declared_action_without_money_takes_none(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.failed_invoice()
    outcome = await provider.perform(an_order(await read(provider, ref), action))
    assert isinstance(outcome, Succeeded)
    assert (await read(provider, ref)).status is REACHES[action]
    assert bench.attempts(ref) == 0


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


@pytest.mark.parametrize(("slug", "action"), [(slug, action) for slug, action in DECLARED if action in REACHES])
async def test_a_lost_answer_of_an_action_without_money_settles_by_reading(slug: str, action: Action) -> None:
    bench = BENCHES[slug]()
    provider, ref = bench.open(), bench.failed_invoice()
    before = await read(provider, ref)
    bench.break_after_effect("hang")
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    bench.heal()
    assert isinstance(await provider.settle(an_attempt(before, action)), Succeeded)


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


async def test_a_request_that_never_left_is_rejected(bench: Bench) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    ref = bench.failed_invoice()
    invoice = await read(bench.open(), ref)
    outcome = await bench.open(transport=httpx.MockTransport(refuse)).perform(an_order(invoice))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE
    assert bench.attempts(ref) == 0


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


async def test_a_thorough_read_names_what_would_be_charged_and_when_it_was_last(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice(magic="stolen_card")
    invoice = await read(provider, ref, thorough=True)
    assert isinstance(invoice.method, PaymentMethod)
    assert invoice.charge_is_declined_method is True
    assert invoice.newest_charge_at is not None
    assert invoice.newest_charge_at < NOW


async def test_a_listing_is_complete_as_a_set(bench: Bench) -> None:
    provider = bench.open()
    failed = {bench.failed_invoice(days_old=0.01 + n * 0.55) for n in range(1000)}
    for status in ("draft", "paid", "void", "uncollectible"):
        bench.failed_invoice(status=status)
    listed = [item async for item in provider.failed(Window(None, NOW))]
    assert not any(isinstance(item, Unreadable) for item in listed)
    assert len(listed) == len(failed)
    assert {item.ref for item in listed if isinstance(item, Invoice)} == failed


@pytest.mark.parametrize("how", [*BROKEN, "429"])
async def test_a_broken_provider_is_a_failure_of_every_read_and_never_an_empty_answer(bench: Bench, how: str) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    bench.break_everything(how)
    with pytest.raises(ProviderFailure):
        await provider.get(ref)
    with pytest.raises(ProviderFailure):
        await provider.find("DEMO-1")
    with pytest.raises(ProviderFailure):
        await provider.payment_link(ref)
    with pytest.raises(ProviderFailure):
        _ = [item async for item in provider.failed(Window(None, NOW))]


async def test_an_invoice_is_found_by_its_number(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    number = (await read(provider, ref)).number
    assert number
    assert [invoice.ref for invoice in await provider.numbered(number)] == [ref]
    assert await provider.numbered("no-such-number") == []


async def test_the_payment_link_is_on_a_host_that_the_facts_name(bench: Bench) -> None:
    provider, ref = bench.open(), bench.failed_invoice()
    link = await provider.payment_link(ref)
    assert link is not None
    assert httpx.URL(link).host in provider.facts.link_hosts
    assert await provider.payment_link(bench.failed_invoice(status="draft")) is None


@pytest.mark.parametrize("identifier", ["in_Missing", "..", "../customers/cus_1", "in_1?expand=x", "%2e%2e"])
async def test_an_id_that_does_not_exist_is_none_whatever_its_shape(bench: Bench, identifier: str) -> None:
    assert await bench.open().get(InvoiceRef("stripe", identifier)) is None


async def test_credentials_never_reach_log_errors_or_repr(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with capture_logs() as events:
        provider, ref = bench.open(), bench.failed_invoice(magic="generic_decline")
        said.append(repr(provider) + repr(provider.facts) + repr(vars(provider)))
        invoice = await read(provider, ref, thorough=True)
        said.append(repr(await provider.perform(an_order(invoice))))
        bench.break_everything("reset")
        said.append(repr(await provider.perform(an_order(invoice, key="attempt-2"))))
        with pytest.raises(ProviderFailure) as caught:
            await provider.get(ref)
        said.append(f"{caught.value!r} {caught.value.detail}")
        await provider.close()
    assert events
    everything = " ".join([*said, str(events), caplog.text])
    assert bench.secret not in everything


async def test_what_the_facts_promise_about_ids_is_true(bench: Bench) -> None:
    assert re.fullmatch(bench.open().facts.id_pattern, bench.failed_invoice().id)


async def test_every_declared_action_says_what_it_does(bench: Bench) -> None:
    for capability in bench.open().facts.capabilities.values():
        assert capability.provider_term
        assert capability.consequence.endswith(".")
        assert capability.allowed_on
