"""What the audit trail is told: each event whole by itself, and nothing about a customer but ids."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.action import Action, ActionState
from bot.domain.digest import DigestKey
from bot.domain.offer import Decision
from bot.domain.records import HistoryEntry
from bot.storage.engine import Storage
from tests.storage.builders import (
    ANA,
    CHANNEL,
    INVOICE,
    LEASE,
    NOW,
    PAID,
    REF,
    TYPED,
    a_claim,
    a_drawn_offer,
    a_press,
    a_step,
    an_accepted,
    an_offer,
    begun,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _entries(storage: Storage) -> list[HistoryEntry]:
    _, entries = await storage.journal.history(REF)
    return entries


async def test_every_event_of_a_decision_says_who_decided_what_about_how_much(storage: Storage) -> None:
    await an_accepted(storage)
    claim = await begun(storage, await a_claim(storage))
    await storage.journal.record(claim, a_step(ActionState.SUCCEEDED, PAID))
    entries = await _entries(storage)
    assert [entry.kind for entry in entries] == ["action.accepted", "attempt.begun", "action.succeeded"]
    for entry in entries:
        whole = {"kind": "retry", "actor": ANA.user, "amount": "EUR 420.00", "ref": str(REF)}
        assert entry.facts.items() >= whole.items()


async def test_an_ending_stands_with_the_invoice_before_and_after_the_key_and_the_provider_s_request(
    storage: Storage,
) -> None:
    accepted = await an_accepted(storage)
    claim = await begun(storage, await a_claim(storage))
    await storage.journal.record(claim, a_step(ActionState.SUCCEEDED, PAID))
    *_, sent, ended = await _entries(storage)
    before = {"status_before": "open", "owed_before": "EUR 420.00", "charge_before": "ch_1"}
    after = {"status_after": "paid", "owed_after": "EUR 0.00", "charge_after": "ch_2", "state_before": "executing"}
    key = {"key": f"recoup-{accepted.action.id}", "sends": "1"}
    assert sent.facts.items() >= (before | key).items()
    assert ended.facts.items() >= (before | after | key | {"request_id": "req_1"}).items()


async def test_a_reason_is_recorded_on_one_line_and_of_a_sensible_length(storage: Storage) -> None:
    press = a_press(await a_drawn_offer(storage), action=Action.VOID)
    press = replace(press, decision=Decision(Action.VOID, "Duplicate,\r\nsee\tACME-6 " + "x" * 600))
    await an_accepted(storage, press)
    (accepted,) = await _entries(storage)
    assert accepted.facts["reason"].startswith("Duplicate, see ACME-6 xxx")
    assert len(accepted.facts["reason"]) == 500


@pytest.mark.parametrize(
    ("typed", "recorded"), [("in_1", "in_1"), ("ACME-7", "ACME-7"), ("Acme", None), ("jo7@acme.example", None)]
)
async def test_what_was_typed_is_recorded_only_where_it_cannot_be_a_name_or_an_address(
    storage: Storage, typed: str, recorded: str | None
) -> None:
    press = replace(a_press(None, reply_to=TYPED), typed_ref=typed)
    await an_accepted(storage, press)
    (event,) = await storage.audit.events(None, None, 10)
    assert event.told().get("ref") == recorded


async def test_a_digest_that_somebody_asked_for_is_an_event_once_and_a_scheduled_one_is_none(storage: Storage) -> None:
    for key in (DigestKey("finance", "2026-11-20T09:00"), DigestKey.asked("finance", ANA.user, "d1")):
        for _ in range(2):
            await storage.digests.start(key, CHANNEL, "owner", LEASE, late=False)
    (event,) = await storage.audit.events(None, None, 10)
    assert (event.kind, event.actor, event.told()) == (
        "digest.asked",
        ANA.user,
        {"digest": "finance", "channel": CHANNEL},
    )


async def test_nothing_about_the_customer_is_in_any_event(storage: Storage) -> None:
    private = replace(INVOICE, customer_name="Jo Acme", customer_email="jo@acme.example", dashboard_url="https://x.example")
    await an_accepted(storage, a_press(await a_drawn_offer(storage, an_offer(private))))
    paid = replace(PAID, customer_name="Jo Acme", customer_email="jo@acme.example")
    await storage.journal.record(await begun(storage, await a_claim(storage)), a_step(ActionState.SUCCEEDED, paid, NOW))
    written = " ".join(event.canonical().decode() for event in await storage.audit.events(None, None, 100))
    assert "action.succeeded" in written
    assert not any(secret in written for secret in ("Jo", "acme.example", "https:"))
