"""What the doctor says of tokens, scopes, channels and of the way to Slack."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.doctor.report import Grade
from bot.manifest import SCOPES
from bot.sandbox.slack_state import PEOPLE
from tests.doctor.bench import ALL_SCOPES, Bench, opened

CHANNEL, OPS = "channel C0FIN", "channel C0OPS"


async def test_where_everything_is_in_order_every_line_is_ok(bench: Bench) -> None:
    seen = await bench.examine()
    assert {finding.grade for finding in seen.findings} == {Grade.OK}, seen.text
    assert seen.is_healthy
    for shown in ("Socket Mode", "@recoup", "Recoup sandbox", "#finance", "Maya", "Tom", "test mode", "Europe/Berlin"):
        assert shown in seen.text
    assert seen.text.endswith("No problems. `recoup run` starts the bot.")


async def test_over_http_too(bench: Bench) -> None:
    bench.over_http()
    seen = await bench.examine()
    assert {finding.grade for finding in seen.findings} == {Grade.OK}, seen.text
    assert "/slack/events" in seen.about("mode")[0]
    assert bench.slack.called("apps.connections.open") == []


async def test_nobody_in_slack_sees_anything_of_it(bench: Bench) -> None:
    await bench.examine()
    read_only = {"auth.test", "apps.connections.open", "conversations.info", "usergroups.list", "users.info"}
    assert {call.method for call in bench.slack.calls} == read_only
    assert all(bench.slack.messages(channel) == [] for channel in ("C0FIN", "C0SUP", "C0OPS"))


# --- tokens ---


async def test_a_wrong_bot_token_is_told_with_the_place_of_the_right_one(bench: Bench) -> None:
    bench.variables["SLACK_BOT_TOKEN"] = "xoxb-s3cr3t"
    seen = await bench.examine()
    told = seen.only(Grade.PROBLEM)
    assert told.about == "bot token"
    assert "SLACK_BOT_TOKEN (invalid_auth)" in told.text
    assert "OAuth & Permissions" in told.text
    assert "s3cr3t" not in seen.text


async def test_a_missing_bot_token_is_told(bench: Bench) -> None:
    bench.variables["SLACK_BOT_TOKEN"] = ""
    seen = await bench.examine()
    assert "SLACK_BOT_TOKEN" in seen.only(Grade.PROBLEM).text
    assert seen.about("account stripe", Grade.OK)


async def test_tokens_that_were_swapped_are_recognised(bench: Bench) -> None:
    bench.variables |= {"SLACK_BOT_TOKEN": "xapp-s3cr3t", "SLACK_APP_TOKEN": "xoxb-s3cr3t"}
    seen = await bench.examine()
    first, second = seen.about("settings", Grade.PROBLEM)
    assert first.startswith("SLACK_BOT_TOKEN")
    assert "an app-level token" in first
    assert second.startswith("SLACK_APP_TOKEN")
    assert "What it holds is a bot token" in second
    assert "s3cr3t" not in seen.text
    assert bench.slack.calls == []


async def test_a_wrong_app_token_is_told(bench: Bench) -> None:
    bench.variables["SLACK_APP_TOKEN"] = "xapp-s3cr3t"
    seen = await bench.examine()
    told = seen.only(Grade.PROBLEM)
    assert told.about == "app token"
    assert "SLACK_APP_TOKEN (invalid_auth)" in told.text
    assert "App-Level Tokens" in told.text
    assert "s3cr3t" not in seen.text


async def test_a_slack_that_asks_to_wait_is_no_problem_of_the_app_token(bench: Bench) -> None:
    bench.slack.faults.set({"ratelimited": 1, "only": "apps.connections.open"})
    seen = await bench.examine()
    assert seen.only(Grade.ADVICE).about == "app token"
    assert seen.is_healthy


async def test_with_neither_app_token_nor_signing_secret_both_ways_are_named(bench: Bench) -> None:
    bench.variables["SLACK_APP_TOKEN"] = ""
    told = (await bench.examine()).only(Grade.PROBLEM).text
    assert "SLACK_APP_TOKEN" in told
    assert "SLACK_SIGNING_SECRET" in told


# --- scopes ---


async def test_every_missing_scope_is_named_with_what_it_is_for_and_how_to_add_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, scopes=("commands", "channels:read", "groups:read")) as bench:
        seen = await bench.examine()
    told = seen.about("scopes", Grade.PROBLEM)
    lacking = ("chat:write", "usergroups:read", "users:read")
    for scope, sentence in zip(lacking, told, strict=True):
        assert f"lacks {scope} (" in sentence
        assert "install the app again" in sentence
    assert seen.about("role agent", Grade.ADVICE)


@pytest.mark.parametrize("missing", ["channels:read", "groups:read"])
async def test_without_a_scope_that_only_the_doctor_uses_the_bot_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    scopes = tuple(scope for scope in ALL_SCOPES if scope != missing)
    async with opened(tmp_path, monkeypatch, scopes=scopes) as bench:
        seen = await bench.examine()
    assert seen.is_healthy
    assert missing in seen.about("scopes", Grade.ADVICE)[0]
    if missing == "channels:read":
        assert "is @recoup in it?" in seen.about(CHANNEL, Grade.ADVICE)[0]


@pytest.mark.parametrize(("lac", "grade"), [(False, Grade.ADVICE), (True, Grade.PROBLEM)])
async def test_the_scopes_for_files_are_needed_only_where_a_provider_gives_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lac: bool, grade: Grade
) -> None:
    scopes = tuple(scope for scope in ALL_SCOPES if scope not in {"files:write", "im:write"})
    async with opened(tmp_path, monkeypatch, scopes=scopes) as bench:
        if lac:
            bench.variables |= {"RECOUP_ACCOUNTS__LAC__API_KEY": "lac_sk_s3cr3t", "RECOUP_ACCOUNTS__LAC__MODE": "live"}
        seen = await bench.examine()
    told = " ".join(seen.about("scopes", grade))
    assert seen.is_healthy is not lac
    assert "files:write" in told
    assert "im:write" in told
    assert len(seen.about("scopes")) == (2 if lac else 1)


async def test_scopes_that_the_bot_never_uses_are_advised_against(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = (*ALL_SCOPES, "channels:history", "admin")
    async with opened(tmp_path, monkeypatch, scopes=scopes) as bench:
        seen = await bench.examine()
    told = seen.only(Grade.ADVICE)
    assert told.about == "scopes"
    assert "admin, channels:history" in told.text
    assert "Take them away" in told.text
    assert seen.is_healthy


def test_every_scope_of_the_manifest_says_what_it_is_for_and_no_more_are_asked_for() -> None:
    assert {scope.name for scope in SCOPES} == set(ALL_SCOPES)
    assert all(len(scope.why) > 10 for scope in SCOPES)


# --- channels ---


@pytest.mark.parametrize(("channel", "use"), [("C0FIN", "digest finance"), ("C0OPS", "ops_channel")])
async def test_a_channel_without_the_bot_is_told_with_the_words_to_type(bench: Bench, channel: str, use: str) -> None:
    bench.slack.workspace.channel(channel).bot_is_member = False
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == f"channel {channel}"
    assert use in told.text
    assert "/invite @recoup" in told.text


async def test_a_channel_that_slack_does_not_show_may_be_a_wrong_id_or_private(bench: Bench) -> None:
    bench.change('channel = "C0FIN"', 'channel = "C0NONE"')
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == "channel C0NONE"
    assert "id is wrong" in told.text
    assert "private" in told.text


async def test_an_archived_channel_is_told(bench: Bench) -> None:
    bench.slack.workspace.channel("C0FIN").archived = True
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == CHANNEL
    assert "archived" in told.text


async def test_a_channel_shared_with_another_company_is_advised_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, people=PEOPLE) as bench:
        bench.slack.workspace.channel("C0OPS").outsiders = {"U0OLGA"}
        seen = await bench.examine()
    told = seen.only(Grade.ADVICE)
    assert told.about == CHANNEL
    assert "#finance is shared with another company" in told.text
    assert "customers' names" in told.text
    assert seen.about(OPS, Grade.OK)
    assert seen.is_healthy


async def test_without_a_channel_for_the_operators_it_says_what_is_lost(bench: Bench) -> None:
    bench.change('ops_channel = "C0OPS"\n', "")
    told = (await bench.examine()).only(Grade.ADVICE)
    assert told.about == "ops_channel"


# --- the way to Slack, and the time ---


async def test_a_slack_that_cannot_be_reached_is_told_and_the_rest_is_looked_at(bench: Bench) -> None:
    bench.variables["SLACK_API_URL"] = "http://127.0.0.1:9/api/"
    seen = await bench.examine()
    assert [finding.about for finding in seen.findings if finding.grade is Grade.PROBLEM] == ["bot token", "app token"]
    assert all("127.0.0.1 cannot be reached" in text for text in seen.about("bot token") + seen.about("app token"))
    assert seen.about("account stripe", Grade.OK)
    assert seen.about("database", Grade.OK)


async def test_something_that_is_not_slack_is_told(bench: Bench) -> None:
    bench.slack.faults.set({"web_api_down": True})
    seen = await bench.examine()
    assert "does not answer as Slack does" in seen.about("bot token", Grade.PROBLEM)[0]


async def test_a_slack_that_hangs_takes_no_longer_than_a_check_may(bench: Bench) -> None:
    bench.slack.faults.set({"delay": 30.0})
    seen = await bench.examine(patience=0.3)
    assert "No answer within" in seen.about("bot token", Grade.PROBLEM)[0]
    bench.slack.faults.clear()


@pytest.mark.parametrize(("ahead", "word"), [(timedelta(minutes=6), "ahead of"), (timedelta(minutes=-6), "behind")])
async def test_over_http_a_wrong_clock_is_a_problem_because_presses_would_be_refused(
    bench: Bench, ahead: timedelta, word: str
) -> None:
    bench.over_http()
    told = (await bench.examine(ahead=ahead)).only(Grade.PROBLEM)
    assert told.about == "clock"
    assert f"6 minutes {word} the one of 127.0.0.1" in told.text
    assert "refuses every press" in told.text


async def test_over_socket_mode_a_wrong_clock_is_advice(bench: Bench) -> None:
    seen = await bench.examine(ahead=timedelta(minutes=6))
    assert seen.only(Grade.ADVICE).about == "clock"
    assert seen.is_healthy


async def test_a_clock_that_is_wrong_by_seconds_is_right(bench: Bench) -> None:
    bench.over_http()
    assert (await bench.examine(ahead=timedelta(seconds=40))).about("clock", Grade.OK)
