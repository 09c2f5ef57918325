"""A provider that can neither be listed nor read: its invoices are known as they were last seen, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.capability import Resend
from bot.domain.content import CardContent, Choice, DigestContent, ListContent
from bot.domain.digest import DigestPlan
from bot.domain.filters import Filter
from bot.domain.invoice import CollectionMethod, InvoiceRef, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Succeeded, Unknown
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted
from bot.services.finder import Reader
from bot.services.listing import UNLISTED
from tests.builders import CHANNEL, FACTS, INVOICE, NOW, TOM
from tests.fakes import FakeProvider
from tests.services.bench import MINUTE, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

REF = InvoiceRef("lac", "DE-1")
LEAD = Reader(TOM, CHANNEL)
UNSEEN = replace(
    INVOICE,
    ref=REF,
    number=None,
    status=InvoiceStatus.OTHER,
    provider_status="not known",
    owed=Money(0, "EUR"),
    customer_name=None,
    customer_email=None,
    collection=CollectionMethod.MANUAL,
    decline=None,
    method=None,
    newest_charge=None,
    is_unseen=True,
)
SENT = replace(UNSEEN, provider_status="sent", customer_name="Esimerkki Oy", owed=Money(31_375, "EUR"), is_unseen=False)
BLIND = replace(
    FACTS,
    slug="lac",
    capabilities={
        Action.RESEND: replace(
            FACTS.capabilities[Action.RESEND],
            allowed_on=frozenset({InvoiceStatus.OTHER}),
            collection=frozenset(CollectionMethod),
            asks_back=True,
        )
    },
    resend=Resend.NAIVE,
    id_pattern=r"(?!)",
    has_payment_link=False,
    has_list=False,
    can_read=False,
    ids_are_opaque=True,
)


@pytest.fixture
def blind(outside: Outside) -> Bench:
    outside.plans = {"finance": DigestPlan("finance", CHANNEL, "0 9 * * mon-fri", "UTC", ("lac",))}
    outside.timetable.slots = {"finance": (NOW,)}
    return Bench(outside, FakeProvider(UNSEEN, account="lac", facts=BLIND))


async def _card(bench: Bench) -> CardContent:
    card = await bench.lookup.show(LEAD, "lac:DE-1")
    assert isinstance(card, CardContent)
    return card


async def test_before_anything_was_done_nothing_but_the_id_is_known(blind: Bench) -> None:
    card = await _card(blind)
    assert card.row.invoice.is_unseen
    assert Choice.RESEND in card.row.choices


async def test_a_typed_resend_is_confirmed_by_a_button_first(blind: Bench) -> None:
    await blind.type("lac:DE-1", Action.RESEND, TOM)
    await blind.work()
    refusal = await blind.refusal(REF)
    assert refusal.kind is RefusalKind.CONFIRM_SEND
    assert blind.provider.performed == []


async def test_what_the_answer_showed_is_remembered_with_its_time(blind: Bench) -> None:
    card = await _card(blind)
    blind.clock.advance(SECOND)
    blind.provider.answers.append(Succeeded(invoice=SENT, detail="Delivery requested; the status is now “sent”"))
    await blind.press(card.row.offer, Action.RESEND, TOM)
    await blind.work()
    done_at = blind.clock.now()
    assert await blind.state(REF) is ActionState.SUCCEEDED
    assert (await blind.ending(REF)).detail == "Delivery requested; the status is now “sent”"
    blind.clock.advance(10 * MINUTE)
    seen = (await _card(blind)).row.invoice
    assert (seen.customer_name, seen.provider_status) == ("Esimerkki Oy", "sent")
    assert seen.seen_at is not None
    assert done_at - timedelta(seconds=2) <= seen.seen_at <= done_at
    blind.clock.advance(MINUTE)
    assert (await _card(blind)).row.invoice.seen_at == seen.seen_at, "looking again does not make it fresher"


async def test_what_somebody_acted_on_stands_in_the_digest_with_the_gap_said(blind: Bench) -> None:
    card = await _card(blind)
    blind.clock.advance(SECOND)
    blind.provider.answers.append(Succeeded(invoice=SENT))
    await blind.press(card.row.offer, Action.RESEND, TOM)
    await blind.work()
    await blind.digests.fire("finance")
    await blind.talk()
    (content,) = [said.content for said in blind.announcer.said if isinstance(said.content, DigestContent)]
    assert [str(row.invoice.ref) for row in content.rows] == ["lac:DE-1"]
    assert content.digest.count == 0
    (gap,) = content.digest.gaps
    assert (gap.account, gap.why) == ("lac", UNLISTED)


async def test_a_list_of_failed_invoices_says_what_it_lacks(blind: Bench) -> None:
    content = await blind.lookup.failed(LEAD, Filter(), "")
    assert isinstance(content, ListContent)
    assert content.gaps == (("lac", UNLISTED),)


async def test_an_unanswered_send_is_never_repeated_blindly_and_blocks_for_ten_minutes(blind: Bench) -> None:
    card = await _card(blind)
    blind.clock.advance(SECOND)
    blind.provider.answers.append(Unknown(cause="no answer"))
    await blind.press(card.row.offer, Action.RESEND, TOM)
    await blind.work()
    for wait in (5, 30, 120):
        blind.provider.truths.append(Unknown(cause="LAC cannot be asked"))
        await blind.work(after=wait * SECOND)
    assert await blind.state(REF) is ActionState.UNKNOWN
    due = (await blind.newest(REF)).next_check_at
    assert due is not None
    assert due <= blind.clock.now() + 10 * MINUTE - 155 * SECOND, "ten minutes after the send it is over"
    assert not isinstance(await blind.press((await _card(blind)).row.offer, Action.RESEND, TOM), Accepted)
    blind.provider.truths.append(Unknown(cause="LAC cannot be asked"))
    await blind.work(after=11 * MINUTE)
    assert await blind.state(REF) is ActionState.UNSETTLED
    assert len(blind.provider.performed) == 1
    fresh = (await _card(blind)).row.offer
    blind.clock.advance(SECOND)
    assert isinstance(await blind.press(fresh, Action.RESEND, TOM), Accepted)


async def test_what_it_cannot_do_is_said(blind: Bench) -> None:
    await blind.type("lac:DE-1", Action.RETRY, TOM)
    await blind.work()
    refusal = await blind.refusal(REF)
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.NOT_SUPPORTED
