"""`recoup audit`: verify the chain of seals and export the trail, read-only, beside a running bot."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from bot.domain.audit import AuditEvent, digest_of, milliseconds
from bot.domain.audit_export import COLUMNS, cells, line, since_of, until_of
from bot.domain.errors import UnusableValue
from bot.ports import AuditTrail
from bot.services.audit import BATCH, Verified, verify
from bot.storage.engine import open_storage


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on, and before `until` (None: to the newest)."""

    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, since: str, until: str | None) -> Span:
        """Raises UnusableValue, with one sentence."""
        span = cls(since_of(since), until_of(until) if until is not None else None)
        if span.until is not None and span.until <= span.since:
            raise UnusableValue(f"There is nothing between “{since}” and “{until}”: --until has to be after --since.")
        return span


async def verify_trail(url: str, expect: str | None) -> int:
    """Print what the recomputed chain came to; answers the exit status."""
    noted = digest_of(expect) if expect is not None else None
    async with open_storage(url, read_only=True) as storage:
        found = await verify(storage.audit, noted)
    print("\n".join(_said(found, noted)))  # noqa: T201 - a command's output
    return int(found.problem is not None)


async def export_trail(url: str, span: Span, form: Format, output: Path | None) -> None:
    """Write every event of the span, in the order in which they were written down. Memory does not grow with them."""
    async with open_storage(url, read_only=True) as storage:
        with _opened(output) as file:
            await _write(_events(storage.audit, span), form, file)


def _said(found: Verified, noted: str | None) -> list[str]:
    checked = f"{_count(found.events, 'event')} under {_count(found.seals, 'seal')}"
    if found.problem is not None:
        return [
            "The audit trail does not fit.",
            found.problem,
            *([f"What comes before fits: {checked}."] if found.seals else []),
        ]
    if found.head is None:
        waiting = _count(found.unsealed, "event")
        return [f"Nothing is sealed yet ({waiting} without a seal). The running bot seals what is new each minute."]
    fits = ["The digest that was noted is in the chain."] if noted is not None else []
    waiting = f"{_count(found.unsealed, 'newer event')} not sealed yet." if found.unsealed else "Every event is sealed."
    return [f"The audit trail is whole: {checked}. {waiting}", *fits, f"Newest seal: {found.head}"]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


async def _events(trail: AuditTrail, span: Span) -> AsyncIterator[AuditEvent]:
    since, until = milliseconds(span.since), milliseconds(span.until) if span.until is not None else None
    last: int | None = None
    while page := await trail.between(since, until, last, BATCH):
        for event in page:
            yield event
        last = page[-1].id


async def _write(events: AsyncIterator[AuditEvent], form: Format, file: TextIO) -> None:
    write = _csv(file) if form is Format.CSV else _jsonl(file)
    async for event in events:
        write(event)
    file.flush()


def _csv(file: TextIO) -> Callable[[AuditEvent], Any]:
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    return lambda event: writer.writerow(cells(event))


def _jsonl(file: TextIO) -> Callable[[AuditEvent], Any]:
    return lambda event: file.write(f"{line(event)}\n")


@contextmanager
def _opened(output: Path | None) -> Generator[TextIO]:
    """Standard output, or a file that is its owner's alone and appears only when it is whole."""
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        yield sys.stdout
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
        ) as file:
            yield file
        part.replace(output)
    except OSError as error:
        raise UnusableValue(f"{output} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
