"""Exact money: whole minor units and an ISO 4217 code, never a float."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from types import MappingProxyType
from typing import Final

from bot.domain.errors import UnusableValue

# ISO 4217 active codes, by the number of decimals of their minor unit. Source: ISO 4217 list one.
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP "
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS "
    "KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD "
    "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    dict.fromkeys(_TWO.split(), 2) | dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)
)
"""Decimals of the minor unit by ISO 4217 code."""

_CODE = re.compile(r"[A-Z]{3}")
_LARGEST = 10**15  # keeps every amount inside a 64-bit column and inside what a person can mean
_EXACT = Context(prec=40, traps=[Inexact, InvalidOperation])  # the default context would round the 29th digit in silence


def exponent_of(currency: str) -> int:
    """Decimals of `currency`; 2 for a code that is newer than our list."""
    return EXPONENTS.get(currency, 2)


def known_currency(text: str) -> str:
    """The ISO 4217 code that a person wrote, upper-cased; raises UnusableValue when there is none such."""
    code = text.strip().upper()
    if code not in EXPONENTS:
        raise UnusableValue(f"“{text}” is not an ISO 4217 currency code such as EUR or USD")
    return code


def _whole(value: Decimal, decimals: int) -> int | None:
    """`value` in minor units; None when it is not a whole number of them."""
    try:
        scaled = value.scaleb(decimals, context=_EXACT)
    except Inexact:
        return None
    return int(scaled) if scaled == scaled.to_integral_value() else None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `minor` counts the currency's own minor units (cents; whole yen; fils)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise UnusableValue("an amount must be a whole number of minor units")
        if abs(self.minor) > _LARGEST:
            raise UnusableValue("an amount is too large to be true")
        if not _CODE.fullmatch(self.currency):
            raise UnusableValue("a currency must be three capital letters")

    @classmethod
    def from_major(cls, amount: str | Decimal, currency: str) -> Money:
        """Read "49.00" exactly; raises UnusableValue for what the currency cannot hold."""
        try:
            value = Decimal(str(amount).strip())
        except InvalidOperation:
            raise UnusableValue(f"“{amount}” is not an amount; write it like 49.90") from None
        if not value.is_finite():
            raise UnusableValue(f"“{amount}” is not an amount; write it like 49.90")
        if value.adjusted() > len(str(_LARGEST)):  # before any arithmetic: 1e999999 is a number, and a very long one
            raise UnusableValue("an amount is too large to be true")
        minor = _whole(value, exponent_of(currency))
        if minor is None:
            raise UnusableValue(f"{amount} has more decimals than {currency} has")
        return cls(minor, currency)

    @property
    def major(self) -> Decimal:
        """The amount in the currency's main unit, with all its decimals."""
        return Decimal(self.minor).scaleb(-exponent_of(self.currency))

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __le__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def __lt__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor < other.minor

    def __str__(self) -> str:
        """Plain and unambiguous, for logs and the terminal: "EUR 420.00"."""
        return f"{self.currency} {self.major:,f}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise UnusableValue(f"{self.currency} and {other.currency} cannot be added or compared")


@dataclass(frozen=True, slots=True)
class MinorUnits:
    """A provider's own convention for amounts, where it differs from ISO 4217 (Stripe sends ISK with two decimals)."""

    exponents: Mapping[str, int] = field(default_factory=dict)

    def read(self, amount: int, currency: str) -> Money:
        """The provider's integer as Money; raises UnusableValue when it does not fit the currency exactly."""
        code = currency.upper()
        return Money.from_major(Decimal(amount).scaleb(-self._exponent(code)), code)

    def write(self, money: Money) -> int:
        """Money as the provider's integer; raises UnusableValue when the provider cannot express it."""
        scaled = money.major.scaleb(self._exponent(money.currency))
        if scaled != scaled.to_integral_value():
            raise UnusableValue(f"{money} cannot be written in the provider's units")
        return int(scaled)

    def _exponent(self, currency: str) -> int:
        return self.exponents.get(currency, exponent_of(currency))


def totals(amounts: Iterable[Money]) -> dict[str, Money]:
    """Sums by currency; amounts of different currencies are never added."""
    sums: defaultdict[str, int] = defaultdict(int)
    for amount in amounts:
        sums[amount.currency] += amount.minor
    return {currency: Money(minor, currency) for currency, minor in sums.items()}
