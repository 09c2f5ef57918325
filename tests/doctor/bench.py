"""A local Slack, a fake Stripe and a configuration between them, for the doctor to look at."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.doctor.examination import examine
from bot.doctor.report import Finding, Grade, has_problems, written
from bot.sandbox.providers.stripe import SECRET_KEY, FakeStripe
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_state import CHANNELS, PEOPLE, USERGROUPS, Identity, Person, Usergroup
from bot.sandbox.world import World
from bot.settings import read_configuration

ALL_SCOPES = (
    "chat:write",
    "commands",
    "usergroups:read",
    "users:read",
    "files:write",
    "im:write",
    "channels:read",
    "groups:read",
)
COLLEAGUES = tuple(person for person in PEOPLE if person.team == "T0RECOUP")
TOML = """
ops_channel = "C0OPS"
[accounts.stripe]
base_url = "{stripe}"
[digest.finance]
channel = "C0FIN"
cron = "0 9 * * mon-fri"
timezone = "Europe/Berlin"
[roles.lead]
users = ["U0MAYA"]
[roles.agent]
usergroups = ["S0SUPPORT"]
[roles.closing]
users = ["U0NADIA", "U0TOM"]
[[allow]]
role = "lead"
actions = ["*"]
[[allow]]
role = "agent"
actions = ["view"]
[[allow]]
role = "closing"
actions = ["settle"]
"""


@dataclass(frozen=True)
class ClockAhead:
    """This machine's clock, wrong by so much."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Examined:
    """What the doctor said."""

    findings: Sequence[Finding]

    @property
    def text(self) -> str:
        return written(self.findings)

    @property
    def is_healthy(self) -> bool:
        return not has_problems(self.findings)

    def only(self, grade: Grade) -> Finding:
        """The single finding of this grade."""
        found = [finding for finding in self.findings if finding.grade is grade]
        assert len(found) == 1, self.text
        return found[0]

    def about(self, about: str, grade: Grade | None = None) -> list[str]:
        wanted = [finding for finding in self.findings if finding.about == about]
        return [finding.text for finding in wanted if grade in (None, finding.grade)]


@dataclass(kw_only=True)
class Bench:
    """Everything is in order until a test breaks something."""

    slack: LocalSlack
    world: World
    stripe: FakeStripe
    folder: Path
    environment: pytest.MonkeyPatch
    toml: str = TOML
    variables: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> dict[str, str]:
        """The file is written; answers the variables that go with it."""
        text = self.toml.replace("{stripe}", self.world.url("stripe"))
        (self.folder / "recoup.toml").write_text(text, encoding="utf-8")
        whole = {
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "RECOUP_ACCOUNTS__STRIPE__API_KEY": SECRET_KEY,
            **self.variables,
        }
        return {name: value for name, value in whole.items() if value}

    def over_http(self) -> None:
        self.variables |= {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "5ec2e7"}

    def change(self, old: str, new: str) -> None:
        assert old in self.toml
        self.toml = self.toml.replace(old, new)

    async def examine(self, *, ahead: timedelta = timedelta(0), patience: float = 12.0) -> Examined:
        for name, value in self.prepare().items():
            self.environment.setenv(name, value)
        return Examined(await examine(*read_configuration(), clock=ClockAhead(ahead), patience=patience))


@asynccontextmanager
async def opened(
    folder: Path,
    environment: pytest.MonkeyPatch,
    *,
    stripe: FakeStripe | None = None,
    scopes: tuple[str, ...] = ALL_SCOPES,
    people: Sequence[Person] = COLLEAGUES,
    usergroups: Sequence[Usergroup] = USERGROUPS,
) -> AsyncGenerator[Bench]:
    fake = stripe or FakeStripe()
    world = World([fake])
    await world.start()
    slack = LocalSlack(people=people, channels=CHANNELS, usergroups=usergroups, identity=Identity(scopes=scopes))
    await slack.start()
    try:
        yield Bench(slack=slack, world=world, stripe=fake, folder=folder, environment=environment)
    finally:
        await slack.close()
        await world.stop()
