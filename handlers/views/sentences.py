"""How a decision stands, in one plain sentence that tells the truth and the next step."""

from __future__ import annotations

from typing import assert_never

from bot.domain.action import Action, ActionState
from bot.domain.decline import Decline, DeclineClass
from bot.domain.details import Issue, Received
from bot.domain.invoice import Invoice, InvoiceStatus
from bot.domain.outcome import RejectedReason
from bot.domain.records import ActionRecord, Ending
from handlers.views.details import received_words
from handlers.views.money import amount
from handlers.views.refusals import refusal_sentence
from handlers.views.text import code, escape, person, prose
from handlers.views.times import clock, moment

_SURE_OF_ITSELF = frozenset({ActionState.ACCEPTED, ActionState.EXECUTING, ActionState.PENDING, ActionState.SUCCEEDED})
"""States whose sentence needs no reference: nobody will have to look anything up."""


def sentence(  # noqa: C901, PLR0911, PLR0912 - one case per state, none hidden
    action: ActionRecord, command: str = "/invoice", invoice: Invoice | None = None
) -> str:
    """mrkdwn; names who decided and, once it has ended, at what time. `invoice`: as it stands since then."""
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
        case ActionState.SUCCEEDED | ActionState.NOT_APPLIED if action.ending is not None and action.ending.verified_by:
            return _sign(action, _verified(action, action.ending))
        case ActionState.SUCCEEDED:
            return _sign(action, _succeeded(action, invoice))
        case ActionState.DECLINED:
            return _sign(action, _declined(action))
        case ActionState.REJECTED:
            return _sign(action, _rejected(action))
        case ActionState.REFUSED:
            return _sign(action, _refused(action, command))
        case ActionState.NOT_APPLIED:
            why = f" ({_detail(action).rstrip('.')})" if _detail(action) else ""
            return _sign(action, f"Checked: {action.kind.traits.undone}{why}. Press again if you still want to")
        case ActionState.EXPIRED:
            return _sign(action, f"Not done: it took longer than ten minutes; {action.kind.traits.undone}. Press again")
        case ActionState.UNSETTLED:
            return _sign(action, _unsettled(action))
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
    if decline.kind is DeclineClass.NEEDS_AUTHENTICATION and not secret:
        return escape(decline.reason, 200)  # the reason says that already
    return f"{escape(decline.reason, 200)} ({decline.kind.label}{secret})"


def _sign(action: ActionRecord, said: str) -> str:
    """Who decided and when it ended, after what is said about it."""
    at = action.ending.at if action.ending else action.created_at
    said = said if said.endswith(">.") else said.removesuffix(".")  # "Ask @Maya · @Tom" would name two to ask
    agreed = f", approved by {person(action.approver)}" if action.approver else ""
    return f"{said} · {person(action.actor.user)}{agreed} · {clock(at)}"


def _detail(action: ActionRecord) -> str:
    return prose(action.ending.detail) if action.ending else ""


def _accepted(action: ActionRecord) -> str:
    doing = f"{action.kind.traits.doing}… (by {person(action.actor.user)})"
    if action.ending is None or action.ending.reason is not RejectedReason.RATE_LIMITED:
        return doing
    return f"{doing}. The provider asks to wait; it is tried again by itself until {clock(action.act_by)}, then given up."


def _pending(action: ActionRecord) -> str:
    detail = (_detail(action) or "The provider accepted it and will know later").rstrip(".")
    if not action.kind.traits.takes_money:
        return f"Processing: {detail}. Not done yet; the answer will show here. (by {person(action.actor.user)})"
    return (
        f"Processing: {detail}. Not paid yet; a bank can need days, and the answer will show here. "
        f"(retry by {person(action.actor.user)})"
    )


def _unknown(action: ActionRecord) -> str:
    cause = _detail(action) or "the provider's answer is missing"
    may, verb = _DOUBT.get(action.kind, ("It may have happened", "do it again"))
    then = f" Next check {moment(action.next_check_at)}." if action.next_check_at and action.checks else ""
    return (
        f"{may}: {cause}. Checking; please do not {verb}, here or at the provider.{then} "
        f"({action.kind.traits.label.lower()} by {person(action.actor.user)})"
    )


_DOUBT: dict[Action, tuple[str, str]] = {
    Action.RETRY: ("It may have happened", "retry"),
    Action.RESEND: ("It may have been sent", "send it again"),
}
_OPEN_QUESTION: dict[Action, str] = {
    Action.RETRY: "whether the customer was charged",
    Action.RESEND: "whether the e-mail was sent",
    Action.VOID: "whether the invoice was voided",
    Action.UNCOLLECTIBLE: "whether the invoice was marked uncollectible",
    Action.FINALIZE: "whether the invoice was finalized",
    Action.PAID: "whether the invoice was marked as paid",
    Action.REFRESH: "whether the draft was refreshed",
}


def _needs_human(action: ActionRecord) -> str:
    if (verdict := action.verdict) is not None:
        word = verified_words(action.kind, happened=verdict.happened)
        return (
            f"{person(verdict.by.user)} verified: {word}. The provider is read once more; what it can tell counts first. "
            f"(by {person(action.actor.user)})"
        )
    return (
        f"Nobody knows yet {_OPEN_QUESTION[action.kind]}, and checking by itself has stopped. Look at the provider's "
        f"dashboard, then press Check again, or let a second person say what they saw there. Until then nothing else can "
        f"be done to this invoice here. (by {person(action.actor.user)})"
    )


def open_question(action: ActionRecord) -> str:
    """ "Nobody knows yet whether the customer was charged"."""
    return f"Nobody knows yet {_OPEN_QUESTION[action.kind]}"


def verified_words(kind: Action, *, happened: bool) -> str:
    """What a second person says: "charged", "not charged"."""
    word = _VERIFIED.get(kind, "done")
    return word if happened else f"not {word}"


_VERIFIED: dict[Action, str] = {Action.RETRY: "charged", Action.RESEND: "sent"}


def _verified(action: ActionRecord, ending: Ending) -> str:
    """The word of a second person, told as that: no more is claimed of it."""
    happened = action.state is ActionState.SUCCEEDED
    word = verified_words(action.kind, happened=happened).capitalize()
    cause = (_detail(action) or "the provider's answer is missing").rstrip(".")
    again = "" if happened else "; press again if you still want to"
    return f"{word}, as {person(ending.verified_by)} verified at the provider (read here: {cause}){again}"


def _unsettled(action: ActionRecord) -> str:
    cause = _detail(action) or "the provider's answer is missing"
    return (
        f"Nobody can tell {_OPEN_QUESTION[action.kind]}: {cause}. Look at the provider, or ask the customer, before you "
        f"{_DOUBT.get(action.kind, ('', 'do it again'))[1]}"
    )


def _succeeded(action: ActionRecord, invoice: Invoice | None) -> str:
    ending = action.ending or Ending(at=action.created_at)
    match action.kind:
        case Action.RETRY:
            return _collected(action, ending)
        case Action.RESEND:
            return _detail(action) or _by_whom("Sent again by the provider to the customer's e-mail address", ending)
        case Action.PAID:
            return _marked_paid(action, ending)
        case Action.FINALIZE:
            return _finalized(action, ending, invoice)
        case Action.REFRESH:
            now = f": the draft now says {amount(invoice.owed)}" if invoice is not None else ""
            return _by_whom(f"{action.kind.traits.done}{now}", ending)
        case Action.VOID | Action.UNCOLLECTIBLE:
            return _by_whom(f"{action.kind.traits.done}{f': {amount(action.amount)}' if action.amount else ''}", ending)
        case _:
            assert_never(action.kind)


def _by_whom(what: str, ending: Ending) -> str:
    return what if ending.ours else f"{what}, by this press or by somebody at the provider"


def _collected(action: ActionRecord, ending: Ending) -> str:
    paid = f" {amount(ending.charged)}" if ending.charged else ""
    if not ending.paid_in_full:
        return f"Part payment{paid and f' of{paid}'}{_seen(action, ending)}; the rest is still open"
    if not ending.ours:
        return f"Paid{paid}{_seen(action, ending)}, by this retry or by another payment; the provider does not tell which"
    return f"Paid{paid}{_seen(action, ending)}"


def _marked_paid(action: ActionRecord, ending: Ending) -> str:
    """Whether money was taken is only known where the marking is surely ours."""
    received = action.details if isinstance(action.details, Received) else None
    money = received.amount if received is not None else action.amount
    facts = [text for text in (amount(money) if money else "", received_words(received) if received else "") if text]
    said = f": {', '.join(facts)}" if facts else ""
    if not ending.ours:
        return f"Paid{said}; as marked by this press or by another payment, see at the provider which"
    if not ending.paid_in_full:
        return f"Marked as paid in part{said}; no money was taken, and the rest is still open"
    return f"Marked as paid{said}, no money was taken"


def _finalized(action: ActionRecord, ending: Ending, invoice: Invoice | None) -> str:
    name = f" as {escape(invoice.number)}" if invoice is not None and invoice.number else ""
    done = _by_whom(f"Finalized{name}", ending)
    owed = invoice.owed if invoice is not None and invoice.status is InvoiceStatus.OPEN else action.amount
    if (invoice is not None and invoice.status is InvoiceStatus.PAID) or (owed is not None and owed.minor == 0):
        return f"{done}: nothing is due, so it is paid"
    if invoice is not None and invoice.status is not InvoiceStatus.OPEN:
        return done
    was_opened = f"{amount(owed)} is now open" if owed else "it is now open"
    collects = isinstance(action.details, Issue) and action.details.collect
    return f"{done}: {was_opened}, and {'the provider collects it' if collects else 'nothing is collected'} by itself"


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
    if action.method is not None and reason is RejectedReason.INVALID_REQUEST:
        return f"Not done{why}; {action.kind.traits.undone}. Check the payment method's id, or retry without “with”."
    return f"Not done{why}; {action.kind.traits.undone}. {_next_step(reason)}"


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
        return f"Not done: a rule of this bot says no; {action.kind.traits.undone}."
    return f"Not done. {refusal_sentence(action.ending.refusal, command)}"
