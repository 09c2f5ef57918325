"""Reads Slack's payloads: who, where, which button, which delivery. Raises UnusableValue for what Slack never sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.domain.policy import Actor
from bot.domain.records import ReplyTo
from bot.services.actions import Pressed, delivery_key

_RESPONSE_URL_LIVES = timedelta(minutes=29)  # Slack says 30; a post on its way should still arrive
_METADATA = 3000
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A slash command as Slack delivered it."""

    text: str
    actor: Actor
    reply_to: ReplyTo
    trigger_id: str
    delivery: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a modal was opened from, carried in its private_metadata: the offer, the action, and the answer's address."""

    value: str
    action: Action
    reply_to: ReplyTo = field(repr=False)
    about: str | None = None
    """The decision that a verdict is about; a dialog that makes a decision has none yet."""

    def dump(self) -> str:
        """JSON for private_metadata: a few hundred characters. Without a response_url that is longer than Slack takes."""
        to = self.reply_to
        text = json.dumps(
            {
                "value": self.value,
                "action": self.action.value,
                "about": self.about,
                "channel": to.channel,
                "ts": to.ts,
                "thread": to.thread,
                "ephemeral": to.is_ephemeral,
                "url": to.response_url,
                "until": to.response_url_until.isoformat() if to.response_url_until else None,
            }
        )
        if len(text) <= _METADATA or to.response_url is None:
            return text
        return replace(self, reply_to=replace(to, response_url=None, response_url_until=None)).dump()

    @classmethod
    def load(cls, text: str, user: str) -> Origin:
        """Raises UnusableValue for metadata of another version."""
        try:
            data = json.loads(text)
            until = data["until"]
            reply_to = ReplyTo(
                user=user,
                channel=_text(data["channel"], "channel"),
                ts=_text_or_none(data["ts"]),
                thread=_text_or_none(data["thread"]),
                is_ephemeral=bool(data["ephemeral"]),
                response_url=_text_or_none(data["url"]),
                response_url_until=datetime.fromisoformat(until).astimezone(UTC) if until else None,
            )
            about = _text(data["about"], "about") if data.get("about") else None
            return cls(_text(data["value"], "value"), Action(data["action"]), reply_to, about)
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            raise UnusableValue("this dialog is from another version of the bot") from None


def invocation_of(body: Body, now: datetime) -> Invocation:
    """A slash command; its trigger_id names the delivery."""
    user, trigger = _text(body.get("user_id"), "user_id"), _text(body.get("trigger_id"), "trigger_id")
    reply_to = ReplyTo(
        user=user,
        channel=_text(body.get("channel_id"), "channel_id"),
        response_url=_text_or_none(body.get("response_url")),
        response_url_until=now + _RESPONSE_URL_LIVES,
    )
    actor = Actor(user, _text(body.get("team_id"), "team_id"))
    return Invocation(str(body.get("text") or ""), actor, reply_to, trigger, delivery_key("command", trigger))


def pressed_of(body: Body, now: datetime) -> Pressed:
    """A button or overflow option in a message."""
    actor, action, container = actor_of(body), _first_action(body), _part(body, "container")
    option = action.get("selected_option")
    value = option.get("value") if isinstance(option, dict) else action.get("value")
    is_ephemeral = bool(container.get("is_ephemeral"))
    ts = container.get("message_ts")
    channel = container.get("channel_id") or _part(body, "channel").get("id")
    reply_to = ReplyTo(
        user=actor.user,
        channel=_text(channel, "channel"),
        ts=None if is_ephemeral else _text(ts, "message_ts"),
        thread=_text_or_none(container.get("thread_ts")),
        is_ephemeral=is_ephemeral,
        response_url=_text_or_none(body.get("response_url")),
        response_url_until=now + _RESPONSE_URL_LIVES,
    )
    delivery = delivery_key(
        "press",
        actor.team,
        actor.user,
        reply_to.channel,
        str(ts),
        str(action.get("action_id")),
        str(value),
        str(action.get("action_ts")),
    )
    return Pressed(value=str(value or ""), actor=actor, reply_to=reply_to, delivery=delivery)


def submission_of(body: Body) -> tuple[Origin, Actor, str, dict[str, dict[str, Body]]]:
    """A modal's submission: where it came from, who submitted, which delivery, and the state of its inputs.

    The delivery names the view and what was entered: a corrected submission of the same view is another delivery.
    """
    actor, view = actor_of(body), _part(body, "view")
    values = _part(view, "state").get("values") or {}
    origin = Origin.load(str(view.get("private_metadata") or ""), actor.user)
    key = delivery_key("submit", actor.team, actor.user, str(view.get("id")), json.dumps(values, sort_keys=True))
    return origin, actor, key, values


def actor_of(body: Body) -> Actor:
    """The user and the user's own team: in a channel shared with another company it differs from the payload's."""
    user, team = _part(body, "user"), body.get("team")
    team_id = user.get("team_id") or (team.get("id") if isinstance(team, dict) else None)
    return Actor(_text(user.get("id"), "user"), _text(team_id, "team"))


def trigger_of(body: Body) -> str:
    return _text(body.get("trigger_id"), "trigger_id")


def _first_action(body: Body) -> Body:
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise UnusableValue("the payload names no button")
    return actions[0]


def _part(body: Body, name: str) -> Body:
    part = body.get(name)
    if not isinstance(part, dict):
        raise UnusableValue(f"the payload has no {name}")
    return part


def _text(value: object, name: str) -> str:
    """Every id, time and trigger of Slack is printable ASCII; what is not cannot be kept in every database either."""
    text = _text_or_none(value)
    if text is None:
        raise UnusableValue(f"the payload has no {name}")
    return text


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value and value.isascii() and value.isprintable() else None
