"""The app manifest is one that Slack takes, for Socket Mode, and asks for no more than the bot needs.

The rules are those of docs.slack.dev, "App manifest reference", written down again here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.manifest import SCOPES, manifest

FILE = Path(__file__).parents[2] / "manifest.yml"
MANIFEST: dict[str, Any] = yaml.safe_load(FILE.read_text())
_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
_SCOPE = re.compile(r"[a-z]+(?:[._][a-z]+)*(?::[a-z]+(?:\.[a-z]+)*)?")


def keys(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"{path}/{key}"
            yield from keys(part, f"{path}/{key}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from keys(part, f"{path}/{number}")


def test_every_text_has_a_length_that_slack_takes() -> None:
    shown = MANIFEST["display_information"]
    assert 1 <= len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert "long_description" not in shown or 175 <= len(shown["long_description"]) <= 4_000
    assert re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", shown["background_color"])
    assert 1 <= len(MANIFEST["features"]["bot_user"]["display_name"]) <= 80


def test_it_has_only_the_parts_that_slack_knows() -> None:
    assert set(MANIFEST) <= {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert MANIFEST["_metadata"]["major_version"] in (1, 2)
    assert MANIFEST["_metadata"]["minor_version"] == 1
    assert set(MANIFEST["settings"]) <= {
        "allowed_ip_address_ranges",
        "event_subscriptions",
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    }


@pytest.mark.parametrize("command", MANIFEST["features"]["slash_commands"], ids=lambda command: command["command"])
def test_a_slash_command_has_a_form_that_slack_takes(command: dict[str, Any]) -> None:
    assert _COMMAND.fullmatch(command["command"])
    assert 1 <= len(command["description"]) <= 2_000
    assert 1 <= len(command["usage_hint"]) <= 1_000
    assert set(command) <= {"command", "description", "usage_hint", "should_escape", "url"}


def test_names_in_commands_arrive_as_ids() -> None:
    assert all(command["should_escape"] is True for command in MANIFEST["features"]["slash_commands"])


def test_under_socket_mode_nothing_names_an_address() -> None:
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert not [path for path in keys(MANIFEST) if path.endswith("url") or path.endswith("urls")]


def test_buttons_and_dialogs_are_switched_on() -> None:
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True


def test_it_asks_for_no_more_than_is_needed_and_never_for_what_was_said_in_channels() -> None:
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert set(scopes) == {"bot"}
    assert all(_SCOPE.fullmatch(scope) and len(scope) <= 50 for scope in scopes["bot"])
    assert len(set(scopes["bot"])) == len(scopes["bot"])
    assert scopes["bot"] == [scope.name for scope in SCOPES]
    assert {scope.name for scope in SCOPES if not scope.is_for_doctor} == {
        "commands",
        "chat:write",
        "usergroups:read",
        "users:read",
        "files:write",
        "im:write",
    }
    assert {scope.name for scope in SCOPES if scope.is_for_doctor} == {"channels:read", "groups:read"}


def test_the_file_is_what_the_command_prints() -> None:
    assert FILE.read_text(encoding="utf-8") == manifest()


def test_tokens_are_not_rotated_because_the_bot_keeps_none() -> None:
    assert MANIFEST["settings"]["token_rotation_enabled"] is False
