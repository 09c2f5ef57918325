"""Configuration: `recoup.toml` for what may lie in git, the environment for secrets; the environment wins.

A wrong or missing value raises ConfigurationError with one sentence per problem, each naming the variable or key, none
repeating a secret. Nothing here opens a connection.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from bot.domain.attempts import Budget
from bot.domain.digest import DigestPlan
from bot.domain.errors import RecoupError, UnusableValue
from bot.domain.invoice import account_name
from bot.domain.policy import ApprovalRule, Role, Rule
from bot.lines import Lines
from bot.rules import RuleReader, amounts, unknown_accounts
from bot.scheduling import read_cron
from bot.sections import (
    AllowSection,
    ApproveSection,
    AttemptsSection,
    Channel,
    DigestSection,
    HttpSection,
    RoleSection,
)

DEFAULT_CONFIG = "recoup.toml"
DEFAULT_DATABASE = "sqlite+aiosqlite:///recoup.db"
DEFAULT_SLACK_API = "https://slack.com/api/"
_TOKEN_KINDS = {"xoxb-": "a bot token", "xapp-": "an app-level token", "xoxp-": "a user token"}
_SECRET = re.compile(r"(?:xox[a-z]|xapp|sk|rk|pk|whsec)[-_][\w-]{4,}|(?<=://)[^\s/@]*:[^\s/@]*@")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ConfigurationError(RecoupError):
    """The configuration cannot be used; `problems` holds one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = without_secrets(problems)
        super().__init__("\n".join(self.problems))


class Settings(BaseSettings):
    """Everything that can be set, as read; `Configuration` is what it means."""

    model_config = SettingsConfigDict(env_prefix="RECOUP_", env_nested_delimiter="__", extra="forbid", case_sensitive=False)

    slack_bot_token: SecretStr | None = Field(
        default=None, validation_alias="SLACK_BOT_TOKEN", description="The bot token of the Slack app; always needed."
    )
    slack_app_token: SecretStr | None = Field(
        default=None,
        validation_alias="SLACK_APP_TOKEN",
        description="An app-level token with `connections:write`. Set: Socket Mode, and `/slack/events` is not there.",
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None,
        validation_alias="SLACK_SIGNING_SECRET",
        description="Proves that a request on `POST /slack/events` is Slack's; needed where there is no app token.",
    )
    slack_api_url: str = Field(
        default=DEFAULT_SLACK_API,
        validation_alias="SLACK_API_URL",
        description="Another base of Slack's Web API; `https://`, or `http://` on this machine.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(DEFAULT_DATABASE),
        description="A SQLite file for one process, or `postgresql+asyncpg://user:password@host/name` for any number.",
    )
    config: str | None = Field(
        default=None,
        description=f"The file with the settings of this page; `{DEFAULT_CONFIG}` in the working directory if not set.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least important lines that are written."
    )
    http: HttpSection = HttpSection()
    accounts: dict[str, dict[str, SecretStr]] = Field(default_factory=dict)

    command: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,31}$")] = Field(
        default="/invoice", description="The slash command, as the Slack app's manifest names it."
    )
    ops_channel: Channel | None = Field(
        default=None, description="The channel that is told what nobody else can be told, and what an operator has to mend."
    )
    attempts: AttemptsSection = AttemptsSection()
    digest: dict[str, DigestSection] = Field(default_factory=dict)
    roles: dict[str, RoleSection] = Field(default_factory=dict)
    allow: list[AllowSection] = Field(default_factory=list)
    approve: list[ApproveSection] = Field(default_factory=list)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what `recoup.toml` said (given as initial values)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


@dataclass(frozen=True, slots=True)
class SlackConfiguration:
    """How to reach Slack. With an app token the bot speaks Socket Mode, else Slack calls `POST /slack/events`."""

    bot_token: str = field(repr=False)
    app_token: str | None = field(repr=False)
    signing_secret: str | None = field(repr=False)
    api_url: str

    @property
    def socket_mode(self) -> bool:
        return self.app_token is not None


@dataclass(frozen=True, slots=True)
class AccountConfiguration:
    """One account: its provider and the values for that provider's own credentials."""

    name: str
    provider: str
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The configuration in the core's own words."""

    slack: SlackConfiguration | None
    database_url: str = field(repr=False)
    host: str
    port: int
    log_level: str
    command: str
    ops_channel: str | None
    accounts: tuple[AccountConfiguration, ...]
    digests: tuple[DigestPlan, ...]
    roles: Mapping[str, Role]
    rules: tuple[Rule, ...]
    approvals: tuple[ApprovalRule, ...] = ()
    budget: Budget = field(default_factory=Budget)


def load_configuration(*, needs_slack: bool = True) -> Configuration:
    """Read `recoup.toml` and the environment. Raises ConfigurationError."""
    configuration, problems = read_configuration(needs_slack=needs_slack)
    if configuration is None or problems:
        raise ConfigurationError(problems)
    return configuration


def read_configuration(*, needs_slack: bool = True) -> tuple[Configuration | None, list[str]]:
    """The same for who wants to go on in spite of problems: what can be used, without the sections that hold a problem
    and those that name them. None: nothing can be used."""
    configuration, problems = _read(needs_slack)
    return configuration, without_secrets(problems)


def without_secrets(problems: Iterable[str]) -> list[str]:
    """Some sentences repeat what was written in a place for a name, where somebody may have put a key by mistake."""
    return [_SECRET.sub("[a secret]", problem) for problem in problems]


def _read(needs_slack: bool) -> tuple[Configuration | None, list[str]]:
    values: dict[str, Any] = {}
    lines = Lines()
    try:
        written, lines = _read_toml()
        values = _without_unsafe(written)
        settings = Settings(**values)
    except ConfigurationError as error:
        return _salvaged({}, {"accounts"}, error.problems, needs_slack)
    except ValidationError as error:
        broken = {str(problem["loc"][0]) for problem in error.errors(include_input=False) if problem["loc"]}
        return _salvaged(values, broken, _sentences(error, lines), needs_slack)
    except (SettingsError, RecursionError):  # a whole section as JSON in one variable, which no variable of ours holds
        return None, _unreadable_variables()
    return _meant(settings, needs_slack, lines)


def _salvaged(
    values: dict[str, Any], broken: set[str], problems: list[str], needs_slack: bool
) -> tuple[Configuration | None, list[str]]:
    named_by = {"accounts": {"digest", "allow", "approve"}, "roles": {"allow", "approve"}, "allow": {"approve"}}
    left_out = broken.union(*(named_by.get(section, set()) for section in broken))
    try:
        settings = Settings(**{key: value for key, value in values.items() if key not in left_out})
    except (ValidationError, SettingsError, RecursionError):
        return None, problems + _unknown_variables()
    if "accounts" in left_out:  # without `base_url` a key might go to a host that it is not for
        settings = settings.model_copy(update={"accounts": {}})
    configuration, more = _meant(settings, needs_slack, Lines())
    return configuration, problems + more


def _meant(settings: Settings, needs_slack: bool, lines: Lines) -> tuple[Configuration, list[str]]:
    problems: list[str] = []
    accounts = _accounts(settings, problems)
    names = tuple(account.name for account in accounts)
    reader = RuleReader(settings.roles, names, lines, problems)
    configuration = Configuration(
        slack=_slack(settings, problems, needed=needs_slack),
        database_url=settings.database_url.get_secret_value(),
        host=settings.http.host,
        port=settings.http.port,
        log_level=settings.log_level,
        command=settings.command,
        ops_channel=settings.ops_channel,
        accounts=accounts,
        digests=_digests(settings, names, lines, problems),
        roles={
            name: Role(name, frozenset(role.users), frozenset(role.usergroups)) for name, role in settings.roles.items()
        },
        rules=(rules := reader.rules(settings.allow)),
        approvals=reader.approvals(settings.approve, rules),
        budget=Budget(settings.attempts.warn, settings.attempts.block),
    )
    return configuration, problems + _unknown_variables()


def _read_toml() -> tuple[dict[str, Any], Lines]:
    named = os.environ.get("RECOUP_CONFIG") or None
    path = Path(named or DEFAULT_CONFIG)
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text, parse_float=Decimal), Lines(text)
    except FileNotFoundError:
        if named is None:
            return {}, Lines()
        raise ConfigurationError([f"RECOUP_CONFIG names {path}, and there is no such file."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path} is not valid TOML: {error}."]) from None
    except (OSError, ValueError, ArithmeticError, RecursionError) as error:  # no text, or numbers and nests without end
        raise ConfigurationError([f"{path} cannot be read ({type(error).__name__})."]) from None


def _without_unsafe(values: dict[str, Any]) -> dict[str, Any]:
    """The secrets of Slack and of the database stay in the environment."""
    problems = [
        f"`{key}` does not belong in recoup.toml: set it in the environment."
        for key in sorted(values)
        if key.lower().startswith("slack_") or key.lower() in {"database_url", "config"}
    ]
    accounts = values.get("accounts")
    if isinstance(accounts, dict):
        problems += _one_name_twice(accounts)
        values = {**values, "accounts": {name: _as_text(name, account, problems) for name, account in accounts.items()}}
    if problems:
        raise ConfigurationError(problems)
    return values


def _one_name_twice(accounts: Mapping[str, object]) -> list[str]:
    """Two sections that become one account would mix two keys, or two providers."""
    written: dict[str, list[str]] = {}
    for name in accounts:
        written.setdefault(_account(name), []).append(name)
    return [
        f"{' and '.join(f'[accounts.{name}]' for name in names)} are one name to Recoup ({account}): rename one of them."
        for account, names in written.items()
        if len(names) > 1
    ]


def _account(name: str) -> str:
    """As a variable of the environment would have to write it: small letters, dashes for underscores."""
    return name.lower().replace("_", "-")


def _as_text(name: str, account: object, problems: list[str]) -> object:
    """An account's settings as the environment would give them; a shape that is wrong altogether is pydantic's to tell."""
    if not isinstance(account, dict):
        return account
    for key, value in account.items():
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            problems.append(f"`accounts.{name}.{key}` must be a text or a number.")
    return {key: str(value) for key, value in account.items()}


def _sentences(error: ValidationError, lines: Lines) -> list[str]:
    """One sentence per problem, without the value: it may be a secret."""
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        where = _named(problem["loc"], lines)
        if problem["type"] == "extra_forbidden":
            sentences.append(f"{where} is not a setting that Recoup knows; remove it or mend its spelling.")
        elif problem["type"] == "missing":
            sentences.append(f"{where} is missing.")
        else:
            sentences.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}.")
    return sentences


def _named(path: tuple[int | str, ...], lines: Lines) -> str:
    """The variable where the value may come from one that is set, else the key in `recoup.toml`, with its line."""
    variable = "RECOUP_" + "__".join(str(part).upper().replace("-", "_") for part in path)
    is_set = any(name.upper() == variable or name.upper().startswith(f"{variable}__") for name in os.environ)
    key = "".join(f" number {part + 1}" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return f"`{variable}`" if is_set else f"`{key or 'the configuration'}`{lines.told(path)}"


def _slack(settings: Settings, problems: list[str], *, needed: bool) -> SlackConfiguration | None:
    token, app, secret = settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret
    if not needed and token is None:
        return None
    bot_token = token.get_secret_value().strip() if token else ""
    if not bot_token.startswith("xoxb-"):
        problems.append(
            f"SLACK_BOT_TOKEN must hold the bot token of your Slack app; it begins with xoxb-.{_other_kind(bot_token)}"
        )
    app_token = (app.get_secret_value().strip() or None) if app else None
    if app_token is not None and not app_token.startswith("xapp-"):
        problems.append(f"SLACK_APP_TOKEN must hold an app-level token; it begins with xapp-.{_other_kind(app_token)}")
    signing_secret = (secret.get_secret_value().strip() or None) if secret else None
    if needed and app_token is None and signing_secret is None:
        problems.append("Set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (Slack calls your URL).")
    return SlackConfiguration(bot_token, app_token, signing_secret, _api_url(settings.slack_api_url, problems))


def _other_kind(token: str) -> str:
    kind = next((kind for start, kind in _TOKEN_KINDS.items() if token.startswith(start)), None)
    return f" What it holds is {kind}." if kind else ""


def _api_url(text: str, problems: list[str]) -> str:
    url = text.strip()
    try:
        parts = urlsplit(url)
        host, has_user = parts.hostname, parts.username is not None
    except ValueError:
        parts, host, has_user = urlsplit(""), None, False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not is_safe or not host or has_user:
        problems.append("SLACK_API_URL must begin with https:// and a host (http:// only to this machine).")
    return url if url.endswith("/") else url + "/"


def _accounts(settings: Settings, problems: list[str]) -> tuple[AccountConfiguration, ...]:
    accounts: dict[str, AccountConfiguration] = {}
    for raw, secrets in settings.accounts.items():
        name = _account(raw)
        try:
            account_name(name)
        except UnusableValue as error:
            problems.append(f"accounts.{raw}: {error}.")
            continue
        values = {key.lower(): secret.get_secret_value().strip() for key, secret in secrets.items()}
        known = accounts.get(name)
        if known is not None:  # once in recoup.toml with a dash, once in the environment with an underscore: one account
            values = {**known.values, "provider": known.provider, **values}
        accounts[name] = AccountConfiguration(name, values.pop("provider", name), values)
    return tuple(accounts.values())


def _digests(settings: Settings, accounts: tuple[str, ...], lines: Lines, problems: list[str]) -> tuple[DigestPlan, ...]:
    plans = []
    for name, section in settings.digest.items():
        where = f"digest.{name}{lines.told(('digest', name))}"
        try:
            read_cron(section.cron, section.timezone)
        except UnusableValue as error:
            problems.append(f"{where}: {error}.")
        problems += unknown_accounts(section.accounts, accounts, f"{where}.accounts")
        plans.append(
            DigestPlan(
                name=name,
                channel=section.channel,
                cron=section.cron,
                timezone=section.timezone,
                accounts=tuple(section.accounts) if section.accounts is not None else accounts,
                minimum=amounts(section.minimum, f"{where}.minimum", problems) or {},
                quiet_line=section.quiet_line,
            )
        )
    return tuple(plans)


def _unreadable_variables() -> list[str]:
    """What can be the matter where pydantic-settings gives up on a variable as a whole."""
    sections = [name for name in sorted(os.environ) if re.fullmatch(r"RECOUP_ACCOUNTS__(?:(?!__).)+", name, re.I)]
    whole = [f"{name} cannot hold a whole account: set one variable a value, such as {name}__API_KEY." for name in sections]
    return _unknown_variables() + whole or ["A RECOUP_ variable cannot be read: set one variable for each value."]


def _unknown_variables() -> list[str]:
    """A misspelt RECOUP_ variable is silently nothing to pydantic-settings; here it stops the start."""
    known = {"RECOUP_CONFIG", "RECOUP_DATABASE_URL", "RECOUP_LOG_LEVEL", "RECOUP_HTTP__HOST", "RECOUP_HTTP__PORT"}
    top = {"RECOUP_COMMAND", "RECOUP_OPS_CHANNEL"}
    return [
        f"{name} is not a variable that Recoup knows; remove it or mend its spelling."
        for name in sorted(os.environ)
        if name.upper().startswith("RECOUP_")
        and name.upper() not in known | top
        and not name.upper().startswith("RECOUP_ACCOUNTS__")
    ]
