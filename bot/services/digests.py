"""The digest: built by whichever replica wins the run's row, posted through the outbox, kept true by redraws."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.domain.content import DigestContent, Row
from bot.domain.digest import Digest, DigestKey, DigestPlan, Gap, ListedInvoice, Tally, Watched
from bot.domain.errors import JournalUnavailable, LeaseLost, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus
from bot.domain.offer import Place
from bot.domain.policy import Actor
from bot.ports import Clock, DigestLog, Timetable, Watchlist
from bot.services.accounts import Accounts
from bot.services.listing import Listing
from bot.services.messages import Messages, new_message
from bot.services.rows import Rows
from bot.services.wakeup import Wakeup
from bot.services.watching import SETTLED
from bot.telemetry import DIGESTS

CATCH_UP = timedelta(hours=6)
LEASE = timedelta(minutes=5)
LATE_AFTER = timedelta(minutes=5)
EVERYTHING = "everything"
"""Name of the plan behind `digest now` in a channel that has no digest of its own: all accounts, no minimum."""
WATCHED_OUT = "recoup"
"""Who ends the watching of an invoice on which nothing is owed any more, in the audit trail."""
MOST_WATCHED = 5
"""Watched invoices that get a row beside the failed ones: the message has room for no more."""
_BATCH = 200
_READS_AT_ONCE = 4

_log = structlog.get_logger()
_Keep = Callable[[Sequence[ListedInvoice]], Awaitable[None]]
WatchedAt = Callable[[Sequence[str]], Awaitable[list[Watched]]]


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading of all accounts gave: the digest, and the invoices worth a row, with their decline reasons."""

    digest: Digest
    invoices: tuple[Invoice, ...]
    """The failed ones shown, then the watched ones."""
    complete_accounts: tuple[str, ...]
    settled: tuple[InvoiceRef, ...] = ()
    """Watched invoices on which nothing is owed any more."""


class DigestReader:
    """Reads and counts; keeps nothing in memory but totals and the rows shown."""

    def __init__(self, accounts: Accounts, watched: WatchedAt, clock: Clock) -> None:
        self._accounts = accounts
        self._watched_at = watched
        self._clock = clock

    async def read(self, plan: DigestPlan, keep: _Keep | None = None) -> Found:
        """`keep` is given every failed invoice in batches, for the comparison with the next run."""
        listing = Listing(self._accounts, self._clock, plan.accounts)
        tally, batch = Tally(plan.minimum), list[ListedInvoice]()
        async with aclosing(listing.invoices()) as invoices_of_all:
            async for invoice in invoices_of_all:
                tally.add(invoice)
                batch.append(ListedInvoice(invoice.ref, invoice.owed, invoice.decline_kind))
                if keep is not None and len(batch) >= _BATCH:
                    await keep(batch)
                    batch = []
        if keep is not None and batch:
            await keep(batch)
        invoices = await self._with_reasons(tally.rows())
        watched, gaps = await self._watched(plan)
        shown = {invoice.ref for invoice in invoices}
        beside = [one for one in watched if one.ref not in shown and one.status not in SETTLED]
        if len(beside) > MOST_WATCHED:
            gaps += _crowded_out(beside[MOST_WATCHED:])
            beside = beside[:MOST_WATCHED]
        digest = Digest(
            plan_name=plan.name,
            as_of=self._clock.now(),
            timezone=plan.timezone,
            totals=tally.totals(),
            shown=len(invoices),
            gaps=(*listing.gaps, *gaps),
            accounts=plan.accounts,
            test_accounts=self._test_accounts(plan),
            quiet_line=plan.quiet_line,
            watched=frozenset(str(one.ref) for one in beside),
        )
        settled = tuple(one.ref for one in watched if one.status in SETTLED)
        return Found(digest, (*invoices, *beside), listing.complete_accounts, settled)

    async def _watched(self, plan: DigestPlan) -> tuple[list[Invoice], list[Gap]]:
        """The watched invoices as they stand now. One that cannot be read is missing, and said to be."""
        found, gaps = list[Invoice](), list[Gap]()
        for one in await self._watched_at(plan.accounts):
            if self._accounts.provider(one.ref.account) is None:
                continue
            try:
                invoice = await self._accounts.get(one.ref)
            except ProviderFailure as failure:
                gaps.append(Gap(one.ref.account, f"the watched invoice {one.ref.id} could not be read: {failure.detail}"))
                continue
            if invoice is None:
                gaps.append(Gap(one.ref.account, f"the watched invoice {one.ref.id} is not there any more"))
            else:
                found.append(invoice)
        return found, gaps

    async def _with_reasons(self, invoices: Sequence[Invoice]) -> tuple[Invoice, ...]:
        """Decline reasons are read for the rows shown only; what was paid meanwhile is left out."""
        limit = asyncio.Semaphore(_READS_AT_ONCE)

        async def read(invoice: Invoice) -> Invoice:
            async with limit:
                try:
                    return await self._accounts.get(invoice.ref) or invoice
                except ProviderFailure:
                    return invoice

        fresh = await asyncio.gather(*(read(invoice) for invoice in invoices))
        return tuple(invoice for invoice in fresh if invoice.status is InvoiceStatus.OPEN)

    def _test_accounts(self, plan: DigestPlan) -> tuple[str, ...]:
        providers = [(name, self._accounts.provider(name)) for name in plan.accounts]
        return tuple(name for name, provider in providers if provider is not None and not provider.live)


class DigestService:
    """Runs digests: on schedule, late, or because somebody asked. The run's row decides who builds and posts."""

    def __init__(  # noqa: PLR0913 - the composition root names each collaborator
        self,
        plans: Mapping[str, DigestPlan],
        log: DigestLog,
        reader: DigestReader,
        rows: Rows,
        *,
        watchlist: Watchlist,
        messages: Messages,
        timetable: Timetable,
        clock: Clock,
        talk: Wakeup,
    ) -> None:
        self._plans = plans
        self._log = log
        self._reader = reader
        self._rows = rows
        self._watchlist = watchlist
        self._messages = messages
        self._timetable = timetable
        self._clock = clock
        self._talk = talk

    def plan_for(self, channel: str, name: str | None = None) -> DigestPlan | None:
        """The digest that was named, or the channel's own, or everything; None for a name that is not configured."""
        if name is not None:
            return self._plans.get(name)
        own = [plan for plan in self._plans.values() if plan.channel == channel]
        return own[0] if own else self._plans[EVERYTHING]

    def scheduled(self) -> tuple[DigestPlan, ...]:
        return tuple(plan for plan in self._plans.values() if plan.cron)

    def schedule(self) -> tuple[tuple[str, str, datetime | None], ...]:
        """(name, channel, next time) of every scheduled digest."""
        now = self._clock.now()
        return tuple((plan.name, plan.channel, self._timetable.next_due(plan, now)) for plan in self.scheduled())

    async def fire(self, name: str) -> None:
        """The scheduler says that a digest is due: zero, one or three times, on every replica."""
        plan = self._plans[name]
        slot = self._timetable.last_due(plan, self._clock.now(), CATCH_UP)
        if slot is not None:
            await self._run(DigestKey(name, local_time(slot)), plan.channel, late=self._is_late(slot))

    async def scan(self) -> None:
        """Catch up what lateness, crashes and misfires left: due runs without a row, and runs whose lease ran out."""
        for plan in self.scheduled():
            slot = self._timetable.last_due(plan, self._clock.now(), CATCH_UP)
            if slot is None or not await self._log.ever_ran(plan.name):
                continue
            key = DigestKey(plan.name, local_time(slot))
            if not await self._log.ran(key):
                await self._run(key, plan.channel, late=self._is_late(slot))
        for key, channel, late in await self._log.unfinished():
            await self._run(key, channel, late=late)

    async def accept_now(self, plan: DigestPlan, channel: str, user: str, delivery: str) -> tuple[DigestKey, str] | None:
        """Write down that somebody wants a digest here: one commit. None where this delivery has been accepted before."""
        key, owner = DigestKey.asked(plan.name, user, delivery), secrets.token_hex(8)
        return (key, owner) if await self._log.start(key, channel, owner, LEASE, late=False) else None

    async def build_now(self, key: DigestKey, owner: str, channel: str) -> None:
        """What follows the acknowledgement of `digest now`; a crash leaves it to the next scan."""
        await self._build(key, owner, channel, late=False)

    async def preview(self, plan: DigestPlan, channel: str, actor: Actor) -> DigestContent:
        """The digest as it would look now, for one person."""
        found = await self._reader.read(plan)
        message, rows = new_message("list"), list[Row]()
        for number, invoice in enumerate(found.invoices):
            offer = await self._rows.drawn(invoice, Place(message, channel, number))
            if (row := await self._rows.row(offer)) is not None:
                rows.append(await self._messages.theirs(row, actor, channel))
        definitions = self._messages.definitions(plan.accounts)
        frozen = await self._messages.frozen()
        return DigestContent(digest=found.digest, rows=tuple(rows), definitions=definitions, is_preview=True, frozen=frozen)

    async def _run(self, key: DigestKey, channel: str, *, late: bool) -> None:
        owner = secrets.token_hex(8)
        if await self._log.start(key, channel, owner, LEASE, late):
            await self._build(key, owner, channel, late=late)

    async def _build(self, key: DigestKey, owner: str, channel: str, *, late: bool) -> None:
        plan = self._plans.get(key.digest)
        if plan is None:
            await self._log.fail(key, owner, "this digest is not configured any more")
            return
        try:
            await self._read_and_finish(key, owner, plan, channel, late=late)
        except LeaseLost:
            _log.warning("digest.lease_lost", digest=str(key))
        except JournalUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - APScheduler would swallow it into a log line; the run's row must tell
            _log.error("digest.failed", digest=str(key), error=type(error).__name__)
            DIGESTS.labels("failed").inc()
            await self._log.fail(key, owner, type(error).__name__)
        else:
            _log.info("digest.built", digest=str(key), late=late)
            DIGESTS.labels("built").inc()
        self._talk.set()

    async def _read_and_finish(self, key: DigestKey, owner: str, plan: DigestPlan, channel: str, *, late: bool) -> None:
        async def keep(batch: Sequence[ListedInvoice]) -> None:
            await self._log.add(key, owner, batch)

        found = await self._reader.read(plan, keep)
        compared = await self._log.compare(key, found.complete_accounts)
        digest = _with_history(found.digest, compared, _scheduled_at(key, plan) if late else None)
        digest = replace(digest, asked_by=key.asked_by)
        message = f"digest:{secrets.token_hex(8)}"
        offers = [
            await self._rows.draw(invoice, Place(message, channel, number)) for number, invoice in enumerate(found.invoices)
        ]
        says_something = bool(offers) or digest.count > 0 or digest.gaps or plan.quiet_line or key.asked_by is not None
        for ref in found.settled:
            await self._watchlist.unwatch(ref, WATCHED_OUT, self._clock.now())
        await self._log.finish(key, owner, digest, offers, message if says_something else None)

    def _is_late(self, slot: datetime) -> bool:
        return self._clock.now() - slot > LATE_AFTER


def _crowded_out(invoices: Sequence[Invoice]) -> list[Gap]:
    """Watched invoices for which the message has no room, said per account."""
    left = Counter(invoice.ref.account for invoice in invoices)
    return [Gap(account, f"{n} watched invoices have no room here; `show` one to see it") for account, n in left.items()]


def _with_history(digest: Digest, compared: tuple[int, int] | None, late_since: datetime | None) -> Digest:
    new, recovered = compared if compared is not None else (None, None)
    return replace(digest, new=new, recovered=recovered, late_since=late_since)


def local_time(slot: datetime) -> str:
    """The key of a slot: local time without offset, so that the hour which comes twice in autumn counts once."""
    return slot.replace(tzinfo=None).isoformat(timespec="minutes")


def _scheduled_at(key: DigestKey, plan: DigestPlan) -> datetime:
    return datetime.fromisoformat(key.scheduled).replace(tzinfo=ZoneInfo(plan.timezone))
