"""Between an adapter and its sandbox fake: lets requests through and spoils what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from hypothesis import strategies as st

from bot.providers.http import READS
from tests.hardening.wrong import BODIES, Spoiling, dumped, junk, spoilings

STATUSES: Final = (
    *(200, 201, 202, 204, 206, 226, 299),
    *(300, 301, 302, 304, 307),
    *(400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 413, 418, 422, 424, 425, 429, 431, 451, 499),
    *(500, 501, 502, 503, 504, 507, 520, 524, 529, 599),
)
_HEADERS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"content-type": "text/html; charset=utf-8"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": "\u00ff"},
    {"location": "https://elsewhere.example/"},
    {"request-id": "r" * 5_000},
    {"request-id": ""},
    *({"retry-after": word, "x-ratelimit-reset": word} for word in ("soon", "-1", "nan", "inf", "1e300", "0", "0.001")),
)


@dataclass(frozen=True)
class Wrong:
    """One wrong answer: its body in the place of the right one, or the right one spoiled or cut; perhaps another status."""

    body: bytes | Spoiling | float
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def of(self, right: httpx.Response) -> httpx.Response:
        content = right.content
        match self.body:
            case bytes():
                content = self.body
            case Spoiling():
                content = dumped(self.body.of(read_json(content)))
            case share:
                content = content[: int(len(content) * share)]
        kept = {name: value for name, value in right.headers.items() if name in {"content-type", "request-id"}}
        headers = [(name.encode(), value.encode()) for name, value in {**kept, **self.headers}.items()]
        return httpx.Response(self.status or right.status_code, headers=headers, content=content)


def wrongs() -> st.SearchStrategy[Wrong]:
    bodies = st.one_of(spoilings(), st.floats(0, 1), st.sampled_from(BODIES), st.binary(max_size=40), junk.map(dumped))
    return st.builds(Wrong, bodies, st.none() | st.sampled_from(STATUSES), st.sampled_from(_HEADERS))


@dataclass(frozen=True)
class Heard:
    """An answer as the adapter got it."""

    method: str
    path: str
    status: int
    reads: bool
    content: bytes = field(repr=False)

    @property
    def body(self) -> Any:
        return read_json(self.content)


class SpoiledWire(httpx.AsyncBaseTransport):
    """`spoil(wrong, at)` spoils the answer number `at` from then on, or each where `at` is None; `heard` are all since."""

    def __init__(self, inner: httpx.MockTransport) -> None:
        self._inner = inner
        self._wrong: Wrong | None = None
        self._at: int | None = None
        self.heard: list[Heard] = []

    def spoil(self, wrong: Wrong, at: int | None) -> None:
        self._wrong, self._at = wrong, at
        self.heard.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if self._wrong is not None and self._at in {None, len(self.heard)}:
            response = self._wrong.of(response)
        reads = READS in request.extensions
        self.heard.append(Heard(request.method, request.url.path, response.status_code, reads, response.content))
        return response

    @property
    def answer_to_send(self) -> Heard | None:
        """What was answered to the last request that was no read."""
        return next((one for one in reversed(self.heard) if not one.reads), None)


def read_json(content: bytes) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
