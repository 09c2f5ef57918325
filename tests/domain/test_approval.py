"""What the word of a second person is bound to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.domain.action import Action
from bot.domain.approval import Answer, Approval, ApprovalState, answer_of, approval_of, fingerprint_of, message_of
from bot.domain.details import Issue, PaidBy, Received
from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceStatus
from bot.domain.money import Money
from bot.domain.offer import ButtonValue, Decision
from bot.domain.policy import Actor
from bot.domain.records import ReplyTo
from tests.domain.builders import NOW, an_invoice, an_offer

ID = "a" * 32
ANA = Actor("U0ANA", "T0ACME")
DAY = timedelta(hours=24)
OFFER = an_offer()
APPROVAL = Approval(
    id=ID,
    ref=OFFER.ref,
    kind=Action.VOID,
    offer_id=OFFER.id,
    amount=OFFER.invoice.owed,
    fingerprint=fingerprint_of(Decision(Action.VOID), OFFER.version),
    role="lead",
    channel="C0FIN",
    asker=ANA,
    reply_to=ReplyTo(user=ANA.user, channel="C0FIN"),
    created_at=NOW,
    expires_at=NOW + DAY,
    reason="ordered twice",
)


def test_the_fingerprint_is_of_all_that_is_done_and_of_nothing_else() -> None:
    plain, version = Decision(Action.RETRY), OFFER.version
    received = Received(amount=Money(42000, "EUR"), by=PaidBy.OTHER, on=date(2026, 11, 20), reference="R-1")
    others = [
        fingerprint_of(Decision(Action.VOID), version),
        fingerprint_of(replace(plain, method="pm_2"), version),
        fingerprint_of(Decision(Action.FINALIZE, details=Issue(collect=True)), version),
        fingerprint_of(Decision(Action.FINALIZE, details=Issue(collect=False)), version),
        fingerprint_of(Decision(Action.PAID, details=received), version),
        fingerprint_of(Decision(Action.PAID, details=replace(received, amount=Money(41999, "EUR"))), version),
        fingerprint_of(Decision(Action.PAID, details=replace(received, reference="R-2")), version),
        *(
            fingerprint_of(plain, an_offer(an_invoice(**change)).version)
            for change in ({"owed": Money(1, "EUR")}, {"newest_charge": "ch_9"}, {"status": InvoiceStatus.PAID})
        ),
        fingerprint_of(plain, an_offer(actions=1).version),
    ]
    assert len({*others, fingerprint_of(plain, version)}) == len(others) + 1
    assert fingerprint_of(replace(plain, reason="because"), version) == fingerprint_of(plain, version)


def test_nobody_answers_once_the_time_is_over_or_the_end_is_there() -> None:
    assert APPROVAL.is_open(NOW + DAY - timedelta(milliseconds=1))
    assert not APPROVAL.is_open(NOW + DAY)
    for state in ApprovalState:
        assert replace(APPROVAL, state=state).is_open(NOW) is (state is ApprovalState.OPEN)


def test_the_reason_stays_out_of_what_is_printed() -> None:
    assert "ordered twice" not in repr(APPROVAL)


@pytest.mark.parametrize("answer", list(Answer))
def test_a_button_names_the_question_and_the_answer(answer: Answer) -> None:
    assert answer_of(str(ButtonValue(ID, answer.value))) == (ID, answer)


@pytest.mark.parametrize("value", ["", "1:x:approve", f"1:{ID}:retry", f"2:{ID}:approve", f"1:{ID}:approve:deny"])
def test_other_buttons_answer_nothing(value: str) -> None:
    with pytest.raises(UnusableValue):
        answer_of(value)


def test_a_question_is_known_by_its_message() -> None:
    assert approval_of(message_of(ID)) == ID
    assert [approval_of(other) for other in ("card:0123", "approval:", f"approval:{ID}0", "")] == [None] * 4
