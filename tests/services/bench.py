"""The use cases wired over real SQLite and fakes of the rest; a test moves the clock and takes the steps."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.domain.action import Action, ActionState
from bot.domain.approval import Waiting
from bot.domain.content import Choice, Row
from bot.domain.details import Details
from bot.domain.digest import DigestPlan
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.offer import ButtonValue, Offer, Place
from bot.domain.policy import Actor, Policy
from bot.domain.records import ActionRecord, Before, Ending, ReplyTo
from bot.domain.refusal import Refusal
from bot.ports import Accepted, ActionOrder, AlreadyAccepted, Busy, Journal, Redelivered
from bot.services.accounts import Accounts
from bot.services.actions import ActionService, Pressed, Typed
from bot.services.addresses import Slack
from bot.services.approvals import ApprovalService
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
from bot.services.worker import LEASE, Worker
from bot.storage.engine import Storage
from tests.builders import ANA, CHANNEL, INVOICE, OPS, POLICY, REF, by_command, on_message
from tests.fakes import FakeAnnouncer, FakeDirectory, FakeProvider, FakeTimetable, MovableClock

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def quick_disk() -> str | None:
    """A directory in memory, where there is one: nobody has to wait for its fsync."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


EVERYTHING_PLAN = DigestPlan(EVERYTHING, "", "", "UTC", ("stripe",))


@dataclass(kw_only=True)
class Outside:
    """Everything the services meet that is not ours; a second bench on the same one is a second replica."""

    storage: Storage
    clock: MovableClock = field(default_factory=MovableClock)
    announcer: FakeAnnouncer = field(default_factory=FakeAnnouncer)
    timetable: FakeTimetable = field(default_factory=FakeTimetable)
    policy: Policy = POLICY
    ops_channel: str | None = OPS
    plans: Mapping[str, DigestPlan] = field(default_factory=dict)


class Bench:
    """One replica. `journal` may be given to make the database misbehave."""

    def __init__(self, outside: Outside, *providers: FakeProvider, journal: Journal | None = None) -> None:
        storage, self.clock = outside.storage, outside.clock
        self.storage = storage
        self.announcer = outside.announcer
        self.providers = providers or (FakeProvider(INVOICE),)
        self.provider = self.providers[0]
        self.directory = FakeDirectory(self.clock)
        self.journal: Journal = journal or storage.journal
        self.work_signal, self.talk_signal = Wakeup(), Wakeup()
        self.accounts = Accounts(self.providers, self.journal.last_seen)
        self.rights = Rights(outside.policy, self.directory, self.journal, self.clock)
        self.rows = Rows(self.journal, self.accounts, self.clock)
        self.messages = Messages(self.journal, storage.digests, self.accounts, self.rows, self.rights)
        self.resolution = Resolution(self.journal, self.accounts, self.rows)
        self.execution = Execution(
            self.journal,
            self.accounts,
            self.rights,
            self.resolution,
            rows=self.rows,
            watchlist=storage.watchlist,
            clock=self.clock,
        )
        self.verdict_rights = VerdictRights(self.journal, self.rights)
        self.reconciliation = Reconciliation(self.accounts, self.execution, self.verdict_rights, self.clock)
        signals = {"work": self.work_signal, "talk": self.talk_signal}
        self.actions = ActionService(self.journal, self.accounts, self.rights, self.clock, **signals)
        self.verdicts = Verdicts(self.journal, self.actions, self.verdict_rights, self.clock, **signals)
        self.approvals = ApprovalService(self.journal, self.rights, self.clock, **signals)
        self.worker = Worker(self.journal, self.execution, self.reconciliation, self.clock, **signals)
        slack = Slack(self.announcer, outside.ops_channel)
        self.delivery = Delivery(
            self.journal, storage.outbox, self.messages, slack, clock=self.clock, talk=self.talk_signal
        )
        self.reader = DigestReader(self.accounts, storage.watchlist.watched, self.clock)
        self.digests = DigestService(
            {EVERYTHING: EVERYTHING_PLAN, **outside.plans},
            storage.digests,
            self.reader,
            self.rows,
            watchlist=storage.watchlist,
            messages=self.messages,
            timetable=outside.timetable,
            clock=self.clock,
            talk=self.talk_signal,
        )
        self.finder = Finder(self.accounts, self.rights, self.resolution)
        self.questions = Questions(self.accounts, self.finder, self.rows)
        self.watching = Watching(storage.watchlist, self.accounts, self.finder, self.clock)
        self.lookup = Lookup(
            self.journal,
            self.accounts,
            self.rights,
            self.rows,
            self.finder,
            clock=self.clock,
            work=self.work_signal,
            schedule=self.digests.schedule,
        )
        self.sharing = Sharing(self.journal, self.accounts, self.rows, self.announcer)
        self.freezing = Freezing(self.journal, self.rights, self.clock, **signals)
        self._numbers = itertools.count(1)

    # what people see and do

    async def shown(self, invoice: Invoice = INVOICE, *, message: str = "card:1", channel: str = CHANNEL) -> Offer:
        """The invoice as a message in a channel shows it; pressed a second later at the earliest."""
        offer = await self.rows.drawn(invoice, Place(message, channel))
        await self.journal.posted(message, channel, on_message().ts or "")
        self.clock.advance(SECOND)
        return offer

    def pressed(
        self,
        offer: Offer,
        action: Action | Choice = Action.RETRY,
        actor: Actor = ANA,
        *,
        reply_to: ReplyTo | None = None,
        delivery: str | None = None,
        reason: str | None = None,
        method: str | None = None,
        details: Details = None,
    ) -> Pressed:
        return Pressed(
            value=str(ButtonValue(offer.id, action.value)),
            actor=actor,
            reply_to=reply_to or on_message(actor),
            delivery=delivery or f"delivery-{next(self._numbers)}",
            reason=reason,
            method=method,
            details=details,
        )

    async def press(
        self,
        offer: Offer,
        action: Action = Action.RETRY,
        actor: Actor = ANA,
        *,
        reply_to: ReplyTo | None = None,
        method: str | None = None,
        details: Details = None,
    ) -> Accepted | AlreadyAccepted | Busy | Redelivered | Refusal | Waiting:
        return await self.actions.press(
            self.pressed(
                offer, action, actor, reply_to=reply_to, reason="asked by customer", method=method, details=details
            )
        )

    async def type(
        self, text: str, action: Action = Action.RETRY, actor: Actor = ANA, *, method: str | None = None
    ) -> Accepted | AlreadyAccepted | Busy | Redelivered | Refusal:
        return await self.actions.typed(
            Typed(
                action=action,
                text=text,
                actor=actor,
                reply_to=by_command(actor),
                delivery=f"delivery-{next(self._numbers)}",
                method=method,
            )
        )

    # what the background does

    async def work(self, after: timedelta = SECOND) -> None:
        """A moment later, everything that is due is advanced."""
        self.clock.advance(after)
        while await self.worker.step():
            pass

    async def talk(self, after: timedelta = timedelta()) -> None:
        """Everything that is due is said."""
        self.clock.advance(after)
        while await self.delivery.step():
            pass

    async def crash_while_sending(self, *, charged: bool) -> None:
        """A worker dies after it committed the attempt, before or after the provider acted; then the bot starts again."""
        self.clock.advance(SECOND)
        claim = await self.journal.claim("dead", LEASE, self.clock.now())
        assert claim is not None
        assert claim.action.ref is not None
        invoice = self.provider.invoices[claim.action.ref]
        window = self.provider.facts.key_window
        attempt = await self.journal.begin(claim, Before.of(invoice), window, self.clock.now())
        if charged:
            order = ActionOrder(action=attempt.action, invoice=invoice, key=attempt.key, expected=invoice.owed)
            await self.provider.perform(order)
        await self.journal.recover(self.clock.now())

    # what is known afterwards

    async def newest(self, ref: InvoiceRef = REF) -> ActionRecord:
        actions, _ = await self.journal.history(ref)
        return actions[-1]

    async def state(self, ref: InvoiceRef = REF) -> ActionState:
        return (await self.newest(ref)).state

    async def ending(self, ref: InvoiceRef = REF) -> Ending:
        ending = (await self.newest(ref)).ending
        assert ending is not None
        return ending

    async def refusal(self, ref: InvoiceRef = REF) -> Refusal:
        refusal = (await self.ending(ref)).refusal
        assert refusal is not None
        return refusal

    async def fresh_offer(self, message: str = "card:1") -> Offer:
        """The newest offer of a message of one row."""
        (offer,) = await self.journal.shown(message)
        return offer

    async def fresh_row(self, message: str = "card:1") -> Row:
        row = await self.rows.row(await self.fresh_offer(message), is_card=True)
        assert row is not None
        return row

    async def events(self, ref: InvoiceRef = REF) -> list[str]:
        _, events = await self.journal.history(ref)
        return [event.kind for event in events]
