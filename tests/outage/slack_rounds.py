"""Outages on the line to Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bot.sandbox.slack_state import Message
from tests.outage import books
from tests.outage.books import Verdict
from tests.outage.proxy import Cut, Ending
from tests.outage.stand import PATIENCE, Stand, standing
from tests.scenarios.stage import MAYA, RETRY, Bill

ROWS = 6
PAID = "Paid EUR 49.00"
UPDATE, POST = b"/api/chat.update ", b"/api/chat.postMessage "


async def digest_with(stand: Stand, count: int) -> tuple[list[Bill], Message]:
    """Some new bills and a message that shows them all."""
    bills = [stand.stage.bill() for _ in range(count)]
    digest = await stand.stage.digest()
    await stand.stage.settled()
    return bills, digest


async def press_all(stand: Stand, bills: Sequence[Bill], message: Message) -> None:
    for bill in bills:
        answer = await stand.stage.press(MAYA, RETRY, bill, message)
        stand.pressed.append(books.Pressed(bill, answer.ok))


async def all_told(stand: Stand, bills: Sequence[Bill], message: Message) -> None:
    for bill in bills:
        await stand.stage.row_says(bill, message, PAID, within=PATIENCE)


async def down_for_an_hour(database: Path, count: int) -> Verdict:
    """Decisions run while Slack refuses every connection; an hour later every row tells how they ended (F21)."""
    async with standing(database) as stand:
        for at in range(0, count, ROWS):
            bills, digest = await digest_with(stand, min(ROWS, count - at))
            await stand.slack.go_down()
            await press_all(stand, bills, digest)
            await stand.charged(bills)
            stand.stage.clock.ahead += timedelta(hours=1)
            await stand.slack.come_up()
            await all_told(stand, bills, digest)
            # Roles that were read an hour ago give nobody a right; a start reads them again at once.
            await stand.stage.restart()
        verdict = await stand.verdict("Slack: down for an hour", count)
        verdict.wrong += _outdated(stand)
        return verdict


async def dropped_after_accept(database: Path, count: int) -> Verdict:
    """Slack takes what is said and its answer is lost, for every kind of call in turn (F19, F20)."""
    endings = tuple(Ending)[:3]
    async with standing(database) as stand:
        for number in range(count):
            stand.slack.cuts = [Cut(POST, 0, endings[number % 3]), Cut(UPDATE, 0, endings[number % 3])]
            before = len(stand.stage.digests())
            bills, digest = await digest_with(stand, 1)
            await press_all(stand, bills, digest)
            await all_told(stand, bills, digest)
            assert stand.slack.cuts == [], "both calls were met by their cut"
            await stand.stage.settled()
            if (copies := len(stand.stage.digests()) - before) > 2:
                raise AssertionError(f"a digest whose answer was lost once lies there {copies} times")
        return await stand.verdict("Slack: dropped after accept", count)


async def flapping(database: Path, count: int, blinks: int) -> Verdict:
    """The line goes down and comes up again while people press."""
    async with standing(database) as stand:
        for at in range(0, count, ROWS):
            bills, digest = await digest_with(stand, min(ROWS, count - at))
            pressing = asyncio.create_task(press_all(stand, bills, digest))
            for _ in range(max(blinks * ROWS // count, 1)):
                await asyncio.sleep(0.1)
                await stand.slack.go_down()
                await asyncio.sleep(0.05)
                await stand.slack.come_up()
            await pressing
            await all_told(stand, bills, digest)
        verdict = await stand.verdict("Slack: line down and up again", blinks)
        verdict.wrong += _outdated(stand)
        return verdict


def _outdated(stand: Stand) -> list[str]:
    """After a row has told its ending, no older state may be drawn over it."""
    found = []
    for bill in {one.bill.id: one.bill for one in stand.pressed}.values():
        told = [PAID in version for version in stand.stage.versions(bill)]
        if True in told and False in told[told.index(True) :]:
            found.append(f"{bill.number}: an older state was drawn over its ending")
    return found
