"""Rows and cards: an offer together with where its invoice stands now and the buttons that can work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.action import ActionState
from bot.domain.attempts import WINDOW, Budget
from bot.domain.capability import ProviderFacts
from bot.domain.choices import Standing, choices_for, while_frozen
from bot.domain.content import CardContent, Choice, Row
from bot.domain.invoice import Invoice
from bot.domain.offer import Offer, Place, new_offer_id
from bot.domain.records import ActionRecord
from bot.ports import Clock, Journal
from bot.services.accounts import Accounts

SILENT_DOUBT = timedelta(seconds=8)
"""A doubt that the first check settles is never shown, also not where another row of the message is redrawn meanwhile."""


class Rows:
    """Draws offers from fresh reads and tells where they stand later; what it answers is true at that moment."""

    def __init__(self, journal: Journal, accounts: Accounts, clock: Clock, budget: Budget | None = None) -> None:
        self._journal = journal
        self._accounts = accounts
        self._clock = clock
        self._budget = budget or Budget()

    async def standing(self, invoice: Invoice, facts: ProviderFacts) -> Standing:
        """All that the rules look at, with our own retries looked up."""
        now = self._clock.now()
        retries = await self._journal.retries(invoice.ref, now - WINDOW)
        return Standing(invoice=invoice, facts=facts, now=now, retries=retries, budget=self._budget)

    async def draw(self, invoice: Invoice, place: Place) -> Offer:
        """A new offer for what was just read; not yet written down."""
        return Offer(
            id=new_offer_id(),
            invoice=invoice,
            actions=await self._journal.ended_actions(invoice.ref),
            place=place,
            made_at=self._clock.now(),
        )

    async def drawn(self, invoice: Invoice, place: Place) -> Offer:
        """A new offer, written down: its buttons may be pressed."""
        offer = await self.draw(invoice, place)
        await self._journal.draw([offer])
        return offer

    async def row(self, offer: Offer, *, is_card: bool = False, is_private: bool = False) -> Row | None:
        """None when the offer's account is configured no more."""
        facts = self._accounts.facts(offer.ref.account)
        if facts is None:
            return None
        action = await self._journal.newest_action(offer.ref)
        if action is not None and not _belongs(action, offer):
            action = None
        if action is not None and _is_young_doubt(action, self._clock.now()):
            action = replace(action, state=ActionState.EXECUTING)
        standing = await self.standing(offer.invoice, facts)
        choices = choices_for(standing, action, is_card=is_card, is_private=is_private)
        if (frozen := await self._journal.frozen()) is not None:
            choices = while_frozen(choices)
        waiting = await self._journal.open_approvals(offer.ref)
        row = Row(
            offer=offer,
            facts=facts,
            choices=choices,
            action=action,
            confirm_retry=standing.confirm_retry,
            attempts=standing.spent,
            waiting=tuple(asked for asked in waiting if asked.is_open(standing.now)),
            frozen=frozen,
        )
        return replace(row, choices=(Choice.SHOW,)) if row.is_outrun else row

    async def card(self, offer: Offer, *, is_private: bool, shared_by: str | None = None) -> CardContent | None:
        row = await self.row(offer, is_card=True, is_private=is_private)
        return CardContent(row=row, is_private=is_private, shared_by=shared_by) if row else None

    async def preview(self, invoice: Invoice, place: Place) -> Row | None:
        """A row that shows an invoice but offers nothing."""
        row = await self.row(await self.draw(invoice, place))
        return replace(row, choices=()) if row else None


def _belongs(action: ActionRecord, offer: Offer) -> bool:
    """Whether a decision is news to the offer: still open, or ended no earlier than the offer was drawn."""
    if action.state.is_live:
        return True
    ended_at: datetime = action.ending.at if action.ending else action.created_at
    return ended_at >= offer.made_at - timedelta(seconds=1)


def _is_young_doubt(action: ActionRecord, now: datetime) -> bool:
    """Whether the answer went missing only now: the first check comes before anybody needs to worry."""
    is_unread = action.state is ActionState.UNKNOWN and action.checks == 0
    return is_unread and action.ending is not None and now < action.ending.at + SILENT_DOUBT
