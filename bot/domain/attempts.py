"""How often a bank was asked about one invoice lately: card networks take fees from those who ask too often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.invoice import Invoice

WINDOW = timedelta(days=30)
"""The card networks' own window; it slides."""
_TRAVELS = timedelta(minutes=2)
"""A charge that appears this soon after a send of ours is ours."""
_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Budget:
    """From `warn` attempts on Retry asks back, from `block` on it is refused. Visa takes fees beyond 15 in 30 days."""

    warn: int = 8
    block: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Attempts worth telling: at least so many lately, of `limit`. `free_at` is when a retry is possible again, with no
    further attempt by anybody; None below the limit."""

    at_least: int
    limit: int
    free_at: datetime | None = None


def spent(
    invoice: Invoice, retries: Sequence[datetime], budget: Budget, now: datetime, *, lists_ours: bool
) -> Spent | None:
    """None below the warning. `retries` are the sends of ours that may have reached the bank; `lists_ours` says whether the
    provider's count of attempts holds those too."""

    def count(at: datetime) -> int:
        return attempts_by(invoice, retries, at, lists_ours=lists_ours)

    known = count(now)
    if known < budget.warn:
        return None
    if known < budget.block:
        return Spent(at_least=known, limit=budget.block)
    moments = (*retries, invoice.created_at, invoice.newest_charge_at)
    ends = sorted(moment + WINDOW for moment in moments if moment is not None)
    free_at = next((end for end in ends if end > now and count(end) < budget.block), None)
    return Spent(at_least=known, limit=budget.block, free_at=free_at)


def attempts_by(invoice: Invoice, retries: Sequence[datetime], now: datetime, *, lists_ours: bool) -> int:
    """At least so many in the 30 days before `now`. The provider's count has no dates: it counts while the whole invoice is
    younger than that. Of an older one only the newest charge is dated, and counts unless it is ours."""
    since = now - WINDOW
    ours = sum(since < at <= now for at in retries)
    is_young = invoice.created_at is not None and invoice.created_at > since
    listed = (invoice.attempts or 0) if is_young else 0
    dated = int(_is_newest_of_others(invoice, retries, since))
    return max(listed, ours + dated) if lists_ours else ours + max(listed, dated)


def _is_newest_of_others(invoice: Invoice, retries: Sequence[datetime], since: datetime) -> bool:
    at = invoice.newest_charge_at
    return at is not None and at > since and not any(sent - _SKEW <= at <= sent + _TRAVELS for sent in retries)
