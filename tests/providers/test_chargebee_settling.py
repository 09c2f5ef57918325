"""What became of a send at Chargebee that was not answered: told by reading, and never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action
from bot.domain.decline import DeclineClass
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.providers.chargebee_orders import marker_of
from tests.providers.benches import EURO, read
from tests.providers.chargebee_bench import ChargebeeBench
from tests.providers.chargebee_samples import (
    CUSTOMER,
    ID,
    NEW_PAYMENT,
    OLD_PAYMENT,
    Desk,
    Json,
    a_payment,
    a_transaction,
    a_wire,
    answer,
    listed,
    one,
    refused,
    transaction,
)
from tests.providers.samples import AT
from tests.providers.wire import Answer, an_attempt, an_order

PAID: dict[str, Any] = {"status": "paid", "amount_due": 0, "amount_to_collect": 0, "amount_paid": 31500}
DUNNED: dict[str, Any] = {"dunning_attempts": [{"attempt": 1, "transaction_id": NEW_PAYMENT, "txn_status": "failure"}]}


def is_not_applied(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.reason is RejectedReason.NOT_APPLIED


async def settled(
    *payments: Json, action: Action = Action.RETRY, routes: dict[str, Answer] | None = None, **after: Any
) -> Outcome:
    """What the adapter makes of an invoice that was due with one decline of yesterday, and looks like this now."""
    usual: dict[str, Answer | list[Answer]] = {
        f"GET /invoices/{ID}": [one(), one(a_payment(), *payments, **after)],
        f"GET /transactions/{NEW_PAYMENT}": [
            transaction(status=payment["txn_status"], identifier=NEW_PAYMENT) for payment in payments
        ]
        or [refused(404, "resource_not_found")],
    }
    desk = Desk(a_wire({**usual, **(routes or {})}))
    return await desk.provider.settle(an_attempt(await desk.invoice(thorough=False), action))


# --- a retry, by what the invoice shows now


@pytest.mark.parametrize(
    ("status", "after", "ending"),
    [
        ("success", PAID, Succeeded),
        ("in_progress", {"amount_to_collect": 0}, Pending),
        ("failure", {}, Declined),
        ("late_failure", {}, Declined),
        ("timeout", {}, Unknown),
        ("needs_attention", {}, Unknown),
    ],
)
async def test_a_new_payment_tells_what_became_of_a_retry(status: str, after: dict[str, Any], ending: type) -> None:
    assert isinstance(await settled(a_payment(status, NEW_PAYMENT), **after), ending)


async def test_a_payment_of_ours_is_told_with_its_amount() -> None:
    outcome = await settled(a_payment("success", NEW_PAYMENT), **PAID)
    assert isinstance(outcome, Succeeded)
    assert outcome.ours
    assert outcome.charged is not None
    assert outcome.charged.minor == 31500


@pytest.mark.parametrize(("status", "ending"), [("failure", Declined), ("timeout", Unknown)])
async def test_a_new_payment_without_a_date_may_be_ours(status: str, ending: type[Outcome]) -> None:
    assert isinstance(await settled(a_payment(status, NEW_PAYMENT, txn_date=None)), ending)


async def test_nothing_new_is_not_applied() -> None:
    assert is_not_applied(await settled())


async def test_a_voided_payment_is_not_applied() -> None:
    assert is_not_applied(await settled(a_payment("voided", NEW_PAYMENT)))


async def test_a_decline_of_chargebees_own_retry_is_not_told_as_ours() -> None:
    assert is_not_applied(await settled(a_payment("failure", NEW_PAYMENT), **DUNNED))


async def test_a_payment_by_chargebees_own_retry_is_told_as_anothers() -> None:
    outcome = await settled(a_payment("success", NEW_PAYMENT), **PAID, **DUNNED)
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged) == (False, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"initiator_type": "customer"},
        {"payment_source_id": None, "reference_number": "wire 9"},
    ],
)
async def test_a_payment_that_the_customer_or_a_person_made_is_not_ours(changes: dict[str, Any]) -> None:
    made = answer({"transaction": {**a_transaction("success", NEW_PAYMENT), **changes}})
    routes: dict[str, Answer] = {f"GET /transactions/{NEW_PAYMENT}": made}
    outcome = await settled(a_payment("success", NEW_PAYMENT), routes=routes, **PAID)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_a_payment_of_another_amount_is_not_ours() -> None:
    outcome = await settled(a_payment("success", NEW_PAYMENT, txn_amount=100), **PAID)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


@pytest.mark.parametrize("seconds", [-6, 121])
async def test_a_payment_of_before_or_long_after_our_send_is_not_ours(seconds: int) -> None:
    outcome = await settled(a_payment("success", NEW_PAYMENT, txn_date=AT + seconds), **PAID)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_a_payment_with_another_method_than_the_one_named_is_not_ours() -> None:
    desk = Desk(
        a_wire(
            {
                f"GET /invoices/{ID}": [one(), one(a_payment(), a_payment("success", NEW_PAYMENT), **PAID)],
                f"GET /transactions/{NEW_PAYMENT}": transaction(status="success", identifier=NEW_PAYMENT),
            }
        )
    )
    attempt = replace(an_attempt(await desk.invoice(thorough=False)), method="pm_Other")
    outcome = await desk.provider.settle(attempt)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_of_two_payments_that_may_be_ours_none_is_called_it() -> None:
    routes: dict[str, Answer] = {"GET /transactions/txn_Third": transaction(status="success", identifier="txn_Third")}
    twins = (a_payment("failure", NEW_PAYMENT), a_payment("success", "txn_Third", txn_date=AT + 2))
    outcome = await settled(*twins, routes=routes, **PAID)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours
    partly = await settled(*twins, routes=routes, amount_due=100, amount_to_collect=100)
    assert isinstance(partly, Unknown)


async def test_a_payment_whose_transaction_may_not_be_read_is_not_surely_ours() -> None:
    hidden: dict[str, Answer] = {f"GET /transactions/{NEW_PAYMENT}": refused(403, "api_authorization_failed", "untyped")}
    outcome = await settled(a_payment("success", NEW_PAYMENT), routes=hidden, **PAID)
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours
    assert isinstance(await settled(a_payment("failure", NEW_PAYMENT), routes=hidden), Unknown)


async def test_an_old_payment_that_has_gone_does_not_make_the_others_new() -> None:
    """Removed in Chargebee: the newest payment of the guard read is not in the list any more."""
    older = a_payment("failure", "txn_Older", txn_date=AT - 9 * 86_400)
    desk = Desk(
        a_wire(
            {
                f"GET /invoices/{ID}": [one(), one(older)],
                "GET /transactions/txn_Older": transaction(identifier="txn_Older"),
            }
        )
    )
    assert is_not_applied(await desk.provider.settle(an_attempt(await desk.invoice(thorough=False))))


@pytest.mark.parametrize("status", ["voided", "posted", "not_paid"])
async def test_an_invoice_without_a_new_payment_is_not_applied_whatever_became_of_it(status: str) -> None:
    assert is_not_applied(await settled(status=status))


async def test_a_write_off_by_a_colleague_is_not_told_as_paid() -> None:
    gone: dict[str, Any] = {"status": "paid", "amount_due": 0, "amount_to_collect": 0, "write_off_amount": 31500}
    outcome = await settled(**gone)
    assert is_not_applied(outcome)
    assert isinstance(outcome, Rejected)
    assert outcome.detail == f"Chargebee shows no effect: invoice {ID} is written off."


@pytest.mark.parametrize(
    "reply", [answer(b"", 500), answer(b"<p>one moment", 200), refused(429, "api_request_limit_exceeded")]
)
async def test_what_cannot_be_read_stays_unknown(reply: Any) -> None:
    desk = Desk(a_wire({f"GET /invoices/{ID}": [one(), reply]}))
    assert isinstance(await desk.provider.settle(an_attempt(await desk.invoice(thorough=False))), Unknown)


async def test_an_invoice_that_is_gone_stays_unknown() -> None:
    desk = Desk(a_wire({f"GET /invoices/{ID}": [one(), refused(404, "resource_not_found")]}))
    assert isinstance(await desk.provider.settle(an_attempt(await desk.invoice(thorough=False))), Unknown)


# --- the other actions


@pytest.mark.parametrize(
    ("action", "after", "is_done"),
    [
        (Action.VOID, {"status": "voided"}, True),
        (Action.VOID, {}, False),
        (Action.VOID, PAID, False),
        (Action.UNCOLLECTIBLE, {"status": "paid", "amount_due": 0, "write_off_amount": 31500}, True),
        (Action.UNCOLLECTIBLE, {"status": "paid", "amount_due": 0}, False),
        (Action.UNCOLLECTIBLE, {}, False),
        (Action.FINALIZE, {"status": "posted"}, True),
        (Action.FINALIZE, {"status": "payment_due"}, True),
        (Action.FINALIZE, {"status": "pending"}, False),
    ],
)
async def test_a_status_proves_an_action_without_money(action: Action, after: dict[str, Any], is_done: bool) -> None:
    outcome = await settled(action=action, **after)
    assert isinstance(outcome, Succeeded) if is_done else is_not_applied(outcome)


@pytest.mark.parametrize(
    ("reference", "after", "ours"),
    [(f"wire 9 {marker_of('attempt-1')}", PAID, True), ("wire 9", PAID, False), (None, PAID, False)],
)
async def test_a_recorded_payment_is_ours_by_its_mark(reference: str | None, after: dict[str, Any], ours: bool) -> None:
    made = answer({"transaction": {**a_transaction("success", NEW_PAYMENT), "reference_number": reference}})
    routes: dict[str, Answer] = {f"GET /transactions/{NEW_PAYMENT}": made}
    outcome = await settled(a_payment("success", NEW_PAYMENT), action=Action.PAID, routes=routes, **after)
    assert isinstance(outcome, Succeeded)
    assert outcome.ours is ours


async def test_a_recorded_payment_that_is_not_there_is_not_applied() -> None:
    assert is_not_applied(await settled(action=Action.PAID))
    hidden: dict[str, Answer] = {f"GET /transactions/{NEW_PAYMENT}": refused(403, "api_authorization_failed", "untyped")}
    part: dict[str, Any] = {"amount_due": 100, "amount_to_collect": 100}
    outcome = await settled(a_payment("success", NEW_PAYMENT), action=Action.PAID, routes=hidden, **part)
    assert isinstance(outcome, Unknown)


def a_mail(subject: str = f"Your invoice {ID}", at: int = AT + 1, **changes: Any) -> Json:
    return {"id": "mail_1", "subject": subject, "sent_on": at, "status": "sent", **changes}


@pytest.mark.parametrize(
    ("reply", "ending"),
    [
        (listed("email_log", a_mail()), Succeeded),
        (listed("email_log", a_mail(subject="Your invoice gp-2041 again")), Succeeded),
        (listed("email_log", a_mail(subject="A receipt")), Unknown),
        (listed("email_log", a_mail(at=AT - 60)), Rejected),
        (listed("email_log", a_mail(error_message="no such mailbox")), Rejected),
        (listed("email_log"), Rejected),
        (answer(b"<h1>Not found</h1>", 404), Unknown),
        (refused(403, "api_authorization_failed", "untyped"), Unknown),
    ],
)
async def test_a_lost_e_mail_is_looked_up_in_the_customers_log(reply: Answer, ending: type) -> None:
    routes: dict[str, Answer] = {f"GET /customers/{CUSTOMER}/email_logs": reply}
    outcome = await settled(action=Action.RESEND, routes=routes)
    assert isinstance(outcome, ending)
    assert not isinstance(outcome, Rejected) or is_not_applied(outcome)


# --- what the fake does in the dark


class Dark:
    """A bench, an invoice, and what was seen of it before anything was sent."""

    def __init__(self, magic: str) -> None:
        self.bench = ChargebeeBench()
        self.provider = self.bench.open()
        self.ref: InvoiceRef = self.bench.failed_invoice(magic=magic)

    async def seen(self) -> Invoice:
        return await read(self.provider, self.ref)


async def test_charged_then_silence_is_found_as_ours() -> None:
    dark = Dark("charge_then_reset")
    before = await dark.seen()
    assert isinstance(await dark.provider.perform(an_order(before)), Unknown)
    outcome = await dark.provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, outcome.charged, dark.bench.attempts(dark.ref)) == (True, EURO, 1)


async def test_charged_late_is_not_applied_at_first_and_ours_then() -> None:
    """Which is why nobody is told before the time to travel is over."""
    dark = Dark("charge_late")
    before = await dark.seen()
    assert isinstance(await dark.provider.perform(an_order(before)), Unknown)
    assert is_not_applied(await dark.provider.settle(an_attempt(before)))
    dark.bench.wait(dark.provider.facts.settle_after)
    outcome = await dark.provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert (outcome.ours, dark.bench.attempts(dark.ref)) == (True, 1)


async def test_declined_then_silence_is_found_as_that_decline() -> None:
    dark = Dark("decline_then_reset")
    before = await dark.seen()
    dark.bench.wait(timedelta(seconds=1))
    assert isinstance(await dark.provider.perform(an_order(before)), Unknown)
    outcome = await dark.provider.settle(an_attempt(before))
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.kind) == ("insufficient_funds", DeclineClass.SOFT)


@pytest.mark.parametrize("magic", ["hang", "insufficient_funds"])
async def test_dunning_at_the_same_moment_is_not_taken_for_our_retry(magic: str) -> None:
    dark = Dark(magic)
    before = await dark.seen()
    dark.bench.break_everything("reset")
    assert isinstance(await dark.provider.perform(an_order(before)), Unknown)
    dark.bench.heal()
    dark.bench.fake.control("automatic_attempt", {"invoice": dark.ref.id})
    outcome = await dark.provider.settle(an_attempt(before))
    if magic == "hang":  # the card works: it is paid, by another
        assert isinstance(outcome, Succeeded)
        assert not outcome.ours
    else:
        assert is_not_applied(outcome)


async def test_dunning_beside_our_payment_leaves_ours_ours() -> None:
    dark = Dark("decline_then_reset")
    before = await dark.seen()
    assert isinstance(await dark.provider.perform(an_order(before)), Unknown)
    dark.bench.fake.control("automatic_attempt", {"invoice": dark.ref.id})
    assert isinstance(await dark.provider.settle(an_attempt(before)), Declined)


async def test_a_customer_who_pays_on_the_page_meanwhile_is_not_called_our_retry() -> None:
    dark = Dark("paid")
    before = await dark.seen()
    dark.bench.fake.control("pay_elsewhere", {"invoice": dark.ref.id})
    outcome = await dark.provider.settle(an_attempt(before))
    assert isinstance(outcome, Succeeded)
    assert not outcome.ours


async def test_a_debit_that_bounces_days_later_is_declined() -> None:
    dark = Dark("bank_debit")
    before = await dark.seen()
    assert isinstance(await dark.provider.perform(an_order(before)), Pending)
    dark.bench.wait(timedelta(days=3))
    dark.bench.fake.settle_processing(dark.ref.id, success=False)
    outcome = await dark.provider.settle(an_attempt(before))
    assert isinstance(outcome, Declined)
    assert (await dark.seen()).status is InvoiceStatus.OPEN


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_second_send_after_a_lost_decline_charges_nothing_whether_a_key_keeps_refusals_or_not(
    remembers: bool,
) -> None:
    dark = Dark("decline_then_reset")
    dark.bench.fake.remembers_refusals = remembers
    order = an_order(await dark.seen())
    for _ in range(2):
        await dark.provider.perform(order)
    assert dark.bench.collected(dark.ref) == 0


@pytest.mark.parametrize("minutes", [29, 31])
async def test_a_key_is_kept_for_half_an_hour_and_the_facts_say_so(minutes: int) -> None:
    """Beyond it, the state of the invoice is what refuses the second charge."""
    dark = Dark("charge_then_reset")
    order = an_order(await dark.seen())
    assert isinstance(await dark.provider.perform(order), Unknown)
    dark.bench.wait(timedelta(minutes=minutes))
    again = await dark.provider.perform(order)
    is_known = timedelta(minutes=minutes) < dark.provider.facts.key_window
    assert isinstance(again, Succeeded if is_known else Rejected)
    assert dark.bench.attempts(dark.ref) == 1


async def test_an_answer_that_is_still_being_made_is_waited_for_with_the_same_key() -> None:
    dark = Dark("charge_then_hang")
    order = an_order(await dark.seen())
    assert isinstance(await dark.provider.perform(order), Unknown)
    busy = await dark.provider.perform(order)
    assert isinstance(busy, Rejected)
    assert busy.reason is RejectedReason.RATE_LIMITED
    dark.bench.wait(timedelta(seconds=3))
    assert isinstance(await dark.provider.perform(order), Succeeded)
    assert dark.bench.attempts(dark.ref) == 1


async def test_the_old_payment_is_never_taken_for_ours() -> None:
    dark = Dark("paid")
    before = await dark.seen()
    assert before.newest_charge is not None
    assert before.newest_charge != OLD_PAYMENT
    attempt = an_attempt(before, at=before.newest_charge_at or dark.bench.clock.at)
    assert is_not_applied(await dark.provider.settle(attempt))
