"""What no read can tell, a second person may: their word ends it, unless the provider can prove something."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.action import Action, ActionState, Word
from bot.domain.approval import Answered
from bot.domain.content import Choice, EndingContent, RefusalContent
from bot.domain.details import PaidBy, Received
from bot.domain.invoice import PaymentState
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.policy import Actor, ApprovalRule, Person, Role, Rule
from bot.domain.records import ActionRecord, ReplyTo, Verdict
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted
from bot.services.reconciliation import UNKNOWN_CHECKS
from bot.services.verdicts import Told, VerdictAsked
from tests.builders import ANA, CHANNEL, EVE, INVOICE, NOW, OWED, PEOPLE, POLICY, TOM, by_command, paid
from tests.services.bench import HOUR, SECOND, Bench, Outside
from tests.services.test_approvals import LEADS, answer, asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_NEWS = Unknown(cause="Example Pay shows no payment of this try")
TRANSFER = Received(amount=OWED, by=PaidBy.BANK_TRANSFER, on=NOW.date(), reference="RF-18")
UNREACHABLE = Unknown(cause="Example Pay did not answer")
SETTLERS = replace(
    POLICY,
    roles={**POLICY.roles, "controller": Role("controller", users=frozenset({TOM.user, EVE.user}))},
    rules=(*POLICY.rules, Rule("controller", frozenset({Word.VIEW, Word.SETTLE}))),
)
"""Tom, who decides, and Eve, who does not, may both settle."""
APPROVERS_SETTLE = replace(
    SETTLERS,
    rules=(*POLICY.rules, Rule("controller", frozenset({Word.VIEW, Word.SETTLE, Word.APPROVE}))),
    approvals=(ApprovalRule(frozenset({Word.VOID}), "controller", LEADS),),
)
"""The same two agree to every void that Ana asks for."""


@pytest.fixture
def bench(outside: Outside) -> Bench:
    outside.policy = SETTLERS
    return Bench(outside)


async def needing_a_person(bench: Bench, action: Action = Action.RETRY, reply_to: ReplyTo | None = None) -> ActionRecord:
    """Tom pressed, no answer came, and seven reads told nothing."""
    details = TRANSFER if action is Action.PAID else None
    accepted = await bench.press(await bench.shown(), action, TOM, reply_to=reply_to, details=details)
    assert isinstance(accepted, Accepted)
    return await checked_in_vain(bench)


async def checked_in_vain(bench: Bench) -> ActionRecord:
    """What was decided is sent, and no check tells how it ended."""
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.work()
    for _ in UNKNOWN_CHECKS:
        bench.provider.truths.append(NO_NEWS)
        await bench.work(after=24 * HOUR)
    assert await bench.state() is ActionState.NEEDS_HUMAN
    await bench.talk()
    bench.announcer.said.clear()
    return await bench.newest()


async def opened(bench: Bench, actor: Actor = EVE, choice: Choice = Choice.VERIFIED) -> VerdictAsked | Refusal:
    return await bench.verdicts.ask(bench.pressed(await bench.fresh_offer(), choice, actor))


async def given(
    bench: Bench, action: ActionRecord, actor: Actor = EVE, *, happened: bool = True, delivery: str | None = None
) -> ActionRecord | Refusal | None:
    offer = await bench.fresh_offer()
    choice = Choice.VERIFIED if happened else Choice.VERIFIED_NOT
    pressed = bench.pressed(offer, choice, actor, delivery=delivery)
    return await bench.verdicts.give(Told(pressed=pressed, action_id=action.id, happened=happened, note="pi_9 succeeded"))


async def read(bench: Bench, truth: Outcome) -> None:
    bench.provider.truths.append(truth)
    await bench.work()
    await bench.talk()


def told(bench: Bench, to: Actor) -> list[EndingContent]:
    """What this person was told of the ending, wherever."""
    return [
        said.content
        for said in bench.announcer.said
        if isinstance(said.content, EndingContent)
        and to.user == (said.content.heard.by.user if said.content.heard else said.content.action.actor.user)
    ]


async def test_charged_as_a_second_person_verified_is_the_ending_where_the_provider_tells_nothing(bench: Bench) -> None:
    action = await needing_a_person(bench)
    assert isinstance(await opened(bench), VerdictAsked)
    assert isinstance(await given(bench, action), ActionRecord)
    await read(bench, NO_NEWS)

    ending = await bench.ending()
    assert await bench.state() is ActionState.SUCCEEDED
    assert (ending.verified_by, ending.ours, ending.charged) == (EVE.user, False, None)
    assert ending.detail == NO_NEWS.cause
    assert len(bench.provider.performed) == 1


async def test_not_charged_frees_the_invoice_and_only_a_new_press_tries_again(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action, happened=False)
    await read(bench, NO_NEWS)

    assert await bench.state() is ActionState.NOT_APPLIED
    assert len(bench.provider.performed) == 1
    row = await bench.fresh_row()
    assert Choice.RETRY in row.choices
    bench.clock.advance(SECOND)
    assert isinstance(await bench.press(row.offer, Action.RETRY, TOM), Accepted)
    await bench.work()
    assert len(bench.provider.performed) == 2


async def test_a_provider_that_cannot_be_reached_leaves_the_word_standing(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action, happened=False)
    await read(bench, UNREACHABLE)
    assert await bench.state() is ActionState.NOT_APPLIED
    assert (await bench.ending()).detail == UNREACHABLE.cause


@pytest.mark.parametrize("happened", [True, False])
async def test_what_the_provider_can_prove_wins_over_any_word(bench: Bench, happened: bool) -> None:
    action = await needing_a_person(bench)
    await given(bench, action, happened=happened)
    await read(bench, Succeeded(invoice=paid(), charged=OWED))
    ending = await bench.ending()
    assert await bench.state() is ActionState.SUCCEEDED
    assert (ending.verified_by, ending.charged) == (None, OWED)
    assert "verdict.overtaken" in await bench.events()


async def test_the_provider_s_own_no_effect_wins_over_charged(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action)
    await read(bench, Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect"))
    assert await bench.state() is ActionState.NOT_APPLIED
    assert (await bench.ending()).verified_by is None


async def test_what_is_still_under_way_is_not_ended_by_a_word(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action, happened=False)
    await read(bench, Pending(detail="the bank needs days"))
    newest = await bench.newest()
    assert (newest.state, newest.verdict) == (ActionState.PENDING, None)
    (said,) = told(bench, EVE)
    assert said.heard is not None


async def test_both_people_learn_of_the_ending_and_the_history_keeps_what_was_seen(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action)
    await read(bench, NO_NEWS)

    (late,) = [one for one in told(bench, TOM) if one.is_late]
    (heard,) = told(bench, EVE)
    assert late.action.state is heard.action.state is ActionState.SUCCEEDED
    verdict = (await bench.newest()).verdict
    assert verdict is not None
    assert (verdict.by, verdict.happened, verdict.note) == (EVE, True, "pi_9 succeeded")
    assert [event for event in await bench.events() if event.startswith("verdict.")] == ["verdict.given", "verdict.taken"]


async def test_who_typed_the_command_is_answered_privately_when_a_second_person_ends_it(bench: Bench) -> None:
    action = await needing_a_person(bench, reply_to=by_command(TOM))
    await given(bench, action)
    await read(bench, NO_NEWS)
    assert [one.action.state for one in told(bench, TOM)] == [ActionState.SUCCEEDED]


@pytest.mark.parametrize("choice", [Choice.VERIFIED, Choice.VERIFIED_NOT])
async def test_who_pressed_it_cannot_verify_it_and_learns_whom_to_ask(bench: Bench, choice: Choice) -> None:
    action = await needing_a_person(bench)
    refused = await opened(bench, TOM, choice)
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.facts["ask"]) == (RefusalKind.SECOND_PERSON, f"<@{EVE.user}>")
    assert await given(bench, action, TOM) == refused
    assert (await bench.newest()).verdict is None


@pytest.mark.parametrize("choice", [Choice.VERIFIED, Choice.VERIFIED_NOT])
async def test_who_approved_it_cannot_verify_it_either(outside: Outside, choice: Choice) -> None:
    outside.policy = APPROVERS_SETTLE
    bench = Bench(outside)
    assert isinstance(await answer(bench, await asked(bench, ANA), TOM), Answered)
    action = await checked_in_vain(bench)
    refused = await opened(bench, TOM, choice)
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.facts["did"], refused.facts["ask"]) == (
        RefusalKind.SECOND_PERSON,
        "approved",
        f"<@{EVE.user}>",
    )
    assert await given(bench, action, TOM) == refused
    assert (await bench.newest()).verdict is None
    assert isinstance(await given(bench, action, EVE), ActionRecord)


async def test_a_word_of_who_pressed_it_ends_nothing_even_where_it_is_on_record(bench: Bench) -> None:
    """Written past the check of the press, by a mistake of ours or by a hand in the database."""
    action = await needing_a_person(bench)
    own = Verdict(by=TOM, happened=False, note="", at=bench.clock.now(), reply_to=by_command(TOM))
    assert isinstance(await bench.journal.give_verdict(action.id, own, "by hand"), ActionRecord)
    await read(bench, NO_NEWS)
    newest = await bench.newest()
    assert (newest.state, newest.verdict) == (ActionState.NEEDS_HUMAN, None)
    (heard,) = told(bench, TOM)
    assert heard.action.ending is not None
    assert heard.action.ending.refusal is not None
    assert heard.action.ending.refusal.kind is RefusalKind.SECOND_PERSON


async def test_where_only_the_presser_may_settle_nobody_is_named(outside: Outside) -> None:
    controller = {"controller": Role("controller", users=frozenset({TOM.user}))}
    outside.policy = replace(SETTLERS, roles={**SETTLERS.roles, **controller})
    bench = Bench(outside)
    await needing_a_person(bench)
    refused = await opened(bench, TOM)
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.facts["ask"]) == (RefusalKind.SECOND_PERSON, "")


async def test_without_the_right_to_settle_the_dialog_does_not_open(bench: Bench) -> None:
    action = await needing_a_person(bench)
    refused = await opened(bench, ANA)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.NO_RIGHT
    assert f"<@{EVE.user}>" in refused.facts["ask"]
    sent = await given(bench, action, ANA)
    assert isinstance(sent, Refusal)
    assert sent.kind is RefusalKind.NO_RIGHT


async def test_a_right_that_was_taken_away_meanwhile_makes_the_word_void(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action)
    bench.directory.fresh = replace(PEOPLE, persons={**PEOPLE.persons, EVE.user: Person(is_guest=True)})
    await read(bench, NO_NEWS)

    newest = await bench.newest()
    assert (newest.state, newest.verdict, newest.next_check_at) == (ActionState.NEEDS_HUMAN, None, None)
    (heard,) = told(bench, EVE)
    assert heard.action.ending is not None
    assert heard.action.ending.refusal == Refusal(RefusalKind.GUEST)
    assert (await bench.fresh_row()).choices == (Choice.CHECK, Choice.VERIFIED, Choice.VERIFIED_NOT)


async def test_where_slack_does_not_say_who_is_who_the_word_does_not_count(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action)
    bench.directory.fresh = None
    await read(bench, NO_NEWS)
    assert await bench.state() is ActionState.NEEDS_HUMAN


async def test_of_two_words_at_once_the_first_counts_and_the_other_is_told(outside: Outside) -> None:
    outside.policy = replace(
        SETTLERS, rules=(*SETTLERS.rules, Rule("agent", frozenset({Word.SETTLE}), channels=frozenset({CHANNEL})))
    )
    bench = Bench(outside)
    action = await needing_a_person(bench)
    both = await asyncio.gather(given(bench, action, EVE), given(bench, action, ANA, happened=False))

    (taken,) = [one for one in both if isinstance(one, ActionRecord)]
    (refused,) = [one for one in both if isinstance(one, Refusal)]
    assert taken.verdict is not None
    assert (refused.kind, refused.facts["by"]) == (RefusalKind.VERDICT_GIVEN, taken.verdict.by.user)
    await bench.talk()
    (said,) = [one for one in bench.announcer.said if isinstance(one.content, RefusalContent)]
    assert isinstance(said.content, RefusalContent)
    assert said.content.refusal.kind is RefusalKind.VERDICT_GIVEN
    await read(bench, NO_NEWS)
    expected = ActionState.SUCCEEDED if taken.verdict.by == EVE else ActionState.NOT_APPLIED
    assert await bench.state() is expected


async def test_the_same_submission_delivered_twice_is_one_word(bench: Bench) -> None:
    action = await needing_a_person(bench)
    assert isinstance(await given(bench, action, delivery="again"), ActionRecord)
    assert await given(bench, action, delivery="again") is None
    assert (await bench.events()).count("verdict.given") == 1


async def test_while_a_word_waits_no_second_one_is_offered(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action)
    assert (await bench.fresh_row()).choices == (Choice.CHECK,)
    refused = await opened(bench, EVE)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.VERDICT_GIVEN


async def test_a_word_that_comes_while_the_worker_reads_is_heard_next(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK))

    async def meanwhile() -> Outcome:
        await given(bench, action)
        return NO_NEWS

    bench.provider.truths.append(meanwhile)
    await read(bench, NO_NEWS)
    assert await bench.state() is ActionState.SUCCEEDED
    assert (await bench.ending()).verified_by == EVE.user


async def test_a_word_about_what_was_proved_meanwhile_is_not_needed_and_its_giver_hears_so(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK))

    async def meanwhile() -> Outcome:
        await given(bench, action, happened=False)
        return Succeeded(invoice=paid(), charged=OWED)

    bench.provider.truths.append(meanwhile)
    await bench.work()
    await bench.talk()
    assert await bench.state() is ActionState.SUCCEEDED
    assert [one.heard is not None for one in told(bench, EVE)] == [True]


async def test_what_has_ended_takes_no_word(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await given(bench, action)
    await read(bench, NO_NEWS)
    refused = await given(bench, action, happened=False)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.VERDICT_GIVEN
    opening = await opened(bench)
    assert isinstance(opening, Refusal)
    assert opening.kind is RefusalKind.ALREADY_DONE


async def test_what_is_still_being_checked_takes_no_word(bench: Bench) -> None:
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.press(await bench.shown(), Action.RETRY, TOM)
    await bench.work()
    refused = await opened(bench)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.ALREADY_RUNNING


async def test_check_again_works_as_before_and_leaves_room_for_a_word(bench: Bench) -> None:
    action = await needing_a_person(bench)
    await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK))
    await read(bench, NO_NEWS)
    assert await bench.state() is ActionState.NEEDS_HUMAN
    await given(bench, action)
    await read(bench, NO_NEWS)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_private_card_offers_no_verdict_to_who_pressed(bench: Bench) -> None:
    await needing_a_person(bench)
    row = await bench.fresh_row()
    assert (await bench.rights.theirs(row, TOM, CHANNEL)).choices == (Choice.CHECK,)
    assert (await bench.rights.theirs(row, EVE, CHANNEL)).choices == row.choices


@pytest.mark.parametrize("action", [Action.VOID, Action.UNCOLLECTIBLE, Action.PAID])
async def test_a_decision_that_takes_no_money_can_be_verified_too(bench: Bench, action: Action) -> None:
    await given(bench, await needing_a_person(bench, action))
    await read(bench, NO_NEWS)
    newest = await bench.newest()
    assert (newest.kind, newest.state) == (action, ActionState.SUCCEEDED)


@pytest.mark.parametrize("payment", [PaymentState.PROCESSING, PaymentState.UNREAD])
async def test_no_effect_yet_is_no_proof_while_a_payment_of_the_invoice_is_under_way(
    bench: Bench, payment: PaymentState
) -> None:
    """A person has it checked again after the ten days in which a bank debit was waited for."""
    action = await needing_a_person(bench)
    none_yet = Rejected(reason=RejectedReason.NOT_APPLIED, detail="no effect", invoice=replace(INVOICE, payment=payment))
    offer = await bench.fresh_offer()
    await bench.actions.check_again(bench.pressed(offer, Choice.CHECK, EVE))
    await read(bench, none_yet)
    assert await bench.state() is ActionState.NEEDS_HUMAN
    await given(bench, action, happened=False)
    await read(bench, none_yet)
    assert (await bench.state(), (await bench.ending()).verified_by) == (ActionState.NOT_APPLIED, EVE.user)
