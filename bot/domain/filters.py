"""The words of `failed`: which of the failed invoices a person wants to see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from bot.domain.decline import DeclineClass
from bot.domain.errors import UnusableValue
from bot.domain.invoice import FailedBecause, Invoice
from bot.domain.money import Money, known_currency

_AMOUNT = re.compile(r"([<>])([\d.,]+)([a-z]{3})", re.IGNORECASE)
_SPACED_AMOUNT = re.compile(r"([<>])\s*([\d.,]+)\s*([a-z]{3})(?=\s|$)", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
_QUOTES = "\"'“”‘’„«»`"
_PAGE = re.compile(r"page:(\d{1,4})", re.IGNORECASE | re.ASCII)
_UNSIGNED = re.compile(r"[\d.,]+([a-z]{3})?", re.IGNORECASE)
_SPACED_NAME = re.compile(r"\b(customer|since|page)\s*:\s*(?=\S)", re.IGNORECASE)
_KINDS = {
    "hard": DeclineClass.HARD,
    "soft": DeclineClass.SOFT,
    "unclear": DeclineClass.UNCLEAR,
    "authentication": DeclineClass.NEEDS_AUTHENTICATION,
}
EXAMPLES = "`stripe`, `>500eur`, `customer:acme`, `hard`, `overdue`, `since:2026-11-01`, `page:2`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """All parts must fit; None leaves a part open. `kind` needs the decline reason, which a listing does not carry."""

    accounts: tuple[str, ...] | None = None
    more_than: Money | None = None
    less_than: Money | None = None
    customer: str | None = None
    kind: DeclineClass | None = None
    overdue: bool = False
    since: datetime | None = None
    page: int = 1

    def fits(self, invoice: Invoice) -> bool:
        """Everything but `kind` and `accounts`."""
        return (
            self._amount_fits(invoice.owed)
            and (self.customer is None or _is_customer(invoice, self.customer))
            and (not self.overdue or invoice.failed_because is FailedBecause.PAST_DUE)
            and (self.since is None or (invoice.created_at is not None and invoice.created_at >= self.since))
        )

    def _amount_fits(self, owed: Money) -> bool:
        for limit in (self.more_than, self.less_than):
            if limit is not None and limit.currency != owed.currency:
                return False
        is_more = self.more_than is None or self.more_than < owed
        return is_more and (self.less_than is None or owed < self.less_than)


def parse_filter(text: str, accounts: tuple[str, ...]) -> Filter:
    """Raises UnusableValue naming the word that was not understood, with examples."""
    parts: dict[str, object] = {}
    for word in _SPACED_NAME.sub(r"\1:", _SPACED_AMOUNT.sub(r"\1\2\3", text)).split():
        parts |= _part(word.strip(_QUOTES).rstrip(",;").lower(), accounts)
    return Filter(**parts)  # type: ignore[arg-type]  # each part is built with its own type just below


def is_amount(word: str) -> bool:
    """Whether this is a word of `failed` such as `>500eur`, however well it is written."""
    return re.match(r"[<>]=?[\d.,]", word) is not None


def _part(word: str, accounts: tuple[str, ...]) -> dict[str, object]:
    if word in accounts:
        return {"accounts": (word,)}
    if word in _KINDS:
        return {"kind": _KINDS[word]}
    if word in {"overdue", "past-due", "pastdue"}:
        return {"overdue": True}
    if (amount := _AMOUNT.fullmatch(word)) is not None:
        return _amount(*amount.groups())
    if (page := _PAGE.fullmatch(word)) is not None:
        return {"page": max(int(page.group(1)), 1)}
    return _named(word)


def _amount(sign: str, digits: str, currency: str) -> dict[str, object]:
    if "," in digits and not _THOUSANDS.fullmatch(digits):  # a decimal comma, read as none, would be a hundredfold
        raise UnusableValue(f"“{digits[:40]}” is not an amount here; write it like `>1500.50{currency}`.")
    money = Money.from_major(digits.replace(",", ""), known_currency(currency))
    return {"more_than" if sign == ">" else "less_than": money}


def _named(word: str) -> dict[str, object]:
    name, colon, value = word.partition(":")
    if colon and value.strip(_QUOTES) and name == "customer":
        return {"customer": value.strip(_QUOTES)}
    if colon and name == "since":
        try:
            return {"since": datetime.combine(date.fromisoformat(value), time(), UTC)}
        except ValueError:
            raise UnusableValue("After `since:` comes a date like `2026-11-01`.") from None
    if colon and name == "page":
        raise UnusableValue("After `page:` comes a number like `page:2`.")
    if is_amount(word) or _UNSIGNED.fullmatch(word):
        raise UnusableValue("An amount needs its sign and its currency, like `>500eur` or `<20usd`.")
    shown = word[:40].replace("`", "'")
    raise UnusableValue(f"I don't know the word `{shown}` here. Words I know: {EXAMPLES}.")


def _is_customer(invoice: Invoice, text: str) -> bool:
    known = (invoice.customer_name, invoice.customer_email, invoice.customer_id)
    return any(text in value.lower() for value in known if value)
