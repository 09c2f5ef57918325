"""`make pictures`: plays a few steps in a fresh sandbox and writes docs/*.png."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser import driver
from tests.browser.desk import Desk

DOCS = driver.ROOT / "docs"
WIDE = (1440, 900)
WISH = {
    "number": "INV-2041",
    "name": "Fjord & Field GmbH",
    "amount": 684000,
    "currency": "eur",
    "decline": "insufficient_funds",
    "magic": "paid",
}
"""On top of the demo's invoices: the largest, declined softly, with a card that works now."""


def main() -> None:
    with driver.sandbox() as url, driver.browser() as browser:
        driver.control(url, "add_invoice", **WISH)
        page = browser.new_page(locale="en-GB", timezone_id="Europe/Berlin", device_scale_factor=1)
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        desk = Desk(page, url)
        page.goto(url)
        desk.type("/invoice digest now")
        expect(desk.row("INV-2041")).to_be_visible()
        _take(desk)


def _take(desk: Desk) -> None:
    page = desk.page
    _calm(page)
    _top(desk)
    _save(desk.stream, "digest.png")
    desk.button("INV-2041", "Retry payment").click()
    expect(desk.row("INV-2041")).to_contain_text("Paid")
    expect(desk.verdict).to_contain_text("Charged once")
    expect(desk.steps.filter(has_text="Told in Slack").last).to_be_visible()
    _calm(page)
    _top(desk)
    _save(page, "sandbox.png")
    page.set_viewport_size({"width": 980, "height": 680})
    desk.more("DEMO-1002", "Void invoice")
    desk.dialog.get_by_label("Reason").select_option(index=1)
    _save(page, "dialog.png")
    desk.escape()
    page.set_viewport_size({"width": 390, "height": 844})
    _top(desk)
    _calm(page)
    _save(page, "narrow.png")


def _top(desk: Desk) -> None:
    """The digest from its first line."""
    article = desk.stream.locator("article", has_text="failed invoices").last
    article.evaluate("(one) => { one.parentElement.scrollTop = one.offsetTop - one.parentElement.offsetTop; }")


def _calm(page: Page) -> None:
    """No focus ring, no pointer above a button."""
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur()")


def _save(what: Page | Locator, name: str) -> None:
    path: Path = DOCS / name
    what.screenshot(path=path, animations="disabled")
    print(f"docs/{name}: {path.stat().st_size // 1024} kB")  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
