"""What goes wrong between Slack and the app can be made to go wrong here."""

from __future__ import annotations

import time

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from tests.sandbox.slack.tiny_app import TinyApp, error_of


async def test_slack_down_answers_503_to_everything(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    await slack.command("U0MAYA", "C0FIN", "help")
    slack.faults.web_api_down = True
    assert (await error_of(client.chat_postMessage(channel="C0FIN", text="x"))).status_code == 503
    async with aiohttp.ClientSession() as session:
        answer = await session.post(app.payloads[0]["response_url"], json={"text": "x"})
    assert answer.status == 503
    assert slack.messages("C0FIN") == []


async def test_so_many_calls_are_limited_and_told_how_long_to_wait(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.set({"ratelimited": 2, "retry_after": 7})
    for _ in range(2):
        answer = await error_of(client.chat_postMessage(channel="C0FIN", text="x"))
        assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "7")
    await client.chat_postMessage(channel="C0FIN", text="x")
    assert len(slack.messages("C0FIN")) == 1
    assert [call.answer for call in slack.calls] == ["ratelimited", "ratelimited", "ok"]


async def test_a_fault_may_be_for_one_method_only(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.set({"ratelimited": 1, "only": "chat.update"})
    posted = await client.chat_postMessage(channel="C0FIN", text="x")
    limited = client.chat_update(channel="C0FIN", ts=posted["ts"], text="y")
    assert (await error_of(limited))["error"] == "ratelimited"


async def test_a_message_may_be_kept_though_the_answer_is_lost(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.drop_reply = 1
    await client.auth_test()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.chat_postMessage(channel="C0FIN", text="once")
    assert [message.text for message in slack.messages("C0FIN")] == ["once"]
    assert slack.faults.drop_reply == 0


async def test_slack_can_be_slow(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.delay = 0.1
    began = time.perf_counter()
    await client.auth_test()
    assert time.perf_counter() - began >= 0.1


async def test_groups_can_fail_while_the_rest_works(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.usergroups_failing = True
    assert (await error_of(client.usergroups_users_list(usergroup="S0SUPPORT")))["error"] == "internal_error"
    assert (await client.users_info(user="U0TOM"))["ok"]


@pytest.mark.parametrize("values", [{"rain": True}, {"ratelimited": "2"}, {"ratelimited": -1}, {"web_api_down": 1}])
def test_a_fault_that_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"rain|no int|no bool"):
        LocalSlack().faults.set(values)
