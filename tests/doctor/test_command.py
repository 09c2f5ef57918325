"""`recoup doctor` as it is typed: its lines, its status, and that a running bot goes on undisturbed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.doctor.report import Grade, advice, ok, problem, written
from bot.sandbox.providers.stripe import SECRET_KEY
from bot.settings import load_configuration
from bot.trial import running
from tests.doctor.bench import Bench
from tests.test_cli import recoup


def typed(**variables: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "120", **variables}, prog_name="recoup")
    return done.exit_code, done.stdout, done.stderr


def test_with_nothing_at_all_it_says_how_to_begin(tmp_path: Path) -> None:
    status, out, err = typed()
    assert (status, err) == (1, "")
    first, *rest = out.splitlines()
    assert "`recoup init`" in first
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "RECOUP_ACCOUNTS__STRIPE__API_KEY"):
        assert any(name in line for line in rest)
    assert rest[-1] == "4 problems. Mend them, then run `recoup doctor` again."
    assert list(tmp_path.iterdir()) == []


def test_after_init_the_placeholders_are_what_is_left_to_do() -> None:
    CliRunner().invoke(app, ["init"])
    status, out, _ = typed()
    assert status == 1
    assert re.search(r"`digest.finance.channel` \(line \d+\): C_YOUR_CHANNEL is a placeholder", out)
    assert "There is no recoup.toml" not in out
    assert "No [[allow]]" not in out


async def test_beside_a_running_bot_it_finds_nothing_wrong_and_the_bot_goes_on(bench: Bench) -> None:
    variables = {**bench.prepare(), "RECOUP_HTTP__PORT": "0"}
    for name, value in variables.items():
        bench.environment.setenv(name, value)
    async with running(load_configuration()) as port, aiohttp.ClientSession() as session:
        # In a process of its own, as an operator's would be: SQLite's locks are a process's.
        ended = await recoup(bench.folder, "doctor", **variables)
        async with session.get(f"http://127.0.0.1:{port}/healthz") as health:
            assert health.status == 200
    assert (ended.status, ended.err) == (0, "")
    assert "No problems" in ended.out
    assert "recoup.db can be written" in ended.out
    assert SECRET_KEY not in ended.out
    assert bench.slack.bot_token not in ended.out


async def test_a_problem_is_the_status(bench: Bench) -> None:
    status, out, err = await asyncio.to_thread(typed, **{**bench.prepare(), "SLACK_BOT_TOKEN": "xoxb-s3cr3t"})
    assert (status, err) == (1, "")
    assert "problem  bot token" in out
    assert "s3cr3t" not in out
    assert out.endswith("1 problem. Mend it, then run `recoup doctor` again.\n")


# --- lines ---


def test_every_finding_is_one_line_and_advice_is_no_problem() -> None:
    lines = written([ok("a", "Fine."), advice("longer", "Better\nnot.")]).splitlines()
    assert lines == [
        "ok       a       Fine.",
        "advice   longer  Better not.",
        "",
        "No problems, with 1 piece of advice above. `recoup run` starts the bot.",
    ]


def test_on_a_terminal_long_lines_are_folded_under_their_beginning() -> None:
    lines = written([problem("token", "word " * 40)], 60).splitlines()[:-2]
    assert len(lines) > 2
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith(" " * len("problem  token  ")) for line in lines[1:])


def test_nothing_that_slack_says_moves_the_terminal_s_cursor() -> None:
    assert "\x1b" not in written([ok("a", "\x1b[2J evil")])


@pytest.mark.parametrize("grade", list(Grade))
def test_every_grade_is_a_word_that_fits_its_column(grade: Grade) -> None:
    assert len(grade) < 9
