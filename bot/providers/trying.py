"""Trying a statement about a vendor by reading; what was not answered proves nothing either way."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether a statement holds (None: not to be told), and what came back, in a few words and without customer data."""

    holds: bool | None
    what: str


async def tried(statement: str, look: Awaitable[Seen]) -> LiveCheck:
    try:
        seen = await look
    except ProviderFailure as failure:
        return untold(statement, failure)
    return LiveCheck(statement, seen.holds, seen.what)


def untold(statement: str, failure: ProviderFailure) -> LiveCheck:
    return LiveCheck(statement, None, failure.detail)
