"""`recoup doctor --live-check`: what no document settles about the providers, tried on the configured accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from bot.app import SystemClock
from bot.doctor.report import counted, lines_of, sentence
from bot.domain.capability import LiveCheck
from bot.domain.errors import UnusableValue
from bot.ports import Clock
from bot.providers.http import READS
from bot.providers.registry import open_provider
from bot.settings import AccountConfiguration, Configuration

PATIENCE: Final = 60.0
"""Seconds for one account."""


class ReadingTransport(httpx.AsyncHTTPTransport):
    """Lets nothing out but reads, whatever an adapter asks for: a live account may be tried, too. Some vendors want a POST
    even for those, so the request itself says what it is."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if READS not in request.extensions:
            raise httpx.UnsupportedProtocol("nothing but reads goes out here")
        return await super().handle_async_request(request)


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried on one account. `trouble` is a sentence where nothing could be; `about` names account and mode."""

    about: str
    checks: Sequence[LiveCheck] = ()
    trouble: str | None = None


async def try_accounts(
    configuration: Configuration | None,
    problems: Sequence[str],
    *,
    clock: Clock | None = None,
    patience: float = PATIENCE,
) -> list[Tried]:
    """What `read_configuration` answered goes in; Slack and the database are not asked. Never raises for what it finds."""
    found = [Tried("settings", trouble=text) for text in problems]
    accounts = configuration.accounts if configuration else ()
    if not accounts and not found:
        found.append(
            Tried("accounts", trouble="There is no account to try anything on. `recoup doctor` says how to begin.")
        )
    tried = await asyncio.gather(*(_try(account, clock or SystemClock(), patience) for account in accounts))
    return [*found, *tried]


async def _try(account: AccountConfiguration, clock: Clock, patience: float) -> Tried:
    about = f"account {account.name}"
    transport = ReadingTransport(retries=0)
    try:
        provider = open_provider(account.name, account.provider, account.values, clock, transport)
    except UnusableValue as error:
        await transport.aclose()
        return Tried(about, trouble=f"{'. '.join(str(error).splitlines())}.")
    about = f"{account.name}, {'live' if provider.live else 'test'} mode"
    try:
        async with asyncio.timeout(patience):
            return Tried(about, await provider.live_checks())
    except TimeoutError:
        return Tried(about, trouble=f"No answer within {patience:.0f} seconds. Look at the network, then try again.")
    finally:
        await provider.close()


def is_as_relied_on(tried: Sequence[Tried]) -> bool:
    """False where a statement differs, where an account could not be tried at all, and where nothing was found out about
    any. A single statement that was not found out is neither."""
    differs = any(one.trouble or any(check.holds is False for check in one.checks) for one in tried)
    return not differs and not _is_in_the_dark(tried)


def _is_in_the_dark(tried: Sequence[Tried]) -> bool:
    found = [check.holds for one in tried for check in one.checks]
    return bool(found) and all(holds is None for holds in found)


def written(tried: Sequence[Tried], width: int | None = None) -> str:
    """One line for each statement and a last one for all. `width` is the terminal's, None where nothing is to be folded."""
    rows: list[tuple[str, str, str]] = []
    for one in tried:
        rows += [("problem", one.about, one.trouble)] if one.trouble else []
        rows += [(_word(check), one.about, _text(check)) for check in one.checks]
    return "\n".join([*lines_of(rows, width), "", _conclusion(tried)])


def _word(check: LiveCheck) -> str:
    return "unknown" if check.holds is None else "ok" if check.holds else "differs"


def _text(check: LiveCheck) -> str:
    return f"{check.statement} {'Not found out' if check.holds is None else 'Seen'}: {sentence(check.seen)}"


def _conclusion(tried: Sequence[Tried]) -> str:
    checks = [check for one in tried for check in one.checks]
    words = [_word(check) for check in checks]
    parts = [f"{words.count(word)} {word}" for word in ("ok", "differs", "unknown")]
    said = f"{counted(len(checks), 'statement')} tried by reading only: {', '.join(parts)}."
    if "differs" in words:
        said += " The code relies on what differs: docs/first-live-check.md says where, and what to do."
    if _is_in_the_dark(tried):
        said += (
            " Nothing could be found out, so nothing is known to be as relied on; `recoup doctor` says what is in the way."
        )
    if any(one.trouble for one in tried):
        said += " Mend what is marked as a problem; `recoup doctor` says more about it."
    return said
