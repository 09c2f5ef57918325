"""Reading for a person: complete, exact about what it lacks, and never an exception."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bot.domain.action import Action, ActionState, Word
from bot.domain.content import (
    CardContent,
    Choice,
    HistoryContent,
    LinkContent,
    ListContent,
    ListOf,
    RefusalContent,
    StatusContent,
)
from bot.domain.decline import DeclineClass
from bot.domain.digest import DigestPlan
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.filters import Filter, parse_filter
from bot.domain.invoice import FailedBecause, InvoiceStatus
from bot.domain.outcome import Succeeded, Unknown
from bot.domain.refusal import RefusalKind
from bot.ports import Unreadable
from bot.services.finder import Reader
from bot.services.lookup import MOST_READ
from bot.services.questions import Question
from tests.builders import (
    ANA,
    CHANNEL,
    EVE,
    FACTS,
    INVOICE,
    NOW,
    OTHER_CHANNEL,
    OWED,
    REF,
    STOLEN,
    TOM,
    an_invoice,
    ended,
    paid,
)
from tests.fakes import FakeProvider
from tests.services.bench import HOUR, SECOND, Bench, Outside

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = Reader(ANA, CHANNEL)
LEAD = Reader(TOM, OTHER_CHANNEL)
DOWN = ProviderFailure(FailureReason.UNREACHABLE, "Example Pay does not answer.")


def _refused(answer: object) -> RefusalKind:
    assert isinstance(answer, RefusalContent)
    return answer.refusal.kind


async def _list(bench: Bench, words: str = "", reader: Reader = LEAD) -> ListContent:
    content = await bench.lookup.failed(reader, parse_filter(words, bench.accounts.names()), words)
    assert isinstance(content, ListContent)
    return content


def _ids(content: ListContent) -> list[str]:
    return [row.invoice.ref.id for row in content.rows]


# --- one invoice ---------------------------------------------------------------------------------------------------


async def test_a_card_is_read_afresh_and_its_buttons_work(bench: Bench) -> None:
    card = await bench.lookup.show(HERE, "ACME-7")
    assert isinstance(card, CardContent)
    assert card.is_private
    assert card.row.invoice == INVOICE
    bench.clock.advance(SECOND)
    await bench.press(card.row.offer)
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


async def test_opening_an_invoice_whose_ending_is_open_has_it_read_again(bench: Bench) -> None:
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.press(await bench.shown())
    await bench.work()
    bench.provider.truths.extend([Unknown(cause="no answer")] * 3)
    for wait in (5, 30, 120):
        await bench.work(after=wait * SECOND)
    bench.provider.truths.append(Succeeded(invoice=paid(), charged=OWED))
    card = await bench.lookup.show(HERE, "in_1")
    assert isinstance(card, CardContent)
    assert card.row.choices == (Choice.CHECK,)
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("in_404", RefusalKind.NO_SUCH_INVOICE),
        ("ACME-404", RefusalKind.NO_SUCH_INVOICE),
        ("?!", RefusalKind.BAD_REFERENCE),
        ("lago:in_1", RefusalKind.BAD_REFERENCE),
        ("https://dashboard.stripe.com/customers/cus_1", RefusalKind.BAD_REFERENCE),
    ],
)
async def test_a_wrong_reference_gets_a_sentence(bench: Bench, text: str, kind: RefusalKind) -> None:
    assert _refused(await bench.lookup.show(HERE, text)) is kind


async def test_what_the_provider_cannot_answer_is_a_sentence_too(bench: Bench) -> None:
    link = partial(bench.lookup.link, word=Word.LINK)
    for reading in (bench.lookup.show, link, bench.lookup.history):
        bench.provider.read_failures.append(DOWN)
        answer = await reading(HERE, "in_1")
        assert isinstance(answer, RefusalContent)
        assert answer.refusal.kind is RefusalKind.READ_FAILED
        assert answer.refusal.facts["detail"] == "Example Pay does not answer."
        assert answer.reference


async def test_an_account_that_is_down_hides_no_invoice_of_another(outside: Outside) -> None:
    lago = FakeProvider(account="lago")
    bench = Bench(outside, FakeProvider(INVOICE), lago)
    lago.read_failures.append(DOWN)
    assert isinstance(await bench.lookup.show(LEAD, "in_1"), CardContent)
    lago.read_failures.append(DOWN)
    assert _refused(await bench.lookup.show(LEAD, "in_2")) is RefusalKind.READ_FAILED


@pytest.mark.parametrize("reader", [Reader(EVE, CHANNEL), Reader(ANA, OTHER_CHANNEL)], ids=["no role", "wrong channel"])
async def test_who_may_not_see_reads_nothing(bench: Bench, reader: Reader) -> None:
    for answer in (
        await bench.lookup.show(reader, "in_1"),
        await bench.lookup.link(reader, "in_1", Word.LINK),
        await bench.lookup.history(reader, "in_1"),
        await bench.lookup.status(reader),
        await bench.lookup.failed(reader, Filter(), ""),
        await bench.questions.ask(reader, "in_1", Action.VOID),
    ):
        assert _refused(answer) in {RefusalKind.NO_RIGHT, RefusalKind.WRONG_CHANNEL}
    assert bench.provider.reads == []


async def test_a_payment_link_is_fetched_fresh_and_given_with_its_invoice(bench: Bench) -> None:
    bench.provider.links[REF] = "https://pay.example.com/i/1"
    for answer in (await bench.lookup.link(HERE, "in_1", Word.LINK), await bench.lookup.link_of(REF, Word.LINK)):
        assert isinstance(answer, LinkContent)
        assert (answer.url, answer.invoice.ref) == ("https://pay.example.com/i/1", REF)
        assert "pay.example.com" not in repr(answer)


async def test_a_page_that_logs_in_is_given_as_such_and_a_pdf_is_not(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(INVOICE, facts=replace(FACTS, link_logs_in=True)))
    bench.provider.links[REF] = "https://pay.example.com/i/1"
    page, pdf = [await bench.lookup.link(LEAD, "in_1", word) for word in (Word.LINK, Word.PDF)]
    assert isinstance(page, LinkContent)
    assert isinstance(pdf, LinkContent)
    assert (page.logs_in, pdf.logs_in) == (True, False)


async def test_a_provider_without_page_and_pdf_says_what_helps(outside: Outside) -> None:
    poor = replace(
        FACTS, has_payment_link=False, link_instead="Send one from there.", has_pdf=False, pdf_instead="Print it."
    )
    bench = Bench(outside, FakeProvider(INVOICE, facts=poor))
    told = [await bench.lookup.link(LEAD, "in_1", word) for word in (Word.LINK, Word.PDF)]
    assert [answer.refusal.facts["instead"] for answer in told if isinstance(answer, RefusalContent)] == [
        "Send one from there.",
        "Print it.",
    ]


async def test_an_invoice_without_a_payment_page_says_what_it_is(bench: Bench) -> None:
    bench.provider.now_shows(ended(INVOICE, InvoiceStatus.DRAFT))
    answer = await bench.lookup.link(HERE, "in_1", Word.LINK)
    assert isinstance(answer, RefusalContent)
    assert (answer.refusal.kind, answer.refusal.facts["status"]) == (RefusalKind.NOT_ACTIONABLE, "draft")


async def test_a_payment_link_that_cannot_be_fetched_is_a_sentence(bench: Bench) -> None:
    bench.provider.links[REF] = DOWN
    assert _refused(await bench.lookup.link_of(REF, Word.LINK)) is RefusalKind.READ_FAILED
    bench.provider.read_failures.append(DOWN)
    assert _refused(await bench.lookup.link_of(REF, Word.LINK)) is RefusalKind.READ_FAILED
    assert _refused(await bench.lookup.link_of(replace(REF, id="in_404"), Word.LINK)) is RefusalKind.NO_SUCH_INVOICE


async def test_a_clear_no_to_a_payment_link_is_told_in_its_own_words(bench: Bench) -> None:
    said = "The customer has no payment provider in Lago, so there is no payment page. Resend the invoice instead."
    bench.provider.links[REF] = ProviderFailure(FailureReason.REFUSED, said)
    answer = await bench.lookup.link_of(REF, Word.LINK)
    assert isinstance(answer, RefusalContent)
    assert answer.refusal.facts == {"sentence": said}


async def test_a_typed_void_is_read_and_checked_before_its_dialog(bench: Bench) -> None:
    asked = await bench.questions.ask(HERE, "in_1", Action.VOID)
    assert isinstance(asked, Question)
    assert await bench.journal.offer(asked.offer.id) == asked.offer
    bench.provider.now_shows(paid())
    assert _refused(await bench.questions.ask(HERE, "in_1", Action.VOID)) is RefusalKind.NOT_ACTIONABLE


async def test_the_history_tells_every_decision_and_the_refused_presses(bench: Bench) -> None:
    offer = await bench.shown()
    await bench.press(offer, Action.RETRY, EVE)
    await bench.press(offer)
    await bench.work()
    told = await bench.lookup.history(HERE, "in_1")
    assert isinstance(told, HistoryContent)
    assert [(action.kind, action.state) for action in told.actions] == [(Action.RETRY, ActionState.SUCCEEDED)]
    assert [event.kind for event in told.events] == [
        "press.refused",
        "action.accepted",
        "attempt.begun",
        "action.succeeded",
    ]


async def test_the_status_names_the_trouble_of_an_account_until_it_is_over(outside: Outside) -> None:
    outside.plans = {"finance": DigestPlan("finance", CHANNEL, "0 9 * * *", "UTC", ("stripe",))}
    outside.timetable.slots = {"finance": (NOW + HOUR,)}
    bench = Bench(outside)
    bench.provider.read_failures.append(DOWN)
    await bench.lookup.show(HERE, "in_1")
    status = await bench.lookup.status(HERE)
    assert isinstance(status, StatusContent)
    assert [account.problem for account in status.accounts] == ["Example Pay does not answer."]
    assert status.digests == (("finance", CHANNEL, NOW + HOUR),)
    await bench.lookup.show(HERE, "in_1")
    await bench.press(await bench.shown())
    status = await bench.lookup.status(HERE)
    assert isinstance(status, StatusContent)
    assert [account.problem for account in status.accounts] == [None]
    assert [action.ref for action in status.open_actions] == [REF]


# --- lists ---------------------------------------------------------------------------------------------------------


async def test_a_list_shows_ten_of_all_largest_first_per_currency_and_counts_the_rest(outside: Outside) -> None:
    bench = Bench(outside, FakeProvider(*(an_invoice(n, 100 * n) for n in range(1, 13))))
    first, second = await _list(bench), await _list(bench, "page:2")
    assert (first.total, _ids(first)) == (12, [f"in_{n}" for n in range(12, 2, -1)])
    assert _ids(second) == ["in_2", "in_1"]


async def test_the_buttons_of_a_list_work(bench: Bench) -> None:
    content = await _list(bench)
    assert Choice.RETRY in content.rows[0].choices
    bench.clock.advance(SECOND)
    await bench.press(content.rows[0].offer, Action.RETRY, TOM, reply_to=None)
    assert content.rows[0].offer.place.channel == OTHER_CHANNEL


async def test_a_list_keeps_to_the_words(outside: Outside) -> None:
    old = replace(an_invoice(1, 10_000), created_at=NOW - timedelta(days=90), customer_name="Umbrella")
    manual = replace(an_invoice(2, 60_000), failed_because=FailedBecause.PAST_DUE)
    dollars = an_invoice(3, 70_000, "USD")
    bench = Bench(outside, FakeProvider(old, manual, dollars), FakeProvider(an_invoice(4, account="lago"), account="lago"))
    assert _ids(await _list(bench, "customer:umbrella")) == ["in_1"]
    assert _ids(await _list(bench, "overdue")) == ["in_2"]
    assert _ids(await _list(bench, ">500eur")) == ["in_2"]
    assert _ids(await _list(bench, "<500eur stripe")) == ["in_1"]
    assert _ids(await _list(bench, "lago")) == ["in_4"]
    assert sorted(_ids(await _list(bench, f"since:{(NOW - timedelta(days=30)).date()}"))) == ["in_2", "in_3", "in_4"]


async def test_a_list_by_decline_reads_until_its_page_is_full_and_says_how_many_it_read(outside: Outside) -> None:
    provider = FakeProvider(*(replace(an_invoice(n, 100 * n), decline=STOLEN) for n in range(1, 101)))
    bench = Bench(outside, provider)
    content = await _list(bench, "hard")
    assert {row.invoice.decline_kind for row in content.rows} == {DeclineClass.HARD}
    assert (len(content.rows), len(provider.reads)) == (10, 12)
    assert content.note is not None
    assert "12 of 100" in content.note
    few = FakeProvider(*(replace(an_invoice(n, 100 * n), decline=STOLEN) for n in range(1, 4)))
    assert (await _list(Bench(outside, few), "hard")).note is None, "all were read"


async def test_a_list_by_decline_gives_up_after_two_hundred(outside: Outside) -> None:
    provider = FakeProvider(*(an_invoice(n, 100 * n) for n in range(1, 251)))
    content = await _list(Bench(outside, provider), "hard")
    assert (content.rows, len(provider.reads)) == ((), MOST_READ)
    assert content.note is not None
    assert "200 of 250" in content.note


async def test_a_list_names_what_it_lacks(outside: Outside) -> None:
    stripe, lago = FakeProvider(INVOICE), FakeProvider(account="lago")
    stripe.listing = [INVOICE, Unreadable("no id")]
    lago.listing = DOWN
    content = await _list(Bench(outside, stripe, lago))
    assert (content.total, dict(content.gaps)) == (
        1,
        {"stripe": "1 invoice could not be read", "lago": "Example Pay does not answer."},
    )


async def test_a_row_whose_reason_cannot_be_read_stays_in_the_list(bench: Bench) -> None:
    bench.provider.read_failures.append(DOWN)
    content = await _list(bench)
    assert [row.invoice.decline for row in content.rows] == [None]


async def test_accounts_are_closed_with_the_bot(bench: Bench) -> None:
    await bench.accounts.close()
    assert bench.provider.closed


# --- find ------------------------------------------------------------------------------------------------------------


async def _found(bench: Bench, typed: str, reader: Reader = LEAD) -> ListContent:
    content = await bench.lookup.find(reader, typed)
    assert isinstance(content, ListContent)
    assert content.of is ListOf.FOUND
    return content


async def test_an_invoice_is_found_by_number_id_and_link(bench: Bench) -> None:
    for typed in ("ACME-7", "in_1", "stripe:in_1", "<https://dashboard.stripe.com/invoices/in_1>"):
        assert _ids(await _found(bench, typed)) == ["in_1"]
    assert _ids(await _found(bench, "nobody")) == []


async def test_what_is_found_is_newest_first_and_paged(outside: Outside) -> None:
    many = [replace(an_invoice(n), customer_name="Acme", created_at=NOW - timedelta(days=n)) for n in range(1, 14)]
    bench = Bench(outside, FakeProvider(*many))
    first, second = await _found(bench, "Acme"), await _found(bench, "Acme page:2")
    assert (first.total, len(first.rows), len(second.rows)) == (13, 10, 3)
    created = [row.invoice.created_at for row in (*first.rows, *second.rows)]
    assert created == sorted((moment for moment in created if moment), reverse=True)


async def test_one_account_s_failure_hides_nothing_that_another_found(outside: Outside) -> None:
    down = FakeProvider(account="stripe-us")
    down.read_failures.append(DOWN)
    bench = Bench(outside, FakeProvider(INVOICE), down)
    content = await _found(bench, "ACME-7")
    assert _ids(content) == ["in_1"]
    assert content.gaps == (("stripe-us", DOWN.detail),)


async def test_who_may_not_look_finds_nothing_and_is_told_whom_to_ask(bench: Bench) -> None:
    answer = await bench.lookup.find(Reader(EVE, CHANNEL), "ACME-7")
    assert _refused(answer) is RefusalKind.NO_RIGHT


async def test_the_pdf_is_a_right_of_its_own(bench: Bench) -> None:
    bench.provider.links[REF] = "https://pay.example.com/in_1.pdf"
    content = await bench.lookup.link(LEAD, "in_1", Word.PDF)
    assert isinstance(content, LinkContent)
    assert content.is_pdf
    assert _refused(await bench.lookup.link(HERE, "in_1", Word.PDF)) is RefusalKind.NO_RIGHT
    bench.provider.links[REF] = None
    assert _refused(await bench.lookup.link(LEAD, "in_1", Word.PDF)) is RefusalKind.NOT_ACTIONABLE
