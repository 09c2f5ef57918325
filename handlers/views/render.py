"""Content in, a message out: the one door to the views."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, assert_never

from bot.domain.content import (
    AlertContent,
    ApprovalContent,
    CardContent,
    Content,
    DigestContent,
    EndingContent,
    FileContent,
    HistoryContent,
    LinkContent,
    ListContent,
    RefusalContent,
    StatusContent,
    WatchContent,
)
from handlers.views.answers import alert, bearer_link, ending, handed_over, refusal, watching
from handlers.views.approval import approval
from handlers.views.blocks import Block, Rendered
from handlers.views.card import card
from handlers.views.digest import digest
from handlers.views.history import history
from handlers.views.lists import invoice_list
from handlers.views.status import status
from handlers.views.text import ZERO_WIDTH, readable

__all__ = ["Rendered", "plain", "render"]


def render(content: Content, *, command: str, now: datetime) -> Rendered:  # noqa: PLR0911, PLR0912, C901 - a line per content
    match content:
        case DigestContent():
            return digest(content, command=command, now=now)
        case CardContent():
            return card(content, command=command, now=now)
        case ListContent():
            return invoice_list(content, command=command, now=now)
        case EndingContent():
            return ending(content, command=command, now=now)
        case RefusalContent():
            return refusal(content, command=command, now=now)
        case LinkContent():
            return bearer_link(content)
        case FileContent():
            return handed_over(content)
        case WatchContent():
            return watching(content, command=command)
        case HistoryContent():
            return history(content, command=command, now=now)
        case StatusContent():
            return status(content, command=command)
        case ApprovalContent():
            return approval(content, command=command, now=now)
        case AlertContent():
            return alert(content, command=command)
        case _:
            assert_never(content)


def plain(content: Content, *, command: str, now: datetime) -> str:
    """The same message as readable lines, for a terminal: times in UTC, buttons in brackets."""
    message = render(content, command=command, now=now)
    return "\n".join(line for block in message.blocks for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            yield text
            yield "=" * len(text)
        case {"type": "section", "text": {"text": str(text)}}:
            yield from _readable(text)
        case {"type": "section", "fields": [*facts]}:
            yield from (f"  {_readable_fact(fact['text'])}" for fact in facts)
        case {"type": "context", "elements": [*elements]}:
            yield from (f"  {line}" for element in elements for line in _readable(element["text"]))
        case {"type": "actions", "elements": [*elements]}:
            yield "  " + " ".join(f"[{label}]" for element in elements for label in _labels(element))
        case {"type": "divider"}:
            yield ""
        case _:
            return


_FORMATTING = re.compile(f"(?<!{ZERO_WIDTH})[*`]")
"""Ours; what stands in data has a zero-width character before it."""


def _readable(mrkdwn: str) -> list[str]:
    return [readable(_FORMATTING.sub("", line)) for line in mrkdwn.split("\n")]


def _readable_fact(mrkdwn: str) -> str:
    return ": ".join(_readable(mrkdwn))


def _labels(element: dict[str, Any]) -> list[str]:
    if element["type"] == "overflow":
        return [option["text"]["text"] for option in element["options"]]
    return [element["text"]["text"]]
