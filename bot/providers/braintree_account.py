"""Settings of one Braintree account: one merchant, in production or in the sandbox, which share nothing.

Keys tell neither the merchant nor the mode: https://developer.paypal.com/braintree/graphql/guides/making_api_calls
"""

from __future__ import annotations

import base64
import re
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.errors import UnusableValue
from bot.providers.http import Access
from bot.providers.wording import setting

URLS: Final = {
    "live": "https://payments.braintree-api.com/graphql",
    "test": "https://payments.sandbox.braintree-api.com/graphql",
}
PANELS: Final = {"live": "https://www.braintreegateway.com", "test": "https://sandbox.braintreegateway.com"}

_KEY = re.compile(r"[!-9;-~]+")
_MERCHANT = re.compile(r"[0-9A-Za-z_-]+")


class Credentials(BaseModel):
    """Settings of one Braintree account: one merchant. The keys have the rights of their control-panel user."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    merchant_id: str = Field(description="The merchant, as the control panel's address names it.")
    public_key: SecretStr = Field(description="The public half of the API key, best of a user made for Recoup alone.")
    private_key: SecretStr = Field(description="The private half of the API key.")
    mode: Literal["test", "live"] = Field(
        description="`test` for Braintree's sandbox, `live` for production: each has its own host and its own keys."
    )
    base_url: str | None = Field(
        default=None, description="Another address of the GraphQL API, with its path. Without it, the one of the mode."
    )
    requests_per_second: float = Field(
        default=5.0, gt=0, le=1000, description="How often Braintree may be asked; it publishes no limit."
    )


def address_of(account: str, credentials: Credentials) -> str:
    """Raises UnusableValue where the address is that of the other mode."""
    mode, url = credentials.mode, credentials.base_url
    other = "live" if mode == "test" else "test"
    if url is not None and url.strip().lower().startswith(URLS[other].removesuffix("/graphql")):
        raise UnusableValue(f"{setting(account, 'base_url')} is Braintree's address for {other} mode, and mode is {mode}")
    return url or URLS[mode]


def access_of(account: str, credentials: Credentials) -> Access:
    """Raises UnusableValue with a sentence for every problem."""
    public, private = (key.get_secret_value().strip() for key in (credentials.public_key, credentials.private_key))
    problems = [
        f"{setting(account, name)} contains characters that no key of Braintree has"
        for name, key in (("public_key", public), ("private_key", private))
        if not _KEY.fullmatch(key)
    ]
    if not _MERCHANT.fullmatch(credentials.merchant_id.strip()):
        problems.append(
            f"{setting(account, 'merchant_id')} is no merchant ID: letters, digits, dashes and underscores only"
        )
    if problems:
        raise UnusableValue("\n".join(problems))
    basic = SecretStr(f"Basic {base64.b64encode(f'{public}:{private}'.encode()).decode()}")
    return Access(send=basic, read=basic)
