"""Who may do what. Without a rule, a fresh reading of people, and every bound kept, the answer is no."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import BOUND, STAR, Word
from bot.domain.money import Money
from bot.domain.policy import SNAPSHOT_LIMIT, Actor, ApprovalRule, People, Person, Policy, Request, Role, Rule
from bot.domain.refusal import RefusalKind
from tests.domain.builders import NOW

TEAM = "T0ACME"
ANA, MAYA, TOM, EVE = (Actor(user, TEAM) for user in ("U0ANA", "U0MAYA", "U0TOM", "U0EVE"))
ROLES = {
    "agent": Role("agent", usergroups=frozenset({"S0SUPPORT"})),
    "lead": Role("lead", users=frozenset({"U0MAYA", "U0TOM"})),
}
PEOPLE = People(
    groups={"S0SUPPORT": frozenset({"U0ANA"})},
    persons={user: Person() for user in ("U0ANA", "U0MAYA", "U0TOM")},
    read_at=NOW - timedelta(minutes=2),
)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def a_rule(**changes: Any) -> Rule:
    facts: dict[str, Any] = {"role": "agent", "words": frozenset({Word.VIEW, Word.RETRY, Word.LINK})}
    return Rule(**(facts | changes))


def a_policy(*rules: Rule) -> Policy:
    return Policy(ROLES, rules, TEAM)


LEAD = a_rule(role="lead", words=STAR)
BOUNDED = a_rule(
    up_to={"EUR": eur(50_000)},
    per_day={"EUR": eur(100_000)},
    accounts=frozenset({"stripe"}),
    channels=frozenset({"C0FIN"}),
)


def a_request(**changes: Any) -> Request:
    facts: dict[str, Any] = {"word": Word.RETRY, "channel": "C0FIN", "account": "stripe", "amount": eur(42_000)}
    return Request(**(facts | changes))


def refused(policy: Policy, actor: Actor, request: Request, people: People | None = PEOPLE) -> RefusalKind | None:
    refusal = policy.objection(actor, request, people, NOW)
    assert policy.may(actor, request, people, NOW) is (refusal is None)
    return refusal.kind if refusal else None


def asked(policy: Policy, actor: Actor, request: Request) -> str:
    refusal = policy.objection(actor, request, PEOPLE, NOW)
    assert refusal is not None
    return refusal.facts["ask"]


# --- fail closed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", list(Word))
def test_without_a_rule_there_is_no_right_not_even_to_look(word: Word) -> None:
    assert refused(a_policy(), ANA, a_request(word=word)) is RefusalKind.NO_RIGHT


@pytest.mark.parametrize("word", list(Word))
def test_a_rule_grants_its_words_to_its_role_and_nothing_else_to_nobody_else(word: Word) -> None:
    policy = a_policy(a_rule())
    granted = word in {Word.VIEW, Word.RETRY, Word.LINK}
    assert refused(policy, ANA, a_request(word=word)) is (None if granted else RefusalKind.NO_RIGHT)
    assert refused(policy, MAYA, a_request(word=word)) is RefusalKind.NO_RIGHT
    assert refused(policy, EVE, a_request(word=word)) is RefusalKind.NO_RIGHT


@pytest.mark.parametrize("word", list(Word))
def test_the_star_grants_the_invoice_words_and_looking_only(word: Word) -> None:
    star_only = refused(a_policy(LEAD), MAYA, a_request(word=word))
    assert star_only is (None if word in STAR else RefusalKind.NO_RIGHT)


def test_a_rule_for_a_role_that_does_not_exist_grants_nothing() -> None:
    assert refused(a_policy(a_rule(role="ghost")), ANA, a_request()) is RefusalKind.NO_RIGHT


@pytest.mark.parametrize(
    ("person", "kind"),
    [
        (Person(is_guest=True), RefusalKind.GUEST),
        (Person(is_bot=True), RefusalKind.BOT),
        (Person(is_gone=True), RefusalKind.BOT),
        (Person(is_guest=True, is_bot=True), RefusalKind.GUEST),
    ],
)
@pytest.mark.parametrize("actor", [ANA, MAYA], ids=["by group", "by name"])
def test_guests_bots_and_leavers_are_refused_whatever_their_role(person: Person, kind: RefusalKind, actor: Actor) -> None:
    people = replace(PEOPLE, persons={**PEOPLE.persons, actor.user: person})
    assert refused(a_policy(a_rule(), LEAD), actor, a_request(), people) is kind


def test_the_same_user_id_in_another_team_is_somebody_else() -> None:
    assert refused(a_policy(LEAD), Actor("U0MAYA", "T0OTHER"), a_request()) is RefusalKind.OTHER_TEAM


def test_nothing_is_granted_before_people_were_read() -> None:
    assert refused(a_policy(LEAD), MAYA, a_request(), None) is RefusalKind.ROLES_UNKNOWN


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (SNAPSHOT_LIMIT, None),
        (SNAPSHOT_LIMIT + timedelta(seconds=1), RefusalKind.ROLES_UNKNOWN),
        (timedelta(days=2), RefusalKind.ROLES_UNKNOWN),
    ],
)
def test_what_was_learned_of_people_too_long_ago_grants_nothing(age: timedelta, kind: RefusalKind | None) -> None:
    assert refused(a_policy(LEAD), MAYA, a_request(), replace(PEOPLE, read_at=NOW - age)) is kind


def test_a_group_that_could_not_be_read_grants_nothing_and_is_not_called_a_lack_of_right() -> None:
    unread = replace(PEOPLE, groups={})
    assert refused(a_policy(a_rule()), ANA, a_request(), unread) is RefusalKind.ROLES_UNKNOWN
    assert refused(a_policy(LEAD), MAYA, a_request(), unread) is None


@pytest.mark.parametrize("actor", [ANA, MAYA], ids=["by group", "by name"])
def test_a_person_who_could_not_be_read_may_nothing(actor: Actor) -> None:
    people = replace(PEOPLE, persons={user: one for user, one in PEOPLE.persons.items() if user != actor.user})
    assert refused(a_policy(a_rule(), LEAD), actor, a_request(), people) is RefusalKind.ROLES_UNKNOWN


# --- bounds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, None),
        ({"amount": eur(50_000)}, None),
        ({"amount": eur(50_001)}, RefusalKind.OVER_LIMIT),
        ({"amount": Money(1, "USD")}, RefusalKind.CURRENCY_NOT_ALLOWED),
        ({"spent": {"EUR": eur(58_000)}}, None),
        ({"spent": {"EUR": eur(58_001)}}, RefusalKind.OVER_DAY),
        ({"spent": {"USD": Money(10**9, "USD")}}, None),
        ({"account": "stripe-us"}, RefusalKind.WRONG_ACCOUNT),
        ({"channel": "C0OTHER"}, RefusalKind.WRONG_CHANNEL),
        ({"account": None, "amount": None}, None),
        ({"channel": None}, None),
        ({"word": Word.VIEW, "amount": eur(10**12)}, None),
        ({"word": Word.LINK, "amount": Money(1, "USD")}, None),
        ({"word": Word.VIEW, "channel": "C0OTHER"}, RefusalKind.WRONG_CHANNEL),
        ({"word": Word.VIEW, "account": "stripe-us"}, RefusalKind.WRONG_ACCOUNT),
    ],
)
def test_a_rule_holds_within_its_bounds_only(change: dict[str, Any], kind: RefusalKind | None) -> None:
    assert refused(a_policy(BOUNDED), ANA, a_request(**change)) is kind


@pytest.mark.parametrize("word", list(Word))
def test_amounts_bind_what_moves_or_gives_up_money_and_never_reading(word: Word) -> None:
    policy = a_policy(a_rule(words=frozenset(Word), up_to={"EUR": eur(1)}))
    assert refused(policy, ANA, a_request(word=word)) is (RefusalKind.OVER_LIMIT if word in BOUND else None)


def test_a_currency_without_a_daily_limit_gives_no_right() -> None:
    policy = a_policy(a_rule(per_day={"USD": Money(10**9, "USD")}))
    assert refused(policy, ANA, a_request()) is RefusalKind.CURRENCY_NOT_ALLOWED


def test_one_rule_that_grants_is_enough() -> None:
    generous = a_rule(up_to={"EUR": eur(10**9)}, channels=frozenset({"C0LEADS"}))
    request = a_request(amount=eur(90_000), channel="C0LEADS")
    assert refused(a_policy(BOUNDED, generous), ANA, request) is None
    assert refused(a_policy(BOUNDED, generous), ANA, replace(request, channel="C0FIN")) is RefusalKind.OVER_LIMIT


def test_the_refusal_of_the_rule_that_came_nearest_is_told() -> None:
    far = a_rule(accounts=frozenset({"lago"}))
    near = a_rule(up_to={"EUR": eur(100)})
    for policy in (a_policy(far, near), a_policy(near, far)):
        refusal = policy.objection(ANA, a_request(), PEOPLE, NOW)
        assert refusal is not None
        assert refusal.kind is RefusalKind.OVER_LIMIT
        assert refusal.facts["limit"] == "EUR 1.00"
        assert refusal.facts["amount"] == "EUR 420.00"


# --- whom to ask -------------------------------------------------------------------------------------------------


def test_a_refusal_names_those_whose_rule_would_grant_it() -> None:
    assert asked(a_policy(BOUNDED, LEAD), ANA, a_request(amount=eur(90_000))) == "<@U0MAYA>, <@U0TOM>"
    assert asked(a_policy(a_rule()), MAYA, a_request()) == "<!subteam^S0SUPPORT>"


def test_nobody_is_sent_to_those_who_may_not_either_or_to_themselves() -> None:
    bounded_lead = replace(LEAD, up_to={"EUR": eur(1)})
    assert asked(a_policy(BOUNDED, bounded_lead), ANA, a_request(amount=eur(90_000))) == ""
    assert "U0MAYA" not in asked(a_policy(replace(LEAD, accounts=frozenset({"lago"}))), MAYA, a_request())


# --- all at once -------------------------------------------------------------------------------------------------

_limits = st.none() | st.dictionaries(st.sampled_from(["EUR", "USD"]), st.integers(0, 100), max_size=2).map(
    lambda found: {currency: Money(minor, currency) for currency, minor in found.items()}
)
rules = st.builds(
    Rule,
    role=st.sampled_from(["agent", "lead", "ghost"]),
    words=st.frozensets(st.sampled_from([Word.RETRY, Word.VIEW, Word.VOID]), max_size=3),
    up_to=_limits,
    per_day=_limits,
    accounts=st.none() | st.frozensets(st.sampled_from(["stripe", "lago"])),
    channels=st.none() | st.frozensets(st.sampled_from(["C0FIN", "C0OTHER"])),
)
requests = st.builds(
    Request,
    word=st.sampled_from([Word.RETRY, Word.VIEW, Word.VOID, Word.DIGEST]),
    channel=st.sampled_from(["C0FIN", "C0OTHER"]),
    account=st.sampled_from(["stripe", "lago"]),
    amount=st.builds(Money, st.integers(0, 100), st.sampled_from(["EUR", "USD"])),
    spent=st.dictionaries(st.just("EUR"), st.builds(Money, st.integers(0, 100), st.just("EUR"))),
)


def by_the_book(rule: Rule, actor: Actor, request: Request) -> bool:
    """The rule read aloud, without looking for the nearest refusal."""
    role = {"agent": {"U0ANA"}, "lead": {"U0MAYA", "U0TOM"}}.get(rule.role, set())
    if actor.user not in role or request.word not in rule.words:
        return False
    if rule.accounts is not None and request.account not in rule.accounts:
        return False
    if rule.channels is not None and request.channel not in rule.channels:
        return False
    if request.word is Word.VIEW:
        return True
    assert request.amount is not None
    currency, minor = request.amount.currency, request.amount.minor
    used = request.spent[currency].minor if currency in request.spent else 0
    fits_once = rule.up_to is None or (currency in rule.up_to and minor <= rule.up_to[currency].minor)
    fits_today = rule.per_day is None or (currency in rule.per_day and used + minor <= rule.per_day[currency].minor)
    return fits_once and fits_today


@given(st.lists(rules, max_size=4), st.sampled_from([ANA, MAYA, EVE]), requests)
def test_the_policy_grants_exactly_what_some_rule_says(given_rules: list[Rule], actor: Actor, request: Request) -> None:
    allowed = any(by_the_book(rule, actor, request) for rule in given_rules)
    refusal = Policy(ROLES, given_rules, TEAM).objection(actor, request, PEOPLE, NOW)
    assert (refusal is None) is allowed
    if refusal is not None:
        assert refusal.facts["word"] == request.word
        assert f"<@{actor.user}>" not in refusal.facts["ask"]


def test_a_snapshot_has_to_cover_every_role() -> None:
    assert a_policy().needs_reading() == (frozenset({"U0MAYA", "U0TOM"}), frozenset({"S0SUPPORT"}))
    assert Policy({}, (), TEAM).needs_reading() == (frozenset(), frozenset())


# --- a second person ---

USD = Money(1, "USD")
ABOVE = ApprovalRule(frozenset({Word.VOID}), "lead", "C0FIN", above={"EUR": eur(100_000)})
APPROVER = a_rule(role="lead", words=frozenset({Word.APPROVE}))


def second(*approvals: ApprovalRule) -> Policy:
    return Policy(ROLES, (APPROVER, LEAD), TEAM, approvals)


@pytest.mark.parametrize(
    ("word", "amount", "asks"),
    [
        (Word.VOID, eur(100_000), False),
        (Word.VOID, eur(100_001), True),
        (Word.VOID, USD, True),
        (Word.RETRY, eur(999_999), False),
    ],
)
def test_a_second_person_is_asked_above_the_amount_and_for_a_currency_without_one(
    word: Word, amount: Money, asks: bool
) -> None:
    assert (second(ABOVE).approval_for(word, amount) is ABOVE) is asks


def test_without_an_amount_a_second_person_is_always_asked() -> None:
    always = replace(ABOVE, above=None)
    assert second(always).approval_for(Word.VOID, eur(1)) is always


def test_of_two_rules_the_one_for_larger_amounts_says_who_has_to_agree() -> None:
    large = replace(ABOVE, role="boss", above={"EUR": eur(500_000)})
    always = replace(ABOVE, role="agent", above=None)
    policy = second(always, ABOVE, large)
    roles = [rule.role for amount in (1, 100_001, 500_001) if (rule := policy.approval_for(Word.VOID, eur(amount)))]
    assert roles == ["agent", "lead", "boss"]


def test_an_approver_needs_the_word_and_the_role_that_was_asked() -> None:
    request = a_request(word=Word.APPROVE)
    both, wordless = second(ABOVE), Policy(ROLES, (LEAD,), TEAM, (ABOVE,))
    assert both.objection_to_approver(MAYA, "lead", request, PEOPLE, NOW) is None
    for policy, role, actor in ((wordless, "lead", MAYA), (both, "agent", MAYA), (both, "lead", ANA), (both, "gone", TOM)):
        refusal = policy.objection_to_approver(actor, role, request, PEOPLE, NOW)
        assert refusal is not None
        assert refusal.kind is RefusalKind.NO_RIGHT


def test_whoever_may_not_approve_hears_whom_to_ask_and_never_to_ask_themselves() -> None:
    refusal = second(ABOVE).objection_to_approver(ANA, "lead", a_request(word=Word.APPROVE), PEOPLE, NOW)
    assert refusal is not None
    assert refusal.facts["ask"] == "<@U0MAYA>, <@U0TOM>"
    assert second(ABOVE).members("lead", MAYA) == "<@U0TOM>"


def test_an_approver_whose_group_could_not_be_read_is_refused_as_that() -> None:
    people = replace(PEOPLE, groups={})
    refusal = second(ABOVE).objection_to_approver(MAYA, "agent", a_request(word=Word.APPROVE), people, NOW)
    assert refusal is not None
    assert refusal.kind is RefusalKind.ROLES_UNKNOWN


def test_an_old_reading_of_people_approves_nothing() -> None:
    old = replace(PEOPLE, read_at=NOW - SNAPSHOT_LIMIT - timedelta(seconds=1))
    refusal = second(ABOVE).objection_to_approver(MAYA, "lead", a_request(word=Word.APPROVE), old, NOW)
    assert refusal is not None
    assert refusal.kind is RefusalKind.ROLES_UNKNOWN
