"""The digest message: how much in a line, what is new, what is missing, then the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.content import DigestContent, Row
from bot.domain.digest import CurrencyTotal, Digest
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, fit, rendered
from handlers.views.freezing import frozen_line
from handlers.views.money import amount
from handlers.views.row import row_blocks
from handlers.views.text import code, escape, prose
from handlers.views.times import moment

_GAPS_SHOWN = 10


def digest(content: DigestContent, *, command: str, now: datetime) -> Rendered:
    found = content.digest
    if found.count == 0 and not content.rows:
        return _quiet(content, command)
    headline = _headline(content, command)
    head = [blocks.header(_title(found)), *([blocks.section(headline)] if headline else [])]
    rows = _rows(content, now, command)
    return rendered(_summary(found), fit(head, rows, lambda shown: _tail(content, shown, command)))


def _quiet(content: DigestContent, command: str) -> Rendered:
    """One line, which must not say "nothing" of what could not be read."""
    found = content.digest
    accounts = ", ".join(escape(account) for account in found.accounts[:_GAPS_SHOWN])
    where = "in what could be read" if found.gaps else f"in {accounts}" if accounts else ""
    line = f"No failed invoices{f' {where}' if where else ''}{_mode(found)}."
    text = "\n".join([line, *_changes(found), *_notes(content, command)])
    return rendered(_summary(found), [blocks.section(text), blocks.context(f"As of {moment(found.as_of)}")])


def _title(found: Digest) -> str:
    """The header, in plain text: it must not say "none" of what could not be read."""
    if found.count:
        return f"{_counted(found.count)}{_mode(found)}"
    return f"No failed invoices{' in what could be read' if found.gaps else ''}{_mode(found)}"


def _counted(count: int) -> str:
    return "1 failed invoice" if count == 1 else f"{count} failed invoices"


def _mode(found: Digest) -> str:
    """Test and live never stand together without being told apart."""
    if not found.test_accounts:
        return ""
    return " (test mode)" if set(found.accounts) <= set(found.test_accounts) else " (live and test mode)"


def _headline(content: DigestContent, command: str) -> str:
    found = content.digest
    totals = " · ".join(f"*{amount(total.total)}* ({total.count})" for total in found.totals)
    return "\n".join(line for line in [totals, *_changes(found), *_notes(content, command)] if line)


def _changes(found: Digest) -> list[str]:
    """On the first run there is nothing to compare with, so nothing is said."""
    parts = []
    if found.new is not None:
        parts.append(f"{found.new} new")
    if found.recovered is not None:
        parts.append(f"{found.recovered} no longer failed")
    return [f"{', '.join(parts)} since the last digest"] if parts else []


def _notes(content: DigestContent, command: str) -> list[str]:
    found = content.digest
    notes = [frozen_line(content.frozen, command)] if content.frozen is not None else []
    if content.is_preview:
        notes.append(_preview(content))
    if found.late_since is not None:
        notes.append(f"Late: it was due {moment(found.late_since)}, when the bot was not running.")
    notes += [f"*Missing:* {escape(gap.account)}: {prose(gap.why)}." for gap in found.gaps[:_GAPS_SHOWN]]
    if len(found.gaps) > _GAPS_SHOWN:
        notes.append(f"*Missing:* {len(found.gaps) - _GAPS_SHOWN} more.")
    return notes


def _preview(content: DigestContent) -> str:
    """On the command line it shows no buttons; in Slack its buttons work."""
    is_pressable = any(row.choices for row in content.rows)
    return f"Preview: only you can see this{'' if is_pressable else ', and nothing can be pressed'}."


def _parted(content: DigestContent) -> tuple[list[Row], list[Row]]:
    """The rows that failed, and those that stand here because somebody watches them."""
    failed, watched = list[Row](), list[Row]()
    for row in content.rows:
        (watched if str(row.invoice.ref) in content.digest.watched else failed).append(row)
    return failed, watched


def _rows(content: DigestContent, now: datetime, command: str) -> list[list[Block]]:
    """Each row with what stands above it: the heading of its currency where there are several, or of the watched ones."""
    totals = {total.total.currency: total for total in content.digest.totals}
    failed, watched = _parted(content)
    befores = [None, *failed][: len(failed)]
    headings = [_heading(totals, before, row) for before, row in zip(befores, failed, strict=True)]
    headings += [[] if number else [blocks.section(_watched(len(watched)))] for number, _ in enumerate(watched)]
    badges, names = bool(content.digest.test_accounts), len(content.digest.accounts) > 1
    return [
        [*above, blocks.divider(), *row_blocks(row, index, now=now, command=command, badges=badges, names=names)]
        for index, (above, row) in enumerate(zip(headings, [*failed, *watched], strict=True))
    ]


def _watched(count: int) -> str:
    invoices = f"{count} invoice{'' if count == 1 else 's'}"
    return f"*Watched*: {invoices}, in every digest until nothing is owed or somebody unwatches it"


def _heading(totals: Mapping[str, CurrencyTotal], before: Row | None, row: Row) -> list[Block]:
    currency = row.invoice.owed.currency
    if len(totals) < 2 or (before is not None and before.invoice.owed.currency == currency):
        return []
    total = totals.get(currency)
    if total is None:
        return [blocks.section(f"*{currency}*")]
    return [blocks.section(f"*{currency}*: {_counted(total.count)}, {amount(total.total)} in all")]


def _tail(content: DigestContent, shown: int, command: str) -> Sequence[Block]:
    found = content.digest
    failed, watched = _parted(content)
    failed_shown = min(shown, len(failed))
    tail = [blocks.divider()]
    if found.count > failed_shown:
        show_all = f"Show all {found.count}: {code(f'{command} failed')}"
        tail.append(blocks.section(f"Showing {failed_shown} of {found.count}. {show_all}"))
    if left_out := len(watched) - (shown - failed_shown):
        tail.append(blocks.section(f"{left_out} more watched did not fit into this message."))
    small = [f"As of {moment(found.as_of)}"]
    if found.below_minimum:
        small.append(f"{found.below_minimum} below the minimum: counted in the totals, not shown as rows")
    small += [prose(definition) for definition in content.definitions[:8]]
    return [*tail, blocks.context(*small)]


def _summary(found: Digest) -> str:
    """What a screen reader and a notification say: counts and amounts first."""
    totals = ", ".join(f"{amount(total.total)} ({total.count})" for total in found.totals)
    parts = [_title(found)]
    if totals:
        parts[0] += f": {totals}"
    parts += _changes(found)
    if found.watched:
        parts.append(f"{len(found.watched)} watched")
    if found.gaps:
        missing = ", ".join(escape(gap.account) for gap in found.gaps[:_GAPS_SHOWN])
        parts.append(f"not everything could be read: {missing}")
    return "; ".join(parts)
