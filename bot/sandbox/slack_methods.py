"""The part of Slack's Web API that this sandbox has: one function a method. https://docs.slack.dev/reference/methods"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bot.sandbox.slack_blocks import judge_message, judge_view
from bot.sandbox.slack_content import content_of, parsed
from bot.sandbox.slack_directory_methods import channel_json
from bot.sandbox.slack_files import Files
from bot.sandbox.slack_payloads import message_json
from bot.sandbox.slack_state import Json, Message, Person, SlackError, Workspace
from bot.sandbox.slack_views import Views

Call: TypeAlias = Callable[[Json], Json]

_TS: Final = re.compile(r"\d+\.\d{6}")


def _text_of(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", [f"[ERROR] missing required field: {name}"])
    return value


def _thread_of(args: Mapping[str, Any]) -> str | None:
    thread = args.get("thread_ts")
    if thread and (not isinstance(thread, str) or _TS.fullmatch(thread) is None):
        raise SlackError("invalid_thread_ts")
    return thread or None


@dataclass(frozen=True, slots=True)
class Method:
    """A method, and the scope a token needs for it. Of a call that comes as JSON, a method that takes none sees nothing."""

    call: Call
    scope: str | None = None
    takes_json: bool = True


class Methods:
    """What the bot may ask of the workspace. Every method raises SlackError where Slack would say no."""

    def __init__(self, workspace: Workspace, views: Views, files: Files, team_url: Callable[[], str]) -> None:
        self._workspace = workspace
        self._views = views
        self._team_url = team_url
        self.table: Final[Mapping[str, Method]] = {
            "api.test": Method(lambda args: {"args": args}),
            "auth.test": Method(self.auth_test),
            "blocks.validate": Method(self.blocks_validate),
            "chat.postMessage": Method(self.post_message, "chat:write"),
            "chat.postEphemeral": Method(self.post_ephemeral, "chat:write"),
            "chat.update": Method(self.update, "chat:write"),
            "chat.delete": Method(self.delete, "chat:write"),
            "conversations.info": Method(self.conversation_info, "channels:read"),
            "conversations.open": Method(self.open_conversation, "im:write"),
            "files.getUploadURLExternal": Method(files.upload_url, "files:write", takes_json=False),
            "files.completeUploadExternal": Method(files.complete, "files:write"),
            "usergroups.list": Method(self.usergroups, "usergroups:read"),
            "usergroups.users.list": Method(self.usergroup_users, "usergroups:read"),
            "users.info": Method(self.user_info, "users:read"),
            "views.open": Method(lambda args: self._shown(views.open(args.get("trigger_id"), args.get("view")))),
            "views.push": Method(lambda args: self._shown(views.push(args.get("trigger_id"), args.get("view")))),
            "views.update": Method(lambda args: self._shown(views.update(args))),
            "views.publish": Method(
                lambda args: self._shown(views.publish(args.get("user_id"), args.get("view"), args.get("hash")))
            ),
        }

    def auth_test(self, _args: Json) -> Json:
        me = self._workspace.identity
        return {
            "url": self._team_url(),
            "team": me.team_name,
            "user": me.bot_name,
            "team_id": me.team_id,
            "user_id": me.bot_user_id,
            "bot_id": me.bot_id,
            "is_enterprise_install": False,
        }

    def blocks_validate(self, args: Json) -> Json:
        given = [name for name in ("blocks", "view", "message") if args.get(name)]
        if len(given) != 1:
            raise SlackError("invalid_arguments", ["[ERROR] give exactly one of blocks, view, message"])
        value = parsed(args[given[0]], "invalid_json")
        if given[0] == "message":
            value = value.get("blocks") if isinstance(value, dict) else None
        problems = judge_view(value) if given[0] == "view" else judge_message(value)
        if problems:
            errors = [{"pointer": one.pointer, "code": one.code, "message": one.message} for one in problems]
            raise SlackError("invalid_blocks", [str(one) for one in problems], errors=errors)
        return {}

    def post_message(self, args: Json) -> Json:
        channel = self._workspace.place(_text_of(args, "channel"))
        thread = _thread_of(args)
        message = self._workspace.post(channel, content_of(args), thread_ts=thread)
        return {"channel": channel.id, "ts": message.ts, "message": message_json(self._workspace.identity, message)}

    def post_ephemeral(self, args: Json) -> Json:
        channel = self._workspace.place(_text_of(args, "channel"))
        user = _text_of(args, "user")
        if user not in self._workspace.people or not self._workspace.sees(user, channel):
            raise SlackError("user_not_in_channel")
        thread = _thread_of(args)
        message = self._workspace.post(channel, content_of(args), thread_ts=thread, only_for=user)
        return {"message_ts": message.ts}

    def update(self, args: Json) -> Json:
        message = self._own_message(args, "cant_update_message")
        content = content_of(args)
        if "attachments" not in args:
            content.attachments = message.content.attachments
        self._workspace.rewrite(message, content)
        whole = message_json(self._workspace.identity, message)
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": whole}

    def delete(self, args: Json) -> Json:
        message = self._own_message(args, "cant_delete_message")
        self._workspace.delete(message)
        return {"channel": message.channel, "ts": message.ts}

    def conversation_info(self, args: Json) -> Json:
        channel = self._workspace.channel(_text_of(args, "channel"))
        return {"channel": channel_json(self._workspace, channel)}

    def open_conversation(self, args: Json) -> Json:
        users = _text_of(args, "users").split(",")
        if len(users) != 1:
            raise SlackError("invalid_arguments", ["[ERROR] this sandbox opens direct messages with one person only"])
        return {"channel": channel_json(self._workspace, self._workspace.direct(users[0]))}

    def usergroups(self, args: Json) -> Json:
        with_users = str(args.get("include_users", "")).lower() in {"1", "true"}
        groups = [self._usergroup_json(group_id, with_users=with_users) for group_id in self._workspace.usergroups]
        return {"usergroups": groups}

    def usergroup_users(self, args: Json) -> Json:
        group = _text_of(args, "usergroup")
        if group not in self._workspace.usergroups:
            raise SlackError("no_such_subteam")
        return {"users": self._members(group)}

    def user_info(self, args: Json) -> Json:
        user = _text_of(args, "user")
        me = self._workspace.identity
        if user == me.bot_user_id:
            bot = Person(id=user, name=me.bot_name, title="app", team=me.team_id)
            return {"user": {**self._person_json(bot), "is_bot": True}}
        return {"user": self._person_json(self._workspace.person(user))}

    def _own_message(self, args: Json, not_ours: str) -> Message:
        channel = self._workspace.channel(_text_of(args, "channel"))
        self._workspace.place(channel.id)
        message = self._workspace.find(channel.id, _text_of(args, "ts"))
        if message is None or message.only_for is not None:
            raise SlackError("message_not_found")
        if message.author != self._workspace.identity.bot_user_id:
            raise SlackError(not_ours)
        return message

    def _shown(self, view: Any) -> Json:
        return {"view": view.as_json(self._workspace.identity)}

    def _members(self, group: str) -> list[str]:
        return [person.id for person in self._workspace.people.values() if group in person.usergroups]

    def _usergroup_json(self, group_id: str, *, with_users: bool) -> Json:
        group = self._workspace.usergroups[group_id]
        members = self._members(group_id)
        whole: Json = {
            "id": group.id,
            "team_id": self._workspace.identity.team_id,
            "is_usergroup": True,
            "name": group.name,
            "handle": group.handle,
            "date_delete": 0,
            "user_count": len(members),
        }
        return {**whole, "users": members} if with_users else whole

    def _person_json(self, person: Person) -> Json:
        return {
            "id": person.id,
            "team_id": person.team,
            "name": person.name.lower(),
            "real_name": person.name,
            "deleted": False,
            "is_bot": False,
            "is_admin": False,
            "is_restricted": person.guest,
            "is_ultra_restricted": False,
            "is_stranger": person.team != self._workspace.identity.team_id,
            "tz": "Europe/Berlin",
            "locale": "en-GB",
            "profile": {"real_name": person.name, "display_name": person.name.lower(), "title": person.title},
        }
