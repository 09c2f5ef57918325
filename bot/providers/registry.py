"""Every provider there is, by slug, and how an account of it is opened from settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr, ValidationError

from bot.domain.capability import ProviderFacts
from bot.domain.errors import UnusableValue
from bot.domain.invoice import account_name
from bot.ports import Clock, Provider
from bot.providers import (
    braintree,
    braintree_account,
    braintree_facts,
    chargebee,
    chargebee_account,
    chargebee_facts,
    lac,
    lago,
    lago_account,
    lago_facts,
    paddle,
    paddle_account,
    paddle_facts,
    recurly,
    recurly_account,
    recurly_facts,
    stripe,
    stripe_facts,
)
from bot.providers.http import Transport
from bot.providers.wording import setting

Values = Mapping[str, str | SecretStr]
_Open = Callable[[str, Values, Clock, Transport | None], Provider]


@dataclass(frozen=True, slots=True)
class _Entry:
    facts: ProviderFacts
    credentials: type[BaseModel]
    open: _Open


def _open_stripe(account: str, values: Values, clock: Clock, transport: Transport | None) -> Provider:
    return stripe.Stripe(account, stripe.Credentials.model_validate(values), clock=clock, transport=transport)


def _open_lac(account: str, values: Values, _: Clock, transport: Transport | None) -> Provider:
    return lac.Lac(account, lac.Credentials.model_validate(values), transport=transport)


def _open_lago(account: str, values: Values, clock: Clock, transport: Transport | None) -> Provider:
    return lago.Lago(account, lago_account.Credentials.model_validate(values), clock=clock, transport=transport)


def _open_braintree(account: str, values: Values, _: Clock, transport: Transport | None) -> Provider:
    return braintree.Braintree(account, braintree_account.Credentials.model_validate(values), transport=transport)


def _open_recurly(account: str, values: Values, clock: Clock, transport: Transport | None) -> Provider:
    credentials = recurly_account.Credentials.model_validate(values)
    return recurly.Recurly(account, credentials, clock=clock, transport=transport)


def _open_paddle(account: str, values: Values, _: Clock, transport: Transport | None) -> Provider:
    return paddle.Paddle(account, paddle_account.Credentials.model_validate(values), transport=transport)


def _open_chargebee(account: str, values: Values, clock: Clock, transport: Transport | None) -> Provider:
    credentials = chargebee_account.Credentials.model_validate(values)
    return chargebee.Chargebee(account, credentials, clock=clock, transport=transport)


_PROVIDERS: Mapping[str, _Entry] = {
    "lago": _Entry(lago_facts.FACTS, lago_account.Credentials, _open_lago),
    "stripe": _Entry(stripe_facts.FACTS, stripe.Credentials, _open_stripe),
    "paddle": _Entry(paddle_facts.FACTS, paddle_account.Credentials, _open_paddle),
    "lac": _Entry(lac.FACTS, lac.Credentials, _open_lac),
    "chargebee": _Entry(chargebee_facts.FACTS, chargebee_account.Credentials, _open_chargebee),
    "braintree": _Entry(braintree_facts.FACTS, braintree_account.Credentials, _open_braintree),
    "recurly": _Entry(recurly_facts.FACTS, recurly_account.Credentials, _open_recurly),
}


def slugs() -> tuple[str, ...]:
    return tuple(_PROVIDERS)


def facts_of(slug: str) -> ProviderFacts:
    """Raises UnusableValue for a provider that does not exist."""
    return _entry(slug).facts


def settings_of(slug: str) -> tuple[str, ...]:
    """The names of a provider's own settings, required ones first."""
    fields = _entry(slug).credentials.model_fields
    return tuple(sorted(fields, key=lambda name: not fields[name].is_required()))


def open_provider(account: str, slug: str, values: Values, clock: Clock, transport: Transport | None = None) -> Provider:
    """One account of a provider. Raises UnusableValue with one sentence, on a line of its own, for every problem.

    `values` are the account's settings without `provider`; an empty one counts as not set.
    """
    entry = _entry(slug, account)
    account_name(account)
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()}
    given = {name: value.strip() for name, value in plain.items() if value.strip()}
    try:
        return entry.open(account, given, clock, transport)
    except ValidationError as error:
        problems = [
            _problem(account, slug, str(p["loc"][0]) if p["loc"] else "", p["type"])
            for p in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise UnusableValue("\n".join(problems)) from None


def _entry(slug: str, account: str | None = None) -> _Entry:
    if slug not in _PROVIDERS:
        where = f"{setting(account, 'provider')} is “{slug}”: " if account else f"“{slug}”: "
        raise UnusableValue(f"{where}there is no such provider; there is {', '.join(_PROVIDERS)}")
    return _PROVIDERS[slug]


def _problem(account: str, slug: str, name: str, kind: str) -> str:
    """A pydantic error as a sentence; the value itself may be a secret and is never in it."""
    variable = setting(account, name)
    if kind == "missing":
        return f"{variable} is missing"
    if kind == "extra_forbidden":
        return f"{variable} is not a setting of {_PROVIDERS[slug].facts.name}; there is {', '.join(settings_of(slug))}"
    if kind == "literal_error":
        return f"{variable} must be test or live"
    return f"{variable} cannot be used"
