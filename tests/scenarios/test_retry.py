"""From the digest to the ending of a retry, as the channel sees it, over both ways of reaching Slack."""

from __future__ import annotations

import pytest

from tests.scenarios.reading import read
from tests.scenarios.stage import CHECK, FIN, LINK, MAYA, RETRY, SHOW, Stage

both_ways = pytest.mark.parametrize("over_socket", [False, True], ids=["http", "socket"])


@both_ways
async def test_a_retry_out_of_the_digest_collects_once_and_the_row_says_who_did_it(stage: Stage) -> None:
    bill = stage.bill(amount=42000)
    digest = await stage.digest()
    assert read(digest.blocks).says("1 failed invoice (test mode)", "EUR 420.00 (1)")
    assert stage.row(bill, digest).says("Acme GmbH", bill.number, "EUR 420.00", "insufficient funds (soft)")

    answer = await stage.press(MAYA, RETRY, bill, digest)

    assert (answer.status, answer.body) == (200, None)
    row = await stage.row_says(bill, digest, "Paid EUR 420.00", "<@U0MAYA>")
    assert RETRY not in row.labels
    assert [charge.amount for charge in stage.charges(bill)] == [42000]
    assert stage.status(bill) == "paid"
    await stage.settled()
    assert stage.private(MAYA)[1:] == []
    assert stage.objections() == []


@both_ways
async def test_a_soft_decline_says_so_with_the_next_step_and_leaves_the_payment_link(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    digest = await stage.digest()

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Declined: insufficient funds (soft). Next: ", "wait before the next retry")
    assert RETRY not in row.labels
    assert LINK in row.labels
    assert stage.collected(bill) == 0
    assert len(stage.charges(bill)) == 1


async def test_after_a_hard_decline_the_payment_link_is_the_first_thing_offered(stage: Stage) -> None:
    bill = stage.bill("lost_card")
    digest = await stage.digest()
    assert stage.row(bill, digest).primary == [RETRY]

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "(hard; do not tell the customer", "give the customer the payment link")
    assert row.primary == [LINK]
    assert RETRY not in row.labels
    assert len(stage.charges(bill)) == 1


async def test_an_invoice_known_to_be_declined_for_good_offers_no_retry_at_all(stage: Stage) -> None:
    bill = stage.bill("stolen_card", decline="stolen_card")
    digest = await stage.digest()
    row = stage.row(bill, digest)
    assert row.primary == [LINK]
    assert RETRY not in row.labels


async def test_a_payment_that_needs_the_customer_says_so_and_offers_the_payment_page(stage: Stage) -> None:
    bill = stage.bill("needs_authentication")
    digest = await stage.digest()

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Declined: ", "the customer must confirm with the bank")
    assert row.primary == [LINK]
    assert stage.collected(bill) == 0


@both_ways
async def test_a_bank_debit_is_processing_and_not_paid_until_it_settles(stage: Stage) -> None:
    bill = stage.bill("bank_debit", amount=64200)
    digest = await stage.digest()

    await stage.press(MAYA, RETRY, bill, digest)

    row = await stage.row_says(bill, digest, "Processing:", "Not paid yet")
    assert row.labels == [CHECK]
    assert stage.collected(bill) == 0

    stage.stripe.settle_processing(bill.id)
    await stage.press(MAYA, CHECK, bill, digest)

    await stage.row_says(bill, digest, "Paid EUR 642.00", "<@U0MAYA>")
    assert stage.sends(bill) == ["pay"]


async def test_a_bank_debit_that_bounces_ends_as_declined(stage: Stage) -> None:
    bill = stage.bill("bank_debit")
    digest = await stage.digest()
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Processing:")

    stage.stripe.settle_processing(bill.id, success=False)
    await stage.press(MAYA, CHECK, bill, digest)

    await stage.row_says(bill, digest, "Declined: insufficient funds")
    assert stage.collected(bill) == 0


async def test_the_digest_knows_what_is_not_failed(stage: Stage) -> None:
    bill = stage.bill()
    stage.bill(status="draft")
    stage.bill(status="paid")
    stage.bill(status="void")
    digest = await stage.digest()
    assert read(digest.blocks).says("1 failed invoice")
    assert stage.row(bill, digest).labels[:2] == [RETRY, LINK]
    assert SHOW in stage.row(bill, digest).labels


async def test_a_second_digest_tells_what_is_new_and_what_recovered(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    assert "since the last digest" not in read(digest.blocks).text
    await stage.press(MAYA, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid")
    stage.bill()
    stage.bill()

    second = await stage.digest()

    assert read(second.blocks).says("2 new, 1 no longer failed since the last digest")
    assert [message.channel for message in stage.digests()] == [FIN, FIN]
