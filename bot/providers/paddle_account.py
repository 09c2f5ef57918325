"""Settings of one Paddle account: the live one or the sandbox, which are two accounts with keys of their own.

Keys since 2025 name their mode, older ones do not: https://developer.paddle.com/api-reference/about/api-keys
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.errors import UnusableValue
from bot.providers.http import Access
from bot.providers.wording import setting

LIVE_URL: Final = "https://api.paddle.com"
TEST_URL: Final = "https://sandbox-api.paddle.com"
LIVE_KEY: Final = "pdl_live_"
TEST_KEY: Final = "pdl_sdbx_"

_KEY = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
log = structlog.get_logger()


class Credentials(BaseModel):
    """Settings of one Paddle account."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="The key that acts; docs/providers.md lists the permissions that it needs.")
    read_key: SecretStr | None = Field(
        default=None, description="A key for reading, so that reads use no key that can act."
    )
    mode: Literal["test", "live"] | None = Field(
        default=None, description="Needed for a key that does not begin with pdl_; the others tell it themselves."
    )
    checkout_hosts: str = Field(
        default="",
        description=(
            "Where your payment pages are, such as pay.example.com, with commas between several. Paddle puts them on your "
            "own domain, and links to other hosts are not shown."
        ),
    )
    base_url: str | None = Field(default=None, description="Without it: Paddle's live API or its sandbox, as the mode is.")
    requests_per_second: float = Field(
        default=3.0,
        gt=0,
        le=1000,
        description="Our share of Paddle's limit: 240 requests a minute for one IP address, all its accounts together.",
    )


@dataclass(frozen=True, slots=True)
class Account:
    """What the settings come to."""

    access: Access
    live: bool
    base_url: str
    checkout_hosts: frozenset[str]


def account_of(name: str, credentials: Credentials) -> Account:
    """Raises UnusableValue with a sentence for every problem."""
    keys = {"api_key": credentials.api_key, "read_key": credentials.read_key}
    given = {field: secret.get_secret_value().strip() for field, secret in keys.items() if secret is not None}
    modes = {field: _mode_of(key) for field, key in given.items()}
    told = credentials.mode or next((mode for mode in modes.values() if mode is not None), None)
    hosts = _hosts(credentials.checkout_hosts)
    problems = [
        f"{setting(name, field)} contains characters that no key of Paddle's has"
        for field, key in given.items()
        if not _KEY.fullmatch(key)
    ]
    if told is None:
        problems.append(f"{setting(name, 'mode')} is missing: this key of Paddle's does not tell test from live")
    problems += [
        f"{setting(name, field)} is a key of the {mode} mode, and {setting(name, 'mode')} or another key says {told}"
        for field, mode in modes.items()
        if mode is not None and mode != told
    ]
    if hosts is None:
        problems.append(f"{setting(name, 'checkout_hosts')} must be names of hosts, such as pay.example.com")
    if problems or hosts is None:
        raise UnusableValue("\n".join(problems))
    if None in modes.values():
        log.warning("paddle.old_key", account=name)
    is_live = told == "live"
    return Account(
        access=Access(send=_bearer(given["api_key"]), read=_bearer(given.get("read_key", given["api_key"]))),
        live=is_live,
        base_url=credentials.base_url or (LIVE_URL if is_live else TEST_URL),
        checkout_hosts=hosts,
    )


def _mode_of(key: str) -> Literal["test", "live"] | None:
    if key.startswith(LIVE_KEY):
        return "live"
    return "test" if key.startswith(TEST_KEY) else None


def _hosts(text: str) -> frozenset[str] | None:
    """None where something in it is no host."""
    named = [part.strip().lower() for part in text.split(",") if part.strip()]
    return frozenset(named) if all(_HOST.fullmatch(one) for one in named) else None


def _bearer(key: str) -> SecretStr:
    return SecretStr(f"Bearer {key}")
