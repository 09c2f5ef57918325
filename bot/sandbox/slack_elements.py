"""Slack's block elements and composition objects, as data: fields, limits, and where each may stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.slack_inputs import is_date, number_of
from bot.sandbox.slack_shapes import (
    BOTH_TEXTS,
    Check,
    Findings,
    anything,
    at_least_one,
    exactly_one,
    flag,
    integer,
    items,
    one_of,
    pattern,
    plain,
    record,
    string,
    text,
)

ID: Final = string(255)
STYLE: Final = one_of("primary", "danger")
CONFIRM: Final = record(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": STYLE},
)
SLACK_FILE: Final = record({}, {"id": string(255), "url": string(3000)}, exactly_one("id", "url"))


def _date(found: Findings, value: Any, at: str) -> None:
    if not is_date(value):
        found.add(at, "wrong_format", "must be a date that exists, such as 2026-11-20")


def _number(found: Findings, value: Any, at: str) -> None:
    if not isinstance(value, str) or number_of(value) is None:
        found.add(at, "wrong_format", "must be a string that holds a number")


def _numbers_agree(found: Findings, element: Any, at: str) -> None:
    bounds = [number_of(element[name]) for name in ("min_value", "initial_value", "max_value") if name in element]
    given = [bound for bound in bounds if bound is not None]
    if given != sorted(given):
        found.add(at, "conflict", "min_value, initial_value and max_value must be in this order")
    if not element["is_decimal_allowed"] and any(bound != bound.to_integral_value() for bound in given):
        found.add(at, "conflict", "decimals are not allowed, and one is given")


def option(kinds: tuple[str, ...] = ("plain_text",), *, with_url: bool = False) -> Check:
    links: Mapping[str, Check] = {"url": string(3000)} if with_url else {}
    return record({"text": text(75, kinds), "value": string(150)}, {"description": text(75, kinds), **links})


OPTION: Final = option()
RICH_OPTION: Final = option(BOTH_TEXTS)
OPTIONS: Final = items(OPTION, 1, 100)
GROUPS: Final = items(record({"label": plain(75), "options": OPTIONS}, {}), 1, 100)


def options_of(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every option of a menu, whether grouped or not."""
    grouped = [option for group in element.get("option_groups") or [] for option in group.get("options") or []]
    return [*(element.get("options") or []), *grouped]


def _initial_is_offered(found: Findings, element: Any, at: str) -> None:
    chosen = [element["initial_option"]] if "initial_option" in element else element.get("initial_options") or []
    offered = options_of(element)
    if any(option not in offered for option in chosen):
        found.add(at, "not_allowed", "initial options must be among the options, and equal to them in every field")


def _lengths_agree(found: Findings, element: Any, at: str) -> None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        found.add(at, "conflict", "min_length is above max_length")
    initial = element.get("initial_value")
    if isinstance(initial, str) and isinstance(most, int) and len(initial) > most:
        found.add(f"{at}/initial_value", "too_long", f"must be less than {most + 1} characters")


def _element(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    return record({"type": anything, **required}, {"action_id": ID, **optional}, *rules)


_MENU: Final = {"placeholder": plain(150), "confirm": CONFIRM, "focus_on_load": flag}
_MANY: Final = {"max_selected_items": integer(1, 100)}
_STATIC: Final = {"options": OPTIONS, "option_groups": GROUPS}
_FIELD: Final = {"placeholder": plain(150), "focus_on_load": flag}
_DISPATCH: Final = record({}, {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 1, 2)})
_FILTER: Final = record(
    {},
    {
        "include": items(one_of("im", "mpim", "private", "public"), 1, 4),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
    at_least_one("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
_CONVERSATION: Final = {"default_to_current_conversation": flag, "filter": _FILTER}

BUTTON: Final = _element(
    {"text": plain(75)},
    {
        "value": string(2000),
        "url": string(3000),
        "style": STYLE,
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "visible_to_user_ids": items(string(255), 1, 100),
    },
)
IMAGE: Final = record(
    {"type": anything, "alt_text": string(2000)},
    {"image_url": string(3000), "slack_file": SLACK_FILE},
    exactly_one("image_url", "slack_file"),
)

MENUS: Final[Mapping[str, Check]] = {
    "static_select": _element(
        {},
        {**_MENU, **_STATIC, "initial_option": OPTION},
        exactly_one("options", "option_groups"),
        _initial_is_offered,
    ),
    "multi_static_select": _element(
        {},
        {**_MENU, **_MANY, **_STATIC, "initial_options": OPTIONS},
        exactly_one("options", "option_groups"),
        _initial_is_offered,
    ),
    "external_select": _element({}, {**_MENU, "initial_option": OPTION, "min_query_length": integer(0, 100)}),
    "multi_external_select": _element(
        {}, {**_MENU, **_MANY, "initial_options": OPTIONS, "min_query_length": integer(0, 100)}
    ),
    "users_select": _element({}, {**_MENU, "initial_user": ID}),
    "multi_users_select": _element({}, {**_MENU, **_MANY, "initial_users": items(ID, 1, 100)}),
    "conversations_select": _element(
        {}, {**_MENU, **_CONVERSATION, "initial_conversation": ID, "response_url_enabled": flag}
    ),
    "multi_conversations_select": _element(
        {}, {**_MENU, **_MANY, **_CONVERSATION, "initial_conversations": items(ID, 1, 100)}
    ),
    "channels_select": _element({}, {**_MENU, "initial_channel": ID, "response_url_enabled": flag}),
    "multi_channels_select": _element({}, {**_MENU, **_MANY, "initial_channels": items(ID, 1, 100)}),
}
CHOICES: Final[Mapping[str, Check]] = {
    "radio_buttons": _element(
        {"options": items(RICH_OPTION, 1, 10)},
        {"initial_option": RICH_OPTION, "confirm": CONFIRM, "focus_on_load": flag},
        _initial_is_offered,
    ),
    "checkboxes": _element(
        {"options": items(RICH_OPTION, 1, 10)},
        {"initial_options": items(RICH_OPTION, 1, 10), "confirm": CONFIRM, "focus_on_load": flag},
        _initial_is_offered,
    ),
}
PICKERS: Final[Mapping[str, Check]] = {
    "datepicker": _element({}, {**_MENU, "initial_date": _date}),
    "timepicker": _element(
        {}, {**_MENU, "initial_time": pattern(r"([01]\d|2[0-3]):[0-5]\d", "09:30"), "timezone": string(255)}
    ),
}
DATETIME: Final[Mapping[str, Check]] = {
    "datetimepicker": _element(
        {},
        {"initial_date_time": integer(1_000_000_000, 9_999_999_999), "confirm": CONFIRM, "focus_on_load": flag},
    ),
}
BUTTONS: Final[Mapping[str, Check]] = {
    "button": BUTTON,
    "overflow": _element({"options": items(option(with_url=True), 1, 5)}, {"confirm": CONFIRM}),
    "workflow_button": _element(
        {"text": plain(75), "workflow": anything}, {"style": STYLE, "accessibility_label": string(75)}
    ),
}
_RICH_INPUT: Final = _element(
    {},
    {**_FIELD, "initial_value": anything, "dispatch_action_config": _DISPATCH, "min_lines": integer(1, 100)}
    | {"max_lines": integer(1, 100)},
)
TYPED: Final[Mapping[str, Check]] = {
    "plain_text_input": _element(
        {},
        {
            **_FIELD,
            "initial_value": string(3000, 0),
            "multiline": flag,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
            "dispatch_action_config": _DISPATCH,
        },
        _lengths_agree,
    ),
    "number_input": _element(
        {"is_decimal_allowed": flag},
        {
            **_FIELD,
            "initial_value": _number,
            "min_value": _number,
            "max_value": _number,
            "dispatch_action_config": _DISPATCH,
        },
        _numbers_agree,
    ),
    "email_text_input": _element({}, {**_FIELD, "initial_value": string(3000, 0), "dispatch_action_config": _DISPATCH}),
    "url_text_input": _element({}, {**_FIELD, "initial_value": string(3000, 0), "dispatch_action_config": _DISPATCH}),
    "rich_text_input": _RICH_INPUT,
    "file_input": _element({}, {"filetypes": items(string(50), 1, 100), "max_files": integer(1, 10)}),
}
CONTEXT_ACTIONS: Final[Mapping[str, Check]] = {
    "icon_button": _element(
        {"icon": one_of("trash"), "text": plain(75)},
        {
            "value": string(2000),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "visible_to_user_ids": items(string(255), 1, 100),
        },
    ),
    "feedback_buttons": _element(
        {
            "positive_button": record({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)}),
            "negative_button": record({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)}),
        },
        {},
    ),
}

ACCESSORIES: Final = {**BUTTONS, **MENUS, **CHOICES, **PICKERS, "image": IMAGE}
IN_ACTIONS: Final = {**BUTTONS, **MENUS, **CHOICES, **PICKERS, **DATETIME, "rich_text_input": _RICH_INPUT}
INPUTS: Final = {**MENUS, **CHOICES, **PICKERS, **DATETIME, **TYPED}
IN_CONTEXT: Final = {"image": IMAGE, "plain_text": text(3000), "mrkdwn": text(3000)}
EVERY_ELEMENT: Final = frozenset({*ACCESSORIES, *IN_ACTIONS, *INPUTS, *IN_CONTEXT, *CONTEXT_ACTIONS})
