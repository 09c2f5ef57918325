"""What an outcome, a refusal or a failed read means for the action: its next state, and what is to be said about it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.domain.action import Action, ActionState
from bot.domain.choices import retry_possible_at
from bot.domain.details import Received
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt, Claim, Ending
from bot.domain.refusal import Refusal
from bot.ports import Clock, Step
from bot.services.accounts import Accounts
from bot.services.rows import SILENT_DOUBT

FIRST_CHECK = timedelta(seconds=5)
FIRST_PENDING_CHECK = timedelta(minutes=1)
LATE = timedelta(seconds=60)
_REREAD_WITHIN = 8.0
_RATE_LIMIT_PAUSE = timedelta(seconds=5)

_READ_FAILED = {
    FailureReason.UNREACHABLE: RejectedReason.UNREACHABLE,
    FailureReason.RATE_LIMITED: RejectedReason.RATE_LIMITED,
    FailureReason.UNAUTHORIZED: RejectedReason.UNAUTHORIZED,
    FailureReason.FORBIDDEN: RejectedReason.FORBIDDEN,
    FailureReason.UNREADABLE: RejectedReason.UNREACHABLE,
    FailureReason.WRONG_MODE: RejectedReason.WRONG_MODE,
    FailureReason.REFUSED: RejectedReason.INVALID_REQUEST,
}

_log = structlog.get_logger()


class Endings:
    """Makes the steps; nothing is written here. Reads the invoice once more where an ending wants to show it."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def step_of(self, claim: Claim, attempt: Attempt, outcome: Outcome) -> Step:
        """What an outcome means for the action: its state, when to look again, what to say and when."""
        now = self._clock.now()
        match outcome:
            case Succeeded():
                return await self._succeeded(claim, outcome, attempt)
            case Declined(decline=decline):
                ending = Ending(at=now, decline=decline, request_id=outcome.request_id)
                return await self.ended(claim, ActionState.DECLINED, ending, attempt.ref, attempt)
            case Pending(detail=detail):
                ending = Ending(at=now, detail=detail, request_id=outcome.request_id)
                step = Step(state=ActionState.PENDING, ending=ending, invoice=outcome.invoice)
                return replace(step, next_check_at=now + FIRST_PENDING_CHECK, late_note=self._is_late(claim))
            case Rejected(reason=RejectedReason.RATE_LIMITED):
                return self.wait(claim, outcome, now)
            case Rejected(reason=reason, detail=detail):
                state = ActionState.NOT_APPLIED if reason is RejectedReason.NOT_APPLIED else ActionState.REJECTED
                ending = Ending(at=now, reason=reason, detail=detail, request_id=outcome.request_id)
                return await self.ended(claim, state, ending, attempt.ref, attempt)
            case Unknown(cause=cause):
                ending = Ending(at=now, detail=cause, request_id=outcome.request_id)
                return Step(
                    state=ActionState.UNKNOWN, ending=ending, next_check_at=now + FIRST_CHECK, say_after=now + SILENT_DOUBT
                )
            case _:
                assert_never(outcome)

    async def _succeeded(self, claim: Claim, outcome: Succeeded, attempt: Attempt) -> Step:
        invoice = outcome.invoice or await self.reread(attempt.ref)
        in_full = self._is_in_full(claim, outcome, attempt, invoice)
        ending = Ending(
            at=self._clock.now(),
            charged=outcome.charged,
            paid_in_full=in_full,
            ours=outcome.ours,
            detail=outcome.detail,
            request_id=outcome.request_id,
        )
        return Step(
            state=ActionState.SUCCEEDED,
            ending=ending,
            invoice=invoice,
            late_note=self._is_late(claim),
        )

    @staticmethod
    def _is_in_full(claim: Claim, outcome: Succeeded, attempt: Attempt, invoice: Invoice | None) -> bool:
        """Whether nothing is owed any more, for what is about money; a part is never told as the whole."""
        details = claim.action.details
        if attempt.action is Action.RETRY:
            return _is_paid(invoice) if invoice else _covers(outcome.charged, attempt.before.owed)
        if attempt.action is Action.PAID and isinstance(details, Received):
            return _is_paid(invoice) if invoice else _covers(details.amount, attempt.before.owed)
        return True

    async def ended(
        self, claim: Claim, state: ActionState, ending: Ending, ref: InvoiceRef | None, attempt: Attempt | None
    ) -> Step:
        """An ending after which the invoice may be acted on again: read it afresh, so that new buttons can be drawn."""
        fresh = await self.reread(ref) if ref is not None else None
        ending = replace(ending, at=self._clock.now())
        return Step(
            state=state,
            ending=ending,
            invoice=fresh,
            redraw_at=retry_possible_at(fresh, ending.decline, attempt.last_sent_at)
            if attempt and ending.decline
            else None,
            late_note=self._is_late(claim),
        )

    async def reread(self, ref: InvoiceRef) -> Invoice | None:
        """The fresh state for the messages; None rather than a delay: the ending matters more."""
        try:
            async with asyncio.timeout(_REREAD_WITHIN):
                return await self._accounts.get(ref)
        except Exception as error:  # noqa: BLE001 - not even a bug in an adapter may cost the ending
            _log.warning("invoice.not_reread", error=type(error).__name__)
            return None

    def refused(self, refusal: Refusal, fresh: Invoice | None) -> Step:
        """Our own no, with the invoice as it was read, where it was."""
        return Step(
            state=ActionState.REFUSED,
            ending=Ending(at=self._clock.now(), refusal=refusal),
            invoice=fresh,
            facts={"refusal": refusal.kind},
        )

    def rejected(self, reason: RejectedReason, detail: str, request_id: str | None) -> Step:
        """It surely did not happen; `detail` is one sentence for a person."""
        ending = Ending(at=self._clock.now(), reason=reason, detail=detail, request_id=request_id)
        return Step(state=ActionState.REJECTED, ending=ending)

    def not_read(self, claim: Claim, failure: ProviderFailure) -> Step:
        """The guard read failed, so nothing was sent: later again where the provider asked to wait, else the end."""
        if failure.reason is FailureReason.RATE_LIMITED:
            limited = Rejected(reason=RejectedReason.RATE_LIMITED, detail=failure.detail, retry_after=failure.retry_after)
            return self.wait(claim, limited, self._clock.now())
        return self.rejected(_READ_FAILED[failure.reason], failure.detail, failure.request_id)

    def wait(self, claim: Claim, limited: Rejected, now: datetime) -> Step:
        """Rate limited before execution: the same attempt later, until `act_by`, when it expires."""
        pause = timedelta(seconds=limited.retry_after) if limited.retry_after else _RATE_LIMIT_PAUSE
        return Step(
            state=ActionState.ACCEPTED,
            ending=Ending(at=now, reason=limited.reason, detail=limited.detail, request_id=limited.request_id),
            next_check_at=min(now + pause, claim.action.act_by),
            facts={"waiting": "rate_limited"},
        )

    def _is_late(self, claim: Claim) -> bool:
        return self._clock.now() - claim.action.created_at > LATE and not claim.action.reply_to.is_private


def _is_paid(invoice: Invoice) -> bool:
    return invoice.status is InvoiceStatus.PAID or invoice.owed.minor == 0


def _covers(charged: Money | None, owed: Money) -> bool:
    """Whether a charge was the whole, where the invoice could not be read again to tell."""
    return charged is None or charged.currency != owed.currency or owed <= charged
