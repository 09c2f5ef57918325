"""A second person's word: who may give it, that it is for one thing once, and that it is asked for again at the send."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.domain.action import Action, ActionState, Word
from bot.domain.approval import Answer, Answered, Approval, ApprovalState, Waiting
from bot.domain.content import AlertContent, ApprovalContent, RefusalContent, SaidOf
from bot.domain.invoice import Invoice
from bot.domain.money import Money
from bot.domain.offer import ButtonValue, Offer
from bot.domain.outcome import Rejected, RejectedReason, Unknown
from bot.domain.policy import Actor, ApprovalRule, People, Person, Policy, Role
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, NotSaid, Redelivered, SlackFailure
from bot.services.actions import ACT_WITHIN, Pressed
from bot.storage.tables import approval as approval_table
from tests.builders import AGENTS, ANA, EVE, INVOICE, NOW, OPS, PEOPLE, POLICY, REF, TEAM, TOM, on_message
from tests.fakes import FakeProvider
from tests.services.bench import HOUR, SECOND, Bench, Outside
from tests.services.test_guard import CHANGED

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEADS = "C0LEADS"
LIA = Actor("U0LIA", TEAM)
RULE = ApprovalRule(frozenset({Word.VOID, Word.RETRY}), "lead", LEADS, above={"EUR": Money(40_000, "EUR")})
AGENT_RULE, LEAD_RULE = POLICY.rules
TWO_LEADS: Policy = replace(
    POLICY,
    roles={**POLICY.roles, "lead": Role("lead", frozenset({TOM.user, LIA.user}))},
    rules=(AGENT_RULE, replace(LEAD_RULE, words=LEAD_RULE.words | {Word.APPROVE})),
    approvals=(RULE,),
)
"""Ana the agent asks, the leads Tom and Lia agree; for everything above EUR 400."""
EVERYBODY: People = replace(PEOPLE, persons={**PEOPLE.persons, LIA.user: Person()})


@pytest.fixture
def outside(outside: Outside) -> Outside:
    outside.policy = TWO_LEADS
    return outside


@pytest.fixture
def bench(outside: Outside) -> Bench:
    return a_bench(outside)


def a_bench(outside: Outside) -> Bench:
    made = Bench(outside)
    made.directory.people = made.directory.fresh = EVERYBODY
    return made


async def asked(bench: Bench, actor: Actor = ANA, action: Action = Action.VOID, offer: Offer | None = None) -> Approval:
    waiting = await bench.press(offer or await bench.shown(), action, actor)
    assert isinstance(waiting, Waiting), waiting
    return waiting.approval


async def answer(
    bench: Bench, approval: Approval, actor: Actor = TOM, verb: Answer = Answer.APPROVE, *, channel: str = LEADS
) -> Answered | Refusal | Redelivered:
    return await bench.approvals.reply(
        Pressed(
            value=str(ButtonValue(approval.id, verb.value)),
            actor=actor,
            reply_to=on_message(actor, channel=channel, ts="1763600000.000900"),
            delivery=f"answer-{next(bench._numbers)}",
        )
    )


async def approved(bench: Bench, actor: Actor = ANA, action: Action = Action.VOID) -> Approval:
    approval = await asked(bench, actor, action)
    assert isinstance(await answer(bench, approval, LIA), Answered)
    return approval


async def now_is(bench: Bench, approval: Approval) -> ApprovalState:
    found = await bench.journal.approval(approval.id)
    assert found is not None
    return found.state


def kind_of(outcome: object) -> RefusalKind | None:
    return outcome.kind if isinstance(outcome, Refusal) else None


# --- asking ------------------------------------------------------------------------------------------------------


async def test_a_press_above_the_amount_asks_and_decides_nothing(bench: Bench) -> None:
    approval = await asked(bench)
    assert (approval.asker, approval.kind, approval.amount, approval.reason) == (
        ANA,
        Action.VOID,
        INVOICE.owed,
        "asked by customer",
    )
    assert (approval.created_at, approval.expires_at) == (bench.clock.now(), bench.clock.now() + timedelta(hours=24))
    await bench.work()
    assert await bench.journal.live_action(REF) is None
    assert bench.provider.performed == []


async def test_a_press_up_to_the_amount_needs_nobody(outside: Outside) -> None:
    outside.policy = replace(TWO_LEADS, approvals=(replace(RULE, above={"EUR": INVOICE.owed}),))
    bench = a_bench(outside)
    assert isinstance(await bench.press(await bench.shown(), Action.VOID), Accepted)


async def test_whoever_may_not_decide_may_not_ask_either(bench: Bench) -> None:
    assert kind_of(await bench.press(await bench.shown(), Action.VOID, EVE)) is RefusalKind.NO_RIGHT
    assert await bench.journal.open_approvals(REF) == []


async def test_while_frozen_nobody_is_asked_and_nobody_can_agree(bench: Bench) -> None:
    approval = await asked(bench)
    await bench.journal.freeze(TOM.user, "incident", NOW)
    assert kind_of(await answer(bench, approval)) is RefusalKind.FROZEN
    assert kind_of(await bench.press(await bench.shown(), Action.RETRY)) is RefusalKind.FROZEN
    assert await now_is(bench, approval) is ApprovalState.OPEN


async def test_while_frozen_a_second_person_can_still_say_no(bench: Bench) -> None:
    approval = await asked(bench)
    await bench.journal.freeze(TOM.user, "incident", NOW)
    assert isinstance(await answer(bench, approval, verb=Answer.DENY), Answered)
    assert await now_is(bench, approval) is ApprovalState.DENIED


async def test_a_row_says_who_asked_and_keeps_its_buttons(bench: Bench) -> None:
    approval = await asked(bench)
    row = await bench.fresh_row()
    assert row.waiting == (approval,)
    assert len(row.choices) > 1
    bench.clock.advance(timedelta(hours=24))
    assert (await bench.fresh_row()).waiting == ()


# --- who may answer: nobody else, however they come -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("asker", "actor", "channel", "why"),
    [
        (ANA, ANA, LEADS, RefusalKind.OWN_APPROVAL),
        (TOM, TOM, LEADS, RefusalKind.OWN_APPROVAL),
        (ANA, EVE, LEADS, RefusalKind.NO_RIGHT),
        (ANA, TOM, "C0FIN", RefusalKind.FOREIGN_BUTTON),
        (ANA, TOM, "D0TOM", RefusalKind.FOREIGN_BUTTON),
        (ANA, replace(TOM, team="T0OTHER"), LEADS, RefusalKind.OTHER_TEAM),
        (TOM, replace(TOM, team="T0OTHER"), LEADS, RefusalKind.OTHER_TEAM),
    ],
)
@pytest.mark.parametrize("verb", list(Answer))
async def test_only_the_second_person_answers(
    bench: Bench, asker: Actor, actor: Actor, channel: str, why: RefusalKind, verb: Answer
) -> None:
    approval = await asked(bench, asker)
    outcome = await answer(bench, approval, actor, verb, channel=channel)
    if verb is Answer.DENY and why is RefusalKind.OWN_APPROVAL:
        assert isinstance(outcome, Answered)
        assert outcome.approval.is_taken_back
    else:
        assert kind_of(outcome) is why
        assert await now_is(bench, approval) is ApprovalState.OPEN
    await bench.work()
    assert bench.provider.performed == []


async def test_without_a_reading_of_the_people_nobody_approves(bench: Bench) -> None:
    approval = await asked(bench)
    bench.directory.people = None
    assert kind_of(await answer(bench, approval)) is RefusalKind.ROLES_UNKNOWN


async def test_the_role_counts_that_the_rules_ask_for_now(outside: Outside) -> None:
    approval = await asked(a_bench(outside))
    roles = {**TWO_LEADS.roles, "boss": Role("boss", frozenset({LIA.user}))}
    outside.policy = replace(TWO_LEADS, roles=roles, approvals=(replace(RULE, role="boss"),))
    later = a_bench(outside)
    assert kind_of(await answer(later, approval, TOM)) is RefusalKind.NO_RIGHT
    assert isinstance(await answer(later, approval, LIA), Answered)


async def test_a_button_that_nobody_wrote_is_an_old_one(bench: Bench) -> None:
    approval = await asked(bench)
    unknown = replace(approval, id="0" * 32)
    assert kind_of(await answer(bench, unknown)) is RefusalKind.OLD_BUTTON
    press = bench.pressed(await bench.shown(message="card:2"), Action.VOID)
    assert kind_of(await bench.approvals.reply(press)) is RefusalKind.OLD_BUTTON


# --- carried out -------------------------------------------------------------------------------------------------


async def test_what_two_people_want_is_done_once_in_the_name_of_who_asked(bench: Bench) -> None:
    approval = await approved(bench)
    await bench.work()
    action = await bench.newest()
    assert (action.state, action.actor, action.approver, action.act_by) == (
        ActionState.SUCCEEDED,
        ANA,
        LIA.user,
        action.created_at + ACT_WITHIN,
    )
    assert [order.action for order in bench.provider.performed] == [Action.VOID]
    assert bench.provider.performed[0].reason == "asked by customer"
    assert bench.directory.readings >= 2, "the roles of both are read again"
    assert kind_of(await answer(bench, approval)) is RefusalKind.APPROVAL_OVER


async def test_no_approval_is_used_twice(bench: Bench) -> None:
    await approved(bench)
    bench.directory.forget(AGENTS)
    await bench.work()
    assert await bench.state() is ActionState.REFUSED
    bench.directory.people = bench.directory.fresh = EVERYBODY
    bench.clock.advance(SECOND)
    again = await asked(bench, offer=await bench.fresh_offer())
    await bench.work()
    assert await now_is(bench, again) is ApprovalState.OPEN
    assert bench.provider.performed == []


@pytest.mark.parametrize("fresh", CHANGED.values(), ids=list(CHANGED))
async def test_what_is_not_as_it_was_approved_is_not_sent(bench: Bench, fresh: Invoice) -> None:
    await approved(bench, action=Action.RETRY)
    bench.provider.now_shows(fresh)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.CHANGED
    assert bench.provider.performed == []


async def test_an_approval_of_something_else_sends_nothing(bench: Bench) -> None:
    """The row says another thing than what was agreed to, by a mistake of ours or by a hand in the database."""
    approval = await approved(bench)
    other = update(approval_table).where(approval_table.c.id == approval.id).values(fingerprint="another")
    async with bench.storage.journal._db.write() as connection:
        await connection.execute(other)
    await bench.work()
    refusal = await bench.refusal()
    assert (refusal.kind, refusal.facts["what"]) == (RefusalKind.CHANGED, "approved")
    assert bench.provider.performed == []


async def test_an_approver_who_is_gone_has_approved_nothing(bench: Bench) -> None:
    await approved(bench)
    persons = {**EVERYBODY.persons, LIA.user: Person(is_gone=True)}
    bench.directory.fresh = replace(EVERYBODY, persons=persons)
    await bench.work()
    refusal = await bench.refusal()
    assert (refusal.kind, refusal.facts["by"]) == (RefusalKind.APPROVER_LOST, LIA.user)
    assert bench.provider.performed == []


async def test_an_approver_who_lost_the_role_has_approved_nothing(outside: Outside) -> None:
    await approved(a_bench(outside))
    outside.policy = replace(TWO_LEADS, roles={**TWO_LEADS.roles, "lead": Role("lead", frozenset({TOM.user}))})
    later = a_bench(outside)
    await later.work()
    assert (await later.refusal()).kind is RefusalKind.APPROVER_LOST
    assert later.provider.performed == []


async def test_an_asker_who_lost_the_right_gets_nothing_done(bench: Bench) -> None:
    await approved(bench)
    bench.directory.forget(AGENTS)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.NO_RIGHT
    assert bench.provider.performed == []


async def test_where_slack_does_not_tell_the_roles_nothing_is_sent(bench: Bench) -> None:
    await approved(bench)
    bench.directory.fresh = None
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.ROLES_UNKNOWN
    assert bench.provider.performed == []


async def test_an_approval_by_the_asker_in_the_database_sends_nothing(bench: Bench) -> None:
    approval = await approved(bench, TOM)
    own = update(approval_table).where(approval_table.c.id == approval.id).values(answered_by=TOM.user)
    async with bench.storage.journal._db.write() as connection:
        await connection.execute(own)
    await bench.work()
    assert (await bench.refusal()).kind is RefusalKind.APPROVER_LOST
    assert bench.provider.performed == []


async def test_nothing_is_sent_a_second_time_without_the_second_person(bench: Bench) -> None:
    """The same key again would be safe; but who approved may not any more, so from now on it is only looked up."""
    bench.provider.answers.append(Unknown(cause="no answer"))
    await approved(bench, action=Action.RETRY)
    await bench.work()
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.UNKNOWN, 1)
    bench.directory.people = bench.directory.fresh = replace(
        EVERYBODY, persons={**EVERYBODY.persons, LIA.user: Person(is_gone=True)}
    )
    bench.provider.truths.append(Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect yet"))
    await bench.work(after=6 * SECOND)
    assert (await bench.state(), len(bench.provider.performed)) == (ActionState.UNKNOWN, 1)


@pytest.mark.parametrize("state", [state for state in ApprovalState if state is not ApprovalState.APPROVED])
async def test_a_question_that_was_not_approved_sends_nothing_whatever_was_made_of_it(
    bench: Bench, state: ApprovalState
) -> None:
    approval = await approved(bench)
    async with bench.storage.journal._db.write() as connection:
        await connection.execute(update(approval_table).values(state=state.value))
    await bench.work()
    assert await now_is(bench, approval) is state
    assert (await bench.refusal()).kind is RefusalKind.APPROVER_LOST
    assert bench.provider.performed == []


async def test_a_rule_that_is_new_since_the_press_holds_at_the_send(outside: Outside) -> None:
    outside.policy = replace(TWO_LEADS, approvals=())
    before = a_bench(outside)
    assert isinstance(await before.press(await before.shown(), Action.VOID), Accepted)
    outside.policy = TWO_LEADS
    after = a_bench(outside)
    await after.work()
    refusal = await after.refusal()
    assert (refusal.kind, refusal.facts["channel"]) == (RefusalKind.NEEDS_APPROVAL, LEADS)
    assert after.provider.performed == []


async def test_a_typed_command_is_told_that_a_second_person_is_needed_and_gets_the_button(bench: Bench) -> None:
    assert isinstance(await bench.type(str(REF)), Accepted)
    await bench.work()
    refusal = await bench.refusal()
    assert (refusal.kind, refusal.facts["ask"]) == (RefusalKind.NEEDS_APPROVAL, "<@U0LIA>, <@U0TOM>")
    assert bench.provider.performed == []
    assert await bench.journal.open_approvals(REF) == []


# --- what is said ------------------------------------------------------------------------------------------------


def told(bench: Bench) -> list[tuple[str, str, SaidOf, ApprovalState]]:
    return [
        (said.how, said.to, said.content.said, said.content.approval.state)
        for said in bench.announcer.said
        if isinstance(said.content, ApprovalContent)
    ]


async def test_the_question_is_posted_and_who_asked_hears_of_it_and_of_its_end(bench: Bench) -> None:
    approval = await asked(bench)
    await bench.talk()
    assert ("post", LEADS, SaidOf.QUESTION, ApprovalState.OPEN) in told(bench)
    assert [one[2] for one in told(bench)].count(SaidOf.ASKED) == 1
    bench.announcer.said.clear()
    await answer(bench, approval, LIA, Answer.DENY)
    await bench.talk()
    assert ("direct", ANA.user, SaidOf.ENDED, ApprovalState.DENIED) in told(bench)
    assert ("update", LEADS, SaidOf.QUESTION, ApprovalState.DENIED) in told(bench)


async def test_an_end_finds_who_asked_where_direct_messages_do_not(bench: Bench) -> None:
    approval = await asked(bench)
    await bench.talk()
    bench.announcer.dead.add("direct")
    await answer(bench, approval, LIA, Answer.DENY)
    await bench.talk()
    assert ("whisper", "C0FIN", SaidOf.ENDED, ApprovalState.DENIED) in told(bench)


async def test_a_question_that_ended_before_it_could_be_posted_is_posted_with_its_end(bench: Bench) -> None:
    await asked(bench)
    bench.clock.advance(timedelta(hours=24))
    await bench.approvals.sweep()
    await bench.talk()
    assert [one for one in told(bench) if one[2] is SaidOf.QUESTION] == [
        ("post", LEADS, SaidOf.QUESTION, ApprovalState.EXPIRED)
    ]
    assert SaidOf.ASKED not in [one[2] for one in told(bench)]


async def test_a_question_that_was_posted_before_a_crash_is_brought_up_to_date_and_not_posted_again(bench: Bench) -> None:
    approval = await asked(bench)
    await bench.journal.posted(approval.message, LEADS, "1763600000.000900")
    await answer(bench, approval, LIA, Answer.DENY)
    await bench.talk()
    assert [one for one in told(bench) if one[2] is SaidOf.QUESTION] == [
        ("update", LEADS, SaidOf.QUESTION, ApprovalState.DENIED)
    ]


async def test_a_lost_reply_of_slack_leaves_two_questions_whose_buttons_are_one(bench: Bench) -> None:
    bench.announcer.fail("post", SlackFailure(NotSaid.LOST, "timeout"))
    approval = await asked(bench)
    await bench.talk()
    bench.clock.advance(timedelta(seconds=5))
    await bench.talk()
    assert ("post", LEADS, SaidOf.QUESTION, ApprovalState.OPEN) in told(bench)
    assert isinstance(await answer(bench, approval, LIA), Answered)
    assert kind_of(await answer(bench, approval, TOM)) is RefusalKind.APPROVAL_OVER
    await bench.talk()
    await bench.work()
    assert len(bench.provider.performed) == 1
    assert len(await bench.journal.postings(approval.message)) == 2, "the copy is known since somebody pressed it"


async def test_a_question_without_a_channel_ends_at_once_and_operators_hear_of_it(bench: Bench) -> None:
    bench.announcer.fail("post", SlackFailure(NotSaid.GONE, "not_in_channel"))
    approval = await asked(bench)
    await bench.talk()
    await bench.talk()
    assert await now_is(bench, approval) is ApprovalState.DEAD
    assert ("direct", ANA.user, SaidOf.ENDED, ApprovalState.DEAD) in told(bench)
    alerts = [said for said in bench.announcer.said if isinstance(said.content, AlertContent)]
    assert [(said.to, said.content.what) for said in alerts if isinstance(said.content, AlertContent)] == [
        (OPS, "question_not_posted")
    ]
    await asked(bench, offer=await bench.shown(message="card:2"))


@pytest.mark.parametrize(
    "failure", [SlackFailure(NotSaid.UNUSABLE, "invalid_blocks"), SlackFailure(NotSaid.GONE, "is_archived")]
)
async def test_a_question_that_slack_does_not_take_is_not_waited_for(bench: Bench, failure: SlackFailure) -> None:
    bench.announcer.fail("post", failure)
    approval = await asked(bench)
    await bench.talk()
    await bench.talk()
    assert await now_is(bench, approval) is ApprovalState.DEAD
    assert ("direct", ANA.user, SaidOf.ENDED, ApprovalState.DEAD) in told(bench)


async def test_where_the_channel_is_gone_when_it_is_time_to_remind_nobody_waits_any_longer(bench: Bench) -> None:
    approval = await asked(bench)
    await bench.talk()
    bench.clock.advance(timedelta(hours=12))
    await bench.approvals.sweep()
    bench.announcer.fail("post", SlackFailure(NotSaid.GONE, "is_archived"))
    await bench.talk()
    await bench.talk()
    assert await now_is(bench, approval) is ApprovalState.DEAD
    assert ("direct", ANA.user, SaidOf.ENDED, ApprovalState.DEAD) in told(bench)
    assert "question_not_posted" in [c.what for c in bench.announcer.contents() if isinstance(c, AlertContent)]


async def test_who_asked_about_an_account_that_is_configured_no_more_hears_the_end_too(outside: Outside) -> None:
    approval = await asked(a_bench(outside))
    without = Bench(outside, FakeProvider(account="other"))
    await without.talk()
    without.clock.advance(timedelta(hours=24))
    await without.approvals.sweep()
    await without.talk()
    assert await now_is(without, approval) is ApprovalState.DEAD, "nobody could be asked"
    (said,) = [each for each in without.announcer.said if isinstance(each.content, RefusalContent)]
    assert isinstance(said.content, RefusalContent)
    refusal = said.content.refusal
    assert (said.how, said.to, refusal.kind) == ("direct", ANA.user, RefusalKind.APPROVAL_OVER)
    assert (refusal.facts["state"], refusal.facts["ref"]) == ("dead", str(REF))


# --- time --------------------------------------------------------------------------------------------------------


async def test_the_sweep_reminds_once_in_the_thread_and_ends_what_nobody_answered(outside: Outside) -> None:
    bench, replica = a_bench(outside), a_bench(outside)
    approval = await asked(bench)
    await bench.talk()
    for after in (timedelta(hours=11), HOUR, HOUR, timedelta(hours=10), HOUR, HOUR):
        bench.clock.advance(after)
        await bench.approvals.sweep()
        await replica.approvals.sweep()
        await bench.talk()
    said = [one[2:] for one in told(bench)]
    assert said.count((SaidOf.REMINDER, ApprovalState.OPEN)) == 1
    assert said.count((SaidOf.ENDED, ApprovalState.EXPIRED)) == 1
    reminder = next(s for s in bench.announcer.said if isinstance(s.content, ApprovalContent) and s.thread is not None)
    (posting,) = await bench.journal.postings(approval.message)
    assert (reminder.to, reminder.thread) == posting
    assert await now_is(bench, approval) is ApprovalState.EXPIRED
    assert bench.provider.performed == []


async def test_an_approval_in_the_last_minute_still_has_its_ten_minutes(bench: Bench) -> None:
    approval = await asked(bench)
    bench.clock.advance(timedelta(hours=24) - SECOND)
    assert isinstance(await answer(bench, approval), Answered)
    bench.clock.advance(SECOND)
    await bench.approvals.sweep()
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED
    assert await now_is(bench, approval) is ApprovalState.APPROVED


async def test_what_was_approved_and_could_not_be_sent_in_ten_minutes_expires(bench: Bench) -> None:
    await approved(bench)
    await bench.work(ACT_WITHIN)
    assert await bench.state() is ActionState.EXPIRED
    assert bench.provider.performed == []
