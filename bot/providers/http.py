"""The only door to the network for providers: one account's HTTP client, and what it means when nobody answers.

A read may be sent again; a send goes out exactly once and its silence is sorted into "surely never sent" and "unknown".
Proxies of the environment are not used: a third party between us and the provider would answer in the provider's name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

import httpx
import structlog
from pydantic import SecretStr

from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.outcome import Rejected, RejectedReason, Unknown
from bot.providers.pace import PATIENCE, Budget, Pace
from bot.providers.wording import setting
from bot.telemetry import PROVIDER_SECONDS

Transport = httpx.AsyncBaseTransport
READS: Final = "recoup.reads"
"""The extension of a request that only reads, whatever its method."""
Pairs = Sequence[tuple[str, str]]

NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)
READ_LIMIT: Final = 10.0
SEND_LIMIT: Final = 80.0
"""Seconds for one send, all of it with the wait for its turn; the worker's own deadline is 90."""
TURN_LIMIT: Final = 8.0
"""Seconds that a send waits for its turn. Given longer, the worker's deadline would end it as unknown, unsent."""
LONGEST_WAIT: Final = 86_400.0
"""Seconds; a wait that no calendar holds would trip up whoever adds it to a time."""
SIZE_LIMIT: Final = 20 * 1024 * 1024

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON: Final = {"Content-Type": "application/json"}
_HOST = re.compile(r"[A-Za-z0-9.:-]+")
log = structlog.get_logger()


class _TooLarge(Exception):
    """The answer is larger than SIZE_LIMIT."""


_SILENCE = (httpx.RequestError, TimeoutError, _TooLarge)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the provider, whatever its status. Header names are lower case; the body stays out of `repr`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str | None:
        return self.headers.get("request-id") or self.headers.get("x-request-id")

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, at most a day, where the provider says so in seconds (none that we speak to uses dates)."""
        try:
            seconds = float(self.headers.get("retry-after", ""))
        except ValueError:
            return None
        return min(seconds, LONGEST_WAIT) if 0 <= seconds < float("inf") else None

    @property
    def asks_for_another_try(self) -> bool:
        return self.status == 429 or self.status >= 500


Meaning = Callable[[Reply], Reply]
"""For a vendor that answers 200 whatever happened: the reply with the status that its body tells. Never raises."""


def _as_it_came(reply: Reply) -> Reply:
    return reply


@dataclass(frozen=True, slots=True)
class Access:
    """Values of the Authorization header; `read` may carry a key that cannot change anything. `key_header` is the
    vendor's name for the header with an idempotency key."""

    send: SecretStr
    read: SecretStr
    key_header: str = "Idempotency-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One request. `template` is what may be logged: the path without its ids."""

    method: str
    template: str
    ids: Sequence[str]
    params: Pairs = ()
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_read: bool = False

    @property
    def path(self) -> str:
        return self.template.format(*map(_segment, self.ids))


class ProviderHttp:
    """One account's client. `headers` are sent always and hold no secret; `access` holds them all."""

    def __init__(  # noqa: PLR0913 - seven things of one account that have nothing else in common
        self,
        account: str,
        base_url: str,
        *,
        access: Access,
        headers: Mapping[str, str],
        pace: Pace,
        transport: Transport | None = None,
        meaning: Meaning = _as_it_came,
    ) -> None:
        self._account = account
        self._base = _base_url(account, base_url)
        self._access = access
        self._pace = pace
        self._meaning = meaning
        self._budget = Budget(pace)
        self._client = httpx.AsyncClient(
            transport=transport or httpx.AsyncHTTPTransport(retries=0),
            headers={"User-Agent": "recoup-bot", "Accept": "application/json", **headers},
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def host(self) -> str:
        return self._base.host

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self._base.host)

    async def get(self, template: str, *ids: str, params: Pairs = (), accept: str | None = None) -> Reply:
        """Read, with up to two more tries. Answers any status; raises ProviderFailure when there is no answer."""
        headers = {} if accept is None else {"Accept": accept}
        return await self._read(
            _Call(method="GET", template=template, ids=ids, params=params, headers=headers, is_read=True)
        )

    async def ask(self, template: str, *ids: str, body: Mapping[str, object] | None = None, form: Pairs = ()) -> Reply:
        """Like `get`, where the vendor wants a POST for what only reads: a query as JSON, or a form."""
        content, headers = (urlencode(form).encode(), _FORM) if body is None else (_json(body), _JSON)
        call = _Call(method="POST", template=template, ids=ids, content=content, headers=headers, is_read=True)
        return await self._read(call)

    async def post(self, template: str, *ids: str, form: Pairs, key: str) -> Reply | Rejected | Unknown:
        """Send exactly once. Rejected: it surely never left. Unknown: it may have arrived. Never raises for silence."""
        headers = {**_FORM, self._access.key_header: key}
        return await self._send(
            _Call(method="POST", template=template, ids=ids, content=urlencode(form).encode(), headers=headers)
        )

    async def send(
        self, method: str, template: str, *ids: str, body: Mapping[str, object] | None = None, key: str | None = None
    ) -> Reply | Rejected | Unknown:
        """Like `post`, for a provider that takes JSON, with or without keys. `body` None sends no body."""
        headers = _JSON if key is None else {**_JSON, self._access.key_header: key}
        content = b"" if body is None else _json(body)
        return await self._send(_Call(method=method, template=template, ids=ids, content=content, headers=headers))

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, call: _Call) -> Reply | Rejected | Unknown:
        if self._budget.wait() > TURN_LIMIT:
            return self._no_turn()
        deadline = asyncio.get_running_loop().time() + SEND_LIMIT
        try:
            async with asyncio.timeout(2 * TURN_LIMIT):  # another request may be asked to slow down meanwhile
                await self._budget.turn()
        except TimeoutError:
            return self._no_turn()
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._exchange(call)
        except _SILENCE as error:
            return silence(error)
        if reply.status == 429:
            self._budget.pause(reply.retry_after or self._pace.backoff(0))
        return reply

    def _no_turn(self) -> Rejected:
        detail = "Too many requests are waiting for this account already; nothing was sent."
        return Rejected(reason=RejectedReason.RATE_LIMITED, detail=detail, retry_after=round(self._budget.wait(), 1))

    async def _read(self, call: _Call) -> Reply:
        answer = await self._read_once(call)
        for tries in range(2):
            wait = self._wait_for(answer, tries)
            if wait is None or wait > PATIENCE:
                break
            await asyncio.sleep(wait)
            answer = await self._read_once(call)
        if isinstance(answer, Reply):
            return answer
        raise _read_failure(answer) from answer

    async def _read_once(self, call: _Call) -> Reply | Exception:
        async with self._budget.reading():
            try:
                return await self._exchange(call)
            except _SILENCE as error:
                return error

    def _wait_for(self, answer: Reply | Exception, tries: int) -> float | None:
        """Seconds until the next try; None when another try is pointless or would only double a long wait."""
        backoff = self._pace.backoff(tries)
        if isinstance(answer, Reply):
            if not answer.asks_for_another_try:
                return None
            wait = max(answer.retry_after or 0.0, backoff)
            if answer.status == 429:
                self._budget.pause(wait)
            return wait
        return None if isinstance(answer, httpx.ReadTimeout | TimeoutError | _TooLarge) else backoff

    async def _exchange(self, call: _Call) -> Reply:
        started = time.perf_counter()
        seen = {"account": self._account, "method": call.method, "path": call.template}
        outcome = "silent"
        try:
            async with asyncio.timeout(2 * READ_LIMIT if call.is_read else SEND_LIMIT):
                reply = self._meaning(await self._round_trip(call))
        except _SILENCE as error:
            log.warning("provider.silent", **seen, error=type(error).__name__, ms=_ms_since(started))
            raise
        else:
            outcome = _outcome_of(reply.status)
            if reply.status != 429:
                self._budget.answered()
        finally:
            PROVIDER_SECONDS.labels(self._account, call.method, outcome).observe(time.perf_counter() - started)
        log.info("provider.replied", **seen, status=reply.status, request_id=reply.request_id, ms=_ms_since(started))
        return reply

    async def _round_trip(self, call: _Call) -> Reply:
        response = await self._client.send(self._request(call), stream=True)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > SIZE_LIMIT:
                    raise _TooLarge
        finally:
            await response.aclose()
        headers = {k.lower(): v for k, v in response.headers.items()}
        if self._pace.wait_header in headers:
            headers.setdefault("retry-after", headers[self._pace.wait_header])
        told = self._pace.wait_told(headers) if self._pace.wait_told and response.status_code == 429 else None
        if told is not None:
            headers.setdefault("retry-after", str(told))
        return Reply(response.status_code, headers, bytes(content))

    def _request(self, call: _Call) -> httpx.Request:
        url = f"{str(self._base).rstrip('/')}{call.path}"
        if call.is_read:
            headers = {"Authorization": self._access.read.get_secret_value(), **call.headers}
            timeout = httpx.Timeout(READ_LIMIT, connect=5.0)
            request = self._client.build_request(
                call.method, url, params=[*call.params], content=call.content, headers=headers, timeout=timeout
            )
            request.extensions = {**request.extensions, READS: True}
            return request
        headers = {"Authorization": self._access.send.get_secret_value(), **call.headers}
        timeout = httpx.Timeout(SEND_LIMIT, connect=10.0, pool=10.0)
        return self._client.build_request(call.method, url, content=call.content, headers=headers, timeout=timeout)


def silence(error: Exception) -> Rejected | Unknown:
    """Only a request that never left is safe to call a failure. A write error may follow a complete request."""
    name = type(error).__name__
    if isinstance(error, NEVER_SENT):
        return Rejected(
            reason=RejectedReason.UNREACHABLE, detail=f"The provider could not be reached ({name}); nothing was sent."
        )
    if isinstance(error, _TooLarge):
        return Unknown(cause="the provider's answer was too large to read")
    return Unknown(cause=f"no answer from the provider ({name})")


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _read_failure(error: Exception) -> ProviderFailure:
    if isinstance(error, _TooLarge):
        return ProviderFailure(FailureReason.UNREADABLE, "The provider's answer was too large to read.")
    return ProviderFailure(FailureReason.UNREACHABLE, f"The provider did not answer ({type(error).__name__}).")


def _outcome_of(status: int) -> str:
    return "429" if status == 429 else f"{status // 100}xx"


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _segment(text: str) -> str:
    """An id as one path segment; an id of dots alone would otherwise climb out of its folder."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def _base_url(account: str, text: str) -> httpx.URL:
    name = setting(account, "base_url")
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        raise UnusableValue(f"{name} is not a URL") from None
    if not _HOST.fullmatch(url.host) or url.userinfo or url.query or url.fragment:
        raise UnusableValue(f"{name} must be a plain URL such as https://api.example.com")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise UnusableValue(f"{name} must start with https:// (plain http is for this machine only)")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
