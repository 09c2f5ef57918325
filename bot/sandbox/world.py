"""The sandbox's outside world: fake providers on real sockets, and one place to disturb and to look at them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bot.sandbox.providers.braintree import FakeBraintree
from bot.sandbox.providers.chargebee import FakeChargebee
from bot.sandbox.providers.lac import FakeLac
from bot.sandbox.providers.lago import FakeLago
from bot.sandbox.providers.magic import Magic
from bot.sandbox.providers.paddle import FakePaddle
from bot.sandbox.providers.recurly import FakeRecurly
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.wire import RunningServer, Traffic, WireReply, WireRequest, serve


class FakeProvider(Protocol):
    """A stateful stand-in for one billing vendor. Raises ValueError, with a sentence, for a control it cannot do."""

    @property
    def slug(self) -> str: ...
    @property
    def base_path(self) -> str:
        """What belongs to the vendor's base URL after the host: "", or "/api/v1"."""

    def respond(self, request: WireRequest) -> WireReply: ...
    def credentials(self) -> dict[str, str]:
        """What the adapter needs besides the address."""

    def magic(self) -> Sequence[Magic]: ...
    def ledger(self) -> list[dict[str, Any]]:
        """Every attempt to move money since the start."""

    def control(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]: ...
    def snapshot(self) -> dict[str, Any]: ...
    def seed_demo(self) -> None: ...


class World:
    """Providers by slug, each on its own port, which it keeps while it is unreachable."""

    def __init__(self, providers: Sequence[FakeProvider] | None = None, now: Callable[[], float] = time.time) -> None:
        everyone: Sequence[FakeProvider] = [
            FakeStripe(now, hosted=None),
            FakeLago(now, hosted=False),
            FakeLac(now),
            FakeChargebee(now, hosted=None),
            FakeBraintree(now),
            FakeRecurly(now),
            FakePaddle(now, hosted=False),
        ]
        chosen = everyone if providers is None else providers
        self.providers: dict[str, FakeProvider] = {provider.slug: provider for provider in chosen}
        self.traffic = {slug: Traffic(provider.respond, now) for slug, provider in self.providers.items()}
        self._servers: dict[str, RunningServer] = {}
        self._ports: dict[str, int] = {}

    def url(self, slug: str) -> str:
        """The base URL of a provider, reachable or not, as its account would be set to. Raises KeyError before `start`."""
        return f"http://127.0.0.1:{self._ports[slug]}{self.providers[slug].base_path}"

    async def start(self) -> None:
        for slug in self.providers:
            await self._listen(slug)

    async def stop(self) -> None:
        for slug in list(self._servers):
            await self._leave(slug)

    async def control(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """`unreachable`, `reachable` and whatever a provider can do; `provider` in `args` says which (default: the first).
        Raises ValueError, with a sentence, for what cannot be done."""
        rest = dict(args)
        slug = str(rest.pop("provider", next(iter(self.providers))))
        if slug not in self.providers:
            raise ValueError(f"there is no provider {slug!r}")
        match name:
            case "unreachable":
                await self._leave(slug)
            case "reachable":
                await self._listen(slug)
            case _:
                return self.providers[slug].control(name, rest)
        return {"reachable": slug in self._servers}

    def snapshot(self) -> dict[str, Any]:
        """JSON-able: for each provider whether it can be reached, where, and what it shows of itself."""
        return {
            slug: {"reachable": slug in self._servers, "port": self._ports.get(slug), **provider.snapshot()}
            for slug, provider in self.providers.items()
        }

    def about(self, slug: str, invoice: str) -> dict[str, Any]:
        """What a provider received about an invoice, and what its own books say was charged; JSON-able, oldest first."""
        if slug not in self.providers:
            return {"requests": [], "charges": []}
        kept = ("at", "method", "path", "key", "status", "replayed", "fault", "reads")
        requests = [{name: getattr(one, name) for name in kept} for one in self.traffic[slug].about(invoice)]
        charges = [line for line in self.providers[slug].ledger() if line.get("invoice") == invoice]
        return {"requests": requests, "charges": charges}

    async def _listen(self, slug: str) -> None:
        if slug in self._servers:
            return
        server = await serve(self.traffic[slug].respond, port=self._ports.get(slug, 0))
        self._servers[slug], self._ports[slug] = server, server.port

    async def _leave(self, slug: str) -> None:
        server = self._servers.pop(slug, None)
        if server is not None:
            await server.close()
