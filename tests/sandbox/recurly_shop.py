"""A fake Recurly on a clock of its own, asked without a socket."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from bot.sandbox.providers.recurly import SECRET_KEY, FakeRecurly
from bot.sandbox.providers.recurly_door import ACCEPTED
from bot.sandbox.wire import WireReply, WireRequest

AT = 1_795_000_000.0


@dataclass
class Shop:
    at: float = AT
    secret: str = SECRET_KEY
    accept: str = ACCEPTED[0]
    fake: FakeRecurly = field(init=False)

    def __post_init__(self) -> None:
        self.fake = FakeRecurly(lambda: self.at)

    def request(self, method: str, path: str, body: Any = None, key: str | None = None, **query: Any) -> WireRequest:
        pair = base64.b64encode(f"{self.secret}:".encode()).decode()
        headers = {"authorization": f"Basic {pair}", "accept": self.accept}
        if key is not None:
            headers["idempotency-key"] = key
        content = b"" if body is None else json.dumps(body).encode()
        return WireRequest(method=method, path=path, query=urlencode(query), headers=headers, body=content)

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None, **query: Any) -> WireReply:
        return self.fake.respond(self.request(method, path, body, key, **query))

    def read(self, path: str, **query: Any) -> Any:
        reply = self.ask("GET", path, **query)
        assert reply.status == 200
        return json.loads(reply.body)

    def kind(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str | None]:
        reply = self.ask(method, path, body, **query)
        error = json.loads(reply.body).get("error") if reply.body.startswith(b"{") else None
        return reply.status, error["type"] if error else None
