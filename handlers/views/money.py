"""Amounts as people read them: the ISO code first, so that no dollar is mistaken for another."""

from __future__ import annotations

from babel.numbers import format_decimal

from bot.domain.money import Money, exponent_of


def amount(money: Money) -> str:
    """ "EUR 1,420.00", "JPY 12,000", "KWD 1.250".

    The decimals are ours, by ISO 4217: CLDR rounds some currencies for display (IQD, LBP), and a rounded amount would
    be a false one.
    """
    decimals = exponent_of(money.currency)
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return f"{money.currency} {format_decimal(money.major, format=pattern, locale='en')}"
