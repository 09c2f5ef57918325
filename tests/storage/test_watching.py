"""The watch list: said twice it is there once, and every change is on record."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.digest import Watched
from bot.domain.invoice import InvoiceRef
from bot.storage.engine import Storage
from tests.storage.builders import ANA, NOW, REF, TOM

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER = InvoiceRef("lac", "DE-1")


async def test_watching_twice_watches_once_for_the_first_who_asked(storage: Storage, replica: Storage) -> None:
    answers = await asyncio.gather(storage.watchlist.watch(REF, ANA.user, NOW), replica.watchlist.watch(REF, ANA.user, NOW))
    assert sorted(answers) == [False, True]
    assert await storage.watchlist.watch(REF, TOM.user, NOW) is False
    assert await replica.watchlist.watched(["stripe"]) == [Watched(REF, ANA.user, NOW)]


async def test_only_the_accounts_asked_for_are_listed_oldest_first(storage: Storage) -> None:
    await storage.watchlist.watch(REF, ANA.user, NOW)
    await storage.watchlist.watch(OTHER, ANA.user, NOW - timedelta(days=1))
    assert [one.ref for one in await storage.watchlist.watched(["stripe", "lac"])] == [OTHER, REF]
    assert [one.ref for one in await storage.watchlist.watched(["lac"])] == [OTHER]
    assert await storage.watchlist.watched([]) == []


async def test_what_is_let_go_is_gone_and_both_changes_are_on_record(storage: Storage) -> None:
    await storage.watchlist.watch(REF, ANA.user, NOW)
    assert await storage.watchlist.unwatch(REF, TOM.user, NOW) is True
    assert await storage.watchlist.unwatch(REF, TOM.user, NOW) is False
    assert await storage.watchlist.watched(["stripe"]) == []
    _, events = await storage.journal.history(REF)
    assert [(event.kind, event.actor) for event in events] == [("watch.begun", ANA.user), ("watch.ended", TOM.user)]
