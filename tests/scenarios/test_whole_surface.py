"""Every sub-command of `/invoice`, typed and answered end to end, over signed HTTP and over Socket Mode."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bot.sandbox.providers.magic import Result
from handlers import ids
from tests.scenarios.reading import read
from tests.scenarios.stage import MAYA, TOM, Stage
from tests.scenarios.test_dialogs import dialog
from tests.scenarios.test_retry import both_ways

TODAY = datetime.now(UTC).date()


def payment(amount: str, *, reference: str = "RF-18") -> dict[str, dict[str, str | None]]:
    return {
        ids.AMOUNT_BLOCK: {ids.AMOUNT: amount},
        ids.PAID_BY_BLOCK: {ids.PAID_BY: "bank_transfer"},
        ids.PAID_ON_BLOCK: {ids.PAID_ON: TODAY.isoformat()},
        ids.PAYMENT_REFERENCE_BLOCK: {ids.PAYMENT_REFERENCE: reference},
    }


async def opened_dialog(stage: Stage, title: str, user: str = MAYA) -> None:
    """The dialog says "reading" first; it is there when its title is."""
    await stage.eventually(
        lambda: (view := stage.slack.view_of(user)) is not None and view.title == title, f"the dialog “{title}”"
    )


@both_ways
async def test_an_invoice_that_the_customer_pays_is_sent_again(stage: Stage) -> None:
    bill = stage.bill(collection_method="send_invoice", attempts=0, due_date=time.time() - 3 * 86_400)
    await stage.command(MAYA, f"resend {bill.number}")
    await stage.told(MAYA, bill.number, "Sent again")
    assert stage.sends(bill) == ["send"]
    assert stage.charges(bill) == []


@both_ways
async def test_an_invoice_that_is_charged_is_not_sent_and_the_link_is_offered_instead(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(MAYA, f"resend {bill.ref}")
    told = await stage.told(MAYA, "/invoice link")
    assert told.says("Stripe")
    assert stage.sends(bill) == []


@both_ways
async def test_a_draft_is_finalized_after_its_dialog_and_collects_only_when_told_so(stage: Stage) -> None:
    for collect, chosen in (("false", []), ("true", [ids.COLLECT_YES])):
        bill = stage.bill(status="draft")
        await stage.command(MAYA, f"finalize {bill.ref}")
        await opened_dialog(stage, "Finalize invoice")
        assert stage.sends(bill) == [], "opening a dialog decides nothing"
        await stage.slack.submit(MAYA, {ids.COLLECT_BLOCK: {ids.COLLECT: chosen}})
        await stage.eventually(lambda bill=bill: stage.status(bill) == "open", "finalizing")  # type: ignore[misc]
        await stage.told(MAYA, "Finalized", stage.stripe.invoices[bill.id].number or "")
        assert (stage.sends(bill), stage.status(bill)) == (["finalize"], "open")
        sent = next(seen for seen in stage.stripe.requests if seen.path.endswith(f"/{bill.id}/finalize"))
        assert sent.params["auto_advance"] == (collect,)
        assert stage.charges(bill) == []


@both_ways
async def test_a_payment_received_elsewhere_is_recorded_and_no_money_is_taken(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(MAYA, f"paid {bill.ref}")
    await opened_dialog(stage, "Mark as paid")
    assert read(dialog(stage).blocks).says("No money is taken")
    await stage.slack.submit(MAYA, payment("10.00"))
    assert "whole amount" in dialog(stage).errors[ids.AMOUNT_BLOCK]
    await stage.slack.submit(MAYA, payment("49,00"))
    await stage.told(MAYA, "Marked as paid: EUR 49.00", "RF-18")
    assert stage.status(bill) == "paid"
    assert stage.charges(bill) == []
    await stage.command(MAYA, f"history {bill.ref}")
    await stage.told(MAYA, f"1 decision about {bill.ref}", "RF-18")


@both_ways
async def test_another_stored_method_is_chosen_in_a_dialog_and_charged_once(stage: Stage) -> None:
    bill = stage.bill("stolen_card", decline="stolen_card")
    customer = stage.stripe.invoices[bill.id].customer
    other = stage.stripe.books.add_card(customer, "paid", last4="4444", brand="mastercard")
    digest = await stage.digest()
    await stage.press(MAYA, "Retry with…", bill, digest)
    await opened_dialog(stage, "Retry payment")
    await stage.slack.submit(MAYA, {ids.METHOD_BLOCK: {ids.METHOD: other}})
    await stage.row_says(bill, digest, "Paid EUR 49.00")
    assert [charge.method for charge in stage.charges(bill) if charge.result is Result.PAID] == [other]
    assert stage.collected(bill) == 4900


@both_ways
async def test_what_is_looked_for_is_found_by_number_customer_mail_and_link(stage: Stage) -> None:
    bill = stage.bill(name="Zephyr Instruments", email="ap@zephyr.example")
    link = f"<https://dashboard.stripe.com/test/invoices/{bill.id}|dashboard.stripe.com/…>"
    for text in (bill.number, "Zephyr", "<mailto:ap@zephyr.example|ap@zephyr.example>", bill.id, link):
        before = len(stage.private(MAYA))
        await stage.command(MAYA, f"find {text}")
        answer = (await stage.eventually(lambda seen=before: stage.private(MAYA)[seen:], f"an answer to {text}"))[0]  # type: ignore[misc]
        assert read(answer.blocks, answer.text).says(bill.number), text
    await stage.command(MAYA, "find Nobody Known")
    await stage.told(MAYA, "No invoice found", "Nobody Known")


@both_ways
async def test_link_and_pdf_are_given_to_one_person_only(stage: Stage) -> None:
    bill = stage.bill()
    for word in ("link", "pdf"):
        await stage.command(MAYA, f"{word} {bill.ref}")
        await stage.told(MAYA, bill.number, "http")
    assert all("http" not in version for version in stage.versions(bill))


@both_ways
async def test_a_watched_invoice_stays_in_the_digest_until_it_is_let_go(stage: Stage) -> None:
    bill = stage.bill(status="draft")
    stage.bill()
    await stage.command(MAYA, f"watch {bill.ref}")
    await stage.told(MAYA, f"/invoice unwatch {bill.ref}")
    digest = await stage.digest()
    assert read(digest.blocks).says("1 failed invoice", "Watched", bill.id)
    await stage.command(MAYA, f"unwatch {bill.ref}")
    await stage.told(MAYA, "watched no more")
    again = await stage.digest()
    assert not read(again.blocks).says(bill.id)


@both_ways
async def test_what_stripe_lacks_says_so(stage: Stage) -> None:
    bill = stage.bill(status="draft")
    await stage.command(MAYA, f"refresh {bill.ref}")
    await stage.told(MAYA, "Stripe", "by itself")
    assert stage.sends(bill) == []


@both_ways
async def test_help_has_an_example_for_everything_that_the_person_may_do(stage: Stage) -> None:
    everything = await stage.command(MAYA, "help")
    for word in (
        "show",
        "retry",
        "resend",
        "void",
        "uncollectible",
        "finalize",
        "paid",
        "refresh",
        "link",
        "pdf",
        "failed",
    ):
        assert f"/invoice {word}" in str(everything.body)
    for word in ("find", "digest", "history", "watch", "unwatch", "status"):
        assert f"/invoice {word}" in str(everything.body)
    agent = await stage.command(TOM, "help")
    assert "/invoice retry" in str(agent.body)
    assert "/invoice void" not in str(agent.body)


async def test_a_dialog_whose_answer_was_lost_is_settled_like_every_decision(stage: Stage) -> None:
    """The e-mail left, the answer did not come back: said as a doubt, then found out, and never sent twice."""
    bill = stage.bill(collection_method="send_invoice", attempts=0, due_date=time.time() - 3 * 86_400)
    await stage.disturb("after_effect", what="reset", times=1)
    await stage.command(MAYA, f"resend {bill.ref}")
    await stage.told(MAYA, bill.number, "Sent again")
    assert [sent.invoice for sent in stage.stripe.sent] == [bill.id]


async def test_a_stale_dialog_decides_nothing(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(MAYA, f"paid {bill.ref}")
    await opened_dialog(stage, "Mark as paid")
    await stage.disturb("pay_elsewhere", invoice=bill.id)
    await stage.slack.submit(MAYA, payment("49.00"))
    await stage.told(MAYA, bill.number, "paid")
    assert stage.sends(bill) == []
