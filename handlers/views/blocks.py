"""Slack's blocks as plain dictionaries; every builder cuts its texts to Slack's limits (docs.slack.dev, Block Kit)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from handlers.views.text import clean, cut, cut_mrkdwn, size

Block = dict[str, Any]

MESSAGE_BLOCKS: Final = 50
MESSAGE_CHARACTERS: Final = 10_000
"""Slack documents no total, but answers msg_blocks_too_long somewhere above 13,000 characters."""
SUMMARY_CHARACTERS: Final = 1_000
OVERFLOW_OPTIONS: Final = 5
SELECT_OPTIONS: Final = 100
OPTION_CHARACTERS: Final = 75
OPTION_VALUE: Final = 150
NOTHING: Final = "–"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message: `blocks` for the eye, `text` for notifications and screen readers."""

    text: str
    blocks: list[Block]


def rendered(text: str, blocks: list[Block]) -> Rendered:
    return Rendered(cut_mrkdwn(text, SUMMARY_CHARACTERS) or NOTHING, blocks)


# --- text objects ------------------------------------------------------------------------------------------------


def plain_text(text: str, limit: int = 3000) -> Block:
    return {"type": "plain_text", "text": cut(clean(text), limit) or NOTHING, "emoji": False}


def mrkdwn(text: str, limit: int = 3000) -> Block:
    """`verbatim` keeps Slack from making links out of addresses and names that stand in the text as such."""
    return {"type": "mrkdwn", "text": cut_mrkdwn(text.strip(), limit) or NOTHING, "verbatim": True}


# --- blocks ------------------------------------------------------------------------------------------------------


def header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text, 150)}


def section(text: str, *, block_id: str | None = None) -> Block:
    return _with_id({"type": "section", "text": mrkdwn(text)}, block_id)


def fields(texts: Sequence[str], *, block_id: str | None = None) -> Block:
    """A section of two columns; Slack takes ten fields of 2000 characters."""
    return _with_id({"type": "section", "fields": [mrkdwn(text, 2000) for text in texts[:10]]}, block_id)


def context(*texts: str, block_id: str | None = None) -> Block:
    return _with_id({"type": "context", "elements": [mrkdwn(text, 2000) for text in texts[:10]]}, block_id)


def divider() -> Block:
    return {"type": "divider"}


def actions(elements: Sequence[Block], *, block_id: str | None = None) -> Block:
    return _with_id({"type": "actions", "elements": list(elements[:25])}, block_id)


def input_block(label: str, element: Block, *, block_id: str, hint: str | None = None, optional: bool = False) -> Block:
    block: Block = {
        "type": "input",
        "block_id": whole(block_id, 255),
        "label": plain_text(label, 2000),
        "element": element,
        "optional": optional,
    }
    return block | ({"hint": plain_text(hint, 2000)} if hint else {})


def _with_id(block: Block, block_id: str | None) -> Block:
    return block if block_id is None else block | {"block_id": whole(block_id, 255)}


# --- elements ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Option:
    """One line of an overflow, a select or a list of boxes: what is read, and what comes back."""

    text: str
    value: str
    description: str = ""

    def to_block(self) -> Block:
        option: Block = {"text": plain_text(self.text, OPTION_CHARACTERS), "value": whole(self.value, OPTION_VALUE)}
        return option | ({"description": plain_text(self.description, OPTION_CHARACTERS)} if self.description else {})


def button(text: str, *, action_id: str, value: str, spoken: str, style: str | None = None) -> Block:
    """`spoken` is what a screen reader says, naming the invoice where labels repeat."""
    element: Block = {
        "type": "button",
        "text": plain_text(text, 75),
        "action_id": whole(action_id, 255),
        "value": whole(value, 2000),
        "accessibility_label": cut(clean(spoken), 75),
    }
    return element | ({"style": style} if style else {})


def confirm(title: str, text: str, *, yes: str, no: str) -> Block:
    return {
        "title": plain_text(title, 100),
        "text": plain_text(text, 300),
        "confirm": plain_text(yes, 30),
        "deny": plain_text(no, 30),
    }


def overflow(options: Sequence[Option], *, action_id: str) -> Block:
    """One to five options; more would fail the whole message, so they are a mistake of ours."""
    if not 1 <= len(options) <= OVERFLOW_OPTIONS:
        raise ValueError(f"an overflow holds 1 to 5 options, not {len(options)}")
    return {"type": "overflow", "action_id": whole(action_id, 255), "options": [option.to_block() for option in options]}


def static_select(options: Sequence[Option], *, action_id: str, placeholder: str) -> Block:
    return {
        "type": "static_select",
        "action_id": whole(action_id, 255),
        "placeholder": plain_text(placeholder, 150),
        "options": [option.to_block() for option in options[:SELECT_OPTIONS]],
    }


def checkboxes(options: Sequence[Option], *, action_id: str) -> Block:
    """One to ten boxes, none ticked."""
    return {
        "type": "checkboxes",
        "action_id": whole(action_id, 255),
        "options": [option.to_block() for option in options[:10]],
    }


def datepicker(*, action_id: str, chosen: date) -> Block:
    return {"type": "datepicker", "action_id": whole(action_id, 255), "initial_date": chosen.isoformat()}


def text_input(*, action_id: str, limit: int, multiline: bool = True, value: str = "") -> Block:
    """`value` stands in the field when it opens."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": whole(action_id, 255),
        "multiline": multiline,
        "max_length": max(1, min(limit, 3000)),
    }
    return element | ({"initial_value": whole(value, limit)} if value else {})


def modal(title: str, blocks: Sequence[Block], *, callback_id: str, private_metadata: str, submit: str | None) -> Block:
    """`submit` None: nothing can be sent, the close button says so."""
    view: Block = {
        "type": "modal",
        "callback_id": whole(callback_id, 255),
        "private_metadata": whole(private_metadata, 3000),
        "title": plain_text(title, 24),
        "close": plain_text("Cancel" if submit else "Close", 24),
        "blocks": list(blocks[:100]),
    }
    return view | ({"submit": plain_text(submit, 24)} if submit else {})


def whole(text: str, limit: int) -> str:
    """An id or value that comes back to us: cutting it would change what it means."""
    if not 0 <= size(text) <= limit:
        raise ValueError(f"longer than Slack's {limit} characters: {text[:40]}…")
    return text


# --- the whole message -------------------------------------------------------------------------------------------


def characters(value: object) -> int:
    """Characters of all text that a reader of these blocks sees."""
    return sum(size(text) for text in texts(value))


def texts(value: object) -> Iterator[str]:
    match value:
        case {"type": "plain_text" | "mrkdwn", "text": str(text)}:
            yield text
        case Mapping():
            for part in value.values():
                yield from texts(part)
        case list() | tuple():
            for part in value:
                yield from texts(part)
        case _:
            return


def fit(head: Sequence[Block], rows: Sequence[Sequence[Block]], tail: Callable[[int], Sequence[Block]]) -> list[Block]:
    """Head, as many whole rows as Slack takes, and `tail(rows shown)`, which says how many were left out.

    Rows go last-first. `tail` is longest when rows are missing, so it is asked anew for every try.
    """
    shown = len(rows)
    while True:
        end = list(tail(shown))
        blocks = [*head, *(block for row in rows[:shown] for block in row), *end]
        if shown == 0 or (len(blocks) <= MESSAGE_BLOCKS and characters(blocks) <= MESSAGE_CHARACTERS):
            return blocks[:MESSAGE_BLOCKS]
        shown -= 1
