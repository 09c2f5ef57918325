"""Modals open by a trigger, in a stack of three, and are submitted as Slack submits them."""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from tests.sandbox.slack.tiny_app import MODAL, ROW, Clock, Json, TinyApp, error_of, plain


async def opened(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> Json:
    await slack.command("U0MAYA", "C0FIN", "void in_1")
    answer = await client.views_open(trigger_id=app.payloads[-1]["trigger_id"], view=MODAL)
    view: Json = answer["view"]
    return view


async def test_a_trigger_opens_one_modal_within_three_seconds(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient, clock: Clock
) -> None:
    await opened(slack, app, client)
    again = await error_of(client.views_open(trigger_id=app.payloads[-1]["trigger_id"], view=MODAL))
    await slack.command("U0MAYA", "C0FIN", "void in_1")
    clock.seconds += 3.1
    late = await error_of(client.views_open(trigger_id=app.payloads[-1]["trigger_id"], view=MODAL))
    made_up = await error_of(client.views_open(trigger_id="1.2.abc", view=MODAL))
    assert [again["error"], late["error"], made_up["error"]] == [
        "exchanged_trigger_id",
        "expired_trigger_id",
        "invalid_trigger_id",
    ]


async def test_a_wrong_view_is_refused_with_details_and_the_trigger_stays_good(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await slack.command("U0MAYA", "C0FIN", "void in_1")
    trigger = app.payloads[-1]["trigger_id"]
    answer = await error_of(client.views_open(trigger_id=trigger, view={**MODAL, "title": plain("x" * 25)}))
    assert answer["error"] == "invalid_arguments"
    assert "/view/title/text" in answer["response_metadata"]["messages"][0]
    assert (await client.views_open(trigger_id=trigger, view=MODAL))["ok"]


async def test_a_submission_carries_what_was_filled_in(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    await opened(slack, app, client)
    answer = await slack.submit("U0MAYA", {"choice": {"choice": "duplicate"}, "note": {"note": "twice"}})
    payload = app.payloads[-1]
    assert answer.ok
    assert payload["type"] == "view_submission"
    assert payload["view"]["callback_id"] == "invoice.reason"
    assert payload["view"]["state"]["values"] == {
        "choice": {
            "choice": {"type": "static_select", "selected_option": {"text": plain("Duplicate"), "value": "duplicate"}}
        },
        "note": {"note": {"type": "plain_text_input", "value": "twice"}},
    }
    assert slack.view_of("U0MAYA") is None


async def test_slacks_own_client_stops_what_is_not_filled_in(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await opened(slack, app, client)
    answer = await slack.submit("U0MAYA", {"note": {"note": "far too long a note"}})
    assert answer.error == "not_sent"
    assert answer.body["errors"].keys() == {"choice", "note"}
    assert len(app.payloads) == 1


async def test_errors_stand_under_their_fields_and_the_modal_stays(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await opened(slack, app, client)
    app.reply = lambda _payload: web.json_response({"response_action": "errors", "errors": {"note": "Say more."}})
    await slack.submit("U0MAYA", {"choice": {"choice": "duplicate"}})
    view = slack.view_of("U0MAYA")
    assert view is not None
    assert view.errors == {"note": "Say more."}


async def test_errors_for_a_block_that_is_no_input_are_a_trouble(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    await opened(slack, app, client)
    app.reply = lambda _payload: web.json_response({"response_action": "errors", "errors": {"nowhere": "?"}})
    answer = await slack.submit("U0MAYA", {"choice": {"choice": "duplicate"}})
    assert not answer.ok
    assert len(slack.troubles("U0MAYA")) == 1


async def test_a_submission_may_replace_push_or_clear(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    await opened(slack, app, client)
    fill = {"choice": {"choice": "duplicate"}}

    async def after(action: str, **more: Any) -> list[str]:
        app.reply = lambda _payload: web.json_response({"response_action": action, **more})
        assert (await slack.submit("U0MAYA", fill)).ok
        return [view.title for view in slack.views.stacks["U0MAYA"]]

    assert await after("update", view={**MODAL, "title": plain("Second")}) == ["Second"]
    assert await after("push", view={**MODAL, "title": plain("Third")}) == ["Second", "Third"]
    assert await after("clear") == []


async def test_three_views_are_the_limit(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    view = await opened(slack, app, client)

    async def push() -> Any:
        await slack.press("U0MAYA", view_id=view["id"], block_id="choice", value="duplicate")
        return await client.views_push(trigger_id=app.payloads[-1]["trigger_id"], view=MODAL)

    await push()
    await push()
    assert (await error_of(push()))["error"] == "push_limit_reached"


async def test_a_view_is_updated_by_its_hash_and_refuses_a_stale_one(
    slack: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    view = await opened(slack, app, client)
    new = {**MODAL, "title": plain("Filled")}
    await client.views_update(view_id=view["id"], hash=view["hash"], view=new)
    stale = await error_of(client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL))
    unknown = await error_of(client.views_update(view_id="V0NONE", view=MODAL))
    assert [stale["error"], unknown["error"]] == ["hash_conflict", "not_found"]
    top = slack.view_of("U0MAYA")
    assert top is not None
    assert top.title == "Filled"


async def test_closing_tells_the_app_that_asked_to_be_told(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    await opened(slack, app, client)
    await slack.close_view("U0MAYA")
    assert (app.payloads[-1]["type"], app.payloads[-1]["is_cleared"]) == ("view_closed", False)
    assert slack.view_of("U0MAYA") is None


async def test_the_home_tab_is_published_per_person(slack: LocalSlack, client: AsyncWebClient) -> None:
    await client.views_publish(user_id="U0MAYA", view={"type": "home", "blocks": [ROW[0]]})
    assert slack.home_of("U0MAYA") is not None
    assert slack.home_of("U0TOM") is None


async def test_an_external_select_asks_the_app_for_options(slack: LocalSlack, app: TinyApp, client: AsyncWebClient) -> None:
    await slack.command("U0MAYA", "C0FIN", "x")
    element = {"type": "external_select", "action_id": "customer"}
    block = {"type": "input", "block_id": "customer", "label": plain("Customer"), "element": element}
    trigger = app.payloads[-1]["trigger_id"]
    await client.views_open(trigger_id=trigger, view={**MODAL, "blocks": [block]})
    offered = {"options": [{"text": plain("ACME"), "value": "cus_1"}]}
    app.reply = lambda _payload: web.json_response(offered)
    view = slack.view_of("U0MAYA")
    assert view is not None
    async with aiohttp.ClientSession() as session:
        body = {"user": "U0MAYA", "view_id": view.id, "action_id": "customer", "value": "AC"}
        answer = await (await session.post(f"{slack.page_url}sandbox/suggest", json=body)).json()
    assert answer["body"] == offered
    assert (app.payloads[-1]["type"], app.payloads[-1]["value"]) == ("block_suggestion", "AC")
