"""Is our clock right? Slack's requests carry a time, and the bot refuses those that seem older than five minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.doctor.report import Finding, advice, ok, problem

TOLERATED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reading:
    """By how many seconds the clock of `host` is ahead of ours."""

    host: str
    ahead: float


def clock_finding(readings: Sequence[Reading], *, over_http: bool) -> list[Finding]:
    """Nothing where nobody told the time."""
    if not readings:
        return []
    worst = max(readings, key=lambda reading: abs(reading.ahead))
    if abs(worst.ahead) <= TOLERATED_SECONDS:
        return [ok("clock", "This machine's clock is right.")]
    direction = "behind" if worst.ahead > 0 else "ahead of"
    fact = f"This machine's clock is {_spoken(abs(worst.ahead))} {direction} the one of {worst.host}."
    todo = "Let the machine set its clock over the network (NTP)."
    if over_http:
        why = "From five minutes on the bot takes Slack's requests for old ones, and refuses every press."
        return [problem("clock", f"{fact} {why} {todo}")]
    return [advice("clock", f"{fact} Digests come at the wrong time, and so do retries and deadlines. {todo}")]


def _spoken(seconds: float) -> str:
    minutes = seconds / 60
    return (
        f"{minutes / 60:.0f} hours" if minutes >= 120 else f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} s"
    )
