"""What people do in the sandbox, and what they see then."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.desk import Desk


def test_the_digest_is_there_when_the_page_opens(desk: Desk) -> None:
    expect(desk.page.get_by_text("This is not Slack, and no money moves.")).to_be_visible()
    expect(desk.stream.get_by_role("heading", name="failed invoices")).to_be_visible()
    expect(desk.row("DEMO-1020")).to_contain_text("Sorano Design Office")


def test_a_retry_ends_in_the_row_and_the_panel_shows_one_charge_and_the_journal(desk: Desk) -> None:
    desk.button("DEMO-1020", "Retry payment").click()
    expect(desk.row("DEMO-1020")).to_contain_text("Paid")
    expect(desk.verdict).to_contain_text("Charged once: JPY 154,000")
    expect(desk.requests()).to_have_count(1)
    expect(desk.requests()).to_contain_text("/pay")
    expect(desk.requests()).to_contain_text("key recoup-")
    expect(desk.page.locator("#safety")).not_to_contain_text("sk_test")
    for step in (
        "Maya: Retry payment",
        "Decision written down",
        "Slack got its answer",
        "About to be sent",
        "Told in Slack",
    ):
        expect(desk.steps.filter(has_text=step).first).to_be_visible()
    written = desk.steps.all_inner_texts()
    first = {
        word: next(at for at, text in enumerate(written) if word in text) for word in ("written down", "About to", "Done")
    }
    assert first["written down"] < first["About to"] < first["Done"]


def test_the_same_press_twice_is_one_request(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    desk.button(number, "Retry payment").dblclick()
    expect(desk.row(number)).to_contain_text("Paid")
    expect(desk.verdict).to_contain_text("Charged once: EUR 420.00")
    expect(desk.requests()).to_have_count(1)


def test_a_risky_retry_asks_first_and_cancel_sends_nothing(desk: Desk) -> None:
    desk.button("DEMO-1007", "Retry payment").click()
    expect(desk.dialog).to_contain_text("Retry payment?")
    desk.dialog.get_by_role("button", name="Cancel").click()
    expect(desk.dialog).to_be_hidden()
    expect(desk.row("DEMO-1007")).not_to_contain_text("@Maya")
    desk.button("DEMO-1007", "Retry payment").click()
    desk.dialog.get_by_role("button", name="Retry payment").click()
    expect(desk.row("DEMO-1007")).to_contain_text("the customer must confirm")


def test_voiding_needs_a_reason_and_says_so_under_the_field(desk: Desk) -> None:
    desk.more("DEMO-1002", "Void invoice")
    expect(desk.dialog).to_contain_text("DEMO-1002")
    submit = desk.dialog.get_by_role("button", name="Void", exact=False).last
    submit.click()
    expect(desk.dialog.get_by_role("alert")).to_contain_text("Please complete this required field.")
    desk.dialog.get_by_label("Reason").select_option(index=1)
    submit.click()
    expect(desk.dialog).to_be_hidden()
    expect(desk.row("DEMO-1002")).to_contain_text("oided")
    expect(desk.requests()).to_contain_text("/void")
    expect(desk.verdict).to_contain_text("Nothing was charged.")


def test_toms_big_retry_is_refused_where_only_tom_sees_it(desk: Desk) -> None:
    desk.act_as("Tom")
    desk.button("DEMO-1010", "Retry payment").click()
    private = desk.stream.locator(".ephemeral")
    expect(private.last).to_contain_text("Only visible to you")
    expect(private.last).to_contain_text("500")
    expect(desk.requests()).to_have_count(0)
    desk.act_as("Maya")
    expect(desk.row("DEMO-1010")).to_be_visible()
    expect(private.filter(has_text="500")).to_have_count(0)


def test_a_typed_command_is_answered_privately(desk: Desk) -> None:
    number = desk.shown(desk.invoice(name="Orchard Lane Books"))
    expect(desk.stream.locator(".ephemeral").last).to_contain_text("Orchard Lane Books")
    expect(desk.page.get_by_label("Invoice", exact=True)).to_contain_text(number)


def test_a_lost_answer_is_told_as_a_doubt_then_settled_with_one_charge(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    desk.sheet("Break it")
    desk.switch("Charges, then the connection is cut")
    desk.button(number, "Retry payment").click()
    desk.sheet("Why this is safe")
    expect(desk.verdict).to_contain_text("Charged once: EUR 420.00")
    desk.sheet("Break it")
    desk.switch("Answers every request with a server error")
    expect(desk.row(number)).to_contain_text("may have")
    desk.page.get_by_role("button", name="Everything works again").click()
    expect(desk.page.locator("#faults [role=switch]:checked")).to_have_count(0)
    desk.button(number, "Check again").click()
    expect(desk.row(number)).to_contain_text("Paid")
    desk.sheet("Why this is safe")
    expect(desk.requests()).to_have_count(1)
    expect(desk.verdict).to_contain_text("Charged once: EUR 420.00")
    expect(desk.steps.filter(has_text="The answer is missing").first).to_be_visible()


def test_another_invoice_can_be_looked_at_again(desk: Desk) -> None:
    first, second = desk.shown(desk.invoice()), desk.shown(desk.invoice())
    about = desk.page.get_by_label("Invoice", exact=True)
    expect(about.locator("option:checked")).to_contain_text(second)
    about.focus()
    about.select_option(label=f"Stripe · {first} · Fjord & Field")
    expect(desk.steps.first).to_contain_text(f"/invoice show {first}")
    expect(about).to_be_focused()


def test_a_large_write_off_waits_for_nadia_and_mayas_own_approval_does_not_count(desk: Desk) -> None:
    number = desk.shown(desk.invoice(amount=684_000))
    desk.more(number, "Mark uncollectible")
    desk.dialog.get_by_label("Reason").select_option(index=1)
    desk.dialog.get_by_role("button", name="Mark uncollectible").click()
    question = desk.stream.locator("article", has_text="asked by @Maya").filter(has_text=number).last
    expect(question).to_contain_text("Approval needed: Mark uncollectible")
    expect(question).to_contain_text("EUR 6,840.00")
    desk.answer(question, "Approve")
    expect(desk.stream.locator(".ephemeral").last).to_contain_text(
        "You asked for this, so somebody else has to agree to it"
    )
    expect(desk.requests()).to_have_count(0)
    desk.act_as("Nadia")
    desk.answer(question, "Approve")
    expect(question).to_contain_text("Marked uncollectible: EUR 6,840.00")
    expect(question.get_by_role("button")).to_have_count(0)
    expect(desk.requests()).to_have_count(1)
    for step in ("A second person was asked", "Nadia: Approve", "Approved", "Decision written down: uncollectible", "Done"):
        expect(desk.steps.filter(has_text=step).first).to_be_visible()
    desk.act_as("Maya")
    direct = desk.page.locator("#directs button").first
    expect(direct).to_contain_text("new")
    direct.click()
    expect(desk.stream).to_contain_text("was approved by @Nadia")
    expect(direct).not_to_contain_text("new")
    desk.page.locator("#channels button").first.click()
