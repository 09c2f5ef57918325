from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from tests.sandbox.slack.tiny_app import Clock, TinyApp


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app() -> AsyncIterator[TinyApp]:
    tiny = TinyApp()
    server = web.Application()
    server.add_routes([web.post("/slack/events", tiny.take)])
    runner = web.AppRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tiny.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield tiny
    await runner.cleanup()


@pytest.fixture
async def slack(app: TinyApp, clock: Clock) -> AsyncIterator[LocalSlack]:
    local = LocalSlack(request_url=app.url, now=clock, ack_deadline=10.0)
    await local.start()
    yield local
    await local.close()


@pytest.fixture
async def client(slack: LocalSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        web_client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, session=session)
        web_client.retry_handlers = []
        yield web_client
