"""Providers that answer anything at all: a read gives an invoice or says why not, and no send is told a false ending."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import Action
from bot.domain.errors import ProviderFailure
from bot.domain.invoice import Invoice
from bot.domain.outcome import Outcome, Rejected, RejectedReason, Succeeded
from bot.ports import ActionOrder, Provider, Unreadable, Window
from bot.providers.registry import facts_of, slugs
from tests.hardening.fuzzing import fuzzed
from tests.hardening.spoiled_wire import SpoiledWire, Wrong, wrongs
from tests.hardening.tally import note
from tests.hardening.verdicts import objections
from tests.hardening.wrong import BODIES, Spoiling, spoilings
from tests.providers.benches import BENCHES, Bench
from tests.providers.bridge import transport_over
from tests.providers.test_contract import order_at
from tests.providers.wire import an_attempt

DECLARED: Final = [(slug, action) for slug in slugs() for action in facts_of(slug).capabilities]
MAGIC: Final = ("paid", "insufficient_funds", "needs_authentication", "bank_debit", "no_card")


@dataclass
class Table:
    """A fake with one invoice, an adapter that has read it rightly, and the wire that will be spoiled."""

    bench: Bench
    provider: Provider
    wire: SpoiledWire
    invoice: Invoice


async def laid(slug: str, action: Action, magic: str) -> Table:
    bench: Any = BENCHES[slug]()
    wire = SpoiledWire(transport_over(bench.fake.respond))
    provider = bench.open(slug, wire)
    ref = bench.failed_invoice(magic=magic) if action is Action.RETRY else bench.invoice_for(action)
    invoice = await provider.get(ref, thorough=True)
    assert invoice is not None
    return Table(bench, provider, wire, invoice)


def in_one_loop(check: Callable[[Callable[[Awaitable[Any]], Any]], None]) -> None:
    """Hypothesis is not async: one loop for all its examples."""
    with asyncio.Runner() as runner:

        async def whole(work: Awaitable[Any]) -> Any:
            return await work

        check(lambda work: runner.run(whole(work)))


def order_of(table: Table, action: Action) -> ActionOrder:
    return order_at(table.provider, table.invoice, action)


async def performed(table: Table, action: Action) -> Outcome:
    try:
        outcome = await table.provider.perform(order_of(table, action))
    finally:
        await table.provider.close()
    check_text(outcome)
    return outcome


def check_text(told: object) -> None:
    """What is told can be written: into a log, a database, a message."""
    str(told).encode("utf-8")
    assert "Traceback" not in str(told)


# --- sends


@pytest.mark.parametrize(("slug", "action"), DECLARED)
def test_no_answer_to_a_send_is_told_as_an_ending_that_it_is_not(slug: str, action: Action) -> None:
    def check(run: Callable[[Awaitable[Any]], Any]) -> None:
        @fuzzed(short=40)
        @given(wrongs(), st.sampled_from([0, 0, 1, 2, None]), st.sampled_from(MAGIC))
        def answered(wrong: Wrong, at: int | None, magic: str) -> None:
            table = run(laid(slug, action, magic))
            table.wire.spoil(wrong, at)
            outcome = run(performed(table, action))
            note(f"send {slug} {action}", type(outcome).__name__.lower())
            assert objections(action, table.invoice, outcome, table.wire.heard) == [], (outcome, table.wire.heard)

        answered()

    in_one_loop(check)


@pytest.mark.parametrize(("slug", "action"), DECLARED)
async def test_what_is_no_answer_of_the_provider_s_ends_nothing(slug: str, action: Action) -> None:
    """Web pages, half a JSON, nothing at all, a thousand brackets: as a yes, as a server's fault, and as a riddle."""
    for body in BODIES:
        for status in (200, 302, 500):
            table = await laid(slug, action, "paid")
            table.wire.spoil(Wrong(body, status), None)
            outcome = await performed(table, action)
            note(f"send {slug} {action}", type(outcome).__name__.lower())
            assert objections(action, table.invoice, outcome, table.wire.heard) == [], (body[:20], status, outcome)


@pytest.mark.parametrize("word", ["1e300", "99999999999999999999", "1e9"])
@pytest.mark.parametrize(("slug", "action"), DECLARED)
async def test_a_wait_that_no_calendar_holds_is_cut_to_a_day(slug: str, action: Action, word: str) -> None:
    table = await laid(slug, action, "paid")
    table.wire.spoil(Wrong(b"", 429, {"retry-after": word, "x-ratelimit-reset": word}), None)
    outcome = await performed(table, action)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectedReason.RATE_LIMITED
    assert outcome.retry_after is not None
    assert table.bench.clock.at + timedelta(seconds=outcome.retry_after)  # type: ignore[attr-defined]  # every bench has one


MISSING: Final = spoilings(st.sampled_from([[], {}, [[]], {"a": 1}, -7, 1.5, 10**30, float("nan")]), ("drop", "put"))


@pytest.mark.parametrize("slug", [slug for slug in slugs() if Action.RETRY in facts_of(slug).capabilities])
def test_what_is_missing_in_an_answer_never_undoes_a_charge(slug: str) -> None:
    """Right after the send, and later when what was lost is found out by reading."""

    def check(run: Callable[[Awaitable[Any]], Any]) -> None:
        @fuzzed()
        @given(MISSING, st.sampled_from([0, 1, 2, 3, None]), st.booleans())
        def charged(spoiling: Spoiling, at: int | None, later: bool) -> None:
            table = run(laid(slug, Action.RETRY, "paid"))
            if later:
                run(table.provider.perform(order_of(table, Action.RETRY)))
            table.wire.spoil(Wrong(spoiling), at)
            outcome = run(settled(table) if later else performed(table, Action.RETRY))
            note(f"charge at {slug} with parts missing", type(outcome).__name__.lower())
            was_sent = later or table.wire.answer_to_send is not None
            assert not was_sent or type(outcome).__name__ not in {"Declined", "Rejected"}, (outcome, table.wire.heard)

        charged()

    in_one_loop(check)


async def settled(table: Table) -> Outcome:
    try:
        return await table.provider.settle(an_attempt(table.invoice, at=table.bench.clock.at))  # type: ignore[attr-defined]  # every bench has one
    finally:
        await table.provider.close()


# --- reads


async def listed(provider: Provider) -> list[Invoice | Unreadable]:
    return [item async for item in provider.failed(Window(since=None, until=BENCHES["stripe"]().clock.at))]  # type: ignore[attr-defined]  # likewise


def reads_of(table: Table) -> dict[str, Callable[[], Awaitable[Any]]]:
    provider, ref = table.provider, table.invoice.ref
    number = table.invoice.number or "EX-1"
    return {
        "get": lambda: provider.get(ref),
        "get thoroughly": lambda: provider.get(ref, thorough=True),
        "list": lambda: listed(provider),
        "find by number": lambda: provider.numbered(number),
        "find by name": lambda: provider.find("Example Ltd"),
        "find by e-mail": lambda: provider.find("books@payer.example"),
        "methods": lambda: provider.methods(ref),
        "link": lambda: provider.payment_link(ref),
        "pdf": lambda: provider.pdf(ref),
        "settle retry": lambda: provider.settle(an_attempt(table.invoice)),
        "settle void": lambda: provider.settle(an_attempt(table.invoice, Action.VOID)),
        "settle e-mail": lambda: provider.settle(an_attempt(table.invoice, Action.RESEND)),
        "settle paid": lambda: provider.settle(an_attempt(table.invoice, Action.PAID)),
        "live check": provider.live_checks,
    }


async def tried(table: Table, what: str) -> object:
    try:
        return await reads_of(table)[what]()
    except ProviderFailure as failure:
        return failure
    finally:
        await table.provider.close()


READS: Final = (
    *("get", "get thoroughly", "list", "find by number", "find by name", "find by e-mail", "methods", "link", "pdf"),
    *("settle retry", "settle void", "settle e-mail", "settle paid", "live check"),
)


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("slug", slugs())
def test_a_read_gives_what_it_promises_or_says_why_not(slug: str, what: str) -> None:
    def check(run: Callable[[Awaitable[Any]], Any]) -> None:
        @fuzzed(0.5, short=12)
        @given(wrongs(), st.sampled_from([0, 0, 1, 2, None]), st.sampled_from(MAGIC))
        def read(wrong: Wrong, at: int | None, magic: str) -> None:
            action = Action.RETRY if Action.RETRY in facts_of(slug).capabilities else Action.RESEND
            table = run(laid(slug, action, magic))
            table.wire.spoil(wrong, at)
            found = run(tried(table, what))
            check_text(found)
            note(f"read {slug}: {what}", "not readable" if isinstance(found, ProviderFailure) else "read")
            assert not isinstance(found, Succeeded) or _says_paid(table.wire), (found, table.wire.heard)

        read()

    in_one_loop(check)


def _says_paid(wire: SpoiledWire) -> bool:
    """Where money was not taken, only the word for it makes a success; the fakes' invoices are all unpaid here."""
    return any(word in one.content for one in wire.heard for word in (b"paid", b"succeeded", b"void", b"reference"))
