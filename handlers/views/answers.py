"""Answers: how a decision ended, why it was refused, where the customer can pay, what operators should look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain.content import AlertContent, EndingContent, LinkContent, RefusalContent
from handlers.views import blocks
from handlers.views.blocks import Rendered, rendered
from handlers.views.card import current
from handlers.views.money import amount
from handlers.views.refusals import refusal_sentence
from handlers.views.sentences import reference_line, sentence
from handlers.views.text import channel, code, customer, escape, link, prose


def ending(content: EndingContent, *, command: str, now: datetime) -> Rendered:
    """The decision's sentence, naming its invoice; then how the invoice stands now, with fresh buttons."""
    action, row = content.action, content.row
    label = row.invoice.label if row else str(action.ref) if action.ref else action.typed_ref
    name = f"*{escape(label)}*: " if label else ""
    text = f"{name}{sentence(action, command)}"
    if content.is_late:
        text = f"This took a while. {text}"
    reference = reference_line(action)
    below = [blocks.context(reference)] if reference else []
    if row is not None:
        is_same = row.action is not None and row.action.id == action.id
        below += current(replace(row, action=action) if is_same else row, now)
    return rendered(text, [blocks.section(text), *below])


def refusal(content: RefusalContent, *, command: str, now: datetime) -> Rendered:
    text = refusal_sentence(content.refusal, command)
    below = current(content.row, now) if content.row is not None else []
    return rendered(text, [blocks.section(text), blocks.context(f"Reference {code(content.reference)}"), *below])


def payment_link(content: LinkContent) -> Rendered:
    """The only view that shows a bearer URL; it is never cut, as half of it would open nothing."""
    invoice = content.invoice
    name = escape(customer(invoice.customer_name, invoice.customer_email))
    what = f"invoice {escape(invoice.label)}, {name}, {amount(invoice.owed)}"
    shown = link(content.url, "Payment page")
    if shown is None:
        text = (
            f"The payment page of {what} has an address that is not safe to show. Open the invoice at the provider instead."
        )
        return rendered(text, [blocks.section(text)])
    body = f"Payment page of {what}:\n{shown}"
    warning = "For the customer. Whoever has this link can open the invoice, so do not post it in a channel."
    return rendered(f"Payment page of {what}", [blocks.section(body), blocks.context(warning)])


def alert(content: AlertContent, *, command: str) -> Rendered:
    """For operators: what went wrong and where to look; of a kind not known here, at least its facts."""
    facts = content.facts
    detail = prose(facts.get("detail"))
    why = f": {detail}" if detail else ""
    match content.what:
        case "digest_not_posted":
            place = channel(facts.get("channel", "")) or "its channel"
            text = f"The digest could not be posted in {place}{why}. Check that the channel exists and the bot is in it."
        case "digest_failed":
            name = code(facts.get("digest")) or "A digest"
            text = f"{name} could not be made{why}. To see which accounts have a problem: {code(f'{command} status')}."
        case other:
            said = ", ".join(f"{escape(key, 40)} {code(value)}" for key, value in list(facts.items())[:10] if value)
            text = f"Something needs a look: {escape(other.replace('_', ' '))}{f' ({said})' if said else ''}."
    return rendered(text, [blocks.section(text)])
