"""Outages on the line to PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from bot.sandbox.slack_state import Message
from tests import postgres
from tests.outage import books, postgres_line
from tests.outage.books import Verdict
from tests.outage.proxy import FaultProxy
from tests.outage.stand import Stand, standing
from tests.scenarios.reading import Pressable
from tests.scenarios.stage import MAYA, RETRY, Bill

Trouble = Callable[[], Awaitable[None]]

_PRESSES_OF_A_PERSON = 12
_BETWEEN_PRESSES = 0.25
_RUN_OUT_EVERY = 4
_SETTLING_ROUNDS = 200
_ROWS = 6


async def presses_until_taken(stand: Stand, bill: Bill, button: Pressable, message: Message) -> None:
    """As a person does whom Slack shows its warning: again, until it is taken; a doubt is no reason not to."""
    for _ in range(_PRESSES_OF_A_PERSON):
        answer = await stand.stage.push(MAYA, button, message)
        stand.pressed.append(books.Pressed(bill, answer.ok))
        if answer.ok:
            return
        await asyncio.sleep(_BETWEEN_PRESSES)


async def settle(stand: Stand, bills: Sequence[Bill]) -> None:
    """Until all is decided, by the clocks of the bot and of the database: both are moved, only when nothing moves."""
    for number in range(_SETTLING_ROUNDS):
        await stand.stage.settled()
        if not await books.open_actions(stand.url):
            return
        if number % _RUN_OUT_EVERY == _RUN_OUT_EVERY - 1:
            await postgres_line.let_leases_run_out(stand.url)
        await stand.quiet_step()
    assert bills, "nothing was pressed"


async def messages_of_a_press(database_url: str) -> int:
    """How many messages pass in the life of one press, from the click to the redrawn row."""
    async with postgres_line.reached_by_proxy(database_url) as (proxy, url), standing(database_url, through=url) as stand:
        bill = stand.stage.bill()
        digest = await stand.stage.digest()
        await stand.stage.settled()
        proxy.count_from_here()
        await stand.stage.press(MAYA, RETRY, bill, digest)
        await stand.stage.row_says(bill, digest, "Paid EUR 49.00")
        await stand.stage.settled()
        return proxy.messages


async def reset_at_messages(points: Sequence[int]) -> Verdict:
    """Every connection is reset at the k-th message since the press (F24), one press for each k."""
    database_url = postgres.fresh_database()
    async with postgres_line.reached_by_proxy(database_url) as (proxy, url), standing(database_url, through=url) as stand:
        for batch in [points[at : at + _ROWS] for at in range(0, len(points), _ROWS)]:
            await _one_batch(stand, proxy, batch)
        return await stand.verdict("PostgreSQL: reset at a message", len(points))


async def _one_batch(stand: Stand, proxy: FaultProxy, points: Sequence[int]) -> None:
    """One digest with as many rows; its other rows are there for the next presses."""
    bills = [stand.stage.bill() for _ in points]
    digest = await stand.stage.digest()
    buttons = {bill.id: stand.stage.row(bill, digest).button(RETRY) for bill in bills}
    for bill, point in zip(bills, points, strict=True):
        await stand.stage.settled()
        proxy.count_from_here(point)
        await presses_until_taken(stand, bill, buttons[bill.id], digest)
        await stand.stage.settled()
        proxy.heal()
        await settle(stand, bills)


async def blinking(rounds: int, seed: int) -> Verdict:
    """The line goes down for a moment, again and again, while people press (F24)."""
    chance = random.Random(seed)
    database_url = postgres.fresh_database()
    async with postgres_line.reached_by_proxy(database_url) as (proxy, url), standing(database_url, through=url) as stand:

        async def blink() -> None:
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            await proxy.go_down()
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            await proxy.come_up()

        for _ in range(rounds):
            await _pressed_during(stand, blink, chance)
        return await stand.verdict("PostgreSQL: line down while people press", rounds)


async def restarts(rounds: int, seed: int) -> Verdict:
    """The server is restarted as after a crash, again and again, while people press (F24)."""
    chance = random.Random(seed)
    async with postgres_line.killable() as own, standing(own.url) as stand:

        async def restart() -> None:
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            await own.restart()

        for _ in range(rounds):
            await _pressed_during(stand, restart, chance)
        return await stand.verdict("PostgreSQL: restarted as after a crash", rounds)


async def _pressed_during(stand: Stand, trouble: Trouble, chance: random.Random) -> None:
    bills = [stand.stage.bill() for _ in range(_ROWS)]
    digest = await stand.stage.digest()
    buttons = {bill.id: stand.stage.row(bill, digest).button(RETRY) for bill in bills}

    async def person(bill: Bill) -> None:
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        await presses_until_taken(stand, bill, buttons[bill.id], digest)

    await asyncio.gather(trouble(), *(person(bill) for bill in bills))
    await settle(stand, bills)
