"""`recoup init` writes a file that loads once its ids are filled in, and says what to do next."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from bot.cli import app
from bot.domain.action import Word
from bot.example import EXAMPLE
from bot.providers.registry import settings_of, slugs
from bot.sections import PLACEHOLDERS, AllowSection, ApproveSection, DigestSection, HttpSection, RoleSection
from bot.settings import Configuration, ConfigurationError, Settings, load_configuration

ENVIRONMENT_ONLY = {"slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_api_url", "database_url", "config"}
FILLED_IN = {"C_YOUR_CHANNEL": "C0FIN", "U_YOUR_MEMBER": "U0MAYA", "S_YOUR_GROUP": "S0SUPPORT"}

Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recoup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(("RECOUP_", "SLACK_")):
            monkeypatch.delenv(name)

    def invoked(*arguments: str, **variables: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "120", **variables}, prog_name="recoup")
        return done.exit_code, done.stdout, done.stderr

    return invoked


def filled_in() -> str:
    text = EXAMPLE
    for placeholder, slack_id in FILLED_IN.items():
        text = text.replace(placeholder, slack_id)
    return text


def loaded(monkeypatch: pytest.MonkeyPatch) -> Configuration:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    monkeypatch.setenv("RECOUP_ACCOUNTS__STRIPE__API_KEY", "rk_test_1")
    return load_configuration()


def test_what_it_writes_loads_once_the_ids_are_filled_in(recoup: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recoup("init")[0] == 0
    Path("recoup.toml").write_text(filled_in(), encoding="utf-8")
    configuration = loaded(monkeypatch)
    assert [(account.name, account.provider) for account in configuration.accounts] == [("stripe", "stripe")]
    assert [(plan.name, plan.channel, plan.accounts) for plan in configuration.digests] == [
        ("finance", "C0FIN", ("stripe",))
    ]
    assert {role.name: role.users for role in configuration.roles.values()} == {
        "lead": frozenset({"U0MAYA"}),
        "agent": frozenset({"U0MAYA"}),
    }
    assert [rule.role for rule in configuration.rules] == ["lead", "agent"]
    assert {Word.RETRY, Word.VOID, Word.DIGEST} <= configuration.rules[0].words


def test_an_id_that_was_not_filled_in_is_said_to_be_one_and_where_to_find_the_real_one(
    recoup: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    recoup("init")
    with pytest.raises(ConfigurationError) as caught:
        loaded(monkeypatch)
    problems = caught.value.problems
    assert len(problems) == len(re.findall(r'^\w+ = \[?"[CU]_YOUR_', EXAMPLE, re.MULTILINE)) == 4
    assert all(
        "_YOUR_" in problem and "is a placeholder; put the id of" in problem and "Copy" in problem for problem in problems
    )
    assert any(problem.startswith("`digest.finance.channel`") for problem in problems)


def test_every_placeholder_is_one_that_is_recognised() -> None:
    assert set(re.findall(r"\b[A-Z]+_YOUR_[A-Z]+\b", EXAMPLE)) == set(PLACEHOLDERS)


@pytest.mark.parametrize("section", [Settings, HttpSection, DigestSection, RoleSection, AllowSection, ApproveSection])
def test_every_key_of_the_settings_is_in_the_file(section: type[BaseModel]) -> None:
    for key in section.model_fields:
        if key in ENVIRONMENT_ONLY:
            assert (key if key.startswith("slack_") else f"recoup_{key}").upper() in EXAMPLE
        else:
            assert re.search(rf"^(# )?(\[+{key}\b|{key} = )", EXAMPLE, re.MULTILINE), key


@pytest.mark.parametrize("slug", slugs())
def test_every_setting_of_an_account_is_in_the_file(slug: str) -> None:
    for key in settings_of(slug):
        assert re.search(rf"^(# )?{key} = |RECOUP_ACCOUNTS__{slug.upper()}__{key.upper()}\b", EXAMPLE, re.MULTILINE), key


def test_every_value_that_is_a_default_is_the_default() -> None:
    written: dict[str, Any] = tomllib.loads(EXAMPLE)
    assert written["command"] == Settings.model_fields["command"].default
    assert written["log_level"] == Settings.model_fields["log_level"].default
    assert HttpSection.model_validate(written["http"]) == HttpSection()


def test_it_tells_a_stranger_the_three_steps_and_the_names_of_the_variables(recoup: Invoke) -> None:
    status, out, err = recoup("init")
    assert (status, err) == (0, "")
    assert out.index("recoup manifest") < out.index("export SLACK_BOT_TOKEN") < out.index("recoup doctor")
    for name in ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "RECOUP_ACCOUNTS__STRIPE__API_KEY"):
        assert name in out
    assert "RECOUP_CONFIG" not in out
    assert max(map(len, out.splitlines())) <= 124


def test_a_file_that_is_there_stays_as_it_is(recoup: Invoke) -> None:
    Path("recoup.toml").write_text("# mine\n", encoding="utf-8")
    status, out, err = recoup("init")
    assert (status, out) == (1, "")
    assert "recoup.toml is there already" in err
    assert "--path" in err
    assert Path("recoup.toml").read_text(encoding="utf-8") == "# mine\n"


def test_another_place_is_told_to_the_bot_by_a_variable(recoup: Invoke, tmp_path: Path) -> None:
    other = str(tmp_path / "other.toml")
    status, out, _ = recoup("init", "--path", other)
    assert status == 0
    assert f"export RECOUP_CONFIG={other}" in out
    assert Path(other).read_text(encoding="utf-8") == EXAMPLE


def test_the_variable_that_names_the_file_is_where_it_is_written(recoup: Invoke, tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    assert recoup("init", RECOUP_CONFIG=str(named))[0] == 0
    assert named.exists()
    assert not Path("recoup.toml").exists()


def test_a_folder_that_is_not_there_is_said_in_a_sentence(recoup: Invoke) -> None:
    status, _, err = recoup("init", "--path", "nowhere/recoup.toml")
    assert status == 1
    assert err == "recoup: nowhere/recoup.toml cannot be written: No such file or directory.\n"
