"""Settings of one Recurly site: its private key, its region, and what `GET /sites` has to say of it.

Neither key nor host tells test from live: https://recurly.com/developers/api/v2021-02-25/#section/Getting-Started
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.errors import UnusableValue
from bot.providers.http import Access
from bot.providers.wording import setting

HOSTS: Final = {"us": "https://v3.recurly.com", "eu": "https://v3.eu.recurly.com"}
LIVE_RATE: Final = 10.0
TEST_RATE: Final = 5.0
"""Requests a second, inside Recurly's 1,000 and 400 a minute."""

_KEY = re.compile(r"[!-9;-~]+")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Credentials(BaseModel):
    """Settings of one Recurly site. The key selects the site; `subdomain` and `mode` have to agree with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="A private API key of the site; it may do everything there.")
    mode: Literal["test", "live"] = Field(
        description="Has to agree with the mode that Recurly reports for the site: live is `production`, all else is test."
    )
    subdomain: str = Field(
        description="The site's name before `.recurly.com`; it has to be the key's site, and links are built with it."
    )
    region: str = Field(default="us", description="Where the site is: `us` or `eu`. A key works in its own region only.")
    base_url: str | None = Field(default=None, description="Another base of Recurly's API; it overrides `region`.")
    requests_per_second: float | None = Field(
        default=None, gt=0, le=1000, description="Our share of the site's rate limit; 10 live and 5 in test mode."
    )


def base_of(account: str, credentials: Credentials) -> str:
    """Where the API is. Raises UnusableValue with a sentence for every setting that cannot be used."""
    problems: list[str] = []
    if not _KEY.fullmatch(credentials.api_key.get_secret_value().strip()):
        problems.append(f"{setting(account, 'api_key')} contains characters that no key of Recurly has")
    if not _SUBDOMAIN.fullmatch(credentials.subdomain):
        name = setting(account, "subdomain")
        problems.append(f"{name} must be the name of the site alone, such as acme for acme.recurly.com")
    if credentials.region not in HOSTS:
        problems.append(f"{setting(account, 'region')} must be us or eu")
    if problems:
        raise UnusableValue("\n".join(problems))
    return credentials.base_url or HOSTS[credentials.region]


def access_of(credentials: Credentials) -> Access:
    """Basic, with the key as the user and no password. Recurly documents no key that could only read."""
    pair = f"{credentials.api_key.get_secret_value().strip()}:".encode()
    secret = SecretStr(f"Basic {base64.b64encode(pair).decode()}")
    return Access(send=secret, read=secret)


def wait_until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the moment that a 429 names in seconds since 1970, at most two minutes; None where it names none."""
    try:
        seconds = float(headers.get("x-ratelimit-reset", "")) - now
    except ValueError:
        return None
    return min(max(seconds, 0.0), 120.0) if seconds == seconds else None  # noqa: PLR0124  only NaN differs from itself
