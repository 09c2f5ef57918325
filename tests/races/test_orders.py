"""Two workers at once on one journal, in every order of reads, sends, answers, crashes, lost leases and late zombies.

Each worker waits at every answer of the provider until the machine lets it go on. A lease that ends meanwhile makes it a
zombie: what it still does must change nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from bot.domain.action import Action, ActionState, Word
from bot.domain.capability import Resend
from bot.domain.content import Choice
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Outcome
from bot.domain.policy import Role, Rule
from bot.domain.records import Attempt
from bot.ports import ActionOrder
from bot.services.verdicts import Told
from bot.services.worker import LEASE
from bot.storage.engine import open_storage
from bot.storage.schema import migrate
from tests.builders import ANA, EVE, POLICY, TOM, an_invoice
from tests.fakes import MovableClock
from tests.services.bank import Bank, Effect, Mood
from tests.services.bench import SECOND, Bench, Outside, quick_disk

_Answer = TypeVar("_Answer")

INVOICES = tuple(an_invoice(number) for number in (1, 2))
MOODS = [Mood.DO, Mood.DO, Mood.DECLINE, Mood.REJECT, Mood.LIMIT, Mood.PEND, Mood.DO_IN_SILENCE, Mood.LOSE]
SETTLERS = replace(
    POLICY,
    roles={**POLICY.roles, "controller": Role("controller", users=frozenset({EVE.user}))},
    rules=(*POLICY.rules, Rule("controller", frozenset({Word.VIEW, Word.SETTLE}))),
)
"""Eve, who decides nothing, may settle."""
NOTHING_HAPPENED = {
    ActionState.DECLINED,
    ActionState.REJECTED,
    ActionState.REFUSED,
    ActionState.NOT_APPLIED,
    ActionState.EXPIRED,
}
_ENDINGS = {f"action.{state}" for state in ActionState if not state.is_live}
_TURNS = 4000


@dataclass(eq=False)
class Hand:
    """A worker that has something in its hands; `is_zombie` once its lease has ended."""

    task: asyncio.Task[bool]
    waits: asyncio.Event | None = None
    has_begun: bool = False
    is_zombie: bool = False


class SlowBank(Bank):
    """Acts at once and answers when it is told to. `turn` is the hand whose call it is."""

    turn: Hand | None = None

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        answer = await super().get(ref, thorough=thorough)
        await self._held_back()
        return answer

    async def perform(self, order: ActionOrder) -> Outcome:
        for hand in [self.turn] if self.turn else []:
            assert not hand.is_zombie, "a zombie sent"
            hand.has_begun = True
        answer = await super().perform(order)
        await self._held_back()
        return answer

    async def settle(self, attempt: Attempt) -> Outcome:
        answer = await super().settle(attempt)
        await self._held_back()
        return answer

    async def _held_back(self) -> None:
        if (hand := self.turn) is not None:
            hand.waits = asyncio.Event()
            await hand.waits.wait()


class Orders(RuleBasedStateMachine):
    """Two invoices, two people, two workers and a bank with a ledger."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=quick_disk())
        self.file = Path(self.folder.name) / "recoup.db"
        self.exits = contextlib.AsyncExitStack()
        self.hands: list[Hand] = []
        self.ended: dict[str, ActionState] = {}
        self.verdicts: dict[str, bool] = {}

    @initialize(resend=st.sampled_from([Resend.NAIVE, Resend.KEYED]))
    def start(self, resend: Resend) -> None:
        shutil.copy(self.template, self.file)
        self._run(self._open(resend))

    async def _open(self, resend: Resend) -> None:
        storage = await self.exits.enter_async_context(open_storage(f"sqlite+aiosqlite:///{self.file}"))
        clock = MovableClock()
        self.bank = SlowBank(clock, resend, *INVOICES)
        self.bench = Bench(Outside(storage=storage, clock=clock, policy=SETTLERS), self.bank)
        for invoice in INVOICES:
            await self.bench.shown(invoice, message=f"card:{invoice.ref.id}")

    # what people do

    @rule(which=st.integers(0, 1), action=st.sampled_from([Action.RETRY, Action.RETRY, Action.VOID]), by_tom=st.booleans())
    def press(self, which: int, action: Action, by_tom: bool) -> None:
        async def pressed() -> None:
            offer = await self.bench.fresh_offer(f"card:{INVOICES[which].ref.id}")
            self.bench.clock.advance(SECOND)
            await self.bench.press(offer, action, TOM if by_tom else ANA)

        self._run(pressed())

    @rule(which=st.integers(0, 1))
    def ask_again(self, which: int) -> None:
        async def asked() -> None:
            offer = await self.bench.fresh_offer(f"card:{INVOICES[which].ref.id}")
            await self.bench.actions.check_again(self.bench.pressed(offer, Choice.CHECK))

        self._run(asked())

    # what workers do

    @precondition(lambda self: len(self.hands) < 3)
    @rule(mood=st.sampled_from(MOODS))
    def a_worker_takes_what_is_due(self, mood: Mood) -> None:
        self.bank.mood = mood

        async def started() -> Hand:
            hand = Hand(asyncio.create_task(self.bench.worker.step()))
            await self._until_it_waits(hand)
            return hand

        self.hands.append(self._run(started()))
        self._forget_those_that_are_done()

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), mood=st.sampled_from(MOODS))
    def an_answer_arrives(self, data: st.DataObject, mood: Mood) -> None:
        self.bank.mood = mood
        self._goes_on(data.draw(st.sampled_from(self.hands)))

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.hands))

        async def died() -> None:
            hand.task.cancel()
            await asyncio.gather(hand.task, return_exceptions=True)

        self._run(died())
        self._forget_those_that_are_done()

    @rule()
    def leases_end(self) -> None:
        """Who has not answered by then is taken for dead, and may be alive."""
        self.bench.clock.advance(LEASE + SECOND)
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("UPDATE action SET lease_until = 1 WHERE lease_until IS NOT NULL")
        for hand in self.hands:
            hand.is_zombie = True

    @rule(wait=st.sampled_from([timedelta(seconds=s) for s in (5, 35, 240, 700, 4000, 90_000)]))
    def time_passes(self, wait: timedelta) -> None:
        self.bench.clock.advance(wait)

    @rule(effect=st.sampled_from([Effect.DONE, Effect.DECLINED]))
    def the_bank_decides(self, effect: Effect) -> None:
        self.bank.decide_pending(effect)

    # what no read can tell

    @precondition(lambda self: not self.hands)
    @rule()
    def nobody_can_read_until_a_person_has_to_look(self) -> None:
        self.bank.is_readable = False
        for _ in range(8):
            self.bench.clock.advance(timedelta(hours=25))
            while self._run(self.bench.worker.step()):
                pass

    @rule()
    def reads_work_again(self) -> None:
        self.bank.is_readable = True

    @rule(which=st.integers(0, 1))
    def a_second_person_says_what_the_bank_told_her(self, which: int) -> None:
        """Also while a worker is reading about the same decision, and also twice."""

        async def said() -> None:
            action = await self.bench.journal.live_action(INVOICES[which].ref)
            if action is None or action.state is not ActionState.NEEDS_HUMAN:
                return
            happened = self.bank.effects.get(f"recoup-{action.id}") is Effect.DONE
            offer = await self.bench.fresh_offer(f"card:{INVOICES[which].ref.id}")
            pressed = self.bench.pressed(offer, Choice.VERIFIED if happened else Choice.VERIFIED_NOT, EVE)
            told = Told(pressed=pressed, action_id=action.id, happened=happened, note="as the bank says")
            await self.bench.verdicts.give(told)
            self.verdicts[action.id] = happened

        self._run(said())

    # what always holds

    @invariant()
    def one_decision_charges_at_most_once(self) -> None:
        assert max(self.bank.charges.values(), default=0) <= 1

    @invariant()
    def an_ending_is_written_once_and_stays(self) -> None:
        with closing(sqlite3.connect(self.file)) as connection:
            states = {row[0]: ActionState(row[1]) for row in connection.execute("SELECT id, state FROM action")}
            events = connection.execute("SELECT action_id, kind FROM event WHERE action_id IS NOT NULL").fetchall()
            live = connection.execute(
                "SELECT account, invoice FROM action WHERE state IN ('accepted', 'executing')"
            ).fetchall()
        endings = Counter(action_id for action_id, kind in events if kind in _ENDINGS)
        begun = Counter(action_id for action_id, kind in events if kind == "attempt.begun")
        assert max(Counter(live).values(), default=0) <= 1
        for action_id, state in states.items():
            assert endings[action_id] == int(not state.is_live), f"{endings[action_id]} endings of one that is {state}"
            assert begun[action_id] <= 1
            if not state.is_live:
                assert self.ended.setdefault(action_id, state) is state
                self._is_true(action_id, state)

    def _is_true(self, action_id: str, state: ActionState) -> None:
        effect = self.bank.effects.get(f"recoup-{action_id}")
        if state in NOTHING_HAPPENED:
            assert effect is not Effect.DONE, f"{state}, and the bank has done it"
        elif state is ActionState.SUCCEEDED and effect is not None:
            assert effect is Effect.DONE, f"{state}, and the bank says {effect}"

    def teardown(self) -> None:
        with self.runner:
            try:
                while self.hands:
                    self._goes_on(self.hands[0])
                self._run(self._everything_ends())
                self.one_decision_charges_at_most_once()
                self.an_ending_is_written_once_and_stays()
            finally:
                self._run(self._closed())
        self.folder.cleanup()

    async def _closed(self) -> None:
        for hand in self.hands:
            hand.task.cancel()
        await asyncio.gather(*(hand.task for hand in self.hands), return_exceptions=True)
        await self.exits.aclose()

    async def _everything_ends(self) -> None:
        self.bank.mood, self.bank.turn, self.bank.is_readable = Mood.DO, None, True
        self.bank.decide_pending(Effect.DONE)
        await self.bench.journal.recover(self.bench.clock.now())
        for wait in (timedelta(), timedelta(seconds=240), *[timedelta(hours=25)] * 4):
            self.bench.clock.advance(wait)
            while await self.bench.worker.step():
                pass
        left = await self.bench.journal.open_actions()
        assert {action.state for action in left} <= {ActionState.NEEDS_HUMAN}

    def _goes_on(self, hand: Hand) -> None:
        async def answered() -> None:
            assert hand.waits is not None
            hand.waits.set()
            hand.waits = None
            await self._until_it_waits(hand)

        self._run(answered())
        self._forget_those_that_are_done()

    async def _until_it_waits(self, hand: Hand) -> None:
        """It has the bank to itself meanwhile: one call at a time, so that it is known whose call it is."""
        self.bank.turn = hand
        for _ in range(_TURNS):
            if hand.task.done() or hand.waits is not None:
                break
            await asyncio.sleep(0.0005)
        else:
            raise AssertionError("a worker neither ends nor waits")
        self.bank.turn = None
        if hand.task.done() and not hand.task.cancelled():
            hand.task.result()

    def _forget_those_that_are_done(self) -> None:
        self.hands = [hand for hand in self.hands if not hand.task.done()]

    def _run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        return self.runner.run(work)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("orders") / "recoup.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file


def test_in_every_order_of_answers_crashes_and_zombies_an_ending_is_true_and_written_once(migrated: Path) -> None:
    Orders.template = migrated
    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
