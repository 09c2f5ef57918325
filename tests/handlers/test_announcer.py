"""Content is rendered when it is sent, to one address, and blocks that Slack does not take cost nobody the message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.content import AlertContent
from bot.ports import NotSaid, SlackFailure
from handlers.announcer import SlackAnnouncer
from handlers.slack_client import SlackCalls

ALERT = AlertContent(what="digest_not_posted", facts={"channel": "C0FIN", "detail": "is_archived"})


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class FakeCalls(SlackCalls):
    """Takes every call, or answers with the failures given, one for each."""

    failures: list[SlackFailure] = field(default_factory=list)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=lambda: {"ok": True, "ts": "1.2"})

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self._take(method, arguments)
        return self.reply

    async def respond(self, response_url: str, message: dict[str, Any]) -> None:
        self._take(response_url, message)

    def _take(self, where: str, what: dict[str, Any]) -> None:
        self.sent.append((where, what))
        if self.failures:
            raise self.failures.pop(0)


def announcer(*failures: SlackFailure) -> tuple[SlackAnnouncer, FakeCalls]:
    calls = FakeCalls(list(failures))
    return SlackAnnouncer(calls, Noon(), "/invoice"), calls


Say = Callable[[SlackAnnouncer], Awaitable[object]]
WAYS: dict[str, tuple[Say, str, dict[str, Any]]] = {
    "post": (lambda a: a.post("C0FIN", ALERT), "chat.postMessage", {"channel": "C0FIN"}),
    "thread": (
        lambda a: a.post("C0FIN", ALERT, thread="1.1"),
        "chat.postMessage",
        {"channel": "C0FIN", "thread_ts": "1.1"},
    ),
    "update": (lambda a: a.update("C0FIN", "1.2", ALERT), "chat.update", {"channel": "C0FIN", "ts": "1.2"}),
    "whisper": (
        lambda a: a.whisper("C0FIN", "U0MAYA", ALERT),
        "chat.postEphemeral",
        {"channel": "C0FIN", "user": "U0MAYA"},
    ),
    "direct": (lambda a: a.direct("U0MAYA", ALERT), "chat.postMessage", {"channel": "U0MAYA"}),
    "respond": (
        lambda a: a.respond("https://hooks.slack.com/1", ALERT, replace=True),
        "https://hooks.slack.com/1",
        {"response_type": "ephemeral", "replace_original": True},
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_of_saying_carries_text_and_blocks_to_its_one_address(way: str) -> None:
    say, where, place = WAYS[way]
    speaker, calls = announcer()
    await say(speaker)
    ((sent_to, what),) = calls.sent
    assert sent_to == where
    assert what.items() >= place.items()
    assert what["text"]
    assert what["blocks"]


@pytest.mark.parametrize("way", WAYS)
async def test_blocks_that_slack_does_not_take_are_left_out_once(way: str) -> None:
    say, where, place = WAYS[way]
    speaker, calls = announcer(SlackFailure(NotSaid.UNUSABLE, "invalid_blocks"))
    await say(speaker)
    (_, first), (again_to, again) = calls.sent
    assert again_to == where
    assert again.items() >= place.items()
    assert again["text"] == first["text"]
    assert not again.get("blocks")


@pytest.mark.parametrize("way", WAYS)
async def test_text_that_slack_does_not_take_either_is_a_failure(way: str) -> None:
    speaker, calls = announcer(
        SlackFailure(NotSaid.UNUSABLE, "invalid_blocks"), SlackFailure(NotSaid.UNUSABLE, "msg_too_long")
    )
    with pytest.raises(SlackFailure, match="msg_too_long"):
        await WAYS[way][0](speaker)
    assert len(calls.sent) == 2


@pytest.mark.parametrize("why", [why for why in NotSaid if why is not NotSaid.UNUSABLE])
@pytest.mark.parametrize("way", WAYS)
async def test_every_other_failure_is_passed_on_and_nothing_is_sent_again(way: str, why: NotSaid) -> None:
    speaker, calls = announcer(SlackFailure(why, "detail"))
    with pytest.raises(SlackFailure) as caught:
        await WAYS[way][0](speaker)
    assert caught.value.why is why
    assert len(calls.sent) == 1


async def test_a_post_answers_where_the_message_lies() -> None:
    speaker, _ = announcer()
    assert await speaker.post("C0FIN", ALERT) == "1.2"


async def test_a_post_whose_answer_names_no_message_leaves_doubt() -> None:
    speaker, calls = announcer()
    calls.reply = {"ok": True}
    with pytest.raises(SlackFailure) as caught:
        await speaker.post("C0FIN", ALERT)
    assert caught.value.why is NotSaid.LOST


async def test_links_in_a_message_are_not_unfurled() -> None:
    speaker, calls = announcer()
    await speaker.post("C0FIN", ALERT)
    assert calls.sent[0][1]["unfurl_links"] is False
    assert calls.sent[0][1]["unfurl_media"] is False
