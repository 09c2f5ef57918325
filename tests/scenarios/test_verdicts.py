"""A charge that nobody can tell of: after a day a second person looks at the provider and says what they saw."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.action import STAR, Word
from bot.domain.policy import Role, Rule
from bot.sandbox.slack_state import Message
from bot.services.reconciliation import UNKNOWN_CHECKS
from tests.scenarios.stage import AGENT, AGENT_RULE, CHECK, LEAD_RULE, MAYA, NADIA, RETRY, TOM, Bill, House, Stage
from tests.scenarios.test_retry import both_ways

CHARGED, NOT_CHARGED = "I verified: charged", "I verified: not charged"
SEEN = {"note": {"invoice.note": "pi_9 is succeeded there"}}
CONTROLLER = Role("controller", frozenset({MAYA, NADIA}))
SETTLE = Rule("controller", frozenset({Word.VIEW, Word.SETTLE}))


@pytest.fixture
def house(over_socket: bool) -> House:
    roles = (Role("lead", frozenset({MAYA})), AGENT, CONTROLLER)
    return House(roles=roles, rules=(LEAD_RULE, AGENT_RULE, SETTLE), over_socket=over_socket)


async def needing_a_person(stage: Stage) -> tuple[Bill, Message]:
    """Maya's retry charged and its answer was lost, and the provider has been away for all the reads since."""
    bill = stage.bill("charge_then_500")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.eventually(lambda: stage.charges(bill), "the charge")
    await stage.disturb("unreachable")
    for _ in (*UNKNOWN_CHECKS, "the doubt itself"):
        before = stage.row(bill, digest)
        if before.says("Nobody knows yet"):
            break
        await stage.settled()
        await stage.restart(timedelta(hours=25))  # what it knew of people is too old by then, so it is read again
        await stage.eventually(lambda before=before: stage.row(bill, digest).text != before.text, "the next read")  # type: ignore[misc]
    await stage.row_says(bill, digest, "Nobody knows yet whether the customer was charged")
    return bill, digest


@both_ways
async def test_a_second_person_says_what_they_saw_and_that_is_the_ending(stage: Stage) -> None:
    bill, digest = await needing_a_person(stage)
    assert stage.row(bill, digest).labels == [CHECK, CHARGED, NOT_CHARGED]

    await stage.press(MAYA, CHARGED, bill, digest)
    await stage.told(MAYA, "You pressed this yourself", "Ask <@U0NADIA>")
    await stage.press(TOM, CHARGED, bill, digest)
    await stage.told(TOM, "You may not settle open decisions by hand")
    await stage.press(NADIA, CHARGED, bill, digest)
    view = stage.slack.view_of(NADIA)
    assert view is not None
    assert "<@U0MAYA> pressed Retry payment" in str(view)

    await stage.slack.submit(NADIA, {"note": {"invoice.note": ""}})
    assert stage.slack.view_of(NADIA) is not None
    await stage.slack.submit(NADIA, SEEN)

    await stage.row_says(bill, digest, "Charged, as <@U0NADIA> verified at the provider")
    await stage.told(NADIA, "Your “charged” is on record as the ending")
    assert len(stage.charges(bill)) == 1
    assert stage.sends(bill) == ["pay"]
    assert stage.objections() == []


async def test_what_the_provider_can_tell_by_then_counts_first(stage: Stage) -> None:
    bill, digest = await needing_a_person(stage)
    await stage.press(NADIA, NOT_CHARGED, bill, digest)
    await stage.disturb("reachable")
    await stage.slack.submit(NADIA, SEEN)
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    await stage.told(NADIA, "Your “not charged” was not needed: the provider could tell after all")
    assert len(stage.charges(bill)) == 1


def test_the_star_gives_nobody_the_right_to_settle() -> None:
    assert Word.SETTLE not in STAR
