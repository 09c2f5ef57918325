"""The roles: do the people and user groups exist, is anybody left who may act, and who can change that?"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from bot.doctor.asking import SlackAsker
from bot.doctor.report import Finding, advice, ok, problem
from bot.doctor.slack import Installation
from bot.domain.action import BOUND, Word
from bot.domain.policy import ApprovalRule, Role, Rule
from bot.settings import Configuration

_AT_ONCE = 5
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Group:
    """A user group as Slack lists it; `members` is None where they are not told."""

    handle: str
    members: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Known:
    """What Slack said. `groups` is None where they could not be read; a person is their name and why they may not act
    (None: they may). People who could not be read are missing, people who do not exist have no name."""

    groups: Mapping[str, Group] | None
    persons: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    trouble: str | None = None


def rules_finding(configuration: Configuration) -> list[Finding]:
    if configuration.rules:
        return []
    text = "No [[allow]] can be used: nobody may do anything, not even look. `recoup init --path example.toml` shows some."
    return [problem("rules", text)]


async def people_findings(asker: SlackAsker, configuration: Configuration, me: Installation) -> list[Finding]:
    """One or more findings for each role."""
    if not configuration.roles:
        return []
    known = await _read(asker, configuration.roles.values(), me)
    findings: list[Finding] = []
    for role in configuration.roles.values():
        findings += _about(role, configuration.rules, known)
    for number, rule in enumerate(configuration.approvals, start=1):
        findings += _approving(number, rule, configuration, known)
    return [*findings, *_settling(configuration, known)]


def _approving(number: int, rule: ApprovalRule, configuration: Configuration, known: Known) -> list[Finding]:
    """Questions that nobody could ever agree to: nobody is in the role, or only who asks."""
    about = f"approve number {number}"
    approvers = _able({rule.role}, configuration, known)
    if approvers is None or len(approvers) > 1:
        return []
    what = ", ".join(sorted(rule.words))
    if not approvers:
        text = f"Deadlock: nobody who may act is in the role {rule.role}, so {what} can never be approved. Add people."
        return [problem(about, text)]
    (only,) = approvers
    asking = {each.role for each in configuration.rules if each.words & rule.words}
    askers = _able(asking, configuration, known)
    if askers is not None and only not in askers:
        return []
    name = known.persons.get(only, (None, None))[0] or only
    text = (
        f"Deadlock: only {name} is in the role {rule.role}, and nobody approves what they asked for: {what} that {name} "
        f"asks for can never be done. Add a second person to the role."
    )
    return [problem(about, text)]


def _able(roles: Collection[str], configuration: Configuration, known: Known) -> frozenset[str] | None:
    """Who is in one of these roles and may act; None where Slack does not tell."""
    mine = [role for name, role in configuration.roles.items() if name in roles]
    if any(role.usergroups and (known.groups is None or _is_hidden(role, known.groups)) for role in mine):
        return None
    users = frozenset().union(*(role.users | _members(role, known.groups) for role in mine))
    return frozenset(user for user in users if known.persons.get(user, ("", None))[1] is None)


def _settling(configuration: Configuration, known: Known) -> list[Finding]:
    """One person alone can never say how their own decision ended, and nobody else may."""
    able = _able({rule.role for rule in configuration.rules if Word.SETTLE in rule.words}, configuration, known)
    acts = any(rule.words & BOUND for rule in configuration.rules)
    if able is None or len(able) > 1 or not acts:
        return []
    if not able:
        text = (
            "Nobody may settle. Where a provider never tells how a payment ended, two people have to say what they saw, "
            "and until then the invoice stays locked. Give the word settle to two people or more."
        )
        return [advice("settle", text)]
    (only,) = able
    name = known.persons.get(only, (None, None))[0] or only
    text = (
        f"Deadlock: only {name} may settle open decisions, and never those that they pressed or approved themselves. "
        "Give the word settle to a second person."
    )
    return [problem("settle", text)]


async def _read(asker: SlackAsker, roles: Iterable[Role], me: Installation) -> Known:
    roles = list(roles)
    groups: dict[str, Group] | None = {}
    trouble: str | None = None
    if any(role.usergroups for role in roles):
        answer = await asker.ask("usergroups.list", include_users="true")
        listed = answer.body.get("usergroups")
        groups = _groups(listed) if answer.word is None and isinstance(listed, list) else None
        trouble = answer.word or "nothing usable"
    wanted = frozenset().union(*(role.users for role in roles), *(_members(role, groups) for role in roles))
    limit = asyncio.Semaphore(_AT_ONCE)

    async def person(user: str) -> tuple[str, tuple[str | None, str | None] | None]:
        async with limit:
            return user, await _person(asker, user, me)

    answers = await asyncio.gather(*(person(user) for user in sorted(wanted)))
    return Known(groups, {user: said for user, said in answers if said is not None}, trouble)


def _groups(listed: list[object]) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for item in listed:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            users = item.get("users")
            members = frozenset(user for user in users if isinstance(user, str)) if isinstance(users, list) else None
            found[item["id"]] = Group(f"@{item.get('handle') or item['id']}", members)
    return found


async def _person(asker: SlackAsker, user: str, me: Installation) -> tuple[str | None, str | None] | None:
    answer = await asker.ask("users.info", user=user)
    if answer.word in {"user_not_found", "users_not_found", "user_not_visible"}:
        return None, "does not exist in this workspace"
    said = answer.body.get("user")
    if answer.word is not None or not isinstance(said, dict):
        return None
    why = None
    if said.get("deleted"):
        why = "is deactivated"
    elif said.get("is_bot"):
        why = "is an app"
    elif said.get("is_restricted") or said.get("is_ultra_restricted"):
        why = "is a guest"
    elif said.get("is_stranger") or said.get("team_id", me.team) != me.team:
        why = "belongs to another workspace"
    return str(said.get("real_name") or said.get("name") or user), why


def _about(role: Role, rules: Iterable[Rule], known: Known) -> list[Finding]:
    about = f"role {role.name}"
    mine = [rule for rule in rules if rule.role == role.name]
    findings = [*_group_findings(about, role, known), *_user_findings(about, role, known)]
    findings += _who(about, role, known)
    if not mine:
        text = f'No [[allow]] names this role, so it gives its people nothing. Add one with role = "{role.name}".'
        findings.append(advice(about, text))
    if role.usergroups and any(Word.APPROVE in rule.words for rule in mine):
        text = (
            "Its people approve what others decide, and a user group says who they are: whoever may edit it in Slack "
            "can make themselves an approver. List the people by name, in users."
        )
        findings.append(advice(about, text))
    return findings


def _group_findings(about: str, role: Role, known: Known) -> list[Finding]:
    if known.groups is None:
        why = f"Slack says {known.trouble}"
        return [advice(about, f"Not checked: the user groups cannot be read ({why}).")] if role.usergroups else []
    return [
        problem(
            about,
            f"There is no user group {group} (or it is disabled), so it gives nobody a right. "
            "In Slack: the user group, Copy group ID; put that into recoup.toml.",
        )
        for group in sorted(role.usergroups - known.groups.keys())
    ]


def _user_findings(about: str, role: Role, known: Known) -> list[Finding]:
    findings: list[Finding] = []
    for user in sorted(role.users):
        if user not in known.persons:
            findings.append(advice(about, f"{user} is not checked: Slack did not say who that is."))
            continue
        name, why = known.persons[user]
        if why is not None:
            shown = f"{name} ({user})" if name else user
            findings.append(
                advice(about, f"{shown} {why}; the bot refuses what they press. Take the id out of recoup.toml.")
            )
    return findings


def _who(about: str, role: Role, known: Known) -> list[Finding]:
    members = role.users | _members(role, known.groups)
    able = sorted(known.persons[user][0] or user for user in members if known.persons.get(user, ("", ""))[1] is None)
    unread = any(user not in known.persons for user in members) or known.groups is None or _is_hidden(role, known.groups)
    if able:
        more = f" and {len(able) - _SHOWN} more" if len(able) > _SHOWN else ""
        return [ok(about, f"{', '.join(able[:_SHOWN])}{more}.")]
    if unread and (role.users or role.usergroups):
        return []
    text = "Nobody is in this role who may act, so it allows nothing. Add people to users, or to its user group in Slack."
    return [problem(about, text)]


def _members(role: Role, groups: Mapping[str, Group] | None) -> frozenset[str]:
    found = [groups[group].members for group in role.usergroups if group in groups] if groups else []
    return frozenset().union(*(members for members in found if members))


def _is_hidden(role: Role, groups: Mapping[str, Group]) -> bool:
    return any(groups[group].members is None for group in role.usergroups if group in groups)
