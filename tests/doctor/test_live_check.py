"""`recoup doctor --live-check`: what it prints, its status, and that nothing but reads goes out."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.doctor.live_check import ReadingTransport, Tried, is_as_relied_on, try_accounts, written
from bot.domain.capability import LiveCheck
from bot.sandbox.providers.stripe import SECRET_KEY, FakeStripe
from bot.sandbox.providers.stripe_door import ApiKey
from bot.settings import read_configuration
from tests.doctor.bench import Bench, opened

KEY = "RECOUP_ACCOUNTS__STRIPE__API_KEY"
HOLDS = LiveCheck("Ice is cold.", True, "-4 degrees")
DIFFERS = LiveCheck("Ice is warm.", False, "-4 degrees")
UNTOLD = LiveCheck("Ice is old.", None, "The provider did not answer.")


async def tried(bench: Bench, *, patience: float = 30.0) -> list[Tried]:
    for name, value in bench.prepare().items():
        bench.environment.setenv(name, value)
    return await try_accounts(*read_configuration(needs_slack=False), patience=patience)


async def typed(bench: Bench) -> tuple[int, str, str]:
    variables = {name: value for name, value in bench.prepare().items() if not name.startswith("SLACK_")}
    done = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--live-check"], env=variables)
    return done.exit_code, done.stdout, done.stderr


async def test_it_needs_no_slack_and_ends_well_where_nothing_differs(bench: Bench) -> None:
    bench.stripe.seed_demo()
    status, out, err = await typed(bench)
    assert (status, err) == (0, ""), out
    lines = out.splitlines()
    assert any(line.startswith("ok       stripe, test mode  ") and "404 resource_missing" in line for line in lines)
    assert lines[-1].startswith("8 statements tried by reading only: ")
    assert ", 0 differs, " in lines[-1]
    assert SECRET_KEY not in out


async def test_nothing_but_reads_reaches_the_provider(bench: Bench) -> None:
    bench.stripe.seed_demo()
    assert is_as_relied_on(await tried(bench))
    assert {request.method for request in bench.stripe.requests} == {"GET"}
    assert len(bench.stripe.requests) <= 10


async def test_the_mode_is_said_and_live_accounts_are_tried_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stripe = FakeStripe(live=True, keys=[ApiKey("rk_live_s3cr3t", live=True)])
    stripe.add_invoice(created=time.time() - 3600)
    async with opened(tmp_path, monkeypatch, stripe=stripe) as bench:
        bench.variables[KEY] = "rk_live_s3cr3t"
        text = written(await tried(bench))
    assert "stripe, live mode  Every invoice says whether it is live or test data" in text
    assert "s3cr3t" not in text


async def test_data_of_the_other_mode_than_the_key_s_differs_and_is_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe = FakeStripe(live=True, keys=[ApiKey(SECRET_KEY, live=True)])
    stripe.add_invoice(created=time.time() - 3600)
    async with opened(tmp_path, monkeypatch, stripe=stripe) as bench:
        status, out, _ = await typed(bench)
    assert status == 1
    assert any(line.startswith("differs  stripe, test mode  Every invoice says") for line in out.splitlines())
    assert "docs/first-live-check.md" in out.splitlines()[-1]


async def test_a_permission_that_the_key_lacks_leaves_its_statement_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe = FakeStripe(keys=[ApiKey(SECRET_KEY, permissions=frozenset({"rak_invoice_read"}))])
    stripe.add_invoice()
    async with opened(tmp_path, monkeypatch, stripe=stripe) as bench:
        (one,) = await tried(bench)
    told = {check.statement: check for check in one.checks}
    events = told["An event names the idempotency key of the request that caused it."]
    assert events.holds is None
    assert "lacks a permission" in events.seen
    assert is_as_relied_on([one])


async def test_an_account_that_cannot_be_opened_is_told_by_its_variable(bench: Bench) -> None:
    bench.variables[KEY] = "pk_test_s3cr3t"
    status, out, _ = await typed(bench)
    assert status == 1
    assert f"problem  account stripe  {KEY} is a publishable key" in out
    assert "s3cr3t" not in out


async def test_a_provider_that_hangs_takes_no_longer_than_an_account_may(bench: Bench) -> None:
    bench.stripe.everything = "hang"
    (one,) = await tried(bench, patience=0.3)
    assert one.about == "stripe, test mode"
    assert one.trouble is not None
    assert "No answer within" in one.trouble


async def test_a_provider_that_cannot_be_reached_contradicts_nothing(bench: Bench) -> None:
    bench.prepare()
    await bench.world.control("unreachable", {})
    (one,) = await tried(bench)
    assert {check.holds for check in one.checks} == {None}


async def test_where_nothing_could_be_found_out_that_is_said_and_is_the_status(bench: Bench) -> None:
    bench.prepare()
    await bench.world.control("unreachable", {})
    status, out, _ = await typed(bench)
    assert status == 1
    assert "0 ok, 0 differs" in out.splitlines()[-1]
    assert "Nothing could be found out" in out.splitlines()[-1]


async def test_without_an_account_there_is_nothing_to_try(bench: Bench) -> None:
    bench.variables[KEY] = ""
    bench.change('[accounts.stripe]\nbase_url = "{stripe}"\n', "")
    status, out, _ = await typed(bench)
    assert status == 1
    assert "no account to try anything on" in out


async def test_a_send_is_stopped_before_it_leaves() -> None:
    transport = ReadingTransport()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(httpx.UnsupportedProtocol):
            await transport.handle_async_request(httpx.Request(method, "https://api.stripe.com/v1/invoices"))
    await transport.aclose()


# --- lines ---


def test_each_statement_is_one_line_with_what_was_seen() -> None:
    assert written([Tried("stripe, test mode", [HOLDS, DIFFERS, UNTOLD])]).splitlines() == [
        "ok       stripe, test mode  Ice is cold. Seen: -4 degrees.",
        "differs  stripe, test mode  Ice is warm. Seen: -4 degrees.",
        "unknown  stripe, test mode  Ice is old. Not found out: The provider did not answer.",
        "",
        "3 statements tried by reading only: 1 ok, 1 differs, 1 unknown. "
        "The code relies on what differs: docs/first-live-check.md says where, and what to do.",
    ]


@pytest.mark.parametrize(
    ("one", "good"),
    [
        (Tried("a", [HOLDS, UNTOLD]), True),
        (Tried("a", [HOLDS, DIFFERS]), False),
        (Tried("a", trouble="No key."), False),
        (Tried("a"), True),
        (Tried("a", [UNTOLD, UNTOLD]), False),
    ],
)
def test_what_differs_or_could_not_be_tried_is_a_failure_and_so_is_knowing_nothing(one: Tried, good: bool) -> None:
    assert is_as_relied_on([one]) is good
