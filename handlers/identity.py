"""Who is who: user groups and people, read from Slack in the background. Fails closed where Slack does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.domain.policy import SNAPSHOT_LIMIT, People, Person
from bot.ports import Clock, NotSaid, SlackFailure
from handlers.slack_client import SlackCalls

REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 20.0
_AT_ONCE = 5
_AFRESH_WITHIN = 10.0
_FRESH_ENOUGH = timedelta(seconds=20)
_KEPT_WHOLE = SNAPSHOT_LIMIT - timedelta(minutes=2)  # the time that a slow reading may take, so that there is no gap

_log = structlog.get_logger()


class SlackDirectory:
    """See `bot.ports.Directory`. Reads `usergroups.users.list` and `users.info` for everybody whom a role names."""

    def __init__(self, calls: SlackCalls, clock: Clock, users: Iterable[str], groups: Iterable[str]) -> None:
        self._calls = calls
        self._clock = clock
        self._users = frozenset(users)
        self._groups = frozenset(groups)
        self._people: People | None = None
        self._complete = False
        self._is_whole = False

    def snapshot(self) -> People | None:
        return self._people

    async def afresh(self) -> People | None:
        """Read now, unless that was done a moment ago; the old snapshot where Slack does not answer in time."""
        if self._people is None or not self._complete or self._clock.now() - self._people.read_at > _FRESH_ENOUGH:
            try:
                async with asyncio.timeout(_AFRESH_WITHIN):
                    await self.refresh()
            except TimeoutError:
                _log.warning("directory.slow")
        return self._people

    async def run(self) -> None:
        """Refresh for ever; sooner again after a reading that was not complete."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS if self._complete else _RETRY_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Read everybody. What could not be read is missing from the snapshot, so no right follows from it; an older
        complete snapshot stays in use until it is too old."""
        started = self._clock.now()
        groups = await self._read_groups()
        wanted = self._users.union(*groups.values()) if groups else self._users
        persons = await self._read_persons(wanted)
        self._complete = len(groups) == len(self._groups) and len(persons) == len(wanted)
        if self._is_better(started):
            self._people, self._is_whole = People(groups, persons, started), self._complete
        if not self._complete:
            _log.warning("directory.incomplete", groups=len(groups), of=len(self._groups), persons=len(persons))

    def _is_better(self, read_at: datetime) -> bool:
        """A reading that lacks somebody replaces another such, or a whole one that is about to be too old to be used."""
        old = self._people
        if old is None or old.read_at > read_at:
            return old is None  # a later reading has overtaken this one
        return self._complete or not self._is_whole or read_at - old.read_at > _KEPT_WHOLE

    async def _read_groups(self) -> dict[str, frozenset[str]]:
        read: dict[str, frozenset[str]] = {}
        for group in sorted(self._groups):  # 20 calls a minute are allowed, so one after the other
            try:
                reply = await self._calls.read("usergroups.users.list", usergroup=group)
            except SlackFailure as failure:
                if failure.detail in {"no_such_subteam", "subteam_not_found"}:
                    read[group] = frozenset()
                _log.warning("directory.group_not_read", group=group, detail=failure.detail)
                continue
            users = reply.get("users")
            if isinstance(users, list):
                read[group] = frozenset(user for user in users if isinstance(user, str))
        return read

    async def _read_persons(self, users: Iterable[str]) -> dict[str, Person]:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def read(user: str) -> tuple[str, Person | None]:
            async with limit:
                return user, await self._read_person(user)

        answers = await asyncio.gather(*(read(user) for user in sorted(users)))
        return {user: person for user, person in answers if person is not None}

    async def _read_person(self, user: str) -> Person | None:
        try:
            reply = await self._calls.read("users.info", user=user)
        except SlackFailure as failure:
            if failure.why is NotSaid.GONE:
                return Person(is_gone=True)
            _log.warning("directory.person_not_read", user=user, detail=failure.detail)
            return None
        return _person(reply.get("user"))


def _person(user: Any) -> Person | None:
    if not isinstance(user, dict):
        return None
    return Person(
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        is_bot=bool(user.get("is_bot")),
        is_gone=bool(user.get("deleted")),
    )
