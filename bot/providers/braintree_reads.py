"""Everything read from one Braintree account: subscriptions with their newest transactions, one by one or page by page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import InvoiceRef
from bot.providers.braintree_answers import NOT_FOUND, read_failure
from bot.providers.braintree_facts import LEGACY_ID
from bot.providers.braintree_invoices import Reader, Seen
from bot.providers.braintree_queries import BATCH, IDS, PAST_DUE, SUBSCRIPTION, transactions
from bot.providers.braintree_wire import (
    WireConnection,
    WireError,
    WireSubscription,
    WireTransaction,
    answer_of,
    read,
    unreadable,
)
from bot.providers.http import ProviderHttp, Reply
from bot.providers.merging import PAGES

PAGE: Final = 50
"""Subscriptions asked for at once; how many there may be is not documented."""
REMEMBERED: Final = 20_000
"""Ids kept in memory."""
Variables = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reads:
    """Every method raises ProviderFailure where it says nothing else."""

    http: ProviderHttp
    reader: Reader
    _ids: dict[str, str] = field(default_factory=dict)
    """Braintree's own ids by the ones that people see; an id never changes."""

    async def look(self, ref: InvoiceRef, *, newest: int = 1, thorough: bool = False) -> Seen | None:
        """The subscription, then its newest transactions: read in this order, a transaction is never older news."""
        wire = await self._subscription(ref)
        if wire is None:
            return None
        return self.reader.seen(wire, await self.transactions(wire.charges[:newest]), thorough=thorough)

    async def opaque(self, legacy_id: str) -> str | None:
        """Braintree's own id of a subscription, which need not exist; None for what cannot be one."""
        if not re.fullmatch(LEGACY_ID, legacy_id):
            return None
        if legacy_id not in self._ids:
            wanted = {"legacyId": legacy_id, "type": "RECURRING_BILLING_SUBSCRIPTION"}
            found = (await self.asked(IDS, {"input": {"ids": [wanted]}})).get("idsFromLegacyIds")
            if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], str | None):
                raise unreadable()
            if found[0] is None:
                return None
            self._remember(legacy_id, found[0])
        return self._ids[legacy_id]

    async def transaction(self, identifier: str) -> WireTransaction | None:
        return (await self.transactions([identifier]))[0]

    async def transactions(self, ids: Sequence[str]) -> list[WireTransaction | None]:
        """In the same order; None for one that Braintree does not show."""
        batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
        found = await asyncio.gather(*(self._batch(batch) for batch in batches))
        return [one for batch in found for one in batch]

    async def pages(self) -> AsyncGenerator[WireConnection]:
        """Every page of what is past due. Raises ProviderFailure for a walk that would not end or would leave something
        out."""
        cursor, known = None, set[str]()
        for _ in range(PAGES):
            asked = {"input": {"status": ["PAST_DUE"]}, "first": PAGE, "after": cursor}
            page = read(WireConnection, (await self.asked(PAST_DUE, asked)).get("recurringBillingSubscriptions"))
            if page.page_info is None:
                raise unreadable()
            yield page
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                return
            if cursor is None or cursor in known:
                raise _unending("goes in circles")
            known.add(cursor)
        raise _unending("does not end")

    async def asked(self, document: str, variables: Variables | None = None) -> dict[str, Any]:
        """The data of a query that has no errors."""
        reply, data, errors = await self.heard(document, variables)
        if errors:
            raise read_failure(self.reader.account, reply, errors)
        return data

    async def heard(
        self, document: str, variables: Variables | None = None
    ) -> tuple[Reply, dict[str, Any], list[WireError]]:
        """The data of a query, with the errors that it has beside NOT_FOUND for single objects."""
        reply = await self.http.ask("", body={"query": document, "variables": dict(variables or {})})
        if not reply.is_success and b'"errors"' not in reply.content:
            raise read_failure(self.reader.account, reply, ())
        answer = answer_of(reply)
        errors = [error for error in answer.errors if not (error.kind == NOT_FOUND and error.path)]
        if answer.data is None and not answer.errors:
            raise unreadable(reply.request_id)
        return reply, answer.data or {}, errors

    async def _subscription(self, ref: InvoiceRef) -> WireSubscription | None:
        identifier = await self.opaque(ref.id)
        if identifier is None:
            return None
        found = (await self.asked(SUBSCRIPTION, {"id": identifier})).get("node")
        if not found:  # there is none, or the id is that of something else
            return None
        wire = read(WireSubscription, found)
        # An id of Braintree's own comes back unchanged from the look-up: it would be one thing under two names.
        return wire if wire.legacy_id == ref.id else None

    async def _batch(self, ids: Sequence[str]) -> list[WireTransaction | None]:
        data = await self.asked(transactions(len(ids)), {f"i{place}": one for place, one in enumerate(ids)})
        found = [data.get(f"n{place}") for place in range(len(ids))]
        read_ones = [read(WireTransaction, one) if one else None for one in found]
        if any(one is not None and one.id != wanted for one, wanted in zip(read_ones, ids, strict=True)):
            raise ProviderFailure(FailureReason.UNREADABLE, "Braintree answered with another transaction.")
        return read_ones

    def _remember(self, legacy_id: str, identifier: str) -> None:
        if len(self._ids) >= REMEMBERED:
            self._ids.clear()
        self._ids[legacy_id] = identifier


def _unending(how: str) -> ProviderFailure:
    return ProviderFailure(FailureReason.UNREADABLE, f"Braintree's listing {how}; it is not complete.")
