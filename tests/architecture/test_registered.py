"""What the manifest announces, what listeners wait for, and what views write are one and the same."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from re import Pattern
from typing import Any, cast

import yaml
from slack_bolt.async_app import AsyncApp

import handlers.views
from bot.settings import Settings
from handlers import Handlers, ids, register

MANIFEST: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "manifest.yml").read_text())
VIEWS = Path(handlers.views.__file__).parent
INPUTS = {
    f"{name}{part}"
    for name in (
        "REASON_CHOICE",
        "REASON_TEXT",
        "COLLECT",
        "AMOUNT",
        "PAID_BY",
        "PAID_ON",
        "PAYMENT_REFERENCE",
        "METHOD",
        "NOTE",
    )
    for part in ("", "_BLOCK")
} | {"COLLECT_YES"}
"""Read from the submission; pressing or filling them decides nothing."""
WITHOUT_A_SUBMIT_BUTTON = {"READING_MODAL"}


@dataclass
class RecordingApp:
    """Writes down what was registered, in order."""

    registered: list[tuple[str, str | Pattern[str]]] = field(default_factory=list)

    def command(self, name: str) -> Callable[[object], None]:
        return self._take("command", name)

    def action(self, name: str | Pattern[str]) -> Callable[[object], None]:
        return self._take("action", name)

    def view(self, name: str | Pattern[str]) -> Callable[[object], None]:
        return self._take("view", name)

    def error(self, listener: object) -> None:
        assert callable(listener)

    def _take(self, kind: str, name: str | Pattern[str]) -> Callable[[object], None]:
        self.registered.append((kind, name))
        return lambda _: None

    def names(self, kind: str) -> list[str]:
        return [name for found, name in self.registered if found == kind and isinstance(name, str)]


class Anything:
    """Has every listener that there may be."""

    def __getattr__(self, name: str) -> object:
        return self


def registered() -> RecordingApp:
    app = RecordingApp()
    anything = cast(Any, Anything())
    listeners = Handlers(anything, anything, anything, anything, anything)
    register(cast(AsyncApp, app), listeners, Settings.model_fields["command"].default)
    return app


def written() -> set[str]:
    """The names of `ids` that the views use."""
    return {
        node.attr
        for file in VIEWS.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ids"
        and node.attr.isupper()
    }


def constants() -> dict[str, str]:
    return {name: value for name, value in vars(ids).items() if name.isupper() and isinstance(value, str)}


def test_the_manifest_s_commands_are_those_that_are_listened_for() -> None:
    announced = [command["command"] for command in MANIFEST["features"]["slash_commands"]]
    assert registered().names("command") == announced


def test_interactivity_is_announced_because_buttons_and_dialogs_are_listened_for() -> None:
    assert bool(registered().names("action")) == MANIFEST["settings"]["interactivity"]["is_enabled"]


def test_no_event_is_subscribed_to_that_nobody_listens_for() -> None:
    assert "event_subscriptions" not in MANIFEST["settings"]
    assert {kind for kind, _ in registered().registered} == {"command", "action", "view"}


def test_every_id_that_a_view_writes_has_a_listener() -> None:
    app = registered()
    heard = {*app.names("action"), *app.names("view")}
    for name in written() - INPUTS - WITHOUT_A_SUBMIT_BUTTON:
        assert constants()[name] in heard, name


def test_no_two_ids_are_the_same() -> None:
    assert written() <= set(constants())
    assert len(set(constants().values())) == len(constants())


def test_what_nobody_knows_is_caught_last() -> None:
    for kind in ("action", "view"):
        of_kind = [name for found, name in registered().registered if found == kind]
        assert isinstance(of_kind[-1], Pattern)
        assert of_kind[-1].fullmatch("an.id.of.another.version")
        assert all(isinstance(name, str) for name in of_kind[:-1])
