"""The payloads that Slack delivers, in the shapes an app sees.

https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.slack_elements import options_of
from bot.sandbox.slack_state import Channel, Identity, Json, Message, Person
from bot.sandbox.slack_views import View

DEPRECATED_TOKEN: Final = "deprecated-verification-token"  # noqa: S105 - a field that apps must ignore

_CHOSEN: Final = {
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
}
ONE_OPTION: Final = frozenset({"overflow", "static_select", "external_select", "radio_buttons"})
SOME_OPTIONS: Final = frozenset({"checkboxes", "multi_static_select", "multi_external_select"})


class NotThere(LookupError):
    """Somebody tried to press or fill what is not on the screen."""


def message_json(identity: Identity, message: Message) -> Json:
    """A message as the Web API and payloads show it."""
    whole: Json = {
        "type": "message",
        "user": message.author,
        "team": identity.team_id,
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.author == identity.bot_user_id:
        whole |= {"bot_id": identity.bot_id, "app_id": identity.app_id}
    if message.thread_ts:
        whole["thread_ts"] = message.thread_ts
    if message.edited:
        whole["edited"] = {"user": message.author, "ts": message.ts}
    if message.content.attachments:
        whole["attachments"] = message.content.attachments
    if message.content.files:
        whole["files"] = message.content.files
    if message.content.metadata:
        whole["metadata"] = message.content.metadata
    return whole


def _option(element: Mapping[str, Any], value: str) -> Json:
    for option in options_of(element):
        if option["value"] == value:
            return option
    if element["type"] == "external_select":
        return {"text": {"type": "plain_text", "text": value}, "value": value}
    raise NotThere(f"{element['action_id']} has no option {value!r}")


def chosen(element: Mapping[str, Any], value: Any) -> Json:
    """The part of an action or of state.values that says what was chosen; `value` is the plain value or values."""
    kind = str(element["type"])
    if kind in ONE_OPTION:
        return {"selected_option": None if value in (None, "") else _option(element, str(value))}
    if kind in SOME_OPTIONS:
        return {"selected_options": [_option(element, str(one)) for one in value or []]}
    if kind in _CHOSEN:
        return {_CHOSEN[kind]: value or None}
    return {"value": value or None}


def initial(element: Mapping[str, Any]) -> Any:
    """The plain value an input shows before anybody touches it."""
    for name, value in element.items():
        if name == "initial_option":
            return value["value"]
        if name == "initial_options":
            return [option["value"] for option in value]
        if name.startswith("initial_"):
            return value
    return None


def command_form(identity: Identity, person: Person, channel: Channel, command: str, text: str) -> dict[str, str]:
    """The fields of a slash command, without trigger_id and response_url."""
    return {
        "token": DEPRECATED_TOKEN,
        "team_id": person.team,
        "team_domain": "recoup-sandbox" if person.team == identity.team_id else "elsewhere",
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.direct_with else channel.name,
        "user_id": person.id,
        "user_name": person.name.lower(),
        "command": command,
        "text": text,
        "api_app_id": identity.app_id,
        "is_enterprise_install": "false",
    }


def interaction(kind: str, identity: Identity, person: Person) -> Json:
    """What every interactive payload begins with."""
    return {
        "type": kind,
        "user": {
            "id": person.id,
            "username": person.name.lower(),
            "name": person.name.lower(),
            "team_id": person.team,
        },
        "api_app_id": identity.app_id,
        "token": DEPRECATED_TOKEN,
        "team": {"id": identity.team_id, "domain": "recoup-sandbox"},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def action_json(element: Mapping[str, Any], block_id: str, value: Any, at: str) -> Json:
    """One entry of `actions`: what was pressed, and what was chosen in it."""
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": at,
    }
    if element["type"] in {"button", "icon_button", "workflow_button"}:
        kept = ("text", "value", "url", "style", "confirm")
        return {**action, **{name: element[name] for name in kept if name in element}}
    if "confirm" in element:
        action["confirm"] = element["confirm"]
    return {**action, **chosen(element, value)}


def from_message(identity: Identity, message: Message, channel: Channel) -> Json:
    """The part of block_actions that says where. Of an ephemeral message the blocks are not sent along."""
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    where: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.direct_with else channel.name},
        "state": {"values": {}},
    }
    if message.only_for is None:
        where["message"] = message_json(identity, message)
    return where


def from_view(identity: Identity, view: View) -> Json:
    return {
        "container": {"type": "view", "view_id": view.id},
        "view": view.as_json(identity),
        "state": {"values": view.typed},
        "hash": view.hash,
    }
