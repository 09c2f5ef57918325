"""How a decision stands, in one plain sentence that tells the truth and the next step."""

from __future__ import annotations

from typing import assert_never

from bot.domain.action import Action, ActionState
from bot.domain.decline import Decline
from bot.domain.outcome import RejectedReason
from bot.domain.records import ActionRecord, Ending
from handlers.views.money import amount
from handlers.views.refusals import refusal_sentence
from handlers.views.text import code, escape, person, prose
from handlers.views.times import clock, moment

_SURE_OF_ITSELF = frozenset({ActionState.ACCEPTED, ActionState.EXECUTING, ActionState.PENDING, ActionState.SUCCEEDED})
"""States whose sentence needs no reference: nobody will have to look anything up."""


def sentence(action: ActionRecord, command: str = "/invoice") -> str:  # noqa: C901, PLR0911 - one case per state, none hidden
    """mrkdwn; names who decided and, once it has ended, at what time."""
    match action.state:
        case ActionState.ACCEPTED:
            return _accepted(action)
        case ActionState.EXECUTING:
            return f"{action.kind.traits.doing}… (by {person(action.actor.user)}, waiting for the provider's answer)"
        case ActionState.PENDING:
            return _pending(action)
        case ActionState.UNKNOWN:
            return _unknown(action)
        case ActionState.NEEDS_HUMAN:
            return _needs_human(action)
        case ActionState.SUCCEEDED:
            return _sign(action, _succeeded(action))
        case ActionState.DECLINED:
            return _sign(action, _declined(action))
        case ActionState.REJECTED:
            return _sign(action, _rejected(action))
        case ActionState.REFUSED:
            return _sign(action, _refused(action, command))
        case ActionState.NOT_APPLIED:
            return _sign(action, f"Checked: {_nothing(action)}. Press again if you still want to")
        case ActionState.EXPIRED:
            return _sign(action, f"Not done: it took longer than ten minutes; {_nothing(action)}. Press again")
        case _:
            assert_never(action.state)


def reference_line(action: ActionRecord) -> str | None:
    """What to quote when asking for help; None where everything went as it should."""
    if action.state in _SURE_OF_ITSELF:
        return None
    parts = [f"Reference {code(action.reference)}"]
    if action.ending is not None and action.ending.request_id:
        parts.append(f"provider request {code(action.ending.request_id, 120)}")
    return " · ".join(parts)


def decline_words(decline: Decline) -> str:
    """ "insufficient funds (soft)", with what must not be repeated marked so."""
    secret = "; do not tell the customer; say “declined”" if decline.confidential else ""
    return f"{escape(decline.reason, 200)} ({decline.kind.label}{secret})"


def _sign(action: ActionRecord, said: str) -> str:
    """Who decided and when it ended, after what is said about it."""
    at = action.ending.at if action.ending else action.created_at
    return f"{said.removesuffix('.')} · {person(action.actor.user)} · {clock(at)}"


def _nothing(action: ActionRecord) -> str:
    return "nothing was charged" if action.kind.traits.takes_money else "nothing was changed"


def _detail(action: ActionRecord) -> str:
    return prose(action.ending.detail) if action.ending else ""


def _accepted(action: ActionRecord) -> str:
    doing = f"{action.kind.traits.doing}… (by {person(action.actor.user)})"
    if action.ending is None or action.ending.reason is not RejectedReason.RATE_LIMITED:
        return doing
    return f"{doing}. The provider asks to wait; it is tried again by itself until {clock(action.act_by)}, then given up."


def _pending(action: ActionRecord) -> str:
    detail = _detail(action) or "the provider accepted it and will know later"
    if not action.kind.traits.takes_money:
        return f"Processing: {detail}. Not done yet; the answer will show here. (by {person(action.actor.user)})"
    return (
        f"Processing: {detail}. Not paid yet; a bank can need days, and the answer will show here. "
        f"(retry by {person(action.actor.user)})"
    )


def _unknown(action: ActionRecord) -> str:
    cause = _detail(action) or "the provider's answer is missing"
    verb = "retry" if action.kind is Action.RETRY else "do it again"
    then = f" Next check {moment(action.next_check_at)}." if action.next_check_at and action.checks else ""
    return (
        f"It may have happened: {cause}. Checking; please do not {verb}, here or at the provider.{then} "
        f"({action.kind.traits.label.lower()} by {person(action.actor.user)})"
    )


def _needs_human(action: ActionRecord) -> str:
    what = {
        Action.RETRY: "whether the customer was charged",
        Action.VOID: "whether the invoice was voided",
        Action.UNCOLLECTIBLE: "whether the invoice was marked uncollectible",
    }[action.kind]
    return (
        f"Nobody knows yet {what}, and checking by itself has stopped. Look at the provider's dashboard, then press "
        f"Check again. Until then nothing else can be done to this invoice here. (by {person(action.actor.user)})"
    )


def _succeeded(action: ActionRecord) -> str:
    ending = action.ending or Ending(at=action.created_at)
    if action.kind is not Action.RETRY:
        return _done(action, ending)
    paid = f" {amount(ending.charged)}" if ending.charged else ""
    if not ending.paid_in_full:
        return f"Part payment{paid and f' of{paid}'}{_seen(action, ending)}; the rest is still open"
    if not ending.ours:
        return f"Paid{paid}{_seen(action, ending)}, by this retry or by another payment; the provider does not tell which"
    return f"Paid{paid}{_seen(action, ending)}"


def _done(action: ActionRecord, ending: Ending) -> str:
    what = f"{action.kind.traits.done}{f': {amount(action.amount)}' if action.amount else ''}"
    return what if ending.ours else f"{what}, by this press or by somebody at the provider"


def _seen(action: ActionRecord, ending: Ending) -> str:
    if ending.charged is None or action.amount is None or ending.charged == action.amount:
        return ""
    return f" (you saw {amount(action.amount)})"


def _declined(action: ActionRecord) -> str:
    decline = action.ending.decline if action.ending else None
    if decline is None:
        return "Declined: the bank gave no reason; nothing was charged"
    return f"Declined: {decline_words(decline)}. Next: {prose(decline.advice)}."


def _rejected(action: ActionRecord) -> str:
    detail = _detail(action)
    reason = action.ending.reason if action.ending else None
    why = f": {detail}" if detail else ""
    return f"Not done{why}; {_nothing(action)}. {_next_step(reason)}"


def _next_step(reason: RejectedReason | None) -> str:
    match reason:
        case RejectedReason.UNAUTHORIZED | RejectedReason.FORBIDDEN | RejectedReason.WRONG_MODE:
            return "Ask whoever runs this bot to check its key for the provider."
        case RejectedReason.UNREACHABLE | RejectedReason.RATE_LIMITED:
            return "Press again in a few minutes."
        case RejectedReason.NOT_FOUND | RejectedReason.NOT_ACTIONABLE:
            return "Look at the invoice at the provider before you press again."
        case RejectedReason.INVALID_REQUEST:
            return "Pressing again will not help; tell whoever runs this bot, with the reference."
        case RejectedReason.NOT_APPLIED | None:
            return "Press again if you still want to."
        case _:
            assert_never(reason)


def _refused(action: ActionRecord, command: str) -> str:
    if action.ending is None or action.ending.refusal is None:
        return f"Not done: a rule of this bot says no; {_nothing(action)}."
    return f"Not done. {refusal_sentence(action.ending.refusal, command)}"
