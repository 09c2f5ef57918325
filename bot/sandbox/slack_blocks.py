"""The judge of blocks and views: refuses what Slack would refuse, and says where and why.

Limits: https://docs.slack.dev/reference/block-kit/blocks and the pages below it. Blocks that this judge knows by name but
has no rules for are refused too, in words that say so: a sandbox that lets through what it cannot check proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from bot.sandbox.slack_elements import (
    ACCESSORIES,
    CONTEXT_ACTIONS,
    EVERY_ELEMENT,
    ID,
    IN_ACTIONS,
    IN_CONTEXT,
    INPUTS,
    SLACK_FILE,
)
from bot.sandbox.slack_shapes import (
    Check,
    Findings,
    Problem,
    anything,
    at_least_one,
    exactly_one,
    flag,
    integer,
    items,
    number,
    one_of,
    plain,
    record,
    string,
    tagged,
    text,
)

BLOCKS_IN: Final = {"message": 50, "modal": 100, "home": 100}
MARKDOWN_TOTAL: Final = 12_000
TABLE_TOTAL: Final = 10_000
CHARTS_IN_A_MESSAGE: Final = 2


def _block(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    return record({"type": anything, **required}, {"block_id": ID, **optional}, *rules)


def _only_in(*surfaces: str) -> Check:
    def rule(found: Findings, block: Any, at: str) -> None:
        if found.surface not in surfaces:
            found.add(f"{at}/type", "not_allowed_here", f"{block['type']} is not allowed in a {found.surface}")

    return rule


# --- rich text -----------------------------------------------------------------------------------------------------

_MARKS: Final = record({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight"), flag))


def _leaf(**required: Check) -> Check:
    return record({"type": anything, **required}, {"style": _MARKS})


_LEAF: Final = tagged(
    "a rich text element",
    {
        "text": _leaf(text=string(3000)),
        "link": record({"type": anything, "url": string(3000)}, {"text": string(3000), "style": _MARKS, "unsafe": flag}),
        "user": _leaf(user_id=ID),
        "usergroup": _leaf(usergroup_id=ID),
        "channel": _leaf(channel_id=ID),
        "team": _leaf(team_id=ID),
        "emoji": record({"type": anything, "name": string(100)}, {"unicode": string(100), "style": _MARKS}),
        "broadcast": _leaf(range=one_of("here", "channel", "everyone")),
        "color": _leaf(value=string(20)),
        "date": record(
            {"type": anything, "timestamp": integer(0, 9_999_999_999), "format": string(255)},
            {"url": string(3000), "fallback": string(255), "timezone": string(255), "style": _MARKS},
        ),
    },
)
_LEAVES: Final = items(_LEAF, 0, 1000)
_SECTION_OF_RICH: Final = record({"type": anything, "elements": _LEAVES}, {})
_RICH: Final = tagged(
    "a part of rich text",
    {
        "rich_text_section": _SECTION_OF_RICH,
        "rich_text_list": record(
            {
                "type": anything,
                "style": one_of("bullet", "ordered"),
                "elements": items(tagged("a list item", {"rich_text_section": _SECTION_OF_RICH}), 1, 1000),
            },
            {"indent": integer(0, 8), "offset": integer(0, 10_000), "border": integer(0, 1)},
        ),
        "rich_text_quote": record({"type": anything, "elements": _LEAVES}, {"border": integer(0, 1)}),
        "rich_text_preformatted": record(
            {"type": anything, "elements": _LEAVES}, {"border": integer(0, 1), "language": string(50)}
        ),
    },
)
_RICH_TEXT: Final = _block({"elements": items(_RICH, 1, 1000)}, {})


# --- charts and tables ---------------------------------------------------------------------------------------------

_LABEL: Final = string(20)
_POINT: Final = record({"label": _LABEL, "value": number}, {})


def _pie_values_are_positive(found: Findings, chart: Any, at: str) -> None:
    for index, segment in enumerate(chart.get("segments") or []):
        value = segment.get("value") if isinstance(segment, dict) else None
        if isinstance(value, int | float) and value <= 0:
            found.add(f"{at}/segments/{index}/value", "out_of_range", "must be above 0")


def _series_fit_the_axis(found: Findings, chart: Any, at: str) -> None:
    axis = chart.get("axis_config")
    categories = axis.get("categories") if isinstance(axis, dict) else None
    series = [one for one in chart.get("series") or [] if isinstance(one, dict)]
    for index, one in enumerate(series):
        labels = [point.get("label") for point in one.get("data") or [] if isinstance(point, dict)]
        if labels != categories:
            found.add(f"{at}/series/{index}/data", "conflict", "needs exactly one point per category, in their order")
    if len({str(one.get("name")) for one in series}) != len(series):
        found.add(f"{at}/series", "not_unique", "series names must be unique")


_AXES: Final = record({"categories": items(_LABEL, 1, 20)}, {"x_label": string(50), "y_label": string(50)})
_SERIES: Final = items(record({"name": _LABEL, "data": items(_POINT, 1, 20)}, {}), 1, 6)
_LINES: Final = record({"type": anything, "series": _SERIES, "axis_config": _AXES}, {}, _series_fit_the_axis)
_CHART: Final = tagged(
    "a chart",
    {
        "pie": record({"type": anything, "segments": items(_POINT, 1, 6)}, {}, _pie_values_are_positive),
        "bar": _LINES,
        "line": _LINES,
        "area": _LINES,
    },
)
_CELL: Final = tagged(
    "a table cell",
    {"raw_text": record({"type": anything, "text": string(3000)}, {}), "rich_text": _RICH_TEXT},
)
_COLUMN: Final = record({}, {"align": one_of("left", "center", "right"), "is_wrapped": flag})


def _column(found: Findings, value: Any, at: str) -> None:
    if value is not None:  # null skips a column
        _COLUMN(found, value, at)


# --- blocks --------------------------------------------------------------------------------------------------------


def _file_inputs_in_modals(found: Findings, block: Any, at: str) -> None:
    element = block.get("element")
    if isinstance(element, dict) and element.get("type") == "file_input" and found.surface != "modal":
        found.add(f"{at}/element/type", "not_allowed_here", "file_input is allowed in modals only")


BLOCKS: Final[Mapping[str, Check]] = {
    "actions": _block({"elements": items(tagged("an actions element", IN_ACTIONS, EVERY_ELEMENT), 1, 25)}, {}),
    "alert": _block(
        {"text": text(200)},
        {"level": one_of("default", "info", "warning", "error", "success")},
        _only_in("modal"),
    ),
    "context": _block({"elements": items(tagged("a context element", IN_CONTEXT, EVERY_ELEMENT), 1, 10)}, {}),
    "context_actions": _block(
        {"elements": items(tagged("a context action", CONTEXT_ACTIONS, EVERY_ELEMENT), 1, 5)},
        {},
        _only_in("message"),
    ),
    "data_visualization": _block({"title": string(50), "chart": _CHART}, {}, _only_in("message")),
    "divider": _block({}, {}),
    "header": _block({"text": plain(150)}, {"level": integer(1, 4)}),
    "image": _block(
        {"alt_text": string(2000)},
        {"image_url": string(3000), "slack_file": SLACK_FILE, "title": plain(2000)},
        exactly_one("image_url", "slack_file"),
    ),
    "input": _block(
        {"label": plain(2000), "element": tagged("an input element", INPUTS, EVERY_ELEMENT)},
        {"hint": plain(2000), "optional": flag, "dispatch_action": flag},
        _file_inputs_in_modals,
    ),
    "markdown": _block({"text": string(MARKDOWN_TOTAL)}, {}, _only_in("message")),
    "rich_text": _RICH_TEXT,
    "section": _block(
        {},
        {
            "text": text(3000),
            "fields": items(text(2000), 1, 10),
            "accessory": tagged("an accessory", ACCESSORIES, EVERY_ELEMENT),
            "expand": flag,
        },
        at_least_one("text", "fields"),
    ),
    "table": _block(
        {"rows": items(items(_CELL, 1, 20), 1, 100)},
        {"column_settings": items(_column, 1, 20)},
        _only_in("message"),
    ),
}
UNJUDGED: Final = frozenset({"card", "carousel", "container", "data_table", "plan", "task_card", "video", "file"})


def _one_block(found: Findings, block: Any, at: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if isinstance(kind, str) and kind in UNJUDGED:
        found.add(f"{at}/type", "not_judged_here", f"this sandbox has no rules for {kind} blocks")
    else:
        tagged("a block", BLOCKS)(found, block, at)


def elements_of(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every interactive element of a block, in reading order."""
    candidates = [block.get("accessory"), block.get("element"), *(block.get("elements") or [])]
    for element in candidates:
        if isinstance(element, dict) and element.get("type") in EVERY_ELEMENT - IN_CONTEXT.keys():
            yield element


def _repeated(values: Iterable[Any]) -> list[str]:
    return [value for value, count in Counter(v for v in values if isinstance(v, str)).items() if count > 1]


def _ids_are_unique(found: Findings, blocks: list[dict[str, Any]], at: str) -> None:
    for block_id in _repeated(block.get("block_id") for block in blocks):
        found.add(at, "not_unique", f"block_id {block_id!r} stands more than once")
    for index, block in enumerate(blocks):
        for action_id in _repeated(element.get("action_id") for element in elements_of(block)):
            found.add(f"{at}/{index}", "not_unique", f"action_id {action_id!r} stands more than once in its block")
    focused = [e for block in blocks for e in elements_of(block) if e.get("focus_on_load") is True]
    if len(focused) > 1:
        found.add(at, "conflict", "focus_on_load may be set on one element only")


def _totals(found: Findings, blocks: list[dict[str, Any]], at: str) -> None:
    kinds = Counter(str(block.get("type")) for block in blocks)
    if sum(len(str(b.get("text"))) for b in blocks if b.get("type") == "markdown") > MARKDOWN_TOTAL:
        found.add(at, "too_long", f"markdown blocks hold at most {MARKDOWN_TOTAL} characters together")
    if kinds["data_visualization"] > CHARTS_IN_A_MESSAGE:
        found.add(at, "too_many", f"no more than {CHARTS_IN_A_MESSAGE} charts allowed")
    if kinds["table"] > 1:
        found.add(at, "only_one_table_allowed", "a message holds one table")
    cells = "".join(
        str(cell.get("text", "")) for b in blocks if b.get("type") == "table"
        for row in b.get("rows") or [] if isinstance(row, list) for cell in row if isinstance(cell, dict)
    )  # fmt: skip
    if len(cells) > TABLE_TOTAL:
        found.add(at, "too_long", f"the cells of a table hold at most {TABLE_TOTAL} characters together")


def _judge_blocks(found: Findings, blocks: Any, at: str) -> None:
    items(_one_block, 0, BLOCKS_IN[found.surface])(found, blocks, at)
    if not isinstance(blocks, list):
        return
    whole = [block for block in blocks if isinstance(block, dict)]
    if not found.problems:  # these rules rely on sound shapes
        _ids_are_unique(found, whole, at)
        _totals(found, whole, at)


def judge_message(blocks: Any) -> list[Problem]:
    """What Slack would hold against the blocks of a message; empty means nothing."""
    found = Findings("message")
    _judge_blocks(found, blocks, "/blocks")
    return found.problems


# --- views ---------------------------------------------------------------------------------------------------------


def _inputs_need_submit(found: Findings, view: Any, at: str) -> None:
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if has_input and "submit" not in view:
        found.add(at, "missing_field", "missing required field: submit (the view has input blocks)")


_VIEW: Final = {"private_metadata": string(3000, 0), "callback_id": string(255, 0), "external_id": string(255, 0)}
_MODAL: Final = record(
    {"type": anything, "title": plain(24), "blocks": anything},
    {**_VIEW, "submit": plain(24), "close": plain(24)}
    | {"clear_on_close": flag, "notify_on_close": flag, "submit_disabled": flag},
    _inputs_need_submit,
)
_HOME: Final = record({"type": anything, "blocks": anything}, _VIEW)


def judge_view(view: Any) -> list[Problem]:
    """What Slack would hold against a modal or a Home tab."""
    kind = view.get("type") if isinstance(view, dict) else None
    if kind not in ("modal", "home"):
        return [Problem("/view/type", "unknown_type", "a view is a modal or a home")]
    found = Findings(kind)
    (_MODAL if kind == "modal" else _HOME)(found, view, "/view")
    if "blocks" in view:
        _judge_blocks(found, view["blocks"], "/view/blocks")
    return found.problems
