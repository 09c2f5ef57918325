"""Executing one claimed decision: guard, commit the attempt, send, record. After the claim nothing escapes: a failed
read ends as Rejected, a send without an answer as Unknown, so every claim ends in a record."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bot.domain.action import ActionState, Word
from bot.domain.errors import JournalUnavailable, NotBegun, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.offer import changed_since
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Unknown
from bot.domain.records import Attempt, Before, Claim, Ending, Verdict
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import ActionOrder, Clock, Journal, Provider, Step, Watchlist
from bot.services.accounts import Accounts
from bot.services.approvals import SecondPerson
from bot.services.endings import Endings
from bot.services.resolution import Resolution
from bot.services.rights import Rights
from bot.services.rows import Rows
from bot.telemetry import ENDED_ACTIONS

SEND_DEADLINE = timedelta(seconds=90)
"""Shorter than the lease (120 s): a worker that lost its lease can't be sending any more."""
_RECORD_WITHIN = timedelta(seconds=25)
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
        self._endings = Endings(accounts, clock)

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
            await self.record(claim, await self._after_all(claim, self._endings.refused(stopped.refusal, invoice)))
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
        await self.record_outcome(claim, attempt, outcome)

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
            rejected = self._endings.rejected(RejectedReason.INVALID_REQUEST, detail, None)
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

    async def record_outcome(self, claim: Claim, attempt: Attempt, outcome: Outcome) -> None:
        """What a send or a later read has shown."""
        await self.record(claim, await self._endings.step_of(claim, attempt, outcome))

    async def _after_all(self, claim: Claim, refused: Step) -> Step:
        """A send that was turned away by a rate limit may have had its effect all the same, whatever the provider said.
        Where it is not sent again after all, its records decide before anybody is told that nothing was done."""
        attempt = claim.attempt
        if attempt is None or refused.state.is_live:
            return refused
        outcome = await self._accounts.settle(attempt)
        return refused if isinstance(outcome, Rejected) else await self._endings.step_of(claim, attempt, outcome)

    async def _guard(self, claim: Claim) -> Guarded | Step:
        """Resolve a typed REF, read, compare with the offer, and ask every rule again: the send follows at once."""
        resolved = await self._resolved(claim)
        if isinstance(resolved, Step):
            return resolved
        claim, fresh = resolved
        offer, ref = claim.offer, claim.action.ref
        if offer is None or ref is None:
            return self._endings.refused(Refusal(RefusalKind.OLD_BUTTON), None)
        provider = self._accounts.provider(ref.account)
        if provider is None:
            return self._endings.refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": ref.account}), None)
        if fresh is None:
            read = await self._read(claim, ref)
            if isinstance(read, Step):
                return read
            fresh = read
        if (refusal := await self._objection(claim, fresh, provider)) is not None:
            return self._endings.refused(refusal, fresh)
        return Guarded(claim, fresh, provider)

    async def _resolved(self, claim: Claim) -> tuple[Claim, Invoice | None] | Step:
        try:
            resolved = await self._resolution.resolve(claim)
        except ProviderFailure as failure:
            return self._endings.not_read(claim, failure)
        return self._endings.refused(resolved, None) if isinstance(resolved, Refusal) else resolved

    async def _read(self, claim: Claim, ref: InvoiceRef) -> Invoice | Step:
        try:
            invoice = await self._accounts.get(ref, thorough=claim.action.kind.traits.takes_money)
        except ProviderFailure as failure:
            return self._endings.not_read(claim, failure)
        if invoice is None:
            detail = "The provider knows no such invoice (another account, or the other of test and live mode?)."
            return self._endings.rejected(RejectedReason.NOT_FOUND, detail, None)
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
        await self.record(claim, await self._endings.ended(claim, ActionState.UNSETTLED, ending, attempt.ref, attempt))

    async def end_as_verified(self, claim: Claim, attempt: Attempt, verdict: Verdict, cause: str) -> None:
        """Nobody but a second person could tell. What was charged, and by whom, is not claimed. `cause` says why no read
        could tell."""
        if verdict.happened:
            ending = Ending(at=verdict.at, ours=False, detail=cause, verified_by=verdict.by.user)
            step = await self._endings.ended(claim, ActionState.SUCCEEDED, ending, attempt.ref, attempt)
        else:
            reason = RejectedReason.NOT_APPLIED
            ending = Ending(at=verdict.at, reason=reason, detail=cause, verified_by=verdict.by.user)
            step = await self._endings.ended(claim, ActionState.NOT_APPLIED, ending, attempt.ref, attempt)
        await self.record(claim, step)

    async def drop_verdict(self, claim: Claim, refusal: Refusal) -> None:
        """Whoever gave it may not, or not any more: the decision waits for another person."""
        ending = replace(claim.action.ending or Ending(at=self._clock.now()), at=self._clock.now(), refusal=refusal)
        await self.record(claim, Step(state=ActionState.NEEDS_HUMAN, ending=ending, checks=claim.action.checks))

    async def _expire(self, claim: Claim) -> None:
        if claim.attempt is not None:  # turned away by a rate limit, or so it was said
            outcome = await self._accounts.settle(claim.attempt)
            if not isinstance(outcome, Rejected):
                await self.record_outcome(claim, claim.attempt, outcome)
                return
        ending = Ending(at=self._clock.now())
        await self.record(
            claim, await self._endings.ended(claim, ActionState.EXPIRED, ending, claim.action.ref, claim.attempt)
        )


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


def _for_provider(reason: str | None, limit: int | None) -> str | None:
    """Control characters never leave; cut to what the provider takes."""
    if reason is None:
        return None
    text = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    return text[:limit] if limit is not None else text
