"""What an operator finds in the logs: one line for each step of a decision, by the reference that people quote."""

from __future__ import annotations

from typing import Any

from tests.log_scanner import scanner
from tests.scenarios.stage import FIN, MAYA, RETRY, Stage


def lines(event: str) -> list[dict[str, Any]]:
    return [line for line in scanner.events if line["event"] == event]


async def test_a_press_is_one_line_each_for_accepting_sending_and_ending(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: lines("action.ended"), "the line")
    (accepted,), (sent,), (ended,) = lines("action.accepted"), lines("attempt.sent"), lines("action.ended")
    for line in (accepted, sent, ended):
        assert (line["kind"], line["account"]) == ("retry", "stripe")
        assert line["action"] == ended["action"]
        assert line["reference"] == ended["action"][:8]
    assert (sent["outcome"], ended["state"]) == ("succeeded", "succeeded")
    assert sent["request_id"]
    assert sent["request_id"] == ended["request_id"]
    assert 0 <= sent["ms"] <= ended["ms"]


async def test_what_the_provider_was_asked_for_an_action_carries_the_action_s_id(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(MAYA, f"retry {bill.ref}")
    (ended,) = await stage.eventually(lambda: lines("action.ended"), "the line")
    asked = [line for line in lines("provider.replied") if line["method"] == "POST"]
    assert [line["action"] for line in asked] == [ended["action"]]


async def test_a_message_that_slack_does_not_take_is_told_with_its_action(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    stage.slack.faults.set({"drop_reply": 1, "only": "chat.update"})
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid")
    (accepted,) = lines("action.accepted")
    assert [line["action"] for line in lines("letter.not_said")] == [accepted["action"]]


async def test_a_digest_is_one_line_when_it_is_posted(stage: Stage) -> None:
    stage.bill()
    await stage.digest()
    (posted,) = await stage.eventually(lambda: lines("digest.posted"), "the line")
    assert (posted["channel"], posted["count"], posted["gaps"]) == (FIN, 1, 0)


async def test_a_refused_press_is_told_with_the_rule(stage: Stage) -> None:
    bill = stage.bill(amount=60_000)
    digest = await stage.digest()
    await stage.press("U0TOM", RETRY, bill, digest)
    await stage.told("U0TOM", "500")
    (refused,) = lines("press.refused")
    assert (refused["refusal"], refused["kind"], refused["account"]) == ("over_limit", "retry", "stripe")
    assert lines("action.accepted") == []
