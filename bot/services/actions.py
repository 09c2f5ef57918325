"""Accepting: from a press or a typed command to one committed row. No network here, ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.domain.action import Action, Dialog, Word
from bot.domain.approval import Question, Waiting
from bot.domain.capability import Capability
from bot.domain.details import Details, Issue, Received
from bot.domain.errors import UnusableValue
from bot.domain.offer import ButtonValue, Decision, Offer
from bot.domain.policy import Actor, ApprovalRule
from bot.domain.records import ActionRecord, ReplyTo
from bot.domain.reference import parse_reference
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, AlreadyAccepted, Busy, Clock, Journal, Press, Redelivered, Refused
from bot.services.accounts import Accounts
from bot.services.rights import Rights
from bot.services.wakeup import Wakeup
from bot.telemetry import PRESSES, in_action

ACT_WITHIN = timedelta(minutes=10)
"""A decision that was not sent by then is not sent at all: nobody expects a charge later."""

_DECIDED = {Accepted: "accepted", AlreadyAccepted: "repeated", Busy: "busy", Redelivered: "redelivered"}
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button press, or a modal submission with its decision, as the handlers read it from the signed payload."""

    value: str
    actor: Actor
    reply_to: ReplyTo
    delivery: str
    reason: str | None = field(default=None, repr=False)
    method: str | None = None
    details: Details = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A typed command that decides something: the REF is still text."""

    action: Action
    text: str
    actor: Actor
    reply_to: ReplyTo
    delivery: str
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dialog is built from: the offer row alone."""

    offer: Offer
    action: Action
    capability: Capability


def delivery_key(*parts: str) -> str:
    """One name for one delivery of Slack, the same when Slack delivers it again."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class ActionService:
    """What a handler may ask for. Every method is at most one commit and answers with what was decided."""

    def __init__(
        self, journal: Journal, accounts: Accounts, rights: Rights, clock: Clock, *, work: Wakeup, talk: Wakeup
    ) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rights = rights
        self._clock = clock
        self._work = work
        self._talk = talk

    async def press(self, pressed: Pressed) -> Accepted | AlreadyAccepted | Busy | Redelivered | Refusal | Waiting:
        """A button that decides, or the submission of its modal: resolve the offer, authorize, write one row; a question
        to a second person where a rule asks for one."""
        found = await self._offer(pressed)
        if isinstance(found, Refusal):
            return await self._refuse(pressed, found)
        offer, action = found
        refusal = _incomplete(action, pressed)
        if refusal is None:
            refusal = await self._may(pressed.actor, Word(action.value), pressed.reply_to, offer)
        if refusal is not None:
            return await self._refuse(pressed, refusal, action, offer)
        decision = Decision(action, pressed.reason, pressed.method, pressed.details)
        rule = self._rights.approval_rule(Word(action.value), offer.invoice.owed)
        if rule is not None:
            return await self._ask_second(pressed, offer, decision, rule)
        now = self._clock.now()
        accepted = await self._journal.accept(
            Press(
                delivery=pressed.delivery,
                intent=f"{offer.id}:{action}",
                actor=pressed.actor,
                decision=decision,
                reply_to=pressed.reply_to,
                created_at=now,
                act_by=now + ACT_WITHIN,
                offer=offer,
            )
        )
        _note(accepted)
        self._wake()
        return accepted

    async def typed(self, typed: Typed) -> Accepted | AlreadyAccepted | Busy | Redelivered | Refusal:
        """A typed retry, resend or refresh: only the word is authorized here, the worker resolves the REF. A refusal is
        for the ack body.

        Raises UnusableValue, before anything is written, where the text cannot be a REF.
        """
        parse_reference(typed.text, self._accounts.id_patterns())
        word = Word(typed.action.value)
        refusal = await self._rights.objection(typed.actor, word, channel=typed.reply_to.channel)
        now = self._clock.now()
        if refusal is not None:
            await self._journal.refuse(
                Refused(
                    delivery=typed.delivery,
                    actor=typed.actor,
                    reply_to=typed.reply_to,
                    refusal=refusal,
                    word=word,
                    at=now,
                    answer=False,
                )
            )
            note_refusal(refusal, word.value)
            return refusal
        accepted = await self._journal.accept(
            Press(
                delivery=typed.delivery,
                intent=f"typed:{typed.delivery}",
                actor=typed.actor,
                decision=Decision(typed.action, method=typed.method),
                reply_to=typed.reply_to,
                created_at=now,
                act_by=now + ACT_WITHIN,
                typed_ref=typed.text,
            )
        )
        _note(accepted)
        self._wake()
        return accepted

    async def ask(self, pressed: Pressed) -> Asked | Refusal:
        """Before a dialog opens: decides nothing, but does not open for those who may not."""
        found = await self._offer(pressed)
        if isinstance(found, Refusal):
            return await self._refuse(pressed, found)
        offer, action = found
        refusal = await self._may(pressed.actor, Word(action.value), pressed.reply_to, offer)
        facts = self._accounts.facts(offer.ref.account)
        if refusal is None and facts is None:
            refusal = Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": offer.ref.account})
        if refusal is None and facts is not None:
            refusal = facts.objection(action, offer.invoice)
        if refusal is not None or facts is None:
            assert refusal is not None  # noqa: S101 - set above wherever facts are missing
            return await self._refuse(pressed, refusal, action, offer)
        return Asked(offer, action, facts.capabilities[action])

    async def submitted(self, pressed: Pressed) -> Asked | None:
        """What a submitted dialog is about, to read its fields by; None where that is known no more. Writes nothing."""
        try:
            value = ButtonValue.parse(pressed.value)
            action = Action(value.verb)
        except ValueError:
            return None
        offer = await self._journal.offer(value.offer_id)
        facts = self._accounts.facts(offer.ref.account) if offer else None
        capability = facts.capabilities.get(action) if facts else None
        return Asked(offer, action, capability) if offer and capability else None

    async def check_again(self, pressed: Pressed) -> ActionRecord | Refusal | None:
        """Let the worker read once more; None where nothing is open any more (the message gets redrawn anyway)."""
        offer = await self._resolve(pressed)
        if isinstance(offer, Refusal):
            return await self._refuse(pressed, offer)
        refusal = await self._may(pressed.actor, Word.VIEW, pressed.reply_to, offer)
        if refusal is not None:
            return await self._refuse(pressed, refusal, None, offer)
        asked = await self._journal.ask_again(offer, pressed.actor, pressed.delivery, self._clock.now())
        self._wake()
        return asked

    async def may_read(self, pressed: Pressed, word: Word) -> Offer | Refusal:
        """For buttons that only read (show, payment link, share): the offer, or our own no, answered privately."""
        offer = await self._resolve(pressed)
        if isinstance(offer, Refusal):
            return await self._refuse(pressed, offer)
        refusal = await self._may(pressed.actor, word, pressed.reply_to, offer)
        return offer if refusal is None else await self._refuse(pressed, refusal, None, offer)

    async def refuse(self, pressed: Pressed, refusal: Refusal) -> Refusal:
        """For presses that name nothing we know (old buttons of other versions)."""
        return await self._refuse(pressed, refusal)

    async def _ask_second(
        self, pressed: Pressed, offer: Offer, decision: Decision, rule: ApprovalRule
    ) -> Waiting | Refusal | Redelivered:
        """Nothing is decided yet and nothing is locked: what is written down is the question."""
        now = self._clock.now()
        asked = await self._journal.ask(
            Question(
                delivery=pressed.delivery,
                offer=offer,
                decision=decision,
                actor=pressed.actor,
                reply_to=pressed.reply_to,
                role=rule.role,
                channel=rule.channel,
                at=now,
                remind_at=now + rule.expires / 2,
                expires_at=now + rule.expires,
            )
        )
        if isinstance(asked, Refusal):
            note_refusal(asked, decision.action.value, offer.ref.account)
        else:
            PRESSES.labels("asked" if isinstance(asked, Waiting) else "redelivered").inc()
        if isinstance(asked, Waiting):
            _log.info("approval.asked", kind=decision.action.value, account=offer.ref.account)
        self._talk.set()
        return asked

    async def _offer(self, pressed: Pressed) -> tuple[Offer, Action] | Refusal:
        offer = await self._resolve(pressed)
        if isinstance(offer, Refusal):
            return offer
        verb = ButtonValue.parse(pressed.value).verb
        return (offer, Action(verb)) if verb in set(Action) else Refusal(RefusalKind.OLD_BUTTON)

    async def _resolve(self, pressed: Pressed) -> Offer | Refusal:
        try:
            value = ButtonValue.parse(pressed.value)
        except UnusableValue:
            return Refusal(RefusalKind.OLD_BUTTON)
        offer = await self._journal.offer(value.offer_id)
        if offer is None:
            return Refusal(RefusalKind.OLD_BUTTON)
        # A direct message with the bot has one reader, the person whom the offer was given to; other channels must match.
        if pressed.reply_to.channel != offer.place.channel and not pressed.reply_to.channel.startswith("D"):
            return Refusal(RefusalKind.FOREIGN_BUTTON)
        return offer

    async def _may(self, actor: Actor, word: Word, reply_to: ReplyTo, offer: Offer) -> Refusal | None:
        return await self._rights.objection(
            actor, word, channel=reply_to.channel, account=offer.ref.account, amount=offer.invoice.owed
        )

    async def _refuse(
        self, pressed: Pressed, refusal: Refusal, action: Action | None = None, offer: Offer | None = None
    ) -> Refusal:
        await self._journal.refuse(
            Refused(
                delivery=pressed.delivery,
                actor=pressed.actor,
                reply_to=pressed.reply_to,
                refusal=refusal,
                word=action.value if action else refusal.facts.get("word", "view"),
                at=self._clock.now(),
                ref=offer.ref if offer else None,
            )
        )
        note_refusal(refusal, action.value if action else None, offer.ref.account if offer else None)
        self._talk.set()
        return refusal

    def _wake(self) -> None:
        self._work.set()
        self._talk.set()


def _note(decided: Accepted | AlreadyAccepted | Busy | Redelivered) -> None:
    PRESSES.labels(_DECIDED[type(decided)]).inc()
    if isinstance(decided, Accepted):
        action = decided.action
        with in_action(action.id):
            _log.info("action.accepted", kind=action.kind.value, account=action.ref.account if action.ref else None)


def note_refusal(refusal: Refusal, word: str | None, account: str | None = None) -> None:
    """One line and one count for each press that was refused."""
    PRESSES.labels("refused").inc()
    _log.info("press.refused", refusal=refusal.kind.value, kind=word, account=account)


def _incomplete(action: Action, pressed: Pressed) -> Refusal | None:
    """A decision that a dialog has to be asked about does not count without its answer, whoever sent the press."""
    match action.traits.dialog:
        case Dialog.REASON if not pressed.reason:
            return Refusal(RefusalKind.MISSING_REASON)
        case Dialog.PAYMENT if not isinstance(pressed.details, Received):
            return Refusal(RefusalKind.OLD_BUTTON)
        case Dialog.ISSUE if not isinstance(pressed.details, Issue):
            return Refusal(RefusalKind.OLD_BUTTON)
        case _:
            return None
