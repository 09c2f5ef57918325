"""The provider accounts: can invoices be read with this key, in the mode that was meant?"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from datetime import timedelta
from typing import Any, cast

import httpx

from bot.doctor.asking import seconds_ahead
from bot.doctor.clocks import Reading
from bot.doctor.report import Finding, advice, ok, problem
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.ports import Clock, Provider, Window
from bot.providers.registry import facts_of, open_provider, slugs
from bot.providers.wording import setting
from bot.settings import AccountConfiguration

_WINDOW = timedelta(days=3)
"""Short, for it is only about whether invoices can be read, and in which mode they are."""


class NotingTransport(httpx.AsyncHTTPTransport):
    """The ordinary way to the provider, remembering whom it asked and what time it was there."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(retries=0)
        self.host: str | None = None
        self._clock = clock
        self._ahead: float | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.host = request.url.host
        asked = self._clock.now()
        response = await super().handle_async_request(request)
        self._ahead = seconds_ahead(response.headers.get("date"), asked, self._clock.now())
        return response

    @property
    def readings(self) -> list[Reading]:
        return [Reading(self.host, self._ahead)] if self.host is not None and self._ahead is not None else []


async def account_findings(account: AccountConfiguration, clock: Clock) -> tuple[list[Finding], list[Reading]]:
    """Reads a few invoices; what the provider says is told without the key."""
    about = f"account {account.name}"
    transport = NotingTransport(clock)
    try:
        provider = open_provider(account.name, account.provider, account.values, clock, transport)
    except UnusableValue as error:
        await transport.aclose()
        return [problem(about, f"{sentence}.") for sentence in str(error).splitlines()], []
    try:
        await _read_one(provider, clock)
    except ProviderFailure as failure:
        return [problem(about, _sentence(account, failure, transport.host))], transport.readings
    finally:
        await provider.close()
    return [ok(about, _working(provider)), *_unlimited(account, provider)], transport.readings


def gives_files(accounts: Iterable[AccountConfiguration]) -> bool:
    """Whether any account's provider gives PDFs as files. A provider that does not exist is told elsewhere."""
    known = [facts_of(account.provider) for account in accounts if account.provider in slugs()]
    return any(facts.pdf_is_file for facts in known)


def _unlimited(account: AccountConfiguration, provider: Provider) -> list[Finding]:
    """Where the key itself says that it may do everything; what a restricted one may do cannot be read."""
    broad = [
        setting(account.name, name)
        for name in ("api_key", "read_key")
        if account.values.get(name, "").startswith(provider.facts.unlimited_keys)
    ]
    if not broad or not provider.live:
        return []
    text = (
        f"{' and '.join(broad)} may do everything on the account. A restricted key is enough, and loses less when it is "
        "lost: docs/providers.md says which permissions it needs."
    )
    return [advice(f"account {account.name}", text)]


def no_account_findings(accounts: tuple[AccountConfiguration, ...]) -> list[Finding]:
    if accounts:
        return []
    text = "There is no account that can be used, so there are no invoices to act on. Set RECOUP_ACCOUNTS__STRIPE__API_KEY."
    return [problem("accounts", text)]


def _working(provider: Provider) -> str:
    name, mode = provider.facts.name, "live mode" if provider.live else "test mode"
    if not provider.facts.has_list:
        return (
            f"{name} in {mode}: it has no list of invoices to ask for, so the key was not tried. The first use will show."
        )
    money = ", with real money" if provider.live else ""
    return f"{name} in {mode}{money}: invoices can be read. Whether the key may also charge is not tried here."


async def _read_one(provider: Provider, clock: Clock) -> None:
    now = clock.now()
    # The port promises an iterator; every adapter's is a generator, and one left open would go on reading.
    found = cast("Any", provider.failed(Window(since=now - _WINDOW, until=now)))
    async with aclosing(found) as invoices:
        async for _ in invoices:
            return


def _sentence(account: AccountConfiguration, failure: ProviderFailure, host: str | None) -> str:
    key, where = setting(account.name, "api_key"), host or "The provider"
    match failure.reason:
        case FailureReason.UNREACHABLE:
            base = setting(account.name, "base_url")
            todo = f"Look at the network and a firewall (outgoing https), and at {base} if it is set."
            return f"{where} cannot be reached, or does not work at the moment: {failure.detail} {todo}"
        case FailureReason.UNAUTHORIZED:
            return f"{failure.detail}{_reader(account)} Copy it again, or make a new one in the provider's dashboard."
        case FailureReason.FORBIDDEN:
            todo = "Without it the bot sees no invoices. Give the key that permission in the dashboard."
            return f"{failure.detail}{_reader(account)} {todo}"
        case FailureReason.WRONG_MODE:
            return (
                f"{failure.detail} Set {key} to a key of the mode that you mean, and {setting(account.name, 'mode')} to it."
            )
        case FailureReason.RATE_LIMITED:
            return f"{failure.detail} Run `recoup doctor` again in a minute."
        case FailureReason.UNREADABLE | FailureReason.REFUSED:
            return f"{failure.detail} Is {setting(account.name, 'base_url')} right? Asked was {where}."


def _reader(account: AccountConfiguration) -> str:
    """The key that was refused is another one where there is one for reading."""
    return f" Invoices are read with {setting(account.name, 'read_key')}." if account.values.get("read_key") else ""
