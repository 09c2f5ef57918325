"""The same page for three providers: each in its own words, and what cannot be asked of one is not offered there."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.desk import Desk

CUT = "Takes the retry, then the connection is cut"


def asked_for(desk: Desk, magic: str) -> str:
    """An invoice at LAC, added and asked for by pressing alone; answers its id."""
    desk.sheet("Customers")
    desk.choose("LAC")
    desk.page.get_by_role("button", name=f"Add an invoice for {magic} at LAC").click()
    suggested = desk.page.locator("#panel-said button")
    invoice = suggested.inner_text().rpartition(":")[2]
    suggested.click()
    desk.page.keyboard.press("Enter")
    expect(desk.row(invoice)).to_be_visible()
    return invoice


def switches_on(desk: Desk) -> Locator:
    return desk.page.locator("#faults [role=switch]:checked")


def test_a_retry_at_lago_is_one_request_without_a_key_and_the_panel_says_why_that_is_safe(desk: Desk) -> None:
    number = desk.shown(desk.invoice(provider="lago"))
    desk.button(number, "Retry payment").click()
    expect(desk.row(number)).to_contain_text("Paid")
    expect(desk.verdict).to_contain_text("Charged once: EUR 420.00")
    expect(desk.verdict).to_contain_text("From Lago's own books")
    expect(desk.page.get_by_label("Invoice", exact=True).locator("option:checked")).to_contain_text(f"Lago · {number}")
    expect(desk.requests()).to_have_count(1)
    expect(desk.requests()).to_contain_text("/retry_payment")
    expect(desk.page.locator("#safety")).to_contain_text("Lago takes no key")
    expect(desk.page.locator("#safety")).not_to_contain_text("recoup-")


def test_when_lagos_answer_is_lost_recoup_looks_and_does_not_ask_twice(desk: Desk) -> None:
    number = desk.shown(desk.invoice(provider="lago"))
    desk.sheet("Break it")
    desk.choose("Lago")
    desk.switch(CUT)
    expect(desk.page.locator("#faults .mark")).to_have_count(1)
    desk.button(number, "Retry payment").click()
    expect(desk.row(number)).to_contain_text("Paid")
    desk.sheet("Why this is safe")
    expect(desk.requests()).to_have_count(1)
    expect(desk.requests()).to_contain_text("lost")
    expect(desk.verdict).to_contain_text("Charged once: EUR 420.00")


def test_each_provider_has_its_own_switches_and_one_button_resets_them_all(desk: Desk) -> None:
    desk.sheet("Break it")
    for provider, own, foreign in (
        ("Stripe", "Forgets idempotency keys", "Has no premium licence"),
        ("Lago", "Has no premium licence", "Forgets idempotency keys"),
        ("LAC", "Takes only 2 requests a second", "Charges, then never answers"),
    ):
        desk.choose(provider)
        expect(desk.page.get_by_role("switch", name=foreign, exact=True)).to_have_count(0)
        desk.switch(own)
        expect(switches_on(desk)).to_have_count(1)
    expect(desk.page.locator("#faults .mark")).to_have_count(3)
    desk.page.get_by_role("button", name="Everything works again").click()
    expect(desk.page.locator("#faults .mark")).to_have_count(0)
    for provider in ("Stripe", "Lago", "LAC"):
        desk.choose(provider)
        expect(switches_on(desk)).to_have_count(0)


def test_a_send_at_lac_asks_first_and_its_pdf_comes_as_a_file(desk: Desk, tmp_path: Path) -> None:
    invoice = asked_for(desk, "delivered")
    desk.button(invoice, "Resend invoice").click()
    expect(desk.dialog).to_contain_text("Send again?")
    expect(desk.dialog).to_contain_text("the real customer")
    desk.dialog.get_by_role("button", name="Send again").click()
    expect(desk.row(invoice)).to_contain_text("Delivery requested")
    desk.sheet("Why this is safe")
    expect(desk.verdict).to_contain_text("Deliveries: 1")
    expect(desk.requests()).to_have_count(1)
    expect(desk.page.locator("#safety")).to_contain_text("never sends twice by itself")
    desk.button(invoice, "PDF").click()
    direct = desk.page.get_by_role("button", name="recoup new")
    direct.click()
    with desk.page.expect_download() as download:
        desk.stream.get_by_role("link", name=f"{invoice}.pdf").click()
    download.value.save_as(tmp_path / "saved.pdf")
    assert (tmp_path / "saved.pdf").read_bytes().startswith(b"%PDF-")


def test_what_happens_without_recoup_is_what_can_happen_at_that_provider(desk: Desk) -> None:
    invoice = asked_for(desk, "queued")
    desk.sheet("Customers")
    desk.page.locator("summary", has_text="Invoices at LAC").click()
    happens = desk.page.get_by_label(f"Happens to {invoice}")
    expect(happens.locator("option")).to_have_text(
        ["…", "What is queued is delivered", "A colleague sends it in the portal"]
    )
    row = desk.page.locator(".invoices tr", has_text=invoice)
    expect(row).to_contain_text("send failed")
    happens.select_option("send_elsewhere")
    expect(row.locator(".num")).to_contain_text("sent")
