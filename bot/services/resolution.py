"""Which invoice is meant: REF to InvoiceRef, for reads and for typed commands that the worker binds to an invoice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.offer import Place
from bot.domain.records import Claim
from bot.domain.reference import IdAt, NumberAt, Reference, parse_reference
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Busy, Journal
from bot.services.accounts import Accounts
from bot.services.rows import Rows


class Resolution:
    """Finds the one invoice behind a REF, or says why it cannot."""

    def __init__(self, journal: Journal, accounts: Accounts, rows: Rows) -> None:
        self._journal = journal
        self._accounts = accounts
        self._rows = rows

    async def find(self, text: str, *, within: Sequence[str] | None = None) -> Invoice | Refusal:
        """The invoice as it is now, read thoroughly. `within` limits the accounts to those that the person may see.

        Raises ProviderFailure where an account that might have it cannot be read.
        """
        try:
            reference = parse_reference(text, self._accounts.id_patterns())
        except UnusableValue as error:
            return Refusal(RefusalKind.BAD_REFERENCE, {"text": str(error)})
        if isinstance(reference, NumberAt) and len(reference.accounts) == 1:
            reference = self._opaque(reference.accounts[0], reference)
        accounts = [a for a in _accounts_of(reference) if within is None or a in within]
        if not accounts:
            return Refusal(RefusalKind.NO_RIGHT, {"word": "view"})
        found = await self._candidates(reference, accounts)
        if not found:
            return Refusal(RefusalKind.NO_SUCH_INVOICE, {"text": _shown(reference)})
        if len(found) > 1:
            choices = ", ".join(f"`{invoice.ref}`" for invoice in found[:5])
            return Refusal(RefusalKind.AMBIGUOUS, {"choices": choices})
        return found[0]

    async def resolve(self, claim: Claim) -> tuple[Claim, Invoice | None] | Refusal:
        """A claim with an offer is left alone; a typed one is read, given its offer, and bound to its invoice.

        Raises ProviderFailure like `find`.
        """
        action = claim.action
        if action.typed_ref is None or claim.offer is not None:
            return claim, None
        found = await self.find(action.typed_ref)
        if isinstance(found, Refusal):
            return found
        offer = await self._rows.draw(found, Place(f"typed:{action.id}", action.reply_to.channel))
        bound = await self._journal.bind(claim, offer)
        if isinstance(bound, Busy):
            other = bound.action
            facts = {"word": other.kind.value, "by": other.actor.user, "at": other.created_at.isoformat()}
            return Refusal(RefusalKind.BUSY, facts)
        return bound, found

    def _opaque(self, account: str, reference: NumberAt) -> Reference:
        return InvoiceRef(account, reference.number) if self._accounts.takes_any_id(account) else reference

    async def _candidates(self, reference: Reference, accounts: Sequence[str]) -> list[Invoice]:
        """All accounts at once. One that fails hides nothing: unless another has the invoice, its failure is raised."""
        answers = await asyncio.gather(*(self._at(account, reference) for account in accounts), return_exceptions=True)
        found = [invoice for answer in answers if not isinstance(answer, BaseException) for invoice in answer]
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        for failure in failures:
            if not found or not isinstance(failure, ProviderFailure):
                raise failure
        return found

    async def _at(self, account: str, reference: Reference) -> list[Invoice]:
        provider = self._accounts.provider(account)
        if provider is None:
            return []
        if not isinstance(reference, NumberAt):
            invoice = await self._accounts.get(InvoiceRef(account, reference.id), thorough=True)
            return [invoice] if invoice else []
        try:
            listed = await provider.numbered(reference.number)
        except ProviderFailure as failure:
            if failure.reason is FailureReason.REFUSED:
                return []
            raise
        read = await asyncio.gather(*(self._accounts.get(invoice.ref, thorough=True) for invoice in listed[:5]))
        return [invoice for invoice in read if invoice is not None]


def _accounts_of(reference: Reference) -> tuple[str, ...]:
    if isinstance(reference, IdAt | NumberAt):
        return reference.accounts
    return (reference.account,)


def _shown(reference: Reference) -> str:
    return reference.number if isinstance(reference, NumberAt) else reference.id
