"""Every provider that is registered, as accounts of one team: one digest, one vocabulary, and each with its own limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.action import Action
from bot.domain.invoice import CollectionMethod
from bot.providers.registry import facts_of, slugs
from bot.sandbox.world import World
from tests.scenarios.reading import read
from tests.scenarios.stage import MAYA, UNCOLLECTIBLE, Bill, Fakes, House, Stage, opened
from tests.scenarios.test_lost_answers import NEVER

LISTED = [slug for slug in slugs() if facts_of(slug).has_list]
CHARGING = [slug for slug in slugs() if Action.RETRY in facts_of(slug).capabilities]
AMOUNTS = {slug: 4_900 + 1_000 * number for number, slug in enumerate(slugs())}
"""Cents of a euro."""


def _others(now: Callable[[], float]) -> Fakes:
    return tuple(fake for slug, fake in World(now=now).providers.items() if slug != "stripe")


@pytest.fixture
async def every(database: Path, house: House) -> AsyncIterator[Stage]:
    async with opened(database, house, beside=_others) as running:
        yield running


def fake(stage: Stage, slug: str) -> Any:
    """Each fake has the same few words for its books, and more of its own."""
    return stage.world.providers[slug]


def bill(stage: Stage, slug: str, **wish: Any) -> str:
    """An invoice that failed; its reference."""
    books = fake(stage, slug).books if slug == "lac" else fake(stage, slug)
    euros = {"currency": "EUR"} if slug != "lac" else {}
    asked: dict[str, Any] = {"name": f"{slug.title()} & Sons", "amount": AMOUNTS[slug], **euros, **wish}
    return f"{slug}:{books.add_invoice(**asked)}"


def amount(slug: str) -> str:
    return f"EUR {AMOUNTS[slug] // 100}.00"


def collected(stage: Stage, ref: str) -> int:
    slug, _, invoice = ref.partition(":")
    return int(fake(stage, slug).collected(invoice))


async def test_all_stand_in_one_digest_each_with_its_account_amount_and_mode(every: Stage) -> None:
    for slug in LISTED:
        bill(every, slug)
    watched = [bill(every, slug) for slug in slugs() if slug not in LISTED]
    for ref in watched:
        await every.command(MAYA, f"watch {ref}")
        await every.told(MAYA, "is watched now")

    digest = await every.digest()

    said = read(digest.blocks)
    total = sum(AMOUNTS[slug] for slug in LISTED)
    assert said.says(f"{len(LISTED)} failed invoices", f"EUR {total // 100:,}.00 ({len(LISTED)})")
    for slug in LISTED:
        assert said.says(f"{slug.title()} & Sons", f"{amount(slug)} · TEST · {slug}"), slug
    assert said.says("Missing: lac: it has no list", "Watched: 1 invoice")


async def test_one_down_one_limited_and_one_with_a_thousand_are_each_told_exactly(every: Stage) -> None:
    down, limited, *others = LISTED
    refs = {slug: bill(every, slug) for slug in (down, limited, *others[1:])}
    for number in range(1_000):
        bill(every, others[0], amount=100 + number % 7)
    await every.disturb("unreachable", provider=down)
    await every.disturb("everything", provider=limited, what="429")

    digest = await every.digest()

    said = read(digest.blocks)
    assert said.says(f"{999 + len(others)} failed invoices", f"Missing: {down}:", f"Missing: {limited}:")
    assert f"{limited.title()} & Sons" not in said.text
    assert f"{down.title()} & Sons" not in said.text
    assert set(refs) == set(slugs()) - {others[0], "lac"}


@pytest.mark.parametrize("slug", CHARGING)
async def test_a_retry_is_paid_once_wherever_it_is(every: Stage, slug: str) -> None:
    ref = bill(every, slug)
    await every.command(MAYA, f"retry {ref}")
    await every.told(MAYA, f"Paid {amount(slug)}", within=60.0)
    await every.command(MAYA, f"retry {ref}")
    await every.settled()
    assert collected(every, ref) == AMOUNTS[slug]


@pytest.mark.parametrize("slug", CHARGING)
@pytest.mark.parametrize("how", ["reset", "500", "html"])
async def test_a_retry_whose_answer_is_lost_ends_as_paid_and_is_never_called_a_failure(
    every: Stage, slug: str, how: str
) -> None:
    ref = bill(every, slug)
    await every.disturb("after_effect", provider=slug, what=how, times=1)
    await every.command(MAYA, f"retry {ref}")
    await every.eventually(lambda: collected(every, ref) or None, "the charge", within=60.0)
    await every.settled()
    await every.command(MAYA, f"show {ref}")
    await every.told(MAYA, "Paid", within=60.0)
    assert collected(every, ref) == AMOUNTS[slug]
    assert not any(word in every.everything() for word in NEVER)


@pytest.mark.parametrize("slug", [slug for slug in slugs() if slug not in CHARGING])
async def test_where_there_is_no_retry_the_reason_and_the_next_best_thing_are_told(every: Stage, slug: str) -> None:
    ref = bill(every, slug)
    await every.command(MAYA, f"retry {ref}")
    await every.told(MAYA, facts_of(slug).instead[Action.RETRY].rstrip("."))
    if slug != "lac":
        assert collected(every, ref) == 0


@pytest.mark.parametrize("slug", [slug for slug in slugs() if Action.UNCOLLECTIBLE in facts_of(slug).capabilities])
async def test_what_is_written_off_is_never_told_as_paid(every: Stage, slug: str) -> None:
    is_manual = CollectionMethod.AUTOMATIC not in facts_of(slug).capabilities[Action.UNCOLLECTIBLE].collection
    ref = bill(every, slug, **({"mode": "manual"} if is_manual else {}))
    digest = await every.digest()
    row = Bill(ref.partition(":")[2], f"{slug.title()} & Sons")
    (label,) = [label for label in every.row(row, digest).labels if label.startswith(UNCOLLECTIBLE)]
    await every.press(MAYA, label, row, digest)
    await every.eventually(lambda: every.slack.view_of(MAYA), "the dialog")
    await every.slack.submit(MAYA, {"reason_choice": {"invoice.reason_choice": "attempts_failed"}})
    await every.row_says(row, digest, "Marked uncollectible", within=60.0)
    await every.command(MAYA, f"show {ref}")
    card = await every.told(MAYA, ref, "Status")
    status = card.text.partition("Status\n")[2].partition("\n")[0]
    assert "paid" not in status
    assert collected(every, ref) == 0
    assert not any("Paid" in version for version in every.versions(row))


async def test_a_bare_id_is_found_wherever_it_is(every: Stage) -> None:
    for slug in LISTED:
        ref = bill(every, slug)
        await every.command(MAYA, f"show {ref.partition(':')[2]}")
        await every.told(MAYA, f"{slug.title()} & Sons", amount(slug))
