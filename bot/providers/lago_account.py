"""Settings of one Lago account: one organization, at Lago's own clusters or on a server of your own.

Keys are bare UUIDs that tell nothing: https://getlago.com/docs/api-reference/intro
"""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.errors import UnusableValue
from bot.providers.http import Access
from bot.providers.wording import setting

BASE_URL: Final = "https://api.getlago.com/api/v1"

_KEY = re.compile(r"[!-~]+")


class Credentials(BaseModel):
    """Settings of one Lago account: one organization. A key that may write invoices and read payments is enough."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(
        description="The key that acts; it needs invoice: write, payment: read and write, payment_method: read."
    )
    read_key: SecretStr | None = Field(
        default=None, description="A key for reading, so that reads use no key that can act."
    )
    mode: Literal["test", "live"] = Field(description="Lago's keys do not tell test from live, so this has to.")
    base_url: str = Field(
        default=BASE_URL, description="The API of your cluster or server, with its path; https://api.eu.getlago.com/api/v1."
    )
    requests_per_second: float = Field(
        default=5.0, gt=0, le=1000, description="Our share of the organization's rate limit of 50 requests per second."
    )


def access_of(account: str, credentials: Credentials) -> Access:
    """Raises UnusableValue with a sentence for every problem."""
    problems: list[str] = []
    for name, secret in (("api_key", credentials.api_key), ("read_key", credentials.read_key)):
        if secret is not None and not _KEY.fullmatch(secret.get_secret_value().strip()):
            problems.append(f"{setting(account, name)} contains characters that no key of Lago has")
    if problems:
        raise UnusableValue("\n".join(problems))
    read = credentials.read_key or credentials.api_key
    return Access(
        send=SecretStr(f"Bearer {credentials.api_key.get_secret_value().strip()}"),
        read=SecretStr(f"Bearer {read.get_secret_value().strip()}"),
    )
