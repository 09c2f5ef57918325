"""Decisions that are typed: every form of REF, and nothing at all for what cannot be understood."""

from __future__ import annotations

from bot.sandbox.slack_state import Message
from tests.scenarios.reading import read
from tests.scenarios.stage import FIN, MAYA, RETRY, TOM, Stage

FORMS = {
    "account and id": "stripe:{id}",
    "bare id": "{id}",
    "number": "{number}",
    "number in quotes": "“{number}”",
    "dashboard link": "https://dashboard.stripe.com/test/invoices/{id}",
    "link as Slack wraps it": "<https://dashboard.stripe.com/acct_1/test/invoices/{id}|dashboard.stripe.com/…>",
}


async def test_an_invoice_can_be_named_in_every_way_people_know_it(stage: Stage) -> None:
    for name, form in FORMS.items():
        bill = stage.bill()
        answer = await stage.command(MAYA, "retry " + form.format(id=bill.id, number=bill.number))
        assert "Got it: retry " in str(answer.body), name
        await stage.told(MAYA, f"{bill.number}: Paid EUR 49.00")
        assert len(stage.charges(bill)) == 1, name


async def test_a_typed_retry_is_answered_privately_and_redraws_the_row_for_all(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    before = len(stage.slack.messages(FIN))

    await stage.command(TOM, f"RETRY {bill.number}.")

    await stage.told(TOM, "Paid EUR 49.00")
    await stage.row_says(bill, digest, "Paid EUR 49.00", "<@U0TOM>")
    assert len(stage.slack.messages(FIN)) == before
    assert stage.private_saying(MAYA, "Paid") == []


async def test_a_retry_with_another_stored_method_charges_that_one(stage: Stage) -> None:
    customer = stage.stripe.add_customer("paid")
    good = stage.stripe.books.customers[customer].methods[0]
    stage.stripe.books.change_card(customer, "stolen_card")
    bill = stage.bill("stolen_card", customer=customer, decline="stolen_card")
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "The bank refused visa ending 9979 for good", "nothing was charged")
    assert stage.sends(bill) == []

    await stage.command(MAYA, f"retry {bill.ref} with {good}")

    await stage.told(MAYA, "Paid EUR 49.00")
    assert [charge.method for charge in stage.charges(bill)] == [good]


async def test_a_method_that_the_customer_does_not_have_charges_nothing(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(MAYA, f"retry {bill.ref} with pm_1Elsewhere")
    await stage.told(MAYA, "Not done", "nothing was charged")
    assert stage.charges(bill) == []


MALFORMED = {
    "bogus": "I don't know `bogus`.",
    "rerty in_1": "Did you mean `/invoice retry in_1`?",
    "retry": "Which invoice?",
    "retry EX-1 EX-2": "One invoice at a time",
    "retry stripe:in_1 with": "After “with” comes one stored payment method",
    "retry stripe:in_1 with pm_1 pm_2": "After “with” comes one stored payment method",
    "void in_1 with pm_1": "Only `retry` takes “with”",
    "retry nope:in_1": "There is no account of that name here. Known accounts: `stripe`.",
    "retry stripe:": "After `stripe:` comes an invoice id",
    "retry https://example.com/hello": "That link names no invoice that I know.",
    "retry 💸": "neither an invoice id nor a number",
    "failed purple": "I don't know the word `purple` here.",
    "failed >5xyz": "“xyz” is not an ISO 4217 currency code",
    "digest tomorrow": "Try `/invoice digest preview`",
    "digest now nosuch": "There is no digest of that name here.",
    "retryin_1AbC": "Did you mean `/invoice retry in_1AbC`?",
    "charge stripe:in_1AbC": "Did you mean `/invoice retry stripe:in_1AbC`?",
    "void cus_1AbC": "That is a customer, not an invoice. Their invoices: `/invoice find cus_1AbC`.",
    "paid <mailto:ana@acme.test|ana@acme.test>": "`/invoice find ana@acme.test`",
    "find": "What shall I look for?",
    "failed page:abc": "After `page:` comes a number",
    "x" * 600: "longer than any command of mine",
}


async def test_what_cannot_be_understood_gets_one_sentence_and_nothing_happens(stage: Stage) -> None:
    stage.bill()
    asked, said = len(stage.stripe.requests), len(stage.slack.calls)
    for text, sentence in MALFORMED.items():
        answer = await stage.command(MAYA, text)
        assert answer.ok, text
        body = answer.body if isinstance(answer.body, str) else answer.body["text"]
        assert sentence in body, (text, body)
        assert "\n" not in body
    await stage.settled()
    assert len(stage.stripe.requests) == asked
    assert len(stage.slack.calls) == said
    assert all(message.only_for == MAYA for message in stage.private(MAYA))


async def test_a_number_that_two_invoices_share_has_to_be_told_apart(stage: Stage) -> None:
    first, second = stage.bill(number="EX-77"), stage.bill(number="EX-77")
    await stage.command(MAYA, "retry EX-77")
    told = await stage.told(MAYA, "More than one invoice goes by that name")
    assert told.says(first.ref, second.ref)
    assert stage.stripe.charges == []


async def test_an_invoice_that_does_not_exist_is_said_not_to(stage: Stage) -> None:
    await stage.command(MAYA, "retry EX-4711")
    await stage.told(MAYA, "I found no invoice “EX-4711”")
    await stage.command(MAYA, "retry stripe:in_1Nowhere")
    await stage.told(MAYA, "I found no invoice “in_1Nowhere”")


async def test_a_typed_retry_of_what_cannot_be_retried_says_why(stage: Stage) -> None:
    bill = stage.bill(status="paid")
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "is paid", "nothing happened")
    manual = stage.bill(collection_method="send_invoice")
    digest = await stage.digest()
    assert RETRY not in stage.row(manual, digest).labels
    await stage.command(MAYA, f"retry {manual.ref}")
    await stage.told(MAYA, "the customer pays this invoice themselves", f"/invoice link {manual.ref}")
    assert stage.stripe.charges == []


async def test_a_typed_resend_sends_the_e_mail_once_and_does_not_name_the_address(stage: Stage) -> None:
    bill = stage.bill(collection_method="send_invoice")
    await stage.command(MAYA, f"resend invoice {bill.number}")
    told = await stage.told(MAYA, f"{bill.number}: Sent again by the provider to the customer's e-mail address")
    assert stage.sends(bill) == ["send"]
    assert not told.says("@acme")


async def answers(stage: Stage, text: str) -> Message:
    """The private answer to something that Maya typed."""
    before = len(stage.private(MAYA))
    await stage.command(MAYA, text)
    return (await stage.eventually(lambda: stage.private(MAYA)[before:], text))[0]


async def test_an_invoice_is_found_however_slack_and_phones_write_what_is_looked_for(stage: Stage) -> None:
    bill = stage.bill()
    for typed in ("“Acme GmbH”", f"#{bill.number}", f"{bill.number}.", bill.id, bill.ref):
        assert stage.row(bill, await answers(stage, f"find {typed}")).says("Acme GmbH"), typed
    nobody = await answers(stage, "find <mailto:nobody@nowhere.test|nobody@nowhere.test>")
    assert read(nobody.blocks).says("No invoice found for “nobody@nowhere.test”", "/invoice failed")
