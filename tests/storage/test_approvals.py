"""What is written down of a question to a second person, and that it is answered once, in time, about what was asked."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.domain.action import Action, ActionState
from bot.domain.approval import (
    Answer,
    Answered,
    Approval,
    ApprovalState,
    Question,
    Reply,
    Waiting,
)
from bot.domain.money import Money
from bot.domain.offer import Decision, Offer, new_offer_id
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Busy, Letter, Redelivered, Say
from bot.storage.engine import Storage
from bot.storage.tables import approval as approval_table
from tests.storage.builders import (
    ANA,
    INVOICE,
    NOW,
    PAID,
    REF,
    ROW,
    TOM,
    a_claim,
    a_drawn_offer,
    a_press,
    a_step,
    all_letters,
    an_accepted,
    begun,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAY = timedelta(hours=24)
HALF = DAY / 2
APPROVERS = "C0LEADS"
_numbers = itertools.count(1)


def a_question(offer: Offer, **changes: object) -> Question:
    facts: dict[str, object] = {
        "delivery": f"question-{next(_numbers)}",
        "offer": offer,
        "decision": Decision(Action.VOID, "duplicate"),
        "actor": ANA,
        "reply_to": ROW,
        "role": "lead",
        "channel": APPROVERS,
        "at": NOW,
        "remind_at": NOW + HALF,
        "expires_at": NOW + DAY,
    }
    return Question(**(facts | changes))  # type: ignore[arg-type]


async def asked(storage: Storage, **changes: object) -> Approval:
    question = a_question(await a_drawn_offer(storage), **changes)
    waiting = await storage.journal.ask(question)
    assert isinstance(waiting, Waiting)
    return waiting.approval


def a_reply(approval: Approval, answer: Answer = Answer.APPROVE, **changes: object) -> Reply:
    at = changes.get("at", NOW)
    facts: dict[str, object] = {
        "approval_id": approval.id,
        "answer": answer,
        "by": TOM,
        "reply_to": replace(ROW, user=TOM.user, channel=APPROVERS, ts="1763600000.000900"),
        "delivery": f"reply-{next(_numbers)}",
        "at": at,
        "act_by": NOW + timedelta(minutes=10),
    }
    return Reply(**(facts | changes))  # type: ignore[arg-type]


async def state_of(storage: Storage, approval: Approval) -> ApprovalState:
    found = await storage.journal.approval(approval.id)
    assert found is not None
    return found.state


async def rewritten(storage: Storage, approval: Approval, **values: str) -> None:
    async with storage.journal._db.write() as connection:
        await connection.execute(update(approval_table).where(approval_table.c.id == approval.id).values(**values))


async def kinds(storage: Storage) -> list[str]:
    _, entries = await storage.journal.history(REF)
    return [entry.kind for entry in entries]


def said(letters: list[Letter]) -> list[tuple[Say, str]]:
    return [(letter.kind, letter.target) for letter in letters]


def why(refusal: object) -> tuple[RefusalKind, str]:
    assert isinstance(refusal, Refusal)
    return refusal.kind, refusal.facts.get("state", "")


# --- asking ------------------------------------------------------------------------------------------------------


async def test_a_question_is_written_down_with_its_event_its_post_and_the_answer_to_who_asked(storage: Storage) -> None:
    approval = await asked(storage)
    assert await storage.journal.approval(approval.id) == approval
    assert (approval.ref, approval.kind, approval.amount, approval.reason) == (REF, Action.VOID, INVOICE.owed, "duplicate")
    assert (approval.asker, approval.role, approval.channel, approval.expires_at) == (ANA, "lead", APPROVERS, NOW + DAY)
    assert await storage.journal.open_approvals(REF) == [approval]
    _, (entry,) = await storage.journal.history(REF)
    assert (entry.kind, entry.actor, entry.facts["reason"], entry.facts["amount"]) == (
        "approval.asked",
        ANA.user,
        "duplicate",
        str(INVOICE.owed),
    )
    letters = said(await all_letters(storage))
    assert (Say.QUESTION, approval.message) in letters
    assert (Say.QUESTION_ASKED, f"asked:{approval.id}") in letters


async def test_a_question_locks_nothing(storage: Storage) -> None:
    approval = await asked(storage)
    await an_accepted(storage)
    assert await state_of(storage, approval) is ApprovalState.OPEN


async def test_the_same_press_asks_once(storage: Storage) -> None:
    question = a_question(await a_drawn_offer(storage))
    assert isinstance(await storage.journal.ask(question), Waiting)
    await all_letters(storage)
    assert await storage.journal.ask(question) == Redelivered()
    assert await all_letters(storage) == []


@pytest.mark.parametrize(("actor", "is_own"), [(ANA, "yes"), (TOM, "")])
async def test_a_second_question_about_the_same_hears_who_asked(storage: Storage, actor: object, is_own: str) -> None:
    approval = await asked(storage)
    again = await storage.journal.ask(a_question(await a_drawn_offer(storage), actor=actor))
    assert isinstance(again, Refusal)
    assert again.kind is RefusalKind.APPROVAL_WAITING
    assert (again.facts["by"], again.facts["channel"], again.facts["is_own"]) == (ANA.user, APPROVERS, is_own)
    assert await storage.journal.open_approvals(REF) == [approval]
    assert [letter.kind for letter in await all_letters(storage)].count(Say.REFUSAL) == 1


async def test_questions_at_once_are_one(storage: Storage, replica: Storage) -> None:
    offer = await a_drawn_offer(storage)
    answers = await asyncio.gather(*(one.journal.ask(a_question(offer)) for one in (storage, replica) * 3))
    assert [isinstance(one, Waiting) for one in answers].count(True) == 1
    assert len(await storage.journal.open_approvals(REF)) == 1


async def test_two_kinds_of_decision_can_wait_at_the_same_time(storage: Storage) -> None:
    await asked(storage)
    await asked(storage, decision=Decision(Action.UNCOLLECTIBLE, "insolvent"))
    assert len(await storage.journal.open_approvals(REF)) == 2


async def test_while_a_decision_is_open_nobody_is_asked(storage: Storage) -> None:
    await an_accepted(storage)
    refusal = await storage.journal.ask(a_question(await a_drawn_offer(storage)))
    assert why(refusal)[0] is RefusalKind.BUSY
    assert await storage.journal.open_approvals(REF) == []


async def test_a_button_from_before_another_decision_asks_nobody(storage: Storage) -> None:
    old = await a_drawn_offer(storage)
    await an_accepted(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.DECLINED))
    assert why(await storage.journal.ask(a_question(old)))[0] is RefusalKind.CHANGED


# --- answering ---------------------------------------------------------------------------------------------------


async def test_an_approval_makes_the_asker_s_decision_in_the_same_commit(storage: Storage) -> None:
    approval = await asked(storage)
    answered = await storage.journal.reply(a_reply(approval))
    assert isinstance(answered, Answered)
    action = answered.action
    assert action is not None
    assert (action.actor, action.approver, action.approval_id) == (ANA, TOM.user, approval.id)
    assert (action.kind, action.reason, action.reply_to, action.state) == (
        Action.VOID,
        "duplicate",
        ROW,
        ActionState.ACCEPTED,
    )
    assert (action.created_at, action.act_by) == (NOW, NOW + timedelta(minutes=10))
    assert await storage.journal.approved_action(approval.id) == action
    assert await storage.journal.live_action(REF) == action
    assert (await a_claim(storage)).action.approver == TOM.user
    assert await kinds(storage) == ["approval.asked", "approval.approved", "action.accepted"]
    _, entries = await storage.journal.history(REF)
    assert (entries[1].actor, entries[1].facts["actor"]) == (TOM.user, ANA.user)
    assert entries[2].facts["approver"] == TOM.user


async def test_a_no_makes_no_decision(storage: Storage) -> None:
    approval = await asked(storage)
    answered = await storage.journal.reply(a_reply(approval, Answer.DENY))
    assert isinstance(answered, Answered)
    assert (answered.approval.state, answered.approval.answered_by, answered.action) == (
        ApprovalState.DENIED,
        TOM.user,
        None,
    )
    assert await storage.journal.live_action(REF) is None
    assert (Say.QUESTION_ENDED, f"ended:{approval.id}") in said(await all_letters(storage))


@pytest.mark.parametrize(("first", "second"), list(itertools.product(Answer, Answer)))
async def test_the_first_answer_counts(storage: Storage, first: Answer, second: Answer) -> None:
    approval = await asked(storage)
    assert isinstance(await storage.journal.reply(a_reply(approval, first)), Answered)
    state = ApprovalState.APPROVED if first is Answer.APPROVE else ApprovalState.DENIED
    late = await storage.journal.reply(a_reply(approval, second))
    assert why(late) == (RefusalKind.APPROVAL_OVER, state.value)
    assert await state_of(storage, approval) is state


@pytest.mark.parametrize("answer", list(Answer))
@pytest.mark.parametrize("late", [DAY, DAY + timedelta(days=40)])
async def test_an_answer_after_the_time_counts_for_nothing_though_nobody_has_swept(
    storage: Storage, answer: Answer, late: timedelta
) -> None:
    approval = await asked(storage)
    refusal = await storage.journal.reply(a_reply(approval, answer, at=NOW + late))
    assert why(refusal) == (RefusalKind.APPROVAL_OVER, "expired")
    assert await storage.journal.live_action(REF) is None
    assert await storage.journal.expire_approvals(NOW + late) == 1


async def test_an_answer_in_the_last_moment_counts(storage: Storage) -> None:
    approval = await asked(storage)
    just_in_time = NOW + DAY - timedelta(milliseconds=1)
    assert isinstance(await storage.journal.reply(a_reply(approval, at=just_in_time)), Answered)


async def test_a_delivery_that_comes_again_has_no_second_effect(storage: Storage) -> None:
    approval = await asked(storage)
    reply = a_reply(approval)
    assert isinstance(await storage.journal.reply(reply), Answered)
    await all_letters(storage)
    assert await storage.journal.reply(reply) == Redelivered()
    assert await all_letters(storage) == []


async def test_answers_at_once_make_one_decision(storage: Storage, replica: Storage) -> None:
    for _ in range(5):
        approval = await asked(storage)
        replies = [a_reply(approval, answer) for answer in (Answer.APPROVE, Answer.DENY, Answer.APPROVE)]
        doors = (storage, replica, replica)
        answers = await asyncio.gather(*(door.journal.reply(one) for door, one in zip(doors, replies, strict=True)))
        assert [isinstance(one, Answered) for one in answers].count(True) == 1
        live = await storage.journal.live_action(REF)
        assert (live is not None) is (await state_of(storage, approval) is ApprovalState.APPROVED)
        if live is not None:
            await storage.journal.record(await a_claim(storage), a_step(ActionState.REFUSED))


async def test_an_approval_and_its_expiry_at_once_never_both_win(storage: Storage, replica: Storage) -> None:
    at = NOW + DAY
    for _ in range(5):
        approval = await asked(storage)
        reply = a_reply(approval, at=at - timedelta(milliseconds=1))
        answered, _ = await asyncio.gather(storage.journal.reply(reply), replica.journal.expire_approvals(at))
        live = await storage.journal.live_action(REF)
        state = await state_of(storage, approval)
        assert (live is not None) is isinstance(answered, Answered) is (state is ApprovalState.APPROVED)
        if live is not None:
            await storage.journal.record(await a_claim(storage, at=at), a_step(ActionState.REFUSED))


async def test_another_open_decision_leaves_the_question_open(storage: Storage) -> None:
    approval = await asked(storage)
    await an_accepted(storage)
    refusal = await storage.journal.reply(a_reply(approval))
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.facts["waiting"]) == (RefusalKind.BUSY, "yes")
    assert await state_of(storage, approval) is ApprovalState.OPEN
    await storage.journal.record(await a_claim(storage), a_step(ActionState.EXPIRED))
    assert isinstance(await storage.journal.reply(a_reply(approval)), Answered)


async def test_a_press_and_an_approval_at_once_are_one_decision(storage: Storage, replica: Storage) -> None:
    for _ in range(5):
        offer = await a_drawn_offer(storage)
        approval = await asked(storage)
        answered, pressed = await asyncio.gather(
            storage.journal.reply(a_reply(approval)), replica.journal.accept(a_press(offer))
        )
        assert isinstance(answered, Answered) is isinstance(pressed, Busy)
        await storage.journal.record(await a_claim(storage), a_step(ActionState.REFUSED))
        await storage.journal.reply(a_reply(approval, Answer.DENY))


@pytest.mark.parametrize("other", [{"kind": "uncollectible"}, {"method": "pm_9"}, {"fingerprint": "another"}], ids=str)
async def test_a_yes_to_something_else_than_what_was_asked_makes_no_decision(
    storage: Storage, other: dict[str, str]
) -> None:
    """The row says another thing by now, by a mistake of ours or by a hand in the database."""
    approval = await asked(storage)
    await rewritten(storage, approval, **other)
    assert why(await storage.journal.reply(a_reply(approval))) == (RefusalKind.APPROVAL_OVER, "dead")
    assert await storage.journal.live_action(REF) is None
    assert await storage.journal.approved_action(approval.id) is None
    assert await state_of(storage, approval) is ApprovalState.DEAD


async def test_a_question_that_another_decision_overtook_makes_no_decision(storage: Storage) -> None:
    """It was still being written when the other one came and went, which therefore could not end it."""
    approval = await asked(storage)
    await rewritten(storage, approval, state="not written yet")
    await an_accepted(storage)
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.DECLINED))
    await rewritten(storage, approval, state="open")
    assert why(await storage.journal.reply(a_reply(approval))) == (RefusalKind.APPROVAL_OVER, "dead")
    assert await storage.journal.live_action(REF) is None
    assert (await kinds(storage))[-2:] == ["approval.dead", "press.refused"]


async def test_an_unknown_question_has_no_answer(storage: Storage) -> None:
    approval = replace(await asked(storage), id="f" * 32)
    for answer in Answer:
        assert why(await storage.journal.reply(a_reply(approval, answer)))[0] is RefusalKind.OLD_BUTTON


# --- what was asked is not there any more ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "fresh"),
    [
        (ActionState.SUCCEEDED, PAID),
        (ActionState.DECLINED, replace(INVOICE, newest_charge="ch_2")),
        (ActionState.REFUSED, replace(INVOICE, owed=Money(1, "EUR"))),
        (ActionState.REJECTED, INVOICE),
        (ActionState.SUCCEEDED, None),
    ],
)
async def test_a_question_ends_with_the_decision_that_changed_its_invoice(
    storage: Storage, state: ActionState, fresh: object
) -> None:
    approval = await asked(storage)
    await an_accepted(storage)
    claim = await a_claim(storage)
    claim = claim if state is ActionState.REFUSED else await begun(storage, claim)
    await storage.journal.record(claim, a_step(state, fresh))  # type: ignore[arg-type]
    found = await storage.journal.approval(approval.id)
    assert found is not None
    assert (found.state, found.why) == (ApprovalState.DEAD, "changed")
    assert "approval.dead" in await kinds(storage)
    assert why(await storage.journal.reply(a_reply(approval))) == (RefusalKind.APPROVAL_OVER, "dead")


async def test_a_question_outlives_a_decision_that_changed_nothing(storage: Storage) -> None:
    approval = await asked(storage)
    await an_accepted(storage)
    await storage.journal.record(await a_claim(storage), a_step(ActionState.REFUSED, INVOICE))
    assert await state_of(storage, approval) is ApprovalState.OPEN


async def test_the_end_of_an_approved_decision_redraws_its_question(storage: Storage) -> None:
    approval = await asked(storage)
    await storage.journal.reply(a_reply(approval))
    claim = await begun(storage, await a_claim(storage))
    await all_letters(storage)
    await storage.journal.record(claim, a_step(ActionState.SUCCEEDED, PAID))
    assert (Say.REDRAW, approval.message) in said(await all_letters(storage))


async def test_a_question_that_could_not_be_posted_ends(storage: Storage) -> None:
    approval = await asked(storage)
    await storage.journal.never_asked(approval.id, NOW)
    found = await storage.journal.approval(approval.id)
    assert found is not None
    assert (found.state, found.why) == (ApprovalState.DEAD, "not_posted")
    await asked(storage)


# --- time --------------------------------------------------------------------------------------------------------


async def test_only_what_is_over_expires_and_only_once(storage: Storage, replica: Storage) -> None:
    approval = await asked(storage)
    assert await storage.journal.expire_approvals(NOW + DAY - timedelta(milliseconds=1)) == 0
    await all_letters(storage)
    doors = (storage, replica, storage, replica)
    ended = await asyncio.gather(*(one.journal.expire_approvals(NOW + DAY) for one in doors))
    assert sum(ended) == 1
    assert await state_of(storage, approval) is ApprovalState.EXPIRED
    assert (await kinds(storage)).count("approval.expired") == 1
    ends = [letter for letter in await all_letters(storage, NOW + DAY) if letter.kind is Say.QUESTION_ENDED]
    assert len(ends) == 1
    await asked(storage)


async def test_the_reminder_comes_once_half_way(storage: Storage, replica: Storage) -> None:
    approval = await asked(storage)
    await all_letters(storage)
    assert await storage.journal.remind_approvers(NOW + HALF - timedelta(milliseconds=1)) == 0
    reminded = await asyncio.gather(*(one.journal.remind_approvers(NOW + HALF) for one in (storage, replica, storage)))
    assert sum(reminded) == 1
    assert said(await all_letters(storage, NOW + HALF)) == [(Say.REMINDER, f"remind:{approval.id}")]
    assert await storage.journal.remind_approvers(NOW + DAY - timedelta(seconds=1)) == 0


@pytest.mark.parametrize("answer", list(Answer))
async def test_nobody_is_reminded_of_what_has_its_answer(storage: Storage, answer: Answer) -> None:
    await storage.journal.reply(a_reply(await asked(storage), answer))
    assert await storage.journal.remind_approvers(NOW + HALF) == 0
    assert await storage.journal.expire_approvals(NOW + DAY) == 0


# --- keeping -----------------------------------------------------------------------------------------------------


async def test_what_an_open_question_is_about_is_kept_however_old_its_button_was(storage: Storage) -> None:
    offer = await a_drawn_offer(storage)
    await a_drawn_offer(storage, replace(offer, id=new_offer_id(), made_at=NOW + timedelta(days=80)))
    at = NOW + timedelta(days=80)
    waiting = await storage.journal.ask(a_question(offer, at=at, remind_at=at + DAY, expires_at=at + 30 * DAY))
    assert isinstance(waiting, Waiting)
    later = NOW + timedelta(days=95)
    await storage.journal.prune(later)
    answered = await storage.journal.reply(a_reply(waiting.approval, at=later))
    assert isinstance(answered, Answered)
    await storage.journal.prune(later)
    assert await storage.journal.offer(offer.id) == offer, "the letter about its end is not written yet"
