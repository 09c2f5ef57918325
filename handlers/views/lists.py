"""The answer to `failed` and `find`: rows, how many there are in all, and what is missing."""

from __future__ import annotations

import re
from datetime import datetime

from bot.domain.content import ListContent, ListOf
from bot.domain.digest import ROWS_SHOWN
from handlers.views import blocks
from handlers.views.blocks import Block, Rendered, fit, rendered
from handlers.views.freezing import frozen_line
from handlers.views.row import row_blocks
from handlers.views.text import code, escape, prose

_GAPS_SHOWN = 10
_PAGE = re.compile(r"page:(\d{1,4})", re.IGNORECASE | re.ASCII)


def invoice_list(content: ListContent, *, command: str, now: datetime) -> Rendered:
    title = _title(content)
    notes = [f"*Missing:* {escape(account)}: {prose(why)}." for account, why in content.gaps[:_GAPS_SHOWN]]
    if (frozen := next((row.frozen for row in content.rows if row.frozen), None)) is not None:
        notes.append(frozen_line(frozen, command))
    if content.note:
        notes.append(f"{prose(content.note)}.")
    head = [blocks.section("\n".join([f"*{title}*", *notes]))]
    badges = not all(row.invoice.live for row in content.rows)
    names = len({row.invoice.ref.account for row in content.rows}) > 1
    rows = [
        row_blocks(row, index, now=now, command=command, badges=badges, names=names)
        for index, row in enumerate(content.rows)
    ]
    shown = fit(head, rows, lambda count: _tail(content, count, command))
    missing = "; not everything could be read" if content.gaps else ""
    return rendered(f"{title}{missing}", shown)


def _title(content: ListContent) -> str:
    words, _ = _words_and_page(content)
    about = f" for “{escape(words)}”" if words else ""
    if content.total == 0:
        where = " in what could be read" if content.gaps else ""
        return f"{_NONE[content.of]}{about}{where}"
    return f"{content.total} {_ONE[content.of]}{'' if content.total == 1 else 's'}{about}"


_ONE: dict[ListOf, str] = {ListOf.FAILED: "failed invoice", ListOf.FOUND: "invoice"}
_NONE: dict[ListOf, str] = {ListOf.FAILED: "No failed invoices", ListOf.FOUND: "No invoice found"}


def _tail(content: ListContent, shown: int, command: str) -> list[Block]:
    words, page = _words_and_page(content)
    again = f"{command} {content.of} {words}".strip()
    first, last = (page - 1) * ROWS_SHOWN + 1, (page - 1) * ROWS_SHOWN + shown
    if shown == content.total:
        return [blocks.context(_searched(command))] if content.total == 0 and content.of is ListOf.FOUND else []
    if not content.rows:
        return [blocks.context(f"There is no page {page}. From the start: {code(again, 300)}.")]
    text = f"Showing {first} to {last} of {content.total}."
    if shown < len(content.rows):
        text += f" {len(content.rows) - shown} more of this page did not fit into one message; say which you mean."
    elif last < content.total:
        text += f" Next page: {code(f'{again} page:{page + 1}', 300)}."
    return [blocks.context(text)]


def _searched(command: str) -> str:
    return (
        "Search by the invoice's number, id or dashboard link, or by the customer's name, e-mail address or id; each of "
        f"them whole. What has failed: {code(f'{command} failed')}."
    )


def _words_and_page(content: ListContent) -> tuple[str, int]:
    """What was asked for, and which page of it."""
    words = content.words.split()
    pages = [int(found[1]) for word in words if (found := _PAGE.fullmatch(word))]
    return " ".join(word for word in words if not _PAGE.fullmatch(word)), max([1, *pages[-1:]])
