"""Reading for a person: show, failed, link, history, status. Nothing here is journalled but the offers it draws."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.action import Action, Word
from bot.domain.capability import ProviderFacts
from bot.domain.content import (
    CardContent,
    HistoryContent,
    LinkContent,
    ListContent,
    RefusalContent,
    Row,
    StatusContent,
)
from bot.domain.decline import DeclineClass
from bot.domain.digest import ROWS_SHOWN
from bot.domain.errors import ProviderFailure
from bot.domain.filters import Filter
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.offer import Offer, Place
from bot.domain.policy import Actor
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Clock, Journal
from bot.services.accounts import Accounts
from bot.services.listing import Listing
from bot.services.messages import new_message
from bot.services.resolution import Resolution
from bot.services.rights import Rights
from bot.services.rows import Rows
from bot.services.wakeup import Wakeup

MOST_READ = 200
"""Invoices whose decline reason `failed hard` reads at most."""
_READS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and where the answer will be seen."""

    actor: Actor
    channel: str


@dataclass(frozen=True, slots=True)
class ReasonAsked:
    """A typed void or uncollectible whose invoice was read: what the modal is built from."""

    offer: Offer
    facts: ProviderFacts


class Lookup:
    """Every answer is either content or a refusal to be shown privately; ProviderFailure becomes a refusal too."""

    def __init__(  # noqa: PLR0913 - the composition root names each collaborator
        self,
        journal: Journal,
        accounts: Accounts,
        rights: Rights,
        rows: Rows,
        resolution: Resolution,
        *,
        clock: Clock,
        work: Wakeup,
        schedule: Callable[[], tuple[tuple[str, str, datetime | None], ...]],
    ) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rights = rights
        self._rows = rows
        self._resolution = resolution
        self._clock = clock
        self._work = work
        self._schedule = schedule

    async def show(self, reader: Reader, text: str) -> CardContent | RefusalContent:
        """The card of one invoice, private. Opening an invoice whose ending is open has it read again."""
        found = await self._found(reader, text, Word.VIEW)
        if isinstance(found, RefusalContent):
            return found
        live = await self._journal.live_action(found.ref)
        offer = await self._rows.drawn(found, Place(new_message("card"), reader.channel))
        if live is not None:
            await self._journal.ask_again(offer, reader.actor, f"show:{offer.id}", self._clock.now())
            self._work.set()
        card = await self._rows.card(offer, is_private=True)
        if card is None:
            return _refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": found.ref.account}))
        return replace(card, row=await self._rights.theirs(card.row, reader.actor, reader.channel))

    async def show_offer(self, reader: Reader, offer: Offer) -> CardContent | RefusalContent:
        """The card behind a row's Details button."""
        return await self.show(reader, str(offer.ref))

    async def link(self, reader: Reader, text: str) -> LinkContent | RefusalContent:
        """The payment page of one invoice, fetched fresh."""
        found = await self._found(reader, text, Word.LINK)
        if isinstance(found, RefusalContent):
            return found
        return await self._link_of(found)

    async def link_of(self, ref: InvoiceRef) -> LinkContent | RefusalContent:
        """The payment page behind a button; rights were checked with the press."""
        try:
            invoice = await self._accounts.get(ref)
        except ProviderFailure as failure:
            return _refused(Refusal(RefusalKind.READ_FAILED, {"detail": failure.detail}))
        if invoice is None:
            return _refused(Refusal(RefusalKind.NO_SUCH_INVOICE, {"text": str(ref)}))
        return await self._link_of(invoice)

    async def ask_reason(self, reader: Reader, text: str, action: Action) -> ReasonAsked | RefusalContent:
        """A typed void or uncollectible: read, check, draw the offer that the modal will submit."""
        found = await self._found(reader, text, Word(action.value))
        if isinstance(found, RefusalContent):
            return found
        facts = self._accounts.facts(found.ref.account)
        if facts is None:
            return _refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": found.ref.account}))
        if (refusal := facts.objection(action, found)) is not None:
            return _refused(refusal)
        offer = await self._rows.drawn(found, Place(new_message("modal"), reader.channel))
        return ReasonAsked(offer, facts)

    async def failed(self, reader: Reader, words: Filter, text: str) -> ListContent | RefusalContent:
        """The failed invoices that fit, ten a page, each with buttons that can work."""
        names = self._rights.accounts(reader.actor, reader.channel, words.accounts or self._accounts.names())
        if not names:
            refusal = await self._rights.objection(reader.actor, Word.VIEW, channel=reader.channel)
            return _refused(refusal or Refusal(RefusalKind.NO_RIGHT, {"word": "view"}))
        listing = Listing(self._accounts, self._clock, names)
        fitting = [invoice async for invoice in listing.invoices() if words.fits(invoice)]
        fitting.sort(key=lambda i: (i.owed.currency, -i.owed.minor, str(i.ref)))
        note = None
        if words.kind is not None:
            fitting, note = await self._of_kind(fitting, words.kind, words.page)
        rows = await self._page(reader, fitting, words.page)
        gaps = tuple((gap.account, gap.why) for gap in listing.gaps)
        return ListContent(rows=tuple(rows), total=len(fitting), words=text, gaps=gaps, note=note)

    async def history(self, reader: Reader, text: str) -> HistoryContent | RefusalContent:
        """Every decision about one invoice and how it ended."""
        found = await self._found(reader, text, Word.VIEW)
        if isinstance(found, RefusalContent):
            return found
        actions, events = await self._journal.history(found.ref)
        return HistoryContent(ref=str(found.ref), actions=tuple(actions), events=tuple(events))

    async def status(self, reader: Reader) -> StatusContent | RefusalContent:
        """Providers, next digests, decisions whose ending is open."""
        refusal = await self._rights.objection(reader.actor, Word.VIEW, channel=reader.channel)
        if refusal is not None:
            return _refused(refusal)
        return StatusContent(
            accounts=self._accounts.health(),
            digests=self._schedule(),
            open_actions=tuple(await self._journal.open_actions()),
            now=self._clock.now(),
        )

    async def _found(self, reader: Reader, text: str, word: Word) -> Invoice | RefusalContent:
        visible = self._rights.accounts(reader.actor, reader.channel, self._accounts.names())
        refusal = await self._rights.objection(reader.actor, word, channel=reader.channel)
        if refusal is not None:
            return _refused(refusal)
        try:
            found = await self._resolution.find(text, within=visible)
        except ProviderFailure as failure:
            return _refused(Refusal(RefusalKind.READ_FAILED, {"detail": failure.detail}))
        if isinstance(found, Refusal):
            return _refused(found)
        refusal = await self._rights.objection(
            reader.actor, word, channel=reader.channel, account=found.ref.account, amount=found.owed
        )
        return _refused(refusal) if refusal is not None else found

    async def _link_of(self, invoice: Invoice) -> LinkContent | RefusalContent:
        provider = self._accounts.provider(invoice.ref.account)
        if provider is None:
            return _refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": invoice.ref.account}))
        try:
            url = await provider.payment_link(invoice.ref)
        except ProviderFailure as failure:
            return _refused(Refusal(RefusalKind.READ_FAILED, {"detail": failure.detail}))
        if url is None:
            facts = {"invoice": invoice.label, "status": invoice.provider_status, "action": "open a payment page"}
            return _refused(Refusal(RefusalKind.NOT_ACTIONABLE, facts))
        return LinkContent(invoice=invoice, url=url)

    async def _of_kind(self, invoices: list[Invoice], kind: DeclineClass, page: int) -> tuple[list[Invoice], str]:
        """Reads decline reasons until the page is full, at most 200, and says how many it read."""
        wanted, read, found = page * ROWS_SHOWN, 0, list[Invoice]()
        while read < min(len(invoices), MOST_READ) and len(found) < wanted:
            batch = invoices[read : min(read + _READS_AT_ONCE, MOST_READ)]
            read += len(batch)
            fresh = await asyncio.gather(*(self._reread(invoice) for invoice in batch))
            found += [invoice for invoice in fresh if invoice.decline_kind is kind]
        return found, f"read the reason of {read} of {len(invoices)} failed invoices"

    async def _page(self, reader: Reader, invoices: list[Invoice], page: int) -> list[Row]:
        start = (page - 1) * ROWS_SHOWN
        message, rows = new_message("list"), list[Row]()
        shown = await asyncio.gather(*(self._reread(i) for i in invoices[start : start + ROWS_SHOWN]))
        for number, invoice in enumerate(shown):
            offer = await self._rows.drawn(invoice, Place(message, reader.channel, number))
            if (row := await self._rows.row(offer)) is not None:
                rows.append(await self._rights.theirs(row, reader.actor, reader.channel))
        return rows

    async def _reread(self, invoice: Invoice) -> Invoice:
        """With the decline reason; as listed where that cannot be read now."""
        if invoice.decline is not None:
            return invoice
        try:
            return await self._accounts.get(invoice.ref) or invoice
        except ProviderFailure:
            return invoice


def _refused(refusal: Refusal) -> RefusalContent:
    return RefusalContent(refusal=refusal, reference=secrets.token_hex(4))
