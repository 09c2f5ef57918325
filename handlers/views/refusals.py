"""Our own no in plain words: which rule said it, whom to ask, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from bot.domain.action import Action, ActionState, Word
from bot.domain.decline import DeclineClass
from bot.domain.freeze import BOT
from bot.domain.refusal import Refusal, RefusalKind
from handlers.views.text import code, escape, mentions, person, prose
from handlers.views.times import moment_of

_MAY_NOT: dict[Word, str] = {
    Word.RETRY: "retry payments",
    Word.RESEND: "send invoices again",
    Word.VOID: "void invoices",
    Word.UNCOLLECTIBLE: "mark invoices uncollectible",
    Word.FINALIZE: "finalize invoices",
    Word.REFRESH: "refresh drafts",
    Word.PAID: "mark invoices paid",
    Word.LINK: "get payment links",
    Word.PDF: "get invoice PDFs",
    Word.VIEW: "look at invoices",
    Word.SHARE: "share invoices in a channel",
    Word.DIGEST: "call up a digest",
    Word.SETTLE: "settle open decisions by hand",
    Word.APPROVE: "approve decisions",
    Word.FREEZE: "freeze all decisions",
    Word.AUDIT: "export the records",
}

_ENDED: dict[ActionState, str] = {
    ActionState.SUCCEEDED: "it was done",
    ActionState.DECLINED: "the bank declined",
    ActionState.REJECTED: "it could not be done",
    ActionState.REFUSED: "it was refused",
    ActionState.NOT_APPLIED: "nothing was changed",
    ActionState.EXPIRED: "it took too long and was not done",
    ActionState.UNSETTLED: "nobody can tell how it ended",
}


def refusal_sentence(refusal: Refusal, command: str) -> str:  # noqa: C901, PLR0911, PLR0912, PLR0915 - a sentence per kind
    """mrkdwn of one to three short sentences. A fact that is missing makes it shorter, never wrong."""
    facts = refusal.facts
    match refusal.kind:
        case RefusalKind.NO_RIGHT:
            return f"You may not {_may_not(facts)}: no rule allows it to you. {_ask(facts)}"
        case RefusalKind.WRONG_CHANNEL:
            return f"You may {_may_not(facts)}, but not in this channel. {_channels(facts)}"
        case RefusalKind.WRONG_ACCOUNT:
            return f"You may {_may_not(facts)}, but not for {_account(facts)}. {_ask(facts)}"
        case RefusalKind.OVER_LIMIT:
            return f"{_over_limit(facts)} {_ask(facts)}"
        case RefusalKind.CURRENCY_NOT_ALLOWED:
            currency = escape(facts.get("currency")) or "this currency"
            return f"You may {_may_not(facts)}, but not in {currency}: your rules name no limit for it. {_ask(facts)}"
        case RefusalKind.OVER_DAY:
            return f"{_over_day(facts)} {_ask(facts)} Or wait until some of it is a day old."
        case RefusalKind.GUEST:
            return "Guests of this workspace cannot act on invoices or see them. Ask a member of the team to do it for you."
        case RefusalKind.BOT:
            return "Only people can do this: bots and deactivated accounts cannot. Ask a colleague to press it."
        case RefusalKind.OTHER_TEAM:
            return "This bot works only for people of its own Slack workspace, and yours is another. Ask a colleague there."
        case RefusalKind.ROLES_UNKNOWN:
            return "I could not check with Slack who you are, so nothing happened. Try again in a minute."
        case RefusalKind.OLD_BUTTON:
            return f"This button is too old, so nothing happened. For fresh ones: {_show(facts, command)}."
        case RefusalKind.FOREIGN_BUTTON:
            return f"This button belongs to another channel, so nothing happened. Here, use {_show(facts, command)}."
        case RefusalKind.ALREADY_RUNNING:
            return (
                f"This is already running{_since(facts)}{_pressed_by(facts)}. Nothing new was started; the message "
                "will say how it ends."
            )
        case RefusalKind.ALREADY_DONE:
            return (
                f"That press has ended already{_state(facts)}. Use the buttons of the current message, or "
                f"{_show(facts, command)}."
            )
        case RefusalKind.BUSY:
            return _busy(facts)
        case RefusalKind.CHANGED:
            return _changed(facts, command)
        case RefusalKind.NOT_SUPPORTED:
            return (
                f"{_provider(facts)} does not offer {_action(facts)} here, so nothing happened. {_instead(facts, command)}"
            )
        case RefusalKind.NOT_ACTIONABLE:
            return f"{_not_actionable(facts)} See what is possible: {_show(facts, command)}."
        case RefusalKind.WRONG_COLLECTION:
            return _wrong_collection(facts, command)
        case RefusalKind.COOL_DOWN:
            next_time = moment_of(facts.get("until"))
            when = (
                f"The next is possible {next_time}."
                if next_time
                else "The last one was less than an hour ago; wait a little."
            )
            return f"Only one payment attempt per invoice and hour. {when} Nothing was charged now."
        case RefusalKind.NETWORK_WAIT:
            until = moment_of(facts.get("until"))
            when = f"until {until}" if until else "for a while"
            return (
                f"The card's network asks to wait {when} before this card is charged again, so nothing was charged. Retry "
                f"then, or give the customer the payment link: {_link(facts, command)}."
            )
        case RefusalKind.ATTEMPTS_SPENT:
            until = moment_of(facts.get("until"))
            when = f" A retry is possible again {until}, when the oldest of them counts no more." if until else ""
            return (
                f"{many_attempts(facts.get('count'))}, and the limit is {escape(facts.get('limit')) or 'reached'}: card "
                f"networks charge fees for more. Nothing was charged.{when} Until then, give the customer the payment "
                f"link: {_link(facts, command)}."
            )
        case RefusalKind.CONFIRM_ATTEMPTS:
            return (
                f"{many_attempts(facts.get('count'))}, and {fees(facts.get('limit'))}. Nothing was charged. To go on, "
                f"press Retry payment on the card and confirm: {_show(facts, command)}."
            )
        case RefusalKind.SAME_METHOD:
            return (
                f"{_bank_said(facts)}, and it is still what a retry would charge, so nothing was charged. Give the "
                f"customer the payment link, or retry with another stored method: "
                f"{code(f'{command} retry {_ref(facts)} with {_method_example(facts)}', 300)}."
            )
        case RefusalKind.CONFIRM_METHOD:
            return (
                f"{_bank_said(facts)}, and it cannot be read what a retry would charge. Nothing was charged. To go on, "
                f"press Retry payment on the card and confirm: {_show(facts, command)}."
            )
        case RefusalKind.CONFIRM_SEND:
            return (
                f"Nothing was sent yet. {escape(facts.get('provider', 'The provider'))} sends it to the real customer, and "
                f"nobody can look afterwards how it went. To send it, press Resend invoice on the card: "
                f"{_show(facts, command)}."
            )
        case RefusalKind.NO_SUCH_INVOICE:
            find = code(f"{command} find {facts.get('text') or 'acme'}", 300)
            return f"I found no invoice{_quoted(facts)}. Check it, or search by number, customer or e-mail: {find}."
        case RefusalKind.AMBIGUOUS:
            return (
                f"More than one invoice goes by that name{_choices(facts)}. Type it again with the account in front, "
                f"like {code('stripe:in_1AbC')}."
            )
        case RefusalKind.BAD_REFERENCE:
            said = prose(facts.get("text")) or "I could not tell which invoice you mean"
            return f"{said}. Nothing happened."
        case RefusalKind.UNKNOWN_ACCOUNT:
            return (
                f"There is no account {code(facts.get('account')) or 'of that name'} here any more{_choices(facts)}. "
                f"{code(f'{command} status')} lists them."
            )
        case RefusalKind.UNKNOWN_METHOD:
            method = code(facts.get("method")) or "that payment method"
            return (
                f"{_provider(facts)} cannot charge {method} for this invoice, so nothing was charged. Check its id, "
                "or retry without “with”."
            )
        case RefusalKind.READ_FAILED:
            if said := prose(facts.get("sentence")):
                return f"{said}."
            detail = prose(facts.get("detail"))
            why = f": {detail}" if detail else ""
            return f"The invoice could not be read{why}. Nothing was changed; try again in a minute."
        case RefusalKind.FROZEN:
            return (
                f"Recoup is frozen{frozen_words(facts)}: nothing can be changed at any provider, so nothing happened. "
                f"Reading still works. When it is safe again: {code(f'{command} unfreeze')}."
            )
        case RefusalKind.SECOND_PERSON:
            did = "approved" if facts.get("did") == "approved" else "pressed"
            return f"You {did} this yourself, so a second person has to say how it ended. {_ask_second(facts)}"
        case RefusalKind.VERDICT_GIVEN:
            return (
                f"{person(facts.get('by'))} was first to say how this ended{_given_at(facts)}, so yours was not taken. The "
                "message will show what becomes of it."
            )
        case RefusalKind.NEEDS_APPROVAL:
            return _needs_approval(facts)
        case RefusalKind.APPROVAL_WAITING:
            return _waiting(facts)
        case RefusalKind.APPROVAL_OVER:
            return approval_over(facts)
        case RefusalKind.OWN_APPROVAL:
            return f"You asked for this, so somebody else has to agree to it. {_ask(facts)}"
        case RefusalKind.APPROVER_LOST:
            return _approver_lost(facts)
        case RefusalKind.MISSING_REASON:
            return "A reason is needed: choose one, and for “Other” write it in a few words."
        case _:
            assert_never(refusal.kind)


Facts = Mapping[str, str]


def many_attempts(count: str | None) -> str:
    """ "At least 8 attempts in 30 days": what cannot be read or dated is not counted."""
    return f"At least {escape(count)} attempts in 30 days" if count else "Many attempts in 30 days"


def fees(limit: str | None) -> str:
    stop = f"; from {escape(limit)} on no retry is possible" if limit else ""
    return f"card networks charge fees for too many{stop}"


def _link(facts: Facts, command: str) -> str:
    return code(f"{command} link {_ref(facts)}", 300)


def _may_not(facts: Facts) -> str:
    word = facts.get("word", "")
    return _MAY_NOT[Word(word)] if word in set(Word) else "do this"


def _ask(facts: Facts) -> str:
    asked = mentions(facts.get("ask"))
    return f"Ask {asked}." if asked else "Ask whoever keeps the rules of this bot."


def _ask_second(facts: Facts) -> str:
    asked = mentions(facts.get("ask"))
    if asked:
        return f"Ask {asked}."
    return "Nobody else may: ask whoever keeps the rules of this bot to give somebody the right to `settle`."


def _given_at(facts: Facts) -> str:
    at = moment_of(facts.get("at"))
    return f" ({at})" if at else ""


def _channels(facts: Facts) -> str:
    channels = mentions(facts.get("channels"))
    return f"Do it in {channels}." if channels else "Ask whoever keeps the rules of this bot where."


def _account(facts: Facts) -> str:
    account = code(facts.get("account"))
    return f"account {account}" if account else "this account"


def _over_limit(facts: Facts) -> str:
    amount, limit = escape(facts.get("amount")), escape(facts.get("limit"))
    if amount and limit:
        return f"{amount} is more than the {limit} up to which you may {_may_not(facts)}."
    return f"This is more than the amount up to which you may {_may_not(facts)}."


def _over_day(facts: Facts) -> str:
    amount, limit, spent = (escape(facts.get(key)) for key in ("amount", "limit", "spent"))
    if amount and limit and spent:
        return f"Your limit is {limit} in 24 hours; {spent} of it is used, and {amount} would go over it."
    return "This would go over your limit for 24 hours."


def _ref(facts: Facts) -> str:
    return facts.get("ref") or facts.get("invoice") or "INVOICE"


def _show(facts: Facts, command: str) -> str:
    return code(f"{command} show {_ref(facts)}", 300)


def _since(facts: Facts) -> str:
    at = moment_of(facts.get("at"))
    return f" since {at}" if at else ""


def frozen_words(facts: Facts, *, ended: bool = False) -> str:
    """By whom, since when and why, as far as known; the bot may have frozen itself."""
    by = facts.get("by", "")
    name = " by itself" if by == BOT else f" by {person(by)}" if by else ""
    if ended:
        return f": {person(by)} ended it" if by else ""
    why = prose(facts.get("why"))
    return f"{name}{_since(facts)}{f' (“{why}”)' if why else ''}"


def _pressed_by(facts: Facts) -> str:
    return f", pressed by {person(facts['by'])}" if facts.get("by") else ""


def _state(facts: Facts) -> str:
    state = facts.get("state", "")
    return f": {_ENDED[ActionState(state)]}" if state in set(_ENDED) else ""


def _other(facts: Facts) -> str:
    known = facts.get("word") or facts.get("action") or ""
    name = Action(known).traits.label.lower() if known in set(Action) else escape(known)
    parts = " ".join(part for part in (name, f"by {person(facts['by'])}" if facts.get("by") else "") if part)
    return f" ({parts})" if parts else ""


def _busy(facts: Facts) -> str:
    still_open = f"Another decision{_other(facts)} on this invoice is still open"
    if facts.get("waiting"):
        return f"{still_open}, so this was not approved. When that one has ended, look at the invoice and press again."
    return f"{still_open}, so yours was not started. Wait until that one has ended."


def _doing(facts: Facts) -> str:
    word = facts.get("word", "")
    return f"“{Action(word).traits.label}”" if word in set(Action) else "This"


def _needs_approval(facts: Facts) -> str:
    where = mentions(f"<#{facts.get('channel', '')}>")
    who = f"{mentions(facts.get('ask')) or 'for one'}{f' in {where}' if where else ''}"
    return f"{_doing(facts)} needs a second person here, so nothing was done. To ask {who}, press it on the invoice's card."


def _waiting(facts: Facts) -> str:
    where = mentions(f"<#{facts.get('channel', '')}>")
    who = "You have" if facts.get("is_own") else f"{person(facts.get('by'))} has"
    until = moment_of(facts.get("until"))
    return (
        f"{who} asked for this already{f' in {where}' if where else ''}, and the answer is still to come"
        f"{f'; it can be given until {until}' if until else ''}. Nothing new was started."
    )


def approval_over(facts: Facts) -> str:
    """What an answer that comes too late hears; and who asked, where the question itself cannot be shown any more."""
    about = f"{code(facts['ref'], 300)}: " if facts.get("ref") else ""
    return about + _over(facts)


def _over(facts: Facts) -> str:
    by = f" by {person(facts['by'])}" if facts.get("by") else ""
    match facts.get("state"):
        case "approved":
            return f"This has been approved{by} already; it is done once, and your press changed nothing."
        case "denied":
            who = person(facts["by"]) if facts.get("by") else "Somebody"
            return f"{who} has said no to this already, so nothing was done. Who asked can ask again."
        case "expired":
            return "The time for an answer is over, so nothing was done. Who asked can ask again."
        case _ if facts.get("why") == "not_posted":
            return "The question could not be posted, so nothing was done. Who asked can ask again."
        case _:
            return "The invoice has changed since somebody asked, so nothing was done. Who asked can ask again."


def _approver_lost(facts: Facts) -> str:
    who = f"{person(facts['by'])}, who approved this," if facts.get("by") else "Who approved this"
    asked = mentions(facts.get("ask"))
    again = f"Press the button again to ask {asked}." if asked else _ask(facts)
    return f"{who} may not approve it any more, so nothing was done. {again}"


_CHANGED: dict[str, str] = {
    "paid": "This invoice has been paid since you saw it, so nothing was done and nothing was charged.",
    "attempted": (
        "Something else was tried on this invoice since you saw it, so nothing was done. Look at how it stands, then press "
        "again."
    ),
    "approved": (
        "The invoice is not what was approved any more, so nothing was done. Look at how it stands, then ask again if that "
        "is still wanted."
    ),
}


def _changed(facts: Facts, command: str) -> str:
    if said := _CHANGED.get(facts.get("what", "")):
        return said
    saw, now = escape(facts.get("saw")), escape(facts.get("now"))
    between = f" from {saw} to {now}" if saw and now else ""
    match facts.get("what"):
        case "amount":
            return (
                f"The amount has changed{between} since you saw it, so nothing was done. Press again if the new "
                "amount is right."
            )
        case "method":
            return (
                f"What a retry would charge has changed{between} since you saw it, so nothing was charged. Press "
                "again if that is right."
            )
        case "status":
            return (
                f"The invoice has changed{between} since you saw it, so nothing was done. How it stands: "
                f"{_show(facts, command)}."
            )
        case _:
            return f"The invoice is no longer as you saw it, so nothing was done. How it stands: {_show(facts, command)}."


def _provider(facts: Facts) -> str:
    return escape(facts.get("provider")) or "The billing provider"


def _action(facts: Facts) -> str:
    action = escape(facts.get("action"))
    return f"“{action}”" if action else "this"


def _not_actionable(facts: Facts) -> str:
    invoice = escape(facts.get("invoice"))
    status = escape(facts.get("status"))
    name = f"Invoice {invoice}" if invoice else "This invoice"
    is_now = f"{name} is {status}" if status else f"{name} does not allow it as it stands"
    return f"{is_now}, so {_action(facts)} cannot work and nothing happened."


def _instead(facts: Facts, command: str) -> str:
    """The provider's own sentence where it has one; else what helps where a payment was wanted."""
    if said := prose(facts.get("instead")):
        return f"{said}."
    wants_payment = {Action.RETRY.traits.label.lower(), Action.RESEND.traits.label.lower()}
    if facts.get("action") in wants_payment:
        return f"You can give the customer the payment link: {_link(facts, command)}."
    return "Look in its own dashboard whether it can be done there."


def _wrong_collection(facts: Facts, command: str) -> str:
    why = prose(facts.get("why"))
    if not why:
        invoice = escape(facts.get("invoice"))
        name = f"Invoice {invoice}" if invoice else "This invoice"
        return f"{name} is collected in another way, so {_action(facts)} cannot work and nothing happened."
    if "link" not in why:
        return f"{why}. Nothing happened."
    return f"{why}. Nothing happened. For the link: {_link(facts, command)}."


def _bank_said(facts: Facts) -> str:
    """A card that waits for its owner is not refused: what it needs is said."""
    match facts.get("kind"):
        case DeclineClass.NEEDS_AUTHENTICATION:
            return f"The bank wants the customer to confirm payments with {_method(facts)}, which a retry cannot do"
        case DeclineClass.NEEDS_NEW_METHOD:
            return f"{_method(facts).capitalize()} cannot be charged any more"
        case _:
            return f"The bank refused {_method(facts)} for good"


def _method(facts: Facts) -> str:
    return escape(facts.get("method")) or "this payment method"


def _method_example(facts: Facts) -> str:
    return "pm_…" if facts.get("provider", "Stripe") == "Stripe" else "METHOD"


def _quoted(facts: Facts) -> str:
    text = escape(facts.get("text"))
    return f" “{text}”" if text else ""


def _choices(facts: Facts) -> str:
    choices = prose(facts.get("choices"))
    return f": {choices}" if choices else ""
