"""An app to deliver to, a clock to turn, and blocks to post."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(value: str = "offer-1", **more: Any) -> Json:
    return {"type": "button", "action_id": "invoice.run_action", "text": plain("Retry payment"), "value": value, **more}


OVERFLOW = {
    "type": "overflow",
    "action_id": "invoice.more",
    "options": [{"text": plain("Void…"), "value": "offer-2"}, {"text": plain("Link"), "value": "offer-3"}],
}
ROW: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*ACME*"}},
    {"type": "actions", "block_id": "row-1", "elements": [button(), OVERFLOW]},
]
MODAL = {
    "type": "modal",
    "callback_id": "invoice.reason",
    "title": plain("Void invoice"),
    "submit": plain("Void"),
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "choice",
            "label": plain("Why?"),
            "element": {
                "type": "static_select",
                "action_id": "choice",
                "options": [{"text": plain("Duplicate"), "value": "duplicate"}],
            },
        },
        {
            "type": "input",
            "block_id": "note",
            "optional": True,
            "label": plain("Note"),
            "element": {"type": "plain_text_input", "action_id": "note", "max_length": 10},
        },
    ],
}


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 1_795_000_000.0

    def __call__(self) -> float:
        return self.seconds


class TinyApp:
    """An app behind a request URL: keeps what it gets, and answers as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.payloads: list[Json] = []
        self.reply: Callable[[Json], web.Response] = lambda _payload: web.Response()
        self.pause = 0.0

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.headers.append(request.headers)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.payloads.append(json.loads(form["payload"]) if "payload" in form else dict(form))
        await asyncio.sleep(self.pause)
        return self.reply(self.payloads[-1])


async def error_of(call: Awaitable[Any]) -> Any:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def posted_row(client: AsyncWebClient) -> str:
    answer = await client.chat_postMessage(channel="C0FIN", text="1 failed", blocks=ROW)
    return str(answer["ts"])
