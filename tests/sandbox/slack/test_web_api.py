"""The Web API says yes and no where Slack does."""

from __future__ import annotations

import json

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_state import Identity
from tests.sandbox.slack.tiny_app import ROW, TinyApp, error_of, plain, posted_row


async def test_auth_test_names_the_bot_and_the_scopes(client: AsyncWebClient, slack: LocalSlack) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["team_id"]) == (slack.bot_user_id, slack.team_id)
    assert "chat:write" in answer.headers["X-OAuth-Scopes"]


@pytest.mark.parametrize("token", ["xoxb-wrong", "xapp-sandbox-app"])
async def test_only_the_bot_token_opens_the_web_api(slack: LocalSlack, token: str) -> None:
    stranger = AsyncWebClient(token, base_url=slack.api_url)
    assert (await error_of(stranger.auth_test()))["error"] == "invalid_auth"


async def test_only_the_app_token_opens_a_socket(client: AsyncWebClient, slack: LocalSlack) -> None:
    with_bot_token = client.apps_connections_open(app_token=slack.bot_token)
    assert (await error_of(with_bot_token))["error"] == "invalid_auth"
    assert (await client.apps_connections_open(app_token=slack.app_token))["url"].startswith("ws://127.0.0.1:")


async def test_tokens_are_not_kept_among_the_calls(slack: LocalSlack) -> None:
    async with aiohttp.ClientSession() as session:
        await session.post(f"{slack.api_url}auth.test", data={"token": slack.bot_token, "x": "1"})
    assert [(call.method, call.params, call.answer) for call in slack.calls] == [("auth.test", {"x": "1"}, "ok")]


async def test_a_missing_scope_is_named(app: TinyApp) -> None:
    local = LocalSlack(request_url=app.url, identity=Identity(scopes=("chat:write",)))
    await local.start()
    answer = await error_of(AsyncWebClient(local.bot_token, base_url=local.api_url).users_info(user="U0TOM"))
    await local.close()
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "users:read", "chat:write")


async def test_an_unknown_method_is_refused(client: AsyncWebClient) -> None:
    assert (await error_of(client.api_call("chat.shout")))["error"] == "unknown_method"


async def test_a_posted_message_can_be_changed_and_deleted(client: AsyncWebClient, slack: LocalSlack) -> None:
    ts = await posted_row(client)
    await client.chat_update(channel="C0FIN", ts=ts, text="Paid")
    (message,) = slack.messages("C0FIN")
    assert (message.text, message.blocks, message.edited) == ("Paid", [], True)
    await client.chat_delete(channel="C0FIN", ts=ts)
    assert slack.messages("C0FIN") == []
    gone = await error_of(client.chat_update(channel="C0FIN", ts=ts, text="Paid"))
    assert gone["error"] == "message_not_found"


async def test_a_message_of_somebody_else_cannot_be_changed(client: AsyncWebClient, slack: LocalSlack) -> None:
    theirs = slack.say("U0TOM", "C0FIN", "hello")
    answer = await error_of(client.chat_update(channel="C0FIN", ts=theirs.ts, text="x"))
    assert answer["error"] == "cant_update_message"


async def test_a_user_id_as_channel_is_a_direct_message(client: AsyncWebClient, slack: LocalSlack) -> None:
    answer = await client.chat_postMessage(channel="U0TOM", text="for you")
    assert answer["channel"] == slack.workspace.direct("U0TOM").id
    assert [message.text for message in slack.directs("U0TOM")] == ["for you"]
    assert slack.directs("U0MAYA") == []


async def test_opening_direct_messages_names_the_channel_that_posts_to_the_person_lie_in(
    client: AsyncWebClient, slack: LocalSlack
) -> None:
    opened = await client.conversations_open(users="U0TOM")
    posted = await client.chat_postMessage(channel="U0TOM", text="for you")
    assert opened["channel"]["id"] == posted["channel"]
    assert slack.directs("U0MAYA") == []


async def test_an_ephemeral_message_reaches_members_only_and_cannot_be_updated(
    client: AsyncWebClient, slack: LocalSlack
) -> None:
    answer = await client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="psst")
    assert [message.text for message in slack.ephemerals("U0TOM")] == ["psst"]
    assert slack.messages("C0FIN") == []
    update = client.chat_update(channel="C0FIN", ts=answer["message_ts"], text="x")
    assert (await error_of(update))["error"] == "message_not_found"
    slack.workspace.channels["C0FIN"].outsiders.add("U0TOM")
    outside = client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="psst")
    assert (await error_of(outside))["error"] == "user_not_in_channel"


async def test_places_the_bot_cannot_write_to_are_named(client: AsyncWebClient, slack: LocalSlack) -> None:
    slack.workspace.channels["C0SUP"].archived = True
    slack.workspace.channels["C0OPS"].bot_is_member = False
    errors = {
        channel: (await error_of(client.chat_postMessage(channel=channel, text="x")))["error"]
        for channel in ("C0NONE", "C0SUP", "C0OPS")
    }
    assert errors == {"C0NONE": "channel_not_found", "C0SUP": "is_archived", "C0OPS": "not_in_channel"}


async def test_a_message_without_anything_in_it_is_refused(client: AsyncWebClient) -> None:
    assert (await error_of(client.api_call("chat.postMessage", json={"channel": "C0FIN"})))["error"] == "no_text"


async def test_a_wrong_block_fails_the_whole_call_with_details(client: AsyncWebClient, slack: LocalSlack) -> None:
    bad = [{"type": "header", "text": plain("x" * 151)}]
    answer = await error_of(client.chat_postMessage(channel="C0FIN", text="x", blocks=bad))
    assert answer["error"] == "invalid_blocks"
    (detail,) = answer["response_metadata"]["messages"]
    assert detail == "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    assert slack.messages("C0FIN") == []


async def test_too_much_text_in_blocks_is_refused(client: AsyncWebClient) -> None:
    many = [{"type": "section", "text": plain("x" * 2900)}] * 5
    answer = await error_of(client.chat_postMessage(channel="C0FIN", text="x", blocks=many))
    assert answer["error"] == "msg_blocks_too_long"


async def test_groups_and_people_can_be_read(client: AsyncWebClient) -> None:
    assert (await client.usergroups_users_list(usergroup="S0SUPPORT"))["users"] == ["U0TOM"]
    assert [group["handle"] for group in (await client.usergroups_list())["usergroups"]] == ["support"]
    assert (await error_of(client.usergroups_users_list(usergroup="S0NONE")))["error"] == "no_such_subteam"
    guest = (await client.users_info(user="U0GUS"))["user"]
    foreign = (await client.users_info(user="U0OLGA"))["user"]
    assert (guest["is_restricted"], foreign["is_restricted"]) == (True, False)
    assert (guest["team_id"], foreign["team_id"]) == ("T0RECOUP", "T0OTHER")
    assert (await client.conversations_info(channel="C0FIN"))["channel"]["is_member"] is True


async def test_blocks_can_be_validated_without_posting_them(client: AsyncWebClient) -> None:
    assert (await client.api_call("blocks.validate", params={"blocks": json.dumps(ROW)}))["ok"]
    wrong = client.api_call("blocks.validate", params={"view": json.dumps({"type": "modal"})})
    assert "/view" in [error["pointer"] for error in (await error_of(wrong))["errors"]]
