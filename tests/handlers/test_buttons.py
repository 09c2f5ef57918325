"""Buttons: what a press decides, reads or opens, and that every press is answered."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.action import ActionState
from bot.domain.content import CardContent, Choice, LinkContent, RefusalContent
from bot.domain.errors import FailureReason, JournalUnavailable, ProviderFailure
from bot.domain.outcome import Unknown
from bot.domain.refusal import RefusalKind
from bot.ports import Accepted, NotSaid, Press, SlackFailure
from bot.services.sharing import Sharing
from bot.storage.journal import SqlJournal
from tests.builders import ANA, EVE, OTHER_CHANNEL, REF, TOM, on_card
from tests.handlers.slack_side import SlackSide
from tests.services.bench import MINUTE, Bench, Outside


def refusals(contents: list[object]) -> list[RefusalKind]:
    return [content.refusal.kind for content in contents if isinstance(content, RefusalContent)]


async def test_a_press_is_written_down_before_it_is_acknowledged(slack: SlackSide, bench: Bench) -> None:
    ack = await slack.press(slack.buttons.run_action, await bench.shown())
    assert ack.body == {}
    assert await bench.state() is ActionState.ACCEPTED


async def test_a_press_that_cannot_be_written_down_is_not_acknowledged(bench: Bench) -> None:
    class Full(SqlJournal):
        async def accept(self, press: Press) -> Accepted:
            raise JournalUnavailable(f"the disk is full at {press.created_at}")

    offer = await bench.shown()
    outside = Outside(storage=bench.storage, clock=bench.clock)
    full = SlackSide(Bench(outside, journal=Full(bench.storage.journal._db)))
    with pytest.raises(JournalUnavailable):
        await full.press(full.buttons.run_action, offer)
    assert await bench.journal.newest_action(REF) is None


async def test_pressing_twice_decides_once(slack: SlackSide, bench: Bench) -> None:
    offer = await bench.shown()
    await asyncio.gather(*(slack.press(slack.buttons.run_action, offer) for _ in range(3)))
    await bench.work()
    assert len(bench.provider.performed) == 1


@pytest.mark.parametrize("value", ["", "0:x:retry", f"1:{'0f' * 16}:retry", "1:short:retry", "retry", "🙂" * 20])
async def test_a_button_that_nobody_knows_is_answered_privately(value: str, slack: SlackSide, bench: Bench) -> None:
    for listener in (slack.buttons.run_action, slack.buttons.more, slack.buttons.link, slack.buttons.unknown):
        assert (await slack.press(listener, value)).body == {}
    assert refusals(list(await slack.told())) == [RefusalKind.OLD_BUTTON] * 4
    assert bench.provider.performed == []


async def test_a_button_of_another_channel_decides_nothing(slack: SlackSide, bench: Bench) -> None:
    await slack.press(slack.buttons.run_action, await bench.shown(), channel_id=OTHER_CHANNEL)
    assert refusals(list(await slack.told())) == [RefusalKind.FOREIGN_BUTTON]


async def test_who_may_not_is_told_so_privately_and_nothing_is_decided(slack: SlackSide, bench: Bench) -> None:
    offer = await bench.shown()
    for listener in (slack.buttons.run_action, slack.buttons.link, slack.buttons.show, slack.buttons.check):
        await slack.press(listener, offer, actor=EVE)
    await slack.press(slack.buttons.ask, offer, "void", actor=EVE)
    assert refusals(list(await slack.told())) == [RefusalKind.NO_RIGHT] * 5
    assert await bench.journal.newest_action(REF) is None
    assert slack.calls.sent == []


@pytest.mark.parametrize("verb", [Choice.VOID, Choice.UNCOLLECTIBLE])
async def test_something_final_asks_for_a_reason_first(verb: Choice, slack: SlackSide, bench: Bench) -> None:
    offer = await bench.shown()
    await slack.press(slack.buttons.more, offer, verb.value, actor=TOM)
    ((method, arguments),) = slack.calls.sent
    assert (method, arguments["trigger_id"]) == ("views.open", "123.456.abc")
    assert slack.view["callback_id"] == "invoice.reason"
    assert await bench.journal.newest_action(REF) is None


@pytest.mark.parametrize("failure", [SlackFailure(NotSaid.UNUSABLE, "expired_trigger_id"), {"ok": True}])
async def test_a_dialog_that_slack_does_not_open_is_said(failure: object, slack: SlackSide, bench: Bench) -> None:
    slack.calls.replies.append(failure)  # type: ignore[arg-type]
    ack = await slack.press(slack.buttons.ask, await bench.shown(), "void", actor=TOM)
    assert ack.body == {}
    assert refusals(list(await slack.told())) == [RefusalKind.READ_FAILED]


async def test_an_overflow_option_does_what_its_button_would(slack: SlackSide, bench: Bench) -> None:
    bench.provider.links[REF] = "https://pay.example.com/i/1"
    offer = await bench.shown()
    await slack.press(slack.buttons.more, offer, "link")
    await slack.press(slack.buttons.more, offer, "show")
    await slack.press(slack.buttons.more, offer, "share", actor=TOM)
    said = await slack.answered()
    assert {type(content) for content in said} == {LinkContent, CardContent}
    assert bench.announcer.how().count("post") == 1
    await slack.press(slack.buttons.more, offer, "retry")
    assert await bench.state() is ActionState.ACCEPTED


async def test_the_payment_page_is_told_to_one_person_alone(slack: SlackSide, bench: Bench) -> None:
    bench.provider.links[REF] = "https://pay.example.com/i/1"
    await slack.press(slack.buttons.link, await bench.shown())
    (content,) = await slack.answered()
    assert isinstance(content, LinkContent)
    assert bench.announcer.how() == ["respond"]


async def test_a_read_that_fails_is_answered(slack: SlackSide, bench: Bench) -> None:
    offer = await bench.shown()
    bench.provider.read_failures.append(ProviderFailure(FailureReason.UNREACHABLE, "Example Pay cannot be reached"))
    await slack.press(slack.buttons.show, offer)
    assert refusals(list(await slack.answered())) == [RefusalKind.READ_FAILED]


async def test_an_answer_finds_another_way_when_the_response_url_is_spent(slack: SlackSide, bench: Bench) -> None:
    bench.announcer.dead |= {"respond", "whisper"}
    await slack.press(slack.buttons.show, await bench.shown())
    await slack.answered()
    assert bench.announcer.tried == ["respond", "whisper", "direct"]
    assert bench.announcer.how() == ["direct"]


async def test_a_shared_card_that_slack_does_not_take_is_said_privately(slack: SlackSide, bench: Bench) -> None:
    bench.announcer.fail("post", SlackFailure(NotSaid.GONE, "not_in_channel"))
    await slack.press(slack.buttons.share, await bench.shown(), actor=TOM)
    (content,) = await slack.answered()
    assert isinstance(content, RefusalContent)
    assert "not_in_channel" in content.refusal.facts["sentence"]


async def test_a_shared_card_lost_to_the_database_is_said_privately(slack: SlackSide, bench: Bench) -> None:
    class Broken(Sharing):
        async def share(self, *_: object) -> None:
            raise JournalUnavailable("the disk is full")

    slack.buttons._sharing = Broken(bench.journal, bench.accounts, bench.rows, bench.announcer)
    await slack.press(slack.buttons.share, await bench.shown(), actor=TOM)
    assert refusals(list(await slack.answered())) == [RefusalKind.READ_FAILED]


async def test_checking_again_asks_the_worker_to_read(slack: SlackSide, bench: Bench) -> None:
    offer = await bench.shown()
    await bench.press(offer)
    await bench.crash_while_sending(charged=True)
    await bench.work()
    fresh = await bench.fresh_offer()
    assert (await slack.press(slack.buttons.check, fresh, "check")).body == {}
    assert "check.asked" in await bench.events()
    assert await slack.answered() == []


async def test_checking_again_on_a_private_card_answers_there_and_then(slack: SlackSide, bench: Bench) -> None:
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.press(await bench.shown(), reply_to=on_card())
    await bench.work()
    fresh = await bench.fresh_offer()
    bench.clock.advance(MINUTE)
    await slack.press(slack.buttons.check, fresh, "check", is_ephemeral=True)
    (card,) = await slack.answered()
    assert isinstance(card, CardContent)
    assert card.row.action is not None
    assert card.row.action.state is ActionState.UNKNOWN


async def test_an_input_in_a_dialog_is_acknowledged_and_decides_nothing(slack: SlackSide) -> None:
    body = {"type": "block_actions", "user": {"id": ANA.user, "team_id": ANA.team}, "actions": [{"action_id": "x"}]}
    ack = await slack._listen(slack.buttons.unknown, {**body, "container": {"type": "view", "view_id": "V1"}})
    assert ack.body == {}
    assert await slack.told() == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (JournalUnavailable("the disk is full"), "database"),
        (TimeoutError(), "too long"),
        (RuntimeError("s3cr3t"), "Something went wrong"),
    ],
)
async def test_whatever_happens_while_reading_the_person_gets_a_sentence(
    error: Exception, sentence: str, slack: SlackSide, bench: Bench
) -> None:
    bench.provider.read_failures.append(error)
    await slack.press(slack.buttons.show, await bench.shown())
    (content,) = await slack.answered()
    assert isinstance(content, RefusalContent)
    assert sentence in content.refusal.facts["sentence"]
    assert "s3cr3t" not in str(content)
    assert content.reference


async def test_an_answer_that_no_address_takes_is_given_up_quietly(slack: SlackSide, bench: Bench) -> None:
    bench.announcer.dead |= {"respond", "whisper", "direct"}
    await slack.press(slack.buttons.show, await bench.shown())
    assert await slack.answered() == []
    assert bench.announcer.tried == ["respond", "whisper", "direct"]
