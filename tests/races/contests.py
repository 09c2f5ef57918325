"""The races: what is done at the same moment, and what has to be true afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.action import ActionState
from bot.sandbox.slack_delivery import Answer
from bot.sandbox.slack_state import Message
from tests.races.arena import A_DAY, DIGEST, FIN, MAYA, NADIA, SUP, TOM, Arena
from tests.races.rival import Deed

_MORE_THAN_A_DAY = timedelta(hours=25)
_ROWS = 10
"""Rows of one digest: so many rounds are drawn together."""
_BERLIN = ZoneInfo("Europe/Berlin")
_RETRY, _VOID, _UNCOLLECTIBLE = "Retry payment", "Void invoice", "Mark uncollectible"
_REASON = {"reason_choice": {"invoice.reason_choice": "duplicate"}}
_BAD_DEBT = {"reason_choice": {"invoice.reason_choice": "not_reachable"}}


@dataclass(slots=True)
class Tally:
    """What came of a race. Every entry of `wrong` is a sentence."""

    name: str
    rounds: int = 0
    charges: int = 0
    slow: int = 0
    winners: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def counts(self, charges: int, winner: str) -> None:
        """One more round is over."""
        self.rounds += 1
        self.charges += charges
        self.winners[winner] += 1

    def is_slow(self, answers: Sequence[Answer]) -> bool:
        """Whether the machine was too slow for Slack's three seconds: such a press was not acknowledged, and may be there
        or not; what has to hold then is that money moves once."""
        is_slow = any(answer.status != 200 for answer in answers)
        self.slow += is_slow
        return is_slow

    def expects(self, where: str, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.wrong.append(f"{self.name}, {where}: {what} should be {wanted} and is {found}")


Contest = Callable[[Arena, int], Awaitable[Tally]]


async def double_click(arena: Arena, rounds: int) -> Tally:
    """One person presses one button twice: two requests that differ in `action_ts` alone."""
    tally = Tally("double click")
    async for invoice, number, digest in _bills(arena, rounds):
        button = arena.row(digest, number).button(_RETRY)
        clicks = [arena.push(MAYA, button, digest) for _ in range(2)]
        answers = await arena.at_once(*clicks, meets_again=tally.rounds % 4 != 3)
        actions, events = await arena.recorded(invoice)
        tally.counts(arena.charges(invoice), "retry" if actions else "nobody")
        if tally.is_slow(answers):
            tally.expects(number, "more than one request to the provider", len(arena.sends(invoice)) > 1, False)
            continue
        tally.expects(number, "one charge", arena.charges(invoice), 1)
        tally.expects(number, "one request to the provider", arena.sends(invoice), ["pay"])
        tally.expects(number, "one decision", actions, [("retry", ActionState.SUCCEEDED)])
        tally.expects(number, "one event for each step", _counted(events), [1, 1, 1, 1])
        tally.expects(number, "the row says", arena.row(digest, number).says("Paid", f"<@{MAYA}>"), True)
    _each_loser_is_told(tally, arena)
    return tally


async def retry_against_void(arena: Arena, rounds: int) -> Tally:
    """One person retries while another one voids."""
    tally = Tally("retry against void")
    async for invoice, number, digest in _bills(arena, rounds):
        retry, void = (arena.row(digest, number).button(label) for label in (_RETRY, _VOID))
        await arena.push(MAYA, void, digest)
        doings = [arena.people.submit(MAYA, _REASON), arena.push(TOM, retry, digest)]
        answers = await arena.at_once(*(doings if tally.rounds % 2 else doings[::-1]), meets_again=tally.rounds % 4 != 3)
        actions, events = await arena.recorded(invoice)
        winner = actions[0][0] if actions else "nobody"
        tally.counts(arena.charges(invoice), winner)
        sent, says = ("pay", "Paid") if winner == "retry" else ("void", "Voided")
        if tally.is_slow(answers):
            tally.expects(number, "more than one request to the provider", len(arena.sends(invoice)) > 1, False)
            continue
        tally.expects(number, "the winner's decision", actions[:1], [(winner, ActionState.SUCCEEDED)])
        tally.expects(number, "one request to the provider", arena.sends(invoice), [sent])
        tally.expects(number, "a charge for a retry only", arena.charges(invoice), int(winner == "retry"))
        if tally.rounds % 4 == 0 and len(actions) == 2:
            # Without a second meeting, the other press may come when all is over: a decision of its own, which is refused.
            tally.expects(number, "the late decision", actions[1][1], ActionState.REFUSED)
            tally.expects(number, "one event for each step", _counted(events), [2, 0, 1, 1])
        else:
            tally.expects(number, "one decision", len(actions), 1)
            tally.expects(number, "one event for each step", _counted(events), [1, 1, 1, 1])
            tally.expects(number, "the row says", arena.row(digest, number).says(says), True)
        tally.expects(number, "buttons that are left", set(arena.row(digest, number).labels) & {_RETRY, _VOID}, set())
    _each_loser_is_told(tally, arena)
    return tally


async def limit_of_a_day(arena: Arena, rounds: int) -> Tally:
    """One person retries two invoices of which the limit of her day holds one. Every round is on a day of its own."""
    tally = Tally("limit of a day")
    waiting: list[tuple[str, str, Message]] = []
    async for bill in _bills(arena, 2 * rounds):
        waiting.append(bill)
        if len(waiting) < 2:
            continue
        (first, second), waiting = waiting, []
        where = f"{first[1]} and {second[1]}"
        clicks = [
            arena.push(NADIA, arena.row(digest, number).button(_RETRY), digest) for _, number, digest in (first, second)
        ]
        arena.meeting.ahead = tally.rounds * _MORE_THAN_A_DAY
        answers = await arena.at_once(*clicks, meets_again=tally.rounds % 4 != 3)
        arena.meeting.ahead = None
        charges = [arena.charges(invoice) for invoice, _, _ in (first, second)]
        states = [state for invoice, _, _ in (first, second) for _, state in (await arena.recorded(invoice))[0]]
        tally.counts(sum(charges), "one is sent" if sum(charges) == 1 else f"{sum(charges)} are sent")
        tally.is_slow(answers)
        tally.expects(where, "more than the limit", sum(charges) > 1, False)
        tally.expects(where, "decisions that are still open", [state for state in states if state.is_live], [])
        for invoice in (invoice for invoice, _, _ in (first, second) if not arena.charges(invoice)):
            arena.stripe.control("void_elsewhere", {"invoice": invoice})  # it would take up a row of the next digest
    return tally


async def approval_against_expiry(arena: Arena, rounds: int) -> Tally:
    """A second person agrees in one process, while another one, whose clock is ahead, ends the question as unanswered."""
    tally = Tally("approval against expiry")
    async for invoice, number, digest in _bills(arena, rounds):
        await arena.push(MAYA, arena.row(digest, number).button(_UNCOLLECTIBLE), digest)
        before = len(arena.slack.messages(SUP))
        await arena.people.submit(MAYA, _BAD_DEBT)
        question = await arena.appeared(SUP, before)
        approve = arena.row(question, number).button("Approve")
        arena.meeting.sweeps, arena.meeting.sweeps_after = _MORE_THAN_A_DAY, 0.01 * (tally.rounds % 12)
        tally.is_slow(await arena.at_once(arena.push(NADIA, approve, question), meets_again=True))
        arena.meeting.sweeps = None
        actions, events = await arena.recorded(invoice)
        ends = [kind for kind in ("approval.approved", "approval.expired") for _ in range(events.count(kind))]
        tally.counts(0, ",".join(ends))
        was_approved = ends == ["approval.approved"]
        tally.expects(number, "ends of the question", len(ends), 1)
        wanted = [("uncollectible", ActionState.SUCCEEDED)] if was_approved else []
        tally.expects(number, "decisions", actions, wanted)
        tally.expects(number, "requests to the provider", arena.sends(invoice), ["mark_uncollectible"] * was_approved)
        if not was_approved:
            arena.stripe.control("void_elsewhere", {"invoice": invoice})  # it would take up a row of the next digest
    return tally


async def digest_falls_due(arena: Arena, rounds: int) -> Tally:
    """Every process finds that it is nine o'clock; now and then they also look for what was left undone."""
    tally = Tally("digest falls due")
    arena.bill()
    nine = datetime.now(_BERLIN).replace(hour=9, minute=0, second=1, microsecond=0)
    each = [DIGEST] * (1 if len(arena.rivals) > 1 else 2)
    for number in range(rounds):
        nine += A_DAY
        before = len(arena.slack.messages(FIN))
        ahead = nine.astimezone(UTC) - datetime.now(UTC)
        await arena.all_do(Deed(fires=each, scans=number % 3 == 2, ahead=ahead))
        posted = len(arena.slack.messages(FIN)) - before
        tally.counts(0, "posted")
        tally.expects(str(nine.date()), "one post", posted, 1)
    await arena.all_do(Deed(ahead=timedelta()))
    return tally


CONTESTS: Mapping[str, Contest] = {
    "double click": double_click,
    "retry against void": retry_against_void,
    "limit of a day": limit_of_a_day,
    "approval against expiry": approval_against_expiry,
    "digest falls due": digest_falls_due,
}


async def _bills(arena: Arena, rounds: int) -> AsyncIterator[tuple[str, str, Message]]:
    """As many failed invoices, each with its number and the digest that shows it; the next come when these are done."""
    for first in range(0, rounds, _ROWS):
        bills = [arena.bill() for _ in range(min(_ROWS, rounds - first))]
        digest = await arena.digest()
        for invoice, number in bills:
            yield invoice, number, digest


def _counted(events: Sequence[str]) -> list[int]:
    """How often the decision was taken, the other press was answered, it was begun, and it ended."""
    turned_away = sum(events.count(kind) for kind in ("press.repeated", "press.busy", "press.refused"))
    return [events.count("action.accepted"), turned_away, events.count("attempt.begun"), events.count("action.succeeded")]


def _each_loser_is_told(tally: Tally, arena: Arena) -> None:
    every = [message for user in (MAYA, TOM) for message in [*arena.slack.ephemerals(user), *arena.slack.directs(user)]]
    told = [message for message in every if not message.text.startswith("Reading the failed invoices")]
    if tally.slow == 0:
        tally.expects("afterwards", "each press that lost is answered once", len(told), tally.rounds)
