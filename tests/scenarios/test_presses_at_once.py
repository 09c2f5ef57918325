"""One decision, at most one charge: whoever presses, how often, and however Slack delivers it."""

from __future__ import annotations

import asyncio

from tests.scenarios.stage import MAYA, MORE_THAN_AN_HOUR, RETRY, TOM, VOID, Stage
from tests.scenarios.test_retry import both_ways

ROUNDS = 20
ROWS = 10


@both_ways
async def test_pressing_the_button_twice_moves_money_once_and_the_second_press_gets_a_private_answer(
    stage: Stage, over_socket: bool
) -> None:
    rounds = ROWS if over_socket else ROUNDS
    for _ in range(rounds // ROWS):
        bills = [stage.bill() for _ in range(ROWS)]
        digest = await stage.digest()
        for bill in bills:
            await asyncio.gather(stage.press(MAYA, RETRY, bill, digest), stage.press(TOM, RETRY, bill, digest))
        for bill in bills:
            await stage.row_says(bill, digest, "Paid EUR 49.00")
            assert len(stage.charges(bill)) == 1
    await stage.settled()
    answers = [*stage.private_saying(MAYA, "That press has ended"), *stage.private_saying(TOM, "That press has ended")]
    answers += [*stage.private_saying(MAYA, "already running"), *stage.private_saying(TOM, "already running")]
    assert len(answers) == rounds
    assert len(stage.stripe.charges) == rounds


async def test_a_second_press_while_the_first_is_running_is_told_who_was_first(stage: Stage) -> None:
    bill = stage.bill("charge_then_hang")
    digest = await stage.digest()
    stage.slack.faults.set({"web_api_down": True, "only": "chat.update"})  # the button stays on Tom's screen
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.charges(bill), "the charge")

    await stage.press(TOM, RETRY, bill, digest)

    told = await stage.told(TOM, "This is already running since", "Nothing new was started")
    assert told.says("pressed by <@U0MAYA>")
    assert len(stage.charges(bill)) == 1


@both_ways
async def test_slacks_redelivery_of_a_press_has_no_effect_and_no_second_answer(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)

    at_once = await stage.slack.redeliver()
    await stage.row_says(bill, digest, "Paid")
    later = await stage.slack.redeliver()

    assert (at_once.status, later.status) == (200, 200)
    await stage.settled()
    assert len(stage.charges(bill)) == 1
    assert stage.private_saying(MAYA, "already") == []


async def test_slacks_redelivery_of_a_refused_press_is_refused_only_once(stage: Stage) -> None:
    bill = stage.bill(amount=90000)
    digest = await stage.digest()
    await stage.press(TOM, RETRY, bill, digest)
    await stage.told(TOM, "more than the EUR 500.00")

    await stage.slack.redeliver()

    await stage.settled()
    assert len(stage.private(TOM)) == 1


async def test_slacks_redelivery_of_a_typed_command_decides_nothing_new(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "Declined: insufficient funds")

    await stage.slack.redeliver()

    await stage.settled()
    assert len(stage.charges(bill)) == 1


@both_ways
async def test_a_redelivery_that_is_the_only_delivery_is_acted_on(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await _cut_off(stage)
    lost = await stage.press(MAYA, RETRY, bill, digest)
    assert lost.error == "dispatch_failed"
    assert stage.charges(bill) == []
    await _connect(stage)

    again = await stage.slack.redeliver()

    assert again.status == 200
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_an_acknowledgement_that_slack_never_saw_costs_nothing(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    stage.slack.faults.lose_acks = 1
    button = stage.row(bill, digest).button(RETRY)
    unseen = await stage.push(MAYA, button, digest)
    assert unseen.error == "operation_timeout"

    await stage.slack.redeliver()

    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_a_retry_and_a_void_at_the_same_moment_by_two_people_end_as_one_of_them(stage: Stage) -> None:
    bills = [stage.bill() for _ in range(6)]
    digest = await stage.digest()
    for bill in bills:
        await stage.press(MAYA, VOID, bill, digest)
        await asyncio.gather(
            stage.press(TOM, RETRY, bill, digest),
            stage.slack.submit(MAYA, {"reason_choice": {"invoice.reason_choice": "duplicate"}}),
        )
    for bill in bills:
        await stage.eventually(lambda bill=bill: stage.status(bill) in {"paid", "void"}, "an ending")  # type: ignore[misc]
        await stage.row_says(bill, digest, "Voided" if stage.status(bill) == "void" else "Paid EUR 49.00")
    await stage.settled()
    for bill in bills:
        assert stage.sends(bill) == ["pay" if stage.status(bill) == "paid" else "void"]
    losers = [*stage.private_saying(TOM, "(void invoice by <@U0MAYA>)"), *stage.private_saying(MAYA, "by <@U0TOM>)")]
    assert len(losers) == len(bills)


async def test_two_messages_about_one_invoice_charge_it_once(stage: Stage) -> None:
    bill = stage.bill()
    first, second = await stage.digest(), await stage.digest()

    await asyncio.gather(stage.press(MAYA, RETRY, bill, first), stage.press(TOM, RETRY, bill, second))

    await stage.row_says(bill, first, "Paid EUR 49.00")
    await stage.row_says(bill, second, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_a_person_cannot_retry_again_within_the_hour(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Declined", "<@U0MAYA>")

    await stage.command(TOM, f"retry {bill.ref}")

    await stage.told(TOM, "Only one payment attempt per invoice and hour.", "Nothing was charged now")
    assert len(stage.charges(bill)) == 1


async def test_a_new_retry_after_the_hour_is_a_new_attempt_under_a_new_key(stage: Stage) -> None:
    bill = stage.bill("fix_the_card")
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "Declined: ")
    await stage.disturb("change_card", invoice=bill.id)
    await stage.restart(later=MORE_THAN_AN_HOUR)

    await stage.command(MAYA, f"retry {bill.ref}")

    await stage.told(MAYA, "Paid EUR 49.00")
    assert len({charge.key for charge in stage.charges(bill)}) == 2


async def _cut_off(stage: Stage) -> None:
    if stage.slack.request_url:
        stage.slack.request_url = "http://127.0.0.1:9/slack/events"
    else:
        await stage.slack.sockets.disconnect()
        await stage.eventually(lambda: stage.slack.sockets.connections == 0, "the hang-up")


async def _connect(stage: Stage) -> None:
    if stage.slack.request_url:
        stage.slack.request_url = f"http://127.0.0.1:{stage.port}/slack/events"
    else:
        await stage.eventually(lambda: stage.slack.sockets.connections > 0, "the connection")
