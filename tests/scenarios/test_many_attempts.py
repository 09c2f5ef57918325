"""How many attempts a bank gets, and how long its network asks to wait: over real HTTP, as the channel sees it."""

from __future__ import annotations

from datetime import timedelta

from tests.scenarios.stage import LINK, MAYA, RETRY, Stage


async def test_a_card_whose_network_asks_for_a_day_has_no_button_until_then(stage: Stage) -> None:
    bill = stage.bill("network_wait")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    row = await stage.row_says(bill, digest, "Declined: insufficient funds (soft)", "asks to wait 24 hours")
    assert RETRY not in row.labels
    assert LINK in row.labels

    await stage.restart(later=timedelta(hours=2))
    await stage.command(MAYA, f"retry {bill.ref}")
    told = await stage.told(MAYA, "The card's network asks to wait until", "nothing was charged")
    assert f"link {bill.ref}" in told.text
    assert len(stage.charges(bill)) == 1

    await stage.restart(later=timedelta(hours=22, minutes=1))
    await stage.eventually(lambda: RETRY in stage.row(bill, digest).labels, "the button's return")


async def test_the_provider_s_own_attempt_starts_the_network_s_wait_too(stage: Stage) -> None:
    bill = stage.bill("network_wait", decline="network_wait", charged_at=stage.clock.seconds() - 5 * 3600)
    digest = await stage.digest()
    row = stage.row(bill, digest)
    assert RETRY not in row.labels
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "The card's network asks to wait until")
    assert stage.charges(bill) == []


async def test_eight_attempts_are_told_and_asked_back_before_a_ninth(stage: Stage) -> None:
    bill = stage.bill(attempts=8)
    digest = await stage.digest()
    row = stage.row(bill, digest)
    assert row.says("At least 8 attempts in 30 days", "from 15 on no retry is possible")
    assert row.button(RETRY).has_dialog

    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "At least 8 attempts in 30 days", "press Retry payment on the card and confirm")
    assert stage.charges(bill) == []

    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")


async def test_after_fifteen_attempts_no_retry_is_offered_or_sent(stage: Stage) -> None:
    bill = stage.bill(attempts=15)
    digest = await stage.digest()
    row = stage.row(bill, digest)
    assert row.says("At least 15 attempts in 30 days", "no retry before")
    assert RETRY not in row.labels
    assert row.labels[0] == LINK

    await stage.command(MAYA, f"retry {bill.ref}")
    told = await stage.told(MAYA, "At least 15 attempts in 30 days", "A retry is possible again")
    assert f"link {bill.ref}" in told.text
    assert stage.sends(bill) == []
    assert stage.objections() == []
