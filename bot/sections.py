"""The sections of `recoup.toml`: their keys, and the form of their values; `bot.settings` says what they mean."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.errors import UnusableValue

PLACEHOLDERS = {
    "C_YOUR_CHANNEL": "put the channel's id in its place (in Slack: the channel's details, at the end, Copy channel ID)",
    "U_YOUR_MEMBER": "put a person's id in its place (in Slack: the person's profile, ⋮, Copy member ID)",
    "S_YOUR_GROUP": "put a user group's id in its place (in Slack: the user group, ⋮, Copy group ID)",
}
"""Ids that stand in the file of `recoup init`, and what belongs there."""


def _slack_id(prefixes: str) -> AfterValidator:
    def check(value: str) -> str:
        if value in PLACEHOLDERS:
            raise UnusableValue(f"“{value}” is the placeholder that `recoup init` wrote; {PLACEHOLDERS[value]}")
        if not re.fullmatch(rf"[{prefixes}][A-Z0-9]{{2,}}", value):
            raise UnusableValue(f"“{value}” is not a Slack id (it begins with {' or '.join(prefixes)})")
        return value

    return AfterValidator(check)


Channel = Annotated[str, _slack_id("CG")]
User = Annotated[str, _slack_id("UW")]
Usergroup = Annotated[str, _slack_id("S")]


def _amount(value: object) -> str:
    """TOML's numbers arrive as int and Decimal; its `true` is an int to Python, and no amount."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or not _AMOUNT.fullmatch(text):
        raise UnusableValue("this is not an amount; write it like 49.90")
    return text


_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
Amounts = dict[str, Annotated[str, BeforeValidator(_amount)]]


class _Section(BaseModel):
    """Unknown keys are refused: a misspelt bound must not become no bound."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DigestSection(_Section):
    """`[digest.<name>]`: where and when a digest is posted."""

    channel: Channel
    cron: str
    timezone: str = "UTC"
    accounts: list[str] | None = None
    minimum: Amounts = Field(default_factory=dict)
    quiet_line: bool = False


class RoleSection(_Section):
    """`[roles.<name>]`: the people of a role."""

    users: list[User] = Field(default_factory=list)
    usergroups: list[Usergroup] = Field(default_factory=list)


class AllowSection(_Section):
    """`[[allow]]`: what a role may do, up to which amounts, on which accounts, in which channels."""

    role: str
    actions: list[str]
    up_to: Amounts | None = None
    per_day: Amounts | None = None
    accounts: list[str] | None = None
    channels: list[Channel] | None = None


class HttpSection(_Section):
    """Where the bot listens: Slack's requests, health and metrics."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3000
