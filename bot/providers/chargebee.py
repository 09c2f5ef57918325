"""Chargebee: collect, e-mail, void, write off and close invoices, record payments, and list those whose payment failed.

    Invoices        https://apidocs.chargebee.com/docs/api/invoices
    Transactions    https://apidocs.chargebee.com/docs/api/transactions
    Errors          https://apidocs.chargebee.com/docs/api/error-handling
    Idempotency     https://apidocs.chargebee.com/docs/api/idempotency

Why a payment failed is in its transaction, not on the invoice. A decline is answered with 400, and the payment that failed
is added to the invoice. A write-off ends as paid: what tells it is the amount written off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.errors import ProviderFailure, UnusableValue
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, NoMethod, PaymentMethod
from bot.domain.outcome import Declined, Outcome, Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Clock, Unreadable, Window
from bot.providers.chargebee_account import Credentials, access_of, base_url_of, host_of, is_live, units_of
from bot.providers.chargebee_answers import is_about_state, is_decline, refusal, refusal_by_state
from bot.providers.chargebee_checks import Checks
from bot.providers.chargebee_declines import decline_of_error
from bot.providers.chargebee_facts import facts_of_site
from bot.providers.chargebee_finding import Finder
from bot.providers.chargebee_invoices import Reader, id_in
from bot.providers.chargebee_listing import walk, walks
from bot.providers.chargebee_orders import form_of, objection, path_of
from bot.providers.chargebee_outcomes import (
    SKEW,
    Charge,
    collected,
    mailed,
    newer,
    reached,
    recorded,
    settled,
)
from bot.providers.chargebee_reads import Reads
from bot.providers.chargebee_wire import WireCollected, WireMailed, WireOneInvoice, body_of, error_of
from bot.providers.http import Pairs, ProviderHttp, Reply, Transport
from bot.providers.links import Links
from bot.providers.merging import merged
from bot.providers.orders import misdirected, unusable
from bot.providers.pace import Pace

REREAD_LIMIT: Final = 8.0
"""Seconds for reads before or after a send, which the worker's deadline has to hold too."""
CHARGES: Final = 5
"""So many payments that were made since the send are looked at."""


class Chargebee:
    """One Chargebee site. Raises UnusableValue when it is built from settings that cannot be used."""

    def __init__(self, account: str, credentials: Credentials, *, clock: Clock, transport: Transport | None = None) -> None:
        self._account = account
        self._clock = clock
        self._live = is_live(account, credentials)
        self._void_reason_code = credentials.void_reason_code
        self._http = ProviderHttp(
            account,
            base_url_of(credentials),
            access=access_of(credentials),
            headers={},
            pace=Pace(credentials.requests_per_second),
            transport=transport,
        )
        site = host_of(credentials.site)
        self._facts = facts_of_site(site)
        self._reader = Reader(
            account=account,
            live=self._live,
            links=Links(self._facts.link_hosts, self._http.host, self._http.is_loopback),
            units=units_of(account, credentials),
            dashboard=f"https://{site}/d/invoices/" if self._http.host == site else None,
        )
        self._reads = Reads(self._http, self._reader, has_read_key=credentials.read_key is not None)
        self._finder = Finder(self._reads)

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
        if thorough:
            return await self._reads.thorough(ref)
        seen = await self._reads.look(ref)
        return seen.invoice if seen else None

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:
        known: set[str] = set()
        async with aclosing(merged([walk(question, self._reads.page) for question in walks(window)])) as pages:
            async for page in pages:
                for raw, item in zip(page.list, self._reader.items(page), strict=True):
                    identifier = id_in(raw)
                    if identifier in known or not _is_wanted(item, window):
                        continue
                    if identifier is not None:
                        known.add(identifier)
                    yield item if isinstance(item, Unreadable) else item[1]

    async def numbered(self, number: str) -> list[Invoice]:
        return await self._finder.numbered(number)

    async def find(self, text: str) -> list[Invoice]:
        return await self._finder.find(text)

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
        if (refused := misdirected(order, self._account, live=self._live) or objection(order)) is not None:
            return refused
        form = await self._form(order)
        return form if isinstance(form, Rejected) else await self._sent(order, form)

    async def settle(self, attempt: Attempt) -> Outcome:
        try:
            seen = await self._reads.look(attempt.ref)
            if seen is None:
                return Unknown(cause="Chargebee does not show the invoice any more")
            if attempt.action is Action.RESEND:
                customer = seen.wire.customer_id
                logs = await self._reads.mails(customer, attempt.first_sent_at - SKEW) if customer else []
                return mailed(attempt, seen.invoice, logs)
            is_money = attempt.action in {Action.RETRY, Action.PAID}
            made = newer(attempt, seen)[-CHARGES:] if is_money else []
            charges = [Charge(one, await self._reads.transaction(one.txn_id)) for one in made]
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=failure.request_id)
        return settled(self._reader, attempt, seen, charges)

    async def _form(self, order: ActionOrder) -> Pairs | Rejected:
        source = await self._source(order) if order.action is Action.RETRY else None
        try:
            return form_of(order, self._reader.units, source=source, void_reason_code=self._void_reason_code)
        except UnusableValue as error:
            return unusable(f"Nothing was sent: {error}.")

    async def _source(self, order: ActionOrder) -> str | None:
        """The payment source to charge; None, also where it cannot be read, leaves the choice to Chargebee. A second send
        that chooses otherwise than the first is another request, and its key is refused."""
        if order.method is not None:
            return order.method
        match order.invoice.method:
            case PaymentMethod(id=known):
                return known
            case NoMethod():
                return None
            case None:
                with contextlib.suppress(ProviderFailure, TimeoutError):
                    async with asyncio.timeout(REREAD_LIMIT):
                        return await self._reads.primary(order.invoice)
                return None

    async def _sent(self, order: ActionOrder, form: Pairs) -> Outcome:
        match await self._http.post(path_of(order), order.invoice.ref.id, form=form, key=order.key):
            case Reply(is_success=True) as reply:
                return self._accepted(order, reply)
            case Reply() as reply if is_decline(order, reply):
                return await self._declined(order, form, reply)
            case Reply() as reply if is_about_state(order, reply):
                return refusal_by_state(order, reply, await self._now(order.invoice.ref))
            case Reply() as reply:
                return refusal(order, reply)
            case Rejected() | Unknown() as no_answer:
                return no_answer

    def _accepted(self, order: ActionOrder, reply: Reply) -> Outcome:
        try:
            return self._answered(order, reply)
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=reply.request_id)

    def _answered(self, order: ActionOrder, reply: Reply) -> Outcome:
        request_id = reply.request_id
        if order.action is Action.RESEND:
            return _mailed(order, reply)
        is_money = order.action in {Action.RETRY, Action.PAID}
        body: WireCollected | WireOneInvoice = body_of(WireCollected, reply) if is_money else body_of(WireOneInvoice, reply)
        seen = self._reader.seen(body.invoice)
        if seen.invoice.ref != order.invoice.ref:
            return Unknown(cause="Chargebee answered with another invoice", request_id=request_id)
        if not isinstance(body, WireCollected):
            kept = replace(
                seen.invoice, decline=order.invoice.decline if seen.invoice.status is InvoiceStatus.OPEN else None
            )
            return reached(order.action, kept, request_id)
        if order.action is Action.RETRY:
            return collected(self._reader, seen, body.transaction, request_id)
        return recorded(order.invoice.owed, seen, body.transaction, request_id)

    async def _declined(self, order: ActionOrder, form: Pairs, reply: Reply) -> Declined:
        """As the failed transaction tells it, so that it reads alike later; else as the refusal does."""
        now = await self._now(order.invoice.ref)
        if now is not None and now.decline is not None and now.newest_charge != order.invoice.newest_charge:
            return Declined(decline=now.decline, invoice=now, request_id=reply.request_id)
        source, known = dict(form).get("payment_source_id"), order.invoice.method
        label = known.label if isinstance(known, PaymentMethod) and known.id == source else source
        return Declined(decline=decline_of_error(error_of(reply), source, label), invoice=now, request_id=reply.request_id)

    async def _now(self, ref: InvoiceRef) -> Invoice | None:
        """The invoice after a refusal, if it can be read at once."""
        try:
            async with asyncio.timeout(REREAD_LIMIT):
                return await self.get(ref)
        except (ProviderFailure, TimeoutError):
            return None


def _mailed(order: ActionOrder, reply: Reply) -> Outcome:
    logs, request_id = body_of(WireMailed, reply).logs, reply.request_id
    if not logs:
        return Unknown(cause="Chargebee does not say that an e-mail left", request_id=request_id)
    if all(one.error_message for one in logs):
        detail = "Chargebee could not send the e-mail; check the customer's address and the site's e-mail settings."
        return Rejected(reason=RejectedReason.INVALID_REQUEST, detail=detail, request_id=request_id)
    return Succeeded(invoice=order.invoice, request_id=request_id)


def _is_wanted(item: object, window: Window) -> bool:
    """What makes no sense is told, for it may be one that failed."""
    if not isinstance(item, tuple):
        return True
    invoice: Invoice = item[1]
    created = invoice.created_at
    is_within = created is None or (created < window.until and (window.since is None or created >= window.since))
    return invoice.failed_because is not None and is_within
