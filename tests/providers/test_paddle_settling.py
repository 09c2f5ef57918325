"""What a later read makes of a send to Paddle whose answer was lost: what the transaction and its credits prove."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.invoice import InvoiceStatus
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.paddle_orders import marker_of
from tests.providers.benches import read
from tests.providers.paddle_bench import PaddleBench
from tests.providers.paddle_samples import (
    ID,
    Desk,
    Json,
    a_bill,
    a_completed,
    a_credit,
    a_page,
    a_renewal,
    answer,
    html,
    refused,
)
from tests.providers.wire import an_attempt, an_order

READ = f"GET /transactions/{ID}"
PATCH = f"PATCH /transactions/{ID}"
CREDIT = "POST /adjustments"
CANCELED = answer(a_bill(status="canceled"))
READY = answer(a_bill(status="ready", invoice_number=None))


# --- what a later read makes of a send without an answer


async def settled(
    action: Action, now: Json, *adjustments: Json, before: Json | None = None, routes: dict[str, Any] | None = None
) -> Outcome:
    desk = Desk({READ: answer(before or a_bill())})
    attempt = an_attempt(await desk.invoice(), action)
    return await Desk({READ: answer(now), "GET /adjustments": a_page(*adjustments), **(routes or {})}).paddle.settle(
        attempt
    )


@pytest.mark.parametrize(
    ("action", "now"),
    [
        (Action.VOID, a_bill(status="canceled")),
        (Action.FINALIZE, a_bill()),
        (Action.FINALIZE, a_bill(status="past_due")),
        (Action.FINALIZE, a_bill(status="paid")),
        (Action.FINALIZE, a_completed()),
    ],
)
async def test_a_status_that_the_send_was_to_reach_proves_it(action: Action, now: Json) -> None:
    outcome = await settled(action, now, before=a_bill(status="ready"))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


@pytest.mark.parametrize(
    ("action", "now"),
    [
        (Action.VOID, a_bill()),
        (Action.VOID, a_bill(status="past_due")),
        (Action.VOID, a_completed()),
        (Action.FINALIZE, a_bill(status="ready")),
        (Action.FINALIZE, a_bill(status="canceled")),
        (Action.UNCOLLECTIBLE, a_bill(status="past_due")),
        (Action.UNCOLLECTIBLE, a_bill(status="canceled")),
        (Action.RETRY, a_renewal(status="completed")),
    ],
)
async def test_where_paddle_shows_no_effect_it_was_not_applied(action: Action, now: Json) -> None:
    outcome = await settled(action, now)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_a_status_that_nobody_knows_settles_nothing() -> None:
    for action in (Action.VOID, Action.FINALIZE):
        assert isinstance(await settled(action, a_bill(status="hibernating")), Unknown)


async def test_a_credit_of_ours_is_known_by_its_mark() -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed(), a_credit(f"uncollectible: gone {marker_of('attempt-1')}"))
    assert isinstance(outcome, Succeeded)
    assert outcome.ours
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.UNCOLLECTIBLE


@pytest.mark.parametrize("reason", ["uncollectible: gone [attempt-2]", "billed twice", "gone [attempt-1]"])
async def test_a_full_credit_of_somebody_else_is_done_but_not_by_us(reason: str) -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed(), a_credit(reason))
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_a_completed_one_without_a_credit_was_paid_meanwhile_and_not_written_off() -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed())
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


@pytest.mark.parametrize("status", ["rejected", "reversed"])
async def test_a_credit_of_ours_that_does_not_count_was_not_applied(status: str) -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_bill(status="past_due"), a_credit(status=status))
    assert isinstance(outcome, Rejected)


async def test_a_credit_that_waits_for_approval_is_pending() -> None:
    credit = a_credit(status="pending_approval")
    assert isinstance(await settled(Action.UNCOLLECTIBLE, a_bill(status="past_due"), credit), Pending)


@pytest.mark.parametrize("reply", [refused(403, "forbidden"), refused(500, "internal_error"), html()])
async def test_credits_that_cannot_be_read_settle_nothing(reply: httpx.Response) -> None:
    outcome = await settled(Action.UNCOLLECTIBLE, a_completed(), routes={"GET /adjustments": reply})
    assert isinstance(outcome, Unknown)


async def test_an_invoice_that_is_gone_settles_nothing() -> None:
    outcome = await settled(Action.VOID, a_bill(), routes={READ: refused(404, "not_found")})
    assert isinstance(outcome, Unknown)


# --- in the dark, against the fake


@pytest.mark.parametrize("magic", ["act_then_hang", "act_then_reset", "act_then_500", "act_then_html"])
@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE])
async def test_done_and_then_silence_is_found_by_reading_and_not_done_twice(magic: str, action: Action) -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic=magic, status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    assert isinstance(await provider.settle(an_attempt(before, action)), Succeeded)
    assert isinstance(await provider.perform(an_order(before, action)), Rejected)
    assert bench.sends() == 2
    assert len(bench.fake.books.credits_of(ref.id)) == (1 if action is Action.UNCOLLECTIBLE else 0)


@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE])
async def test_silence_without_an_effect_was_not_applied(action: Action) -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE])
async def test_a_payment_that_comes_in_the_dark_is_told_as_paid_and_not_as_our_deed(action: Action) -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, action)), Unknown)
    bench.fake.control("pay_elsewhere", {"invoice": ref.id})
    outcome = await provider.settle(an_attempt(before, action))
    assert isinstance(outcome, Rejected)
    assert outcome.invoice is not None
    assert outcome.invoice.status is InvoiceStatus.PAID


async def test_a_credit_by_a_colleague_in_the_dark_is_not_called_ours() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, Action.UNCOLLECTIBLE)), Unknown)
    bench.fake.control("credit_elsewhere", {"invoice": ref.id})
    outcome = await provider.settle(an_attempt(before, Action.UNCOLLECTIBLE))
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_an_effect_that_comes_late_is_found_by_the_next_look() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="hang", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, Action.VOID)), Unknown)
    assert isinstance(await provider.settle(an_attempt(before, Action.VOID)), Rejected)
    bench.fake.books.cancel(bench.fake.transactions[ref.id])
    assert isinstance(await provider.settle(an_attempt(before, Action.VOID)), Succeeded)


async def test_while_the_customer_pays_nothing_is_changed_and_a_later_look_says_so() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="being_paid", status="billed")
    provider = bench.open()
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before, Action.VOID)), Pending)
    outcome = await provider.settle(an_attempt(before, Action.VOID))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_turned_away_twice_the_same_order_gets_through() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="rate_limited", status="billed")
    provider = bench.open()
    order = an_order(await read(provider, ref), Action.VOID)
    for _ in range(2):
        limited = await provider.perform(order)
        assert isinstance(limited, Rejected)
        assert limited.reason is RejectedReason.RATE_LIMITED
    assert isinstance(await provider.perform(order), Succeeded)


async def test_paddle_s_own_attempts_on_a_renewal_are_shown_and_never_taken_for_ours() -> None:
    bench = PaddleBench()
    ref = bench.invoice(magic="insufficient_funds")
    provider = bench.open()
    before = await read(provider, ref)
    bench.fake.control("automatic_attempt", {"invoice": ref.id})
    after = await read(provider, ref)
    assert (before.attempts, after.attempts) == (1, 2)
    assert after.fingerprint != before.fingerprint
    assert isinstance(await provider.settle(an_attempt(before)), Rejected)
