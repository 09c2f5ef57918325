"""A retry at Lago is accepted, and then has to be watched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import NoMethod, PaymentState
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from tests.providers.benches import read
from tests.providers.lago_bench import LagoBench
from tests.providers.lago_samples import (
    BASE,
    CUSTOMER,
    ID,
    METHOD,
    NEW_PAYMENT,
    OLD_PAYMENT,
    Desk,
    Json,
    a_customer,
    a_method,
    a_payment,
    a_wire,
    answer,
    meta,
    one,
    payments,
    refused,
)
from tests.providers.wire import Answer, an_attempt, an_order

RETRY = f"POST /invoices/{ID}/retry_payment"
PAID = one(payment_status="succeeded", total_due_amount_cents=0, total_paid_amount_cents=31500)
ALL_LOOKS = [2.0, 3.0, 5.0, 20.0, 30.0]
ACTION = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}


def desk_that_sees(*after: Json, invoice: httpx.Response | None = None, before: list[Json] | None = None) -> Desk:
    """The payments after the retry; the invoice stays as it was unless told."""
    old = payments(*(before if before is not None else [a_payment()]))
    routes: dict[str, Answer | list[Answer]] = {
        RETRY: answer(),
        "GET /payments": [old, payments(*after)],
        f"GET /invoices/{ID}": [one(), invoice or one()],
    }
    return Desk(a_wire(routes))


async def test_a_charge_that_succeeds_is_ours_with_its_own_amount() -> None:
    desk = desk_that_sees(a_payment("succeeded", NEW_PAYMENT), a_payment(), invoice=PAID)
    outcome = await desk.perform(Action.RETRY)
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, outcome.ours, outcome.request_id) == (Money(31500, "EUR"), True, "req-sample")
    assert desk.waits == [2.0]
    (request,) = desk.sent
    assert (str(request.url), request.content) == (f"https://api.getlago.com{BASE}/invoices/{ID}/retry_payment", b"")


async def test_a_payment_that_the_invoice_does_not_show_yet_is_not_told_as_a_part_of_it() -> None:
    """Lago writes the payment down first and the invoice a moment later."""
    desk = desk_that_sees(a_payment("succeeded", NEW_PAYMENT), a_payment())
    desk.wire.routes[f"GET {BASE}/invoices/{ID}"] = [one(), one(), PAID]
    outcome = await desk.perform(Action.RETRY)
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.invoice.owed, outcome.charged, outcome.ours) == (Money(0, "EUR"), Money(31500, "EUR"), True)
    assert desk.waits == [2.0, 3.0]


async def test_a_part_that_was_collected_is_told_as_that() -> None:
    part = a_payment("succeeded", NEW_PAYMENT, amount_cents=10000)
    rest = one(total_due_amount_cents=21500, total_paid_amount_cents=10000)
    outcome = await desk_that_sees(part, a_payment(), invoice=rest).perform(Action.RETRY)
    assert isinstance(outcome, Succeeded)
    assert outcome.invoice is not None
    assert (outcome.charged, outcome.invoice.owed) == (Money(10000, "EUR"), Money(21500, "EUR"))


async def test_a_chosen_method_is_asked_for_by_its_id() -> None:
    desk = desk_that_sees(a_payment("succeeded", NEW_PAYMENT), invoice=PAID)
    await desk.perform(Action.RETRY, method=METHOD)
    body = {"payment_method": {"payment_method_type": "provider", "payment_method_id": METHOD}}
    assert [json.loads(request.content) for request in desk.sent] == [body]


async def test_a_new_payment_that_failed_is_a_decline_whose_reason_lago_keeps_to_itself() -> None:
    outcome = await desk_that_sees(a_payment("failed", NEW_PAYMENT), a_payment()).perform(Action.RETRY)
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.UNCLEAR
    assert "does not tell" in outcome.decline.reason


async def test_the_old_decline_is_not_taken_for_a_new_one() -> None:
    desk = desk_that_sees(a_payment())
    outcome = await desk.perform(Action.RETRY)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED
    assert "made no attempt" in outcome.detail
    assert desk.waits == ALL_LOOKS


async def test_a_waiting_payment_that_is_used_again_is_known_by_its_state() -> None:
    waiting, same = a_payment("pending"), a_payment("failed")
    outcome = await desk_that_sees(same, before=[waiting]).perform(Action.RETRY)
    assert isinstance(outcome, Declined)
    paid = desk_that_sees(a_payment("succeeded"), before=[waiting], invoice=PAID)
    outcome = await paid.perform(Action.RETRY)
    assert isinstance(outcome, Succeeded)
    assert outcome.ours


async def test_a_payment_with_a_next_action_needs_the_customer() -> None:
    waiting = a_payment("processing", NEW_PAYMENT, next_action=ACTION)
    outcome = await desk_that_sees(waiting, a_payment(), invoice=one(payment_status="pending")).perform(Action.RETRY)
    assert isinstance(outcome, Declined)
    assert outcome.decline.kind is DeclineClass.NEEDS_AUTHENTICATION


@pytest.mark.parametrize("status", ["processing", "pending"])
async def test_a_payment_under_way_is_watched_for_ten_seconds_and_then_pending(status: str) -> None:
    desk = desk_that_sees(a_payment(status, NEW_PAYMENT), invoice=one(payment_status="pending"))
    assert isinstance(await desk.perform(Action.RETRY), Pending)
    assert sum(desk.waits) == 10


async def test_somebody_elses_payment_meanwhile_is_success_but_not_ours() -> None:
    manual = a_payment("succeeded", NEW_PAYMENT, type="manual", reference="wire 7")
    outcome = await desk_that_sees(manual, a_payment(), invoice=PAID).perform(Action.RETRY)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


async def test_an_invoice_voided_meanwhile_was_not_charged() -> None:
    outcome = await desk_that_sees(a_payment(), invoice=one(status="voided")).perform(Action.RETRY)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_a_watch_that_sees_nothing_leaves_a_doubt() -> None:
    routes: dict[str, Answer | list[Answer]] = {
        RETRY: answer(),
        f"GET /invoices/{ID}": [one(), httpx.ReadTimeout("gone")],
    }
    desk = Desk(a_wire(routes))
    assert isinstance(await desk.perform(Action.RETRY), Unknown)
    assert desk.waits == ALL_LOOKS


async def test_a_look_that_fails_does_not_end_the_watch() -> None:
    routes: dict[str, Answer | list[Answer]] = {
        RETRY: answer(),
        f"GET /invoices/{ID}": [one(), httpx.ReadTimeout("slow"), PAID],
        "GET /payments": [payments(a_payment()), payments(a_payment("succeeded", NEW_PAYMENT))],
    }
    desk = Desk(a_wire(routes))
    assert isinstance(await desk.perform(Action.RETRY), Succeeded)
    assert sum(desk.waits) == 5


async def test_a_slow_answer_shortens_the_watch_so_that_the_workers_deadline_holds() -> None:
    desk = desk_that_sees(a_payment())

    def slow(_: httpx.Request) -> httpx.Response:
        desk.clock.at += timedelta(seconds=70)
        return answer()

    desk.wire.routes[f"POST {BASE}/invoices/{ID}/retry_payment"] = slow
    started = desk.clock.at
    await desk.perform(Action.RETRY)
    assert timedelta(seconds=80) <= desk.clock.at - started <= timedelta(seconds=84)


@pytest.mark.parametrize("body", [b"<!doctype html><p>Please wait", b"[]", b"nonsense"])
async def test_a_200_that_is_not_lagos_is_a_doubt(body: bytes) -> None:
    assert isinstance(await Desk(a_wire({RETRY: answer(body)})).perform(Action.RETRY), Unknown)


# --- what would be accepted and come to nothing


async def test_without_a_stored_method_nothing_is_sent() -> None:
    none = answer({"payment_methods": [], "meta": meta()})
    desk = Desk(a_wire({f"GET /customers/{CUSTOMER}/payment_methods": none}))
    assert (await desk.invoice(thorough=True)).method == NoMethod()
    for order in (await desk.order(Action.RETRY), an_order(await desk.invoice())):
        outcome = await desk.lago.perform(order)
        assert isinstance(outcome, Declined)
        assert outcome.decline.kind is DeclineClass.NEEDS_NEW_METHOD
    assert desk.sent == []


async def test_a_customer_unknown_to_the_payment_provider_has_nothing_to_charge() -> None:
    customer = a_customer(billing_configuration={"payment_provider": "stripe", "provider_customer_id": None})
    desk = Desk(a_wire({f"GET /invoices/{ID}": one(customer=customer)}))
    assert isinstance(await desk.perform(Action.RETRY), Declined)
    assert desk.sent == []


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": a_customer(billing_configuration={"payment_provider": None})},
        {"self_billed": True},
        {"total_due_amount_cents": 0},
    ],
)
async def test_what_lago_never_charges_is_refused_with_what_to_do(changes: Json) -> None:
    desk = Desk(a_wire({f"GET /invoices/{ID}": one(**changes)}))
    outcome = await desk.perform(Action.RETRY)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_ACTIONABLE
    assert desk.sent == []


@pytest.mark.parametrize(
    "reply", [refused(404), refused(403, "read_action_not_allowed_for_payment_method"), answer(b"<p>")]
)
async def test_methods_that_cannot_be_read_do_not_stop_a_retry(reply: httpx.Response) -> None:
    desk = Desk(a_wire({f"GET /customers/{CUSTOMER}/payment_methods": reply, RETRY: answer()}))
    assert (await desk.invoice(thorough=True)).method is None
    await desk.perform(Action.RETRY)
    assert len(desk.sent) == 1


async def test_several_methods_without_a_default_leave_open_which_is_charged() -> None:
    several = [a_method(is_default=False), a_method(is_default=None, lago_id=METHOD[:-1] + "8")]
    desk = Desk(a_wire({f"GET /customers/{CUSTOMER}/payment_methods": answer({"payment_methods": several})}))
    assert (await desk.invoice(thorough=True)).method is None
    assert len(await desk.lago.methods((await desk.invoice()).ref)) == 2


# --- keys that may not see payments


@pytest.mark.parametrize(("status", "kind"), [("pending", Pending), ("succeeded", Succeeded), ("failed", Unknown)])
async def test_without_the_right_to_read_payments_only_the_invoice_tells(status: str, kind: type[Outcome]) -> None:
    after = one(payment_status=status)
    desk = Desk(
        a_wire(
            {
                RETRY: answer(),
                "GET /payments": refused(403, "read_action_not_allowed_for_payment"),
                f"GET /invoices/{ID}": [one(), after],
            }
        )
    )
    outcome = await desk.perform(Action.RETRY)
    assert isinstance(outcome, kind)
    assert not isinstance(outcome, Succeeded) or not outcome.ours


# --- settling


async def test_settling_tells_the_new_payment_from_the_old_one() -> None:
    desk = Desk(a_wire())
    attempt = an_attempt(await desk.invoice())
    desk.wire.routes[f"GET {BASE}/payments"] = payments(a_payment("failed", NEW_PAYMENT), a_payment())
    assert isinstance(await desk.lago.settle(attempt), Declined)
    desk.wire.routes[f"GET {BASE}/payments"] = payments(a_payment())
    outcome = await desk.lago.settle(attempt)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.NOT_APPLIED


async def test_a_payment_made_long_after_the_send_is_not_called_ours() -> None:
    desk = Desk(a_wire())
    attempt = an_attempt(await desk.invoice())
    late = a_payment("succeeded", NEW_PAYMENT, created_at="2026-11-21T11:30:00Z")
    desk.wire.routes |= {f"GET {BASE}/payments": payments(late), f"GET {BASE}/invoices/{ID}": PAID}
    outcome = await desk.lago.settle(attempt)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


async def test_a_bank_debit_that_arrives_days_later_is_ours() -> None:
    bench = LagoBench()
    provider, ref = bench.open(), bench.failed_invoice(magic="bank_debit")
    before = await read(provider, ref)
    assert isinstance(await provider.perform(an_order(before)), Pending)
    bench.wait(timedelta(days=3))
    bench.fake.settle_processing(ref.id)
    outcome = await provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (True, before.owed)


async def test_an_invoice_that_lago_no_longer_shows_stays_unknown() -> None:
    desk = Desk(a_wire())
    attempt = an_attempt(await desk.invoice())
    desk.wire.routes[f"GET {BASE}/invoices/{ID}"] = refused(404, "invoice_not_found")
    assert isinstance(await desk.lago.settle(attempt), Unknown)


async def test_the_newest_charge_is_the_provider_s_and_not_a_recorded_payment() -> None:
    manual = a_payment("succeeded", NEW_PAYMENT, type="manual", reference="wire 7", amount_cents=1000)
    invoice = await Desk(a_wire({"GET /payments": payments(manual, a_payment())})).invoice()
    assert (invoice.newest_charge, invoice.attempts, invoice.payment) == (OLD_PAYMENT, 1, PaymentState.FAILED)
    assert invoice.newest_charge_at is not None
    assert invoice.newest_charge_at.isoformat() == "2026-11-18T04:00:00+00:00"


async def test_a_retry_of_a_stale_invoice_is_never_sent_twice_at_once() -> None:
    bench = LagoBench()
    provider, ref = bench.open(), bench.failed_invoice()
    order = an_order(await read(provider, ref, thorough=True))
    bench.fake.after_effect = "reset"
    assert isinstance(await provider.perform(order), Unknown)
    bench.fake.after_effect = None
    again = await provider.perform(replace(order, key="attempt-2"))
    assert isinstance(again, Pending)
    bench.wait(timedelta(seconds=2))
    assert bench.attempts(ref) == 1
