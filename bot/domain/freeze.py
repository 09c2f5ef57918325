"""The kill switch: while it is on, nothing is written at any provider; reading goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.refusal import Refusal, RefusalKind

BOT = "recoup"
"""`Freeze.by` where the bot froze itself."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Who froze the bot (a Slack user id, or `BOT`), why in their own words, since when."""

    by: str
    why: str
    since: datetime

    @property
    def refusal(self) -> Refusal:
        return Refusal(RefusalKind.FROZEN, {"by": self.by, "why": self.why, "at": self.since.isoformat()})
