"""Settings of one Chargebee account: one site, for test and live are two sites with keys of their own.

Sites and keys: https://apidocs.chargebee.com/docs/api/auth
"""

from __future__ import annotations

import base64
import re
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.domain.errors import UnusableValue
from bot.domain.money import EXPONENTS, MinorUnits, known_currency
from bot.providers.http import Access
from bot.providers.wording import setting

KEY_HEADER: Final = "chargebee-idempotency-key"
ZERO_DECIMAL: Final = "JPY KRW XAF XOF"
"""Currencies that Chargebee counts in whole units; every other one it counts in hundredths, whatever ISO 4217 says.
https://apidocs.chargebee.com/docs/api/currencies"""

_SITE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEY = re.compile(r"[!-9;-~]+")  # a colon would end the user name of basic authentication
_TEST = "-test"
LONGEST_CODE: Final = 100


class Credentials(BaseModel):
    """Settings of one Chargebee site. A full-access key is needed to act; a read-only one is enough for reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="The key that acts: a full-access one. It belongs to one site.")
    site: str = Field(description="The site's name: `acme-test` of `acme-test.chargebee.com`. Test sites end in `-test`.")
    read_key: SecretStr | None = Field(
        default=None, description="A read-only key of the same site, so that reads use no key that can act."
    )
    mode: Literal["test", "live"] | None = Field(
        default=None, description="What you mean the site to be; the start is refused where its name says the other."
    )
    void_reason_code: str | None = Field(
        default=None, description="The reason code that a void carries, as the site lists it; some sites want one."
    )
    zero_decimal: str = Field(
        default=ZERO_DECIMAL, description="Currencies that this site counts in whole units; all others in hundredths."
    )
    base_url: str | None = Field(default=None, description="Another base of Chargebee's API, with its path.")
    requests_per_second: float = Field(
        default=2.0, gt=0, le=1000, description="Our share of the site's rate limit; 150 a minute on test sites."
    )


def is_live(account: str, credentials: Credentials) -> bool:
    """By the site's name, which decides whose keys work. Raises UnusableValue with a sentence for every problem."""
    problems = [*_of_keys(account, credentials), *_of_site(account, credentials)]
    if len(credentials.void_reason_code or "") > LONGEST_CODE:
        problems.append(f"{setting(account, 'void_reason_code')} is longer than {LONGEST_CODE} characters")
    if problems:
        raise UnusableValue("\n".join(problems))
    return not credentials.site.endswith(_TEST)


def access_of(credentials: Credentials) -> Access:
    read = credentials.read_key or credentials.api_key
    return Access(send=_basic(credentials.api_key), read=_basic(read), key_header=KEY_HEADER)


def host_of(site: str) -> str:
    return f"{site}.chargebee.com"


def base_url_of(credentials: Credentials) -> str:
    return credentials.base_url or f"https://{host_of(credentials.site)}/api/v2"


def units_of(account: str, credentials: Credentials) -> MinorUnits:
    """Raises UnusableValue for what is no currency."""
    try:
        whole = {known_currency(code) for code in re.split(r"[\s,]+", credentials.zero_decimal) if code}
    except UnusableValue as error:
        raise UnusableValue(f"{setting(account, 'zero_decimal')}: {error}") from None
    return MinorUnits(dict.fromkeys(EXPONENTS, 2) | dict.fromkeys(whole, 0))


def _basic(key: SecretStr) -> SecretStr:
    """The key is the user; the password is empty."""
    pair = f"{key.get_secret_value().strip()}:".encode()
    return SecretStr(f"Basic {base64.b64encode(pair).decode()}")


def _of_keys(account: str, credentials: Credentials) -> list[str]:
    named = (("api_key", credentials.api_key), ("read_key", credentials.read_key))
    return [
        f"{setting(account, name)} contains characters that no key of Chargebee has"
        for name, secret in named
        if secret is not None and not _KEY.fullmatch(secret.get_secret_value().strip())
    ]


def _of_site(account: str, credentials: Credentials) -> list[str]:
    variable = setting(account, "site")
    if not _SITE.fullmatch(credentials.site):
        return [f"{variable} must be the site's name alone, in small letters: acme-test of acme-test.chargebee.com"]
    meant = "test" if credentials.site.endswith(_TEST) else "live"
    if credentials.mode in {None, meant}:
        return []
    return [f"{setting(account, 'mode')} is {credentials.mode}, but {variable} names a {meant} site"]
