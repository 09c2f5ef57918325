"""A response URL speaks five times in thirty minutes."""

from __future__ import annotations

import json

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.slack import LocalSlack
from tests.sandbox.slack.tiny_app import ROW, Clock, TinyApp, posted_row


def respond_to(app: TinyApp) -> AsyncWebhookClient:
    return AsyncWebhookClient(app.payloads[-1]["response_url"])


async def test_a_response_url_works_five_times(slack: LocalSlack, app: TinyApp) -> None:
    await slack.command("U0MAYA", "C0FIN", "show in_1")
    respond = respond_to(app)
    statuses = [(await respond.send(text=f"{n}")).status_code for n in range(6)]
    assert statuses == [200] * 5 + [404]
    assert [message.text for message in slack.ephemerals("U0MAYA")] == ["0", "1", "2", "3", "4"]


async def test_a_response_url_works_for_thirty_minutes(slack: LocalSlack, app: TinyApp, clock: Clock) -> None:
    await slack.command("U0MAYA", "C0FIN", "show in_1")
    respond = respond_to(app)
    clock.seconds += 30 * 60 + 1
    answer = await respond.send(text="late")
    assert answer.status_code == 404
    assert json.loads(answer.body) == {"ok": False, "error": "expired_url"}
    assert slack.ephemerals("U0MAYA") == []


async def test_a_response_url_of_a_button_replaces_or_deletes_its_message(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    whisper = await client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="x", blocks=ROW)
    await slack.press("U0TOM", "C0FIN", whisper["message_ts"], value="offer-1")
    respond = respond_to(app)
    await respond.send(text="Retrying…", replace_original=True)
    assert [message.text for message in slack.ephemerals("U0TOM")] == ["Retrying…"]
    await respond.send(delete_original=True)
    assert slack.ephemerals("U0TOM") == []


async def test_a_response_url_can_speak_to_all_in_a_thread(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    ts = await posted_row(client)
    await slack.press("U0TOM", "C0FIN", ts, value="offer-1")
    async with aiohttp.ClientSession() as session:
        body = {"text": "Paid", "response_type": "in_channel", "thread_ts": ts}
        await session.post(app.payloads[-1]["response_url"], json=body)
    reply = slack.messages("C0FIN")[-1]
    assert (reply.text, reply.thread_ts, reply.only_for) == ("Paid", ts, None)


async def test_a_command_replaces_only_what_it_posted_itself(slack: LocalSlack, app: TinyApp) -> None:
    await slack.command("U0MAYA", "C0FIN", "show in_1")
    respond = respond_to(app)
    await respond.send(text="first", replace_original=True)
    await respond.send(text="second", replace_original=True)
    assert [message.text for message in slack.ephemerals("U0MAYA")] == ["second"]


async def test_a_response_url_judges_blocks_too(slack: LocalSlack, app: TinyApp) -> None:
    await slack.command("U0MAYA", "C0FIN", "show in_1")
    respond = respond_to(app)
    answer = await respond.send(text="x", blocks=[{"type": "header"}])
    assert (answer.status_code, json.loads(answer.body)["error"]) == (400, "invalid_blocks")
