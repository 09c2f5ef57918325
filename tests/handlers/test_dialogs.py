"""The reason dialog: nothing is decided before it is submitted, and then once, with a reason that can be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import Action, ActionState
from bot.domain.content import RefusalContent
from bot.domain.errors import UnusableValue
from bot.domain.offer import Offer, Place
from bot.domain.refusal import RefusalKind
from bot.ports import NotSaid, SlackFailure
from bot.services.actions import Asked
from handlers import ids
from handlers.dialog_inputs import entered
from handlers.payloads import Origin
from handlers.views.modals import REASONS
from tests.builders import ANA, CHANNEL, EVE, FACTS, INVOICE, NOW, REF, TOM
from tests.handlers.bodies import a_submission
from tests.handlers.slack_side import SlackSide
from tests.services.bench import Bench

TODAY = NOW.date()


def values(choice: object, words: object) -> dict[str, dict[str, dict[str, object]]]:
    return {
        ids.REASON_CHOICE_BLOCK: {ids.REASON_CHOICE: {"selected_option": choice}},
        ids.REASON_TEXT_BLOCK: {ids.REASON_TEXT: {"value": words}},
    }


def asked_of(action: Action) -> Asked:
    offer = Offer(id="0" * 32, invoice=INVOICE, actions=0, place=Place("card:1", CHANNEL), made_at=NOW)
    return Asked(offer, action, FACTS.capabilities[action])


async def opened(slack: SlackSide, bench: Bench, action: str = "void") -> None:
    await slack.press(slack.buttons.ask, await bench.shown(), action, actor=TOM)


async def test_a_submitted_reason_is_the_decision_and_stays_with_it(slack: SlackSide, bench: Bench) -> None:
    await opened(slack, bench)
    ack = await slack.submit(actor=TOM, choice="duplicate", words="see ACME-8")
    assert ack.body == {}
    action = await bench.newest()
    assert (action.kind, action.state) == (Action.VOID, ActionState.ACCEPTED)
    assert action.reason == "Duplicate of another invoice: see ACME-8"
    assert action.actor == TOM


async def test_submitting_twice_decides_once(slack: SlackSide, bench: Bench) -> None:
    await opened(slack, bench)
    await slack.submit(actor=TOM)
    await slack.submit(actor=TOM)
    await bench.work()
    assert len(bench.provider.performed) == 1


@pytest.mark.parametrize(
    ("choice", "words", "block"),
    [
        (None, None, ids.REASON_CHOICE_BLOCK),
        ("a_reason_of_another_version", None, ids.REASON_CHOICE_BLOCK),
        ("other", None, ids.REASON_TEXT_BLOCK),
        ("other", " \n\t\u200b ", ids.REASON_TEXT_BLOCK),
    ],
)
async def test_a_reason_that_is_missing_is_asked_for_under_its_field(
    choice: str | None, words: str | None, block: str, slack: SlackSide, bench: Bench
) -> None:
    await opened(slack, bench)
    ack = await slack.submit(actor=TOM, choice=choice, words=words)
    assert ack.body is not None
    assert ack.body["response_action"] == "errors"
    assert list(ack.body["errors"]) == [block]
    assert await bench.journal.newest_action(REF) is None


async def test_who_may_not_decide_cannot_submit_the_dialog_of_another(slack: SlackSide, bench: Bench) -> None:
    await opened(slack, bench)
    ack = await slack.submit(actor=EVE)
    assert ack.body == {}
    (told,) = await slack.told()
    assert isinstance(told, RefusalContent)
    assert told.refusal.kind is RefusalKind.NO_RIGHT


@pytest.mark.parametrize("metadata", ["null", "{}", "5", '{"action": "resend"}'])
async def test_a_dialog_of_another_version_stays_open_and_says_so(metadata: str, slack: SlackSide, bench: Bench) -> None:
    ack = await slack.submit(metadata=metadata)
    assert ack.body is not None
    assert ack.body["response_action"] == "update"
    assert "too old" in json.dumps(ack.body["view"])
    assert bench.provider.performed == []


async def test_a_dialog_that_this_version_does_not_know_says_so_too(slack: SlackSide) -> None:
    ack = await slack._listen(slack.dialogs.submit_old, a_submission())
    assert ack.body is not None
    assert ack.body["response_action"] == "update"
    assert "submit" not in ack.body["view"]


async def test_a_dialog_that_cannot_be_opened_is_none(slack: SlackSide) -> None:
    slack.calls.replies += [SlackFailure(NotSaid.UNUSABLE, "expired_trigger_id"), {"ok": True, "view": {}}, {"ok": True}]
    for _ in range(3):
        assert await slack.dialogs.open_reading("1.2.3") is None
    assert await slack.dialogs.open_reading("1.2.3") == "V1"


async def test_the_dialog_carries_the_offer_and_no_amount(slack: SlackSide, bench: Bench) -> None:
    await opened(slack, bench)
    origin = Origin.load(slack.view["private_metadata"], TOM.user)
    assert (origin.action, origin.reply_to.user) == (Action.VOID, TOM.user)
    assert "420" not in slack.view["private_metadata"]
    assert ANA.user not in slack.view["private_metadata"]


@pytest.mark.parametrize("action", list(REASONS))
@given(words=st.text(max_size=60))
def test_every_reason_becomes_one_line_that_can_be_read(action: Action, words: str) -> None:
    for choice, label in REASONS[action].items():
        said = entered(asked_of(action), values({"value": choice}, words), TODAY)
        assert (said.reason is None) == bool(said.errors)
        if said.reason is not None:
            assert said.reason.isprintable()
            assert said.reason.startswith(label) or choice == "other"


@pytest.mark.parametrize(
    "state",
    [{}, [], None, {ids.REASON_CHOICE_BLOCK: {}}, {ids.REASON_CHOICE_BLOCK: []}],
)
def test_fields_of_another_version_are_said_to_be_that(state: object) -> None:
    with pytest.raises(UnusableValue, match="another version"):
        entered(asked_of(Action.VOID), state, TODAY)  # type: ignore[arg-type]
