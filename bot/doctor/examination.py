"""Every check of `recoup doctor`, at the same time where they do not need each other, each within its time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot.app import SystemClock
from bot.doctor.accounts import account_findings, gives_files, no_account_findings
from bot.doctor.asking import SlackAsker
from bot.doctor.channels import channel_findings, channels_of, no_channel_findings
from bot.doctor.clocks import Reading, clock_finding
from bot.doctor.database import database_findings
from bot.doctor.people import people_findings, rules_finding
from bot.doctor.report import Finding, advice, ok, problem
from bot.doctor.slack import Installation, app_token_finding, mode_finding, token_findings
from bot.domain.digest import DigestPlan
from bot.domain.errors import UnusableValue
from bot.ports import Clock
from bot.scheduling import CronTimetable, read_cron
from bot.settings import DEFAULT_CONFIG, Configuration, SlackConfiguration
from handlers.slack_client import new_session

PATIENCE = 12.0
"""Seconds for one check."""
_BOT_TOKEN, _APP_TOKEN = "xoxb-", "xapp-"
T = TypeVar("T")

Part = tuple[list[Finding], list[Reading]]


@dataclass(frozen=True, slots=True)
class Examiner:
    """What every check needs. `patience` is in seconds."""

    configuration: Configuration
    clock: Clock
    patience: float

    async def within(self, work: Coroutine[Any, Any, T], about: str) -> T | list[Finding]:
        try:
            async with asyncio.timeout(self.patience):
                return await work
        except TimeoutError:
            text = f"No answer within {self.patience:.0f} seconds. Look at the network, then run `recoup doctor` again."
            return [problem(about, text)]

    async def slack(self) -> Part:
        settings = self.configuration.slack
        if settings is None or not settings.bot_token.startswith(_BOT_TOKEN):
            return [advice("slack", "Slack is not asked anything as long as SLACK_BOT_TOKEN holds no usable token.")], []
        async with new_session() as session:
            asker = SlackAsker(settings.bot_token, settings.api_url, session, self.clock)
            app = asyncio.ensure_future(self._app_token(settings, session))
            me, readings, findings = await self._installation(asker)
            rest = await self._installed(asker, me) if me is not None else []
            return [mode_finding(self.configuration, settings), *findings, *await app, *rest], readings

    async def account(self, index: int) -> Part:
        account = self.configuration.accounts[index]
        result = await self.within(account_findings(account, self.clock), f"account {account.name}")
        return result if isinstance(result, tuple) else (result, [])

    async def database(self) -> Part:
        return await self.within(database_findings(self.configuration.database_url), "database"), []

    async def _installation(self, asker: SlackAsker) -> tuple[Installation | None, list[Reading], list[Finding]]:
        result = await self.within(token_findings(asker, gives_files=gives_files(self.configuration.accounts)), "bot token")
        if isinstance(result, list):
            return None, [], result
        me, answer, findings = result
        return me, [Reading(asker.host, answer.ahead)] if answer.ahead is not None else [], findings

    async def _app_token(self, settings: SlackConfiguration, session: Any) -> list[Finding]:
        token = settings.app_token
        if token is None or not token.startswith(_APP_TOKEN):
            return []
        asker = SlackAsker(token, settings.api_url, session, self.clock)
        result = await self.within(app_token_finding(asker), "app token")
        return result if isinstance(result, list) else [result]

    async def _installed(self, asker: SlackAsker, me: Installation) -> list[Finding]:
        channels = [
            self.within(channel_findings(asker, channel, use, me), f"channel {channel}")
            for channel, use in channels_of(self.configuration).items()
        ]
        roles = self.within(people_findings(asker, self.configuration, me), "roles")
        return [finding for part in await asyncio.gather(*channels, roles) for finding in part]


async def examine(
    configuration: Configuration | None,
    problems: Sequence[str],
    *,
    clock: Clock | None = None,
    patience: float = PATIENCE,
) -> list[Finding]:
    """What `read_configuration` answered goes in. Never raises for what it finds."""
    findings = _settings_findings(configuration, problems)
    file_is_missing = _file_is_missing()
    if configuration is None:
        return findings
    examiner = Examiner(configuration, clock or SystemClock(), patience)
    slack, database, *accounts = await asyncio.gather(
        examiner.slack(), examiner.database(), *(examiner.account(n) for n in range(len(configuration.accounts)))
    )
    readings = [reading for part in (slack, *accounts) for reading in part[1]]
    over_http = configuration.slack is not None and not configuration.slack.socket_mode
    return [
        *findings,
        *slack[0],
        *([] if file_is_missing or _is_told(problems, "ops_channel") else no_channel_findings(configuration)),
        *([] if file_is_missing or _is_told(problems, "allow", "roles", "accounts") else rules_finding(configuration)),
        *(finding for part in accounts for finding in part[0]),
        *([] if _is_told(problems, "accounts") else no_account_findings(configuration.accounts)),
        *database[0],
        *clock_finding(readings, over_http=over_http),
        *_digest_findings(configuration.digests, examiner.clock),
    ]


def _settings_findings(configuration: Configuration | None, problems: Sequence[str]) -> list[Finding]:
    path = os.environ.get("RECOUP_CONFIG") or DEFAULT_CONFIG
    findings = [problem("settings", sentence) for sentence in problems]
    if _file_is_missing():
        text = "There is no recoup.toml in this folder; it says who may do what. `recoup init` writes one to start from."
        findings.insert(0, problem("settings", text))
    if findings or configuration is None:
        return findings
    parts = [
        ("account", len(configuration.accounts)),
        ("digest", len(configuration.digests)),
        ("role", len(configuration.roles)),
        ("rule", len(configuration.rules)),
    ]
    counted = ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in parts)
    return [ok("settings", f"{path} and the environment are read: {counted}.")]


def _file_is_missing() -> bool:
    return not os.environ.get("RECOUP_CONFIG") and not Path(DEFAULT_CONFIG).exists()


def _is_told(problems: Sequence[str], *words: str) -> bool:
    """Whether an empty section may be empty only because of a problem that is told already."""
    return any(word in sentence for sentence in problems for word in (*words, "RECOUP_CONFIG", "recoup.toml"))


def _digest_findings(plans: Sequence[DigestPlan], clock: Clock) -> list[Finding]:
    findings: list[Finding] = []
    for plan in plans:
        try:
            read_cron(plan.cron, plan.timezone)
        except UnusableValue:
            continue  # told among the settings
        due = CronTimetable().next_due(plan, clock.now())
        when = f"{due:%a %d %b %Y, %H:%M} ({plan.timezone})" if due else "at no time that will come"
        findings.append(ok(f"digest {plan.name}", f"Next {when}, into {plan.channel}."))
    return findings
