"""A decision that waits for the word of a second person, and what that word is bound to."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.action import Action
from bot.domain.details import Details
from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.domain.offer import ButtonValue, Decision, Offer
from bot.domain.policy import Actor
from bot.domain.records import ActionRecord, ReplyTo
from bot.domain.refusal import Refusal, RefusalKind

_MESSAGE: Final = re.compile(r"approval:([0-9a-f]{32})")


class ApprovalState(StrEnum):
    """Only the first can be answered; no other state is ever left."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    DEAD = "dead"
    """What was asked for is not there any more."""


class Answer(StrEnum):
    """What the second person pressed; the verb in the button's value."""

    APPROVE = "approve"
    DENY = "deny"


class WhyDead(StrEnum):
    """Why nobody can answer any more."""

    CHANGED = "changed"
    """The invoice, or what has been done to it, is not as it was when somebody asked."""
    NOT_POSTED = "not_posted"
    """Slack did not take the question: the channel is gone, or the bot is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One row of table `approval`: what somebody asked for, whom, until when, and how that ended.

    `fingerprint` says what the second person agrees to: see `fingerprint_of`. `id` is 128 random bits, as the buttons of
    its message carry it.
    """

    id: str
    ref: InvoiceRef
    kind: Action
    offer_id: str
    amount: Money
    fingerprint: str
    role: str
    channel: str
    asker: Actor
    reply_to: ReplyTo
    created_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.OPEN
    method: str | None = None
    reason: str | None = field(default=None, repr=False)
    details: Details = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    why: str | None = None

    @property
    def message(self) -> str:
        """Our name of the message that asks."""
        return message_of(self.id)

    @property
    def is_taken_back(self) -> bool:
        return self.state is ApprovalState.DENIED and self.answered_by == self.asker.user

    def is_open(self, now: datetime) -> bool:
        """Nobody answers after the time, however late the sweep that says so."""
        return self.state is ApprovalState.OPEN and now < self.expires_at

    @property
    def over(self) -> Refusal:
        """What is said of one that nobody can answer any more. What is open in the table and over by the clock has expired,
        whatever the sweep says later."""
        state = ApprovalState.EXPIRED if self.state is ApprovalState.OPEN else self.state
        at = self.answered_at or self.expires_at
        told = {"state": state.value, "by": self.answered_by or "", "at": at.isoformat(), "why": self.why or ""}
        return Refusal(RefusalKind.APPROVAL_OVER, told)

    @property
    def decision(self) -> Decision:
        return Decision(self.kind, self.reason, self.method, self.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Somebody asks for the word of a second person, who has to be in `role`; nothing is decided yet."""

    delivery: str
    offer: Offer
    decision: Decision
    actor: Actor
    reply_to: ReplyTo
    role: str
    channel: str
    at: datetime
    remind_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """The question is written down, and will be posted."""

    approval: Approval


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the second person pressed. `act_by` is for the decision that an approval makes."""

    approval_id: str
    answer: Answer
    by: Actor
    reply_to: ReplyTo
    delivery: str
    at: datetime
    act_by: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """The question has its answer; `action` is the decision that was made by it."""

    approval: Approval
    action: ActionRecord | None = None


def message_of(approval_id: str) -> str:
    return f"approval:{approval_id}"


def approval_of(message: str) -> str | None:
    """The approval that a message of ours asks for; None for every other message."""
    found = _MESSAGE.fullmatch(message)
    return found[1] if found else None


def answer_of(value: str) -> tuple[str, Answer]:
    """The approval and the answer in a button's value. Raises UnusableValue for what this version did not write."""
    button = ButtonValue.parse(value)
    if button.verb not in set(Answer):
        raise UnusableValue("this button is from another version of the bot")
    return button.offer_id, Answer(button.verb)


def fingerprint_of(decision: Decision, version: str) -> str:
    """What an approval is for. `version` is an offer's: it changes with the invoice's status, amount and newest charge and
    with every ended action of ours. The reason is not in it: it changes nothing at the provider."""
    details = None if decision.details is None else asdict(decision.details)
    facts = [decision.action.value, version, decision.method, type(decision.details).__name__, details]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()
