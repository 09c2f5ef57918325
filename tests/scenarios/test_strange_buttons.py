"""Buttons of other versions, other channels and long ago: a private sentence, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.sandbox.slack_content import content_of
from bot.sandbox.slack_state import Message
from tests.scenarios.reading import Pressable
from tests.scenarios.stage import FIN, LINK, MAYA, RETRY, SHOW, SUP, Stage
from tests.scenarios.test_retry import both_ways

OLD = "This button is too old, so nothing happened. For fresh ones: /invoice show"


def planted(stage: Stage, channel: str, button: dict[str, Any]) -> Message:
    """A message that our bot might have posted once, with one button."""
    element = {"type": "button", "text": {"type": "plain_text", "text": "Press me"}, **button}
    content = content_of({"text": "old", "blocks": [{"type": "actions", "elements": [element]}]})
    return stage.slack.workspace.post(stage.slack.workspace.channel(channel), content)


@both_ways
async def test_a_value_that_means_nothing_here_gets_a_private_sentence(stage: Stage) -> None:
    nobody = "0123456789abcdef0123456789abcdef"
    values = ["garbage", f"2:{nobody}:retry", f"1:{nobody}:retry", "1:x:retry", "1::"]
    for count, value in enumerate(values, start=1):
        message = planted(stage, FIN, {"action_id": "invoice.run_action", "value": value})
        answer = await stage.slack.press(MAYA, FIN, message.ts, action_id="invoice.run_action")
        assert answer.status == 200, value
        await stage.eventually(lambda count=count: len(stage.private_saying(MAYA, OLD)) == count, value)  # type: ignore[misc]
    assert stage.stripe.requests == []


async def test_a_button_of_another_version_gets_a_private_sentence(stage: Stage) -> None:
    message = planted(stage, FIN, {"action_id": "invoice.from_the_future", "value": "9"})
    answer = await stage.slack.press(MAYA, FIN, message.ts, action_id="invoice.from_the_future")
    assert answer.status == 200
    await stage.told(MAYA, OLD)


async def test_a_button_that_was_carried_into_another_channel_does_nothing(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    asked = len(stage.stripe.requests)
    for label in (RETRY, LINK, SHOW):
        button = stage.row(bill, digest).button(label)
        message = planted(stage, SUP, {"action_id": button.action_id, "value": button.value})
        await stage.slack.press(MAYA, SUP, message.ts, action_id=button.action_id)
    foreign = "This button belongs to another channel, so nothing happened."
    await stage.eventually(lambda: len(stage.private_saying(MAYA, foreign)) == 3, "three answers")
    assert len(stage.stripe.requests) == asked


async def test_an_offer_that_no_message_shows_any_more_is_forgotten_after_ninety_days(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    digest = await stage.digest()
    stale: Pressable = stage.row(bill, digest).button(RETRY)
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Declined", "<@U0MAYA>")
    await stage.restart(later=timedelta(days=91))
    await stage.settled()
    message = planted(stage, FIN, {"action_id": stale.action_id, "value": stale.value})

    await stage.slack.press(MAYA, FIN, message.ts, action_id=stale.action_id)

    await stage.told(MAYA, OLD)
    assert len(stage.charges(bill)) == 1
