"""Which links of a provider may be shown to people: https, and only on hosts that are known to be its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_LINK = re.compile(r"[!#-;=?-\[\]^-{}~]+")  # visible characters except those that end a link in Slack or in HTML

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Links:
    """`own_host` is where the account's API is; plain http is for a provider on this machine only."""

    hosts: frozenset[str]
    own_host: str
    is_loopback: bool

    def shown(self, url: str | None) -> str | None:
        """The link, or None for one that must not be shown."""
        return url if url and self._may_show(url) else None

    def _may_show(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if not _LINK.fullmatch(url) or parts.username is not None:
            return False
        if host == self.own_host or (self.is_loopback and host in _LOOPBACK):
            return parts.scheme == "https" or (parts.scheme == "http" and self.is_loopback)
        return parts.scheme == "https" and host in self.hosts and port in {None, 443}
