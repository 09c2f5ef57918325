from __future__ import annotations

import pytest

from bot.domain.errors import UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.ports import Provider
from bot.providers.registry import open_provider, settings_of
from tests.providers.lac_samples import API_KEY, READ_KEY
from tests.providers.wire import FixedClock

GOOD = {"api_key": API_KEY, "mode": "live"}


def opened(**values: str) -> Provider:
    return open_provider("books-fi", "lac", {**GOOD, **values}, FixedClock())


@pytest.mark.parametrize(("mode", "live"), [("test", False), ("live", True)])
def test_the_mode_is_what_the_operator_says(mode: str, live: bool) -> None:
    provider = opened(mode=mode)
    assert (provider.account, provider.facts.slug, provider.live) == ("books-fi", "lac", live)


@pytest.mark.parametrize(("given", "currency"), [({}, "EUR"), ({"currency": " sek "}, "SEK")])
async def test_the_currency_is_a_setting(given: dict[str, str], currency: str) -> None:
    invoice = await opened(**given).get(InvoiceRef("books-fi", "inv_1"))
    assert invoice is not None
    assert invoice.owed.currency == currency


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mode": ""}, "RECOUP_ACCOUNTS__BOOKS_FI__MODE is missing"),
        ({"mode": "sandbox"}, "RECOUP_ACCOUNTS__BOOKS_FI__MODE must be test or live"),
        ({"api_key": " "}, "RECOUP_ACCOUNTS__BOOKS_FI__API_KEY is missing"),
        ({"api_key": "sk_live_VerySecret"}, "RECOUP_ACCOUNTS__BOOKS_FI__API_KEY is not a key of LAC"),
        ({"api_key": "lac_sk_"}, "RECOUP_ACCOUNTS__BOOKS_FI__API_KEY is not a key of LAC"),
        ({"api_key": "lac_sk_VerySecret\r\nX: y"}, "RECOUP_ACCOUNTS__BOOKS_FI__API_KEY is not a key of LAC"),
        ({"read_key": "VerySecret"}, "RECOUP_ACCOUNTS__BOOKS_FI__READ_KEY is not a key of LAC"),
        ({"currency": "EURO"}, "RECOUP_ACCOUNTS__BOOKS_FI__CURRENCY: “EURO” is not an ISO 4217 currency code"),
        ({"base_url": "http://lac.example"}, "RECOUP_ACCOUNTS__BOOKS_FI__BASE_URL must start with https://"),
        ({"requests_per_second": "0"}, "RECOUP_ACCOUNTS__BOOKS_FI__REQUESTS_PER_SECOND cannot be used"),
        ({"company": "7"}, "RECOUP_ACCOUNTS__BOOKS_FI__COMPANY is not a setting of LAC"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(values: dict[str, str], words: str) -> None:
    with pytest.raises(UnusableValue) as caught:
        opened(**values)
    assert words in str(caught.value)
    assert "Secret" not in str(caught.value)


def test_every_problem_gets_its_own_line() -> None:
    with pytest.raises(UnusableValue) as caught:
        opened(api_key="x", read_key=f"not_{READ_KEY}", currency="X")
    assert len(str(caught.value).splitlines()) == 3


def test_what_has_to_be_set_comes_first() -> None:
    assert settings_of("lac")[:2] == ("api_key", "mode")
