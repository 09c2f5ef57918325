"""The door: only what Slack signed, in time and in size, reaches a listener; and nobody is told how we work inside."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import JournalUnavailable
from bot.settings import SlackConfiguration
from bot.slack import _bolt
from bot.web import LARGEST_BODY, WebServer
from handlers import Handlers, ids, register
from handlers.approvals import Approvals
from handlers.buttons import Buttons
from handlers.commands import Commands
from handlers.dialogs import Dialogs
from handlers.payloads import Body, invocation_of, pressed_of, submission_of
from handlers.verdicts import VerdictListeners
from tests.handlers.bodies import NOW, a_command, a_press, a_submission

SECRET = "5ec2e7"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Listeners:
    """Stands for every listener object: reads the payload as they do, and writes down that it came."""

    taken: list[str] = field(default_factory=list)
    fails_with: Exception | None = None

    async def run(self, ack: AsyncAck, body: Body) -> None:
        await self._take(ack, invocation_of(body, NOW).delivery)

    async def run_action(self, ack: AsyncAck, body: Body) -> None:
        await self._take(ack, pressed_of(body, NOW).delivery)

    more = link = pdf = show = share = check = ask = retry_with = unknown = answer = run_action

    async def submit(self, ack: AsyncAck, body: Body) -> None:
        await self._take(ack, submission_of(body)[2])

    submit_old = submit

    async def _take(self, ack: AsyncAck, delivery: str) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.taken.append(delivery)
        await ack()


@dataclass
class Door:
    """A running server, and a client that signs as Slack does."""

    listeners: Listeners
    session: aiohttp.ClientSession
    url: str
    problems: list[str]

    async def send(
        self,
        body: bytes | io.BytesIO,
        content_type: str = FORM,
        *,
        timestamp: str | None = None,
        signature: str | None = None,
    ) -> tuple[int, str]:
        at = timestamp if timestamp is not None else str(int(time.time()))
        signed = signature if signature is not None else sign(at, cast(bytes, body))
        headers = {"Content-Type": content_type, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signed}
        async with self.session.post(f"{self.url}/slack/events", data=body, headers=headers) as reply:
            return reply.status, await reply.text()

    async def press(self, payload: object) -> tuple[int, str]:
        return await self.send(urlencode({"payload": json.dumps(payload)}).encode())


def sign(timestamp: str, body: bytes) -> str:
    return "v0=" + hmac.new(SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


@asynccontextmanager
async def opened() -> AsyncIterator[Door]:
    configuration = SlackConfiguration("xoxb-1", None, SECRET, "https://slack.com/api/")
    bolt = _bolt(configuration, AsyncWebClient("xoxb-1"), {"team_id": "T1"})
    listeners, problems = Listeners(), list[str]()
    register(
        bolt,
        Handlers(
            cast(Commands, listeners),
            cast(Buttons, listeners),
            cast(Dialogs, listeners),
            cast(VerdictListeners, listeners),
            cast(Approvals, listeners),
        ),
        "/invoice",
    )

    async def tell() -> dict[str, object]:
        return {"ok": not problems, "problems": problems, "database": {"ms": 1}}

    server = WebServer(bolt, SECRET, tell)
    await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Door(listeners, session, f"http://127.0.0.1:{server.port}", problems)
    await server.stop()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened() as running:
        yield running


def form(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


# --- who may come in ---


def test_our_signature_is_the_one_that_slack_s_own_library_makes() -> None:
    assert sign("1", b"a=b") == SignatureVerifier(SECRET).generate_signature(timestamp="1", body=b"a=b")


async def test_a_signed_press_reaches_its_listener_once(door: Door) -> None:
    assert await door.press(a_press()) == (200, "")
    assert len(door.listeners.taken) == 1


async def test_a_signed_command_and_a_signed_dialog_reach_theirs(door: Door) -> None:
    assert (await door.send(urlencode(a_command("help")).encode()))[0] == 200
    assert (await door.press(a_submission()))[0] == 200
    assert len(door.listeners.taken) == 2


@pytest.mark.parametrize("signature", ["", "v0=", "v0=" + "0" * 64, "v1=abc", "ünsigned", "v0=\u0661"])
async def test_a_forged_signature_stays_outside(signature: str, door: Door) -> None:
    status, text = await door.send(form(a_press()), signature=signature)
    assert status == 401
    assert "Traceback" not in text
    assert door.listeners.taken == []


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "-5", "1e9", "1.5", " 1", "9" * 12, "9" * 400, "\u0661\u0662", "0x10", "0"]
)
async def test_a_timestamp_that_is_none_stays_outside_even_when_signed(timestamp: str, door: Door) -> None:
    assert (await door.send(form(a_press()), timestamp=timestamp))[0] == 401
    assert door.listeners.taken == []


@pytest.mark.parametrize(("age", "status"), [(0, 200), (295, 200), (305, 401), (-330, 401)])
async def test_an_old_request_cannot_be_sent_again(age: int, status: int, door: Door) -> None:
    assert (await door.send(form(a_press()), timestamp=str(int(time.time()) - age)))[0] == status
    assert len(door.listeners.taken) == (status == 200)


async def test_the_signature_of_another_body_stays_outside(door: Door) -> None:
    at = str(int(time.time()))
    assert (await door.send(form(a_press()), timestamp=at, signature=sign(at, b"other")))[0] == 401


async def test_a_request_without_our_headers_stays_outside(door: Door) -> None:
    async with door.session.post(f"{door.url}/slack/events", data=form(a_press())) as reply:
        assert reply.status == 401


async def test_bytes_that_are_no_text_stay_outside_signed_or_not(door: Door) -> None:
    assert (await door.send(b"\xff\xfe", signature="v0=abc"))[0] == 401
    assert (await door.send(b"\xff\xfe"))[0] == 401


async def test_only_post_is_answered(door: Door) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        async with door.session.request(method, f"{door.url}/slack/events") as reply:
            assert reply.status == 405


# --- how much, how fast ---


async def test_a_body_over_a_megabyte_is_not_read(door: Door) -> None:
    status, _ = await door.send(io.BytesIO(b"a" * (LARGEST_BODY + 1)), signature="v0=abc")
    assert status == 413


async def test_a_body_over_a_megabyte_that_names_no_length_is_not_read_either(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"a" * 100_000

    try:
        headers = {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": "v0=abc"}
        async with door.session.post(f"{door.url}/slack/events", data=endless(), headers=headers) as reply:
            assert reply.status == 413
    except aiohttp.ClientOSError:
        pass  # the server may hang up before the whole body is out
    assert door.listeners.taken == []
    assert (await door.press(a_press()))[0] == 200


async def test_a_body_of_a_megabyte_passes_the_door(door: Door) -> None:
    payload = a_press()
    payload["message"]["text"] = "a" * (LARGEST_BODY - 20_000)
    body, at = form(payload), str(int(time.time()))
    assert (await door.send(io.BytesIO(body), timestamp=at, signature=sign(at, body)))[0] == 200


async def test_a_body_that_comes_byte_by_byte_is_given_up_and_others_are_served_meanwhile(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rsplit(":", 1)[1]))
    head = f"Host: x\r\nX-Slack-Request-Timestamp: {int(time.time())}\r\nX-Slack-Signature: v0=abc\r\nContent-Length: 100"
    writer.write(f"POST /slack/events HTTP/1.1\r\n{head}\r\n\r\npayl".encode())
    await writer.drain()
    assert (await door.press(a_press()))[0] == 200
    answer = asyncio.ensure_future(reader.readline())
    async with asyncio.timeout(20):
        while not answer.done():
            writer.write(b"o")
            await asyncio.sleep(0.1)
    assert b" 408 " in answer.result()
    writer.close()


# --- what is no payload of Slack ---

GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"payload=notjson",
    "an empty payload": b"payload=",
    "a list": b"payload=[]",
    "null": b"payload=null",
    "a number": b"payload=5",
    "a text": b"payload=%22x%22",
    "an empty object": b"payload={}",
    "not a number": b"payload=NaN",
    "a zero byte": b"payload=%00",
    "deep lists": b"payload=" + b"[" * 50_000,
    "deep objects": b"payload=" + b'{"a":' * 50_000,
    "deep lists that close": b"payload=" + b"[" * 50_000 + b"]" * 50_000,
    "a bare list": b"[]",
    "bare null": b"null",
    "broken JSON": b'{"type":',
    "half an escape": b"payload=%7",
    "lone surrogates": b"payload=%22%5Cud800%22",
    "a view that is a number": form({"type": "view_submission", "view": 5}),
    "a view that is a list": form({"type": "view_submission", "view": []}),
    "actions that are a number": form({"type": "block_actions", "actions": 5}),
    "actions of numbers": form({"type": "block_actions", "actions": [5], "user": 7, "team": "x"}),
    "no actions": form({**a_press(), "actions": []}),
    "a user that is a number": form({**a_press(), "user": 7}),
    "a team that is a text": form({**a_press(), "user": {"id": "U1"}, "team": "T1"}),
    "no container": form({**a_press(), "container": None}),
    "a command of nobody": b"command=/invoice&text=retry",
    "an old kind of button": form({"type": "interactive_message", "callback_id": "x", "actions": [{"name": "a"}]}),
}


@pytest.mark.parametrize("content_type", [FORM, "application/json", "text/plain", "multipart/form-data"])
@pytest.mark.parametrize("kind", GARBAGE)
async def test_signed_garbage_is_refused_without_effect_and_without_a_trace(
    kind: str, content_type: str, door: Door
) -> None:
    status, text = await door.send(GARBAGE[kind], content_type)
    assert 400 <= status <= 500
    assert "Traceback" not in text
    assert "File " not in text
    assert door.listeners.taken == []
    assert (await door.press(a_press()))[0] == 200


@pytest.mark.parametrize("error", [JournalUnavailable("the disk is full"), TimeoutError(), RuntimeError("bug s3cr3t")])
async def test_a_press_that_was_not_written_down_is_not_acknowledged(error: Exception, door: Door) -> None:
    door.listeners.fails_with = error
    status, text = await door.press(a_press())
    assert status == 500
    assert "Traceback" not in text
    assert "s3cr3t" not in text


async def test_a_command_of_another_app_is_not_answered_as_ours(door: Door) -> None:
    status, _ = await door.send(urlencode({**a_command("help"), "command": "/other"}).encode())
    assert status == 404


_junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def _paths(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, part in inner for found in _paths(part, (*path, key)))]


def _put(node: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    copied = copy.copy(node)
    copied[path[0]] = _put(node[path[0]], path[1:], value)
    return copied


def _in_one_loop(check: Any) -> None:
    """Hypothesis is not async: one loop and one server for all its examples. `check` is given `run(payload)`."""
    with asyncio.Runner() as runner:
        running = opened()
        door = runner.run(running.__aenter__())

        def run(payload: object) -> tuple[int, str, int]:
            before = len(door.listeners.taken)
            status, text = runner.run(door.press(payload))
            return status, text, len(door.listeners.taken) - before

        check(run)
        runner.run(running.__aexit__(None, None, None))


@pytest.mark.parametrize("payload", [a_press(), a_press(overflow=True), a_submission()], ids=["press", "more", "dialog"])
def test_a_payload_with_a_wrong_part_has_its_effect_or_is_refused(payload: dict[str, Any]) -> None:
    def check(run: Any) -> None:
        @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.sampled_from(_paths(payload)), _junk)
        def wrong(path: tuple[Any, ...], junk: object) -> None:
            status, text, taken = run(_put(payload, path, junk))
            assert "Traceback" not in text
            assert (status, taken) == (200, 1) or (400 <= status <= 500 and taken == 0)

        wrong()

    _in_one_loop(check)


@pytest.mark.parametrize("payload", [a_press(), a_press(overflow=True), a_submission()], ids=["press", "more", "dialog"])
def test_a_whole_payload_is_never_lost_whatever_slack_adds_to_it(payload: dict[str, Any]) -> None:
    objects = [path for path in _paths(payload) if isinstance(_get(payload, path), dict)]

    def check(run: Any) -> None:
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.sampled_from(objects), st.text(min_size=1, max_size=8), _junk)
        def more(path: tuple[Any, ...], name: str, junk: object) -> None:
            added = _put(payload, path, {f"new_{name}": junk, **_get(payload, path)})
            assert run(added)[::2] == (200, 1)

        more()

    _in_one_loop(check)


def _get(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


# --- health and metrics ---


async def test_health_says_what_is_wrong(door: Door) -> None:
    async with door.session.get(f"{door.url}/healthz") as reply:
        assert (reply.status, await reply.json()) == (200, {"ok": True, "problems": [], "database": {"ms": 1}})
    door.problems.append("database: does not answer")
    async with door.session.get(f"{door.url}/healthz") as reply:
        assert reply.status == 503
        assert (await reply.json())["problems"] == ["database: does not answer"]


async def test_health_that_hangs_is_an_answer_too_and_comes_within_two_seconds() -> None:
    async def hang() -> dict[str, object]:
        await asyncio.sleep(60)
        return {"ok": True}

    server = WebServer(None, None, hang)
    await server.start("127.0.0.1", 0)
    began = time.monotonic()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}/healthz") as reply,
    ):
        assert (reply.status, await reply.json()) == (503, {"ok": False, "problems": ["health: no answer in time"]})
    assert time.monotonic() - began < 2.5
    await server.stop()


async def test_metrics_are_in_the_form_that_prometheus_reads(door: Door) -> None:
    await door.press(a_press())
    async with door.session.get(f"{door.url}/metrics") as reply:
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "recoup_ack_seconds_count" in await reply.text()


async def well() -> dict[str, object]:
    return {"ok": True, "problems": []}


async def test_under_socket_mode_slack_s_path_is_not_there() -> None:
    server = WebServer(None, SECRET, well)
    await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{server.port}/slack/events", data=b"") as reply:
            assert reply.status == 404
        async with session.get(f"http://127.0.0.1:{server.port}/healthz") as reply:
            assert reply.status == 200
    await server.stop()


@pytest.mark.parametrize("host", ["host.invalid", "ex..ample", " ", "a" * 300])
async def test_a_host_that_is_none_is_an_error_of_the_system(host: str) -> None:
    server = WebServer(None, None, well)
    with pytest.raises(OSError, match="ame"):
        await server.start(host, 0)
    await server.stop()


async def test_a_taken_port_is_an_error_of_the_system() -> None:
    first, second = WebServer(None, None, well), WebServer(None, None, well)
    await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="address"):
        await second.start("127.0.0.1", first.port)
    await second.stop()
    await first.stop()


def test_the_samples_name_ids_that_are_registered() -> None:
    assert a_press()["actions"][0]["action_id"] == ids.RUN_ACTION
    assert a_press(overflow=True)["actions"][0]["action_id"] == ids.MORE
