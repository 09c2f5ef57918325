"""Which site a key belongs to, and whether it is the one and in the mode that the settings mean.

Nothing is read and nothing sent before Recurly has said so: a key tells neither.
https://recurly.com/developers/api/v2021-02-25/#operation/list_sites
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import FailureReason, ProviderFailure
from bot.ports import Clock
from bot.providers.http import ProviderHttp
from bot.providers.recurly_answers import read_failure
from bot.providers.recurly_wire import WireSite, WireSites, body_of
from bot.providers.wording import setting

TRUSTED_FOR: Final = timedelta(minutes=10)
"""A site can be switched to production while the bot runs."""
LIVE: Final = "production"


@dataclass(slots=True, kw_only=True)
class Site:
    """The site of one account, asked for again every `TRUSTED_FOR`."""

    http: ProviderHttp
    clock: Clock
    account: str
    subdomain: str
    live: bool
    _until: datetime | None = field(default=None, repr=False)

    async def expect(self) -> None:
        """Raises ProviderFailure, WRONG_MODE where the key is not what the settings say."""
        now = self.clock.now()
        if self._until is not None and now < self._until:
            return
        if (trouble := await self.trouble()) is not None:
            raise ProviderFailure(FailureReason.WRONG_MODE, trouble)
        self._until = now + TRUSTED_FOR

    async def trouble(self) -> str | None:
        """One sentence where the key is not what the settings say. Raises ProviderFailure where it cannot be found out."""
        sites = await self.read()
        site = next((one for one in sites if one.subdomain == self.subdomain), None)
        if site is None:
            name, key = setting(self.account, "subdomain"), setting(self.account, "api_key")
            return f"The key of account {self.account} is not of the Recurly site {self.subdomain}; check {name} and {key}."
        if (site.mode == LIVE) is not self.live:
            meant = "live" if self.live else "test"
            return (
                f"Account {self.account} is in {meant} mode, but Recurly says that its site is in {_mode(site)} mode. "
                "Live is `production`, everything else is test."
            )
        return None

    async def read(self) -> list[WireSite]:
        reply = await self.http.get("/sites", params=(("limit", "200"),))
        if not reply.is_success:
            raise read_failure(self.account, reply)
        return body_of(WireSites, reply).data


def _mode(site: WireSite) -> str:
    return site.mode if site.mode in {LIVE, "sandbox", "development"} else "an unknown"
