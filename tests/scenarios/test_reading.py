"""What people read: private answers, and a channel only where they asked for it."""

from __future__ import annotations

from tests.scenarios.reading import read
from tests.scenarios.stage import FIN, LINK, MAYA, NADIA, RETRY, SHARE, SHOW, SUP, TOM, VOID, Stage
from tests.scenarios.test_retry import both_ways

HOSTED = "https://invoice.stripe.com/i/"


@both_ways
async def test_show_gives_a_private_card_that_can_be_shared(stage: Stage) -> None:
    bill = stage.bill(amount=42000)
    card = await stage.card(MAYA, bill)
    assert read(card.blocks).says(
        "Acme GmbH", bill.number, "EUR 420.00", "insufficient funds", "visa ending 4242", bill.ref
    )
    assert read(card.blocks).says("only you can see this")
    assert stage.slack.messages(FIN) == []

    await stage.press(MAYA, SHARE, bill, card)

    shared = (await stage.eventually(lambda: stage.slack.messages(FIN), "the shared card"))[0]
    said = read(shared.blocks)
    assert said.says("EUR 420.00", "shared by <@U0MAYA>")
    assert "only you can see this" not in said.text
    assert SHARE not in said.labels
    await stage.press(TOM, RETRY, bill, shared)
    await stage.row_says(bill, shared, "Paid EUR 420.00", "<@U0TOM>")
    assert len(stage.charges(bill)) == 1


async def test_a_private_card_has_only_the_buttons_that_its_reader_may_press(stage: Stage) -> None:
    bill = stage.bill(amount=42000)
    assert VOID in read((await stage.card(MAYA, bill)).blocks).labels
    toms = read((await stage.card(TOM, bill)).blocks).labels
    assert RETRY in toms
    assert VOID not in toms


async def test_the_ending_of_a_press_on_a_private_card_replaces_the_card(stage: Stage) -> None:
    bill = stage.bill()
    card = await stage.card(TOM, bill)
    await stage.press(TOM, RETRY, bill, card)
    await stage.row_says(bill, card, "Paid EUR 49.00")
    assert len(stage.private(TOM)) == 1


async def test_show_in_a_row_answers_privately(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(TOM, SHOW, bill, digest)
    await stage.told(TOM, bill.number, "only you can see this")
    assert len(stage.slack.messages(FIN)) == 1


@both_ways
async def test_the_payment_link_is_given_privately_and_never_lies_in_a_channel(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest()
    await stage.press(TOM, LINK, bill, digest)
    told = await stage.told(TOM, "Payment page of invoice", bill.number, HOSTED)
    assert told.says("do not post it in a channel")
    await stage.command(MAYA, f"link {bill.number}")
    await stage.told(MAYA, HOSTED)
    await stage.settled()
    public = [call.params for call in stage.slack.calls if call.method in {"chat.postMessage", "chat.update"}]
    assert not any(HOSTED in str(params) for params in public)
    assert stage.private_saying(NADIA, HOSTED) == []


async def test_failed_lists_privately_what_fits_the_words(stage: Stage) -> None:
    small, large = stage.bill(amount=1000), stage.bill(amount=90000, name="Grand Hotel")
    hard = stage.bill("lost_card", decline="lost_card", amount=20000)
    dollars = stage.bill(currency="usd", amount=5000)
    cases = {
        "failed": {small, large, hard, dollars},
        "failed >500eur": {large},
        "failed <100EUR": {small},
        "failed customer:grand": {large},
        "failed hard": {hard},
        "failed stripe >1usd": {dollars},
        "failed overdue": set(),
    }
    for text, wanted in cases.items():
        before = len(stage.private(TOM))
        await stage.command(TOM, text)
        message = (await stage.eventually(lambda before=before: stage.private(TOM)[before:], text))[0]  # type: ignore[misc]
        said = read(message.blocks)
        found = {bill for bill in (small, large, hard, dollars) if bill.number in said.text}
        assert found == wanted, text
        assert said.says(f"{len(wanted)} failed invoice" if wanted else "No failed invoices"), text
    assert stage.slack.messages(FIN) == []


async def test_a_row_of_a_private_list_can_be_pressed(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(TOM, "failed")
    listing = (await stage.eventually(lambda: stage.private_saying(TOM, bill.number), "the list"))[0]
    await stage.press(TOM, RETRY, bill, listing)
    await stage.told(TOM, f"{bill.number}: Paid EUR 49.00")
    assert len(stage.charges(bill)) == 1


async def test_history_tells_every_decision_and_how_it_ended(stage: Stage) -> None:
    bill = stage.bill("insufficient_funds")
    await stage.command(TOM, f"history {bill.ref}")
    await stage.told(TOM, f"Nobody has decided anything about {bill.ref} here so far.")
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "Declined: ")

    await stage.command(TOM, f"history {bill.number}")

    told = await stage.told(TOM, "1 decision about")
    assert told.says(
        "Retry payment · EUR 49.00 · <@U0MAYA>", "Declined: insufficient funds (soft)", "provider request req_"
    )
    assert told.says("Step by step", "about to be sent to the provider", "declined by the bank")


async def test_status_tells_of_providers_digests_and_open_decisions(stage: Stage) -> None:
    bill = stage.bill("bank_debit")
    await stage.command(MAYA, f"retry {bill.ref}")
    await stage.told(MAYA, "Processing")
    await stage.command(TOM, "status")
    told = await stage.told(TOM, "Accounts")
    assert told.says("stripe (Stripe, test): works", "finance in <#C0FIN>: next", "Open decisions (1)", "Processing")
    await stage.disturb("unreachable")
    await stage.command(TOM, f"show {bill.ref}")
    await stage.told(TOM, "The invoice could not be read")
    await stage.command(TOM, "status")
    await stage.told(TOM, "stripe (Stripe, test): problem: The provider did not answer")


async def test_help_lists_only_what_the_person_may_do(stage: Stage) -> None:
    helps = {}
    for user in (MAYA, TOM, NADIA):
        answer = await stage.command(user, "help")
        helps[user] = read(answer.body["blocks"]).text
    assert "/invoice void stripe:in_1AbC" in helps[MAYA]
    assert "/invoice retry stripe:in_1AbC" in helps[TOM]
    assert "void" not in helps[TOM]
    assert "digest now" not in helps[TOM]
    assert helps[NADIA].startswith("You may not do anything here yet.")
    assert (await stage.command(MAYA, "")).body == (await stage.command(MAYA, "HELP ")).body


async def test_a_preview_of_the_digest_is_private(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(TOM, "digest preview")
    told = await stage.told(TOM, "1 failed invoice", bill.number)
    assert told.says("Preview: only you can see this")
    assert stage.slack.messages(FIN) == []


async def test_the_buttons_of_a_preview_work(stage: Stage) -> None:
    bill = stage.bill()
    await stage.command(TOM, "digest preview")
    told = await stage.told(TOM, "Preview")
    assert "nothing can be pressed" not in told.text
    preview = stage.private_saying(TOM, "Preview")[0]
    await stage.press(TOM, RETRY, bill, preview)
    await stage.told(TOM, f"{bill.number}: Paid EUR 49.00")


async def test_a_digest_says_what_it_could_not_read(stage: Stage) -> None:
    await stage.disturb("unreachable")
    digest = await stage.digest()
    assert read(digest.blocks).says("Missing: stripe: The provider did not answer", "in what could be read")


async def test_a_channel_without_a_digest_gets_one_of_everything(stage: Stage) -> None:
    bill = stage.bill()
    digest = await stage.digest(channel=SUP)
    await stage.press(TOM, RETRY, bill, digest)
    await stage.row_says(bill, digest, "Paid EUR 49.00")


async def test_a_quiet_day_is_one_line(stage: Stage) -> None:
    digest = await stage.digest()
    assert read(digest.blocks).text.startswith("No failed invoices in stripe (test mode).")
    assert len(digest.blocks) == 2


async def test_reading_what_does_not_exist_says_so(stage: Stage) -> None:
    for word in ("show", "link", "history"):
        await stage.command(TOM, f"{word} stripe:in_1{word}")
        await stage.told(TOM, f"I found no invoice “in_1{word}”")
