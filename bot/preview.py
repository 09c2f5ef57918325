"""`recoup digest NAME --dry-run`: the digest as text, with nothing recorded and nothing posted."""

from __future__ import annotations

from bot.app import SystemClock, open_accounts
from bot.domain.choices import Standing, choices_for
from bot.domain.content import DigestContent, Row
from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice
from bot.domain.offer import Offer, Place, new_offer_id
from bot.ports import Clock
from bot.services.accounts import Accounts
from bot.services.digests import DigestReader
from bot.settings import Configuration
from handlers.views.render import plain


async def print_digest(configuration: Configuration, name: str) -> None:
    """Raises UnusableValue for a name that is not configured."""
    plan = next((plan for plan in configuration.digests if plan.name == name), None)
    if plan is None:
        known = ", ".join(plan.name for plan in configuration.digests) or "none"
        raise UnusableValue(f"There is no digest “{name}” in recoup.toml; configured: {known}.")
    clock = SystemClock()
    accounts = open_accounts(configuration.accounts, clock)
    try:
        found = await DigestReader(accounts, clock).read(plan)
        rows = [row for invoice in found.invoices if (row := _row(invoice, accounts, clock)) is not None]
    finally:
        await accounts.close()
    content = DigestContent(digest=found.digest, rows=tuple(rows), is_preview=True)
    print(plain(content, command=configuration.command, now=clock.now()))  # noqa: T201 - a command's output


def _row(invoice: Invoice, accounts: Accounts, clock: Clock) -> Row | None:
    facts = accounts.facts(invoice.ref.account)
    if facts is None:
        return None
    now = clock.now()
    offer = Offer(id=new_offer_id(), invoice=invoice, actions=0, place=Place("dry-run", ""), made_at=now)
    standing = Standing(invoice=invoice, facts=facts, last_retry=None, now=now)
    choices = choices_for(standing, None, is_card=False, is_private=False)
    return Row(offer=offer, facts=facts, choices=choices)
