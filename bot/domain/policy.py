"""Who may do what: people, roles and rules. Fails closed: no rule, no right, for reading too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.action import BOUND, Word
from bot.domain.money import Money
from bot.domain.refusal import Refusal, RefusalKind

SNAPSHOT_LIMIT = timedelta(minutes=15)
"""A handler refuses on what it learned of people longer ago than this."""


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of people: Slack user ids and user groups."""

    name: str
    users: frozenset[str] = frozenset()
    usergroups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[allow]]`: a role may do these words; None means no bound of that kind."""

    role: str
    words: frozenset[Word]
    up_to: Mapping[str, Money] | None = None
    per_day: Mapping[str, Money] | None = None
    accounts: frozenset[str] | None = None
    channels: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """One `[[approve]]`: these decisions need the word of a second person who is in `role`, asked in `channel`.

    `above` None: whatever the amount; a currency that it does not name: likewise.
    """

    words: frozenset[Word]
    role: str
    channel: str
    above: Mapping[str, Money] | None = None
    expires: timedelta = timedelta(hours=24)

    def binds(self, word: Word, amount: Money) -> bool:
        limit = self._limit(amount.currency)
        return word in self.words and (limit is None or not amount <= limit)

    def strictness(self, currency: str) -> int:
        """Of two rules that bind, the one that begins at the larger amount says who has to agree."""
        limit = self._limit(currency)
        return -1 if limit is None else limit.minor

    def _limit(self, currency: str) -> Money | None:
        return self.above.get(currency) if self.above is not None else None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who pressed or typed, as the signed payload says: Slack user id and the team that the user belongs to."""

    user: str
    team: str


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack last said about a member of a role (`users.info`)."""

    is_guest: bool = False
    is_bot: bool = False
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """A snapshot of who is in which user group and who is a guest, and when Slack said so.

    A user group that is missing from `groups`, or a person missing from `persons`, could not be read: no right follows.
    """

    groups: Mapping[str, frozenset[str]]
    persons: Mapping[str, Person]
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the policy. Unknown parts (None) are not checked yet: a typed REF is resolved by the worker."""

    word: Word
    channel: str | None = None
    account: str | None = None
    amount: Money | None = None
    spent: Mapping[str, Money] = field(default_factory=dict)
    """What this person moved in the last 24 hours, per currency, for `per_day`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The roles and rules of `recoup.toml`, and the team that the bot is installed in."""

    roles: Mapping[str, Role]
    rules: Sequence[Rule]
    team: str
    approvals: Sequence[ApprovalRule] = ()

    def objection(self, actor: Actor, request: Request, people: People | None, now: datetime) -> Refusal | None:
        """Why `actor` may not; None when at least one rule grants it."""
        if (stranger := self._stranger(actor, people, now)) is not None:
            return stranger
        assert people is not None  # noqa: S101 - _stranger refuses without a snapshot
        mine = [rule for rule in self.rules if request.word in rule.words and self._holds(actor, rule.role, people)]
        if not mine:
            return self._no_right(actor, request, people)
        objections = [_bounds(rule, request) for rule in mine]
        if None in objections:
            return None
        nearest = max((o for o in objections if o is not None), key=lambda o: _NEARNESS[o.kind])
        return Refusal(nearest.kind, {**nearest.facts, "word": request.word, "ask": self._ask(request, actor)})

    def approval_for(self, word: Word, amount: Money) -> ApprovalRule | None:
        """The rule that asks for a second person, None where one is enough; of several, the one for the largest amounts."""
        binding = [rule for rule in self.approvals if rule.binds(word, amount)]
        return max(binding, key=lambda rule: rule.strictness(amount.currency)) if binding else None

    def objection_to_approver(
        self, actor: Actor, role: str, request: Request, people: People | None, now: datetime
    ) -> Refusal | None:
        """Why `actor` may not be the second person: it takes a rule that gives `approve`, and the role that was asked."""
        refusal = self.objection(actor, request, people, now)
        if refusal is not None:
            return refusal
        assert people is not None  # noqa: S101 - objection refuses without a snapshot
        if self._holds(actor, role, people):
            return None
        asked = self.roles.get(role)
        if asked is not None and any(group not in people.groups for group in asked.usergroups):
            return Refusal(RefusalKind.ROLES_UNKNOWN)
        return Refusal(RefusalKind.NO_RIGHT, {"word": Word.APPROVE, "ask": self.members(role, actor)})

    def members(self, role_name: str, without: Actor | None = None) -> str:
        """Whom a role means, as Slack mentions; empty for a role that is not configured."""
        role = self.roles.get(role_name)
        if role is None:
            return ""
        users = [f"<@{user}>" for user in sorted(role.users) if without is None or user != without.user]
        return ", ".join([*users, *(f"<!subteam^{group}>" for group in sorted(role.usergroups))])

    def may(self, actor: Actor, request: Request, people: People | None, now: datetime) -> bool:
        return self.objection(actor, request, people, now) is None

    def whom_to_ask(self, actor: Actor, request: Request) -> str:
        """The people and groups other than `actor` whose rule would grant it, as Slack mentions; empty: nobody."""
        return self._ask(request, actor)

    @property
    def has_daily_limits(self) -> bool:
        return any(rule.per_day is not None for rule in self.rules)

    def needs_reading(self) -> tuple[frozenset[str], frozenset[str]]:
        """User ids and user groups that a snapshot has to cover."""
        users = frozenset().union(*(role.users for role in self.roles.values())) if self.roles else frozenset()
        groups = frozenset().union(*(role.usergroups for role in self.roles.values())) if self.roles else frozenset()
        return users, groups

    def _stranger(self, actor: Actor, people: People | None, now: datetime) -> Refusal | None:
        if actor.team != self.team:
            return Refusal(RefusalKind.OTHER_TEAM)
        if people is None or now - people.read_at > SNAPSHOT_LIMIT:
            return Refusal(RefusalKind.ROLES_UNKNOWN)
        person = people.persons.get(actor.user)
        if person is None:
            named = any(actor.user in role.users for role in self.roles.values())
            in_group = any(actor.user in members for members in people.groups.values())
            return Refusal(RefusalKind.ROLES_UNKNOWN) if named or in_group else None
        if person.is_guest:
            return Refusal(RefusalKind.GUEST)
        if person.is_bot or person.is_gone:
            return Refusal(RefusalKind.BOT)
        return None

    def _holds(self, actor: Actor, role_name: str, people: People) -> bool:
        role = self.roles.get(role_name)
        if role is None:
            return False
        return actor.user in role.users or any(
            actor.user in people.groups.get(group, frozenset()) for group in role.usergroups
        )

    def _no_right(self, actor: Actor, request: Request, people: People) -> Refusal:
        unread = any(
            group not in people.groups
            for rule in self.rules
            if request.word in rule.words and (role := self.roles.get(rule.role)) is not None
            for group in role.usergroups
        )
        if unread:
            return Refusal(RefusalKind.ROLES_UNKNOWN)
        return Refusal(RefusalKind.NO_RIGHT, {"word": request.word, "ask": self._ask(request, actor)})

    def _ask(self, request: Request, actor: Actor) -> str:
        """Whom to ask, as Slack mentions: the people and groups of every other role whose rule would grant it."""
        asked: list[str] = []
        for rule in self.rules:
            role = self.roles.get(rule.role)
            if role is None or request.word not in rule.words or _bounds(rule, request) is not None:
                continue
            asked += [f"<@{user}>" for user in sorted(role.users) if user != actor.user]
            asked += [f"<!subteam^{group}>" for group in sorted(role.usergroups)]
        return ", ".join(list(dict.fromkeys(asked))[:4])


_NEARNESS = {
    RefusalKind.WRONG_ACCOUNT: 0,
    RefusalKind.WRONG_CHANNEL: 1,
    RefusalKind.CURRENCY_NOT_ALLOWED: 2,
    RefusalKind.OVER_LIMIT: 3,
    RefusalKind.OVER_DAY: 4,
}


def _bounds(rule: Rule, request: Request) -> Refusal | None:
    if rule.accounts is not None and request.account is not None and request.account not in rule.accounts:
        return Refusal(RefusalKind.WRONG_ACCOUNT, {"account": request.account})
    if rule.channels is not None and request.channel is not None and request.channel not in rule.channels:
        return Refusal(RefusalKind.WRONG_CHANNEL, {"channels": ", ".join(f"<#{c}>" for c in sorted(rule.channels))})
    if request.word not in BOUND or request.amount is None:
        return None
    return _amount_bounds(rule, request.amount, request.spent)


def _amount_bounds(rule: Rule, amount: Money, spent: Mapping[str, Money]) -> Refusal | None:
    for limits, is_daily in ((rule.up_to, False), (rule.per_day, True)):
        if limits is None:
            continue
        limit = limits.get(amount.currency)
        if limit is None:
            return Refusal(RefusalKind.CURRENCY_NOT_ALLOWED, {"currency": amount.currency})
        already = spent.get(amount.currency, Money(0, amount.currency)) if is_daily else Money(0, amount.currency)
        if not already + amount <= limit:
            kind = RefusalKind.OVER_DAY if is_daily else RefusalKind.OVER_LIMIT
            return Refusal(kind, {"limit": str(limit), "amount": str(amount), "spent": str(already)})
    return None
