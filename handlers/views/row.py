"""An invoice in a message: what it is and how it stands, and right after it the buttons that can work."""

from __future__ import annotations

from datetime import datetime

from bot.domain.action import Action, ActionState
from bot.domain.content import Choice, Row
from bot.domain.invoice import FailedBecause, Invoice
from bot.domain.money import Money
from bot.domain.offer import ButtonValue
from handlers import ids
from handlers.views import blocks
from handlers.views.blocks import Block, Option
from handlers.views.money import amount
from handlers.views.sentences import decline_words, reference_line, sentence
from handlers.views.text import customer, escape, plain
from handlers.views.times import age, day, moment

ACTION_IDS: dict[Choice, str] = {
    Choice.RETRY: ids.RUN_ACTION,
    Choice.LINK: ids.LINK,
    Choice.SHOW: ids.SHOW,
    Choice.SHARE: ids.SHARE,
    Choice.CHECK: ids.CHECK,
}
"""Choices that may be a visible button; void and uncollectible are in the overflow only."""

_LABELS: dict[Choice, str] = {
    Choice.RETRY: Action.RETRY.traits.label,
    Choice.LINK: "Payment link",
    Choice.SHOW: "Show invoice",
    Choice.SHARE: "Share here",
    Choice.CHECK: "Check again",
}
_SILENT_WHILE = frozenset({ActionState.ACCEPTED, ActionState.EXECUTING})
_VISIBLE_IN_ROW = 2
VISIBLE_ON_CARD = 3


def row_blocks(row: Row, index: int, *, now: datetime, command: str, badges: bool = False) -> list[Block]:
    """`index` is the row's number in its message; `badges` also marks the live ones where test and live stand together."""
    text = f"{title(row.invoice, badges=badges, owed=was_owed(row))}\n{standing(row, now, command)}"
    return [blocks.section(text, block_id=block_id(row, index, "row")), *footing(row, index, visible=_VISIBLE_IN_ROW)]


def footing(row: Row, index: int, *, visible: int) -> list[Block]:
    """The buttons, always right after what they belong to, then the reference where there is something to look up."""
    reference = reference_line(row.action) if row.action else None
    below = [blocks.context(reference, block_id=block_id(row, index, "ref"))] if reference else []
    return action_blocks(row, index, visible=visible) + below


def title(invoice: Invoice, *, badges: bool = False, owed: Money | None = None) -> str:
    """Who owes what: "*Acme GmbH* · INV-0042 · *EUR 420.00*". `owed` is what was owed before a decision that ended it."""
    badge = " · `TEST`" if not invoice.live else " · `LIVE`" if badges else ""
    name = escape(customer(invoice.customer_name, invoice.customer_email))
    return f"*{name}* · {escape(invoice.label)} · *{amount(owed or invoice.owed)}*{badge}"


def was_owed(row: Row) -> Money | None:
    """What the row was about, once nothing is owed any more: "EUR 0.00" would tell nobody which invoice that was."""
    return row.action.amount if row.action is not None and row.invoice.owed.minor == 0 else None


def standing(row: Row, now: datetime, command: str) -> str:
    """The sentence of the newest decision, else why the invoice counts as failed and what happens next by itself."""
    if row.action is not None:
        return sentence(row.action, command, row.invoice)
    invoice = row.invoice
    parts = [why_failed(invoice, now)]
    if invoice.next_attempt_at is not None:
        parts.append(f"{escape(row.facts.name)} retries {moment(invoice.next_attempt_at)} by itself")
    if invoice.created_at is not None and invoice.failed_because is not FailedBecause.PAST_DUE:
        parts.append(f"{age(invoice.created_at, now)} old")
    return " · ".join(parts)


def why_failed(invoice: Invoice, now: datetime) -> str:
    if invoice.decline is not None:
        label = escape(invoice.decline.method_label)
        return f"Declined: {decline_words(invoice.decline)}{f', {label}' if label else ''}"
    if invoice.failed_because is FailedBecause.PAST_DUE:
        due = invoice.due_at
        return f"Past due for {age(due, now)} (since {day(due)}), to be paid by the customer" if due else "Past due"
    if invoice.failed_because is FailedBecause.PAYMENT_FAILED:
        return "Payment failed; the reason was not read"
    return f"Status: {escape(invoice.provider_status)}"


def action_blocks(row: Row, index: int, *, visible: int) -> list[Block]:
    """An actions block of at most `visible` buttons and an overflow; nothing where nothing can be pressed."""
    choices = pressable(row)
    shown = [choice for choice in _order(row) if choice in choices][:visible]
    elements = [_button(row, choice, is_primary=choice is _primary(row, shown)) for choice in shown]
    options = [
        Option(_option_text(row, choice), str(ButtonValue(row.offer.id, choice)))
        for choice in [*_order(row), Choice.VOID, Choice.UNCOLLECTIBLE]
        if choice in choices and choice not in shown
    ]
    if options:
        elements.append(blocks.overflow(options, action_id=ids.MORE))
    return [blocks.actions(elements, block_id=block_id(row, index, "act"))] if elements else []


def pressable(row: Row) -> frozenset[Choice]:
    """What may be drawn: nothing while a decision runs, and nothing that decides while one is open."""
    if row.action is None or not row.action.state.is_live:
        return frozenset(row.choices) - {Choice.CHECK}
    if row.action.state in _SILENT_WHILE:
        return frozenset()
    return frozenset(row.choices) & {Choice.CHECK}


def block_id(row: Row, index: int, part: str) -> str:
    """Unique in a message, and another one whenever what the row says changes, as Slack wants for updates."""
    stand = f"{row.action.id[:12]}.{row.action.state}.{row.action.checks}" if row.action else "fresh"
    return f"{row.offer.id}.{index}.{stand}.{part}"


def _order(row: Row) -> list[Choice]:
    """The first step first. A retry that needs a dialog is always among the visible ones."""
    pay = [Choice.LINK, Choice.RETRY] if row.invoice.wants_payment_link else [Choice.RETRY, Choice.LINK]
    return [Choice.CHECK, *pay, Choice.SHARE, Choice.SHOW]


def _primary(row: Row, shown: list[Choice]) -> Choice | None:
    first = Choice.LINK if row.invoice.wants_payment_link else Choice.RETRY
    return first if first in shown else None


def _button(row: Row, choice: Choice, *, is_primary: bool) -> Block:
    label = _LABELS[choice]
    element = blocks.button(
        label,
        action_id=ACTION_IDS[choice],
        value=str(ButtonValue(row.offer.id, choice)),
        spoken=f"{label} for {plain(row.invoice.label, 50)}",
        style="primary" if is_primary else None,
    )
    needs_dialog = choice is Choice.RETRY and row.confirm_retry is not None
    return element | {"confirm": _retry_dialog(row)} if needs_dialog else element


def _retry_dialog(row: Row) -> Block:
    method = plain(row.confirm_retry, 60) or "the payment method on file"
    return blocks.confirm(
        "Retry payment?",
        f"The last try with {method} was refused, and it cannot be read whether the same would be charged again. "
        f"Try to collect {amount(row.invoice.owed)} for {plain(row.invoice.label, 40)}?",
        yes=Action.RETRY.traits.label,
        no="Cancel",
    )


def _option_text(row: Row, choice: Choice) -> str:
    action = choice.action
    if action is None:
        return _LABELS[choice]
    label = action.traits.label
    capability = row.facts.capabilities.get(action)
    term = plain(capability.provider_term, 40) if capability else ""
    is_own_word = not term or term.lower().replace("_", " ") in label.lower()
    return label if action is Action.RETRY or is_own_word else f"{label} (“{term}”)"
