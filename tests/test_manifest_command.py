"""`recoup manifest` prints a manifest that Slack takes, for the way in which this bot will be reached."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli import app
from bot.domain.errors import UnusableValue
from bot.manifest import SCOPES, manifest, public_address

Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recoup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(("RECOUP_", "SLACK_")):
            monkeypatch.delenv(name)

    def invoked(*arguments: str, **variables: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["manifest", *arguments], env={"COLUMNS": "120", **variables}, prog_name="recoup")
        return done.exit_code, done.stdout, done.stderr

    return invoked


def read(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def test_by_itself_it_is_for_socket_mode_and_names_no_address(recoup: Invoke) -> None:
    status, out, err = recoup()
    assert (status, err) == (0, "")
    assert read(out)["settings"]["socket_mode_enabled"] is True
    assert "url:" not in out
    assert read(out)["features"]["slash_commands"][0]["command"] == "/invoice"


def test_with_an_address_slack_calls_it_for_commands_and_for_buttons(recoup: Invoke) -> None:
    status, out, err = recoup("--url", "https://bot.example.com")
    assert (status, err) == (0, "")
    found = read(out)
    assert found["settings"]["socket_mode_enabled"] is False
    assert found["settings"]["interactivity"] == {
        "is_enabled": True,
        "request_url": "https://bot.example.com/slack/events",
    }
    assert found["features"]["slash_commands"][0]["url"] == "https://bot.example.com/slack/events"


def test_both_ways_differ_in_nothing_else() -> None:
    socket, http = read(manifest()), read(manifest(url="https://bot.example.com"))
    del http["settings"]["interactivity"]["request_url"], http["features"]["slash_commands"][0]["url"]
    http["settings"]["socket_mode_enabled"] = True
    assert http == socket


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://bot.example.com/", "https://bot.example.com"),
        (" https://bot.example.com ", "https://bot.example.com"),
        ("https://bot.example.com/slack/events", "https://bot.example.com"),
        ("https://bot.example.com/slack/events/", "https://bot.example.com"),
        ("https://example.com:8443/recoup/", "https://example.com:8443/recoup"),
    ],
)
def test_an_address_is_understood_with_or_without_its_end(given: str, meant: str) -> None:
    assert public_address(given) == meant


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("http://bot.example.com", "https:// addresses only"),
        ("bot.example.com", "not a whole web address"),
        ("https://", "not a whole web address"),
        ("", "not a whole web address"),
        ("https://[bot", "not a web address"),
        ("https://bot.example.com:port", "not a web address"),
        ("https://u:p@bot.example.com", "a host and perhaps a path"),
        ("https://bot.example.com/?a=b", "a host and perhaps a path"),
        ("https://bücher.example", "a host and perhaps a path"),
        ("https://localhost:3000", "cannot reach this machine"),
        ("https://127.0.0.1", "cannot reach this machine"),
    ],
)
def test_an_address_that_slack_cannot_call_is_refused_with_a_sentence(given: str, told: str, recoup: Invoke) -> None:
    with pytest.raises(UnusableValue, match=told):
        public_address(given)
    status, out, err = recoup("--url", given)
    assert (status, out) == (1, "")
    assert err.startswith("recoup: ")
    assert told in err


def test_the_command_is_the_one_that_is_asked_for(recoup: Invoke) -> None:
    _, out, _ = recoup("--command", "/invoice-dev", "--name", "Recoup (test)")
    found = read(out)
    assert found["features"]["slash_commands"][0]["command"] == "/invoice-dev"
    assert found["display_information"]["name"] == found["features"]["bot_user"]["display_name"] == "Recoup (test)"


def test_else_it_is_the_one_of_the_settings_even_while_ids_are_missing_there(recoup: Invoke) -> None:
    Path("recoup.toml").write_text('command = "/billing"\nops_channel = "C_YOUR_CHANNEL"\n', encoding="utf-8")
    status, out, err = recoup()
    assert (status, err) == (0, "")
    assert read(out)["features"]["slash_commands"][0]["command"] == "/billing"


def test_settings_that_cannot_be_read_are_told_and_do_not_stop_it(recoup: Invoke) -> None:
    Path("recoup.toml").write_text("command = /billing", encoding="utf-8")
    status, out, err = recoup()
    assert status == 0
    assert "recoup doctor" in err
    assert read(out)["features"]["slash_commands"][0]["command"] == "/invoice"


@pytest.mark.parametrize("command", ["invoice", "/", "/Invoice", "/in voice", "/" + "a" * 32, '/a"'])
def test_a_command_that_slack_does_not_take_is_refused(command: str, recoup: Invoke) -> None:
    status, out, err = recoup("--command", command)
    assert (status, out) == (1, "")
    assert "cannot be a slash command" in err


@pytest.mark.parametrize("name", [" ", "a" * 36, "two\nlines"])
def test_a_name_that_slack_does_not_take_is_refused(name: str, recoup: Invoke) -> None:
    status, out, err = recoup("--name", name)
    assert (status, out) == (1, "")
    assert "name" in err


@pytest.mark.parametrize("name", ['Re"coup', "Recoup: {test} # 1", "Récoup", "yes", "it's"])
def test_any_other_name_arrives_as_it_was_written(name: str) -> None:
    assert read(manifest(name=name))["display_information"]["name"] == name


def test_every_scope_says_what_it_is_for() -> None:
    for scope in SCOPES:
        assert f"- {scope.name} # {scope.why}\n" in manifest()
