"""The command line as an operator meets it: every failure is a sentence on standard error and a status other than 0."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.sandbox.providers.stripe import FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.world import World

ROOT = Path(__file__).parents[1]
TOML = """
[accounts.stripe]
base_url = "{url}"
[digest.finance]
channel = "C0FIN"
cron = "0 9 * * mon-fri"
minimum = {{ EUR = "10" }}
"""


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    def sentences(self) -> list[str]:
        """What the operator was told, one sentence a line, with nothing of our inside."""
        assert "Traceback" not in self.err
        assert "s3cr3t" not in self.err + self.out
        lines = self.err.splitlines()
        assert all(line.startswith("recoup: ") for line in lines), lines
        return [line.removeprefix("recoup: ") for line in lines]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def started(folder: Path, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("RECOUP_", "SLACK_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cli",
        *arguments,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "NO_COLOR": "1", **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def recoup(folder: Path, *arguments: str, **variables: str) -> Ended:
    process = await started(folder, *arguments, **variables)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """The same in this process, which is quicker: for what ends before anything is set up."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(("RECOUP_", "SLACK_")):
            monkeypatch.delenv(name)

    def invoked(*arguments: str, **variables: str) -> Ended:
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "120", **variables}, prog_name="recoup")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    return invoked


@pytest.fixture
async def world() -> AsyncIterator[World]:
    running = World()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def stripe(world: World) -> FakeStripe:
    provider = world.providers["stripe"]
    assert isinstance(provider, FakeStripe)
    return provider


@pytest.fixture
def account(stripe: FakeStripe, world: World, tmp_path: Path) -> dict[str, str]:
    """A configured account, as the environment gives its key."""
    (tmp_path / "recoup.toml").write_text(TOML.format(url=world.url("stripe")))
    return {"RECOUP_ACCOUNTS__STRIPE__API_KEY": stripe.credentials()["api_key"]}


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    local = LocalSlack()
    await local.start()
    yield local
    await local.close()


@pytest.fixture
def bot(slack: LocalSlack) -> dict[str, str]:
    """What `run` needs to reach the local Slack over HTTP."""
    return {
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "RECOUP_HTTP__PORT": "0",
    }


def test_help_names_the_commands(here: Callable[..., Ended]) -> None:
    for arguments in (("--help",), ()):
        ended = here(*arguments)
        for command in ("run", "migrate", "digest", "sandbox"):
            assert command in ended.out + ended.err
        assert "Traceback" not in ended.err
    assert (here("--help")).status == 0


def test_version_is_the_one_of_the_package(here: Callable[..., Ended]) -> None:
    ended = here("--version")
    assert (ended.status, ended.out.strip()) == (0, version("recoup-bot"))


def test_a_command_that_is_none_is_refused(here: Callable[..., Ended]) -> None:
    ended = here("rum")
    assert ended.status != 0
    assert "rum" in ended.err
    assert "Traceback" not in ended.err


# --- run ---


def test_run_without_settings_says_what_to_set(tmp_path: Path, here: Callable[..., Ended]) -> None:
    ended = here("run")
    assert ended.status == 1
    first, second = ended.sentences()
    assert "SLACK_BOT_TOKEN" in first
    assert "SLACK_APP_TOKEN" in second
    assert "SLACK_SIGNING_SECRET" in second
    assert list(tmp_path.iterdir()) == []


def test_run_tells_every_problem_of_its_settings_at_once_and_no_secret(tmp_path: Path, here: Callable[..., Ended]) -> None:
    (tmp_path / "recoup.toml").write_text('[digest.finance]\nchannel = "C0FIN"\ncron = "0 9 * * 1-5"\n')
    ended = here(
        "run",
        SLACK_BOT_TOKEN="s3cr3t",
        SLACK_SIGNING_SECRET="s3cr3t",
        RECOUP_DATABSE_URL="postgresql://u:s3cr3t@h/d",
        RECOUP_ACCOUNTS__STRIPE__API_KEY="sk_live_s3cr3t",
    )
    assert ended.status == 1
    told = ended.sentences()
    assert len(told) == 3
    assert all(named in "\n".join(told) for named in ("SLACK_BOT_TOKEN", "RECOUP_DATABSE_URL", "mon-fri"))


async def test_run_stops_where_an_account_cannot_be_used(tmp_path: Path, bot: dict[str, str]) -> None:
    ended = await recoup(tmp_path, "run", **bot, RECOUP_ACCOUNTS__PAYPAL__API_KEY="s3cr3t")
    assert ended.status == 1
    assert "paypal" in ended.sentences()[0]


async def test_run_stops_where_slack_refuses_the_token(tmp_path: Path, bot: dict[str, str]) -> None:
    ended = await recoup(tmp_path, "run", **{**bot, "SLACK_BOT_TOKEN": "xoxb-s3cr3t"})
    assert ended.status == 1
    assert ended.sentences() == ["Slack refuses SLACK_BOT_TOKEN (invalid_auth)."]


async def test_run_stops_where_its_port_is_taken(tmp_path: Path, bot: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await recoup(tmp_path, "run", **{**bot, "RECOUP_HTTP__PORT": port})
    assert ended.status == 1
    assert f"127.0.0.1:{port}" in ended.err
    assert "Traceback" not in ended.err


async def until_started(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while line := await process.stderr.readline():
            if json.loads(line)["event"] == "bot.started":
                return
    pytest.fail("the bot ended before it had started")


async def test_a_second_bot_on_the_same_file_is_refused_and_the_first_one_goes_on(
    tmp_path: Path, bot: dict[str, str]
) -> None:
    first = await started(tmp_path, "run", **bot)
    await until_started(first)
    second = await recoup(tmp_path, "run", **bot)
    migration = await recoup(tmp_path, "migrate")
    assert second.status == 1
    assert "in use by another `recoup run`" in second.sentences()[-1]
    assert migration.status == 1
    assert "in use" in migration.sentences()[0]
    assert first.returncode is None
    first.send_signal(signal.SIGTERM)
    async with asyncio.timeout(25):
        _, err = await first.communicate()
    assert first.returncode == 0
    assert "Traceback" not in err.decode()
    third = await started(tmp_path, "run", **bot)
    await until_started(third)
    third.send_signal(signal.SIGINT)
    async with asyncio.timeout(25):
        await third.communicate()
    assert third.returncode == 0


# --- migrate ---


def test_migrate_makes_the_database_and_may_be_called_again(tmp_path: Path, here: Callable[..., Ended]) -> None:
    for _ in range(2):
        ended = here("migrate")
        assert (ended.status, ended.err) == (0, "")
        assert ended.out == "The database schema is current.\n"
    assert (tmp_path / "recoup.db").exists()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3cr3t",
        "mysql://u:s3cr3t@h/d",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:////nowhere/at/all/recoup.db",
        "postgresql+asyncpg://u:s3cr3t@127.0.0.1:1/d",
        "postgresql+asyncpg://u:s3cr3t@127.0.0.1:port/d",
    ],
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(url: str, here: Callable[..., Ended]) -> None:
    ended = here("migrate", RECOUP_DATABASE_URL=url)
    assert ended.status == 1
    assert len(ended.sentences()) == 1


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path, here: Callable[..., Ended]) -> None:
    (tmp_path / "recoup.db").write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    ended = here("migrate")
    assert ended.status == 1
    assert len(ended.sentences()) == 1


# --- digest ---


async def test_a_dry_run_prints_a_readable_digest_and_changes_nothing(
    tmp_path: Path, stripe: FakeStripe, account: dict[str, str]
) -> None:
    stripe.add_invoice(name="Acme <GmbH> & Söhne", amount=42_000, currency="eur")
    stripe.add_invoice(name="Kleinst", amount=500, currency="eur")
    stripe.add_invoice(name="Yen Ltd", amount=7_000, currency="jpy")
    ended = await recoup(tmp_path, "digest", "finance", "--dry-run", **account)
    assert (ended.status, ended.err) == (0, "")
    assert "Acme <GmbH> & Söhne" in ended.out
    assert "420.00" in ended.out
    assert "Kleinst" not in ended.out
    assert "425.00" in ended.out
    assert "7,000" in ended.out
    assert "{" not in ended.out
    assert "\u200b" not in ended.out
    assert all(request.method == "GET" for request in stripe.requests)
    assert stripe.ledger() == []
    assert files(tmp_path) == ["recoup.toml"]


async def test_a_dry_run_without_slack_s_tokens_is_fine_and_an_unreachable_provider_is_said(
    tmp_path: Path, world: World, account: dict[str, str]
) -> None:
    await world.control("unreachable", {})
    ended = await recoup(tmp_path, "digest", "finance", "--dry-run", **account)
    assert ended.status == 0
    assert "Traceback" not in ended.err
    assert "Missing: stripe" in ended.out


async def test_a_digest_without_any_settings_is_answered_with_how_to_begin(tmp_path: Path) -> None:
    ended = await recoup(tmp_path, "digest", "finance", "--dry-run")
    assert ended.status == 1
    assert "none is configured. `recoup init` writes a file to start from" in ended.err


async def test_a_digest_that_is_not_configured_is_answered_with_those_that_are(
    tmp_path: Path, account: dict[str, str]
) -> None:
    ended = await recoup(tmp_path, "digest", "finanse", "--dry-run", **account)
    assert ended.status == 1
    assert ended.sentences() == ["There is no digest “finanse” in recoup.toml; configured: finance."]


def test_only_a_running_bot_posts_digests(here: Callable[..., Ended]) -> None:
    ended = here("digest", "finance")
    assert ended.status == 2
    assert "--dry-run" in ended.err


async def test_a_dry_run_with_a_key_that_is_refused_says_so_without_it(
    tmp_path: Path, world: World, account: dict[str, str]
) -> None:
    del account
    ended = await recoup(
        tmp_path, "digest", "finance", "--dry-run", RECOUP_ACCOUNTS__STRIPE__API_KEY="rk_test_s3cr3ts3cr3ts3cr3t"
    )
    assert ended.status == 0
    assert "s3cr3t" not in ended.out + ended.err
    assert world.url("stripe") not in ended.out
