"""Only buttons that can work: the rules that draw them are the rules that guard them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import Action, ActionState
from bot.domain.choices import COOL_DOWN, Standing, choices_for
from bot.domain.content import Choice
from bot.domain.decline import DeclineClass
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus, NoMethod, PaymentState
from bot.domain.money import Money
from bot.domain.records import ActionRecord
from bot.domain.refusal import RefusalKind
from tests.builders import AMEX, ANA, FACTS, FUNDS, INVOICE, NOW, STOLEN, VISA, on_message


def standing(invoice: Invoice = INVOICE, *, last_retry: datetime | None = None) -> Standing:
    retries = () if last_retry is None else (last_retry,)
    return Standing(invoice=invoice, facts=FACTS, now=NOW, retries=retries)


def shown(invoice: Invoice = INVOICE, state: ActionState | None = None, **where: bool) -> list[Choice]:
    place = {"is_card": False, "is_private": False, **where}
    return list(choices_for(standing(invoice), an_action(state) if state else None, **place))


def an_action(state: ActionState) -> ActionRecord:
    return ActionRecord(
        id="0" * 32, kind=Action.RETRY, state=state, actor=ANA, reply_to=on_message(), created_at=NOW, act_by=NOW
    )


def refused(found: Standing, action: Action = Action.RETRY, **how: object) -> RefusalKind | None:
    refusal = found.objection(action, **how)  # type: ignore[arg-type]
    return refusal.kind if refusal else None


def test_a_failed_invoice_offers_everything_that_its_provider_can_do() -> None:
    assert shown() == [
        Choice.RETRY,
        Choice.VOID,
        Choice.UNCOLLECTIBLE,
        Choice.PAID,
        Choice.RETRY_WITH,
        Choice.LINK,
        Choice.SHOW,
    ]


def test_a_private_card_can_be_shared_and_a_shared_one_cannot() -> None:
    assert Choice.SHARE in shown(is_card=True, is_private=True)
    assert Choice.SHARE not in shown(is_card=True)
    assert Choice.SHOW not in shown(is_card=True, is_private=True)


@pytest.mark.parametrize("state", [ActionState.ACCEPTED, ActionState.EXECUTING])
def test_while_a_decision_runs_there_is_nothing_to_press(state: ActionState) -> None:
    assert shown(state=state) == []


@pytest.mark.parametrize("state", [ActionState.UNKNOWN, ActionState.PENDING])
def test_a_decision_in_doubt_can_only_be_checked(state: ActionState) -> None:
    assert shown(state=state) == [Choice.CHECK]


def test_what_needs_a_person_can_be_checked_or_verified() -> None:
    assert shown(state=ActionState.NEEDS_HUMAN) == [Choice.CHECK, Choice.VERIFIED, Choice.VERIFIED_NOT]


@pytest.mark.parametrize("state", [state for state in ActionState if not state.is_live])
def test_a_decision_that_ended_leaves_the_invoice_s_own_buttons(state: ActionState) -> None:
    assert shown(state=state) == shown()


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.OTHER])
def test_what_is_owed_no_more_or_not_yet_has_no_button_that_decides(status: InvoiceStatus) -> None:
    assert shown(replace(INVOICE, status=status, provider_status=status.value)) == [Choice.SHOW]


def test_a_draft_can_be_finalized_and_has_no_pdf_yet() -> None:
    draft = replace(INVOICE, status=InvoiceStatus.DRAFT, provider_status="draft")
    assert shown(draft) == [Choice.FINALIZE, Choice.SHOW]
    assert Choice.PDF not in shown(draft, is_card=True)
    assert Choice.PDF in shown(is_card=True)


def test_an_invoice_that_owes_nothing_is_not_charged_and_has_no_payment_page() -> None:
    assert shown(replace(INVOICE, owed=Money(0, "EUR"))) == [Choice.VOID, Choice.UNCOLLECTIBLE, Choice.SHOW]


def test_a_payment_on_its_way_leaves_nothing_to_decide() -> None:
    assert shown(replace(INVOICE, payment=PaymentState.PROCESSING)) == [Choice.LINK, Choice.SHOW]


def test_an_invoice_that_the_customer_pays_is_not_retried() -> None:
    manual = replace(INVOICE, collection=CollectionMethod.MANUAL)
    assert {Choice.RETRY, Choice.RETRY_WITH}.isdisjoint(shown(manual))
    assert refused(standing(manual)) is RefusalKind.WRONG_COLLECTION


def test_an_invoice_is_sent_again_only_where_the_customer_pays_it() -> None:
    assert Choice.RESEND in shown(replace(INVOICE, collection=CollectionMethod.MANUAL))
    assert Choice.RESEND not in shown()
    assert refused(standing(), Action.RESEND) is RefusalKind.WRONG_COLLECTION


def test_a_provider_that_lacks_an_action_has_no_button_for_it() -> None:
    poor = replace(FACTS, capabilities={}, has_payment_link=False)
    without = Standing(invoice=INVOICE, facts=poor, now=NOW)
    assert choices_for(without, None, is_card=False, is_private=False) == (Choice.SHOW,)
    assert refused(without) is RefusalKind.NOT_SUPPORTED


# --- one payment attempt an hour ---


@pytest.mark.parametrize(("ago", "kind"), [(59, RefusalKind.COOL_DOWN), (60, None), (61, None)])
def test_an_hour_after_a_try_of_ours_the_next_is_possible(ago: int, kind: RefusalKind | None) -> None:
    tried = standing(last_retry=NOW - timedelta(minutes=ago))
    assert refused(tried) is kind
    assert refused(tried, Action.VOID) is None
    assert (tried.cool_until is None) == (kind is None)


def test_the_provider_s_own_try_counts_too() -> None:
    tried = standing(replace(INVOICE, newest_charge_at=NOW - timedelta(minutes=10)), last_retry=NOW - timedelta(minutes=50))
    assert refused(tried) is RefusalKind.COOL_DOWN
    assert tried.cool_until == NOW - timedelta(minutes=10) + COOL_DOWN


@given(st.none() | st.integers(-200, 0), st.none() | st.integers(-200, 0))
def test_a_retry_is_offered_exactly_when_the_hour_is_over(ours: int | None, theirs: int | None) -> None:
    def at(minutes: int | None) -> datetime | None:
        return NOW + timedelta(minutes=minutes) if minutes is not None else None

    found = standing(replace(INVOICE, newest_charge_at=at(theirs)), last_retry=at(ours))
    newest = max((m for m in (ours, theirs) if m is not None), default=-1000)
    assert (Choice.RETRY in choices_for(found, None, is_card=False, is_private=False)) == (newest <= -60)


# --- a method that was refused for good ---

HARD = replace(INVOICE, decline=STOLEN)


def test_a_soft_decline_may_be_tried_again_on_the_same_method() -> None:
    assert refused(standing(replace(INVOICE, decline=FUNDS))) is None
    assert standing().confirm_retry is None


def test_a_method_refused_for_good_is_not_charged_again() -> None:
    assert refused(standing(HARD)) is RefusalKind.SAME_METHOD
    assert refused(standing(HARD), confirmed=True) is RefusalKind.SAME_METHOD
    assert Choice.RETRY not in shown(HARD)
    assert {Choice.LINK, Choice.RETRY_WITH} <= set(shown(HARD))


def test_nothing_to_charge_after_a_hard_decline_is_the_same() -> None:
    assert refused(standing(replace(HARD, method=NoMethod()))) is RefusalKind.SAME_METHOD


def test_another_method_may_be_charged() -> None:
    assert refused(standing(replace(HARD, method=AMEX))) is None
    assert refused(standing(HARD), method=AMEX.id) is None
    assert refused(standing(HARD), method=VISA.id) is RefusalKind.SAME_METHOD


@pytest.mark.parametrize("unread", [replace(HARD, method=None), replace(HARD, decline=replace(STOLEN, method=None))])
def test_where_the_method_cannot_be_read_the_person_confirms_it_by_name(unread: Invoice) -> None:
    assert refused(standing(unread)) is RefusalKind.CONFIRM_METHOD
    assert refused(standing(unread), confirmed=True) is None
    assert standing(unread).confirm_retry == VISA.label
    assert Choice.RETRY in shown(unread)


def test_a_method_without_a_name_is_still_asked_about() -> None:
    unread = replace(HARD, method=None, decline=replace(STOLEN, method_label=None))
    assert (standing(unread).confirm_retry or "").startswith("the payment method")


@given(
    st.sampled_from(InvoiceStatus),
    st.sampled_from(PaymentState),
    st.sampled_from(CollectionMethod),
    st.integers(0, 2),
    st.sampled_from([None, *(replace(FUNDS, kind=kind) for kind in DeclineClass)]),
)
def test_no_button_is_drawn_that_the_guard_would_refuse(
    status: InvoiceStatus, payment: PaymentState, collection: CollectionMethod, owed: int, decline: object
) -> None:
    invoice = replace(
        INVOICE,
        status=status,
        payment=payment,
        collection=collection,
        owed=Money(owed, "EUR"),
        decline=decline,  # type: ignore[arg-type]
    )
    found = standing(invoice)
    for choice in choices_for(found, None, is_card=False, is_private=False):
        assert choice.action is None or found.objection(choice.action, confirmed=True) is None
    assert found.now == datetime(2026, 11, 20, 9, tzinfo=UTC)


# --- many attempts ---

MANY = replace(INVOICE, attempts=8)
TOO_MANY = replace(INVOICE, attempts=15)


def test_a_typed_retry_after_many_attempts_is_asked_back_and_a_pressed_one_was() -> None:
    assert refused(standing(MANY)) is RefusalKind.CONFIRM_ATTEMPTS
    assert refused(standing(MANY), confirmed=True) is None
    assert refused(standing(replace(INVOICE, attempts=7))) is None
    assert Choice.RETRY in shown(MANY)


def test_a_method_that_somebody_names_is_not_asked_back_for_the_attempts_of_another() -> None:
    assert refused(standing(MANY), method=AMEX.id) is None


def test_at_the_limit_no_method_is_charged_and_no_retry_is_offered() -> None:
    for how in ({}, {"confirmed": True}, {"method": AMEX.id}):
        assert refused(standing(TOO_MANY), **how) is RefusalKind.ATTEMPTS_SPENT
    assert {Choice.RETRY, Choice.RETRY_WITH}.isdisjoint(shown(TOO_MANY))
    assert Choice.LINK in shown(TOO_MANY)
    refusal = standing(TOO_MANY).objection(Action.RETRY)
    assert refusal is not None
    assert refusal.facts == {
        "count": "15",
        "limit": "15",
        "until": (NOW + timedelta(days=10)).isoformat(),
        "invoice": INVOICE.label,
        "ref": str(INVOICE.ref),
        "provider": FACTS.name,
    }


def test_what_takes_no_money_has_no_limit_of_attempts() -> None:
    assert refused(standing(TOO_MANY), Action.VOID) is None


def test_the_attempts_are_told_only_where_a_retry_could_be_made() -> None:
    assert standing(MANY).spent is not None
    assert standing(replace(MANY, status=InvoiceStatus.PAID)).spent is None
    assert standing(replace(MANY, collection=CollectionMethod.MANUAL)).spent is None


# --- what the card's network asks to wait ---

A_DAY = replace(FUNDS, wait=timedelta(hours=24))


def waiting(hours: float, invoice: Invoice = INVOICE) -> Standing:
    return standing(replace(invoice, decline=A_DAY, newest_charge_at=NOW - timedelta(hours=hours)))


@pytest.mark.parametrize(
    ("hours", "kind"), [(0.5, RefusalKind.NETWORK_WAIT), (23.9, RefusalKind.NETWORK_WAIT), (24, None), (25, None)]
)
def test_the_same_card_waits_as_long_as_its_network_asks(hours: float, kind: RefusalKind | None) -> None:
    found = waiting(hours)
    assert refused(found) is kind
    assert refused(found, confirmed=True) is kind
    assert (Choice.RETRY in choices_for(found, None, is_card=True, is_private=True)) == (kind is None)
    assert found.cool_until == (None if kind is None else NOW + timedelta(hours=24 - hours))


def test_another_card_waits_only_for_the_hour() -> None:
    assert refused(waiting(2), method=AMEX.id) is None
    assert refused(waiting(2), method=VISA.id) is RefusalKind.NETWORK_WAIT
    assert refused(waiting(2, replace(INVOICE, method=AMEX))) is None
    assert refused(waiting(0.5), method=AMEX.id) is RefusalKind.COOL_DOWN
    assert Choice.RETRY_WITH in choices_for(waiting(2), None, is_card=True, is_private=True)


def test_where_the_charge_has_no_time_our_own_retry_says_how_long_the_network_asks_to_wait() -> None:
    undated = replace(INVOICE, decline=A_DAY, newest_charge_at=None)
    assert refused(standing(undated, last_retry=NOW - timedelta(hours=23))) is RefusalKind.NETWORK_WAIT
    assert refused(standing(undated)) is None


def test_a_wait_shorter_than_the_hour_that_still_runs_is_told_as_the_hour() -> None:
    brief = replace(INVOICE, decline=replace(FUNDS, wait=timedelta(hours=1)), newest_charge_at=NOW - timedelta(minutes=50))
    assert refused(standing(brief, last_retry=NOW - timedelta(minutes=20))) is RefusalKind.COOL_DOWN
