"""Answers: how a decision ended, why it was refused, where the customer can pay, what operators should look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain.content import AlertContent, EndingContent, FileContent, LinkContent, RefusalContent, WatchContent
from bot.domain.invoice import Invoice
from bot.domain.records import ActionRecord, Verdict
from handlers.views import blocks
from handlers.views.blocks import Rendered, rendered
from handlers.views.card import current
from handlers.views.refusals import frozen_words, refusal_sentence
from handlers.views.row import who_owes
from handlers.views.sentences import reference_line, sentence, verified_words
from handlers.views.text import channel, code, escape, link, prose


def ending(content: EndingContent, *, command: str, now: datetime) -> Rendered:
    """The decision's sentence, naming its invoice; then how the invoice stands now, with fresh buttons."""
    action, row = content.action, content.row
    label = row.invoice.label if row else str(action.ref) if action.ref else action.typed_ref
    name = f"*{escape(label)}*: " if label else ""
    text = f"{name}{sentence(action, command, row.invoice if row else None)}"
    if content.is_late:
        text = f"This took a while. {text}"
    if content.heard is not None:
        text = f"{_heard(action, content.heard, command)} {text}"
    reference = reference_line(action)
    below = [blocks.context(reference)] if reference else []
    if row is not None:
        is_same = row.action is not None and row.action.id == action.id
        below += current(replace(row, action=action) if is_same else row, now)
    return rendered(text, [blocks.section(text), *below])


def _heard(action: ActionRecord, heard: Verdict, command: str) -> str:
    """What became of what somebody verified, before how the decision stands now."""
    said = f"“{verified_words(action.kind, happened=heard.happened)}”"
    ending = action.ending
    if action.state.is_live:
        if ending is not None and ending.refusal is not None:
            return f"Your {said} was not taken. {refusal_sentence(ending.refusal, command)}"
        return f"Your {said} was not taken: the provider can tell more about it by now."
    if ending is not None and ending.verified_by is not None:
        return f"Your {said} is on record as the ending."
    return f"Your {said} was not needed: the provider could tell after all, and that counts."


def refusal(content: RefusalContent, *, command: str, now: datetime) -> Rendered:
    text = refusal_sentence(content.refusal, command)
    below = current(content.row, now) if content.row is not None else []
    return rendered(text, [blocks.section(text), blocks.context(f"Reference {code(content.reference)}"), *below])


def bearer_link(content: LinkContent) -> Rendered:
    """The only view that shows a bearer URL; it is never cut, as half of it would open nothing."""
    page = "PDF" if content.is_pdf else "Payment page"
    what = _about(page, content.invoice)
    shown = link(content.url, page)
    if shown is None:
        text = f"{what}: its address is not safe to show. Open the invoice at the provider instead."
        return rendered(text, [blocks.section(text)])
    warning = "The link works for anyone who has it, so send it only to the customer and do not post it in a channel."
    if content.logs_in:
        warning = f"Whoever opens it is logged in as the customer. {warning}"
    return rendered(what, [blocks.section(f"{what}:\n{shown}"), blocks.context(warning)])


def handed_over(content: FileContent) -> Rendered:
    """Where somebody asked for a file that lies in their direct messages by now."""
    text = f"The PDF of *{escape(content.invoice.label)}* is in your direct messages with me."
    return rendered(text, [blocks.section(text)])


def beside_file(content: FileContent) -> str:
    """mrkdwn that stands with the file itself."""
    return _about("PDF", content.invoice)


def _about(what: str, invoice: Invoice) -> str:
    return f"{what} of invoice {escape(invoice.label)}, {who_owes(invoice)}"


def watching(content: WatchContent, *, command: str) -> Rendered:
    """Whether the invoice is in every digest now, and the command that changes it back."""
    invoice = content.invoice
    name = escape(invoice.label)
    text = _watched(content, name, command) if content.is_watched else _not_watched(content, name, command)
    about = who_owes(invoice)
    return rendered(text, [blocks.section(text), blocks.context(f"{about} · {code(str(invoice.ref), 300)}")])


def _watched(content: WatchContent, name: str, command: str) -> str:
    state = f"*{name}* is watched now." if content.is_news else f"*{name}* is watched already; nothing changed."
    anyway = " Failed invoices are in the digest anyway." if content.facts.has_list else ""
    end = code(f"{command} unwatch {content.invoice.ref}", 300)
    until = "until nothing is owed on it" if content.facts.can_read else "for as long as you like"
    return f"{state} You will see it in every digest of this account {until}; {end} ends that.{anyway}"


def _not_watched(content: WatchContent, name: str, command: str) -> str:
    again = code(f"{command} watch {content.invoice.ref}", 300)
    if not content.is_news:
        return f"Nobody watches *{name}*, so nothing changed. To see it in every digest: {again}."
    then = "It is in the digest only while it counts as failed." if content.facts.has_list else "No digest shows it now."
    return f"*{name}* is watched no more. {then} To watch it again: {again}."


def alert(content: AlertContent, *, command: str) -> Rendered:
    """For operators: what went wrong and where to look; of a kind not known here, at least its facts."""
    facts = content.facts
    detail = prose(facts.get("detail"))
    why = f": {detail}" if detail else ""
    match content.what:
        case "digest_not_posted":
            place = channel(facts.get("channel", "")) or "its channel"
            text = f"The digest could not be posted in {place}{why}. Check that the channel exists and the bot is in it."
        case "question_not_posted":
            place = channel(facts.get("channel", "")) or "its channel"
            text = (
                f"A question to a second person could not be posted in {place}{why}. Who asked has been told that nothing "
                "was done. Check that the channel exists and the bot is in it."
            )
        case "digest_failed":
            name = code(facts.get("digest")) or "A digest"
            text = f"{name} could not be made{why}. To see which accounts have a problem: {code(f'{command} status')}."
        case "frozen":
            end = code(f"{command} unfreeze")
            text = f"Recoup is frozen{frozen_words(facts)}: nothing can be changed at any provider until {end}."
        case "unfrozen":
            text = f"Recoup is not frozen any more{frozen_words(facts, ended=True)}. Buttons and commands work again."
        case "database_restored":
            end = code(f"{command} unfreeze")
            text = (
                f"I have frozen myself{why}. I do not know what was done since this copy was made, so I send nothing. "
                f"Compare what you can with the provider's dashboard (the operations guide says how), then: {end}."
            )
        case other:
            said = ", ".join(f"{escape(key, 40)} {code(value)}" for key, value in list(facts.items())[:10] if value)
            text = f"Something needs a look: {escape(other.replace('_', ' '))}{f' ({said})' if said else ''}."
    return rendered(text, [blocks.section(text)])
