"""Any recoup.toml and any environment: settings, or sentences that name what to mend; no trace, and nobody's secret."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.app import SystemClock, open_accounts
from bot.settings import Configuration, ConfigurationError, load_configuration, read_configuration
from tests.hardening.fuzzing import fuzzed
from tests.hardening.tally import note
from tests.hardening.wrong import Spoiling, spoilings

S3CRET: Final = "s3cr3ts3cr3t"
GOOD: Final[dict[str, Any]] = {
    "command": "/invoice",
    "ops_channel": "C0OPS",
    "http": {"host": "127.0.0.1", "port": 8080},
    "accounts": {"stripe": {"mode": "test"}, "other": {"provider": "lago", "mode": "test", "api_key": S3CRET}},
    "digest": {
        "finance": {
            "channel": "C0FIN",
            "cron": "0 9 * * mon-fri",
            "timezone": "Europe/Berlin",
            "minimum": {"EUR": "10"},
            "accounts": ["stripe"],
            "quiet_line": True,
        }
    },
    "roles": {"lead": {"users": ["U0MAYA"], "usergroups": ["S0LEAD"]}, "agent": {"users": ["U0TOM"]}},
    "allow": [
        {"role": "lead", "actions": ["*", "approve"]},
        {"role": "agent", "actions": ["retry"], "up_to": {"EUR": "500"}, "per_day": {"EUR": "900"}, "channels": ["C0FIN"]},
    ],
    "approve": [{"actions": ["void"], "above": {"EUR": "1000"}, "by": "lead", "channel": "C0FIN"}],
}
VARIABLES: Final = (
    *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL"),
    *("RECOUP_DATABASE_URL", "RECOUP_LOG_LEVEL", "RECOUP_HTTP__PORT", "RECOUP_HTTP__HOST", "RECOUP_HTTP", "RECOUP_COMMAND"),
    *("RECOUP_OPS_CHANNEL", "RECOUP_ACCOUNTS", "RECOUP_ACCOUNTS__STRIPE__API_KEY", "RECOUP_ACCOUNTS__STRIPE"),
    *("RECOUP_ACCOUNTS__STRIPE__API_KEY__X", "RECOUP_ACCOUNTS__STRIPE__BASE_URL", "RECOUP_ACCOUNTS__STRIPE__MODE"),
    *("RECOUP_ACCOUNTS__LAC__CURRENCY", "RECOUP_ACCOUNTS____", "RECOUP_ROLES", "RECOUP_ALLOW", "RECOUP_DIGEST__X__CRON"),
    *("RECOUP_ACCOUNTS__STRIPE__REQUESTS_PER_SECOND", "RECOUP_NONSENSE"),
)
_WORDS: Final = (
    *(
        S3CRET,
        f"xoxb-{S3CRET}",
        f"xapp-{S3CRET}",
        f"sk_live_{S3CRET}",
        f"rk_test_{S3CRET}",
        f"postgresql+asyncpg://u:{S3CRET}@h/d",
    ),
    *(
        "",
        " ",
        "{}",
        "[]",
        "null",
        "1e400",
        "nan",
        "-1",
        "99999999",
        "http://[",
        "https://a:99999999/",
        "https://\u00e4",
        "x" * 5_000,
    ),
    *('{"stripe": 5}', '{"stripe": {"api_key": ["' + S3CRET + '"]}}', "[" * 2_000, "\u202e", "C0FIN", "/ok", "EUR"),
)
values = st.sampled_from(_WORDS) | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.upper().startswith(("RECOUP_", "SLACK_")):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def toml_of(node: Any) -> str:
    """Inline TOML of a value; what TOML has no word for becomes a time."""
    match node:
        case bool() | str():
            return json.dumps(node)
        case int() | float() | Decimal():
            return str(node) if isinstance(node, int) or math.isfinite(node) else "nan"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml_of(value)}" for key, value in node.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml_of, node)) + "]"
        case _:
            return "1979-05-27T07:32:00Z"


def file_of(settings: Any) -> str:
    if not isinstance(settings, dict):
        return f"value = {toml_of(settings)}\n"
    return "".join(f"{json.dumps(key)} = {toml_of(value)}\n" for key, value in settings.items())


def read(folder: Path, text: bytes, variables: Mapping[str, str]) -> str:
    """How it went, in a word; every sentence is looked at."""
    (folder / "recoup.toml").write_bytes(text)
    told: list[str] = []
    with environment({"RECOUP_CONFIG": str(folder / "recoup.toml"), **variables}):
        salvaged, told_to_doctor = read_configuration()
        try:
            configuration = load_configuration()
            open_accounts(configuration.accounts, SystemClock())
        except ConfigurationError as error:
            told = error.problems
    assert salvaged is None or isinstance(salvaged, Configuration)
    for sentence in (*told, *told_to_doctor, _shown(salvaged, variables)):
        assert S3CRET not in sentence
        assert "Traceback" not in sentence
        sentence.encode("utf-8")
    assert salvaged is not None or told_to_doctor
    assert all(sentence.strip() for sentence in told)
    return "refused" if told else "read"


BARE: Final = (S3CRET, '{"stripe": {"api_key": ["' + S3CRET + '"]}}')
SECRET: Final = ("RECOUP_ACCOUNTS__", "RECOUP_DATABASE_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")


def _shown(configuration: Configuration | None, variables: Mapping[str, str]) -> str:
    """What would be printed of it, where no secret was put in the place of a host or a channel."""
    misplaced = any(S3CRET in value and not name.startswith(SECRET) for name, value in variables.items())
    return "" if misplaced else repr(configuration)


GOOD_VARIABLES: Final = {
    "SLACK_BOT_TOKEN": f"xoxb-{S3CRET}",
    "SLACK_APP_TOKEN": f"xapp-{S3CRET}",
    "RECOUP_ACCOUNTS__STRIPE__API_KEY": f"sk_test_{S3CRET}",
}


def test_the_file_that_is_spoiled_here_is_read_while_it_is_whole(tmp_path: Path) -> None:
    assert read(tmp_path, file_of(GOOD).encode(), GOOD_VARIABLES) == "read"


def test_any_settings_file_is_read_or_refused_in_sentences(tmp_path: Path) -> None:
    @fuzzed(2, short=40)
    @given(spoilings(), st.booleans())
    def tried(spoiling: Spoiling, keyed: bool) -> None:
        text = file_of(spoiling.of(GOOD)).encode()
        note("recoup.toml, spoiled", read(tmp_path, text, GOOD_VARIABLES if keyed else {}))

    tried()


def test_any_bytes_for_a_settings_file_are_refused_in_sentences(tmp_path: Path) -> None:
    @fuzzed(short=40)
    @given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
    @example(b"a = " + b"[" * 20_000)
    @example(b"a = " + b"{a=" * 20_000)
    @example(b"a" + b".a" * 2_000 + b" = 1")
    @example(b"port = " + b"9" * 5_000)
    @example(b"x = 1e999999999999")
    @example(b"\xef\xbb\xbfcommand = '/x'")
    @example(b'[accounts.stripe]\napi_key = "' + S3CRET.encode())
    @example(b"[accounts.stripe]\napi_key = " + S3CRET.encode())
    def tried(text: bytes) -> None:
        note("recoup.toml, any bytes", read(tmp_path, text, GOOD_VARIABLES))

    tried()


def test_any_environment_is_read_or_refused_in_sentences(tmp_path: Path) -> None:
    @fuzzed(2, short=40)
    @given(st.dictionaries(st.sampled_from(VARIABLES), values, max_size=4), st.booleans())
    def tried(variables: dict[str, str], whole: bool) -> None:
        for name, value in variables.items():  # a name is told, unless it has the shape of a secret
            variables[name] = "odd" if value in BARE and not name.startswith(SECRET) else value
        given_too = GOOD_VARIABLES if whole else {}
        note("environment", read(tmp_path, file_of(GOOD).encode(), {**given_too, **variables}))

    tried()


@pytest.mark.parametrize("slug", ["stripe", "lago", "lac"])
def test_any_credentials_are_taken_or_refused_in_sentences(slug: str, tmp_path: Path) -> None:
    names = (
        "api_key",
        "read_key",
        "mode",
        "base_url",
        "requests_per_second",
        "stripe_account",
        "currency",
        "provider",
        "odd",
    )

    @fuzzed(0.5, short=20)
    @given(st.dictionaries(st.sampled_from(names), values, max_size=5))
    def tried(fields: dict[str, str]) -> None:
        if S3CRET in fields.get("provider", "") or not fields.get("provider", "").isprintable():
            del fields["provider"]  # a name is told
        variables = {f"RECOUP_ACCOUNTS__{slug.upper()}__{name.upper()}": value for name, value in fields.items()}
        note(f"credentials of {slug}", read(tmp_path, b"", {**GOOD_VARIABLES, **variables}))

    tried()
