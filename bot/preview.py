"""`recoup digest NAME --dry-run`: the digest as text, with nothing recorded and nothing posted."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from bot.app import SystemClock, open_accounts
from bot.domain.choices import Standing, choices_for
from bot.domain.content import DigestContent, Row
from bot.domain.digest import Watched
from bot.domain.errors import JournalUnavailable, UnusableValue
from bot.domain.invoice import Invoice
from bot.domain.offer import Offer, Place, new_offer_id
from bot.ports import Clock
from bot.services.accounts import Accounts
from bot.services.digests import DigestReader, WatchedAt
from bot.settings import Configuration
from bot.storage.engine import open_storage
from bot.storage.schema import schema_is_current
from handlers.views.render import plain


async def print_digest(configuration: Configuration, name: str) -> None:
    """Raises UnusableValue for a name that is not configured."""
    plan = next((plan for plan in configuration.digests if plan.name == name), None)
    if plan is None:
        known = ", ".join(plan.name for plan in configuration.digests)
        there = f"configured: {known}" if known else "none is configured. `recoup init` writes a file to start from"
        raise UnusableValue(f"There is no digest “{name}” in recoup.toml; {there}.")
    clock = SystemClock()
    accounts = open_accounts(configuration.accounts, clock)
    try:
        async with _watched(configuration.database_url) as watched:
            found = await DigestReader(accounts, watched, clock).read(plan)
        rows = [row for invoice in found.invoices if (row := _row(invoice, accounts, clock)) is not None]
    finally:
        await accounts.close()
    content = DigestContent(digest=found.digest, rows=tuple(rows), is_preview=True)
    print(plain(content, command=configuration.command, now=clock.now()))  # noqa: T201 - a command's output


@asynccontextmanager
async def _watched(url: str) -> AsyncGenerator[WatchedAt]:
    """Read-only, beside a running bot. Without a database yet nothing is watched, and the digest can be tried already."""
    try:
        is_current = await schema_is_current(url)
    except JournalUnavailable as error:
        print(f"recoup: {error}; watched invoices are missing here", file=sys.stderr)  # noqa: T201 - see print_digest
        is_current = False
    if not is_current:
        yield _nothing_watched
        return
    async with open_storage(url, read_only=True) as storage:
        yield storage.watchlist.watched


async def _nothing_watched(accounts: Sequence[str]) -> list[Watched]:
    del accounts
    return []


def _row(invoice: Invoice, accounts: Accounts, clock: Clock) -> Row | None:
    facts = accounts.facts(invoice.ref.account)
    if facts is None:
        return None
    now = clock.now()
    offer = Offer(id=new_offer_id(), invoice=invoice, actions=0, place=Place("dry-run", ""), made_at=now)
    standing = Standing(invoice=invoice, facts=facts, now=now)
    choices = choices_for(standing, None, is_card=False, is_private=False)
    return Row(offer=offer, facts=facts, choices=choices)
