"""The answer to `failed`: rows, how many there are in all, and what is missing."""

from __future__ import annotations

from datetime import datetime

from bot.domain.content import ListContent
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, fit, rendered
from handlers.views.row import row_blocks
from handlers.views.text import code, escape, prose

_GAPS_SHOWN = 10


def invoice_list(content: ListContent, *, command: str, now: datetime) -> Rendered:
    title = _title(content)
    notes = [f"*Missing:* {escape(account)}: {prose(why)}." for account, why in content.gaps[:_GAPS_SHOWN]]
    if content.note:
        notes.append(f"{prose(content.note)}.")
    head = [blocks.section("\n".join([f"*{title}*", *notes]))]
    badges = not all(row.invoice.live for row in content.rows)
    rows = [row_blocks(row, index, now=now, command=command, badges=badges) for index, row in enumerate(content.rows)]
    shown = fit(head, rows, lambda count: _tail(content, count, command))
    missing = "; not everything could be read" if content.gaps else ""
    return rendered(f"{title}{missing}", shown)


def _title(content: ListContent) -> str:
    words = f" for “{escape(content.words)}”" if content.words.strip() else ""
    if content.total == 0:
        where = " in what could be read" if content.gaps else ""
        return f"No failed invoices{words}{where}"
    return f"{content.total} failed invoice{'' if content.total == 1 else 's'}{words}"


def _tail(content: ListContent, shown: int, command: str) -> list[Block]:
    if content.total <= shown:
        return []
    example = code(f"{command} failed >500eur hard")
    return [
        blocks.context(f"Showing {shown} of {content.total}. To see others, say which you mean, for example {example}.")
    ]
