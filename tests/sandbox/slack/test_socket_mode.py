"""Over Socket Mode, Bolt's own client gets the same payloads and its answers have the same effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from tests.sandbox.slack.tiny_app import MODAL, ROW


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    local = LocalSlack(ack_deadline=3.0)
    await local.start()
    yield local
    await local.close()


async def authorize() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0RECOUP", bot_token="xoxb-sandbox-bot", bot_user_id="U0RECOUP")


class BoltApp:
    """A Bolt app on a socket; keeps the payloads it acted on."""

    def __init__(self, slack: LocalSlack) -> None:
        self.client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(client=self.client, authorize=authorize, process_before_response=True)
        app_client = AsyncWebClient(slack.app_token, base_url=slack.api_url)
        self.handler = AsyncSocketModeHandler(self.app, slack.app_token, web_client=app_client)
        self.seen: list[dict[str, Any]] = []
        self.app.command("/invoice")(self.command)
        self.app.action("invoice.run_action")(self.press)
        self.app.view("invoice.reason")(self.submit)

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        self.seen.append(body)
        if body["text"].startswith("void"):
            await self.client.views_open(trigger_id=body["trigger_id"], view=MODAL)
            await ack()
        elif body["text"] != "silence":
            await ack(f"You wrote {body['text']}")

    async def press(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        self.seen.append(body)
        await respond("Retrying…")
        await ack()

    async def submit(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        self.seen.append(body)
        await ack(response_action="errors", errors={"note": "Say more."})


@pytest.fixture
async def bolt(slack: LocalSlack) -> AsyncIterator[BoltApp]:
    app = BoltApp(slack)
    await app.handler.connect_async()  # type: ignore[no-untyped-call]
    yield app
    await app.handler.close_async()  # type: ignore[no-untyped-call]


async def test_a_command_is_acknowledged_with_its_private_answer(slack: LocalSlack, bolt: BoltApp) -> None:
    answer = await slack.command("U0MAYA", "C0FIN", "help")
    assert (answer.status, answer.body) == (200, {"text": "You wrote help"})
    assert [message.text for message in slack.ephemerals("U0MAYA")] == ["You wrote help"]
    assert bolt.seen[0]["user_id"] == "U0MAYA"


async def test_a_press_is_answered_by_its_response_url(slack: LocalSlack, bolt: BoltApp) -> None:
    posted = await bolt.client.chat_postMessage(channel="C0FIN", text="x", blocks=ROW)
    answer = await slack.press("U0TOM", "C0FIN", posted["ts"], value="offer-1")
    assert answer.ok
    assert bolt.seen[0]["actions"][0]["value"] == "offer-1"
    assert [message.text for message in slack.ephemerals("U0TOM")] == ["Retrying…"]


async def test_a_modal_is_opened_and_its_errors_are_shown(slack: LocalSlack, bolt: BoltApp) -> None:
    await slack.command("U0MAYA", "C0FIN", "void in_1")
    await slack.submit("U0MAYA", {"choice": {"choice": "duplicate"}})
    view = slack.view_of("U0MAYA")
    assert view is not None
    assert view.errors == {"note": "Say more."}
    assert bolt.seen[-1]["type"] == "view_submission"


async def test_an_envelope_without_acknowledgement_makes_slack_warn(slack: LocalSlack, bolt: BoltApp) -> None:
    answer = await slack.command("U0MAYA", "C0FIN", "silence")
    assert answer.error == "operation_timeout"
    assert len(bolt.seen) == len(slack.troubles("U0MAYA")) == 1


async def test_without_a_socket_nothing_can_be_delivered(slack: LocalSlack) -> None:
    assert (await slack.command("U0MAYA", "C0FIN", "help")).error == "dispatch_failed"


async def test_a_client_that_is_sent_away_comes_back(slack: LocalSlack, bolt: BoltApp) -> None:
    await slack.sockets.disconnect()
    async with asyncio.timeout(5):
        while len(slack.called("apps.connections.open")) < 2 or slack.sockets.connections == 0:
            await slack.workspace.next_change(slack.workspace.version, 0.5)
    assert (await slack.command("U0MAYA", "C0FIN", "help")).ok
    assert len(bolt.seen) == 1


async def test_the_last_envelope_can_come_again_under_a_new_id(slack: LocalSlack) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(slack.sockets.new_url()) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        first = asyncio.ensure_future(slack.command("U0MAYA", "C0FIN", "help"))
        one = await socket.receive_json()
        await socket.send_json({"envelope_id": one["envelope_id"]})
        again = asyncio.ensure_future(slack.redeliver())
        two = await socket.receive_json()
        await socket.send_json({"envelope_id": two["envelope_id"]})
        assert (await first).ok
        assert (await again).ok
    assert one["envelope_id"] != two["envelope_id"]
    assert one["payload"] == two["payload"]
    assert two["retry_attempt"] == 1


async def test_a_socket_url_admits_one_connection(slack: LocalSlack) -> None:
    url = slack.sockets.new_url()
    async with aiohttp.ClientSession() as session, session.ws_connect(url):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
