"""What people type after `find`: free text, an id, or a pasted link, and which page of the answer they want."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.domain.reference import IdAt, parse_reference

_PAGE = re.compile(r"page:\s*(\d{1,4})", re.IGNORECASE | re.ASCII)
_WRAPPED = re.compile(r"<(?:mailto:|tel:)?([^<>|]+)(?:\|[^<>]*)?>")
_QUOTES = " \"'`“”‘’«»„"
_OPAQUE = re.compile(r"[\x21-\x7e]{1,200}")
_SHORTEST, _LONGEST = 2, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """`refs` is set where the text names invoices by id or link; otherwise `text` is searched at `accounts`."""

    text: str
    accounts: tuple[str, ...]
    refs: tuple[InvoiceRef, ...] = ()
    page: int = 1


def parse_search(typed: str, patterns: Mapping[str, str], opaque: frozenset[str] = frozenset()) -> Search:
    """`patterns` maps each account that may be searched to its provider's id pattern; at the `opaque` ones whatever stands
    after `account:` is an id. A link is parsed, never fetched.

    Raises UnusableValue with one helpful sentence for what cannot be searched for.
    """
    pages = [int(number) for number in _PAGE.findall(typed)]
    text = _clean(_PAGE.sub(" ", typed))
    page = max([1, *pages[-1:]])
    if not text:
        raise UnusableValue("What shall I look for? A number, a customer's name or e-mail, an id or a dashboard link.")
    account, colon, rest = text.partition(":")
    if colon and account.strip().lower() in patterns and rest.strip():
        name = account.strip().lower()
        patterns, text = {name: patterns[name]}, rest.strip()
        if name in opaque and _OPAQUE.fullmatch(text):
            return Search(text=text, accounts=(name,), refs=(InvoiceRef(name, text),), page=page)
    if not _SHORTEST <= len(text) <= _LONGEST:
        raise UnusableValue(f"Give me {_SHORTEST} to {_LONGEST} characters: a number, a name, an e-mail or an id.")
    accounts = tuple(patterns)
    if "://" in text or any(re.fullmatch(pattern, text) for pattern in patterns.values()):
        return Search(text=text, accounts=accounts, refs=_refs(text, patterns), page=page)
    return Search(text=text, accounts=accounts, page=page)


def _refs(text: str, patterns: Mapping[str, str]) -> tuple[InvoiceRef, ...]:
    match parse_reference(text, patterns):
        case InvoiceRef() as ref:
            return (ref,)
        case IdAt(id=identifier, accounts=accounts):
            return tuple(InvoiceRef(account, identifier) for account in accounts)
        case _:
            return ()


def _clean(text: str) -> str:
    """Without what phones and Slack add: quotes around it, angle brackets around links and e-mail addresses."""
    text = " ".join(text.split()).strip(_QUOTES)
    if (wrapped := _WRAPPED.fullmatch(text)) is not None:
        text = wrapped.group(1)
    return text.strip(_QUOTES)
