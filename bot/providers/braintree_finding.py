"""Subscriptions by what a person knows of the customer, whom only transactions know.

So transactions are searched by customer, then the subscriptions of those transactions; what was not meant is left out.
https://developer.paypal.com/braintree/graphql/guides/searching
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.errors import UnusableValue
from bot.domain.invoice import Invoice, InvoiceRef
from bot.providers.braintree_queries import BATCH, subscriptions_by, transactions_by
from bot.providers.braintree_reads import Reads
from bot.providers.braintree_wire import (
    WireConnection,
    WireCustomer,
    WireSubscription,
    WireTransaction,
    moment,
    read,
    readable,
)

MOST: Final = 50
LOOKED_AT: Final = 20
"""Of the newest transactions that fit; each needs searches of its own for its subscription."""
LONGEST: Final = 200

_EVER: Final = datetime.min.replace(tzinfo=UTC)


async def find(reads: Reads, text: str) -> list[Invoice]:
    """A subscription's own id is the caller's affair. Raises ProviderFailure."""
    if not text or len(text) > LONGEST:
        return []
    found = await _subscriptions(reads, await _transactions(reads, text))
    charges = await reads.transactions([next(iter(wire.charges), "") for wire in found])
    meant = [
        invoice
        for wire, charge in zip(found, charges, strict=True)
        if charge is not None and _is_meant(charge.customer, text)
        for invoice in _readable(reads, wire, charge)
    ]
    return newest(meant)[:MOST]


def newest(found: Iterable[Invoice]) -> list[Invoice]:
    once: dict[InvoiceRef, Invoice] = {invoice.ref: invoice for invoice in found}
    return sorted(once.values(), key=lambda invoice: invoice.created_at or _EVER, reverse=True)


async def _transactions(reads: Reads, text: str) -> list[tuple[str, str]]:
    """Both ids of the newest transactions of customers that fit, whether or not Braintree heeds capitals."""
    whole = [{"id": {"is": text}}, {"email": {"is": text}}, {"email": {"is": text.lower()}}]
    names = [{name: {"contains": text}} for name in ("company", "firstName", "lastName")]
    first, *rest = text.split()
    if rest:
        names.append({"firstName": {"is": first}, "lastName": {"is": " ".join(rest)}})
    searches = [{"customer": customer} for customer in (*whole, *names)]
    data = await reads.asked(transactions_by(len(searches)), _variables(searches))
    dated: dict[tuple[str, str], datetime] = {}
    for place in range(len(searches)):
        for node in read(WireConnection, data.get(f"n{place}")).nodes:
            if isinstance(node, dict):
                dated[str(node.get("id")), str(node.get("legacyId"))] = _at(node)
    return sorted(dated, key=lambda one: dated[one], reverse=True)[:LOOKED_AT]


async def _subscriptions(reads: Reads, transactions: Sequence[tuple[str, str]]) -> list[WireSubscription]:
    """By both ids of each, for which of them the search takes is not documented."""
    ids = [one for both in transactions for one in both]
    batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    found = await asyncio.gather(*(_of(reads, batch) for batch in batches))
    once = {wire.id: wire for batch in found for wire in batch if wire.charges}
    return list(once.values())


async def _of(reads: Reads, transactions: Sequence[str]) -> list[WireSubscription]:
    data = await reads.asked(
        subscriptions_by(len(transactions)), _variables([{"transactionId": {"is": one}} for one in transactions])
    )
    nodes = [node for place in range(len(transactions)) for node in read(WireConnection, data.get(f"n{place}")).nodes]
    return [wire for wire in readable(WireSubscription, nodes) if wire is not None]


def _variables(given: Sequence[object]) -> dict[str, object]:
    return {f"i{place}": one for place, one in enumerate(given)}


def _at(node: dict[str, Any]) -> datetime:
    try:
        return moment(datetime.fromisoformat(str(node.get("createdAt")))) or _EVER
    except ValueError:
        return _EVER


def _readable(reads: Reads, wire: WireSubscription, charge: WireTransaction) -> list[Invoice]:
    try:
        return [reads.reader.invoice(wire, charge)]
    except UnusableValue:
        return []


def _is_meant(customer: WireCustomer | None, text: str) -> bool:
    """The text is the customer's id or address, or is in the customer's name; whatever the capitals."""
    if customer is None:
        return False
    wanted = text.casefold()
    if any(wanted == value.casefold() for value in (customer.legacy_id, customer.email) if value):
        return True
    return any(wanted in name.casefold() for name in customer.names)
