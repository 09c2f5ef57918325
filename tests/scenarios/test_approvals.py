"""A second person: asked with two buttons, answered once, by somebody who may, about exactly what was asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from bot.domain.action import STAR, Word
from bot.domain.policy import ApprovalRule, Role, Rule
from bot.sandbox.slack_state import Message
from tests.scenarios.reading import Reading, read
from tests.scenarios.stage import (
    A_MINUTE,
    GUS,
    LEAD,
    LEAD_RULE,
    MAYA,
    NADIA,
    OPS,
    RETRY,
    SUP,
    TOM,
    VOID,
    Bill,
    House,
    Stage,
    money,
)
from tests.scenarios.test_dialogs import filled
from tests.scenarios.test_retry import both_ways

APPROVE, DENY = "Approve", "Deny"
A_DAY = timedelta(hours=24)
THE_BUTTONS_STAY = {"web_api_down": True, "only": "chat.update"}
"""Slack takes no edits for a while, so the message keeps what it offered."""
CONTROLLER = Role("controller", frozenset({NADIA, MAYA}))
CLERK = Role("clerk", frozenset({TOM, GUS}))
HOUSE = House(
    roles=(LEAD, CONTROLLER, CLERK),
    rules=(
        LEAD_RULE,
        Rule("controller", frozenset({Word.VIEW, Word.APPROVE})),
        Rule("clerk", STAR | {Word.APPROVE}),
    ),
    approvals=(
        ApprovalRule(frozenset({Word.VOID}), "controller", SUP, above=money("100"), expires=A_DAY),
        ApprovalRule(frozenset({Word.RETRY}), "controller", SUP, above=money("1000"), expires=A_DAY),
    ),
)
"""Maya asks, Nadia (or Maya, for others) agrees. Tom may approve by his rule, and is not in the role that is asked."""


@pytest.fixture
def house(over_socket: bool) -> House:
    return replace(HOUSE, over_socket=over_socket)


def questions(stage: Stage, channel: str = SUP) -> list[Message]:
    found = stage.slack.messages(channel)
    return [one for one in found if one.thread_ts is None and "· asked by " in read(one.blocks, one.text).text]


def question_says(stage: Stage, *words: str) -> Reading | None:
    found = questions(stage)
    reading = read(found[-1].blocks) if found else None
    return reading if reading is not None and reading.says(*words) else None


@dataclass(frozen=True)
class Question:
    """The message as it was first posted, whatever it says later: somebody may have it open since then."""

    message: Message
    said: Reading


async def asked(stage: Stage, user: str = MAYA, *, amount: int = 420_000) -> tuple[Bill, Message, Question]:
    """Somebody wants an invoice voided that needs a second person; answers it, the digest and the question."""
    bill = stage.bill(amount=amount)
    digest = await stage.digest()
    before = len(questions(stage))
    await stage.press(user, VOID, bill, digest)
    await stage.slack.submit(user, filled("duplicate", "as agreed with sales"))
    return bill, digest, await posted(stage, before)


async def posted(stage: Stage, before: int = 0) -> Question:
    found = await stage.eventually(lambda: questions(stage)[before:], "the question")
    return Question(found[0], read(found[0].blocks))


async def answer(stage: Stage, user: str, label: str, question: Question) -> None:
    reply = await stage.push(user, question.said.button(label), question.message)
    assert reply.ok, reply


# --- the way it goes ---------------------------------------------------------------------------------------------


@both_ways
async def test_a_void_above_the_amount_is_done_when_a_second_person_agrees(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    shown = question.said
    assert shown.says("<@U0MAYA>", VOID, "Acme GmbH", bill.number, "EUR 4,200.00", "as agreed with sales", "<@U0NADIA>")
    assert (shown.primary, [one.has_dialog for one in shown.pressables]) == ([APPROVE], [True, True])
    await stage.told(MAYA, "I asked <@U0NADIA> in <#C0SUP>", bill.number, "Nothing has been done yet")
    await stage.row_says(
        bill, digest, "<@U0MAYA> asked for “Void invoice”", "waiting for approval by controller in <#C0SUP>"
    )
    assert VOID in stage.row(bill, digest).labels, "asking locks nothing"
    assert (stage.sends(bill), stage.status(bill)) == ([], "open")

    await answer(stage, NADIA, APPROVE, question)

    await stage.row_says(bill, digest, "Voided: EUR 4,200.00", "<@U0MAYA>, approved by <@U0NADIA>")
    assert (stage.sends(bill), stage.status(bill)) == (["void"], "void")
    await stage.eventually(lambda: question_says(stage, "Approved by <@U0NADIA>", "Voided"), "the question's end")
    assert questions(stage)[-1].blocks
    assert read(questions(stage)[-1].blocks).pressables == ()
    await stage.told(MAYA, "was approved by <@U0NADIA>")
    assert stage.objections() == []


async def test_below_the_amount_one_person_is_enough(stage: Stage) -> None:
    bill = stage.bill(amount=10_000)
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.submit(MAYA, filled("duplicate"))
    await stage.row_says(bill, digest, "Voided")
    assert questions(stage) == []


async def test_a_no_ends_it_and_who_asked_is_told(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    await answer(stage, NADIA, DENY, question)
    await stage.eventually(lambda: question_says(stage, "Denied by <@U0NADIA>", "nothing was done"), "the no")
    await stage.told(MAYA, "was denied by <@U0NADIA>")
    await stage.eventually(lambda: not stage.row(bill, digest).says("waiting for"), "the row without the question")
    assert (stage.sends(bill), stage.status(bill)) == ([], "open")


async def test_who_asked_may_take_it_back(stage: Stage) -> None:
    bill, _, question = await asked(stage)
    await answer(stage, MAYA, DENY, question)
    await stage.eventually(lambda: question_says(stage, "Taken back by <@U0MAYA>"), "the end")
    assert stage.sends(bill) == []


async def test_the_history_names_both_and_the_reason(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    await answer(stage, NADIA, APPROVE, question)
    await stage.row_says(bill, digest, "Voided")
    await stage.command(MAYA, f"history {bill.ref}")
    told = await stage.told(MAYA, "1 decision about")
    assert told.says("<@U0MAYA>, approved by <@U0NADIA>", "as agreed with sales", "asked for approval")


# --- who may answer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "told"),
    [
        (MAYA, "You asked for this, so somebody else has to agree to it"),
        (TOM, "You may not approve decisions"),
        (GUS, "Guests of this workspace"),
    ],
    ids=["who asked", "not of the role", "a guest"],
)
async def test_nobody_else_can_agree(stage: Stage, user: str, told: str) -> None:
    bill, _, question = await asked(stage)
    for _ in range(2):
        await answer(stage, user, APPROVE, question)
    await stage.told(user, told)
    await stage.settled()
    assert (stage.sends(bill), question_says(stage, "please approve or deny") is not None) == ([], True)


async def test_whoever_lost_the_role_before_it_is_carried_out_has_approved_nothing(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    people = stage.slack.workspace.people
    people[NADIA] = replace(people[NADIA], guest=True)
    stage.clock.ahead += A_MINUTE  # what was read of people is not read again at once
    await answer(stage, NADIA, APPROVE, question)
    await stage.told(
        MAYA, "<@U0NADIA>, who approved this, may not approve it any more", "Press the button again to ask <@U0NADIA>"
    )
    await stage.settled()
    assert (stage.sends(bill), stage.status(bill)) == ([], "open")
    assert VOID in stage.row(bill, digest).labels


async def test_what_somebody_asked_for_and_may_not_decide_any_more_is_not_done(stage: Stage) -> None:
    bill, _, question = await asked(stage, TOM)
    people = stage.slack.workspace.people
    people[TOM] = replace(people[TOM], guest=True)
    stage.clock.ahead += A_MINUTE
    await answer(stage, NADIA, APPROVE, question)
    await stage.told(TOM, "Guests of this workspace")
    await stage.settled()
    assert (stage.sends(bill), stage.status(bill)) == ([], "open")


# --- once --------------------------------------------------------------------------------------------------------


async def test_two_approvers_at_once_make_one_decision(stage: Stage) -> None:
    bill = stage.bill(amount=420_000)
    digest = await stage.digest()
    await stage.press(TOM, VOID, bill, digest)
    await stage.slack.submit(TOM, filled("duplicate"))
    question = await posted(stage)
    await asyncio.gather(*(answer(stage, user, APPROVE, question) for user in (NADIA, MAYA, NADIA)))
    await stage.row_says(bill, digest, "Voided")
    await stage.settled()
    assert stage.sends(bill) == ["void"]


async def test_an_answer_that_slack_delivers_again_has_no_second_effect(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    await answer(stage, NADIA, APPROVE, question)
    await stage.slack.redeliver()
    await stage.row_says(bill, digest, "Voided")
    await stage.settled()
    assert stage.sends(bill) == ["void"]
    assert stage.private(NADIA) == []


async def test_asking_twice_asks_once_and_says_so(stage: Stage) -> None:
    bill, digest, _ = await asked(stage)
    await stage.press(TOM, VOID, bill, digest)
    await stage.slack.submit(TOM, filled("duplicate"))
    await stage.told(TOM, "<@U0MAYA> has asked for this already in <#C0SUP>")
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.submit(MAYA, filled("duplicate"))
    await stage.told(MAYA, "You have asked for this already")
    assert len(questions(stage)) == 1


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in (APPROVE, DENY) for b in (APPROVE, DENY)])
async def test_only_the_first_answer_counts(stage: Stage, first: str, second: str) -> None:
    bill, _, question = await asked(stage)
    stage.slack.faults.set(THE_BUTTONS_STAY)
    await answer(stage, NADIA, first, question)
    await answer(stage, NADIA, second, question)
    await stage.told(NADIA, "has been approved" if first == APPROVE else "has said no to this already")
    stage.slack.faults.clear()
    end = "Approved by" if first == APPROVE else "Denied by"
    await stage.eventually(lambda: question_says(stage, end), "the first answer")
    await stage.eventually(lambda: stage.status(bill) == ("void" if first == APPROVE else "open"), "the end")
    assert stage.sends(bill) == (["void"] if first == APPROVE else [])


# --- time --------------------------------------------------------------------------------------------------------


async def test_an_answer_after_the_time_is_over_counts_for_nothing(stage: Stage) -> None:
    bill, _, question = await asked(stage)
    stage.slack.faults.set(THE_BUTTONS_STAY)
    await stage.restart(later=A_DAY)
    for label in (APPROVE, DENY):
        await answer(stage, NADIA, label, question)
    await stage.told(NADIA, "The time for an answer is over")
    await stage.settled()
    assert stage.sends(bill) == []


async def test_approvers_are_reminded_once_and_who_asked_hears_that_nobody_answered(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    await stage.restart(later=A_DAY / 2)
    await stage.eventually(lambda: reminders(stage, question), "the reminder")
    await stage.restart(later=timedelta(minutes=5))
    await stage.settled()
    assert len(reminders(stage, question)) == 1
    await stage.restart(later=A_DAY / 2)
    await stage.told(MAYA, "nobody in <#C0SUP> answered in time", "press the button again")
    await stage.eventually(lambda: question_says(stage, "Nobody answered in time"), "the end")
    await stage.eventually(lambda: not stage.row(bill, digest).says("waiting for"), "the row without the question")
    assert read(questions(stage)[-1].blocks).pressables == ()
    assert stage.sends(bill) == []


def reminders(stage: Stage, question: Question) -> list[Message]:
    return [one for one in stage.slack.messages(SUP) if one.thread_ts == question.message.ts]


# --- what was asked is not there any more ------------------------------------------------------------------------


async def test_another_decision_that_changes_the_invoice_ends_the_question(stage: Stage) -> None:
    bill, digest, question = await asked(stage, amount=50_000)
    stage.slack.faults.set(THE_BUTTONS_STAY)
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.told(MAYA, "cannot be approved any more")
    await answer(stage, NADIA, APPROVE, question)
    await stage.told(NADIA, "The invoice has changed since somebody asked")
    stage.slack.faults.clear()
    await stage.eventually(lambda: question_says(stage, "Not possible any more", "has changed"), "the end")
    await stage.row_says(bill, digest, "Paid EUR 500.00")
    assert stage.sends(bill) == ["pay"]


async def test_what_changed_at_the_provider_is_found_before_anything_is_sent(stage: Stage) -> None:
    bill, digest, question = await asked(stage)
    await stage.disturb("pay_elsewhere", invoice=bill.id)
    await answer(stage, NADIA, APPROVE, question)
    await stage.row_says(bill, digest, "This invoice has been paid since you saw it")
    await stage.eventually(lambda: question_says(stage, "Approved by", "Not done"), "the question telling it")
    assert stage.sends(bill) == []


# --- typed, and other ways around --------------------------------------------------------------------------------


async def test_a_typed_retry_that_needs_a_second_person_is_refused_and_gives_the_button_that_asks(stage: Stage) -> None:
    bill = stage.bill(amount=420_000)
    await stage.command(MAYA, f"retry {bill.ref}")
    told = await stage.told(MAYA, "needs a second person here, so nothing was done", "<#C0SUP>")
    assert RETRY in told.labels
    assert stage.charges(bill) == []
    message = stage.private_saying(MAYA, "needs a second person")[-1]
    await stage.push(MAYA, told.button(RETRY), message)
    question = await posted(stage)
    await answer(stage, NADIA, APPROVE, question)
    await stage.eventually(lambda: stage.collected(bill) == 420_000, "the money")
    await stage.told(MAYA, "was approved by <@U0NADIA>")
    assert len(stage.charges(bill)) == 1


async def test_a_question_that_cannot_be_posted_is_told_and_can_be_asked_again(stage: Stage) -> None:
    stage.slack.workspace.channels[SUP].bot_is_member = False
    bill = stage.bill(amount=420_000)
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.submit(MAYA, filled("duplicate"))
    await stage.told(MAYA, "cannot be approved any more", "could not be posted in <#C0SUP>")
    await stage.eventually(
        lambda: [m for m in stage.slack.messages(OPS) if "could not be posted" in read(m.blocks, m.text).text], "the alert"
    )
    stage.slack.workspace.channels[SUP].bot_is_member = True
    await stage.press(MAYA, VOID, bill, digest)
    await stage.slack.submit(MAYA, filled("duplicate"))
    await stage.eventually(lambda: questions(stage), "the question")
