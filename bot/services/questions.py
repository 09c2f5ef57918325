"""What a dialog is filled with for a typed command, or where the invoice's stored payment methods have to be read first."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.action import Action, Word
from bot.domain.capability import ProviderFacts
from bot.domain.content import RefusalContent
from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice, PaymentMethod
from bot.domain.offer import Offer, Place
from bot.domain.refusal import Refusal, RefusalKind
from bot.services.accounts import Accounts
from bot.services.finder import Finder, Reader, not_read, refused
from bot.services.messages import new_message
from bot.services.rows import Rows


@dataclass(frozen=True, slots=True)
class Question:
    """An invoice that was read for a dialog: the offer that its submission presses."""

    offer: Offer
    facts: ProviderFacts


@dataclass(frozen=True, slots=True)
class MethodQuestion:
    """The same with the stored payment methods to choose from."""

    offer: Offer
    facts: ProviderFacts
    methods: tuple[PaymentMethod, ...]


class Questions:
    """Reads, checks, and draws the offer; decides nothing."""

    def __init__(self, accounts: Accounts, finder: Finder, rows: Rows) -> None:
        self._accounts = accounts
        self._finder = finder
        self._rows = rows

    async def ask(self, reader: Reader, text: str, action: Action) -> Question | RefusalContent:
        """For a typed void, uncollectible, finalize or paid."""
        found = await self._finder.found(reader, text, Word(action.value))
        if isinstance(found, RefusalContent):
            return found
        return await self._question(reader, found, action)

    async def ask_method(self, reader: Reader, text: str) -> MethodQuestion | RefusalContent:
        """For "Retry with…": what else of the customer's could be charged."""
        found = await self._finder.found(reader, text, Word.RETRY)
        if isinstance(found, RefusalContent):
            return found
        question = await self._question(reader, found, Action.RETRY)
        if isinstance(question, RefusalContent):
            return question
        methods = await self._methods(found)
        if isinstance(methods, RefusalContent):
            return methods
        return MethodQuestion(question.offer, question.facts, methods)

    async def _question(self, reader: Reader, found: Invoice, action: Action) -> Question | RefusalContent:
        facts = self._accounts.facts(found.ref.account)
        if facts is None:
            return refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": found.ref.account}))
        standing = await self._rows.standing(found, facts)
        refusal = facts.objection(action, found) if action is not Action.RETRY else standing.objection_to_any_retry()
        if refusal is not None:
            return refused(refusal)
        return Question(await self._rows.drawn(found, Place(new_message("modal"), reader.channel)), facts)

    async def _methods(self, invoice: Invoice) -> tuple[PaymentMethod, ...] | RefusalContent:
        provider = self._accounts.provider(invoice.ref.account)
        if provider is None:
            return refused(Refusal(RefusalKind.UNKNOWN_ACCOUNT, {"account": invoice.ref.account}))
        try:
            return tuple(await provider.methods(invoice.ref))
        except ProviderFailure as failure:
            return not_read(failure)
