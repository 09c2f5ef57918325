"""What a dialog asks for is part of the decision: without it the press does not count, with it the provider gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.content import RefusalContent
from bot.domain.details import Details, Issue, PaidBy, Received
from bot.domain.errors import FailureReason, ProviderFailure
from bot.domain.invoice import CollectionMethod, Invoice, InvoiceStatus
from bot.domain.money import Money
from bot.domain.outcome import Rejected, RejectedReason, Succeeded, Unknown
from bot.domain.refusal import Refusal, RefusalKind
from bot.ports import Accepted, AlreadyAccepted
from bot.services.finder import Reader
from bot.services.questions import MethodQuestion, Question
from tests.builders import AMEX, ANA, CHANNEL, INVOICE, NOW, OWED, REF, STOLEN, TOM, VISA
from tests.services.bench import MINUTE, SECOND, Bench

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEAD = Reader(TOM, CHANNEL)
DRAFT = replace(INVOICE, status=InvoiceStatus.DRAFT, provider_status="draft", decline=None)
MANUAL = replace(INVOICE, collection=CollectionMethod.MANUAL)
TRANSFER = Received(amount=OWED, by=PaidBy.BANK_TRANSFER, on=NOW.date(), reference="RF-18")


# --- the answers of dialogs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "details", "kind"),
    [
        (Action.PAID, None, RefusalKind.OLD_BUTTON),
        (Action.PAID, Issue(collect=True), RefusalKind.OLD_BUTTON),
        (Action.FINALIZE, None, RefusalKind.OLD_BUTTON),
        (Action.FINALIZE, TRANSFER, RefusalKind.OLD_BUTTON),
        (Action.VOID, None, RefusalKind.MISSING_REASON),
    ],
)
async def test_a_press_without_its_dialog_s_answer_does_not_count(
    bench: Bench, action: Action, details: Details, kind: RefusalKind
) -> None:
    offer = await bench.shown(DRAFT if action is Action.FINALIZE else INVOICE)
    answer = await bench.actions.press(bench.pressed(offer, action, TOM, details=details))
    assert isinstance(answer, Refusal)
    assert answer.kind is kind
    await bench.work()
    assert bench.provider.performed == []


async def test_a_payment_received_elsewhere_reaches_the_provider_and_the_history_as_it_was_entered(bench: Bench) -> None:
    await bench.press(await bench.shown(), Action.PAID, TOM, details=TRANSFER)
    await bench.work()
    (order,) = bench.provider.performed
    assert (order.action, order.details) == (Action.PAID, TRANSFER)
    action = await bench.newest()
    assert (action.state, action.details) == (ActionState.SUCCEEDED, TRANSFER)
    _, events = await bench.journal.history(REF)
    facts = next(event.facts for event in events if event.kind == "action.accepted")
    assert facts["payment_reference"] == "RF-18"
    assert facts["paid_by"] == "bank_transfer"


async def test_a_part_payment_is_never_told_as_the_whole(bench: Bench) -> None:
    part = Money(10_000, "EUR")
    rest = replace(INVOICE, owed=OWED - part)
    bench.provider.answers.append(Succeeded(invoice=rest))
    await bench.press(await bench.shown(), Action.PAID, TOM, details=replace(TRANSFER, amount=part))
    await bench.work()
    assert await bench.state() is ActionState.SUCCEEDED
    assert not (await bench.ending()).paid_in_full


@pytest.mark.parametrize("collect", [True, False])
async def test_a_draft_is_finalized_as_the_dialog_said(bench: Bench, collect: bool) -> None:
    bench.provider.now_shows(DRAFT)
    await bench.press(await bench.shown(DRAFT), Action.FINALIZE, TOM, details=Issue(collect=collect))
    await bench.work()
    (order,) = bench.provider.performed
    assert order.details == Issue(collect=collect)
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_person_without_the_right_cannot_mark_as_paid(bench: Bench) -> None:
    answer = await bench.press(await bench.shown(), Action.PAID, ANA, details=TRANSFER)
    assert isinstance(answer, Refusal)
    assert answer.kind is RefusalKind.NO_RIGHT


async def test_submitting_two_methods_of_one_dialog_charges_once(bench: Bench) -> None:
    offer = await bench.shown()
    first = await bench.press(offer, method=AMEX.id)
    second = await bench.press(offer, method=VISA.id)
    assert isinstance(first, Accepted)
    assert isinstance(second, AlreadyAccepted)
    await bench.work()
    (order,) = bench.provider.performed
    assert order.method == AMEX.id


# --- what a dialog is filled with -------------------------------------------------------------------------------


async def test_a_typed_finalize_asks_about_the_draft_as_it_is_now(bench: Bench) -> None:
    bench.provider.now_shows(DRAFT)
    question = await bench.questions.ask(LEAD, "in_1", Action.FINALIZE)
    assert isinstance(question, Question)
    assert question.offer.invoice.status is InvoiceStatus.DRAFT


async def test_what_cannot_be_done_is_said_instead_of_asked(bench: Bench) -> None:
    answer = await bench.questions.ask(LEAD, "in_1", Action.FINALIZE)
    assert isinstance(answer, RefusalContent)
    assert answer.refusal.kind is RefusalKind.NOT_ACTIONABLE


async def test_the_stored_methods_are_offered_also_where_the_declined_one_may_not_be_charged_again(bench: Bench) -> None:
    bench.provider.now_shows(replace(INVOICE, decline=STOLEN))
    bench.provider.stored[REF] = [VISA, AMEX]
    question = await bench.questions.ask_method(LEAD, "in_1")
    assert isinstance(question, MethodQuestion)
    assert question.methods == (VISA, AMEX)


@pytest.mark.parametrize(
    ("invoice", "kind"),
    [
        (MANUAL, RefusalKind.WRONG_COLLECTION),
        (replace(INVOICE, newest_charge_at=NOW - timedelta(minutes=5)), RefusalKind.COOL_DOWN),
        (replace(INVOICE, status=InvoiceStatus.VOID, provider_status="void"), RefusalKind.NOT_ACTIONABLE),
    ],
)
async def test_no_method_is_asked_for_where_no_retry_is_possible(bench: Bench, invoice: Invoice, kind: RefusalKind) -> None:
    bench.provider.now_shows(invoice)
    answer = await bench.questions.ask_method(LEAD, "in_1")
    assert isinstance(answer, RefusalContent)
    assert answer.refusal.kind is kind


async def test_methods_that_cannot_be_read_are_a_sentence(bench: Bench) -> None:
    failure = ProviderFailure(FailureReason.FORBIDDEN, "The key may not read payment methods.")
    bench.provider.stored_failure = failure
    answer = await bench.questions.ask_method(LEAD, "in_1")
    assert isinstance(answer, RefusalContent)
    assert answer.refusal.facts == {"sentence": failure.detail}, "asking again in a minute would not change it"


# --- an e-mail leaves no trace ----------------------------------------------------------------------------------


async def _sent_into_silence(bench: Bench) -> None:
    bench.provider.now_shows(MANUAL)
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.press(await bench.shown(MANUAL), Action.RESEND, TOM)
    await bench.work()
    assert await bench.state() is ActionState.UNKNOWN


async def test_a_resend_without_an_answer_is_sent_again_under_the_same_key(bench: Bench) -> None:
    await _sent_into_silence(bench)
    bench.provider.truths.append(Unknown(cause="an e-mail leaves no trace"))
    await bench.work(after=5 * SECOND)
    first, second = bench.provider.performed
    assert first.key == second.key
    assert await bench.state() is ActionState.SUCCEEDED


async def test_a_resend_is_not_repeated_after_its_ten_minutes_nor_called_failed(bench: Bench) -> None:
    await _sent_into_silence(bench)
    bench.clock.advance(9 * MINUTE)
    bench.provider.truths.append(Unknown(cause="an e-mail leaves no trace"))
    bench.provider.answers.append(Unknown(cause="no answer"))
    await bench.work()
    assert await bench.state() is ActionState.UNKNOWN
    bench.clock.advance(11 * MINUTE)
    sends = len(bench.provider.performed)
    bench.provider.truths.append(Unknown(cause="an e-mail leaves no trace"))
    await bench.work()
    assert len(bench.provider.performed) == sends
    assert await bench.state() is ActionState.UNSETTLED
    bench.clock.advance(SECOND)
    assert isinstance(await bench.press(await bench.fresh_offer(), Action.VOID, TOM), Accepted)


async def test_a_second_no_does_not_prove_that_the_first_send_did_nothing(bench: Bench) -> None:
    await _sent_into_silence(bench)
    bench.provider.truths.append(Unknown(cause="an e-mail leaves no trace"))
    bench.provider.answers.append(Rejected(reason=RejectedReason.NOT_ACTIONABLE, detail="no"))
    await bench.work(after=5 * SECOND)
    assert await bench.state() is ActionState.UNKNOWN


async def test_a_resend_that_the_provider_s_records_show_is_told_as_sent(bench: Bench) -> None:
    await _sent_into_silence(bench)
    bench.provider.truths.append(Succeeded(invoice=MANUAL))
    await bench.work(after=5 * SECOND)
    assert len(bench.provider.performed) == 1
    assert await bench.state() is ActionState.SUCCEEDED


async def test_an_automatic_invoice_is_not_sent_and_the_reason_is_the_provider_s(bench: Bench) -> None:
    await bench.press(await bench.shown(), Action.RESEND, TOM)
    await bench.work()
    refusal = await bench.refusal()
    assert refusal.kind is RefusalKind.WRONG_COLLECTION
    assert "Example Pay" in refusal.facts["why"]
    assert bench.provider.performed == []


async def test_a_typed_refresh_says_why_there_is_none(bench: Bench) -> None:
    await bench.type("in_1", Action.REFRESH, TOM)
    await bench.work()
    refusal = await bench.refusal()
    assert refusal.kind is RefusalKind.NOT_SUPPORTED
    assert refusal.facts["instead"] == "Example Pay recomputes drafts by itself."
