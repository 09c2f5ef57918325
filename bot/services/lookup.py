"""Reading for a person: show, failed, find, link, pdf, history, status. Nothing is journalled but the offers it draws."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.domain.action import Word
from bot.domain.capability import ProviderFacts
from bot.domain.content import (
    CardContent,
    FileContent,
    HistoryContent,
    LinkContent,
    ListContent,
    ListOf,
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
from bot.domain.refusal import Refusal, RefusalKind
from bot.domain.search import Search, parse_search
from bot.ports import Clock, Journal
from bot.services.accounts import Accounts
from bot.services.finder import Finder, Reader, not_read, refused
from bot.services.listing import Listing
from bot.services.messages import new_message
from bot.services.rights import Rights
from bot.services.rows import Rows
from bot.services.wakeup import Wakeup

MOST_READ = 200
"""Invoices whose decline reason `failed hard` reads at most."""
_READS_AT_ONCE = 4


class Lookup:
    """Every answer is either content or a refusal to be shown privately; ProviderFailure becomes a refusal too."""

    def __init__(  # noqa: PLR0913 - the composition root names each collaborator
        self,
        journal: Journal,
        accounts: Accounts,
        rights: Rights,
        rows: Rows,
        finder: Finder,
        *,
        clock: Clock,
        work: Wakeup,
        schedule: Callable[[], tuple[tuple[str, str, datetime | None], ...]],
    ) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rights = rights
        self._rows = rows
        self._finder = finder
        self._clock = clock
        self._work = work
        self._schedule = schedule

    async def show(self, reader: Reader, text: str) -> CardContent | RefusalContent:
        """The card of one invoice, private. Opening an invoice whose ending is open has it read again."""
        found = await self._finder.found(reader, text, Word.VIEW)
        if isinstance(found, RefusalContent):
            return found
        live = await self._journal.live_action(found.ref)
        offer = await self._rows.drawn(found, Place(new_message("card"), reader.channel))
        if live is not None:
            await self._journal.ask_again(offer, reader.actor, f"show:{offer.id}", self._clock.now())
            self._work.set()
        card = await self._rows.card(offer, is_private=True)
        if card is None:
            return refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": found.ref.account}))
        return replace(card, row=await self._rights.theirs(card.row, reader.actor, reader.channel))

    async def show_offer(self, reader: Reader, offer: Offer) -> CardContent | RefusalContent:
        """The card behind a row's Details button."""
        return await self.show(reader, str(offer.ref))

    async def link(self, reader: Reader, text: str, word: Word) -> LinkContent | FileContent | RefusalContent:
        """The payment page (`link`) or the PDF (`pdf`) of one invoice, fetched fresh."""
        found = await self._finder.found(reader, text, word)
        if isinstance(found, RefusalContent):
            return found
        return await self._link_of(found, word)

    async def link_of(self, ref: InvoiceRef, word: Word) -> LinkContent | FileContent | RefusalContent:
        """The payment page or PDF behind a button; rights were checked with the press."""
        try:
            invoice = await self._accounts.get(ref)
        except ProviderFailure as failure:
            return not_read(failure)
        if invoice is None:
            return refused(Refusal(RefusalKind.NO_SUCH_INVOICE, {"text": str(ref)}))
        return await self._link_of(invoice, word)

    async def failed(self, reader: Reader, words: Filter, text: str) -> ListContent | RefusalContent:
        """The failed invoices that fit, ten a page, each with buttons that can work."""
        names = self._rights.accounts(reader.actor, reader.channel, words.accounts or self._accounts.names())
        if not names:
            refusal = await self._rights.objection(reader.actor, Word.VIEW, channel=reader.channel)
            return refused(refusal or Refusal(RefusalKind.NO_RIGHT, {"word": "view"}))
        listing = Listing(self._accounts, self._clock, names)
        fitting = [invoice async for invoice in listing.invoices() if words.fits(invoice)]
        fitting.sort(key=lambda i: (i.owed.currency, -i.owed.minor, str(i.ref)))
        note = None
        if words.kind is not None:
            fitting, note = await self._of_kind(fitting, words.kind, words.page)
        rows = await self._page(reader, fitting, words.page)
        gaps = tuple((gap.account, gap.why) for gap in listing.gaps)
        return ListContent(rows=tuple(rows), total=len(fitting), words=text, gaps=gaps, note=note)

    async def find(self, reader: Reader, typed: str) -> ListContent | RefusalContent:
        """Invoices by number, customer, e-mail, id or pasted link, newest first, ten a page.

        Raises UnusableValue for text that cannot be searched for.
        """
        names = self._rights.accounts(reader.actor, reader.channel, self._accounts.names())
        if not names:
            refusal = await self._rights.objection(reader.actor, Word.VIEW, channel=reader.channel)
            return refused(refusal or Refusal(RefusalKind.NO_RIGHT, {"word": "view"}))
        patterns = self._accounts.id_patterns()
        opaque = frozenset(name for name in names if self._accounts.takes_any_id(name))
        search = parse_search(typed, {name: patterns[name] for name in names}, opaque)
        found, gaps = await self._search(search)
        found.sort(key=lambda i: (i.created_at is None, -(i.created_at.timestamp() if i.created_at else 0), str(i.ref)))
        rows = await self._page(reader, found, search.page)
        return ListContent(rows=tuple(rows), total=len(found), of=ListOf.FOUND, words=typed, gaps=gaps)

    async def history(self, reader: Reader, text: str) -> HistoryContent | RefusalContent:
        """Every decision about one invoice and how it ended."""
        found = await self._finder.found(reader, text, Word.VIEW)
        if isinstance(found, RefusalContent):
            return found
        actions, events = await self._journal.history(found.ref)
        return HistoryContent(ref=str(found.ref), actions=tuple(actions), events=tuple(events))

    async def status(self, reader: Reader) -> StatusContent | RefusalContent:
        """Providers, next digests, decisions whose ending is open or that wait for a second person."""
        refusal = await self._rights.objection(reader.actor, Word.VIEW, channel=reader.channel)
        if refusal is not None:
            return refused(refusal)
        return StatusContent(
            accounts=self._accounts.health(),
            digests=self._schedule(),
            open_actions=tuple(await self._journal.open_actions()),
            now=self._clock.now(),
            frozen=await self._journal.frozen(),
            waiting=tuple(await self._journal.open_approvals()),
        )

    async def _link_of(self, invoice: Invoice, word: Word) -> LinkContent | FileContent | RefusalContent:
        provider, is_pdf = self._accounts.provider(invoice.ref.account), word is Word.PDF
        if provider is None:
            return refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": invoice.ref.account}))
        if (lack := _link_lack(provider.facts, is_pdf=is_pdf)) is not None:
            return refused(lack)
        try:
            found = await (provider.pdf(invoice.ref) if is_pdf else provider.payment_link(invoice.ref))
        except ProviderFailure as failure:
            return not_read(failure)
        if isinstance(found, bytes):
            return FileContent(invoice=invoice, name=f"{_file_name(invoice.label)}.pdf", content=found)
        if found is None:
            wanted = "fetch the PDF of" if is_pdf else "open a payment page for"
            facts = {"invoice": invoice.label, "status": invoice.provider_status, "action": wanted}
            return refused(Refusal(RefusalKind.NOT_ACTIONABLE, facts))
        logs_in = provider.facts.link_logs_in and not is_pdf
        return LinkContent(invoice=invoice, url=found, is_pdf=is_pdf, logs_in=logs_in)

    async def _search(self, search: Search) -> tuple[list[Invoice], tuple[tuple[str, str], ...]]:
        """All accounts at once. One that fails is said and hides nothing."""
        accounts = tuple(ref.account for ref in search.refs) or search.accounts
        reads = [self._get(ref) for ref in search.refs] or [self._find_at(name, search.text) for name in accounts]
        answers = await asyncio.gather(*reads, return_exceptions=True)
        found, gaps = list[Invoice](), list[tuple[str, str]]()
        for account, answer in zip(accounts, answers, strict=True):
            if isinstance(answer, ProviderFailure):
                gaps.append((account, answer.detail))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += answer
        return found, tuple(gaps)

    async def _get(self, ref: InvoiceRef) -> list[Invoice]:
        invoice = await self._accounts.get(ref)
        return [invoice] if invoice is not None else []

    async def _find_at(self, account: str, text: str) -> list[Invoice]:
        provider = self._accounts.provider(account)
        return await provider.find(text) if provider is not None else []

    async def _of_kind(self, invoices: list[Invoice], kind: DeclineClass, page: int) -> tuple[list[Invoice], str | None]:
        """Reads decline reasons until the page is full, at most 200, and says how many it read unless that was all."""
        wanted, read, found = page * ROWS_SHOWN, 0, list[Invoice]()
        while read < min(len(invoices), MOST_READ) and len(found) < wanted:
            batch = invoices[read : min(read + _READS_AT_ONCE, MOST_READ)]
            read += len(batch)
            fresh = await asyncio.gather(*(self._reread(invoice) for invoice in batch))
            found += [invoice for invoice in fresh if invoice.decline_kind is kind]
        if read == len(invoices):
            return found, None
        return found, f"The bank's reason was read for {read} of {len(invoices)} failed invoices only"

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


def _link_lack(facts: ProviderFacts, *, is_pdf: bool) -> Refusal | None:
    if facts.has_pdf if is_pdf else facts.has_payment_link:
        return None
    instead = facts.pdf_instead if is_pdf else facts.link_instead
    lack = {"provider": facts.name, "action": "PDF" if is_pdf else "payment page", "instead": instead}
    return Refusal(RefusalKind.NOT_SUPPORTED, lack)


def _file_name(label: str) -> str:
    """What every system can store, and the person recognises."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.")[:80] or "invoice"
