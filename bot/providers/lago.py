"""Lago: collect, e-mail, void, finalize and refresh invoices, record payments, and list those whose payment failed.

    Invoices        https://getlago.com/docs/api-reference/invoices/invoice-object
    Payments        https://getlago.com/docs/api-reference/payments/payment-object
    Retry           https://getlago.com/docs/api-reference/invoices/retry
    Rate limits     https://getlago.com/docs/api-reference/rate-limits

A retry is only accepted: Lago charges a moment later, or does nothing and says nothing. So the adapter watches the invoice
and its payments for a minute. There are no idempotency keys; Lago lets one payment of an invoice run at a time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, NoMethod, PaymentMethod
from bot.domain.outcome import Declined, Outcome, Pending, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Clock, Unreadable, Window
from bot.providers.http import ProviderHttp, Reply, Transport
from bot.providers.lago_account import Credentials, access_of
from bot.providers.lago_answers import is_about_state, lacks_premium, refusal, refusal_by_state
from bot.providers.lago_checks import Checks
from bot.providers.lago_facts import FACTS
from bot.providers.lago_finding import find, numbered
from bot.providers.lago_invoices import NO_METHOD, Reader, id_in, moment
from bot.providers.lago_listing import walk, walks
from bot.providers.lago_orders import WHOLLY_PAID, Send, objection, objection_to_void, objection_to_whole, send_of
from bot.providers.lago_outcomes import SKEW, Baseline, collected, finalized, not_attempted, settled
from bot.providers.lago_reads import Reads
from bot.providers.lago_wire import WireInvoice, WireOneInvoice, WireOnePayment, body_of, is_bare
from bot.providers.links import Links
from bot.providers.merging import merged
from bot.providers.orders import misdirected
from bot.providers.pace import Pace

WATCH: Final = (2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds after Lago has accepted a retry at which the invoice is looked at."""
SHORT_WATCH: Final = 10.0
"""From then on a payment that is under way is told as that: a bank debit takes days."""
WATCH_UNTIL: Final = timedelta(seconds=82)
"""No look begins later than this after the send; the worker's own deadline is 90 seconds."""
LOOK_LIMIT: Final = 6.0
PATIENCE: Final = 15.0
"""Seconds for the reads before a void; given longer, the worker's deadline would end it as unknown, unsent."""

_REASONS: Final = {
    FailureReason.RATE_LIMITED: RejectedReason.RATE_LIMITED,
    FailureReason.UNAUTHORIZED: RejectedReason.UNAUTHORIZED,
    FailureReason.FORBIDDEN: RejectedReason.FORBIDDEN,
}

Sleep = Callable[[float], Awaitable[None]]


class Lago:
    """One Lago account. Raises UnusableValue when it is built from keys or a URL that cannot be used."""

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
        self._http = ProviderHttp(
            account,
            credentials.base_url,
            access=access_of(account, credentials),
            headers={},
            pace=Pace(credentials.requests_per_second, wait_header="x-ratelimit-reset"),
            transport=transport,
        )
        links = Links(FACTS.link_hosts, self._http.host, self._http.is_loopback)
        self._reader = Reader(account=account, live=self._live, links=links)
        self._reads = Reads(self._http, self._reader)

    @property
    def facts(self) -> ProviderFacts:
        return FACTS

    @property
    def account(self) -> str:
        return self._account

    @property
    def live(self) -> bool:
        return self._live

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        if thorough:
            return await self._reads.thorough(ref)
        seen = await self._reads.look(ref)
        return seen.invoice if seen else None

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:
        known: set[str] = set()
        async with aclosing(merged([walk(question, self._reads.page) for question in walks(window)])) as pages:
            async for page in pages:
                for raw, item in zip(page.invoices, self._reader.items(page), strict=True):
                    identifier = id_in(raw)
                    if identifier in known or not _is_wanted(item, window):
                        continue
                    if identifier is not None:
                        known.add(identifier)
                    yield item if isinstance(item, Unreadable) else item[1]

    async def numbered(self, number: str) -> list[Invoice]:
        return await numbered(self._reads.page, self._reader, number)

    async def find(self, text: str) -> list[Invoice]:
        wanted = text.strip()
        if re.fullmatch(FACTS.id_pattern, wanted.lower()):
            found = await self.get(InvoiceRef(self._account, wanted.lower()))
            return [found] if found else []
        return await find(self._reads.page, self._reader, wanted)

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:
        return await self._reads.methods(ref)

    async def payment_link(self, ref: InvoiceRef) -> str | None:
        return await self._reads.payment_link(ref)

    async def pdf(self, ref: InvoiceRef) -> str | None:
        return await self._reads.pdf(ref)

    async def live_checks(self) -> list[LiveCheck]:
        return await Checks(self._reads).run()

    async def close(self) -> None:
        await self._http.close()

    async def perform(self, order: ActionOrder) -> Outcome:
        refused = (
            misdirected(order, self._account, live=self._live)
            or objection(order)
            or await self._objection_by_reading(order)
        )
        return refused if refused is not None else await self._sent(order, send_of(order))

    async def settle(self, attempt: Attempt) -> Outcome:
        try:
            seen = await self._reads.look(attempt.ref, all_payments=attempt.action is Action.PAID)
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=failure.request_id)
        if seen is None:
            return Unknown(cause="Lago does not show the invoice any more")
        return settled(attempt, seen)

    async def _objection_by_reading(self, order: ActionOrder) -> Outcome | None:
        """What Lago would let through in silence: a retry that charges nobody, and a void of money that is coming."""
        if order.action is Action.RETRY and order.method is None:
            method = await self._reads.method_to_charge(order.invoice)
            return Declined(decline=NO_METHOD, invoice=order.invoice) if isinstance(method, NoMethod) else None
        if order.action is not Action.VOID:
            return None
        try:
            async with asyncio.timeout(self._patience):
                seen = await self._reads.look(order.invoice.ref)
        except ProviderFailure as failure:
            return _not_sent(failure)
        except TimeoutError:
            return _not_sent(ProviderFailure(FailureReason.UNREACHABLE, "Lago did not answer in time."))
        if seen is None:
            return Rejected(reason=RejectedReason.NOT_FOUND, detail="Lago does not show the invoice any more.")
        return objection_to_void(seen)

    async def _sent(self, order: ActionOrder, send: Send) -> Outcome:
        started = self._clock.now()
        match await self._http.send(send.method, send.template, *_ids(order, send), body=send.body):
            case Reply(is_success=True) as reply if order.action is Action.RETRY and is_bare(reply):
                return await self._watched(order, started, reply.request_id)
            case Reply(is_success=True) as reply:
                return self._accepted(order, send, reply)
            case Reply() as reply if order.action is Action.PAID and send != WHOLLY_PAID and lacks_premium(reply):
                return objection_to_whole(order) or await self._sent(order, WHOLLY_PAID)
            case Reply() as reply if is_about_state(order, reply):
                return refusal_by_state(order, reply, await self._now(order.invoice.ref))
            case Reply() as reply:
                return refusal(order, reply)
            case Rejected() | Unknown() as no_answer:
                return no_answer

    async def _watched(self, order: ActionOrder, started: datetime, request_id: str | None) -> Outcome:
        """What became of a retry that Lago has accepted."""
        accepted_at, invoice = self._clock.now(), order.invoice
        before = Baseline(invoice.newest_charge, invoice.payment, invoice.owed, started - SKEW, accepted_at + WATCH_UNTIL)
        outcome: Outcome = Unknown(cause="Lago accepted the request, then gave no answer", request_id=request_id)
        for seconds in WATCH:
            if accepted_at + timedelta(seconds=seconds) > started + WATCH_UNTIL:
                break
            await self._sleep((accepted_at + timedelta(seconds=seconds) - self._clock.now()).total_seconds())
            outcome = await self._glance(invoice.ref, before, request_id)
            is_ended = isinstance(outcome, Succeeded | Declined)
            if is_ended or (isinstance(outcome, Pending) and seconds >= SHORT_WATCH):
                break
        return outcome

    async def _glance(self, ref: InvoiceRef, before: Baseline, request_id: str | None) -> Outcome:
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                seen = await self._reads.look(ref)
        except (ProviderFailure, TimeoutError):
            seen = None
        if seen is None:
            return Unknown(cause="Lago accepted the request, then could not be asked", request_id=request_id)
        return collected(before, seen, request_id) or not_attempted(seen.invoice, request_id=request_id)

    def _accepted(self, order: ActionOrder, send: Send, reply: Reply) -> Outcome:
        request_id = reply.request_id
        is_unreadable = Unknown(cause="Lago's answer could not be read", request_id=request_id)
        if order.action is Action.RETRY:
            return is_unreadable
        if order.action is Action.RESEND:
            return Succeeded(invoice=order.invoice, request_id=request_id) if is_bare(reply) else is_unreadable
        try:
            if order.action is Action.PAID and send != WHOLLY_PAID:
                body_of(WireOnePayment, reply)
                return Succeeded(request_id=request_id)
            invoice = self._reader.seen(body_of(WireOneInvoice, reply).invoice, None).invoice
        except ProviderFailure:
            return is_unreadable
        if invoice.ref != order.invoice.ref:
            return Unknown(cause="Lago answered with another invoice", request_id=request_id)
        return _reached(order, invoice, request_id)

    async def _now(self, ref: InvoiceRef) -> Invoice | None:
        """The invoice after a refusal, if it can be read at once."""
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                return await self.get(ref)
        except (ProviderFailure, TimeoutError):
            return None


def _reached(order: ActionOrder, answered: Invoice, request_id: str | None) -> Outcome:
    """The ending that an invoice in the answer tells. Payments are not in it; none of these actions makes one by itself."""
    before = order.invoice
    invoice = replace(
        answered,
        payment=before.payment,
        newest_charge=before.newest_charge,
        newest_charge_at=before.newest_charge_at,
        attempts=before.attempts,
    )
    wanted = {Action.VOID: InvoiceStatus.VOID, Action.PAID: InvoiceStatus.PAID}.get(order.action)
    if order.action is Action.FINALIZE:
        return finalized(invoice, request_id)
    if wanted is None or invoice.status is wanted:
        return Succeeded(invoice=invoice, request_id=request_id)
    return Unknown(cause=f"Lago shows the invoice as {invoice.provider_status}", request_id=request_id)


def _ids(order: ActionOrder, send: Send) -> list[str]:
    return [order.invoice.ref.id] if "{}" in send.template else []


def _is_wanted(item: tuple[WireInvoice, Invoice] | Unreadable, window: Window) -> bool:
    """What makes no sense is told, for it may be one that failed."""
    if isinstance(item, Unreadable):
        return True
    wire, invoice = item
    return invoice.failed_because is not None and _is_within(window, moment(wire.created_at))


def _is_within(window: Window, at: datetime | None) -> bool:
    if at is None:
        return True
    return at < window.until and (window.since is None or at >= window.since)


def _not_sent(failure: ProviderFailure) -> Rejected:
    return Rejected(
        reason=_REASONS.get(failure.reason, RejectedReason.UNREACHABLE),
        detail=f"{failure.detail} Nothing was sent.",
        retry_after=failure.retry_after,
        request_id=failure.request_id,
    )
