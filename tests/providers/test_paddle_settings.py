"""Settings of a Paddle account: which mode a key tells, which hosts may be shown, and what cannot be used."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot.domain.action import Action
from bot.domain.errors import UnusableValue
from bot.providers.paddle_account import Credentials, account_of
from bot.providers.registry import open_provider
from tests.providers.paddle_samples import (
    API_KEY,
    ID,
    READ_KEY,
    Desk,
    a_bill,
    answer,
    html,
)
from tests.providers.wire import FixedClock

READ = f"GET /transactions/{ID}"
OLD_KEY = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6ab"


def opened(**values: str) -> Any:
    return open_provider("paddle", "paddle", values, FixedClock(), httpx.MockTransport(lambda _: html()))


@pytest.mark.parametrize(
    ("values", "live"),
    [
        ({"api_key": API_KEY}, False),
        ({"api_key": API_KEY.replace("sdbx", "live")}, True),
        ({"api_key": OLD_KEY, "mode": "test"}, False),
        ({"api_key": OLD_KEY, "mode": "live"}, True),
        ({"api_key": OLD_KEY, "read_key": API_KEY}, False),
    ],
)
def test_the_beginning_of_a_key_tells_its_mode_and_an_old_one_needs_the_setting(values: dict[str, str], live: bool) -> None:
    assert opened(**values).live is live


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "RECOUP_ACCOUNTS__PADDLE__API_KEY is missing"),
        (
            {"api_key": OLD_KEY},
            "RECOUP_ACCOUNTS__PADDLE__MODE is missing: this key of Paddle's does not tell test from live",
        ),
        ({"api_key": API_KEY, "mode": "live"}, "API_KEY is a key of the test mode"),
        ({"api_key": API_KEY, "read_key": READ_KEY.replace("sdbx", "live")}, "READ_KEY is a key of the live mode"),
        ({"api_key": API_KEY, "mode": "sandbox"}, "MODE must be test or live"),
        ({"api_key": "two words", "mode": "test"}, "API_KEY contains characters that no key of Paddle's has"),
        ({"api_key": API_KEY, "checkout_hosts": "https://pay.example.com/x"}, "CHECKOUT_HOSTS must be names of hosts"),
        ({"api_key": API_KEY, "checkout_hosts": "localhost"}, "CHECKOUT_HOSTS must be names of hosts"),
        ({"api_key": API_KEY, "base_url": "http://api.paddle.com"}, "BASE_URL must start with https://"),
        ({"api_key": API_KEY, "vendor_id": "1"}, "VENDOR_ID is not a setting of Paddle"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_without_its_value(values: dict[str, str], words: str) -> None:
    with pytest.raises(UnusableValue, match=words) as caught:
        opened(**values)
    assert not any(value in str(caught.value) for value in values.values() if len(value) > 9)


def test_each_mode_has_its_own_host_and_another_can_be_named() -> None:
    def url(**values: str) -> str:
        return account_of("paddle", Credentials.model_validate(values)).base_url

    assert url(api_key=API_KEY) == "https://sandbox-api.paddle.com"
    assert url(api_key=API_KEY.replace("sdbx", "live")) == "https://api.paddle.com"
    assert url(api_key=API_KEY, base_url="https://paddle.example") == "https://paddle.example"


def test_an_old_key_is_taken_with_a_warning_that_does_not_name_it() -> None:
    with capture_logs() as events:
        opened(api_key=OLD_KEY, mode="test")
    assert [event["event"] for event in events] == ["paddle.old_key"]
    assert OLD_KEY not in str(events)


async def test_reads_use_the_key_for_reading_and_sends_the_one_that_acts() -> None:
    desk = Desk({f"PATCH /transactions/{ID}": answer(a_bill(status="canceled"))}, read_key=READ_KEY)
    await desk.perform(Action.VOID)
    assert [request.headers["authorization"] for request in desk.wire.requests] == [
        f"Bearer {READ_KEY}",
        f"Bearer {API_KEY}",
    ]
    assert {request.headers["paddle-version"] for request in desk.wire.requests} == {"1"}
    assert not any("idempotency" in name for request in desk.wire.requests for name in request.headers)
