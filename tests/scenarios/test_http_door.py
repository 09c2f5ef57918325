"""The HTTP server as the network sees it: what is not signed by Slack stays outside; health, metrics, and the way out."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.sandbox.slack_delivery import signature
from bot.sandbox.slack_web import Tokens
from tests.scenarios.stage import FIN, MAYA, RETRY, Stage

EVENTS = "/slack/events"


@pytest.fixture
async def outside() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def command(stage: Stage, text: str) -> bytes:
    fields = {
        "command": "/invoice",
        "text": text,
        "user_id": MAYA,
        "team_id": stage.slack.team_id,
        "channel_id": FIN,
        "trigger_id": "1.2.3",
    }
    return urlencode(fields).encode()


def signed(stage: Stage, body: bytes, *, age: int = 0, secret: str | None = None) -> dict[str, str]:
    stamp = str(int(time.time()) - age)
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(secret or stage.slack.signing_secret, stamp, body),
    }


def url(stage: Stage, path: str = EVENTS) -> str:
    return f"http://127.0.0.1:{stage.port}{path}"


async def test_a_request_that_slack_signed_is_taken(stage: Stage, outside: aiohttp.ClientSession) -> None:
    bill = stage.bill()
    body = command(stage, f"retry {bill.ref}")
    async with outside.post(url(stage), data=body, headers=signed(stage, body)) as reply:
        assert reply.status == 200
    await stage.eventually(lambda: stage.collected(bill), "the charge")


async def test_a_request_that_slack_did_not_sign_is_turned_away(stage: Stage, outside: aiohttp.ClientSession) -> None:
    bill = stage.bill()
    body = command(stage, f"retry {bill.ref}")
    good = signed(stage, body)
    stamp = "X-Slack-Request-Timestamp"
    forgeries = {
        "another secret": signed(stage, body, secret="guessed"),
        "replayed 301 seconds later": signed(stage, body, age=301),
        "from the future": signed(stage, body, age=-330),
        "no signature": {stamp: good[stamp]},
        "no timestamp": {"X-Slack-Signature": good["X-Slack-Signature"]},
        "a timestamp that is no number": {**good, stamp: "yesterday"},
        "a negative timestamp": {**good, stamp: "-1"},
        "a signature that is not ASCII": {**good, "X-Slack-Signature": "v0=é"},
        "an empty signature": {**good, "X-Slack-Signature": ""},
    }
    for name, headers in forgeries.items():
        async with outside.post(url(stage), data=body, headers=headers) as reply:
            assert reply.status == 401, name
    async with outside.post(url(stage), data=body + b"&text=void", headers=good) as reply:
        assert reply.status == 401
    await stage.settled()
    assert stage.stripe.requests == []
    assert stage.private(MAYA) == []


async def test_a_body_over_a_megabyte_is_refused(stage: Stage, outside: aiohttp.ClientSession) -> None:
    body = b"text=" + b"x" * (1024 * 1024)
    async with outside.post(url(stage), data=io.BytesIO(body), headers=signed(stage, body)) as reply:
        assert reply.status == 413


async def test_a_signed_body_that_slack_never_sends_is_no_crash(stage: Stage, outside: aiohttp.ClientSession) -> None:
    for body in (b"", b"payload=%7B", b"payload=[]", b"payload={}", b"\xff\xfe"):
        async with outside.post(url(stage), data=body, headers=signed(stage, body)) as reply:
            assert reply.status in {400, 401, 404}, body
            assert "Traceback" not in await reply.text()
    async with outside.get(url(stage, "/healthz")) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("over_socket", [True])
async def test_in_socket_mode_slacks_path_does_not_exist(stage: Stage, outside: aiohttp.ClientSession) -> None:
    body = command(stage, "help")
    async with outside.post(url(stage), data=body, headers=signed(stage, body)) as reply:
        assert reply.status == 404


@pytest.mark.parametrize("over_socket", [False, True], ids=["http", "socket"])
async def test_health_and_metrics_answer(stage: Stage, outside: aiohttp.ClientSession) -> None:
    bill = stage.bill()
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "Paid")
    async with outside.get(url(stage, "/healthz")) as reply:
        body = await reply.json()
    assert (reply.status, body["ok"], body["problems"]) == (200, True, [])
    assert set(body) == {"ok", "problems", "database", "slack", "worker", "digests"}
    assert body["digests"]["finance"]["late"] is False
    async with outside.get(url(stage, "/metrics")) as reply:
        text = await reply.text()
    assert reply.status == 200
    assert 'recoup_action_steps_total{action="retry"}' in text
    assert 'recoup_presses_total{decided="accepted"}' in text
    assert 'recoup_actions_ended_total{action="retry",state="succeeded"}' in text
    assert 'recoup_provider_seconds_count{account="stripe",method="POST",outcome="2xx"}' in text
    assert bill.id not in text


async def test_health_tells_of_a_token_that_slack_refuses(stage: Stage, outside: aiohttp.ClientSession) -> None:
    stage.slack.api._tokens = Tokens(bot="xoxb-another", app="xapp-another")
    await stage.command(MAYA, "digest now")
    await stage.eventually(lambda: [c for c in stage.slack.calls if c.answer == "invalid_auth"] or None, "the refusal")
    async with outside.get(url(stage, "/healthz")) as reply:
        assert reply.status == 503
        assert (await reply.json())["problems"] == ["slack: invalid_auth"]


@pytest.mark.parametrize("over_socket", [False, True], ids=["http", "socket"])
async def test_a_stop_while_a_send_is_out_waits_for_its_answer(stage: Stage) -> None:
    bill = stage.bill("charge_then_hang")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.charges(bill), "the charge")

    stopping = asyncio.create_task(stage.stop())
    await asyncio.sleep(0.2)
    assert not stopping.done(), "a send that is out is waited for"
    began = time.monotonic()
    await stage.disturb("unreachable")
    await stopping
    assert time.monotonic() - began < 5.0

    await stage.disturb("reachable")
    await stage.start()
    await stage.command(MAYA, f"show {bill.ref}")
    await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0MAYA>")
    assert stage.sends(bill) == ["pay"]
    assert len(stage.charges(bill)) == 1
