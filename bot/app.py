"""The composition root: everything is wired here, by hand, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from bot.domain.digest import DigestPlan
from bot.domain.errors import JournalUnavailable, UnusableValue
from bot.domain.freeze import BOT
from bot.domain.policy import Policy
from bot.health import DigestDates, Health, Loop, SlackLink
from bot.ports import Clock, Provider
from bot.providers.registry import open_provider
from bot.scheduling import CronTimetable, DigestScheduler
from bot.services.accounts import Accounts
from bot.services.actions import ActionService
from bot.services.addresses import Slack
from bot.services.approvals import ApprovalService
from bot.services.audit import Sealing
from bot.services.delivery import Delivery
from bot.services.digests import EVERYTHING, DigestReader, DigestService
from bot.services.execution import Execution
from bot.services.finder import Finder
from bot.services.freezing import Freezing
from bot.services.lookup import Lookup
from bot.services.messages import Messages
from bot.services.questions import Questions
from bot.services.reconciliation import Reconciliation
from bot.services.resolution import Resolution
from bot.services.rights import Rights
from bot.services.rows import Rows
from bot.services.sharing import Sharing
from bot.services.verdicts import VerdictRights, Verdicts
from bot.services.wakeup import Wakeup
from bot.services.watching import Watching
from bot.services.worker import Worker
from bot.settings import AccountConfiguration, Configuration, ConfigurationError
from bot.slack import ConnectedSlack, StartRefused, connected_slack, socket_mode
from bot.storage.engine import Storage, open_storage
from bot.storage.schema import is_sqlite, migrate, schema_is_current
from bot.web import WebServer
from handlers import Handlers, register
from handlers.announcer import SlackAnnouncer
from handlers.answers import Answers
from handlers.approvals import Approvals
from handlers.background import Background
from handlers.buttons import Buttons
from handlers.commands import Commands, CommandServices
from handlers.dialogs import Dialogs
from handlers.identity import SlackDirectory
from handlers.verdicts import VerdictListeners

DRAIN_SECONDS = 23.0
"""SIGTERM to gone; orchestrators kill at 30."""
_HOUSEKEEPING_SECONDS = 600.0
_EPOCH_SECONDS = 20.0
"""What happened in the seconds before a kill is missing from no copy but one that was made in just these seconds."""

_log = structlog.get_logger()


class SystemClock:
    """See `bot.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The running parts, for start, health and stop."""

    storage: Storage
    slack: ConnectedSlack
    directory: SlackDirectory
    worker: Worker
    delivery: Delivery
    scheduler: DigestScheduler
    digests: DigestService
    background: Background
    clock: Clock


def open_accounts(accounts: Sequence[AccountConfiguration], clock: Clock) -> Accounts:
    """Raises ConfigurationError with one sentence for each account that cannot be used. Opens no connection."""
    problems: list[str] = []
    providers: list[Provider] = []
    for account in accounts:
        try:
            providers.append(open_provider(account.name, account.provider, account.values, clock))
        except UnusableValue as error:
            problems += str(error).splitlines()
    if problems:
        raise ConfigurationError(problems)
    return Accounts(providers)


async def serve(configuration: Configuration) -> None:
    """Run until SIGTERM or SIGINT, then drain. At the start raises StartRefused, ConfigurationError, JournalUnavailable."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve_until(configuration, stop)


async def serve_until(
    configuration: Configuration,
    stop: asyncio.Event,
    *,
    ready: asyncio.Future[int] | None = None,
    clock: Clock | None = None,
) -> None:
    """The same with the caller's own signal, and clock; `ready` gets the HTTP port when Slack's requests are taken."""
    async with assembled(configuration, clock) as bot, contextlib.AsyncExitStack() as stack:
        settings = bot.slack.settings
        link = SlackLink(bot.slack.calls, over_socket=settings.socket_mode)
        dates = DigestDates(bot.digests.scheduled(), bot.storage, CronTimetable(), bot.clock)
        health = Health(bot.storage, link, dates, bot.clock)
        web = WebServer(None if settings.socket_mode else bot.slack.bolt, settings.signing_secret, health.report)
        tasks = _started(bot, health)
        stack.push_async_callback(_ended, tasks)
        bot.scheduler.start()
        stack.callback(bot.scheduler.stop)
        await _start_web(web, configuration)
        stack.push_async_callback(web.stop)
        listening = await stack.enter_async_context(contextlib.AsyncExitStack())
        if settings.socket_mode:
            listener = await listening.enter_async_context(socket_mode(bot.slack))
            link.is_connected = listener.client.is_connected
        _log.info("bot.started", port=web.port, socket_mode=settings.socket_mode, accounts=len(configuration.accounts))
        _warn(configuration)
        await _warn_of_freeze(bot)
        if ready is not None:
            ready.set_result(web.port)
        await stop.wait()
        await _drain(bot, listening)


@asynccontextmanager
async def assembled(configuration: Configuration, clock: Clock | None = None) -> AsyncGenerator[Bot]:
    """Every part wired and every connection open, with nothing running yet. Raises what `serve` raises."""
    clock = clock or SystemClock()
    accounts = open_accounts(configuration.accounts, clock)
    if configuration.slack is None:
        raise ConfigurationError(["Slack is not configured."])
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(accounts.close)
        storage = await stack.enter_async_context(_ready_storage(configuration.database_url, clock))
        accounts.remember(storage.journal.last_seen)
        slack = await stack.enter_async_context(connected_slack(configuration.slack))
        bot = _assemble(configuration, storage, accounts, slack, clock)
        await bot.directory.refresh()
        yield bot


@asynccontextmanager
async def _ready_storage(url: str, clock: Clock) -> AsyncGenerator[Storage]:
    """SQLite migrates itself and is taken exclusively; PostgreSQL is migrated by its own command, once for all replicas."""
    if is_sqlite(url):
        await migrate(url)
    elif not await schema_is_current(url):
        raise StartRefused("The database schema is not current: run `recoup migrate` once, then start again.")
    async with open_storage(url, exclusive=True) as storage:
        freed = await storage.journal.recover(clock.now())
        if freed:
            _log.info("journal.recovered", freed=freed)
        await _freeze_where_restored(storage, clock)
        yield storage
        await _keep_epoch(storage)


async def _freeze_where_restored(storage: Storage, clock: Clock) -> None:
    """A copy does not know what was done after it was made: nothing is sent before a person has looked."""
    found = await storage.epoch.look()
    if found.why is not None:
        await storage.journal.freeze(BOT, found.why, clock.now())
        _log.error("database.restored", detail=found.why, consequence="nothing is sent until a person unfreezes")
    await storage.epoch.settle(found, clock.now())


async def _keep_epoch(storage: Storage) -> None:
    try:
        await storage.epoch.keep()
    except JournalUnavailable as error:
        _log.warning("database.epoch_not_kept", detail=str(error))


def _assemble(
    configuration: Configuration, storage: Storage, accounts: Accounts, slack: ConnectedSlack, clock: Clock
) -> Bot:
    journal, work, talk = storage.journal, Wakeup(), Wakeup()
    policy = Policy(configuration.roles, configuration.rules, slack.team, configuration.approvals)
    users, groups = policy.needs_reading()
    directory = SlackDirectory(slack.calls, clock, users, groups)
    rights = Rights(policy, directory, journal, clock)
    rows = Rows(journal, accounts, clock, configuration.budget)
    messages = Messages(journal, storage.digests, accounts, rows, rights)
    resolution = Resolution(journal, accounts, rows)
    execution = Execution(journal, accounts, rights, resolution, rows=rows, watchlist=storage.watchlist, clock=clock)
    verdict_rights = VerdictRights(journal, rights)
    reconciliation = Reconciliation(accounts, execution, verdict_rights, clock)
    announcer = SlackAnnouncer(slack.calls, clock, configuration.command)
    digests = DigestService(
        _plans(configuration, accounts),
        storage.digests,
        DigestReader(accounts, storage.watchlist.watched, clock),
        rows,
        watchlist=storage.watchlist,
        messages=messages,
        timetable=CronTimetable(),
        clock=clock,
        talk=talk,
    )
    approvals = ApprovalService(journal, rights, clock, work=work, talk=talk)
    bot = Bot(
        storage=storage,
        slack=slack,
        directory=directory,
        worker=Worker(journal, execution, reconciliation, clock, work=work, talk=talk),
        delivery=Delivery(
            journal, storage.outbox, messages, Slack(announcer, configuration.ops_channel), clock=clock, talk=talk
        ),
        scheduler=DigestScheduler(digests.scheduled(), digests.fire, _one_after_the_other(approvals.sweep, digests.scan)),
        digests=digests,
        background=Background(),
        clock=clock,
    )
    actions = ActionService(journal, accounts, rights, clock, work=work, talk=talk)
    finder = Finder(accounts, rights, resolution)
    lookup = Lookup(journal, accounts, rights, rows, finder, clock=clock, work=work, schedule=digests.schedule)
    questions = Questions(accounts, finder, rows)
    answers = Answers(announcer)
    dialogs = Dialogs(slack.calls, actions, clock, configuration.command)
    services = CommandServices(
        actions=actions,
        lookup=lookup,
        questions=questions,
        watching=Watching(storage.watchlist, accounts, finder, clock),
        digests=digests,
        rights=rights,
        accounts=accounts,
        freezing=Freezing(journal, rights, clock, work=work, talk=talk),
    )
    handlers = Handlers(
        commands=Commands(services, answers, dialogs, bot.background, clock=clock, command=configuration.command),
        buttons=Buttons(
            actions,
            lookup,
            Sharing(journal, accounts, rows, announcer),
            questions,
            dialogs,
            answers=answers,
            background=bot.background,
            clock=clock,
        ),
        dialogs=dialogs,
        verdicts=VerdictListeners(
            Verdicts(journal, actions, verdict_rights, clock, work=work, talk=talk), actions, dialogs, clock=clock
        ),
        approvals=Approvals(approvals, clock),
    )
    register(slack.bolt, handlers, configuration.command)
    return bot


def _one_after_the_other(*scans: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """What is looked for every minute, in one job; trouble in one must not keep the next from looking."""

    async def scan() -> None:
        for one in scans:
            try:
                await one()
            except JournalUnavailable as error:
                _log.error("scan.database_unavailable", detail=str(error))

    return scan


def _plans(configuration: Configuration, accounts: Accounts) -> dict[str, DigestPlan]:
    """The configured digests, and one of everything for `digest now` in a channel that has none of its own."""
    everything = DigestPlan(name=EVERYTHING, channel="", cron="", timezone="UTC", accounts=accounts.names())
    return {plan.name: plan for plan in (everything, *configuration.digests)}


def _warn(configuration: Configuration) -> None:
    """What is no mistake in itself, and leaves the bot of no use."""
    if not configuration.rules:
        _log.warning("policy.empty", consequence="nobody may do anything: recoup.toml has no [[allow]]")
    if not configuration.accounts:
        _log.warning("accounts.none", consequence="there is nothing to act on: set RECOUP_ACCOUNTS__<NAME>__API_KEY")


async def _warn_of_freeze(bot: Bot) -> None:
    with contextlib.suppress(JournalUnavailable):
        if (freeze := await bot.storage.journal.frozen()) is not None:
            _log.warning("bot.is_frozen", by=freeze.by, since=freeze.since.isoformat(timespec="seconds"))


async def _start_web(web: WebServer, configuration: Configuration) -> None:
    try:
        await web.start(configuration.host, configuration.port)
    except OSError as error:
        where = f"{configuration.host}:{configuration.port}"
        raise StartRefused(f"Nothing can listen on {where} ({error.strerror}); set RECOUP_HTTP__PORT.") from None


async def _drain(bot: Bot, listening: contextlib.AsyncExitStack) -> None:
    """Take nothing new, finish what is out, say what can be said; all within DRAIN_SECONDS."""
    _log.info("bot.stopping", running=bot.worker.busy)
    deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS

    def left() -> float:
        return deadline - asyncio.get_running_loop().time()

    bot.scheduler.stop()
    with contextlib.suppress(Exception):  # a connection that is lost already must not keep the rest from draining
        async with asyncio.timeout(3.0):
            await listening.aclose()
    await asyncio.gather(bot.worker.drain(left() - 4.0), bot.background.drain(left() - 6.0))
    await bot.delivery.drain(min(left() - 1.0, 4.0))


def _started(bot: Bot, health: Health) -> list[asyncio.Task[None]]:
    """The background loops. `/healthz` learns when one of them ends or gets stuck."""

    def task(name: str, loop: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return asyncio.create_task(loop, name=name)

    loops = {
        "worker": Loop(task("worker", bot.worker.run()), lambda: bot.worker.turned_at),
        "delivery": Loop(task("delivery", bot.delivery.run()), lambda: bot.delivery.turned_at),
        "directory": Loop(task("directory", bot.directory.run())),
        "housekeeping": Loop(task("housekeeping", _keep_house(bot))),
        "epoch": Loop(task("epoch", _follow_epoch(bot.storage))),
        "sealing": Loop(task("sealing", Sealing(bot.storage.audit, bot.clock).run())),
        "health": Loop(task("health", health.run())),
    }
    health.watch(loops)
    return [loop.task for loop in loops.values()]


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    _log.info("bot.stopped")


async def _follow_epoch(storage: Storage) -> None:
    while True:
        await asyncio.sleep(_EPOCH_SECONDS)
        await _keep_epoch(storage)


async def _keep_house(bot: Bot) -> None:
    """Forget what nothing needs any more."""
    while True:
        with contextlib.suppress(JournalUnavailable):
            await bot.storage.journal.prune(bot.clock.now())
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)
