"""The slash command: each word does its thing, and whatever is typed gets one safe sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.action import Action, ActionState
from bot.domain.content import (
    CardContent,
    DigestContent,
    HistoryContent,
    LinkContent,
    ListContent,
    RefusalContent,
    StatusContent,
)
from bot.domain.errors import FailureReason, JournalUnavailable, ProviderFailure
from bot.domain.refusal import RefusalKind
from bot.ports import NotSaid, SlackFailure
from tests.builders import CHANNEL, EVE, REF, TOM
from tests.handlers.slack_side import SlackSide
from tests.services.bench import Bench


async def test_help_names_what_the_person_may_do_and_nothing_else(slack: SlackSide) -> None:
    ack = await slack.command("")
    assert ack.body is not None
    shown = json.dumps(ack.body["blocks"])
    assert "/invoice retry" in shown
    assert "uncollectible" not in shown
    assert "retry" not in json.dumps((await slack.command("help", EVE)).body)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("show in_1", CardContent),
        ("link in_1", LinkContent),
        ("history in_1", HistoryContent),
        ("failed", ListContent),
        ("failed &gt;100eur", ListContent),
        ("status", StatusContent),
        ("digest", DigestContent),
        ("digest preview", DigestContent),
    ],
)
async def test_a_read_is_acknowledged_at_once_and_answered_privately(
    text: str, kind: type, slack: SlackSide, bench: Bench
) -> None:
    bench.provider.links[REF] = "https://pay.example.com/i/1"
    assert (await slack.command(text)).body == {}
    (content,) = await slack.answered()
    assert isinstance(content, kind)
    assert bench.announcer.how() == ["respond"]


async def test_a_typed_retry_is_written_down_and_acknowledged_with_what_was_understood(
    slack: SlackSide, bench: Bench
) -> None:
    ack = await slack.command("retry “stripe:in_1”.")
    assert "stripe:in" in ack.text
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_typed_retry_of_who_may_not_is_refused_in_the_acknowledgement(slack: SlackSide, bench: Bench) -> None:
    ack = await slack.command("retry in_1", EVE)
    assert "may not retry payments" in ack.text
    await bench.work()
    assert bench.provider.performed == []
    assert await slack.told() == []


async def test_a_command_in_another_channel_is_refused_by_the_rule_of_channels(slack: SlackSide, bench: Bench) -> None:
    ack = await slack.command("retry in_1", channel="C0OTHER")
    assert "not in this channel" in ack.text
    assert bench.provider.performed == []


# --- typed void ---


async def test_a_typed_void_opens_a_dialog_at_once_and_fills_it_when_the_invoice_is_read(
    slack: SlackSide, bench: Bench
) -> None:
    assert (await slack.command("void in_1", TOM)).body == {}
    await slack.background.drain(5)
    (opening, reading), (filling, _) = slack.calls.sent
    assert (opening, filling) == ("views.open", "views.update")
    assert "submit" not in reading["view"]
    assert slack.view["callback_id"] == "invoice.reason"
    assert await bench.journal.newest_action(REF) is None
    await slack.submit(actor=TOM)
    assert (await bench.newest()).kind is Action.VOID


async def test_a_typed_void_of_who_may_not_opens_no_dialog(slack: SlackSide) -> None:
    ack = await slack.command("uncollectible in_1")
    assert "may not mark invoices uncollectible" in ack.text
    assert slack.calls.sent == []


async def test_a_dialog_that_slack_does_not_open_is_said_in_the_acknowledgement(slack: SlackSide) -> None:
    slack.calls.replies.append(SlackFailure(NotSaid.WAIT, "ratelimited"))
    assert "did not open the dialog" in (await slack.command("void in_1", TOM)).text


@pytest.mark.parametrize(
    "error",
    [
        ProviderFailure(FailureReason.UNREACHABLE, "Example Pay cannot be reached"),
        JournalUnavailable("the disk is full"),
        TimeoutError(),
        RuntimeError("s3cr3t"),
    ],
)
async def test_a_dialog_never_reads_for_ever(error: Exception, slack: SlackSide, bench: Bench) -> None:
    bench.provider.read_failures.append(error)
    await slack.command("void in_1", TOM)
    await slack.background.drain(5)
    shown = json.dumps(slack.view)
    assert slack.calls.sent[-1][0] == "views.update"
    assert "Reading the invoice" not in shown
    assert "submit" not in slack.view
    assert "s3cr3t" not in shown


async def test_a_dialog_about_an_invoice_that_is_not_there_says_so(slack: SlackSide) -> None:
    await slack.command("void in_404", TOM)
    await slack.background.drain(5)
    assert "found no invoice" in json.dumps(slack.view)


# --- digests ---


async def test_digest_now_is_for_those_who_may(slack: SlackSide) -> None:
    assert "may not call up a digest" in (await slack.command("digest now")).text
    assert await slack.told() == []


async def test_digest_now_posts_into_the_channel_once(slack: SlackSide, bench: Bench) -> None:
    assert "will be posted in this channel" in (await slack.command("digest now", TOM)).text
    await slack.told()
    (said,) = bench.announcer.said
    assert (said.how, said.to) == ("post", CHANNEL)
    assert isinstance(said.content, DigestContent)


async def test_digest_preview_is_for_the_asker_alone(slack: SlackSide, bench: Bench) -> None:
    await slack.command("digest preview")
    await slack.told()
    assert bench.announcer.how() == ["respond"]


@pytest.mark.parametrize("text", ["digest later", "digest now now now", "digest preview nowhere", "digest now `x`"])
async def test_a_digest_that_is_none_gets_the_correct_form(text: str, slack: SlackSide) -> None:
    ack = await slack.command(text, TOM)
    assert "digest" in ack.text
    assert await slack.told() == []


# --- what is typed comes back safe ---

NASTY = [
    "<!channel>",
    "<!here>",
    "<@U0TOM>",
    "<#C0FIN>",
    "<https://evil.example|Pay here>",
    "`<!channel>`",
    "*b* _i_ ~s~",
    "&",
    "🙂",
]


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "retri {}",
        "show {} {}",
        "retry {} with",
        "void x with {}",
        "failed {}",
        "failed customer:",
        "digest {}",
        "retry {}:in_1",
    ],
)
async def test_what_is_echoed_cannot_ping_link_or_format(form: str, nasty: str, slack: SlackSide) -> None:
    typed = form.replace("{}", nasty.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    ack = await slack.command(typed, TOM)
    for token in ("<!", "<@", "<#", "<http"):
        assert token not in ack.text
    assert ack.text.count("`") % 2 == 0
    assert len(ack.text) < 700


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40), name=st.sampled_from(["", "show ", "retry ", "failed ", "digest ", "void "]))
async def test_whatever_is_typed_is_answered_with_nothing_that_slack_would_parse(
    text: str, name: str, slack: SlackSide
) -> None:
    slack.bench.announcer.said.clear()
    ack = await slack.command(name + text, EVE)
    said = await slack.answered()
    assert ack.body is not None
    assert ack.text or ack.body.get("blocks") or said
    for token in ("<!", "<@", "<#", "<http", "<mailto"):
        assert token not in ack.text.replace("<@U0TOM>", "").replace("<!subteam^S0AGENTS>", "").replace("<#C0FIN>", "")


async def test_two_pasted_links_retry_nothing(slack: SlackSide, bench: Bench) -> None:
    links = "&lt;https://pay.example.com/in_1&gt; &lt;https://pay.example.com/in_2&gt;"
    assert "One invoice at a time" in (await slack.command(f"retry {links}")).text
    await bench.work()
    assert bench.provider.performed == []


async def test_an_unknown_word_of_failed_is_answered_with_those_that_work(slack: SlackSide) -> None:
    ack = await slack.command("failed stirpe")
    assert "`stirpe`" in ack.text
    assert "`&gt;500eur`" in ack.text


async def test_an_invoice_that_is_not_there_is_a_private_sentence(slack: SlackSide) -> None:
    await slack.command("show in_404")
    (content,) = await slack.answered()
    assert isinstance(content, RefusalContent)
    assert content.refusal.kind is RefusalKind.NO_SUCH_INVOICE
