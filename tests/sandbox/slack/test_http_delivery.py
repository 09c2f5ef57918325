"""Commands and presses reach the app signed, and its answers have their effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_payloads import NotThere
from tests.sandbox.slack.tiny_app import ROW, TinyApp, plain, posted_row


async def test_deliveries_carry_a_signature_that_slacks_own_verifier_accepts(slack: LocalSlack, app: TinyApp) -> None:
    await slack.command("U0MAYA", "C0FIN", "show in_1")
    body, headers = app.bodies[0].decode(), {name.lower(): value for name, value in app.headers[0].items()}
    assert SignatureVerifier(slack.signing_secret).is_valid_request(body, headers)
    assert not SignatureVerifier("another secret").is_valid_request(body, headers)
    assert not SignatureVerifier(slack.signing_secret).is_valid_request(body + "x", headers)


async def test_a_command_has_the_fields_that_slack_sends(slack: LocalSlack, app: TinyApp) -> None:
    await slack.command("U0MAYA", "C0FIN", "show in_1")
    (form,) = app.payloads
    assert {"command": "/invoice", "text": "show in_1", "user_id": "U0MAYA", "channel_id": "C0FIN"}.items() <= form.items()
    assert form["team_id"] == slack.team_id
    assert form["response_url"].startswith(slack.page_url)
    assert len(form["trigger_id"].split(".")) == 3


@pytest.mark.parametrize(
    "reply",
    [
        lambda: web.Response(text="only for you"),
        lambda: web.json_response({"text": "only for you"}),
        lambda: web.json_response({"text": "only for you", "response_type": "ephemeral", "blocks": ROW}),
    ],
)
async def test_what_a_command_answers_at_once_is_private(
    slack: LocalSlack, app: TinyApp, reply: Callable[[], web.Response]
) -> None:
    app.reply = lambda _payload: reply()
    answer = await slack.command("U0MAYA", "C0FIN", "help")
    assert answer.ok
    assert [message.text for message in slack.ephemerals("U0MAYA")] == ["only for you"]
    assert slack.messages("C0FIN") == []


async def test_a_command_may_answer_to_all(slack: LocalSlack, app: TinyApp) -> None:
    app.reply = lambda _payload: web.json_response({"text": "for all", "response_type": "in_channel"})
    await slack.command("U0MAYA", "C0FIN", "help")
    assert [message.text for message in slack.messages("C0FIN")] == ["for all"]


async def test_an_answer_with_wrong_blocks_is_a_trouble(slack: LocalSlack, app: TinyApp) -> None:
    app.reply = lambda _payload: web.json_response({"text": "x", "blocks": [{"type": "header"}]})
    answer = await slack.command("U0MAYA", "C0FIN", "help")
    assert "invalid_blocks" in str(answer.error)
    assert slack.ephemerals("U0MAYA") == []
    assert len(slack.troubles("U0MAYA")) == 1


async def test_a_press_carries_the_message_the_action_and_the_person(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    ts = await posted_row(client)
    answer = await slack.press("U0TOM", "C0FIN", ts, action_id="invoice.run_action")
    (payload,) = app.payloads
    assert answer.status == 200
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": "U0TOM", "username": "tom", "name": "tom", "team_id": "T0RECOUP"}
    assert payload["container"] == {"type": "message", "message_ts": ts, "channel_id": "C0FIN", "is_ephemeral": False}
    assert payload["message"]["blocks"][1]["block_id"] == "row-1"
    (action,) = payload["actions"]
    assert (action["type"], action["block_id"], action["value"]) == ("button", "row-1", "offer-1")


async def test_an_overflow_sends_the_option_that_was_chosen(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    ts = await posted_row(client)
    await slack.press("U0TOM", "C0FIN", ts, value="offer-3")
    (action,) = app.payloads[0]["actions"]
    assert action["selected_option"] == {"text": plain("Link"), "value": "offer-3"}
    assert "value" not in action


async def test_a_person_of_another_workspace_shows_it(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    ts = await posted_row(client)
    await slack.press("U0OLGA", "C0FIN", ts, value="offer-1")
    await slack.command("U0OLGA", "C0FIN", "help")
    assert app.payloads[0]["user"]["team_id"] == "T0OTHER"
    assert app.payloads[0]["team"]["id"] == slack.team_id
    assert app.payloads[1]["team_id"] == "T0OTHER"


async def test_what_is_not_on_the_screen_cannot_be_pressed(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    ts = await posted_row(client)
    whisper = await client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="x", blocks=ROW)
    for user, at, what in [
        ("U0MAYA", ts, {"action_id": "invoice.other"}),
        ("U0MAYA", ts, {"value": "offer-9"}),
        ("U0MAYA", ts, {"block_id": "row-1"}),  # two elements fit
        ("U0MAYA", "1.000001", {"value": "offer-1"}),
        ("U0MAYA", whisper["message_ts"], {"value": "offer-1"}),
    ]:
        with pytest.raises(NotThere):
            await slack.press(user, "C0FIN", at, **what)
    assert app.payloads == []


async def test_a_press_in_an_ephemeral_message_says_so_and_brings_no_blocks(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    whisper = await client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="x", blocks=ROW)
    await slack.press("U0TOM", "C0FIN", whisper["message_ts"], value="offer-1")
    (payload,) = app.payloads
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_an_app_that_is_late_makes_slack_warn(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    ts = await posted_row(client)
    slack.ack_deadline, app.pause = 0.3, 0.8
    answer = await slack.press("U0TOM", "C0FIN", ts, value="offer-1")
    assert (answer.status, answer.error) == (None, "operation_timeout")
    (trouble,) = slack.troubles("U0TOM")
    assert (trouble.channel, trouble.ts) == ("C0FIN", ts)
    assert slack.troubles("U0MAYA") == []


async def test_an_app_that_answers_badly_or_not_at_all_makes_slack_warn(slack: LocalSlack, app: TinyApp) -> None:
    app.reply = lambda _payload: web.Response(status=500)
    bad = await slack.command("U0TOM", "C0FIN", "help")
    slack.request_url = "http://127.0.0.1:1/slack/events"
    unreachable = await slack.command("U0TOM", "C0FIN", "help")
    assert [bad.error, unreachable.error] == ["http_error 500", "dispatch_failed"]
    assert len(slack.troubles("U0TOM")) == 2


async def test_the_last_delivery_can_come_again_unchanged(slack: LocalSlack, app: TinyApp) -> None:
    await slack.command("U0TOM", "C0FIN", "retry in_1")
    await slack.redeliver()
    assert app.payloads[0] == app.payloads[1]
    assert "X-Slack-Retry-Num" not in app.headers[0]
    assert app.headers[1]["X-Slack-Retry-Num"] == "1"


async def test_a_lost_acknowledgement_warns_though_the_app_acted(slack: LocalSlack, app: TinyApp) -> None:
    slack.faults.lose_acks = 1
    first = await slack.command("U0TOM", "C0FIN", "retry in_1")
    second = await slack.command("U0TOM", "C0FIN", "retry in_1")
    assert [first.ok, second.ok] == [False, True]
    assert len(app.payloads) == 2
