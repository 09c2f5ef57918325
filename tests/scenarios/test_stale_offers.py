"""What changed between the digest and the press: refused with the fresh state, nothing charged, new buttons."""

from __future__ import annotations

from bot.sandbox.providers.magic import Result
from tests.scenarios.stage import LINK, MAYA, RETRY, TOM, UNCOLLECTIBLE, VOID, Bill, Stage


def ours(stage: Stage, bill: Bill) -> list[int]:
    """What our own requests charged."""
    return [charge.amount for charge in stage.charges(bill) if charge.key is not None]


async def test_an_invoice_that_was_paid_elsewhere_is_not_charged_again(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.disturb("pay_elsewhere", invoice=bill.id)

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Not done. This invoice has been paid since you saw it")
    assert not {RETRY, LINK, VOID} & set(row.labels)
    assert stage.sends(bill) == []


async def test_an_invoice_that_was_voided_elsewhere_is_left_alone(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.disturb("void_elsewhere", invoice=bill.id)

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "The invoice has changed from open to void since you saw it")
    assert not {RETRY, LINK, VOID} & set(row.labels)
    assert stage.sends(bill) == []


async def test_a_changed_amount_has_to_be_pressed_anew(stage: Stage) -> None:
    bill = stage.bill(amount=42000)
    digest = await stage.digest()
    await stage.disturb("change_amount", invoice=bill.id, amount=40000)

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "from EUR 420.00 to EUR 400.00", "Press again if the new amount is right")
    assert row.says("· EUR 400.00 ·")
    assert stage.sends(bill) == []

    await stage.press(MAYA, RETRY, bill, digest)

    await stage.row_says(bill, digest, "Paid EUR 400.00")
    assert ours(stage, bill) == [40000]


async def test_an_amount_that_rose_over_the_limit_of_the_person_is_refused_by_the_limit(stage: Stage) -> None:
    bill = stage.bill(amount=42000)
    digest = await stage.digest()
    await stage.disturb("change_amount", invoice=bill.id, amount=60000)
    await stage.press(TOM, RETRY, bill, digest)
    await stage.row_says(bill, digest, "from EUR 420.00 to EUR 600.00")

    await stage.press(TOM, RETRY, bill, digest)

    await stage.told(TOM, "EUR 600.00 is more than the EUR 500.00")
    assert stage.sends(bill) == []


async def test_an_automatic_attempt_since_the_digest_stops_the_retry(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    digest = await stage.digest()
    await stage.disturb("automatic_attempt", invoice=bill.id)

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Something else was tried on this invoice since you saw it")
    assert RETRY not in row.labels, "an attempt was made less than an hour ago"
    assert LINK in row.labels
    assert stage.sends(bill) == []


async def test_the_providers_own_attempt_counts_for_the_hour(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    await stage.disturb("automatic_attempt", invoice=bill.id)

    await stage.command(MAYA, f"retry {bill.ref}")

    await stage.told(MAYA, "Only one payment attempt per invoice and hour.")
    assert [charge.result for charge in stage.charges(bill)] == [Result.DECLINED]
    assert stage.sends(bill) == []


async def test_an_automatic_attempt_that_is_processing_leaves_nothing_to_press(stage: Stage) -> None:
    bill = stage.bill("bank_debit")
    digest = await stage.digest()
    await stage.disturb("automatic_attempt", invoice=bill.id)

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Not done.", "Something else was tried")
    assert not {RETRY, VOID, UNCOLLECTIBLE} & set(row.labels)
    assert stage.sends(bill) == []


async def test_a_changed_card_has_to_be_seen_before_it_is_charged(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    card = await stage.card(MAYA, bill)
    assert stage.row(bill, card).says("visa ending 9995")
    await stage.disturb("change_card", invoice=bill.id)

    await stage.press(MAYA, RETRY, bill, card)

    await stage.row_says(bill, card, "What a retry would charge has changed")
    assert stage.sends(bill) == []


async def test_a_void_of_an_invoice_paid_meanwhile_is_refused(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(MAYA, VOID, bill, digest)
    await stage.disturb("pay_elsewhere", invoice=bill.id)

    await stage.slack.submit(MAYA, {"reason_choice": {"invoice.reason_choice": "duplicate"}})

    await stage.row_says(bill, digest, "Not done. This invoice has been paid since you saw it")
    assert stage.sends(bill) == []
    assert stage.status(bill) == "paid"
