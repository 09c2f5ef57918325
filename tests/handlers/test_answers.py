"""A file is handed over in the direct messages with the one who asked, and what became of it is said where they asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from bot.domain.action import Word
from bot.domain.content import Content, FileContent, RefusalContent
from bot.domain.records import ReplyTo
from bot.ports import NotSaid, SlackFailure
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_state import Identity, Message, Person
from bot.services.finder import Reader
from handlers.announcer import MOST_BYTES, TOO_LARGE, SlackAnnouncer
from handlers.answers import Answers, failed
from handlers.slack_client import SlackCalls, new_client, new_session
from handlers.views.refusals import refusal_sentence
from tests.builders import INVOICE, OTHER_CHANNEL, REF, TEAM, TOM, by_command
from tests.fakes import FakeAnnouncer, MovableClock
from tests.handlers.slack_side import SlackSide
from tests.services.bench import Bench

PDF = FileContent(invoice=INVOICE, name="ACME-7.pdf", content=b"%PDF-1.7 ...")
BY_COMMAND = by_command(TOM)
IN_DIRECT = ReplyTo(user=TOM.user, channel="D0TOM")


def _sentence(content: Content) -> str:
    assert isinstance(content, RefusalContent)
    return refusal_sentence(content.refusal, "/invoice")


async def test_the_file_comes_first_and_then_the_word_that_it_is_there() -> None:
    announcer = FakeAnnouncer()
    await Answers(announcer).tell(PDF, BY_COMMAND)
    assert [(said.how, said.to, said.content) for said in announcer.said] == [
        ("hand_over", "D0TOM", PDF),
        ("respond", BY_COMMAND.response_url, PDF),
    ]


async def test_whoever_asks_in_the_direct_messages_themselves_gets_the_file_alone() -> None:
    announcer = FakeAnnouncer()
    await Answers(announcer).tell(PDF, IN_DIRECT)
    assert announcer.how() == ["hand_over"]


async def test_direct_messages_with_somebody_else_are_another_place() -> None:
    announcer = FakeAnnouncer()
    await Answers(announcer).tell(PDF, ReplyTo(user=TOM.user, channel="D0WITHEVE"))
    assert announcer.how() == ["hand_over", "whisper"]


@pytest.mark.parametrize("reply_to", [BY_COMMAND, IN_DIRECT])
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            SlackFailure(NotSaid.DENIED, "missing_scope"),
            "The bot may not upload files yet; ask whoever runs it to add files:write and im:write.",
        ),
        (
            SlackFailure(NotSaid.DENIED, "access_denied"),
            "Slack does not let the bot send files (access_denied); ask whoever runs it to look. "
            "Open the invoice at the provider instead.",
        ),
        (
            SlackFailure(NotSaid.WAIT, "http 500"),
            "Slack could not take the PDF of ACME-7 just now, so it was not sent. Try again in a minute.",
        ),
        (
            SlackFailure(NotSaid.LOST, "ServerDisconnectedError"),
            "Slack did not say whether the PDF of ACME-7 arrived. Look in your direct messages with me; "
            "if it is not there, ask for it again.",
        ),
        (
            SlackFailure(NotSaid.UNUSABLE, TOO_LARGE),
            "The PDF of ACME-7 is too large to send: more than 20 MB. Open the invoice at the provider instead.",
        ),
        (
            SlackFailure(NotSaid.UNUSABLE, "file_uploads_disabled"),
            "Slack did not take the PDF of ACME-7 (file_uploads_disabled), so it was not sent. "
            "Open the invoice at the provider instead.",
        ),
        (
            SlackFailure(NotSaid.GONE, "messages_tab_disabled"),
            "Slack did not take the PDF of ACME-7 (messages_tab_disabled), so it was not sent. "
            "Open the invoice at the provider instead.",
        ),
    ],
)
async def test_a_file_that_was_not_handed_over_is_told_with_what_to_do(
    failure: SlackFailure, told: str, reply_to: ReplyTo
) -> None:
    announcer = FakeAnnouncer()
    announcer.fail("hand_over", failure)
    await Answers(announcer).tell(PDF, reply_to)
    (said,) = announcer.said
    assert said.how == ("respond" if reply_to is BY_COMMAND else "whisper")
    assert _sentence(said.content).replace("\u200b", "") == told
    assert announcer.tried.count("hand_over") == 1


async def test_what_became_of_the_file_is_told_by_the_next_way_that_works() -> None:
    announcer = FakeAnnouncer(dead={"hand_over", "respond", "whisper"})
    await Answers(announcer).tell(PDF, BY_COMMAND)
    assert announcer.how() == ["direct"]
    assert "was not sent" in _sentence(announcer.said[0].content)


async def test_an_answer_outlives_a_time_in_which_slack_takes_nothing() -> None:
    announcer = FakeAnnouncer()
    for how in ("respond", "whisper", "direct"):
        announcer.fail(how, SlackFailure(NotSaid.WAIT, "ratelimited", retry_after=0.01), SlackFailure(NotSaid.LOST, "cut"))
    await asyncio.wait_for(Answers(announcer, pause=0.01).tell(PDF, BY_COMMAND), 1.0)
    assert announcer.how() == ["hand_over", "respond"]


async def test_an_answer_is_given_up_when_its_time_is_over_or_nothing_will_change() -> None:
    away, gone = FakeAnnouncer(), FakeAnnouncer()
    for how in ("respond", "whisper", "direct"):
        away.fail(how, *[SlackFailure(NotSaid.WAIT, "slack cannot be reached")] * 50)
    await asyncio.wait_for(Answers(away, answer_within=4.2, pause=0.05).tell(failed("No."), BY_COMMAND), 1.0)
    assert away.said == []
    assert 2 <= away.tried.count("respond") <= 5
    for how in ("respond", "whisper", "direct"):
        gone.fail(how, SlackFailure(NotSaid.GONE, "user_not_found"))
    await Answers(gone).tell(failed("No."), BY_COMMAND)
    assert (gone.tried, gone.said) == (["respond", "whisper", "direct"], [])


class SlowAnnouncer(FakeAnnouncer):
    """Its uploads never end."""

    async def hand_over(self, user: str, file: FileContent) -> str:
        await asyncio.Event().wait()
        return await super().hand_over(user, file)


async def test_an_upload_that_takes_too_long_is_told_while_there_is_time_to_tell() -> None:
    announcer = SlowAnnouncer()
    answers = Answers(announcer, answer_within=4.05)
    await asyncio.wait_for(answers.read_and_tell(_read(), BY_COMMAND), 1.0)
    assert announcer.how() == ["respond"]
    assert "did not say whether" in _sentence(announcer.said[0].content)


async def _read() -> Content:
    return PDF


async def test_the_command_and_the_button_both_hand_the_file_over(slack: SlackSide) -> None:
    slack.bench.provider.pdfs[REF] = PDF.content
    await slack.command("pdf in_1", TOM, channel=OTHER_CHANNEL)
    assert [type(content) for content in await slack.answered()] == [FileContent] * 2
    offer = await slack.bench.shown(channel=OTHER_CHANNEL)
    await slack.press(slack.buttons.pdf, offer, "pdf", TOM, channel_id=OTHER_CHANNEL)
    assert [type(content) for content in await slack.answered()] == [FileContent] * 4
    assert slack.bench.announcer.how() == ["hand_over", "respond", "hand_over", "respond"]


# --- the whole way, over HTTP ---


@dataclass(kw_only=True)
class Room:
    """The bench's answers, spoken in a local Slack."""

    slack: LocalSlack
    bench: Bench
    answers: Answers

    async def ask(self, channel: str = OTHER_CHANNEL, content: bytes = b"%PDF-1.7 the bytes") -> None:
        """Tom, who may, asks for the PDF of REF, whose provider has it only in itself."""
        self.bench.provider.pdfs[REF] = content
        token = self.slack.workspace.new_response_url(TOM.user, channel)
        reply_to = ReplyTo(user=TOM.user, channel=channel, response_url=f"{self.slack.page_url}response/{token}")
        reading = self.bench.lookup.link(Reader(TOM, channel), "in_1", Word.PDF)
        await self.answers.read_and_tell(reading, reply_to)

    def told(self) -> str:
        """What Tom alone was told where he asked."""
        (message,) = self.slack.ephemerals(TOM.user)
        return message.text.replace("\u200b", "")

    def for_all(self) -> list[Message]:
        channels = self.slack.workspace.channels.values()
        return [message for one in channels if one.direct_with != TOM.user for message in self.slack.messages(one.id)]


@asynccontextmanager
async def opened(bench: Bench, *, without: str = "") -> AsyncIterator[Room]:
    people = [Person(id=TOM.user, name="Tom", title="lead", team=TEAM), Person(id="U0ANA", name="Ana", title="", team=TEAM)]
    scopes = tuple(scope for scope in Identity().scopes if scope != without)
    identity = Identity(team_id=TEAM, scopes=scopes)
    slack = LocalSlack(people=people, channels=[(OTHER_CHANNEL, "other")], identity=identity)
    await slack.start()
    session = new_session()
    calls = SlackCalls(new_client(slack.bot_token, slack.api_url, session), session, slack.api_url)
    try:
        yield Room(slack=slack, bench=bench, answers=Answers(SlackAnnouncer(calls, MovableClock(), "/invoice")))
    finally:
        await session.close()
        await slack.close()


@pytest.fixture
async def room(bench: Bench) -> AsyncIterator[Room]:
    async with opened(bench) as room:
        yield room


async def test_the_pdf_itself_lies_in_the_direct_messages_and_nowhere_else(room: Room) -> None:
    await room.ask()
    (message,) = room.slack.directs(TOM.user)
    assert message.text == "PDF of invoice ACME-7, Acme, EUR 420.00"
    (file,) = message.content.files
    assert (file["name"], file["mimetype"], file["size"]) == ("ACME-7.pdf", "application/pdf", 18)
    async with new_session() as session, session.get(file["url_private"], params={"user": TOM.user}) as reply:
        assert await reply.read() == b"%PDF-1.7 the bytes"
    assert room.told() == "The PDF of *ACME-7* is in your direct messages with me."
    assert room.for_all() == []


@pytest.mark.parametrize(
    ("number", "name"), [("INV 42/a", "INV-42-a.pdf"), ("../../etc/passwd", "etc-passwd.pdf"), ("請求書", "invoice.pdf")]
)
async def test_the_file_is_named_so_that_every_system_can_store_it(room: Room, number: str, name: str) -> None:
    room.bench.provider.now_shows(replace(INVOICE, number=number))
    await room.ask()
    assert room.slack.directs(TOM.user)[0].content.files[0]["name"] == name


async def test_a_pdf_of_the_greatest_size_arrives_whole(room: Room) -> None:
    await room.ask(content=bytes(MOST_BYTES))
    (message,) = room.slack.directs(TOM.user)
    assert message.content.files[0]["size"] == MOST_BYTES


async def test_asked_for_in_the_direct_messages_it_comes_without_another_word(room: Room) -> None:
    await room.ask(room.slack.workspace.direct(TOM.user).id)
    assert len(room.slack.directs(TOM.user)) == 1
    assert room.slack.ephemerals(TOM.user) == []


@pytest.mark.parametrize("scope", ["files:write", "im:write"])
async def test_without_a_scope_the_person_learns_what_is_missing(bench: Bench, scope: str) -> None:
    async with opened(bench, without=scope) as room:
        await room.ask()
        assert room.told() == "The bot may not upload files yet; ask whoever runs it to add files:write and im:write."
        assert room.slack.directs(TOM.user) == []
        assert room.for_all() == []


@pytest.mark.parametrize(
    "faults",
    [
        {"uploads_failing": True},
        {"drop_reply": 1, "only": "upload"},
        {"ratelimited": 1, "only": "upload"},
        {"web_api_down": True, "only": "upload"},
        {"web_api_down": True, "only": "conversations.open"},
        {"web_api_down": True, "only": "files.getUploadURLExternal"},
    ],
)
async def test_a_failed_upload_shows_no_file_and_says_so(room: Room, faults: dict[str, object]) -> None:
    room.slack.faults.set(faults)
    await room.ask()
    assert "so it was not sent. Try again in a minute." in room.told()
    assert room.slack.directs(TOM.user) == []


async def test_where_the_last_answer_is_lost_nobody_claims_that_nothing_was_sent(room: Room) -> None:
    room.slack.faults.set({"drop_reply": 1, "only": "files.completeUploadExternal"})
    await room.ask()
    assert "did not say whether the PDF of ACME-7 arrived" in room.told()
    assert len(room.slack.directs(TOM.user)) == 1
