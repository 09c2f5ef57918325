"""Moments as Slack's date tokens, which every reader sees in their own time zone, and ages in whole words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from handlers.views.text import escape


def moment(at: datetime) -> str:
    """ "today at 09:14" for the reader; the fallback names UTC."""
    return _token(at, "{date_short_pretty} at {time}", f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")


def day(at: datetime) -> str:
    return _token(at, "{date_short_pretty}", f"{at.astimezone(UTC):%Y-%m-%d} UTC")


def clock(at: datetime) -> str:
    """The time of day alone, for what happened in the message that shows it."""
    return _token(at, "{time}", f"{at.astimezone(UTC):%H:%M} UTC")


def spoken(at: datetime) -> str:
    """For plain text, where no token works."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _token(at: datetime, form: str, fallback: str) -> str:
    return f"<!date^{int(at.timestamp())}^{form}|{fallback}>"


def moment_of(text: str | None) -> str | None:
    """A moment out of a refusal's facts (ISO 8601, with its zone); what is no moment is shown as it is."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return escape(text)
    return moment(at) if at.tzinfo else escape(text)


def age(since: datetime, now: datetime) -> str:
    """ "3 days"; what is younger than a day, or not yet begun, is "less than a day"."""
    days = (now - since) // timedelta(days=1)
    if days < 1:
        return "less than a day"
    return "1 day" if days == 1 else f"{days} days"
