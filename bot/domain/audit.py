"""The audit trail as it is sealed: what an event says, and the hash chain that shows whether anything was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.errors import UnusableValue

BEGINNING = "0" * 64
"""What the first seal follows."""
_VERSION = "recoup-audit-1"
_DIGEST_LENGTH = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One row of the trail. `at` is milliseconds since 1970 (UTC), `facts` the JSON text exactly as it was written."""

    id: int
    at: int
    kind: str
    actor: str | None
    action_id: str | None
    account: str | None
    invoice: str | None
    facts: str

    def canonical(self) -> bytes:
        """One line that stands for this event and for no other."""
        parts = [self.id, self.at, self.kind, self.actor, self.action_id, self.account, self.invoice, self.facts]
        return json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()

    def told(self) -> dict[str, str]:
        """The facts by name; what is no JSON object any more is told as it stands."""
        try:
            read = json.loads(self.facts)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            return {"unreadable": self.facts}
        return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in read.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A hash over a batch of events and over the seal before it. The batch reaches from the event after the last seal's
    last one to `last_event`; `at` is milliseconds since 1970 (UTC); `id` is None before it is written down."""

    previous: str
    last_event: int
    events: int
    at: int
    digest: str
    id: int | None = None


class Batch:
    """Takes events in order of their ids, one by one, and makes the digest of their seal."""

    def __init__(self, previous: str) -> None:
        self._previous = previous
        self._hash = hashlib.sha256(f"{_VERSION}\n{previous}\n".encode())
        self.events = 0
        self.last_event = 0

    def add(self, events: Iterable[AuditEvent]) -> None:
        for event in events:
            self._hash.update(event.canonical() + b"\n")
            self.events += 1
            self.last_event = event.id

    def sealed(self, at: int) -> Seal:
        """The seal of what was added, made at this moment (milliseconds since 1970)."""
        whole = self._hash.copy()
        whole.update(f"{self.events} {self.last_event} {at}\n".encode())
        return Seal(
            previous=self._previous, last_event=self.last_event, events=self.events, at=at, digest=whole.hexdigest()
        )


def digest_of(text: str) -> str:
    """A digest as somebody noted it; raises UnusableValue for what can be none."""
    digest = text.strip().lower()
    if len(digest) != _DIGEST_LENGTH or any(each not in "0123456789abcdef" for each in digest):
        raise UnusableValue("A digest has 64 characters, 0 to 9 and a to f: copy the whole one that was noted.")
    return digest


def moment(milliseconds: int) -> datetime:
    """A moment as the trail keeps it."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(when: datetime) -> int:
    """A moment for the trail; finer parts are cut off."""
    return (when - _EPOCH) // timedelta(milliseconds=1)
