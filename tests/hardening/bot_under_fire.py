"""The whole way of a payload: real door, Bolt, listeners, services and SQLite; only Slack and the provider are played."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.offer import Offer
from bot.settings import SlackConfiguration
from bot.slack import _bolt
from bot.storage.engine import open_storage
from bot.storage.schema import migrate
from bot.web import WebServer
from handlers import Handlers, register
from tests.builders import INVOICE, TEAM
from tests.handlers.slack_side import SlackSide
from tests.log_scanner import scanner
from tests.services.bench import Bench, Outside, quick_disk
from tests.test_web import FORM, SECRET, sign

SURPRISE: Final = "press.not_accepted"


@dataclass
class UnderFire:
    """`send` delivers bytes as Slack would, signed. Afterwards everything that was accepted is worked off and told."""

    slack: SlackSide
    session: aiohttp.ClientSession
    url: str
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def offered(self) -> Offer:
        """Another invoice on another card, so that one example does not meet the decision of the last one."""
        number = next(self.numbers)
        invoice: Invoice = replace(INVOICE, ref=InvoiceRef("stripe", f"in_{number}"), number=f"ACME-{number}")
        bench = self.slack.bench
        bench.provider.now_shows(invoice)
        bench.provider.performed.clear()
        return await bench.shown(invoice, message=f"card:{number}")

    async def send(self, body: bytes, content_type: str = FORM) -> tuple[int, str]:
        at = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": sign(at, body),
        }
        async with self.session.post(f"{self.url}/slack/events", data=body, headers=headers) as reply:
            status, text = reply.status, await reply.text()
        await self.slack.background.drain(5.0)
        await self.slack.bench.work()
        await self.slack.bench.talk()
        return status, text

    async def send_payload(self, payload: object) -> tuple[int, str]:
        return await self.send(urlencode({"payload": json.dumps(payload)}).encode())

    @property
    def surprises(self) -> list[dict[str, Any]]:
        """What no line of ours had foreseen, since the last time of asking. Bolt itself falls over payloads that Slack
        never sends, before any listener; that is a 500 and one line in the log."""
        refused = [event for event in scanner.events if event["event"] == SURPRISE and "reference" in event]
        found = [event for event in refused if not str(event["at"]).startswith("slack_bolt.")]
        scanner.events.clear()
        return found


@asynccontextmanager
async def under_fire() -> AsyncGenerator[UnderFire]:
    configuration = SlackConfiguration("xoxb-1", None, SECRET, "https://slack.com/api/")
    with tempfile.TemporaryDirectory(dir=quick_disk()) as folder:
        url = f"sqlite+aiosqlite:///{folder}/recoup.db"
        await migrate(url)
        async with open_storage(url) as storage, aiohttp.ClientSession() as session:
            slack = SlackSide(Bench(Outside(storage=storage)))
            bolt = _bolt(configuration, AsyncWebClient("xoxb-1"), {"team_id": TEAM})
            listeners = Handlers(slack.commands, slack.buttons, slack.dialogs, slack.verdicts, slack.approvals)
            register(bolt, listeners, "/invoice")
            server = WebServer(bolt, SECRET, _well)
            await server.start("127.0.0.1", 0)
            try:
                yield UnderFire(slack, session, f"http://127.0.0.1:{server.port}")
            finally:
                await server.stop()


async def _well() -> dict[str, object]:
    return {"ok": True, "problems": []}
