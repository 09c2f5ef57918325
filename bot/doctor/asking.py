"""Asking Slack one thing: its answer or its word for no, and what time it was there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import Clock
from handlers.slack_client import new_client

UNREACHABLE = "unreachable"
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Answer:
    """`word` is None for yes, else Slack's error word, or UNREACHABLE or UNREADABLE. Header names are lower case."""

    word: str | None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ahead: float | None = None
    """Seconds by which Slack's clock is ahead of ours."""

    @property
    def is_reachable(self) -> bool:
        return self.word not in {UNREACHABLE, UNREADABLE}

    @property
    def scopes(self) -> frozenset[str] | None:
        """What the token may do, as Slack says with every answer; None where it does not say."""
        said = self.headers.get("x-oauth-scopes")
        return None if said is None else frozenset(part.strip() for part in said.split(",") if part.strip())


class SlackAsker:
    """One token's way to the Web API. Never raises for what Slack says or does not say."""

    def __init__(self, token: str, api_url: str, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._client: AsyncWebClient = new_client(token, api_url, session)
        self._clock = clock
        self.host = urlsplit(api_url).hostname or api_url

    async def ask(self, method: str, **arguments: str) -> Answer:
        """A method that reads, or with no effect that anybody could see."""
        asked = self._clock.now()
        try:
            response: Any = await self._client.api_call(method, http_verb="GET" if arguments else "POST", params=arguments)
            word = None
        except SlackApiError as error:
            response = error.response
            word = _word_of(response)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(UNREACHABLE)
        except (AttributeError, ValueError, TypeError):
            return Answer(UNREADABLE)  # what the SDK raises for a reply that is not Slack's JSON
        headers = {str(name).lower(): str(value) for name, value in (getattr(response, "headers", None) or {}).items()}
        data = getattr(response, "data", None)
        body = data if isinstance(data, dict) else {}
        return Answer(word, body, headers, seconds_ahead(headers.get("date"), asked, self._clock.now()))


def seconds_ahead(date: str | None, asked: datetime, answered: datetime) -> float | None:
    """How far the clock behind a Date header is ahead of ours; None where the header says nothing usable."""
    try:
        there = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    if there.tzinfo is None:
        return None
    return (there - (asked + (answered - asked) / 2)).total_seconds()


def _word_of(response: Any) -> str:
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    if status == 429:
        return "ratelimited"
    return str(word)[:60] if word else UNREADABLE
