"""Paddle Billing: cancel, issue and write off invoices that customers pay themselves, list what is past due, and give the
payment link where other providers retry.

    Transactions    https://developer.paddle.com/api-reference/transactions/overview
    Adjustments     https://developer.paddle.com/api-reference/adjustments/overview
    Payment method  https://developer.paddle.com/api-reference/subscriptions/update-payment-method
    Errors          https://developer.paddle.com/errors/overview
    Rate limits     https://developer.paddle.com/api-reference/about/rate-limiting

No call collects a past-due transaction, and those that look like it bill a second time. There are no idempotency keys: what
the first send made of a transaction refuses the second.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, PaymentMethod
from bot.domain.outcome import Declined, Outcome, Rejected, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Unreadable, Window
from bot.providers.http import ProviderHttp, Reply, Transport
from bot.providers.links import Links
from bot.providers.merging import merged
from bot.providers.orders import misdirected
from bot.providers.pace import Pace
from bot.providers.paddle_account import LIVE_URL, TEST_URL, Credentials, account_of
from bot.providers.paddle_answers import is_about_state, refusal, refusal_by_state
from bot.providers.paddle_checks import Checks
from bot.providers.paddle_facts import FACTS
from bot.providers.paddle_finding import find, numbered
from bot.providers.paddle_invoices import Reader
from bot.providers.paddle_listing import id_in, walk, walks
from bot.providers.paddle_orders import objection, send_of
from bot.providers.paddle_outcomes import changed, credited, settled
from bot.providers.paddle_reads import Reads
from bot.providers.paddle_wire import WireOneAdjustment, WireOneTransaction, body_of, named

VERSION: Final = "1"
LOOK_LIMIT: Final = 6.0
"""Seconds for the look after a refusal; the person's answer does not wait longer for it."""


class Paddle:
    """One Paddle account. Raises UnusableValue when it is built from keys, hosts or a URL that cannot be used."""

    def __init__(self, account: str, credentials: Credentials, *, transport: Transport | None = None) -> None:
        settings = account_of(account, credentials)
        self._account = account
        self._live = settings.live
        self._http = ProviderHttp(
            account,
            settings.base_url,
            access=settings.access,
            headers={"Paddle-Version": VERSION},
            pace=Pace(credentials.requests_per_second),
            transport=transport,
            meaning=named,
        )
        self._facts = replace(FACTS, link_hosts=FACTS.link_hosts | settings.checkout_hosts)
        links = Links(self._facts.link_hosts, self._http.host, self._http.is_loopback)
        is_paddle = settings.base_url in {LIVE_URL, TEST_URL}
        reader = Reader(account=account, live=self._live, links=links, has_dashboard=is_paddle)
        self._reads = Reads(self._http, reader)

    @property
    def facts(self) -> ProviderFacts:
        """With the hosts of this account's own payment pages."""
        return self._facts

    @property
    def account(self) -> str:
        return self._account

    @property
    def live(self) -> bool:
        return self._live

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:  # noqa: ARG002  one read tells it all
        seen = await self._reads.look(ref)
        return seen.invoice if seen else None

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:
        known: set[str] = set()
        asked = [walk(question, self._reads.transactions, self._http.host) for question in walks(window)]
        async with aclosing(merged(asked)) as pages:
            async for page in pages:
                for raw in page.data:
                    identifier, item = id_in(raw), self._reads.reader.listed(raw)
                    if identifier in known or not _is_wanted(item, window):
                        continue
                    if identifier is not None:
                        known.add(identifier)
                    yield item

    async def numbered(self, number: str) -> list[Invoice]:
        return await numbered(self._reads, number)

    async def find(self, text: str) -> list[Invoice]:
        wanted = text.strip()
        if re.fullmatch(FACTS.id_pattern, wanted.lower()):
            found = await self.get(InvoiceRef(self._account, wanted.lower()))
            return [found] if found else []
        return await find(self._reads, wanted)

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:  # noqa: ARG002  Paddle charges none on demand
        return []

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        return await self._reads.payment_link(ref)

    async def pdf(self, ref: InvoiceRef) -> str | None:
        return await self._reads.pdf(ref)

    async def live_checks(self) -> list[LiveCheck]:
        return await Checks(self._reads).run()

    async def close(self) -> None:
        await self._http.close()

    async def perform(self, order: ActionOrder) -> Outcome:
        if (refused := misdirected(order, self._account, live=self._live) or objection(order)) is not None:
            return refused
        send = send_of(order)
        match await self._http.send(send.method, send.template, *send.ids, body=send.body):
            case Reply(is_success=True) as reply:
                return self._accepted(order, reply)
            case Reply() as reply if is_about_state(reply):
                return refusal_by_state(order, reply, await self._now(order.invoice.ref))
            case Reply() as reply:
                return await self._refused(order, refusal(self._account, reply))
            case Rejected() | Unknown() as no_answer:
                return no_answer

    async def settle(self, attempt: Attempt) -> Outcome:
        try:
            seen = await self._reads.look(attempt.ref, all_credits=attempt.action is Action.UNCOLLECTIBLE)
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=failure.request_id)
        if seen is None:
            return Unknown(cause="Paddle does not show the invoice any more")
        return settled(attempt, seen.invoice, seen.adjustments)

    def _accepted(self, order: ActionOrder, reply: Reply) -> Outcome:
        request_id = reply.request_id
        try:
            if order.action is Action.UNCOLLECTIBLE:
                return credited(order, body_of(WireOneAdjustment, reply).data, request_id)
            wire = body_of(WireOneTransaction, reply).data
            return changed(order, self._reads.reader.read(wire), request_id)
        except ProviderFailure:
            return Unknown(cause="Paddle's answer could not be read", request_id=request_id)

    async def _refused(self, order: ActionOrder, told: Outcome) -> Outcome:
        """A bank's no is told in the words of the newest attempt, where it can be read."""
        if not isinstance(told, Declined):
            return told
        now = await self._now(order.invoice.ref)
        return replace(told, decline=(now.decline if now else None) or told.decline, invoice=now)

    async def _now(self, ref: InvoiceRef) -> Invoice | None:
        """The invoice after a refusal, if it can be read at once."""
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                return await self.get(ref)
        except (ProviderFailure, TimeoutError):
            return None


def _is_wanted(item: Invoice | Unreadable, window: Window) -> bool:
    """What makes no sense is told, for it may be one that failed. A filter that was not heeded is made up for."""
    if isinstance(item, Unreadable):
        return True
    at = item.created_at
    is_within = at is None or (at < window.until and (window.since is None or at >= window.since))
    return item.failed_because is not None and is_within
