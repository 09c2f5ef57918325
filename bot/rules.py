"""What the sections about people mean: who may do what (`[[allow]]`), and when a second person has to agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from bot.domain.action import STAR, Action, Word
from bot.domain.errors import UnusableValue
from bot.domain.money import Money, known_currency
from bot.domain.policy import ApprovalRule, Rule
from bot.lines import Lines
from bot.sections import AllowSection, Amounts, ApproveSection, RoleSection

SHORTEST: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=30)
_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class RuleReader:
    """Collects one sentence for each problem, with its line, in `problems`."""

    def __init__(
        self, roles: Mapping[str, RoleSection], accounts: Iterable[str], lines: Lines, problems: list[str]
    ) -> None:
        self._roles = roles
        self._accounts = frozenset(accounts)
        self._lines = lines
        self._problems = problems

    def rules(self, sections: Iterable[AllowSection]) -> tuple[Rule, ...]:
        rules = []
        for index, section in enumerate(sections):
            where = f"allow number {index + 1}{self._lines.told(('allow', index))}"
            if section.role not in self._roles:
                self._problems.append(f"{where}: there is no role “{section.role}”.")
            self._problems += unknown_accounts(section.accounts, self._accounts, f"{where}.accounts")
            rules.append(
                Rule(
                    role=section.role,
                    words=self._words(section.actions, where),
                    up_to=amounts(section.up_to, f"{where}.up_to", self._problems),
                    per_day=amounts(section.per_day, f"{where}.per_day", self._problems),
                    accounts=frozenset(section.accounts) if section.accounts is not None else None,
                    channels=frozenset(section.channels) if section.channels is not None else None,
                )
            )
        return tuple(rules)

    def approvals(self, sections: Iterable[ApproveSection], rules: Iterable[Rule]) -> tuple[ApprovalRule, ...]:
        approving = {rule.role for rule in rules if Word.APPROVE in rule.words}
        found = []
        for index, section in enumerate(sections):
            where = f"approve number {index + 1}{self._lines.told(('approve', index))}"
            self._check_role(section.by, approving, where)
            found.append(
                ApprovalRule(
                    words=self._decisions(section.actions, where),
                    role=section.by,
                    channel=section.channel,
                    above=amounts(section.above, f"{where}.above", self._problems),
                    expires=self._span(section.expires, where),
                )
            )
        return tuple(found)

    def _check_role(self, role: str, approving: set[str], where: str) -> None:
        if role not in self._roles:
            self._problems.append(f"{where}: there is no role “{role}”.")
        elif role not in approving:
            self._problems.append(f"{where}: no [[allow]] gives the role “{role}” the word approve, so nobody could agree.")

    def _words(self, names: list[str], where: str) -> frozenset[Word]:
        words: set[Word] = set()
        for name in names:
            if name == "*":
                words |= STAR
            elif name in set(Word):
                words.add(Word(name))
            else:
                self._problems.append(f"{where}: “{name}” is not an action; known are {', '.join(Word)} and *.")
        return frozenset(words)

    def _decisions(self, names: list[str], where: str) -> frozenset[Word]:
        """Only what is decided about one invoice can wait for somebody."""
        if not names:
            self._problems.append(f"{where}: actions names none, so nobody would ever be asked.")
        unknown = [name for name in names if name not in set(Action)]
        self._problems += [
            f"{where}: “{name}” cannot need a second person; these can: {', '.join(Action)}." for name in unknown
        ]
        return frozenset(Word(name) for name in names if name not in unknown)

    def _span(self, text: str, where: str) -> timedelta:
        try:
            return read_span(text)
        except UnusableValue as error:
            self._problems.append(f"{where}.expires: {error}.")
            return LONGEST


def read_span(text: str) -> timedelta:
    """ "90m", "24h" or "2d". Raises UnusableValue for another form, or for a span outside 5 minutes to 30 days."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise UnusableValue(f"“{text}” is not a span of time such as 90m, 24h or 2d")
    span = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if not SHORTEST <= span <= LONGEST:
        raise UnusableValue(f"“{text}” is not between 5 minutes and 30 days")
    return span


def unknown_accounts(named: list[str] | None, accounts: Iterable[str], where: str) -> list[str]:
    return [f"{where}: there is no account “{name}”." for name in sorted(set(named or ()) - set(accounts))]


def amounts(written: Amounts | None, where: str, problems: list[str]) -> dict[str, Money] | None:
    """None where there is no such bound; an empty table bounds everything to nothing."""
    if written is None:
        return None
    read: dict[str, Money] = {}
    for code, amount in written.items():
        try:
            money = Money.from_major(str(amount), known_currency(code))
        except UnusableValue as error:
            problems.append(f"{where}: {error}.")
            continue
        if money.minor < 0:
            problems.append(f"{where}: an amount cannot be negative.")
        read[money.currency] = money
    return read
