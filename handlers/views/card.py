"""One invoice with everything known about it."""

from __future__ import annotations

from datetime import datetime

from bot.domain.content import CardContent, Row
from bot.domain.invoice import Invoice, NoMethod, PaymentMethod, PaymentState
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, rendered
from handlers.views.money import amount
from handlers.views.row import VISIBLE_ON_CARD, action_blocks, block_id, footing, title, why_failed
from handlers.views.sentences import sentence
from handlers.views.text import code, customer, escape, link, person
from handlers.views.times import age, day, moment

_PAYMENT: dict[PaymentState, str] = {
    PaymentState.PROCESSING: "a payment is being processed",
    PaymentState.NEEDS_AUTHENTICATION: "the customer must confirm with the bank",
}


def card(content: CardContent, *, command: str, now: datetime) -> Rendered:
    row = content.row
    story = sentence(row.action, command, row.invoice) if row.action else why_failed(row.invoice, now)
    head = f"{title(row.invoice)}\n{story}"
    shown = [
        blocks.section(head, block_id=block_id(row, 0, "head")),
        blocks.fields(_facts(row, now), block_id=block_id(row, 0, "facts")),
        *_next_step(row),
        *footing(row, 0, visible=VISIBLE_ON_CARD),
        blocks.context(" · ".join(_small_print(content))),
    ]
    name = escape(customer(row.invoice.customer_name, row.invoice.customer_email))
    return rendered(f"Invoice {escape(row.invoice.label)}, {name}, {amount(row.invoice.owed)}", shown)


def current(row: Row, now: datetime) -> list[Block]:
    """How an invoice stands now, under an answer that has told its story already: one line and fresh buttons."""
    text = f"Now: {title(row.invoice)} · {escape(row.invoice.provider_status)}"
    if row.invoice.decline is not None and row.action is None:
        text += f"\n{why_failed(row.invoice, now)}"
    line = blocks.section(text, block_id=block_id(row, 0, "now"))
    return [line, *action_blocks(row, 0, visible=VISIBLE_ON_CARD)]


def _facts(row: Row, now: datetime) -> list[str]:
    """At most ten, as Slack takes; what could not be read is left out, save for what a retry would charge."""
    invoice = row.invoice
    known = [
        ("Status", f"{escape(invoice.provider_status)}{_payment(invoice)}"),
        ("Would be charged", _method(invoice)),
        ("Attempts so far", str(invoice.attempts) if invoice.attempts is not None else ""),
        (f"{escape(row.facts.name)} retries by itself", moment(invoice.next_attempt_at) if invoice.next_attempt_at else ""),
        ("Created", f"{day(invoice.created_at)} ({age(invoice.created_at, now)} ago)" if invoice.created_at else ""),
        ("Due", day(invoice.due_at) if invoice.due_at else ""),
        ("Reference", code(str(invoice.ref), 300)),
    ]
    return [f"*{label}*\n{value}" for label, value in known if value]


def _payment(invoice: Invoice) -> str:
    said = _PAYMENT.get(invoice.payment)
    return f", {said}" if said else ""


def _method(invoice: Invoice) -> str:
    match invoice.method:
        case PaymentMethod(label=label, id=method):
            return f"{escape(label)} {code(method)}"
        case NoMethod():
            return "nothing: no payment method is stored"
        case None:
            return "could not be read"


def _next_step(row: Row) -> list[Block]:
    """The advice, while nobody has decided anything; afterwards the decision's own sentence says it."""
    decline = row.invoice.decline
    if decline is None or row.action is not None:
        return []
    return [blocks.section(f"Next: {escape(decline.advice, 200)}.", block_id=block_id(row, 0, "next"))]


def _small_print(content: CardContent) -> list[str]:
    row = content.row
    parts = [f"As of {moment(row.offer.made_at)}"]
    if content.is_private:
        parts.append("only you can see this")
    if content.shared_by is not None:
        parts.append(f"shared by {person(content.shared_by)}")
    page = link(row.invoice.dashboard_url, f"Open at {row.facts.name}") if row.invoice.dashboard_url else None
    return [*parts, page] if page else parts
