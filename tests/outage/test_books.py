"""The judge of the outage proof condemns what it is there to condemn."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.outage import books
from tests.outage.stand import Stand, standing


async def test_a_charge_too_many_a_lost_press_and_a_false_ending_are_violations(database: Path) -> None:
    async with standing(database) as stand:
        stage = stand.stage
        bills = [stage.bill() for _ in range(4)]
        await stand.type_retries(bills)
        await stand.charged(bills)
        await stand.quiet()
        good = await stand.verdict("none")
        assert (good.violations, good.presses, good.charges) == ([], 4, 4)

        twice, false, hanging, mute = bills
        stage.stripe.charges.append(stage.charges(twice)[0])
        never_written = stage.bill()
        stand.pressed.append(books.Pressed(never_written, acknowledged=True))
        _tamper(database, "UPDATE action SET state = 'rejected' WHERE invoice = ?", false.id)
        _tamper(database, "UPDATE action SET state = 'executing' WHERE invoice = ?", hanging.id)
        _tamper(database, "DROP TRIGGER event_refuses_delete")
        _tamper(
            database,
            "DELETE FROM event WHERE kind = 'action.succeeded' AND action_id = (SELECT id FROM action WHERE invoice = ?)",
            mute.id,
        )

        await _condemned(stand, double=[twice.number], lost=[hanging.number, never_written.number])
        wrong = " ".join((await stand.verdict("some")).wrong)
        assert false.number in wrong
        assert mute.number in wrong


async def _condemned(stand: Stand, *, double: list[str], lost: list[str]) -> None:
    verdict = await stand.verdict("some")
    assert [sentence.split()[0] for sentence in verdict.double] == double
    assert [sentence.split()[0] for sentence in verdict.lost] == lost


def _tamper(file: Path, command: str, *values: str) -> None:
    with closing(sqlite3.connect(file, timeout=10)) as connection, connection:
        connection.execute(command, values)
