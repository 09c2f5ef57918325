"""One invoice with everything known about it."""

from __future__ import annotations

from datetime import datetime

from bot.domain.action import Action
from bot.domain.content import CardContent, Choice, Row
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus, NoMethod, PaymentMethod, PaymentState
from bot.domain.refusal import RefusalKind
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, rendered
from handlers.views.freezing import frozen_line
from handlers.views.row import (
    VISIBLE_ON_CARD,
    action_blocks,
    attempts_line,
    block_id,
    drawn,
    footing,
    is_payable,
    known_reason,
    pressable,
    title,
    waiting,
    was_owed,
    who_owes,
    why_failed,
)
from handlers.views.sentences import sentence
from handlers.views.text import code, escape, link, person, prose
from handlers.views.times import age, day, moment

_PAYMENT: dict[PaymentState, str] = {
    PaymentState.PROCESSING: "a payment is being processed",
    PaymentState.NEEDS_AUTHENTICATION: "the customer must confirm with the bank",
}


def card(content: CardContent, *, command: str, now: datetime) -> Rendered:
    row = content.row
    why = why_failed if row.invoice.is_unseen else known_reason
    story = sentence(row.action, command, row.invoice) if row.action else why(row.invoice, now)
    head = "\n".join([f"{title(row.invoice, owed=was_owed(row))}\n{story}{attempts_line(row)}", *waiting(row)])
    frozen = [blocks.section(frozen_line(row.frozen, command), block_id=block_id(row, 0, "frozen"))] if row.frozen else []
    shown = [
        *frozen,
        blocks.section(head, block_id=block_id(row, 0, "head")),
        blocks.fields(_facts(row, now), block_id=block_id(row, 0, "facts")),
        *_next_step(row),
        *footing(row, 0, visible=VISIBLE_ON_CARD),
        *_why_not_resent(row),
        blocks.context(" · ".join(_small_print(content)), " · ".join(_typed(row, command))),
    ]
    return rendered(f"Invoice {escape(row.invoice.label)}, {who_owes(row.invoice)}", shown)


def current(row: Row, now: datetime) -> list[Block]:
    """How an invoice stands now, under an answer that has told its story already: one line and fresh buttons."""
    text = f"Now: {title(row.invoice)} · {escape(row.invoice.provider_status)}"
    if row.invoice.decline is not None and row.action is None:
        text += f"\n{why_failed(row.invoice, now)}"
    text += attempts_line(row)
    line = blocks.section(text, block_id=block_id(row, 0, "now"))
    return [line, *action_blocks(row, 0, visible=VISIBLE_ON_CARD)]


def _facts(row: Row, now: datetime) -> list[str]:
    """At most ten, as Slack takes; what could not be read is left out, save for what a retry would charge."""
    invoice = row.invoice
    known = [
        ("Status", f"{escape(invoice.provider_status)}{_payment(invoice)}"),
        ("Would be charged", _method(invoice) if _may_be_charged(row) else ""),
        ("Attempts so far", str(invoice.attempts) if invoice.attempts is not None else ""),
        (_by_itself(row), _next_attempt(invoice, now)),
        ("Created", f"{day(invoice.created_at)} ({age(invoice.created_at, now)} ago)" if invoice.created_at else ""),
        ("Due", day(invoice.due_at) if invoice.due_at else ""),
        ("Id", code(str(invoice.ref), 300)),
    ]
    return [f"*{label}*\n{value}" for label, value in known if value]


def _may_be_charged(row: Row) -> bool:
    """Not where the customer pays by themselves, and not from what an action answered: that read no payment method."""
    retry, invoice = row.facts.capabilities.get(Action.RETRY), row.invoice
    if (
        retry is None
        or invoice.collection is CollectionMethod.MANUAL
        or (row.action is not None and invoice.method is None)
    ):
        return False
    return invoice.status in retry.allowed_on


def _by_itself(row: Row) -> str:
    does = "collects" if row.invoice.status is InvoiceStatus.DRAFT else "retries"
    return f"{escape(row.facts.name)} {does} by itself"


def _next_attempt(invoice: Invoice, now: datetime) -> str:
    at = invoice.next_attempt_at
    if at is None or invoice.status not in {InvoiceStatus.DRAFT, InvoiceStatus.OPEN}:
        return ""
    return moment(at) if at > now else "any moment now"


def _payment(invoice: Invoice) -> str:
    said = _PAYMENT.get(invoice.payment)
    return f", {said}" if said else ""


def _method(invoice: Invoice) -> str:
    match invoice.method:
        case PaymentMethod(label=label, id=method):
            return f"{escape(label)} {code(method)}" if label != method else code(method)
        case NoMethod():
            return "nothing: no payment method is stored"
        case None:
            return "not known"


def _next_step(row: Row) -> list[Block]:
    """The advice, while nobody has decided anything; afterwards the decision's own sentence says it."""
    decline = row.invoice.decline
    if decline is None or row.action is not None or not is_payable(row.invoice):
        return []
    return [blocks.section(f"Next: {escape(decline.advice, 200)}.", block_id=block_id(row, 0, "next"))]


def _why_not_resent(row: Row) -> list[Block]:
    """Why there is no Resend button where people look for one; the payment link, the next best thing, is a button."""
    if Choice.LINK not in pressable(row):
        return []
    refusal = row.facts.objection(Action.RESEND, row.invoice)
    if refusal is None or refusal.kind not in {RefusalKind.NOT_SUPPORTED, RefusalKind.WRONG_COLLECTION}:
        return []
    why = prose(refusal.facts.get("why") or refusal.facts.get("instead"))
    said = why or f"{escape(row.facts.name)} cannot send this invoice to the customer again from here"
    return [blocks.context(f"{said}.", block_id=block_id(row, 0, "resend"))]


_MAY_BE_WATCHED = frozenset({InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE})


def _typed(row: Row, command: str) -> list[str]:
    """What has no button here, as the command that does it."""
    invoice = row.invoice
    shown, more = drawn(row, visible=VISIBLE_ON_CARD)
    left_out = [choice for choice in _COMMANDS if choice in pressable(row) and choice not in (*shown, *more)]
    texts = [_COMMANDS[choice] for choice in left_out] + ["history {ref}"]
    if invoice.status in _MAY_BE_WATCHED and invoice.owed.minor > 0:
        texts.append("watch {ref}")
    return [code(f"{command} {text.format(ref=invoice.ref)}", 300) for text in texts]


_COMMANDS: dict[Choice, str] = {
    Choice.LINK: "link {ref}",
    Choice.PDF: "pdf {ref}",
    Choice.RESEND: "resend {ref}",
    Choice.REFRESH: "refresh {ref}",
    Choice.RETRY_WITH: "retry {ref} with METHOD",
}


def _small_print(content: CardContent) -> list[str]:
    row = content.row
    seen_at = row.invoice.seen_at
    parts = [f"As of {moment(row.offer.made_at)}" if seen_at is None else f"As last seen {moment(seen_at)}"]
    if content.is_private:
        parts.append("only you can see this")
    if content.shared_by is not None:
        parts.append(f"shared by {person(content.shared_by)}")
    page = link(row.invoice.dashboard_url, f"Open at {row.facts.name}") if row.invoice.dashboard_url else None
    return [*parts, page] if page else parts
