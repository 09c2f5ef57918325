"""What the page can show of one invoice: every deed, every step on record, every request, and what Slack was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_evidence import KEPT, STEPS
from bot.sandbox.wire import Fault, Traffic, WireReply, WireRequest
from tests.sandbox.slack.tiny_app import ROW, Clock, Json, TinyApp, button, posted_row


class Books:
    """The bot's records: every button value that begins with `offer` is about invoice in_1."""

    async def invoice_of(self, button: str) -> tuple[str, str] | None:
        return ("stripe", f"in_{button.removeprefix('offer-')}") if button.startswith("offer") else None

    async def history(self, account: str, invoice: str) -> tuple[list[Json], list[Json]]:
        at = 1_795_000_000.01
        events = [
            {"at": at, "kind": "action.accepted", "facts": {"kind": "retry", "ref": f"{account}:{invoice}"}},
            {"at": at + 0.1, "kind": "attempt.begun", "facts": {"key": "recoup-1"}},
            {"at": at + 0.2, "kind": "something.new", "facts": {}},
        ]
        return [{"reference": "a", "label": "Retry payment", "state": "executing", "by": "U0MAYA"}], events


class Town:
    """A world with one provider."""

    def snapshot(self) -> Mapping[str, Any]:
        return {"stripe": {"invoices": [{"id": "in_1", "number": "RE-1", "customer": "ACME"}]}}

    def control(self, name: str, args: Mapping[str, Any], /) -> Any:
        raise ValueError(f"{name} {args}")

    def about(self, slug: str, invoice: str, /) -> Mapping[str, Any]:
        old, new = {"at": 1_794_999_000.0, "path": "/old"}, {"at": 1_795_000_001.0, "path": f"/v1/{slug}/{invoice}"}
        return {"requests": [old, new], "charges": [old | {"invoice": invoice}]}


@pytest.fixture
def town(slack: LocalSlack) -> LocalSlack:
    slack.lend(Books())
    slack.control.world = Town()
    return slack


async def shown(slack: LocalSlack, about: str | None = None) -> Json:
    return await slack.control.evidence.shown(about, slack.control.world, slack.calls)


async def press(slack: LocalSlack, ts: str, value: str = "offer-1") -> None:
    control = slack.control
    await control._press({"user": "U0MAYA", "channel": "C0FIN", "ts": ts, "value": value})


async def test_nothing_is_shown_before_somebody_did_something(town: LocalSlack) -> None:
    assert await shown(town) == {"subjects": [], "about": None}


async def test_a_press_shows_its_steps_in_the_order_of_time(town: LocalSlack, client: AsyncWebClient) -> None:
    await press(town, await posted_row(client))
    seen = await shown(town)
    assert seen["about"] == "stripe:in_1"
    assert seen["subjects"][0] == {"name": "stripe:in_1", "number": "RE-1", "customer": "ACME"} | dict.fromkeys(
        ("amount_remaining", "currency")
    )
    whats = [step["what"] for step in seen["steps"]]
    assert whats[0] == "Maya: Retry payment"
    assert {"Decision written down: retry", "About to be sent", "something new"} <= set(whats)
    assert [step["at"] for step in seen["steps"]] == sorted(step["at"] for step in seen["steps"])
    assert [step["key"] for step in seen["steps"] if step["what"] == "About to be sent"] == ["recoup-1"]


async def test_only_what_came_after_the_first_press_is_shown(town: LocalSlack, client: AsyncWebClient) -> None:
    await press(town, await posted_row(client))
    seen = await shown(town)
    assert [one["path"] for one in seen["requests"]] == ["/v1/stripe/in_1"]
    assert seen["charges"] == []


async def test_what_slack_is_told_about_the_invoice_is_among_the_steps(
    town: LocalSlack, client: AsyncWebClient, clock: Clock
) -> None:
    ts = await posted_row(client)
    await press(town, ts)
    clock.seconds += 1
    await client.chat_update(channel="C0FIN", ts=ts, text="RE-1: Paid", blocks=ROW)
    await client.chat_update(channel="C0FIN", ts=ts, text="another invoice", blocks=ROW)
    told = [step for step in (await shown(town))["steps"] if step["what"] == "Told in Slack"]
    assert len(told) == 1


async def test_a_button_of_no_invoice_and_a_press_that_failed_are_told_apart(
    town: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(
        channel="C0FIN", text="x", blocks=[{"type": "actions", "elements": [button("help")]}]
    )
    await press(town, str(posted["ts"]), "help")
    assert (await shown(town))["about"] is None
    town.ack_deadline, app.pause = 0.3, 0.8
    await press(town, await posted_row(client))
    assert "Slack got no good answer" in [step["what"] for step in (await shown(town))["steps"]]


async def test_a_dialog_belongs_to_the_invoice_that_opened_it_and_a_command_to_the_one_it_names(
    town: LocalSlack, app: TinyApp, client: AsyncWebClient
) -> None:
    control = town.control
    await press(town, await posted_row(client), "offer-2")
    await client.views_open(
        trigger_id=app.payloads[-1]["trigger_id"],
        view={"type": "modal", "title": {"type": "plain_text", "text": "Void"}, "blocks": ROW[:1]},
    )
    await control._submit({"user": "U0MAYA"})
    await control._command({"user": "U0MAYA", "channel": "C0FIN", "text": "show RE-1"})
    seen = await shown(town)
    assert [one["name"] for one in seen["subjects"]] == ["stripe:in_1", "stripe:in_2"]
    assert "Maya: Void: sent" in [step["what"] for step in (await shown(town, "stripe:in_2"))["steps"]]
    assert "Maya: /invoice show RE-1" in [step["what"] for step in seen["steps"]]


async def test_so_many_invoices_are_remembered_and_no_more(town: LocalSlack, client: AsyncWebClient) -> None:
    blocks = [{"type": "actions", "block_id": str(n), "elements": [button(f"offer-{n}")]} for n in range(KEPT + 2)]
    posted = await client.chat_postMessage(channel="C0FIN", text="x", blocks=blocks)
    for n in range(KEPT + 2):
        await press(town, str(posted["ts"]), f"offer-{n}")
    names = [one["name"] for one in (await shown(town))["subjects"]]
    assert (len(names), names[0], "stripe:in_0" in names) == (KEPT, f"stripe:in_{KEPT + 1}", False)


def test_every_step_says_why_it_is_safe_in_a_sentence() -> None:
    assert all(what and why.endswith(".") for what, why in STEPS.values())


def test_traffic_remembers_what_was_asked_and_never_the_credentials() -> None:
    replayed = {"Idempotent-Replayed": "true"}
    traffic = Traffic(lambda _request: WireReply(200, replayed, b"{}", Fault.RESET), lambda: 5.0)
    secret = {"authorization": "Bearer sk_secret", "idempotency-key": "recoup-1"}
    traffic.respond(WireRequest("POST", "/v1/invoices/in_1/pay", "", secret, b"expand=payments"))
    traffic.respond(WireRequest("GET", "/v1/payments", "invoice=in_1", {}))
    traffic.respond(WireRequest("POST", "/v1/refunds", "", {"chargebee-idempotency-key": "k"}, b"invoice=in_2"))
    first, second = traffic.about("in_1")
    assert (first.key, first.status, first.replayed, first.fault) == ("recoup-1", 200, True, "reset")
    assert second.key is None
    assert traffic.about("in_2")[0].key == "k"
    assert "sk_secret" not in "".join(f"{one!r}{one.asked}" for one in traffic.exchanges)
