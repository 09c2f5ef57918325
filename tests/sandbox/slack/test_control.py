"""The page's routes: what a person sees and does, and who else is kept out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from tests.sandbox.slack.tiny_app import MODAL, ROW, Json, TinyApp, posted_row


class SmallWorld:
    """A world with one switch."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Mapping[str, Any]]] = []

    def snapshot(self) -> Mapping[str, Any]:
        return {"stripe": {"reachable": True, "done": len(self.done)}}

    def about(self, slug: str, invoice: str) -> Mapping[str, Any]:
        return {"requests": [], "charges": [], "asked": f"{slug}:{invoice}"}

    async def control(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        if name == "explode":
            raise ValueError("there is no such control")
        self.done.append((name, args))
        return {"done": name}


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()


@pytest.fixture
async def slack(app: TinyApp, world: SmallWorld) -> AsyncIterator[LocalSlack]:
    local = LocalSlack(request_url=app.url, world=world, ack_deadline=10.0)
    await local.start()
    yield local
    await local.close()


@pytest.fixture
async def page(slack: LocalSlack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=slack.page_url) as session:
        yield session


async def state(page: aiohttp.ClientSession, user: str) -> Json:
    answer = await page.get("/sandbox/state", params={"user": user})
    body: Json = await answer.json()
    return body


async def test_everybody_sees_their_own_workspace(
    page: aiohttp.ClientSession, slack: LocalSlack, client: AsyncWebClient
) -> None:
    await posted_row(client)
    await client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="psst")
    await client.chat_postMessage(channel="U0TOM", text="for you")
    tom, maya = await state(page, "U0TOM"), await state(page, "U0MAYA")
    texts = {name: [m["text"] for m in seen["channels"][0]["messages"]] for name, seen in [("tom", tom), ("maya", maya)]}
    assert texts == {"tom": ["1 failed", "psst"], "maya": ["1 failed"]}
    assert [m["text"] for m in tom["directs"][0]["messages"]] == ["for you"]
    assert maya["directs"][0]["messages"] == []
    assert tom["calls"] == {"chat.postMessage": 2, "chat.postEphemeral": 1}
    assert tom["mode"] == "http"
    assert [person["id"] for person in tom["people"]] == list(slack.workspace.people)


async def test_a_command_a_press_and_a_submission_answer_how_the_app_did(
    page: aiohttp.ClientSession, app: TinyApp, client: AsyncWebClient
) -> None:
    command = {"user": "U0MAYA", "channel": "C0FIN", "command": "/invoice", "text": "void in_1"}
    said = await (await page.post("/sandbox/command", json=command)).json()
    assert said["status"] == 200
    assert said["ms"] >= 0
    await client.views_open(trigger_id=app.payloads[-1]["trigger_id"], view=MODAL)
    seen = await state(page, "U0MAYA")
    assert seen["view"]["title"]["text"] == "Void invoice"
    early = {"user": "U0MAYA", "view_id": seen["view"]["id"], "values": {}}
    stopped = await (await page.post("/sandbox/submit", json=early)).json()
    assert stopped["body"]["errors"] == {"choice": "Please complete this required field."}
    filled = {**early, "values": {"choice": {"choice": "duplicate"}}}
    assert (await (await page.post("/sandbox/submit", json=filled)).json())["status"] == 200
    ts = await posted_row(client)
    press = {"user": "U0MAYA", "channel": "C0FIN", "ts": ts, "action_id": "invoice.run_action"}
    assert (await (await page.post("/sandbox/press", json=press)).json())["status"] == 200
    assert [payload.get("type", "command") for payload in app.payloads] == ["command", "view_submission", "block_actions"]


async def test_an_ephemeral_message_is_pressed_by_its_id(
    page: aiohttp.ClientSession, app: TinyApp, client: AsyncWebClient
) -> None:
    whisper = await client.chat_postEphemeral(channel="C0FIN", user="U0TOM", text="x", blocks=ROW)
    press = {"user": "U0TOM", "channel": "C0FIN", "ephemeral_id": whisper["message_ts"], "value": "offer-2"}
    answer = await page.post("/sandbox/press", json=press)
    assert answer.status == 200
    assert app.payloads[0]["actions"][0]["selected_option"]["value"] == "offer-2"


async def test_closing_a_modal_from_the_page_tells_the_app(
    page: aiohttp.ClientSession, app: TinyApp, slack: LocalSlack, client: AsyncWebClient
) -> None:
    await slack.command("U0MAYA", "C0FIN", "void in_1")
    await client.views_open(trigger_id=app.payloads[-1]["trigger_id"], view=MODAL)
    await page.post("/sandbox/close_view", json={"user": "U0MAYA"})
    assert app.payloads[-1]["type"] == "view_closed"
    assert (await state(page, "U0MAYA"))["view"] is None


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("press", {"user": "U0MAYA", "channel": "C0FIN", "ts": "1.000001", "action_id": "x"}, 404),
        ("command", {"user": "U0MAYA"}, 400),
        ("command", {"user": "U0NOBODY", "channel": "C0FIN", "text": ""}, 400),
        ("submit", {"user": "U0MAYA", "values": {"a": "b"}}, 400),
        ("fault", {"rain": True}, 400),
        ("fault", {"action": "rain", "channel": "C0FIN"}, 400),
        ("fault", {"action": "delete_message", "channel": "C0FIN", "ts": "1.000001"}, 404),
        ("world", {"name": "explode"}, 400),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_reason(
    page: aiohttp.ClientSession, route: str, body: Json, status: int
) -> None:
    answer = await page.post(f"/sandbox/{route}", json=body)
    assert answer.status == status
    assert (await answer.json())["error"]


async def test_a_body_that_is_no_object_is_refused(page: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    statuses = [(await page.post("/sandbox/say", data=data, headers=headers)).status for data in ("{", "3", '["x"]')]
    assert statuses == [400, 400, 400]


async def test_faults_are_switched_from_the_page(
    page: aiohttp.ClientSession, slack: LocalSlack, client: AsyncWebClient
) -> None:
    ts = await posted_row(client)
    for body in [
        {"ratelimited": 2, "usergroups_failing": True},
        {"action": "delete_message", "channel": "C0FIN", "ts": ts},
        {"action": "archive", "channel": "C0SUP"},
        {"action": "remove_bot", "channel": "C0OPS"},
    ]:
        assert (await page.post("/sandbox/fault", json=body)).status == 200
    assert (slack.faults.ratelimited, slack.faults.usergroups_failing) == (2, True)
    assert slack.messages("C0FIN") == []
    seen = {place["id"]: place for place in (await state(page, "U0MAYA"))["channels"]}
    assert (seen["C0SUP"]["archived"], seen["C0OPS"]["bot_is_member"]) == (True, False)
    for body in [
        {"action": "clear"},
        {"action": "unarchive", "channel": "C0SUP"},
        {"action": "invite_bot", "channel": "C0OPS"},
    ]:
        await page.post("/sandbox/fault", json=body)
    assert (slack.faults.ratelimited, slack.faults.usergroups_failing) == (0, False)
    assert not slack.workspace.channels["C0SUP"].archived
    assert slack.workspace.channels["C0OPS"].bot_is_member


async def test_the_last_delivery_is_repeated_from_the_page(
    page: aiohttp.ClientSession, slack: LocalSlack, app: TinyApp
) -> None:
    nothing_yet = await page.post("/sandbox/fault", json={"action": "redeliver"})
    await slack.command("U0TOM", "C0FIN", "retry in_1")
    again = await page.post("/sandbox/fault", json={"action": "redeliver"})
    assert [nothing_yet.status, again.status] == [404, 200]
    assert len(app.payloads) == 2


async def test_the_world_is_shown_and_turned(page: aiohttp.ClientSession, world: SmallWorld) -> None:
    answer = await page.post("/sandbox/world", json={"name": "unreachable", "args": {"provider": "stripe"}})
    assert await answer.json() == {"result": {"done": "unreachable"}}
    assert world.done == [("unreachable", {"provider": "stripe"})]
    assert (await state(page, "U0MAYA"))["world"] == {"stripe": {"reachable": True, "done": 1}}


async def test_the_page_hears_of_changes(page: aiohttp.ClientSession, slack: LocalSlack) -> None:
    async with page.get("/sandbox/events") as events:
        first = await events.content.readline()
        await events.content.readline()
        slack.say("U0TOM", "C0FIN", "hello")
        async with asyncio.timeout(2):
            second = await events.content.readline()
    assert first.startswith(b'data: {"version": ')
    assert second == f'data: {{"version": {slack.workspace.version}}}\n'.encode()


# --- who is kept out -----------------------------------------------------------------------------------------------

SAY = {"user": "U0TOM", "channel": "C0FIN", "text": "hello"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_foreign_page_cannot_act(page: aiohttp.ClientSession, slack: LocalSlack, headers: dict[str, str]) -> None:
    assert (await page.post("/sandbox/say", json=SAY, headers=headers)).status == 403
    assert slack.messages("C0FIN") == []


async def test_a_form_of_a_foreign_page_cannot_act(page: aiohttp.ClientSession, slack: LocalSlack) -> None:
    assert (await page.post("/sandbox/say", data=SAY)).status == 415
    assert slack.messages("C0FIN") == []


async def test_a_rebound_name_cannot_read(page: aiohttp.ClientSession) -> None:
    for path in ("/", "/sandbox/state"):
        assert (await page.get(path, headers={"Host": "evil.example:80"})).status == 403


async def test_the_own_page_can_act(page: aiohttp.ClientSession, slack: LocalSlack) -> None:
    origin = slack.page_url.rstrip("/")
    answer = await page.post("/sandbox/say", json=SAY, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"})
    assert answer.status == 200
    assert [message.text for message in slack.messages("C0FIN")] == ["hello"]


async def test_the_page_asks_nothing_of_other_hosts(page: aiohttp.ClientSession) -> None:
    answer = await page.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status == 200
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
