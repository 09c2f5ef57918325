"""A PostgreSQL that goes away at any moment: what was acknowledged is done, and nothing is charged twice."""

from __future__ import annotations

from tests import postgres
from tests.outage import database_rounds as rounds
from tests.outage.postgres_line import messages

QUERY = b"Q\x00\x00\x00\x0cSELECT 1"
STARTUP = b"\x00\x00\x00\x08\x00\x03\x00\x00"


def test_the_protocol_is_cut_into_its_messages_however_it_arrives() -> None:
    stream = STARTUP + QUERY + b"X\x00\x00\x00\x04"
    split = messages(from_client=True)
    cut = [message for byte in stream for message in split(bytes([byte]))]
    assert cut == [STARTUP, QUERY[:13], b"X\x00\x00\x00\x04"]
    split = messages(from_client=False)
    assert list(split(QUERY + b"Z\x00\x00\x00\x05I")) == [QUERY, b"Z\x00\x00\x00\x05I"]


async def test_a_press_whose_database_is_lost_at_some_messages_of_its_life_charges_once() -> None:
    most = await rounds.messages_of_a_press(postgres.fresh_database())
    assert most > 100, most
    verdict = await rounds.reset_at_messages([most // 4, most // 2])
    assert verdict.violations == []
    assert verdict.charges == 2


async def test_a_line_that_blinks_while_people_press_loses_nothing() -> None:
    verdict = await rounds.blinking(1, seed=5)
    assert verdict.violations == []
