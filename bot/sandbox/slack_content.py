"""What callers send as a message, read and judged before anything is kept."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.slack_blocks import elements_of, judge_message, judge_view
from bot.sandbox.slack_state import Content, Json, SlackError

TEXT_MOST: Final = 40_000
BLOCK_TEXT_MOST: Final = 13_200
"""Where msg_blocks_too_long was met in practice; no page gives the figure."""
VIEW_BYTES_MOST: Final = 250_000


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block and element has an id, as Slack hands them out."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", secrets.token_hex(3))
        for element in elements_of(block):
            element.setdefault("action_id", secrets.token_hex(3))
    return blocks


def parsed(value: Any, error: str) -> Any:
    """A JSON argument, which form callers send as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SlackError(error, ["[ERROR] not valid JSON"]) from None


def _characters(value: Any) -> int:
    match value:
        case {"text": str(text)}:
            return len(text)
        case dict():
            return sum(_characters(item) for item in value.values())
        case list():
            return sum(_characters(item) for item in value)
        case _:
            return 0


def _blocks(value: Any) -> list[Json]:
    blocks = parsed(value, "invalid_blocks_format")
    problems = judge_message(blocks)
    if problems:
        raise SlackError(
            "invalid_blocks", [str(problem) for problem in problems], errors=[problem.message for problem in problems]
        )
    if _characters(blocks) > BLOCK_TEXT_MOST:
        raise SlackError("msg_blocks_too_long")
    return with_ids(blocks)


def _attachments(value: Any) -> list[Json]:
    attachments = parsed(value, "invalid_attachments")
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > 100:
        raise SlackError("too_many_attachments")
    return [{**one, "blocks": _blocks(one["blocks"])} if one.get("blocks") else one for one in attachments]


def _metadata(value: Any) -> Json:
    metadata = parsed(value, "invalid_metadata_format")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload", {}), dict):
        raise SlackError("invalid_metadata_format")
    return metadata


def content_of(args: Mapping[str, Any]) -> Content:
    """Raises SlackError where Slack would not take it."""
    text = args.get("text") or ""
    if not isinstance(text, str):
        raise SlackError("invalid_arguments", ["[ERROR] must be a string [json-pointer:/text]"])
    content = Content(
        text=text,
        blocks=_blocks(args["blocks"]) if args.get("blocks") else [],
        attachments=_attachments(args["attachments"]) if args.get("attachments") else [],
        metadata=_metadata(args["metadata"]) if args.get("metadata") else None,
    )
    if not (content.text or content.blocks or content.attachments):
        raise SlackError("no_text")
    if len(content.text) > TEXT_MOST:
        raise SlackError("msg_too_long")
    return content


def view_of(value: Any) -> Json:
    """A view to be shown, judged; raises SlackError."""
    view = parsed(value, "invalid_arguments")
    problems = judge_view(view)
    if problems:
        raise SlackError("invalid_arguments", [str(problem) for problem in problems])
    if len(json.dumps(view)) > VIEW_BYTES_MOST:
        raise SlackError("view_too_large")
    return {**view, "blocks": with_ids(view["blocks"])}
