"""Modals and Home tabs: the stack of three, hashes, and what an open view holds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from bot.sandbox.slack_content import view_of
from bot.sandbox.slack_state import Identity, Json, SlackError, Workspace

STACK_MOST: Final = 3


@dataclass(slots=True, kw_only=True)
class View:
    """A view somebody has open. `errors` stand under its inputs, `typed` is what was last submitted into it."""

    id: str
    user: str
    body: Json
    root: str
    previous: str | None = None
    hash: str = field(default_factory=lambda: f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}")
    errors: dict[str, str] = field(default_factory=dict)
    typed: Json = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.body["blocks"]
        return blocks

    @property
    def title(self) -> str:
        return str(self.body.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.body.get("callback_id", ""))

    def as_json(self, identity: Identity) -> Json:
        """The view as Slack puts it into payloads and answers."""
        absent = {"submit": None, "close": None, "private_metadata": "", "callback_id": "", "external_id": ""}
        flags = {"clear_on_close": False, "notify_on_close": False}
        return {
            **absent,
            **flags,
            **self.body,
            "id": self.id,
            "team_id": identity.team_id,
            "app_id": identity.app_id,
            "app_installed_team_id": identity.team_id,
            "bot_id": identity.bot_id,
            "root_view_id": self.root,
            "previous_view_id": self.previous,
            "hash": self.hash,
            "state": {"values": self.typed},
        }


class Views:
    """Who has which views open; the last of a stack is on top."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def top(self, user: str) -> View | None:
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    def find(self, view_id: str) -> View | None:
        views = [view for stack in self.stacks.values() for view in stack]
        return next((view for view in [*views, *self.homes.values()] if view.id == view_id), None)

    def open(self, trigger: object, value: Any) -> View:
        body = self._modal(value)
        user = self._workspace.use_trigger(trigger)
        return self._placed(user, [], body)

    def push(self, trigger: object, value: Any) -> View:
        body = self._modal(value)
        user = self._workspace.use_trigger(trigger)
        return self.push_for(user, body)

    def push_for(self, user: str, value: Any) -> View:
        """What a submission's answer does without a trigger."""
        stack = self.stacks.get(user, [])
        if len(stack) >= STACK_MOST:
            raise SlackError("push_limit_reached")
        return self._placed(user, stack, self._modal(value))

    def update(self, args: Json) -> View:
        body = view_of(args.get("view"))
        view = self._addressed(args)
        if args.get("hash") not in (None, view.hash):
            raise SlackError("hash_conflict")
        return self.replace(view, body)

    def replace(self, view: View, value: Any) -> View:
        view.body = view_of(value)
        view.hash = f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}"
        view.errors = {}
        self._workspace.changed()
        return view

    def publish(self, user: object, value: Any, stale: object = None) -> View:
        body = view_of(value)
        if body["type"] != "home":
            raise SlackError("invalid_arguments", ["[ERROR] a home view is needed [json-pointer:/view/type]"])
        if not isinstance(user, str) or user not in self._workspace.people:
            raise SlackError("user_not_found")
        old = self.homes.get(user)
        if old is not None and stale not in (None, old.hash):
            raise SlackError("hash_conflict")
        view_id = old.id if old else self._new_id()
        self.homes[user] = View(id=view_id, user=user, body=body, root=view_id)
        self._workspace.changed()
        return self.homes[user]

    def pop(self, user: str) -> None:
        """Close the top view; what lies below comes back."""
        self.stacks[user] = self.stacks.get(user, [])[:-1]
        self._workspace.changed()

    def clear(self, user: str) -> None:
        self.stacks[user] = []
        self._workspace.changed()

    def _modal(self, value: Any) -> Json:
        body = view_of(value)
        if body["type"] != "modal":
            raise SlackError("invalid_arguments", ["[ERROR] a modal is needed [json-pointer:/view/type]"])
        name = body.get("external_id")
        if name and any(name == view.body.get("external_id") for stack in self.stacks.values() for view in stack):
            raise SlackError("duplicate_external_id")
        return body

    def _addressed(self, args: Json) -> View:
        every = [view for stack in self.stacks.values() for view in stack]
        for view in [*every, *self.homes.values()]:
            if args.get("view_id") == view.id:
                return view
            if args.get("external_id") and args["external_id"] == view.body.get("external_id"):
                return view
        raise SlackError("not_found")

    def _placed(self, user: str, below: list[View], body: Json) -> View:
        view_id = self._new_id()
        root, previous = (below[0].root, below[-1].id) if below else (view_id, None)
        view = View(id=view_id, user=user, body=body, root=root, previous=previous)
        self.stacks[user] = [*below, view]
        self._workspace.changed()
        return view

    def _new_id(self) -> str:
        return f"V0{secrets.token_hex(5).upper()}"
