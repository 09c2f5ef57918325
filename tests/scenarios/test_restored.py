"""F40: a day-old copy of the database is put back. The bot freezes itself, and sends nothing that was done already."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.action import STAR, Word
from bot.domain.policy import Rule
from bot.sandbox.slack_state import Message
from bot.storage.engine import open_storage
from tests.scenarios.stage import FIN, MAYA, OPS, RETRY, Bill, House, Stage
from tests.scenarios.test_strange_buttons import planted


def _copy(file: Path, to: Path) -> None:
    """As docs/operations.md makes one beside a running bot."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _put_back(copy: Path, file: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    shutil.copy(copy, file)


def _left_over(stage: Stage, bill: Bill, digest: Message) -> Message:
    button = stage.row(bill, digest).button(RETRY)
    return planted(stage, FIN, {"action_id": button.action_id, "value": button.value})


async def _press(stage: Stage, message: Message) -> None:
    answer = await stage.slack.press(MAYA, FIN, message.ts, action_id="invoice.run_action")
    assert answer.status == 200


@pytest.fixture
def house() -> House:
    """Maya may also end a freeze."""
    return House(rules=(Rule("lead", STAR | {Word.DIGEST, Word.FREEZE}),))


async def test_after_a_restore_nothing_is_sent_before_a_person_unfreezes_nor_what_was_done_already_after_it(
    stage: Stage, database: Path, tmp_path: Path
) -> None:
    in_flight, first, second = stage.bill("charge_then_hang"), stage.bill(), stage.bill()
    digest = await stage.digest()
    # As after a lost reply of Slack: copies of the digest lie in the channel which nobody redraws.
    old = {bill: _left_over(stage, bill, digest) for bill in (first, second)}
    await stage.press(MAYA, RETRY, in_flight, digest)
    await stage.eventually(lambda: stage.charges(in_flight), "the charge")
    _copy(database, tmp_path / "copy.db")  # two buttons are fresh in it, and one send has no answer yet
    for bill in (first, second):
        await stage.press(MAYA, RETRY, bill, digest)
        await stage.row_says(bill, digest, "Paid EUR 49.00")
    await stage.disturb("unreachable")
    await stage.disturb("reachable")
    await stage.restart()
    await stage.row_says(in_flight, digest, "Paid EUR 49.00")
    await stage.stop()

    _put_back(tmp_path / "copy.db", database)
    await stage.start()

    await stage.eventually(
        lambda: [one for one in stage.slack.messages(OPS) if "I have frozen myself" in one.text], "the alert"
    )
    await _press(stage, old[first])
    await stage.told(MAYA, "frozen")
    await stage.command(MAYA, f"show {second.ref}")
    assert await stage.told(MAYA, second.number, "paid"), "reading goes on"
    await stage.settled()
    answer = await stage.command(MAYA, "unfreeze")
    assert answer.ok, answer
    await _press(stage, old[second])
    await stage.told(MAYA, "This invoice has been paid since you saw it")
    await stage.settled()

    for bill in (in_flight, first, second):
        assert stage.sends(bill) == ["pay"], "once, before the copy was put back"
        assert len(stage.charges(bill)) == 1
    await stage.row_says(in_flight, digest, "Paid EUR 49.00")


async def test_normal_restarts_freeze_nothing(stage: Stage, database: Path) -> None:
    bill = stage.bill()
    for _ in range(2):
        await stage.restart()
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    async with open_storage(f"sqlite:///{database}", read_only=True) as storage:
        assert await storage.journal.frozen() is None
