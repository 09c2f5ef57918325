"""What a person does in the local Slack: type a command, press, fill in, close; and what the app's answer then changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.sandbox.slack_blocks import elements_of
from bot.sandbox.slack_content import content_of
from bot.sandbox.slack_delivery import Answer, Courier, Delivery
from bot.sandbox.slack_elements import options_of
from bot.sandbox.slack_inputs import problem_of
from bot.sandbox.slack_payloads import (
    ONE_OPTION,
    NotThere,
    action_json,
    chosen,
    command_form,
    from_message,
    from_view,
    initial,
    interaction,
)
from bot.sandbox.slack_state import Json, SlackError, Trouble, Workspace
from bot.sandbox.slack_views import View, Views

Typed = Mapping[str, Mapping[str, Any]]
"""Plain values by block_id and action_id."""

_HINTS: Final = {
    "operation_timeout": "the app did not answer within 3 seconds",
    "dispatch_failed": "the app could not be reached",
}


@dataclass(frozen=True, slots=True)
class Found:
    """An element on the screen, and the block it stands in."""

    element: Json
    block_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What is pressed: in a message (`channel`, `ts`; an ephemeral message has a ts too), or in a view. `value` picks the
    button or option by its value; `block_id` narrows where `action_id` stands more than once."""

    user: str
    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None
    action_id: str | None = None
    block_id: str | None = None
    value: Any = None


def _offers(element: Json, value: Any) -> bool:
    if value is None or element["type"] in {"datepicker", "timepicker", "checkboxes", "plain_text_input"}:
        return True
    if element["type"] in ONE_OPTION and element["type"] != "external_select":
        return any(option["value"] == value for option in options_of(element))
    return element.get("value") == value if element["type"].endswith("button") else True


def find_element(blocks: list[Json], press: Press) -> Found:
    """The one element that fits; raises NotThere for none, and for more than one."""
    fitting = [
        Found(element, block["block_id"])
        for block in blocks
        for element in elements_of(block)
        if press.block_id in (None, block["block_id"])
        and press.action_id in (None, element["action_id"])
        and _offers(element, press.value)
    ]
    if len(fitting) != 1:
        wanted = f"action_id={press.action_id} block_id={press.block_id} value={press.value}"
        raise NotThere(f"{len(fitting)} elements fit {wanted}")
    return fitting[0]


class Play:
    """Turns what people do into deliveries, and the app's answers into what they see."""

    def __init__(self, workspace: Workspace, views: Views, courier: Courier, url_of: Callable[[str], str]) -> None:
        self._workspace = workspace
        self._views = views
        self._courier = courier
        self._url_of = url_of

    async def command(self, user: str, channel: str, command: str, text: str) -> Answer:
        place = self._workspace.channel(channel)
        person = self._workspace.person(user)
        if not self._workspace.sees(user, place):
            raise NotThere(f"{person.name} is not in {place.name}")
        token = self._workspace.new_response_url(user, place.id)
        payload = {
            **command_form(self._workspace.identity, person, place, command, text),
            "response_url": self._url_of(token),
            "trigger_id": self._workspace.new_trigger(user),
        }
        return await self._deliver(Delivery("slash_commands", payload, user))

    async def press(self, press: Press) -> Answer:
        if press.view_id is not None:
            return await self._press_in_view(press, press.view_id)
        place = self._workspace.channel(press.channel or "")
        message = self._workspace.find(place.id, press.ts or "")
        if message is None or message.only_for not in (None, press.user) or not self._workspace.sees(press.user, place):
            raise NotThere(f"no message {press.ts} in {place.name} that {press.user} can see")
        attached = [block for one in message.content.attachments for block in one.get("blocks") or []]
        found = find_element([*message.blocks, *attached], press)
        token = self._workspace.new_response_url(press.user, place.id, message.ts)
        payload = {
            **interaction("block_actions", self._workspace.identity, self._workspace.person(press.user)),
            **from_message(self._workspace.identity, message, place),
            "actions": [action_json(found.element, found.block_id, press.value, self._workspace.stamp())],
            "response_url": self._url_of(token),
            "trigger_id": self._workspace.new_trigger(press.user),
        }
        return await self._deliver(Delivery("interactive", payload, press.user))

    async def submit(self, user: str, values: Typed, view_id: str | None = None) -> Answer:
        """Fill in and submit. What Slack's own client would stop (a required field left empty) never reaches the app."""
        view = self._open_view(user, view_id)
        view.typed, view.errors = self._typed(view, values)
        self._workspace.changed()
        if view.errors:
            return Answer(None, 0, {"errors": view.errors}, error="not_sent")
        payload = {
            **interaction("view_submission", self._workspace.identity, self._workspace.person(user)),
            "trigger_id": self._workspace.new_trigger(user),
            "view": view.as_json(self._workspace.identity),
            "response_urls": [],
        }
        return await self._deliver(Delivery("interactive", payload, user))

    async def close_view(self, user: str, view_id: str | None = None, *, clear: bool = False) -> Answer | None:
        """Close the top view, or with `clear` the whole stack; answers None where the app did not ask to be told."""
        view = self._open_view(user, view_id)
        if clear or view.body.get("clear_on_close"):
            self._views.clear(user)
        else:
            self._views.pop(user)
        if not view.body.get("notify_on_close"):
            return None
        payload = {
            **interaction("view_closed", self._workspace.identity, self._workspace.person(user)),
            "view": view.as_json(self._workspace.identity),
            "is_cleared": clear,
        }
        return await self._deliver(Delivery("interactive", payload, user))

    async def suggest(self, press: Press) -> Answer:
        """What the app offers in an external select for what was typed so far (`value`)."""
        view = self._open_view(press.user, press.view_id)
        found = find_element(view.blocks, replace(press, value=None))
        payload = {
            **interaction("block_suggestion", self._workspace.identity, self._workspace.person(press.user)),
            **from_view(self._workspace.identity, view),
            "action_id": found.element["action_id"],
            "block_id": found.block_id,
            "value": press.value or "",
        }
        return await self._deliver(Delivery("interactive", payload, press.user))

    async def redeliver(self) -> Answer:
        """Deliver the last payload once more, unchanged."""
        delivery = self._courier.again()
        if delivery is None:
            raise NotThere("nothing was delivered yet")
        return await self._deliver(delivery)

    async def _press_in_view(self, press: Press, view_id: str) -> Answer:
        view = self._open_view(press.user, view_id)
        found = find_element(view.blocks, press)
        typed = view.typed.setdefault(found.block_id, {})
        action = action_json(found.element, found.block_id, press.value, self._workspace.stamp())
        if not found.element["type"].endswith("button") and found.element["type"] != "overflow":
            typed[found.element["action_id"]] = {
                "type": found.element["type"],
                **chosen(found.element, press.value),
            }
        payload = {
            **interaction("block_actions", self._workspace.identity, self._workspace.person(press.user)),
            **from_view(self._workspace.identity, view),
            "actions": [action],
            "trigger_id": self._workspace.new_trigger(press.user),
        }
        return await self._deliver(Delivery("interactive", payload, press.user))

    def _open_view(self, user: str, view_id: str | None) -> View:
        view = self._views.top(user) if view_id is None else self._views.find(view_id)
        if view is None or view.user != user:
            raise NotThere(f"{user} has no such view open")
        return view

    def _typed(self, view: View, values: Typed) -> tuple[Json, dict[str, str]]:
        state: Json = {}
        errors: dict[str, str] = {}
        known = {block["block_id"] for block in view.blocks}
        if not values.keys() <= known:
            raise NotThere(f"the view has no block {', '.join(sorted(values.keys() - known))}")
        for block in view.blocks:
            for element in elements_of(block):
                if element["type"].endswith("button") or element["type"] == "overflow":
                    continue
                value = values.get(block["block_id"], {}).get(element["action_id"], initial(element))
                entry = {"type": element["type"], **chosen(element, value)}
                state.setdefault(block["block_id"], {})[element["action_id"]] = entry
                problem = problem_of(block, element, value)
                if problem:
                    errors[block["block_id"]] = problem
        return state, errors

    # what the answer changes

    async def _deliver(self, delivery: Delivery) -> Answer:
        answer = await self._courier.deliver(delivery)
        if answer.ok:
            try:
                self._take(delivery, answer.body)
            except SlackError as error:
                answer = replace(answer, error=" ".join([error.code, *error.details]))
        if not answer.ok:
            self._workspace.warn(self._trouble(delivery, answer))
        return answer

    def _take(self, delivery: Delivery, body: Any) -> None:
        if delivery.kind == "slash_commands":
            self._take_command_answer(delivery, body)
        elif delivery.payload["type"] == "view_submission":
            self._take_submission_answer(delivery, body)

    def _take_command_answer(self, delivery: Delivery, body: Any) -> None:
        said = {"text": body} if isinstance(body, str) else body
        if not isinstance(said, dict) or not (said.get("text") or said.get("blocks")):
            return
        public = said.get("response_type") == "in_channel"
        place = self._workspace.channel(delivery.payload["channel_id"])
        posted = self._workspace.post(place, content_of(said), only_for=None if public else delivery.user)
        token = str(delivery.payload["response_url"]).rsplit("/", 1)[-1]
        self._workspace.response_urls[token].original = posted.ts

    def _take_submission_answer(self, delivery: Delivery, body: Any) -> None:
        answer = body if isinstance(body, dict) else {}
        view = self._views.find(delivery.payload["view"]["id"])
        if view is None:
            return  # closed meanwhile, or delivered again
        match answer.get("response_action"):
            case None:
                self._views.pop(delivery.user)
            case "clear":
                self._views.clear(delivery.user)
            case "update":
                self._views.replace(view, answer.get("view"))
            case "push":
                self._views.push_for(delivery.user, answer.get("view"))
            case "errors":
                self._show_errors(view, answer.get("errors"))
            case other:
                raise SlackError("invalid_response_action", [f"[ERROR] {other}"])

    def _show_errors(self, view: View, errors: Any) -> None:
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
            raise SlackError("invalid_errors", ["[ERROR] errors must be keyed by the block_id of an input block"])
        view.errors = {str(key): str(text) for key, text in errors.items()}
        self._workspace.changed()

    def _trouble(self, delivery: Delivery, answer: Answer) -> Trouble:
        payload = delivery.payload
        hint = _HINTS.get(str(answer.error), f"the app answered badly: {answer.error}")
        if delivery.kind == "slash_commands":
            text = f"{payload['command']} failed: {hint}."
            channel, ts, view_id = payload["channel_id"], None, None
        else:
            text = f"Slack could not complete this: {hint}."
            container = payload.get("container") or {}
            channel, ts = container.get("channel_id"), container.get("message_ts")
            view_id = (payload.get("view") or {}).get("id")
        return Trouble(user=delivery.user, channel=channel, ts=ts, view_id=view_id, text=text, at=self._workspace.now())
