"""Payloads as Slack delivers them, for the tests of what reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.domain.action import Action
from bot.domain.offer import ButtonValue
from bot.domain.records import ReplyTo
from handlers import ids
from handlers.payloads import Origin

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OFFER = "0123456789abcdef" * 2
RESPONSE_URL = "https://hooks.slack.com/actions/T1/1/s3cr3t"


def a_press(
    verb: str = "retry", *, overflow: bool = False, action_id: str | None = None, action_ts: str = "1763600000.1"
) -> dict[str, Any]:
    value = str(ButtonValue(OFFER, verb))
    action: dict[str, Any] = {"action_id": action_id or ids.RUN_ACTION, "block_id": "b1", "action_ts": action_ts}
    if overflow:
        option = {"text": {"type": "plain_text", "text": "Void invoice"}, "value": value}
        action |= {"type": "overflow", "action_id": action_id or ids.MORE, "selected_option": option}
    else:
        action |= {"type": "button", "text": {"type": "plain_text", "text": "Retry payment"}, "value": value}
    return {
        "type": "block_actions",
        "user": {"id": "U0MAYA", "username": "maya", "team_id": "T1"},
        "api_app_id": "A1",
        "token": "unused",
        "container": {"type": "message", "message_ts": "1763500000.000100", "channel_id": "C0FIN", "is_ephemeral": False},
        "trigger_id": "123.456.abc",
        "team": {"id": "T1", "domain": "acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": "C0FIN", "name": "finance"},
        "message": {"type": "message", "ts": "1763500000.000100", "text": "Failed invoices"},
        "state": {"values": {}},
        "response_url": RESPONSE_URL,
        "actions": [action],
    }


def a_command(text: str) -> dict[str, str]:
    return {
        "token": "unused",
        "team_id": "T1",
        "team_domain": "acme",
        "channel_id": "C0FIN",
        "channel_name": "finance",
        "user_id": "U0MAYA",
        "user_name": "maya",
        "command": "/invoice",
        "text": text,
        "api_app_id": "A1",
        "is_enterprise_install": "false",
        "response_url": RESPONSE_URL,
        "trigger_id": "123.456.def",
    }


def a_submission(
    action: Action = Action.VOID, *, choice: str | None = "duplicate", words: str | None = None, metadata: str | None = None
) -> dict[str, Any]:
    reply_to = ReplyTo(user="U0MAYA", channel="C0FIN", ts="1763500000.000100", response_url=RESPONSE_URL)
    option = {"text": {"type": "plain_text", "text": "A reason"}, "value": choice} if choice else None
    return {
        "type": "view_submission",
        "team": {"id": "T1", "domain": "acme"},
        "user": {"id": "U0MAYA", "username": "maya", "team_id": "T1"},
        "api_app_id": "A1",
        "token": "unused",
        "trigger_id": "123.456.ghi",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": ids.REASON_MODAL,
            "hash": "1.a",
            "private_metadata": metadata or Origin(str(ButtonValue(OFFER, action.value)), action, reply_to).dump(),
            "state": {
                "values": {
                    ids.REASON_CHOICE_BLOCK: {ids.REASON_CHOICE: {"type": "static_select", "selected_option": option}},
                    ids.REASON_TEXT_BLOCK: {ids.REASON_TEXT: {"type": "plain_text_input", "value": words}},
                }
            },
        },
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }
