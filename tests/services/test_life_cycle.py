"""Any order of presses, answers, silences, crashes and time: one decision charges at most once and ends honestly."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.domain.action import Action, ActionState
from bot.domain.capability import Resend
from bot.domain.content import Choice
from bot.domain.offer import Offer
from bot.domain.policy import Actor
from bot.services.actions import Pressed
from bot.storage.engine import open_storage
from tests.builders import ANA, TOM, an_invoice
from tests.fakes import MovableClock
from tests.services.bank import TRAVELS, Bank, Effect, Mood
from tests.services.bench import SECOND, Bench, Outside, quick_disk

_Answer = TypeVar("_Answer")

NOTHING_HAPPENED = {
    ActionState.DECLINED,
    ActionState.REJECTED,
    ActionState.REFUSED,
    ActionState.NOT_APPLIED,
    ActionState.EXPIRED,
}
INVOICES = tuple(an_invoice(number) for number in range(1, 4))
WAITS = [timedelta(seconds=s) for s in (1, 1, 5, 5, 5, 35, 130, 240, 601, 3_700, 90_000)]


class Event(Enum):
    """What the world does after a moment."""

    NOTHING = auto()
    BANK_AGREES = auto()
    BANK_DECLINES = auto()


@dataclass(frozen=True)
class Moment:
    """After `wait` the bot works, while the bank is in `mood`; then something may happen."""

    wait: timedelta
    mood: Mood
    is_readable: bool
    event: Event


which = st.integers(0, len(INVOICES) - 1)
decisions = st.sampled_from([Action.RETRY, Action.RETRY, Action.VOID])
people = st.sampled_from([ANA, TOM])


def a_story(seed: int) -> list[Moment]:
    """Up to five moments. From a seed, because drawn lists tend to be short and alike, and money is lost in long ones."""
    luck = random.Random(seed)
    story = [
        Moment(
            luck.choice(WAITS),
            luck.choice([*Mood, Mood.DO, Mood.REJECT, Mood.REJECT]),
            luck.random() < 0.7,
            luck.choice(list(Event)),
        )
        for _ in range(luck.randint(1, 5))
    ]
    # An answer that is late, and what is done meanwhile, is where a guess would cost money: it comes more often.
    return [replace(story[0], wait=SECOND, mood=Mood.DELAY), *story[1:]] if luck.random() < 0.6 else story


stories = st.integers(0, 10**9).map(a_story)


class LifeCycle(RuleBasedStateMachine):
    """Three invoices, two people, one bank with a ledger, and a bot on a real database."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=quick_disk())
        self.exits = contextlib.AsyncExitStack()
        self.offers: list[Offer] = []
        self.presses: list[Pressed] = []
        self.alive: set[str] = set()
        self.ended: dict[str, ActionState] = {}

    @initialize(resend=st.sampled_from([Resend.NAIVE, Resend.KEYED]), story=stories)
    def start(self, resend: Resend, story: list[Moment]) -> None:
        shutil.copy(self.template, f"{self.folder.name}/recoup.db")
        self._run(self._open(resend))
        for which in range(len(INVOICES)):
            self.decide(which, Action.RETRY, TOM, typed=False, story=story if which else [])

    async def _open(self, resend: Resend) -> None:
        url = f"sqlite+aiosqlite:///{self.folder.name}/recoup.db"
        storage = await self.exits.enter_async_context(open_storage(url))
        clock = MovableClock()
        self.bank = Bank(clock, resend, *INVOICES)
        self.bench = Bench(Outside(storage=storage, clock=clock), self.bank)
        for invoice in INVOICES:
            self.offers.append(await self.bench.shown(invoice, message=f"card:{invoice.ref.id}"))

    @rule(which=which, action=decisions, actor=people, typed=st.booleans(), story=stories)
    def decide(self, which: int, action: Action, actor: Actor, typed: bool, story: list[Moment]) -> None:
        """Somebody presses or types, and what follows takes its course."""
        if typed and action is Action.RETRY:
            self._run(self.bench.type(INVOICES[which].ref.id, action, actor))
        else:
            offer = self._run(self.bench.fresh_offer(f"card:{INVOICES[which].ref.id}"))
            self.bench.clock.advance(SECOND)
            self.offers.append(offer)
            self._press(self.bench.pressed(offer, action, actor, reason="asked"))
        self.time_passes(story)

    @rule(which=which, story=stories)
    def decide_twice_at_once(self, which: int, story: list[Moment]) -> None:
        async def both() -> None:
            offer = await self.bench.fresh_offer(f"card:{INVOICES[which].ref.id}")
            self.bench.clock.advance(SECOND)
            await asyncio.gather(self.bench.press(offer), self.bench.press(offer, Action.VOID, TOM))

        self._run(both())
        self.time_passes(story)

    @rule(data=st.data(), action=decisions, actor=people, again=st.booleans())
    def press_something_old(self, data: st.DataObject, action: Action, actor: Actor, again: bool) -> None:
        if again and self.presses:
            self._run(self.bench.actions.press(data.draw(st.sampled_from(self.presses))))
        else:
            offer = data.draw(st.sampled_from(self.offers))
            self._press(self.bench.pressed(offer, action, actor, reason="asked"))

    @rule(which=which)
    def check_again(self, which: int) -> None:
        offer = self._run(self.bench.fresh_offer(f"card:{INVOICES[which].ref.id}"))
        self._run(self.bench.actions.check_again(self.bench.pressed(offer, Choice.CHECK)))

    @rule(story=stories)
    def time_passes(self, story: list[Moment]) -> None:
        for moment in story:
            self.bench.clock.advance(moment.wait)
            self.bank.land()
            self.bank.mood, self.bank.is_readable = moment.mood, moment.is_readable
            self._run(self._step())
            match moment.event:
                case Event.BANK_AGREES:
                    self.bank.decide_pending(Effect.DONE)
                case Event.BANK_DECLINES:
                    self.bank.decide_pending(Effect.DECLINED)
                case Event.NOTHING:
                    pass
            self.what_is_on_record_is_alive_once_or_ended_truly()

    @rule(which=which)
    def customer_pays(self, which: int) -> None:
        self.bank.paid_by_customer(INVOICES[which].ref)

    # what always holds

    @invariant()
    def one_decision_charges_at_most_once(self) -> None:
        assert max(self.bank.charges.values(), default=0) <= 1

    @invariant()
    def nothing_is_sent_for_an_invoice_that_is_not_open(self) -> None:
        assert self.bank.blind_sends == []

    @invariant()
    def what_is_on_record_is_alive_once_or_ended_truly(self) -> None:
        alive = self._run(self.bench.journal.open_actions(100))
        per_invoice = Counter(action.ref for action in alive if action.ref)
        assert max(per_invoice.values(), default=0) <= 1
        for action in alive:
            assert action.id not in self.ended
            assert action.next_check_at is not None or action.state is ActionState.NEEDS_HUMAN
        for action_id in self.alive - {action.id for action in alive}:
            self.ended[action_id] = self._state_that_is_true(action_id)
        self.alive = {action.id for action in alive}

    def _state_that_is_true(self, action_id: str) -> ActionState:
        action, key = self._run(self.bench.journal.action(action_id)), f"recoup-{action_id}"
        assert action is not None
        if action.state in NOTHING_HAPPENED:
            assert self.bank.effects.get(key) is not Effect.DONE
            assert not self.bank.may_still_charge(key)
        elif action.ending is not None and action.ending.ours:
            assert self.bank.effects[key] is Effect.DONE
        return action.state

    def teardown(self) -> None:
        with self.runner:
            try:
                self._run(self._everything_ends())
                self.one_decision_charges_at_most_once()
                self.what_is_on_record_is_alive_once_or_ended_truly()
                for action_id, state in self.ended.items():
                    assert self._state_that_is_true(action_id) is state
            finally:
                self._run(self.exits.aclose())
        self.folder.cleanup()

    async def _everything_ends(self) -> None:
        """The world calms down: every decision has ended, or waits for nothing but a person's press."""
        self.bank.mood, self.bank.is_readable = Mood.DO, True
        self.bank.decide_pending(Effect.DONE)
        for wait in (timedelta(), TRAVELS, *[timedelta(hours=25)] * 4):
            self.bench.clock.advance(wait)
            self.bank.land()
            await self._step()
        left = await self.bench.journal.open_actions()
        assert {action.state for action in left} <= {ActionState.NEEDS_HUMAN}

    async def _step(self) -> None:
        """Take steps until nothing is due; a crash is followed by a start."""
        for _ in range(50):
            try:
                if not await self.bench.worker.step():
                    return
            except asyncio.CancelledError:
                await self.bench.journal.recover(self.bench.clock.now())
                self.bank.mood = Mood.LOSE
        raise AssertionError("the worker never comes to rest")

    def _press(self, pressed: Pressed) -> None:
        self.presses.append(pressed)
        self._run(self.bench.actions.press(pressed))

    def _run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        return self.runner.run(work)


def test_whatever_happens_a_decision_charges_at_most_once_and_ends_honestly(migrated_file: Path) -> None:
    LifeCycle.template = migrated_file
    run_state_machine_as_test(
        LifeCycle,
        settings=settings(
            max_examples=20,
            stateful_step_count=4,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # a story comes from a seed, which does not shrink to anything simpler
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
