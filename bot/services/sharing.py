"""Share here: a private card becomes a message of the channel, with offers of its own, redrawn like every other."""

from __future__ import annotations

from bot.domain.content import CardContent
from bot.domain.errors import ProviderFailure
from bot.domain.offer import Offer, Place
from bot.domain.policy import Actor
from bot.ports import Announcer, Journal
from bot.services.accounts import Accounts
from bot.services.messages import new_message
from bot.services.rows import Rows


class Sharing:
    """Posts what is true now, not what the private card showed."""

    def __init__(self, journal: Journal, accounts: Accounts, rows: Rows, announcer: Announcer) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rows = rows
        self._announcer = announcer

    async def share(self, offer: Offer, channel: str, actor: Actor) -> None:
        """Raises SlackFailure where the channel does not take it."""
        try:
            invoice = await self._accounts.get(offer.ref) or offer.invoice
        except ProviderFailure:
            invoice = offer.invoice
        message = new_message("card")
        drawn = await self._rows.drawn(invoice, Place(message, channel))
        row = await self._rows.row(drawn, is_card=True)
        if row is None:
            return
        ts = await self._announcer.post(channel, CardContent(row=row, is_private=False, shared_by=actor.user))
        await self._journal.posted(message, channel, ts)
