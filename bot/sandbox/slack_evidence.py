"""Why a decision was safe: what people did, what the bot wrote down, what the provider received, what Slack was told."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from bot.sandbox.slack_blocks import elements_of
from bot.sandbox.slack_delivery import Answer
from bot.sandbox.slack_elements import options_of
from bot.sandbox.slack_play import Press
from bot.sandbox.slack_state import Json
from bot.sandbox.slack_web import ApiCall

KEPT: Final = 12
"""Invoices that can be looked at again."""
TELLING: Final = frozenset({"chat.postMessage", "chat.update", "chat.postEphemeral", "response_url"})

STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "action.accepted": (
        "Decision written down: {kind}",
        "On disk before Slack got its answer. From here on, no crash can lose it.",
    ),
    "action.bound": ("The invoice was found", "What was typed becomes one invoice before anything is sent."),
    "attempt.begun": (
        "About to be sent",
        "The attempt is on disk before its first byte goes out: a crash now leaves a trace.",
    ),
    "attempt.resent": ("Sent once more, same key", "The provider knows the key and does the work only once."),
    "attempt.lost": (
        "Interrupted while being sent",
        "Nobody guesses: the provider's own records are read, where it shows them.",
    ),
    "action.pending": ("Under way at the provider", "Until it ends, nobody else can decide about this invoice."),
    "action.unknown": (
        "The answer is missing",
        "It may have happened, so nobody may try again. Recoup looks, where the provider can be asked.",
    ),
    "action.needs_human": ("A person has to look", "Recoup could not find out, and does not guess with money."),
    "action.succeeded": ("Done", "Outcome, history and what Slack is to be told: one commit, so they cannot disagree."),
    "action.declined": ("Declined by the bank", "Outcome, history and what Slack is to be told: one commit."),
    "action.rejected": ("Not done", "The provider said no, and nothing was changed."),
    "action.refused": ("Refused, nothing sent", "The invoice and the rules are read again right before sending."),
    "action.not_applied": ("Looked up: nothing had happened", "Only now may somebody try again."),
    "action.expired": ("Too late, nothing sent", "A decision is carried out within ten minutes, or not at all."),
    "action.unsettled": (
        "Nobody can tell",
        "No read can show it and no money moves: said so, and the invoice is free again.",
    ),
    "watch.begun": ("Watched from now on", "It stays in the digest until nothing is owed on it."),
    "watch.ended": ("Watched no more", "Who let it go stays on record."),
    "press.refused": ("Press refused", "Refusals are written down, too, and told to this person only."),
    "press.busy": (
        "Press refused: another decision is open",
        "One open decision for each invoice; the database sees to it.",
    ),
    "press.repeated": ("Pressed again, without effect", "The second press finds the first decision; no new one is made."),
    "approval.asked": ("A second person was asked", "Nothing is sent, and nothing is locked, until somebody else agrees."),
    "approval.approved": (
        "Approved",
        "By somebody else, in time, and for the invoice as it was; looked at again before sending.",
    ),
    "approval.denied": ("Denied", "Who said no stays on record, and nothing is sent."),
    "approval.expired": ("Nobody answered in time", "No answer is a no."),
    "approval.dead": ("Could not be approved any more", "The word was for the invoice as it was, and it has changed."),
    "verdict.given": (
        "A second person said how it ended",
        "The provider is read once more; what it can tell counts first.",
    ),
    "verdict.taken": ("Their word is the ending", "The provider could tell nothing. Who said it stays on record."),
    "verdict.overtaken": ("Their word was not needed", "The provider could tell after all, and that counts."),
    "verdict.dropped": ("Their word was not taken", "The right to say it is looked at once more before it counts."),
    "check.asked": ("Asked to check again", "Reading only: checking can never charge."),
    "outbox.dead": ("Could not be told in Slack", "The outcome stays on record all the same."),
}
"""Audit events in plain words: what happened, and why that is safe."""


class Records(Protocol):
    """The bot's own books, lent for reading."""

    async def invoice_of(self, button: str) -> tuple[str, str] | None:
        """Account and invoice behind a button's value; None where there is none."""

    async def history(self, account: str, invoice: str) -> tuple[list[Json], list[Json]]:
        """Decisions (`reference`, `label`, `state`, `by`) and events (`at` in epoch seconds, `kind`, `facts`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something a person did, and how fast the app acknowledged it: `ms` and `ok` are None until it is known."""

    who: str
    what: str
    at: float
    ms: int | None = None
    ok: bool | None = None


@dataclass(slots=True)
class Subject:
    """An invoice that somebody did something about."""

    account: str
    invoice: str
    deeds: list[Deed] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.account}:{self.invoice}"


class Evidence:
    """Remembers what was done about which invoice, and gathers the proof when it is looked at."""

    def __init__(self) -> None:
        self.records: Records | None = None
        self._subjects: OrderedDict[str, Subject] = OrderedDict()
        self._last_of: dict[str, str] = {}

    # noticing

    async def pressed(self, deed: Deed, answer: Answer, press: Press) -> None:
        found = await self.records.invoice_of(press.value) if self.records and isinstance(press.value, str) else None
        if found is not None:
            self._last_of[press.user] = self._note(*found, _answered(deed, answer))

    def submitted(self, deed: Deed, answer: Answer, user: str) -> None:
        """A dialog belongs to the invoice whose button opened it."""
        subject = self._subjects.get(self._last_of.get(user, ""))
        if subject is not None and answer.status is not None:
            self._note(subject.account, subject.invoice, _answered(deed, answer))

    def typed(self, deed: Deed, answer: Answer, text: str, world: Any) -> None:
        words = text.split()
        for slug, shown in (world.snapshot() if world else {}).items():
            for invoice in shown.get("invoices") or []:
                if {invoice["id"], invoice.get("number"), f"{slug}:{invoice['id']}"} & set(words):
                    self._note(slug, invoice["id"], _answered(deed, answer))

    def _note(self, account: str, invoice: str, deed: Deed) -> str:
        subject = self._subjects.setdefault(f"{account}:{invoice}", Subject(account, invoice))
        subject.deeds.append(deed)
        self._subjects.move_to_end(subject.name)
        while len(self._subjects) > KEPT:
            self._subjects.popitem(last=False)
        return subject.name

    # showing

    async def shown(self, about: str | None, world: Any, calls: Sequence[ApiCall]) -> Json:
        """Everything about one invoice, the last one unless `about` names another; JSON-able."""
        lines = {slug: shown.get("invoices") or [] for slug, shown in (world.snapshot() if world else {}).items()}
        subjects = [{"name": one.name, **_line(lines, one)} for one in reversed(self._subjects.values())]
        subject = self._subjects.get(about or next(reversed(self._subjects), ""))
        if subject is None:
            return {"subjects": subjects, "about": None}
        seen = world.about(subject.account, subject.invoice) if world else {"requests": [], "charges": []}
        since = subject.deeds[0].at
        decisions, events = await self.records.history(subject.account, subject.invoice) if self.records else ([], [])
        label = _line(lines, subject).get("number") or subject.invoice
        steps = [*_deed_steps(subject.deeds), *map(_event_step, events), *_told_steps(calls, since, label)]
        return {
            "subjects": subjects,
            "about": subject.name,
            "requests": [one for one in seen["requests"] if one["at"] >= since],
            "charges": [one for one in seen["charges"] if one["at"] >= since],
            "decisions": decisions,
            "steps": sorted((one for one in steps if one["at"] >= since - 1), key=lambda one: float(one["at"])),
        }


def label_of(blocks: Sequence[Mapping[str, Any]], value: Any) -> str | None:
    """What stands on the button, or on the line of a menu, that has this value."""
    for block in blocks:
        for element in elements_of(block):
            for one in (element, *options_of(element)):
                if one.get("value") == value and value is not None:
                    return str(one["text"]["text"])
    return None


def _answered(deed: Deed, answer: Answer) -> Deed:
    return replace(deed, ms=answer.ms, ok=answer.error is None)


def _line(lines: Mapping[str, Any], subject: Subject) -> Json:
    """How the provider's books call the invoice."""
    found: Json = next((one for one in lines.get(subject.account, []) if one["id"] == subject.invoice), {})
    return {name: found.get(name) for name in ("number", "customer", "amount_remaining", "currency")}


def _deed_steps(deeds: Sequence[Deed]) -> list[Json]:
    steps: list[Json] = []
    for deed in deeds:
        steps.append({"at": deed.at, "kind": "person", "what": f"{deed.who}: {deed.what}", "why": ""})
        if deed.ms is not None:
            steps.append({"at": deed.at + deed.ms / 1000, "kind": "slack", **_acknowledged(deed)})
    return steps


def _acknowledged(deed: Deed) -> Json:
    if not deed.ok:
        return {"what": "Slack got no good answer", "why": "Whatever was written down before goes on all the same."}
    return {
        "what": f"Slack got its answer after {deed.ms} ms",
        "why": "A decision is on disk before this is sent; Slack waits three seconds at most.",
    }


def _event_step(event: Json) -> Json:
    facts = event["facts"]
    what, why = STEPS.get(event["kind"], (event["kind"].replace(".", " ").replace("_", " "), ""))
    named = what.format(kind=str(facts.get("kind", "a decision")).replace("_", " "))
    return {"at": event["at"], "kind": "journal", "what": named, "why": why, "key": facts.get("key")}


def _told_steps(calls: Sequence[ApiCall], since: float, label: str) -> list[Json]:
    about = [one for one in calls if one.at >= since and one.method in TELLING and label in json.dumps(one.params)]
    return [
        {
            "at": call.at,
            "kind": "slack",
            "what": "Told in Slack" if call.answer == "ok" else f"Slack did not take it ({call.answer or 'no answer yet'})",
            "why": f"{call.method}: what is to be said waits on disk until Slack has taken it.",
        }
        for call in about
    ]
