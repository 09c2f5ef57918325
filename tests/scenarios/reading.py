"""A message as a person reads it: text without formatting, and buttons by their labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]

_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_FORMATTING = re.compile(r"[*`]")


@dataclass(frozen=True, slots=True)
class Pressable:
    """A button, or an option of an overflow menu."""

    label: str
    block_id: str
    action_id: str
    value: str
    is_primary: bool = False
    has_dialog: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """Some blocks that belong together: a whole message, or one row of it."""

    text: str
    pressables: tuple[Pressable, ...] = ()

    @property
    def labels(self) -> list[str]:
        return [one.label for one in self.pressables]

    def says(self, *words: str) -> bool:
        return all(word in self.text for word in words)

    def button(self, label: str) -> Pressable:
        found = [one for one in self.pressables if one.label == label]
        assert len(found) == 1, f"{len(found)} buttons “{label}” in: {self.text} {self.labels}"
        return found[0]

    @property
    def primary(self) -> list[str]:
        return [one.label for one in self.pressables if one.is_primary]


def read(blocks: Iterable[Block], text: str = "") -> Reading:
    """`text` is what is read where a message has no blocks."""
    listed = list(blocks)
    said = "\n".join(part for block in listed for part in _texts(block)) if listed else plain(text)
    return Reading(said, tuple(one for block in listed for one in _pressables(block)))


def rows(blocks: Iterable[Block]) -> list[Reading]:
    """The parts of a message between its dividers."""
    groups: list[list[Block]] = [[]]
    for block in blocks:
        if block["type"] == "divider":
            groups.append([])
        else:
            groups[-1].append(block)
    return [read(group) for group in groups if group]


def plain(mrkdwn: str) -> str:
    shown = _FORMATTING.sub("", _DATE.sub(r"\1", mrkdwn)).replace("\u200b", "")
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _texts(block: Block) -> Iterator[str]:
    texts = [
        block.get("text"),
        *block.get("fields", []),
        *(block.get("elements", []) if block["type"] == "context" else []),
    ]
    for text in texts:
        if isinstance(text, dict):
            yield plain(text["text"])


def _pressables(block: Block) -> Iterator[Pressable]:
    if block["type"] != "actions":
        return
    for element in block["elements"]:
        if element["type"] == "overflow":
            for option in element["options"]:
                yield Pressable(option["text"]["text"], block["block_id"], element["action_id"], option["value"])
        else:
            yield Pressable(
                element["text"]["text"],
                block["block_id"],
                element["action_id"],
                element["value"],
                is_primary=element.get("style") == "primary",
                has_dialog="confirm" in element,
            )
