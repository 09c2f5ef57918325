"""Watched invoices stay in the digest until nothing is owed on them, and are never counted as failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.content import Choice, DigestContent, RefusalContent, WatchContent
from bot.domain.digest import DigestPlan
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import InvoiceStatus
from bot.domain.refusal import RefusalKind
from bot.services.digests import MOST_WATCHED
from bot.services.finder import Reader
from tests.builders import CHANNEL, EVE, INVOICE, NOW, REF, TOM, ended, paid
from tests.fakes import FakeProvider
from tests.services.bench import SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEAD = Reader(TOM, CHANNEL)
PLAN = DigestPlan("finance", CHANNEL, "0 9 * * mon-fri", "UTC", ("stripe",))
DRAFT = replace(
    INVOICE,
    ref=replace(REF, id="in_draft"),
    number=None,
    status=InvoiceStatus.DRAFT,
    provider_status="draft",
    decline=None,
)


async def _digest(outside: Outside, bench: Bench) -> DigestContent | None:
    outside.timetable.slots = {"finance": (NOW,)}
    await bench.digests.fire("finance")
    await bench.talk()
    posted = [said.content for said in bench.announcer.said if isinstance(said.content, DigestContent)]
    return posted[-1] if posted else None


@pytest.fixture
def watching(outside: Outside) -> Bench:
    outside.plans = {"finance": PLAN}
    return Bench(outside, FakeProvider(INVOICE, DRAFT))


async def test_watching_says_what_follows_and_saying_it_twice_is_no_news(watching: Bench) -> None:
    first, second = await watching.watching.watch(LEAD, "in_1"), await watching.watching.watch(LEAD, "in_1")
    assert isinstance(first, WatchContent)
    assert isinstance(second, WatchContent)
    assert (first.is_watched, first.is_news, second.is_news) == (True, True, False)
    gone, again = await watching.watching.unwatch(LEAD, "in_1"), await watching.watching.unwatch(LEAD, "in_1")
    assert isinstance(gone, WatchContent)
    assert isinstance(again, WatchContent)
    assert (gone.is_watched, gone.is_news, again.is_news) == (False, True, False)


async def test_a_watched_invoice_stands_in_the_digest_beside_the_failed_ones(outside: Outside, watching: Bench) -> None:
    await watching.watching.watch(LEAD, "in_draft")
    content = await _digest(outside, watching)
    assert content is not None
    assert [row.invoice.ref.id for row in content.rows] == ["in_1", "in_draft"]
    assert content.digest.watched == {"stripe:in_draft"}
    assert (content.digest.count, content.digest.shown) == (1, 1)
    assert Choice.FINALIZE in content.rows[1].choices


async def test_a_failed_invoice_that_is_watched_too_has_one_row(outside: Outside, watching: Bench) -> None:
    await watching.watching.watch(LEAD, "in_1")
    content = await _digest(outside, watching)
    assert content is not None
    assert [row.invoice.ref.id for row in content.rows] == ["in_1"]
    assert content.digest.watched == frozenset()


async def test_a_watched_invoice_alone_is_worth_a_digest(outside: Outside, watching: Bench) -> None:
    watching.provider.listing = []
    await watching.watching.watch(LEAD, "in_draft")
    content = await _digest(outside, watching)
    assert content is not None
    assert (content.digest.count, len(content.rows)) == (0, 1)


async def test_what_was_settled_leaves_the_digest_and_the_list(outside: Outside, watching: Bench) -> None:
    await watching.watching.watch(LEAD, "in_1")
    watching.provider.now_shows(paid())
    content = await _digest(outside, watching)
    assert content is None or REF not in {row.invoice.ref for row in content.rows}
    assert await watching.storage.watchlist.watched(["stripe"]) == []
    assert (await watching.events())[-1] == "watch.ended"


async def test_a_watched_invoice_that_cannot_be_read_is_said_to_be_missing_and_stays_watched(
    outside: Outside, watching: Bench
) -> None:
    watching.provider.listing = []
    await watching.watching.watch(LEAD, "in_draft")
    watching.provider.read_failures.append(ProviderFailure(FailureReason.UNREACHABLE, "Example Pay does not answer."))
    content = await _digest(outside, watching)
    assert content is not None
    (gap,) = content.digest.gaps
    assert gap.account == "stripe"
    assert "in_draft" in gap.why
    assert len(await watching.storage.watchlist.watched(["stripe"])) == 1


async def test_more_watched_invoices_than_there_is_room_for_do_not_break_the_message(outside: Outside) -> None:
    outside.plans = {"finance": PLAN}
    many = [replace(DRAFT, ref=replace(REF, id=f"in_{n}")) for n in range(MOST_WATCHED + 3)]
    bench = Bench(outside, FakeProvider(*many))
    for invoice in many:
        await bench.watching.watch(LEAD, invoice.ref.id)
        bench.clock.advance(SECOND)
    content = await _digest(outside, bench)
    assert content is not None
    assert len(content.rows) == MOST_WATCHED
    (gap,) = content.digest.gaps
    assert "3 watched invoices" in gap.why


async def test_who_may_not_look_may_not_watch_and_what_is_paid_is_not_watched(watching: Bench) -> None:
    for change in (watching.watching.watch, watching.watching.unwatch):
        answer = await change(Reader(EVE, CHANNEL), "in_1")
        assert isinstance(answer, RefusalContent)
        assert answer.refusal.kind is RefusalKind.NO_RIGHT
    watching.provider.now_shows(ended(INVOICE, InvoiceStatus.VOID))
    answer = await watching.watching.watch(LEAD, "in_1")
    assert isinstance(answer, RefusalContent)
    assert answer.refusal.kind is RefusalKind.NOT_ACTIONABLE


async def test_a_preview_shows_watched_invoices_and_lets_none_go(watching: Bench) -> None:
    await watching.watching.watch(LEAD, "in_draft")
    watching.provider.now_shows(ended(DRAFT, InvoiceStatus.VOID))
    await watching.digests.preview(PLAN, CHANNEL, TOM)
    assert len(await watching.storage.watchlist.watched(["stripe"])) == 1
