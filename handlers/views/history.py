"""Every decision about one invoice: who, when, why, how it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from bot.domain.action import Action, ActionState
from bot.domain.content import HistoryContent
from bot.domain.freeze import BOT
from bot.domain.records import ActionRecord, HistoryEntry
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, fit, rendered
from handlers.views.details import asked_for
from handlers.views.money import amount
from handlers.views.sentences import sentence, verified_words
from handlers.views.text import code, escape, person
from handlers.views.times import moment

_EVENTS_SHOWN = 20

_STEPS: dict[str, str] = {
    "action.accepted": "decided",
    "action.bound": "invoice found",
    "attempt.begun": "about to be sent to the provider",
    "attempt.resent": "about to be sent once more, as the same request",
    "attempt.lost": "interrupted while being sent",
    "action.pending": "accepted by the provider, not ended yet",
    "action.unknown": "the provider's answer is missing",
    "action.needs_human": "left to a person to look up",
    "action.succeeded": "done",
    "action.declined": "declined by the bank",
    "action.rejected": "not done",
    "action.refused": "refused by a rule of this bot",
    "action.not_applied": "checked: nothing had happened",
    "action.expired": "not done within ten minutes",
    "action.unsettled": "cannot be found out",
    "press.refused": "press refused",
    "press.busy": "press refused: another decision was open",
    "press.repeated": "pressed again, without effect",
    "check.asked": "asked to check again",
    "verdict.given": "a second person said how it ended",
    "verdict.taken": "their word is the ending",
    "verdict.overtaken": "their word was not needed: the provider could tell",
    "verdict.dropped": "their word was not taken",
    "approval.asked": "asked for approval",
    "approval.approved": "approved",
    "approval.denied": "denied",
    "approval.expired": "nobody answered in time",
    "approval.dead": "could not be approved any more",
    "watch.begun": "watched from now on",
    "watch.ended": "watched no more",
    "bot.frozen": "everything frozen",
    "bot.unfrozen": "not frozen any more",
    "outbox.dead": "could not be told in Slack",
}
"""Audit events in words; one that is not here shows its own name."""

_FACTS: dict[str, tuple[str, bool]] = {
    "refusal": ("because:", True),
    "rejected": ("because:", True),
    "why": ("because:", True),
    "charged": ("charged", True),
    "decline": ("decline code", False),
    "request_id": ("provider request", False),
    "reference": ("reference", False),
    "which": ("saying:", True),
}
"""What people can use of an event's facts: how it is introduced, and whether it is words (else an id to be copied)."""
_WITH_AMOUNT = frozenset({"action.accepted", "action.bound", "approval.asked"})
"""Where the amount, and who agreed, is news; the steps after them carry both for whoever reads the trail elsewhere."""
_WITH_KEY = frozenset({"attempt.begun", "attempt.resent"})
_KEY_SHOWN = 8
_ROOM = 1900
"""Characters of steps in one block, of the 2,000 that it takes."""

_NO_AMOUNT = re.compile(r"[A-Z]{3} 0(?:\.0+)?")
"""What an invoice of a provider that shows nothing is worth before it was seen: a placeholder, no fact."""


def history(content: HistoryContent, *, command: str, now: datetime) -> Rendered:
    """The newest decision first, so that what is cut is the oldest; the steps behind them follow in their order."""
    name = escape(content.ref, 300)
    if not content.actions and not content.events:
        text = f"Nobody has decided anything about {name} here so far."
        return rendered(text, [blocks.section(text), blocks.context(_as_of(now))])
    count = len(content.actions)
    title = f"{count or 'No'} decision{'' if count == 1 else 's'} about {name}{'' if count else ' so far'}"
    newest_first = sorted(content.actions, key=lambda action: action.created_at, reverse=True)
    rows = [[_decision(action, command)] for action in newest_first]
    return rendered(title, fit([blocks.section(f"*{title}*")], rows, lambda shown: _tail(content, shown, now)))


def _decision(action: ActionRecord, command: str) -> Block:
    lines = [
        f"{moment(action.created_at)} · *{action.kind.traits.label}*{_amount(action)} · {_people(action)}",
        sentence(action, command),
    ]
    is_told = action.kind is Action.PAID and action.state is ActionState.SUCCEEDED
    if (said := asked_for(action.details)) and not is_told:
        lines.append(said)
    if action.reason:
        lines.append(f"Reason: {escape(action.reason, 300)}")
    if (verdict := action.verdict) is not None:
        word = verified_words(action.kind, happened=verdict.happened)
        lines.append(f"{person(verdict.by.user)} verified {moment(verdict.at)}: {word}. Saw: {escape(verdict.note, 300)}")
    if action.method:
        lines.append(f"With {code(action.method)}")
    lines.append(" · ".join(_ids(action)))
    return blocks.section("\n".join(lines))


def _people(action: ActionRecord) -> str:
    """Who asked, and who agreed where that took a second person; when, is among the steps."""
    return person(action.actor.user) + (f", approved by {person(action.approver)}" if action.approver else "")


def _amount(action: ActionRecord) -> str:
    return f" · {amount(action.amount)}" if action.amount is not None and action.amount.minor else ""


def _ids(action: ActionRecord) -> list[str]:
    ids = [f"Reference {code(action.reference)}"]
    if action.ending is not None and action.ending.request_id:
        ids.append(f"provider request {code(action.ending.request_id, 120)}")
    return ids


def _tail(content: HistoryContent, shown: int, now: datetime) -> list[Block]:
    tail = []
    if shown < len(content.actions):
        tail.append(blocks.context(f"{len(content.actions) - shown} older decisions are not shown here."))
    lines = [_step(entry) for entry in content.events[-_EVENTS_SHOWN:]]
    if lines:
        left_out = len(content.events) - len(lines)
        before = [f"({left_out} earlier steps are not shown here.)"] if left_out else []
        tail += [blocks.context(part) for part in _parts(["*Step by step*", *before, *lines])]
    return [*tail, blocks.context(_as_of(now))]


def _parts(lines: Sequence[str]) -> list[str]:
    """Together as many lines as a block has room for, so that none is cut."""
    parts = [lines[0]]
    for line in lines[1:]:
        if len(parts[-1]) + len(line) < _ROOM:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts


def _step(entry: HistoryEntry) -> str:
    kind = _STEPS.get(entry.kind) or escape(entry.kind.replace(".", " ").replace("_", " "))
    who = f" · {'Recoup' if entry.actor == BOT else person(entry.actor)}" if entry.actor else ""
    facts = ", ".join(_said(entry))
    return f"{moment(entry.at)} · {kind}{who}{f' · {facts}' if facts else ''}"


def _said(entry: HistoryEntry) -> list[str]:
    told = {key: value for key, value in entry.facts.items() if value and not _NO_AMOUNT.fullmatch(value)}
    said = [_what(told["word"])] if "word" in told else []
    if entry.kind in _WITH_AMOUNT and "amount" in told:
        said.append(f"amount {escape(told['amount'])}")
    for key, (introduced, is_word) in _FACTS.items():
        if key in told:
            said.append(f"{introduced} {escape(told[key].replace('_', ' ')) if is_word else code(told[key], 120)}")
    said += [change for change in (_change(entry, "status"), _change(entry, "owed")) if change]
    if entry.kind in _WITH_AMOUNT and "approver" in told and told["approver"] != entry.actor:
        said.append(f"approved by {person(told['approver'])}")
    if entry.kind == "approval.asked" and "reason" in told:  # denied, it is nowhere else
        said.append(f"reason: {escape(told['reason'], 200)}")
    if entry.kind in _WITH_KEY and "key" in told:
        said.append(f"key ends in {code(told['key'][-_KEY_SHOWN:])}")
    return said


def _what(word: str) -> str:
    """As its button calls it; a right that is no action keeps its word."""
    return f"“{Action(word).traits.label}”" if word in set(Action) else f"to {escape(word)}"


def _change(entry: HistoryEntry, what: str) -> str | None:
    """What the step has changed about the invoice; nothing where one of the two is not known."""
    before, after = entry.facts.get(f"{what}_before"), entry.facts.get(f"{what}_after")
    if not before or not after or before == after:
        return None
    return f"{what} {escape(before)} → {escape(after)}"


def _as_of(now: datetime) -> str:
    return f"As of {moment(now)}"
