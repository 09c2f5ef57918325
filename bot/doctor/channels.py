"""The channels that the bot writes to: is it in there, and who else reads along?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.doctor.asking import SlackAsker
from bot.doctor.report import Finding, advice, ok, problem
from bot.doctor.slack import Installation
from bot.settings import Configuration

_NOT_CHECKED = "It is not checked whether the bot can write there"


def channels_of(configuration: Configuration) -> dict[str, str]:
    """Every channel that the bot writes to by itself, and what it writes there."""
    uses: dict[str, list[str]] = {}
    for plan in configuration.digests:
        uses.setdefault(plan.channel, []).append(f"digest {plan.name}")
    for rule in configuration.approvals:
        uses.setdefault(rule.channel, []).append(f"questions to the role {rule.role}")
    if configuration.ops_channel is not None:
        uses.setdefault(configuration.ops_channel, []).append("ops_channel")
    return {channel: ", ".join(what) for channel, what in uses.items()}


def no_channel_findings(configuration: Configuration) -> list[Finding]:
    if configuration.ops_channel is not None:
        return []
    return [
        advice(
            "ops_channel",
            "Not set: when an ending cannot be found out or an answer cannot be given, nobody is told in a channel. "
            "Name one in recoup.toml.",
        )
    ]


async def channel_findings(asker: SlackAsker, channel: str, use: str, me: Installation) -> list[Finding]:
    """`use` is what the bot writes there. No more than a reading: nobody sees anything of it."""
    about = f"channel {channel}"
    answer = await asker.ask("conversations.info", channel=channel)
    found = answer.body.get("channel")
    match answer.word:
        case None if isinstance(found, dict):
            return _about(about, found, use, me)
        case "channel_not_found":
            text = (
                f"Slack does not show this channel to the bot ({use}). Either the id is wrong (in Slack: the channel's "
                f"details, Copy channel ID), or it is private and the bot is not in it: there, type /invite @{me.bot_name}."
            )
            return [problem(about, text)]
        case "missing_scope":
            needed = str(answer.body.get("needed") or "channels:read or groups:read")[:60]
            return [
                advice(about, f"{_NOT_CHECKED} ({use}): the bot token lacks {needed}. Look there: is @{me.bot_name} in it?")
            ]
        case word:
            said = word or "an answer without the channel"
            return [advice(about, f"{_NOT_CHECKED} ({use}): Slack says {said}. Run `recoup doctor` again.")]


def _about(about: str, channel: Mapping[str, Any], use: str, me: Installation) -> list[Finding]:
    name = f"#{channel['name']}" if channel.get("name") else "The channel"
    shared = _shared(about, name, channel)
    if channel.get("is_archived"):
        text = f"{name} is archived, so nothing can be posted there ({use}). Name another one in recoup.toml."
        return [problem(about, text)]
    if channel.get("is_member") is False:
        text = f"The bot is not in {name}, so nothing can be posted there ({use}). There, type /invite @{me.bot_name}."
        return [problem(about, text), *shared]
    if channel.get("is_member") is not True:
        return [advice(about, f"{_NOT_CHECKED}, {name} ({use}): Slack does not say. Is @{me.bot_name} in it?"), *shared]
    return shared or [ok(about, f"The bot is in {name} ({use}).")]


def _shared(about: str, name: str, channel: Mapping[str, Any]) -> list[Finding]:
    if channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"):
        whom, who = "another company", "its people"
    elif channel.get("is_org_shared"):
        whom, who = "other workspaces of your organisation", "people there"
    elif channel.get("is_shared"):
        whom, who = "somebody outside this workspace", "they"
    else:
        return []
    text = (
        f"{name} is shared with {whom}: {who} would read your customers' names and amounts, and cannot press anything. "
        "Better name a channel of your own team in recoup.toml."
    )
    return [advice(about, text)]
