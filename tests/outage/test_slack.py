"""A Slack whose line breaks: decisions do not wait for it, and what there is to say is said once it is back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.outage import slack_rounds as rounds
from tests.outage.proxy import Cut, Ending, FaultProxy, opened
from tests.outage.stand import standing
from tests.scenarios.reading import read
from tests.scenarios.stage import FIN, MAYA, OPS, RETRY


async def test_while_slack_is_down_for_an_hour_decisions_run_and_every_row_is_right_afterwards(database: Path) -> None:
    verdict = await rounds.down_for_an_hour(database, 3)
    assert verdict.violations == []
    assert verdict.charges == 3


@pytest.mark.parametrize("how", [Ending.RESET, Ending.CLOSE, Ending.HALF_CLOSE])
async def test_a_post_that_slack_took_and_never_confirmed_is_sent_at_most_once_more(database: Path, how: Ending) -> None:
    async with standing(database) as stand:
        stand.slack.cuts = [Cut(rounds.POST, 0, how)]
        [bill], first = await rounds.digest_with(stand, 1)
        second = (await stand.stage.eventually(lambda: stand.stage.digests()[1:], "the second copy"))[0]
        assert stand.stage.row(bill, first) == stand.stage.row(bill, second), "the copies carry the same offers"
        await stand.stage.press(MAYA, RETRY, bill, first)
        await stand.stage.row_says(bill, second, rounds.PAID)
        await stand.stage.settled()
        posts = [call for call in stand.stage.slack.calls if call.method == "chat.postMessage"]
        assert len(posts) == 2, "the client does not send again by itself"
        assert len(stand.stage.charges(bill)) == 1


async def test_a_slack_that_answers_nothing_does_not_hold_up_a_decision(database: Path) -> None:
    async with standing(database) as stand:
        [bill], digest = await rounds.digest_with(stand, 1)
        stand.slack.down.hole = True
        assert (await stand.stage.press(MAYA, RETRY, bill, digest)).ok
        await stand.charged([bill])
        stand.slack.heal()
        await stand.stage.row_says(bill, digest, rounds.PAID)


async def test_an_hour_later_a_private_card_is_answered_although_its_response_url_is_dead(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        card = await stage.card(MAYA, bill)
        await stage.settled()
        stage.slack.faults.web_api_down = True
        assert (await stage.press(MAYA, RETRY, bill, card)).ok
        await stand.ended([bill])
        stage.clock.ahead += timedelta(hours=1)
        stage.slack.faults.clear()
        await stage.told(MAYA, rounds.PAID)
        assert [call.method for call in stage.slack.calls if call.method == "chat.postEphemeral"] == ["chat.postEphemeral"]


async def test_the_result_for_a_removed_bot_and_a_person_who_left_goes_to_the_operators(database: Path) -> None:
    async with standing(database) as stand:
        stage = stand.stage
        [bill], digest = await rounds.digest_with(stand, 1)
        await stand.slack.go_down()
        assert (await stage.press(MAYA, RETRY, bill, digest)).ok
        await stand.charged([bill])
        stage.slack.workspace.channel(FIN).bot_is_member = False
        del stage.slack.workspace.people[MAYA]
        await stand.slack.come_up()
        told = await stage.eventually(lambda: stage.slack.messages(OPS), "the operators' message")
        assert read(told[0].blocks).says(rounds.PAID, bill.ref)


@pytest.mark.parametrize("before", [True, False], ids=["request lost", "answer lost"])
async def test_a_press_lost_between_slack_and_the_bot_counts_once_when_it_comes_again(database: Path, before: bool) -> None:
    async with standing(database) as stand:
        stage = stand.stage
        [bill], digest = await rounds.digest_with(stand, 1)
        async with opened(FaultProxy(("127.0.0.1", stage.port))) as door:
            stage.slack.request_url = f"http://127.0.0.1:{door.port}/slack/events"
            door.cuts = [Cut(b"POST /slack/events ", before=before)]
            lost = await stage.press(MAYA, RETRY, bill, digest)
            assert lost.error == "dispatch_failed"
            assert (await stage.slack.redeliver()).ok
            await stage.row_says(bill, digest, rounds.PAID)
            await stage.settled()
        assert len(stage.charges(bill)) == 1
        assert stage.private_saying(MAYA, "already") == []
