"""What every provider promises about trying statements on a live account: it only reads, and silence proves nothing."""

from __future__ import annotations

import httpx
import pytest

from bot.domain.capability import LiveCheck
from bot.providers.http import READS
from tests.providers.benches import BROKEN, Bench

NAME, EMAIL = "Fennel & Thyme", "billing@fennel.example"


def with_invoices(bench: Bench) -> Bench:
    bench.failed_invoice()
    bench.failed_invoice(magic="insufficient_funds")
    bench.named(NAME, EMAIL)
    return bench


def said(checks: list[LiveCheck]) -> str:
    return "\n".join(f"{check.holds} {check.statement} {check.seen}" for check in checks)


async def test_trying_statements_on_an_account_sends_nothing_and_changes_nothing(bench: Bench) -> None:
    ref = with_invoices(bench).failed_invoice()
    before = bench.status(ref)
    assert await bench.open().live_checks()
    assert bench.requests() > 0
    assert bench.sends() == 0
    assert (bench.status(ref), bench.attempts(ref), bench.mails(ref)) == (before, 0, 0)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
async def test_whatever_is_answered_nothing_but_reads_goes_out(bench: Bench, status: int) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json={})

    await bench.open(transport=httpx.MockTransport(answer)).live_checks()
    assert asked
    assert all(READS in request.extensions for request in asked)


async def test_on_the_fake_no_statement_differs_and_some_hold(bench: Bench) -> None:
    checks = await with_invoices(bench).open().live_checks()
    assert all(check.holds is not False for check in checks), said(checks)
    assert any(check.holds for check in checks), said(checks)


async def test_an_empty_account_is_no_contradiction(bench: Bench) -> None:
    checks = await bench.open().live_checks()
    assert all(check.holds is not False for check in checks), said(checks)


@pytest.mark.parametrize("how", [*BROKEN, "429"])
async def test_a_provider_that_does_not_answer_settles_no_statement(bench: Bench, how: str) -> None:
    with_invoices(bench).break_everything(how)
    checks = await bench.open().live_checks()
    assert checks
    assert all(check.holds is None for check in checks), said(checks)
    assert all(check.seen for check in checks)


async def test_the_same_statements_are_told_whatever_comes_back(bench: Bench) -> None:
    whole = await with_invoices(bench).open().live_checks()
    bench.break_everything("reset")
    silent = await bench.open().live_checks()
    assert [check.statement for check in silent] == [check.statement for check in whole]


async def test_what_was_seen_names_no_customer_and_no_key(bench: Bench) -> None:
    told = said(await with_invoices(bench).open().live_checks())
    for private in (NAME, EMAIL, "fennel", bench.secret):
        assert private not in told


async def test_a_statement_is_a_sentence_and_what_was_seen_is_short(bench: Bench) -> None:
    for check in await with_invoices(bench).open().live_checks():
        assert check.statement.endswith(".")
        assert 0 < len(check.seen) < 300
