"""Cleaning, cutting and escaping; amounts, moments and ages."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import EXPONENTS, Money
from handlers.views.money import amount
from handlers.views.text import (
    UNKNOWN_CUSTOMER,
    ZERO_WIDTH,
    clean,
    code,
    customer,
    cut,
    cut_mrkdwn,
    escape,
    link,
    person,
    prose,
    readable,
    size,
)
from handlers.views.times import age, clock, moment, spoken

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@given(st.text())
def test_cleaned_text_is_one_line_of_visible_characters(text: str) -> None:
    kept = clean(text)
    assert kept == " ".join(kept.split())
    assert all(unicodedata.category(character) not in {"Cc", "Cs"} for character in kept)
    assert all(unicodedata.category(character) != "Cf" or character in "\u200c\u200d" for character in kept)


@pytest.mark.parametrize("text", ["", "\u200b", "\u202e\u2066", "\u200d", "\n\t", "\u3164\u2800", "\ud800"])
def test_text_that_shows_nothing_is_an_unknown_customer(text: str) -> None:
    assert customer(text, None) == UNKNOWN_CUSTOMER
    assert customer(None, "ap@acme.example") == "ap@acme.example"


@given(st.text(), st.integers(1, 40))
def test_cutting_keeps_the_limit_and_says_that_it_cut(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert size(short) <= limit
    assert short == text or short.endswith("…")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Acme GmbH", 9, "Acme GmbH"),
        ("Acme GmbH", 8, "Acme Gm…"),
        ("Acme GmbH", 6, "Acme…"),
        ("cafe\u0301s au lait", 5, "caf…"),
        ("a👩‍👩‍👧b", 6, "a…"),
        ("a👍🏽bcdef", 5, "a…"),
        ("😀😀😀", 4, "😀…"),
        ("❤️❤️❤️", 4, "❤️…"),
    ],
)
def test_a_cut_never_splits_what_belongs_together(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(st.text(), st.integers(10, 60))
def test_cutting_mrkdwn_leaves_no_half_token_and_no_half_escape(text: str, limit: int) -> None:
    composed = f"{escape(text)} <@U0ANA> &amp; <!date^1^{{time}}|09:14 UTC> {escape(text)}"
    short = cut_mrkdwn(composed, limit)
    assert size(short) <= limit
    assert short.count("<") == short.count(">")
    assert all(part.startswith(("amp;", "lt;", "gt;")) for part in short.split("&")[1:])


@pytest.mark.parametrize(
    ("data", "safe"),
    [
        ("Smith & Sons", "Smith &amp; Sons"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("&lt;", "&amp;lt;"),
        ("INV_0042_7", "INV_0042_7"),
        ("*bold*", f"{ZERO_WIDTH}*{ZERO_WIDTH}bold{ZERO_WIDTH}*{ZERO_WIDTH}"),
        (":fire:", f":{ZERO_WIDTH}fire:"),
        ("https://evil.example", f"https:{ZERO_WIDTH}//evil.example"),
        ("two\nlines", "two lines"),
    ],
)
def test_data_in_mrkdwn_stays_what_it_is(data: str, safe: str) -> None:
    assert escape(data) == safe


@given(st.text(max_size=60))
def test_escaped_data_reads_as_the_data(text: str) -> None:
    assert readable(escape(text)) == clean(text)


def test_code_cannot_be_left_by_a_backtick() -> None:
    assert code("in_1` <!here>") == "`in_1' &lt;!here&gt;`"
    assert code("") == code(None) == ""


def test_prose_keeps_its_code_and_nothing_else() -> None:
    assert prose("Write `stripe:in_1` or <b>.") == "Write `stripe:in_1` or &lt;b&gt;"
    assert prose("one ` only") == f"one {ZERO_WIDTH}`{ZERO_WIDTH} only"


@pytest.mark.parametrize("user", [None, "", "U1 ", "<!here>", "u0ana", "U1><!channel"])
def test_what_is_no_user_id_is_not_mentioned(user: str | None) -> None:
    assert person(user) == "somebody"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://invoice.stripe.com/x",
        "https://",
        "https://ok.example@evil.example/",
        "https://ev\u0456l.example/x",
        "https://x.example/a b",
        "https://x.example/\u202e",
        "https://[broken/",
        "https://x.example/" + "a" * 3000,
    ],
)
def test_a_link_that_could_mislead_is_not_shown(url: str) -> None:
    assert link(url, "Open") is None


def test_a_link_shows_its_host_and_cannot_end_early() -> None:
    shown = link("https://invoice.stripe.com/i?a=1&b=<|>", "Payment page")
    assert shown == "<https://invoice.stripe.com/i?a=1&amp;b=%3C%7C%3E|Payment page (invoice.stripe.com)>"
    assert link("http://127.0.0.1:8080/pay", "Pay") == "<http://127.0.0.1:8080/pay|Pay (127.0.0.1)>"


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(142000, "EUR"), "EUR 1,420.00"),
        (Money(12000, "JPY"), "JPY 12,000"),
        (Money(1250, "KWD"), "KWD 1.250"),
        (Money(5, "USD"), "USD 0.05"),
        (Money(10**15, "EUR"), "EUR 10,000,000,000,000.00"),
        (Money(12345, "LBP"), "LBP 123.45"),
    ],
)
def test_amounts_name_their_currency_first(money: Money, shown: str) -> None:
    assert amount(money) == shown


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(EXPONENTS)))
def test_no_amount_is_rounded_for_display(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    code_shown, _, digits = amount(money).partition(" ")
    assert code_shown == currency
    assert Decimal(digits.replace(",", "")) == money.major


def test_a_moment_is_each_readers_own_and_falls_back_to_utc() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert moment(berlin) == "<!date^1795262400^{date_short_pretty} at {time}|2026-11-21 12:00 UTC>"
    assert clock(berlin) == "<!date^1795262400^{time}|12:00 UTC>"
    assert spoken(berlin) == "2026-11-21 12:00 UTC"


@pytest.mark.parametrize(
    ("days", "words"), [(-3, "less than a day"), (0.9, "less than a day"), (1, "1 day"), (1.9, "1 day"), (12, "12 days")]
)
def test_ages_are_whole_days(days: float, words: str) -> None:
    assert age(NOON - timedelta(days=days), NOON) == words
