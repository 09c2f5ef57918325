"""What the doctor says of provider accounts."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.doctor.report import Grade
from bot.sandbox.providers.stripe import SECRET_KEY, FakeStripe
from bot.sandbox.providers.stripe_door import ApiKey
from tests.doctor.bench import Bench, opened

ACCOUNT = "account stripe"
KEY = "RECOUP_ACCOUNTS__STRIPE__API_KEY"


async def test_a_wrong_key_is_told_by_its_variable_and_not_shown(bench: Bench) -> None:
    bench.variables[KEY] = "rk_test_s3cr3ts3cr3ts3cr3t"
    seen = await bench.examine()
    told = seen.only(Grade.PROBLEM)
    assert told.about == ACCOUNT
    assert f"check {KEY}" in told.text
    assert "s3cr3t" not in seen.text


async def test_where_another_key_reads_it_is_named(bench: Bench) -> None:
    bench.variables["RECOUP_ACCOUNTS__STRIPE__READ_KEY"] = "rk_test_s3cr3ts3cr3ts3cr3t"
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert "read with RECOUP_ACCOUNTS__STRIPE__READ_KEY" in told.text


async def test_a_key_of_the_other_mode_than_the_settings_say_is_told_and_not_used(bench: Bench) -> None:
    bench.variables[KEY] = "rk_live_s3cr3t"
    bench.change("[accounts.stripe]\n", '[accounts.stripe]\nmode = "test"\n')
    seen = await bench.examine()
    told = seen.only(Grade.PROBLEM)
    assert told.about == ACCOUNT
    assert "mix test and live" in told.text
    assert "s3cr3t" not in seen.text
    assert bench.stripe.requests == []


async def test_invoices_of_the_other_mode_than_the_key_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stripe = FakeStripe(live=True, keys=[ApiKey(SECRET_KEY, live=True)])
    stripe.add_invoice(created=time.time() - 3600)
    async with opened(tmp_path, monkeypatch, stripe=stripe) as bench:
        told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == ACCOUNT
    assert "in test mode, but Stripe answered with live data" in told.text
    assert "RECOUP_ACCOUNTS__STRIPE__MODE" in told.text


async def test_a_permission_that_the_key_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stripe = FakeStripe(keys=[ApiKey(SECRET_KEY, permissions=frozenset({"rak_charge_read"}))])
    async with opened(tmp_path, monkeypatch, stripe=stripe) as bench:
        seen = await bench.examine()
    told = seen.only(Grade.PROBLEM)
    assert told.about == ACCOUNT
    assert "rak_invoice_read" in told.text
    assert "Give the key that permission" in told.text
    assert SECRET_KEY[:10] not in seen.text


async def test_a_provider_that_cannot_be_reached_is_told_by_its_host(bench: Bench) -> None:
    bench.prepare()
    await bench.world.control("unreachable", {})
    seen = await bench.examine()
    told = seen.only(Grade.PROBLEM)
    assert told.about == ACCOUNT
    assert told.text.startswith("127.0.0.1 cannot be reached")
    assert "RECOUP_ACCOUNTS__STRIPE__BASE_URL" in told.text


async def test_a_provider_that_hangs_takes_no_longer_than_a_check_may(bench: Bench) -> None:
    await bench.world.control("everything", {"what": "hang"})
    seen = await bench.examine(patience=0.5)
    assert "No answer within" in seen.about(ACCOUNT, Grade.PROBLEM)[0]


async def test_a_provider_s_clock_counts_as_well(bench: Bench) -> None:
    bench.variables["SLACK_API_URL"] = "http://127.0.0.1:9/api/"
    seen = await bench.examine(ahead=timedelta(hours=3))
    assert "3 hours ahead of" in seen.about("clock", Grade.ADVICE)[0]


async def test_a_provider_that_is_not_known_and_a_key_that_is_missing_are_told(bench: Bench) -> None:
    bench.variables |= {KEY: "", "RECOUP_ACCOUNTS__PAYPAL__API_KEY": "s3cr3t"}
    seen = await bench.examine()
    assert "there is no such provider" in seen.about("account paypal", Grade.PROBLEM)[0]
    assert f"{KEY} is missing" in seen.about(ACCOUNT, Grade.PROBLEM)[0]


async def test_without_any_account_it_says_that_there_is_nothing_to_act_on(bench: Bench) -> None:
    bench.variables[KEY] = ""
    bench.change('[accounts.stripe]\nbase_url = "{stripe}"\n', "")
    told = (await bench.examine()).only(Grade.PROBLEM)
    assert told.about == "accounts"
    assert KEY in told.text


async def test_reading_is_all_that_happens_at_the_provider(bench: Bench) -> None:
    bench.stripe.seed_demo()
    seen = await bench.examine()
    assert seen.about(ACCOUNT, Grade.OK)
    assert bench.stripe.requests
    assert all(request.method == "GET" for request in bench.stripe.requests)
    assert len(bench.stripe.requests) <= 5


async def test_where_nothing_can_be_read_the_doctor_does_not_say_that_it_could(bench: Bench) -> None:
    bench.variables |= {"RECOUP_ACCOUNTS__LAC__API_KEY": "lac_sk_s3cr3t", "RECOUP_ACCOUNTS__LAC__MODE": "live"}
    seen = await bench.examine()
    (told,) = seen.about("account lac")
    assert "LAC in live mode" in told
    assert "the key was not tried" in told
    assert "can be read" not in told
    assert "s3cr3t" not in seen.text


@pytest.mark.parametrize(("key", "is_told"), [("sk_live_s3cr3t", True), ("rk_live_s3cr3t", False)])
async def test_a_live_key_that_may_do_everything_is_advised_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, is_told: bool
) -> None:
    stripe = FakeStripe(live=True, keys=[ApiKey(key, live=True)])
    async with opened(tmp_path, monkeypatch, stripe=stripe) as bench:
        bench.variables[KEY] = key
        seen = await bench.examine()
    told = seen.about(ACCOUNT, Grade.ADVICE)
    assert bool(told) is is_told
    assert all(f"{KEY} may do everything on the account" in text for text in told)
    assert "s3cr3t" not in seen.text
    assert seen.is_healthy


async def test_a_test_key_may_be_any(bench: Bench) -> None:
    assert (await bench.examine()).about(ACCOUNT, Grade.ADVICE) == []
