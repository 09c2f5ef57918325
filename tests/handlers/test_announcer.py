"""Content is rendered when it is sent, to one address, and blocks that Slack does not take cost nobody the message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.content import AlertContent, FileContent
from bot.ports import NotSaid, SlackFailure
from handlers.announcer import MOST_BYTES, SlackAnnouncer
from handlers.slack_client import SlackCalls
from tests.builders import INVOICE

PDF = FileContent(invoice=INVOICE, name="ACME-7.pdf", content=b"%PDF-1.7 ...")
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


@dataclass
class FakeUploads(SlackCalls):
    """Takes a file step by step; `replies` and `failures` change what a step comes to."""

    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, SlackFailure] = field(default_factory=dict)
    steps: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._step(method, arguments)

    async def form(self, method: str, **arguments: str) -> dict[str, Any]:
        return self._step(method, arguments)

    async def upload(self, upload_url: str, content: bytes) -> None:
        self._step("upload", {"url": upload_url, "content": content})

    def _step(self, step: str, what: dict[str, Any]) -> dict[str, Any]:
        self.steps.append((step, what))
        if step in self.failures:
            raise self.failures[step]
        return self.replies.get(step, _REPLIES.get(step, {}))


_REPLIES: dict[str, dict[str, Any]] = {
    "conversations.open": {"ok": True, "channel": {"id": "D0MAYA"}},
    "files.getUploadURLExternal": {"ok": True, "upload_url": "https://files.slack.com/upload/v1/1", "file_id": "F1"},
}
STEPS = ["conversations.open", "files.getUploadURLExternal", "upload", "files.completeUploadExternal"]


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


# --- files ---


async def test_a_file_is_uploaded_and_then_shown_in_the_direct_messages_with_one_person() -> None:
    calls = FakeUploads()
    assert await SlackAnnouncer(calls, Noon(), "/invoice").hand_over("U0MAYA", PDF) == "D0MAYA"
    assert [step for step, _ in calls.steps] == STEPS
    opened, asked, uploaded, completed = (what for _, what in calls.steps)
    assert opened == {"users": "U0MAYA"}
    assert asked == {"filename": "ACME-7.pdf", "length": str(len(PDF.content))}
    assert uploaded == {"url": "https://files.slack.com/upload/v1/1", "content": PDF.content}
    assert completed == {
        "files": [{"id": "F1", "title": "ACME-7.pdf"}],
        "channel_id": "D0MAYA",
        "initial_comment": "PDF of invoice ACME-7, Acme, EUR 420.00",
    }


async def test_what_stands_beside_a_file_calls_nobody_whatever_the_customer_is_called() -> None:
    calls = FakeUploads()
    invoice = replace(INVOICE, customer_name="<!channel> <https://evil.example|here>", number="*<@U0ANA>*")
    await SlackAnnouncer(calls, Noon(), "/invoice").hand_over("U0MAYA", replace(PDF, invoice=invoice))
    comment = calls.steps[-1][1]["initial_comment"]
    assert "<" not in comment
    assert "&lt;!channel&gt;" in comment


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("why", NotSaid)
async def test_only_the_last_step_can_leave_a_doubt_and_no_step_is_repeated(step: str, why: NotSaid) -> None:
    calls = FakeUploads(failures={step: SlackFailure(why, "detail")})
    with pytest.raises(SlackFailure) as caught:
        await SlackAnnouncer(calls, Noon(), "/invoice").hand_over("U0MAYA", PDF)
    is_settled = why is NotSaid.LOST and step != STEPS[-1]
    assert caught.value.why is (NotSaid.WAIT if is_settled else why)
    assert [name for name, _ in calls.steps] == STEPS[: STEPS.index(step) + 1]


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        ("conversations.open", {"channel": {"id": "C0FIN"}}),
        ("conversations.open", {"channel": {"id": "G0FIN"}}),
        ("conversations.open", {"channel": {"id": "U0MAYA"}}),
        ("conversations.open", {"channel": "D0MAYA"}),
        ("conversations.open", {}),
        ("files.getUploadURLExternal", {"file_id": "F1"}),
        ("files.getUploadURLExternal", {"upload_url": "https://files.slack.com/upload/v1/1"}),
    ],
)
async def test_an_answer_that_names_no_direct_messages_or_no_upload_ends_it_before_a_byte_is_sent(
    step: str, reply: dict[str, Any]
) -> None:
    calls = FakeUploads(replies={step: reply})
    with pytest.raises(SlackFailure) as caught:
        await SlackAnnouncer(calls, Noon(), "/invoice").hand_over("U0MAYA", PDF)
    assert caught.value.why is NotSaid.UNUSABLE
    assert calls.steps[-1][0] == step


async def test_a_file_that_is_too_large_is_not_sent_at_all() -> None:
    calls = FakeUploads()
    large = FileContent(invoice=INVOICE, name="ACME-7.pdf", content=bytes(MOST_BYTES + 1))
    with pytest.raises(SlackFailure, match="too large"):
        await SlackAnnouncer(calls, Noon(), "/invoice").hand_over("U0MAYA", large)
    assert calls.steps == []
