"""A question to a second person: the message with two buttons, and what is said about it to who asked."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.domain.action import Action
from bot.domain.approval import Answer, Approval, ApprovalState, WhyDead
from bot.domain.content import ApprovalContent, SaidOf
from bot.domain.offer import ButtonValue
from handlers import ids
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, rendered
from handlers.views.details import asked_for
from handlers.views.money import amount
from handlers.views.row import title, who_owes
from handlers.views.sentences import reference_line, sentence
from handlers.views.text import channel, code, escape, person, plain, prose
from handlers.views.times import clock, moment


def approval(content: ApprovalContent, *, command: str, now: datetime) -> Rendered:
    match content.said:
        case SaidOf.QUESTION:
            return _question(content, command, now)
        case SaidOf.ASKED:
            return _said(content, _asked(content), command)
        case SaidOf.ENDED:
            return _said(content, _ended(content, command), command)
        case SaidOf.REMINDER:
            return _said(content, _reminder(content), command)
        case _:
            assert_never(content.said)


# --- the message for the approvers -------------------------------------------------------------------------------


def _question(content: ApprovalContent, command: str, now: datetime) -> Rendered:
    asked = content.approval
    is_open = asked.is_open(now)
    what = f"{_heading(asked, now)}: {_label(asked)}"
    by = f"asked by {person(asked.asker.user)}"
    standing = _standing(content, command, now)
    summary = f"{what}, invoice {escape(content.invoice.label)}, {who_owes(content.invoice)}, {by}"
    parts = [
        blocks.section(f"*{what}* · {by}", block_id=_id(asked, "head")),
        blocks.section("\n".join([title(content.invoice), *_what(content)]), block_id=_id(asked, "what")),
        blocks.section(standing, block_id=_id(asked, "stand")),
        *([_buttons(content)] if is_open else []),
        blocks.context(_small_print(content), block_id=_id(asked, "small")),
    ]
    return rendered(summary if is_open else f"{summary}. {standing}", parts)


def _heading(asked: Approval, now: datetime) -> str:
    """How it stands, for whoever reads nothing but the first line."""
    match asked.state:
        case ApprovalState.OPEN if asked.is_open(now):
            return "Approval needed"
        case ApprovalState.OPEN | ApprovalState.EXPIRED:
            return "Not approved in time"
        case ApprovalState.DENIED:
            return "Taken back" if asked.is_taken_back else "Denied"
        case ApprovalState.DEAD:
            return "Not possible any more"
        case ApprovalState.APPROVED:
            return "Approved"
        case _:
            assert_never(asked.state)


def _what(content: ApprovalContent) -> list[str]:
    """What happens at the provider if somebody agrees, and why it is wanted."""
    asked = content.approval
    capability = content.facts.capabilities.get(asked.kind)
    lines = []
    if capability is not None and capability.consequence:
        lines.append(f"What it does: {prose(capability.consequence)}.")
    term = capability.provider_term if capability is not None else ""
    if term and term.lower().replace("_", " ") not in asked.kind.traits.label.lower():
        lines.append(f"{escape(content.facts.name)} calls this “{escape(term)}”.")
    if asked.kind is Action.VOID:
        lines.append("*It cannot be undone.*")
    if said := asked_for(asked.details):
        lines.append(said)
    if asked.method:
        lines.append(f"With {code(asked.method)}")
    if asked.reason:
        lines.append(f"Reason: {escape(asked.reason, 500)}")
    return lines


def _standing(content: ApprovalContent, command: str, now: datetime) -> str:
    asked = content.approval
    match asked.state:
        case ApprovalState.OPEN if asked.is_open(now):
            who = f"{content.approvers}: please" if content.approvers else "Please"
            return f"{who} approve or deny by {moment(asked.expires_at)}. Nothing has been done yet."
        case ApprovalState.OPEN | ApprovalState.EXPIRED:
            return "Nobody answered in time, so nothing was done."
        case ApprovalState.DENIED if asked.is_taken_back:
            return f"Taken back by {person(asked.answered_by)}{_at(asked)}; nothing was done."
        case ApprovalState.DENIED:
            return f"Denied by {person(asked.answered_by)}{_at(asked)}; nothing was done."
        case ApprovalState.DEAD:
            why = _why_dead(asked)
            return f"{why[0].upper()}{why[1:]}; nothing was done."
        case ApprovalState.APPROVED:
            story = sentence(content.action, command) if content.action is not None else "It is being done."
            return f"Approved by {person(asked.answered_by)}{_at(asked)}.\n{story}"
        case _:
            assert_never(asked.state)


def _buttons(content: ApprovalContent) -> Block:
    asked = content.approval
    named = [plain(text, 60) for text in (content.invoice.customer_name, content.invoice.label) if text]
    what = f"{_label(asked)}: {', '.join([*named, amount(asked.amount)])}."
    undone = " It cannot be undone." if asked.kind is Action.VOID else ""
    elements = [
        _button(asked, Answer.APPROVE, ids.APPROVE, "Approve", "primary", f"{what} It is done at once.{undone}"),
        _button(asked, Answer.DENY, ids.DENY, "Deny", "danger", f"{what} Nothing is done, and who asked is told."),
    ]
    return blocks.actions(elements, block_id=_id(asked, "act"))


def _button(asked: Approval, answer: Answer, action_id: str, label: str, style: str, question: str) -> Block:
    element = blocks.button(
        label,
        action_id=action_id,
        value=str(ButtonValue(asked.id, answer.value)),
        spoken=f"{label}: {_label(asked)}",
        style=style,
    )
    return element | {"confirm": blocks.confirm(f"{label}?", question, yes=label, no="Cancel")}


def _small_print(content: ApprovalContent) -> str:
    asked = content.approval
    reference = reference_line(content.action) if content.action is not None else None
    parts = [
        f"Asked {moment(asked.created_at)}",
        f"for the role {escape(asked.role)}",
        code(str(asked.ref), 300),
        *([reference] if reference else []),
    ]
    return " · ".join(parts)


# --- to who asked, and the reminder ------------------------------------------------------------------------------


def _said(content: ApprovalContent, text: str, command: str) -> Rendered:
    history = code(f"{command} history {content.approval.ref}", 300)
    return rendered(text, [blocks.section(text), blocks.context(history)])


def _asked(content: ApprovalContent) -> str:
    asked = content.approval
    who = content.approvers or f"the role {escape(asked.role)}"
    return (
        f"“{_label(asked)}” needs a second person for {_invoice(content)}. I asked {who} in {channel(asked.channel)}. "
        f"Nothing has been done yet, and nothing will be without an answer by {moment(asked.expires_at)}. You will hear "
        "how it ends. To take it back, press Deny there."
    )


def _ended(content: ApprovalContent, command: str) -> str:
    asked = content.approval
    what = f"Your “{_label(asked)}” for {_invoice(content)}"
    match asked.state:
        case ApprovalState.OPEN:
            return f"{what} still waits for an answer."
        case ApprovalState.APPROVED:
            made = content.action
            story = sentence(made, command) if made is not None and not made.state.is_live else "It is being done now."
            return f"{what} was approved by {person(asked.answered_by)}. {story}"
        case ApprovalState.DENIED if asked.is_taken_back:
            return f"{what} is taken back, so nothing was done."
        case ApprovalState.DENIED:
            return f"{what} was denied by {person(asked.answered_by)}, so nothing was done."
        case ApprovalState.EXPIRED:
            return f"{what}: nobody in {channel(asked.channel)} answered in time, so nothing was done. {_ASK_AGAIN}"
        case ApprovalState.DEAD:
            again = _ASK_AGAIN if asked.why != WhyDead.NOT_POSTED else "Tell whoever runs this bot."
            return f"{what} cannot be approved any more: {_why_dead(asked)}. Nothing was done. {again}"
        case _:
            assert_never(asked.state)


def _reminder(content: ApprovalContent) -> str:
    asked = content.approval
    who = content.approvers or f"The role {escape(asked.role)}"
    return (
        f"{who}: {person(asked.asker.user)} still waits for an answer about {_invoice(content)}. Without one by "
        f"{moment(asked.expires_at)} nothing will be done."
    )


_ASK_AGAIN = "If it is still wanted, press the button again."


def _invoice(content: ApprovalContent) -> str:
    return f"*{escape(content.invoice.label)}* ({amount(content.approval.amount)})"


def _why_dead(asked: Approval) -> str:
    if asked.why == WhyDead.NOT_POSTED:
        return f"the question could not be posted in {channel(asked.channel)}"
    return "the invoice has changed since it was asked for"


def _label(asked: Approval) -> str:
    return asked.kind.traits.label


def _at(asked: Approval) -> str:
    return f" at {clock(asked.answered_at)}" if asked.answered_at is not None else ""


def _id(asked: Approval, part: str) -> str:
    return f"{asked.id}.{asked.state}.{part}"
