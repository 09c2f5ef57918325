"""A disk that takes no write: nothing is acknowledged, nothing is sent, `/healthz` says so, and all goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy

import pytest

from bot.domain.errors import JournalUnavailable
from bot.storage.engine import open_storage
from tests.outage import disk_rounds as rounds
from tests.outage.stand import standing
from tests.scenarios.stage import MAYA, RETRY

NOBODY = 65534


async def test_a_full_disk_acknowledges_nothing_sends_nothing_and_turns_health_red(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        digest = await stage.digest()
        await stage.settled()
        with rounds.full_disk():
            answer = await stage.press(MAYA, RETRY, bill, digest)
            status, body = await rounds.health(stage)
            await stage.settled()
            assert not answer.ok
            assert stage.sends(bill) == []
            assert status == 503
            assert any(problem.startswith("database: ") for problem in body["problems"]), body["problems"]
        assert (await rounds.health(stage))[0] == 200
        assert (await stage.press(MAYA, RETRY, bill, digest)).ok
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        assert len(stage.charges(bill)) == 1


async def test_a_disk_that_fills_up_before_the_attempt_is_on_it_lets_nothing_be_sent(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        digest = await stage.digest()
        await stage.settled()
        stand.provider.down.hole = True
        assert (await stage.press(MAYA, RETRY, bill, digest)).ok
        await stage.eventually(lambda: [r for r in stage.stripe.requests if bill.id in r.path][-1:], "the guard read")
        with rounds.full_disk():
            stand.provider.heal()
            await asyncio.sleep(0.5)
            assert stage.sends(bill) == []
        await stage.restart()
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        assert len(stage.charges(bill)) == 1


@pytest.mark.parametrize("frames", [3, 12])
async def test_a_disk_that_fills_up_in_the_life_of_a_press_charges_once(database: Path, frames: int) -> None:
    verdict = await rounds.full_after(database, [frames])
    assert verdict.violations == []
    assert verdict.charges == 1


async def test_a_second_writer_s_lock_means_no_acknowledgement_and_red_health(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        digest = await stage.digest()
        await stage.settled()
        async with rounds.second_writer(database):
            answer, (status, body) = await asyncio.gather(stage.press(MAYA, RETRY, bill, digest), rounds.health(stage))
            assert not answer.ok
            assert status == 503
            assert any(problem.startswith("database: ") for problem in body["problems"])
            assert stage.sends(bill) == []
        assert (await stage.press(MAYA, RETRY, bill, digest)).ok
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        assert len(stage.charges(bill)) == 1


async def test_an_answer_that_comes_while_another_holds_the_lock_is_written_down_afterwards(database: Path) -> None:
    async with standing(database) as stand:
        stage, bill = stand.stage, stand.stage.bill()
        digest = await stage.digest()
        await stage.settled()
        assert (await stage.press(MAYA, RETRY, bill, digest)).ok
        await stage.eventually(lambda: stage.sends(bill), "the send")
        async with rounds.second_writer(database):
            await asyncio.sleep(2.5)
        await stage.row_says(bill, digest, "Paid EUR 49.00")
        assert stage.sends(bill) == ["pay"]
        assert len(stage.charges(bill)) == 1


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root may write everywhere; anybody else is turned away by the file's own mode."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def unwritable(database: Path) -> Iterator[Path]:
    """A copy that everybody may read, in a directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(copy(database, folder))
        file.chmod(0o444)
        Path(folder).chmod(0o555)
        yield file
        Path(folder).chmod(0o755)


async def test_a_file_that_may_not_be_written_stops_the_start_with_a_sentence(unwritable: Path) -> None:
    with _as_nobody(), pytest.raises(JournalUnavailable, match="cannot be opened: Permission denied"):
        async with open_storage(f"sqlite+aiosqlite:///{unwritable}", exclusive=True):
            raise AssertionError("it may not be written")
