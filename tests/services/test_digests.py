"""Digests: one run per scheduled time whatever fires, exact counts, and nothing missing without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.domain.action import ActionState
from bot.domain.content import AlertContent, Content, DigestContent
from bot.domain.decline import DeclineClass
from bot.domain.digest import ROWS_SHOWN, Digest, DigestKey, DigestPlan, Gap, ListedInvoice
from bot.domain.errors import FailureReason, JournalUnavailable, ProviderFailure
from bot.domain.invoice import InvoiceRef
from bot.domain.money import Money
from bot.ports import NotSaid, SlackFailure, Unreadable
from bot.services.digests import EVERYTHING
from bot.storage.engine import open_storage
from tests.builders import ANA, CHANNEL, INVOICE, NOW, OPS, TOM, an_invoice, on_message, paid
from tests.fakes import FakeAnnouncer, FakeProvider
from tests.services.bench import HOUR, MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAN = DigestPlan("finance", CHANNEL, "0 9 * * mon-fri", "UTC", ("stripe",))
YESTERDAY = NOW - timedelta(days=1)
DOWN = ProviderFailure(FailureReason.UNREACHABLE, "Example Pay does not answer.")


def _scheduled(outside: Outside, *slots: datetime, plan: DigestPlan = PLAN) -> None:
    outside.plans = {plan.name: plan}
    outside.timetable.slots = {plan.name: slots or (YESTERDAY, NOW)}


async def _posted(bench: Bench) -> list[DigestContent]:
    await bench.talk()
    return [said.content for said in bench.announcer.said if isinstance(said.content, DigestContent)]


async def _one_digest(bench: Bench) -> Digest:
    await bench.digests.fire("finance")
    return (await _posted(bench))[-1].digest


async def _ran_yesterday(bench: Bench) -> None:
    bench.clock.set(YESTERDAY)
    await bench.digests.fire("finance")
    bench.clock.set(NOW)


async def test_two_replicas_that_fire_at_once_post_one_digest(outside: Outside, url: str) -> None:
    _scheduled(outside)
    async with open_storage(url) as elsewhere:
        other = replace(outside, storage=elsewhere)
        one, two = Bench(outside), Bench(other)
        await asyncio.gather(one.digests.fire("finance"), two.digests.fire("finance"), one.digests.scan())
        await asyncio.gather(one.talk(), two.talk())
    assert [said.to for said in outside.announcer.said] == [CHANNEL]


async def test_a_scheduler_that_fires_three_times_posts_one_digest(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    for _ in range(3):
        await bench.digests.fire("finance")
        await bench.digests.scan()
    assert len(await _posted(bench)) == 1


async def test_the_hour_that_comes_twice_in_autumn_has_one_digest(outside: Outside) -> None:
    plan = replace(PLAN, timezone="Europe/Berlin")
    wall = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(2 * HOUR))
    again = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(HOUR))
    assert again - wall == HOUR
    _scheduled(outside, wall, again, plan=plan)
    bench = Bench(outside)
    for slot in (wall, again):
        bench.clock.set(slot.astimezone(UTC))
        await bench.digests.fire("finance")
    assert len(await _posted(bench)) == 1


@pytest.mark.parametrize(("hours", "is_posted"), [(1, True), (5, True), (6, False)])
async def test_a_digest_missed_while_the_bot_was_down_comes_late_with_a_note_for_six_hours(
    outside: Outside, hours: int, is_posted: bool
) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    await _ran_yesterday(bench)
    bench.clock.set(NOW + hours * HOUR)
    await bench.digests.scan()
    await bench.digests.scan()
    late = [content.digest for content in await _posted(bench) if content.digest.late_since is not None]
    assert [digest.late_since for digest in late] == ([NOW] if is_posted else [])


async def test_a_digest_that_never_ran_before_is_not_made_up_for(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    bench.clock.set(NOW + HOUR)
    await bench.digests.scan()
    assert await _posted(bench) == []


async def test_a_digest_on_time_says_nothing_of_lateness(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    await _ran_yesterday(bench)
    bench.clock.set(NOW + 4 * MINUTE)
    await bench.digests.scan()
    assert (await _posted(bench))[-1].digest.late_since is None


async def test_a_quiet_day_says_nothing_unless_a_line_was_asked_for(outside: Outside) -> None:
    _scheduled(outside)
    quiet = Bench(outside, FakeProvider(paid()))
    await quiet.digests.fire("finance")
    assert await _posted(quiet) == []
    _scheduled(outside, NOW + HOUR, plan=replace(PLAN, quiet_line=True))
    asked = Bench(outside, FakeProvider(paid()))
    asked.clock.set(NOW + HOUR)
    await asked.digests.fire("finance")
    assert [content.digest.count for content in await _posted(asked)] == [0]


async def test_an_account_that_is_down_is_named_and_the_others_are_listed(outside: Outside) -> None:
    _scheduled(outside, plan=replace(PLAN, accounts=("stripe", "lago")))
    lago = FakeProvider(account="lago")
    lago.listing = DOWN
    digest = await _one_digest(Bench(outside, FakeProvider(INVOICE), lago))
    assert digest.count == 1
    assert digest.gaps == (Gap("lago", "Example Pay does not answer."),)


async def test_a_quiet_day_with_an_account_down_is_not_called_quiet(outside: Outside) -> None:
    _scheduled(outside)
    down = FakeProvider()
    down.listing = DOWN
    assert (await _one_digest(Bench(outside, down))).gaps == (Gap("stripe", "Example Pay does not answer."),)


@pytest.mark.parametrize("trouble", [ValueError("a bug"), DOWN], ids=["bug", "down"])
async def test_a_listing_that_breaks_is_a_gap_and_never_a_quiet_day(outside: Outside, trouble: Exception) -> None:
    _scheduled(outside)
    provider = FakeProvider(INVOICE)
    provider.listing = trouble
    bench = Bench(outside, provider)
    assert [gap.account for gap in (await _one_digest(bench)).gaps] == ["stripe"]


async def test_items_that_make_no_sense_are_counted_and_said(outside: Outside) -> None:
    _scheduled(outside)
    provider = FakeProvider(INVOICE)
    provider.listing = [INVOICE, Unreadable("no currency"), Unreadable("no id")]
    digest = await _one_digest(Bench(outside, provider))
    assert (digest.count, digest.gaps) == (1, (Gap("stripe", "2 invoices could not be read"),))


async def test_an_account_that_is_not_configured_is_named(outside: Outside) -> None:
    _scheduled(outside, plan=replace(PLAN, accounts=("stripe", "old")))
    assert (await _one_digest(Bench(outside))).gaps == (Gap("old", "is not configured"),)


async def test_five_thousand_invoices_are_counted_exactly_and_ten_are_read(outside: Outside) -> None:
    _scheduled(outside)
    provider = FakeProvider(*(an_invoice(n, 1_000 + n, "EUR" if n % 5 else "USD") for n in range(5_000)))
    digest = await _one_digest(Bench(outside, provider))
    sums = {total.total.currency: (total.total.minor, total.count) for total in digest.totals}
    eur = [1_000 + n for n in range(5_000) if n % 5]
    usd = [1_000 + n for n in range(5_000) if not n % 5]
    assert sums == {"EUR": (sum(eur), 4_000), "USD": (sum(usd), 1_000)}
    assert (digest.shown, len(provider.reads)) == (ROWS_SHOWN, ROWS_SHOWN)


async def test_the_rows_carry_the_reasons_that_the_listing_lacks(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    await bench.digests.fire("finance")
    (content,) = await _posted(bench)
    assert [row.invoice.decline_kind for row in content.rows] == [DeclineClass.SOFT]


async def test_a_row_whose_reason_cannot_be_read_is_shown_without_it(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    bench.provider.read_failures.append(DOWN)
    await bench.digests.fire("finance")
    (content,) = await _posted(bench)
    assert [row.invoice.decline for row in content.rows] == [None]


async def test_what_was_paid_between_list_and_read_gets_no_row(outside: Outside) -> None:
    _scheduled(outside)
    provider = FakeProvider(paid())
    provider.listing = [INVOICE, an_invoice(2)]
    provider.now_shows(an_invoice(2))
    bench = Bench(outside, provider)
    await bench.digests.fire("finance")
    (content,) = await _posted(bench)
    assert [row.invoice.ref.id for row in content.rows] == ["in_2"]


async def test_small_amounts_are_counted_but_get_no_row(outside: Outside) -> None:
    _scheduled(outside, plan=replace(PLAN, minimum={"EUR": Money(5_000, "EUR")}))
    bench = Bench(outside, FakeProvider(an_invoice(1, 4_999), an_invoice(2, 5_000), an_invoice(3, 1, "USD")))
    await bench.digests.fire("finance")
    (content,) = await _posted(bench)
    assert sorted(row.invoice.ref.id for row in content.rows) == ["in_2", "in_3"]
    assert (content.digest.count, content.digest.below_minimum) == (3, 1)


async def test_what_is_new_and_what_recovered_is_counted_against_the_run_before(outside: Outside) -> None:
    _scheduled(outside)
    provider = FakeProvider(an_invoice(1), an_invoice(2), an_invoice(3))
    bench = Bench(outside, provider)
    await _ran_yesterday(bench)
    provider.now_shows(paid(an_invoice(1)))
    provider.now_shows(paid(an_invoice(2)))
    provider.now_shows(an_invoice(4))
    digest = await _one_digest(bench)
    assert (digest.new, digest.recovered) == (1, 2)


async def test_the_first_run_has_nothing_to_compare_with(outside: Outside) -> None:
    _scheduled(outside)
    digest = await _one_digest(Bench(outside))
    assert (digest.new, digest.recovered) == (None, None)


async def test_an_account_that_could_not_be_read_has_not_recovered(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    await _ran_yesterday(bench)
    bench.provider.listing = DOWN
    assert (await _one_digest(bench)).recovered == 0


async def test_a_test_account_is_marked(outside: Outside) -> None:
    _scheduled(outside)
    assert (await _one_digest(Bench(outside, FakeProvider(INVOICE, live=False)))).test_accounts == ("stripe",)


async def test_a_run_that_died_is_built_again_once_by_the_next_scan(outside: Outside) -> None:
    _scheduled(outside)
    key = DigestKey("finance", "2026-11-20T09:00")
    log = outside.storage.digests
    assert await log.start(key, CHANNEL, "dead", timedelta(seconds=-1), late=False)
    await log.add(key, "dead", [ListedInvoice(InvoiceRef("stripe", "in_old"), Money(1, "EUR"))])
    one, two = Bench(outside), Bench(outside)
    await asyncio.gather(one.digests.scan(), two.digests.scan())
    await one.digests.scan()
    (content,) = await _posted(one)
    assert content.digest.count == 1


async def test_a_run_whose_digest_was_taken_out_of_the_configuration_is_closed_and_told(outside: Outside) -> None:
    log = outside.storage.digests
    key = DigestKey("old", "2026-11-20T09:00")
    assert await log.start(key, CHANNEL, "dead", timedelta(seconds=-1), late=False)
    bench = Bench(outside)
    await bench.digests.scan()
    await bench.digests.scan()
    await bench.talk()
    assert [said.to for said in bench.announcer.said] == [OPS]


async def test_a_bug_while_building_is_told_to_the_operators(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    bench.provider.read_failures.append(ValueError("a bug"))
    await bench.digests.fire("finance")
    await bench.talk()
    (alert,) = bench.announcer.contents()
    assert isinstance(alert, AlertContent)
    assert (alert.what, alert.facts["digest"]) == ("digest_failed", "finance")


async def test_a_digest_that_slack_does_not_take_is_told_to_the_operators(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    bench.announcer.fail("post", SlackFailure(NotSaid.GONE, "is_archived"))
    await bench.digests.fire("finance")
    await bench.talk()
    (said,) = bench.announcer.said
    assert isinstance(said.content, AlertContent)
    assert (said.to, said.content.what) == (OPS, "digest_not_posted")
    assert said.content.facts == {"channel": CHANNEL, "detail": "is_archived"}


async def test_a_press_on_a_digest_redraws_the_digest(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    await bench.digests.fire("finance")
    (content,) = await _posted(bench)
    bench.clock.advance(SECOND)
    await bench.press(content.rows[0].offer)
    await bench.work()
    await bench.talk()
    redrawn = bench.announcer.said[-1]
    assert redrawn.how == "update"
    assert isinstance(redrawn.content, DigestContent)
    assert redrawn.content.digest == content.digest
    action = redrawn.content.rows[0].action
    assert action is not None
    assert action.actor.user == "U0ANA"


# --- asked for -----------------------------------------------------------------------------------------------------


async def test_a_digest_asked_for_twice_by_one_redelivered_command_is_posted_once(outside: Outside) -> None:
    _scheduled(outside)
    bench = Bench(outside)
    accepted = await bench.digests.accept_now(PLAN, "C0HERE", ANA.user, "delivery-1")
    assert accepted is not None
    assert await bench.digests.accept_now(PLAN, "C0HERE", ANA.user, "delivery-1") is None
    await bench.digests.build_now(*accepted, "C0HERE")
    await bench.talk()
    assert [said.to for said in bench.announcer.said] == ["C0HERE"]


async def test_a_digest_asked_for_on_a_quiet_day_answers_all_the_same(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(paid()))
    plan = bench.digests.plan_for("C0HERE")
    assert plan is not None
    assert plan.name == EVERYTHING
    accepted = await bench.digests.accept_now(plan, "C0HERE", ANA.user, "delivery-1")
    assert accepted is not None
    await bench.digests.build_now(*accepted, "C0HERE")
    assert [content.digest.count for content in await _posted(bench)] == [0]


async def test_a_channel_gets_its_own_digest_and_an_unknown_name_none(outside: Outside) -> None:
    _scheduled(outside)
    digests = Bench(outside).digests
    assert digests.plan_for(CHANNEL) == PLAN
    assert digests.plan_for("C0OTHER", "finance") == PLAN
    assert digests.plan_for(CHANNEL, "nonsense") is None
    assert digests.schedule() == (("finance", CHANNEL, None),)


async def test_a_preview_shows_rows_that_work_and_posts_nothing(outside: Outside) -> None:
    bench = Bench(outside)
    content = await bench.digests.preview(PLAN, CHANNEL, ANA)
    assert (content.is_preview, [row.invoice.ref for row in content.rows]) == (True, [INVOICE.ref])
    assert await bench.journal.offer(content.rows[0].offer.id) is not None
    await bench.talk()
    assert bench.announcer.said == []


# --- streaming -----------------------------------------------------------------------------------------------------


async def test_a_database_that_dies_while_a_long_list_is_kept_stops_the_reading_and_leaves_nothing_behind(
    outside: Outside,
) -> None:
    before = asyncio.all_tasks()
    bench = Bench(outside, FakeProvider(*(an_invoice(n) for n in range(2_000))))

    async def keep(_: Sequence[ListedInvoice]) -> None:
        raise JournalUnavailable("gone")

    with pytest.raises(JournalUnavailable):
        async with asyncio.timeout(5):
            await bench.reader.read(PLAN, keep)
    async with asyncio.timeout(5):
        await asyncio.gather(*(asyncio.all_tasks() - before))


async def test_what_changed_while_the_poster_of_a_digest_lay_dead_is_drawn_by_the_next_one(outside: Outside) -> None:
    """Its letter was not crossed off, so the redraw that came meanwhile is in the same hands as the digest itself."""
    _scheduled(outside)
    bench = Bench(outside)
    await bench.digests.fire("finance")
    letter = await outside.storage.outbox.next_letter("the dead", MINUTE, NOW)
    assert letter is not None
    where = on_message(TOM, ts="1763600000.000900")
    await bench.journal.posted(letter.target, CHANNEL, "1763600000.000900")
    (offer,) = await bench.journal.shown(letter.target)
    await bench.press(offer, actor=TOM, reply_to=where)
    await bench.work()
    await bench.journal.recover(bench.clock.now())

    await bench.talk()

    assert [(said.how, said.ts) for said in bench.announcer.said] == [("update", "1763600000.000900")]
    content = bench.announcer.said[0].content
    assert isinstance(content, DigestContent)
    assert [row.action.state for row in content.rows if row.action] == [ActionState.SUCCEEDED]


class SlowAnnouncer(FakeAnnouncer):
    """Things happen while Slack takes a message."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def post(self, channel: str, content: Content, *, thread: str | None = None) -> str:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().post(channel, content, thread=thread)


async def test_what_ends_while_slack_takes_the_digest_is_drawn_afterwards(outside: Outside) -> None:
    """Nobody knows yet where the message lies, and it says that the decision is running."""
    _scheduled(outside)
    outside.announcer = announcer = SlowAnnouncer()
    bench = Bench(outside)
    await bench.press(await bench.shown(), actor=TOM)
    await bench.digests.fire("finance")
    announcer.meanwhile = bench.work

    await bench.talk()

    shown = [said.content for said in announcer.said if isinstance(said.content, DigestContent)]
    states = [[row.action.state for row in content.rows if row.action] for content in shown]
    assert states == [[ActionState.ACCEPTED], [ActionState.SUCCEEDED]]
