"""The configured accounts: which provider speaks for an invoice, and how its last read went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from bot.domain.capability import ProviderFacts
from bot.domain.content import AccountHealth
from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice, InvoiceRef
from bot.domain.outcome import Outcome, Unknown
from bot.domain.records import Attempt
from bot.ports import Provider

_SETTLE_WITHIN = 30.0
LastSeen = Callable[[InvoiceRef], Awaitable[Invoice | None]]


class Accounts:
    """Every configured account by name. Remembers the last read's problem, for `status` and `/healthz`."""

    def __init__(self, providers: Iterable[Provider], last_seen: LastSeen | None = None) -> None:
        self._last_seen = last_seen
        self._providers: dict[str, Provider] = {provider.account: provider for provider in providers}
        self._problems: dict[str, str | None] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(self._providers)

    def provider(self, account: str) -> Provider | None:
        return self._providers.get(account)

    def facts(self, account: str) -> ProviderFacts | None:
        provider = self._providers.get(account)
        return provider.facts if provider else None

    def id_patterns(self) -> Mapping[str, str]:
        return {name: provider.facts.id_pattern for name, provider in self._providers.items()}

    def remember(self, last_seen: LastSeen) -> None:
        """Where to look for invoices whose provider cannot be read; wired once the database is open."""
        self._last_seen = last_seen

    def takes_any_id(self, account: str) -> bool:
        """Whether whatever is typed after `account:` may be an id."""
        facts = self.facts(account)
        return facts is not None and facts.ids_are_opaque

    async def get(self, ref: InvoiceRef, *, thorough: bool = False) -> Invoice | None:
        """Read one invoice; raises ProviderFailure. Where the provider shows none, the invoice as it was last seen. The
        account must be configured (callers check)."""
        provider = self._providers[ref.account]
        if not provider.facts.can_read and self._last_seen is not None:
            seen = await self._last_seen(ref)
            if seen is not None:
                return seen
        try:
            invoice = await provider.get(ref, thorough=thorough)
        except ProviderFailure as failure:
            self.note(ref.account, failure.detail)
            raise
        self.note(ref.account, None)
        return invoice

    async def settle(self, attempt: Attempt) -> Outcome:
        """What really happened to a send, by reading; whatever goes wrong while reading leaves the doubt as it is."""
        provider = self._providers.get(attempt.ref.account)
        if provider is None:
            return Unknown(cause=f"the account {attempt.ref.account} is not configured any more")
        try:
            async with asyncio.timeout(_SETTLE_WITHIN):
                return await provider.settle(attempt)
        except TimeoutError:
            return Unknown(cause=f"{provider.facts.name} did not answer")
        except Exception as error:  # noqa: BLE001 - a bug while reading must leave the doubt as it is
            return Unknown(cause=f"the provider's records could not be understood ({type(error).__name__})")

    def note(self, account: str, problem: str | None) -> None:
        self._problems[account] = problem

    def health(self) -> tuple[AccountHealth, ...]:
        return tuple(
            AccountHealth(name, provider.facts.name, provider.live, self._problems.get(name))
            for name, provider in self._providers.items()
        )

    async def close(self) -> None:
        for provider in self._providers.values():
            await provider.close()
