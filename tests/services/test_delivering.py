"""What is said, and where: the state at that moment, at the first address that still works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.content import AlertContent, CardContent, Choice, Content, EndingContent, RefusalContent
from bot.domain.errors import JournalUnavailable
from bot.domain.offer import Offer
from bot.domain.outcome import Declined, Outcome, Succeeded, Unknown
from bot.domain.records import ReplyTo
from bot.domain.refusal import RefusalKind
from bot.ports import Letter, NotSaid, Outbox, SlackFailure
from bot.services.addresses import Slack
from bot.services.delivery import Delivery
from bot.storage.journal import SqlJournal
from tests.builders import (
    ANA,
    CHANNEL,
    EVE,
    FUNDS,
    INVOICE,
    OPS,
    OWED,
    REF,
    TOM,
    URL,
    an_invoice,
    by_command,
    declined,
    on_card,
    on_message,
    paid,
)
from tests.fakes import FakeAnnouncer, FakeProvider
from tests.services.bench import HOUR, MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")


def gone(detail: str = "message_not_found") -> SlackFailure:
    return SlackFailure(NotSaid.GONE, detail)


async def test_a_press_shows_at_once_that_it_is_running_and_later_how_it_ended(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await bench.talk()
    await bench.work()
    await bench.talk()
    assert bench.announcer.states() == [ActionState.ACCEPTED, ActionState.SUCCEEDED]
    assert {(said.how, said.to, said.ts) for said in bench.announcer.said} == {("update", CHANNEL, on_message().ts)}


async def test_redraws_that_come_late_are_said_once_and_tell_the_newest_state(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await bench.work()
    await bench.talk()
    assert bench.announcer.states() == [ActionState.SUCCEEDED]


async def test_a_redraw_that_slack_turned_away_tells_the_newest_state_when_it_gets_through(bench: Bench) -> None:
    bench.announcer.fail("update", SlackFailure(NotSaid.WAIT, "ratelimited", retry_after=7))
    await bench.press(await bench.shown())
    await bench.talk()
    await bench.work()
    await bench.talk(after=7 * SECOND)
    await bench.talk(after=MINUTE)
    assert bench.announcer.states() == [ActionState.SUCCEEDED]


async def test_every_message_that_shows_the_invoice_is_redrawn(bench: Bench) -> None:
    offer = await bench.shown(message="card:1")
    await bench.shown(message="card:2", channel="C0OTHER")
    await bench.press(offer)
    await bench.work()
    await bench.talk()
    assert sorted(said.to for said in bench.announcer.said) == [CHANNEL, "C0OTHER"]


async def test_a_fresh_button_replaces_the_pressed_one(bench: Bench) -> None:
    bench.provider.answers.append(Declined(decline=FUNDS, invoice=declined()))
    offer = await bench.shown()
    await bench.press(offer)
    await bench.work()
    await bench.talk()
    card = bench.announcer.contents()[-1]
    assert isinstance(card, CardContent)
    assert card.row.offer.id != offer.id


# --- private answers -----------------------------------------------------------------------------------------------


async def _typed_and_ended(bench: Bench) -> None:
    await bench.type("in_1")
    await bench.work()


async def test_a_typed_command_is_answered_at_its_response_url(bench: Bench) -> None:
    await _typed_and_ended(bench)
    await bench.talk()
    (said,) = bench.announcer.said
    assert (said.how, said.to, said.replace) == ("respond", URL, False)
    assert isinstance(said.content, EndingContent)
    assert said.content.action.state is ActionState.SUCCEEDED


@pytest.mark.parametrize(
    ("dead", "tried"),
    [
        ({"respond"}, ["respond", "whisper"]),
        ({"respond", "whisper"}, ["respond", "whisper", "direct"]),
        ({"respond", "whisper", "direct"}, ["respond", "whisper", "direct", "post"]),
    ],
    ids=["ephemeral", "direct message", "operators"],
)
async def test_an_answer_goes_to_the_first_address_that_still_works(bench: Bench, dead: set[str], tried: list[str]) -> None:
    bench.announcer.dead = dead
    await _typed_and_ended(bench)
    await bench.talk()
    assert bench.announcer.tried == tried
    (said,) = bench.announcer.said
    assert said.how == tried[-1]
    assert said.to == {"whisper": CHANNEL, "direct": ANA.user, "post": OPS}[said.how]


async def test_an_answer_that_no_address_takes_is_given_up_and_not_tried_for_ever(bench: Bench) -> None:
    bench.announcer.dead = {"respond", "whisper", "direct", "post"}
    await _typed_and_ended(bench)
    await bench.talk()
    await bench.talk(after=HOUR)
    assert len(bench.announcer.tried) == 4
    assert await bench.storage.outbox.waiting() == 0
    assert "outbox.dead" in await bench.events()


async def test_a_response_url_older_than_its_thirty_minutes_is_not_tried(bench: Bench) -> None:
    await _typed_and_ended(bench)
    bench.clock.advance(30 * MINUTE)
    await bench.talk()
    assert bench.announcer.tried == ["whisper"]


async def test_without_an_operators_channel_the_direct_message_is_the_last_address(outside: Outside) -> None:
    outside.ops_channel = None
    bench = Bench(outside)
    bench.announcer.dead = {"respond", "whisper", "direct"}
    await _typed_and_ended(bench)
    await bench.talk()
    assert bench.announcer.tried == ["respond", "whisper", "direct"]


@pytest.mark.parametrize("why", [NotSaid.WAIT, NotSaid.LOST, NotSaid.DENIED])
async def test_what_slack_may_take_later_is_said_later_at_the_same_address(bench: Bench, why: NotSaid) -> None:
    bench.announcer.fail("respond", SlackFailure(why, "later"))
    await _typed_and_ended(bench)
    await bench.talk()
    assert bench.announcer.said == []
    await bench.talk(after=2 * SECOND)
    assert bench.announcer.how() == ["respond"]


async def test_content_that_slack_does_not_like_is_not_sent_for_ever(bench: Bench) -> None:
    bench.announcer.fail("respond", *[SlackFailure(NotSaid.UNUSABLE, "invalid_blocks")] * 9)
    await _typed_and_ended(bench)
    await bench.talk()
    await bench.talk(after=HOUR)
    assert bench.announcer.tried == ["respond"]


async def test_slack_is_left_alone_as_long_as_it_asks(bench: Bench) -> None:
    bench.announcer.fail("respond", SlackFailure(NotSaid.WAIT, "ratelimited", retry_after=40))
    await _typed_and_ended(bench)
    await bench.talk()
    await bench.talk(after=39 * SECOND)
    assert bench.announcer.tried == ["respond"]
    await bench.talk(after=SECOND)
    assert bench.announcer.how() == ["respond"]


async def test_the_pauses_grow_to_a_minute_while_slack_is_down(bench: Bench) -> None:
    bench.announcer.fail("respond", *[SlackFailure(NotSaid.WAIT, "down")] * 20)
    await _typed_and_ended(bench)
    pauses = []
    for _ in range(9):
        await bench.talk()
        due = await bench.storage.outbox.next_due()
        assert due is not None
        pauses.append((due - bench.clock.now()).total_seconds())
        bench.clock.set(due)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_an_answer_on_a_private_card_takes_its_place(bench: Bench) -> None:
    await bench.press(await bench.shown(), reply_to=on_card())
    await bench.talk()
    await bench.work()
    await bench.talk()
    replaced = [said for said in bench.announcer.said if said.how == "respond"]
    assert [said.replace for said in replaced] == [True, True]
    assert all(isinstance(said.content, CardContent) and said.content.is_private for said in replaced)


async def test_an_answer_on_a_row_of_a_private_list_leaves_the_list_alone(bench: Bench) -> None:
    offer = await bench.rows.drawn(INVOICE, replace((await bench.shown()).place, message="list:1"))
    bench.clock.advance(SECOND)
    await bench.press(offer, reply_to=on_card())
    await bench.work()
    await bench.talk()
    (said,) = [said for said in bench.announcer.said if said.how == "respond"]
    assert not said.replace
    assert isinstance(said.content, EndingContent)


# --- what is late --------------------------------------------------------------------------------------------------


async def _late(bench: Bench, reply_to: ReplyTo) -> None:
    await bench.press(await bench.shown(), reply_to=reply_to)
    await bench.talk()
    bench.announcer.said.clear()
    await bench.work(after=90 * SECOND)
    await bench.talk()


async def test_what_ended_late_is_said_again_in_the_thread_of_the_message(bench: Bench) -> None:
    await _late(bench, on_message())
    note = next(said for said in bench.announcer.said if said.how == "post")
    assert (note.to, note.thread) == (CHANNEL, on_message().ts)
    assert isinstance(note.content, EndingContent)
    assert note.content.is_late


async def test_a_late_note_stays_in_the_thread_that_the_message_is_part_of(bench: Bench) -> None:
    await _late(bench, replace(on_message(), thread="1763500000.000001"))
    assert [said.thread for said in bench.announcer.said if said.how == "post"] == ["1763500000.000001"]


async def test_a_late_note_that_the_channel_does_not_take_goes_to_the_person(bench: Bench) -> None:
    bench.announcer.dead = {"post"}
    await _late(bench, on_message())
    assert [said.to for said in bench.announcer.said if said.how == "direct"] == [ANA.user]


async def test_what_is_private_is_answered_once_however_late(bench: Bench) -> None:
    await bench.type("in_1")
    await bench.work(after=5 * MINUTE)
    await bench.talk()
    assert bench.announcer.how() == ["respond"]


# --- a message that is gone ----------------------------------------------------------------------------------------


async def test_when_the_pressed_message_was_deleted_the_person_is_told_elsewhere(bench: Bench) -> None:
    bench.announcer.dead = {"update"}
    await bench.press(await bench.shown())
    await bench.talk()
    assert bench.announcer.said == []
    await bench.work()
    await bench.talk()
    (said,) = bench.announcer.said
    assert (said.how, said.to, said.user) == ("whisper", CHANNEL, ANA.user)
    assert isinstance(said.content, EndingContent)
    assert said.content.action.state is ActionState.SUCCEEDED


async def test_when_the_pressed_message_was_deleted_each_ending_is_told_once(bench: Bench) -> None:
    bench.announcer.dead = {"update"}
    bench.provider.answers.append(Unknown(cause="no answer"))
    bench.provider.truths.extend([Unknown(cause="no answer")] * 3)
    bench.provider.truths.append(Declined(decline=FUNDS))
    await bench.press(await bench.shown())
    await bench.talk()
    await bench.work()
    for wait in (5, 30, 120, 600):
        await bench.work(after=wait * SECOND)
        await bench.talk(after=10 * SECOND)
    await bench.talk(after=2 * HOUR)
    told = [said for said in bench.announcer.said if said.how == "whisper"]
    assert len(told) == 2


async def test_who_pressed_a_message_that_still_stands_is_not_told_about_another_that_is_gone(bench: Bench) -> None:
    await bench.shown(message="card:old", channel="C0OLD")
    bench.announcer.gone_channels.add("C0OLD")
    await bench.press(await bench.shown())
    await bench.work()
    await bench.talk()
    assert {(said.how, said.to) for said in bench.announcer.said} == {("update", CHANNEL)}


async def test_who_typed_is_not_told_twice_because_a_message_is_gone(bench: Bench) -> None:
    await bench.shown()
    bench.announcer.dead = {"update"}
    await _typed_and_ended(bench)
    await bench.talk()
    assert bench.announcer.how() == ["respond"]


async def test_a_copy_of_a_message_that_is_gone_does_not_keep_the_others_from_being_redrawn(bench: Bench) -> None:
    offer = await bench.shown()
    await bench.journal.posted("card:1", "C0OLD", "1763600000.000009")
    bench.announcer.gone_channels.add("C0OLD")
    await bench.press(offer)
    await bench.work()
    await bench.talk()
    assert [(said.how, said.to) for said in bench.announcer.said] == [("update", CHANNEL)]


# --- refusals ------------------------------------------------------------------------------------------------------


async def test_a_refusal_is_private_and_leaves_the_message_alone(bench: Bench) -> None:
    await bench.press(await bench.shown(), Action.RETRY, EVE)
    await bench.talk()
    (said,) = bench.announcer.said
    assert (said.how, said.replace) == ("respond", False)
    assert isinstance(said.content, RefusalContent)
    assert said.content.refusal.kind is RefusalKind.NO_RIGHT
    assert said.content.reference


async def test_a_refusal_never_reaches_the_operators_channel(bench: Bench) -> None:
    bench.announcer.dead = {"respond", "whisper", "direct"}
    await bench.press(await bench.shown(), Action.RETRY, EVE)
    await bench.talk()
    assert bench.announcer.tried == ["respond", "whisper", "direct"]


async def test_a_second_press_is_told_privately_that_it_is_running_already(bench: Bench) -> None:
    offer = await bench.shown()
    await bench.press(offer)
    await bench.press(offer, Action.RETRY, TOM)
    await bench.talk()
    refusals = [said.content for said in bench.announcer.said if isinstance(said.content, RefusalContent)]
    assert [refused.refusal.kind for refused in refusals] == [RefusalKind.ALREADY_RUNNING]
    assert refusals[0].refusal.facts["by"] == ANA.user


# --- many letters --------------------------------------------------------------------------------------------------


class _Clumsy(FakeAnnouncer):
    """Trips over its own bug at the first thing that it says."""

    async def update(self, channel: str, ts: str, content: Content) -> None:
        if not self.tried:
            self.tried.append("update")
            raise ValueError("a bug while rendering")
        await super().update(channel, ts, content)


async def test_a_letter_that_trips_over_a_bug_does_not_stop_the_others(outside: Outside) -> None:
    outside.announcer = _Clumsy()
    bench = Bench(outside, FakeProvider(INVOICE, an_invoice(2)))
    await bench.press(await bench.shown())
    await bench.press(await bench.shown(an_invoice(2), message="card:2"))
    await bench.talk()
    assert len(bench.announcer.said) == 1
    assert await bench.storage.outbox.waiting() == 0


class _AwayTwice:
    """The database takes nothing for a second, right when a letter was said."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the database's."""
        return getattr(self._outbox, name)

    async def sent(self, letter: Letter, owner: str) -> None:
        if self.refused < 2:
            self.refused += 1
            raise JournalUnavailable("locked")
        await self._outbox.sent(letter, owner)


async def test_a_letter_that_was_said_while_the_database_was_away_does_not_hold_up_the_next_one(outside: Outside) -> None:
    away = _AwayTwice(outside.storage.outbox)
    bench = Bench(outside)
    slack, talk = Slack(bench.announcer, ops_channel=None), bench.talk_signal
    delivery = Delivery(bench.journal, away, bench.messages, slack, clock=bench.clock, talk=talk)
    await bench.press(await bench.shown())
    assert await delivery.step()
    await bench.work()
    assert await delivery.step()
    assert away.refused == 2
    assert bench.announcer.states() == [ActionState.ACCEPTED, ActionState.SUCCEEDED]


async def test_a_message_is_in_one_senders_hands_at_a_time(outside: Outside) -> None:
    one, two = Bench(outside), Bench(outside)
    await one.press(await one.shown())
    await one.work()
    letter = await outside.storage.outbox.next_letter("one", MINUTE, outside.clock.now())
    assert letter is not None
    assert not await two.delivery.step()
    await outside.storage.outbox.sent(letter, "one")
    assert not await two.delivery.step()


async def test_the_loop_says_what_a_press_wakes_it_for_and_what_falls_due(bench: Bench) -> None:
    running = asyncio.create_task(bench.delivery.run())
    await bench.press(await bench.shown())
    async with asyncio.timeout(5):
        await bench.announcer.has_spoken.wait()
    await bench.delivery.drain(1.0)
    await running
    assert bench.announcer.states() == [ActionState.ACCEPTED]


async def test_drain_says_what_can_still_be_said(bench: Bench) -> None:
    await bench.press(await bench.shown())
    await bench.work()
    await bench.delivery.drain(5.0)
    assert bench.announcer.states() == [ActionState.SUCCEEDED]
    assert await bench.storage.outbox.waiting() == 0


class HangingAnnouncer(FakeAnnouncer):
    """Slack never answers; whoever waits needs a moment to let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()

    async def update(self, channel: str, ts: str, content: Content) -> None:  # noqa: ARG002 - the port's own form
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.let_go.set()


async def test_drain_ends_what_hangs_before_the_database_is_closed(outside: Outside) -> None:
    announcer = HangingAnnouncer()
    bench = Bench(replace(outside, announcer=announcer))
    await bench.press(await bench.shown())
    await bench.delivery.drain(0.2)
    assert announcer.let_go.is_set()


async def test_a_share_posts_what_is_true_now_with_buttons_of_its_own(bench: Bench) -> None:
    offer = await bench.shown()
    fresh = replace(INVOICE, attempts=7)
    bench.provider.now_shows(fresh)
    await bench.sharing.share(offer, CHANNEL, TOM)
    (said,) = bench.announcer.said
    assert isinstance(said.content, CardContent)
    assert (said.content.shared_by, said.content.row.invoice.attempts) == (TOM.user, 7)
    assert said.content.row.offer.id != offer.id
    message = said.content.row.offer.place.message
    assert await bench.journal.postings(message) == [(CHANNEL, said.ts)]


async def test_an_alert_goes_to_the_operators(outside: Outside) -> None:
    from bot.domain.digest import DigestKey

    bench = Bench(outside)
    key = DigestKey("finance", "2026-11-20T09:00")
    assert await outside.storage.digests.start(key, CHANNEL, "one", MINUTE, late=False)
    await outside.storage.digests.fail(key, "one", "it broke")
    await bench.talk()
    (said,) = bench.announcer.said
    assert said.to == OPS
    assert isinstance(said.content, AlertContent)
    assert (said.content.what, said.content.facts["detail"]) == ("digest_failed", "it broke")


async def test_a_charge_found_days_later_is_still_told(bench: Bench) -> None:
    async def silent() -> Outcome:
        return Unknown(cause="no answer")

    bench.provider.answers.append(silent)
    bench.provider.truths.extend([Unknown(cause="no answer")] * 6)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    await bench.press(await bench.shown())
    await bench.work()
    for _ in range(7):
        due = (await bench.newest(REF)).next_check_at
        assert due is not None
        bench.clock.set(due)
        await bench.work(after=timedelta())
    await bench.talk(after=SECOND)
    assert bench.announcer.states()[-1] is ActionState.SUCCEEDED
    assert "post" in bench.announcer.how()
    assert by_command().is_private


class OvertakenJournal(SqlJournal):
    """The real journal, in which something happens right after a message's offers were read."""

    def __init__(self, journal: SqlJournal) -> None:
        super().__init__(journal._db)
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def shown(self, message: str) -> list[Offer]:
        offers = await super().shown(message)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return offers


async def test_a_message_that_is_overtaken_while_it_is_drawn_is_drawn_from_the_new_state(outside: Outside) -> None:
    journal = OvertakenJournal(outside.storage.journal)
    bench = Bench(outside, journal=journal)
    bench.provider.answers.append(Declined(decline=FUNDS))
    await bench.press(await bench.shown())
    journal.meanwhile = bench.work
    await bench.talk()
    first = bench.announcer.said[0].content
    assert isinstance(first, CardContent)
    assert first.row.action is not None
    assert first.row.action.state is ActionState.DECLINED
    assert Choice.LINK in first.row.choices, "an offer from before the decision can offer nothing"


async def test_an_ending_that_overtakes_the_drawing_of_a_deleted_message_is_told_once(outside: Outside) -> None:
    journal = OvertakenJournal(outside.storage.journal)
    bench = Bench(outside, journal=journal)
    bench.announcer.dead = {"update"}
    await bench.press(await bench.shown())
    journal.meanwhile = bench.work
    await bench.talk()
    await bench.talk()
    assert bench.announcer.how() == ["whisper"]
    assert bench.announcer.states() == [ActionState.SUCCEEDED]
