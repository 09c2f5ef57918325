"""Finding out what really happened: by reading, on a schedule, never by running out of patience into a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.action import ActionState
from bot.domain.capability import Resend
from bot.domain.errors import NotBegun
from bot.domain.invoice import PaymentState
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.domain.records import Attempt, Claim, Ending, Verdict
from bot.ports import Clock, Step
from bot.services.accounts import Accounts
from bot.services.execution import SEND_DEADLINE, Execution
from bot.services.verdicts import VerdictRights

_H = timedelta(hours=1)
UNKNOWN_CHECKS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    _H,
    6 * _H,
    24 * _H,
)
"""Waits before each read of an unknown ending; after the last, a person has to look."""
PENDING_CHECKS = (timedelta(minutes=1), timedelta(minutes=10), _H, *([6 * _H] * 40))
"""Bank debits take 2 to 7 days: every six hours for ten days, then a person has to look."""
UNTRACED = timedelta(minutes=10)
"""How long a send that leaves no trace blocks the invoice, when its answer went missing."""
MOST_SENDS = 3
_PUNCTUAL = timedelta(seconds=1)


class Reconciliation:
    """Advances a claimed action whose ending is open: UNKNOWN, PENDING, NEEDS_HUMAN."""

    def __init__(
        self, accounts: Accounts, execution: Execution, rights: VerdictRights, clock: Clock, *, resends: bool = True
    ) -> None:
        """Without `resends` it only reads, whatever would be safe."""
        self._resends = resends
        self._accounts = accounts
        self._execution = execution
        self._verdicts = rights
        self._clock = clock

    async def settle(self, claim: Claim) -> None:
        """Read once; record an ending, send again where that is provably safe, or wait for the next check."""
        attempt = claim.attempt
        if attempt is None:
            await self._wait(claim, "the record of the attempt is missing")
            return
        outcome = await self._accounts.settle(attempt)
        if claim.action.state is ActionState.NEEDS_HUMAN and claim.action.verdict is not None:
            await self._hear(claim, attempt, outcome, claim.action.verdict)
        else:
            await self._take(claim, attempt, outcome)

    async def _take(self, claim: Claim, attempt: Attempt, outcome: Outcome) -> None:
        match outcome:
            case Unknown() if not attempt.action.traits.leaves_trace:
                await self._without_a_trace(claim, attempt, outcome.cause)
            case Unknown(cause=cause):
                await self._wait(claim, cause)
            case Pending(detail=detail):
                await self._wait(claim, detail, pending=True)
            case Rejected(reason=reason, detail=detail) if reason is not RejectedReason.NOT_APPLIED:
                # Only the provider's own records without an effect say that nothing happened; this read saw none.
                await self._wait(claim, detail)
            case Rejected(detail=detail) if _is_still_to_come(claim, attempt, outcome):
                await self._wait(claim, detail)
            case Rejected() if not self._has_settled(attempt):
                await self._resend_or_wait(claim, attempt, "the provider shows no effect yet")
            case _:
                await self._execution.record_outcome(claim, attempt, outcome)

    async def _hear(self, claim: Claim, attempt: Attempt, outcome: Outcome, verdict: Verdict) -> None:
        """A second person says how it ended. What the provider can prove wins; else their word is the ending, for then
        nothing better will ever come. That they may still say so is asked afresh."""
        match outcome:
            case Unknown(cause=cause):
                pass
            case Rejected(reason=reason, detail=cause) if reason is not RejectedReason.NOT_APPLIED:
                pass
            case Rejected(detail=cause) if _is_still_to_come(claim, attempt, outcome):
                pass
            case Pending(detail=detail):
                await self._wait(claim, detail, pending=True)
                return
            case _:
                await self._execution.record_outcome(claim, attempt, outcome)
                return
        if (refusal := await self._verdicts.objection_at_execution(claim.action, verdict)) is not None:
            await self._execution.drop_verdict(claim, refusal)
            return
        await self._execution.end_as_verified(claim, attempt, verdict, cause)

    async def fail(self, claim: Claim) -> None:
        """A bug of ours stopped the check. It counts as one, so that a poisonous decision reaches a person in the end."""
        await self._wait(claim, "something went wrong on our side while checking")

    def _has_settled(self, attempt: Attempt) -> bool:
        """Whether "no effect" proves anything: until then the request may still be travelling."""
        provider = self._accounts.provider(attempt.ref.account)
        travel = provider.facts.settle_after if provider else timedelta(seconds=120)
        return self._clock.now() >= attempt.last_sent_at + SEND_DEADLINE + travel

    async def _without_a_trace(self, claim: Claim, attempt: Attempt, cause: str) -> None:
        """No read will ever tell. The same key again does, and cannot have two effects; where that is not possible, the
        doubt is told after ten minutes, and does not block what moves money."""
        if not self._may_resend(claim, attempt) and self._clock.now() >= attempt.last_sent_at + UNTRACED:
            await self._execution.leave_unsettled(claim, attempt, cause)
        else:
            await self._resend_or_wait(claim, attempt, cause, by=attempt.last_sent_at + UNTRACED)

    async def _resend_or_wait(self, claim: Claim, attempt: Attempt, cause: str, *, by: datetime | None = None) -> None:
        if self._may_resend(claim, attempt) and (guarded := await self._execution.guard_resend(claim)) is not None:
            try:
                await self._execution.send(guarded)
            except NotBegun:
                cause = f"{cause}, and it was not sent again because Recoup is frozen"
            else:
                return
        await self._wait(claim, cause, by=by)

    def _may_resend(self, claim: Claim, attempt: Attempt) -> bool:
        """Only with a key that the provider still knows, and only while the person still expects it."""
        provider = self._accounts.provider(attempt.ref.account)
        now = self._clock.now()
        return (
            self._resends
            and claim.action.state is ActionState.UNKNOWN
            and provider is not None
            and provider.facts.resend is Resend.KEYED
            and attempt.sends < MOST_SENDS
            and now < claim.action.act_by
            and now < attempt.key_expires_at
        )

    async def _wait(self, claim: Claim, cause: str, *, pending: bool = False, by: datetime | None = None) -> None:
        """No news: the state stays, the next read is planned, `by` a moment at the latest; after the last one a person has
        to look."""
        now = self._clock.now()
        was = claim.action.state
        state = ActionState.PENDING if pending else was
        checks = _checks_after(claim, now) if state is was else 1
        next_check_at = self._next_check(state, checks, now)
        if next_check_at is None:
            state = ActionState.NEEDS_HUMAN
        elif by is not None and now < by:
            next_check_at = min(next_check_at, by)
        ending = replace(claim.action.ending or Ending(at=now), at=now, detail=cause, refusal=None)
        became_human = state is ActionState.NEEDS_HUMAN and was is not state
        await self._execution.record(
            claim,
            Step(
                state=state,
                ending=ending,
                next_check_at=next_check_at,
                checks=checks,
                late_note=became_human and not claim.action.reply_to.is_private,
            ),
        )

    @staticmethod
    def _next_check(state: ActionState, checks: int, now: datetime) -> datetime | None:
        """None: no read is planned any more."""
        if state is ActionState.NEEDS_HUMAN:
            return None
        plan = _plan(state)
        return now + plan[checks] if checks < len(plan) else None


def _is_still_to_come(claim: Claim, attempt: Attempt, seen: Rejected) -> bool:
    """Whether the provider has accepted it and not done it yet; a payment, whether one of the invoice still waits, also
    after all planned reads."""
    is_pending = claim.action.state is ActionState.PENDING
    if not attempt.action.traits.takes_money:
        return is_pending
    if not is_pending and claim.action.state is not ActionState.NEEDS_HUMAN:
        return False
    return seen.invoice is not None and seen.invoice.payment in {PaymentState.PROCESSING, PaymentState.UNREAD}


def _plan(state: ActionState) -> Sequence[timedelta]:
    return PENDING_CHECKS if state is ActionState.PENDING else UNKNOWN_CHECKS


def _checks_after(claim: Claim, now: datetime) -> int:
    """A read that somebody asked for, ahead of its time, uses up none of the planned ones."""
    action = claim.action
    plan = _plan(action.state)
    if action.ending is not None and action.checks < len(plan):
        is_early = now < action.ending.at + plan[action.checks] - _PUNCTUAL
        return action.checks if is_early else action.checks + 1
    return action.checks + 1
