"""Money is exact: no float, no rounding, no mixing of currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UnusableValue
from bot.domain.money import EXPONENTS, MinorUnits, Money, exponent_of, known_currency, totals

LARGEST = 10**15
currencies = st.sampled_from(["EUR", "USD", "JPY", "KWD", "ISK", "BHD"])
minors = st.integers(-LARGEST, LARGEST)
moneys = st.builds(Money, minors, currencies)


@given(moneys)
def test_an_amount_survives_the_way_through_text(money: Money) -> None:
    assert Money.from_major(str(money.major), money.currency) == money
    assert Money.from_major(money.major, money.currency) == money
    assert Money.from_major(str(money).split(" ")[1].replace(",", ""), money.currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("49.00", "EUR", 4900),
        ("49", "EUR", 4900),
        (" 0.01 ", "EUR", 1),
        ("12000", "JPY", 12000),
        ("1.250", "KWD", 1250),
        ("-5.00", "USD", -500),
        ("1e3", "EUR", 100000),
    ],
)
def test_amounts_are_read_in_the_currencys_own_decimals(text: str, currency: str, minor: int) -> None:
    assert Money.from_major(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("49.001", "EUR"),
        ("0.5", "JPY"),
        ("1.0001", "KWD"),
        ("", "EUR"),
        ("ten", "EUR"),
        ("NaN", "EUR"),
        ("sNaN", "EUR"),
        ("Infinity", "EUR"),
        ("1,000.00", "EUR"),
        ("1e20", "EUR"),
        ("1e999999", "EUR"),
        ("1e-999999", "EUR"),
        ("10000000000000.01", "EUR"),
        ("0.010000000000000000000000000001", "EUR"),
        ("10000000000000.0000000000000000000000000001", "JPY"),
    ],
)
def test_what_the_currency_cannot_hold_is_refused_and_never_rounded(text: str, currency: str) -> None:
    with pytest.raises(UnusableValue):
        Money.from_major(text, currency)


@given(st.text(max_size=30), currencies)
def test_any_text_is_an_exact_amount_or_refused(text: str, currency: str) -> None:
    try:
        money = Money.from_major(text, currency)
    except UnusableValue:
        return
    assert money.major == Decimal(text.strip())


@pytest.mark.parametrize("minor", [1.0, "1", None, True, Decimal(1), LARGEST + 1, -LARGEST - 1])
def test_minor_units_are_whole_numbers_within_reason(minor: Any) -> None:
    with pytest.raises(UnusableValue):
        Money(minor, "EUR")


@pytest.mark.parametrize("currency", ["eur", "EU", "EURO", "", "E1R", "EUR\n", "ЕUR"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(UnusableValue):
        Money(1, currency)


@given(minors, minors, currencies)
def test_sums_and_comparisons_are_those_of_whole_numbers(a: int, b: int, currency: str) -> None:
    left, right = Money(a, currency), Money(b, currency)
    assert (left < right) is (a < b)
    assert (left <= right) is (a <= b)
    if abs(a + b) <= LARGEST and abs(a - b) <= LARGEST:
        assert (left + right).minor == a + b
        assert (left - right).minor == a - b
    else:
        with pytest.raises(UnusableValue):
            left + right if abs(a + b) > LARGEST else left - right


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_currencies_are_never_mixed(operation: str) -> None:
    with pytest.raises(UnusableValue, match="EUR and USD"):
        getattr(Money(1, "EUR"), operation)(Money(1, "USD"))


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(42000, "EUR"), "EUR 420.00"),
        (Money(123456789, "EUR"), "EUR 1,234,567.89"),
        (Money(12000, "JPY"), "JPY 12,000"),
        (Money(1, "KWD"), "KWD 0.001"),
        (Money(0, "EUR"), "EUR 0.00"),
        (Money(LARGEST, "JPY"), "JPY 1,000,000,000,000,000"),
    ],
)
def test_an_amount_is_written_without_doubt(money: Money, text: str) -> None:
    assert str(money) == text


@given(st.lists(moneys.filter(lambda money: abs(money.minor) <= 10**12), max_size=20))
def test_totals_keep_currencies_apart(amounts: list[Money]) -> None:
    sums = totals(amounts)
    assert set(sums) == {money.currency for money in amounts}
    for currency, total in sums.items():
        assert total == Money(sum(money.minor for money in amounts if money.currency == currency), currency)


def test_iso_decimals_are_known_and_two_is_assumed_for_newer_codes() -> None:
    assert (exponent_of("EUR"), exponent_of("JPY"), exponent_of("KWD"), exponent_of("XXQ")) == (2, 0, 3, 2)
    assert set(EXPONENTS.values()) == {0, 2, 3}


@pytest.mark.parametrize("text", ["XXQ", "", "euro", "€"])
def test_a_currency_that_a_person_wrote_has_to_exist(text: str) -> None:
    assert known_currency(" eur ") == "EUR"
    with pytest.raises(UnusableValue):
        known_currency(text)


# --- a provider's own units --------------------------------------------------------------------------------------

# Stripe sends these two in two decimals, whatever ISO 4217 says; three-decimal ones end in 0 there.
STRIPE_LIKE = MinorUnits({"ISK": 2, "UGX": 2})


@given(st.integers(-(10**12), 10**12), currencies)
def test_a_providers_integer_survives_reading_and_writing(amount: int, currency: str) -> None:
    try:
        money = STRIPE_LIKE.read(amount, currency.lower())
    except UnusableValue:
        assert currency == "ISK"
        assert amount % 100 != 0
        return
    assert STRIPE_LIKE.write(money) == amount


@given(st.integers(0, 10**12), currencies)
def test_money_survives_writing_and_reading(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert STRIPE_LIKE.read(STRIPE_LIKE.write(money), currency) == money


def test_a_provider_with_fewer_decimals_cannot_express_every_amount() -> None:
    coarse = MinorUnits({"KWD": 2})
    assert coarse.write(Money(1250, "KWD")) == 125
    with pytest.raises(UnusableValue, match="cannot be written"):
        coarse.write(Money(1251, "KWD"))
