"""The daily digest: which invoices are shown, which are only counted, and what is missing."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.decline import DeclineClass
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.money import Money

ROWS_SHOWN = 10
ASKED = "now:"
"""How the scheduled part of a key begins for a run that somebody asked for."""


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """One `[digest.<name>]` of the configuration. `timezone` is an IANA name, `cron` five fields with weekday names."""

    name: str
    channel: str
    cron: str
    timezone: str
    accounts: tuple[str, ...]
    minimum: Mapping[str, Money] = field(default_factory=dict)
    quiet_line: bool = False


@dataclass(frozen=True, slots=True)
class DigestKey:
    """Names one run: the digest, and the scheduled local time (`2026-11-21T09:00`) or the delivery that asked for it."""

    digest: str
    scheduled: str

    @classmethod
    def asked(cls, digest: str, user: str, delivery: str) -> DigestKey:
        """The run that somebody asked for; Slack's delivery again is the same run again."""
        return cls(digest, f"{ASKED}{user}:{delivery[:40]}")

    @property
    def asked_by(self) -> str | None:
        """Who asked for the run; None for a scheduled one."""
        if not self.scheduled.startswith(ASKED):
            return None
        return self.scheduled.removeprefix(ASKED).partition(":")[0]

    def __str__(self) -> str:
        return f"{self.digest}@{self.scheduled}"


@dataclass(frozen=True, slots=True)
class ListedInvoice:
    """The little that is kept of every failed invoice of a run."""

    ref: InvoiceRef
    amount: Money
    kind: DeclineClass | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """An invoice that somebody wants to see in every digest until nothing is owed on it any more."""

    ref: InvoiceRef
    by: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """What a digest lacks and why, in one sentence: an account that could not be read, rows that made no sense."""

    account: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotal:
    """Everything failed in one currency, shown or not."""

    total: Money
    count: int
    below_minimum: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one run found. `new` and `recovered` are None on the first run; `late_since` is set when it was posted late.

    `recovered` counts invoices of the run before that are failed no more (paid, voided or written off); accounts that
    could not be read are left out of that count.
    """

    plan_name: str
    as_of: datetime
    timezone: str
    totals: tuple[CurrencyTotal, ...]
    shown: int
    new: int | None = None
    recovered: int | None = None
    gaps: tuple[Gap, ...] = ()
    accounts: tuple[str, ...] = ()
    test_accounts: tuple[str, ...] = ()
    late_since: datetime | None = None
    asked_by: str | None = None
    quiet_line: bool = False
    watched: frozenset[str] = frozenset()
    """REFs of the rows that stand here because somebody watches them, not because they failed."""

    @property
    def count(self) -> int:
        return sum(total.count for total in self.totals)

    @property
    def below_minimum(self) -> int:
        return sum(total.below_minimum for total in self.totals)


class Tally:
    """Counts a stream of invoices in memory that depends on the rows shown, never on the number of invoices."""

    def __init__(self, minimum: Mapping[str, Money], rows: int = ROWS_SHOWN) -> None:
        self._minimum = minimum
        self._rows = rows
        self._sums: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._below: dict[str, int] = {}
        self._largest: dict[str, list[tuple[int, str, int, Invoice]]] = {}

    def add(self, invoice: Invoice) -> None:
        currency = invoice.owed.currency
        self._sums[currency] = self._sums.get(currency, 0) + invoice.owed.minor
        self._counts[currency] = self._counts.get(currency, 0) + 1
        if (least := self._minimum.get(currency)) is not None and invoice.owed < least:
            self._below[currency] = self._below.get(currency, 0) + 1
            return
        heap = self._largest.setdefault(currency, [])
        # The count keeps two readings of one invoice (a listing can overlap) from being compared with each other.
        entry = (invoice.owed.minor, str(invoice.ref), self._counts[currency], invoice)
        if len(heap) < self._rows:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)

    def totals(self) -> tuple[CurrencyTotal, ...]:
        """The currency with most rows first."""
        return tuple(
            CurrencyTotal(
                total=Money(self._sums[currency], currency),
                count=self._counts[currency],
                below_minimum=self._below.get(currency, 0),
            )
            for currency in self._by_rows()
        )

    def rows(self) -> list[Invoice]:
        """At most the rows shown: grouped by currency, most rows first, largest amount first, none left out wholly."""
        ranked = {
            c: [e[3] for e in sorted(self._largest[c], reverse=True)] for c in self._by_rows() if self._largest.get(c)
        }
        shares = dict.fromkeys(list(ranked)[: self._rows], 1)
        left = self._rows - len(shares)
        for currency in shares:
            extra = min(left, len(ranked[currency]) - 1)
            shares[currency] += extra
            left -= extra
        return [invoice for currency, share in shares.items() for invoice in ranked[currency][:share]]

    def _by_rows(self) -> list[str]:
        return sorted(self._counts, key=lambda c: (self._below.get(c, 0) - self._counts[c], c))


def listed(invoices: Iterable[Invoice]) -> list[ListedInvoice]:
    return [ListedInvoice(invoice.ref, invoice.owed, invoice.decline_kind) for invoice in invoices]
