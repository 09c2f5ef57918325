"""What the doctor says of roles, people and user groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor.report import Grade
from bot.sandbox.slack_state import PEOPLE, USERGROUPS, Usergroup
from tests.doctor.bench import Bench, opened

LEAD, AGENT = "role lead", "role agent"


async def test_an_unknown_user_group_is_told(bench: Bench) -> None:
    bench.change('usergroups = ["S0SUPPORT"]', 'usergroups = ["S0SUPPORT", "S0NONE"]')
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == AGENT
    assert "no user group S0NONE" in told.text
    assert "Copy group ID" in told.text


async def test_a_role_that_only_an_unknown_group_fills_has_nobody_in_it(bench: Bench) -> None:
    bench.change("S0SUPPORT", "S0NONE")
    first, second = (await bench.examine()).about(AGENT, Grade.PROBLEM)
    assert "S0NONE" in first
    assert "Nobody is in this role" in second


async def test_a_role_without_people_is_told(bench: Bench) -> None:
    bench.change('users = ["U0MAYA"]', "users = []")
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == LEAD
    assert "Nobody is in this role" in told.text


async def test_a_role_whose_user_group_is_empty_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = (*USERGROUPS, Usergroup(id="S0EMPTY", handle="empty", name="Empty"))
    async with opened(tmp_path, monkeypatch, usergroups=groups) as bench:
        bench.change("S0SUPPORT", "S0EMPTY")
        told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == AGENT
    assert "Nobody is in this role" in told.text


@pytest.mark.parametrize(
    ("user", "why"),
    [("U0GUS", "is a guest"), ("U0NONE", "does not exist"), ("U0OLGA", "another workspace"), ("U0RECOUP", "is an app")],
)
async def test_a_person_who_may_not_act_is_named_and_a_role_of_such_people_has_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, why: str
) -> None:
    async with opened(tmp_path, monkeypatch, people=PEOPLE) as bench:
        for channel in bench.slack.workspace.channels.values():
            channel.outsiders = {"U0OLGA"}
        bench.change("U0MAYA", user)
        alone = await bench.examine()
        bench.change(f'"{user}"', f'"{user}", "U0MAYA"')
        with_maya = await bench.examine()
    assert user in alone.only(Grade.ADVICE).text
    assert why in alone.only(Grade.ADVICE).text
    assert "Nobody is in this role" in alone.only(Grade.PROBLEM).text
    assert with_maya.is_healthy
    assert with_maya.about(LEAD, Grade.OK) == ["Maya."]


async def test_approvers_by_user_group_are_advised_to_be_named(bench: Bench) -> None:
    bench.change('actions = ["view"]', 'actions = ["view", "approve"]')
    seen = await bench.examine()
    told = seen.only(Grade.ADVICE)
    assert told.about == AGENT
    assert "List the people by name" in told.text
    assert seen.is_healthy


async def test_approvers_by_name_are_not_advised_about(bench: Bench) -> None:
    bench.change('actions = ["*"]', 'actions = ["*", "approve"]')
    assert (await bench.examine()).about(LEAD, Grade.ADVICE) == []


async def test_a_role_that_no_rule_names_is_advised_about(bench: Bench) -> None:
    bench.toml += '[roles.nobody]\nusers = ["U0MAYA"]\n'
    told = (await bench.examine()).only(Grade.ADVICE)
    assert told.about == "role nobody"
    assert "[[allow]]" in told.text


async def test_without_a_rule_nobody_may_do_anything(bench: Bench) -> None:
    bench.toml = bench.toml[: bench.toml.index("[roles.lead]")]
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == "rules"
    assert "recoup init" in told.text


async def test_people_whom_slack_does_not_tell_about_are_not_called_missing(bench: Bench) -> None:
    bench.slack.faults.set({"usergroups_failing": True})
    seen = await bench.examine()
    assert seen.is_healthy
    assert "internal_error" in seen.about(AGENT, Grade.ADVICE)[0]


async def test_people_who_could_not_be_read_are_not_called_missing(bench: Bench) -> None:
    bench.slack.faults.set({"ratelimited": 9, "only": "users.info"})
    seen = await bench.examine()
    assert seen.is_healthy
    assert "not checked" in seen.about(LEAD, Grade.ADVICE)[0]
    assert "Take the id out" not in seen.text


async def test_one_person_alone_with_the_right_to_settle_is_a_deadlock(bench: Bench) -> None:
    bench.change('role = "closing"\nactions = ["settle"]', 'role = "closing"\nactions = ["share"]')
    bench.change('actions = ["*"]', 'actions = ["*", "settle"]')
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == "settle"
    assert "Give the word settle to a second person" in told.text
    bench.change('users = ["U0MAYA"]', 'users = ["U0MAYA", "U0TOM"]')
    assert (await bench.examine()).about("settle", Grade.PROBLEM) == []


async def test_where_nobody_may_settle_what_that_means_is_told(bench: Bench) -> None:
    bench.change('role = "closing"\nactions = ["settle"]', 'role = "closing"\nactions = ["share"]')
    seen = await bench.examine()
    told = seen.only(Grade.ADVICE)
    assert told.about == "settle"
    assert "Give the word settle to two people" in told.text
    assert seen.is_healthy
    bench.change('actions = ["*"]', 'actions = ["view"]')
    assert (await bench.examine()).about("settle", Grade.ADVICE) == [], "nobody can leave anything open"


APPROVE = """
[[approve]]
actions = ["void"]
by = "lead"
channel = "C0SUP"
"""


async def test_a_lone_approver_who_may_also_ask_is_a_deadlock(bench: Bench) -> None:
    bench.change('actions = ["*"]', 'actions = ["*", "approve"]')
    bench.toml += APPROVE
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == "approve number 1"
    assert "only Maya is in the role lead" in told.text
    assert "void that Maya asks for can never be done" in told.text
    bench.change('users = ["U0MAYA"]', 'users = ["U0MAYA", "U0NADIA"]')
    assert (await bench.examine()).is_healthy


async def test_a_lone_approver_who_never_asks_is_none(bench: Bench) -> None:
    bench.change('actions = ["*"]', 'actions = ["view", "approve"]')
    bench.toml += APPROVE
    assert (await bench.examine()).about("approve number 1") == []


async def test_a_role_of_approvers_without_anybody_who_may_act_is_a_deadlock(bench: Bench) -> None:
    bench.change('actions = ["*"]', 'actions = ["*", "approve"]')
    bench.change('users = ["U0MAYA"]', 'users = ["U0GUS"]')
    bench.toml += APPROVE
    (told,) = (await bench.examine()).about("approve number 1", Grade.PROBLEM)
    assert "nobody who may act is in the role lead" in told


async def test_the_approvers_channel_is_looked_at_too(bench: Bench) -> None:
    bench.change('actions = ["*"]', 'actions = ["*", "approve"]')
    bench.change('users = ["U0MAYA"]', 'users = ["U0MAYA", "U0NADIA"]')
    bench.toml += APPROVE
    bench.slack.workspace.channels["C0SUP"].bot_is_member = False
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert "The bot is not in #support" in told.text
    assert "questions to the role lead" in told.text
