from __future__ import annotations

import pytest

from bot.domain.action import Action
from bot.providers.registry import facts_of, slugs
from tests.providers.benches import BENCHES, Bench


@pytest.fixture(params=slugs())
def bench(request: pytest.FixtureRequest) -> Bench:
    return BENCHES[request.param]()


@pytest.fixture(params=[slug for slug in slugs() if Action.RETRY in facts_of(slug).capabilities])
def charger(request: pytest.FixtureRequest) -> Bench:
    """A provider that can retry."""
    return BENCHES[request.param]()
