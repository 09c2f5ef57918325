"""What Slack's answers mean to us, that a request is sent once, and that response_urls lead to Slack alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bot.ports import NotSaid, SlackFailure
from handlers.slack_client import SlackCalls, new_client, new_session


@dataclass
class FakeSlack:
    """Answers every request with `reply`, and counts them."""

    reply: Callable[[], web.Response] = lambda: web.json_response({"ok": True})
    paths: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    port: int = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        self.headers.append(request.headers)
        self.bodies.append(await request.text())
        return self.reply()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.port = runner.addresses[0][1]
    yield fake
    await runner.cleanup()


async def open_calls(api_url: str) -> AsyncIterator[SlackCalls]:
    session = new_session()
    try:
        yield SlackCalls(new_client("xoxb-s3cr3t", api_url, session), session, api_url)
    finally:
        await session.close()


@pytest.fixture
async def calls(slack: FakeSlack) -> AsyncIterator[SlackCalls]:
    async for opened in open_calls(f"{slack.url}api/"):
        yield opened


async def failure_of(said: Awaitable[object]) -> SlackFailure:
    with pytest.raises(SlackFailure) as caught:
        await said
    assert "s3cr3t" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    return caught.value


def error(word: str, status: int = 200, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.json_response({"ok": False, "error": word}, status=status, headers=headers)


def page(text: str, status: int, content_type: str = "text/html", **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(text=text, status=status, content_type=content_type, headers=headers)


async def test_a_call_that_slack_takes_gives_its_body(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = lambda: web.json_response({"ok": True, "ts": "1.2"})
    reply = await calls.call("chat.postMessage", channel="C0FIN", text="ä <&>")
    assert reply["ts"] == "1.2"
    assert slack.paths == ["/api/chat.postMessage"]
    assert "C0FIN" in slack.bodies[0]


async def test_a_read_carries_its_arguments_in_the_query(slack: FakeSlack, calls: SlackCalls) -> None:
    await calls.read("users.info", user="U0MAYA")
    assert slack.paths == ["/api/users.info?user=U0MAYA"]


async def test_a_form_carries_its_arguments_in_the_body_and_not_as_json(slack: FakeSlack, calls: SlackCalls) -> None:
    await calls.form("files.getUploadURLExternal", filename="INV 1.pdf", length="9")
    assert slack.paths == ["/api/files.getUploadURLExternal"]
    assert slack.bodies == ["filename=INV+1.pdf&length=9"]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("channel_not_found", NotSaid.GONE),
        ("is_archived", NotSaid.GONE),
        ("not_in_channel", NotSaid.GONE),
        ("message_not_found", NotSaid.GONE),
        ("cant_update_message", NotSaid.GONE),
        ("edit_window_closed", NotSaid.GONE),
        ("user_not_found", NotSaid.GONE),
        ("invalid_auth", NotSaid.DENIED),
        ("token_revoked", NotSaid.DENIED),
        ("missing_scope", NotSaid.DENIED),
        ("invalid_blocks", NotSaid.UNUSABLE),
        ("msg_too_long", NotSaid.UNUSABLE),
        ("a_word_of_next_year", NotSaid.UNUSABLE),
        ("internal_error", NotSaid.LOST),
        ("fatal_error", NotSaid.LOST),
        ("ratelimited", NotSaid.WAIT),
        ("message_limit_exceeded", NotSaid.WAIT),
    ],
)
async def test_slack_s_error_words_mean_one_of_five_things(
    word: str, why: NotSaid, slack: FakeSlack, calls: SlackCalls
) -> None:
    slack.reply = error(word)
    failure = await failure_of(calls.call("chat.postMessage", channel="C0FIN", text="x"))
    assert failure.why is why
    assert len(slack.paths) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (page("<html>Bad gateway</html>", 502), NotSaid.LOST),
        (page("<html>Slack is down</html>", 500), NotSaid.LOST),
        (page("upstream error", 503, "text/plain"), NotSaid.LOST),
        (error("service_unavailable", 503), NotSaid.LOST),
        (page("hello from a proxy", 200, "text/plain"), NotSaid.LOST),
        (page("<html>Log in to the hotel's network</html>", 200), NotSaid.LOST),
        (page("", 200, "application/json"), NotSaid.LOST),
        (page("[1, 2]", 200, "application/json"), NotSaid.LOST),
        (page("{not json", 200, "application/json"), NotSaid.LOST),
        (lambda: web.json_response({"ok": False}), NotSaid.LOST),
    ],
)
async def test_an_answer_that_tells_nothing_leaves_doubt(
    reply: Callable[[], web.Response], why: NotSaid, slack: FakeSlack, calls: SlackCalls
) -> None:
    slack.reply = reply
    failure = await failure_of(calls.call("chat.postMessage", channel="C0FIN", text="x"))
    assert failure.why is why
    assert len(slack.paths) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0", 1.0), ("-5", 1.0), ("", 5.0), ("soon", 5.0), ("nan", 5.0), ("inf", 5.0), ("1e300", 3600.0)],
)
async def test_slack_is_waited_for_as_long_as_it_asks_within_reason(
    header: str, seconds: float, slack: FakeSlack, calls: SlackCalls
) -> None:
    slack.reply = error("ratelimited", 429, **{"Retry-After": header})
    failure = await failure_of(calls.call("chat.update", channel="C0FIN"))
    assert (failure.why, failure.retry_after) == (NotSaid.WAIT, seconds)
    told = await failure_of(calls.respond(f"{slack.url}response/1", {"text": "x"}))
    assert (told.why, told.retry_after) == (NotSaid.WAIT, seconds)


async def test_a_429_without_a_header_waits_a_little(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = page("slow down", 429, "text/plain")
    failure = await failure_of(calls.respond(f"{slack.url}response/1", {"text": "x"}))
    assert (failure.why, failure.retry_after) == (NotSaid.WAIT, 5.0)
    slack.reply = error("ratelimited", 429)
    failure = await failure_of(calls.call("chat.update", channel="C0FIN"))
    assert (failure.why, failure.retry_after) == (NotSaid.WAIT, 5.0)


async def test_where_nobody_listens_nothing_was_said() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()
    await server.wait_closed()
    async for calls in open_calls(f"{url}api/"):
        assert (await failure_of(calls.call("chat.postMessage", channel="C0FIN"))).why is NotSaid.WAIT
        assert (await failure_of(calls.respond(f"{url}response/1", {"text": "x"}))).why is NotSaid.WAIT


async def test_a_connection_cut_after_the_request_leaves_doubt_and_is_not_repeated() -> None:
    requests: list[bytes] = []

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async for calls in open_calls(f"{url}api/"):
        assert (await failure_of(calls.call("chat.postMessage", channel="C0FIN", text="x"))).why is NotSaid.LOST
        assert len(requests) == 1
        assert (await failure_of(calls.respond(f"{url}response/1", {"text": "x"}))).why is NotSaid.LOST
        assert len(requests) == 2
    server.close()
    await server.wait_closed()


async def test_trouble_with_the_token_shows_until_a_call_is_taken_again(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = error("token_revoked")
    await failure_of(calls.call("chat.postMessage", channel="C0FIN"))
    assert calls.trouble == "token_revoked"
    slack.reply = error("channel_not_found")
    await failure_of(calls.call("chat.postMessage", channel="C0FIN"))
    assert calls.trouble == "token_revoked"
    slack.reply = lambda: web.json_response({"ok": True})
    await calls.call("chat.postMessage", channel="C0FIN")
    assert calls.trouble is None


# --- response_urls ---


async def test_a_response_url_gets_the_message_as_json(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = page("ok", 200, "text/plain")
    await calls.respond(f"{slack.url}response/1", {"text": "hello"})
    assert slack.bodies == ['{"text": "hello"}']


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (page("expired_url", 404, "text/plain"), NotSaid.GONE),
        (page("used_url", 404, "text/plain"), NotSaid.GONE),
        (page("used_url", 500, "text/plain"), NotSaid.GONE),
        (error("expired_url", 404), NotSaid.GONE),
        (page("<html>not found</html>", 404), NotSaid.GONE),
        (page("no_text", 400, "text/plain"), NotSaid.UNUSABLE),
        (error("invalid_blocks", 400), NotSaid.UNUSABLE),
        (error("invalid_blocks"), NotSaid.UNUSABLE),
        (error("a_word_of_next_year"), NotSaid.UNUSABLE),
        (page("<html>Slack is down</html>", 500), NotSaid.LOST),
        (page("{not json", 502, "application/json"), NotSaid.LOST),
    ],
)
async def test_what_a_response_url_answers_means_the_same_things(
    reply: Callable[[], web.Response], why: NotSaid, slack: FakeSlack, calls: SlackCalls
) -> None:
    slack.reply = reply
    failure = await failure_of(calls.respond(f"{slack.url}response/s3cr3t", {"text": "x"}))
    assert failure.why is why
    assert len(slack.paths) == 1


async def test_a_redirect_is_not_followed(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = lambda: web.Response(status=302, headers={"Location": f"{slack.url}elsewhere"})
    assert (await failure_of(calls.respond(f"{slack.url}response/1", {"text": "x"}))).why is NotSaid.LOST
    assert slack.paths == ["/response/1"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil-slack.com/1",
        "https://slack.com.evil.example/1",
        "https://slack.com@evil.example/1",
        "https://hooks.slack.com:x@evil.example/1",
        "https://user:pass@hooks.slack.com/1",
        "https://evil.example\\@hooks.slack.com/1",
        "https://evil.example#@hooks.slack.com/1",
        "https://evil.example?.slack.com/1",
        "http://hooks.slack.com/1",
        "http://169.254.169.254/latest",
        "ftp://hooks.slack.com/1",
        "//hooks.slack.com/1",
        "https://[hooks.slack.com/1",
        "https://hooks.slack.com:port/1",
        "https://hooks.sl\nack.com/1",
        "https://",
        "https:///1",
        "",
        "not a url",
    ],
)
async def test_a_response_url_that_is_not_slack_s_is_never_called(url: str, calls: SlackCalls) -> None:
    failure = await failure_of(calls.respond(url, {"text": "x"}))
    assert (failure.why, failure.detail) == (NotSaid.GONE, "the response_url is not on a host of Slack")


# --- uploads ---


async def test_an_upload_carries_the_bytes_and_no_token(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = page("OK - 9", 200, "text/plain")
    await calls.upload(f"{slack.url}upload/v1/1", b"%PDF-1.7!")
    assert slack.bodies == ["%PDF-1.7!"]
    assert slack.headers[0]["Content-Length"] == "9"
    assert "Authorization" not in slack.headers[0]
    assert "s3cr3t" not in str(slack.headers[0])


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (page("slow down", 429, "text/plain"), NotSaid.WAIT),
        (page("<html>Slack is down</html>", 500), NotSaid.WAIT),
        (page("upstream error", 503, "text/plain"), NotSaid.WAIT),
        (page("", 204), NotSaid.WAIT),
        (page("not as many as announced", 400, "text/plain"), NotSaid.UNUSABLE),
        (page("<html>too large</html>", 413), NotSaid.UNUSABLE),
    ],
)
async def test_an_upload_that_slack_does_not_take_was_seen_by_nobody(
    reply: Callable[[], web.Response], why: NotSaid, slack: FakeSlack, calls: SlackCalls
) -> None:
    slack.reply = reply
    failure = await failure_of(calls.upload(f"{slack.url}upload/v1/s3cr3t", b"%PDF-1.7!"))
    assert failure.why is why
    assert len(slack.paths) == 1


async def test_an_upload_follows_no_redirect(slack: FakeSlack, calls: SlackCalls) -> None:
    slack.reply = lambda: web.Response(status=307, headers={"Location": f"{slack.url}elsewhere"})
    assert (await failure_of(calls.upload(f"{slack.url}upload/v1/1", b"%PDF-1.7!"))).why is NotSaid.WAIT
    assert slack.paths == ["/upload/v1/1"]


async def test_an_upload_whose_answer_is_lost_leaves_no_doubt() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async for calls in open_calls(f"{url}api/"):
        assert (await failure_of(calls.upload(f"{url}upload/v1/1", b"%PDF-1.7!"))).why is NotSaid.WAIT
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "url", ["https://files.slack.com.evil.example/1", "http://files.slack.com/1", "http://169.254.169.254/latest", ""]
)
async def test_a_file_is_sent_to_slack_s_hosts_only(url: str, calls: SlackCalls) -> None:
    failure = await failure_of(calls.upload(url, b"%PDF-1.7!"))
    assert (failure.why, failure.detail) == (NotSaid.UNUSABLE, "the upload_url is not on a host of Slack")


async def test_this_machine_is_slack_only_for_who_says_so(slack: FakeSlack) -> None:
    async for calls in open_calls("https://slack.com/api/"):
        failure = await failure_of(calls.respond(f"{slack.url}response/1", {"text": "x"}))
        assert failure.why is NotSaid.GONE
    assert slack.paths == []


async def test_a_slack_on_this_machine_may_call_the_machine_by_another_of_its_names(slack: FakeSlack) -> None:
    async for calls in open_calls(slack.url.replace("127.0.0.1", "localhost") + "api/"):
        await calls.respond(f"{slack.url}response/1", {"text": "x"})
    assert len(slack.paths) == 1


@pytest.mark.parametrize(
    "url",
    ["https://hooks.slack.com/1", "https://slack.com/1", "https://hooks.slack-gov.com/1", "HTTPS://HOOKS.SLACK.COM/1"],
)
async def test_slack_s_own_hosts_are_taken(url: str) -> None:
    async for calls in open_calls("https://slack.com/api/"):
        assert calls._is_slack(url)
