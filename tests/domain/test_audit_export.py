"""The exported audit trail: stable columns, harmless cells, exact times."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.audit import AuditEvent
from bot.domain.audit_export import COLUMNS, cells, harmless, line, since_of, until_of, when
from bot.domain.errors import UnusableValue

FACTS = {
    "kind": "void",
    "actor": "U0ANA",
    "approver": "U0TOM",
    "amount": "EUR 1,420.00",
    "owed_before": "EUR 1,420.00",
    "owed_after": "EUR 0.00",
    "charged": "JPY 700",
    "reason": '=HYPERLINK("https://evil.example")',
    "key": "recoup-1",
    "request_id": "req_1",
    "ref": "stripe:in_1",
    "offer": "f00",
}


def an_event(facts: str | None = None, at: int = 1_763_600_000_123) -> AuditEvent:
    return AuditEvent(
        id=7,
        at=at,
        kind="action.succeeded",
        actor=None,
        action_id="a" * 32,
        account="stripe",
        invoice="in_1",
        facts=json.dumps(FACTS) if facts is None else facts,
    )


def row(event: AuditEvent) -> dict[str, str]:
    return dict(zip(COLUMNS, cells(event), strict=True))


def test_a_row_says_who_decided_who_agreed_how_much_and_under_which_key() -> None:
    told = row(an_event())
    assert (told["event"], told["at"], told["what"], told["by"]) == (
        "7",
        "2025-11-20T00:53:20.123Z",
        "action.succeeded",
        "",
    )
    assert (told["decided_by"], told["approver"], told["action"]) == ("U0ANA", "U0TOM", "void")
    assert (told["currency"], told["amount"], told["owed_before"], told["owed_after"]) == (
        "EUR",
        "1420.00",
        "1420.00",
        "0.00",
    )
    assert told["charged"] == "JPY 700", "an amount of another currency keeps its own"
    assert (told["idempotency_key"], told["provider_request_id"]) == ("recoup-1", "req_1")
    assert json.loads(told["other"]) == {"offer": "f00"}


def test_a_verdict_has_columns_of_its_own() -> None:
    told = row(an_event(json.dumps({"which": "not_done", "verified_by": "U0TOM", "note": "@seen"})))
    assert (told["verdict"], told["verified_by"], told["verdict_note"], told["other"]) == (
        "not_done",
        "U0TOM",
        "'@seen",
        "",
    )


def test_the_columns_are_those_that_programs_rely_on() -> None:
    assert COLUMNS[:12] == (
        "event",
        "at",
        "what",
        "by",
        "decision",
        "account",
        "invoice",
        "currency",
        "amount",
        "owed_before",
        "owed_after",
        "charged",
    )
    assert COLUMNS[-1] == "other"
    assert len(set(COLUMNS)) == len(COLUMNS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    event = an_event(json.dumps({"reason": f"{start}cmd|' /C calc'!A0"}))
    assert row(event)["reason"].startswith("'")
    assert harmless("Duplicate = yes") == "Duplicate = yes"


@given(st.text(), st.integers(-(2**63), 2**63 - 1))
def test_whatever_lies_in_the_trail_is_exported(facts: str, at: int) -> None:
    event = an_event(facts, at)
    assert len(cells(event)) == len(COLUMNS)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in cells(event))
    assert "\n" not in line(event)
    assert json.loads(line(event))["event"] == 7


@given(st.dictionaries(st.text(), st.text()))
def test_a_line_of_json_loses_nothing(facts: dict[str, str]) -> None:
    told = json.loads(line(an_event(json.dumps(facts))))
    assert told["facts"] == facts
    assert (told["at"], told["by"], told["decision"]) == (when(an_event()), None, "a" * 32)


def test_a_day_is_meant_as_a_whole_and_a_moment_exactly() -> None:
    assert since_of("2026-11-30") == datetime(2026, 11, 30, tzinfo=UTC)
    assert until_of("2026-11-30") == datetime(2026, 12, 1, tzinfo=UTC)
    for read in (since_of, until_of):
        assert read("2026-11-30T09:00:00+01:00") == datetime(2026, 11, 30, 8, tzinfo=UTC)
        assert read("2026-11-30T09:00") == datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "01.11.2026", "9999-12-31T23:59:59-14:00"])
def test_what_is_no_date_is_answered_with_how_to_write_one(text: str) -> None:
    with pytest.raises(UnusableValue, match="write it like 2026-11-30"):
        since_of(text)
