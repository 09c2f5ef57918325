from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import driver
from tests.browser.desk import Desk


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only who asks for these tests gets them: a plain run of all tests needs no Chromium, and Playwright's
    loop, which runs all the time, would be in the way of tests that start their own."""
    asked = any("browser" in argument for argument in config.args)
    return None if asked or collection_path.is_dir() else True


@pytest.fixture(scope="session")
def page_url() -> Iterator[str]:
    with driver.sandbox() as url:
        yield url


@pytest.fixture(scope="session")
def window() -> Iterator[Page]:
    """One window for all tests: opening another takes longer than most of them."""
    with driver.browser() as browser:
        context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")
        context.set_default_timeout(10_000)
        yield context.new_page()


@pytest.fixture
def desk(window: Page, page_url: str) -> Iterator[Desk]:
    """Maya at her desk. What goes wrong on the page itself fails the test that was running."""
    window.set_viewport_size({"width": 1280, "height": 900})
    window.emulate_media(color_scheme="light")
    at_desk = Desk(window, page_url)
    window.goto(page_url)
    at_desk.stream.locator("article").first.wait_for()
    yield at_desk
    at_desk.leave()
    assert at_desk.complaints == []
    assert [url for url in at_desk.asked if not url.startswith(page_url)] == []
