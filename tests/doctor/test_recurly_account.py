"""What the doctor says of a Recurly account, whose key tells neither its site nor its mode."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from bot.app import SystemClock
from bot.doctor.accounts import account_findings, gives_files
from bot.doctor.live_check import try_accounts
from bot.doctor.report import Finding, Grade
from bot.sandbox.providers.recurly import SECRET_KEY, FakeRecurly
from bot.sandbox.wire import serve
from bot.settings import AccountConfiguration


async def examined(fake: FakeRecurly, changes: Mapping[str, str]) -> Finding:
    server = await serve(fake.respond)
    try:
        values = {**fake.credentials(), "base_url": server.url, **changes}
        (found, *_), _readings = await account_findings(AccountConfiguration("recurly", "recurly", values), SystemClock())
    finally:
        await server.close()
    return found


@pytest.mark.parametrize(("mode", "reported"), [("live", "sandbox"), ("live", "development"), ("test", "production")])
async def test_a_site_in_another_mode_than_is_set_is_told_and_nothing_else_is_asked(mode: str, reported: str) -> None:
    fake = FakeRecurly()
    fake.mode = reported
    found = await examined(fake, {"mode": mode})
    assert found.grade is Grade.PROBLEM
    assert f"is in {reported} mode" in found.text
    assert "RECOUP_ACCOUNTS__RECURLY__MODE" in found.text
    assert {request.path for request in fake.requests} == {"/sites"}


async def test_a_key_of_another_site_is_told_by_the_names_of_the_settings() -> None:
    found = await examined(FakeRecurly(), {"subdomain": "another"})
    assert found.grade is Grade.PROBLEM
    assert "RECOUP_ACCOUNTS__RECURLY__SUBDOMAIN" in found.text
    assert SECRET_KEY not in found.text


async def test_a_key_that_is_none_is_told_together_with_the_region_in_which_it_may_work() -> None:
    found = await examined(FakeRecurly(), {"api_key": "s3cr3ts3cr3t"})
    assert found.grade is Grade.PROBLEM
    assert "RECOUP_ACCOUNTS__RECURLY__REGION" in found.text
    assert "s3cr3t" not in found.text


async def test_an_account_that_is_right_is_well_and_gives_pdfs_as_files() -> None:
    found = await examined(FakeRecurly(), {})
    assert (found.grade, "Recurly in test mode" in found.text) == (Grade.OK, True)
    assert gives_files([AccountConfiguration("recurly", "recurly", {})])


async def test_the_live_check_tries_a_site_of_the_wrong_mode_and_says_so() -> None:
    fake = FakeRecurly()
    fake.mode = "production"
    server = await serve(fake.respond)
    values = {**fake.credentials(), "base_url": server.url}
    configuration = SimpleNamespace(accounts=(AccountConfiguration("recurly", "recurly", values),))
    (tried,) = await try_accounts(configuration, [])  # type: ignore[arg-type]  # of the configuration only the accounts
    await server.close()
    assert [check.statement for check in tried.checks if check.holds is False] == [
        "The key is of the site, and the site in the mode, that the settings name."
    ]
    assert {request.method for request in fake.requests} == {"GET"}
