"""What a Recurly account is set to, and that Recurly agrees with it before anything is read or sent."""

from __future__ import annotations

import base64
import contextlib
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.errors import FailureReason, ProviderFailure, UnusableValue
from bot.domain.invoice import InvoiceRef
from bot.domain.outcome import Rejected, RejectedReason
from bot.ports import Window
from bot.providers.recurly_account import wait_until_reset
from bot.providers.registry import open_provider
from tests.providers.benches import read
from tests.providers.recurly_samples import (
    API_KEY,
    COLLECT,
    ID,
    INVOICE,
    a_page,
    a_site,
    an_error,
    an_invoice,
    answered,
    ours,
    recurly_over,
)
from tests.providers.samples import NOW
from tests.providers.wire import FixedClock, an_order

VALUES = {"api_key": API_KEY, "mode": "test", "subdomain": "thistle"}
REF = InvoiceRef("recurly", ID)
INVOICES = {f"GET {INVOICE}": answered(an_invoice())}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api_key": ""}, "RECOUP_ACCOUNTS__RECURLY__API_KEY is missing"),
        ({"api_key": "two words"}, "API_KEY contains characters that no key of Recurly has"),
        ({"api_key": "user:password"}, "API_KEY contains characters that no key of Recurly has"),
        ({"mode": ""}, "RECOUP_ACCOUNTS__RECURLY__MODE is missing"),
        ({"mode": "sandbox"}, "RECOUP_ACCOUNTS__RECURLY__MODE must be test or live"),
        ({"subdomain": ""}, "RECOUP_ACCOUNTS__RECURLY__SUBDOMAIN is missing"),
        ({"subdomain": "thistle.recurly.com"}, "SUBDOMAIN must be the name of the site alone"),
        ({"subdomain": "evil.example/?"}, "SUBDOMAIN must be the name of the site alone"),
        ({"region": "mars"}, "RECOUP_ACCOUNTS__RECURLY__REGION must be us or eu"),
        ({"base_url": "http://v3.recurly.com"}, "BASE_URL must start with https://"),
        ({"requests_per_second": "0"}, "REQUESTS_PER_SECOND cannot be used"),
        ({"read_key": "x"}, "READ_KEY is not a setting of Recurly"),
    ],
)
def test_settings_that_cannot_be_used_are_told_by_name_and_without_the_value(changes: dict[str, str], words: str) -> None:
    with pytest.raises(UnusableValue) as caught:
        open_provider("recurly", "recurly", {**VALUES, **changes}, FixedClock())
    assert words in str(caught.value)
    assert API_KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "v3.recurly.com"),
        ({"region": "eu"}, "v3.eu.recurly.com"),
        ({"region": "eu", "base_url": "https://billing.proxy.example/recurly"}, "billing.proxy.example"),
    ],
)
async def test_the_region_names_the_host_and_a_base_url_overrides_it(settings: dict[str, str], host: str) -> None:
    provider, wire = recurly_over(INVOICES, **settings)
    with contextlib.suppress(ProviderFailure):  # behind the proxy of this test there is no Recurly
        await provider.get(REF)
    assert {request.url.host for request in wire.requests} == {host}


async def test_every_request_names_the_version_and_carries_the_key_as_a_user_without_a_password() -> None:
    pdf = httpx.Response(200, content=b"%PDF-1.7 of an invoice", headers={"Content-Type": "application/pdf"})
    collected = answered(an_invoice(ours(status="success"), state="paid", balance=0.0, paid=84.5))
    provider, wire = recurly_over({**INVOICES, f"GET {INVOICE}.pdf": pdf, COLLECT: collected})
    invoice = await read(provider, REF)
    assert await provider.pdf(REF) == b"%PDF-1.7 of an invoice"
    await provider.perform(an_order(invoice))
    pair = base64.b64encode(f"{API_KEY}:".encode()).decode()
    assert len(wire.requests) == 5
    for request in wire.requests:
        assert request.headers["accept"] == "application/vnd.recurly.v2021-02-25"
        assert request.headers["authorization"] == f"Basic {pair}"


# --- the mode


@pytest.mark.parametrize(
    ("mode", "reported", "fits"),
    [
        ("test", "sandbox", True),
        ("test", "development", True),
        ("test", "a mode that is new", True),
        ("test", "production", False),
        ("live", "production", True),
        ("live", "sandbox", False),
        ("live", "development", False),
        ("live", "a mode that is new", False),
    ],
)
async def test_only_production_is_live_and_nothing_happens_in_another_mode_than_is_meant(
    mode: str, reported: str, fits: bool
) -> None:
    sites = {"GET /sites": answered(a_page(a_site(mode=reported)))}
    right = {"GET /sites": answered(a_page(a_site(mode="production" if mode == "live" else "sandbox")))}
    meant, _ = recurly_over({**INVOICES, **right}, mode=mode)
    invoice = await read(meant, REF)
    provider, wire = recurly_over({**INVOICES, **sites, COLLECT: answered(an_error("validation"), 422)}, mode=mode)
    outcome = await provider.perform(an_order(invoice))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason is RejectedReason.WRONG_MODE) is not fits
    assert (len(wire.requests) == 1) is not fits
    if not fits:
        for reading in (provider.get(REF), provider.pdf(REF), provider.methods(REF), provider.find("2207")):
            with pytest.raises(ProviderFailure) as caught:
                await reading
            assert caught.value.reason is FailureReason.WRONG_MODE
        with pytest.raises(ProviderFailure) as caught:
            [_ async for _ in provider.failed(Window(None, NOW))]
        assert {f"{r.method} {r.url.path}" for r in wire.requests} == {"GET /sites"}


async def test_a_key_of_another_site_reads_and_sends_nothing() -> None:
    other = {"GET /sites": answered(a_page(a_site(subdomain="somebody-else")))}
    provider, wire = recurly_over({**INVOICES, **other})
    with pytest.raises(ProviderFailure, match="not of the Recurly site thistle") as caught:
        await provider.get(REF)
    assert caught.value.reason is FailureReason.WRONG_MODE
    assert wire.asked == ["GET /sites"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answered(an_error("unauthorized"), 401), RejectedReason.UNAUTHORIZED),
        (answered(an_error("invalid_permissions"), 403), RejectedReason.FORBIDDEN),
        (answered(an_error("not_found"), 404), RejectedReason.UNREACHABLE),
        (answered("<html>"), RejectedReason.UNREACHABLE),
        (answered(a_page()), RejectedReason.WRONG_MODE),
        (httpx.ReadTimeout("silence"), RejectedReason.UNREACHABLE),
    ],
)
async def test_where_the_site_cannot_be_read_nothing_is_sent(answer: Any, reason: RejectedReason) -> None:
    invoice = await read(recurly_over(INVOICES)[0], REF)
    provider, wire = recurly_over({"GET /sites": answer})
    outcome = await provider.perform(an_order(invoice))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert set(wire.asked) == {"GET /sites"}


async def test_a_site_that_is_not_told_in_time_is_a_clear_no_and_not_an_unknown() -> None:
    invoice = await read(recurly_over(INVOICES)[0], REF)
    provider, wire = recurly_over({"GET /sites": answered("{}", 500)}, patience=0.01, requests_per_second=1)
    outcome = await provider.perform(an_order(invoice))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.detail) == (
        RejectedReason.UNREACHABLE,
        "Recurly did not answer in time. Nothing was sent.",
    )
    assert set(wire.asked) == {"GET /sites"}


async def test_a_site_that_is_switched_to_production_is_noticed_within_minutes() -> None:
    clock = FixedClock()
    sites = [answered(a_page(a_site())), answered(a_page(a_site(mode="production")))]
    provider, wire = recurly_over({**INVOICES, "GET /sites": list(sites)}, clock=clock)
    invoice = await read(provider, REF)
    await read(provider, REF)
    assert wire.asked.count("GET /sites") == 1
    clock.at += timedelta(minutes=11)
    outcome = await provider.perform(an_order(invoice, Action.UNCOLLECTIBLE))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.WRONG_MODE
    assert "production" in outcome.detail


# --- the rate limit


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("1007", 7.0), ("990", 0.0), ("1795167000", 120.0), ("", None), ("soon", None), ("nan", None), ("inf", 120.0)],
)
def test_the_end_of_a_rate_limit_is_a_moment_and_never_waited_for_longer_than_two_minutes(
    told: str, seconds: float | None
) -> None:
    assert wait_until_reset({"x-ratelimit-reset": told}, 1000.0) == seconds


async def test_a_429_tells_how_many_seconds_there_are_until_the_moment_that_it_names() -> None:
    reset = str(int(NOW.timestamp()) + 17)
    limited = answered(an_error("rate_limited"), 429, {"X-RateLimit-Reset": reset, "X-RateLimit-Remaining": "0"})
    provider, _ = recurly_over({**INVOICES, COLLECT: limited})
    outcome = await provider.perform(an_order(await read(provider, REF)))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.retry_after) == (RejectedReason.RATE_LIMITED, 17.0)
