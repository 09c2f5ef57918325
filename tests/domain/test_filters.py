"""The words of `failed`: what they mean, what they keep, and what is said about a word that means nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.decline import DeclineClass
from bot.domain.errors import UnusableValue
from bot.domain.filters import EXAMPLES, Filter, parse_filter
from bot.domain.invoice import FailedBecause
from bot.domain.money import Money
from tests.domain.builders import NOW, an_invoice

ACCOUNTS = ("stripe", "stripe-eu")


def read(text: str) -> Filter:
    return parse_filter(text, ACCOUNTS)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Filter()),
        ("stripe", Filter(accounts=("stripe",))),
        ("STRIPE-EU", Filter(accounts=("stripe-eu",))),
        (">500eur", Filter(more_than=Money(50000, "EUR"))),
        ("> 500 EUR", Filter(more_than=Money(50000, "EUR"))),
        (">500 eur", Filter(more_than=Money(50000, "EUR"))),
        (">500.50eur", Filter(more_than=Money(50050, "EUR"))),
        (">1,500eur", Filter(more_than=Money(150000, "EUR"))),
        (">1,234,567.89eur", Filter(more_than=Money(123456789, "EUR"))),
        ("<5000jpy", Filter(less_than=Money(5000, "JPY"))),
        ("<1.005kwd", Filter(less_than=Money(1005, "KWD"))),
        (">10eur <20eur", Filter(more_than=Money(1000, "EUR"), less_than=Money(2000, "EUR"))),
        ("customer:acme", Filter(customer="acme")),
        ("customer:ACME", Filter(customer="acme")),
        ("customer:“acme”", Filter(customer="acme")),
        ("“customer:acme”", Filter(customer="acme")),
        ("customer:a@b.example", Filter(customer="a@b.example")),
        ("hard", Filter(kind=DeclineClass.HARD)),
        ("Soft", Filter(kind=DeclineClass.SOFT)),
        ("authentication", Filter(kind=DeclineClass.NEEDS_AUTHENTICATION)),
        ("overdue", Filter(overdue=True)),
        ("past-due", Filter(overdue=True)),
        ("since:2026-11-01", Filter(since=datetime(2026, 11, 1, tzinfo=UTC))),
        ("page:2", Filter(page=2)),
        ("page:0", Filter(page=1)),
        (
            "  stripe   “hard”  >500eur page:3 ",
            Filter(accounts=("stripe",), kind=DeclineClass.HARD, more_than=Money(50000, "EUR"), page=3),
        ),
    ],
)
def test_words_mean_what_they_say(text: str, meant: Filter) -> None:
    assert read(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "stirpe",
        "500eur",
        ">500",
        ">eur",
        ">.eur",
        ">1.2.3eur",
        ">500zzz",
        ">1.005eur",
        ">500,50eur",
        ">1.000,50eur",
        ">1,00eur",
        ">-5eur",
        ">99999999999999999eur",
        "customer:",
        "since:",
        "since:yesterday",
        "since:2026-13-01",
        "page:",
        "page:-1",
        "page:99999",
        "owner:me",
        "🙂",
        "<!channel>",
        "a`b`c`d",
        "x" * 10_000,
    ],
)
def test_a_word_that_means_nothing_is_refused_and_never_guessed(text: str) -> None:
    with pytest.raises(UnusableValue) as caught:
        read(f"hard {text}")
    sentence = str(caught.value)
    assert len(sentence) < 250
    assert sentence.count("`") % 2 == 0


def test_an_unknown_word_is_answered_with_words_that_work() -> None:
    with pytest.raises(UnusableValue) as caught:
        read("stirpe")
    assert "`stirpe`" in str(caught.value)
    for word in EXAMPLES.replace("`", "").split(", "):
        assert read(word) != Filter()


@given(st.text(max_size=40))
def test_whatever_is_typed_it_is_read_or_refused(text: str) -> None:
    try:
        found = read(text)
    except UnusableValue:
        return
    assert found.page >= 1


# --- what fits ---

ACME = an_invoice(
    owed=Money(42000, "EUR"),
    customer_name="Acme GmbH",
    customer_email="billing@acme.example",
    customer_id="cus_Acme",
    created_at=NOW,
)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        (">419.99eur", True),
        (">420eur", False),
        ("<420eur", False),
        ("<420.01eur", True),
        (">1usd", False),
        ("<1000000usd", False),
        ("customer:acme", True),
        ("customer:gmbh", True),
        ("customer:billing@acme", True),
        ("customer:cus_acme", True),
        ("customer:emca", False),
        ("overdue", False),
        ("since:2026-11-21", True),
        ("since:2026-11-22", False),
    ],
)
def test_an_invoice_fits_all_parts_or_not_at_all(text: str, fits: bool) -> None:
    assert read(text).fits(ACME) is fits


def test_an_invoice_past_due_is_overdue() -> None:
    assert read("overdue").fits(replace(ACME, failed_because=FailedBecause.PAST_DUE))


def test_an_invoice_without_a_date_is_not_since_any() -> None:
    assert not read("since:2020-01-01").fits(replace(ACME, created_at=None))
    assert read("").fits(replace(ACME, created_at=NOW - timedelta(days=4000)))


def test_an_invoice_of_nobody_is_no_customer_s() -> None:
    assert not read("customer:acme").fits(an_invoice())
