"""Who is who, as Slack says; and that no right follows where Slack does not say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.policy import SNAPSHOT_LIMIT, People, Person
from bot.ports import NotSaid, SlackFailure
from handlers.identity import SlackDirectory
from handlers.slack_client import SlackCalls

DOWN = SlackFailure(NotSaid.WAIT, "slack cannot be reached")
MEMBER: dict[str, Any] = {"ok": True, "user": {"id": "U1"}}


@dataclass
class Clock:
    moment: datetime = datetime(2026, 11, 20, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, time: timedelta) -> None:
        self.moment += time


@dataclass
class FakeCalls(SlackCalls):
    """Groups and people by id; an exception in place of an answer is raised."""

    groups: dict[str, Any] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    delay: float = 0.0

    async def read(self, method: str, **arguments: str) -> dict[str, Any]:
        (wanted,) = arguments.values()
        self.asked.append(f"{method} {wanted}")
        known = self.groups if method == "usergroups.users.list" else self.users
        answer = known.get(wanted, MEMBER)
        await asyncio.sleep(self.delay)
        if isinstance(answer, SlackFailure):
            raise answer
        return dict(answer)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls() -> FakeCalls:
    return FakeCalls({"S1": {"ok": True, "users": ["U1", "U2"]}, "S2": {"ok": True, "users": ["U3"]}})


@pytest.fixture
def directory(calls: FakeCalls, clock: Clock) -> SlackDirectory:
    return SlackDirectory(calls, clock, {"U9"}, {"S1", "S2"})


def people_of(directory: SlackDirectory) -> People:
    people = directory.snapshot()
    assert people is not None
    return people


async def test_before_the_first_reading_nobody_is_known(directory: SlackDirectory) -> None:
    assert directory.snapshot() is None


async def test_everybody_whom_a_role_names_is_read(directory: SlackDirectory, clock: Clock) -> None:
    await directory.refresh()
    people = people_of(directory)
    assert people.groups == {"S1": {"U1", "U2"}, "S2": {"U3"}}
    assert set(people.persons) == {"U1", "U2", "U3", "U9"}
    assert people.read_at == clock.now()


@pytest.mark.parametrize(
    ("user", "person"),
    [
        ({"id": "U9"}, Person()),
        ({"is_restricted": True}, Person(is_guest=True)),
        ({"is_ultra_restricted": True, "is_restricted": True}, Person(is_guest=True)),
        ({"is_bot": True}, Person(is_bot=True)),
        ({"deleted": True}, Person(is_gone=True)),
    ],
)
async def test_guests_bots_and_those_who_left_are_told_apart(
    user: dict[str, Any], person: Person, directory: SlackDirectory, calls: FakeCalls
) -> None:
    calls.users["U9"] = {"ok": True, "user": user}
    await directory.refresh()
    assert people_of(directory).persons["U9"] == person


async def test_a_person_whom_slack_does_not_find_is_gone(directory: SlackDirectory, calls: FakeCalls) -> None:
    calls.users["U9"] = SlackFailure(NotSaid.GONE, "user_not_found")
    await directory.refresh()
    assert people_of(directory).persons["U9"] == Person(is_gone=True)


@pytest.mark.parametrize("answer", [DOWN, {"ok": True}, {"ok": True, "user": "U9"}, {"ok": True, "user": None}])
async def test_a_person_who_cannot_be_read_is_missing(answer: object, directory: SlackDirectory, calls: FakeCalls) -> None:
    calls.users["U9"] = answer
    await directory.refresh()
    assert "U9" not in people_of(directory).persons
    assert "U1" in people_of(directory).persons


@pytest.mark.parametrize("answer", [DOWN, SlackFailure(NotSaid.DENIED, "missing_scope"), {"ok": True}, {"users": "U1"}])
async def test_a_group_that_cannot_be_read_is_missing(answer: object, directory: SlackDirectory, calls: FakeCalls) -> None:
    calls.groups["S1"] = answer
    await directory.refresh()
    assert people_of(directory).groups == {"S2": {"U3"}}


async def test_a_group_that_does_not_exist_has_no_members(directory: SlackDirectory, calls: FakeCalls) -> None:
    calls.groups["S1"] = SlackFailure(NotSaid.UNUSABLE, "no_such_subteam")
    await directory.refresh()
    assert people_of(directory).groups["S1"] == frozenset()


async def test_a_whole_snapshot_is_kept_while_slack_is_down_until_it_is_nearly_too_old(
    directory: SlackDirectory, calls: FakeCalls, clock: Clock
) -> None:
    await directory.refresh()
    whole = people_of(directory)
    calls.groups["S1"] = DOWN
    for _ in range(13):
        clock.pass_by(timedelta(minutes=1))
        await directory.refresh()
        assert directory.snapshot() is whole
    clock.pass_by(timedelta(minutes=1))
    await directory.refresh()
    assert people_of(directory).groups == {"S2": {"U3"}}
    assert clock.now() - people_of(directory).read_at < SNAPSHOT_LIMIT


async def test_a_snapshot_that_lacks_somebody_is_replaced_by_the_next_reading(
    directory: SlackDirectory, calls: FakeCalls, clock: Clock
) -> None:
    calls.groups["S1"] = DOWN
    await directory.refresh()
    calls.groups["S1"] = {"ok": True, "users": ["U1"]}
    calls.groups["S2"] = DOWN
    clock.pass_by(timedelta(seconds=20))
    await directory.refresh()
    assert people_of(directory).groups == {"S1": {"U1"}}


async def test_who_left_a_group_is_out_of_it_after_the_next_reading(
    directory: SlackDirectory, calls: FakeCalls, clock: Clock
) -> None:
    await directory.refresh()
    calls.groups["S1"] = {"ok": True, "users": ["U1"]}
    clock.pass_by(timedelta(minutes=5))
    await directory.refresh()
    assert people_of(directory).groups["S1"] == {"U1"}


async def test_afresh_reads_again_unless_that_was_done_a_moment_ago(
    directory: SlackDirectory, calls: FakeCalls, clock: Clock
) -> None:
    await directory.refresh()
    asked = len(calls.asked)
    clock.pass_by(timedelta(seconds=5))
    await directory.afresh()
    assert len(calls.asked) == asked
    clock.pass_by(timedelta(minutes=1))
    people = await directory.afresh()
    assert len(calls.asked) == 2 * asked
    assert people is not None
    assert people.read_at == clock.now()


async def test_afresh_gives_what_is_known_where_slack_is_down(
    directory: SlackDirectory, calls: FakeCalls, clock: Clock
) -> None:
    await directory.refresh()
    whole = people_of(directory)
    calls.groups = {"S1": DOWN, "S2": DOWN}
    calls.users = dict.fromkeys(("U1", "U2", "U3", "U9"), DOWN)
    clock.pass_by(timedelta(minutes=1))
    assert await directory.afresh() is whole


async def test_a_slow_older_reading_does_not_undo_a_newer_one(
    directory: SlackDirectory, calls: FakeCalls, clock: Clock
) -> None:
    calls.delay = 0.05
    slow = asyncio.create_task(directory.refresh())
    await asyncio.sleep(0.01)
    calls.delay = 0.0
    clock.pass_by(timedelta(seconds=1))
    await directory.refresh()
    newer = people_of(directory)
    await slow
    assert directory.snapshot() is newer
