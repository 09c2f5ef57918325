"""The first version was killed in the middle of a retry; this one starts on its database, and the retry ends once (F32)."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from bot.sandbox.wire import WireRequest
from bot.storage import migrations
from bot.storage.engine import database_url, writing_engine
from tests.scenarios.stage import FIN, MAYA, Bill, Stage

ACTION, KEY = "0123456789abcdef" * 2, "recoup-of-the-first-version"
DECISION = f"""
INSERT INTO action (id, intent_key, kind, state, account, invoice, amount_minor, currency, actor, team, reply_to,
                    created_at, act_by, lease_owner, lease_until, lease_ms, next_check_at, checks)
VALUES ('{ACTION}', 'typed:1', 'retry', 'executing', 'stripe', :invoice, 4900, 'EUR', :user, 'T0RECOUP',
        json_object('user', :user, 'channel', :channel), :at, :at + 600000, 'killed', :at + 120000, 120000, :at, 0)
"""
ATTEMPT = f"""
INSERT INTO attempt (action_id, no, idem_key, key_expires_at, before, sends, first_sent_at, last_sent_at)
VALUES ('{ACTION}', 1, '{KEY}', :at + 69120000,
        json_object('newest_charge', :declined, 'payment', 'failed', 'status', 'open',
                    'owed', json_object('minor', 4900, 'currency', 'EUR')),
        1, :at, :at)
"""
EVENT = f"""
INSERT INTO event (action_id, account, invoice, at, kind, actor, facts)
VALUES ('{ACTION}', 'stripe', :invoice, :at, :kind, :user, '{{}}')
"""


@pytest.mark.parametrize("arrived", [True, False], ids=["charged", "never arrived"])
async def test_a_retry_that_an_older_version_left_behind_ends_as_it_was_and_is_not_sent_again(
    stage: Stage, database: Path, arrived: bool
) -> None:
    bill = stage.bill()
    (declined,) = [charge.id for charge in stage.stripe.books.known_charges.values() if charge.invoice == bill.id]
    sent_at = stage.clock.now()
    if arrived:
        _charge(stage, bill)
    await stage.stop()
    stage.clock.ahead += timedelta(minutes=5)
    await _of_the_first_version(database, bill, declined, sent_at)
    await stage.start()
    await stage.told(MAYA, bill.id, "Paid EUR 49.00" if arrived else "nothing was charged")
    assert stage.sends(bill) == (["pay"] if arrived else [])
    assert stage.collected(bill) == (4900 if arrived else 0)
    with sqlite3.connect(database) as connection:
        kinds = [kind for (kind,) in connection.execute("SELECT kind FROM event WHERE action_id = ? ORDER BY id", [ACTION])]
    assert kinds == [
        "action.accepted",
        "attempt.begun",
        "attempt.lost",
        f"action.{'succeeded' if arrived else 'not_applied'}",
    ]
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.eventually(lambda: stage.collected(bill) == 4900 or None, "paying")
    await stage.settled()
    assert len(stage.charges(bill)) == 1


def _charge(stage: Stage, bill: Bill) -> None:
    """What the old process sent before it was killed."""
    headers = {
        "authorization": f"Bearer {stage.stripe.keys[0].secret}",
        "idempotency-key": KEY,
        "content-type": "application/x-www-form-urlencoded",
    }
    body = b"expand%5B0%5D=payments"
    stage.stripe.respond(WireRequest("POST", f"/v1/invoices/{bill.id}/pay", "", headers, body))


async def _of_the_first_version(database: Path, bill: Bill, declined: str, at: datetime) -> None:
    """A new file in the place of the present one, with the rows that the first version wrote before its death."""
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()
    then = round(at.timestamp() * 1000)

    def write(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(*migrations.__path__)))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text(DECISION), {"invoice": bill.id, "at": then, "user": MAYA, "channel": FIN})
        connection.execute(text(ATTEMPT), {"at": then, "declined": declined})
        for kind in ("action.accepted", "attempt.begun"):
            connection.execute(text(EVENT), {"invoice": bill.id, "at": then, "kind": kind, "user": MAYA})

    engine = writing_engine(database_url(f"sqlite:///{database}"), mode="rwc")
    async with engine.begin() as connection:
        await connection.run_sync(write)
    await engine.dispose()
