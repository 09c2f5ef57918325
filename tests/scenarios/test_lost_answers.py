"""A provider whose answer is missing: never called a failure, settled by reading, one charge."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.sandbox.slack_state import Message
from tests.scenarios.stage import MAYA, NADIA, RETRY, SHOW, TOM, Bill, Stage

LOST = ["charge_then_reset", "charge_then_500", "charge_then_html", "charge_then_cut"]
NEVER = ("failed", "Declined: the", "Not done", "nothing was charged", "Rejected")


def assert_never_called_a_failure(stage: Stage, bill: Bill) -> None:
    for version in stage.versions(bill):
        assert not any(word in version for word in NEVER), version


async def pressed(stage: Stage, bill: Bill) -> Message:
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.charges(bill), "the charge")
    return digest


@pytest.mark.parametrize("magic", LOST)
async def test_an_answer_lost_after_the_charge_ends_as_paid_by_reading(stage: Stage, magic: str) -> None:
    bill = stage.bill(magic)
    digest = await pressed(stage, bill)
    await stage.settled()

    await stage.command(TOM, f"show {bill.ref}")  # whoever opens the invoice has it read again

    await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0MAYA>")
    assert stage.sends(bill) == ["pay"]
    assert len(stage.charges(bill)) == 1
    assert_never_called_a_failure(stage, bill)


async def test_a_doubt_that_settles_within_seconds_is_never_shown(stage: Stage) -> None:
    bills = [stage.bill(magic) for magic in LOST]
    digest = await stage.digest()
    for bill in bills:
        await stage.press(MAYA, RETRY, bill, digest)

    for bill in bills:
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        assert stage.sends(bill) == ["pay"]
        assert len(stage.charges(bill)) == 1
        assert_never_called_a_failure(stage, bill)
        assert not any("It may have happened" in version for version in stage.versions(bill))


async def test_a_hanging_provider_blocks_the_invoice_until_reading_settles_it(stage: Stage) -> None:
    bill = stage.bill("charge_then_hang")
    digest = await pressed(stage, bill)
    row = await stage.row_says(bill, digest, "Retrying… (by <@U0MAYA>")
    assert row.labels == []
    await stage.command(TOM, f"retry {bill.ref}")
    await stage.told(TOM, "Another decision (retry payment by <@U0MAYA>) on this invoice is still open")

    await stage.disturb("unreachable")
    await stage.disturb("reachable")
    await stage.settled()
    await stage.command(MAYA, f"show {bill.ref}")

    await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0MAYA>")
    assert stage.sends(bill) == ["pay"]
    assert len(stage.charges(bill)) == 1
    assert_never_called_a_failure(stage, bill)


async def test_a_doubt_that_lasts_says_so_and_warns_against_a_second_try(stage: Stage) -> None:
    bill, spare = stage.bill("charge_then_500"), stage.bill()
    digest = await pressed(stage, bill)
    await stage.disturb("unreachable")
    await stage.settled()
    stage.clock.ahead += timedelta(seconds=8)
    await stage.press(NADIA, RETRY, spare, digest)  # whatever there is to say makes the bot look at what has fallen due

    row = await stage.row_says(bill, digest, "It may have happened", "please do not retry")

    assert row.labels == ["Check again"]
    await stage.disturb("reachable")
    await stage.press(TOM, "Check again", bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1
    assert_never_called_a_failure(stage, bill)


async def test_a_request_that_never_arrived_is_sent_again_only_under_the_same_key(stage: Stage) -> None:
    stage.stripe.hang_runs = 0.0
    bill = stage.bill("hang")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.sends(bill), "the send")
    await stage.disturb("change_card", invoice=bill.id)
    await stage.disturb("unreachable")
    await stage.disturb("reachable")
    await stage.settled()

    await stage.command(MAYA, f"show {bill.ref}")

    await stage.row_says(bill, digest, "Paid EUR 49.00")
    keys = [seen.key for seen in stage.stripe.requests if seen.method == "POST"]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(stage.charges(bill)) == 1


async def test_a_void_whose_answer_is_lost_ends_as_voided(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    stage.stripe.after_effect, stage.stripe.faults_left = "reset", 1
    await stage.press(MAYA, "Void invoice", bill, digest)
    await stage.slack.submit(MAYA, {"reason_choice": {"invoice.reason_choice": "duplicate"}})
    await stage.eventually(lambda: stage.status(bill) == "void", "the void")
    await stage.settled()

    await stage.command(MAYA, f"show {bill.ref}")

    await stage.row_says(bill, digest, "Voided")
    assert stage.sends(bill) == ["void"]
    assert_never_called_a_failure(stage, bill)


async def test_a_provider_that_cannot_be_reached_is_said_and_nothing_is_charged(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.disturb("unreachable")

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Not done: ", "nothing was charged", "Press again in a few minutes")
    assert stage.charges(bill) == []
    assert RETRY not in row.labels, "what it would be pressed on could not be read"

    await stage.disturb("reachable")
    await stage.press(MAYA, SHOW, bill, digest)
    card = await stage.eventually(lambda: stage.private_saying(MAYA, bill.number), "the card")
    await stage.press(MAYA, RETRY, bill, card[-1])
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_a_rate_limited_retry_waits_and_charges_once(stage: Stage) -> None:
    bill = stage.bill("rate_limited")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    for tries in (1, 2):
        await stage.eventually(lambda tries=tries: len(stage.sends(bill)) == tries, "the refusal")  # type: ignore[misc]
        await stage.settled()
        assert stage.charges(bill) == []
        stage.clock.ahead += timedelta(seconds=6)
        await stage.nudge()

    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1
    keys = {seen.key for seen in stage.stripe.requests if seen.method == "POST" and bill.id in seen.path}
    assert len(keys) == 1


async def test_a_retry_that_cannot_be_sent_within_ten_minutes_is_not_sent_at_all(stage: Stage) -> None:
    bill = stage.bill("rate_limited")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.sends(bill), "the refusal")
    await stage.settled()

    stage.clock.ahead += timedelta(minutes=11)
    await stage.nudge()

    row = await stage.row_says(bill, digest, "Not done: it took longer than ten minutes", "nothing was charged")
    assert RETRY in row.labels
    assert stage.sends(bill) == ["pay"]
    assert stage.charges(bill) == []


async def test_stripe_s_own_decline_beside_a_retry_that_was_turned_away_is_not_told_as_ours(stage: Stage) -> None:
    bill = stage.bill("rate_limited")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.sends(bill), "the refusal")
    await stage.settled()
    await stage.disturb("change_card", invoice=bill.id, magic="generic_decline")
    await stage.disturb("automatic_attempt", invoice=bill.id)

    stage.clock.ahead += timedelta(seconds=6)
    await stage.nudge()

    await stage.told(MAYA, "Something else was tried on this invoice")
    await stage.row_says(bill, digest, "Not done. Something else was tried on this invoice")
    assert not any("Declined: the bank gave no reason" in said for said in stage.versions(bill))
    assert [charge.key for charge in stage.charges(bill)] == [None]
