"""Recurly: collect, write off and mark invoices as paid, and list those whose payment failed.

    Invoices        https://recurly.com/developers/api/v2021-02-25/#tag/invoice
    Transactions    https://recurly.com/developers/api/v2021-02-25/#tag/transaction
    Errors          https://recurly.com/developers/api/v2021-02-25/#section/Errors
    Idempotency     https://recurly.com/developers/api/v2021-02-25/#section/Getting-Started

The key selects the site and tells neither its name nor its mode, so those are asked for before anything else. A request
that still runs is answered with 409: the same key asks again, a new one would be a second attempt.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, PaymentMethod
from bot.domain.outcome import Declined, Outcome, Rejected, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Clock, Unreadable, Window
from bot.providers.http import ProviderHttp, Reply, Transport
from bot.providers.links import Links
from bot.providers.merging import merged
from bot.providers.orders import misdirected
from bot.providers.pace import Pace
from bot.providers.recurly_account import LIVE_RATE, TEST_RATE, Credentials, access_of, base_of, wait_until_reset
from bot.providers.recurly_answers import (
    declined_in,
    is_about_state,
    not_sent,
    refusal,
    refusal_by_state,
)
from bot.providers.recurly_checks import Checks
from bot.providers.recurly_declines import decline_of
from bot.providers.recurly_facts import FACTS, ID
from bot.providers.recurly_finding import Finder
from bot.providers.recurly_invoices import Reader, Seen, id_in
from bot.providers.recurly_listing import questions, walk
from bot.providers.recurly_orders import Send, objection, send_of
from bot.providers.recurly_outcomes import accepted, settled
from bot.providers.recurly_reads import Reads
from bot.providers.recurly_site import Site
from bot.providers.recurly_wire import WireInvoice, WireTransaction, WireTransactionError, body_of

VERSION: Final = "v2021-02-25"
"""The shapes we read; without it Recurly answers 406. It belongs to requests for PDFs, too."""
ASKS: Final = 3
"""How often one send asks for the answer of a request that still runs."""
LONGEST_WAIT: Final = 10.0
"""Seconds between two such asks; together with them, a send stays inside the worker's deadline of 90 seconds."""
RUNNING_UNTIL: Final = 40.0
"""Seconds after which a send does not ask again."""
REREAD_LIMIT: Final = 8.0
"""Seconds for the read after a refused send, which the worker's deadline has to hold too."""

PATIENCE: Final = 15.0
"""Seconds to find out the site before a send; given longer, the worker's deadline would end it as unknown, unsent."""

Sleep = Callable[[float], Awaitable[None]]


class Recurly:
    """One Recurly site. Raises UnusableValue when it is built from settings that cannot be used."""

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        *,
        clock: Clock,
        transport: Transport | None = None,
        sleep: Sleep = asyncio.sleep,
        patience: float = PATIENCE,
    ) -> None:
        self._account = account
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._live = credentials.mode == "live"
        base = base_of(account, credentials)
        self._http = ProviderHttp(
            account,
            base,
            access=access_of(credentials),
            headers={"Accept": f"application/vnd.recurly.{VERSION}"},
            pace=Pace(
                credentials.requests_per_second or (LIVE_RATE if self._live else TEST_RATE),
                wait_told=lambda headers: wait_until_reset(headers, clock.now().timestamp()),
            ),
            transport=transport,
        )
        host = f"{credentials.subdomain}.recurly.com"
        self._facts = replace(FACTS, link_hosts=frozenset({host}))
        links = Links(self._facts.link_hosts, self._http.host, self._http.is_loopback)
        pages = base.strip().rstrip("/") if self._http.is_loopback else f"https://{host}"
        reader = Reader(account=account, live=self._live, links=links, pages=pages)
        self._site = Site(http=self._http, clock=clock, account=account, subdomain=credentials.subdomain, live=self._live)
        self._reads = Reads(self._http, reader, self._site)
        self._reader = reader

    @property
    def facts(self) -> ProviderFacts:
        return self._facts

    @property
    def account(self) -> str:
        return self._account

    @property
    def live(self) -> bool:
        return self._live

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        seen = await self._reads.look(ref, thorough=thorough)
        return seen.invoice if seen else None

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:
        await self._site.expect()  # once, and not by every walk at the same time
        known: set[str] = set()
        walks = [walk(one, self._reads.page, path="/invoices", host=self._http.host) for one in questions(window)]
        async with aclosing(merged(walks)) as pages:
            async for page in pages:
                for raw, item in zip(page.data, self._reader.items(page), strict=True):
                    identifier = id_in(raw)
                    if identifier in known or not _is_wanted(item, window):
                        continue
                    if identifier is not None:
                        known.add(identifier)
                    yield item if isinstance(item, Unreadable) else item[1]

    async def numbered(self, number: str) -> list[Invoice]:
        return await Finder(self._reads).numbered(number)

    async def find(self, text: str) -> list[Invoice]:
        wanted = text.strip()
        if re.fullmatch(FACTS.id_pattern, wanted):
            found = await self.get(InvoiceRef(self._account, wanted))
            if found is not None:
                return [found]
        return await Finder(self._reads).find(wanted)

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        return await self._reads.methods(ref)

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        return await self._reads.payment_link(ref)

    async def pdf(self, ref: InvoiceRef) -> bytes | None:
        return await self._reads.pdf(ref)

    async def live_checks(self) -> list[LiveCheck]:
        return await Checks(http=self._http, site=self._site, version=VERSION).run()

    async def close(self) -> None:
        await self._http.close()

    async def perform(self, order: ActionOrder) -> Outcome:
        if (refused := misdirected(order, self._account, live=self._live) or objection(order)) is not None:
            return refused
        try:
            async with asyncio.timeout(self._patience):
                await self._site.expect()
        except ProviderFailure as failure:
            return not_sent(failure)
        except TimeoutError:
            return not_sent(ProviderFailure(FailureReason.UNREACHABLE, "Recurly did not answer in time."))
        send = send_of(order)
        match await self._answer_to(order, send):
            case Reply(is_success=True) as reply:
                return self._accepted(order, send, reply)
            case Reply() as reply:
                return await self._refused(order, reply)
            case Rejected() | Unknown() as no_answer:
                return no_answer

    async def settle(self, attempt: Attempt) -> Outcome:
        try:
            seen = await self._reads.look(attempt.ref)
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=failure.request_id)
        if seen is None:
            return Unknown(cause="Recurly does not show the invoice any more")
        return settled(attempt, seen)

    async def _answer_to(self, order: ActionOrder, send: Send) -> Reply | Rejected | Unknown:
        """One send, and the answer to it: while Recurly still works on the first, the same key asks for that again."""
        started = self._clock.now()
        answer = await self._sent(order, send)
        for _ in range(ASKS - 1):
            if not _still_runs(answer) or (self._clock.now() - started).total_seconds() > RUNNING_UNTIL:
                return answer
            assert isinstance(answer, Reply)  # noqa: S101  nothing else still runs
            await self._sleep(min(answer.retry_after or 2.0, LONGEST_WAIT))
            again = await self._sent(order, send)
            if isinstance(again, Rejected):  # it never left, which says nothing about the first one
                return answer
            answer = again
        return answer

    async def _sent(self, order: ActionOrder, send: Send) -> Reply | Rejected | Unknown:
        return await self._http.send(send.method, send.template, order.invoice.ref.id, body=send.body, key=order.key)

    def _accepted(self, order: ActionOrder, send: Send, reply: Reply) -> Outcome:
        request_id = reply.request_id
        try:
            if send.is_recorded:
                return _recorded(order, body_of(WireTransaction, reply), request_id)
            seen = self._reader.seen(body_of(WireInvoice, reply))
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail.rstrip("."), request_id=request_id)
        if seen.invoice.ref != order.invoice.ref:
            return Unknown(cause="Recurly answered with another invoice", request_id=request_id)
        return accepted(order, seen, request_id)

    async def _refused(self, order: ActionOrder, reply: Reply) -> Outcome:
        error = declined_in(order, reply)
        if error is not None:
            return self._declined(error, await self._now(order.invoice.ref), reply.request_id)
        if is_about_state(reply):
            thorough = order.action is Action.RETRY
            seen = await self._now(order.invoice.ref, thorough=thorough)
            return refusal_by_state(order, reply, seen.invoice if seen else None)
        return refusal(order, reply)

    def _declined(self, error: WireTransactionError, seen: Seen | None, request_id: str | None) -> Declined:
        """The answer tells why, and the stored transaction which card it was."""
        invoice = seen.invoice if seen else None
        stored = invoice.decline if invoice and invoice.newest_charge == error.transaction_id else None
        decline = decline_of(error)
        if stored is not None:
            decline = replace(decline, method=stored.method, method_label=stored.method_label)
        if stored is not None and stored.kind is decline.kind:
            decline = replace(decline, confidential=decline.confidential or stored.confidential)
        return Declined(decline=decline, invoice=invoice, request_id=request_id)

    async def _now(self, ref: InvoiceRef, *, thorough: bool = False) -> Seen | None:
        """The invoice after a refusal, if it can be read at once."""
        try:
            async with asyncio.timeout(REREAD_LIMIT):
                return await self._reads.look(ref, thorough=thorough)
        except (ProviderFailure, TimeoutError):
            return None


def _still_runs(answer: Reply | Rejected | Unknown) -> bool:
    return (
        isinstance(answer, Reply)
        and answer.status == 409
        and answer.headers.get("recurly-should-retry", "").lower() == "true"
    )


def _recorded(order: ActionOrder, payment: WireTransaction, request_id: str | None) -> Outcome:
    """A payment that was recorded is answered with itself."""
    belongs = payment.invoice is None or payment.invoice.id in {None, order.invoice.ref.id}
    if not re.fullmatch(ID, payment.id) or not belongs or payment.status not in {None, "success"}:
        return Unknown(cause="Recurly answered with another payment", request_id=request_id)
    return Succeeded(request_id=request_id)


def _is_wanted(item: tuple[WireInvoice, Invoice] | Unreadable, window: Window) -> bool:
    """What makes no sense is told, for it may be one that failed."""
    if isinstance(item, Unreadable):
        return True
    _, invoice = item
    return invoice.failed_because is not None and _is_within(window, invoice.created_at)


def _is_within(window: Window, at: datetime | None) -> bool:
    if at is None:
        return True
    return at < window.until and (window.since is None or at >= window.since)
