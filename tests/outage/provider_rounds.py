"""Outages on the line to the provider."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from tests.outage.books import Verdict
from tests.outage.proxy import Cut, Ending
from tests.outage.stand import Stand, standing
from tests.scenarios.stage import Bill

STEP = 64
"""Bytes between two cuts of an answer."""
TEN_MINUTES = 600.0
ENDINGS = (Ending.RESET, Ending.CLOSE, Ending.HALF_CLOSE)
AFTER_EFFECT = ("charge_then_500", "charge_then_html", "charge_then_cut", "charge_then_reset")


def pays(bill: Bill) -> bytes:
    """How the request begins that collects a bill."""
    return f"POST /v1/invoices/{bill.id}/pay ".encode()


async def answer_size(stand: Stand) -> int:
    """How many bytes the answer to a payment has, head and body."""
    spare = stand.stage.bill()
    host, port = "127.0.0.1", stand.provider.port
    reader, writer = await asyncio.open_connection(host, port)
    body = b"expand%5B0%5D=payments"
    head = f"Host: {host}\r\nAuthorization: Bearer {stand.stage.stripe.keys[0].secret}\r\nConnection: close\r\n"
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(pays(spare) + b"HTTP/1.1\r\n" + f"{head}{form}".encode() + body)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    return len(answer)


async def cut_answers(database: Path, how: Ending, every: int = STEP) -> Verdict:
    """The answer to each payment ends after 0, `every`, 2 x `every` … bytes (F11)."""
    async with standing(database) as stand:
        cuts = range(0, await answer_size(stand) - 1, every)
        bills = [stand.stage.bill() for _ in cuts]
        stand.provider.cuts += [Cut(pays(bill), count, how) for bill, count in zip(bills, cuts, strict=True)]
        await stand.type_retries(bills)
        await stand.charged(bills)
        await stand.quiet()
        assert stand.provider.cuts == [], "every cut met its request"
        return await stand.verdict(f"answer cut every {every} bytes, {how}", len(bills))


async def stopped_requests(database: Path, count: int) -> Verdict:
    """The connection is reset before the request reaches the provider: it is sent again under its key."""
    async with standing(database) as stand:
        bills = [stand.stage.bill() for _ in range(count)]
        stand.provider.cuts += [Cut(pays(bill), before=True) for bill in bills]
        await stand.type_retries(bills)
        await stand.quiet()
        return await stand.verdict("reset before the request arrives", count)


async def lost_after_effect(database: Path, count: int) -> Verdict:
    """A server error, a web page, half an answer and a reset after the charge (F12)."""
    async with standing(database) as stand:
        bills = [stand.stage.bill(magic) for _ in range(count) for magic in AFTER_EFFECT]
        await stand.type_retries(bills)
        await stand.charged(bills)
        await stand.quiet()
        return await stand.verdict("5xx, HTML, half an answer, reset after the charge", len(bills))


async def black_hole(database: Path, count: int, seconds: float) -> Verdict:
    """Answers are held back for so long, then the connections break (F10). The bot's own limit is 80 s."""
    async with standing(database) as stand:
        bills = [stand.stage.bill() for _ in range(count)]
        stand.provider.cuts += [Cut(pays(bill), 0, Ending.HANG) for bill in bills]
        await stand.type_retries(bills)
        await stand.charged(bills)
        await asyncio.sleep(seconds)
        stand.provider.end_all()
        await stand.quiet()
        return await stand.verdict(f"black hole for {seconds:.0f} s after the charge", count)


async def flapping(database: Path, count: int, blinks: int) -> Verdict:
    """The line goes down and comes up again while retries are typed: some never leave, some lose their answer."""
    async with standing(database) as stand:
        bills = [stand.stage.bill() for _ in range(count)]
        typing = asyncio.create_task(stand.type_retries(bills, at_once=4))
        for _ in range(blinks):
            await asyncio.sleep(0.15)
            await stand.provider.go_down()
            await asyncio.sleep(0.05)
            await stand.provider.come_up()
        await typing
        await stand.quiet()
        return await stand.verdict("provider's line down and up again", blinks)


async def rate_limited(database: Path, count: int, *, retry_after: int | None, per_second: int | None = 25) -> Verdict:
    """Many retries at once, and a provider that answers 429: to as many requests as there are retries, and then to all
    above so many per second (F18)."""
    async with standing(database, pace=100) as stand:
        stage = stand.stage
        bills = [stage.bill() for _ in range(count)]
        stage.stripe.everything, stage.stripe.faults_left = "429", count
        stage.stripe.limit.per_second, stage.stripe.limit.retry_after = per_second, retry_after
        await stand.type_retries(bills, at_once=32)
        began = stage.clock.now()
        await _all_charged(stand, bills)
        took = stage.clock.now() - began
        stage.stripe.limit.per_second = None
        await stand.quiet()
        verdict = await stand.verdict(f"429, Retry-After {retry_after}", count)
        unpaid = [bill.number for bill in bills if stage.status(bill) != "paid"]
        if unpaid:
            verdict.lost.append(f"{len(unpaid)} of {count} retries were not done after {took}: {unpaid[:5]}")
        return verdict


async def _all_charged(stand: Stand, bills: Sequence[Bill]) -> None:
    """Until all are paid, or the ten minutes of a press are over."""
    stage = stand.stage
    with contextlib.suppress(AssertionError):
        await stage.eventually(lambda: all(stage.status(bill) == "paid" for bill in bills) or None, within=TEN_MINUTES)
