"""The page by keyboard, by screen reader, on a phone, and in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk

SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FOCUSED = "document.activeElement"
NAMELESS = """[...document.querySelectorAll('button, select, input, textarea')]
  .filter((one) => one.offsetParent && !one.ariaLabel && !one.innerText?.trim() && !one.labels?.length)
  .map((one) => one.outerHTML)"""
FAINT = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const part = c[i] / 255;
    return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  }, 0);
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3]) layers.push(color);
      if (color[3] === 255) break;
    }
    const blend = (under, over) => under.map((part, i) => part + (over[i] - part) * over[3] / 255);
    return layers.reverse().reduce(blend, [255, 255, 255]);
  };
  const own = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  return [...document.body.querySelectorAll('*')]
    .filter((node) => own(node) && node.offsetParent && !node.closest('.hidden, .skip, option, noscript'))
    .map((node) => {
      const [a, b] = [light(rgba(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), `${node.tagName}.${node.className}: ${node.textContent.slice(0, 40)}`];
    })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, what]) => `${ratio.toFixed(2)} ${what}`);
}"""


def tab_to(desk: Desk, number: str, label: str) -> None:
    """By Tab alone, from the command box backwards: the newest message is right above it."""
    desk.page.get_by_label("Command or message").focus()
    for _ in range(60):
        desk.page.keyboard.press("Shift+Tab")
        focused = desk.page.evaluate(f"[{FOCUSED}.innerText, {FOCUSED}.closest('[data-about]')?.dataset.about ?? '']")
        if focused[0] == label and number in focused[1]:
            return
    raise AssertionError(f"{label} of {number} was not reached by Tab")


def test_retry_is_reached_by_tab_and_pressed_by_enter(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    tab_to(desk, number, "Retry payment")
    assert desk.page.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle") == "solid"
    desk.page.keyboard.press("Enter")
    expect(desk.row(number)).to_contain_text("Paid")
    assert number in desk.page.evaluate(f"{FOCUSED}.closest('[data-about]')?.dataset.about ?? ''")


def test_the_menu_works_by_arrow_keys_and_escape_gives_the_focus_back(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    tab_to(desk, number, "⋯")
    desk.page.keyboard.press("ArrowDown")
    entries = desk.page.get_by_role("menuitem")
    expect(entries.first).to_be_focused()
    desk.page.keyboard.press("End")
    expect(entries.last).to_be_focused()
    desk.page.keyboard.press("ArrowDown")
    expect(entries.first).to_be_focused()
    desk.page.keyboard.press("Escape")
    expect(entries).to_have_count(0)
    assert desk.page.evaluate(f"{FOCUSED}.innerText") == "⋯"


def test_a_dialog_holds_the_focus_closes_by_escape_and_gives_it_back(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    desk.more(number, "Void invoice")
    expect(desk.dialog.get_by_label("Reason")).to_be_focused()
    for key in ["Tab"] * 7 + ["Shift+Tab"] * 7:
        desk.page.keyboard.press(key)
        assert desk.page.evaluate(f"Boolean({FOCUSED}.closest('dialog'))")
    desk.escape()
    assert number in desk.page.evaluate(f"{FOCUSED}.ariaLabel ?? ''")


def test_escape_answers_a_question_with_no(desk: Desk) -> None:
    number = desk.shown(desk.invoice("needs_authentication"))
    desk.button(number, "Retry payment").press("Enter")
    expect(desk.dialog).to_contain_text("Retry payment?")
    desk.escape()
    expect(desk.button(number, "Retry payment")).to_be_focused()
    expect(desk.row(number)).not_to_contain_text("@Maya")


def test_the_tabs_of_the_panel_work_by_arrow_keys(desk: Desk) -> None:
    desk.page.get_by_role("tab", name="Why this is safe").focus()
    desk.page.keyboard.press("ArrowRight")
    expect(desk.page.get_by_role("tab", name="Break it")).to_be_focused()
    expect(desk.page.get_by_role("tabpanel", name="Break it")).to_be_visible()
    desk.page.keyboard.press("ArrowLeft")
    expect(desk.page.get_by_role("tabpanel", name="Why this is safe")).to_be_visible()


def test_new_messages_are_read_out_once(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    expect(desk.page.locator("#announce")).to_contain_text(number)
    expect(desk.page.locator("#announce")).to_contain_text("Only visible to you.")


def test_every_control_has_a_name_and_buttons_say_which_invoice_they_belong_to(desk: Desk) -> None:
    number = desk.shown(desk.invoice())
    desk.more(number, "Void invoice")
    assert desk.page.evaluate(NAMELESS) == []
    desk.escape()
    for sheet in ("Why this is safe", "Break it", "Customers"):
        desk.sheet(sheet)
        assert desk.page.evaluate(NAMELESS) == []
    names = desk.buttons(number).locator("button:not([role])").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert names
    assert all(number in name for name in names)


@pytest.mark.parametrize("width", [390, 1280, 1680])
def test_nothing_has_to_be_scrolled_sideways(desk: Desk, width: int) -> None:
    desk.page.set_viewport_size({"width": width, "height": 844})
    assert desk.page.evaluate(SIDEWAYS) is False
    toggle = desk.page.locator("#panel-toggle")
    if toggle.is_visible():
        toggle.click()
    for sheet in ("Break it", "Customers", "Why this is safe"):
        desk.sheet(sheet)
        assert desk.page.evaluate(SIDEWAYS) is False
        assert desk.page.evaluate(
            "[...document.querySelectorAll('.sheet')].every((one) => one.scrollWidth <= one.clientWidth)"
        )


def test_on_a_phone_a_menu_stays_on_the_screen(desk: Desk) -> None:
    desk.page.set_viewport_size({"width": 390, "height": 844})
    number = desk.shown(desk.invoice())
    desk.buttons(number).locator(".more").click()
    shape = desk.page.get_by_role("menu").bounding_box()
    assert shape is not None
    assert shape["x"] >= 0
    assert shape["x"] + shape["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(desk: Desk, scheme: str) -> None:
    desk.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    number = desk.shown(desk.invoice("insufficient_funds"))
    desk.button(number, "Retry payment").click()
    expect(desk.verdict).to_contain_text("nothing was charged")
    for sheet in ("Break it", "Customers", "Why this is safe"):
        desk.sheet(sheet)
        assert desk.page.evaluate(FAINT) == []
    desk.more(number, "Void invoice")
    assert desk.page.evaluate(FAINT) == []
    desk.escape()
