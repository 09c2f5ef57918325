"""The answer to `failed`: rows, how many there are in all, and what is missing."""

from __future__ import annotations

import re
from datetime import datetime

from bot.domain.content import ListContent
from bot.domain.digest import ROWS_SHOWN
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, fit, rendered
from handlers.views.row import row_blocks
from handlers.views.text import code, escape, prose

_GAPS_SHOWN = 10
_PAGE = re.compile(r"page:(\d{1,4})", re.IGNORECASE | re.ASCII)


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
    words, _ = _words_and_page(content)
    about = f" for “{escape(words)}”" if words else ""
    if content.total == 0:
        where = " in what could be read" if content.gaps else ""
        return f"No failed invoices{about}{where}"
    return f"{content.total} failed invoice{'' if content.total == 1 else 's'}{about}"


def _tail(content: ListContent, shown: int, command: str) -> list[Block]:
    words, page = _words_and_page(content)
    again = f"{command} failed {words}".strip()
    first, last = (page - 1) * ROWS_SHOWN + 1, (page - 1) * ROWS_SHOWN + shown
    if shown == content.total:
        return []
    if not content.rows:
        return [blocks.context(f"There is no page {page}. From the start: {code(again, 300)}.")]
    text = f"Showing {first} to {last} of {content.total}."
    if shown < len(content.rows):
        text += f" {len(content.rows) - shown} more of this page did not fit into one message; say which you mean."
    elif last < content.total:
        text += f" Next page: {code(f'{again} page:{page + 1}', 300)}."
    return [blocks.context(text)]


def _words_and_page(content: ListContent) -> tuple[str, int]:
    """What was asked for, and which page of it."""
    words = content.words.split()
    pages = [int(found[1]) for word in words if (found := _PAGE.fullmatch(word))]
    return " ".join(word for word in words if not _PAGE.fullmatch(word)), max([1, *pages[-1:]])
