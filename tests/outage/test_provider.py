"""A provider whose line breaks at every point of an answer: one charge, nothing lost, and what is told is true."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Succeeded, Unknown
from bot.providers.registry import open_provider
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.wire import WireReply, WireRequest, serve
from tests.outage import provider_rounds as rounds
from tests.outage.proxy import Cut, Ending, FaultProxy, opened
from tests.outage.stand import standing
from tests.providers.wire import FixedClock, an_order
from tests.scenarios.stage import MAYA


@pytest.mark.parametrize("how", rounds.ENDINGS)
async def test_an_answer_cut_at_any_64_bytes_is_unknown_and_is_found_out_by_reading(how: Ending) -> None:
    fake = FakeStripe()
    server = await serve(fake.respond)
    async with opened(FaultProxy((server.host, server.port))) as proxy:
        values = {**fake.credentials(), "base_url": f"http://127.0.0.1:{proxy.port}", "requests_per_second": "1000"}
        provider = open_provider("stripe", "stripe", values, FixedClock())
        count, outcome = 0, None
        while not isinstance(outcome, Succeeded):
            invoice = await provider.get(InvoiceRef("stripe", fake.add_invoice(magic="paid")))
            assert invoice is not None
            proxy.cuts = [Cut(f"/v1/invoices/{invoice.ref.id}/pay ".encode(), count, how)]
            outcome = await provider.perform(an_order(invoice, key=invoice.ref.id))
            assert isinstance(outcome, Unknown | Succeeded), (count, outcome)
            assert fake.collected(invoice.ref.id) == invoice.owed.minor
            count += rounds.STEP
        await provider.close()
    await server.close()
    assert count > 30 * rounds.STEP, "the answer is longer than that"


async def test_json_that_ends_in_the_middle_of_a_whole_http_answer_is_unknown() -> None:
    fake = FakeStripe()
    keep = 0

    def respond(request: WireRequest) -> WireReply:
        reply = fake.respond(request)
        return WireReply(200, reply.headers, reply.body[:keep]) if request.method == "POST" else reply

    server = await serve(respond)
    values = {**fake.credentials(), "base_url": server.url, "requests_per_second": "1000"}
    provider = open_provider("stripe", "stripe", values, FixedClock())
    for keep in range(0, 2000, rounds.STEP):
        invoice = await provider.get(InvoiceRef("stripe", fake.add_invoice(magic="paid")))
        assert invoice is not None
        outcome = await provider.perform(an_order(invoice, key=invoice.ref.id))
        assert isinstance(outcome, Unknown), (keep, outcome)
        assert fake.collected(invoice.ref.id) == invoice.owed.minor
    await provider.close()
    await server.close()


@pytest.mark.parametrize("how", rounds.ENDINGS)
async def test_retries_whose_answers_are_cut_end_as_paid_once(database: Path, how: Ending) -> None:
    verdict = await rounds.cut_answers(database, how, every=rounds.STEP * 16)
    assert verdict.violations == []
    assert verdict.charges == verdict.presses == verdict.rounds


async def test_requests_that_are_cut_on_their_way_are_paid_once_or_not_at_all(database: Path) -> None:
    verdict = await rounds.stopped_requests(database, 3)
    assert verdict.violations == []
    assert verdict.charges == 3, "sent again under the same key"


async def test_a_black_hole_after_the_charge_is_told_as_paid_once_it_breaks(database: Path) -> None:
    verdict = await rounds.black_hole(database, 2, seconds=0.2)
    assert verdict.violations == []
    assert verdict.charges == 2


async def test_a_line_that_goes_down_and_up_charges_nobody_twice(database: Path) -> None:
    verdict = await rounds.flapping(database, 8, blinks=3)
    assert verdict.violations == []


@pytest.mark.parametrize("retry_after", [None, 1])
async def test_queued_retries_at_a_limited_provider_are_all_done_once(database: Path, retry_after: int | None) -> None:
    verdict = await rounds.rate_limited(database, 8, retry_after=retry_after, per_second=None)
    assert verdict.violations == []
    assert verdict.charges == 8


async def test_what_was_never_answered_before_a_weekend_is_read_afterwards_and_not_sent_again(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        stand.provider.cuts = [Cut(rounds.pays(bill), before=True)]
        await stand.types_retry(bill)
        await stage.eventually(lambda: not stand.provider.cuts, "the request that is lost")
        await stand.provider.go_down()
        await stage.settled()
        await stage.stop()
        stage.clock.ahead += timedelta(days=3)
        await stand.provider.come_up()
        await stage.start()
        await stand.quiet()
        assert (await stand.verdict("a weekend")).violations == []
        assert stage.sends(bill) == []
        assert stage.charges(bill) == []
        await stage.told(MAYA, bill.number, "Checked: nothing was charged")


async def test_the_provider_s_own_charge_at_the_same_moment_is_not_doubled_and_not_called_ours(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        stand.provider.cuts = [Cut(rounds.pays(bill), before=True)]
        await stand.types_retry(bill)
        await stage.eventually(lambda: not stand.provider.cuts, "the request that is lost")
        await stage.disturb("automatic_attempt", invoice=bill.id)
        await stand.quiet()
        verdict = await stand.verdict("the provider's own attempt")
        assert verdict.violations == []
        assert verdict.charges == 1
        told = await stage.told(MAYA, bill.number, "EUR 49.00")
        assert not told.says("Not done")
