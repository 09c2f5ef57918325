"""A question to a second person as people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.approval import Answer, ApprovalState
from bot.domain.content import ApprovalContent, SaidOf
from bot.domain.offer import ButtonValue
from bot.domain.refusal import Refusal, RefusalKind
from handlers import ids
from handlers.views.approval import approval
from handlers.views.blocks import Rendered
from handlers.views.refusals import refusal_sentence
from handlers.views.render import render
from handlers.views.row import row_blocks
from tests.handlers.views.samples import EUR_420, FACTS, NOW, a_row, an_action, an_approval, an_invoice
from tests.scenarios.reading import Reading, read


def content(state: ApprovalState = ApprovalState.OPEN, said: SaidOf = SaidOf.QUESTION, **changes: Any) -> ApprovalContent:
    return ApprovalContent(
        approval=an_approval(state, **changes),
        invoice=an_invoice(),
        facts=FACTS,
        approvers="<@U0MAYA>",
        said=said,
    )


def shown(one: ApprovalContent, **later: float) -> Rendered:
    return approval(one, command="/invoice", now=NOW + timedelta(**later))


def reading(one: ApprovalContent, **later: float) -> Reading:
    return read(shown(one, **later).blocks)


def test_the_question_says_who_wants_what_for_whom_and_why_before_it_asks() -> None:
    said = reading(content())
    for words in ("<@U0ANA>", "Void invoice", "Acme GmbH", "EUR 420.00", "Reason: ordered twice", "It cannot be undone"):
        assert words in said.text
    assert "<@U0MAYA>: please approve or deny by" in said.text
    assert "Nothing has been done yet" in said.text


def test_both_answers_ask_back_and_name_the_question() -> None:
    (buttons,) = [block for block in shown(content()).blocks if block["type"] == "actions"]
    approve, deny = buttons["elements"]
    for element, action_id, answer, style in (
        (approve, ids.APPROVE, Answer.APPROVE, "primary"),
        (deny, ids.DENY, Answer.DENY, "danger"),
    ):
        assert (element["action_id"], element["style"]) == (action_id, style)
        assert element["value"] == str(ButtonValue("b" * 32, answer.value))
        assert "EUR 420.00" in element["confirm"]["text"]["text"]
    assert len(approve["value"]) <= 60


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        (ApprovalState.DENIED, {}, "Denied by <@U0MAYA>"),
        (ApprovalState.DENIED, {"answered_by": "U0ANA"}, "Taken back by <@U0ANA>"),
        (ApprovalState.EXPIRED, {}, "Nobody answered in time, so nothing was done"),
        (ApprovalState.DEAD, {}, "The invoice has changed since it was asked for; nothing was done"),
        (ApprovalState.DEAD, {"why": "not_posted"}, "The question could not be posted in <#C0LEADS>"),
        (ApprovalState.APPROVED, {}, "Approved by <@U0MAYA>"),
    ],
)
def test_every_end_is_said_and_leaves_no_buttons(state: ApprovalState, changes: dict[str, Any], words: str) -> None:
    said = reading(content(state, **changes))
    assert words in said.text
    assert said.pressables == ()


def test_after_its_time_a_question_has_no_buttons_though_nobody_has_swept() -> None:
    assert len(reading(content(), hours=23).pressables) == 2
    late = reading(content(), hours=24)
    assert (late.pressables, late.says("Nobody answered in time")) == ((), True)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ActionState.ACCEPTED, "Voiding… (by <@U0ANA>)"),
        (ActionState.SUCCEEDED, "Voided: EUR 420.00"),
        (ActionState.REFUSED, "Not done."),
    ],
)
def test_an_approved_question_tells_what_became_of_it(state: ActionState, words: str) -> None:
    made = replace(an_action(state, kind=Action.VOID), approver="U0MAYA", amount=EUR_420)
    said = reading(replace(content(ApprovalState.APPROVED), action=made))
    assert words in said.text


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        (ApprovalState.APPROVED, {}, "was approved by <@U0MAYA>. It is being done now."),
        (ApprovalState.DENIED, {}, "was denied by <@U0MAYA>, so nothing was done"),
        (ApprovalState.EXPIRED, {}, "nobody in <#C0LEADS> answered in time"),
        (ApprovalState.DEAD, {}, "the invoice has changed since it was asked for. Nothing was done. If it is still wanted"),
        (ApprovalState.DEAD, {"why": "not_posted"}, "Tell whoever runs this bot"),
    ],
)
def test_who_asked_hears_how_it_ended_and_what_to_do(state: ApprovalState, changes: dict[str, Any], words: str) -> None:
    assert words in reading(content(state, SaidOf.ENDED, **changes)).text


def test_who_asked_hears_first_whom_and_until_when() -> None:
    said = reading(content(said=SaidOf.ASKED)).text
    assert "I asked <@U0MAYA> in <#C0LEADS>" in said
    assert "Nothing has been done yet, and nothing will be without an answer by" in said


def test_the_reminder_calls_the_approvers_and_says_what_happens_without_them() -> None:
    said = reading(content(said=SaidOf.REMINDER)).text
    assert said.startswith("<@U0MAYA>: <@U0ANA> still waits for an answer")
    assert "nothing will be done" in said


def test_a_name_in_a_reason_calls_nobody_and_formats_nothing() -> None:
    said = shown(content(reason="<!channel> *now* <@U0TOM>")).blocks
    text = str(said)
    assert "<!channel>" not in text
    assert "<@U0TOM>" not in text


def test_the_longest_reason_fits() -> None:
    render(content(reason="w" * 5000), command="/invoice", now=NOW)


def test_a_row_says_what_waits_and_changes_its_blocks_with_it() -> None:
    plain, waiting = a_row(an_invoice()), replace(a_row(an_invoice()), waiting=(an_approval(),))
    before, after = (row_blocks(row, 0, now=NOW, command="/invoice") for row in (plain, waiting))
    assert "<@U0ANA> asked for “Void invoice”; waiting for approval by lead in <#C0LEADS> until" in read(after).text
    assert read(before).labels == read(after).labels
    assert before[0]["block_id"] != after[0]["block_id"]


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        (
            RefusalKind.NEEDS_APPROVAL,
            {"word": "void", "channel": "C0LEADS", "ask": "<@U0MAYA>"},
            "“Void invoice” needs a second person here, so nothing was done. To ask <@U0MAYA> in <#C0LEADS>, press",
        ),
        (RefusalKind.NEEDS_APPROVAL, {}, "This needs a second person here, so nothing was done."),
        (RefusalKind.APPROVAL_WAITING, {"by": "U0ANA", "channel": "C0LEADS"}, "<@U0ANA> has asked for this already in"),
        (RefusalKind.APPROVAL_WAITING, {"is_own": "yes"}, "You have asked for this already, and the answer is still"),
        (RefusalKind.APPROVAL_OVER, {"state": "approved", "by": "U0MAYA"}, "has been approved by <@U0MAYA> already"),
        (RefusalKind.APPROVAL_OVER, {"state": "denied"}, "Somebody has said no to this already, so nothing was done"),
        (RefusalKind.APPROVAL_OVER, {"state": "expired"}, "The time for an answer is over, so nothing was done"),
        (RefusalKind.APPROVAL_OVER, {}, "The invoice has changed since somebody asked, so nothing was done"),
        (RefusalKind.OWN_APPROVAL, {"ask": "<@U0MAYA>"}, "somebody else has to agree to it. Ask <@U0MAYA>."),
        (RefusalKind.APPROVER_LOST, {"by": "U0MAYA"}, "<@U0MAYA>, who approved this, may not approve it any more"),
        (RefusalKind.APPROVER_LOST, {}, "Who approved this may not approve it any more, so nothing was done"),
        (RefusalKind.BUSY, {"waiting": "yes"}, "so this was not approved. When that one has ended"),
        (RefusalKind.CHANGED, {"what": "approved"}, "The invoice is not what was approved any more"),
    ],
)
def test_a_refusal_says_why_and_what_to_do_next(kind: RefusalKind, facts: dict[str, str], words: str) -> None:
    assert words in refusal_sentence(Refusal(kind, facts), "/invoice")
