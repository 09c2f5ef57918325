"""The one invoice that a person means, if it may be shown to them: what every read begins with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bot.domain.action import Word
from bot.domain.content import RefusalContent
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import Invoice
from bot.domain.policy import Actor
from bot.domain.refusal import Refusal, RefusalKind
from bot.services.accounts import Accounts
from bot.services.resolution import Resolution
from bot.services.rights import Rights


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and where the answer will be seen."""

    actor: Actor
    channel: str


class Finder:
    """REF to invoice under the reader's rights; whatever stands in the way becomes a refusal to be shown privately."""

    def __init__(self, accounts: Accounts, rights: Rights, resolution: Resolution) -> None:
        self._accounts = accounts
        self._rights = rights
        self._resolution = resolution

    async def found(self, reader: Reader, text: str, word: Word) -> Invoice | RefusalContent:
        """The invoice as it is now, read thoroughly; `word` is the right that it takes."""
        refusal = await self._rights.objection(reader.actor, word, channel=reader.channel)
        if refusal is not None:
            return refused(refusal)
        visible = self._rights.accounts(reader.actor, reader.channel, self._accounts.names())
        try:
            found = await self._resolution.find(text, within=visible)
        except ProviderFailure as failure:
            return not_read(failure)
        if isinstance(found, Refusal):
            return refused(found)
        refusal = await self._rights.objection(
            reader.actor, word, channel=reader.channel, account=found.ref.account, amount=found.owed
        )
        return refused(refusal) if refusal is not None else found


_FINAL = frozenset({FailureReason.REFUSED, FailureReason.UNAUTHORIZED, FailureReason.FORBIDDEN, FailureReason.WRONG_MODE})
"""Clear answers, which say themselves what to do: asking again in a minute would not change them."""


def not_read(failure: ProviderFailure) -> RefusalContent:
    """What the provider did not tell, and whether it is worth asking again."""
    told = "sentence" if failure.reason in _FINAL else "detail"
    return refused(Refusal(RefusalKind.READ_FAILED, {told: failure.detail}))


def refused(refusal: Refusal) -> RefusalContent:
    """Our own no, with a reference that people can quote."""
    return RefusalContent(refusal=refusal, reference=secrets.token_hex(4))
