"""Who may do what: refused privately, with the rule and whom to ask, before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.action import STAR, Word
from bot.domain.policy import Role, Rule
from tests.scenarios.stage import (
    A_MINUTE,
    AGENT,
    AGENT_RULE,
    FIN,
    GUS,
    LEAD,
    LEAD_RULE,
    MAYA,
    NADIA,
    OLGA,
    RETRY,
    SUP,
    TOM,
    VOID,
    House,
    Stage,
    money,
    opened,
)
from tests.scenarios.test_retry import both_ways

EVERYBODY = Role("everybody", frozenset({MAYA, TOM, GUS, OLGA}))
EVERYTHING = Rule("everybody", STAR | {Word.SHARE, Word.DIGEST})


@both_ways
async def test_without_a_role_nothing_happens_and_the_person_learns_whom_to_ask(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    before = stage.row(bill, digest)

    await stage.press(NADIA, RETRY, bill, digest)
    await stage.press(NADIA, VOID, bill, digest)

    await stage.told(NADIA, "You may not retry payments", "Ask <@U0MAYA>", "Reference")
    await stage.told(NADIA, "You may not void invoices", "Ask <@U0MAYA>", "Reference")
    assert stage.private_saying(NADIA, bill.number) == []
    assert stage.slack.view_of(NADIA) is None
    assert stage.row(bill, digest) == before
    assert stage.sends(bill) == []


async def test_without_a_role_nothing_can_be_read_either(stage: Stage) -> None:
    bill = stage.bill()
    asked = len(stage.stripe.requests)
    for text in (f"show {bill.ref}", "failed", f"history {bill.ref}", "status", f"link {bill.ref}"):
        before = len(stage.private(NADIA))
        await stage.command(NADIA, text)
        await stage.eventually(lambda before=before: stage.private(NADIA)[before:], text)  # type: ignore[misc]
    for text in ("digest preview", "digest now", f"retry {bill.ref}", f"void {bill.ref}"):
        answer = await stage.command(NADIA, text)
        assert "You may not" in str(answer.body), text
    assert len(stage.private_saying(NADIA, "You may not")) == 9
    assert len(stage.stripe.requests) == asked
    assert stage.slack.messages(FIN) == []


async def test_over_the_limit_of_a_role_the_limit_is_named(stage: Stage) -> None:
    bill = stage.bill(amount=50100)
    digest = await stage.digest()
    await stage.press(TOM, RETRY, bill, digest)
    await stage.told(TOM, "EUR 501.00 is more than the EUR 500.00 up to which you may retry payments. Ask <@U0MAYA>")
    await stage.command(TOM, f"retry {bill.ref}")
    await stage.told(TOM, bill.number, "Not done. EUR 501.00 is more than the EUR 500.00")
    assert stage.sends(bill) == []


async def test_a_currency_without_a_limit_gives_no_right(stage: Stage) -> None:
    bill = stage.bill(currency="gbp", amount=100)
    digest = await stage.digest()
    await stage.press(TOM, RETRY, bill, digest)
    await stage.told(TOM, "not in GBP: your rules name no limit for it")
    assert stage.sends(bill) == []


async def test_exactly_the_limit_is_allowed(stage: Stage) -> None:
    bill = stage.bill(amount=50000)
    digest = await stage.digest()
    await stage.press(TOM, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 500.00")


@pytest.mark.parametrize(
    ("user", "sentence"),
    [(GUS, "Guests of this workspace cannot act on invoices"), (OLGA, "only for people of its own Slack workspace")],
    ids=["guest", "another workspace"],
)
async def test_guests_and_strangers_are_refused_whatever_the_rules_say(database: Path, user: str, sentence: str) -> None:
    async with opened(database, House(roles=(EVERYBODY,), rules=(EVERYTHING,))) as stage:
        bill = stage.bill()
        digest = await stage.digest()
        await stage.press(user, RETRY, bill, digest)
        await stage.told(user, sentence)
        answer = await stage.command(user, f"retry {bill.ref}")
        assert sentence in str(answer.body)
        assert stage.sends(bill) == []


async def test_a_daily_limit_counts_what_was_moved_and_stops_the_next_press(database: Path) -> None:
    rule = replace(AGENT_RULE, per_day=money("100"))
    async with opened(database, House(rules=(LEAD_RULE, rule))) as stage:
        bills = [stage.bill(), stage.bill(), stage.bill()]
        digest = await stage.digest()
        for bill in bills[:2]:
            await stage.press(TOM, RETRY, bill, digest)
            await stage.row_says(bill, digest, "Paid EUR 49.00")
        await stage.press(TOM, RETRY, bills[2], digest)
        await stage.told(TOM, "Your limit is EUR 100.00 in 24 hours; EUR 98.00 of it is used")
        assert stage.sends(bills[2]) == []
        await stage.press(MAYA, RETRY, bills[2], digest)
        await stage.row_says(bills[2], digest, "Paid EUR 49.00")


async def test_a_rule_for_one_channel_is_no_right_in_another(database: Path) -> None:
    rule = replace(AGENT_RULE, channels=frozenset({SUP}))
    async with opened(database, House(rules=(LEAD_RULE, rule))) as stage:
        bill = stage.bill()
        digest = await stage.digest()
        await stage.press(TOM, RETRY, bill, digest)
        await stage.told(TOM, "but not in this channel. Do it in <#C0SUP>")
        assert stage.sends(bill) == []
        await stage.command(TOM, f"retry {bill.ref}", SUP)
        await stage.told(TOM, "Paid EUR 49.00")


async def test_a_rule_for_other_accounts_is_no_right_on_this_one(database: Path) -> None:
    rule = replace(AGENT_RULE, accounts=frozenset({"stripe-us"}))
    async with opened(database, House(rules=(LEAD_RULE, rule))) as stage:
        bill = stage.bill()
        digest = await stage.digest()
        await stage.press(TOM, RETRY, bill, digest)
        await stage.told(TOM, "You may retry payments, but not for account stripe")
        await stage.command(TOM, f"show {bill.ref}")
        await stage.told(TOM, "You may not look at invoices")
        assert stage.sends(bill) == []


async def test_a_role_that_was_taken_away_after_the_dialog_opened_does_not_void(database: Path) -> None:
    voiding = Rule("agent", frozenset({Word.VIEW, Word.VOID}))
    async with opened(database, House(rules=(LEAD_RULE, voiding))) as stage:
        bill = stage.bill()
        digest = await stage.digest()
        await stage.press(TOM, VOID, bill, digest)
        people = stage.slack.workspace.people
        people[TOM] = replace(people[TOM], usergroups=())
        stage.clock.ahead += A_MINUTE  # what was read a moment ago would still do

        await stage.slack.submit(TOM, {"reason_choice": {"invoice.reason_choice": "duplicate"}})

        await stage.told(TOM, "Not done. You may not void invoices")
        assert stage.sends(bill) == []
        assert not stage.row(bill, digest).says("Not done"), "a refusal is between the bot and one person"


async def test_a_user_group_that_cannot_be_read_gives_nobody_a_right(database: Path) -> None:
    async with opened(database) as stage:
        stage.slack.faults.usergroups_failing = True
        await stage.restart()
        bill = stage.bill()
        digest = await stage.digest()
        await stage.press(TOM, RETRY, bill, digest)
        await stage.told(TOM, "I could not check with Slack who you are, so nothing happened.")
        assert stage.sends(bill) == []
        await stage.press(MAYA, RETRY, bill, digest)
        await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0MAYA>")


async def test_without_rules_nobody_may_do_anything(database: Path) -> None:
    async with opened(database, House(roles=(LEAD, AGENT), rules=())) as stage:
        bill = stage.bill()
        for text in ("digest now", f"retry {bill.ref}", f"void {bill.ref}"):
            answer = await stage.command(MAYA, text)
            assert "Ask whoever keeps the rules of this bot." in str(answer.body)
        await stage.settled()
        assert stage.stripe.requests == []


async def test_a_refused_command_of_one_person_leaves_the_row_of_another_as_it_was(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Declined: insufficient funds", "<@U0MAYA>")

    await stage.command(TOM, f"retry {bill.ref}")

    await stage.told(TOM, "Only one payment attempt per invoice and hour.")
    assert stage.row(bill, digest).says("Declined: insufficient funds", "<@U0MAYA>")
    assert len(stage.sends(bill)) == 1
