"""The door as somebody meets it who means harm: real sockets, one byte at a time, too much at once, and false papers."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest

from bot.web import LARGEST_BODY, WebServer
from bot.web_connections import Connections
from tests.handlers.bodies import a_command, a_press
from tests.log_scanner import scanner
from tests.test_web import Door, form, opened, sign

PATIENCE = 15.0
"""Seconds in which even a busy machine closes what it has given up."""


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened() as running:
        yield running


def port_of(door: Door) -> int:
    return int(door.url.rsplit(":", 1)[1])


def request(body: bytes, *headers: str, method: str = "POST", path: str = "/slack/events", signed: bool = True) -> bytes:
    at = str(int(time.time()))
    papers = [f"X-Slack-Request-Timestamp: {at}", f"X-Slack-Signature: {sign(at, body)}"] if signed else []
    length = (
        []
        if any(one.lower().startswith(("transfer-encoding", "content-length")) for one in headers)
        else [f"Content-Length: {len(body)}"]
    )
    kind = (
        []
        if any(one.lower().startswith("content-type") for one in headers)
        else ["Content-Type: application/x-www-form-urlencoded"]
    )
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: bot.example", *papers, *length, *kind, *headers])
    return head.encode("latin-1") + b"\r\n\r\n" + body


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answered(door: Door, sent: bytes) -> bytes:
    """Everything that comes back until the door closes the connection."""
    async with connected(port_of(door)) as (reader, writer):
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            return await reader.read()


def statuses(answer: bytes) -> list[int]:
    return [int(part.split()[0]) for part in re.split(rb"HTTP/1\.[01] ", answer)[1:]]


CLOSE = "Connection: close"


# --- papers


async def test_a_request_is_let_in_once_with_the_right_papers(door: Door) -> None:
    assert statuses(await answered(door, request(form(a_press()), CLOSE))) == [200]
    assert len(door.listeners.taken) == 1


@pytest.mark.parametrize("age", [301, -330, 10**9, -(10**9)])
async def test_more_than_five_minutes_are_too_much_in_both_directions(age: int, door: Door) -> None:
    at, body = str(int(time.time()) - age), form(a_press())
    assert (await door.send(body, timestamp=at, signature=sign(at, body)))[0] == 401
    assert door.listeners.taken == []


@pytest.mark.parametrize("at", ["²", "١٧٦٣٦", "1_000", "+1", "1\t", "nan", "1" * 13, "0" * 12, "--1"])
async def test_a_time_that_only_looks_like_one_stays_outside(at: str, door: Door) -> None:
    body = form(a_press())
    assert (await door.send(body, timestamp=at.encode().decode("latin-1"), signature=sign(at, body)))[0] == 401


async def test_two_signatures_of_which_one_is_right_open_the_door_no_wider(door: Door) -> None:
    false = "X-Slack-Signature: v0=" + "0" * 64
    await answered(door, request(form(a_press()), false, CLOSE))
    await answered(door, request(b"command=%2Finvoice&text=void", false, CLOSE, signed=False))
    assert len(door.listeners.taken) <= 1


async def test_what_a_proxy_claims_about_the_sender_changes_nothing_and_is_not_logged(door: Door) -> None:
    claims = (
        "X-Forwarded-For: 10.9.8.7, s3cr3t",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
        "Forwarded: for=10.9.8.7",
    )
    assert statuses(await answered(door, request(form(a_press()), *claims, CLOSE, signed=False))) == [401]
    assert statuses(await answered(door, request(form(a_press()), *claims, CLOSE))) == [200]
    assert "10.9.8.7" not in str(scanner.events)


async def test_a_body_that_would_have_to_be_unpacked_is_not_what_was_signed(door: Door) -> None:
    packed = gzip.compress(b"a" * 3 * LARGEST_BODY)
    at = str(int(time.time()))
    papers = (
        f"X-Slack-Request-Timestamp: {at}",
        f"X-Slack-Signature: {sign(at, form(a_press()))}",
        "Content-Encoding: gzip",
        CLOSE,
    )
    assert statuses(await answered(door, request(packed, *papers, signed=False))) == [401]


# --- shape


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_nothing_but_a_post_is_taken(method: str, door: Door) -> None:
    (status,) = statuses(await answered(door, request(form(a_press()), CLOSE, method=method)))
    assert status in {400, 405}
    assert door.listeners.taken == []


@pytest.mark.parametrize(
    "path", ["/", "/slack/events/", "//slack/events", "/slack/%65vents%2f", "/slack/../admin", "/SLACK/EVENTS", "*"]
)
async def test_there_are_three_paths_and_no_more(path: str, door: Door) -> None:
    (status,) = statuses(await answered(door, request(form(a_press()), CLOSE, path=path)))
    assert status in {400, 404}
    assert door.listeners.taken == []


async def test_a_body_in_pieces_is_taken_as_one_that_is_whole(door: Door) -> None:
    body = form(a_press())
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 100]), body[at : at + 100]) for at in range(0, len(body), 100))
    at = str(int(time.time()))
    papers = (
        f"X-Slack-Request-Timestamp: {at}",
        f"X-Slack-Signature: {sign(at, body)}",
        "Transfer-Encoding: chunked",
        CLOSE,
    )
    assert statuses(await answered(door, request(pieces + b"0\r\n\r\n", *papers, signed=False))) == [200]
    assert len(door.listeners.taken) == 1


@pytest.mark.parametrize(
    "pieces", [b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\nabc", b"3\r\nabcdef\r\n0\r\n\r\n"]
)
async def test_pieces_that_make_no_body_are_refused(pieces: bytes, door: Door) -> None:
    answer = statuses(await answered(door, request(pieces, "Transfer-Encoding: chunked", CLOSE)))
    assert all(400 <= status < 500 for status in answer), answer
    assert door.listeners.taken == []


@pytest.mark.parametrize(
    "more",
    [
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 400"),
        ("Content-Length: -1",),
        ("Content-Length: 4, 4",),
        ("Content-Length: ٤",),
    ],
)
async def test_two_opinions_about_the_length_let_no_second_request_slip_in(more: tuple[str, ...], door: Door) -> None:
    hidden = request(form(a_press()), CLOSE)
    lengths = tuple(one.encode().decode("latin-1") for one in more)
    answer = statuses(await answered(door, request(b"0\r\n\r\n" + hidden, *lengths, CLOSE)))
    assert all(400 <= status < 500 for status in answer), answer
    assert door.listeners.taken == []


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-{number}: 1" for number in range(5_000)],
        ["X-Long: " + "a" * 100_000],
        ["X-Odd\x00: 1"],
        [" folded"],
        ["no colon"],
    ],
)
async def test_more_headers_than_anybody_needs_are_refused(headers: list[str], door: Door) -> None:
    answer = await answered(door, request(form(a_press()), *headers, CLOSE))
    assert statuses(answer) in ([400], [431], [])
    assert b"Traceback" not in answer
    assert (await door.press(a_press()))[0] == 200


async def test_another_kind_of_body_under_a_form_s_name_has_no_effect(door: Door) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="payload"\r\n\r\n{}\r\n--x--\r\n'
    kinds = (
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: text/xml",
        "Content-Type: \xff",
        "Content-Type:",
    )
    for kind in kinds:
        (status,) = statuses(await answered(door, request(body, kind, CLOSE)))
        assert 400 <= status <= 500
    assert door.listeners.taken == []


async def test_requests_one_behind_the_other_are_each_answered_in_their_order(door: Door) -> None:
    good, forged = request(urlencode(a_command("help")).encode()), request(form(a_press()), signed=False)
    answer = await answered(door, good + forged + good + request(form(a_press()), CLOSE))
    assert statuses(answer) == [200, 401, 200, 200]
    assert len(door.listeners.taken) == 3


async def test_an_offer_to_speak_another_protocol_is_not_taken_up(door: Door) -> None:
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    async with connected(port_of(door)) as (reader, writer):
        writer.write(request(form(a_press()), *upgrade))
        async with asyncio.timeout(PATIENCE):
            assert b" 101 " not in await reader.readline()


# --- slow, and many


async def well() -> dict[str, object]:
    return {"ok": True, "problems": []}


@asynccontextmanager
async def hasty(most: int = 400, head: float = 10.0, idle: float = 75.0) -> AsyncIterator[int]:
    """The port of a door with less patience, so that a test need not have more."""
    server = WebServer(None, None, well, connections=Connections(most, head, idle))
    await server.start("127.0.0.1", 0)
    try:
        yield server.port
    finally:
        await server.stop()


async def is_healthy(port: int) -> bool:
    async with connected(port) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            return b" 200 " in await reader.readline()


async def dribbled(port: int, text: bytes, pause: float = 0.02) -> bytes:
    """Byte by byte, until the other side has had enough; what it said up to then."""
    async with connected(port) as (reader, writer):
        answer = asyncio.ensure_future(_everything(reader))
        for byte in text:
            if answer.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(pause)
        async with asyncio.timeout(PATIENCE):
            return await answer


async def _everything(reader: asyncio.StreamReader) -> bytes:
    """Also where the other side ends with a reset, because something came after it had closed."""
    said = b""
    try:
        while part := await reader.read(4_096):
            said += part
    except ConnectionError:
        pass
    return said


async def test_a_header_that_comes_byte_by_byte_is_given_up_and_others_are_served_meanwhile() -> None:
    async with hasty(head=0.5) as port:
        slow = asyncio.ensure_future(dribbled(port, b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 5_000))
        assert await is_healthy(port)
        assert await slow == b""


async def test_a_connection_that_says_nothing_is_given_up() -> None:
    async with hasty(head=0.2) as port:
        assert await dribbled(port, b"") == b""


async def test_the_header_of_a_second_request_may_not_take_for_ever_either() -> None:
    async with hasty(idle=0.5) as port:
        answer = await dribbled(
            port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 5_000, 0.001
        )
        assert statuses(answer) == [200]


async def test_whoever_opens_a_great_many_connections_loses_them_and_keeps_nobody_out() -> None:
    async with hasty(most=20) as port:
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        assert await is_healthy(port)
        closed = await asyncio.gather(*(asyncio.wait_for(reader.read(), PATIENCE) for reader, _ in crowd[:30]))
        assert closed == [b""] * 30
        for _, writer in crowd:
            writer.close()


async def test_whoever_asks_and_reads_no_answer_is_given_up() -> None:
    ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    async with hasty(idle=0.5) as port:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, ("127.0.0.1", port))
            await loop.sock_sendall(deaf, ask * 500)
            assert await is_healthy(port)
            async with asyncio.timeout(PATIENCE):
                assert await hung_up(deaf)


async def hung_up(deaf: socket.socket) -> bool:
    """Once the other side is gone, what is sent meets a reset."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(1.0)
        try:
            await loop.sock_sendall(deaf, b"G")
        except ConnectionError:
            return True


async def test_a_body_without_papers_is_not_waited_for_at_all(door: Door) -> None:
    async with connected(port_of(door)) as (reader, writer):
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert b" 401 " in await reader.readline()


async def test_a_body_that_says_it_is_too_large_is_not_waited_for_at_all(door: Door) -> None:
    head = request(b"", f"Content-Length: {LARGEST_BODY + 1}")
    async with connected(port_of(door)) as (reader, writer):
        writer.write(head)
        async with asyncio.timeout(PATIENCE):
            assert b" 413 " in await reader.readline()


async def test_under_socket_mode_there_is_no_door_for_slack_at_all() -> None:
    async with hasty() as port, connected(port) as (reader, writer):
        writer.write(request(form(a_press()), CLOSE))
        async with asyncio.timeout(PATIENCE):
            assert statuses(await reader.read()) == [404]
