"""Slack down, slow, forgetful or closed: the action runs once, and its ending is told somewhere."""

from __future__ import annotations

from datetime import timedelta

from bot.sandbox.slack_state import Message
from tests.scenarios.reading import read
from tests.scenarios.stage import CHECK, FIN, MAYA, OPS, RETRY, SUP, TOM, Bill, Stage
from tests.scenarios.test_retry import both_ways


async def pressed_while_slack_is_down(stage: Stage, bill: Bill) -> Message:
    digest = await stage.digest()
    stage.slack.faults.web_api_down = True
    answer = await stage.press(MAYA, RETRY, bill, digest)
    assert answer.status == 200
    await stage.eventually(lambda: stage.charges(bill), "the charge")
    return digest


@both_ways
async def test_while_slack_is_down_the_action_runs_once_and_the_row_is_right_at_the_end(stage: Stage) -> None:
    bill = stage.bill()
    digest = await pressed_while_slack_is_down(stage, bill)
    stage.slack.faults.clear()
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_a_rate_limit_of_slack_is_waited_out(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    stage.slack.faults.set({"ratelimited": 2, "retry_after": 1, "only": "chat.update"})
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    answers = [call.answer for call in stage.slack.calls if call.method == "chat.update"]
    assert answers.count("ratelimited") <= 2
    assert answers[-1] == "ok"


async def test_an_update_whose_reply_is_lost_is_said_again(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    stage.slack.faults.set({"drop_reply": 2, "only": "chat.update"})
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_a_digest_whose_reply_is_lost_may_appear_twice_but_charges_once(stage: Stage) -> None:
    bill = stage.bill()
    stage.slack.faults.drop_reply = 1
    first = await stage.digest()
    second = (await stage.eventually(lambda: stage.digests()[1:], "the second copy"))[0]
    assert stage.row(bill, first) == stage.row(bill, second)
    button = stage.row(bill, first).button(RETRY)

    await stage.push(MAYA, button, first)

    await stage.row_says(bill, first, "Paid EUR 49.00")
    await stage.row_says(bill, second, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1
    await stage.settled()
    assert len(stage.digests()) == 2


async def test_the_result_of_a_deleted_message_is_told_to_the_person(stage: Stage) -> None:
    bill = stage.bill()
    digest = await pressed_while_slack_is_down(stage, bill)
    stage.slack.workspace.delete(digest)
    stage.slack.faults.clear()
    told = await stage.told(MAYA, "Paid EUR 49.00")
    assert told.says(bill.ref)
    assert stage.charges(bill)[0].amount == 4900


async def test_the_result_in_an_archived_channel_comes_as_a_direct_message(stage: Stage) -> None:
    bill = stage.bill()
    await pressed_while_slack_is_down(stage, bill)
    stage.slack.workspace.channel(FIN).archived = True
    stage.slack.faults.clear()
    await stage.told(MAYA, "Paid EUR 49.00")
    assert [read(one.blocks).says("Paid EUR 49.00") for one in stage.slack.directs(MAYA)] == [True]


async def test_the_result_in_a_channel_that_the_bot_was_removed_from_comes_as_a_direct_message(stage: Stage) -> None:
    bill = stage.bill()
    await pressed_while_slack_is_down(stage, bill)
    stage.slack.workspace.channel(FIN).bot_is_member = False
    stage.slack.faults.clear()
    await stage.told(MAYA, "Paid EUR 49.00")
    assert len(stage.slack.directs(MAYA)) == 1


async def test_where_nobody_can_be_reached_the_operators_are_told(stage: Stage) -> None:
    bill = stage.bill()
    await pressed_while_slack_is_down(stage, bill)
    stage.slack.workspace.channel(FIN).archived = True
    stage.slack.workspace.direct(MAYA).archived = True
    stage.slack.faults.clear()
    told = await stage.eventually(lambda: stage.slack.messages(OPS), "the operators' message")
    assert read(told[0].blocks).says("Paid EUR 49.00", bill.ref, "<@U0MAYA>")


async def test_a_result_that_comes_late_is_also_told_in_the_thread(stage: Stage) -> None:
    bill = stage.bill("bank_debit")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Processing:")
    stage.stripe.settle_processing(bill.id)
    stage.clock.ahead += timedelta(minutes=2)

    await stage.press(TOM, CHECK, bill, digest)

    await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0MAYA>")
    replies = await stage.eventually(
        lambda: [one for one in stage.slack.messages(FIN) if one.thread_ts == digest.ts], "the reply"
    )
    assert len(replies) == 1
    assert read(replies[0].blocks).says("This took a while.", "Paid EUR 49.00")


async def test_the_result_on_a_private_card_older_than_its_response_url_is_still_told(stage: Stage) -> None:
    bill = stage.bill("bank_debit")
    card = await stage.card(MAYA, bill)
    await stage.press(MAYA, RETRY, bill, card)
    await stage.row_says(bill, card, "Processing:")
    stage.stripe.settle_processing(bill.id)
    await stage.restart(later=timedelta(minutes=31))

    await stage.told(MAYA, "Paid EUR 49.00")

    assert len(stage.charges(bill)) == 1
    posted = [call for call in stage.slack.calls if call.method == "chat.postEphemeral"]
    assert len(posted) == 1


async def test_after_a_restart_what_slack_never_took_is_still_said(stage: Stage) -> None:
    bill = stage.bill()
    digest = await pressed_while_slack_is_down(stage, bill)
    await stage.settled()
    await stage.stop()
    stage.slack.faults.clear()
    await stage.start()
    await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0MAYA>")
    assert len(stage.charges(bill)) == 1


async def test_who_asks_for_a_digest_where_the_bot_is_not_learns_that_it_did_not_appear(stage: Stage) -> None:
    stage.bill()
    stage.slack.workspace.channel(SUP).bot_is_member = False
    await stage.command(MAYA, "digest now", SUP)
    await stage.told(MAYA, "The digest could not be posted", "the bot is in it")
    assert stage.slack.messages(SUP) == []
