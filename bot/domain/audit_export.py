"""The audit trail for other programs: one row per event with stable columns, or each event as it is."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta

from bot.domain.audit import AuditEvent, moment
from bot.domain.errors import UnusableValue

_SAID_IN_COLUMNS = {
    "decided_by": "actor",
    "approver": "approver",
    "action": "kind",
    "reason": "reason",
    "method": "method",
    "state_before": "state_before",
    "status_before": "status_before",
    "charge_before": "charge_before",
    "status_after": "status_after",
    "charge_after": "charge_after",
    "idempotency_key": "key",
    "provider_request_id": "request_id",
    "decline": "decline",
    "rejected": "rejected",
    "refusal": "refusal",
    "verified_by": "verified_by",
    "verdict": "which",
    "verdict_note": "note",
}
"""Column by fact."""
_AMOUNTS = {"amount": "amount", "owed_before": "owed_before", "owed_after": "owed_after", "charged": "charged"}
COLUMNS = (
    "event",
    "at",
    "what",
    "by",
    "decision",
    "account",
    "invoice",
    "currency",
    *_AMOUNTS,
    *_SAID_IN_COLUMNS,
    "other",
)
"""Programs rely on these and on their order: new ones are added before `other` only."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cells(event: AuditEvent) -> list[str]:
    """The cells of one row, in the order of COLUMNS; what has no column of its own is JSON in the last one."""
    told = event.told()
    currency, amounts = _amounts(told)
    row = {
        "event": str(event.id),
        "at": when(event),
        "what": event.kind,
        "by": event.actor or "",
        "decision": event.action_id or "",
        "account": event.account or "",
        "invoice": event.invoice or "",
        "currency": currency,
        **amounts,
        **{column: told.get(fact, "") for column, fact in _SAID_IN_COLUMNS.items()},
    }
    is_told = {*_AMOUNTS.values(), *_SAID_IN_COLUMNS.values()}
    if event.account and event.invoice:
        is_told.add("ref")
    rest = {fact: value for fact, value in sorted(told.items()) if fact not in is_told}
    row["other"] = json.dumps(rest, ensure_ascii=False) if rest else ""
    return [harmless(row[column]) for column in COLUMNS]


def line(event: AuditEvent) -> str:
    """The event as JSON on one line; nothing is left out and nothing is rewritten."""
    whole = {
        "event": event.id,
        "at": when(event),
        "what": event.kind,
        "by": event.actor,
        "decision": event.action_id,
        "account": event.account,
        "invoice": event.invoice,
        "facts": event.told(),
    }
    return json.dumps(whole, ensure_ascii=False)


def harmless(cell: str) -> str:
    """A spreadsheet takes what begins so for a formula; after an apostrophe it is text."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def when(event: AuditEvent) -> str:
    """UTC, ISO 8601, with milliseconds."""
    try:
        return moment(event.at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:  # no clock of ours wrote this
        return str(event.at)


def since_of(text: str) -> datetime:
    """The beginning of a day, or a moment; UTC where no zone is said. Raises UnusableValue."""
    return _moment_of(text, timedelta())


def until_of(text: str) -> datetime:
    """The end of a day (so that the day itself is meant, too), or a moment. Raises UnusableValue."""
    return _moment_of(text, timedelta(days=1))


def _moment_of(text: str, whole_day: timedelta) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + whole_day
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnusableValue(f"“{text}” is not a date: write it like 2026-11-30, or 2026-11-30T09:00:00+01:00.") from None


def _amounts(told: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Plain numbers in the currency of their own column; one of another currency keeps its own beside it."""
    split = {column: _split(told.get(fact, "")) for column, fact in _AMOUNTS.items()}
    currency = next((code for code, _ in split.values() if code), "")
    return currency, {
        column: number if code == currency else f"{code} {number}".strip() for column, (code, number) in split.items()
    }


def _split(amount: str) -> tuple[str, str]:
    code, _, number = amount.partition(" ")
    return (code, number.replace(",", "")) if number else ("", amount)
