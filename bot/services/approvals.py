"""A second person's word: who may give it, what becomes of it, and whether it still holds when it is carried out."""

from __future__ import annotations

import structlog

from bot.domain.action import Word
from bot.domain.approval import Answer, Answered, Approval, ApprovalState, Reply, answer_of, fingerprint_of
from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice
from bot.domain.offer import Decision, version_of
from bot.domain.policy import Actor, ApprovalRule
from bot.domain.records import ActionRecord
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, Journal, Redelivered, Refused
from bot.services.actions import ACT_WITHIN, Pressed, note_refusal
from bot.services.rights import Rights
from bot.services.wakeup import Wakeup
from bot.telemetry import PRESSES, in_action

_log = structlog.get_logger()


class ApprovalService:
    """An answer is one commit; `sweep` ends what nobody answered."""

    def __init__(self, journal: Journal, rights: Rights, clock: Clock, *, work: Wakeup, talk: Wakeup) -> None:
        self._journal = journal
        self._rights = rights
        self._clock = clock
        self._work = work
        self._talk = talk

    async def reply(self, pressed: Pressed) -> Answered | Refusal | Redelivered:
        """A press of Approve or Deny."""
        try:
            approval_id, answer = answer_of(pressed.value)
        except UnusableValue:
            return await self._refuse(pressed, Refusal(RefusalKind.OLD_BUTTON), None)
        asked = await self._journal.approval(approval_id)
        if asked is None:
            return await self._refuse(pressed, Refusal(RefusalKind.OLD_BUTTON), None)
        if (refusal := await self._may_answer(pressed, asked, answer)) is not None:
            return await self._refuse(pressed, refusal, asked)
        now = self._clock.now()
        answered = await self._journal.reply(
            Reply(
                approval_id=asked.id,
                answer=answer,
                by=pressed.actor,
                reply_to=pressed.reply_to,
                delivery=pressed.delivery,
                at=now,
                act_by=now + ACT_WITHIN,
            )
        )
        self._work.set()
        self._talk.set()
        _note(answered, asked)
        return answered

    async def sweep(self) -> None:
        """Ends what nobody answered in time and reminds once; any number of replicas may do it at once."""
        now = self._clock.now()
        expired = await self._journal.expire_approvals(now)
        if expired + await self._journal.remind_approvers(now):
            self._talk.set()
        if expired:
            _log.info("approval.expired", count=expired)

    async def _may_answer(self, pressed: Pressed, asked: Approval, answer: Answer) -> Refusal | None:
        """From the snapshot, no network. Who asked may take it back, and nothing else."""
        if pressed.reply_to.channel != asked.channel:
            return Refusal(RefusalKind.FOREIGN_BUTTON, {"ref": str(asked.ref)})
        is_asker = pressed.actor.user == asked.asker.user
        if is_asker and answer is Answer.DENY and pressed.actor == asked.asker:
            return None
        rule = self._rights.approval_rule(Word(asked.kind.value), asked.amount)
        role = rule.role if rule is not None else asked.role
        refusal = await self._rights.objection_to_approver(pressed.actor, role, asked.channel, asked.ref.account)
        if answer is Answer.DENY and refusal is not None and refusal.kind is RefusalKind.FROZEN:
            refusal = None  # which is asked last: they may answer, and a no changes nothing anywhere
        if is_asker and (refusal is None or refusal.kind is RefusalKind.NO_RIGHT):
            return Refusal(RefusalKind.OWN_APPROVAL, {"ask": self._rights.members(role, pressed.actor)})
        return refusal

    async def _refuse(self, pressed: Pressed, refusal: Refusal, asked: Approval | None) -> Refusal:
        await self._journal.refuse(
            Refused(
                delivery=pressed.delivery,
                actor=pressed.actor,
                reply_to=pressed.reply_to,
                refusal=refusal,
                word=Word.APPROVE,
                at=self._clock.now(),
                ref=asked.ref if asked is not None else None,
            )
        )
        note_refusal(refusal, Word.APPROVE, asked.ref.account if asked is not None else None)
        self._talk.set()
        return refusal


def _note(answered: Answered | Refusal | Redelivered, asked: Approval) -> None:
    match answered:
        case Refusal():
            note_refusal(answered, Word.APPROVE, asked.ref.account)
        case Redelivered():
            PRESSES.labels("redelivered").inc()
        case Answered():
            PRESSES.labels("accepted").inc()
            with in_action(answered.action.id if answered.action is not None else None):
                state = answered.approval.state.value
                _log.info("approval.answered", kind=asked.kind.value, account=asked.ref.account, state=state)


class SecondPerson:
    """Whether the word of a second person that a decision needs is there, and still holds."""

    def __init__(self, journal: Journal, rights: Rights) -> None:
        self._journal = journal
        self._rights = rights

    async def objection(self, action: ActionRecord, fresh: Invoice, ended: int) -> Refusal | None:
        """The worker's check, right before the send: that a second person agreed to exactly this, and still may, wherever
        a rule asks for one now. `ended` counts our own ended actions."""
        rule = self._rights.approval_rule(Word(action.kind.value), fresh.owed)
        if action.approval_id is None:
            return self._needed(action, rule)
        asked = await self._journal.approval(action.approval_id)
        if asked is None or asked.state is not ApprovalState.APPROVED:
            return Refusal(RefusalKind.APPROVER_LOST)
        if asked.answered_by is None or asked.answered_by == action.actor.user:
            return Refusal(RefusalKind.APPROVER_LOST)
        decision = Decision(action.kind, method=action.method, details=action.details)
        if fingerprint_of(decision, version_of(fresh, ended)) != asked.fingerprint:
            return Refusal(RefusalKind.CHANGED, {"what": "approved", "invoice": fresh.label})
        role = rule.role if rule is not None else asked.role
        approver = Actor(asked.answered_by, asked.asker.team)
        refusal = await self._rights.objection_to_approver(approver, role, asked.channel, fresh.ref.account, afresh=True)
        if refusal is None or refusal.kind in {RefusalKind.ROLES_UNKNOWN, RefusalKind.FROZEN}:
            return refusal
        return Refusal(
            RefusalKind.APPROVER_LOST, {"by": asked.answered_by, "ask": self._rights.members(role, action.actor)}
        )

    def _needed(self, action: ActionRecord, rule: ApprovalRule | None) -> Refusal | None:
        """What a decision without a second person's word hears, where a rule asks for one."""
        if rule is None:
            return None
        facts = {"word": action.kind.value, "role": rule.role, "channel": rule.channel}
        return Refusal(RefusalKind.NEEDS_APPROVAL, {**facts, "ask": self._rights.members(rule.role, action.actor)})
