"""What may be configured, what stops the start, and that no sentence about it gives a secret away."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import SystemClock, open_accounts
from bot.domain.action import STAR, Word
from bot.domain.money import Money
from bot.settings import Configuration, ConfigurationError, load_configuration

Write = Callable[[str], Path]

SLACK = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "5ec2e7"}
DIGEST = '[digest.finance]\nchannel = "C0FIN"\ncron = "0 9 * * mon-fri"\n'
AGENT = '[roles.agent]\nusers = ["U0MAYA"]\n'
APPROVE = (
    '[roles.lead]\nusers = ["U0MAYA"]\n'
    '[[allow]]\nrole = "lead"\nactions = ["*", "approve"]\n'
    '[[approve]]\nactions = ["void"]\nabove = { EUR = "1000" }\nby = "lead"\nchannel = "C0FIN"\n'
)


@pytest.fixture(autouse=True)
def _empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("RECOUP_", "SLACK_")):
            monkeypatch.delenv(name)
    for name, value in SLACK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def toml(text: str) -> Path:
        path = tmp_path / "recoup.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return toml


def problems() -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration()
    return caught.value.problems


def only_problem() -> str:
    found = problems()
    assert len(found) == 1, found
    return found[0]


# --- what there is to set ---


def test_without_a_file_the_defaults_hold() -> None:
    configuration = load_configuration()
    assert configuration.database_url == "sqlite+aiosqlite:///recoup.db"
    assert (configuration.host, configuration.port) == ("127.0.0.1", 3000)
    assert (configuration.log_level, configuration.command, configuration.ops_channel) == ("INFO", "/invoice", None)
    assert configuration.slack is not None
    assert configuration.slack.api_url == "https://slack.com/api/"
    assert not configuration.slack.socket_mode
    assert (configuration.accounts, configuration.digests, configuration.rules) == ((), (), ())


def test_every_documented_variable_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text('command = "/invoice-dev"\n')
    for name, value in {
        "RECOUP_CONFIG": str(elsewhere),
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": "http://127.0.0.1:9/api",
        "RECOUP_DATABASE_URL": "postgresql+asyncpg://recoup@db/recoup",
        "RECOUP_HTTP__HOST": "0.0.0.0",
        "RECOUP_HTTP__PORT": "8080",
        "RECOUP_LOG_LEVEL": "DEBUG",
        "RECOUP_OPS_CHANNEL": "C0OPS",
        "RECOUP_ACCOUNTS__STRIPE__API_KEY": "rk_test_1",
    }.items():
        monkeypatch.setenv(name, value)
    configuration = load_configuration()
    assert configuration.slack is not None
    assert configuration.slack.socket_mode
    assert configuration.slack.api_url == "http://127.0.0.1:9/api/"
    assert configuration.database_url == "postgresql+asyncpg://recoup@db/recoup"
    assert (configuration.host, configuration.port, configuration.log_level) == ("0.0.0.0", 8080, "DEBUG")
    assert (configuration.command, configuration.ops_channel) == ("/invoice-dev", "C0OPS")
    (account,) = configuration.accounts
    assert (account.name, account.provider, dict(account.values)) == ("stripe", "stripe", {"api_key": "rk_test_1"})


def test_the_whole_file_of_the_documentation_is_read(write: Write) -> None:
    write(
        """
        command = "/invoice"
        ops_channel = "C0OPS"
        [accounts.stripe]
        mode = "test"
        [digest.finance]
        channel = "C0FIN"
        cron = "0 9 * * mon-fri"
        timezone = "Europe/Berlin"
        accounts = ["stripe"]
        minimum = { EUR = "50", JPY = 5000 }
        quiet_line = true
        [roles.agent]
        usergroups = ["S0SUPPORT"]
        [roles.lead]
        users = ["U0MAYA", "W0TOM"]
        [[allow]]
        role = "agent"
        actions = ["view", "retry", "link"]
        up_to = { EUR = "500", USD = "500.50" }
        per_day = { EUR = "5000" }
        accounts = ["stripe"]
        channels = ["C0FIN"]
        [[allow]]
        role = "lead"
        actions = ["*", "digest", "approve", "freeze", "settle", "audit", "share"]
        """
    )
    configuration = load_configuration()
    (plan,) = configuration.digests
    assert (plan.name, plan.channel, plan.timezone, plan.accounts) == ("finance", "C0FIN", "Europe/Berlin", ("stripe",))
    assert plan.minimum == {"EUR": Money(5000, "EUR"), "JPY": Money(5000, "JPY")}
    assert plan.quiet_line
    agent, lead = configuration.rules
    assert agent.words == {Word.VIEW, Word.RETRY, Word.LINK}
    assert agent.up_to == {"EUR": Money(50000, "EUR"), "USD": Money(50050, "USD")}
    assert agent.per_day == {"EUR": Money(500000, "EUR")}
    assert (agent.accounts, agent.channels) == (frozenset({"stripe"}), frozenset({"C0FIN"}))
    assert lead.words == STAR | {Word.DIGEST, Word.APPROVE, Word.FREEZE, Word.SETTLE, Word.AUDIT, Word.SHARE}
    assert (lead.up_to, lead.per_day, lead.accounts, lead.channels) == (None, None, None, None)
    assert configuration.roles["lead"].users == {"U0MAYA", "W0TOM"}
    assert configuration.roles["agent"].usergroups == {"S0SUPPORT"}


def test_a_star_never_grants_what_is_not_about_an_invoice(write: Write) -> None:
    write(AGENT + '[[allow]]\nrole = "agent"\nactions = ["*"]\n')
    (rule,) = load_configuration().rules
    assert not rule.words & {Word.SHARE, Word.DIGEST, Word.SETTLE, Word.APPROVE, Word.FREEZE, Word.AUDIT}


def test_a_digest_that_names_no_accounts_reads_them_all(write: Write) -> None:
    write(DIGEST + "[accounts.stripe]\n[accounts.stripe-eu]\nprovider = 'stripe'\n")
    assert load_configuration().digests[0].accounts == ("stripe", "stripe-eu")


def test_the_environment_wins_over_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        'command = "/a"\nlog_level = "ERROR"\n[http]\nhost = "0.0.0.0"\nport = 1\n'
        '[accounts.stripe]\nmode = "test"\napi_key = "old"\n'
    )
    monkeypatch.setenv("RECOUP_COMMAND", "/b")
    monkeypatch.setenv("RECOUP_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("RECOUP_HTTP__PORT", "2")
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE__API_KEY", "new")
    configuration = load_configuration()
    assert (configuration.command, configuration.log_level) == ("/b", "WARNING")
    assert (configuration.host, configuration.port) == ("0.0.0.0", 2)
    assert dict(configuration.accounts[0].values) == {"mode": "test", "api_key": "new"}


def test_an_account_with_a_dash_is_one_account_in_file_and_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[accounts.stripe-eu]\nprovider = "stripe"\nmode = "test"\n')
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE_EU__API_KEY", "rk_test_1")
    (account,) = load_configuration().accounts
    assert (account.name, account.provider) == ("stripe-eu", "stripe")
    assert dict(account.values) == {"mode": "test", "api_key": "rk_test_1"}


@pytest.mark.parametrize(("one", "other"), [("stripe-us", "stripe_us"), ("Stripe", "stripe"), ("LAGO_EU", "lago-eu")])
def test_two_sections_that_would_become_one_account_stop_the_start(write: Write, one: str, other: str) -> None:
    write(f'[accounts.{one}]\nprovider = "stripe"\n[accounts.{other}]\nprovider = "lago"\n')
    with pytest.raises(ConfigurationError, match="are one name to Recoup") as raised:
        load_configuration(needs_slack=False)
    assert f"[accounts.{one}] and [accounts.{other}]" in str(raised.value)


def test_an_account_may_live_in_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE_EU__API_KEY", "rk_test_1")
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE_EU__PROVIDER", "stripe")
    (account,) = load_configuration().accounts
    assert (account.name, account.provider, dict(account.values)) == ("stripe-eu", "stripe", {"api_key": "rk_test_1"})


@pytest.mark.parametrize("secret", ["123", "null", "true", "[1]", '{"a": 1}', '"quoted"', "1e5", "a=b&c"])
def test_a_credential_that_looks_like_json_stays_the_text_it_is(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE__API_KEY", secret)
    assert dict(load_configuration().accounts[0].values) == {"api_key": secret}


def test_numbers_of_an_account_reach_it_as_they_are_written(write: Write) -> None:
    write("[accounts.stripe]\nrequests_per_second = 12.50\nretries = 3\n")
    assert dict(load_configuration().accounts[0].values) == {"requests_per_second": "12.50", "retries": "3"}


@pytest.mark.parametrize("url", ["https://slack-gov.com/api", "https://slack-gov.com/api/", " https://slack-gov.com/api/ "])
def test_the_api_url_ends_with_one_slash_however_it_is_written(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_API_URL", url)
    slack = load_configuration().slack
    assert slack is not None
    assert slack.api_url == "https://slack-gov.com/api/"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/api/", "http://localhost/api/", "http://[::1]:1/"])
def test_plain_http_is_for_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_API_URL", url)
    slack = load_configuration().slack
    assert slack is not None
    assert slack.api_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "http://127.0.0.1.evil.example/",
        "http://localhost@evil.example/",
        "http://localhost.evil.example/",
        "ftp://slack.com/",
        "slack.com/api",
        "https://",
        "https:///api/",
        "https://token@slack.com/api/",
        "",
    ],
)
def test_an_api_url_that_is_not_safe_stops_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_API_URL", url)
    assert only_problem().startswith("SLACK_API_URL")


def test_reading_commands_need_no_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SLACK:
        monkeypatch.delenv(name)
    assert load_configuration(needs_slack=False).slack is None


def test_an_amount_written_as_a_number_is_exact(write: Write) -> None:
    write(DIGEST + "minimum = { EUR = 50.5, USD = 0.1, KWD = 1.005, JPY = 5000 }\n")
    assert load_configuration().digests[0].minimum == {
        "EUR": Money(5050, "EUR"),
        "USD": Money(10, "USD"),
        "KWD": Money(1005, "KWD"),
        "JPY": Money(5000, "JPY"),
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [("5m", timedelta(minutes=5)), ("90m", timedelta(minutes=90)), ("2d", timedelta(days=2)), ("30d", timedelta(days=30))],
)
def test_what_needs_a_second_person_is_read(write: Write, written: str, meant: timedelta) -> None:
    write(APPROVE + f'expires = "{written}"\n')
    (rule,) = load_configuration().approvals
    assert (rule.words, rule.role, rule.channel) == (frozenset({Word.VOID}), "lead", "C0FIN")
    assert rule.above == {"EUR": Money(100_000, "EUR")}
    assert rule.expires == meant


def test_a_second_person_has_a_day_and_is_always_needed_unless_the_rule_says_otherwise(write: Write) -> None:
    write(APPROVE.replace("above", "# above"))
    (rule,) = load_configuration().approvals
    assert (rule.above, rule.expires) == (None, timedelta(hours=24))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[allow]]\nrole = "boss"\nactions = ["view"]\n', "allow number 1 (line 1)"),
        (AGENT + '\n[[allow]]\nrole = "agent"\nactions = ["refund"]\n', "allow number 1 (line 4)"),
        (
            AGENT + '[[allow]]\nrole = "agent"\nactions = []\n\n[[allow]]\nrole = "boss"\nactions = []\n',
            "number 2 (line 7)",
        ),
        (AGENT + '[[allow]]\nrole = "agent"\nactions = []\nupto = 5\n', "`allow number 1.upto` (line 6)"),
        ("# first\n[roles.agent]\nusergroups = []\nusers = ['maya']\n", "`roles.agent.users number 1` (line 4)"),
        (DIGEST + "minimun = { EUR = 1 }\n", "`digest.finance.minimun` (line"),
        (DIGEST.replace("mon-fri", "1-5"), "digest.finance (line 1)"),
        (APPROVE.replace('by = "lead"', 'by = "boss"'), "approve number 1 (line 6)"),
        (APPROVE + 'until = "24h"\n', "`approve number 1.until` (line 11)"),
        ('command = "invoice"\n', "`command` (line 1)"),
    ],
)
def test_a_problem_in_the_file_is_told_with_its_line(write: Write, text: str, told: str) -> None:
    write(text)
    assert told in only_problem()


def test_a_variable_that_is_wrong_has_no_line(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write('command = "/a"\n')
    monkeypatch.setenv("RECOUP_COMMAND", "invoice")
    assert "line" not in only_problem()


# --- what stops the start, a sentence each ---

WRONG = {
    "unknown key": ('channnel = "C0FIN"\n', "`channnel`"),
    "unknown key in a digest": (DIGEST + "minimun = { EUR = 1 }\n", "minimun"),
    "unknown key in a rule": (AGENT + '[[allow]]\nrole = "agent"\nactions = ["view"]\nupto = { EUR = 1 }\n', "upto"),
    "a warning after the limit": ("[attempts]\nwarn = 9\nblock = 8\n", "warn must not be more than block"),
    "a limit of attempts that is none": ("[attempts]\nblock = 0\n", "attempts.block"),
    "a limit beyond reason": ("[attempts]\nblock = 101\n", "attempts.block"),
    "unknown account of a digest": (DIGEST + 'accounts = ["stripe"]\n', "“stripe”"),
    "unknown account of a rule": (
        AGENT + '[[allow]]\nrole = "agent"\nactions = ["view"]\naccounts = ["stripe"]\n',
        "“stripe”",
    ),
    "unknown role": ('[[allow]]\nrole = "boss"\nactions = ["view"]\n', "“boss”"),
    "unknown word": (AGENT + '[[allow]]\nrole = "agent"\nactions = ["refund"]\n', "“refund”"),
    "unknown zone": (DIGEST + 'timezone = "Europe/Berlim"\n', "Europe/Berlim"),
    "a zone that is a path": (DIGEST + 'timezone = "../../etc/passwd"\n', "IANA"),
    "a zone that is a folder": (DIGEST + 'timezone = "Europe"\n', "IANA"),
    "an empty zone": (DIGEST + 'timezone = ""\n', "IANA"),
    "unknown currency": (DIGEST + "minimum = { EURO = 1 }\n", "EURO"),
    "a negative amount": (DIGEST + "minimum = { EUR = -1 }\n", "negative"),
    "too many decimals": (DIGEST + 'minimum = { EUR = "1.005" }\n', "decimals"),
    "decimals of a currency without": (DIGEST + "minimum = { JPY = 1.5 }\n", "decimals"),
    "an amount that is none": (DIGEST + 'minimum = { EUR = "lots" }\n', "amount"),
    "an amount that is true": (DIGEST + "minimum = { EUR = true }\n", "amount"),
    "an amount without end": (DIGEST + "minimum = { EUR = inf }\n", "amount"),
    "an amount beyond reason": (DIGEST + 'minimum = { EUR = "1e999999" }\n', "amount"),
    "an amount that is too large": (DIGEST + 'minimum = { EUR = "999999999999999" }\n', "too large"),
    "amounts that are no table": (DIGEST + "minimum = 5\n", "minimum"),
    "weekdays by number": (DIGEST.replace("mon-fri", "1-5"), "mon-fri instead of 1-5"),
    "four cron fields": (DIGEST.replace("0 9 * * mon-fri", "0 9 * *"), "five fields"),
    "six cron fields": (DIGEST.replace("0 9 * * mon-fri", "0 0 9 * * mon-fri"), "five fields"),
    "a cron hour that is none": (DIGEST.replace("0 9", "0 25"), "not a schedule"),
    "a schedule that never comes": (DIGEST.replace("0 9 * * mon-fri", "0 9 31 2 *"), "never"),
    "a channel by name": (DIGEST.replace("C0FIN", "#finance"), "“#finance” is not a Slack id"),
    "a user by name": ('[roles.agent]\nusers = ["maya"]\n', "“maya” is not a Slack id"),
    "a group that is a user": ('[roles.agent]\nusergroups = ["U0MAYA"]\n', "“U0MAYA” is not a Slack id"),
    "a missing channel": ('[digest.finance]\ncron = "0 9 * * *"\n', "digest.finance.channel"),
    "true where text is expected": ("command = true\n", "command"),
    "a number where text is expected": (DIGEST.replace('"C0FIN"', "5"), "digest.finance.channel"),
    "a command without a slash": ('command = "invoice"\n', "command"),
    "a log level that is none": ('log_level = "LOUD"\n', "log_level"),
    "a port that is none": ("[http]\nport = 70000\n", "http.port"),
    "an account name": ("[accounts.'stripe!']\n", "stripe!"),
    "true in an account": ("[accounts.stripe]\nmode = true\n", "accounts.stripe.mode"),
    "a list in an account": ("[accounts.stripe]\nmode = [1]\n", "accounts.stripe.mode"),
    "a table in an account": ("[accounts.stripe.mode]\nx = 1\n", "accounts.stripe.mode"),
    "an account that is no table": ("[accounts]\nstripe = 'sk'\n", "accounts.stripe"),
    "accounts that are no table": ("accounts = 'x'\n", "accounts"),
    "a decision that cannot wait for anybody": (APPROVE.replace('"void"', '"share"'), "“share” cannot need a second"),
    "an approval of nothing": (APPROVE.replace('"void"', ""), "actions names none"),
    "approvers of an unknown role": (APPROVE.replace('by = "lead"', 'by = "boss"'), "there is no role “boss”"),
    "approvers who may not approve": (APPROVE.replace(', "approve"', ""), "the word approve"),
    "an approval without a channel": (APPROVE.replace('channel = "C0FIN"\n', ""), "`approve number 1.channel`"),
    "an approval by nobody": (APPROVE.replace('by = "lead"\n', ""), "`approve number 1.by`"),
    "a threshold in no currency": (APPROVE.replace("EUR =", "EURO ="), "EURO"),
    "an expiry without a unit": (APPROVE + 'expires = "24"\n', "such as 90m, 24h or 2d"),
    "an expiry of no time": (APPROVE + 'expires = "0h"\n', "such as 90m, 24h or 2d"),
    "an expiry too soon to be read": (APPROVE + 'expires = "4m"\n', "between 5 minutes and 30 days"),
    "an expiry that nobody remembers": (APPROVE + 'expires = "31d"\n', "between 5 minutes and 30 days"),
    "an expiry beyond reason": (APPROVE + 'expires = "999999d"\n', "between 5 minutes and 30 days"),
    "a token of Slack": ('slack_bot_token = "xoxb-2"\n', "slack_bot_token"),
    "a token of Slack in capitals": ('SLACK_BOT_TOKEN = "xoxb-2"\n', "SLACK_BOT_TOKEN"),
    "the address of Slack": ('slack_api_url = "https://slack.com/api/"\n', "slack_api_url"),
    "the database": ('database_url = "sqlite:///x"\n', "database_url"),
    "no TOML": ("[digest\n", "not valid TOML"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_is_wrong_in_the_file_stops_the_start_with_one_sentence(case: str, write: Write) -> None:
    text, named = WRONG[case]
    write(text)
    problem = only_problem()
    assert named in problem
    assert problem.endswith(".")
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("RECOUP_DATABSE_URL", "x", "RECOUP_DATABSE_URL"),
        ("RECOUP_SLACK_BOT_TOKEN", "xoxb-2", "RECOUP_SLACK_BOT_TOKEN"),
        ("RECOUP_ACCOUNTS", "{bad", "RECOUP_ACCOUNTS"),
        ("RECOUP_ACCOUNTS", '{"stripe": {"api_key": "x"}}', "RECOUP_ACCOUNTS"),
        ("RECOUP_HTTP", "{bad", "RECOUP_HTTP"),
        ("RECOUP_ALLOW", "[bad", "RECOUP_ALLOW"),
        ("RECOUP_HTTP__PORT", "many", "RECOUP_HTTP__PORT"),
        ("RECOUP_LOG_LEVEL", "LOUD", "RECOUP_LOG_LEVEL"),
        ("RECOUP_OPS_CHANNEL", "#ops", "RECOUP_OPS_CHANNEL"),
        ("RECOUP_ACCOUNTS__STRIPE", "sk_live_1", "RECOUP_ACCOUNTS__STRIPE"),
        ("RECOUP_ACCOUNTS__STRIPE__API__KEY", "sk_live_1", "RECOUP_ACCOUNTS__STRIPE__API"),
        ("RECOUP_CONFIG", "/nowhere/recoup.toml", "RECOUP_CONFIG"),
        ("SLACK_BOT_TOKEN", "xapp-1", "SLACK_BOT_TOKEN"),
        ("SLACK_BOT_TOKEN", "", "SLACK_BOT_TOKEN"),
        ("SLACK_APP_TOKEN", "xoxb-1", "SLACK_APP_TOKEN"),
        ("SLACK_SIGNING_SECRET", " ", "SLACK_SIGNING_SECRET"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named_by_its_variable(
    variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    problem = only_problem()
    assert named in problem
    assert problem.endswith(".")
    assert (
        not value.strip() or variable in {"RECOUP_CONFIG", "RECOUP_OPS_CHANNEL"} or value not in problem.replace(named, "")
    )


def test_a_file_that_is_not_text_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "recoup.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in only_problem()


def test_an_empty_name_of_the_file_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_CONFIG", "")
    assert load_configuration().command == "/invoice"


def test_all_problems_are_told_at_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "wrong")
    monkeypatch.setenv("RECOUP_TYPO", "1")
    write(DIGEST.replace("mon-fri", "1-5") + '[[allow]]\nrole = "boss"\nactions = ["refund"]\nup_to = { EUR = -1 }\n')
    found = " ".join(problems())
    for named in ("SLACK_BOT_TOKEN", "RECOUP_TYPO", "mon-fri instead of 1-5", "“boss”", "“refund”", "negative"):
        assert named in found


def test_a_misspelt_key_does_not_hide_a_misspelt_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_TYPO", "1")
    write("channnel = 1\n")
    found = problems()
    assert len(found) == 2
    assert "channnel" in found[0]
    assert "RECOUP_TYPO" in found[1]


def test_accounts_that_cannot_be_opened_are_told_at_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE__API_KYE", "rk_test_1")
    monkeypatch.setenv("RECOUP_ACCOUNTS__PAYPAL__API_KEY", "x")
    with pytest.raises(ConfigurationError) as caught:
        open_accounts(load_configuration().accounts, SystemClock())
    found = "\n".join(caught.value.problems)
    assert "RECOUP_ACCOUNTS__STRIPE__API_KEY is missing" in found
    assert "API_KYE" in found
    assert "paypal" in found


# --- secrets ---

_secrets = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc"]), min_size=8
).map(lambda text: f"s3cr3t{text}")
_kept = [
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "RECOUP_DATABASE_URL",
    "RECOUP_ACCOUNTS",
    "RECOUP_ACCOUNTS__STRIPE",
    "RECOUP_ACCOUNTS__STRIPE__API_KEY",
    "RECOUP_ACCOUNTS__STRIPE__API__KEY",
    "RECOUP_ACCOUNTS__STRIPE__PROVIDER__X",
    "RECOUP_HTTP",
    "RECOUP_HTTP__PORT",
    "RECOUP_LOG_LEVEL",
    "RECOUP_COMMAND",
    "RECOUP_TYPO",
    "SLACK_API_URL",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secrets=st.dictionaries(st.sampled_from(_kept), _secrets, min_size=1))
def test_no_secret_is_ever_in_a_message_or_a_repr(secrets: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, secret in secrets.items():
            patch.setenv(name, secret)
        try:
            shown = repr(load_configuration())
        except ConfigurationError as error:
            shown = "".join(traceback.format_exception(error)) + repr(error)
    assert "s3cr3t" not in shown


def test_a_good_configuration_shows_no_secret_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-s3cr3t")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-s3cr3t")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "s3cr3t")
    monkeypatch.setenv("RECOUP_DATABASE_URL", "postgresql://u:s3cr3t@h/d")
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE__API_KEY", "rk_test_s3cr3t")
    configuration: Configuration = load_configuration()
    assert configuration.slack is not None
    assert configuration.slack.bot_token == "xoxb-s3cr3t"
    assert "s3cr3t" not in f"{configuration!r} {configuration} {configuration.slack!r} {configuration.accounts!r}"


@pytest.mark.parametrize(
    "secret", ["xoxb-123-s3cr3t", "xapp-1-s3cr3t", "sk_live_s3cr3t", "rk_test_s3cr3t", "lac_sk_s3cr3t"]
)
@pytest.mark.parametrize("name", ["RECOUP_OPS_CHANNEL", "RECOUP_ACCOUNTS__STRIPE__PROVIDER", "RECOUP_COMMAND"])
def test_a_key_in_the_place_of_a_name_is_not_told(name: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, secret)
    with pytest.raises(ConfigurationError) as caught:
        open_accounts(load_configuration().accounts, SystemClock())
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.problems


@pytest.mark.parametrize("value", ["5", "{", "[" * 2_000, '["x"]'])
def test_a_whole_account_in_one_variable_is_told(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE", value)
    assert any("RECOUP_ACCOUNTS__STRIPE" in problem for problem in problems())
