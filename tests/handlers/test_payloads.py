"""What Slack's payloads say: who, where, which button, which delivery."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.domain.policy import Actor
from bot.domain.records import ReplyTo
from handlers.payloads import Origin, actor_of, invocation_of, pressed_of, submission_of, trigger_of
from tests.handlers.bodies import NOW, OFFER, RESPONSE_URL, a_command, a_press, a_submission


def test_a_button_carries_its_value_its_presser_and_where_it_lies() -> None:
    pressed = pressed_of(a_press(), NOW)
    assert pressed.value == f"1:{OFFER}:retry"
    assert pressed.actor == Actor("U0MAYA", "T1")
    assert (pressed.reply_to.channel, pressed.reply_to.ts) == ("C0FIN", "1763500000.000100")
    assert (pressed.reply_to.thread, pressed.reply_to.is_ephemeral) == (None, False)
    assert pressed.reply_to.response_url == RESPONSE_URL
    assert not pressed.reply_to.is_private


def test_an_overflow_carries_the_value_of_the_option_that_was_chosen() -> None:
    assert pressed_of(a_press("void", overflow=True), NOW).value == f"1:{OFFER}:void"


def test_a_button_in_a_thread_is_answered_there() -> None:
    body = a_press()
    body["container"]["thread_ts"] = "1763400000.1"
    assert pressed_of(body, NOW).reply_to.thread == "1763400000.1"


def test_an_ephemeral_card_can_only_be_answered_through_its_response_url() -> None:
    body = a_press()
    body["container"]["is_ephemeral"] = True
    reply_to = pressed_of(body, NOW).reply_to
    assert (reply_to.ts, reply_to.is_ephemeral, reply_to.is_private) == (None, True, True)
    assert reply_to.response_url == RESPONSE_URL


def test_a_response_url_is_given_up_before_slack_does() -> None:
    until = pressed_of(a_press(), NOW).reply_to.response_url_until
    assert until is not None
    assert timedelta(minutes=25) < until - NOW < timedelta(minutes=30)


def test_a_payload_without_a_response_url_is_read_all_the_same() -> None:
    body = a_press()
    del body["response_url"]
    assert pressed_of(body, NOW).reply_to.response_url is None


def test_the_channel_may_stand_beside_the_container() -> None:
    body = a_press()
    del body["container"]["channel_id"]
    assert pressed_of(body, NOW).reply_to.channel == "C0FIN"


def test_a_person_of_another_company_is_of_that_company() -> None:
    body = a_press()
    body["user"]["team_id"] = "T2"
    assert pressed_of(body, NOW).actor == Actor("U0MAYA", "T2")


def test_a_person_without_a_team_of_their_own_is_of_the_payload_s_team() -> None:
    body = a_press()
    del body["user"]["team_id"]
    assert actor_of(body) == Actor("U0MAYA", "T1")


def test_under_an_organisation_the_team_may_be_missing_beside_the_user() -> None:
    body = a_press()
    body |= {"team": None, "enterprise": {"id": "E1", "name": "Org"}, "is_enterprise_install": True}
    assert actor_of(body) == Actor("U0MAYA", "T1")
    del body["user"]["team_id"]
    with pytest.raises(UnusableValue):
        actor_of(body)


def test_a_redelivered_press_has_the_same_name_and_a_second_press_another() -> None:
    first, again, later = (pressed_of(a_press(action_ts=ts), NOW).delivery for ts in ("1.1", "1.1", "1.2"))
    assert first == again != later


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["user"].update(id="U0TOM"),
        lambda body: body["user"].update(team_id="T2"),
        lambda body: body["container"].update(channel_id="C0SUP"),
        lambda body: body["container"].update(message_ts="1.9"),
        lambda body: body["actions"][0].update(action_id="invoice.link"),
        lambda body: body["actions"][0].update(value="1:x:link"),
    ],
)
def test_a_press_that_differs_in_anything_has_another_name(change: Any) -> None:
    body = a_press()
    change(body)
    assert pressed_of(body, NOW).delivery != pressed_of(a_press(), NOW).delivery


def test_a_later_response_url_or_trigger_does_not_make_another_delivery() -> None:
    body = a_press()
    body |= {"response_url": "https://hooks.slack.com/other", "trigger_id": "9.9"}
    assert pressed_of(body, NOW).delivery == pressed_of(a_press(), NOW).delivery


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("actions", []),
        ("actions", None),
        ("actions", ["x"]),
        ("user", None),
        ("user", {"id": 5, "team_id": "T1"}),
        ("user", {"team_id": "T1"}),
        ("container", None),
        ("container", {"channel_id": "C0FIN"}),
        ("container", {"message_ts": 5, "channel_id": "C0FIN"}),
    ],
)
def test_a_press_that_lacks_a_part_is_no_press(part: str, value: object) -> None:
    with pytest.raises(UnusableValue):
        pressed_of({**a_press(), part: value}, NOW)


@pytest.mark.parametrize("team", ["T1", 5, [], {}])
def test_a_team_of_another_shape_is_no_team(team: object) -> None:
    body = a_press()
    body["team"] = team
    del body["user"]["team_id"]
    with pytest.raises(UnusableValue):
        actor_of(body)


def test_a_button_without_a_value_is_a_press_of_an_unknown_button() -> None:
    body = a_press()
    del body["actions"][0]["value"]
    assert pressed_of(body, NOW).value == ""


def test_a_command_names_its_text_its_person_and_its_delivery() -> None:
    invocation = invocation_of(a_command("retry in_1"), NOW)
    assert invocation.text == "retry in_1"
    assert invocation.actor == Actor("U0MAYA", "T1")
    assert (invocation.reply_to.ts, invocation.reply_to.is_private) == (None, True)
    assert invocation.delivery == invocation_of(a_command("retry in_1"), NOW).delivery
    assert invocation.delivery != invocation_of({**a_command("retry in_1"), "trigger_id": "7.7"}, NOW).delivery


@pytest.mark.parametrize("part", ["user_id", "team_id", "channel_id", "trigger_id"])
def test_a_command_that_lacks_a_part_is_no_command(part: str) -> None:
    body: dict[str, Any] = dict(a_command("help"))
    del body[part]
    with pytest.raises(UnusableValue):
        invocation_of(body, NOW)


def test_a_command_without_text_is_an_empty_one() -> None:
    body: dict[str, Any] = dict(a_command(""))
    del body["text"]
    assert invocation_of(body, NOW).text == ""


def test_a_dialog_carries_its_origin_through_slack_and_back() -> None:
    origin, actor, _, values = submission_of(a_submission(Action.UNCOLLECTIBLE))
    assert (origin.value, origin.action) == (f"1:{OFFER}:uncollectible", Action.UNCOLLECTIBLE)
    assert actor == Actor("U0MAYA", "T1")
    assert origin.reply_to.response_url == RESPONSE_URL
    assert set(values) == {"reason_choice", "reason_text"}


def test_the_person_of_a_dialog_is_who_submits_it_not_what_its_metadata_says() -> None:
    body = a_submission()
    body["user"]["id"] = "U0TOM"
    origin, actor, _, _ = submission_of(body)
    assert (origin.reply_to.user, actor.user) == ("U0TOM", "U0TOM")


def test_a_corrected_dialog_is_another_delivery_and_a_redelivered_one_is_not() -> None:
    empty, again, corrected = (submission_of(a_submission(words=words))[2] for words in (None, None, "a word"))
    assert empty == again != corrected


def test_a_trigger_is_needed_to_open_a_dialog() -> None:
    assert trigger_of(a_press()) == "123.456.abc"
    with pytest.raises(UnusableValue):
        trigger_of({})


# --- what a dialog carries ---

_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
_reply_tos = st.builds(
    ReplyTo,
    user=st.just("U0MAYA"),
    channel=_texts,
    ts=st.none() | _texts,
    thread=st.none() | _texts,
    is_ephemeral=st.booleans(),
    response_url=st.none() | _texts,
    response_url_until=st.none() | st.just(NOW),
)


@given(_texts, st.sampled_from(Action), _reply_tos)
def test_an_origin_comes_back_as_it_was(value: str, action: Action, reply_to: ReplyTo) -> None:
    origin = Origin(value, action, reply_to)
    assert len(origin.dump()) <= 3000
    assert Origin.load(origin.dump(), "U0MAYA") == origin


def test_what_is_kept_with_a_decision_is_text_or_is_left_out() -> None:
    body = a_press()
    body |= {"response_url": {"a": 1}}
    body["container"]["thread_ts"] = 17.5
    reply_to = pressed_of(body, NOW).reply_to
    assert (reply_to.response_url, reply_to.thread) == (None, None)


@pytest.mark.parametrize("user", ["\ud800", "U0\x00MAYA", "Ü", ""])
def test_an_id_that_no_database_could_keep_is_none(user: str) -> None:
    body = a_press()
    body["user"]["id"] = user
    with pytest.raises(UnusableValue):
        pressed_of(body, NOW)


def test_a_value_that_is_no_text_of_any_language_names_a_delivery_all_the_same() -> None:
    body = a_press()
    body["actions"][0]["value"] = "\ud800"
    assert pressed_of(body, NOW).delivery


@pytest.mark.parametrize("text", ["[" * 3_000, '{"a":' * 500, "NaN", "[]"])
def test_metadata_that_is_no_origin_is_of_another_version(text: str) -> None:
    with pytest.raises(UnusableValue):
        Origin.load(text, "U0MAYA")


def test_an_origin_fits_however_long_its_response_url_is() -> None:
    url = f"https://hooks.slack.com/{'ä' * 2900}"
    origin = Origin(f"1:{OFFER}:void", Action.VOID, ReplyTo(user="U0MAYA", channel="C0FIN", ts="1.2", response_url=url))
    assert len(origin.dump()) <= 3000
    loaded = Origin.load(origin.dump(), "U0MAYA")
    assert (loaded.value, loaded.reply_to.channel, loaded.reply_to.ts) == (origin.value, "C0FIN", "1.2")
    assert loaded.reply_to.response_url is None


GOOD = json.loads(Origin("1:x:void", Action.VOID, ReplyTo(user="U0MAYA", channel="C0FIN")).dump())


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "null",
        "[]",
        "5",
        '"x"',
        "{bad",
        "{}",
        json.dumps({**GOOD, "action": "forgive"}),
        json.dumps({**GOOD, "action": None}),
        json.dumps({**GOOD, "action": []}),
        json.dumps({**GOOD, "channel": None}),
        json.dumps({**GOOD, "value": 5}),
        json.dumps({**GOOD, "until": "soon"}),
        json.dumps({**GOOD, "until": 5}),
        json.dumps({key: value for key, value in GOOD.items() if key != "thread"}),
    ],
)
def test_metadata_of_another_version_is_said_to_be_that(metadata: str) -> None:
    with pytest.raises(UnusableValue, match="another version"):
        Origin.load(metadata, "U0MAYA")


def test_neither_a_press_nor_an_origin_shows_its_response_url_when_printed() -> None:
    shown = f"{pressed_of(a_press(), NOW)!r} {submission_of(a_submission())[0]!r} {invocation_of(a_command('x'), NOW)!r}"
    assert "s3cr3t" not in shown
