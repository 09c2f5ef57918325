"""An invoice in a message: what it is and how it stands, and right after it the buttons that can work."""

from __future__ import annotations

from datetime import datetime

from bot.domain.action import Action, ActionState
from bot.domain.approval import Approval
from bot.domain.content import VERDICTS, Choice, Row
from bot.domain.invoice import FailedBecause, Invoice, InvoiceStatus
from bot.domain.money import Money
from bot.domain.offer import ButtonValue
from handlers import ids
from handlers.views import blocks
from handlers.views.blocks import Block, Option
from handlers.views.money import amount
from handlers.views.refusals import fees, many_attempts
from handlers.views.sentences import decline_words, reference_line, sentence, verified_words
from handlers.views.text import channel, customer, escape, person, plain
from handlers.views.times import age, day, moment

ACTION_IDS: dict[Choice, str] = {
    Choice.RETRY: ids.RUN_ACTION,
    Choice.RETRY_WITH: ids.RETRY_WITH,
    Choice.LINK: ids.LINK,
    Choice.RESEND: ids.RESEND,
    Choice.FINALIZE: ids.ASK,
    Choice.REFRESH: ids.REFRESH,
    Choice.PDF: ids.PDF,
    Choice.SHOW: ids.SHOW,
    Choice.SHARE: ids.SHARE,
    Choice.CHECK: ids.CHECK,
    Choice.VERIFIED: ids.VERIFIED,
    Choice.VERIFIED_NOT: ids.VERIFIED_NOT,
}
"""Choices that may be a visible button; what ends an invoice for good is in the overflow only."""

_LABELS: dict[Choice, str] = {
    Choice.RETRY_WITH: "Retry with…",
    Choice.LINK: "Payment link",
    Choice.PDF: "PDF",
    Choice.SHOW: "Show invoice",
    Choice.SHARE: "Share here",
    Choice.CHECK: "Check again",
}
_IN_OVERFLOW = (
    Choice.RETRY_WITH,
    Choice.RETRY,
    Choice.LINK,
    Choice.FINALIZE,
    Choice.REFRESH,
    Choice.SHOW,
    Choice.PDF,
    Choice.SHARE,
    Choice.PAID,
    Choice.VOID,
    Choice.UNCOLLECTIBLE,
)
"""In this order. RESEND is missing: a line of an overflow cannot ask back, and an e-mail cannot be called back."""
_LEFT_OUT_FIRST = (Choice.PDF, Choice.SHARE, Choice.REFRESH, Choice.RETRY_WITH, Choice.LINK, Choice.RETRY)
"""Where there are more than Slack takes. Each of them can be typed, or is on the card."""
_TERM_IS_SHOWN = frozenset({Action.VOID, Action.UNCOLLECTIBLE})
"""Where the provider's own word tells people something: what the books will say."""
_SILENT_WHILE = frozenset({ActionState.ACCEPTED, ActionState.EXECUTING})
_VISIBLE_IN_ROW = 2
_WAITING_SHOWN = 2
VISIBLE_ON_CARD = 3


def row_blocks(
    row: Row, index: int, *, now: datetime, command: str, badges: bool = False, names: bool = False
) -> list[Block]:
    """`index` is the row's number in its message; `badges` also marks the live ones where test and live stand together,
    `names` says the account where several do."""
    head = title(row.invoice, badges=badges, owed=was_owed(row))
    account = f" · {escape(row.invoice.ref.account)}" if names else ""
    text = "\n".join([f"{head}{account}\n{standing(row, now, command)}{attempts_line(row)}", *waiting(row)])
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
    if invoice.is_unseen:
        return f"*{escape(invoice.label)}* · customer and amount are not known yet{badge}"
    return f"*{name}* · {escape(invoice.label)} · *{amount(owed) if owed else worth(invoice)}*{badge}"


def who_owes(invoice: Invoice) -> str:
    """mrkdwn: "Acme GmbH, EUR 420.00"."""
    if invoice.is_unseen:
        return "customer and amount are not known yet"
    return f"{escape(customer(invoice.customer_name, invoice.customer_email))}, {worth(invoice)}"


def worth(invoice: Invoice) -> str:
    """What is owed, or what was paid once nothing is: "EUR 0.00" would tell nobody which invoice that is."""
    if invoice.owed.minor:
        return amount(invoice.owed)
    return amount(invoice.paid) if invoice.paid is not None and invoice.paid.minor else "nothing owed"


def was_owed(row: Row) -> Money | None:
    """What the row was about, once nothing is owed any more."""
    return row.action.amount if row.action is not None and row.invoice.owed.minor == 0 else None


def standing(row: Row, now: datetime, command: str) -> str:
    """The sentence of the newest decision, else why the invoice counts as failed and what happens next by itself."""
    if row.action is not None:
        return sentence(row.action, command, row.invoice)
    invoice = row.invoice
    parts = [why_failed(invoice, now)]
    if invoice.next_attempt_at is not None and invoice.status is InvoiceStatus.OPEN:
        parts.append(f"{escape(row.facts.name)} {next_attempt(invoice.next_attempt_at, now)} by itself")
    if invoice.created_at is not None and invoice.failed_because is not FailedBecause.PAST_DUE:
        parts.append(f"{age(invoice.created_at, now)} old")
    if invoice.seen_at is not None and not invoice.is_unseen:
        parts.append(f"last seen {moment(invoice.seen_at)}")
    return " · ".join(parts)


def attempts_line(row: Row) -> str:
    """A line of its own where the bank was asked so often that it costs something; empty while nobody can press Retry."""
    found = row.attempts
    if found is None or (row.action is not None and row.action.state.is_live):
        return ""
    many = many_attempts(str(found.at_least))
    if found.at_least < found.limit:
        return f"\n{many}: {fees(str(found.limit))}."
    when = f" before {moment(found.free_at)}" if found.free_at is not None else ""
    return f"\n{many}, and the limit is {found.limit}: no retry{when}. Give the customer the payment link."


def waiting(row: Row) -> list[str]:
    """A line for each question to a second person. It locks nothing, so the buttons stay."""
    return [waiting_for(asked) for asked in row.waiting[:_WAITING_SHOWN]]


def waiting_for(asked: Approval) -> str:
    """Who asked for what, and whom it waits for."""
    return (
        f"{person(asked.asker.user)} asked for “{asked.kind.traits.label}”; waiting for approval by {escape(asked.role)} "
        f"in {channel(asked.channel)} until {moment(asked.expires_at)}"
    )


def next_attempt(at: datetime, now: datetime) -> str:
    """Providers are late by minutes with this, so a time that has just gone by is still to come."""
    return f"retries {moment(at)}" if at > now else "is about to retry"


def why_failed(invoice: Invoice, now: datetime) -> str:
    if invoice.is_unseen:
        return "Its provider shows nothing of an invoice before it was acted on"
    return known_reason(invoice, now) or f"Status: {escape(invoice.provider_status)}"


def known_reason(invoice: Invoice, now: datetime) -> str:
    """Empty for an invoice that has not failed, or that nobody is asked to pay any more."""
    if not is_payable(invoice):
        return ""
    if invoice.decline is not None:
        is_named = (
            invoice.decline.method_label != invoice.decline.method
        )  # else it is the bare id, which tells nobody anything
        label = escape(invoice.decline.method_label) if is_named else ""
        return f"Declined: {decline_words(invoice.decline)}{f', {label}' if label else ''}"
    if invoice.failed_because is FailedBecause.PAST_DUE:
        due = invoice.due_at
        if due is None or due > now:  # whatever the date says, the provider calls it so
            return "Past due, to be paid by the customer"
        return f"Past due for {age(due, now)} (since {day(due)}), to be paid by the customer"
    if invoice.failed_because is FailedBecause.PAYMENT_FAILED:
        return "Payment failed; the reason was not read"
    return "Draft: it can still change" if invoice.status is InvoiceStatus.DRAFT else ""


def is_payable(invoice: Invoice) -> bool:
    """Whether money could still come in, so that the bank's last no and the next step mean something."""
    return invoice.status not in {InvoiceStatus.PAID, InvoiceStatus.VOID}


def action_blocks(row: Row, index: int, *, visible: int) -> list[Block]:
    """An actions block of at most `visible` buttons and an overflow; nothing where nothing can be pressed."""
    shown, more = drawn(row, visible=visible)
    elements = [_button(row, choice, is_primary=choice is _primary(row)) for choice in shown]
    options = [Option(_option_text(row, choice), str(ButtonValue(row.offer.id, choice))) for choice in more]
    if options:
        elements.append(blocks.overflow(options, action_id=ids.MORE))
    return [blocks.actions(elements, block_id=block_id(row, index, "act"))] if elements else []


def drawn(row: Row, *, visible: int) -> tuple[list[Choice], list[Choice]]:
    """The choices that become buttons, and those in the overflow; a row has no room for all of them."""
    choices = pressable(row)
    visible = VISIBLE_ON_CARD if choices & VERDICTS else visible  # one word of the two alone would put it into mouths
    shown = [choice for choice in _order(row, choices) if choice in choices][:visible]
    asks_back = Choice.RETRY if row.asks_before_retry else None
    more = [choice for choice in _IN_OVERFLOW if choice in choices and choice not in (*shown, asks_back)]
    surplus = [choice for choice in _LEFT_OUT_FIRST if choice in more][: max(0, len(more) - blocks.OVERFLOW_OPTIONS)]
    return shown, [choice for choice in more if choice not in surplus]


def pressable(row: Row) -> frozenset[Choice]:
    """What may be drawn: nothing while a decision runs, and nothing that decides while one is open."""
    if row.action is None or not row.action.state.is_live:
        return frozenset(row.choices) - {Choice.CHECK, *VERDICTS}
    if row.action.state in _SILENT_WHILE:
        return frozenset()
    may_be_told = VERDICTS if row.action.state is ActionState.NEEDS_HUMAN else frozenset[Choice]()
    return frozenset(row.choices) & {Choice.CHECK, *may_be_told}


def block_id(row: Row, index: int, part: str) -> str:
    """Unique in a message, and another one whenever what the row says changes, as Slack wants for updates."""
    stand = f"{row.action.id[:12]}.{row.action.state}.{row.action.checks}" if row.action else "fresh"
    if row.action is not None and row.action.verdict is not None:
        stand += f".{int(row.action.verdict.at.timestamp())}"
    asked = f".{len(row.waiting)}{row.waiting[0].id[:6]}" if row.waiting else ""
    return f"{row.offer.id}.{index}.{stand}{asked}.{part}"


def _order(row: Row, choices: frozenset[Choice]) -> list[Choice]:
    """The first step first. What asks back before it counts is always among the visible ones."""
    retry = Choice.RETRY if Choice.RETRY in choices else Choice.RETRY_WITH
    pay = [Choice.LINK, retry] if row.invoice.wants_payment_link else [retry, Choice.LINK]
    rest = [Choice.SHARE, Choice.REFRESH, Choice.SHOW, Choice.PDF]
    return [Choice.CHECK, Choice.VERIFIED, Choice.VERIFIED_NOT, Choice.FINALIZE, *pay, Choice.RESEND, *rest]


def _primary(row: Row) -> Choice:
    if row.invoice.status is InvoiceStatus.DRAFT:
        return Choice.FINALIZE
    return Choice.LINK if row.invoice.wants_payment_link or Action.RETRY not in row.facts.capabilities else Choice.RETRY


def _button(row: Row, choice: Choice, *, is_primary: bool) -> Block:
    label = _label(row, choice)
    element = blocks.button(
        label,
        action_id=ACTION_IDS[choice],
        value=str(ButtonValue(row.offer.id, choice)),
        spoken=f"{label} for {plain(row.invoice.label, 50)}",
        style="primary" if is_primary else None,
    )
    question = _question(row, choice)
    return element | {"confirm": question} if question is not None else element


def _label(row: Row, choice: Choice) -> str:
    if choice in VERDICTS and row.action is not None:
        return f"I verified: {verified_words(row.action.kind, happened=choice is Choice.VERIFIED)}"
    return choice.action.traits.label if choice.action is not None else _LABELS[choice]


def _question(row: Row, choice: Choice) -> Block | None:
    """What is asked before the press counts, where there is something to ask."""
    if choice is Choice.RESEND:
        capability = row.facts.capabilities.get(Action.RESEND)
        means = plain(capability.consequence, 220) if capability else ""
        text = f"{means} Send {plain(row.invoice.label, 40)} again?".strip()
        return blocks.confirm("Send again?", text, yes="Send again", no="Cancel")
    return _retry_dialog(row) if choice is Choice.RETRY and row.asks_before_retry else None


def _retry_dialog(row: Row) -> Block:
    doubts = []
    if row.confirm_retry is not None:
        method = plain(row.confirm_retry, 36 if row.attempts else 60) or "the payment method on file"
        doubts.append(
            f"The bank refused the last try with {method}. What would be charged now could not be read; it may be the same."
        )
    if row.attempts is not None:
        limit = f"; from {row.attempts.limit} on no retry is possible" if row.confirm_retry is None else ""
        doubts.append(f"{many_attempts(str(row.attempts.at_least))}: card networks charge fees for too many{limit}.")
    return blocks.confirm(
        "Retry payment?",
        f"{' '.join(doubts)} Try to collect {amount(row.invoice.owed)} for {plain(row.invoice.label, 40)}?",
        yes=Action.RETRY.traits.label,
        no="Cancel",
    )


def _option_text(row: Row, choice: Choice) -> str:
    action, label = choice.action, _label(row, choice)
    capability = row.facts.capabilities.get(action) if action is not None else None
    term = plain(capability.provider_term, 40) if capability else ""
    is_own_word = not term or term.lower().replace("_", " ") in label.lower()
    return label if action not in _TERM_IS_SHOWN or is_own_word else f"{label} (“{term}”)"
