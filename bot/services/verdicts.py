"""A second person's word about a decision whose ending no read could tell: charged, or not charged."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from bot.domain.action import ActionState, Word
from bot.domain.content import VERDICTS, Choice
from bot.domain.errors import UnusableValue
from bot.domain.offer import ButtonValue, Offer
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord, Verdict
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, Journal
from bot.services.actions import ActionService, Pressed
from bot.services.rights import Rights
from bot.services.wakeup import Wakeup
from bot.telemetry import in_action

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VerdictAsked:
    """What the dialog is built from: the rows alone. `happened` is the button that was pressed."""

    offer: Offer
    action: ActionRecord
    happened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The submission of the dialog: about which decision, and what was seen."""

    pressed: Pressed
    action_id: str
    happened: bool
    note: str = field(repr=False)


class VerdictRights:
    """Who may verify: the right to settle, and never who pressed it or approved it."""

    def __init__(self, journal: Journal, rights: Rights) -> None:
        self._journal = journal
        self._rights = rights

    async def objection(self, action: ActionRecord, actor: Actor, channel: str) -> Refusal | None:
        """From the snapshot of the roles: no network."""
        account = action.ref.account if action.ref else None
        refusal = await self._rights.objection(actor, Word.SETTLE, channel=channel, account=account)
        return refusal or await self._not_second(action, actor, channel)

    async def objection_at_execution(self, action: ActionRecord, verdict: Verdict) -> Refusal | None:
        """The worker's check, with the roles as they are now."""
        if action.ref is None or action.amount is None:
            return Refusal(RefusalKind.OLD_BUTTON)
        channel = verdict.reply_to.channel
        refusal = await self._rights.objection_at_execution(
            verdict.by, Word.SETTLE, channel, action.ref.account, action.amount, afresh=True
        )
        return refusal or await self._not_second(action, verdict.by, channel)

    async def _not_second(self, action: ActionRecord, actor: Actor, channel: str) -> Refusal | None:
        if actor.user not in await self._journal.deciders(action.id):
            return None
        account = action.ref.account if action.ref else None
        ask = self._rights.whom_to_ask(actor, Word.SETTLE, channel=channel, account=account)
        did = "pressed" if actor.user == action.actor.user else "approved"
        return Refusal(RefusalKind.SECOND_PERSON, {"did": did, "ask": ask, "word": Word.SETTLE})


class Verdicts:
    """What a handler may ask for; every method is at most one commit, without network."""

    def __init__(
        self, journal: Journal, actions: ActionService, rights: VerdictRights, clock: Clock, *, work: Wakeup, talk: Wakeup
    ) -> None:
        self._journal = journal
        self._actions = actions
        self._rights = rights
        self._clock = clock
        self._work = work
        self._talk = talk

    async def ask(self, pressed: Pressed) -> VerdictAsked | Refusal:
        """Before the dialog opens: decides nothing, but does not open for those who may not."""
        offer = await self._actions.may_read(pressed, Word.SETTLE)
        if isinstance(offer, Refusal):
            return offer
        action = await self._journal.live_action(offer.ref)
        refusal = await self._objection(action, pressed)
        if action is None or refusal is not None:
            return await self._actions.refuse(pressed, refusal or Refusal(RefusalKind.ALREADY_DONE))
        return VerdictAsked(offer, action, _verb(pressed) is Choice.VERIFIED)

    async def give(self, told: Told) -> ActionRecord | Refusal | None:
        """The dialog was sent off: the durable word. None where Slack delivers it for the second time."""
        pressed = told.pressed
        action = await self._journal.action(told.action_id)
        if action is None:
            return await self._actions.refuse(pressed, Refusal(RefusalKind.OLD_BUTTON))
        if (refusal := await self._rights.objection(action, pressed.actor, pressed.reply_to.channel)) is not None:
            return await self._actions.refuse(pressed, refusal)
        verdict = Verdict(
            by=pressed.actor, happened=told.happened, note=told.note, at=self._clock.now(), reply_to=pressed.reply_to
        )
        given = await self._journal.give_verdict(told.action_id, verdict, pressed.delivery)
        if isinstance(given, ActionRecord):
            with in_action(given.id):
                _log.info("verdict.given", kind=given.kind.value, happened=told.happened)
        self._work.set()
        self._talk.set()
        return given

    async def _objection(self, action: ActionRecord | None, pressed: Pressed) -> Refusal | None:
        if action is None:
            return Refusal(RefusalKind.ALREADY_DONE)
        if action.state is not ActionState.NEEDS_HUMAN:
            return Refusal(RefusalKind.ALREADY_RUNNING, {"state": action.state.value})
        if _verb(pressed) not in VERDICTS:
            return Refusal(RefusalKind.OLD_BUTTON)
        if (first := action.verdict) is not None:
            return Refusal(RefusalKind.VERDICT_GIVEN, {"by": first.by.user, "at": first.at.isoformat()})
        return await self._rights.objection(action, pressed.actor, pressed.reply_to.channel)


def _verb(pressed: Pressed) -> Choice | None:
    try:
        return Choice(ButtonValue.parse(pressed.value).verb)
    except (UnusableValue, ValueError):
        return None
