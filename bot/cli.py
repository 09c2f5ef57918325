"""The command line. Every failure ends in a sentence on standard error and a status other than 0."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import traceback
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bot.domain.errors import RecoupError
from bot.telemetry import configure_logging

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Act on failed invoices from Slack, safely.",
)

audit = typer.Typer(no_args_is_help=True, help="The audit trail: verify that it is whole, export it.")
app.add_typer(audit, name="audit")


def _version(wanted: bool) -> None:
    if wanted:
        print(version("recoup-bot"))
        raise typer.Exit


@app.callback()
def _main(
    show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)] = False,
) -> None:
    del show


@app.command()
def init(
    path: Annotated[Path, typer.Option(help="Where to write it.", envvar="RECOUP_CONFIG", show_envvar=False)] = Path(
        "recoup.toml"
    ),
) -> None:
    """Write a recoup.toml to start from, with every setting explained, and say what to do next."""
    from bot.example import next_steps, write_example  # noqa: PLC0415 - see run

    async def start() -> None:
        write_example(path)
        print(next_steps(path, "recoup.toml"))

    _run(start())


@app.command()
def manifest(
    url: Annotated[
        str | None, typer.Option(help="Your bot's public address: Slack calls it. Without it: Socket Mode.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="The slash command. Without it: the one in recoup.toml, or /invoice.")
    ] = None,
    name: Annotated[str, typer.Option(help="The app's name in Slack.")] = "Recoup",
) -> None:
    """Print the manifest of the Slack app, to be pasted at api.slack.com/apps."""
    from bot.manifest import manifest as manifest_of  # noqa: PLC0415 - see run

    async def start() -> None:
        print(manifest_of(command=command or _configured_command(), url=url, name=name), end="")

    _run(start())


@app.command()
def doctor(
    live_check: Annotated[
        bool,
        typer.Option("--live-check", help="Only try, by reading the accounts, what the providers' documents leave open."),
    ] = False,
) -> None:
    """Check settings, Slack, accounts and database, and say what to mend. Changes nothing, also beside a running bot."""
    if status := _run(_live_check() if live_check else _examination()):
        raise typer.Exit(status)


async def _examination() -> int:
    from bot.doctor.examination import examine  # noqa: PLC0415 - see run
    from bot.doctor.report import has_problems, written  # noqa: PLC0415 - see run
    from bot.settings import read_configuration  # noqa: PLC0415 - see run

    configure_logging("CRITICAL", human=True)
    findings = await examine(*read_configuration())
    print(written(findings, _width()))
    return int(has_problems(findings))


async def _live_check() -> int:
    from bot.doctor.live_check import is_as_relied_on, try_accounts, written  # noqa: PLC0415 - see run
    from bot.settings import read_configuration  # noqa: PLC0415 - see run

    configure_logging("CRITICAL", human=True)
    tried = await try_accounts(*read_configuration(needs_slack=False))
    print(written(tried, _width()))
    return int(not is_as_relied_on(tried))


@app.command()
def run() -> None:
    """Run the bot: Socket Mode with SLACK_APP_TOKEN, else HTTP on /slack/events."""
    from bot.app import serve  # noqa: PLC0415 - half a second of imports that --help does not need
    from bot.settings import load_configuration  # noqa: PLC0415 - likewise

    async def start() -> None:
        configuration = load_configuration()
        configure_logging(configuration.log_level, human=sys.stderr.isatty())
        await serve(configuration)

    _run(start())


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema. SQLite is migrated by `run` itself; stop the bot first."""
    from bot.settings import load_configuration  # noqa: PLC0415 - see run
    from bot.storage.schema import migrate as migrate_database  # noqa: PLC0415 - see run

    async def start() -> None:
        await migrate_database(load_configuration(needs_slack=False).database_url)
        print("The database schema is current.")

    _run(start())


@app.command()
def digest(
    name: Annotated[str, typer.Argument(help="A [digest.<name>] of recoup.toml.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print it here; post and record nothing.")] = False,
) -> None:
    """Read the failed invoices and print the digest as it would be posted."""
    from bot.preview import print_digest  # noqa: PLC0415 - see run
    from bot.settings import load_configuration  # noqa: PLC0415 - see run

    if not dry_run:
        print("The running bot posts digests. Add --dry-run to see one here.", file=sys.stderr)
        raise typer.Exit(2)

    async def start() -> None:
        configure_logging("ERROR", human=True)
        await print_digest(load_configuration(needs_slack=False), name)

    _run(start())


@app.command()
def reconcile() -> None:
    """Read once, at the providers, what became of every open decision. Sends nothing; stop the bot first. Ends with 3 where
    some are open still."""
    from bot.reconcile import reconcile as read_all  # noqa: PLC0415 - see run
    from bot.settings import load_configuration  # noqa: PLC0415 - see run

    async def start() -> int:
        configure_logging("ERROR", human=True)
        return await read_all(load_configuration(needs_slack=False))

    if status := _run(start()):
        raise typer.Exit(status)


@app.command()
def sandbox(
    headless: Annotated[bool, typer.Option("--headless", help="Play a short tour over HTTP, print it, and leave.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page.")] = 8123,
) -> None:
    """Try everything without an account: a local Slack, a fake provider, and the bot itself, unchanged."""
    from bot.trial import play  # noqa: PLC0415 - see run

    status = _run(play(headless=headless, port=port))
    if status:
        raise typer.Exit(status)


@audit.command("verify")
def audit_verify(
    expect: Annotated[
        str | None,
        typer.Option(
            help="A digest noted earlier, from this command or a log line `audit.sealed`: it has to be in the chain."
        ),
    ] = None,
) -> None:
    """Recompute every seal from the first one on and say what does not fit. Reads only, also beside a running bot."""
    from bot.audit import verify_trail  # noqa: PLC0415 - see run
    from bot.settings import load_configuration  # noqa: PLC0415 - see run

    async def start() -> int:
        return await verify_trail(load_configuration(needs_slack=False).database_url, expect)

    if status := _run(start()):
        raise typer.Exit(status)


@audit.command("export")
def audit_export(
    since: Annotated[str, typer.Option(help="From this day on, or this moment: 2026-11-01 (UTC).")],
    until: Annotated[str | None, typer.Option(help="Up to and with this day, or up to this moment.")] = None,
    form: Annotated[
        Literal["csv", "jsonl"], typer.Option("--format", help="csv for spreadsheets, jsonl for programs.")
    ] = "csv",
    output: Annotated[Path | None, typer.Option(help="Write it there instead of printing it.")] = None,
) -> None:
    """Write every event, one a row: who, what, when, why, how much, how it ended. Reads only, also beside a running bot."""
    from bot.audit import Format, Span, export_trail  # noqa: PLC0415 - see run
    from bot.settings import load_configuration  # noqa: PLC0415 - see run

    async def start() -> None:
        span = Span.of(since, until)
        await export_trail(load_configuration(needs_slack=False).database_url, span, Format(form), output)

    _run(start())


def _width() -> int | None:
    """The terminal's; None where the lines go elsewhere, to be read by a program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _configured_command() -> str:
    """The manifest is wanted before everything else is set, so problems elsewhere do not matter here."""
    from bot.settings import read_configuration  # noqa: PLC0415 - see run

    configuration, problems = read_configuration(needs_slack=False)
    if configuration is None or any("recoup.toml" in problem or "`command`" in problem for problem in problems):
        print("recoup: the settings cannot be read, so the command is /invoice; `recoup doctor` says why.", file=sys.stderr)
    return configuration.command if configuration else "/invoice"


def _run(work: Coroutine[Any, Any, int | None]) -> int | None:
    try:
        return asyncio.run(work)
    except RecoupError as error:
        for sentence in str(error).splitlines():
            print(f"recoup: {sentence}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:  # whoever read our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
    except Exception as error:  # noqa: BLE001 - a trace may hold what a terminal must not show; the place is enough to look
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        print(f"recoup: stopped by a fault of its own: {type(error).__name__} in {where}", file=sys.stderr)
        raise typer.Exit(70) from None


if __name__ == "__main__":
    app()
