"""The kill switch: after its answer nothing is sent, whoever pressed what; reading goes on, and everybody sees why."""

from __future__ import annotations

import aiohttp
import pytest

from bot.domain.action import STAR, Word
from bot.domain.policy import Rule
from tests.scenarios.reading import read
from tests.scenarios.stage import AGENT_RULE, LINK, MAYA, NADIA, OPS, RETRY, SHOW, TOM, VOID, House, Stage
from tests.scenarios.test_retry import both_ways

LEAD_RULE = Rule("lead", STAR | {Word.SHARE, Word.DIGEST, Word.FREEZE})


@pytest.fixture
def house(over_socket: bool) -> House:
    return House(rules=(LEAD_RULE, AGENT_RULE), over_socket=over_socket)


async def frozen(stage: Stage) -> str:
    answer = await stage.command(MAYA, "freeze wrong prices")
    assert answer.ok, answer
    return str(answer.body)


@both_ways
async def test_frozen_nothing_is_sent_and_thawed_everything_works_again(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()

    assert "nothing is changed at any provider any more" in await frozen(stage)

    await stage.eventually(lambda: RETRY not in stage.row(bill, digest).labels, "the buttons going")
    assert SHOW in stage.row(bill, digest).labels
    typed = await stage.command(TOM, f"retry {bill.ref}")
    assert "Recoup is frozen by <@U0MAYA> since" in str(typed.body)
    assert "wrong prices" in str(typed.body)
    asked = await stage.command(MAYA, f"void {bill.ref}")
    assert "Recoup is frozen" in str(asked.body)
    assert stage.sends(bill) == []

    thawed = await stage.command(MAYA, "unfreeze")
    assert "Not frozen any more" in str(thawed.body)
    await stage.eventually(lambda: RETRY in stage.row(bill, digest).labels, "the buttons coming back")
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert stage.objections() == []


async def test_a_dialog_that_was_open_when_the_freeze_came_voids_nothing(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)
    await frozen(stage)
    await stage.slack.submit(MAYA, {"reason_choice": {"invoice.reason_choice": "duplicate"}})
    await stage.told(MAYA, "Recoup is frozen")
    assert stage.sends(bill) == []


async def test_reading_goes_on_and_says_that_all_is_frozen(stage: Stage) -> None:
    bill = stage.bill()
    await frozen(stage)
    digest = await stage.digest()
    assert read(digest.blocks, digest.text).says("Frozen by <@U0MAYA>", "wrong prices")
    assert stage.row(bill, digest).labels == [LINK, SHOW]
    await stage.command(MAYA, "status")
    await stage.told(MAYA, "Frozen by <@U0MAYA>", "Open decisions")
    await stage.command(MAYA, f"show {bill.ref}")
    await stage.told(MAYA, bill.number, "Frozen by <@U0MAYA>", "only you can see this")


async def test_the_operators_are_told_of_both_and_a_second_freeze_is_answered_with_the_first(stage: Stage) -> None:
    await frozen(stage)
    assert "Already frozen by <@U0MAYA>" in await frozen(stage)
    await stage.command(MAYA, "unfreeze")
    again = await stage.command(MAYA, "unfreeze")
    assert "Nothing is frozen" in str(again.body)
    await stage.eventually(lambda: len(stage.slack.messages(OPS)) >= 2, "the alerts")
    said = [message.text for message in stage.slack.messages(OPS)]
    assert sum("Recoup is frozen by" in text for text in said) == 1
    assert sum("not frozen any more" in text for text in said) == 1


async def test_who_may_not_freeze_is_refused_and_nothing_stops(stage: Stage) -> None:
    bill = stage.bill()
    for user in (TOM, NADIA):
        for text in ("freeze", "unfreeze"):
            answer = await stage.command(user, text)
            assert "You may not freeze all decisions" in str(answer.body)
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")


async def test_a_freeze_outlives_a_restart_and_healthz_tells_it(stage: Stage) -> None:
    bill = stage.bill()
    await frozen(stage)
    await stage.restart()
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{stage.port}/healthz") as reply:
        assert reply.status == 200
        assert (await reply.json())["frozen"]["by"] == MAYA
    typed = await stage.command(MAYA, f"retry {bill.ref}")
    assert "Recoup is frozen" in str(typed.body)
    assert stage.sends(bill) == []
