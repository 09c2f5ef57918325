"""A payment that was received elsewhere: marked as a whole where Recurly charges, recorded where the customer pays."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.domain.action import Action
from bot.domain.details import PaidBy, Received
from bot.domain.invoice import CollectionMethod, InvoiceRef
from bot.domain.money import Money
from bot.domain.outcome import Rejected, Succeeded, Unknown
from bot.providers.recurly_orders import marker_of
from tests.providers.benches import read
from tests.providers.recurly_samples import ID, INVOICE, a_charge, an_invoice, answered, recurly_over
from tests.providers.samples import NOW
from tests.providers.wire import Wire, an_order

REF = InvoiceRef("recurly", ID)
BEFORE = {f"GET {INVOICE}": answered(an_invoice())}
SUCCESSFUL = f"PUT {INVOICE}/mark_successful"
RECORDED = f"POST {INVOICE}/transactions"


def sends(wire: Wire) -> list[httpx.Request]:
    return [request for request in wire.requests if request.method != "GET"]


async def test_an_automatic_invoice_is_marked_as_a_whole_without_a_body() -> None:
    paid = an_invoice(state="paid", balance=0.0, paid=84.5)
    provider, wire = recurly_over({**BEFORE, SUCCESSFUL: answered(paid)})
    outcome = await provider.perform(an_order(await read(provider, REF), Action.PAID))
    assert isinstance(outcome, Succeeded)
    assert (outcome.charged, sends(wire)[0].content) == (None, b"")


@pytest.mark.parametrize("minor", [8449, 8451, 0])
async def test_a_part_or_too_much_of_an_automatic_invoice_is_refused(minor: int) -> None:
    provider, wire = recurly_over(BEFORE)
    invoice = await read(provider, REF)
    details = Received(amount=Money(minor, "EUR"), by=PaidBy.BANK_TRANSFER, on=NOW.date(), reference="x")
    outcome = await provider.perform(replace(an_order(invoice, Action.PAID), details=details))
    assert isinstance(outcome, Rejected)
    assert sends(wire) == []


@pytest.mark.parametrize(
    ("by", "word"),
    [
        (PaidBy.BANK_TRANSFER, "wire_transfer"),
        (PaidBy.CASH, "other"),
        (PaidBy.CHEQUE, "check"),
        (PaidBy.CARD, "credit_card"),
        (PaidBy.OTHER, "other"),
    ],
)
async def test_a_payment_on_a_manual_invoice_is_recorded_with_a_mark_that_finds_it_again(by: PaidBy, word: str) -> None:
    manual = an_invoice(collection_method="manual", transactions=[])
    payment = a_charge("tx5eeeeeeeee", origin=None, status="success", payment_method={"object": word})
    provider, wire = recurly_over({f"GET {INVOICE}": answered(manual), RECORDED: answered(payment)})
    invoice = await read(provider, REF)
    key = "5b0c4d1e-attempt-0123456789ab"
    reference = "statement 12, line 3, of a bank with a very long name"
    details = Received(amount=Money(5000, "EUR"), by=by, on=NOW.date(), reference=reference)
    outcome = await provider.perform(replace(an_order(invoice, Action.PAID, key=key), details=details))
    assert isinstance(outcome, Succeeded)
    (request,) = sends(wire)
    body = json.loads(request.content)
    assert body == {
        "payment_method": word,
        "description": f"{reference[:35]} {marker_of(key)}",
        "amount": 50.0,
        "collected_at": "2026-11-21T00:00:00Z",
    }
    assert len(body["description"]) == 50
    assert request.headers["idempotency-key"] == key


@pytest.mark.parametrize(
    ("owed", "written"),
    [
        (Money(1, "USD"), b'"amount": 0.01'),
        (Money(1999, "USD"), b'"amount": 19.99'),
        (Money(48000, "JPY"), b'"amount": 48000.0'),
        (Money(12345, "KWD"), b'"amount": 12.345'),
        (Money(99999999999999, "EUR"), b'"amount": 999999999999.99'),
    ],
)
async def test_an_amount_is_written_with_exactly_its_digits(owed: Money, written: bytes) -> None:
    manual = an_invoice(collection_method="manual", currency=owed.currency, balance=float(owed.major))
    provider, wire = recurly_over(
        {f"GET {INVOICE}": answered(manual), RECORDED: answered(a_charge("tx5eeeeeeeee", status="success"))}
    )
    invoice = await read(provider, REF)
    assert invoice.owed == owed
    assert isinstance(await provider.perform(an_order(invoice, Action.PAID)), Succeeded)
    assert written in sends(wire)[0].content


async def test_an_amount_that_no_number_of_json_carries_exactly_is_refused() -> None:
    provider, wire = recurly_over({f"GET {INVOICE}": answered(an_invoice(collection_method="manual"))})
    most = Money(10**15 - 1, "KWD")
    invoice = replace(await read(provider, REF), owed=most)
    written = await provider.perform(an_order(invoice, Action.PAID))
    assert isinstance(written, Rejected | Unknown)
    sent = b"".join(request.content for request in sends(wire))
    assert not sent or b"999999999999.999" in sent


@pytest.mark.parametrize(
    "payment",
    [
        {"invoice": {"id": "zz9zzzzzzzzz"}, "status": "success"},
        {"status": "declined"},
        {"id": "not/an/id", "status": "success"},
    ],
)
async def test_another_payment_in_the_answer_is_no_ending(payment: dict[str, Any]) -> None:
    manual = an_invoice(collection_method="manual")
    answer = answered(a_charge("tx5eeeeeeeee") | payment)
    provider, _ = recurly_over({f"GET {INVOICE}": answered(manual), RECORDED: answer})
    outcome = await provider.perform(an_order(await read(provider, REF), Action.PAID))
    assert isinstance(outcome, Unknown)


async def test_a_manual_invoice_is_told_from_an_automatic_one() -> None:
    provider, _ = recurly_over({f"GET {INVOICE}": answered(an_invoice(collection_method="manual"))})
    assert (await read(provider, REF)).collection is CollectionMethod.MANUAL
