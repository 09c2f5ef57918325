"""The ports played by hand: a provider, Slack, its directory, the clock and the timetable, as a test scripts them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.action import Action, ActionState
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.content import CardContent, Content, EndingContent, FileContent
from bot.domain.digest import DigestPlan
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, PaymentMethod
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Succeeded
from bot.domain.policy import People
from bot.domain.records import Attempt, Claim
from bot.ports import ActionOrder, NotSaid, SlackFailure, Step, Unreadable, Window
from bot.storage.journal import SqlJournal
from tests.builders import FACTS, NOW, PEOPLE, ended, paid

Answer = Outcome | Exception | Callable[[], Awaitable[Outcome]]
"""What a scripted call does: answer, raise, or run something first."""


_REACHES = {
    Action.VOID: InvoiceStatus.VOID,
    Action.UNCOLLECTIBLE: InvoiceStatus.UNCOLLECTIBLE,
    Action.PAID: InvoiceStatus.PAID,
    Action.FINALIZE: InvoiceStatus.OPEN,
}
"""How an invoice stands after an action that takes no money; a resend changes nothing."""


class MovableClock:
    """Stands still until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by

    def set(self, to: datetime) -> None:
        self._now = to


class FakeProvider:
    """An account whose answers are scripted. Without a script a retry is paid, a void voids, and a read finds what is."""

    def __init__(
        self, *invoices: Invoice, account: str = "stripe", facts: ProviderFacts = FACTS, live: bool = True
    ) -> None:
        self._facts = facts
        self._account = account
        self._live = live
        self.invoices = {invoice.ref: invoice for invoice in invoices}
        self.answers: deque[Answer] = deque()
        self.truths: deque[Answer] = deque()
        self.read_failures: deque[Exception] = deque()
        self.listing: list[Invoice | Unreadable] | Exception | None = None
        self.links: dict[InvoiceRef, str | Exception | None] = {}
        self.pdfs: dict[InvoiceRef, bytes] = {}
        self.stored: dict[InvoiceRef, list[PaymentMethod]] = {}
        self.stored_failure: Exception | None = None
        self.performed: list[ActionOrder] = []
        self.settled: list[Attempt] = []
        self.reads: list[InvoiceRef] = []
        self.checks: list[LiveCheck] = []
        self.closed = False

    @property
    def facts(self) -> ProviderFacts:
        return self._facts

    @property
    def account(self) -> str:
        return self._account

    @property
    def live(self) -> bool:
        return self._live

    def now_shows(self, invoice: Invoice) -> None:
        self.invoices[invoice.ref] = invoice

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        self.reads.append(ref)
        if self.read_failures:
            raise self.read_failures.popleft()
        invoice = self.invoices.get(ref)
        return replace(invoice, method=None) if invoice is not None and not thorough else invoice

    async def failed(self, window: Window) -> AsyncIterator[Invoice | Unreadable]:
        assert window.until.tzinfo is not None
        if isinstance(self.listing, Exception):
            raise self.listing
        everything = self.listing if self.listing is not None else list(self.invoices.values())
        for item in everything:
            if isinstance(item, Unreadable):
                yield item
            elif item.status is InvoiceStatus.OPEN:
                yield replace(item, decline=None, method=None)

    async def numbered(self, number: str) -> list[Invoice]:
        if self.read_failures:
            raise self.read_failures.popleft()
        return [invoice for invoice in self.invoices.values() if invoice.number == number][:10]

    async def find(self, text: str) -> list[Invoice]:
        if self.read_failures:
            raise self.read_failures.popleft()
        return [
            invoice
            for invoice in self.invoices.values()
            if text in {invoice.number, invoice.customer_id, invoice.customer_email, invoice.customer_name}
        ]

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        if self.stored_failure is not None:
            raise self.stored_failure
        return self.stored.get(ref, [])

    async def pdf(self, ref: InvoiceRef) -> str | bytes | None:
        return self.pdfs.get(ref) or await self.payment_link(ref)

    async def perform(self, order: ActionOrder) -> Outcome:
        self.performed.append(order)
        if self.answers:
            return await _played(self.answers.popleft())
        before = self.invoices[order.invoice.ref]
        if order.action is Action.RETRY:
            self.now_shows(paid(before, charge=f"ch_{order.key}"))
            return Succeeded(invoice=self.invoices[before.ref], charged=before.owed, request_id="req_1")
        if (status := _REACHES.get(order.action)) is not None:
            self.now_shows(ended(before, status))
        return Succeeded(invoice=self.invoices[before.ref], request_id="req_1")

    async def settle(self, attempt: Attempt) -> Outcome:
        self.settled.append(attempt)
        if self.truths:
            return await _played(self.truths.popleft())
        return Rejected(reason=RejectedReason.NOT_APPLIED, detail="Example Pay shows no effect.")

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        link = self.links.get(ref)
        if isinstance(link, Exception):
            raise link
        return link

    async def live_checks(self) -> list[LiveCheck]:
        return list(self.checks)

    async def close(self) -> None:
        self.closed = True


async def _played(answer: Answer) -> Outcome:
    if isinstance(answer, Exception):
        raise answer
    if callable(answer):
        return await answer()
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that reached Slack, and the address that it was said to."""

    how: str
    to: str
    content: Content
    ts: str = ""
    user: str = ""
    thread: str | None = None
    replace: bool = False


@dataclass(slots=True)
class FakeAnnouncer:
    """Remembers what was said. `refusals` fail the next calls of a method, in order; `dead` fails a method for good."""

    said: list[Said] = field(default_factory=list)
    refusals: dict[str, deque[Exception]] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    gone_channels: set[str] = field(default_factory=set)
    tried: list[str] = field(default_factory=list)
    has_spoken: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, how: str, *failures: Exception) -> None:
        self.refusals.setdefault(how, deque()).extend(failures)

    def how(self) -> list[str]:
        return [said.how for said in self.said]

    def contents(self) -> list[Content]:
        return [said.content for said in self.said]

    def states(self) -> list[ActionState]:
        """The state that each card or ending told, in order."""
        told: list[ActionState] = []
        for content in self.contents():
            action = content.action if isinstance(content, EndingContent) else None
            if isinstance(content, CardContent):
                action = content.row.action
            if action is not None:
                told.append(action.state)
        return told

    async def post(self, channel: str, content: Content, *, thread: str | None = None) -> str:
        self._try("post")
        ts = f"1763600000.{len(self.said):06}"
        self.said.append(Said(how="post", to=channel, content=content, ts=ts, thread=thread))
        return ts

    async def update(self, channel: str, ts: str, content: Content) -> None:
        self._try("update")
        if channel in self.gone_channels:
            raise SlackFailure(NotSaid.GONE, "is_archived")
        self.has_spoken.set()
        self.said.append(Said(how="update", to=channel, content=content, ts=ts))

    async def whisper(self, channel: str, user: str, content: Content) -> None:
        self._try("whisper")
        self.said.append(Said(how="whisper", to=channel, content=content, user=user))

    async def direct(self, user: str, content: Content) -> None:
        self._try("direct")
        self.said.append(Said(how="direct", to=user, content=content, user=user))

    async def hand_over(self, user: str, file: FileContent) -> str:
        self._try("hand_over")
        self.said.append(Said(how="hand_over", to=f"D{user[1:]}", content=file, user=user))
        return f"D{user[1:]}"

    async def respond(self, response_url: str, content: Content, *, replace: bool = False) -> None:
        self._try("respond")
        self.said.append(Said(how="respond", to=response_url, content=content, replace=replace))

    def _try(self, how: str) -> None:
        self.tried.append(how)
        if how in self.dead:
            raise SlackFailure(NotSaid.GONE, "gone")
        if self.refusals.get(how):
            raise self.refusals[how].popleft()


class FakeDirectory:
    """Answers with `people`, read just now; `fresh` is what a new reading finds, None where Slack does not answer."""

    def __init__(self, clock: MovableClock, people: People | None = PEOPLE) -> None:
        self._clock = clock
        self.people = people
        self.fresh = people
        self.readings = 0

    def snapshot(self) -> People | None:
        return self._dated(self.people)

    async def afresh(self) -> People | None:
        self.readings += 1
        return self._dated(self.fresh)

    def forget(self, group: str) -> None:
        """Take everybody out of a user group, in the snapshot and in Slack."""
        assert self.people is not None
        self.people = self.fresh = replace(self.people, groups={**self.people.groups, group: frozenset()})

    def _dated(self, people: People | None) -> People | None:
        return replace(people, read_at=self._clock.now()) if people else None


@dataclass(slots=True)
class FakeTimetable:
    """Slots by digest; the newest one that is not after now and inside the window is due."""

    slots: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)

    def last_due(self, plan: DigestPlan, now: datetime, window: timedelta) -> datetime | None:
        due = [slot for slot in self.slots.get(plan.name, ()) if now - window < slot <= now]
        return due[-1] if due else None

    def next_due(self, plan: DigestPlan, now: datetime) -> datetime | None:
        return next((slot for slot in self.slots.get(plan.name, ()) if slot > now), None)


class FlakyJournal(SqlJournal):
    """The real journal, whose next records fail: before they are taken, or (`is_lost_answer`) after."""

    def __init__(self, journal: SqlJournal) -> None:
        super().__init__(journal._db)
        self.failures: deque[Exception] = deque()
        self.is_lost_answer = False
        self.has_failed = asyncio.Event()

    async def record(self, claim: Claim, step: Step) -> None:
        if self.failures and self.is_lost_answer:
            await super().record(claim, step)
        if self.failures:
            self.has_failed.set()
            raise self.failures.popleft()
        await super().record(claim, step)
