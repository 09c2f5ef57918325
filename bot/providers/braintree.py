"""Braintree over GraphQL: charge past-due subscriptions, void and capture payments in flight, and list what is past due.

    Making calls    https://developer.paypal.com/braintree/graphql/guides/making_api_calls
    Subscriptions   https://developer.paypal.com/braintree/graphql/guides/recurring_billing
    Idempotency     https://developer.paypal.com/braintree/graphql/guides/idempotency
    Errors          https://developer.paypal.com/braintree/graphql/guides/error_handling

A retry takes no key, so it is sent once and its silence is settled by reading the subscription's transactions. HTTP says
200 to everything: what an answer means stands in its body.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from bot.domain.action import Action
from bot.domain.capability import LiveCheck, ProviderFacts
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import Invoice, InvoiceRef, InvoiceStatus, PaymentMethod, PaymentState
from bot.domain.outcome import Outcome, Pending, Rejected, RejectedReason, Unknown
from bot.domain.records import Attempt
from bot.ports import ActionOrder, Unreadable, Window
from bot.providers.braintree_account import Credentials, access_of, address_of
from bot.providers.braintree_answers import is_about_state, refusal, transaction_in
from bot.providers.braintree_checks import Checks
from bot.providers.braintree_facts import FACTS
from bot.providers.braintree_finding import find, newest
from bot.providers.braintree_invoices import Reader
from bot.providers.braintree_orders import Send, charge, objection, objection_to_flight, on_transaction
from bot.providers.braintree_outcomes import (
    LOOKED_AT,
    charged,
    charged_later,
    duplicate,
    flown,
    flown_later,
    is_duplicate,
    new_since,
)
from bot.providers.braintree_queries import VERSION
from bot.providers.braintree_reads import Reads
from bot.providers.braintree_wire import WireConnection, WireSubscription, WireTransaction, meaning, readable
from bot.providers.http import ProviderHttp, Reply, Transport
from bot.providers.orders import misdirected
from bot.providers.pace import Pace

PATIENCE: Final = 15.0
"""Seconds for the reads before a send; given longer, the worker's deadline would end it as unknown, unsent."""
LOOK_LIMIT: Final = 6.0

_REASONS: Final = {
    FailureReason.RATE_LIMITED: RejectedReason.RATE_LIMITED,
    FailureReason.UNAUTHORIZED: RejectedReason.UNAUTHORIZED,
    FailureReason.FORBIDDEN: RejectedReason.FORBIDDEN,
}


class Braintree:
    """One Braintree merchant. Raises UnusableValue when it is built from settings that cannot be used."""

    def __init__(self, account: str, credentials: Credentials, *, transport: Transport | None = None) -> None:
        self._account = account
        self._live = credentials.mode == "live"
        self._http = ProviderHttp(
            account,
            address_of(account, credentials),
            access=access_of(account, credentials),
            headers={"Braintree-Version": VERSION},
            pace=Pace(credentials.requests_per_second),
            transport=transport,
            meaning=meaning,
        )
        self._reader = Reader(account=account, live=self._live, merchant=credentials.merchant_id.strip())
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
        seen = await self._reads.look(ref, thorough=thorough)
        return seen.invoice if seen else None

    async def failed(self, window: Window) -> AsyncGenerator[Invoice | Unreadable]:
        known: set[str] = set()
        async for page in self._reads.pages():
            for item in await self._items(page):
                if isinstance(item, Unreadable):
                    yield item
                elif item.ref.id not in known and item.failed_because is not None and _is_within(window, item):
                    known.add(item.ref.id)
                    yield item

    async def numbered(self, number: str) -> list[Invoice]:
        """A subscription has no number but the id that people see."""
        wanted = number.strip()
        names = dict.fromkeys((wanted, wanted.lower()))
        found = [await self.get(InvoiceRef(self._account, name)) for name in names if _may_be_id(name)]
        return newest(invoice for invoice in found if invoice is not None)

    async def find(self, text: str) -> list[Invoice]:
        wanted = text.strip()
        return newest([*await self.numbered(wanted), *await find(self._reads, wanted)])[:50]

    async def methods(self, ref: InvoiceRef) -> list[PaymentMethod]:  # noqa: ARG002 - none can be chosen here
        return []

    async def payment_link(self, ref: InvoiceRef) -> str | None:  # noqa: ARG002 - Braintree has no payment pages
        return None

    async def pdf(self, ref: InvoiceRef) -> str | bytes | None:  # noqa: ARG002 - Braintree has no invoices to print
        return None

    async def live_checks(self) -> list[LiveCheck]:
        return await Checks(self._reads).run()

    async def close(self) -> None:
        await self._http.close()

    async def perform(self, order: ActionOrder) -> Outcome:
        if (refused := misdirected(order, self._account, live=self._live) or objection(order)) is not None:
            return refused
        try:
            async with asyncio.timeout(PATIENCE):
                send = await self._send_of(order)
        except ProviderFailure as failure:
            return _not_sent(failure)
        except TimeoutError:
            return _not_sent(ProviderFailure(FailureReason.UNREACHABLE, "Braintree did not answer in time."))
        return await self._sent(order, send) if isinstance(send, Send) else send

    async def settle(self, attempt: Attempt) -> Outcome:
        try:
            seen = await self._reads.look(attempt.ref, newest=LOOKED_AT)
            if seen is None:
                return Unknown(cause="Braintree does not show the subscription any more")
            if attempt.action is Action.RETRY:
                ours = new_since(attempt, seen).ours
                return charged_later(attempt, seen, await self._original(ours[0], seen.newest) if ours else None)
            known = attempt.before.newest_charge
            charge = await self._reads.transaction(known) if known else None
        except ProviderFailure as failure:
            return Unknown(cause=failure.detail, request_id=failure.request_id)
        return flown_later(attempt, charge, seen.invoice)

    async def _send_of(self, order: ActionOrder) -> Send | Rejected:
        """What is to be sent; a void or a capture after one more look at the money in flight. Raises ProviderFailure."""
        ref = order.invoice.ref
        missing = Rejected(reason=RejectedReason.NOT_FOUND, detail="Braintree does not show the subscription any more.")
        if order.action is Action.RETRY:
            identifier = await self._reads.opaque(ref.id)
            return charge(order, identifier) if identifier is not None else missing
        seen = await self._reads.look(ref)
        if seen is None or seen.charge is None:
            return missing
        return objection_to_flight(order, seen) or on_transaction(order, seen.charge.id)

    async def _sent(self, order: ActionOrder, send: Send) -> Outcome:
        match await self._http.send("POST", "", body=send.body):
            case Reply() as reply if (transaction := transaction_in(reply, send.root)) is not None:
                return await self._answered(order, transaction, reply.request_id)
            case Reply() as reply if is_about_state(reply, send.root):
                return await self._refused_by_state(order, reply, send.root)
            case Reply() as reply:
                return refusal(self._account, reply, send.root)
            case Rejected() | Unknown() as no_answer:
                return no_answer

    async def _answered(self, order: ActionOrder, transaction: WireTransaction, request_id: str | None) -> Outcome:
        if order.action is not Action.RETRY:
            if transaction.id != order.invoice.newest_charge:
                return Unknown(cause="Braintree answered with another payment", request_id=request_id)
            return flown(order.action, transaction, request_id)
        if not is_duplicate(transaction):
            return charged(transaction, request_id)
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                return duplicate(await self._original(transaction), request_id)
        except (ProviderFailure, TimeoutError):
            return duplicate(None, request_id)

    async def _original(
        self, transaction: WireTransaction, known: Sequence[WireTransaction | None] = ()
    ) -> WireTransaction | None:
        """What a duplicate repeats; `known` was just read. Raises ProviderFailure."""
        repeated = transaction.newest.duplicate_of if is_duplicate(transaction) else None
        if repeated is None:
            return None
        found = next((one for one in known if one is not None and one.id == repeated.id), None)
        return found or await self._reads.transaction(repeated.id)

    async def _refused_by_state(self, order: ActionOrder, reply: Reply, field: str) -> Outcome:
        """What was done meanwhile by others is told, and money that is under way is no failure."""
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                now = await self.get(order.invoice.ref)
        except (ProviderFailure, TimeoutError):
            now = None
        if now is None:
            return refusal(self._account, reply, field)
        is_under_way = now.payment is PaymentState.PROCESSING and now.status is not InvoiceStatus.PAID
        if order.action is Action.RETRY and is_under_way:
            detail = "A payment of this subscription is already under way."
            return Pending(detail=detail, invoice=now, request_id=reply.request_id)
        already = "already " if now.status is InvoiceStatus.PAID else ""
        return Rejected(
            reason=RejectedReason.NOT_ACTIONABLE,
            detail=f"Subscription {now.label} is {already}{now.provider_status}.",
            invoice=now,
            request_id=reply.request_id,
        )

    async def _items(self, page: WireConnection) -> list[Invoice | Unreadable]:
        """Everything on a page; an item that makes no sense says so in its place."""
        wires = readable(WireSubscription, page.nodes)
        ids = [wire.charges[0] for wire in wires if wire is not None and wire.charges]
        charges = dict(zip(ids, await self._reads.transactions(ids), strict=True))
        return [self._item(wire, charges) for wire in wires]

    def _item(self, wire: WireSubscription | None, charges: dict[str, WireTransaction | None]) -> Invoice | Unreadable:
        if wire is None:
            return Unreadable("an item of the listing is not a subscription as Braintree documents it")
        try:
            return self._reader.invoice(wire, charges[wire.charges[0]] if wire.charges else None)
        except UnusableValue as error:
            return Unreadable(str(error))


def _may_be_id(text: str) -> bool:
    try:
        InvoiceRef("braintree", text)
    except UnusableValue:
        return False
    return True


def _is_within(window: Window, invoice: Invoice) -> bool:
    at = invoice.created_at
    return at is None or (at < window.until and (window.since is None or at >= window.since))


def _not_sent(failure: ProviderFailure) -> Rejected:
    return Rejected(
        reason=_REASONS.get(failure.reason, RejectedReason.UNREACHABLE),
        detail=f"{failure.detail} Nothing was sent.",
        retry_after=failure.retry_after,
        request_id=failure.request_id,
    )
