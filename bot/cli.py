"""The command line. Every failure ends in a sentence on standard error and a status other than 0."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.domain.errors import RecoupError
from bot.telemetry import configure_logging

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Act on failed invoices from Slack, safely.",
)


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
def sandbox(
    headless: Annotated[bool, typer.Option("--headless", help="Play a short tour over HTTP, print it, and leave.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page.")] = 8123,
) -> None:
    """Try everything without an account: a local Slack, a fake provider, and the bot itself, unchanged."""
    from bot.trial import play  # noqa: PLC0415 - see run

    status = _run(play(headless=headless, port=port))
    if status:
        raise typer.Exit(status)


def _run(work: Coroutine[Any, Any, int | None]) -> int | None:
    try:
        return asyncio.run(work)
    except RecoupError as error:
        for sentence in str(error).splitlines():
            print(f"recoup: {sentence}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:  # noqa: BLE001 - a trace may hold what a terminal must not show; the place is enough to look
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        print(f"recoup: stopped by a fault of its own: {type(error).__name__} in {where}", file=sys.stderr)
        raise typer.Exit(70) from None


if __name__ == "__main__":
    app()
