from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.outcome import Rejected, RejectedReason, Unknown
from bot.providers.http import READS, SIZE_LIMIT, Access, ProviderHttp, Reply, Transport, silence
from bot.providers.pace import Budget, Pace
from tests.providers.wire import Answer, Wire

SECRET = "Bearer sk_test_51VerySecretKey"
FAST = Pace(per_second=1000)
SAMPLES = "/v1/things/in_1"


READER = "Bearer rk_test_reader"


def a_client(
    wire: Wire,
    base_url: str = "https://api.example.com",
    transport: Transport | None = None,
    pace: Pace = FAST,
    key_header: str = "Idempotency-Key",
    headers: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> ProviderHttp:
    return ProviderHttp(
        "acme-eu",
        base_url,
        access=Access(send=SecretStr(SECRET), read=SecretStr(READER), key_header=key_header),
        headers={"Example-Version": "7", **headers},
        pace=pace,
        transport=transport or httpx.MockTransport(wire.respond),
        **more,
    )


async def read(*answers: Answer) -> tuple[Reply, Wire]:
    wire = Wire({f"GET {SAMPLES}": list(answers)})
    return await a_client(wire).get("/v1/things/{}", "in_1"), wire


async def send(answer: Answer) -> tuple[Reply | Rejected | Unknown, Wire]:
    wire = Wire({f"POST {SAMPLES}": answer})
    return await a_client(wire).post("/v1/things/{}", "in_1", form=[("expand[]", "a.b")], key="key-1"), wire


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("busy"),
        httpx.UnsupportedProtocol("what"),
        httpx.ProxyError("no"),
    ],
)
async def test_a_send_that_never_left_is_rejected(error: Exception) -> None:
    outcome, _ = await send(error)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.UNREACHABLE


@pytest.mark.parametrize(
    "error",
    [
        httpx.WriteError("cut"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("half"),
        httpx.LocalProtocolError("ours"),
        httpx.CloseError("cut"),
        httpx.DecodingError("gzip"),
        httpx.TooManyRedirects("round"),
        TimeoutError(),
    ],
)
async def test_a_send_that_may_have_arrived_is_unknown_and_never_repeated(error: Exception) -> None:
    outcome, wire = await send(error)
    assert isinstance(outcome, Unknown)
    assert len(wire.requests) == 1


def test_every_transport_error_of_httpx_is_sorted() -> None:
    kinds = [kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, httpx.TransportError)]
    sure = {kind.__name__ for kind in kinds if isinstance(silence(kind("x")), Rejected)}
    assert sure == {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError"}


async def test_cancelling_a_send_is_not_turned_into_an_outcome() -> None:
    arrived = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    client = a_client(Wire(), transport=httpx.MockTransport(never))
    sending = asyncio.create_task(client.post("/v1/x", form=[], key="k"))
    await arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_send_carries_its_key_its_form_and_the_sending_credential() -> None:
    _, wire = await send(httpx.Response(200, json={}))
    (request,) = wire.requests
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["authorization"] == SECRET
    assert request.headers["example-version"] == "7"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content == b"expand%5B%5D=a.b"


async def test_a_read_uses_the_reading_credential() -> None:
    _, wire = await read(httpx.Response(200, json={}))
    assert wire.requests[0].headers["authorization"] == "Bearer rk_test_reader"


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.Response(503), httpx.Response(429)]
)
async def test_a_read_is_tried_three_times_at_most(trouble: Answer) -> None:
    reply, wire = await read(trouble, trouble, httpx.Response(200, content=b"{}"))
    assert reply.status == 200
    assert len(wire.requests) == 3


async def test_a_read_that_stays_silent_fails_without_naming_the_credential() -> None:
    with pytest.raises(ProviderFailure) as caught:
        await read(httpx.ConnectError("sk_test_51VerySecretKey"))
    assert caught.value.reason is FailureReason.UNREACHABLE
    assert "sk_test" not in caught.value.detail


async def test_a_read_that_timed_out_is_not_repeated() -> None:
    wire = Wire({f"GET {SAMPLES}": httpx.ReadTimeout("slow")})
    with pytest.raises(ProviderFailure):
        await a_client(wire).get("/v1/things/{}", "in_1")
    assert len(wire.requests) == 1


async def test_a_long_wait_is_told_and_holds_up_every_read_of_the_account() -> None:
    wire = Wire({f"GET {SAMPLES}": httpx.Response(429, headers={"Retry-After": "60"})})
    client = a_client(wire)
    assert (await client.get("/v1/things/{}", "in_1")).retry_after == 60
    with pytest.raises(ProviderFailure) as caught:
        await client.get("/v1/things/{}", "in_2")
    assert caught.value.reason is FailureReason.RATE_LIMITED
    assert len(wire.requests) == 1


async def test_a_rate_limited_send_pauses_the_reads() -> None:
    wire = Wire({f"POST {SAMPLES}": httpx.Response(429, headers={"Retry-After": "60"})})
    client = a_client(wire)
    await client.post("/v1/things/{}", "in_1", form=[], key="k")
    with pytest.raises(ProviderFailure):
        await client.get("/v1/things/{}", "in_1")


async def test_redirects_are_not_followed() -> None:
    reply, wire = await read(httpx.Response(302, headers={"Location": "https://evil.example/"}))
    assert reply.status == 302
    assert len(wire.requests) == 1


async def test_an_answer_without_end_is_cut_off() -> None:
    huge = b"x" * (SIZE_LIMIT + 1)
    with pytest.raises(ProviderFailure) as caught:
        await read(httpx.Response(200, content=huge))
    assert caught.value.reason is FailureReason.UNREADABLE
    outcome, _ = await send(httpx.Response(200, content=huge))
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("identifier", ["..", "../customers", "a/b?c=d#e"])
async def test_an_id_stays_one_segment_of_the_path(identifier: str) -> None:
    wire = Wire()
    await a_client(wire).get("/v1/things/{}/more", identifier)
    raw = wire.requests[0].url.raw_path.decode()
    assert raw.startswith("/v1/things/")
    assert raw.endswith("/more")
    assert raw.count("/") == 4


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "https://u:p@x.example",
        "https://[",
        "",
    ],
)
def test_a_base_url_that_is_not_https_is_refused_by_name(url: str) -> None:
    with pytest.raises(UnusableValue, match="RECOUP_ACCOUNTS__ACME_EU__BASE_URL"):
        a_client(Wire(), url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "https://proxy.example/stripe/"]
)
async def test_plain_http_is_for_this_machine_only(url: str) -> None:
    wire = Wire()
    await a_client(wire, url).get("/v1/x")
    assert str(wire.requests[0].url) == f"{url.rstrip('/')}/v1/x"


async def test_the_log_names_the_path_without_ids_and_no_secret() -> None:
    with capture_logs() as events:
        await read(httpx.Response(200, headers={"Request-Id": "req_9"}, content=b"customer data"))
        await send(httpx.ReadError("sk_test_51VerySecretKey"))
    replied, silent = events
    assert replied["event"] == "provider.replied"
    assert (replied["account"], replied["path"], replied["request_id"]) == ("acme-eu", "/v1/things/{}", "req_9")
    assert silent["event"] == "provider.silent"
    assert not any(word in str(events) for word in ("SecretKey", "customer data", "in_1"))


def test_no_repr_shows_a_secret_or_a_body() -> None:
    access = Access(send=SecretStr(SECRET), read=SecretStr(SECRET))
    shown = f"{a_client(Wire())!r} {access!r} {Reply(200, {'authorization': SECRET}, b'body-text')!r} {structlog!r}"
    assert "SecretKey" not in shown
    assert "body-text" not in shown


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-1", None), ("nan", None), ("inf", None), ("soon", None)]
)
def test_retry_after_is_seconds_or_nothing(value: str, seconds: float | None) -> None:
    assert Reply(429, {"retry-after": value}, b"").retry_after == seconds


async def test_a_burst_is_free_and_then_the_pace_holds() -> None:
    budget = Budget(Pace(per_second=100, burst=5))
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(5):
        await budget.turn()
    assert loop.time() - started < 0.02
    for _ in range(5):
        await budget.turn()
    assert loop.time() - started >= 0.045


def test_each_slow_down_halves_the_pace_and_answers_bring_it_back() -> None:
    budget = Budget(Pace(per_second=80))
    budget.pause(0)
    budget.pause(0)
    assert budget.per_second == 20
    for _ in range(10_000):
        budget.answered()
    assert budget.per_second == 80, "never faster than the account was configured for"


def test_requests_that_were_under_way_together_slow_down_once() -> None:
    budget = Budget(Pace(per_second=80))
    for _ in range(4):
        budget.pause(5)
    assert budget.per_second == 40


@pytest.mark.parametrize("per_second", [32, 0.16])
def test_a_provider_that_keeps_asking_is_still_asked_now_and_then(per_second: float) -> None:
    budget = Budget(Pace(per_second=per_second))
    for _ in range(50):
        budget.pause(0)
    assert budget.per_second == pytest.approx(per_second / 16)


async def test_no_send_begins_in_a_pause() -> None:
    wire = Wire({f"POST {SAMPLES}": httpx.Response(429, headers={"Retry-After": "0.2"})})
    client = a_client(wire)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(2):
        assert isinstance(await client.send("POST", "/v1/things/{}", "in_1"), Reply)
    assert loop.time() - started >= 0.2


async def test_a_send_is_not_begun_in_a_long_pause() -> None:
    wire = Wire({f"POST {SAMPLES}": httpx.Response(429, headers={"Retry-After": "30"})})
    client = a_client(wire)
    await client.send("POST", "/v1/things/{}", "in_1")
    outcome = await client.send("POST", "/v1/things/{}", "in_1")
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == pytest.approx(30, abs=1)
    assert len(wire.requests) == 1


async def test_a_send_whose_turn_is_far_away_is_not_begun() -> None:
    """Waiting until the worker gives up would be told as unknown, and nothing had been sent."""
    wire = Wire({f"POST {SAMPLES}": httpx.Response(200)})
    client = a_client(wire, pace=Pace(per_second=0.05, burst=1))
    first = await client.send("POST", "/v1/things/{}", "in_1")
    late = [await client.send("POST", "/v1/things/{}", "in_1") for _ in range(2)]
    assert isinstance(first, Reply)
    assert len(wire.requests) == 1
    for outcome in late:
        assert isinstance(outcome, Rejected)
        assert outcome.reason is RejectedReason.RATE_LIMITED
        assert outcome.retry_after == pytest.approx(20, abs=1)


async def test_no_more_than_four_reads_at_once() -> None:
    running = most = 0

    async def slow(_: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return httpx.Response(200)

    client = a_client(Wire(), transport=httpx.MockTransport(slow))
    await asyncio.gather(*(client.get("/v1/x") for _ in range(12)))
    assert most == 4


@pytest.mark.parametrize(("body", "content"), [(None, b""), ({"note": "Ø"}, '{"note": "Ø"}'.encode())])
async def test_a_send_may_carry_json_or_nothing(body: dict[str, object] | None, content: bytes) -> None:
    wire = Wire({f"PUT {SAMPLES}": httpx.Response(200)})
    assert isinstance(await a_client(wire).send("PUT", "/v1/things/{}", "in_1", body=body), Reply)
    (request,) = wire.requests
    assert request.content == content
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == SECRET
    assert "idempotency-key" not in request.headers


async def test_a_send_of_json_carries_its_key_under_the_vendor_s_name_for_it() -> None:
    wire = Wire({f"PUT {SAMPLES}": httpx.Response(200), f"POST {SAMPLES}": httpx.Response(200)})
    client = a_client(wire, key_header="x-vendor-key")
    await client.send("PUT", "/v1/things/{}", "in_1", key="k-1")
    await client.post("/v1/things/{}", "in_1", form=[("a", "1")], key="k-2")
    assert [request.headers.get("x-vendor-key") for request in wire.requests] == ["k-1", "k-2"]
    assert [request.headers.get("idempotency-key") for request in wire.requests] == [None, None]


@pytest.mark.parametrize(
    ("args", "content", "kind"),
    [
        ({"body": {"query": "{ ping }"}}, b'{"query": "{ ping }"}', "application/json"),
        ({"form": [("a", "1 2")]}, b"a=1+2", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_only_reads_by_post_is_tried_again_and_uses_the_key_for_reading(
    args: dict[str, Any], content: bytes, kind: str
) -> None:
    answers = iter([httpx.Response(503), httpx.Response(200)])
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return next(answers)

    client = a_client(Wire(), transport=httpx.MockTransport(respond))
    assert (await client.ask("/v1/things/{}", "in_1", **args)).status == 200
    assert [(one.method, one.content, one.headers["content-type"]) for one in seen] == [("POST", content, kind)] * 2
    assert {one.headers["authorization"] for one in seen} == {READER}
    assert all(READS in one.extensions for one in seen)


async def test_a_send_never_passes_for_a_read() -> None:
    _, wire = await send(httpx.Response(200))
    assert not any(READS in request.extensions for request in wire.requests)


async def test_an_answer_that_says_200_and_means_429_is_waited_for_like_one() -> None:
    def meaning(reply: Reply) -> Reply:
        return replace(reply, status=429) if b"slow down" in reply.content else reply

    answers = [httpx.Response(200, content=b"slow down"), httpx.Response(200, content=b"here")]
    wire = Wire({f"GET {SAMPLES}": list[Answer](answers), f"POST {SAMPLES}": httpx.Response(200, content=b"slow down")})
    client = a_client(wire, meaning=meaning)
    assert (await client.get("/v1/things/{}", "in_1")).content == b"here"
    reply = await client.send("POST", "/v1/things/{}", "in_1", body={})
    assert isinstance(reply, Reply)
    assert reply.status == 429


async def test_a_vendor_s_own_accept_header_holds_where_no_other_kind_is_wanted() -> None:
    wire = Wire({f"GET {SAMPLES}": httpx.Response(200)})
    client = a_client(wire, headers={"Accept": "application/vnd.example.v1"})
    await client.get("/v1/things/{}", "in_1")
    await client.get("/v1/things/{}", "in_1", accept="application/pdf")
    assert [one.headers["accept"] for one in wire.requests] == ["application/vnd.example.v1", "application/pdf"]


async def test_the_wait_is_read_from_the_header_that_the_provider_uses() -> None:
    wire = Wire({f"GET {SAMPLES}": httpx.Response(429, headers={"X-RateLimit-Reset": "3600"})})
    client = ProviderHttp(
        "acme-eu",
        "https://api.example.com",
        access=Access(send=SecretStr(SECRET), read=SecretStr(SECRET)),
        headers={},
        pace=Pace(per_second=1000, wait_header="x-ratelimit-reset"),
        transport=httpx.MockTransport(wire.respond),
    )
    assert (await client.get("/v1/things/{}", "in_1")).retry_after == 3600
    assert len(wire.requests) == 1


@pytest.mark.parametrize(("status", "waits"), [(429, 7.0), (503, None)])
async def test_a_wait_that_is_told_as_a_moment_is_worked_out_and_only_for_a_rate_limit(
    status: int, waits: float | None
) -> None:
    limited = httpx.Response(status, headers={"X-RateLimit-Reset": "1007"})
    pace = Pace(per_second=1000, wait_told=lambda headers: float(headers["x-ratelimit-reset"]) - 1000)
    http = a_client(Wire({f"PUT {SAMPLES}": limited}), pace=pace)
    reply = await http.send("PUT", "/v1/things/{}", "in_1")
    assert isinstance(reply, Reply)
    assert reply.retry_after == waits


@pytest.mark.parametrize("wanted", ["application/json", "application/pdf"])
async def test_a_read_asks_for_the_kind_that_it_can_use(wanted: str) -> None:
    wire = Wire({f"GET {SAMPLES}": httpx.Response(200, content=b"%PDF-1.4")})
    await a_client(wire).get("/v1/things/{}", "in_1", accept=wanted)
    assert wire.requests[0].headers.get_list("accept") == [wanted]
