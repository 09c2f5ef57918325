"""Every kind of input of a dialog: what is filled in arrives in Slack's shape, and what is wrong never leaves."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_inputs import problem_of
from tests.sandbox.slack.tiny_app import MODAL, ROW, Json, TinyApp, error_of, plain

YES = {"text": {"type": "mrkdwn", "text": "*Send* it"}, "value": "send"}
BANK = {"text": plain("Bank transfer"), "value": "bank"}
CASH = {"text": plain("Cash"), "value": "cash"}
ELEMENTS: list[Json] = [
    {"type": "datepicker", "initial_date": "2026-11-20"},
    {
        "type": "number_input",
        "is_decimal_allowed": True,
        "initial_value": "420.00",
        "min_value": "0.01",
        "max_value": "420.00",
    },
    {"type": "plain_text_input", "initial_value": "RE-17", "max_length": 20},
    {"type": "checkboxes", "options": [YES]},
    {"type": "radio_buttons", "options": [BANK, CASH], "initial_option": BANK},
    {"type": "static_select", "options": [BANK, CASH]},
]


def form(*elements: Json, optional: bool = True) -> Json:
    blocks = [
        {
            "type": "input",
            "block_id": element["type"],
            "label": plain(element["type"]),
            "optional": optional,
            "element": {**element, "action_id": "it"},
        }
        for element in elements
    ]
    return {**MODAL, "blocks": blocks}


async def opened(slack: LocalSlack, app: TinyApp, client: AsyncWebClient, view: Json) -> None:
    await slack.command("U0MAYA", "C0FIN", "x")
    await client.views_open(trigger_id=app.payloads[-1]["trigger_id"], view=view)


def state_of(app: TinyApp) -> Json:
    values: Json = app.payloads[-1]["view"]["state"]["values"]
    return {block: held["it"] for block, held in values.items()}


async def test_what_nobody_touched_is_sent_with_its_initial_value(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await opened(slack, app, client, form(*ELEMENTS))
    assert (await slack.submit("U0MAYA")).ok
    assert state_of(app) == {
        "datepicker": {"type": "datepicker", "selected_date": "2026-11-20"},
        "number_input": {"type": "number_input", "value": "420.00"},
        "plain_text_input": {"type": "plain_text_input", "value": "RE-17"},
        "checkboxes": {"type": "checkboxes", "selected_options": []},
        "radio_buttons": {"type": "radio_buttons", "selected_option": BANK},
        "static_select": {"type": "static_select", "selected_option": None},
    }


async def test_what_was_filled_in_arrives_in_slacks_shape(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    await opened(slack, app, client, form(*ELEMENTS))
    filled = {
        "datepicker": "2026-11-21",
        "number_input": "17.50",
        "plain_text_input": "by hand",
        "checkboxes": ["send"],
        "radio_buttons": "cash",
        "static_select": "cash",
    }
    assert (await slack.submit("U0MAYA", {block: {"it": value} for block, value in filled.items()})).ok
    assert state_of(app) == {
        "datepicker": {"type": "datepicker", "selected_date": "2026-11-21"},
        "number_input": {"type": "number_input", "value": "17.50"},
        "plain_text_input": {"type": "plain_text_input", "value": "by hand"},
        "checkboxes": {"type": "checkboxes", "selected_options": [YES]},
        "radio_buttons": {"type": "radio_buttons", "selected_option": CASH},
        "static_select": {"type": "static_select", "selected_option": CASH},
    }


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element["type"])
async def test_a_required_input_left_empty_is_not_sent(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient, element: Json
) -> None:
    await opened(slack, app, client, form(element, optional=False))
    answer = await slack.submit("U0MAYA", {element["type"]: {"it": None}})
    assert answer.body == {"errors": {element["type"]: "Please complete this required field."}}
    assert len(app.payloads) == 1


@pytest.mark.parametrize(
    ("element", "value", "complaint"),
    [
        ({"type": "datepicker"}, "2026-02-30", "Please pick a date."),
        ({"type": "number_input", "is_decimal_allowed": True}, "a lot", "Please enter a number."),
        ({"type": "number_input", "is_decimal_allowed": True}, "NaN", "Please enter a number."),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "Please enter a whole number."),
        (ELEMENTS[1], "0", "Please enter a number that is at least 0.01."),
        (ELEMENTS[1], "420.01", "Please enter a number that is at most 420.00."),
        ({"type": "plain_text_input", "max_length": 3}, "four", "This must be at most 3 characters."),
        ({"type": "plain_text_input", "min_length": 5}, "four", "This must be at least 5 characters."),
        ({"type": "email_text_input"}, "maya", "Please enter a valid email address."),
        ({"type": "url_text_input"}, "recoup.test", "Please enter a valid URL."),
        (ELEMENTS[1], "420.00", None),
        ({"type": "datepicker"}, "2028-02-29", None),
    ],
)
def test_the_client_complains_in_a_sentence(element: Json, value: str, complaint: str | None) -> None:
    assert problem_of({"type": "input"}, element, value) == complaint


@pytest.mark.parametrize(
    "element",
    [
        {"type": "datepicker", "initial_date": "2026-02-30"},
        {"type": "number_input", "is_decimal_allowed": True, "initial_value": 420},
        {"type": "number_input", "is_decimal_allowed": True, "initial_value": "five"},
        {"type": "number_input", "is_decimal_allowed": False, "initial_value": "1.5"},
        {"type": "number_input", "is_decimal_allowed": True, "initial_value": "9", "max_value": "5"},
        {"type": "number_input"},
        {"type": "checkboxes", "options": [YES], "initial_options": [BANK]},
        {"type": "checkboxes", "options": []},
        {"type": "radio_buttons", "options": [BANK] * 11},
        {"type": "static_select", "options": [BANK], "initial_option": CASH},
    ],
    ids=str,
)
async def test_an_input_that_slack_would_refuse_is_refused(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient, element: Json
) -> None:
    await slack.command("U0MAYA", "C0FIN", "x")
    trigger = app.payloads[-1]["trigger_id"]
    answer = await error_of(client.views_open(trigger_id=trigger, view=form(element)))
    assert answer["error"] == "invalid_arguments"
    assert "/view/blocks/0/element" in answer["response_metadata"]["messages"][0]


async def test_a_menu_in_a_message_tells_what_was_chosen(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    menu = {"type": "static_select", "action_id": "with", "placeholder": plain("Retry with…"), "options": [BANK, CASH]}
    posted = await client.chat_postMessage(
        channel="C0FIN", text="x", blocks=[ROW[0], {"type": "actions", "block_id": "row", "elements": [menu]}]
    )
    assert (await slack.press("U0MAYA", "C0FIN", str(posted["ts"]), action_id="with", value="cash")).ok
    action = app.payloads[-1]["actions"][0]
    assert (action["type"], action["selected_option"], action["block_id"]) == ("static_select", CASH, "row")
