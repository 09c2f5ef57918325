"""REF as people type it: `account:id`, a bare id, an invoice number, a pasted dashboard link. Parsed, never fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef

_SLACK_LINK = re.compile(r"<(https?://[^|<>\s]+)(?:\|[^<>]*)?>")
_QUOTES = " \"'`“”‘’«»„"
_NUMBER = re.compile(r"(?=.*\w)[\w#./-]{1,100}")


@dataclass(frozen=True, slots=True)
class IdAt:
    """An id whose shape says whose it is, at one of these accounts."""

    id: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberAt:
    """An invoice number, to be searched at these accounts."""

    number: str
    accounts: tuple[str, ...]


Reference = InvoiceRef | IdAt | NumberAt


class OtherKind(StrEnum):
    """What people paste where an invoice is wanted."""

    CUSTOMER = "customer"
    EMAIL = "email"
    PAYMENT = "payment"
    SUBSCRIPTION = "subscription"
    METHOD = "method"
    OTHER = "other"


_PREFIXES: Mapping[str, OtherKind] = {
    "cus": OtherKind.CUSTOMER,
    "pi": OtherKind.PAYMENT,
    "ch": OtherKind.PAYMENT,
    "py": OtherKind.PAYMENT,
    "re": OtherKind.PAYMENT,
    "sub": OtherKind.SUBSCRIPTION,
    "pm": OtherKind.METHOD,
    "card": OtherKind.METHOD,
    "src": OtherKind.METHOD,
    "ii": OtherKind.OTHER,
    "acct": OtherKind.OTHER,
}
"""Small letters before an underscore, as Stripe begins its ids; no invoice number that we know of looks so.
https://docs.stripe.com/api"""
_CAPITAL = re.compile(r"^(?:[A-Za-z0-9-]+:\s*)?[A-Z][a-z]{1,3}(?=_)")
"""What a phone makes of `in_…` at the start of a sentence. `IN_…` is left alone: somebody's numbers may look so."""
_OBJECT_ID = re.compile(r"(?:[a-z0-9-]+:)?([a-z]+)_(?=\d*[A-Za-z])[A-Za-z0-9]{3,}")
_EMAIL = re.compile(r"[^\s@:/<>|]+@[^\s@:/<>|]+\.[^\s@:/<>|]+")


def other_kind(word: str) -> OtherKind | None:
    """What `word` names, where its shape says that it is surely no invoice."""
    if _EMAIL.fullmatch(word):
        return OtherKind.EMAIL
    found = _OBJECT_ID.fullmatch(word)
    return _PREFIXES.get(found[1]) if found is not None else None


def parse_reference(text: str, patterns: Mapping[str, str]) -> Reference:
    """Read what was typed; `patterns` maps each configured account to its provider's id pattern.

    Raises UnusableValue with one helpful sentence for anything that cannot be a reference.
    """
    word = _clean(text)
    if not word:
        raise UnusableValue("Which invoice? Give its id, its number or a dashboard link.")
    word = _CAPITAL.sub(lambda found: found[0].lower(), word)
    if "://" in word:
        return _from_link(word, patterns)
    account, colon, rest = word.partition(":")
    if colon and account.strip():
        return _at_account(account.strip().lower(), rest.strip(), patterns)
    return _bare(word, patterns)


def _clean(text: str) -> str:
    """Without what phones and Slack add: quotes, angle brackets around links, a full stop at the end."""
    text = _trim(text)
    if (link := _SLACK_LINK.fullmatch(text)) is not None:
        return link.group(1)
    return _trim(text.strip("<>"))


def _trim(text: str) -> str:
    """A number sign is how people say "number"; Slack's own `<#C…>` stands in brackets and is no number."""
    return text.strip().lstrip(_QUOTES).rstrip(f"{_QUOTES}.,;!?").removeprefix("#")


def _bare(word: str, patterns: Mapping[str, str]) -> Reference:
    owners = tuple(account for account, pattern in patterns.items() if re.fullmatch(pattern, word))
    if owners:
        return InvoiceRef(owners[0], word) if len(owners) == 1 else IdAt(word, owners)
    if not _NUMBER.fullmatch(word):
        raise UnusableValue("That is neither an invoice id nor a number. It looks like `stripe:in_1AbC` or `EX-0042`.")
    return NumberAt(word, tuple(patterns))


def _at_account(account: str, rest: str, patterns: Mapping[str, str]) -> Reference:
    if account not in patterns:
        known = ", ".join(f"`{name}`" for name in sorted(patterns))
        raise UnusableValue(f"There is no account of that name here. Known accounts: {known}.")
    if re.fullmatch(patterns[account], rest):
        return InvoiceRef(account, rest)
    if not _NUMBER.fullmatch(rest):
        raise UnusableValue(f"After `{account}:` comes an invoice id or number, such as `{account}:in_1AbC`.")
    return NumberAt(rest, (account,))


def _from_link(link: str, patterns: Mapping[str, str]) -> Reference:
    try:
        path = urlsplit(link).path
    except ValueError:
        raise UnusableValue("That link is broken. Paste the link of the invoice's own page.") from None
    if "://" in path:  # guessing which of two links is meant could charge the wrong customer
        raise UnusableValue("Those are several links. One invoice at a time, please.")
    segments = [unquote(part) for part in path.split("/") if part]
    for segment in reversed(segments):
        owners = tuple(account for account, pattern in patterns.items() if re.fullmatch(pattern, segment))
        if owners:
            return InvoiceRef(owners[0], segment) if len(owners) == 1 else IdAt(segment, owners)
    raise UnusableValue("That link names no invoice that I know. Paste the link of the invoice's own page.")
