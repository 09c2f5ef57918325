"""The sections of `recoup.toml`: their keys, and the form of their values; `bot.settings` says what they mean."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.domain.errors import UnusableValue

PLACEHOLDERS = {
    "C_YOUR_CHANNEL": "the id of a channel there (in Slack: the channel's details, at the end, Copy channel ID)",
    "U_YOUR_MEMBER": "the id of a person there (in Slack: the profile, ⋮, Copy member ID)",
    "S_YOUR_GROUP": "the id of a user group there (in Slack: the user group, ⋮, Copy group ID)",
}
"""Ids that stand in the file of `recoup init`, and what belongs there."""


def _slack_id(prefixes: str) -> AfterValidator:
    def check(value: str) -> str:
        if value in PLACEHOLDERS:
            raise UnusableValue(f"{value} is a placeholder; put {PLACEHOLDERS[value]}")
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

    channel: Channel = Field(description="The channel that it is posted to; the bot has to be a member.")
    cron: str = Field(description="Minute, hour, day, month, weekday; weekdays by name: `0 9 * * mon-fri`.")
    timezone: str = Field(default="UTC", description="An IANA time zone, in which `cron` is read: `Europe/Berlin`.")
    accounts: list[str] | None = Field(default=None, description="Only these accounts; all of them when not set.")
    minimum: Amounts = Field(
        default_factory=dict,
        description='Invoices that owe less are counted and not shown, by currency: `{ EUR = "10" }`.',
    )
    quiet_line: bool = Field(default=False, description="Post one line on a day without failed invoices, too.")


class RoleSection(_Section):
    """`[roles.<name>]`: the people of a role."""

    users: list[User] = Field(default_factory=list, description="Member ids of Slack.")
    usergroups: list[Usergroup] = Field(default_factory=list, description="Ids of Slack's user groups.")


class AllowSection(_Section):
    """`[[allow]]`: what a role may do, up to which amounts, on which accounts, in which channels."""

    role: str = Field(description="The role that is granted something; a `[roles.<name>]`.")
    actions: list[str] = Field(
        description="What it may do; `*` is every action on an invoice and reading, and nothing else."
    )
    up_to: Amounts | None = Field(
        default=None, description="The largest invoice, by currency; a currency that is not named gives no right."
    )
    per_day: Amounts | None = Field(
        default=None, description="The sum of a person's decisions in 24 hours, by currency; likewise."
    )
    accounts: list[str] | None = Field(default=None, description="Only on these accounts; on all when not set.")
    channels: list[Channel] | None = Field(default=None, description="Only in these channels; in all when not set.")


class ApproveSection(_Section):
    """`[[approve]]`: what a second person has to agree to, above which amounts, who that is, and where they are asked."""

    actions: list[str] = Field(description="The actions on an invoice that need a second person, by their words.")
    above: Amounts | None = Field(
        default=None,
        description="Only above these amounts, by currency; always for a currency that is not named, and without this key.",
    )
    by: str = Field(description="The role that may agree; some `[[allow]]` has to give it `approve`. Never who asked.")
    channel: Channel = Field(description="Where they are asked; the bot has to be a member.")
    expires: str = Field(
        default="24h", description="How long they have: `90m`, `24h`, `2d`; 5 minutes to 30 days. Reminded once, half-way."
    )


class AttemptsSection(_Section):
    """How often the bank may be asked about one invoice in 30 days, everybody's attempts together."""

    warn: Annotated[int, Field(ge=1, le=100)] = Field(
        default=8, description="From so many attempts on, the message says it and Retry asks back."
    )
    block: Annotated[int, Field(ge=1, le=100)] = Field(
        default=15, description="From so many on, no retry is possible. Visa charges fees beyond 15 in 30 days."
    )

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if self.warn > self.block:
            raise UnusableValue("warn must not be more than block")
        return self


class HttpSection(_Section):
    """Where the bot listens: Slack's requests, health and metrics."""

    host: str = Field(default="127.0.0.1", description="The address to listen on; `0.0.0.0` for every one.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=3000, description="The port; 0 takes a free one.")
