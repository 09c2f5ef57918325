from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from bot.domain.errors import UnusableValue
from bot.ports import Provider
from bot.providers.registry import facts_of, open_provider, settings_of, slugs
from bot.providers.wording import setting
from tests.providers.wire import FixedClock

SECRET = "sk_test_51VerySecretKey"


def opened(values: Mapping[str, str | SecretStr], account: str = "stripe", slug: str = "stripe") -> Provider:
    return open_provider(account, slug, values, FixedClock())


def refusal(values: Mapping[str, str | SecretStr], account: str = "stripe", slug: str = "stripe") -> str:
    with pytest.raises(UnusableValue) as caught:
        opened(values, account, slug)
    assert "Secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_an_account_opens_from_its_settings() -> None:
    provider = opened({"api_key": SecretStr(SECRET), "mode": "test", "read_key": ""}, account="stripe-eu")
    assert (provider.account, provider.live, provider.facts.slug) == ("stripe-eu", False, "stripe")


@pytest.mark.parametrize(
    ("values", "live"),
    [
        ({"api_key": "sk_test_a"}, False),
        ({"api_key": "rk_test_a"}, False),
        ({"api_key": "sk_live_a"}, True),
        ({"api_key": "rk_live_a", "read_key": "rk_live_b", "mode": "live"}, True),
        ({"api_key": "local_key", "mode": "test"}, False),
        ({"api_key": " sk_test_a\n"}, False),
    ],
)
def test_the_key_tells_test_from_live(values: dict[str, str], live: bool) -> None:
    assert opened(values).live is live


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "RECOUP_ACCOUNTS__ACME_EU__API_KEY is missing"),
        ({"api_key": "  "}, "RECOUP_ACCOUNTS__ACME_EU__API_KEY is missing"),
        ({"api_key": "pk_live_Secret"}, "RECOUP_ACCOUNTS__ACME_EU__API_KEY is a publishable key"),
        ({"api_key": SECRET, "read_key": "pk_test_Secret"}, "RECOUP_ACCOUNTS__ACME_EU__READ_KEY is a publishable key"),
        ({"api_key": SECRET, "mode": "live"}, "mix test and live"),
        ({"api_key": SECRET, "read_key": "rk_live_Secret"}, "mix test and live"),
        ({"api_key": "Secret"}, "set RECOUP_ACCOUNTS__ACME_EU__MODE to test or live"),
        ({"api_key": SECRET, "mode": "sandbox"}, "RECOUP_ACCOUNTS__ACME_EU__MODE must be test or live"),
        ({"api_key": "sk_test_Secret\r\nX: y"}, "contains characters that no Stripe key has"),
        ({"api_key": SECRET, "base_url": "http://api.stripe.com"}, "RECOUP_ACCOUNTS__ACME_EU__BASE_URL must start"),
        ({"api_key": SECRET, "stripe_account": "Secret"}, "RECOUP_ACCOUNTS__ACME_EU__STRIPE_ACCOUNT cannot be used"),
        ({"api_key": SECRET, "requests_per_second": "0"}, "REQUESTS_PER_SECOND cannot be used"),
        ({"api_key": SECRET, "api_kee": "Secret"}, "API_KEE is not a setting of Stripe; there is api_key"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(values: dict[str, str], words: str) -> None:
    assert words in refusal(values, account="acme-eu")


def test_every_problem_gets_its_own_line() -> None:
    assert len(refusal({"mode": "maybe", "colour": "red"}).splitlines()) == 3
    assert len(refusal({"api_key": "pk_test_Secret", "read_key": "pk_test_Secret"}).splitlines()) == 2


def test_an_unknown_provider_lists_those_that_exist() -> None:
    assert "stripe" in refusal({}, account="acme", slug="piggybank")
    with pytest.raises(UnusableValue, match="piggybank"):
        facts_of("piggybank")


def test_an_account_name_that_cannot_be_typed_is_refused() -> None:
    assert "cannot name an account" in refusal({"api_key": "sk_test_a"}, account="Stripe EU")


def test_required_settings_come_first() -> None:
    for slug in slugs():
        assert facts_of(slug).slug == slug
    assert settings_of("stripe")[0] == "api_key"


def test_a_setting_is_named_as_the_environment_names_it() -> None:
    assert setting("stripe-eu", "read_key") == "RECOUP_ACCOUNTS__STRIPE_EU__READ_KEY"
