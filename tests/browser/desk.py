"""Somebody at the sandbox's page: what they see and do, in their words."""

from __future__ import annotations

from itertools import count, product
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request, expect

from tests.browser import driver

expect.set_options(timeout=15_000)
_NUMBERS = count(1)


class Desk:
    """One browser window. `complaints` are errors on the page's console, `asked` every address it requested."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", self._fail)
        page.on("request", self._ask)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)

    def _fail(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _ask(self, request: Request) -> None:
        self.asked.append(request.url)

    # what is on the screen

    @property
    def stream(self) -> Locator:
        return self.page.locator("#stream")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def row(self, number: str) -> Locator:
        """The text of an invoice in the newest message that shows it."""
        return self.stream.locator(f'.section[data-about*="{number}"]').last

    def buttons(self, number: str) -> Locator:
        """The line of buttons right below that text."""
        return self.stream.locator(f'.actions[data-about*="{number}"]').last

    def button(self, number: str, label: str) -> Locator:
        return self.buttons(number).get_by_text(label, exact=True)

    @property
    def verdict(self) -> Locator:
        return self.page.locator("#verdict")

    def requests(self, kind: str = ".write") -> Locator:
        """What the provider received: `.write` acts, `.read` only reads."""
        return self.page.locator(f".exchanges li{kind}")

    @property
    def steps(self) -> Locator:
        return self.page.locator(".steps li")

    # what is done

    def act_as(self, name: str) -> None:
        self.page.locator(".person", has_text=name).click()
        expect(self.page.locator("#may")).to_contain_text(f"{name} may")

    def type(self, text: str) -> None:
        box = self.page.get_by_label("Command or message")
        box.fill(text)
        box.press("Enter")

    def sheet(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def choose(self, provider: str) -> None:
        """In the sheet that is open."""
        self.page.locator(".sheet:visible .providers label", has_text=provider).click()

    def switch(self, label: str) -> None:
        self.page.get_by_role("switch", name=label, exact=True).first.click()

    def more(self, number: str, choice: str) -> None:
        self.buttons(number).locator(".more").click()
        self.page.get_by_role("menuitem", name=choice).click()
        expect(self.dialog).to_be_visible()

    def answer(self, question: Locator, label: str) -> None:
        """Press it and say yes to "are you sure"."""
        question.get_by_text(label, exact=True).click()
        self.dialog.get_by_role("button", name=label).click()
        expect(self.dialog).to_be_hidden()

    def escape(self) -> None:
        self.page.keyboard.press("Escape")
        expect(self.dialog).to_be_hidden()

    def invoice(self, magic: str = "paid", **wish: Any) -> str:
        """A failed invoice of EUR 420.00; answers its number."""
        number = f"BROWSE-{next(_NUMBERS)}"
        whole = {"number": number, "name": "Fjord & Field", "amount": 42000, "currency": "eur", "magic": magic, **wish}
        driver.control(self.url, "add_invoice", **whole)
        return number

    def shown(self, number: str) -> str:
        """The invoice's card, asked for by a command."""
        self.type(f"/invoice show {number}")
        expect(self.row(number)).to_be_visible()
        return number

    def leave(self) -> None:
        """Everything works again, and the window is as it was, for whoever comes next."""
        for provider, control in product(("stripe", "lago", "lac"), ("everything", "after_effect")):
            driver.control(self.url, control, provider=provider)
        if self.dialog.is_visible():
            self.escape()
        self.page.evaluate("localStorage.clear()")
        for event, listener in (("console", self._hear), ("pageerror", self._fail), ("request", self._ask)):
            self.page.remove_listener(event, listener)
