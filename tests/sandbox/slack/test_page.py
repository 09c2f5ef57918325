"""The page is whole, asks nothing of other hosts, and never turns data into markup."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_control import PAGE
from bot.sandbox.world import World

FILES = sorted(PAGE.iterdir())
MARKUP_SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function|srcdoc"
)
ELSEWHERE = re.compile(r"""(?:src|href|import|from|url|fetch)\b[\s=(]*["'`](?:https?:)?//""")
UNSEEN = {"seed_demo"}
"""Controls for those who start the sandbox."""


@pytest.fixture
async def page() -> AsyncIterator[aiohttp.ClientSession]:
    slack = LocalSlack()
    await slack.start()
    async with aiohttp.ClientSession(base_url=slack.page_url) as session:
        yield session
    await slack.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_of_the_page_makes_markup_of_data_or_asks_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert MARKUP_SINKS.search(text) is None
    assert ELSEWHERE.search(text) is None


def test_no_style_or_script_is_inline_for_the_policy_forbids_it() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", html) is None


async def test_everything_the_page_refers_to_is_served(page: aiohttp.ClientSession) -> None:
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    wanted = {found for text in texts for found in re.findall(r"""["'](/page/[\w.]+)["']""", text)}
    assert len(wanted) >= len(FILES) - 1  # all but index.html
    statuses = {path: (await page.get(path)).status for path in sorted(wanted)}
    assert set(statuses.values()) == {200}


async def test_the_page_says_first_that_it_is_not_slack(page: aiohttp.ClientSession) -> None:
    html = await (await page.get("/")).text()
    assert html.index("This is not Slack") < html.index("<nav")


@pytest.mark.parametrize("slug", World().providers)
def test_every_provider_has_its_own_words_on_the_page(slug: str) -> None:
    assert f"\n  {slug}: {{" in (PAGE / "providers.js").read_text(encoding="utf-8")


def test_everything_that_can_be_made_to_happen_at_a_provider_is_offered_on_the_page() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES if path.suffix == ".js")
    offered = set(re.findall(r"""["'](\w+)["']|\b(\w+): ["']""", text))
    words = {word for pair in offered for word in pair}
    controls = {name for one in World().providers.values() for name in one.snapshot()["controls"]}
    assert controls - UNSEEN - words == set()
