"""Executing one claimed decision: guard, commit the attempt, send, record. After the claim nothing escapes: a failed
read ends as Rejected, a send without an answer as Unknown, so every claim ends in a record."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.domain.action import Action, ActionState, Word
from bot.domain.choices import retry_possible_at
from bot.domain.details import Received
from bot.domain.errors import FailureReason, JournalUnavailable, NotBegun, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.offer import changed_since
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt, Before, Claim, Ending, Verdict
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import ActionOrder, Clock, Journal, Provider, Step, Watchlist
from bot.services.accounts import Accounts
from bot.services.approvals import SecondPerson
from bot.services.resolution import Resolution
from bot.services.rights import Rights
from bot.services.rows import SILENT_DOUBT, Rows
from bot.telemetry import ENDED_ACTIONS

SEND_DEADLINE = timedelta(seconds=90)
"""Shorter than the lease (120 s): a worker that lost its lease can't be sending any more."""
FIRST_CHECK = timedelta(seconds=5)
FIRST_PENDING_CHECK = timedelta(minutes=1)
LATE = timedelta(seconds=60)
_REREAD_WITHIN = 8.0
_RECORD_WITHIN = timedelta(seconds=25)
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


@dataclass(frozen=True, slots=True)
class Guarded:
    """A decision that still fits what was just read."""

    claim: Claim
    invoice: Invoice
    provider: Provider


class _Until:
    """The moment after which nothing may be sent, counted from before the attempt was committed: a process that was stopped
    in between must not go on as if no time had passed. On two clocks, for one may be set back and the other may have been
    paused with the machine."""

    def __init__(self, clock: Clock, span: timedelta) -> None:
        self._clock = clock
        self._at = clock.now() + span
        self.loop_time = asyncio.get_running_loop().time() + span.total_seconds()

    @property
    def is_over(self) -> bool:
        return self._clock.now() >= self._at or asyncio.get_running_loop().time() >= self.loop_time


class Execution:
    """Advances a claimed action that is ACCEPTED: to its ending, or to a state that the reconciler takes over."""

    def __init__(  # noqa: PLR0913 - the composition root names each collaborator
        self,
        journal: Journal,
        accounts: Accounts,
        rights: Rights,
        resolution: Resolution,
        *,
        rows: Rows,
        watchlist: Watchlist,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rights = rights
        self._second_person = SecondPerson(journal, rights)
        self._resolution = resolution
        self._rows = rows
        self._watchlist = watchlist
        self._clock = clock

    async def execute(self, claim: Claim) -> None:
        """Raises LeaseLost when another worker took over, JournalUnavailable when nothing could be recorded."""
        if self._clock.now() >= claim.action.act_by:
            await self._expire(claim)
            return
        guarded = await self._guard(claim)
        if isinstance(guarded, Step):
            await self.record(claim, await self._after_all(claim, guarded))
            return
        await self.send(guarded)

    async def send(self, guarded: Guarded) -> None:
        """Commit the attempt, send it once, record how it ended. Also used for a re-send under the same key; only then
        raises NotBegun, where nothing may be sent now."""
        claim, invoice, provider = guarded.claim, guarded.invoice, guarded.provider
        is_in_doubt = claim.action.state is ActionState.UNKNOWN
        if not provider.facts.has_list:
            # Nothing else would ever bring it back into a digest.
            await self._watchlist.watch(invoice.ref, claim.action.actor.user, self._clock.now())
        until = _Until(self._clock, SEND_DEADLINE)
        try:
            attempt = await self._begin(claim, invoice, provider)
        except NotBegun as stopped:
            if is_in_doubt:
                raise
            await self.record(claim, await self._after_all(claim, self._refused(stopped.refusal, invoice)))
            return
        claim = replace(claim, attempt=attempt, action=replace(claim.action, state=ActionState.EXECUTING))
        order = ActionOrder(
            action=attempt.action,
            invoice=invoice,
            key=attempt.key,
            expected=claim.offer.invoice.owed if claim.offer else invoice.owed,
            reason=_for_provider(claim.action.reason, provider.facts.reason_limit),
            method=attempt.method,
            details=claim.action.details,
        )
        outcome = await self._perform(provider, order, attempt.sends, until)
        if is_in_doubt and isinstance(outcome, Rejected):
            # A no to the second send says nothing about the first one, which may still have happened.
            outcome = Unknown(cause=outcome.detail, request_id=outcome.request_id)
        await self.record(claim, await self.step_of(claim, attempt, outcome))

    async def _begin(self, claim: Claim, invoice: Invoice, provider: Provider) -> Attempt:
        action, within = claim.action, None
        if claim.attempt is None:  # what has begun is among the person's decisions of the day already
            word, channel = Word(action.kind.value), action.reply_to.channel
            within = self._rights.day_limit(action.actor, word, channel, invoice.ref.account, invoice.owed)
        window = provider.facts.key_window
        return await self._journal.begin(claim, Before.of(invoice), window, self._clock.now(), within=within)

    async def guard_resend(self, claim: Claim) -> Guarded | None:
        """The guard read before a re-send under the same key; None unless everything still equals the offer."""
        ref, offer = claim.action.ref, claim.offer
        provider = self._accounts.provider(ref.account) if ref else None
        if ref is None or offer is None or provider is None:
            return None
        try:
            invoice = await self._accounts.get(ref)
        except ProviderFailure:
            return None
        if invoice is None:
            return None
        ended = await self._journal.ended_actions(ref)
        if changed_since(offer, invoice, ended) is not None or await self._forbidden(claim, invoice, ended) is not None:
            return None
        return Guarded(claim, invoice, provider)

    async def fail(self, claim: Claim) -> None:
        """A bug of ours stopped the action. Before the attempt: say that nothing was sent. After it, the compare-and-set
        refuses this, and the lost attempt is reconciled."""
        if claim.action.state is ActionState.ACCEPTED:
            detail = "Something went wrong on our side before anything was sent."
            rejected = self._rejected(RejectedReason.INVALID_REQUEST, detail, None)
            await self.record(claim, await self._after_all(claim, rejected))

    async def record(self, claim: Claim, step: Step) -> None:
        """Keep an ending in memory and write it again while the database is away, as long as the lease lasts."""
        give_up_at = self._clock.now() + _RECORD_WITHIN
        while True:
            try:
                await self._journal.record(claim, step)
            except JournalUnavailable:
                if self._clock.now() >= give_up_at:
                    raise
                await asyncio.sleep(0.5)
            else:
                _note(claim, step)
                return

    async def step_of(self, claim: Claim, attempt: Attempt, outcome: Outcome) -> Step:
        """What an outcome means for the action: its state, when to look again, what to say and when."""
        now = self._clock.now()
        match outcome:
            case Succeeded():
                return await self._succeeded(claim, outcome, attempt)
            case Declined(decline=decline):
                ending = Ending(at=now, decline=decline, request_id=outcome.request_id)
                return await self._ended(claim, ActionState.DECLINED, ending, attempt.ref, attempt)
            case Pending(detail=detail):
                ending = Ending(at=now, detail=detail, request_id=outcome.request_id)
                step = Step(state=ActionState.PENDING, ending=ending, invoice=outcome.invoice)
                return replace(step, next_check_at=now + FIRST_PENDING_CHECK, late_note=self._is_late(claim))
            case Rejected(reason=RejectedReason.RATE_LIMITED):
                return self._wait(claim, outcome, now)
            case Rejected(reason=reason, detail=detail):
                state = ActionState.NOT_APPLIED if reason is RejectedReason.NOT_APPLIED else ActionState.REJECTED
                ending = Ending(at=now, reason=reason, detail=detail, request_id=outcome.request_id)
                return await self._ended(claim, state, ending, attempt.ref, attempt)
            case Unknown(cause=cause):
                ending = Ending(at=now, detail=cause, request_id=outcome.request_id)
                return Step(
                    state=ActionState.UNKNOWN, ending=ending, next_check_at=now + FIRST_CHECK, say_after=now + SILENT_DOUBT
                )
            case _:
                assert_never(outcome)

    async def _after_all(self, claim: Claim, refused: Step) -> Step:
        """A send that was turned away by a rate limit may have had its effect all the same, whatever the provider said.
        Where it is not sent again after all, its records decide before anybody is told that nothing was done."""
        attempt = claim.attempt
        if attempt is None or refused.state.is_live:
            return refused
        outcome = await self._accounts.settle(attempt)
        return refused if isinstance(outcome, Rejected) else await self.step_of(claim, attempt, outcome)

    async def _guard(self, claim: Claim) -> Guarded | Step:
        """Resolve a typed REF, read, compare with the offer, and ask every rule again: the send follows at once."""
        resolved = await self._resolved(claim)
        if isinstance(resolved, Step):
            return resolved
        claim, fresh = resolved
        offer, ref = claim.offer, claim.action.ref
        if offer is None or ref is None:
            return self._refused(Refusal(RefusalKind.OLD_BUTTON), None)
        provider = self._accounts.provider(ref.account)
        if provider is None:
            return self._refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": ref.account}), None)
        if fresh is None:
            read = await self._read(claim, ref)
            if isinstance(read, Step):
                return read
            fresh = read
        if (refusal := await self._objection(claim, fresh, provider)) is not None:
            return self._refused(refusal, fresh)
        return Guarded(claim, fresh, provider)

    async def _resolved(self, claim: Claim) -> tuple[Claim, Invoice | None] | Step:
        try:
            resolved = await self._resolution.resolve(claim)
        except ProviderFailure as failure:
            return self._not_read(claim, failure)
        return self._refused(resolved, None) if isinstance(resolved, Refusal) else resolved

    async def _read(self, claim: Claim, ref: InvoiceRef) -> Invoice | Step:
        try:
            invoice = await self._accounts.get(ref, thorough=claim.action.kind.traits.takes_money)
        except ProviderFailure as failure:
            return self._not_read(claim, failure)
        if invoice is None:
            detail = "The provider knows no such invoice (another account, or the other of test and live mode?)."
            return self._rejected(RejectedReason.NOT_FOUND, detail, None)
        return invoice

    async def _objection(self, claim: Claim, fresh: Invoice, provider: Provider) -> Refusal | None:
        action, offer = claim.action, claim.offer
        assert offer is not None  # noqa: S101 - _guard returns before, where there is none
        ended = await self._journal.ended_actions(fresh.ref)
        changed = changed_since(offer, fresh, ended)
        if changed is not None:
            facts = {"what": changed.what, "saw": changed.saw, "now": changed.now, "invoice": fresh.label}
            return Refusal(RefusalKind.CHANGED, facts)
        capability = provider.facts.capabilities.get(action.kind)
        if action.method is not None and capability is not None and not capability.takes_method:
            return Refusal(RefusalKind.UNKNOWN_METHOD, {"provider": provider.facts.name, "method": action.method})
        if capability is not None and capability.asks_back and action.typed_ref is not None:
            facts = {"invoice": fresh.label, "ref": str(fresh.ref), "provider": provider.facts.name}
            return Refusal(RefusalKind.CONFIRM_SEND, facts)
        standing = await self._rows.standing(fresh, provider.facts)
        # A pressed button has shown the declined method in its dialog; a typed command has shown nothing.
        pressed = action.typed_ref is None
        if (refusal := standing.objection(action.kind, action.method, confirmed=pressed)) is not None:
            return refusal
        return await self._forbidden(claim, fresh, ended)

    async def _forbidden(self, claim: Claim, fresh: Invoice, ended: int) -> Refusal | None:
        """What the rules say right before a send, the first one and every other: to the person, and to the second one."""
        action = claim.action
        refusal = await self._rights.objection_at_execution(
            action.actor,
            Word(action.kind.value),
            action.reply_to.channel,
            fresh.ref.account,
            fresh.owed,
            afresh=action.kind.traits.reads_roles_afresh or action.approval_id is not None,
        )
        return refusal or await self._second_person.objection(action, fresh, ended)

    async def _perform(self, provider: Provider, order: ActionOrder, sends: int, until: _Until) -> Outcome:
        started = time.perf_counter()
        outcome = await self._answer_to(provider, order, until)
        _log.info(
            "attempt.sent",
            kind=order.action.value,
            account=provider.account,
            outcome=type(outcome).__name__.lower(),
            request_id=outcome.request_id,
            sends=sends,
            ms=round((time.perf_counter() - started) * 1000),
        )
        return outcome

    async def _answer_to(self, provider: Provider, order: ActionOrder, until: _Until) -> Outcome:
        """Nothing that goes wrong here is a failure: the request may be on its way."""
        if until.is_over:
            # The process stood still after the attempt was committed; somebody else may be at it by now.
            return Unknown(cause="the bot was held up before it could send")
        try:
            async with asyncio.timeout_at(until.loop_time):
                return await provider.perform(order)
        except TimeoutError:
            return Unknown(cause=f"no answer within {SEND_DEADLINE.seconds} seconds")
        except Exception as error:  # noqa: BLE001 - a bug in an adapter after the send must not become "failed"
            return Unknown(cause=f"the answer could not be understood ({type(error).__name__})")

    async def leave_unsettled(self, claim: Claim, attempt: Attempt, cause: str) -> None:
        """What cannot be found out is told as that, and ends."""
        ending = Ending(at=self._clock.now(), detail=cause)
        await self.record(claim, await self._ended(claim, ActionState.UNSETTLED, ending, attempt.ref, attempt))

    async def end_as_verified(self, claim: Claim, attempt: Attempt, verdict: Verdict, cause: str) -> None:
        """Nobody but a second person could tell. What was charged, and by whom, is not claimed. `cause` says why no read
        could tell."""
        if verdict.happened:
            ending = Ending(at=verdict.at, ours=False, detail=cause, verified_by=verdict.by.user)
            step = await self._ended(claim, ActionState.SUCCEEDED, ending, attempt.ref, attempt)
        else:
            reason = RejectedReason.NOT_APPLIED
            ending = Ending(at=verdict.at, reason=reason, detail=cause, verified_by=verdict.by.user)
            step = await self._ended(claim, ActionState.NOT_APPLIED, ending, attempt.ref, attempt)
        await self.record(claim, step)

    async def drop_verdict(self, claim: Claim, refusal: Refusal) -> None:
        """Whoever gave it may not, or not any more: the decision waits for another person."""
        ending = replace(claim.action.ending or Ending(at=self._clock.now()), at=self._clock.now(), refusal=refusal)
        await self.record(claim, Step(state=ActionState.NEEDS_HUMAN, ending=ending, checks=claim.action.checks))

    async def _expire(self, claim: Claim) -> None:
        if claim.attempt is not None:  # turned away by a rate limit, or so it was said
            outcome = await self._accounts.settle(claim.attempt)
            if not isinstance(outcome, Rejected | Unknown):
                await self.record(claim, await self.step_of(claim, claim.attempt, outcome))
                return
        ending = Ending(at=self._clock.now())
        await self.record(claim, await self._ended(claim, ActionState.EXPIRED, ending, claim.action.ref, claim.attempt))

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

    async def _ended(
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

    def _refused(self, refusal: Refusal, fresh: Invoice | None) -> Step:
        return Step(
            state=ActionState.REFUSED,
            ending=Ending(at=self._clock.now(), refusal=refusal),
            invoice=fresh,
            facts={"refusal": refusal.kind},
        )

    def _rejected(self, reason: RejectedReason, detail: str, request_id: str | None) -> Step:
        ending = Ending(at=self._clock.now(), reason=reason, detail=detail, request_id=request_id)
        return Step(state=ActionState.REJECTED, ending=ending)

    def _not_read(self, claim: Claim, failure: ProviderFailure) -> Step:
        if failure.reason is FailureReason.RATE_LIMITED:
            limited = Rejected(reason=RejectedReason.RATE_LIMITED, detail=failure.detail, retry_after=failure.retry_after)
            return self._wait(claim, limited, self._clock.now())
        return self._rejected(_READ_FAILED[failure.reason], failure.detail, failure.request_id)

    def _wait(self, claim: Claim, limited: Rejected, now: datetime) -> Step:
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


def _note(claim: Claim, step: Step) -> None:
    """One line for each ending, which is found by the reference that people quote; one more for each doubt."""
    action, ending = claim.action, step.ending
    facts = {
        "kind": action.kind.value,
        "account": action.ref.account if action.ref else None,
        "state": step.state.value,
        "request_id": ending.request_id,
        "ms": round((ending.at - action.created_at) / timedelta(milliseconds=1)),
    }
    if step.state.is_live:
        say = _log.warning if step.state is ActionState.NEEDS_HUMAN else _log.info
        say("action.open", **facts, checks=step.checks)
        return
    ENDED_ACTIONS.labels(action.kind.value, step.state.value).inc()
    refusal = ending.refusal.kind.value if ending.refusal else None
    reason = ending.reason.value if ending.reason else None
    decline = ending.decline.kind.value if ending.decline else None
    why = {"refusal": refusal, "reason": reason, "decline": decline}
    _log.info("action.ended", **facts, **{name: fact for name, fact in why.items() if fact is not None})


def _is_paid(invoice: Invoice) -> bool:
    return invoice.status is InvoiceStatus.PAID or invoice.owed.minor == 0


def _covers(charged: Money | None, owed: Money) -> bool:
    """Whether a charge was the whole, where the invoice could not be read again to tell."""
    return charged is None or charged.currency != owed.currency or owed <= charged


def _for_provider(reason: str | None, limit: int | None) -> str | None:
    """Control characters never leave; cut to what the provider takes."""
    if reason is None:
        return None
    text = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    return text[:limit] if limit is not None else text
