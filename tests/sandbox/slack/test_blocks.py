"""The judge of blocks: what Slack takes passes, what Slack refuses is refused, with a pointer to it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.sandbox.slack_blocks import judge_message, judge_view

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> Json:
    return {"type": "button", "action_id": "invoice.run_action", "text": plain("Retry payment"), "value": "o1", **more}


def option(value: str = "o1", **more: Any) -> Json:
    return {"text": plain("Void…"), "value": value, **more}


CONFIRM = {"title": plain("Void?"), "text": mrkdwn("*EUR 420*"), "confirm": plain("Void"), "deny": plain("Keep")}
OVERFLOW = {"type": "overflow", "action_id": "invoice.more", "options": [option()]}
SECTION = {"type": "section", "text": mrkdwn("*ACME*")}
INPUT = {
    "type": "input",
    "block_id": "reason",
    "label": plain("Why?"),
    "element": {"type": "plain_text_input", "action_id": "text", "max_length": 200},
}
CHART = {
    "type": "data_visualization",
    "title": "Failed by day",
    "chart": {
        "type": "bar",
        "series": [{"name": "EUR", "data": [{"label": "Mon", "value": 3}, {"label": "Tue", "value": 0}]}],
        "axis_config": {"categories": ["Mon", "Tue"]},
    },
}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("Void invoice"), "blocks": list(blocks), **more}


GOOD_BLOCKS: dict[str, Json] = {
    "section": SECTION,
    "fields": {"type": "section", "fields": [mrkdwn("a"), plain("b")]},
    "accessory": {**SECTION, "accessory": OVERFLOW},
    "actions": actions(button(style="primary"), {**button(confirm=CONFIRM), "action_id": "b"}, OVERFLOW, block_id="row"),
    "context": {"type": "context", "elements": [mrkdwn("as of 09:00"), plain("x")]},
    "context with picture": {
        "type": "context",
        "elements": [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "logo"}],
    },
    "divider": {"type": "divider"},
    "header": {"type": "header", "text": plain("Failed invoices")},
    "image": {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a chart"},
    "rich text": {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "a", "style": {"bold": True}}, {"type": "user", "user_id": "U0MAYA"}],
            }
        ],
    },
    "markdown": {"type": "markdown", "text": "**a**"},
    "chart": CHART,
    "table": {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]], "column_settings": [None]},
    "menu": actions({"type": "static_select", "action_id": "m", "options": [option()], "initial_option": option()}),
}


@pytest.mark.parametrize("block", GOOD_BLOCKS.values(), ids=GOOD_BLOCKS)
def test_slack_takes_a_sound_block(block: Json) -> None:
    assert judge_message([block]) == []


BAD_BLOCKS: dict[str, tuple[Json, str]] = {
    "unknown type": ({"type": "callout", "text": plain("x")}, "/blocks/0/type"),
    "a type that is no text": ({"type": ["section"]}, "/blocks/0"),
    "a block the sandbox has no rules for": ({"type": "video"}, "/blocks/0/type"),
    "empty text": ({**SECTION, "text": mrkdwn("")}, "/blocks/0/text/text"),
    "text above 3000": ({**SECTION, "text": mrkdwn("x" * 3001)}, "/blocks/0/text/text"),
    "neither text nor fields": ({"type": "section"}, "/blocks/0"),
    "eleven fields": ({"type": "section", "fields": [mrkdwn("a")] * 11}, "/blocks/0/fields"),
    "a field above 2000": ({"type": "section", "fields": [mrkdwn("x" * 2001)]}, "/blocks/0/fields/0/text"),
    "two accessories": ({**SECTION, "accessory": [OVERFLOW, OVERFLOW]}, "/blocks/0/accessory"),
    "an input as accessory": (
        {**SECTION, "accessory": {"type": "plain_text_input"}},
        "/blocks/0/accessory/type",
    ),
    "a made-up property": ({**SECTION, "colour": "red"}, "/blocks/0"),
    "null for a property": (actions(button(style=None)), "/blocks/0/elements/0/style"),
    "mrkdwn in a header": ({"type": "header", "text": mrkdwn("x")}, "/blocks/0/text/type"),
    "header above 150": ({"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text"),
    "mrkdwn on a button": (actions(button(text=mrkdwn("x"))), "/blocks/0/elements/0/text/type"),
    "button text above 75": (actions(button(text=plain("x" * 76))), "/blocks/0/elements/0/text/text"),
    "button value above 2000": (actions(button(value="x" * 2001)), "/blocks/0/elements/0/value"),
    "button of another colour": (actions(button(style="warning")), "/blocks/0/elements/0/style"),
    "long accessibility label": (
        actions(button(accessibility_label="x" * 76)),
        "/blocks/0/elements/0/accessibility_label",
    ),
    "action_id above 255": (actions(button(action_id="x" * 256)), "/blocks/0/elements/0/action_id"),
    "block_id above 255": ({**SECTION, "block_id": "x" * 256}, "/blocks/0/block_id"),
    "no elements": (actions(), "/blocks/0/elements"),
    "26 elements": (actions(*[button(action_id=f"a{n}") for n in range(26)]), "/blocks/0/elements"),
    "the same action_id twice": (actions(button(), button()), "/blocks/0"),
    "an overflow of none": (actions({**OVERFLOW, "options": []}), "/blocks/0/elements/0/options"),
    "an overflow of six": (actions({**OVERFLOW, "options": [option()] * 6}), "/blocks/0/elements/0/options"),
    "option text above 75": (
        actions({**OVERFLOW, "options": [{"text": plain("x" * 76), "value": "v"}]}),
        "/blocks/0/elements/0/options/0/text/text",
    ),
    "option value above 150": (
        actions({**OVERFLOW, "options": [option("x" * 151)]}),
        "/blocks/0/elements/0/options/0/value",
    ),
    "option without value": (
        actions({**OVERFLOW, "options": [{"text": plain("x")}]}),
        "/blocks/0/elements/0/options/0",
    ),
    "a url in a select's option": (
        actions({"type": "static_select", "options": [option(url="https://example.com")]}),
        "/blocks/0/elements/0/options/0",
    ),
    "options and groups": (
        actions(
            {
                "type": "static_select",
                "options": [option()],
                "option_groups": [{"label": plain("g"), "options": [option()]}],
            }
        ),
        "/blocks/0/elements/0",
    ),
    "an initial option that is not offered": (
        actions({"type": "static_select", "options": [option()], "initial_option": option("other")}),
        "/blocks/0/elements/0",
    ),
    "confirm title above 100": (
        actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})),
        "/blocks/0/elements/0/confirm/title/text",
    ),
    "confirm text above 300": (
        actions(button(confirm={**CONFIRM, "text": plain("x" * 301)})),
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "confirm verb above 30": (
        actions(button(confirm={**CONFIRM, "confirm": plain("x" * 31)})),
        "/blocks/0/elements/0/confirm/confirm/text",
    ),
    "confirm without a no": (
        actions(button(confirm={k: v for k, v in CONFIRM.items() if k != "deny"})),
        "/blocks/0/elements/0/confirm",
    ),
    "eleven context elements": ({"type": "context", "elements": [mrkdwn("a")] * 11}, "/blocks/0/elements"),
    "a button in a context": ({"type": "context", "elements": [button()]}, "/blocks/0/elements/0/type"),
    "image without alt text": ({"type": "image", "image_url": "https://example.com/a.png"}, "/blocks/0"),
    "an alert in a message": ({"type": "alert", "text": plain("x")}, "/blocks/0/type"),
    "a chart label above 20": (
        {**CHART, "chart": {"type": "pie", "segments": [{"label": "x" * 21, "value": 1}]}},
        "/blocks/0/chart/segments/0/label",
    ),
    "a pie of nothing": (
        {**CHART, "chart": {"type": "pie", "segments": [{"label": "x", "value": 0}]}},
        "/blocks/0/chart/segments/0/value",
    ),
    "a series that misses a category": (
        {**CHART, "chart": {**CHART["chart"], "axis_config": {"categories": ["Mon", "Tue", "Wed"]}}},  # type: ignore[dict-item]
        "/blocks/0/chart/series/0/data",
    ),
}


@pytest.mark.parametrize(("block", "pointer"), BAD_BLOCKS.values(), ids=BAD_BLOCKS)
def test_slack_refuses_a_wrong_block_and_says_where(block: Json, pointer: str) -> None:
    assert pointer in [problem.pointer for problem in judge_message([block])]


def test_a_message_holds_fifty_blocks_and_a_modal_a_hundred() -> None:
    assert judge_message([SECTION] * 50) == []
    assert [problem.code for problem in judge_message([SECTION] * 51)] == ["too_many"]
    assert judge_view(modal(*[SECTION] * 100)) == []
    assert [problem.code for problem in judge_view(modal(*[SECTION] * 101))] == ["too_many"]


def test_a_block_id_stands_once_in_a_message() -> None:
    twice = [{**SECTION, "block_id": "row"}, {**SECTION, "block_id": "row"}]
    assert [problem.code for problem in judge_message(twice)] == ["not_unique"]


def test_the_same_action_id_may_stand_in_two_blocks() -> None:
    assert judge_message([actions(button()), actions(button())]) == []


def test_a_message_takes_two_charts_and_one_table() -> None:
    table = GOOD_BLOCKS["table"]
    assert judge_message([CHART, CHART, table]) == []
    assert [problem.code for problem in judge_message([CHART] * 3)] == ["too_many"]
    assert [problem.code for problem in judge_message([table, table])] == ["only_one_table_allowed"]


def test_markdown_blocks_share_twelve_thousand_characters() -> None:
    block = {"type": "markdown", "text": "x" * 6001}
    assert judge_message([block]) == []
    assert [problem.code for problem in judge_message([block, block])] == ["too_long"]


GOOD_VIEWS: dict[str, Json] = {
    "reading": modal(SECTION),
    "with an input": modal(INPUT, submit=plain("Void"), close=plain("Keep"), private_metadata="x" * 3000),
    "with an alert": modal({"type": "alert", "text": plain("This cannot be undone."), "level": "warning"}),
    "home": {"type": "home", "blocks": [SECTION]},
}


@pytest.mark.parametrize("view", GOOD_VIEWS.values(), ids=GOOD_VIEWS)
def test_slack_takes_a_sound_view(view: Json) -> None:
    assert judge_view(view) == []


BAD_VIEWS: dict[str, tuple[Json, str]] = {
    "no type": ({"blocks": []}, "/view/type"),
    "no title": ({"type": "modal", "blocks": [SECTION]}, "/view"),
    "title above 24": (modal(SECTION, title=plain("x" * 25)), "/view/title/text"),
    "mrkdwn title": (modal(SECTION, title=mrkdwn("x")), "/view/title/type"),
    "submit above 24": (modal(SECTION, submit=plain("x" * 25)), "/view/submit/text"),
    "close above 24": (modal(SECTION, close=plain("x" * 25)), "/view/close/text"),
    "private_metadata above 3000": (modal(SECTION, private_metadata="x" * 3001), "/view/private_metadata"),
    "callback_id above 255": (modal(SECTION, callback_id="x" * 256), "/view/callback_id"),
    "an input without submit": (modal(INPUT), "/view"),
    "a label above 2000": (modal({**INPUT, "label": plain("x" * 2001)}, submit=plain("Go")), "/view/blocks/0/label/text"),
    "a button as input": (modal({**INPUT, "element": button()}, submit=plain("Go")), "/view/blocks/0/element/type"),
    "max_length above 3000": (
        modal({**INPUT, "element": {"type": "plain_text_input", "max_length": 3001}}, submit=plain("Go")),
        "/view/blocks/0/element/max_length",
    ),
    "eleven radio buttons": (
        modal({**INPUT, "element": {"type": "radio_buttons", "options": [option()] * 11}}, submit=plain("Go")),
        "/view/blocks/0/element/options",
    ),
    "a date that is none": (
        modal({**INPUT, "element": {"type": "datepicker", "initial_date": "20.11.2026"}}, submit=plain("Go")),
        "/view/blocks/0/element/initial_date",
    ),
    "a chart in a modal": (modal(CHART), "/view/blocks/0/type"),
    "a title on a home": ({"type": "home", "title": plain("x"), "blocks": []}, "/view"),
    "a file input at home": (
        {"type": "home", "blocks": [{**INPUT, "element": {"type": "file_input"}}]},
        "/view/blocks/0/element/type",
    ),
}


@pytest.mark.parametrize(("view", "pointer"), BAD_VIEWS.values(), ids=BAD_VIEWS)
def test_slack_refuses_a_wrong_view_and_says_where(view: Json, pointer: str) -> None:
    assert pointer in [problem.pointer for problem in judge_view(view)]


JUNK: tuple[object, ...] = (None, 3, [3], {"type": {}}, "x" * 4000)


@pytest.mark.parametrize("junk", [None, 7, "blocks", {"type": "section"}, [None], [[]], [{"type": 3}]])
def test_junk_is_refused_and_never_breaks_the_judge(junk: object) -> None:
    assert judge_message(junk) != []
    assert judge_view(modal() | {"blocks": junk}) != []


def test_every_single_field_turned_to_junk_is_noticed_or_harmless_but_never_an_error() -> None:
    for block in GOOD_BLOCKS.values():
        for name in block:
            for junk in JUNK:
                judge_message([{**copy.deepcopy(block), name: junk}])
                assert judge_message([{**block, "type": junk}]) != []
