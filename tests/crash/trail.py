"""The audit trail as a path through the life of an action: every event has to be the one next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.crash.books import Books

_BESIDE = {"press.repeated", "press.busy", "press.refused", "check.asked"}
"""Events that are about an action but move nothing."""
_MOVES: Mapping[tuple[str, str], str] = {
    ("", "action.accepted"): "accepted",
    ("accepted", "attempt.begun"): "executing",
    ("accepted", "attempt.resent"): "executing",
    ("unknown", "attempt.resent"): "executing",
    ("executing", "attempt.lost"): "unknown",
    ("executing", "action.accepted"): "accepted",
    ("accepted", "action.accepted"): "accepted",
}
_ENDS = {"succeeded", "declined", "rejected", "refused", "not_applied", "expired", "unsettled", "needs_human"}
_MAY_END = {
    "accepted": {"refused", "rejected", "expired"},
    "executing": _ENDS | {"unknown", "pending"},
    "unknown": _ENDS | {"unknown", "pending"},
    "pending": _ENDS | {"pending"},
    "needs_human": _ENDS,
}


def wrong_events(books: Books, deaths: int) -> Iterable[str]:
    """Walks through the trail of every action, up to where its row stands."""
    if sum(event["kind"] == "attempt.lost" for event in books.events) > deaths:
        yield f"{deaths} deaths lost more attempts than that"
    if any(event["kind"] in {"outbox.dead", "digest.failed"} for event in books.events):
        yield "something was given up"
    for action in books.actions:
        kinds = [str(event["kind"]) for event in books.events if event["action_id"] == action["id"]]
        yield from _walk(action, kinds)
        sends = sum(attempt["sends"] for attempt in books.attempts if attempt["action_id"] == action["id"])
        told = kinds.count("attempt.begun") + kinds.count("attempt.resent")
        if sends != told:
            yield f"{sends} sends and {told} events about them: {kinds}"
        if kinds.count("attempt.begun") > 1:
            yield f"one decision began twice: {kinds}"


def _walk(action: Mapping[str, Any], kinds: Sequence[str]) -> Iterable[str]:
    state = ""
    for kind in kinds:
        following = _following(state, kind)
        if following is None:
            yield f"{kind} follows {state or 'nothing'}: {kinds}"
            return
        state = following
    if state != action["state"]:
        yield f"the events end {state}, the row is {action['state']}: {kinds}"


def _following(state: str, kind: str) -> str | None:
    """Where an event leads to from a state; None where it cannot happen."""
    if kind in _BESIDE:
        return state
    if (known := _MOVES.get((state, kind))) is not None:
        return known
    end = kind.removeprefix("action.")
    return end if end in _MAY_END.get(state, set()) else None
