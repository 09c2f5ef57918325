"""The composition root of the sandbox: starts its servers, then the bot itself, unchanged, pointed at them.

RECOUP_*, SLACK_* and recoup.toml of the caller are not read; the database is a temporary file.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import serve_until
from bot.domain.action import STAR, Word
from bot.domain.digest import DigestPlan
from bot.domain.errors import RecoupError, UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.domain.offer import ButtonValue
from bot.domain.policy import ApprovalRule, Role, Rule
from bot.ports import Clock, Journal
from bot.sandbox.slack import LocalSlack
from bot.sandbox.tour import take_tour
from bot.sandbox.world import World
from bot.settings import AccountConfiguration, Configuration, SlackConfiguration
from bot.storage.engine import open_storage
from bot.telemetry import configure_logging

FINANCE, SUPPORT, OPS = "C0FIN", "C0SUP", "C0OPS"
LEAD, CONTROLLER, SUPPORT_GROUP = "U0MAYA", "U0NADIA", "S0SUPPORT"
_LIMITS = {"EUR": Money.from_major("500", "EUR"), "USD": Money.from_major("500", "USD")}
_ALONE = {"EUR": Money.from_major("1000", "EUR"), "USD": Money.from_major("1000", "USD")}
"""Up to which amounts one person may write off."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The running sandbox."""

    slack: LocalSlack
    world: World


class JournalPages:
    """The bot's journal, opened a second time and for reading only: the page can show nothing that is not on disk."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def invoice_of(self, button: str) -> tuple[str, str] | None:
        with contextlib.suppress(UnusableValue):
            named = ButtonValue.parse(button).offer_id
            found = await self._journal.offer(named) or await self._journal.approval(named)
            return (found.ref.account, found.ref.id) if found else None
        return None

    async def history(self, account: str, invoice: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        records, entries = await self._journal.history(InvoiceRef(account, invoice))
        decisions = [
            {"reference": one.reference, "label": one.kind.traits.label, "state": one.state.value, "by": one.actor.user}
            for one in records
        ]
        return decisions, [{"at": one.at.timestamp(), "kind": one.kind, "facts": one.facts} for one in entries]


async def play(*, headless: bool, port: int) -> int:
    """Serve the page until interrupted, or play the tour; answers the exit status."""
    configure_logging("ERROR" if headless else "WARNING", human=True)
    async with opened(port=0 if headless else port) as sandbox:
        if headless:
            return await take_tour(sandbox.slack.page_url)
        await sandbox.slack.command(LEAD, FINANCE, "digest now")
        print(f"The sandbox is open at {sandbox.slack.page_url}  (Ctrl-C ends it)", flush=True)  # noqa: T201 - a command's output
        await _interrupted()
    return 0


@asynccontextmanager
async def opened(*, port: int = 0, over_socket: bool = False) -> AsyncGenerator[Sandbox]:
    """A fake provider with demo invoices, a local Slack, and the bot connected to both."""
    world = World()
    for provider in world.providers.values():
        provider.seed_demo()
    await world.start()
    slack = LocalSlack(port=port, world=world)
    try:
        await slack.start()
    except OSError as error:
        await world.stop()
        raise RecoupError(
            f"Nothing can listen on port {port} ({error.strerror}); try `recoup sandbox --port 8200`."
        ) from None
    with tempfile.TemporaryDirectory(prefix="recoup-sandbox-") as folder:
        configuration = _configuration(slack, world, Path(folder) / "sandbox.db", over_socket=over_socket)
        try:
            async with running(configuration) as bot_port:
                if not over_socket:
                    slack.request_url = f"http://127.0.0.1:{bot_port}/slack/events"
                async with open_storage(configuration.database_url, read_only=True) as storage:
                    slack.lend(JournalPages(storage.journal))
                    yield Sandbox(slack, world)
        finally:
            await slack.close()
            await world.stop()


@asynccontextmanager
async def running(configuration: Configuration, clock: Clock | None = None) -> AsyncGenerator[int]:
    """The bot in this process, from its start until it has drained; gives the port of its HTTP server."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    bot = asyncio.create_task(serve_until(configuration, stop, ready=ready, clock=clock))
    done, _ = await asyncio.wait({bot, ready}, return_when=asyncio.FIRST_COMPLETED)
    if bot in done:
        await bot
    try:
        yield await ready
    finally:
        stop.set()
        await bot


def _configuration(slack: LocalSlack, world: World, database: Path, *, over_socket: bool) -> Configuration:
    """Maya may do everything, large write-offs with Nadia's word; Tom's group what support may do: small retries, links
    and copies."""
    accounts = tuple(
        AccountConfiguration(
            slug, slug, {**provider.credentials(), "base_url": world.url(slug), "requests_per_second": "200"}
        )
        for slug, provider in world.providers.items()
    )
    names = tuple(account.name for account in accounts)
    return Configuration(
        slack=SlackConfiguration(
            bot_token=slack.bot_token,
            app_token=slack.app_token if over_socket else None,
            signing_secret=None if over_socket else slack.signing_secret,
            api_url=slack.api_url,
        ),
        database_url=f"sqlite+aiosqlite:///{database}",
        host="127.0.0.1",
        port=0,
        log_level="WARNING",
        command=slack.command_name,
        ops_channel=OPS,
        accounts=accounts,
        digests=(
            DigestPlan("finance", FINANCE, "0 9 * * mon-fri", "Europe/Berlin", names, {"EUR": Money(1000, "EUR")}, True),
        ),
        roles={
            "lead": Role("lead", frozenset({LEAD})),
            "controller": Role("controller", frozenset({CONTROLLER})),
            "agent": Role("agent", usergroups=frozenset({SUPPORT_GROUP})),
        },
        rules=(
            Rule(
                "agent",
                frozenset({Word.VIEW, Word.RETRY, Word.RESEND, Word.LINK, Word.PDF, Word.SHARE}),
                up_to=_LIMITS,
            ),
            Rule("lead", STAR | {Word.SHARE, Word.DIGEST, Word.FREEZE}),
            Rule("controller", frozenset({Word.VIEW, Word.APPROVE})),
        ),
        approvals=(ApprovalRule(frozenset({Word.UNCOLLECTIBLE}), "controller", FINANCE, above=_ALONE),),
    )


async def _interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
