"""What the adapter takes for granted of Braintree and no document settles, tried on an account by reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.capability import LiveCheck
from bot.domain.errors import ProviderFailure
from bot.providers.braintree_answers import NOT_FOUND, read_failure
from bot.providers.braintree_queries import PAST_DUE, SUBSCRIPTION, VERSION, WHO, subscriptions_by
from bot.providers.braintree_reads import PAGE, Reads
from bot.providers.braintree_wire import WireConnection, WireSubscription, answer_of, read, readable, unreadable
from bot.providers.trying import Seen, tried, untold
from bot.providers.wording import scrubbed

NOBODY: Final = "recoupnobody"
"""No subscription has this id."""

MERCHANT: Final = "The keys belong to the merchant of the settings."
FIELDS: Final = f"In the version {VERSION} past-due subscriptions can be listed with all that is read of them."
PAGES: Final = f"A page holds up to {PAGE} subscriptions, where as many are asked for."
CURRENCY: Final = "A subscription's history names its currency."
NEWEST_FIRST: Final = "A subscription names its transactions with the newest first."
BY_TRANSACTION: Final = "A subscription is found by the id of its transaction."
MISSING: Final = "An id that does not exist is answered with NOT_FOUND."
STATEMENTS: Final = (MERCHANT, FIELDS, PAGES, CURRENCY, NEWEST_FIRST, BY_TRANSACTION, MISSING)


@dataclass(frozen=True, slots=True)
class Checks:
    """Of one account."""

    reads: Reads

    async def run(self) -> list[LiveCheck]:
        """Without the list nothing can be tried."""
        try:
            asked = {"input": {"status": ["PAST_DUE"]}, "first": PAGE, "after": None}
            page = read(WireConnection, (await self.reads.asked(PAST_DUE, asked)).get("recurringBillingSubscriptions"))
        except ProviderFailure as failure:
            return [untold(statement, failure) for statement in STATEMENTS]
        found = [one for one in readable(WireSubscription, page.nodes) if one is not None]
        return [
            await tried(MERCHANT, self._merchant()),
            _told(FIELDS, _fields(page, found)),
            _told(PAGES, _pages(page)),
            _told(CURRENCY, _currency(found)),
            await tried(NEWEST_FIRST, self._newest_first(found)),
            await tried(BY_TRANSACTION, self._by_transaction(found)),
            await tried(MISSING, self._missing()),
        ]

    async def _merchant(self) -> Seen:
        """With the keys of another merchant another company's customers would be charged."""
        viewer = (await self.reads.asked(WHO)).get("viewer")
        merchant = viewer.get("merchant") if isinstance(viewer, dict) else None
        told = merchant.get("id") if isinstance(merchant, dict) else None
        if not isinstance(told, str):
            return Seen(None, "the keys may not see the merchant")
        is_same = told == self.reads.reader.merchant
        return Seen(is_same, "the same id" if is_same else "another id, or the merchant's under another name")

    async def _newest_first(self, found: Sequence[WireSubscription]) -> Seen:
        """Else an old transaction would be taken for what the retry came to."""
        several = next((one for one in found if len(one.charges) > 1), None)
        if several is None:
            return Seen(None, "no past-due subscription here has two transactions")
        times = [one.at for one in await self.reads.transactions(several.charges[:2]) if one is not None and one.at]
        if len(times) < 2 or times[0] == times[1]:
            return Seen(None, "their times do not tell")
        return Seen(times[0] > times[1], "two transactions of one subscription")

    async def _by_transaction(self, found: Sequence[WireSubscription]) -> Seen:
        one = next((one for one in found if one.charges), None)
        charge = await self.reads.transaction(one.charges[0]) if one else None
        if one is None or charge is None:
            return Seen(None, "no past-due subscription here has a transaction")
        names = {"Braintree's own id": charge.id, "the one that people see": charge.legacy_id or charge.id}
        asked = {f"i{place}": {"transactionId": {"is": name}} for place, name in enumerate(names.values())}
        data = await self.reads.asked(subscriptions_by(len(asked)), asked)
        nodes = [read(WireConnection, data.get(f"n{place}")).nodes for place in range(len(asked))]
        by = [name for name, items in zip(names, nodes, strict=True) if items]
        return Seen(bool(by), f"found by {' and by '.join(by)}" if by else "found by neither of its ids")

    async def _missing(self) -> Seen:
        identifier = await self.reads.opaque(NOBODY)
        if identifier is None:
            return Seen(None, "the look-up of ids knows already that there is none")
        reply = await self.reads.http.ask("", body={"query": SUBSCRIPTION, "variables": {"id": identifier}})
        answer = answer_of(reply)
        if not answer.errors and answer.data is None:
            raise unreadable(reply.request_id)
        kinds = {error.kind for error in answer.errors}
        if reply.status != 200 or kinds & {"AUTHENTICATION", "AUTHORIZATION"}:
            raise read_failure(self.reads.reader.account, reply, answer.errors)
        return Seen(NOT_FOUND in kinds, scrubbed(", ".join(sorted(kind or "no class" for kind in kinds))) or "no error")


def _fields(page: WireConnection, found: Sequence[WireSubscription]) -> Seen:
    if not page.nodes:
        return Seen(None, "nothing is past due here")
    return Seen(len(found) == len(page.nodes), f"{len(found)} of {len(page.nodes)} could be read")


def _pages(page: WireConnection) -> Seen:
    number = len(page.nodes)
    if number >= PAGE:
        return Seen(number == PAGE, f"{number} subscriptions")
    if page.page_info is None or not page.page_info.has_next_page:
        return Seen(None, f"{number} are past due, which fit one page of any size")
    return Seen(False, f"{number} subscriptions, and another page after them")


def _currency(found: Sequence[WireSubscription]) -> Seen:
    if not found:
        return Seen(None, "nothing is past due here")
    named = sum(any(state.currency_iso_code for state in one.states) for one in found)
    return Seen(named == len(found), f"{named} of {len(found)} name it")


def _told(statement: str, seen: Seen) -> LiveCheck:
    return LiveCheck(statement, seen.holds, seen.what)
