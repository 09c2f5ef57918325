"""What the doctor says when the configuration itself is wrong: every sentence, and then on with what can be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor.report import Grade
from tests.doctor.bench import Bench


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('cron = "0 9 * * mon-fri"', 'cron = "0 9 * * 1-5"', "mon-fri instead of 1-5"),
        ('cron = "0 9 * * mon-fri"', 'cron = "daily"', "needs five fields"),
        ('timezone = "Europe/Berlin"', 'timezone = "Berlin"', "IANA time zone"),
        ('channel = "C0FIN"', 'channel = "C0FIN"\naccounts = ["paypal"]', "no account “paypal”"),
        ('role = "agent"', 'role = "agnet"', "no role “agnet”"),
        ('actions = ["view"]', 'actions = ["view"]\naccounts = ["paypal"]', "no account “paypal”"),
        ('actions = ["view"]', 'actions = ["veiw"]', "“veiw” is not an action"),
    ],
)
async def test_what_names_something_unknown_is_told_and_the_rest_is_looked_at(
    bench: Bench, old: str, new: str, told: str
) -> None:
    bench.change(old, new)
    seen = await bench.examine()
    assert told in seen.only(Grade.PROBLEM).text
    assert seen.only(Grade.PROBLEM).about == "settings"
    for about in ("bot token", "app token", "channel C0FIN", "channel C0OPS", "account stripe", "database"):
        assert seen.about(about, Grade.OK), seen.text


async def test_a_digest_with_a_bad_time_has_no_next_one(bench: Bench) -> None:
    bench.change("0 9 * * mon-fri", "daily")
    bench.toml += '[digest.ops]\nchannel = "C0OPS"\ncron = "0 9 * * mon-fri"\n'
    seen = await bench.examine()
    assert seen.about("digest finance") == []
    assert "09:00 (UTC), into C0OPS" in seen.about("digest ops", Grade.OK)[0]


async def test_a_section_that_cannot_be_read_leaves_the_others(bench: Bench) -> None:
    bench.change('channel = "C0FIN"', 'chanel = "C0FIN"')
    bench.change('ops_channel = "C0OPS"', 'ops_channel = "#ops"')
    seen = await bench.examine()
    told = seen.about("settings", Grade.PROBLEM)
    assert len(told) == 3
    assert any("`digest.finance.chanel` (line 6) is not a setting" in text for text in told)
    assert any("`digest.finance.channel` (line 5) is missing" in text for text in told)
    assert any("“#ops” is not a Slack id" in text for text in told)
    assert len([finding for finding in seen.findings if finding.grade is Grade.PROBLEM]) == 3
    for about in ("bot token", "role lead", "role agent", "account stripe", "database"):
        assert seen.about(about, Grade.OK), seen.text


async def test_roles_that_cannot_be_read_are_not_told_once_more_by_every_rule(bench: Bench) -> None:
    bench.change("U0MAYA", "maya")
    seen = await bench.examine()
    assert "“maya” is not a Slack id" in seen.only(Grade.PROBLEM).text
    assert seen.about("account stripe", Grade.OK)


async def test_a_file_that_cannot_be_read_sends_no_key_anywhere_and_slack_is_still_asked(bench: Bench) -> None:
    bench.toml = "digest = ["
    seen = await bench.examine()
    assert "not valid TOML" in seen.only(Grade.PROBLEM).text
    assert seen.about("bot token", Grade.OK)
    assert bench.stripe.requests == []


async def test_a_named_file_that_is_not_there_is_told(bench: Bench) -> None:
    bench.variables["RECOUP_CONFIG"] = "nowhere.toml"
    seen = await bench.examine()
    assert "nowhere.toml" in seen.only(Grade.PROBLEM).text
    assert seen.about("bot token", Grade.OK)


async def test_variables_that_nobody_knows_are_told_and_the_rest_is_looked_at(bench: Bench) -> None:
    bench.variables["RECOUP_DATABSE_URL"] = "s3cr3t"
    seen = await bench.examine()
    assert "RECOUP_DATABSE_URL" in seen.only(Grade.PROBLEM).text
    assert seen.about("account stripe", Grade.OK)
    assert "s3cr3t" not in seen.text


@pytest.mark.parametrize(("name", "value"), [("RECOUP_LOG_LEVEL", "LOUD"), ("RECOUP_HTTP", "{}"), ("RECOUP_DIGEST", "x")])
async def test_a_variable_that_spoils_everything_is_told(bench: Bench, name: str, value: str) -> None:
    bench.variables[name] = value
    seen = await bench.examine()
    assert any(name in text for text in seen.about("settings", Grade.PROBLEM)), seen.text


async def test_both_ways_to_slack_at_once_are_said_to_be_one(bench: Bench) -> None:
    bench.variables["SLACK_SIGNING_SECRET"] = "s3cr3t"
    seen = await bench.examine()
    assert "not used" in seen.about("mode", Grade.OK)[0]
    assert "s3cr3t" not in seen.text


async def test_it_writes_nothing(bench: Bench) -> None:
    await bench.examine()
    assert names_in(bench.folder) == ["recoup.toml"]
