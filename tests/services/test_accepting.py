"""A press becomes one committed row or one told refusal; nothing in it is believed but the signature."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState, Word
from bot.domain.content import Choice, RefusalContent
from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceStatus
from bot.domain.money import Money
from bot.domain.offer import ButtonValue, Offer, new_offer_id
from bot.domain.outcome import Declined, Unknown
from bot.domain.policy import Actor, Person
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, AlreadyAccepted, Busy, Redelivered
from bot.services.actions import ACT_WITHIN, Asked, delivery_key
from tests.builders import (
    ANA,
    CHANNEL,
    EVE,
    FUNDS,
    INVOICE,
    OTHER_CHANNEL,
    PEOPLE,
    REF,
    TEAM,
    TOM,
    an_invoice,
    ended,
    on_card,
    on_message,
)
from tests.fakes import FakeProvider
from tests.services.bench import MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _kind(answer: object) -> RefusalKind:
    assert isinstance(answer, Refusal)
    return answer.kind


async def test_a_press_is_written_down_with_who_what_and_until_when(bench: Bench) -> None:
    offer = await bench.shown()
    accepted = await bench.press(offer, Action.VOID, TOM)
    assert isinstance(accepted, Accepted)
    action = accepted.action
    assert (action.kind, action.ref, action.amount, action.actor) == (Action.VOID, REF, INVOICE.owed, TOM)
    assert (action.reason, action.act_by - action.created_at) == ("asked by customer", ACT_WITHIN)
    assert action.state is ActionState.ACCEPTED
    assert bench.provider.reads == []


@pytest.mark.parametrize(
    "value",
    ["", "retry", "0:{id}:retry", "2:{id}:retry", "1:{id}", "1:{id}:", "1:{id}:RETRY", "1:nonsense:retry", "1:{id}:dance"],
)
async def test_a_button_that_this_version_did_not_write_is_told_to_be_old(bench: Bench, value: str) -> None:
    offer = await bench.shown()
    pressed = replace(bench.pressed(offer), value=value.format(id=offer.id))
    assert await _kind(await bench.actions.press(pressed)) is RefusalKind.OLD_BUTTON


async def test_an_offer_that_was_forgotten_or_made_up_is_told_to_be_old(bench: Bench) -> None:
    offer = await bench.shown()
    value = str(ButtonValue(new_offer_id(), "retry"))
    assert await _kind(await bench.actions.press(replace(bench.pressed(offer), value=value))) is RefusalKind.OLD_BUTTON


async def test_an_offer_of_another_channel_cannot_be_pressed_here(bench: Bench) -> None:
    offer = await bench.shown(channel=OTHER_CHANNEL)
    assert await _kind(await bench.press(offer, Action.RETRY, TOM)) is RefusalKind.FOREIGN_BUTTON
    assert await bench.journal.open_actions() == []


async def test_a_button_that_was_answered_into_a_direct_message_works_there(bench: Bench) -> None:
    offer = await bench.shown()
    reply_to = on_message(TOM, channel="D0TOM")
    assert isinstance(await bench.press(offer, Action.RETRY, TOM, reply_to=reply_to), Accepted)


async def test_a_rule_for_one_channel_does_not_reach_into_a_direct_message(bench: Bench) -> None:
    offer = await bench.shown()
    answer = await bench.press(offer, Action.RETRY, ANA, reply_to=on_message(ANA, channel="D0ANA"))
    assert await _kind(answer) is RefusalKind.WRONG_CHANNEL


OBJECTIONS = {
    RefusalKind.NO_RIGHT: (Action.UNCOLLECTIBLE, ANA, INVOICE),
    RefusalKind.OVER_LIMIT: (Action.RETRY, ANA, replace(INVOICE, owed=Money(100_001, "EUR"))),
    RefusalKind.CURRENCY_NOT_ALLOWED: (Action.RETRY, ANA, replace(INVOICE, owed=Money(1, "USD"))),
    RefusalKind.OTHER_TEAM: (Action.RETRY, Actor(TOM.user, "T0OTHER"), INVOICE),
}


@pytest.mark.parametrize("kind", OBJECTIONS)
async def test_a_press_that_no_rule_allows_is_refused_and_never_runs(bench: Bench, kind: RefusalKind) -> None:
    action, actor, invoice = OBJECTIONS[kind]
    assert await _kind(await bench.press(await bench.shown(invoice), action, actor)) is kind
    assert await bench.journal.open_actions() == []


@pytest.mark.parametrize(
    ("person", "kind"),
    [
        (Person(is_guest=True), RefusalKind.GUEST),
        (Person(is_bot=True), RefusalKind.BOT),
        (Person(is_gone=True), RefusalKind.BOT),
    ],
)
async def test_guests_bots_and_people_who_left_are_refused_whatever_their_role(
    bench: Bench, person: Person, kind: RefusalKind
) -> None:
    bench.directory.people = replace(PEOPLE, persons={**PEOPLE.persons, TOM.user: person})
    assert await _kind(await bench.press(await bench.shown(), Action.RETRY, TOM)) is kind


async def test_before_the_roles_were_read_nobody_may_press(bench: Bench) -> None:
    bench.directory.people = None
    assert await _kind(await bench.press(await bench.shown(), Action.RETRY, TOM)) is RefusalKind.ROLES_UNKNOWN


async def test_a_refused_press_is_an_audit_event_and_is_answered_once(bench: Bench) -> None:
    offer = await bench.shown()
    pressed = bench.pressed(offer, Action.RETRY, EVE)
    await bench.actions.press(pressed)
    await bench.actions.press(pressed)
    await bench.talk()
    assert (await bench.events()).count("press.refused") == 1
    assert len([said for said in bench.announcer.said if isinstance(said.content, RefusalContent)]) == 1


async def test_a_refused_command_is_an_audit_event_too_but_answered_in_the_ack_alone(bench: Bench) -> None:
    answer = await bench.type("in_1", Action.RETRY, EVE)
    assert await _kind(answer) is RefusalKind.NO_RIGHT
    await bench.talk()
    assert bench.announcer.said == []
    assert await bench.storage.outbox.waiting() == 0


async def test_typing_authorizes_the_word_and_leaves_the_invoice_to_the_worker(bench: Bench) -> None:
    bench.provider.now_shows(replace(INVOICE, owed=Money(999_999, "EUR")))
    accepted = await bench.type("in_1")
    assert isinstance(accepted, Accepted)
    assert (accepted.action.ref, accepted.action.amount, accepted.action.typed_ref) == (None, None, "in_1")
    assert bench.provider.reads == []


async def test_what_cannot_be_a_reference_is_said_before_anything_is_written(bench: Bench) -> None:
    with pytest.raises(UnusableValue):
        await bench.type("  ?!  ")
    assert await bench.journal.open_actions() == []


async def test_a_day_limit_counts_what_is_under_way_and_what_succeeded_in_24_hours(outside: Outside) -> None:
    invoices = [an_invoice(n, 50_000) for n in range(1, 6)]
    bench = Bench(outside, FakeProvider(*invoices))
    for number, invoice in enumerate(invoices[:3]):
        await bench.press(await bench.shown(invoice, message=f"card:{number}"))
        if number == 0:
            await bench.work()
    assert await bench.state(invoices[0].ref) is ActionState.SUCCEEDED
    over = await bench.press(await bench.shown(invoices[3], message="card:3"))
    assert await _kind(over) is RefusalKind.OVER_DAY
    await bench.work()
    bench.clock.advance(timedelta(hours=24))
    assert isinstance(await bench.press(await bench.shown(invoices[4], message="card:4")), Accepted)


async def test_a_declined_retry_gives_its_share_of_the_day_back(outside: Outside) -> None:
    invoices = [an_invoice(n, 90_000) for n in (1, 2)]
    bench = Bench(outside, FakeProvider(*invoices))
    bench.provider.answers.append(Declined(decline=FUNDS))
    await bench.press(await bench.shown(invoices[0], message="card:1"))
    second = await bench.shown(invoices[1], message="card:2")
    assert await _kind(await bench.press(second)) is RefusalKind.OVER_DAY
    await bench.work()
    assert isinstance(await bench.press(second), Accepted)


async def test_ten_clicks_at_once_are_one_decision(bench: Bench) -> None:
    offer = await bench.shown()
    answers = await asyncio.gather(*(bench.press(offer) for _ in range(10)))
    kinds = [type(answer) for answer in answers]
    assert (kinds.count(Accepted), kinds.count(AlreadyAccepted)) == (1, 9)


async def test_a_retry_and_a_void_at_the_same_moment_make_one_decision(bench: Bench) -> None:
    offer = await bench.shown()
    answers = await asyncio.gather(bench.press(offer), bench.press(offer, Action.VOID, TOM))
    assert sorted(type(answer).__name__ for answer in answers) == ["Accepted", "Busy"]
    assert len(await bench.journal.open_actions()) == 1


async def test_who_lost_the_race_learns_who_won_it(bench: Bench) -> None:
    offer = await bench.shown()
    await bench.press(offer, Action.VOID, TOM)
    busy = await bench.press(offer)
    assert isinstance(busy, Busy)
    assert busy.action.actor == TOM
    await bench.talk()
    refused = [said.content for said in bench.announcer.said if isinstance(said.content, RefusalContent)]
    assert [content.refusal.facts["by"] for content in refused] == [TOM.user]


async def test_one_delivery_has_one_name_and_no_two_deliveries_share_it() -> None:
    assert delivery_key("a", "b") == delivery_key("a", "b")
    assert len({delivery_key("a", "b"), delivery_key("ab"), delivery_key("a", "b", ""), delivery_key("b", "a")}) == 4


async def test_a_press_wakes_the_worker_and_the_sender(bench: Bench) -> None:
    await bench.press(await bench.shown())
    async with asyncio.timeout(1):
        await bench.work_signal.wait(60)
        await bench.talk_signal.wait(60)


# --- before a dialog -----------------------------------------------------------------------------------------------


async def test_a_dialog_is_built_from_the_offer_and_decides_nothing(bench: Bench) -> None:
    offer = await bench.shown()
    asked = await bench.actions.ask(bench.pressed(offer, Action.VOID, TOM))
    assert isinstance(asked, Asked)
    assert (asked.offer, asked.action, asked.capability.provider_term) == (offer, Action.VOID, "void")
    assert await bench.journal.open_actions() == []
    assert bench.provider.reads == []


async def test_a_dialog_does_not_open_for_who_may_not_decide(bench: Bench) -> None:
    offer = await bench.shown()
    answer = await bench.actions.ask(bench.pressed(offer, Action.UNCOLLECTIBLE, ANA))
    assert await _kind(answer) is RefusalKind.NO_RIGHT


async def test_a_dialog_does_not_open_for_what_the_provider_cannot_do(bench: Bench) -> None:
    offer = await bench.shown(ended(INVOICE, InvoiceStatus.VOID))
    answer = await bench.actions.ask(bench.pressed(offer, Action.VOID, TOM))
    assert await _kind(answer) is RefusalKind.NOT_ACTIONABLE


async def test_a_dialog_does_not_open_for_an_account_that_is_configured_no_more(outside: Outside) -> None:
    offer = await Bench(outside).shown()
    other = Bench(outside, FakeProvider(account="lago"))
    answer = await other.actions.ask(other.pressed(offer, Action.VOID, TOM))
    assert await _kind(answer) is RefusalKind.UNKNOWN_ACCOUNT


# --- buttons that only read ----------------------------------------------------------------------------------------


async def test_a_button_that_reads_needs_the_right_to_read(bench: Bench) -> None:
    offer = await bench.shown()
    assert await bench.actions.may_read(bench.pressed(offer, Choice.LINK), Word.LINK) == offer
    refused = await bench.actions.may_read(bench.pressed(offer, Choice.SHARE), Word.SHARE)
    assert await _kind(refused) is RefusalKind.NO_RIGHT
    foreign = bench.pressed(offer, Choice.SHOW, reply_to=on_message(channel=OTHER_CHANNEL))
    assert await _kind(await bench.actions.may_read(foreign, Word.VIEW)) is RefusalKind.FOREIGN_BUTTON


async def test_check_again_is_refused_to_who_may_not_see_the_invoice(bench: Bench) -> None:
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.press(await bench.shown())
    await bench.work()
    before = (await bench.newest()).next_check_at
    answer = await bench.actions.check_again(bench.pressed(await bench.fresh_offer(), Choice.CHECK, EVE))
    assert isinstance(answer, Refusal)
    assert answer.kind is RefusalKind.NO_RIGHT
    assert (await bench.newest()).next_check_at == before


async def test_check_again_on_an_old_button_says_so(bench: Bench) -> None:
    pressed = replace(bench.pressed(await bench.shown(), Choice.CHECK), value="0:old")
    assert await _kind(await bench.actions.check_again(pressed)) is RefusalKind.OLD_BUTTON
    assert await _kind(await bench.actions.may_read(pressed, Word.VIEW)) is RefusalKind.OLD_BUTTON
    assert await _kind(await bench.actions.ask(pressed)) is RefusalKind.OLD_BUTTON


# --- which buttons are drawn ---------------------------------------------------------------------------------------


async def _choices(bench: Bench, offer: Offer | None = None) -> set[Choice]:
    row = await bench.rows.row(offer or await bench.fresh_offer())
    assert row is not None
    return set(row.choices)


async def test_an_open_invoice_offers_what_can_work(bench: Bench) -> None:
    offer = await bench.shown()
    assert await _choices(bench, offer) == {
        Choice.RETRY,
        Choice.RETRY_WITH,
        Choice.VOID,
        Choice.UNCOLLECTIBLE,
        Choice.PAID,
        Choice.LINK,
        Choice.SHOW,
    }


async def test_a_draft_can_be_finalized_and_nothing_else(bench: Bench) -> None:
    assert await _choices(bench, await bench.shown(ended(INVOICE, InvoiceStatus.DRAFT))) == {Choice.FINALIZE, Choice.SHOW}


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.OTHER])
async def test_an_invoice_on_which_nothing_can_be_done_offers_its_details_only(bench: Bench, status: InvoiceStatus) -> None:
    assert await _choices(bench, await bench.shown(ended(INVOICE, status))) == {Choice.SHOW}


async def test_the_cool_down_hides_the_retry_and_brings_it_back(bench: Bench) -> None:
    offer = await bench.shown(replace(INVOICE, newest_charge_at=bench.clock.now() - 59 * MINUTE))
    assert Choice.RETRY not in await _choices(bench, offer)
    bench.clock.advance(MINUTE)
    assert Choice.RETRY in await _choices(bench, offer)


async def test_while_a_decision_runs_every_message_hides_its_buttons(bench: Bench) -> None:
    offer = await bench.shown()
    elsewhere = await bench.shown(message="card:2", channel=OTHER_CHANNEL)
    await bench.press(offer)
    assert await _choices(bench, offer) == set()
    assert await _choices(bench, elsewhere) == set()


async def test_a_preview_offers_nothing(bench: Bench) -> None:
    offer = await bench.shown()
    row = await bench.rows.preview(INVOICE, offer.place)
    assert row is not None
    assert row.choices == ()


async def test_a_row_of_an_account_that_is_configured_no_more_is_not_drawn(outside: Outside) -> None:
    offer = await Bench(outside).shown()
    assert await Bench(outside, FakeProvider(account="lago")).rows.row(offer) is None


async def test_a_decision_older_than_the_message_is_no_news_to_it(bench: Bench) -> None:
    bench.provider.answers.append(Declined(decline=FUNDS))
    await bench.press(await bench.shown())
    await bench.work()
    bench.clock.advance(timedelta(days=1))
    tomorrow = await bench.shown(message="card:2")
    row = await bench.rows.row(tomorrow)
    assert row is not None
    assert row.action is None
    assert Choice.RETRY in row.choices


async def test_a_private_card_shows_its_reader_only_what_the_reader_may_press(bench: Bench) -> None:
    offer = await bench.shown()
    card = await bench.rows.card(offer, is_private=True)
    assert card is not None
    theirs = [set((await bench.rights.theirs(card.row, who, CHANNEL)).choices) for who in (ANA, TOM, EVE)]
    assert theirs[0] == {Choice.RETRY, Choice.RETRY_WITH, Choice.VOID, Choice.LINK}
    leads = {Choice.UNCOLLECTIBLE, Choice.PAID, Choice.PDF, Choice.SHARE}
    assert theirs[1] == set(card.row.choices) == theirs[0] | leads
    assert theirs[2] == set()


async def test_help_lists_what_the_caller_may_do_here(bench: Bench) -> None:
    assert bench.rights.words(ANA, CHANNEL) == {Word.VIEW, Word.RETRY, Word.LINK, Word.VOID}
    assert bench.rights.words(ANA, OTHER_CHANNEL) == frozenset()
    assert bench.rights.words(EVE, CHANNEL) == frozenset()
    assert bench.rights.words(Actor(TOM.user, TEAM), OTHER_CHANNEL) > {Word.DIGEST, Word.VIEW}
    assert bench.rights.accounts(ANA, CHANNEL, ("stripe", "lago")) == ("stripe", "lago")
    assert bench.rights.accounts(EVE, CHANNEL, ("stripe", "lago")) == ()


async def test_a_redelivered_press_of_a_private_card_is_answered_once(bench: Bench) -> None:
    pressed = bench.pressed(await bench.shown(), reply_to=on_card())
    await bench.actions.press(pressed)
    assert isinstance(await bench.actions.press(pressed), Redelivered)
    await bench.talk(after=SECOND)
    assert bench.announcer.how().count("respond") == 1
